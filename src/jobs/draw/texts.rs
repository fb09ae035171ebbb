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

/// The digits a large number is spelled with, where these tell it from the others.
const DIGITS: usize = 3;
/// More would add nothing to a binary64 number: then it stands as it is.
const DIGITS_MAX: usize = 17;

/// Different texts as a legend spells them: large numbers short, with as many digits as tell them apart.
pub(super) fn spelled(texts: &[&str]) -> Vec<String> {
    let mut digits = vec![DIGITS; texts.len()];
    loop {
        let spelled: Vec<String> =
            texts.iter().zip(&digits).map(|(text, digits)| shown(text, *digits)).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        spelled.iter().for_each(|text| *counts.entry(text).or_default() += 1);
        let mut is_done = true;
        for (text, digits) in spelled.iter().zip(&mut digits) {
            if counts[text.as_str()] > 1 && *digits <= DIGITS_MAX {
                *digits += 1;
                is_done = false;
            }
        }
        if is_done {
            return spelled;
        }
    }
}

/// A large number in so many digits with a suffix, any other text as it is.
fn shown(text: &str, digits: usize) -> String {
    let number = text.parse::<f64>().ok().filter(|number| *number >= 1e3 && *number < 1e15);
    let Some(number) = number.filter(|_| digits <= DIGITS_MAX) else {
        return text.to_owned();
    };
    let Some(place) = SUFFIXES.iter().position(|(factor, _)| number >= *factor) else {
        return text.to_owned();
    };
    let (factor, suffix) = SUFFIXES[place];
    let scaled = number / factor;
    let whole = if scaled >= 100.0 {
        3
    } else if scaled >= 10.0 {
        2
    } else {
        1
    };
    let decimals = digits - whole;
    let rounded = format!("{scaled:.decimals$}");
    let rounded = if rounded.contains('.') {
        rounded.trim_end_matches('0').trim_end_matches('.')
    } else {
        &rounded
    };
    match (rounded, place.checked_sub(1)) {
        ("1000", Some(next)) => format!("1{}", SUFFIXES[next].1),
        _ => format!("{rounded}{suffix}"),
    }
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
        let texts = ["256000", "1024000", "12800000000", "34725395968", "999", "34B", "0.5"];
        assert_eq!(spelled(&texts), ["256k", "1.02M", "12.8B", "34.7B", "999", "34B", "0.5"]);
    }

    #[test]
    fn numbers_that_three_digits_make_equal_have_more_of_them() {
        let texts =
            ["1020000", "1024000", "2017", "2019", "256000", "1e6", "1000000", "5000", "5k"];
        assert_eq!(
            spelled(&texts),
            ["1.02M", "1.024M", "2.017k", "2.019k", "256k", "1e6", "1000000", "5000", "5k"]
        );
        let texts = ["1024000", "1024400", "1024410", "1000000000000001", "999999999999999"];
        assert_eq!(spelled(&texts), ["1.024M", "1.0244M", "1.02441M", "1000000000000001", "1000T"]);
    }

    #[test]
    fn a_number_that_rounds_up_to_a_thousand_has_the_next_suffix() {
        let texts = ["999499", "999500", "999999999", "9999", "99950", "999", "1000"];
        assert_eq!(spelled(&texts), ["999k", "1M", "1B", "10k", "100k", "999", "1k"]);
        assert_eq!(spelled(&["999999", "1000000"]), ["999.999k", "1M"]);
    }
}
