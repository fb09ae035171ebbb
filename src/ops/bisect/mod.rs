//! `bisect`: where two executions of a training part, down to the element.
//!
//! The traces give the first step that differs in O(log n) look-ups, because their digests are chained. That step is
//! executed again on both sides under a recorder, each from its nearest published checkpoint or from the start, and the
//! first operation, tensor and element whose bits differ is named. A side is believed to be executed again only if it gives
//! its own recorded trace; where no way of executing it here does, what was recorded is compared instead.

mod difference;
mod outputs;
mod side;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

pub use difference::{DifferingElement, DifferingTensor, Value};
pub use outputs::DifferingFile;

use super::error::Error;
use super::laboratory::{Executing, Laboratory, Look, Seen, Subject};
use super::losses::TRACE;
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::params::Train;
use crate::digest::BlobDigest;
use crate::jobs::Inspection;
use crate::model::Layout;
use crate::numerics::Level;
use crate::plan::{Difference, differences};
use crate::store::Store;
use crate::training::{Kind, Parting, Record, STATE_BEFORE, Trace, checkpoint_tensors, parting};
use outputs::WEIGHTS;
use side::{Followed, Origin, Side, place, ways};

/// What is compared, and how B's side is executed.
#[derive(Debug, Clone, Default)]
pub struct Bisecting {
    /// Only the training of this run.
    pub run: Option<String>,
    /// The store that holds what B recorded.
    pub with: Option<PathBuf>,
    /// The program that executes B's side: another build of this one.
    pub other_program: Option<PathBuf>,
    /// The SIMD level of B's side.
    pub other_level: Option<Level>,
    /// The threads of B's side.
    pub other_threads: Option<usize>,
    /// Seconds that everything executed again may take together, as estimated.
    pub budget: Option<f64>,
}

/// Two sides, training by training.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bisected {
    /// What A is.
    pub a: String,
    /// What B is.
    pub b: String,
    /// The trainings, by label.
    pub trainings: Vec<BisectedTraining>,
}

impl Bisected {
    /// Whether no training differs.
    pub fn is_same(&self) -> bool {
        self.trainings.iter().all(|training| training.divergence.is_none())
    }
}

/// One training on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BisectedTraining {
    /// A's label.
    pub label: String,
    /// Steps in A's and in B's trace.
    pub steps: [usize; 2],
    /// Steps that A's and that B's training has.
    pub of: [u64; 2],
    /// Whether B was executed for this comparison, as far as A's trace is the same.
    pub executed_now: bool,
    /// Where A is what the lockfile says: the outputs that A's store recorded otherwise.
    pub recorded_otherwise: Vec<String>,
    /// Links of the traces that were looked at.
    pub look_ups: usize,
    /// Where they part.
    pub divergence: Option<Divergence>,
}

/// Where two trainings part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The first step, from 0, whose link differs; `None`: the initial parameters do, or no link.
    pub step: Option<u64>,
    /// What the traces say of that step.
    pub links: [Option<Link>; 2],
    /// The fields of the specification that differ.
    pub fields: Vec<Difference>,
    /// How each side was executed again.
    pub executed: [String; 2],
    /// What was found.
    pub found: Finding,
}

/// One link of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// The loss before the update.
    pub loss: f32,
    /// Its bits.
    pub loss_bits: u32,
    /// The fingerprint of the parameters after the update.
    pub fingerprint: [u64; 2],
}

/// What is known of a divergence.
#[allow(clippy::large_enum_variant, reason = "one a bisection")]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Finding {
    /// Both sides were executed again: the first thing that differs.
    Operation {
        /// The step that it belongs to; before the step of the traces where a difference stayed unseen in the moments.
        step: u64,
        /// The first thing.
        first: DifferingTensor,
        /// The first tensor, if the first thing is none.
        tensor: Option<DifferingTensor>,
    },
    /// The initial parameters.
    Initial {
        /// The sides whose trace does not begin with the parameters that their specification gives.
        foreign: Vec<&'static str>,
        /// Every tensor that differs; empty where a side is foreign, and where the models have other parameters.
        tensors: Vec<DifferingTensor>,
    },
    /// A side published a state that its own start does not give, as little as the trace after it.
    Published {
        /// The side.
        who: &'static str,
        /// What it published.
        output: String,
        /// Steps done at the start: 0, or those of a state that both sides published.
        from: u64,
        /// Steps after which it was published.
        after: u64,
        /// Whether the trace after it is what it gives.
        went_on: bool,
        /// Every tensor that differs: A is what was published, B what was executed again from the start.
        tensors: Vec<DifferingTensor>,
        /// Why no tensor is named.
        unread: Option<String>,
    },
    /// A side cannot be executed again here; what was recorded of both is compared.
    Recorded {
        /// The sides whose trace nothing here gives.
        foreign: Vec<&'static str>,
        /// What the traces say of the place.
        statement: &'static str,
        /// Steps after which both sides published the same state, at most those before the step.
        same_after: Option<u64>,
        /// States that are the same on both sides after the step, and the weights if no state after it differs.
        same_later: Vec<String>,
        /// Steps after which the states below were published or reached: the first that are not the same.
        after: Option<u64>,
        /// Every tensor of those states that differs.
        tensors: Vec<DifferingTensor>,
    },
    /// One trace goes on where the other one ends, and until there they are the same; or a trace has not the steps of
    /// its training.
    Length,
    /// Every link is the same, and what was published is not.
    Outputs {
        /// What was published, in the order of the steps.
        outputs: Vec<DifferingFile>,
        /// Whether A, and whether B, executed again gives the first that both have as that side recorded it; `None`:
        /// there is none.
        gives: Option<[bool; 2]>,
        /// Every tensor of that one that differs.
        tensors: Vec<DifferingTensor>,
        /// Why no tensor of it is named.
        unread: Option<String>,
    },
}

impl Workspace {
    /// Compares the trainings of `a` with those of `b`, or, without `b` and another store, with an execution here and now.
    pub fn bisect(
        &self,
        a: &Loaded,
        b: Option<&Loaded>,
        bisecting: &Bisecting,
        running: &mut Running<'_>,
    ) -> Result<Bisected, Error> {
        if let Some(program) = &bisecting.other_program {
            is_of_ours(&self.settings.folder.join(program))?;
        }
        let store = self.store()?;
        let with = bisecting.with.as_deref().map(|path| self.existing_store(path)).transpose()?;
        let of_b = b.unwrap_or(a);
        let (plan_a, plan_b) = (self.plan_of(a)?, self.plan_of(of_b)?);
        let run = bisecting.run.as_deref();
        let subjects_a = Subject::all(a, &plan_a, run)?;
        let run_b = if plan_b
            .nodes()
            .values()
            .any(|node| run.is_none_or(|run| node.label.trim_end_matches("/train") == run))
        {
            run
        } else {
            None
        };
        let subjects_b = Subject::all(of_b, &plan_b, run_b)?;
        let laboratory = Laboratory {
            workspace: self,
            store: &store,
            lender: with.as_ref(),
            budget: bisecting.budget,
            spent: Cell::default(),
        };
        let recorded_b = (b.is_some() || with.is_some()).then(|| with.as_ref().unwrap_or(&store));
        let (mut trainings, mut locked) = (Vec::new(), Vec::new());
        for (of_a, of_b) in pairs(&subjects_a, &subjects_b)? {
            let own = (&store, recorded_b.is_none());
            let side_a = Self::recorded_side("A", of_a, own, &laboratory, &self.executing())?;
            let other = self.other_executing(bisecting);
            let side_b = match recorded_b {
                Some(store) => Self::recorded_side("B", of_b, (store, false), &laboratory, &other)?,
                None => executed_side(of_b, &store, &laboratory, &other, &side_a.trace, running)?,
            };
            locked.push(matches!(side_a.origin, Origin::Locked(_)));
            trainings.push(bisect_training(&laboratory, &side_a, &side_b, running)?);
        }
        let recorded = |store: &Store| format!("as `{}` recorded it", store.root().display());
        let b = match recorded_b {
            Some(store) => format!("{} {}", of_b.full_name(), recorded(store)),
            None => format!("{} executed now", of_b.full_name()),
        };
        let lockfile = a.lockfile.display();
        let of_a = match (locked.contains(&true), locked.contains(&false)) {
            (true, false) => format!("as `{lockfile}` has it"),
            (true, true) => {
                format!("as `{lockfile}` has it; what is not locked, {}", recorded(&store))
            }
            (false, _) => recorded(&store),
        };
        Ok(Bisected { a: format!("{} {of_a}", a.full_name()), b, trainings })
    }

    /// A store that must be there: comparing with one that is made for the purpose says nothing.
    fn existing_store(&self, path: &Path) -> Result<Store, Error> {
        let path = self.settings.folder.join(path);
        if path.join("layout").is_file() {
            return Ok(Store::open(&path)?);
        }
        Err(Error::Missing {
            message: format!("`{}` is not a store", path.display()),
            hint: "name the folder that a run was given with --store, or one kept by: ibid verify NAME --into DIR"
                .to_owned(),
        })
    }

    /// How this program executes a training, without a planted fault.
    pub(super) fn executing(&self) -> Executing {
        Executing {
            program: self.settings.program.clone(),
            arguments: vec!["job".into()],
            level: self.settings.level,
            threads: self.settings.threads,
        }
    }

    /// How B's side is executed; a planted fault is B's.
    fn other_executing(&self, bisecting: &Bisecting) -> Executing {
        let own = self.executing();
        let folder = &self.settings.folder;
        Executing {
            program: bisecting.other_program.as_ref().map_or(own.program, |path| folder.join(path)),
            arguments: self.job_arguments(),
            level: bisecting.other_level.unwrap_or(own.level),
            threads: bisecting.other_threads.unwrap_or(own.threads),
        }
    }

    /// A side from what a store recorded, or, where a rerun is compared with it, from what the lockfile says.
    fn recorded_side<'a>(
        who: &'static str,
        subject: &'a Subject<'a>,
        (store, locked): (&'a Store, bool),
        laboratory: &Laboratory<'_>,
        executing: &Executing,
    ) -> Result<Side<'a>, Error> {
        let recorded: Option<BTreeMap<_, _>> = subject.recorded(store)?.map(|result| {
            result.outputs.into_iter().map(|(name, file)| (name, file.digest)).collect()
        });
        let lockfile = if locked { subject.loaded.read_lockfile()? } else { None };
        let line = lockfile.as_ref().and_then(|lockfile| lockfile.locked(&subject.recipe));
        let (outputs, origin) = match line {
            Some(line) => {
                let otherwise = recorded.map_or(Vec::new(), |recorded| {
                    let names: BTreeSet<_> = line.outputs.keys().chain(recorded.keys()).collect();
                    let differs = |name: &&String| line.outputs.get(*name) != recorded.get(*name);
                    names.into_iter().filter(differs).cloned().collect()
                });
                (line.outputs.clone(), Origin::Locked(otherwise))
            }
            None => (recorded.unwrap_or_default(), Origin::Recorded),
        };
        let trace = match outputs.get(TRACE) {
            Some(digest) => laboratory.recorded_bytes(store, digest)?,
            None => None,
        };
        let Some(trace) = trace else {
            return Err(without_trace(who, subject, store, (&origin, outputs.get(TRACE))));
        };
        let trace = Trace::decode(&trace).map_err(|error| Error::BadResult {
            what: format!("{who}'s {} {TRACE}", subject.label),
            reason: error.to_string(),
        })?;
        let executing = ways(executing.clone());
        Ok(Side { who, subject, store, outputs, trace, executing, origin })
    }
}

/// The error of a side whose trace is not at hand, or not named.
fn without_trace(
    who: &str,
    subject: &Subject<'_>,
    store: &Store,
    (origin, digest): (&Origin, Option<&BlobDigest>),
) -> Error {
    let root = store.root().display();
    let typed = subject.loaded.typed();
    let name = format!("{}/{}", subject.loaded.full_name(), subject.run());
    let (message, hint) = match (origin, digest) {
        (Origin::Locked(_), None) => {
            (format!("the lockfile names no {TRACE} of `{name}`"), format!("ibid lock {typed}"))
        }
        (Origin::Locked(_), Some(digest)) => (
            format!(
                "{who}'s trace of `{name}`, which the lockfile names, is not in the store `{root}`"
            ),
            format!("name a folder that holds {digest}: --mirror DIR"),
        ),
        (_, Some(digest)) => (
            format!("{who}'s trace of `{name}` is not in the store `{root}`"),
            format!("name a folder that holds {digest}: --mirror DIR"),
        ),
        (_, None) => (
            format!("{who}'s trace of `{name}` is not in the store `{root}`"),
            format!("ibid reproduce {typed} --store {root}"),
        ),
    };
    Error::Missing { message, hint }
}

/// Which trainings are compared: those of one label, or the only one of each side.
fn pairs<'s>(
    a: &'s [Subject<'s>],
    b: &'s [Subject<'s>],
) -> Result<Vec<(&'s Subject<'s>, &'s Subject<'s>)>, Error> {
    if let ([a], [b]) = (a, b) {
        return Ok(vec![(a, b)]);
    }
    let partner = |of_a: &'s Subject<'s>| {
        let found = b.iter().find(|of_b| of_b.label == of_a.label);
        found.map(|of_b| (of_a, of_b)).ok_or_else(|| Error::Usage {
            message: format!("`{}` has no training `{}`", b[0].loaded.full_name(), of_a.run()),
            hint: Some(
                "name one run of both with --run RUN, or targets of one run each".to_owned(),
            ),
        })
    };
    a.iter().map(partner).collect()
}

/// A side that is executed now, until its trace leaves the other one's.
fn executed_side<'a>(
    subject: &'a Subject<'a>,
    store: &'a Store,
    laboratory: &Laboratory<'_>,
    executing: &Executing,
    recorded: &Trace,
    running: &mut Running<'_>,
) -> Result<Side<'a>, Error> {
    // A trace that ends early says nothing of the steps after it.
    let to = subject.steps().min(recorded.steps() as u64);
    let inspection = Inspection { to, published: true, ..Inspection::default() };
    let look =
        Look { who: "B", subject, executing, inspection, state: None, trace: Some(recorded) };
    let seen = laboratory.look(&look, running)?;
    let published = seen.inspected.published.into_iter();
    let mut outputs: BTreeMap<_, _> =
        published.map(|(step, digest)| (Subject::checkpoint_name(step), digest)).collect();
    if let Some([_, weights]) = seen.inspected.end.filter(|_| to == subject.steps()) {
        outputs.insert(WEIGHTS.to_owned(), weights);
    }
    let (trace, executing) = (seen.links, vec![executing.clone()]);
    Ok(Side { who: "B", subject, store, outputs, trace, executing, origin: Origin::Executed })
}

fn bisect_training(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<BisectedTraining, Error> {
    let (parted, look_ups) = a.trace.parting(&b.trace);
    let steps = [a.trace.steps(), b.trace.steps()];
    let of = [a.subject.steps(), b.subject.steps()];
    let fields = || {
        let [a, b] = [a, b].map(|side| side.subject.action.canonical_bytes());
        differences(&a, &b).unwrap_or_default()
    };
    let divergence = |step: Option<u64>, executed, found| Divergence {
        step,
        links: [a, b].map(|side| link(&side.trace, step)),
        fields: fields(),
        executed,
        found,
    };
    let none = [String::new(), String::new()];
    let divergence = match parted {
        None if steps[0] == steps[1] && a.is_whole() && b.is_whole() => {
            let found = outputs::compare(laboratory, a, b, running)?;
            found.map(|(found, executed)| divergence(None, executed, found))
        }
        None => {
            let end = steps[0].min(steps[1]) as u64;
            Some(divergence(Some(end), none, Finding::Length))
        }
        Some(0) => Some(divergence(None, none, initial(laboratory, a, b, running)?)),
        // Such a step is of no training.
        Some(after) if of[0].min(of[1]) < after as u64 => {
            Some(divergence(Some(after as u64 - 1), none, Finding::Length))
        }
        Some(after) => {
            let step = after as u64 - 1;
            let (found, executed) = find(laboratory, a, b, step, running)?;
            Some(divergence(Some(step), executed, found))
        }
    };
    Ok(BisectedTraining {
        label: a.subject.label.clone(),
        steps,
        of,
        executed_now: matches!(b.origin, Origin::Executed),
        recorded_otherwise: match &a.origin {
            Origin::Locked(otherwise) => otherwise.clone(),
            Origin::Recorded | Origin::Executed => Vec::new(),
        },
        look_ups,
        divergence,
    })
}

fn link(trace: &Trace, step: Option<u64>) -> Option<Link> {
    let step = trace.step(usize::try_from(step?).ok()?)?;
    let (loss, fingerprint) = (step.loss, step.fingerprint);
    Some(Link { loss, loss_bits: loss.to_bits(), fingerprint })
}

/// The first thing that differs in `step`, or what was recorded around it.
fn find(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    step: u64,
    running: &mut Running<'_>,
) -> Result<(Finding, [String; 2]), Error> {
    let starts = (a.nearest(laboratory, step)?, b.nearest(laboratory, step)?);
    let followed = (
        a.follow(laboratory, &starts.0, step, running)?,
        b.follow(laboratory, &starts.1, step, running)?,
    );
    let (Some(of_a), Some(of_b)) = &followed else {
        let froms = [starts.0.0, starts.1.0];
        return recorded(laboratory, a, b, (step, [&followed.0, &followed.1], froms), running);
    };
    if first_of(of_a, of_b, |record| record.identity.operation == STATE_BEFORE).is_none() {
        let found = name(laboratory, (a, of_a), (b, of_b), step, running)?;
        return Ok((found, [of_a.how(), of_b.how()]));
    }
    // What the step starts from differs before the traces do: in what they cannot see, such as a moment, or because a
    // side went on from a state that is not its own. Both are executed from the last state that they share.
    let start = a.start(b, laboratory, step)?;
    let from = start.0;
    let seen_a = a.watch(laboratory, of_a.executing, &start, step + 1, running)?;
    let seen_b = b.watch(laboratory, of_b.executing, &start, step + 1, running)?;
    let seen = [(a, of_a.executing, &seen_a), (b, of_b.executing, &seen_b)];
    if let Some(found) = outputs::gone_on_from(laboratory, seen, &start, running)? {
        return Ok((found, [of_a.how(), of_b.how()]));
    }
    let mut states = seen_a.inspected.digests.iter().zip(&seen_b.inspected.digests);
    let at = match states.position(|(a, b)| a != b) {
        Some(steps @ 1..) => from + steps as u64 - 1,
        _ => step,
    };
    let again =
        (a.follow(laboratory, &start, at, running)?, b.follow(laboratory, &start, at, running)?);
    let (Some(of_a), Some(of_b)) = &again else {
        return recorded(laboratory, a, b, (step, [&again.0, &again.1], [from; 2]), running);
    };
    let found = name(laboratory, (a, of_a), (b, of_b), at, running)?;
    Ok((found, [of_a.how(), of_b.how()]))
}

fn first_of(
    a: &Followed<'_>,
    b: &Followed<'_>,
    wanted: impl Fn(&Record) -> bool,
) -> Option<Parting> {
    parting(&a.seen.inspected.records, &b.seen.inspected.records, wanted)
}

/// Names the first thing that differs, and the first tensor.
fn name(
    laboratory: &Laboratory<'_>,
    (a, of_a): (&Side<'_>, &Followed<'_>),
    (b, of_b): (&Side<'_>, &Followed<'_>),
    step: u64,
    running: &mut Running<'_>,
) -> Result<Finding, Error> {
    let bad = |reason: &str| Error::BadResult {
        what: format!("step {step} of {}", a.subject.label),
        reason: reason.to_owned(),
    };
    let first = first_of(of_a, of_b, |_| true)
        .ok_or_else(|| bad("its links differ, but nothing that was recorded of it does"))?;
    let tensor = first_of(of_a, of_b, |record| record.kind == Kind::Binary32);
    let wanted: Vec<Parting> = std::iter::once(first).chain(tensor).collect();
    let keep_a = wanted.iter().filter_map(|at| at.a).collect();
    let keep_b = wanted.iter().filter_map(|at| at.b).collect();
    let kept_a = a.keep(laboratory, of_a, step, keep_a, running)?;
    let kept_b = b.keep(laboratory, of_b, step, keep_b, running)?;
    let differing =
        |at: Parting| DifferingTensor::of_records(kept_at(at.a, &kept_a), kept_at(at.b, &kept_b));
    let found = differing(first).ok_or_else(|| bad("the recorder kept nothing"))?;
    let tensor = tensor.filter(|tensor| *tensor != first).and_then(differing);
    Ok(Finding::Operation { step, first: found, tensor })
}

/// The record at a place, with the elements that were kept of it.
fn kept_at(place: Option<usize>, seen: &Seen) -> Option<(&Record, &[u8])> {
    let place = place?;
    Some((seen.inspected.records.get(place)?, seen.kept.get(&place)?.as_slice()))
}

/// What is known of traces that begin with other parameters: whose are not what the specification gives, or how those
/// that the specifications give differ.
fn initial(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<Finding, Error> {
    // Made anew, a state is believed to be the side's if the side's trace begins with it.
    let states = (a.state_after(laboratory, 0, running)?, b.state_after(laboratory, 0, running)?);
    let foreign = [(a.who, states.0.is_none()), (b.who, states.1.is_none())];
    let foreign = foreign.into_iter().filter(|(_, foreign)| *foreign).map(|(who, _)| who).collect();
    let (tensors, other) = (tensors_of(a.subject.train)?, tensors_of(b.subject.train)?);
    let tensors = match &states {
        (Some(of_a), Some(of_b)) if tensors == other => {
            difference::of_files("initial parameters", &tensors, of_a, of_b)?
        }
        _ => Vec::new(),
    };
    Ok(Finding::Initial { foreign, tensors })
}

fn tensors_of(train: &Train) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let layout = Layout::of(&train.model).map_err(|error| Error::BadResult {
        what: "model".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(checkpoint_tensors(&layout))
}

/// What can be said from records alone, where a side does not give its trace: the traces' links, and published states
/// around the step. `froms` are the steps done where each side was tried from.
fn recorded(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    (step, followed, froms): (u64, [&Option<Followed<'_>>; 2], [u64; 2]),
    running: &mut Running<'_>,
) -> Result<(Finding, [String; 2]), Error> {
    let how = |followed: &Option<Followed<'_>>, from: u64| match followed {
        Some(followed) => followed.how(),
        None => {
            format!("cannot be executed again here from {}: nothing gives its trace", place(from))
        }
    };
    let executed = [how(followed[0], froms[0]), how(followed[1], froms[1])];
    let foreign = [(a.who, followed[0].is_none()), (b.who, followed[1].is_none())];
    let foreign = foreign.into_iter().filter(|(_, foreign)| *foreign).map(|(who, _)| who).collect();
    let same_after = Some(a.common(b, step)).filter(|step| *step > 0);
    let (mut same_later, mut after, mut tensors) = (Vec::new(), None, Vec::new());
    let names = tensors_of(a.subject.train)?;
    let comparable = names == tensors_of(b.subject.train)?;
    for at in published_after(a, b, step) {
        let output = Subject::checkpoint_name(at);
        if is_same(a, b, &output) {
            same_later.push(output);
            continue;
        }
        if !comparable {
            break;
        }
        let states =
            (a.state_after(laboratory, at, running)?, b.state_after(laboratory, at, running)?);
        match states {
            (Some(of_a), Some(of_b)) if of_a == of_b => same_later.push(output),
            (Some(of_a), Some(of_b)) => {
                let what = format!("state after {at} steps");
                (after, tensors) = (Some(at), difference::of_files(&what, &names, &of_a, &of_b)?);
                break;
            }
            _ => {}
        }
    }
    if after.is_none() && is_same(a, b, WEIGHTS) {
        same_later.push(WEIGHTS.to_owned());
    }
    let [of_a, of_b] = [a, b].map(|side| link(&side.trace, Some(step)));
    let same_loss = of_a.zip(of_b).is_some_and(|(a, b)| a.loss_bits == b.loss_bits);
    let statement = if !same_later.is_empty() {
        "in no step, as far as is known: what was published next is the same, so that a trace differs where its training \
         does not"
    } else if same_loss {
        "the loss is the same to the bit, which rounding allows where little differs, and the parameters after the update are \
         not: the place is anywhere in this step, or in moments that differed before"
    } else {
        "the loss differs, from parameters of one fingerprint: the place is in the samples, the forward pass or the loss of \
         this step"
    };
    let found = Finding::Recorded { foreign, statement, same_after, same_later, after, tensors };
    Ok((found, executed))
}

/// Whether both sides have that output, and the same.
fn is_same(a: &Side<'_>, b: &Side<'_>, output: &str) -> bool {
    let digest = a.outputs.get(output);
    digest.is_some() && digest == b.outputs.get(output)
}

/// Steps after `step` whose state at least one side published, ascending.
fn published_after(a: &Side<'_>, b: &Side<'_>, step: u64) -> Vec<u64> {
    let end = a.subject.steps().max(b.subject.steps());
    let published = |at: &u64| {
        let name = Subject::checkpoint_name(*at);
        a.outputs.contains_key(&name) || b.outputs.contains_key(&name)
    };
    (step + 1..=end).filter(published).collect()
}

/// Refuses a program that does not say that it is one of ours.
fn is_of_ours(program: &Path) -> Result<(), Error> {
    let asked = Command::new(program).arg("--version").env_clear().stdin(Stdio::null()).output();
    let reason = match asked {
        Ok(said) if said.stdout.starts_with(b"ibid ") => return Ok(()),
        Ok(_) => "is no build of this program: `--version` does not say `ibid`".to_owned(),
        Err(error) => format!("cannot be started: {error}"),
    };
    Err(Error::Usage {
        message: format!("`{}` {reason}", program.display()),
        hint: Some(
            "name the program of another build: --other-program OTHER/target/release/ibid"
                .to_owned(),
        ),
    })
}
