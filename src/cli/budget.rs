//! Times as people type them: `90s`, `15min`, `8h`, `3d`.

use std::time::Duration;

use super::failure::Failure;

/// Seconds.
pub(super) fn parse(text: &str) -> Result<f64, Failure> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(wrong(text)),
    };
    match number.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number * factor),
        _ => Err(wrong(text)),
    }
}

/// The time that `option` was given.
pub(super) fn duration(option: &str, text: &str) -> Result<Duration, Failure> {
    let seconds = parse(text).ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| {
        Failure::usage(format!("`{text}` is not a time"))
            .hint(format!("such as: {option} 90s, 15min, 8h, 3d"))
    })
}

fn wrong(text: &str) -> Failure {
    Failure::usage(format!("`{text}` is not a time")).hint("such as: --budget 90s, 15min, 8h, 3d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_required_and_known() {
        for (text, seconds) in
            [("90s", 90.0), ("15min", 900.0), ("1.5h", 5400.0), ("3d", 259_200.0)]
        {
            assert!((parse(text).unwrap() - seconds).abs() < 1e-9, "{text}");
        }
        for text in ["", "15", "min", "1y", "-1s", "1..2s", "infs"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
