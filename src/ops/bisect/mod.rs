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
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

pub use difference::{DifferingElement, DifferingTensor, Value};
pub use outputs::DifferingFile;

use super::error::Error;
use super::laboratory::{Executing, Laboratory, Look, Subject};
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::params::Train;
use crate::jobs::Inspection;
use crate::model::Layout;
use crate::numerics::Level;
use crate::plan::{Difference, differences};
use crate::store::Store;
use crate::training::{Kind, Parting, Record, STATE_BEFORE, Trace, checkpoint_tensors, parting};
use outputs::WEIGHTS;
use side::{Followed, Side, ways};

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
        /// Every tensor that differs; empty where the models have other parameters.
        tensors: Vec<DifferingTensor>,
    },
    /// A side cannot be executed again here; what was recorded of both is compared.
    Recorded {
        /// The sides whose trace nothing here gives.
        foreign: Vec<&'static str>,
        /// What the traces say of the place.
        statement: &'static str,
        /// Steps after which both sides published the same state, at most those before the step.
        same_after: Option<u64>,
        /// Steps after which the states below were published or reached.
        after: Option<u64>,
        /// Every tensor of those states that differs.
        tensors: Vec<DifferingTensor>,
    },
    /// One training goes on where the other one ends, and until there they are the same.
    Length,
    /// Every link is the same, and states or weights that were written are not.
    Outputs {
        /// What was written, in the order of the steps.
        outputs: Vec<DifferingFile>,
        /// Whether A, and whether B, executed again gives the first of them as that side recorded it.
        gives: [bool; 2],
        /// Every tensor of the first of them that differs; none where a file holds no such tensors.
        tensors: Vec<DifferingTensor>,
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
        let mut trainings = Vec::new();
        for (of_a, of_b) in pairs(&subjects_a, &subjects_b)? {
            let own = (&store, recorded_b.is_none());
            let side_a = Self::recorded_side("A", of_a, own, &laboratory, &self.executing())?;
            let other = self.other_executing(bisecting);
            let side_b = match recorded_b {
                Some(store) => Self::recorded_side("B", of_b, (store, false), &laboratory, &other)?,
                None => executed_side(of_b, &store, &laboratory, &other, &side_a.trace, running)?,
            };
            trainings.push(bisect_training(&laboratory, &side_a, &side_b, running)?);
        }
        let place = |store: &Store| format!("in `{}`", store.root().display());
        let b = match recorded_b {
            Some(store) => format!("{} {}", of_b.full_name(), place(store)),
            None => format!("{} executed now", of_b.full_name()),
        };
        Ok(Bisected { a: format!("{} {}", a.full_name(), place(&store)), b, trainings })
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
        let mut outputs = BTreeMap::new();
        if let Some(result) = subject.recorded(store)? {
            outputs.extend(result.outputs.into_iter().map(|(name, file)| (name, file.digest)));
        }
        if locked
            && let Some(lockfile) = subject.loaded.read_lockfile()?
            && let Some(locked) = lockfile.locked(&subject.recipe)
        {
            outputs.clone_from(&locked.outputs);
        }
        let trace = match outputs.get("trace.bin") {
            Some(digest) => laboratory.recorded_bytes(store, digest)?,
            None => None,
        };
        let Some(trace) = trace else {
            let root = store.root().display();
            let name = format!("{}/{}", subject.loaded.full_name(), subject.run());
            let hint = match outputs.get("trace.bin") {
                Some(digest) => format!("name a folder that holds {digest}: --mirror DIR"),
                None => format!("ibid reproduce {} --store {root}", subject.loaded.typed()),
            };
            let message = format!("{who}'s trace of `{name}` is not in the store `{root}`");
            return Err(Error::Missing { message, hint });
        };
        let trace = Trace::decode(&trace).map_err(|error| Error::BadResult {
            what: format!("{} trace.bin", subject.label),
            reason: error.to_string(),
        })?;
        Ok(Side { who, subject, store, outputs, trace, executing: ways(executing.clone()) })
    }
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
    let inspection = Inspection { to: subject.steps(), published: true, ..Inspection::default() };
    let look =
        Look { who: "B", subject, executing, inspection, state: None, trace: Some(recorded) };
    let seen = laboratory.look(&look, running)?;
    let published = seen.inspected.published.into_iter();
    let mut outputs: BTreeMap<_, _> =
        published.map(|(step, digest)| (Subject::checkpoint_name(step), digest)).collect();
    if let Some([_, weights]) = seen.inspected.end {
        outputs.insert(WEIGHTS.to_owned(), weights);
    }
    let executing = vec![executing.clone()];
    Ok(Side { who: "B", subject, store, outputs, trace: seen.links, executing })
}

fn bisect_training(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<BisectedTraining, Error> {
    let (parted, look_ups) = a.trace.parting(&b.trace);
    let steps = [a.trace.steps(), b.trace.steps()];
    let label = a.subject.label.clone();
    let same =
        |divergence| Ok(BisectedTraining { label: label.clone(), steps, look_ups, divergence });
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
    match parted {
        None if steps[0] == steps[1] => {
            let found = outputs::compare(laboratory, a, b, running)?;
            same(found.map(|(found, executed)| divergence(None, executed, found)))
        }
        None => {
            let end = steps[0].min(steps[1]) as u64;
            same(Some(divergence(Some(end), none, Finding::Length)))
        }
        Some(0) => {
            let tensors = initial_tensors(laboratory, a, b, running)?;
            same(Some(divergence(None, none, Finding::Initial { tensors })))
        }
        Some(after) => {
            let step = after as u64 - 1;
            let (found, executed) = find(laboratory, a, b, step, running)?;
            same(Some(divergence(Some(step), executed, found)))
        }
    }
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
    let (of_a, of_b) = (a.follow(laboratory, step, running)?, b.follow(laboratory, step, running)?);
    let how = |followed: &Option<Followed<'_>>| {
        followed.as_ref().map_or_else(
            || "cannot be executed again here: nothing gives its trace".to_owned(),
            Followed::how,
        )
    };
    let executed = [how(&of_a), how(&of_b)];
    let (Some(of_a), Some(of_b)) = (&of_a, &of_b) else {
        let foreign = [(a.who, of_a.is_none()), (b.who, of_b.is_none())];
        let foreign = foreign.iter().filter(|(_, foreign)| *foreign).map(|(who, _)| *who).collect();
        return Ok((recorded(laboratory, a, b, (step, foreign), running)?, executed));
    };
    if first_of(of_a, of_b, |record| record.identity.operation == STATE_BEFORE).is_none() {
        return Ok((name(laboratory, (a, of_a), (b, of_b), step, running)?, executed));
    }
    // What the traces cannot see, such as a moment, differed before: the first state that does is looked for.
    let from = a.start(b, laboratory, step)?;
    let digests_a = a.watch(laboratory, of_a.executing, (from, step), running)?.inspected.digests;
    let digests_b = b.watch(laboratory, of_b.executing, (from, step), running)?.inspected.digests;
    let differs = digests_a.iter().zip(&digests_b).position(|(a, b)| a != b).unwrap_or(1).max(1);
    let step = from + differs as u64 - 1;
    let (Some(of_a), Some(of_b)) =
        (a.follow(laboratory, step, running)?, b.follow(laboratory, step, running)?)
    else {
        let message = "an execution that followed its trace no longer does".to_owned();
        return Err(Error::BadResult { what: "bisect".to_owned(), reason: message });
    };
    let found = name(laboratory, (a, &of_a), (b, &of_b), step, running)?;
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
    let differing = |at: Parting| {
        let of = |place: Option<usize>, seen: &'_ super::laboratory::Seen| {
            let place = place?;
            Some((seen.inspected.records.get(place)?.clone(), seen.kept.get(&place)?.clone()))
        };
        let (a, b) = (of(at.a, &kept_a), of(at.b, &kept_b));
        let side = |side: &'_ Option<(Record, Vec<u8>)>| {
            side.as_ref().map(|(record, bytes)| (record.clone(), bytes.clone()))
        };
        let (a, b) = (side(&a), side(&b));
        DifferingTensor::of_records(
            a.as_ref().map(|(record, bytes)| (record, bytes.as_slice())),
            b.as_ref().map(|(record, bytes)| (record, bytes.as_slice())),
        )
    };
    let found = differing(first).ok_or_else(|| bad("the recorder kept nothing"))?;
    let tensor = tensor.filter(|tensor| *tensor != first).and_then(differing);
    Ok(Finding::Operation { step, first: found, tensor })
}

/// The initial parameters that differ.
fn initial_tensors(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<Vec<DifferingTensor>, Error> {
    let (tensors, other) = (tensors_of(a.subject.train)?, tensors_of(b.subject.train)?);
    if tensors != other {
        return Ok(Vec::new());
    }
    let states = (a.state_after(laboratory, 0, running)?, b.state_after(laboratory, 0, running)?);
    let (Some(of_a), Some(of_b)) = states else {
        return Ok(Vec::new());
    };
    difference::of_files("initial parameters", &tensors, &of_a, &of_b)
}

fn tensors_of(train: &Train) -> Result<Vec<(String, Vec<usize>)>, Error> {
    let layout = Layout::of(&train.model).map_err(|error| Error::BadResult {
        what: "model".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(checkpoint_tensors(&layout))
}

/// What can be said from records alone: the traces' links, and published states around the step.
fn recorded(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    (step, foreign): (u64, Vec<&'static str>),
    running: &mut Running<'_>,
) -> Result<Finding, Error> {
    let [of_a, of_b] = [a, b].map(|side| link(&side.trace, Some(step)));
    let same_loss = of_a.zip(of_b).is_some_and(|(a, b)| a.loss_bits == b.loss_bits);
    let statement = if same_loss {
        "the loss is the same to the bit, which rounding allows where little differs, and the parameters after the update are \
         not: the place is anywhere in this step, or in moments that differed before"
    } else {
        "the loss differs, from parameters of one fingerprint: the place is in the samples, the forward pass or the loss of \
         this step"
    };
    let same_after = Some(a.common(b, step)).filter(|step| *step > 0);
    let (mut after, mut tensors) = (None, Vec::new());
    let names = tensors_of(a.subject.train)?;
    if names == tensors_of(b.subject.train)? {
        for at in published_after(a, b, step) {
            let states =
                (a.state_after(laboratory, at, running)?, b.state_after(laboratory, at, running)?);
            if let (Some(of_a), Some(of_b)) = states {
                let what = format!("state after {at} steps");
                (after, tensors) = (Some(at), difference::of_files(&what, &names, &of_a, &of_b)?);
                break;
            }
        }
    }
    Ok(Finding::Recorded { foreign, statement, same_after, after, tensors })
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
