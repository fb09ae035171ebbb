//! What turns images and texts into tokens: patch product, token embedding, class token, positions, and the
//! `LayerNorm` that some vision towers have before the first block.

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::region::disjoint;
use super::rows::{NormInputs, norm_backward};
use super::{Chunks, Operation, Planner, Region, tap};
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::{Level, layer_norm};

/// The sizes of an image stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Images.
    pub samples: usize,
    /// Side of an image in pixels.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Channels of a token.
    pub width: usize,
    /// Whether a learned token stands before the patches.
    pub class_token: bool,
}

impl ImageShape {
    /// Patches of an image.
    pub fn patches(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    /// Tokens of an image.
    pub fn tokens(&self) -> usize {
        self.patches() + usize::from(self.class_token)
    }

    /// Values of a patch, in the order (channel, row, column).
    pub fn patch_values(&self) -> usize {
        3 * self.patch_size * self.patch_size
    }
}

/// Where the parameters of an image stem, or their gradients, lie.
#[derive(Debug, Clone, Copy)]
pub struct ImageWeights {
    /// `[width, patch_values]`
    pub patch: Region,
    /// `[width]`, where the patch product adds a bias.
    pub patch_bias: Option<Region>,
    /// `[width]`, where there is a class token.
    pub class_token: Option<Region>,
    /// `[tokens, width]`
    pub positions: Region,
}

/// What a byte of each channel becomes: `(fl32(u) ÷ 255 − mean) ÷ std`.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelTable([[f32; 256]; 3]);

impl PixelTable {
    /// The values under `mean` and `std` of red, green and blue.
    pub fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        let mut table = [[0.0; 256]; 3];
        for (channel, values) in table.iter_mut().enumerate() {
            for (byte, value) in (0_u8..=255).zip(values) {
                *value = (f32::from(byte) / 255.0 - mean[channel]) / std[channel];
            }
        }
        Self(table)
    }

    /// The values, 256 a channel.
    #[cfg(any(feature = "cuda", test))]
    pub(super) fn values(&self) -> impl Iterator<Item = f32> {
        self.0.iter().flatten().copied()
    }
}

/// Where an image stem keeps its patches and puts its tokens.
#[derive(Debug, Clone, Copy)]
pub struct ImageState {
    pub(super) patches: Region,
    pub(super) products: Region,
    pub(super) tokens: Region,
}

impl ImageState {
    /// Plans the state of a stem.
    pub fn plan(planner: &mut Planner, shape: &ImageShape) -> Self {
        let rows = shape.samples * shape.patches();
        Self {
            patches: planner.take(rows * shape.patch_values()),
            products: planner.take(rows * shape.width),
            tokens: planner.take(shape.samples * shape.tokens() * shape.width),
        }
    }

    /// The residual stream before the first block: `[samples · tokens, width]`.
    pub const fn tokens(&self) -> Region {
        self.tokens
    }
}

/// Computes the tokens of images; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct ImageForward<'a> {
    /// How it is computed.
    pub level: Level,
    /// The sizes.
    pub shape: ImageShape,
    /// Where the parameters lie.
    pub weights: ImageWeights,
    /// Where state and tokens lie.
    pub state: ImageState,
    /// What bytes become.
    pub pixels: &'a PixelTable,
    /// The images: `3 · image_size²` bytes each, in the order (channel, row, column).
    pub images: &'a [&'a [u8]],
}

impl ImageForward<'_> {
    fn cut_patches(&self, patches: &mut [f32]) {
        let (size, patch) = (self.shape.image_size, self.shape.patch_size);
        let across = size / patch;
        let per_image = self.shape.patches() * self.shape.patch_values();
        for (image, patches) in self.images.iter().zip(patches.chunks_exact_mut(per_image)) {
            for (index, values) in patches.chunks_exact_mut(self.shape.patch_values()).enumerate() {
                let corner = (index / across * size + index % across) * patch;
                let planes = image.chunks_exact(size * size).zip(&self.pixels.0);
                for ((plane, table), values) in planes.zip(values.chunks_exact_mut(patch * patch)) {
                    let lines = plane[corner..].chunks(size);
                    for (line, values) in lines.zip(values.chunks_exact_mut(patch)) {
                        for (byte, value) in line.iter().zip(values) {
                            *value = table[usize::from(*byte)];
                        }
                    }
                }
            }
        }
    }
}

impl Operation<1> for ImageForward<'_> {
    fn name(&self) -> &'static str {
        "image stem"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let (shape, width) = (&self.shape, self.shape.width);
        let rows = shape.samples * shape.patches();
        let [patches, products, tokens] =
            disjoint(target, [self.state.patches, self.state.products, self.state.tokens]);
        self.cut_patches(patches);
        tap::see("patches", [rows, shape.patch_values()], patches);
        let weight = View::new(self.weights.patch.of(parameters), width, shape.patch_values());
        let finish =
            self.weights.patch_bias.map_or(Finish::Store, |bias| Finish::Bias(bias.of(parameters)));
        let patches = View::new(patches, rows, shape.patch_values());
        multiply(self.level, patches, weight.transposed(), finish, products, width);
        tap::see("patch products", [rows, width], products);
        let positions = self.weights.positions.of(parameters);
        let class_tokens = usize::from(shape.class_token) * width;
        let products = products.chunks_exact(shape.patches() * width);
        for (tokens, products) in tokens.chunks_exact_mut(shape.tokens() * width).zip(products) {
            let (class, patches) = tokens.split_at_mut(class_tokens);
            let (class_position, patch_positions) = positions.split_at(class_tokens);
            if let Some(token) = self.weights.class_token {
                add(class_position, token.of(parameters), class);
            }
            add(patch_positions, products, patches);
        }
        tap::see("tokens", [shape.samples * shape.tokens(), width], tokens);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::stem::image_forward(self, queue, target, parameters)
    }
}

/// Stores the gradients of the parameters of an image stem.
#[derive(Debug, Clone, Copy)]
pub struct ImageBackward {
    /// How it is computed.
    pub level: Level,
    /// The sizes.
    pub shape: ImageShape,
    /// Whose images they are.
    pub chunks: Chunks,
    /// Where the gradients of the parameters go, of the first chunk.
    pub gradients: ImageWeights,
    /// What the forward pass left.
    pub state: ImageState,
    /// The gradient of the tokens.
    pub d_stream: Region,
}

impl Operation<0> for ImageBackward {
    fn name(&self) -> &'static str {
        "image stem, backward"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.chunks.assert_alone();
        let (level, shape, width) = (self.level, &self.shape, self.shape.width);
        let (patches, tokens) = (shape.patches(), shape.tokens());
        let rows = shape.samples * patches;
        let d_stream = self.d_stream.first(shape.samples * tokens * width);
        position_gradient(level, target, d_stream, self.gradients.positions, shape.samples);
        let class_tokens = usize::from(shape.class_token);
        if let Some(region) = self.gradients.class_token {
            let [d_stream, d_token] = disjoint(target, [d_stream, region]);
            column_sum(
                level,
                View::strided(d_stream, shape.samples, width, tokens * width, 1),
                d_token,
            );
            tap::see("gradient of class token", [width], d_token);
        }
        // The rows of patches side by side, as the product saw them.
        let [state, products, d_stream, d_patch] = disjoint(
            target,
            [self.state.patches, self.state.products, d_stream, self.gradients.patch],
        );
        let per_sample =
            products.chunks_exact_mut(patches * width).zip(d_stream.chunks_exact(tokens * width));
        for (products, d_stream) in per_sample {
            products.copy_from_slice(&d_stream[class_tokens * width..]);
        }
        let dy = View::new(products, rows, width);
        let values = shape.patch_values();
        multiply(
            level,
            dy.transposed(),
            View::new(state, rows, values),
            Finish::Store,
            d_patch,
            values,
        );
        tap::see("gradient of patch weight", [width, values], d_patch);
        if let Some(region) = self.gradients.patch_bias {
            let [products, d_bias] = disjoint(target, [self.state.products, region]);
            column_sum(level, View::new(products, rows, width), d_bias);
            tap::see("gradient of patch bias", [width], d_bias);
        }
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        device::stem::image_backward(self, queue, target)
    }
}

/// The sizes of a text stem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextShape {
    /// Texts.
    pub samples: usize,
    /// Tokens of a text.
    pub tokens: usize,
    /// Channels of a token.
    pub width: usize,
}

/// Computes the tokens of texts, embedding plus position; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct TextForward<'a> {
    /// The sizes.
    pub shape: TextShape,
    /// `[vocabulary, width]` of the parameters.
    pub embedding: Region,
    /// `[tokens, width]` of the parameters.
    pub positions: Region,
    /// Where the residual stream goes.
    pub stream: Region,
    /// The token of each row.
    pub tokens: &'a [u32],
}

impl Operation<1> for TextForward<'_> {
    fn name(&self) -> &'static str {
        "text stem"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let width = self.shape.width;
        let embedding = self.embedding.of(parameters);
        let positions = self.positions.of(parameters).chunks_exact(width).cycle();
        let rows = self.stream.of_mut(target).chunks_exact_mut(width);
        for ((row, token), position) in rows.zip(self.tokens).zip(positions) {
            let start = *token as usize * width;
            add(position, &embedding[start..start + width], row);
        }
        let TextShape { samples, tokens, .. } = self.shape;
        tap::see("tokens", [samples * tokens, width], self.stream.of(target));
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::stem::text_forward(self, queue, target, parameters)
    }
}

/// Stores the gradients of positions and of the embedding's rows that the texts touched.
#[derive(Debug, Clone, Copy)]
pub struct TextBackward<'a> {
    /// How it is computed.
    pub level: Level,
    /// The sizes.
    pub shape: TextShape,
    /// Whose texts they are.
    pub chunks: Chunks,
    /// Where the gradient of the positions goes, of the first chunk.
    pub d_positions: Region,
    /// Where the gradients of the touched rows go, side by side, a chunk's after another's.
    pub d_rows: Region,
    /// The gradient of the stream.
    pub d_stream: Region,
    /// For each row of the stream, which of the touched rows it belongs to.
    pub slots: &'a [u32],
    /// How many rows were touched: a row of the embedding counts once for each chunk.
    pub touched: usize,
}

impl Operation<0> for TextBackward<'_> {
    fn name(&self) -> &'static str {
        "text stem, backward"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.chunks.assert_alone();
        let TextShape { samples, tokens, width } = self.shape;
        let d_stream = self.d_stream.first(samples * tokens * width);
        position_gradient(self.level, target, d_stream, self.d_positions, samples);
        let [d_stream, d_rows] =
            disjoint(target, [d_stream, self.d_rows.first(self.touched * width)]);
        d_rows.fill(0.0);
        // One chain of additions from +0 a row, over (sample, token) ascending.
        for (d, slot) in d_stream.chunks_exact(width).zip(self.slots) {
            let start = *slot as usize * width;
            for (sum, d) in d_rows[start..start + width].iter_mut().zip(d) {
                *sum += d;
            }
        }
        tap::see("gradient of touched embedding rows", [self.touched, width], d_rows);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        device::stem::text_backward(self, queue, target)
    }
}

/// The `LayerNorm` before the first block, from one stream to another.
#[derive(Debug, Clone, Copy)]
pub struct NormForward {
    /// How it is computed.
    pub level: Level,
    /// `[width]` of the parameters.
    pub gain: Region,
    /// `[width]` of the parameters.
    pub bias: Region,
    /// What it reads.
    pub input: Region,
    /// Mean and reciprocal deviation of each row.
    pub stats: Region,
    /// What it gives.
    pub output: Region,
}

impl Operation<1> for NormForward {
    fn name(&self) -> &'static str {
        "LayerNorm"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let [input, stats, output] = disjoint(target, [self.input, self.stats, self.output]);
        layer_norm::forward(
            self.level,
            input,
            self.gain.of(parameters),
            self.bias.of(parameters),
            output,
            stats,
        );
        tap::see("output", [stats.len() / 2, self.gain.len], output);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::head::norm_forward(self, queue, target, parameters)
    }
}

/// Turns the gradient of a `LayerNorm`'s output into that of its input, in place, and stores those of gain and bias.
#[derive(Debug, Clone, Copy)]
pub struct NormBackward {
    /// The forward pass.
    pub forward: NormForward,
    /// Whose rows they are.
    pub chunks: Chunks,
    /// Where the gradient of the gain goes, of the first chunk.
    pub d_gain: Region,
    /// Where the gradient of the bias goes, of the first chunk.
    pub d_bias: Region,
    /// The gradient of the stream.
    pub d_stream: Region,
    /// Room of a stream to work in.
    pub scratch: Region,
}

impl Operation<1> for NormBackward {
    fn name(&self) -> &'static str {
        "LayerNorm, backward"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        self.chunks.assert_alone();
        let NormForward { level, gain, input, stats, .. } = self.forward;
        let d_y = self.scratch.first(input.len);
        let [input, stats, d_stream, d_y, d_gain, d_bias] = disjoint(
            target,
            [input, stats, self.d_stream.first(input.len), d_y, self.d_gain, self.d_bias],
        );
        d_y.copy_from_slice(d_stream);
        // −0 is the identity of addition: what the norm adds becomes the gradient.
        d_stream.fill(-0.0);
        let of = NormInputs { x: input, stats, gain: gain.of(parameters), d_y };
        norm_backward(level, of, d_stream, d_gain, d_bias);
        tap::see("gradient of input", [stats.len() / 2, d_gain.len()], d_stream);
        tap::see("gradient of weight", [d_gain.len()], d_gain);
        tap::see("gradient of bias", [d_bias.len()], d_bias);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::head::norm_backward(self, queue, target, parameters)
    }
}

/// Position p: the column sum of the samples' rows at p.
fn position_gradient(
    level: Level,
    target: &mut [f32],
    d_stream: Region,
    d_positions: Region,
    samples: usize,
) {
    let [d_stream, d_positions] = disjoint(target, [d_stream, d_positions]);
    // All positions at once: a sample is a row of tokens · width columns.
    column_sum(level, View::new(d_stream, samples, d_positions.len()), d_positions);
    tap::see("gradient of positions", [d_positions.len()], d_positions);
}

fn add(a: &[f32], b: &[f32], sum: &mut [f32]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum = a + b;
    }
}
