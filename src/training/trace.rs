//! The trace: what a training leaves behind each step, so that two trainings can be compared step by step.
//!
//! Bytes: the line `ibid-trace/1`, then `d_0`, then one record a step of loss (u32 LE bits), `F_0`, `F_1` (u64 LE) and
//! `d_k = SHA-256(d_{k−1} ‖ loss ‖ F_0 ‖ F_1)`, where `d_0` is SHA-256 of the initial parameters in order. A
//! divergence never heals: all later `d_k` differ.

use sha2::{Digest as _, Sha256};

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
    fn a_divergence_never_heals() {
        let [mut a, mut b] = [Trace::new(&[1.0]), Trace::new(&[1.0])];
        a.push(0.5, [1, 2]);
        b.push(0.5, [1, 3]);
        a.push(0.25, [3, 4]);
        b.push(0.25, [3, 4]);
        assert_ne!(a.step(1).unwrap().digest, b.step(1).unwrap().digest);
    }
}
