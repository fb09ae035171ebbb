//! Rows of text in aligned columns.

use super::output::printable;

/// Wider columns are not aligned: a text of somebody else's may be as long as a file.
const WIDTH_MAX: usize = 200;

/// Lines with every column as wide as its widest cell; the last column is not padded.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let cells = |row: &Vec<String>| row.iter().map(|cell| printable(cell, false)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(WIDTH_MAX)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            // By hand: a width in a format has 16 bits.
            let padded = |(cell, width): (&String, &usize)| {
                cell.clone() + &" ".repeat(width.saturating_sub(cell.chars().count()))
            };
            let line: Vec<_> = row.iter().zip(&widths).map(padded).collect();
            line.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A title as far as it is a title.
pub(super) fn shortened(title: &str) -> String {
    match title.char_indices().nth(WIDTH_MAX) {
        Some((end, _)) => format!("{}…", &title[..end]),
        None => title.to_owned(),
    }
}

/// A count with an SI prefix, rounded half up: `3.5 T`.
fn si(value: u128) -> String {
    let prefixes = [" k", " M", " G", " T", " P", " E", " Z", " Y"];
    if value < 1000 {
        return value.to_string();
    }
    let (mut unit, mut index) = (1000, 0);
    while rounded(value, unit) >= 1000 && index + 1 < prefixes.len() {
        unit *= 1000;
        index += 1;
    }
    let (prefix, tenths) = (prefixes[index], rounded(value, unit / 10));
    if tenths < 100 {
        format!("{}.{}{prefix}", tenths / 10, tenths % 10)
    } else {
        format!("{}{prefix}", rounded(value, unit))
    }
}

/// How often `unit` goes into a number, rounded half up.
fn rounded(value: u128, unit: u128) -> u128 {
    value / unit + u128::from(value % unit >= unit.div_ceil(2))
}

/// A large number as people type it: `124.8T`, `1.2e14`; more than 0.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let (number, factor) = match text.char_indices().next_back() {
        Some((at, unit)) if unit.is_ascii_uppercase() => {
            let factor = match unit {
                'G' => 1e9,
                'T' => 1e12,
                'P' => 1e15,
                _ => return Err(format!("`{unit}` is not one of G, T, P")),
            };
            (&text[..at], factor)
        }
        _ => (text, 1.0),
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number * factor),
        _ => Err("a number more than 0 is wanted, such as 124.8T or 1.2e14".to_owned()),
    }
}

/// A whole number with its thousands apart: `34,725,395,968`.
pub(super) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes, in decimal units.
pub(super) fn bytes(value: u64) -> String {
    of_unit(u128::from(value), "B")
}

/// A count of floating-point operations.
pub(super) fn flop(value: u128) -> String {
    of_unit(value, "FLOP")
}

/// A count with an SI prefix before its unit: `3.4 TFLOP`, `12 B`.
pub(super) fn of_unit(value: u128, unit: &str) -> String {
    let text = si(value);
    if text.contains(' ') { format!("{text}{unit}") } else { format!("{text} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_cut_to_what_matters() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.0 k"),
            (9_949, "9.9 k"),
            (9_950, "10 k"),
            (12_345_678, "12 M"),
            (999_499, "999 k"),
            (999_500, "1.0 M"),
            (3_460_000_000_000, "3.5 T"),
            (163_835_047_410_761_600_463_360, "164 Z"),
            (u128::MAX, "340282366920938 Y"),
        ] {
            assert_eq!(si(value), text);
        }
        assert_eq!(bytes(92_000_000), "92 MB");
        assert_eq!((flop(0), flop(17_000_000_000)), ("0 FLOP".to_owned(), "17 GFLOP".to_owned()));
    }

    /// A width in a format has 16 bits.
    #[test]
    fn a_text_as_long_as_a_file_breaks_no_table() {
        let row = |first: &str| vec![first.to_owned(), "x".to_owned()];
        let long = "a".repeat(70_000);
        let lines = aligned(&[row(&long), row("b")]);
        assert_eq!(lines, [format!("{long}  x"), format!("b{}  x", " ".repeat(WIDTH_MAX - 1))]);
        assert_eq!(shortened(&long).chars().count(), WIDTH_MAX + 1);
        assert_eq!(shortened("ä"), "ä");
    }

    #[test]
    fn thousands_stand_apart() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (34_725_395_968, "34,725,395,968")]
        {
            assert_eq!(thousands(value), text);
        }
    }

    #[test]
    fn a_rate_has_a_prefix_or_an_exponent() {
        for (text, value) in [("124.8T", 124.8e12), ("1.2e14", 1.2e14), ("2P", 2e15), ("5", 5.0)] {
            assert!((rate(text).unwrap() / value - 1.0).abs() < 1e-15, "{text}");
        }
        for text in ["", "T", "-1T", "0", "1K", "1.2.3", "infT", "nan", "1 T", "5µ"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
