//! The trace: what a training leaves behind each step, so that two trainings can be compared step by step.
//!
//! Bytes: the line `ibid-trace/1`, then `d_0`, then one record a step of loss (u32 LE bits), `F_0`, `F_1` (u64 LE) and
//! `d_k = SHA-256(d_{k−1} ‖ loss ‖ F_0 ‖ F_1)`, where `d_0` is SHA-256 of the initial parameters in order. A
//! divergence never heals: all later `d_k` differ.

use sha2::{Digest as _, Sha256};

use crate::action::params::spans;

const HEADER: &[u8] = b"ibid-trace/1\n";
const DIGEST: usize = 32;
const RECORD: usize = 4 + 8 + 8 + DIGEST;

/// A trace so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<u8>);

/// Bytes that are not a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a trace: broken at record {record}")]
pub struct TraceError {
    /// The first record that does not follow from those before; 0 is the header.
    pub record: usize,
}

/// One step of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceStep {
    /// The loss before the update.
    pub loss: f32,
    /// The fingerprint of the parameters after it.
    pub fingerprint: [u64; 2],
    /// The chained digest.
    pub digest: [u8; DIGEST],
}

impl Trace {
    /// The trace of no step, from the initial parameters in order.
    pub fn new(initial: &[f32]) -> Self {
        let mut state = Sha256::new();
        initial.iter().for_each(|x| state.update(x.to_le_bytes()));
        let mut bytes = HEADER.to_vec();
        bytes.extend_from_slice(&state.finalize());
        Self(bytes)
    }

    /// The trace of what follows a step whose chained digest is `digest`: it goes on as the whole trace does.
    pub fn after(digest: [u8; DIGEST]) -> Self {
        Self([HEADER, &digest].concat())
    }

    /// Appends a step.
    pub fn push(&mut self, loss: f32, fingerprint: [u64; 2]) {
        let before = self.0.len() - DIGEST;
        let mut state = Sha256::new();
        state.update(&self.0[before..]);
        let start = self.0.len();
        self.0.extend_from_slice(&loss.to_bits().to_le_bytes());
        fingerprint.iter().for_each(|f| self.0.extend_from_slice(&f.to_le_bytes()));
        state.update(&self.0[start..]);
        self.0.extend_from_slice(&state.finalize());
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Steps in it.
    pub fn steps(&self) -> usize {
        (self.0.len() - HEADER.len() - DIGEST) / RECORD
    }

    /// Step `index` from 0.
    pub fn step(&self, index: usize) -> Option<TraceStep> {
        let record = self.0[HEADER.len() + DIGEST..].chunks_exact(RECORD).nth(index)?;
        let word =
            |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"));
        Some(TraceStep {
            loss: f32::from_le_bytes(record[..4].try_into().expect("four bytes")),
            fingerprint: [word(4), word(12)],
            digest: record[20..].try_into().expect("the rest of a record is a digest"),
        })
    }

    /// The mean loss of each of its [`spans`]: added in binary64 in order of the steps, divided by how many they are.
    #[allow(clippy::cast_precision_loss, reason = "a trace of 2⁵³ steps fits no memory")]
    pub fn span_losses(&self) -> Vec<f64> {
        let loss = |step: u64| {
            let step = usize::try_from(step).ok().and_then(|step| self.step(step));
            f64::from(step.expect("spans are of its steps").loss)
        };
        let mean = |span: std::ops::Range<u64>| {
            let count = (span.end - span.start) as f64;
            span.fold(0.0, |sum, step| sum + loss(step)) / count
        };
        spans(self.steps() as u64).into_iter().map(mean).collect()
    }

    /// The chained digest after so many steps of it; `d_0` after none.
    pub fn digest(&self, steps: usize) -> Option<[u8; DIGEST]> {
        let end = HEADER.len() + DIGEST + steps.checked_mul(RECORD)?;
        self.0.get(..end)?.last_chunk().copied()
    }

    /// The smallest number of steps after which the chained digests of two traces differ, and how many of them were
    /// looked at to find it: at most 1 + ⌈log₂(n + 1)⌉ where the shorter trace has n steps, since a divergence never
    /// heals. `None`: they agree as far as both go.
    pub fn parting(&self, other: &Self) -> (Option<usize>, usize) {
        let mut look_ups = 0;
        let mut differ_after = |steps: usize| {
            look_ups += 1;
            self.digest(steps) != other.digest(steps)
        };
        let (mut low, mut high) = (0, self.steps().min(other.steps()));
        if !differ_after(high) {
            return (None, look_ups);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if differ_after(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        (Some(low), look_ups)
    }

    /// Reads a trace and checks its chain.
    pub fn decode(bytes: &[u8]) -> Result<Self, TraceError> {
        let records = bytes
            .strip_prefix(HEADER)
            .filter(|rest| rest.len() >= DIGEST && (rest.len() - DIGEST).is_multiple_of(RECORD));
        let (mut digest, records) = records.ok_or(TraceError { record: 0 })?.split_at(DIGEST);
        for (index, record) in records.chunks_exact(RECORD).enumerate() {
            let (content, chained) = record.split_at(RECORD - DIGEST);
            let expected = Sha256::new().chain_update(digest).chain_update(content).finalize();
            if expected.as_slice() != chained {
                return Err(TraceError { record: index + 1 });
            }
            digest = chained;
        }
        Ok(Self(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation, reason = "small numbers")]

    use super::*;

    #[test]
    fn a_trace_reads_back_and_a_flipped_bit_is_found() {
        let mut trace = Trace::new(&[1.0, 2.0]);
        trace.push(0.5, [1, 2]);
        trace.push(0.25, [3, 4]);
        assert_eq!(Trace::decode(trace.bytes()), Ok(trace.clone()));
        assert_eq!((trace.steps(), trace.step(1).unwrap().fingerprint), (2, [3, 4]));
        let mut bytes = trace.bytes().to_vec();
        bytes[HEADER.len() + DIGEST + RECORD] ^= 1;
        assert_eq!(Trace::decode(&bytes), Err(TraceError { record: 2 }));
    }

    #[test]
    fn the_parting_of_two_traces_is_found_in_few_look_ups() {
        // A parting after `at` steps of `steps`, found among all places by brute force too.
        let trace = |steps: u64, at: Option<u64>| {
            let mut trace = Trace::new(&[if at == Some(0) { 2.0 } else { 1.0 }]);
            for step in 1..=steps {
                trace.push(0.5, [step, u64::from(at == Some(step))]);
            }
            trace
        };
        for steps in [0, 1, 2, 3, 7, 8, 31, 32, 100, 1000] {
            let honest = trace(steps, None);
            let bound = 1 + (steps + 1).next_power_of_two().ilog2() as usize;
            assert_eq!(honest.parting(&honest), (None, 1));
            for at in (0..=steps).filter(|at| steps < 50 || at % 37 == 0 || *at == steps) {
                let other = trace(steps, Some(at));
                let (parting, look_ups) = honest.parting(&other);
                let slow =
                    (0..=at).find(|k| honest.digest(*k as usize) != other.digest(*k as usize));
                assert_eq!(parting, slow.map(|k| k as usize));
                assert_eq!(parting, Some(at as usize));
                assert!(look_ups <= bound, "{look_ups} of {bound} for {steps} steps");
            }
        }
        let million = trace(1 << 20, None);
        let (parting, look_ups) = million.parting(&trace(1 << 20, Some(777_777)));
        assert_eq!(parting, Some(777_777));
        assert!(look_ups <= 22, "{look_ups}");
    }

    #[test]
    fn a_trace_goes_on_from_a_digest() {
        let mut whole = Trace::new(&[1.0]);
        whole.push(0.5, [1, 2]);
        let mut rest = Trace::after(whole.digest(1).unwrap());
        for trace in [&mut whole, &mut rest] {
            trace.push(0.25, [3, 4]);
        }
        assert_eq!(rest.digest(1), whole.digest(2));
        assert_eq!((rest.steps(), rest.step(0)), (1, whole.step(1)));
        assert_eq!((whole.digest(3), whole.digest(usize::MAX)), (None, None));
    }

    #[test]
    fn losses_of_spans_are_means_in_binary64_in_order_of_the_steps() {
        let trace = |losses: &[f32]| {
            let mut trace = Trace::new(&[1.0]);
            losses.iter().for_each(|loss| trace.push(*loss, [0, 0]));
            trace
        };
        assert!(trace(&[]).span_losses().is_empty());
        // Fewer steps than spans: each is one.
        assert_eq!(trace(&[0.1, 2.5]).span_losses(), [f64::from(0.1_f32), 2.5]);
        // 18 steps: spans 7 and 15 are steps 7 and 8, and 16 and 17.
        let losses: Vec<f32> = (0_u8..18).map(f32::from).collect();
        let means = trace(&losses).span_losses();
        assert_eq!(means.len(), 16);
        assert_eq!((means[6], means[7], means[8], means[15]), (6.0, 7.5, 9.0, 16.5));
        // 48 steps, three a span; (2⁵³ + 1) + 1 is 2⁵³ in binary64, and 1 + (1 + 2⁵³) would be 2⁵³ + 2.
        let big = f32::from_bits(0x5a00_0000);
        let mut losses = vec![1.0; 48];
        losses[..3].copy_from_slice(&[big, 1.0, 1.0]);
        assert_eq!(trace(&losses).span_losses()[..2], [f64::from(big) / 3.0, 1.0]);
    }

    #[test]
    fn a_divergence_never_heals() {
        let [mut a, mut b] = [Trace::new(&[1.0]), Trace::new(&[1.0])];
        a.push(0.5, [1, 2]);
        b.push(0.5, [1, 3]);
        a.push(0.25, [3, 4]);
        b.push(0.25, [3, 4]);
        assert_ne!(a.step(1).unwrap().digest, b.step(1).unwrap().digest);
    }
}
