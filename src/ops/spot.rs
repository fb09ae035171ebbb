//! `verify --spot`: random stretches of the trainings executed again, and the rest of the plan after them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::error::Error;
use super::inputs::Lent;
use super::laboratory::{Laboratory, Look, Subject};
use super::lock::LockComparison;
use super::losses::TRACE;
use super::reproduce::Reproduced;
use super::run::Running;
use super::verify::{SecondStore, refuse_unlocked};
use super::workspace::{Loaded, Workspace};
use crate::action::{ActionResult, OutputFile};
use crate::digest::BlobDigest;
use crate::fs::Durability;
use crate::jobs::Inspection;
use crate::plan::{LockedAction, Lockfile, Plan};
use crate::training::Trace;
use crate::training::spot::{self, Mismatch, Recorded, Replayed, Segment};

/// How a spot check is made.
#[derive(Debug, Clone, Default)]
pub struct Spot {
    /// Segments to draw.
    pub count: usize,
    /// The nonce of an earlier check that is to be repeated; as a rule none, and the operating system gives one.
    pub nonce: Option<[u8; 32]>,
    /// Seconds that the drawn segments may take together, as estimated.
    pub budget: Option<f64>,
}

/// What a spot check came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpotChecked {
    /// The digest of the lockfile's lines of the trainings: what is checked, fixed before the draw.
    pub record: BlobDigest,
    /// The nonce, drawn after that; 64 hexadecimal digits.
    pub nonce: String,
    /// Segments of all trainings.
    pub segments: usize,
    /// Steps of the shortest and of the longest segment.
    pub segment_steps: [u64; 2],
    /// The share of the trainings that was executed again, in per cent of their operations.
    pub cost_percent: f64,
    /// The segments that were drawn, in order.
    pub drawn: Vec<CheckedSegment>,
    /// How likely it is that a forgery escaped, by the number of forged segments.
    pub misses: Vec<MissProbability>,
    /// The rest of the plan, executed again from the trainings as they are recorded; `None` after a mismatch.
    pub rest: Option<Reproduced>,
}

/// A segment that was drawn.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedSegment {
    /// The training.
    pub label: String,
    /// The stretch.
    #[serde(flatten)]
    pub segment: Segment,
    /// Where it is not what was recorded.
    pub mismatch: Option<Mismatch>,
}

/// How likely it is that a forgery escapes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissProbability {
    /// Segments that are forged.
    pub forged: usize,
    /// The probability that none of them is drawn.
    pub probability: f64,
}

impl SpotChecked {
    /// Whether no segment differs, and nothing of the rest.
    pub fn is_as_recorded(&self) -> bool {
        self.drawn.iter().all(|drawn| drawn.mismatch.is_none())
            && self.rest.as_ref().is_some_and(Reproduced::is_as_recorded)
    }
}

/// A training with what was recorded of it.
struct Checked<'a> {
    subject: Subject<'a>,
    outputs: BTreeMap<String, BlobDigest>,
    trace: Trace,
    /// The digests of its published checkpoints, by steps.
    checkpoints: BTreeMap<u64, BlobDigest>,
    weights: BlobDigest,
}

impl Workspace {
    /// Executes `spot.count` random segments of the trainings again and compares them with what the lockfile names; then
    /// executes everything else again, from the trainings as they are recorded, in a second store.
    pub fn verify_spots(
        &self,
        loaded: &Loaded,
        spot: &Spot,
        into: Option<&Path>,
        running: &mut Running<'_>,
    ) -> Result<SpotChecked, Error> {
        self.check_spots(loaded, spot, into, running).map_err(|error| match error {
            // Other segments are drawn the next time.
            Error::Interrupted => {
                Error::Abandoned { hint: into.map(|_| "name a new folder: --into DIR".to_owned()) }
            }
            error => error,
        })
    }

    fn check_spots(
        &self,
        loaded: &Loaded,
        spot: &Spot,
        into: Option<&Path>,
        running: &mut Running<'_>,
    ) -> Result<SpotChecked, Error> {
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        refuse_unlocked(&plan, &lockfile, loaded, true)?;
        let subjects = Subject::all(loaded, &plan, None)?;
        let store = self.store()?;
        // Before any work: a folder that will not do is refused.
        let into = into.map(|into| self.settings.folder.join(into));
        let second = SecondStore::new(into, &store, None)?;
        refuse_without_checkpoints(&subjects)?;
        let (workspace, budget) = (self, spot.budget);
        let spent = Cell::default();
        let laboratory = Laboratory { workspace, store: &store, lender: None, budget, spent };
        let trainings = subjects
            .into_iter()
            .map(|subject| recorded_of(subject, &lockfile, &laboratory))
            .collect::<Result<Vec<_>, _>>()?;
        let pool: Vec<(usize, Segment)> = trainings
            .iter()
            .enumerate()
            .flat_map(|(place, training)| {
                let train = training.subject.train;
                let steps = training.subject.steps();
                let segments = spot::segments(steps, train.checkpoint_interval_steps);
                segments.into_iter().map(move |segment| (place, segment))
            })
            .collect();
        // Everything that is checked is fixed by now: only then the nonce is drawn.
        let record = record_digest(&trainings);
        let nonce = spot.nonce.map_or_else(fresh_nonce, Ok)?;
        let drawn = spot::draw(&record, &nonce, pool.len(), spot.count);
        let drawn: Vec<_> = drawn.into_iter().map(|at| pool[at]).collect();
        let flops = |chosen: &[(usize, Segment)]| -> u128 {
            chosen
                .iter()
                .map(|(at, segment)| segment_flops(&trainings[*at].subject, *segment))
                .sum()
        };
        let cost_percent = percent(flops(&drawn), flops(&pool));
        // All of them or none: a check that stops in between says nothing.
        laboratory.refuse_over_budget(flops(&drawn), self.settings.level)?;
        let mut checked = Vec::new();
        for (at, segment) in &drawn {
            checked.push(self.check_segment(&laboratory, &trainings[*at], *segment, running)?);
        }
        let rest = if checked.iter().all(|drawn| drawn.mismatch.is_none()) {
            let recorded = (&plan, &lockfile, &trainings[..]);
            Some(self.execute_rest(loaded, recorded, &laboratory, &second, running)?)
        } else {
            None
        };
        let lengths = || pool.iter().map(|(_, segment)| segment.to - segment.from);
        Ok(SpotChecked {
            record,
            nonce: hex(&nonce),
            segments: pool.len(),
            segment_steps: [lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)],
            cost_percent,
            drawn: checked,
            misses: misses(pool.len(), drawn.len()),
            rest,
        })
    }

    fn check_segment(
        &self,
        laboratory: &Laboratory<'_>,
        training: &Checked<'_>,
        segment: Segment,
        running: &mut Running<'_>,
    ) -> Result<CheckedSegment, Error> {
        let Segment { from, to } = segment;
        let state = match training.checkpoints.get(&from) {
            Some(digest) => {
                Some(laboratory.recorded_bytes(laboratory.store, digest)?.ok_or_else(|| {
                    missing(&training.subject, &Subject::checkpoint_name(from), Some(digest))
                })?)
            }
            None => None,
        };
        let label = training.subject.label.clone();
        if state.as_ref().is_some_and(|state| !training.subject.is_state(state, from)) {
            let mismatch = Some(Mismatch::NoState { after: from });
            return Ok(CheckedSegment { label, segment, mismatch });
        }
        let executing =
            super::laboratory::Executing { arguments: self.job_arguments(), ..self.executing() };
        let look = Look {
            who: "segment of",
            subject: &training.subject,
            executing: &executing,
            inspection: Inspection { from, to, ..Inspection::default() },
            state: state.as_deref(),
            trace: Some(&training.trace),
        };
        let seen = laboratory.look(&look, running)?;
        let replayed = Replayed { links: seen.links, end: seen.inspected.end };
        let recorded = Recorded {
            trace: &training.trace,
            checkpoints: &training.checkpoints,
            weights: training.weights,
        };
        let mismatch = spot::compare(segment, &replayed, &recorded).err();
        Ok(CheckedSegment { label, segment, mismatch })
    }

    /// Executes what is no training, in a second store that holds the trainings as they are recorded.
    fn execute_rest(
        &self,
        loaded: &Loaded,
        (plan, lockfile, trainings): (&Plan, &Lockfile, &[Checked<'_>]),
        laboratory: &Laboratory<'_>,
        second: &SecondStore,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        let first = laboratory.store;
        let store = second.open()?;
        for training in trainings {
            let mut outputs = BTreeMap::new();
            for (name, digest) in &training.outputs {
                let bytes = laboratory
                    .recorded_bytes(first, digest)?
                    .ok_or_else(|| missing(&training.subject, name, Some(digest)))?;
                store.put_pinned(digest, &mut &bytes[..], Durability::Relaxed)?;
                let bytes = bytes.len() as u64;
                outputs.insert(name.clone(), OutputFile { digest: *digest, bytes });
            }
            let result = ActionResult { outputs };
            store.record_result(&training.subject.key(), &result, Durability::Relaxed)?;
        }
        let mut whole = plan.clone();
        plan.nodes().keys().for_each(|id| whole.add_target(*id));
        let lent = Lent { store: Some(first), ..Lent::default() };
        let executed = self.execute(&whole, &loaded.root, &store, lent, running);
        let summary = executed.map_err(|error| second.without_logs_that_go(error))?;
        let comparison = LockComparison::of_run(plan, lockfile, &store, &summary)?;
        Self::read_back(loaded, plan, comparison, &store, &summary)
    }
}

/// An error that says what to set, if a training has no place to start from but its beginning.
fn refuse_without_checkpoints(subjects: &[Subject<'_>]) -> Result<(), Error> {
    let without = subjects.iter().filter(|of| of.train.checkpoint_interval_steps == 0);
    let without: Vec<_> = without.collect();
    let Some(first) = without.first() else {
        return Ok(());
    };
    let runs: Vec<_> = without.iter().map(|subject| subject.run()).collect();
    // Eight segments a training are a fair start: one drawn of them costs an eighth.
    let interval = first.steps().div_ceil(8).max(1);
    Err(Error::Usage {
        message: format!(
            "{} of the trainings publish no checkpoints, so that no part of them can be executed alone: {}",
            runs.len(),
            runs.join(", ")
        ),
        hint: Some(format!(
            "set `checkpointIntervalSteps = {interval}` in the training of `{}` ({} steps) and lock it anew, or execute \
             everything: ibid verify {}",
            first.run(),
            first.steps(),
            first.loaded.typed()
        )),
    })
}

/// What the lockfile and the store have of a training.
fn recorded_of<'a>(
    subject: Subject<'a>,
    lockfile: &Lockfile,
    laboratory: &Laboratory<'_>,
) -> Result<Checked<'a>, Error> {
    let outputs = lockfile.locked(&subject.recipe).map(|LockedAction { outputs, .. }| outputs);
    let outputs = outputs.cloned().unwrap_or_default();
    let output =
        |name: &str| outputs.get(name).copied().ok_or_else(|| missing(&subject, name, None));
    let digest = output(TRACE)?;
    let bytes = laboratory
        .recorded_bytes(laboratory.store, &digest)?
        .ok_or_else(|| missing(&subject, TRACE, Some(&digest)))?;
    let bad =
        |reason: String| Error::BadResult { what: format!("{} {TRACE}", subject.label), reason };
    let trace = Trace::decode(&bytes).map_err(|error| bad(error.to_string()))?;
    let steps = subject.steps();
    if trace.steps() as u64 != steps {
        return Err(bad(format!("it has {} links; the training has {steps} steps", trace.steps())));
    }
    let interval = subject.train.checkpoint_interval_steps;
    let checkpoints = (1..=steps / interval)
        .map(|n| Ok((n * interval, output(&Subject::checkpoint_name(n * interval))?)))
        .collect::<Result<_, Error>>()?;
    let weights = output("model.safetensors")?;
    Ok(Checked { subject, outputs, trace, checkpoints, weights })
}

fn missing(subject: &Subject<'_>, output: &str, digest: Option<&BlobDigest>) -> Error {
    let name = subject.loaded.typed();
    match digest {
        Some(digest) => Error::Missing {
            message: format!(
                "`{}` {output} ({}), which the lockfile names, is not here",
                subject.label,
                digest.short()
            ),
            hint: format!(
                "name a folder that holds {digest} with --mirror DIR, or make it: ibid reproduce {name}"
            ),
        },
        None => Error::Missing {
            message: format!("the lockfile names no {output} of `{}`", subject.label),
            hint: format!("ibid lock {name}"),
        },
    }
}

/// The digest of what is checked: recipe and every output of every training, as the lockfile has them.
fn record_digest(trainings: &[Checked<'_>]) -> BlobDigest {
    let mut text = String::new();
    for Checked { subject, outputs, .. } in trainings {
        write!(text, "{}", subject.recipe).expect("writing to a string succeeds");
        for (name, digest) in outputs {
            write!(text, " {name}={digest}").expect("writing to a string succeeds");
        }
        text.push('\n');
    }
    BlobDigest::of(text.as_bytes())
}

/// 32 bytes that nobody knew before.
fn fresh_nonce() -> Result<[u8; 32], Error> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| Error::Missing {
        message: format!("the operating system gives no random numbers: {error}"),
        hint: "throw dice, and name the outcome with --nonce".to_owned(),
    })?;
    Ok(nonce)
}

fn hex(bytes: &[u8; 32]) -> String {
    BlobDigest::from_bytes(*bytes).to_string()
}

fn segment_flops(subject: &Subject<'_>, segment: Segment) -> u128 {
    subject.flops * u128::from(segment.to - segment.from) / u128::from(subject.steps().max(1))
}

#[allow(clippy::cast_precision_loss, reason = "a share for people")]
fn percent(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// For one forged segment, a tenth, a quarter and a half of them.
fn misses(segments: usize, count: usize) -> Vec<MissProbability> {
    let mut forged = vec![1, segments.div_ceil(10), segments.div_ceil(4), segments.div_ceil(2)];
    forged.dedup();
    forged
        .into_iter()
        .map(|forged| MissProbability {
            forged,
            probability: spot::miss_probability(segments, forged, count),
        })
        .collect()
}
