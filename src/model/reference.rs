//! The towers and the contrastive loss in the plainest way, generic over binary32 and binary64: no regions, no state,
//! no SIMD, nothing but the slow definitions of `numerics`, strung together as `OpenCLIP`'s modules are.
//!
//! In binary32 embeddings and loss are those of [`Model`](super::Model), to the bit; in binary64 differences of the
//! loss are what its gradients are held against.

use super::layout::size;
use super::{Layout, Texts};
use crate::action::canonical::Real;
use crate::action::params::{Activation, Clip, Pooling, Preprocessing};
use crate::numerics::attention::{AttentionShape, reference as attention};
use crate::numerics::elementary;
use crate::numerics::float::Float;
use crate::numerics::matmul::{Finish, View, reference::multiply};
use crate::numerics::reference::{
    Elementary, gelu, layer_norm, normalise, quick_gelu, row_reduction, softmax,
};

/// What the loss needs beside the other elementary functions: ours in binary32, `libm`'s in binary64.
pub(crate) trait Arithmetic: Elementary {
    /// Returns the natural logarithm.
    fn log(self) -> Self;
}

impl Arithmetic for f32 {
    fn log(self) -> Self {
        elementary::log(self)
    }
}

impl Arithmetic for f64 {
    fn log(self) -> Self {
        libm::log(self)
    }
}

/// A model with its parameters.
pub(crate) struct Reference<'a, T> {
    clip: &'a Clip,
    preprocessing: &'a Preprocessing,
    layout: &'a Layout,
    parameters: &'a [T],
}

/// The sizes that the blocks of a tower share.
#[derive(Clone, Copy)]
struct Blocks {
    prefix: &'static str,
    layers: u64,
    attention: AttentionShape,
    mlp_width: usize,
}

impl<'a, T: Arithmetic> Reference<'a, T> {
    /// The model `clip` with its parameters in the order of `layout`.
    pub(crate) fn new(
        clip: &'a Clip,
        preprocessing: &'a Preprocessing,
        layout: &'a Layout,
        parameters: &'a [T],
    ) -> Self {
        assert_eq!(parameters.len(), layout.len(), "every parameter, once");
        Self { clip, preprocessing, layout, parameters }
    }

    /// The embeddings of images, `3 · image_size²` bytes each: `[images, embed_dim]`.
    pub(crate) fn images(&self, images: &[&[u8]]) -> Vec<T> {
        let tower = &self.clip.vision;
        let (width, class_token) = (size(tower.width), tower.pooling == Pooling::ClassToken);
        let mut stream: Vec<T> = images.iter().flat_map(|image| self.image_tokens(image)).collect();
        if tower.pre_norm {
            stream = self.norm("visual.ln_pre", &stream);
        }
        let tokens = size(tower.image_size / tower.patch_size).pow(2) + usize::from(class_token);
        let blocks = Blocks {
            prefix: "visual.transformer",
            layers: tower.layers,
            attention: AttentionShape {
                samples: images.len(),
                tokens,
                heads: size(tower.heads),
                head_width: width / size(tower.heads),
                causal: false,
            },
            mlp_width: size(tower.mlp_width),
        };
        stream = self.blocks(blocks, stream);
        let pooled: Vec<T> = stream
            .chunks_exact(tokens * width)
            .flat_map(|sample| match tower.pooling {
                Pooling::Mean => mean(sample, width),
                Pooling::ClassToken | Pooling::EndToken => sample[..width].to_vec(),
            })
            .collect();
        self.head(&pooled, "visual.ln_post", "visual.proj")
    }

    /// The embeddings of texts: `[texts, embed_dim]`.
    pub(crate) fn texts(&self, texts: &Texts) -> Vec<T> {
        let tower = &self.clip.text;
        let (width, tokens) = (size(tower.width), size(tower.context_length));
        let embedding = self.parameter("token_embedding.weight");
        let positions = self.parameter("positional_embedding");
        let mut stream = Vec::new();
        for (row, token) in texts.tokens().iter().enumerate() {
            let (start, position) = (*token as usize * width, row % tokens * width);
            for channel in 0..width {
                stream.push(positions[position + channel] + embedding[start + channel]);
            }
        }
        let blocks = Blocks {
            prefix: "transformer",
            layers: tower.layers,
            attention: AttentionShape {
                samples: texts.lengths().len(),
                tokens,
                heads: size(tower.heads),
                head_width: width / size(tower.heads),
                causal: true,
            },
            mlp_width: size(tower.mlp_width),
        };
        stream = self.blocks(blocks, stream);
        let mut pooled = Vec::new();
        for (text, sample) in stream.chunks_exact(tokens * width).enumerate() {
            let (length, end) = (texts.lengths()[text] as usize, texts.ends()[text] as usize);
            pooled.extend(match tower.pooling {
                Pooling::Mean => mean(&sample[..length * width], width),
                Pooling::ClassToken | Pooling::EndToken => {
                    sample[end * width..(end + 1) * width].to_vec()
                }
            });
        }
        self.head(&pooled, "ln_final", "text_projection")
    }

    /// The contrastive loss of embeddings, pair by pair.
    pub(crate) fn loss(&self, images: &[T], texts: &[T]) -> T {
        let width = size(self.clip.embed_dim);
        let n = images.len() / width;
        let scale = self.parameter("logit_scale")[0].exp();
        let (i, t) = (View::new(images, n, width), View::new(texts, n, width));
        let mut logits = vec![T::ZERO; n * n];
        multiply(i, t.transposed(), Finish::Store, &mut logits, n);
        logits.iter_mut().for_each(|x| *x = scale * *x);
        let losses = |at: &dyn Fn(usize, usize) -> T| {
            row_reduction(n, |lane: T, own| {
                let row: Vec<T> = (0..n).map(|other| at(own, other)).collect();
                let (_, maximum, sum) = softmax(&row, T::ONE);
                lane + ((maximum + sum.log()) - row[own])
            })
        };
        let by_row = losses(&|r, c| logits[r * n + c]);
        let by_column = losses(&|c, r| logits[r * n + c]);
        T::from_f64(0.5) * (by_row / number(n) + by_column / number(n))
    }

    /// The loss of images and their texts.
    pub(crate) fn loss_of(&self, images: &[&[u8]], texts: &Texts) -> T {
        self.loss(&self.images(images), &self.texts(texts))
    }

    fn parameter(&self, name: &str) -> &'a [T] {
        &self.parameters[self.layout.region(name).range()]
    }

    /// `x·Wᵀ`, W of the shape `[outputs, inputs]`.
    fn linear(&self, x: &[T], weight: &str, bias: Option<&str>, residual: Option<&[T]>) -> Vec<T> {
        let weight = self.layout.parameters().iter().find(|p| p.name == weight);
        let weight = weight.expect("the model has this parameter");
        let outputs = weight.shape[0];
        let inputs = weight.region.len / outputs;
        let rows = x.len() / inputs;
        let finish = match (bias.map(|name| self.parameter(name)), residual) {
            (None, _) => Finish::Store,
            (Some(bias), None) => Finish::Bias(bias),
            (Some(bias), Some(residual)) => {
                Finish::BiasResidual { bias, residual: View::new(residual, rows, outputs) }
            }
        };
        let w = View::new(self.parameter(&weight.name), outputs, inputs).transposed();
        let mut y = vec![T::ZERO; rows * outputs];
        multiply(View::new(x, rows, inputs), w, finish, &mut y, outputs);
        y
    }

    fn norm(&self, prefix: &str, x: &[T]) -> Vec<T> {
        let [gain, bias] =
            ["weight", "bias"].map(|name| self.parameter(&format!("{prefix}.{name}")));
        layer_norm(x, gain, bias)
    }

    /// The tokens of one image: patches in rows, then positions, a class token in front where there is one.
    fn image_tokens(&self, image: &[u8]) -> Vec<T> {
        let tower = &self.clip.vision;
        let (side, patch) = (size(tower.image_size), size(tower.patch_size));
        let across = side / patch;
        let mut values = Vec::new();
        for place in 0..across * across {
            for channel in 0..3 {
                for line in 0..patch {
                    for column in 0..patch {
                        let y = place / across * patch + line;
                        let x = place % across * patch + column;
                        let byte = image[(channel * side + y) * side + x];
                        values.push(self.pixel(channel, byte));
                    }
                }
            }
        }
        let bias = tower.patch_bias.then_some("visual.conv1.bias");
        let mut tokens = Vec::new();
        if tower.pooling == Pooling::ClassToken {
            tokens.extend_from_slice(self.parameter("visual.class_embedding"));
        }
        tokens.extend(self.linear(&values, "visual.conv1.weight", bias, None));
        let positions = self.parameter("visual.positional_embedding");
        tokens.iter().zip(positions).map(|(&x, &p)| p + x).collect()
    }

    /// `(u ÷ 255 − mean) ÷ std`; in either format the constants are those that binary32 rounds to.
    fn pixel(&self, channel: usize, byte: u8) -> T {
        let constant = |of: &[Real; 3]| T::from_f64(f32::from_f64(of[channel].get()).to_f64());
        let u = T::from_f64(f64::from(byte)) / T::from_f64(255.0);
        (u - constant(&self.preprocessing.mean)) / constant(&self.preprocessing.std)
    }

    fn blocks(&self, of: Blocks, mut stream: Vec<T>) -> Vec<T> {
        for layer in 0..of.layers {
            stream = self.block(&of, &format!("{}.resblocks.{layer}", of.prefix), &stream);
        }
        stream
    }

    fn block(&self, of: &Blocks, prefix: &str, x: &[T]) -> Vec<T> {
        let name = |part: &str| format!("{prefix}.{part}");
        let linear = |x: &[T], weight: &str, bias: &str, residual: Option<&[T]>| {
            self.linear(x, &name(weight), Some(&name(bias)), residual)
        };
        let normed = self.norm(&name("ln_1"), x);
        let qkv = linear(&normed, "attn.in_proj_weight", "attn.in_proj_bias", None);
        let mut probabilities = vec![T::ZERO; of.attention.probabilities_len()];
        let mut context = vec![T::ZERO; of.attention.context_len()];
        attention::forward(&of.attention, T::exp, &qkv, &mut probabilities, &mut context);
        let middle = linear(&context, "attn.out_proj.weight", "attn.out_proj.bias", Some(x));
        let normed = self.norm(&name("ln_2"), &middle);
        let hidden = linear(&normed, "mlp.c_fc.weight", "mlp.c_fc.bias", None);
        assert_eq!(hidden.len() * of.attention.width(), x.len() * of.mlp_width);
        let activated: Vec<T> = hidden
            .into_iter()
            .map(|x| match self.clip.activation {
                Activation::Gelu => gelu(x),
                Activation::QuickGelu => quick_gelu(x),
            })
            .collect();
        linear(&activated, "mlp.c_proj.weight", "mlp.c_proj.bias", Some(&middle))
    }

    /// `LayerNorm`, projection by `[width, embed_dim]`, unit length.
    fn head(&self, pooled: &[T], norm: &str, projection: &str) -> Vec<T> {
        let normed = self.norm(norm, pooled);
        let embed_dim = size(self.clip.embed_dim);
        let weight = self.parameter(projection);
        let width = weight.len() / embed_dim;
        let rows = pooled.len() / width;
        let mut projected = vec![T::ZERO; rows * embed_dim];
        multiply(
            View::new(&normed, rows, width),
            View::new(weight, width, embed_dim),
            Finish::Store,
            &mut projected,
            embed_dim,
        );
        normalise(embed_dim, &projected, &projected).0
    }
}

/// The mean of rows of `width`, ascending from +0.
fn mean<T: Float>(rows: &[T], width: usize) -> Vec<T> {
    let column = |channel: usize| {
        let values = rows.iter().skip(channel).step_by(width);
        values.fold(T::ZERO, |sum, &x| sum + x) / number(rows.len() / width)
    };
    (0..width).map(column).collect()
}

fn number<T: Float>(count: usize) -> T {
    T::from_f64(f64::from(u32::try_from(count).expect("tests are small")))
}

#[cfg(test)]
mod tests {
    use super::super::{Model, Start, initial_parameters};
    use super::*;
    use crate::action::params::{TextTower, VisionTower};
    use crate::numerics::Level;
    use crate::numerics::random::Streams;
    use crate::tensor::{BatchRegions, Buffer, Contrastive, Copy, Device, Planner};

    fn real(value: f64) -> Real {
        Real::new(value).unwrap()
    }

    fn preprocessing() -> Preprocessing {
        Preprocessing { mean: [0.48, 0.46, 0.41].map(real), std: [0.27, 0.26, 0.28].map(real) }
    }

    /// As the pictogram models are built.
    fn pictogram() -> Clip {
        Clip {
            embed_dim: 10,
            vision: VisionTower {
                image_size: 12,
                patch_size: 4,
                width: 24,
                layers: 2,
                heads: 3,
                mlp_width: 40,
                patch_bias: true,
                pre_norm: false,
                pooling: Pooling::Mean,
            },
            text: TextTower {
                context_length: 7,
                vocabulary_size: 19,
                width: 16,
                layers: 2,
                heads: 2,
                mlp_width: 33,
                pooling: Pooling::Mean,
            },
            activation: Activation::Gelu,
        }
    }

    /// As `OpenCLIP`'s vision transformers are built; the inner size of the patch product, 300, is more than one block.
    fn open_clip() -> Clip {
        let mut clip = pictogram();
        clip.activation = Activation::QuickGelu;
        clip.vision.image_size = 20;
        clip.vision.patch_size = 10;
        clip.vision.patch_bias = false;
        clip.vision.pre_norm = true;
        clip.vision.pooling = Pooling::ClassToken;
        clip.text.pooling = Pooling::EndToken;
        clip
    }

    /// Initial parameters, moved so that no gain is 1 and no bias 0.
    fn parameters(layout: &Layout) -> Vec<f32> {
        let mut stream = Streams::new(3).named("test", 0);
        initial_parameters(layout, Start { seed: 1, logit_scale: 1.5, vision_positions_std: 0.02 })
            .into_iter()
            .map(|x| x + stream.normal(0.0, 0.05))
            .collect()
    }

    fn images(clip: &Clip, count: usize) -> Vec<Vec<u8>> {
        let mut stream = Streams::new(4).named("test", 0);
        let bytes = 3 * size(clip.vision.image_size).pow(2);
        (0..count).map(|_| (0..bytes).map(|_| stream.u64().to_le_bytes()[0]).collect()).collect()
    }

    fn texts(clip: &Clip, count: usize) -> Texts {
        let mut stream = Streams::new(5).named("test", 0);
        let (context, words) = (size(clip.text.context_length), clip.text.vocabulary_size - 3);
        let mut texts = Texts::new();
        for text in 0..count {
            let mut tokens = vec![1];
            for _ in 0..text % (context - 1) {
                tokens.push(u32::try_from(3 + stream.bounded(words)).unwrap());
            }
            tokens.push(2);
            tokens.resize(context, 0);
            texts.push(&tokens);
        }
        texts
    }

    fn bits(x: &[f32]) -> Vec<u32> {
        x.iter().map(|x| x.to_bits()).collect()
    }

    /// More than one register of samples, and a number that no tile divides.
    const PAIRS: usize = 19;

    #[test]
    fn embeddings_and_loss_are_those_of_the_definition_at_every_level() {
        for clip in [pictogram(), open_clip()] {
            let preprocessing = preprocessing();
            let model = Model::new(&clip, &preprocessing).unwrap();
            let parameters = parameters(model.layout());
            let (images, texts) = (images(&clip, PAIRS), texts(&clip, PAIRS));
            let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
            let slow = Reference::new(&clip, &preprocessing, model.layout(), &parameters);
            let (slow_images, slow_texts) = (slow.images(&images), slow.texts(&texts));
            let slow_loss = slow.loss(&slow_images, &slow_texts);
            for level in Level::available() {
                let parameters = Buffer::from_vec(parameters.clone(), &Device::Cpu).unwrap();
                let mut planner = Planner::default();
                let tower = model.plan_images(&mut planner, PAIRS);
                let text_tower = model.plan_texts(&mut planner, PAIRS);
                let regions = BatchRegions::plan(&mut planner, PAIRS, model.embed_dim());
                let mut arena = Buffer::zeros(planner.len(), &Device::Cpu).unwrap();
                model.embed_images(level, &mut arena, &parameters, &tower, &images).unwrap();
                model.embed_texts(level, &mut arena, &parameters, &text_tower, &texts).unwrap();
                let read = |arena: &Buffer, region: crate::tensor::Region| {
                    arena.with(|arena| region.of(arena).to_vec()).unwrap()
                };
                let fast_images = read(&arena, tower.features());
                let fast_texts = read(&arena, text_tower.features());
                assert!(bits(&fast_images) == bits(&slow_images), "images, {level:?}");
                assert!(bits(&fast_texts) == bits(&slow_texts), "texts, {level:?}");
                let (from, to) = (tower.features(), regions.images);
                let of = Buffer::from_vec(arena.to_vec().unwrap(), &Device::Cpu).unwrap();
                arena.apply_with(&of, &Copy { from, to }).unwrap();
                let (from, to) = (text_tower.features(), regions.texts);
                arena.apply_with(&of, &Copy { from, to }).unwrap();
                let loss = Contrastive {
                    level,
                    batch: PAIRS,
                    embed_dim: model.embed_dim(),
                    regions,
                    logit_scale: model.layout().region("logit_scale"),
                };
                arena.apply_with(&parameters, &loss).unwrap();
                let fast_loss = read(&arena, regions.results)[0];
                assert_eq!(fast_loss.to_bits(), slow_loss.to_bits(), "loss, {level:?}");
            }
        }
    }

    /// Formula by hand: two orthogonal pairs at scale s = e² have the logits s·δ, so each of the four softmaxes
    /// gives `log(eˢ + 1) − s = log(1 + e⁻ˢ)`, and so does their mean.
    #[test]
    fn loss_of_two_orthogonal_pairs_is_that_by_hand() {
        let mut clip = pictogram();
        clip.embed_dim = 2;
        let layout = Layout::of(&clip).unwrap();
        let mut parameters = vec![0.0_f64; layout.len()];
        parameters[layout.region("logit_scale").start] = 2.0;
        let preprocessing = preprocessing();
        let reference = Reference::new(&clip, &preprocessing, &layout, &parameters);
        let loss = reference.loss(&[1.0, 0.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]);
        // Python: math.log1p(math.exp(-math.exp(2.0))).
        assert!((loss - 0.000_617_788_118_947_342_4).abs() < 1e-14, "{loss:e}");
    }
}
