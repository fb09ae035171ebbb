//! `fits.json`: fitted power laws as a file, an array with an object a line.
//!
//! Fields stand in the order of [`FitRecord`], numbers in the shortest form that reads back to the same binary64 value,
//! two spaces an indent, a line feed at the end: equal fits give equal bytes.

use serde::{Deserialize, Serialize};

/// A power law `y = 10^log10_beta · x^alpha` and how it was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitRecord {
    /// The panel the line is drawn in.
    pub panel: String,
    /// The series it is fitted to.
    pub series: String,
    /// Column of x.
    pub x: String,
    /// Column of y.
    pub y: String,
    /// What became of y first: `identity`, or `one_minus` for `1 − y`.
    pub y_transform: String,
    /// How it was fitted.
    pub method: MethodRecord,
    /// The exponent.
    pub alpha: f64,
    /// The coefficient.
    pub beta: f64,
    /// Its decimal logarithm, which was fitted.
    pub log10_beta: f64,
    /// The line as the paper prints lines.
    pub formula: String,
    /// 1 − residual ÷ total sum of squares of the fitted points, in log10; null if they are all equally high.
    pub r_squared: Option<f64>,
    /// Points that were selected.
    pub points: u64,
    /// The smallest x of them.
    pub x_min: f64,
    /// The largest x of them.
    pub x_max: f64,
    /// The points least squares ran over: the selected ones, or one a bin.
    pub fitted: Vec<FittedPoint>,
    /// The interval of the exponent; null if none was asked for.
    pub interval: Option<IntervalRecord>,
}

/// How a line was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum MethodRecord {
    /// Least squares over all points.
    LeastSquares,
    /// Least squares over bin centres and the smallest y of each bin.
    BinnedMinimum {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin: f64,
    },
}

impl MethodRecord {
    /// Its name in files: `least_squares`, `binned_minimum`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastSquares => "least_squares",
            Self::BinnedMinimum { .. } => "binned_minimum",
        }
    }
}

/// A point that least squares ran over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedPoint {
    /// Its x.
    pub log10_x: f64,
    /// Its y.
    pub log10_y: f64,
}

/// The interval of an exponent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntervalRecord {
    /// How it was computed: `percentile bootstrap over points`.
    pub method: String,
    /// Its coverage.
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Resamples drawn.
    pub resamples: u64,
    /// Resamples that gave a line.
    pub used: u64,
    /// The seed they were drawn with.
    pub seed: u64,
}

/// The text of `fits.json`.
///
/// # Panics
///
/// Never: records are plain data.
pub fn encode(fits: &[FitRecord]) -> String {
    let mut text = serde_json::to_string_pretty(fits).expect("records are plain data");
    text.push('\n');
    text
}

/// Reads `fits.json`.
pub fn decode(text: &str) -> Result<Vec<FitRecord>, serde_json::Error> {
    serde_json::from_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(alpha: f64) -> FitRecord {
        FitRecord {
            panel: "ImageNet".to_owned(),
            series: "a \"b\"\n".to_owned(),
            x: "gmacs_total".to_owned(),
            y: "acc1".to_owned(),
            y_transform: "one_minus".to_owned(),
            method: MethodRecord::BinnedMinimum { bins: 5, margin: 0.1 },
            alpha,
            beta: 5.0,
            log10_beta: 0.767_753_755_940_515,
            formula: "E".to_owned(),
            r_squared: None,
            points: 2,
            x_min: 1.0,
            x_max: 1e300,
            fitted: vec![FittedPoint { log10_x: 0.1 + 0.2, log10_y: -1.0 / 3.0 }],
            interval: None,
        }
    }

    #[test]
    fn every_bit_reads_back() {
        for alpha in [-0.111_388_491_412_766_67, 8.409_496_152_344_33e-2, 5e-324, -0.0] {
            let read = decode(&encode(&[record(alpha)])).unwrap();
            assert_eq!(read, [record(alpha)]);
            assert_eq!(read[0].alpha.to_bits(), alpha.to_bits());
        }
    }

    #[test]
    fn the_text_opens_as_documented() {
        let text = encode(&[record(-0.5)]);
        assert!(text.starts_with(
            "[\n  {\n    \"panel\": \"ImageNet\",\n    \"series\": \"a \\\"b\\\"\\n\",\n"
        ));
        assert!(text.contains(
            "\"name\": \"binned_minimum\",\n      \"bins\": 5,\n      \"margin\": 0.1\n"
        ));
        assert!(text.ends_with("]\n"));
    }
}
