//! Classification, retrieval, scaling laws: pure functions from scores to numbers.
//!
//! Everything is computed in binary64 in one stated order, with `log10` and `pow` from `libm`, so a number has the same
//! bits on every machine. A **rank** is the number of candidates that score strictly higher, plus those of equal score
//! and lower index: 0 is the best, and ties are decided by the order of the candidates.

pub mod checks;
mod classification;
pub mod fits;
mod retrieval;
mod scaling;

pub use classification::{Classification, classification};
pub use retrieval::{Retrieval, retrieval};
pub use scaling::{
    Interval, Method, PowerLaw, ScalingError, bootstrap_exponent, fit_power_law, formula,
    percentile,
};

/// Scores or labels that no metric is defined on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// There is nothing to measure.
    #[error("no samples to measure")]
    Empty,
    /// The number of scores is not the product of rows and columns.
    #[error("{scores} scores are not a matrix of {rows} × {columns}")]
    Shape {
        /// Scores given.
        scores: usize,
        /// Rows wanted.
        rows: usize,
        /// Columns wanted.
        columns: usize,
    },
    /// A label names a candidate that does not exist.
    #[error("label {label} of sample {sample} is not below {candidates}")]
    Label {
        /// The sample, from 0.
        sample: usize,
        /// Its label.
        label: u32,
        /// Candidates there are.
        candidates: usize,
    },
    /// A score is NaN or infinite.
    #[error("score {index} is not finite")]
    NotFinite {
        /// Its place in the matrix, row-major, from 0.
        index: usize,
    },
}

/// Refuses scores that are not a finite matrix `[rows, columns]`, and labels that are no candidates.
fn check(
    scores: &[f32],
    rows: usize,
    columns: usize,
    labels: &[u32],
    candidates: usize,
) -> Result<(), MetricError> {
    if rows == 0 || columns == 0 {
        return Err(MetricError::Empty);
    }
    if rows.checked_mul(columns) != Some(scores.len()) {
        return Err(MetricError::Shape { scores: scores.len(), rows, columns });
    }
    if let Some(index) = scores.iter().position(|score| !score.is_finite()) {
        return Err(MetricError::NotFinite { index });
    }
    match labels.iter().position(|&label| label as usize >= candidates) {
        Some(sample) => Err(MetricError::Label { sample, label: labels[sample], candidates }),
        None => Ok(()),
    }
}

/// `count ÷ total` in binary64.
#[allow(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
fn share(count: usize, total: usize) -> f64 {
    count as f64 / total as f64
}
