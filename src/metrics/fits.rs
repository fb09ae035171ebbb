//! `fits.json`: fitted power laws as a file, an array with an object a line.
//!
//! Fields stand in the order of [`FitRecord`], numbers in the shortest form that reads back to the same binary64 value,
//! two spaces an indent, a line feed at the end: equal fits give equal bytes.

use serde::{Deserialize, Serialize};

use super::scaling::Method;

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
    /// Standard deviation of the residuals in decades, with n − 2 degrees of freedom; null for two points.
    pub residual_sd: Option<f64>,
    /// The standard error of the exponent; null for two points.
    pub standard_error: Option<f64>,
    /// The interval of the exponent by Student's t; null for two points.
    pub student_interval: Option<StudentIntervalRecord>,
    /// The interval of the exponent; null if none was asked for, and of two points.
    pub interval: Option<IntervalRecord>,
}

impl FitRecord {
    /// The line's y at x: `10^(log10 β + α·log10 x)`.
    pub fn at(&self, x: f64) -> f64 {
        libm::pow(10.0, self.log10_beta + self.alpha * libm::log10(x))
    }
}

/// The interval of an exponent by Student's t: `alpha ± t · standard_error`. It holds where the errors of the fitted
/// points around the line, in log10, are independent and normal; minima of bins are not quite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentIntervalRecord {
    /// Its coverage: that of the bootstrap where one was asked for, else 0.95.
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Fitted points less two.
    pub degrees_of_freedom: u64,
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
    /// Least squares over the point of smallest y of each bin, where it is.
    BinnedMinimumAtPoint {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin: f64,
    },
    /// Least squares over the points that no other beats in x and y.
    ParetoFrontier,
}

impl MethodRecord {
    /// What it is called, without its settings: `all points`, `bin minima`, `bin minima in place`, `Pareto frontier`.
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::LeastSquares => "all points",
            Self::BinnedMinimum { .. } => "bin minima",
            Self::BinnedMinimumAtPoint { .. } => "bin minima in place",
            Self::ParetoFrontier => "Pareto frontier",
        }
    }

    /// Its name in files: `least_squares`, `binned_minimum`, `binned_minimum_at_point`, `pareto_frontier`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastSquares => "least_squares",
            Self::BinnedMinimum { .. } => "binned_minimum",
            Self::BinnedMinimumAtPoint { .. } => "binned_minimum_at_point",
            Self::ParetoFrontier => "pareto_frontier",
        }
    }
}

impl From<Method> for MethodRecord {
    fn from(method: Method) -> Self {
        match method {
            Method::LeastSquares => Self::LeastSquares,
            Method::BinnedMinimum { bins, margin } => {
                Self::BinnedMinimum { bins: bins as u64, margin }
            }
            Method::BinnedMinimumAtPoint { bins, margin } => {
                Self::BinnedMinimumAtPoint { bins: bins as u64, margin }
            }
            Method::ParetoFrontier => Self::ParetoFrontier,
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
    /// What it lies above the line.
    pub residual: f64,
    /// Its row in the table of points, from 1, the header not counted.
    pub row: u64,
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

/// The columns of `sensitivity.csv`: a row a line, fitted under one choice of method, bins and margin.
pub const SENSITIVITY_COLUMNS: [&str; 10] = [
    "panel",
    "series",
    "method",
    "bins",
    "margin_decades",
    "points_fitted",
    "alpha",
    "log10_beta",
    "r_squared",
    "standard_error",
];

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
            fitted: vec![FittedPoint {
                log10_x: 0.1 + 0.2,
                log10_y: -1.0 / 3.0,
                residual: 1e-17,
                row: 7,
            }],
            residual_sd: Some(0.1),
            standard_error: None,
            student_interval: None,
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
