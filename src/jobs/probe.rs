//! A linear probe: a linear layer on frozen image embeddings of length 1.
//!
//! Every random choice has a stream of its own ("test split", "validation split", "few-shot", "probe weight", "probe
//! bias", "probe order"), so that the samples of a probe depend on its seed alone, and those of five shots are among
//! those of ten.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::evaluate::{Embedder, classification, classification_fields, to_json, with_skipped};
use super::files::{write_bytes, write_text};
use super::split::{Material, Parts, Place, fewshot_k};
use super::train::{broken, failed};
use super::{JobContext, JobError, Progress};
use crate::action::canonical::Real;
use crate::action::params::{Probe, Shots, WeightDecay};
use crate::tensor::safetensors::{NamedTensor, encode};
use crate::training::{Control, Features, LinearLayer, LinearRecipe, TrainError};

/// Performs the job.
pub(super) fn run(params: &Probe, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let material = Material::read(context, &params.model, params.split)?;
    let validation = match params.weight_decay {
        WeightDecay::Fixed(_) => None,
        WeightDecay::Validated { validation_percent, .. } => Some(validation_percent),
    };
    let parts = material.parts(params.split, params.shots, params.seed, validation)?;
    let embedder = Embedder::new(&params.model, &params.preprocessing, context)?;
    let mut embedded = Embedded::of(&material, &parts, &embedder, context)?;
    let classes = material.classes().len();
    let probing = Probing { params, classes, width: embedder.model.embed_dim() };
    let (weight_decay, layer) = probing.layer(&parts, &mut embedded, context)?;
    let test = embedded.features(&parts.test, probing.width);
    let scores = |part| layer.scores(context.level, test.part(part));
    let measured = classification(&test.labels, classes, scores)?;
    let mut fields = classification_fields(&measured);
    fields.extend(protocol(params, weight_decay));
    let fields = with_skipped(fields, material.sets());
    material.write(&parts, context)?;
    write_bytes(context, "probe.safetensors", &layer_bytes(&layer, classes)?)?;
    write_text(context, "metrics.json", &to_json(&fields))
}

/// What the numbers were had by, under `CLIP_benchmark`'s names.
#[allow(clippy::cast_precision_loss, reason = "epochs are checked to be few")]
fn protocol(params: &Probe, weight_decay: Real) -> [(String, f64); 4] {
    [
        ("weight_decay".to_owned(), weight_decay.get()),
        ("lr".to_owned(), params.learning_rate.get()),
        ("epochs".to_owned(), params.epochs as f64),
        fewshot_k(params.shots),
    ]
}

/// Canonical safetensors: `bias`, `[classes]`, and `weight`, `[classes, width]`.
fn layer_bytes(layer: &LinearLayer, classes: usize) -> Result<Vec<u8>, JobError> {
    let shape = [classes, layer.weight.len() / classes];
    encode(&[
        NamedTensor { name: "bias", shape: &shape[..1], elements: &layer.bias },
        NamedTensor { name: "weight", shape: &shape, elements: &layer.weight },
    ])
    .map_err(broken)
}

/// The embeddings of every sample of the parts.
struct Embedded(BTreeMap<Place, Vec<f32>>);

impl Embedded {
    fn of(
        material: &Material,
        parts: &Parts,
        embedder: &Embedder,
        context: &mut JobContext<'_>,
    ) -> Result<Self, JobError> {
        let places: Vec<Place> =
            parts.train.iter().chain(&parts.validation).chain(&parts.test).copied().collect();
        let image = |at: usize| material.image(places[at]);
        let elements = embedder.images(places.len(), image, context)?;
        let features = elements.chunks_exact(embedder.model.embed_dim()).map(<[f32]>::to_vec);
        Ok(Self(places.into_iter().zip(features).collect()))
    }

    fn features(&self, places: &[Place], width: usize) -> Features {
        Features {
            width,
            elements: places.iter().flat_map(|place| &self.0[place]).copied().collect(),
            labels: places.iter().map(|place| place.label).collect(),
        }
    }
}

/// What every layer of a job shares.
struct Probing<'p> {
    params: &'p Probe,
    classes: usize,
    width: usize,
}

impl Probing<'_> {
    /// The layer that is measured, and its weight decay.
    fn layer(
        &self,
        parts: &Parts,
        embedded: &mut Embedded,
        context: &mut JobContext<'_>,
    ) -> Result<(Real, LinearLayer), JobError> {
        let features = embedded.features(&parts.train, self.width);
        let candidates = match &self.params.weight_decay {
            WeightDecay::Fixed(value) => {
                return Ok((*value, self.train(*value, &features, context)?));
            }
            WeightDecay::Validated { candidates, .. } => candidates,
        };
        let validation = embedded.features(&parts.validation, self.width);
        let mut best: Option<(f64, Real, LinearLayer)> = None;
        for &candidate in candidates {
            let layer = self.train(candidate, &features, context)?;
            let scores = |part| layer.scores(context.level, validation.part(part));
            let measured = classification(&validation.labels, self.classes, scores)?;
            if best.as_ref().is_none_or(|(acc1, ..)| measured.acc1 > *acc1) {
                best = Some((measured.acc1, candidate, layer));
            }
        }
        let none = || JobError::BadParameters("there is no candidate".to_owned());
        let (_, weight_decay, layer) = best.ok_or_else(none)?;
        if self.params.shots != Shots::Full {
            return Ok((weight_decay, layer));
        }
        let mut all = [parts.train.as_slice(), parts.validation.as_slice()].concat();
        all.sort_unstable();
        let features = embedded.features(&all, self.width);
        Ok((weight_decay, self.train(weight_decay, &features, context)?))
    }

    fn train(
        &self,
        weight_decay: Real,
        features: &Features,
        context: &mut JobContext<'_>,
    ) -> Result<LinearLayer, JobError> {
        let params = self.params;
        let recipe = LinearRecipe {
            learning_rate: params.learning_rate,
            weight_decay,
            betas: [params.beta1, params.beta2],
            epsilon: params.epsilon,
            epochs: params.epochs,
            batch_size: usize::try_from(params.batch_size).unwrap_or(usize::MAX),
            seed: params.seed,
        };
        let layer = LinearLayer::initial(self.classes, self.width, params.seed);
        let after_epoch = |epochs| {
            let (done, total) = (epochs, params.epochs);
            (context.progress)(Progress { done, total, unit: "epochs".to_owned() });
            if context.cancelled.load(Ordering::Relaxed) {
                Control::Stop
            } else {
                Control::Continue
            }
        };
        layer.train(&recipe, (context.level, context.device), features, after_epoch).map_err(
            |error| match error {
                TrainError::Stopped(_) => JobError::Cancelled,
                error => failed(error),
            },
        )
    }
}
