//! A training looked at instead of performed: executed again from a state that was recorded, compared with its trace as
//! it goes, and, where that is asked for, one step of it under a recorder.
//!
//! Inputs are those of the training, and beside them `state` (a published checkpoint, unless it starts from the first
//! step) and `trace` (what was recorded; where it is missing nothing is compared). Outputs: `inspected.json`,
//! `links.bin` (the trace from the start on), `state.safetensors` and `kept-N.bin` where they are asked for.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::files::{bad_input, read_bytes, write_bytes, write_text};
use super::train::{broken, failed, samples};
use super::{JobContext, JobError, Progress};
use crate::action::params::Train;
use crate::digest::BlobDigest;
use crate::model::Layout;
use crate::training::{Control, Record, Samples, Settings, State, Trace, record_step, train_to};

/// The name of the input that holds the state to start from.
pub const STATE_INPUT: &str = "state";
/// The name of the input that holds the recorded trace.
pub const TRACE_INPUT: &str = "trace";

/// What to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Steps done at the start: 0, or those of the input `state`.
    pub from: u64,
    /// Steps done at the end. The inspection ends early where a link is not the recorded one.
    pub to: u64,
    /// Whether to state the digest of the state after every step.
    pub digests: bool,
    /// Whether to state the digests of the checkpoints that the training publishes.
    pub published: bool,
    /// Whether to leave the state at the end.
    pub state: bool,
    /// Execute the step that follows the end under the recorder, and keep these of its records.
    pub record: Option<Vec<usize>>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspected {
    /// Steps done at the end, before the recorded step.
    pub reached: u64,
    /// The smallest number of steps after which the trace differs from the recorded one, among those executed here.
    pub parted: Option<u64>,
    /// The digest of the state at the end, written as a published checkpoint, and that of the weights; `None` if it
    /// ended early.
    pub end: Option<[BlobDigest; 2]>,
    /// Where it was asked for: the digest of the state at the start and after every step.
    pub digests: Vec<BlobDigest>,
    /// Where it was asked for: by steps done, the digest of each checkpoint published after the start.
    pub published: BTreeMap<u64, BlobDigest>,
    /// What the recorded step made.
    pub records: Vec<Record>,
}

/// Performs an inspection of the training that `params` describe.
pub fn inspect(
    params: &Train,
    inspection: &Inspection,
    context: &mut JobContext<'_>,
) -> Result<(), JobError> {
    let dataset = super::train::dataset(params, context)?;
    let samples = samples(params, &dataset, &read_bytes(context, "vocabulary")?)?;
    let layout =
        Layout::of(&params.model).map_err(|error| JobError::BadParameters(error.to_string()))?;
    let recorded = if context.inputs.join(TRACE_INPUT).exists() {
        let bytes = read_bytes(context, TRACE_INPUT)?;
        Some(Trace::decode(&bytes).map_err(|error| bad_input(TRACE_INPUT, &error))?)
    } else {
        None
    };
    let start = start(params, inspection, &layout, recorded.as_ref(), context)?;
    let published = inspection.published.then_some((&layout, params.checkpoint_interval_steps));
    let watch = Watch {
        from: inspection.from,
        with_digests: inspection.digests,
        published_at: published,
        recorded,
        ..Watch::default()
    };
    let (mut inspected, state) = replay(params, inspection, &*samples, watch, start, context)?;
    let Some(state) = state else {
        return finish(&inspected, context);
    };
    let checkpoint = state.checkpoint(&layout).map_err(broken)?;
    if inspection.state {
        write_bytes(context, "state.safetensors", &checkpoint)?;
    }
    let weights = state.weights(&layout).map_err(broken)?;
    inspected.end = Some([&checkpoint, &weights].map(|bytes| BlobDigest::of(bytes)));
    let mut links = state.trace.clone();
    if let Some(keep) = &inspection.record {
        let settings = Settings { level: context.level, threads: context.threads };
        let (recording, after) =
            record_step(params, &*samples, settings, state, keep).map_err(failed)?;
        links = after.trace;
        inspected.records = recording.records;
        for kept in recording.kept {
            write_bytes(context, &format!("kept-{}.bin", kept.record), &kept.bytes)?;
        }
    }
    write_bytes(context, "links.bin", links.bytes())?;
    finish(&inspected, context)
}

fn finish(inspected: &Inspected, context: &JobContext<'_>) -> Result<(), JobError> {
    let json = serde_json::to_string(inspected).expect("what was seen is plain data");
    write_text(context, "inspected.json", &json)
}

/// The state that an inspection starts from.
fn start(
    params: &Train,
    inspection: &Inspection,
    layout: &Layout,
    recorded: Option<&Trace>,
    context: &JobContext<'_>,
) -> Result<State, JobError> {
    if inspection.from == 0 {
        return State::initial(params).map_err(failed);
    }
    let place = usize::try_from(inspection.from).unwrap_or(usize::MAX);
    let digest = recorded.and_then(|trace| trace.digest(place));
    let digest = digest.ok_or_else(|| bad_input(TRACE_INPUT, &"it ends before the start"))?;
    let bytes = read_bytes(context, STATE_INPUT)?;
    let state = State::from_checkpoint(&bytes, layout, digest)
        .map_err(|error| bad_input(STATE_INPUT, &super::chain(&error)))?;
    if state.step != inspection.from {
        let reason = format!("it is of {} steps, not of {}", state.step, inspection.from);
        return Err(bad_input(STATE_INPUT, &reason));
    }
    Ok(state)
}

/// Performs the steps before the recorded one; no state if it ended early, with the links then written.
fn replay(
    params: &Train,
    inspection: &Inspection,
    samples: &dyn Samples,
    mut watch: Watch<'_>,
    start: State,
    context: &mut JobContext<'_>,
) -> Result<(Inspected, Option<State>), JobError> {
    let (from, to) = (watch.from, inspection.to);
    let settings = Settings { level: context.level, threads: context.threads };
    let mut ended = Ok(!watch.agrees(&start)?);
    let state = if matches!(ended, Ok(true)) {
        None
    } else {
        let trained = train_to(params, samples, settings, start, to, |state| {
            let unit = "steps".to_owned();
            (context.progress)(Progress { done: state.step - from, total: to - from, unit });
            ended = watch.agrees(state).map(|agrees| !agrees);
            let cancelled = context.cancelled.load(Ordering::Relaxed);
            if cancelled {
                ended = Err(JobError::Cancelled);
            }
            if matches!(ended, Ok(false)) { Control::Continue } else { Control::Stop }
        });
        match (ended?, trained) {
            (false, trained) => Some(trained.map_err(failed)?),
            (true, _) => None,
        }
    };
    if let Some(links) = &watch.links {
        write_bytes(context, "links.bin", links.bytes())?;
    }
    let reached = watch.parted.unwrap_or(to);
    let (parted, digests, published) = (watch.parted, watch.digests, watch.published);
    Ok((Inspected { reached, parted, end: None, digests, published, records: Vec::new() }, state))
}

/// What is noted between two steps.
#[derive(Default)]
struct Watch<'a> {
    /// Steps done at the start.
    from: u64,
    with_digests: bool,
    /// The model of checkpoints whose digests are noted, and the steps between them.
    published_at: Option<(&'a Layout, u64)>,
    recorded: Option<Trace>,
    digests: Vec<BlobDigest>,
    published: BTreeMap<u64, BlobDigest>,
    /// Where the trace parted from the recorded one, and the links until there.
    parted: Option<u64>,
    links: Option<Trace>,
}

impl Watch<'_> {
    /// Takes note of a state; whether its trace is the recorded one.
    fn agrees(&mut self, state: &State) -> Result<bool, JobError> {
        if let Some((layout, interval)) = self.published_at
            && state.step > self.from
            && state.step.checked_rem(interval) == Some(0)
        {
            let checkpoint = state.checkpoint(layout).map_err(broken)?;
            self.published.insert(state.step, BlobDigest::of(&checkpoint));
        }
        if self.with_digests {
            self.digests.push(state.digest().map_err(broken)?);
        }
        let place = usize::try_from(state.step).unwrap_or(usize::MAX);
        let own = state.trace.digest(state.trace.steps());
        if self.recorded.as_ref().is_none_or(|recorded| recorded.digest(place) == own) {
            return Ok(true);
        }
        self.parted = Some(state.step);
        self.links = Some(state.trace.clone());
        Ok(false)
    }
}
