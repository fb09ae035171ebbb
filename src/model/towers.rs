//! The towers as sequences of coarse operations over planned regions.

use super::layout::{Layout, size};
use super::{ModelError, Texts, TouchedRows};
use crate::action::params::{Activation as ActivationName, Clip, Pooling, Preprocessing};
use crate::numerics::Level;
use crate::numerics::attention::AttentionShape;
use crate::tensor::{
    Activation, Arithmetic, BlockBackward, BlockForward, BlockScratch, BlockShape, BlockState,
    Buffer, Chunks, HeadBackward, HeadForward, HeadScratch, HeadShape, HeadState, HeadWeights,
    ImageBackward, ImageForward, ImageShape, ImageState, ImageWeights, NormBackward, NormForward,
    PixelTable, Planner, Pool, Region, TensorError, TextBackward, TextForward, TextShape, tap,
};

/// A CLIP model without its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    clip: Clip,
    layout: Layout,
    pixels: PixelTable,
    embedding: Region,
    /// Of a classifier; 0 for a pair of towers.
    classes: usize,
    arithmetic: Arithmetic,
}

/// What an image tower keeps for its samples.
#[derive(Debug, Clone)]
pub struct ImageTower {
    samples: usize,
    stem: ImageState,
    norm: Option<[Region; 2]>,
    blocks: Vec<BlockState>,
    head: HeadState,
}

/// What a text tower keeps for its samples.
#[derive(Debug, Clone)]
pub struct TextTower {
    samples: usize,
    stream: Region,
    blocks: Vec<BlockState>,
    head: HeadState,
}

/// What both towers keep for some chunks side by side, and the gradient of their embeddings.
#[derive(Debug, Clone)]
pub struct Group {
    /// How many chunks they are.
    pub count: usize,
    /// The image side.
    pub images: ImageTower,
    /// The text side.
    pub texts: TextTower,
    /// Where the gradient of the image embeddings is expected.
    pub d_images: Region,
    /// Where the gradient of the text embeddings is expected.
    pub d_texts: Region,
    /// The gradients of the touched rows of the token embedding, a chunk's after another's.
    pub d_rows: Region,
}

/// Room for one backward pass at a time.
#[derive(Debug, Clone, Copy)]
pub struct Scratch {
    d_stream: Region,
    block: BlockScratch,
    head: HeadScratch,
    norm: Region,
}

/// Where a chunk's gradient goes: all parameters in order, without the token embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GradientRegions {
    region: Region,
    /// How much further one begins that is planned next.
    stride: usize,
    embedding: Region,
}

impl GradientRegions {
    /// All of it.
    pub const fn region(&self) -> Region {
        self.region
    }

    /// So many gradients that were planned one after the other, of which this is the first.
    pub const fn chunks(&self, count: usize) -> Chunks {
        Chunks { count, stride: self.stride }
    }

    /// The gradient of the parameter that lies in `parameter`.
    ///
    /// # Panics
    ///
    /// For the token embedding, whose gradient is kept by rows.
    pub fn of(&self, parameter: Region) -> Region {
        assert_ne!(parameter, self.embedding, "the token embedding's gradient is kept by rows");
        let skipped = if parameter.start < self.embedding.start { 0 } else { self.embedding.len };
        Region::new(self.region.start + parameter.start - skipped, parameter.len)
    }
}

impl ImageTower {
    /// Where the embeddings are.
    pub const fn features(&self) -> Region {
        self.head.features()
    }
}

impl TextTower {
    /// Where the embeddings are.
    pub const fn features(&self) -> Region {
        self.head.features()
    }
}

impl Model {
    /// The model that `clip` describes, for images that go through `preprocessing`.
    pub fn new(clip: &Clip, preprocessing: &Preprocessing) -> Result<Self, ModelError> {
        let layout = Layout::of(clip)?;
        let embedding = layout.region("token_embedding.weight");
        Ok(Self {
            clip: clip.clone(),
            layout,
            pixels: pixels(preprocessing),
            embedding,
            classes: 0,
            arithmetic: Arithmetic::Portable,
        })
    }

    /// The vision tower of `clip` with a linear layer for so many classes on its embeddings, and without a text tower:
    /// texts are neither planned nor embedded.
    pub fn classifier(
        clip: &Clip,
        preprocessing: &Preprocessing,
        classes: usize,
    ) -> Result<Self, ModelError> {
        let layout = Layout::of_classifier(clip, classes)?;
        let embedding = Region::new(layout.len(), 0);
        Ok(Self {
            clip: clip.clone(),
            layout,
            pixels: pixels(preprocessing),
            embedding,
            classes,
            arithmetic: Arithmetic::Portable,
        })
    }

    /// The same model, whose blocks' linear layers compute with `arithmetic`.
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }

    /// What its blocks' linear layers compute with.
    pub const fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Its parameters.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The classes of a classifier; none for a pair of towers.
    pub fn classes(&self) -> Option<usize> {
        (self.classes > 0).then_some(self.classes)
    }

    /// The token embedding in the parameters: `[vocabulary, width]`; empty in a classifier.
    pub const fn embedding(&self) -> Region {
        self.embedding
    }

    /// Channels of a text token.
    pub fn text_width(&self) -> usize {
        size(self.clip.text.width)
    }

    /// Tokens of a text.
    pub fn context_length(&self) -> usize {
        size(self.clip.text.context_length)
    }

    /// Tokens of an image or of a text, whichever has more.
    pub fn most_tokens(&self) -> usize {
        self.image_shape(1).tokens().max(self.context_length())
    }

    /// Side of an image in pixels.
    pub fn image_size(&self) -> usize {
        size(self.clip.vision.image_size)
    }

    /// Rows of the token embedding.
    pub fn vocabulary_size(&self) -> usize {
        size(self.clip.text.vocabulary_size)
    }

    /// Width of the shared embedding.
    pub fn embed_dim(&self) -> usize {
        size(self.clip.embed_dim)
    }

    /// Plans what both towers keep for `count` chunks of `samples` each.
    pub fn plan_group(&self, planner: &mut Planner, samples: usize, count: usize) -> Group {
        let texts = if self.classes > 0 { 0 } else { samples };
        let rows = count * (texts * self.context_length()).min(self.vocabulary_size());
        let [samples, texts] = [samples, texts].map(|of_chunk| count * of_chunk);
        Group {
            count,
            images: self.plan_images(planner, samples),
            texts: self.plan_texts(planner, texts),
            d_images: planner.take(samples * self.embed_dim()),
            d_texts: planner.take(texts * self.embed_dim()),
            d_rows: planner.take(rows * self.text_width()),
        }
    }

    /// Plans what the image tower keeps for `samples`.
    pub fn plan_images(&self, planner: &mut Planner, samples: usize) -> ImageTower {
        let shape = self.image_shape(samples);
        let stem = ImageState::plan(planner, &shape);
        let mut stream = stem.tokens();
        let norm = self.clip.vision.pre_norm.then(|| {
            let stats = planner.take(2 * samples * shape.tokens());
            stream = planner.take(stream.len);
            [stats, stream]
        });
        let block = self.image_block(samples);
        let blocks = plan_blocks(planner, &block, self.clip.vision.layers, &mut stream);
        let head = HeadState::plan(planner, &self.image_head(samples), stream);
        ImageTower { samples, stem, norm, blocks, head }
    }

    /// Plans what the text tower keeps for `samples`.
    pub fn plan_texts(&self, planner: &mut Planner, samples: usize) -> TextTower {
        let shape = self.text_shape(samples);
        let first = planner.take(samples * shape.tokens * shape.width);
        let mut stream = first;
        let block = self.text_block(samples);
        let blocks = plan_blocks(planner, &block, self.clip.text.layers, &mut stream);
        let head = HeadState::plan(planner, &self.text_head(samples), stream);
        TextTower { samples, stream: first, blocks, head }
    }

    /// Plans the room of the backward passes of chunks of `samples`.
    pub fn plan_scratch(&self, planner: &mut Planner, samples: usize) -> Scratch {
        let blocks = [self.image_block(samples), self.text_block(samples)];
        let heads = [self.image_head(samples), self.text_head(samples)];
        let stream =
            blocks.iter().map(|block| block.rows() * block.width()).max().unwrap_or_default();
        let norm = if self.clip.vision.pre_norm { stream } else { 0 };
        Scratch {
            d_stream: planner.take(stream),
            block: BlockScratch::plan(planner, &blocks),
            head: HeadScratch::plan(planner, &heads),
            norm: planner.take(norm),
        }
    }

    /// Plans the gradient of a chunk.
    pub fn plan_gradient(&self, planner: &mut Planner) -> GradientRegions {
        let region = planner.take(self.layout.len() - self.embedding.len);
        let stride = planner.len() - region.start;
        GradientRegions { region, stride, embedding: self.embedding }
    }

    /// Embeds images; `arena` is where `tower` was planned.
    pub fn embed_images(
        &self,
        level: Level,
        arena: &mut Buffer,
        parameters: &Buffer,
        tower: &ImageTower,
        images: &[&[u8]],
    ) -> Result<(), TensorError> {
        let (shape, state, pixels) = (self.image_shape(tower.samples), tower.stem, &self.pixels);
        let weights = self.image_weights(|region| region);
        tap::operation(|| "image stem, forward".to_owned());
        arena.apply_with(
            parameters,
            &ImageForward { level, shape, weights, state, pixels, images },
        )?;
        if let Some(norm) = self.image_norm(level, tower) {
            tap::operation(|| "image ln_pre, forward".to_owned());
            arena.apply_with(parameters, &norm)?;
        }
        for index in 0..tower.blocks.len() {
            tap::operation(|| format!("image block {index}, forward"));
            arena.apply_with(parameters, &self.image_block_forward(level, tower, index))?;
        }
        tap::operation(|| "image head, forward".to_owned());
        arena.apply_with(parameters, &self.image_head_forward(level, tower))
    }

    /// Embeds texts; `arena` is where `tower` was planned.
    pub fn embed_texts(
        &self,
        level: Level,
        arena: &mut Buffer,
        parameters: &Buffer,
        tower: &TextTower,
        texts: &Texts,
    ) -> Result<(), TensorError> {
        let stem = TextForward {
            shape: self.text_shape(tower.samples),
            embedding: self.embedding,
            positions: self.layout.region("positional_embedding"),
            stream: tower.stream,
            tokens: texts.tokens(),
        };
        tap::operation(|| "text stem, forward".to_owned());
        arena.apply_with(parameters, &stem)?;
        for index in 0..tower.blocks.len() {
            tap::operation(|| format!("text block {index}, forward"));
            arena.apply_with(parameters, &self.text_block_forward(level, tower, index))?;
        }
        tap::operation(|| "text head, forward".to_owned());
        arena.apply_with(parameters, &self.text_head_forward(level, tower, texts))
    }

    /// Stores the gradients of a group's chunks from those of their embeddings: the first in `gradients`, the others as if
    /// planned after it. The logit scale's gradient is not a chunk's.
    #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
    pub fn backward(
        &self,
        level: Level,
        arena: &mut Buffer,
        parameters: &Buffer,
        group: &Group,
        texts: (&Texts, &TouchedRows),
        gradients: &GradientRegions,
        scratch: &Scratch,
    ) -> Result<(), TensorError> {
        if self.classes == 0 {
            self.backward_texts(level, arena, parameters, group, texts, gradients, scratch)?;
        }
        self.backward_images(level, arena, parameters, group, gradients, scratch)
    }

    fn backward_images(
        &self,
        level: Level,
        arena: &mut Buffer,
        parameters: &Buffer,
        group: &Group,
        gradients: &GradientRegions,
        scratch: &Scratch,
    ) -> Result<(), TensorError> {
        let (tower, d_stream) = (&group.images, scratch.d_stream);
        let chunks = gradients.chunks(group.count);
        let of = |region| gradients.of(region);
        let forward = self.image_head_forward(level, tower);
        let (gradients_of_head, d_features) =
            (self.head_weights("visual.ln_post", "visual.proj", of), group.d_images);
        let head = HeadBackward {
            forward,
            chunks,
            gradients: gradients_of_head,
            d_features,
            d_stream,
            scratch: scratch.head,
        };
        tap::operation(|| "image head, backward".to_owned());
        arena.apply_with(parameters, &head)?;
        for index in (0..tower.blocks.len()).rev() {
            let forward = self.image_block_forward(level, tower, index);
            let block = block_backward(&forward, chunks, gradients, scratch);
            tap::operation(|| format!("image block {index}, backward"));
            arena.apply_with(parameters, &block)?;
        }
        if let Some(forward) = self.image_norm(level, tower) {
            let [d_gain, d_bias] = [forward.gain, forward.bias].map(of);
            let norm =
                NormBackward { forward, chunks, d_gain, d_bias, d_stream, scratch: scratch.norm };
            tap::operation(|| "image ln_pre, backward".to_owned());
            arena.apply_with(parameters, &norm)?;
        }
        let (shape, state) = (self.image_shape(tower.samples), tower.stem);
        tap::operation(|| "image stem, backward".to_owned());
        arena.apply(&ImageBackward {
            level,
            shape,
            chunks,
            gradients: self.image_weights(of),
            state,
            d_stream,
        })
    }

    #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
    fn backward_texts(
        &self,
        level: Level,
        arena: &mut Buffer,
        parameters: &Buffer,
        group: &Group,
        (texts, touched): (&Texts, &TouchedRows),
        gradients: &GradientRegions,
        scratch: &Scratch,
    ) -> Result<(), TensorError> {
        let (tower, d_stream) = (&group.texts, scratch.d_stream);
        let chunks = gradients.chunks(group.count);
        let of = |region| gradients.of(region);
        let forward = self.text_head_forward(level, tower, texts);
        let (gradients_of_head, d_features) =
            (self.head_weights("ln_final", "text_projection", of), group.d_texts);
        let head = HeadBackward {
            forward,
            chunks,
            gradients: gradients_of_head,
            d_features,
            d_stream,
            scratch: scratch.head,
        };
        tap::operation(|| "text head, backward".to_owned());
        arena.apply_with(parameters, &head)?;
        for index in (0..tower.blocks.len()).rev() {
            let forward = self.text_block_forward(level, tower, index);
            let block = block_backward(&forward, chunks, gradients, scratch);
            tap::operation(|| format!("text block {index}, backward"));
            arena.apply_with(parameters, &block)?;
        }
        tap::operation(|| "text stem, backward".to_owned());
        arena.apply(&TextBackward {
            level,
            shape: self.text_shape(tower.samples),
            chunks,
            d_positions: of(self.layout.region("positional_embedding")),
            d_rows: group.d_rows,
            d_stream,
            slots: &touched.slots,
            touched: touched.rows.len(),
        })
    }
}

/// The sizes of both towers, and where their parameters lie.
impl Model {
    fn image_shape(&self, samples: usize) -> ImageShape {
        let tower = &self.clip.vision;
        ImageShape {
            samples,
            image_size: size(tower.image_size),
            patch_size: size(tower.patch_size),
            width: size(tower.width),
            class_token: tower.pooling == Pooling::ClassToken,
        }
    }

    fn text_shape(&self, samples: usize) -> TextShape {
        TextShape { samples, tokens: self.context_length(), width: self.text_width() }
    }

    fn activation(&self) -> Activation {
        match self.clip.activation {
            ActivationName::Gelu => Activation::Gelu,
            ActivationName::QuickGelu => Activation::QuickGelu,
        }
    }

    fn image_block(&self, samples: usize) -> BlockShape {
        let (tower, shape) = (&self.clip.vision, self.image_shape(samples));
        let heads = size(tower.heads);
        let head_width = shape.width / heads;
        let attention =
            AttentionShape { samples, tokens: shape.tokens(), heads, head_width, causal: false };
        BlockShape { attention, mlp_width: size(tower.mlp_width), activation: self.activation() }
    }

    fn text_block(&self, samples: usize) -> BlockShape {
        let (tower, shape) = (&self.clip.text, self.text_shape(samples));
        let heads = size(tower.heads);
        let head_width = shape.width / heads;
        let attention =
            AttentionShape { samples, tokens: shape.tokens, heads, head_width, causal: true };
        BlockShape { attention, mlp_width: size(tower.mlp_width), activation: self.activation() }
    }

    fn image_head(&self, samples: usize) -> HeadShape {
        let shape = self.image_shape(samples);
        HeadShape {
            samples,
            tokens: shape.tokens(),
            width: shape.width,
            embed_dim: self.embed_dim(),
        }
    }

    fn text_head(&self, samples: usize) -> HeadShape {
        let shape = self.text_shape(samples);
        HeadShape { samples, tokens: shape.tokens, width: shape.width, embed_dim: self.embed_dim() }
    }

    fn image_weights(&self, of: impl Fn(Region) -> Region) -> ImageWeights {
        ImageWeights {
            patch: of(self.layout.region("visual.conv1.weight")),
            patch_bias: self.layout.find("visual.conv1.bias").map(&of),
            class_token: self.layout.find("visual.class_embedding").map(&of),
            positions: of(self.layout.region("visual.positional_embedding")),
        }
    }

    fn head_weights(
        &self,
        norm: &str,
        projection: &str,
        of: impl Fn(Region) -> Region,
    ) -> HeadWeights {
        HeadWeights {
            gain: of(self.layout.region(&format!("{norm}.weight"))),
            bias: of(self.layout.region(&format!("{norm}.bias"))),
            projection: of(self.layout.region(projection)),
        }
    }

    fn image_norm(&self, level: Level, tower: &ImageTower) -> Option<NormForward> {
        tower.norm.map(|[stats, output]| NormForward {
            level,
            gain: self.layout.region("visual.ln_pre.weight"),
            bias: self.layout.region("visual.ln_pre.bias"),
            input: tower.stem.tokens(),
            stats,
            output,
        })
    }

    fn block_start(&self, prefix: &str, index: usize) -> usize {
        // The first name of a block, bytewise.
        self.layout
            .region(&format!("{prefix}transformer.resblocks.{index}.attn.in_proj_bias"))
            .start
    }

    fn image_block_forward(&self, level: Level, tower: &ImageTower, index: usize) -> BlockForward {
        let parameters = self.block_start("visual.", index);
        BlockForward {
            level,
            arithmetic: self.arithmetic,
            shape: self.image_block(tower.samples),
            parameters,
            state: tower.blocks[index],
        }
    }

    fn text_block_forward(&self, level: Level, tower: &TextTower, index: usize) -> BlockForward {
        let parameters = self.block_start("", index);
        BlockForward {
            level,
            arithmetic: self.arithmetic,
            shape: self.text_block(tower.samples),
            parameters,
            state: tower.blocks[index],
        }
    }

    fn image_head_forward(&self, level: Level, tower: &ImageTower) -> HeadForward<'static> {
        let pool = match self.clip.vision.pooling {
            Pooling::Mean => Pool::All,
            Pooling::ClassToken | Pooling::EndToken => Pool::Front,
        };
        let weights = self.head_weights("visual.ln_post", "visual.proj", |region| region);
        HeadForward {
            level,
            shape: self.image_head(tower.samples),
            weights,
            state: tower.head,
            pool,
        }
    }

    fn text_head_forward<'t>(
        &self,
        level: Level,
        tower: &TextTower,
        texts: &'t Texts,
    ) -> HeadForward<'t> {
        let pool = match self.clip.text.pooling {
            Pooling::Mean => Pool::First(texts.lengths()),
            Pooling::ClassToken | Pooling::EndToken => Pool::At(texts.ends()),
        };
        let weights = self.head_weights("ln_final", "text_projection", |region| region);
        HeadForward {
            level,
            shape: self.text_head(tower.samples),
            weights,
            state: tower.head,
            pool,
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "constants are rounded once to binary32")]
fn pixels(preprocessing: &Preprocessing) -> PixelTable {
    let [mean, std] = [preprocessing.mean, preprocessing.std].map(|of| of.map(|x| x.get() as f32));
    PixelTable::new(mean, std)
}

fn block_backward(
    forward: &BlockForward,
    chunks: Chunks,
    gradients: &GradientRegions,
    scratch: &Scratch,
) -> BlockBackward {
    let first = gradients.of(Region::new(forward.parameters, 0)).start;
    let (d_stream, scratch) = (scratch.d_stream, scratch.block);
    BlockBackward { forward: *forward, chunks, gradients: first, d_stream, scratch }
}

fn plan_blocks(
    planner: &mut Planner,
    shape: &BlockShape,
    layers: u64,
    stream: &mut Region,
) -> Vec<BlockState> {
    let plan = |_| {
        let state = BlockState::plan(planner, shape, *stream);
        *stream = state.output();
        state
    };
    (0..layers).map(plan).collect()
}
