//! Retrieval in both directions, with any number of texts an image, under `CLIP_benchmark`'s CLIP-style definitions.

use super::{MetricError, check, share};

/// Ranks of the right answers, from which recall at any k follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieval {
    /// Of each text: the rank of its image among the images.
    image_ranks: Vec<usize>,
    /// Of each image: the rank of the best of its texts among all texts; none for an image without a text.
    text_ranks: Vec<Option<usize>>,
}

/// Ranks `scores`, `[texts, images]` row-major, where text t belongs to image `image_of_text[t]`.
pub fn retrieval(
    scores: &[f32],
    images: usize,
    image_of_text: &[u32],
) -> Result<Retrieval, MetricError> {
    check(scores, image_of_text.len(), images, image_of_text, images)?;
    let mut best: Vec<Option<(f32, usize)>> = vec![None; images];
    let mut image_ranks = Vec::with_capacity(image_of_text.len());
    for (text, (row, &image)) in scores.chunks_exact(images).zip(image_of_text).enumerate() {
        let image = image as usize;
        let own = row[image];
        let before = |&(i, &score): &(usize, &f32)| score > own || score == own && i < image;
        image_ranks.push(row.iter().enumerate().filter(before).count());
        if best[image].is_none_or(|(score, _)| own > score) {
            best[image] = Some((own, text));
        }
    }
    // Row by row, so that memory is read in order.
    let mut text_ranks: Vec<_> = best.iter().map(|best| best.map(|_| 0)).collect();
    for (text, row) in scores.chunks_exact(images).enumerate() {
        for ((&score, best), rank) in row.iter().zip(&best).zip(&mut text_ranks) {
            if let (Some((own, at)), Some(rank)) = (best, rank) {
                *rank += usize::from(score > *own || score == *own && text < *at);
            }
        }
    }
    Ok(Retrieval { image_ranks, text_ranks })
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

    /// By sorting, as the definition reads: stable, descending.
    fn order(scores: &[f32]) -> Vec<usize> {
        let mut order: Vec<_> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order
    }

    proptest! {
        #[test]
        fn ranks_equal_those_by_sorting(
            (images, owners) in (1_usize..6).prop_flat_map(|n| {
                (Just(n), proptest::collection::vec(0..u32::try_from(n).unwrap(), 1..9))
            }),
            seed in proptest::collection::vec(0_u8..4, 48),
            k in 1_usize..7,
        ) {
            let texts = owners.len();
            let scores: Vec<f32> = seed[..texts * images].iter().map(|&s| f32::from(s)).collect();
            let ranked = retrieval(&scores, images, &owners).unwrap();
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
