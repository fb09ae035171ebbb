//! Spot checks: which stretches of a training are executed again, and how likely a forgery escapes.
//!
//! Published checkpoints cut a training into *segments*. Whoever holds the record of a training (trace, checkpoints,
//! weights, all named by a lockfile) can have any segment executed again from the checkpoint at its start and compare
//! every link of the trace, the checkpoint at its end, and at the end of the training the weights. A segment that was
//! not computed as its parameters say cannot pass: its links are functions of its start.
//!
//! **What makes a forgery hard to hide.** The draw is seeded by the digest of the record *and* a nonce that is drawn
//! afterwards, by whoever checks. With the digest alone a forger could try records (any free bit will do) until the draw
//! falls beside the forged segments, at the price of a hash each; with the nonce alone one draw could be prepared for one
//! record and shown for another. So a printed nonce repeats a check exactly, for everybody, and proves nothing to
//! somebody who did not see that it was drawn after the record was fixed: he draws his own.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Trace;
use crate::digest::{BlobDigest, tagged};
use crate::numerics::random::Stream;

/// A stretch of a training between two states that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// Steps done at its start: 0, or those of a published checkpoint.
    pub from: u64,
    /// Steps done at its end.
    pub to: u64,
}

/// The segments of a training of `steps` steps that publishes a checkpoint every `interval` steps; one, if it is 0.
pub fn segments(steps: u64, interval: u64) -> Vec<Segment> {
    let interval = if interval == 0 { steps.max(1) } else { interval };
    let count = steps.div_ceil(interval);
    (0..count)
        .map(|n| Segment { from: n * interval, to: ((n + 1) * interval).min(steps) })
        .collect()
}

/// Draws `count` of `of` places, each set of so many equally likely, ascending.
///
/// The stream "spot check SEED" of seed 0 and index 0 shuffles the places (Fisher–Yates from the front, the first `count`
/// are taken), with SEED = SHA-256("spot/1" ‖ digest ‖ nonce) in hexadecimal.
pub fn draw(record: &BlobDigest, nonce: &[u8; 32], of: usize, count: usize) -> Vec<usize> {
    let seed = BlobDigest::from_bytes(tagged("spot/1", &[*record.as_bytes(), *nonce].concat()));
    let mut stream = Stream::new(0, 0, &format!("spot check {seed}"));
    let mut places: Vec<usize> = (0..of).collect();
    let count = count.min(of);
    for at in 0..count {
        let left = (of - at) as u64;
        let chosen = usize::try_from(stream.bounded(left)).expect("a place is a usize");
        places.swap(at, at + chosen);
    }
    places.truncate(count);
    places.sort_unstable();
    places
}

/// The probability that a check of `count` of `segments` segments meets none of `forged` ones:
/// C(segments − forged, count) ÷ C(segments, count), as a product of ratios in binary64.
#[allow(clippy::cast_precision_loss, reason = "far fewer than 2⁵³ segments")]
pub fn miss_probability(segments: usize, forged: usize, count: usize) -> f64 {
    if forged + count > segments {
        return if forged == 0 { 1.0 } else { 0.0 };
    }
    (0..count).map(|n| (segments - forged - n) as f64 / (segments - n) as f64).product()
}

/// What a segment that was executed again gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Its links, from the chained digest at its start on.
    pub links: Trace,
    /// The digests of the state at its end, written as a published checkpoint, and of the weights there; `None`: a link
    /// was found to differ before.
    pub end: Option<[BlobDigest; 2]>,
}

/// What was recorded of a training.
#[derive(Debug, Clone)]
pub struct Recorded<'a> {
    /// Its trace.
    pub trace: &'a Trace,
    /// The digests of its published checkpoints, by steps done.
    pub checkpoints: &'a BTreeMap<u64, BlobDigest>,
    /// The digest of the weights after the last step.
    pub weights: BlobDigest,
}

/// Where a segment that was executed again is not what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Mismatch {
    /// The state at its start has another digest than the trace.
    #[error("the state after {after} steps is not the one of the trace")]
    Start {
        /// Steps done there.
        after: u64,
    },
    /// What it starts from is no state of this training.
    #[error("the published checkpoint after {after} steps is none of this training")]
    NoState {
        /// Steps done there.
        after: u64,
    },
    /// A link of the trace.
    #[error("step {step} gives another link of the trace")]
    Link {
        /// The step, from 0.
        step: u64,
    },
    /// The checkpoint at its end.
    #[error("the state after {after} steps is not the published checkpoint")]
    Checkpoint {
        /// Steps done there.
        after: u64,
    },
    /// The weights.
    #[error("the weights after the last step are not the recorded ones")]
    Weights,
}

/// Compares a segment that was executed again with what was recorded of it.
pub fn compare(
    segment: Segment,
    replayed: &Replayed,
    recorded: &Recorded<'_>,
) -> Result<(), Mismatch> {
    let place = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
    let recorded_at = |steps: u64| recorded.trace.digest(place(steps));
    let replayed_at = |steps: u64| replayed.links.digest(place(steps - segment.from));
    if replayed_at(segment.from) != recorded_at(segment.from) {
        return Err(Mismatch::Start { after: segment.from });
    }
    let differs = |after: &u64| {
        let digest = replayed_at(*after);
        digest.is_none() || digest != recorded_at(*after)
    };
    if let Some(after) = (segment.from + 1..=segment.to).find(differs) {
        return Err(Mismatch::Link { step: after - 1 });
    }
    let [checkpoint, weights] = replayed.end.ok_or(Mismatch::Checkpoint { after: segment.to })?;
    let published = recorded.checkpoints.get(&segment.to);
    if published.is_some_and(|published| *published != checkpoint) {
        return Err(Mismatch::Checkpoint { after: segment.to });
    }
    let is_last = place(segment.to) == recorded.trace.steps();
    if is_last && weights != recorded.weights {
        return Err(Mismatch::Weights);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "small numbers"
    )]

    use super::*;

    /// A training of one number, whose every step is a function of the number before it.
    struct Toy {
        trace: Trace,
        /// The number after so many steps.
        states: Vec<u64>,
        checkpoints: BTreeMap<u64, BlobDigest>,
    }

    const INTERVAL: u64 = 3;

    fn step(state: u64) -> u64 {
        (state ^ (state >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(31)
    }

    fn link(trace: &mut Trace, state: u64) {
        trace.push((state >> 40) as f32, [state, !state]);
    }

    fn digest_of(state: u64) -> BlobDigest {
        BlobDigest::of(&state.to_le_bytes())
    }

    /// A training whose number is changed by hand in the last step of every segment of `forged`, and goes on from there.
    fn toy(segments: &[Segment], forged: &[usize]) -> Toy {
        let mut toy = Toy {
            trace: Trace::new(&[1.0]),
            states: vec![0x1234_5678],
            checkpoints: BTreeMap::new(),
        };
        for (place, segment) in segments.iter().enumerate() {
            for at in segment.from..segment.to {
                let mut state = step(toy.states[at as usize]);
                if forged.contains(&place) && at + 1 == segment.to {
                    state ^= 1;
                }
                link(&mut toy.trace, state);
                toy.states.push(state);
            }
            toy.checkpoints.insert(segment.to, digest_of(toy.states[segment.to as usize]));
        }
        toy
    }

    fn replay(toy: &Toy, segment: Segment) -> Replayed {
        let mut state = toy.states[segment.from as usize];
        let mut links = Trace::after(toy.trace.digest(segment.from as usize).unwrap());
        for _ in segment.from..segment.to {
            state = step(state);
            link(&mut links, state);
        }
        Replayed { links, end: Some([digest_of(state); 2]) }
    }

    fn check(toy: &Toy, segment: Segment) -> Result<(), Mismatch> {
        let recorded = Recorded {
            trace: &toy.trace,
            checkpoints: &toy.checkpoints,
            weights: digest_of(*toy.states.last().unwrap()),
        };
        compare(segment, &replay(toy, segment), &recorded)
    }

    /// The record of a toy, as the digest that a draw is bound to.
    fn record_of(toy: &Toy) -> BlobDigest {
        BlobDigest::of(toy.trace.bytes())
    }

    #[test]
    fn segments_tile_the_training() {
        let ends = |steps, interval| -> Vec<_> {
            segments(steps, interval).iter().map(|segment| (segment.from, segment.to)).collect()
        };
        assert_eq!(ends(10, 4), [(0, 4), (4, 8), (8, 10)]);
        assert_eq!(ends(8, 4), [(0, 4), (4, 8)]);
        assert_eq!(ends(8, 0), [(0, 8)]);
        assert_eq!(ends(0, 0), []);
    }

    #[test]
    fn only_forged_segments_are_caught() {
        let segments = segments(30, INTERVAL);
        let toy = toy(&segments, &[4, 7]);
        for (place, segment) in segments.iter().enumerate() {
            let expected = if [4, 7].contains(&place) {
                Err(Mismatch::Link { step: segment.to - 1 })
            } else {
                Ok(())
            };
            assert_eq!(check(&toy, *segment), expected);
        }
    }

    #[test]
    fn every_part_of_a_record_is_compared() {
        let segment = Segment { from: 3, to: 6 };
        let forge = |change: &dyn Fn(&mut Toy)| {
            let mut toy = toy(&segments(6, INTERVAL), &[]);
            change(&mut toy);
            check(&toy, segment)
        };
        assert_eq!(forge(&|_| {}), Ok(()));
        let other_checkpoint = |toy: &mut Toy| toy.checkpoints.extend([(6, digest_of(1))]);
        assert_eq!(forge(&other_checkpoint), Err(Mismatch::Checkpoint { after: 6 }));
        let other_weights = |toy: &mut Toy| *toy.states.last_mut().unwrap() = 1;
        assert_eq!(forge(&other_weights), Err(Mismatch::Weights));
        let other_start = |toy: &mut Toy| toy.states[3] ^= 1;
        assert_eq!(forge(&other_start), Err(Mismatch::Link { step: 3 }));
        let shorter = |toy: &mut Toy| {
            let mut trace = Trace::new(&[1.0]);
            (1..=4).for_each(|at| link(&mut trace, toy.states[at]));
            toy.trace = trace;
        };
        assert_eq!(forge(&shorter), Err(Mismatch::Link { step: 4 }));
    }

    #[test]
    fn draws_are_sets_and_depend_on_record_and_nonce() {
        let record = digest_of(1);
        let drawn = draw(&record, &[0; 32], 40, 5);
        assert_eq!(drawn.len(), 5);
        assert!(drawn.is_sorted_by(|a, b| a < b) && drawn[4] < 40);
        assert_eq!(draw(&record, &[0; 32], 40, 5), drawn);
        assert_ne!(draw(&record, &[1; 32], 40, 5), drawn);
        assert_ne!(draw(&digest_of(2), &[0; 32], 40, 5), drawn);
        assert_eq!(draw(&record, &[0; 32], 3, 5), [0, 1, 2]);
    }

    /// C(n, k) by Pascal's triangle.
    fn choose(n: usize, k: usize) -> f64 {
        let mut row = vec![1.0];
        for _ in 0..n {
            let next = row.windows(2).map(|pair| pair[0] + pair[1]);
            row = std::iter::once(1.0).chain(next).chain([1.0]).collect();
        }
        row.get(k).copied().unwrap_or(0.0)
    }

    #[test]
    fn the_probability_is_that_of_the_formula() {
        for segments in 0..12 {
            for forged in 0..=segments {
                for count in 0..=segments {
                    let formula = choose(segments - forged, count) / choose(segments, count);
                    let computed = miss_probability(segments, forged, count);
                    assert!((computed - formula).abs() < 1e-12, "{segments} {forged} {count}");
                }
            }
        }
    }

    /// The chance that a binomial variable of `n` trials is at most `k`, added up term by term.
    fn at_most(k: i64, n: usize, p: f64) -> f64 {
        let term = |i: usize| {
            let powers = i as f64 * libm::log(p) + (n - i) as f64 * libm::log(1.0 - p);
            let ways = libm::lgamma(n as f64 + 1.0)
                - libm::lgamma(i as f64 + 1.0)
                - libm::lgamma((n - i) as f64 + 1.0);
            libm::exp(powers + ways)
        };
        (0..=k).map(|i| term(usize::try_from(i).unwrap())).sum()
    }

    #[test]
    fn five_hundred_checks_of_forged_trainings_miss_as_often_as_stated() {
        const TRIALS: usize = 500;
        for (steps, forged, count) in [(60, 1, 5), (60, 4, 3), (90, 2, 10), (31, 3, 2)] {
            let segments = segments(steps, INTERVAL);
            let mut missed = 0;
            for trial in 0..TRIALS {
                // The forger chooses his segments, and has fixed the record when the nonce is drawn.
                let seed = BlobDigest::of(format!("trial {steps} {forged} {trial}").as_bytes());
                let chosen = draw(&seed, &[7; 32], segments.len(), forged);
                let toy = toy(&segments, &chosen);
                let drawn = draw(&record_of(&toy), seed.as_bytes(), segments.len(), count);
                let passes = drawn.iter().all(|place| check(&toy, segments[*place]).is_ok());
                missed += i64::from(passes);
            }
            let stated = miss_probability(segments.len(), forged, count);
            // Inside the central interval that a fair count leaves once in a hundred times.
            let inside = at_most(missed, TRIALS, stated) > 0.005
                && 1.0 - at_most(missed - 1, TRIALS, stated) > 0.005;
            assert!(inside, "{missed} of {TRIALS} missed, stated {stated}");
        }
    }
}
