//! A model in OpenCLIP's form on given images and texts: everything that is compared with the Python package.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

use ibid::action::canonical::Real;
use ibid::action::params::{AdamW, CaptionChoice, SampleOrder, Schedule, Train, WarmUp};
use ibid::model::{Layout, Model, OpenClipConfig, Texts, match_tensors};
use ibid::numerics::Level;
use ibid::tensor::checkpoint::Checkpoint;
use ibid::tensor::safetensors::{NamedTensor, encode};
use ibid::tensor::{Buffer, Device, Planner, tap};
use ibid::training::{self, Control, Held, Settings, State};
use safetensors::{Dtype, SafeTensors};

/// Steps of the training that is compared.
pub(crate) const STEPS: u64 = 20;

/// Tensors by name: shape and elements.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A model with its weights, and the pairs it is tried on.
pub(crate) struct Case {
    config: OpenClipConfig,
    layout: Layout,
    parameters: Vec<f32>,
    images: Vec<u8>,
    tokens: Vec<u32>,
}

impl Case {
    /// Reads `open_clip_config.json`, `inputs.safetensors` and the weights, whichever form they have.
    pub(crate) fn read(folder: &Path) -> Self {
        let config = std::fs::read(folder.join("open_clip_config.json")).unwrap();
        let config = OpenClipConfig::parse(&config).unwrap();
        let layout = Layout::of(&config.model).unwrap();
        let names = ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"];
        let weights = names.iter().find_map(|name| File::open(folder.join(name)).ok()).unwrap();
        let mut checkpoint = Checkpoint::open(weights).unwrap();
        let matched = match_tensors(&layout, checkpoint.described()).unwrap();
        let mut parameters = Vec::with_capacity(layout.len());
        for name in &matched.tensors {
            parameters.extend(checkpoint.read(name).unwrap());
        }
        let inputs = std::fs::read(folder.join("inputs.safetensors")).unwrap();
        let inputs = SafeTensors::deserialize(&inputs).unwrap();
        let tokens = inputs.tensor("tokens").unwrap();
        assert_eq!(tokens.dtype(), Dtype::I64);
        let tokens = tokens.data().as_chunks::<8>().0.iter();
        let tokens = tokens.map(|bytes| u32::try_from(i64::from_le_bytes(*bytes)).unwrap());
        let images = inputs.tensor("images").unwrap().data().to_vec();
        Self { config, layout, parameters, images, tokens: tokens.collect() }
    }

    fn images(&self) -> Vec<&[u8]> {
        let side = usize::try_from(self.config.model.vision.image_size).unwrap();
        self.images.chunks_exact(3 * side * side).collect()
    }

    fn texts(&self) -> Vec<&[u32]> {
        let context = usize::try_from(self.config.model.text.context_length).unwrap();
        self.tokens.chunks_exact(context).collect()
    }

    /// Features and logits, loss and gradients of the batch, and the losses of the steps; features again afterwards,
    /// under `after.`, and the weights after the last step, by the names of the state dict.
    pub(crate) fn numbers(&self, level: Level) -> (Tensors, Tensors) {
        let mut numbers = self.features(level, self.parameters.clone(), "");
        let (gradients, losses, parameters) = self.train(level);
        let count = losses.len();
        numbers.insert("loss".to_owned(), (vec![], vec![losses[0]]));
        numbers.insert("losses".to_owned(), (vec![count], losses));
        numbers.extend(gradients);
        numbers.extend(self.features(level, parameters.clone(), "after."));
        let named = self.layout.parameters().iter().map(|parameter| {
            let elements = parameter.region.of(&parameters).to_vec();
            (parameter.name.clone(), (parameter.shape.clone(), elements))
        });
        (numbers, named.collect())
    }

    /// Features and logits alone, with no second copy of the weights.
    pub(crate) fn forward(mut self, level: Level) -> Tensors {
        let parameters = std::mem::take(&mut self.parameters);
        self.features(level, parameters, "")
    }

    fn features(&self, level: Level, parameters: Vec<f32>, prefix: &str) -> Tensors {
        let model = Model::new(&self.config.model, &self.config.preprocessing).unwrap();
        let (images, texts) = (self.images(), self.texts());
        let (count, width) = (images.len(), model.embed_dim());
        let mut planner = Planner::default();
        let image_tower = model.plan_images(&mut planner, count);
        let text_tower = model.plan_texts(&mut planner, count);
        let mut arena = Buffer::zeros(planner.len(), &Device::Cpu).unwrap();
        let scale = f64::from(self.layout.region("logit_scale").of(&parameters)[0]);
        let buffer = Buffer::from_vec(parameters, &Device::Cpu).unwrap();
        let mut encoded = Texts::new();
        texts.iter().for_each(|tokens| encoded.push(tokens));
        model.embed_images(level, &mut arena, &buffer, &image_tower, &images).unwrap();
        model.embed_texts(level, &mut arena, &buffer, &text_tower, &encoded).unwrap();
        let [images, texts] = [image_tower.features(), text_tower.features()]
            .map(|region| arena.with(|arena| region.of(arena).to_vec()).unwrap());
        let logits = logits(&images, &texts, width, libm::exp(scale));
        [
            ("image_features", vec![count, width], images),
            ("text_features", vec![count, width], texts),
            ("logits", vec![count, count], logits),
        ]
        .into_iter()
        .map(|(name, shape, elements)| (format!("{prefix}{name}"), (shape, elements)))
        .collect()
    }

    /// Gradients of the first step, the losses of all, and the parameters after the last.
    fn train(&self, level: Level) -> (Tensors, Vec<f32>, Vec<f32>) {
        let params = self.params();
        let samples = Held {
            images: self.images().into_iter().map(Cow::Borrowed).collect(),
            captions: self.texts().iter().map(|tokens| vec![tokens.to_vec()]).collect(),
            labels: Vec::new(),
            shard_sizes: vec![self.images().len()],
        };
        let settings = Settings { level, threads: 1 };
        let gradients: Rc<RefCell<Tensors>> = Rc::default();
        let seen = Rc::clone(&gradients);
        let listener = move |shown: tap::Shown<'_>| {
            if let ("gradient of the batch", tap::Values::Binary32(values)) =
                (shown.place.operation.as_str(), shown.values)
            {
                let name = format!("gradient.{}", shown.tensor);
                seen.borrow_mut().insert(name, (shown.shape.to_vec(), values.to_vec()));
            }
        };
        let go_on = |_: &State| Control::Continue;
        tap::listen(Box::new(listener), || {
            training::train_to(&params, &samples, settings, self.start(), 1, go_on).unwrap()
        });
        let ended = training::train(&params, &samples, settings, self.start(), go_on).unwrap();
        let losses = (0..ended.trace.steps()).map(|step| ended.trace.step(step).unwrap().loss);
        let (losses, parameters) = (losses.collect(), ended.parameters().unwrap());
        (Rc::try_unwrap(gradients).unwrap().into_inner(), losses, parameters)
    }

    /// The state before the first step: these parameters, no moments.
    fn start(&self) -> State {
        let mut elements = self.parameters.clone();
        elements.resize(3 * self.layout.len() + 2, 0.0);
        let mut rest = elements.as_slice();
        let tensors = training::checkpoint_tensors(&self.layout);
        let named: Vec<NamedTensor<'_>> = tensors
            .iter()
            .map(|(name, shape)| {
                let (elements, after) = rest.split_at(shape.iter().product());
                rest = after;
                NamedTensor { name, shape, elements }
            })
            .collect();
        let checkpoint = encode(&named).unwrap();
        drop(elements);
        State::from_checkpoint(&checkpoint, &self.layout, [0; 32]).unwrap()
    }

    /// As `open_clip_train` trains: AdamW with its defaults for vision transformers, warm-up of five steps.
    fn params(&self) -> Train {
        let real = |value| Real::new(value).unwrap();
        let count = self.images().len() as u64;
        Train {
            model: self.config.model.clone(),
            preprocessing: self.config.preprocessing.clone(),
            seed: 0,
            samples_seen: STEPS * count,
            batch_size: count,
            gradient_chunk: count / 2,
            optimizer: AdamW {
                beta1: real(0.9),
                beta2: real(0.98),
                epsilon: real(1e-6),
                weight_decay: real(0.2),
                decay_positions: true,
                gradient_clip_norm: None,
            },
            schedule: Schedule {
                learning_rate_max: real(1e-3),
                learning_rate_final: real(0.0),
                warm_up: WarmUp::Steps(5),
            },
            logit_scale_init: real(0.0),
            captions: CaptionChoice::First,
            order: SampleOrder::Epochs { shuffle_shards: 0 },
            checkpoint_interval_steps: 0,
            crop: None,
            profile: None,
            vision_positions_std: Train::first_positions_std(),
        }
    }
}

/// `scale · images · textsᵀ`, summed in binary64.
#[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
fn logits(images: &[f32], texts: &[f32], width: usize, scale: f64) -> Vec<f32> {
    let product = |a: &[f32], b: &[f32]| {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() * scale
    };
    let row = |image| texts.chunks_exact(width).map(move |text| product(image, text) as f32);
    images.chunks_exact(width).flat_map(row).collect()
}
