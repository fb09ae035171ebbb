//! Planted faults inside operations, for the tests of `bisect`: compiled only under the feature `faults`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::tap;

/// A way for an operation to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strike {
    /// One bit of one activation of one chunk is flipped at one step.
    FlippedBit {
        /// The step, from 0.
        step: u64,
    },
    /// From a step on one kernel, the first `LayerNorm` of the first image block, rounds twice where its definition
    /// says `fma`.
    SplitFma {
        /// The step, from 0.
        step: u64,
    },
}

/// The chunk whose activation is struck.
const CHUNK: usize = 1;
/// The element that is struck, and its bit.
const ELEMENT: usize = 77;
const BIT: u32 = 1 << 9;

static PLANTED: OnceLock<Strike> = OnceLock::new();
static STEP: AtomicU64 = AtomicU64::new(0);

/// Plants a fault, once a process; whether it was the first.
pub fn plant(strike: Strike) -> bool {
    PLANTED.set(strike).is_ok()
}

/// Whether a fault was planted.
pub(super) fn waits() -> bool {
    PLANTED.get().is_some()
}

/// The step that operations belong to from now on, on every thread.
pub fn begin(step: u64) {
    STEP.store(step, Ordering::SeqCst);
}

/// The hidden layer of a perceptron after its activation.
pub(super) fn strike_activated(activated: &mut [f32]) {
    if let Some(Strike::FlippedBit { step }) = PLANTED.get()
        && *step == STEP.load(Ordering::SeqCst)
    {
        let place = tap::place();
        if place.chunk == Some(CHUNK) && place.operation == "image block 1, forward" {
            activated[ELEMENT] = f32::from_bits(activated[ELEMENT].to_bits() ^ BIT);
        }
    }
}

/// The output of the first `LayerNorm` of a block: `(x̂·γ) + β` in place of `fma(x̂, γ, β)`.
pub(super) fn strike_norm(x: &[f32], stats: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32]) {
    let struck = matches!(PLANTED.get(), Some(Strike::SplitFma { step }) if *step <= STEP.load(Ordering::SeqCst));
    if !struck || tap::place().operation != "image block 0, forward" {
        return;
    }
    let width = gain.len();
    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(stats.chunks_exact(2));
    for ((x, y), stats) in rows {
        for (((y, x), gain), bias) in y.iter_mut().zip(x).zip(gain).zip(bias) {
            let normal = (x - stats[0]) * stats[1];
            *y = normal * gain + bias;
        }
    }
}
