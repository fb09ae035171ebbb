//! One side of a comparison: what was recorded of a training, and how it is executed again.

use std::collections::BTreeMap;

use super::super::error::Error;
use super::super::laboratory::{Executing, Laboratory, Look, Seen, Subject};
use super::super::run::Running;
use super::outputs::{WEIGHTS, checkpoint_of};
use crate::digest::BlobDigest;
use crate::jobs::Inspection;
use crate::numerics::Level;
use crate::store::Store;
use crate::training::Trace;

/// Steps done, and the published state after them; without one: the start.
pub(super) type Start = (u64, Option<Vec<u8>>);

/// A training as one side has it.
pub(super) struct Side<'a> {
    pub(super) who: &'static str,
    pub(super) subject: &'a Subject<'a>,
    pub(super) store: &'a Store,
    /// The digests of what was recorded; of a side that was executed just now, of the states it would have published and of
    /// the weights.
    pub(super) outputs: BTreeMap<String, BlobDigest>,
    pub(super) trace: Trace,
    /// How to execute it, the first that gives the recorded trace.
    pub(super) executing: Vec<Executing>,
    pub(super) origin: Origin,
}

/// What a side is.
pub(super) enum Origin {
    /// What its store recorded.
    Recorded,
    /// What the lockfile says; with the outputs that its store recorded otherwise.
    Locked(Vec<String>),
    /// What was executed just now, as far as the other side's trace is the same.
    Executed,
}

/// A side at the step where the traces part, executed again.
pub(super) struct Followed<'e> {
    /// How it was executed.
    pub(super) executing: &'e Executing,
    /// Steps done at the recorded state that it started from.
    pub(super) from: u64,
    /// What was seen of the step.
    pub(super) seen: Seen,
}

impl Followed<'_> {
    /// How it was executed, for people.
    pub(super) fn how(&self) -> String {
        how(self.executing, self.from)
    }
}

fn how(executing: &Executing, from: u64) -> String {
    let Executing { level, threads, .. } = executing;
    format!("executed again from {} ({level}, threads {threads})", place(from))
}

/// Where an execution starts, for people.
pub(super) fn place(from: u64) -> String {
    match from {
        0 => "the start".to_owned(),
        step => format!("the checkpoint after {step} steps"),
    }
}

impl Side<'_> {
    /// Whether its trace has a link for every step of its training; one that was executed just now has as many as there
    /// was need for.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.origin, Origin::Executed) || self.trace.steps() as u64 == self.subject.steps()
    }

    /// Whether its specification has the training publish that state, or these weights.
    pub(super) fn owes(&self, output: &str) -> bool {
        let interval = self.subject.train.checkpoint_interval_steps;
        let steps = self.subject.steps();
        output == WEIGHTS
            || checkpoint_of(output).is_some_and(|step| {
                (1..=steps).contains(&step) && step.checked_rem(interval) == Some(0)
            })
    }

    /// The last published checkpoint at or before `step` that is still there.
    pub(super) fn nearest(&self, laboratory: &Laboratory<'_>, step: u64) -> Result<Start, Error> {
        let interval = self.subject.train.checkpoint_interval_steps;
        let mut at = step.checked_div(interval).unwrap_or(0) * interval;
        while at > 0 {
            if let Some(bytes) = self.checkpoint(laboratory, at)? {
                return Ok((at, Some(bytes)));
            }
            at -= interval;
        }
        Ok((0, None))
    }

    /// How it is executed first, for people.
    pub(super) fn how_from(&self, from: u64) -> String {
        how(&self.executing[0], from)
    }

    /// The published checkpoint after so many steps, if it is still there and is one.
    pub(super) fn checkpoint(
        &self,
        laboratory: &Laboratory<'_>,
        step: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let published = self.published(laboratory, step)?;
        Ok(published.filter(|bytes| self.subject.is_state(bytes, step)))
    }

    /// What is still there under the name of that checkpoint, whatever it is.
    pub(super) fn published(
        &self,
        laboratory: &Laboratory<'_>,
        step: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.outputs.get(&Subject::checkpoint_name(step)) {
            Some(digest) => laboratory.recorded_bytes(self.store, digest),
            None => Ok(None),
        }
    }

    /// Steps after which both sides published the same checkpoint, at most `step`; 0 if there is none.
    pub(super) fn common(&self, other: &Side<'_>, step: u64) -> u64 {
        let at = |n: &u64| {
            let name = Subject::checkpoint_name(*n);
            let digest = self.outputs.get(&name);
            digest.is_some() && digest == other.outputs.get(&name)
        };
        (1..=step).rev().find(at).unwrap_or(0)
    }

    /// The last of those states, at most after `step` steps, that one of the sides still has.
    pub(super) fn start(
        &self,
        other: &Side<'_>,
        laboratory: &Laboratory<'_>,
        step: u64,
    ) -> Result<Start, Error> {
        let mut at = self.common(other, step);
        while at > 0 {
            for side in [self, other] {
                if let Some(state) = side.checkpoint(laboratory, at)? {
                    return Ok((at, Some(state)));
                }
            }
            at = self.common(other, at - 1);
        }
        Ok((0, None))
    }

    /// Executes the training again from there to the state after `to` steps, for as long as it gives its trace: with
    /// the digests of all whole states, moments and all, those of the checkpoints that it publishes, and the last state.
    pub(super) fn watch(
        &self,
        laboratory: &Laboratory<'_>,
        executing: &Executing,
        (from, state): &Start,
        to: u64,
        running: &mut Running<'_>,
    ) -> Result<Seen, Error> {
        let inspection = Inspection {
            from: *from,
            to,
            digests: true,
            published: true,
            state: true,
            ..Inspection::default()
        };
        laboratory.look(&self.look(executing, inspection, state.as_deref()), running)
    }

    /// Executes the training again from there up to `step`, and the step itself under the recorder. `None`: no way to
    /// execute it gives the recorded trace, so that its bits cannot be had here.
    pub(super) fn follow(
        &self,
        laboratory: &Laboratory<'_>,
        (from, state): &Start,
        step: u64,
        running: &mut Running<'_>,
    ) -> Result<Option<Followed<'_>>, Error> {
        let from = *from;
        for executing in &self.executing {
            let inspection = Inspection {
                from,
                to: step,
                state: true,
                record: Some(Vec::new()),
                ..Inspection::default()
            };
            let seen =
                laboratory.look(&self.look(executing, inspection, state.as_deref()), running)?;
            let place = |steps: u64| usize::try_from(steps).unwrap_or(usize::MAX);
            let follows = seen.inspected.parted.is_none()
                && seen.links.digest(place(step + 1 - from)) == self.trace.digest(place(step + 1));
            if follows {
                return Ok(Some(Followed { executing, from, seen }));
            }
        }
        Ok(None)
    }

    /// Records the step again from the state before it, and keeps the elements of one record.
    pub(super) fn keep(
        &self,
        laboratory: &Laboratory<'_>,
        followed: &Followed<'_>,
        step: u64,
        records: Vec<usize>,
        running: &mut Running<'_>,
    ) -> Result<Seen, Error> {
        let inspection =
            Inspection { from: step, to: step, record: Some(records), ..Inspection::default() };
        // The first step starts from no recorded state.
        let state = followed.seen.state.as_deref().filter(|_| step > 0);
        laboratory.look(&self.look(followed.executing, inspection, state), running)
    }

    /// The state after so many steps: published, or executed again as the trace says; none if neither can be had.
    pub(super) fn state_after(
        &self,
        laboratory: &Laboratory<'_>,
        step: u64,
        running: &mut Running<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        // The initial state is not published: it is what the specification gives.
        if step > 0
            && let Some(bytes) = self.checkpoint(laboratory, step)?
        {
            return Ok(Some(bytes));
        }
        if self.trace.steps() < usize::try_from(step).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        let (from, state) = self.nearest(laboratory, step)?;
        for executing in &self.executing {
            let inspection = Inspection { from, to: step, state: true, ..Inspection::default() };
            let look = self.look(executing, inspection, state.as_deref());
            let seen = laboratory.look(&look, running)?;
            if seen.inspected.parted.is_none() {
                return Ok(seen.state);
            }
        }
        Ok(None)
    }

    fn look<'s>(
        &'s self,
        executing: &'s Executing,
        inspection: Inspection,
        state: Option<&'s [u8]>,
    ) -> Look<'s> {
        let trace = Some(&self.trace);
        Look { who: self.who, subject: self.subject, executing, inspection, state, trace }
    }
}

/// The ways to execute a side, in the order in which they are tried: as asked, and as the definitions are written, on one
/// thread and without vector instructions.
pub(super) fn ways(asked: Executing) -> Vec<Executing> {
    let plain = Executing { level: Level::Scalar, threads: 1, ..asked.clone() };
    if plain == asked { vec![asked] } else { vec![asked, plain] }
}
