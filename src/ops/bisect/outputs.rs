//! Two trainings of one trace that recorded different states: a trace sees a fingerprint of the parameters, nothing of the
//! moments, and nothing of what was written to a file.

use serde::Serialize;

use super::super::error::Error;
use super::super::laboratory::{Laboratory, Seen, Subject};
use super::super::run::Running;
use super::difference::{self, DifferingTensor};
use super::side::Side;
use super::{Finding, first_of, name, tensors_of};
use crate::digest::BlobDigest;
use crate::model::Layout;
use crate::training::{STATE_BEFORE, State};

/// The output that is the parameters after the last step.
pub(super) const WEIGHTS: &str = "model.safetensors";

/// An output that both sides have, with other bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingFile {
    /// Its name.
    pub output: String,
    /// A's digest.
    pub a: BlobDigest,
    /// B's digest.
    pub b: BlobDigest,
    /// Steps after which it is the state.
    #[serde(skip)]
    after: u64,
}

impl DifferingFile {
    fn is_weights(&self) -> bool {
        self.output == WEIGHTS
    }
}

/// What differs of two sides whose traces are the same, and how each was executed again; `None`: nothing does.
///
/// Both are executed again from the last state that both published before the first output that differs. Where their
/// states come apart, that step is what differs; where they do not, a file is not what its training gave.
pub(super) fn compare(
    laboratory: &Laboratory<'_>,
    a: &Side<'_>,
    b: &Side<'_>,
    running: &mut Running<'_>,
) -> Result<Option<(Finding, [String; 2])>, Error> {
    let outputs = differing(a, b);
    let Some(first) = outputs.first() else {
        return Ok(None);
    };
    let to = first.after;
    // The weights may be wrong where the state that they are of is right.
    let from = a.start(b, laboratory, if first.is_weights() { to } else { to - 1 })?;
    let of_a = a.watch(laboratory, &a.executing[0], (from, to), running)?;
    let of_b = b.watch(laboratory, &b.executing[0], (from, to), running)?;
    let mut states = of_a.inspected.digests.iter().zip(&of_b.inspected.digests);
    if let Some(steps @ 1..) = states.position(|(a, b)| a != b) {
        let step = from + steps as u64 - 1;
        let again = (a.follow(laboratory, step, running)?, b.follow(laboratory, step, running)?);
        if let (Some(of_a), Some(of_b)) = &again
            && first_of(of_a, of_b, |record| record.identity.operation == STATE_BEFORE).is_none()
        {
            let found = name(laboratory, (a, of_a), (b, of_b), step, running)?;
            return Ok(Some((found, [of_a.how(), of_b.how()])));
        }
    }
    let gives = [gives(first, &of_a, first.a), gives(first, &of_b, first.b)];
    let tensors = match (
        bytes(laboratory, a, (first, first.a), &of_a)?,
        bytes(laboratory, b, (first, first.b), &of_b)?,
    ) {
        (Some(of_a), Some(of_b)) => tensors(a.subject, first, &of_a, &of_b)?,
        _ => Vec::new(),
    };
    let executed = [a.how_from(from), b.how_from(from)];
    Ok(Some((Finding::Outputs { outputs, gives, tensors }, executed)))
}

/// The states and weights that both sides have and that differ, in the order of the steps.
fn differing(a: &Side<'_>, b: &Side<'_>) -> Vec<DifferingFile> {
    let mut files: Vec<_> = a
        .outputs
        .iter()
        .filter_map(|(name, of_a)| {
            let of_b = b.outputs.get(name).filter(|of_b| *of_b != of_a)?;
            let after = match name.strip_prefix("checkpoint-") {
                Some(rest) => rest.strip_suffix(".safetensors")?.parse().ok()?,
                None if name == WEIGHTS => a.subject.steps(),
                None => return None,
            };
            Some(DifferingFile { output: name.clone(), a: *of_a, b: *of_b, after })
        })
        .collect();
    files.sort_by_key(|file| (file.after, file.is_weights()));
    files
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

/// The tensors that differ; none if a file is not one of this training's tensors.
fn tensors(
    subject: &Subject<'_>,
    file: &DifferingFile,
    a: &[u8],
    b: &[u8],
) -> Result<Vec<DifferingTensor>, Error> {
    let mut tensors = tensors_of(subject.train)?;
    if file.is_weights() {
        // Without both moments of each, and the step.
        tensors.truncate(tensors.len() / 3);
    }
    Ok(difference::of_files(&file.output, &tensors, a, b).unwrap_or_default())
}
