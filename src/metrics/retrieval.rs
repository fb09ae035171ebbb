//! Retrieval in both directions, with any number of texts an image, under `CLIP_benchmark`'s CLIP-style definitions (its
//! `zeroshot_retrieval.py`: of a text or an image counts whether `recall_at_k` is more than 0).

use super::{MetricError, Rows, check_labels, rank, share};

/// Ranks of the right answers, from which recall at any k follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    /// Of each text: the rank of its image among the images.
    image_ranks: Vec<usize>,
    /// Of each image: the rank of the best of its texts among all texts; none for an image without a text.
    text_ranks: Vec<Option<usize>>,
}

/// A retrieval whose scores come in blocks of texts and, the same ones again, in blocks of images.
#[derive(Debug, Clone)]
pub struct RetrievalTally<'t> {
    image_of_text: &'t [u32],
    /// Of each image its texts, ascending.
    texts_of_image: Vec<Vec<usize>>,
    by_text: Rows,
    by_image: Rows,
    ranked: Retrieval,
}

impl<'t> RetrievalTally<'t> {
    /// Of so many images and of texts, where text t belongs to image `image_of_text[t]`.
    pub fn new(image_of_text: &'t [u32], images: usize) -> Result<Self, MetricError> {
        let by_text = Rows::new(image_of_text.len(), images)?;
        let by_image = Rows::new(images, image_of_text.len())?;
        check_labels(image_of_text, images)?;
        let mut texts_of_image = vec![Vec::new(); images];
        for (text, &image) in image_of_text.iter().enumerate() {
            texts_of_image[image as usize].push(text);
        }
        let ranked = Retrieval { image_ranks: Vec::new(), text_ranks: Vec::new() };
        Ok(Self { image_of_text, texts_of_image, by_text, by_image, ranked })
    }

    /// Takes the scores of the next texts, `[some, images]` row-major. An error ends the measurement.
    pub fn push_texts(&mut self, scores: &[f32]) -> Result<(), MetricError> {
        self.by_text.push(scores, |text, row| {
            self.ranked.image_ranks.push(rank(row, self.image_of_text[text] as usize));
        })
    }

    /// Takes the scores of the next images, `[some, texts]` row-major: what [`Self::push_texts`] takes, transposed. An
    /// error ends the measurement.
    pub fn push_images(&mut self, scores: &[f32]) -> Result<(), MetricError> {
        self.by_image.push(scores, |image, row| {
            let texts = self.texts_of_image[image].iter().copied();
            // Of equal ones the first: only what scores more takes its place.
            let best = texts.reduce(|best, text| if row[text] > row[best] { text } else { best });
            self.ranked.text_ranks.push(best.map(|best| rank(row, best)));
        })
    }

    /// What the scores of all texts and all images say.
    pub fn finish(self) -> Result<Retrieval, MetricError> {
        self.by_text.finish()?;
        self.by_image.finish()?;
        Ok(self.ranked)
    }
}

impl Retrieval {
    /// `image_retrieval_recall@k`: share of texts whose image is among the k best images (text → image).
    pub fn image_recall_at(&self, k: usize) -> f64 {
        let found = self.image_ranks.iter().filter(|&&rank| rank < k).count();
        share(found, self.image_ranks.len())
    }

    /// `text_retrieval_recall@k`: share of images with at least one of their texts among the k best texts
    /// (image → text). An image without a text counts as not found.
    pub fn text_recall_at(&self, k: usize) -> f64 {
        let found = self.text_ranks.iter().flatten().filter(|&&rank| rank < k).count();
        share(found, self.text_ranks.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::{in_blocks, order};

    /// Ranks `scores`, `[texts, images]`, given in blocks of so many rows.
    fn retrieval_by(
        at_once: usize,
        scores: &[f32],
        images: usize,
        image_of_text: &[u32],
    ) -> Result<Retrieval, MetricError> {
        let texts = image_of_text.len();
        let mut tally = RetrievalTally::new(image_of_text, images)?;
        in_blocks(scores, images, at_once, |block| tally.push_texts(block))?;
        let column = |image| scores.iter().skip(image).step_by(images).copied();
        let transposed: Vec<f32> = (0..images).flat_map(column).collect();
        in_blocks(&transposed, texts, at_once, |block| tally.push_images(block))?;
        tally.finish()
    }

    fn retrieval(
        scores: &[f32],
        images: usize,
        image_of_text: &[u32],
    ) -> Result<Retrieval, MetricError> {
        retrieval_by(100, scores, images, image_of_text)
    }

    /// Two images; texts 0 and 1 belong to image 0, text 2 to image 1. By hand: text 0 finds its image, text 1 does
    /// not, text 2 does; image 0's best text is text 0 (0.9, the column's best), image 1's only text scores 0.4 below
    /// text 1's 0.8.
    #[test]
    fn two_texts_an_image_by_hand() {
        let ranked = retrieval(&[0.9, 0.1, 0.2, 0.8, 0.3, 0.4], 2, &[0, 0, 1]).unwrap();
        assert_eq!(ranked.image_recall_at(1), 2.0 / 3.0);
        assert_eq!(ranked.text_recall_at(1), 0.5);
        assert_eq!((ranked.image_recall_at(2), ranked.text_recall_at(2)), (1.0, 1.0));
    }

    #[test]
    fn ties_go_to_the_lower_index_both_ways() {
        let ranked = retrieval(&[1.0; 4], 2, &[0, 1]).unwrap();
        assert_eq!((ranked.image_recall_at(1), ranked.text_recall_at(1)), (0.5, 0.5));
    }

    #[test]
    fn an_image_without_a_text_is_not_found() {
        let ranked = retrieval(&[1.0, 0.0], 2, &[0]).unwrap();
        assert_eq!(ranked.text_recall_at(5), 0.5);
    }

    #[test]
    fn what_is_no_retrieval_is_refused() {
        let error = |scores: &[f32], owners: &[u32]| retrieval(scores, 2, owners).unwrap_err();
        assert_eq!(error(&[], &[]), MetricError::Empty);
        assert_eq!(error(&[0.0; 3], &[0]), MetricError::Shape { scores: 3, rows: 1, columns: 2 });
        assert_eq!(error(&[0.0, f32::NAN], &[0]), MetricError::NotFinite { index: 1 });
        assert_eq!(
            error(&[0.0; 2], &[2]),
            MetricError::Label { sample: 0, label: 2, candidates: 2 }
        );
        let mut tally = RetrievalTally::new(&[0], 2).unwrap();
        tally.push_texts(&[0.0; 2]).unwrap();
        let missing = MetricError::Shape { scores: 0, rows: 2, columns: 1 };
        assert_eq!(tally.finish(), Err(missing));
    }

    proptest! {
        #[test]
        fn ranks_equal_those_by_sorting(
            (images, owners) in (1_usize..6).prop_flat_map(|n| {
                (Just(n), proptest::collection::vec(0..u32::try_from(n).unwrap(), 1..9))
            }),
            seed in proptest::collection::vec(0_u8..4, 48),
            k in 1_usize..7,
            at_once in 1_usize..9,
        ) {
            let texts = owners.len();
            let scores: Vec<f32> = seed[..texts * images].iter().map(|&s| f32::from(s)).collect();
            let ranked = retrieval_by(at_once, &scores, images, &owners).unwrap();
            let found = (0..texts).filter(|&t| {
                order(&scores[t * images..][..images]).iter().take(k).any(|&i| i == owners[t] as usize)
            });
            prop_assert_eq!(ranked.image_recall_at(k), share(found.count(), texts));
            let found = (0..images).filter(|&i| {
                let column: Vec<f32> = (0..texts).map(|t| scores[t * images + i]).collect();
                order(&column).iter().take(k).any(|&t| owners[t] as usize == i)
            });
            prop_assert_eq!(ranked.text_recall_at(k), share(found.count(), images));
        }
    }
}
