//! End-to-end fine-tuning: the vision tower of a trained model with a linear layer on its embeddings, trained by the
//! machinery of `training` (chunks, tree, optimiser, schedule, trace), then measured.

use super::evaluate::{
    Embedder, classification, classification_fields, read_weights, to_json, tokenizer, with_skipped,
};
use super::files::{read_bytes, write_bytes, write_text};
use super::split::{Material, Parts, Place, fewshot_k};
use super::train::{Training, binding, broken};
use super::{JobContext, JobError};
use crate::action::canonical::Real;
use crate::action::params::{CaptionChoice, FineTune, HeadStart, SampleOrder, Train};
use crate::model::{Layout, Model};
use crate::numerics::elementary::exp;
use crate::tensor::Buffer;
use crate::training::{Features, LinearLayer, SampleError, Samples, Seen, State, Visit, fine_tune};

/// Performs the job.
pub(super) fn run(params: &FineTune, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let material = Material::read(context, &params.model, params.split)?;
    let parts = material.parts(params.split, params.shots, params.seed, None)?;
    let classes = material.classes().len();
    let model = Model::classifier(&params.model, &params.preprocessing, classes)
        .map_err(|error| JobError::BadParameters(error.to_string()))?;
    let recipe = recipe(params);
    let samples = Lesson { material: &material, train: &parts.train, size: [parts.train.len()] };
    let binding = inputs_binding(params, context)?;
    let training = Training { params: &recipe, layout: model.layout(), binding };
    let state = training.perform(
        context,
        |context| start(params, &model, &material, context),
        |settings, state, after_step| {
            fine_tune(&model, &recipe, &samples, settings, state, after_step)
        },
    )?;
    let fields = measure(params, &model, &material, &parts, &state, context)?;
    material.write(&parts, context)?;
    let weights = state.weights(model.layout()).map_err(broken)?;
    write_bytes(context, "classifier.safetensors", &weights)?;
    write_bytes(context, "trace.bin", state.trace.bytes())?;
    write_text(context, "metrics.json", &to_json(&fields))
}

/// What the loop of `training` goes by. Captions and the logit scale have no part in it.
fn recipe(params: &FineTune) -> Train {
    Train {
        model: params.model.clone(),
        preprocessing: params.preprocessing.clone(),
        seed: params.seed,
        samples_seen: params.samples_seen,
        batch_size: params.batch_size,
        gradient_chunk: params.gradient_chunk,
        optimizer: params.optimizer.clone(),
        schedule: params.schedule.clone(),
        logit_scale_init: Real::new(0.0).expect("zero is finite"),
        vision_positions_std: Train::first_positions_std(),
        captions: CaptionChoice::First,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: 0,
        crop: None,
        profile: None,
    }
}

/// The samples that are learned from, as one shard.
struct Lesson<'m> {
    material: &'m Material,
    train: &'m [Place],
    size: [usize; 1],
}

impl Samples for Lesson<'_> {
    fn shard_sizes(&self) -> &[usize] {
        &self.size
    }

    fn captions(&self, _: usize) -> Result<usize, SampleError> {
        Ok(1)
    }

    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError> {
        let (sample, place) = (visit.sample, self.train[visit.sample]);
        let image = self.material.image(place);
        let image = image.map_err(|error| SampleError { sample, source: error.into() })?;
        Ok(Seen { image, tokens: None, label: Some(place.label) })
    }

    fn is_held(&self) -> bool {
        self.material.is_held()
    }
}

/// A resume checkpoint belongs to these parameters and the bytes of these inputs.
fn inputs_binding(params: &FineTune, context: &JobContext<'_>) -> Result<[u8; 32], JobError> {
    let trees = params.split.train_inputs();
    let trees = std::iter::once("dataset".to_owned()).chain(trees);
    let mut names: Vec<String> = trees.map(|name| format!("{name}/manifest.json")).collect();
    let is_released = context.inputs.join("weights").is_dir();
    let weights = if is_released { "weights/manifest.json" } else { "weights" };
    names.extend(["classes".to_owned(), weights.to_owned()]);
    if matches!(params.head, HeadStart::ZeroShot { .. }) {
        names.push("vocabulary".to_owned());
    }
    let inputs: Vec<_> =
        names.iter().map(|name| read_bytes(context, name)).collect::<Result<_, _>>()?;
    Ok(binding(params, inputs.iter().map(Vec::as_slice)))
}

/// The model before the first step: the tower of the weights, and the layer that the parameters ask for.
fn start(
    params: &FineTune,
    model: &Model,
    material: &Material,
    context: &JobContext<'_>,
) -> Result<State, JobError> {
    let whole =
        Layout::of(&params.model).map_err(|error| JobError::BadParameters(error.to_string()))?;
    let weights = read_weights(&params.model, &params.preprocessing, &whole, context)?;
    let layer = match &params.head {
        HeadStart::Random => {
            LinearLayer::initial(material.classes().len(), model.embed_dim(), params.seed)
        }
        HeadStart::ZeroShot { templates } => {
            let scale = exp(whole.region("logit_scale").of(&weights)[0]);
            zero_shot(params, templates, scale, material, context)?
        }
    };
    let mut elements = vec![0.0; model.layout().len()];
    for parameter in model.layout().parameters() {
        let from = match parameter.name.as_str() {
            "head.bias" => layer.bias.as_slice(),
            "head.weight" => layer.weight.as_slice(),
            name => whole.region(name).of(&weights),
        };
        parameter.region.of_mut(&mut elements).copy_from_slice(from);
    }
    State::from_parameters(elements).map_err(super::train::failed)
}

/// The classifier of the class prompts, as a linear layer.
fn zero_shot(
    params: &FineTune,
    templates: &[String],
    scale: f32,
    material: &Material,
    context: &JobContext<'_>,
) -> Result<LinearLayer, JobError> {
    let tokenizer = tokenizer(&params.model, &read_bytes(context, "vocabulary")?)?;
    let embedder = Embedder::new(&params.model, &params.preprocessing, context)?;
    let names: Vec<&str> = material.classes().iter().map(String::as_str).collect();
    let mut weight = embedder.classes(&tokenizer, &names, templates)?;
    weight.iter_mut().for_each(|x| *x *= scale);
    Ok(LinearLayer { weight, bias: vec![0.0; names.len()] })
}

/// The trained classifier on the test samples.
fn measure(
    params: &FineTune,
    model: &Model,
    material: &Material,
    parts: &Parts,
    state: &State,
    context: &mut JobContext<'_>,
) -> Result<Vec<(String, f64)>, JobError> {
    let parameters = state.parameters().map_err(broken)?;
    let region = |name: &str| model.layout().region(name).of(&parameters).to_vec();
    let layer = LinearLayer { weight: region("head.weight"), bias: region("head.bias") };
    let buffer = Buffer::from_vec(parameters.clone(), &context.device).map_err(broken)?;
    let embedder = Embedder::of(model.clone(), context.level, buffer);
    let image = |at: usize| material.image(parts.test[at]);
    let elements = embedder.images(parts.test.len(), image, context)?;
    let labels = parts.test.iter().map(|place| place.label).collect();
    let test = Features { width: model.embed_dim(), elements, labels };
    let scores = |part| layer.scores(context.level, test.part(part));
    let measured = classification(&test.labels, material.classes().len(), scores)?;
    let mut fields = classification_fields(&measured);
    fields.extend(protocol(params));
    Ok(with_skipped(fields, material.sets()))
}

/// What the numbers were had by, under `CLIP_benchmark`'s names.
fn protocol(params: &FineTune) -> [(String, f64); 3] {
    [
        ("weight_decay".to_owned(), params.optimizer.weight_decay.get()),
        ("lr".to_owned(), params.schedule.learning_rate_max.get()),
        fewshot_k(params.shots),
    ]
}
