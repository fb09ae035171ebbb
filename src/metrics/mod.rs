//! Classification, retrieval, scaling laws: pure functions from scores to numbers.
//!
//! Everything is computed in binary64 in one stated order, with `log10` and `pow` from `libm`, so a number has the same
//! bits on every machine. A **rank** is the number of candidates that score strictly higher, plus those of equal score
//! and lower index: 0 is the best, and ties are decided by the order of the candidates.
//!
//! Scores of samples are taken in blocks of whole rows, one after the other, so that their matrix need not be in memory;
//! no result depends on where it is cut.

pub mod checks;
mod classification;
pub mod fits;
mod interval;
mod retrieval;
mod scaling;
mod sensitivity;

pub use classification::{Classification, ClassificationTally};
pub use interval::{
    Interval, StudentInterval, bootstrap_exponent, percentile, student_interval, student_t,
};
pub use retrieval::{Retrieval, RetrievalTally};
pub use scaling::{Fitted, Method, PowerLaw, ScalingError, fit_power_law, formula};
pub use sensitivity::{Choices, Variant, sensitivity};

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

/// A finite matrix `[rows, columns]` of scores, row-major, that comes in blocks of whole rows.
#[derive(Debug, Clone)]
struct Rows {
    rows: usize,
    columns: usize,
    /// Rows that came.
    seen: usize,
}

impl Rows {
    fn new(rows: usize, columns: usize) -> Result<Self, MetricError> {
        if rows == 0 || columns == 0 {
            return Err(MetricError::Empty);
        }
        Ok(Self { rows, columns, seen: 0 })
    }

    /// Takes the next rows, `[some, columns]`, and gives each with its number to `each`. An error ends the measurement.
    fn push(
        &mut self,
        block: &[f32],
        mut each: impl FnMut(usize, &[f32]),
    ) -> Result<(), MetricError> {
        let rows = block.chunks_exact(self.columns);
        if !rows.remainder().is_empty() || rows.len() > self.rows - self.seen {
            return Err(self.misshapen(block.len()));
        }
        for row in rows {
            if let Some(at) = row.iter().position(|score| !score.is_finite()) {
                return Err(MetricError::NotFinite { index: self.seen * self.columns + at });
            }
            each(self.seen, row);
            self.seen += 1;
        }
        Ok(())
    }

    /// Refuses a matrix of which rows are missing.
    fn finish(&self) -> Result<(), MetricError> {
        if self.seen < self.rows { Err(self.misshapen(0)) } else { Ok(()) }
    }

    /// With so many scores more than those that came.
    fn misshapen(&self, more: usize) -> MetricError {
        let (rows, columns) = (self.rows, self.columns);
        MetricError::Shape { scores: self.seen * columns + more, rows, columns }
    }
}

/// Refuses labels that are no candidates.
fn check_labels(labels: &[u32], candidates: usize) -> Result<(), MetricError> {
    match labels.iter().position(|&label| label as usize >= candidates) {
        Some(sample) => Err(MetricError::Label { sample, label: labels[sample], candidates }),
        None => Ok(()),
    }
}

/// The rank of candidate `target` among all of a row: those before it are strictly greater, or equal with a lower index.
fn rank(row: &[f32], target: usize) -> usize {
    let own = row[target];
    let before = |&(i, &score): &(usize, &f32)| score > own || score == own && i < target;
    row.iter().enumerate().filter(before).count()
}

/// `count ÷ total` in binary64.
#[allow(clippy::cast_precision_loss, reason = "counts of samples are far below 2^53")]
fn share(count: usize, total: usize) -> f64 {
    count as f64 / total as f64
}

/// Gives `scores`, `[rows, columns]`, to `push` in blocks of so many rows; the last one may have fewer.
#[cfg(test)]
fn in_blocks(
    scores: &[f32],
    columns: usize,
    rows: usize,
    push: impl FnMut(&[f32]) -> Result<(), MetricError>,
) -> Result<(), MetricError> {
    scores.chunks(rows * columns).try_for_each(push)
}

/// The candidates of a row by sorting, as the definition of ranks reads: stable, descending.
#[cfg(test)]
fn order(row: &[f32]) -> Vec<usize> {
    let mut order: Vec<_> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two blocks of a matrix of 3 × 2: what is wrong is told by its place in the whole.
    #[test]
    fn blocks_that_are_no_finite_matrix_are_refused() {
        let pushed = |first: &[f32], second: &[f32]| {
            let mut rows = Rows::new(3, 2).unwrap();
            rows.push(first, |_, _| {}).and_then(|()| rows.push(second, |_, _| {}))?;
            rows.finish()
        };
        let shape = |scores| Err(MetricError::Shape { scores, rows: 3, columns: 2 });
        assert_eq!(pushed(&[0.0; 4], &[0.0; 2]), Ok(()));
        assert_eq!(pushed(&[], &[0.0; 6]), Ok(()));
        assert_eq!(pushed(&[0.0; 3], &[0.0; 3]), shape(3));
        assert_eq!(pushed(&[0.0; 4], &[0.0; 1]), shape(5));
        assert_eq!(pushed(&[0.0; 4], &[0.0; 4]), shape(8));
        assert_eq!(pushed(&[0.0; 2], &[0.0; 2]), shape(4));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let index = MetricError::NotFinite { index: 5 };
            assert_eq!(pushed(&[0.0; 4], &[0.0, bad]), Err(index));
        }
    }
}
