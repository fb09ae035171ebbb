//! The state between two steps: what it is, and its two forms as bytes.
//!
//! A *published* checkpoint is canonical safetensors: each parameter, its moments, and the step. A *resume* checkpoint
//! also holds the trace and the digests of the published ones before it; it is bound to what is trained on what, and
//! ends in a digest, so that a torn or foreign one is never believed.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{Trace, TrainError};
use crate::action::params::Train;
use crate::digest::BlobDigest;
use crate::model::{Layout, Start, initial_parameters};
use crate::tensor::safetensors::{NamedTensor, decode as decode_tensors, encode};
use crate::tensor::{Buffer, Device, TensorError};

const MAGIC: &[u8] = b"ibid-resume/2\n";

/// A training between two steps.
#[derive(Debug)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Parameters, first and second moments, one after the other.
    pub(super) buffer: Buffer,
    /// What was left so far.
    pub trace: Trace,
}

/// Why a resume checkpoint is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// It ends early, or its bytes are not those that were written.
    #[error("the file is torn")]
    Torn,
    /// It belongs to other parameters or inputs.
    #[error("the file belongs to another training")]
    Foreign,
}

impl State {
    /// The state before the first step.
    pub fn initial(params: &Train) -> Result<Self, TrainError> {
        let layout = Layout::of(&params.model)?;
        let start = Start {
            seed: params.seed,
            logit_scale: params.logit_scale_init.get(),
            vision_positions_std: params.vision_positions_std.get(),
        };
        Self::from_parameters(initial_parameters(&layout, start))
    }

    /// The same state on a device, where [`train`](super::train) then computes.
    pub fn on_device(self, device: Device) -> Result<Self, TrainError> {
        Ok(Self { buffer: self.buffer.on_device(device)?, ..self })
    }

    /// The state before the first step of a training that begins with these parameters.
    pub fn from_parameters(mut elements: Vec<f32>) -> Result<Self, TrainError> {
        let trace = Trace::new(&elements);
        elements.resize(3 * elements.len(), 0.0);
        Ok(Self { step: 0, buffer: Buffer::from_vec(elements, &Device::Cpu)?, trace })
    }

    /// The parameters in order.
    pub fn parameters(&self) -> Result<Vec<f32>, TensorError> {
        self.buffer.with(|elements| elements[..elements.len() / 3].to_vec())
    }

    /// The parameters as canonical safetensors.
    pub fn weights(&self, layout: &Layout) -> Result<Vec<u8>, TensorError> {
        self.buffer
            .with(|elements| encode(&named(layout, layout_names(layout).as_slice(), elements)))?
    }

    /// Parameters, moments (`optimizer.exp_avg.NAME`, `optimizer.exp_avg_sq.NAME`) and the step as canonical
    /// safetensors. The step is two numbers, `[step div 2²⁰, step mod 2²⁰]`, both exact.
    pub fn checkpoint(&self, layout: &Layout) -> Result<Vec<u8>, TensorError> {
        let names = layout_names(layout);
        let moments = ["optimizer.exp_avg", "optimizer.exp_avg_sq"]
            .map(|prefix| names.iter().map(|name| format!("{prefix}.{name}")).collect::<Vec<_>>());
        let step = [self.step >> 20, self.step & 0xF_FFFF].map(exact);
        self.buffer.with(|elements| {
            let mut tensors = named(layout, &names, elements);
            for (place, names) in moments.iter().enumerate() {
                tensors.extend(named(layout, names, &elements[(place + 1) * layout.len()..]));
            }
            tensors.push(NamedTensor { name: "optimizer.step", shape: &[2], elements: &step });
            encode(&tensors)
        })?
    }

    /// Reads a published checkpoint back. `digest` is the trace's chained digest after the checkpoint's steps; the trace
    /// of the state begins there.
    pub fn from_checkpoint(
        bytes: &[u8],
        layout: &Layout,
        digest: [u8; 32],
    ) -> Result<Self, TensorError> {
        let mut elements = decode_tensors(bytes, checkpoint_tensors(layout).iter().map(as_wanted))?;
        let [high, low] = [elements.len() - 2, elements.len() - 1].map(|at| whole(elements[at]));
        elements.truncate(3 * layout.len());
        Ok(Self {
            step: (high << 20) + low,
            buffer: Buffer::from_vec(elements, &Device::Cpu)?,
            trace: Trace::after(digest),
        })
    }

    /// SHA-256 of everything that the next step starts from: parameters and moments.
    pub fn digest(&self) -> Result<BlobDigest, TensorError> {
        self.buffer.with(|elements| {
            let mut digest = Sha256::new();
            for part in elements.chunks(1024) {
                let bytes: Vec<u8> = part.iter().flat_map(|x| x.to_le_bytes()).collect();
                digest.update(bytes);
            }
            BlobDigest::from_bytes(digest.finalize().into())
        })
    }

    /// A resume checkpoint, bound to `binding`: a digest of everything that the training depends on. `published` are
    /// the digests of the published checkpoints so far, by their steps.
    pub fn resume_bytes(
        &self,
        binding: &[u8; 32],
        published: &BTreeMap<u64, BlobDigest>,
    ) -> Result<Vec<u8>, TensorError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(binding);
        bytes.extend_from_slice(&self.step.to_le_bytes());
        bytes.extend_from_slice(&(published.len() as u64).to_le_bytes());
        for (step, digest) in published {
            bytes.extend_from_slice(&step.to_le_bytes());
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes.extend_from_slice(&(self.trace.bytes().len() as u64).to_le_bytes());
        bytes.extend_from_slice(self.trace.bytes());
        self.buffer.with(|elements| {
            elements.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        })?;
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        Ok(bytes)
    }

    /// Reads a resume checkpoint of the training that `binding` names: the state, and the digests of the published
    /// checkpoints before it.
    pub fn resume(
        bytes: &[u8],
        binding: &[u8; 32],
        layout: &Layout,
    ) -> Result<(Self, BTreeMap<u64, BlobDigest>), ResumeError> {
        let (content, digest) = bytes.split_last_chunk::<32>().ok_or(ResumeError::Torn)?;
        if Sha256::digest(content).as_slice() != digest {
            return Err(ResumeError::Torn);
        }
        let rest = content.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(binding));
        decode(rest.ok_or(ResumeError::Foreign)?, layout).ok_or(ResumeError::Torn)
    }
}

/// Name and shape of every tensor of a published checkpoint, in the order of the state; the step comes last.
pub fn checkpoint_tensors(layout: &Layout) -> Vec<(String, Vec<usize>)> {
    let mut tensors: Vec<_> = ["", "optimizer.exp_avg.", "optimizer.exp_avg_sq."]
        .iter()
        .flat_map(|prefix| {
            let named = move |of: &crate::model::Parameter| {
                (format!("{prefix}{}", of.name), of.shape.clone())
            };
            layout.parameters().iter().map(named)
        })
        .collect();
    tensors.push(("optimizer.step".to_owned(), vec![2]));
    tensors
}

fn as_wanted((name, shape): &(String, Vec<usize>)) -> (&str, &[usize]) {
    (name, shape)
}

/// What follows the binding; none if it is not of `layout`.
fn decode(mut rest: &[u8], layout: &Layout) -> Option<(State, BTreeMap<u64, BlobDigest>)> {
    let step = take_u64(&mut rest)?;
    let mut published = BTreeMap::new();
    for _ in 0..take_u64(&mut rest)? {
        let of = take_u64(&mut rest)?;
        let digest;
        (digest, rest) = rest.split_first_chunk::<32>()?;
        published.insert(of, BlobDigest::from_bytes(*digest));
    }
    let trace_len = usize::try_from(take_u64(&mut rest)?).ok()?;
    let (trace, elements) = rest.split_at_checked(trace_len)?;
    let trace = Trace::decode(trace).ok()?;
    if elements.len() != 12 * layout.len() || trace.steps() as u64 != step {
        return None;
    }
    let (elements, _) = elements.as_chunks::<4>();
    let elements = elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let buffer = Buffer::from_vec(elements, &Device::Cpu).ok()?;
    let state = State { step, buffer, trace };
    Some((state, published))
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk::<8>()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

fn layout_names(layout: &Layout) -> Vec<String> {
    layout.parameters().iter().map(|parameter| parameter.name.clone()).collect()
}

fn named<'a>(layout: &'a Layout, names: &'a [String], elements: &'a [f32]) -> Vec<NamedTensor<'a>> {
    let tensor = |(parameter, name): (&'a crate::model::Parameter, &'a String)| NamedTensor {
        name,
        shape: &parameter.shape,
        elements: parameter.region.of(elements),
    };
    layout.parameters().iter().zip(names).map(tensor).collect()
}

#[allow(clippy::cast_precision_loss, reason = "below 2²⁴")]
fn exact(value: u64) -> f32 {
    assert!(value < 1 << 24, "a run has fewer than 2⁴⁴ steps");
    value as f32
}

/// The whole number that [`exact`] stored; anything else becomes a step that no training has.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what it gives is compared with the step that was asked for"
)]
fn whole(value: f32) -> u64 {
    u64::from(value as u32)
}
