//! Zero-shot classification: `acc1`, `acc5` and `mean_per_class_recall` under `CLIP_benchmark`'s definitions (its
//! `zeroshot_classification.py`: `accuracy`, and scikit-learn's `balanced_accuracy_score`).

use super::{MetricError, Rows, check_labels, rank, share};

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

/// A classification whose scores come in blocks of images.
#[derive(Debug, Clone)]
pub struct ClassificationTally<'l> {
    labels: &'l [u32],
    rows: Rows,
    /// Images of rank 0.
    first: usize,
    /// Images of a rank below 5.
    first_five: usize,
    /// Of each class: its images of rank 0, and all its images.
    by_class: Vec<(usize, usize)>,
}

impl<'l> ClassificationTally<'l> {
    /// Of images whose classes are `labels`, each below `classes`.
    pub fn new(labels: &'l [u32], classes: usize) -> Result<Self, MetricError> {
        let rows = Rows::new(labels.len(), classes)?;
        check_labels(labels, classes)?;
        let by_class = vec![(0, 0); classes];
        Ok(Self { labels, rows, first: 0, first_five: 0, by_class })
    }

    /// Takes the scores of the next images, `[some, classes]` row-major. An error ends the measurement.
    pub fn push(&mut self, scores: &[f32]) -> Result<(), MetricError> {
        self.rows.push(scores, |image, row| {
            let label = self.labels[image] as usize;
            let rank = rank(row, label);
            let (right, all) = &mut self.by_class[label];
            *all += 1;
            *right += usize::from(rank == 0);
            self.first += usize::from(rank == 0);
            self.first_five += usize::from(rank < 5);
        })
    }

    /// What the scores of all images say.
    pub fn finish(self) -> Result<Classification, MetricError> {
        self.rows.finish()?;
        let images = self.labels.len();
        let occurring = self.by_class.iter().filter(|(_, all)| *all > 0);
        let recalls = occurring.map(|&(right, all)| share(right, all));
        let (sum, count) = recalls.fold((0.0, 0), |(sum, n), recall| (sum + recall, n + 1));
        Ok(Classification {
            acc1: share(self.first, images),
            acc5: (self.by_class.len() >= 5).then(|| share(self.first_five, images)),
            mean_per_class_recall: sum / share(count, 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{in_blocks, order};

    /// Measures `scores`, `[images, classes]`, given in one block.
    fn classification(
        scores: &[f32],
        classes: usize,
        labels: &[u32],
    ) -> Result<Classification, MetricError> {
        let mut tally = ClassificationTally::new(labels, classes)?;
        tally.push(scores)?;
        tally.finish()
    }

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

    proptest! {
        #[test]
        fn measures_equal_those_by_sorting(
            (classes, labels) in (1_usize..8).prop_flat_map(|n| {
                (Just(n), proptest::collection::vec(0..u32::try_from(n).unwrap(), 1..9))
            }),
            seed in proptest::collection::vec(0_u8..4, 56),
            at_once in 1_usize..9,
        ) {
            let scores: Vec<f32> =
                seed[..labels.len() * classes].iter().map(|&s| f32::from(s)).collect();
            let orders: Vec<_> = scores.chunks(classes).map(order).collect();
            let found = |image: usize, k: usize| {
                orders[image].iter().take(k).any(|&class| class == labels[image] as usize)
            };
            let images = |k| (0..labels.len()).filter(|&image| found(image, k)).count();
            let mut recalls = Vec::new();
            for class in 0..u32::try_from(classes).unwrap() {
                let own: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == class).collect();
                if !own.is_empty() {
                    recalls.push(share(own.iter().filter(|&&i| found(i, 1)).count(), own.len()));
                }
            }
            let expected = Classification {
                acc1: share(images(1), labels.len()),
                acc5: (classes >= 5).then(|| share(images(5), labels.len())),
                mean_per_class_recall: recalls.iter().sum::<f64>() / share(recalls.len(), 1),
            };
            let mut tally = ClassificationTally::new(&labels, classes).unwrap();
            in_blocks(&scores, classes, at_once, |block| tally.push(block)).unwrap();
            prop_assert_eq!(tally.finish().unwrap(), expected);
        }
    }
}
