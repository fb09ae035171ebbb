//! Rows of text in aligned columns.

/// Lines with every column as wide as its widest cell; the last column is not padded.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    rows.iter()
        .map(|row| {
            let padded = |(cell, width): (&String, &usize)| format!("{cell:<width$}");
            let line: Vec<_> = row.iter().zip(&widths).map(padded).collect();
            line.join("  ").trim_end().to_owned()
        })
        .collect()
}

/// A count with an SI prefix: `3.4 T`.
pub(super) fn si(value: u128) -> String {
    let prefixes = ["", " k", " M", " G", " T", " P", " E", " Z", " Y"];
    let mut scaled = value;
    let mut below = 0;
    let mut index = 0;
    while scaled >= 1000 && index + 1 < prefixes.len() {
        below = scaled % 1000;
        scaled /= 1000;
        index += 1;
    }
    match (index, scaled) {
        (0, _) => value.to_string(),
        (_, 0..10) => format!("{scaled}.{}{}", below / 100, prefixes[index]),
        _ => format!("{scaled}{}", prefixes[index]),
    }
}

/// A size in bytes, in decimal units.
pub(super) fn bytes(value: u64) -> String {
    let text = si(u128::from(value));
    if text.contains(' ') { format!("{text}B") } else { format!("{text} B") }
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
            (12_345_678, "12 M"),
            (3_460_000_000_000, "3.4 T"),
        ] {
            assert_eq!(si(value), text);
        }
        assert_eq!(bytes(92_000_000), "92 MB");
    }
}
