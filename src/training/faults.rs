//! Planted faults, for the tests of `verify` and `bisect`: a training that quietly gives other bits.
//!
//! Compiled only under the feature `faults`. A fault is planted once a process, by the hidden option `--fault`.

use std::sync::OnceLock;

use super::Visit;
use crate::tensor::faults::{self as operations, Strike};
use crate::tensor::{Buffer, Device, Rates, TensorError};

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The first parameter is one unit in the last place off after this step, from 0.
    OneUlp,
    /// The first parameter is off by one unit in the last place for every thread beyond the first, after this step: the
    /// result depends on how the work was shared out.
    Threads,
    /// At this step one place of the batch sees the sample after its own.
    SwappedSample,
    /// From this step on the learning rate is 1 % higher.
    LearningRate,
    /// From this step on `AdamW`'s ε is ten times as large.
    Epsilon,
    /// After this step the last element of the first moments is twice what it should be: no fingerprint sees it before the
    /// next step.
    Moment,
    /// An operation is wrong at this step, or from it on.
    Operation,
}

static PLANTED: OnceLock<(Fault, u64)> = OnceLock::new();

/// The names of the faults, as the help text lists them.
pub const NAMES: [&str; 8] = [
    "one-ulp",
    "threads",
    "moment",
    "flipped-bit",
    "split-fma",
    "swapped-sample",
    "learning-rate",
    "epsilon",
];

/// Plants the fault that `text` names, `NAME:STEP`; whether it names one.
pub fn plant(text: &str) -> bool {
    let Some((name, Ok(step))) = text.split_once(':').map(|(name, step)| (name, step.parse()))
    else {
        return false;
    };
    let fault = match name {
        "one-ulp" => Fault::OneUlp,
        "threads" => Fault::Threads,
        "moment" => Fault::Moment,
        "swapped-sample" => Fault::SwappedSample,
        "learning-rate" => Fault::LearningRate,
        "epsilon" => Fault::Epsilon,
        "flipped-bit" | "split-fma" => Fault::Operation,
        _ => return false,
    };
    let planted = match name {
        "flipped-bit" => operations::plant(Strike::FlippedBit { step }),
        "split-fma" => operations::plant(Strike::SplitFma { step }),
        _ => true,
    };
    planted && PLANTED.set((fault, step)).is_ok()
}

/// Whether that fault strikes at `step`.
fn strikes_at(fault: Fault, step: u64) -> bool {
    PLANTED.get() == Some(&(fault, step))
}

/// Whether that fault was planted for `step` or an earlier one.
fn strikes_from(fault: Fault, step: u64) -> bool {
    PLANTED.get().is_some_and(|(planted, at)| *planted == fault && *at <= step)
}

/// The place of the batch that sees a wrong sample.
const SWAPPED: usize = 35;

/// Notes the step that begins.
pub(super) fn begin(step: u64) {
    operations::begin(step);
}

/// What a place of the batch sees at `step` of `samples` samples.
pub(super) fn swap(step: u64, place: usize, visit: Visit, samples: usize) -> Visit {
    if place == SWAPPED && strikes_at(Fault::SwappedSample, step) {
        return Visit { sample: (visit.sample + 1) % samples, caption: 0, ..visit };
    }
    visit
}

/// The rates of a step.
pub(super) fn strike_rates(rates: Rates, step: u64) -> Rates {
    if strikes_from(Fault::LearningRate, step) {
        return Rates { learning_rate: rates.learning_rate * 1.01, ..rates };
    }
    if strikes_from(Fault::Epsilon, step) {
        return Rates { epsilon: rates.epsilon * 10.0, ..rates };
    }
    rates
}

/// Does the planted fault's work on the state after `step`.
pub(super) fn strike(buffer: &mut Buffer, step: u64, threads: usize) -> Result<(), TensorError> {
    let parameters = buffer.len() / 3;
    let mut elements = buffer.to_vec()?;
    match PLANTED.get() {
        Some((Fault::OneUlp, at)) if *at == step => elements[0] = elements[0].next_up(),
        Some((Fault::Threads, at)) if *at == step => {
            (1..threads).for_each(|_| elements[0] = elements[0].next_up());
        }
        Some((Fault::Moment, at)) if *at == step => elements[2 * parameters - 1] *= 2.0,
        _ => return Ok(()),
    }
    *buffer = Buffer::from_vec(elements, &Device::Cpu)?;
    Ok(())
}
