//! The cross-entropy of rows of logits with their labels, and its gradient.

use super::{Level, reduce, softmax};

/// Replaces `logits`, `[labels, classes]`, by the gradient of the mean cross-entropy, and returns that mean.
///
/// By rows: `lse = m + log Σe`, `e = exp(x − m)`, `P = e·(1 ÷ Σe)`; the loss is the row sum of `lse − x_label`, ÷ B; the
/// gradient `(P − δ)·(1 ÷ B)`.
///
/// # Panics
///
/// If `logits` is not a row for each label, or a label is not a class.
#[allow(clippy::cast_precision_loss, reason = "a batch is far below 2²⁴ samples")]
pub fn backward(level: Level, classes: usize, labels: &[u32], logits: &mut [f32]) -> f32 {
    assert_eq!(logits.len(), classes * labels.len(), "a row for each label");
    let batch = labels.len() as f32;
    let factor = 1.0 / batch;
    let mut losses = Vec::with_capacity(labels.len());
    for (row, &label) in logits.chunks_exact_mut(classes).zip(labels) {
        let own = row[label as usize];
        losses.push(softmax::row_with_log_sum(level, row) - own);
        row[label as usize] -= 1.0;
        row.iter_mut().for_each(|x| *x *= factor);
    }
    reduce::row_sum(level, &losses) / batch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::elementary::log;
    use crate::numerics::reference;
    use crate::numerics::reference::tests::{same, samples};

    #[test]
    fn every_level_equals_the_definition() {
        for classes in [1, 3, 16, 41, 143] {
            let labels: Vec<u32> =
                (0..7).map(|i| (i * 5) % u32::try_from(classes).unwrap()).collect();
            let logits = samples(9, 7 * classes);
            let mut by_hand = Vec::new();
            let mut losses = Vec::new();
            for (row, &label) in logits.chunks_exact(classes).zip(&labels) {
                let (mut p, maximum, sum) = reference::softmax(row, 1.0);
                losses.push((maximum + log(sum)) - row[label as usize]);
                p[label as usize] -= 1.0;
                by_hand.extend(p.into_iter().map(|p| p * (1.0 / 7.0)));
            }
            let loss = reference::row_sum(&losses) / 7.0;
            for level in Level::available() {
                let mut gradient = logits.clone();
                let found = backward(level, classes, &labels, &mut gradient);
                same(&gradient, &by_hand);
                same(&[found], &[loss]);
            }
        }
    }

    /// Equal logits: the loss is ln n, and the gradient of each of n classes 1/n, less 1 for the label.
    #[test]
    fn equal_logits_are_by_hand() {
        let mut logits = [0.0; 4];
        let loss = backward(Level::Scalar, 4, &[2], &mut logits);
        assert!((loss - log(4.0)).abs() < 1e-6);
        assert_eq!(logits, [0.25, 0.25, -0.75, 0.25]);
    }
}
