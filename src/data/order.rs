//! The order of samples: which sample each position of a run visits, and which of its captions.
//!
//! Both are pure functions of the seed and the position (portable numerics, version 1, "sample order" and "caption
//! choice"), so a batch can be looked up without running those before it, and no worker decides anything.

use std::ops::Range;

use crate::action::params::SampleOrder;
use crate::numerics::random::Stream;

/// The stream that epochs are ordered by, one index an epoch; with replacement, one index a position.
const ORDER_STREAM: &str = "sample order";
/// The stream that captions are drawn from, one index a position.
const CAPTION_STREAM: &str = "caption";

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// There is nothing to order.
    #[error("a data set without samples has no order")]
    Empty,
    /// More samples than the order of an epoch can name: at most 2^32 − 1.
    #[error("a data set of 2^32 samples or more is not supported")]
    TooLarge,
}

/// The order in which a run visits the samples of a data set.
///
/// Samples are numbered from 0 through the shards as the manifest lists them. Positions count visits from 0 and run
/// over the ends of epochs: position `p` is visit `p mod n` of epoch `p div n`.
///
/// * Epochs: the stream "sample order" of index `epoch` gives a permutation of the shards, which is cut into groups of
///   `shuffle_shards` (0: one group of all), and then, group after group, a permutation of the group's samples, listed
///   beforehand shard after shard.
/// * With replacement: position `p` visits the first bounded draw of the stream "sample order" of index `p`.
#[derive(Debug, Clone)]
pub struct Order {
    kind: SampleOrder,
    seed: u64,
    /// The first sample of each shard, and the number of samples at the end.
    shard_starts: Vec<u64>,
    /// The last epoch that was looked at: a shortcut that no result depends on.
    epoch: Option<(u64, Vec<u32>)>,
}

impl Order {
    /// The order of a data set whose shards hold `shard_sizes` samples, under the run's `seed`.
    pub fn new(kind: SampleOrder, shard_sizes: &[usize], seed: u64) -> Result<Self, OrderError> {
        let mut shard_starts = vec![0_u64];
        for &size in shard_sizes {
            let end = shard_starts[shard_starts.len() - 1] + size as u64;
            if end > u64::from(u32::MAX) {
                return Err(OrderError::TooLarge);
            }
            shard_starts.push(end);
        }
        if shard_starts[shard_starts.len() - 1] == 0 {
            return Err(OrderError::Empty);
        }
        Ok(Self { kind, seed, shard_starts, epoch: None })
    }

    /// Samples in the data set: the length of an epoch.
    pub fn samples(&self) -> u64 {
        self.shard_starts[self.shard_starts.len() - 1]
    }

    /// The samples that the positions of `range` visit, in order.
    ///
    /// `&mut` only for speed: the current epoch's permutation is kept between calls.
    pub fn visits(&mut self, range: Range<u64>) -> Vec<usize> {
        let samples = self.samples();
        match self.kind {
            SampleOrder::Epochs { shuffle_shards } => range
                .map(|position| {
                    let visit = usize_from(position % samples);
                    self.epoch_order(position / samples, shuffle_shards)[visit] as usize
                })
                .collect(),
            SampleOrder::WithReplacement => range
                .map(|position| {
                    let mut stream = Stream::new(self.seed, position, ORDER_STREAM);
                    usize_from(stream.bounded(samples))
                })
                .collect(),
        }
    }

    fn epoch_order(&mut self, epoch: u64, shuffle_shards: u64) -> &[u32] {
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.epoch = Some((epoch, self.permuted_epoch(epoch, shuffle_shards)));
        }
        &self.epoch.as_ref().expect("it was just filled").1
    }

    /// The order of one epoch. It is as long as the data set, whose shards are large enough for so many samples.
    fn permuted_epoch(&self, epoch: u64, shuffle_shards: u64) -> Vec<u32> {
        let narrow =
            |sample: u64| u32::try_from(sample).expect("`new` bounds the number of samples");
        let mut stream = Stream::new(self.seed, epoch, ORDER_STREAM);
        let shards = stream.permutation(self.shard_starts.len() - 1);
        let group_shards = match usize::try_from(shuffle_shards) {
            Ok(0) | Err(_) => shards.len(),
            Ok(shards_of_group) => shards_of_group,
        };
        let mut order = Vec::with_capacity(usize_from(self.samples()));
        for group in shards.chunks(group_shards) {
            let shard = |&shard: &usize| {
                narrow(self.shard_starts[shard])..narrow(self.shard_starts[shard + 1])
            };
            let samples: Vec<u32> = group.iter().flat_map(shard).collect();
            let permuted = stream.permutation(samples.len());
            order.extend(permuted.into_iter().map(|at| samples[at]));
        }
        order
    }
}

/// Which of a sample's `captions` the visit at `position` uses: the first bounded draw of the stream "caption".
///
/// # Panics
///
/// Where there are no captions; a [`super::Dataset`] has at least one for each sample.
pub fn caption_choice(seed: u64, position: u64, captions: usize) -> usize {
    assert!(captions > 0, "a sample has at least one caption");
    usize_from(Stream::new(seed, position, CAPTION_STREAM).bounded(captions as u64))
}

fn usize_from(value: u64) -> usize {
    usize::try_from(value).expect("targets have 64-bit addresses")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 4] = [3, 5, 2, 4];
    const ONE_GROUP: SampleOrder = SampleOrder::Epochs { shuffle_shards: 0 };
    const PAIRS: SampleOrder = SampleOrder::Epochs { shuffle_shards: 2 };

    fn visits(kind: SampleOrder, range: Range<u64>) -> Vec<usize> {
        Order::new(kind, &SIZES, 7).unwrap().visits(range)
    }

    /// Expected values: `tests/golden/data.py order`, a second implementation with its own `ChaCha8`.
    #[test]
    fn order_is_that_of_the_definition() {
        let first = [2, 13, 6, 12, 3, 4, 9, 5, 11, 8, 0, 7, 1, 10];
        let second = [13, 1, 2, 3, 0, 7, 5, 10, 4, 9, 12, 6, 8, 11];
        assert_eq!(visits(ONE_GROUP, 0..28), [first, second].concat());
        assert_eq!(visits(PAIRS, 0..14), [5, 3, 7, 8, 4, 9, 6, 2, 12, 0, 13, 10, 1, 11]);
        let drawn = visits(SampleOrder::WithReplacement, 0..12);
        assert_eq!(drawn, [9, 12, 8, 1, 2, 6, 1, 6, 0, 13, 7, 13]);
        let captions: Vec<_> = (0..12).map(|position| caption_choice(7, position, 4)).collect();
        assert_eq!(captions, [0, 3, 0, 1, 0, 2, 1, 3, 2, 0, 3, 1]);
    }

    #[test]
    fn every_epoch_visits_every_sample_once() {
        for kind in [ONE_GROUP, PAIRS] {
            for epoch in 0..20 {
                let mut visited = visits(kind, epoch * 14..(epoch + 1) * 14);
                visited.sort_unstable();
                assert_eq!(visited, (0..14).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn groups_of_shards_stay_together() {
        let shard_of = |sample: usize| [3, 8, 10, 14].iter().position(|&end| sample < end).unwrap();
        let visited = visits(PAIRS, 0..14);
        let last_of_group = visited.iter().rposition(|&s| shard_of(s) == shard_of(visited[0]));
        let first_group: Vec<_> = visited[..=last_of_group.unwrap()].to_vec();
        let shards: std::collections::BTreeSet<_> =
            first_group.iter().map(|&sample| shard_of(sample)).collect();
        assert!(shards.len() <= 2, "{shards:?}");
    }

    #[test]
    fn batches_over_the_end_of_an_epoch_are_cut_from_one_sequence() {
        for kind in [ONE_GROUP, PAIRS, SampleOrder::WithReplacement] {
            let mut order = Order::new(kind, &SIZES, 7).unwrap();
            let batches: Vec<_> = (0..12).flat_map(|i| order.visits(i * 5..(i + 1) * 5)).collect();
            assert_eq!(batches, visits(kind, 0..60));
            assert_eq!(order.visits(3..9), visits(kind, 3..9), "also backwards");
        }
    }

    #[test]
    fn seeds_give_different_orders() {
        let of = |seed| Order::new(ONE_GROUP, &SIZES, seed).unwrap().visits(0..14);
        assert_ne!(of(0), of(1));
    }

    #[test]
    fn nothing_has_no_order() {
        for sizes in [&[][..], &[0, 0]] {
            assert_eq!(Order::new(ONE_GROUP, sizes, 0).err(), Some(OrderError::Empty));
        }
        let huge = [usize::try_from(u32::MAX).unwrap(), 1];
        assert_eq!(Order::new(ONE_GROUP, &huge, 0).err(), Some(OrderError::TooLarge));
    }
}
