//! One step under a recorder: the digest of everything that its operations make, in order, so that the first one whose
//! bits differ between two executions can be named.
//!
//! Memory stays bounded: a recording holds digests, and of the few records that the caller asks for also the elements;
//! whoever looks for a difference records twice, first for the digests, then to keep the one tensor.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Mutex, RwLock};

use serde::{Deserialize, Serialize};

use super::gradient::{Update, show_state};
use super::samples::Batches;
use super::workers::{Phase, Shared, Worker, deal, perform};
use super::{
    Samples, Settings, State, Steps, TrainError, Visit, check, check_class, index, room_of_batch,
};
use crate::action::params::Train;
use crate::digest::BlobDigest;
use crate::model::Model;
use crate::tensor::tap::{self, Shown, Values};
use crate::tensor::{BatchRegions, Device, Planner};

/// The operation that records what a step starts from.
pub const STATE_BEFORE: &str = "state before the step";
/// The operation that records what the next step starts from.
const STATE_AFTER: &str = "state after the step";

/// What a record is the record of; no two of a step are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The gradient chunk, if it belongs to one.
    pub chunk: Option<usize>,
    /// The operation: `image block 2, forward`.
    pub operation: String,
    /// The tensor within it.
    pub tensor: String,
}

/// What the elements of a record are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A tensor.
    Binary32,
    /// Numbers of the specification, and what is computed in binary64.
    Binary64,
    /// Places and counts.
    Whole,
}

/// One thing that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What it is the record of.
    #[serde(flatten)]
    pub identity: Identity,
    /// What its elements are.
    pub kind: Kind,
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// SHA-256 of its elements, little-endian, in row-major order.
    pub sha256: BlobDigest,
}

/// The elements of a record that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which record.
    pub record: usize,
    /// Its elements, little-endian: 4 bytes each of a [`Kind::Binary32`], else 8.
    pub bytes: Vec<u8>,
}

/// What one step made, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// Everything, by digest.
    pub records: Vec<Record>,
    /// What was to be kept.
    pub kept: Vec<Kept>,
}

/// Where two recordings part: a record of each that is of one thing and differs, or a record that the other lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parting {
    /// The place in the first recording.
    pub a: Option<usize>,
    /// The place in the second.
    pub b: Option<usize>,
}

/// The first record, in the order of `a`, that `wanted` accepts and that differs from `b`'s of the same thing. What is
/// first in the order of an execution depends on nothing that differs.
pub fn parting(a: &[Record], b: &[Record], wanted: impl Fn(&Record) -> bool) -> Option<Parting> {
    let places = |records: &[Record]| -> BTreeMap<Identity, usize> {
        records.iter().enumerate().map(|(at, record)| (record.identity.clone(), at)).collect()
    };
    let (of_a, of_b) = (places(a), places(b));
    for (at, record) in a.iter().enumerate().filter(|(_, record)| wanted(record)) {
        match of_b.get(&record.identity) {
            Some(&other) if b[other] == *record => {}
            other => return Some(Parting { a: Some(at), b: other.copied() }),
        }
    }
    let alone = b.iter().position(|record| wanted(record) && !of_a.contains_key(&record.identity));
    alone.map(|at| Parting { a: None, b: Some(at) })
}

/// Performs the step after `state` and records it; loss and fingerprint as in a trace, and the state after it.
///
/// The chunks are dealt out as to so many threads, so that what depends on the dealing shows, but all of them are
/// computed on this thread, one after the other.
pub fn record_step(
    params: &Train,
    samples: &dyn Samples,
    settings: Settings,
    state: State,
    keep: &[usize],
) -> Result<(Recording, State), TrainError> {
    check(params)?;
    check_class(params, Device::Cpu)?;
    crate::numerics::set_control_state()?;
    let model = Model::new(&params.model, &params.preprocessing)?;
    let (batch_size, chunk) = (index(params.batch_size), index(params.gradient_chunk));
    let mut planner = Planner::default();
    let regions = BatchRegions::plan(&mut planner, batch_size, model.embed_dim());
    let workers = deal(batch_size / chunk, settings.threads)
        .into_iter()
        .map(|chunks| Ok(Mutex::new(Worker::new(&model, chunks, chunk, Device::Cpu)?)))
        .collect::<Result<Vec<_>, TrainError>>()?;
    let State { step, buffer, mut trace } = state;
    let shared = Shared {
        model: &model,
        level: settings.level,
        chunk,
        state: RwLock::new(buffer),
        batch: RwLock::new(room_of_batch(planner.len(), batch_size, Device::Cpu)?),
        regions,
    };
    let batch = RwLock::default();
    let update = Update::new(&model, params, Device::Cpu)?;
    let seen = Batches::new(params, samples)?.make(step)?;
    let (workers, shared, batch) = (&workers[..], &shared, &batch);
    let mut steps = Steps { params, workers, shared, batch, update };
    let mut one_after_the_other =
        |phase: Phase| workers.iter().try_for_each(|worker| perform(phase, worker, shared, batch));
    let recording = Rc::new(RefCell::new(Recording::default()));
    let (to, keep) = (Rc::clone(&recording), keep.to_vec());
    let listener = move |shown: Shown<'_>| to.borrow_mut().take(&shown, &keep);
    let (loss, fingerprint) = tap::listen(Box::new(listener), || {
        show_whole_state(shared, STATE_BEFORE)?;
        let done = steps.perform(step, seen, &mut one_after_the_other)?;
        show_whole_state(shared, STATE_AFTER)?;
        Ok::<_, TrainError>(done)
    })?;
    trace.push(loss, fingerprint);
    let buffer = std::mem::take(&mut *shared.state.write().expect("no worker panicked"));
    Ok((recording.take(), State { step: step + 1, buffer, trace }))
}

fn show_whole_state(shared: &Shared<'_>, operation: &str) -> Result<(), TrainError> {
    tap::operation(|| operation.to_owned());
    let state = shared.state.read().expect("no worker panicked");
    Ok(state.with(|state| show_state(shared.model.layout(), state))?)
}

/// Shows which samples a step sees, and which of their captions.
pub(super) fn show_visits(visits: &[Visit]) {
    if !tap::is_listening() {
        return;
    }
    tap::operation(|| "sample order".to_owned());
    let samples: Vec<u64> = visits.iter().map(|visit| visit.sample as u64).collect();
    let captions: Vec<u64> = visits.iter().map(|visit| visit.caption as u64).collect();
    tap::see_numbers("sample of each place in the batch", Values::Whole(&samples));
    tap::see_numbers("caption of each place in the batch", Values::Whole(&captions));
}

impl Recording {
    fn take(&mut self, shown: &Shown<'_>, keep: &[usize]) {
        let (kind, bytes): (_, Vec<u8>) = match shown.values {
            Values::Binary32(x) => {
                (Kind::Binary32, x.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            Values::Binary64(x) => {
                (Kind::Binary64, x.iter().flat_map(|x| x.to_le_bytes()).collect())
            }
            Values::Whole(x) => (Kind::Whole, x.iter().flat_map(|x| x.to_le_bytes()).collect()),
        };
        let identity = Identity {
            chunk: shown.place.chunk,
            operation: shown.place.operation.clone(),
            tensor: shown.tensor.to_owned(),
        };
        let (shape, sha256) = (shown.shape.to_vec(), BlobDigest::of(&bytes));
        let record = self.records.len();
        self.records.push(Record { identity, kind, shape, sha256 });
        if keep.contains(&record) {
            self.kept.push(Kept { record, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(operation: &str, tensor: &str, of: u8) -> Record {
        let (operation, tensor) = (operation.to_owned(), tensor.to_owned());
        let identity = Identity { chunk: None, operation, tensor };
        let kind = if of > 99 { Kind::Whole } else { Kind::Binary32 };
        Record { identity, kind, shape: vec![1], sha256: BlobDigest::of(&[of]) }
    }

    #[test]
    fn recordings_part_at_the_first_difference_whatever_the_order_of_the_other() {
        let a = [record("p", "x", 1), record("q", "n", 100), record("q", "y", 2)];
        let same = [a[2].clone(), a[0].clone(), a[1].clone()];
        assert_eq!(parting(&a, &same, |_| true), None);
        let b = [record("q", "y", 3), record("p", "x", 1), record("q", "n", 101)];
        assert_eq!(parting(&a, &b, |_| true), Some(Parting { a: Some(1), b: Some(2) }));
        let tensors = |record: &Record| record.kind == Kind::Binary32;
        assert_eq!(parting(&a, &b, tensors), Some(Parting { a: Some(2), b: Some(0) }));
        assert_eq!(parting(&a, &a[..2], |_| true), Some(Parting { a: Some(2), b: None }));
        assert_eq!(parting(&a[1..], &a, |_| true), Some(Parting { a: None, b: Some(0) }));
    }
}
