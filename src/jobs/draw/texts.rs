//! Texts of a table as legends order and spell them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The values of a column, each with the smallest x it occurs at, in the order of a legend.
pub(super) fn in_order(occurrences: &BTreeMap<&str, f64>) -> Vec<String> {
    let mut values: Vec<_> =
        occurrences.iter().map(|(&text, &x)| (quantity(text), x, text)).collect();
    values.sort_by(|a, b| {
        let by_quantity = match (a.0, b.0) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_quantity.then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2))
    });
    values.into_iter().map(|(_, _, text)| text.to_owned()).collect()
}

/// The quantity that a text is, or ends in with a suffix of thousands: 2,000 for `glyphs-2k`.
fn quantity(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let factor = SUFFIXES.iter().find(|(_, suffix)| text.ends_with(suffix))?.0;
    let digits = &text[..text.len() - 1];
    let start = digits
        .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map_or(0, |i| i + digits[i..].chars().next().map_or(0, char::len_utf8));
    digits[start..].parse::<f64>().ok().map(|number| number * factor)
}

const SUFFIXES: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];

/// A large number in three digits with a suffix, any other text as it is.
pub(super) fn shown(text: &str) -> String {
    let Some(number) = text.parse::<f64>().ok().filter(|number| *number >= 1e3 && *number < 1e15)
    else {
        return text.to_owned();
    };
    let (factor, suffix) =
        SUFFIXES.iter().find(|(factor, _)| number >= *factor).unwrap_or(&SUFFIXES[3]);
    let scaled = number / factor;
    let decimals = if scaled >= 100.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    let digits = format!("{scaled:.decimals$}");
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    format!("{digits}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legends_are_ordered_by_quantity_then_by_compute() {
        let order = |values: &[(&'static str, f64)]| in_order(&values.iter().copied().collect());
        let data = [("LAION-2B", 3.0), ("CLIP-WIT", 1.0), ("LAION-400M", 2.0), ("LAION-80M", 9.0)];
        assert_eq!(order(&data), ["LAION-80M", "LAION-400M", "LAION-2B", "CLIP-WIT"]);
        assert_eq!(order(&[("S", 2.0), ("XS", 1.0), ("M", 2.0)]), ["XS", "M", "S"]);
        assert_eq!(order(&[("256000", 0.0), ("64000", 1.0)]), ["64000", "256000"]);
    }

    #[test]
    fn large_numbers_are_shown_short() {
        let texts =
            ["256000", "1024000", "12800000000", "34725395968", "999", "34B", "0.5"].map(shown);
        assert_eq!(texts, ["256k", "1.02M", "12.8B", "34.7B", "999", "34B", "0.5"]);
    }
}
