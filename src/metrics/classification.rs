//! Zero-shot classification: `acc1`, `acc5` and `mean_per_class_recall` under `CLIP_benchmark`'s definitions.

use super::{MetricError, check, share};

/// What classification scores say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classification {
    /// Share of images whose own class has rank 0.
    pub acc1: f64,
    /// Share of images whose own class has a rank below 5; none with fewer than 5 classes.
    pub acc5: Option<f64>,
    /// Mean, over the classes that occur in the labels, of the share of their images with rank 0 (scikit-learn's
    /// `balanced_accuracy_score`).
    pub mean_per_class_recall: f64,
}

/// Measures `scores`, `[images, classes]` row-major, against the class index of each image.
pub fn classification(
    scores: &[f32],
    classes: usize,
    labels: &[u32],
) -> Result<Classification, MetricError> {
    check(scores, labels.len(), classes, labels, classes)?;
    let (mut first, mut first_five) = (0, 0);
    let mut by_class = vec![(0_usize, 0_usize); classes];
    for (row, &label) in scores.chunks_exact(classes).zip(labels) {
        let rank = rank(row, label as usize);
        let (right, all) = &mut by_class[label as usize];
        *all += 1;
        *right += usize::from(rank == 0);
        first += usize::from(rank == 0);
        first_five += usize::from(rank < 5);
    }
    let recalls =
        by_class.iter().filter(|(_, all)| *all > 0).map(|&(right, all)| share(right, all));
    let (sum, occurring) = recalls.fold((0.0, 0_usize), |(sum, n), recall| (sum + recall, n + 1));
    Ok(Classification {
        acc1: share(first, labels.len()),
        acc5: (classes >= 5).then(|| share(first_five, labels.len())),
        mean_per_class_recall: sum / share(occurring, 1),
    })
}

/// Candidates that come before `target`: strictly greater, or equal with a lower index.
fn rank(row: &[f32], target: usize) -> usize {
    let own = row[target];
    row.iter().enumerate().filter(|&(i, &score)| score > own || score == own && i < target).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six images, three classes; expected values from scikit-learn 1.9.1:
    /// `accuracy_score(y, s.argmax(1))` and `balanced_accuracy_score(y, s.argmax(1))`.
    #[test]
    fn accuracies_equal_scikit_learns() {
        #[rustfmt::skip]
        let scores = [
            0.9, 0.1, 0.0,
            0.2, 0.7, 0.1,
            0.6, 0.3, 0.1,
            0.1, 0.2, 0.7,
            0.3, 0.4, 0.3,
            0.5, 0.4, 0.1,
        ];
        let measured = classification(&scores, 3, &[0, 1, 0, 2, 2, 0]).unwrap();
        assert_eq!(measured.acc1, 0.833_333_333_333_333_4);
        assert_eq!(measured.mean_per_class_recall, 0.833_333_333_333_333_4);
        assert_eq!(measured.acc5, None);
    }

    #[test]
    fn a_tie_goes_to_the_lower_class() {
        let acc1 = |label| classification(&[0.5, 0.5], 2, &[label]).unwrap().acc1;
        assert_eq!((acc1(0), acc1(1)), (1.0, 0.0));
    }

    /// Class 6 has rank 5 and class 5 has rank 4 in ascending scores reversed.
    #[test]
    fn acc5_ends_after_the_fifth_rank() {
        let row: Vec<f32> = (0_u8..7).map(|i| -f32::from(i)).collect();
        let acc5 = |label| classification(&row, 7, &[label]).unwrap().acc5;
        assert_eq!((acc5(4), acc5(5)), (Some(1.0), Some(0.0)));
    }

    /// Class 1 has three of four right, class 0 none of one; class 2 does not occur: (3/4 + 0) ÷ 2.
    #[test]
    fn recall_is_the_mean_over_the_classes_that_occur() {
        let scores = [0., 1., 0., 0., 1., 0., 0., 1., 0., 1., 0., 0., 0., 1., 0.];
        let measured = classification(&scores, 3, &[1, 1, 1, 1, 0]).unwrap();
        assert_eq!((measured.acc1, measured.mean_per_class_recall), (0.6, 0.375));
    }

    #[test]
    fn what_is_no_measurement_is_refused() {
        let error = |scores: &[f32], labels: &[u32]| classification(scores, 2, labels).unwrap_err();
        assert_eq!(error(&[], &[]), MetricError::Empty);
        assert_eq!(error(&[0.0; 3], &[0]), MetricError::Shape { scores: 3, rows: 1, columns: 2 });
        assert_eq!(error(&[0.0, f32::NAN], &[0]), MetricError::NotFinite { index: 1 });
        assert_eq!(
            error(&[0.0; 2], &[2]),
            MetricError::Label { sample: 0, label: 2, candidates: 2 }
        );
    }
}
