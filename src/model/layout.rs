//! Where each parameter lies: one flat run of elements, names in bytewise order, as in `OpenCLIP`'s state dicts.
//!
//! The order is part of the numerics: fingerprints number tensors by it and gradient norms add along it.

use super::ModelError;
use crate::action::params::{Clip, Pooling, TextTower, VisionTower};
use crate::tensor::Region;

/// Any other size, at most.
const SIZE_MAX: u64 = 1 << 24;
/// Blocks of a tower, at most: each has a dozen parameters with names.
const LAYERS_MAX: u64 = 1 << 10;

/// What a parameter is drawn from before the first step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// The same value everywhere.
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform between −bound and bound.
    Uniform(f64),
    /// The logarithm of the initial logit scale, which the training states.
    LogitScale,
    /// Normal with mean 0 and the standard deviation that the training states.
    VisionPositions,
}

/// Whether weight decay applies to a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// A matrix or an embedding.
    Always,
    /// A learned position: only if the optimiser says so.
    Positions,
    /// A bias, a gain, a class token or the logit scale.
    Never,
}

/// One named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in `OpenCLIP`'s state dict.
    pub name: String,
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Its elements in the flat parameters.
    pub region: Region,
    /// Whether it decays.
    pub decay: Decay,
    /// What it starts from.
    pub initial: Initial,
}

/// Every parameter of a model, in order, without gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    parameters: Vec<Parameter>,
    len: usize,
}

impl Layout {
    /// The parameters of `clip`.
    pub fn of(clip: &Clip) -> Result<Self, ModelError> {
        check(clip)?;
        let mut list = List::default();
        list.add("logit_scale", &[], Decay::Never, Initial::LogitScale);
        list.vision(&clip.vision, size(clip.embed_dim));
        list.text(&clip.text, size(clip.embed_dim));
        Ok(list.layout())
    }

    /// The parameters of an image classifier: the vision tower of `clip`, and a linear layer with bias on its
    /// embeddings, `head.weight`, `[classes, embed_dim]`, and `head.bias`.
    pub fn of_classifier(clip: &Clip, classes: usize) -> Result<Self, ModelError> {
        check(clip)?;
        if classes == 0 {
            return Err(ModelError::Zero("classes"));
        }
        let width = size(clip.embed_dim);
        let bound = Initial::Uniform(root_reciprocal(width));
        let mut list = List::default();
        list.vision(&clip.vision, width);
        list.add("head.weight", &[classes, width], Decay::Always, bound);
        list.add("head.bias", &[classes], Decay::Never, bound);
        Ok(list.layout())
    }

    /// The parameters in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Elements in all.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no parameter; never so for a model.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements of the parameter of that name, if the model has it.
    pub fn find(&self, name: &str) -> Option<Region> {
        let found = self.parameters.binary_search_by(|parameter| parameter.name.as_str().cmp(name));
        found.ok().map(|index| self.parameters[index].region)
    }

    /// The elements of the parameter of that name.
    ///
    /// # Panics
    ///
    /// If the model does not have it.
    pub fn region(&self, name: &str) -> Region {
        self.find(name).unwrap_or_else(|| panic!("the model has no parameter `{name}`"))
    }
}

/// A size as an index: targets have 64-bit addresses.
pub(super) fn size(value: u64) -> usize {
    usize::try_from(value).expect("targets have 64-bit addresses")
}

fn check(clip: &Clip) -> Result<(), ModelError> {
    let (vision, text) = (&clip.vision, &clip.text);
    let sizes = [
        ("embedDim", clip.embed_dim),
        ("vision.imageSize", vision.image_size),
        ("vision.patchSize", vision.patch_size),
        ("vision.width", vision.width),
        ("vision.heads", vision.heads),
        ("vision.mlpWidth", vision.mlp_width),
        ("text.contextLength", text.context_length),
        ("text.vocabularySize", text.vocabulary_size),
        ("text.width", text.width),
        ("text.heads", text.heads),
        ("text.mlpWidth", text.mlp_width),
    ];
    if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
        return Err(ModelError::Zero(name));
    }
    let layers = [("vision.layers", vision.layers), ("text.layers", text.layers)];
    let sizes = sizes.map(|(name, size)| (name, size, SIZE_MAX));
    let layers = layers.map(|(name, size)| (name, size, LAYERS_MAX));
    let mut limited = sizes.into_iter().chain(layers);
    if let Some((name, size, limit)) = limited.find(|(_, size, limit)| size > limit) {
        return Err(ModelError::TooLarge { name, size, limit });
    }
    let multiples = [
        ("vision.imageSize", vision.image_size, "vision.patchSize", vision.patch_size),
        ("vision.width", vision.width, "vision.heads", vision.heads),
        ("text.width", text.width, "text.heads", text.heads),
    ];
    if let Some((name, _, of, _)) = multiples.into_iter().find(|(_, a, _, b)| a % b != 0) {
        return Err(ModelError::NotAMultiple { name, of });
    }
    match (vision.pooling, text.pooling) {
        (Pooling::EndToken, _) => Err(ModelError::Pooling { tower: "vision", pooling: "endToken" }),
        (_, Pooling::ClassToken) => {
            Err(ModelError::Pooling { tower: "text", pooling: "classToken" })
        }
        _ => Ok(()),
    }
}

#[derive(Default)]
struct List(Vec<Parameter>);

impl List {
    /// The parameters in order, each in its place.
    fn layout(self) -> Layout {
        let mut parameters = self.0;
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        let mut len = 0;
        for parameter in &mut parameters {
            parameter.region = Region::new(len, parameter.shape.iter().product());
            len = parameter.region.end();
        }
        Layout { parameters, len }
    }

    fn add(&mut self, name: &str, shape: &[usize], decay: Decay, initial: Initial) {
        self.0.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            region: Region::default(),
            decay,
            initial,
        });
    }

    /// `OpenCLIP`'s vision tower: class token and projection as width^−½·N(0, 1), blocks as `PyTorch` makes them.
    fn vision(&mut self, tower: &VisionTower, embed_dim: usize) {
        let [width, patch, mlp] = [tower.width, tower.patch_size, tower.mlp_width].map(size);
        let root = root_reciprocal(width);
        let patches = size(tower.image_size / tower.patch_size).pow(2);
        let class_tokens = usize::from(tower.pooling == Pooling::ClassToken);
        let patch_bound = Initial::Uniform(root_reciprocal(3 * patch * patch));
        if class_tokens == 1 {
            self.add("visual.class_embedding", &[width], Decay::Never, Initial::Normal(root));
        }
        self.add("visual.conv1.weight", &[width, 3, patch, patch], Decay::Always, patch_bound);
        if tower.patch_bias {
            self.add("visual.conv1.bias", &[width], Decay::Never, patch_bound);
        }
        let positions = [patches + class_tokens, width];
        self.add(
            "visual.positional_embedding",
            &positions,
            Decay::Positions,
            Initial::VisionPositions,
        );
        if tower.pre_norm {
            self.norm("visual.ln_pre", width);
        }
        for layer in 0..tower.layers {
            let xavier = (6.0 / float(4 * width)).sqrt();
            let prefix = format!("visual.transformer.resblocks.{layer}");
            self.block(
                &prefix,
                width,
                mlp,
                [
                    Initial::Uniform(xavier),
                    Initial::Uniform(root),
                    Initial::Uniform(root),
                    Initial::Uniform(root_reciprocal(mlp)),
                ],
            );
        }
        self.norm("visual.ln_post", width);
        self.add("visual.proj", &[width, embed_dim], Decay::Always, Initial::Normal(root));
    }

    /// `OpenCLIP`'s text tower (its `init_parameters`).
    fn text(&mut self, tower: &TextTower, embed_dim: usize) {
        let [width, mlp, context] = [tower.width, tower.mlp_width, tower.context_length].map(size);
        let root = root_reciprocal(width);
        let vocabulary = [size(tower.vocabulary_size), width];
        self.add("token_embedding.weight", &vocabulary, Decay::Always, Initial::Normal(0.02));
        self.add(
            "positional_embedding",
            &[context, width],
            Decay::Positions,
            Initial::Normal(0.01),
        );
        let depth = root * root_reciprocal(2 * size(tower.layers).max(1));
        for layer in 0..tower.layers {
            self.block(
                &format!("transformer.resblocks.{layer}"),
                width,
                mlp,
                [
                    Initial::Normal(root),
                    Initial::Normal(depth),
                    Initial::Normal(root_reciprocal(2 * width)),
                    Initial::Normal(depth),
                ],
            );
        }
        self.norm("ln_final", width);
        self.add("text_projection", &[width, embed_dim], Decay::Always, Initial::Normal(root));
    }

    fn norm(&mut self, prefix: &str, width: usize) {
        self.add(&format!("{prefix}.weight"), &[width], Decay::Never, Initial::Constant(1.0));
        self.add(&format!("{prefix}.bias"), &[width], Decay::Never, Initial::Constant(0.0));
    }

    /// One block; `initial` of `in_proj`, `out_proj`, `c_fc` and `c_proj`.
    fn block(&mut self, prefix: &str, width: usize, mlp: usize, initial: [Initial; 4]) {
        let zero = Initial::Constant(0.0);
        let [fc_bias, proj_bias] =
            [width, mlp].map(|inner| Initial::Uniform(root_reciprocal(inner)));
        let products = [
            ("attn.in_proj_weight", "attn.in_proj_bias", 3 * width, width, zero),
            ("attn.out_proj.weight", "attn.out_proj.bias", width, width, zero),
            ("mlp.c_fc.weight", "mlp.c_fc.bias", mlp, width, fc_bias),
            ("mlp.c_proj.weight", "mlp.c_proj.bias", width, mlp, proj_bias),
        ];
        for ((weight, bias, rows, columns, bias_initial), initial) in
            products.into_iter().zip(initial)
        {
            self.add(&format!("{prefix}.{weight}"), &[rows, columns], Decay::Always, initial);
            self.add(&format!("{prefix}.{bias}"), &[rows], Decay::Never, bias_initial);
        }
        self.norm(&format!("{prefix}.ln_1"), width);
        self.norm(&format!("{prefix}.ln_2"), width);
    }
}

/// 1 ÷ √`value` in binary64.
fn root_reciprocal(value: usize) -> f64 {
    1.0 / float(value).sqrt()
}

#[allow(clippy::cast_precision_loss, reason = "sizes of tensors are far below 2⁵³")]
fn float(value: usize) -> f64 {
    value as f64
}
