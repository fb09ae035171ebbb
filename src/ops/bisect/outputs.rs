//! What was published and is not what it should be: outputs of two trainings of one trace, since a trace sees a
//! fingerprint of the parameters, nothing of the moments, and nothing of what was written to a file; and states that a
//! training went on from.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::error::Error;
use super::super::laboratory::{Executing, Laboratory, Seen, Subject};
use super::super::run::Running;
use super::difference::{self, DifferingTensor};
use super::side::{Side, Start};
use super::{Finding, TRACE, first_of, name, tensors_of};
use crate::digest::BlobDigest;
use crate::model::Layout;
use crate::training::{STATE_BEFORE, State};

/// The output that is the parameters after the last step.
pub(super) const WEIGHTS: &str = "model.safetensors";

/// An output that the sides have with other bytes, or that one of them lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingFile {
    /// Its name.
    pub output: String,
    /// A's digest; `None`: A has no such output.
    pub a: Option<BlobDigest>,
    /// B's digest; `None`: B has no such output.
    pub b: Option<BlobDigest>,
    /// Steps after which it is the state, or the weights; `None`: it is neither.
    #[serde(skip)]
    after: Option<u64>,
}

impl DifferingFile {
    fn is_weights(&self) -> bool {
        self.output == WEIGHTS
    }
}

/// A state or the weights, with other bytes on both sides.
struct Both<'f> {
    file: &'f DifferingFile,
    after: u64,
    digests: [BlobDigest; 2],
}

/// What differs of two sides whose traces are the same, and how each was executed again; `None`: nothing does.
///
/// Both are executed again from the last state that both published before the first output that differs. Where their
/// states come apart, that step is what differs; where they do not, a file is not what its training gave. An output
/// that a side lacks is named, and nothing is executed for it.
pub(super) fn compare(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<Option<(Finding, [String; 2])>, Error> {
    let outputs = differing(a, b);
    if outputs.is_empty() {
        return Ok(None);
    }
    let first = outputs.iter().find_map(|file| {
        let (after, digests) = (file.after?, [file.a?, file.b?]);
        Some(Both { file, after, digests })
    });
    let Some(first) = first else {
        let found = Finding::Outputs { outputs, gives: None, tensors: Vec::new(), unread: None };
        return Ok(Some((found, [String::new(), String::new()])));
    };
    let to = first.after;
    // The weights may be wrong where the state that they are of is right.
    let start = a.start(b, laboratory, if first.file.is_weights() { to } else { to - 1 })?;
    let from = start.0;
    let of_a = a.watch(laboratory, &a.executing[0], &start, to, running)?;
    let of_b = b.watch(laboratory, &b.executing[0], &start, to, running)?;
    let mut states = of_a.inspected.digests.iter().zip(&of_b.inspected.digests);
    if let Some(steps @ 1..) = states.position(|(a, b)| a != b) {
        let step = from + steps as u64 - 1;
        let again = (
            a.follow(laboratory, &start, step, running)?,
            b.follow(laboratory, &start, step, running)?,
        );
        if let (Some(of_a), Some(of_b)) = &again
            && first_of(of_a, of_b, |record| record.identity.operation == STATE_BEFORE).is_none()
        {
            let found = name(laboratory, (a, of_a), (b, of_b), step, running)?;
            return Ok(Some((found, [of_a.how(), of_b.how()])));
        }
    }
    let [digest_a, digest_b] = first.digests;
    let gives = Some([gives(first.file, &of_a, digest_a), gives(first.file, &of_b, digest_b)]);
    let files = [
        ("A's", bytes(laboratory, a, (first.file, digest_a), &of_a)?),
        ("B's", bytes(laboratory, b, (first.file, digest_b), &of_b)?),
    ];
    let (tensors, unread) = tensors(a.subject, &first.file.output, &files)?;
    let executed = [a.how_from(from), b.how_from(from)];
    Ok(Some((Finding::Outputs { outputs, gives, tensors, unread }, executed)))
}

/// The outputs that differ, in the order of the steps. One that a side lacks does, unless the other side's
/// specification asks for it and its own does not, as where checkpoints are published at other intervals.
fn differing(a: &Side<'_>, b: &Side<'_>) -> Vec<DifferingFile> {
    let names: BTreeSet<&String> = a.outputs.keys().chain(b.outputs.keys()).collect();
    let mut files = Vec::new();
    // The traces were compared link by link.
    for output in names.into_iter().filter(|name| *name != TRACE) {
        let [of_a, of_b] = [a, b].map(|side| side.outputs.get(output).copied());
        let differs = match (of_a, of_b) {
            (Some(of_a), Some(of_b)) => of_a != of_b,
            (Some(_), None) => b.owes(output) || !a.owes(output),
            (None, _) => a.owes(output) || !b.owes(output),
        };
        if differs {
            let steps = a.subject.steps();
            let after = if output == WEIGHTS { Some(steps) } else { checkpoint_of(output) };
            let after = after.filter(|after| (1..=steps).contains(after));
            files.push(DifferingFile { output: output.clone(), a: of_a, b: of_b, after });
        }
    }
    files.sort_by_key(|file| (file.after.unwrap_or(u64::MAX), file.is_weights()));
    files
}

/// The steps after which an output of that name is the state.
pub(super) fn checkpoint_of(output: &str) -> Option<u64> {
    output.strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?.parse().ok()
}

/// The first state that a side published and that is not what it gives itself from `start`, if there is one; `seen` are
/// the sides executed from there. A side that gives its trace from there did not go on from such a state.
pub(super) fn gone_on_from(
    laboratory: &Laboratory<'_>,
    seen: [(&Side<'_>, &Executing, &Seen); 2],
    start: &Start,
    running: &mut Running<'_>,
) -> Result<Option<Finding>, Error> {
    let mut first: Option<(u64, u64, &Side<'_>, &Executing)> = None;
    for (side, executing, seen) in seen {
        let Some(parted) = seen.inspected.parted else {
            continue;
        };
        let wrong = seen.inspected.published.iter().find(|(step, digest)| {
            let recorded = side.outputs.get(&Subject::checkpoint_name(**step));
            **step < parted && recorded.is_some_and(|recorded| recorded != *digest)
        });
        if let Some((after, _)) = wrong
            && first.is_none_or(|(earlier, ..)| *after < earlier)
        {
            first = Some((*after, parted, side, executing));
        }
    }
    let Some((after, parted, side, executing)) = first else {
        return Ok(None);
    };
    let output = Subject::checkpoint_name(after);
    let published = side.published(laboratory, after)?;
    let went_on = match published.as_ref().filter(|bytes| side.subject.is_state(bytes, after)) {
        Some(state) => {
            let start = (after, Some(state.clone()));
            let seen = side.watch(laboratory, executing, &start, parted, running)?;
            seen.inspected.parted.is_none()
        }
        None => false,
    };
    let executed = side.watch(laboratory, executing, start, after, running)?.state;
    let files = [("the published", published), ("the executed", executed)];
    let (tensors, unread) = tensors(side.subject, &output, &files)?;
    let (who, from) = (side.who, start.0);
    Ok(Some(Finding::Published { who, output, from, after, went_on, tensors, unread }))
}

/// Whether the training, executed again, gives the file of that digest.
fn gives(file: &DifferingFile, seen: &Seen, digest: BlobDigest) -> bool {
    seen.inspected
        .end
        .is_some_and(|[state, weights]| digest == if file.is_weights() { weights } else { state })
}

/// The bytes of a side's file: as recorded, or as it was executed just now.
fn bytes(
    laboratory: &Laboratory<'_>,
    side: &Side<'_>,
    (file, digest): (&DifferingFile, BlobDigest),
    seen: &Seen,
) -> Result<Option<Vec<u8>>, Error> {
    if let Some(recorded) = laboratory.recorded_bytes(side.store, &digest)? {
        return Ok(Some(recorded));
    }
    let state = seen.state.as_ref().filter(|_| gives(file, seen, digest));
    Ok(match state {
        Some(state) if file.is_weights() => weights_of(side.subject, state),
        state => state.cloned(),
    })
}

fn weights_of(subject: &Subject<'_>, state: &[u8]) -> Option<Vec<u8>> {
    let layout = Layout::of(&subject.train.model).ok()?;
    State::from_checkpoint(state, &layout, [0; 32]).ok()?.weights(&layout).ok()
}

/// The tensors in which two files differ, each with whose it is; where none can be named, why not.
fn tensors(
    subject: &Subject<'_>,
    output: &str,
    files: &[(&str, Option<Vec<u8>>); 2],
) -> Result<(Vec<DifferingTensor>, Option<String>), Error> {
    let mut tensors = tensors_of(subject.train)?;
    if output == WEIGHTS {
        // Without both moments of each, and the step.
        tensors.truncate(tensors.len() / 3);
    }
    let mut elements = Vec::new();
    for (whose, file) in files {
        let Some(file) = file else {
            return Ok((Vec::new(), Some(format!("not compared: {whose} file is not at hand"))));
        };
        match difference::elements(&tensors, file) {
            Ok(read) => elements.push(read),
            Err(error) => {
                let reason =
                    format!("not compared: {whose} file is none of such a training: {error}");
                return Ok((Vec::new(), Some(reason)));
            }
        }
    }
    let found = difference::of_elements(output, &tensors, &elements[0], &elements[1]);
    let same = "all numbers are the same: the same tensors are written otherwise";
    let unread = found.is_empty().then(|| same.to_owned());
    Ok((found, unread))
}
