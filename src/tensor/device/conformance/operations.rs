//! Whole operations, as trainings perform them: every element that one leaves in an arena is compared.

use crate::numerics::Level;
use crate::numerics::attention::AttentionShape;
use crate::numerics::reference::tests::{same, samples};
use crate::tensor::{
    Activation, Arithmetic, BatchRegions, BlockBackward, BlockForward, BlockScratch, BlockShape,
    BlockState, Buffer, Chunks, Classification, Contrastive, Device, HeadBackward, HeadForward,
    HeadScratch, HeadShape, HeadState, HeadWeights, ImageBackward, ImageForward, ImageShape,
    ImageState, ImageWeights, NormBackward, NormForward, Operation, PixelTable, Planner, Pool,
    Region, TextBackward, TextForward, TextShape,
};

/// What one arena and the parameters are on each device.
pub(super) struct Bench {
    arenas: Vec<Buffer>,
    parameters: Vec<Buffer>,
}

impl Bench {
    /// An arena of ordinary numbers; none where nothing can be emulated.
    pub(super) fn new(arena: usize, parameters: usize) -> Option<Self> {
        let others = Device::others();
        if others.is_empty() {
            return None;
        }
        // The processor first, then what is held against it.
        let devices = [&[Device::Cpu], &others[..]].concat();
        let (arena, parameters) = (samples(9, arena), samples(10, parameters));
        let on = |elements: &[f32]| {
            let on = |device| Buffer::from_vec(elements.to_vec(), device).unwrap();
            devices.iter().map(on).collect()
        };
        Some(Self { arenas: on(&arena), parameters: on(&parameters) })
    }

    pub(super) fn apply(&mut self, operation: &impl Operation<0>) {
        self.arenas.iter_mut().for_each(|arena| arena.apply(operation).unwrap());
        self.compare(operation.name());
    }

    pub(super) fn apply_with(&mut self, operation: &impl Operation<1>) {
        for (arena, parameters) in self.arenas.iter_mut().zip(&self.parameters) {
            arena.apply_with(parameters, operation).unwrap();
        }
        self.compare(operation.name());
    }

    /// On the processor one operation after the other, on the others what does the same at once.
    pub(super) fn apply_side_by_side(
        &mut self,
        alone: &[impl Operation<1>],
        side_by_side: &impl Operation<1>,
    ) {
        let [main, others @ ..] = &mut self.arenas[..] else { unreachable!("there are several") };
        for operation in alone {
            main.apply_with(&self.parameters[0], operation).unwrap();
        }
        for (arena, parameters) in others.iter_mut().zip(&self.parameters[1..]) {
            arena.apply_with(parameters, side_by_side).unwrap();
        }
        self.compare(side_by_side.name());
    }

    /// The same without parameters.
    pub(super) fn apply_alone_side_by_side(
        &mut self,
        alone: &[impl Operation<0>],
        side_by_side: &impl Operation<0>,
    ) {
        for operation in alone {
            self.arenas[0].apply(operation).unwrap();
        }
        self.arenas[1..].iter_mut().for_each(|arena| arena.apply(side_by_side).unwrap());
        self.compare(side_by_side.name());
    }

    #[allow(clippy::print_stdout, reason = "which operation it was")]
    fn compare(&self, name: &str) {
        println!("{name}");
        let want = self.arenas[0].to_vec().unwrap();
        self.arenas[1..].iter().for_each(|arena| same(&arena.to_vec().unwrap(), &want));
    }
}

/// A block and what its backward pass needs but the gradients of its parameters.
pub(super) struct Block {
    pub(super) forward: BlockForward,
    pub(super) scratch: BlockScratch,
    pub(super) d_stream: Region,
    /// How many there are.
    pub(super) parameters: usize,
}

impl Block {
    /// Of seven tokens a sample.
    pub(super) fn plan(
        planner: &mut Planner,
        activation: Activation,
        causal: bool,
        samples: usize,
    ) -> Self {
        let attention = AttentionShape { samples, tokens: 7, heads: 2, head_width: 6, causal };
        let shape = BlockShape { attention, mlp_width: 40, activation };
        let input = planner.take(shape.rows() * shape.width());
        let state = BlockState::plan(planner, &shape, input);
        let scratch = BlockScratch::plan(planner, &[shape]);
        let d_stream = planner.take(shape.rows() * shape.width());
        let (width, mlp) = (shape.width(), shape.mlp_width);
        let parameters = 4 * width * width + 2 * mlp * width + 9 * width + mlp;
        let (level, arithmetic) = (Level::detect(), Arithmetic::Portable);
        let forward = BlockForward { level, arithmetic, shape, parameters: 0, state };
        Self { forward, scratch, d_stream, parameters }
    }
}

#[test]
fn blocks() {
    for (activation, causal) in [(Activation::Gelu, true), (Activation::QuickGelu, false)] {
        let mut planner = Planner::default();
        let block = Block::plan(&mut planner, activation, causal, 3);
        let Block { forward, scratch, d_stream, parameters } = block;
        let gradients = planner.take(parameters).start;
        let Some(mut bench) = Bench::new(planner.len(), parameters) else { return };
        bench.apply_with(&forward);
        bench.apply_with(&BlockBackward {
            forward,
            chunks: Chunks::ONE,
            gradients,
            d_stream,
            scratch,
        });
    }
}

#[test]
fn heads() {
    let shape = HeadShape { samples: 5, tokens: 4, width: 12, embed_dim: 9 };
    let pools = [Pool::All, Pool::First(&[1, 4, 2, 3, 4]), Pool::At(&[0, 3, 1, 2, 3]), Pool::Front];
    for pool in pools {
        let mut planner = Planner::default();
        let input = planner.take(5 * 4 * 12);
        let state = HeadState::plan(&mut planner, &shape, input);
        let scratch = HeadScratch::plan(&mut planner, &[shape]);
        let (d_features, d_stream) = (planner.take(5 * 9), planner.take(5 * 4 * 12));
        let weights = HeadWeights {
            gain: Region::new(0, 12),
            bias: Region::new(12, 12),
            projection: Region::new(24, 12 * 9),
        };
        let gradients = HeadWeights {
            gain: planner.take(12),
            bias: planner.take(12),
            projection: planner.take(12 * 9),
        };
        let Some(mut bench) = Bench::new(planner.len(), 24 + 12 * 9) else { return };
        let forward = HeadForward { level: Level::detect(), shape, weights, state, pool };
        bench.apply_with(&forward);
        bench.apply_with(&HeadBackward {
            forward,
            chunks: Chunks::ONE,
            gradients,
            d_features,
            d_stream,
            scratch,
        });
    }
}

#[test]
fn image_stems() {
    let bytes: Vec<u8> = (0_u8..=250).cycle().step_by(7).take(3 * 3 * 144).collect();
    let images: Vec<&[u8]> = bytes.chunks_exact(3 * 144).collect();
    let pixels = PixelTable::new([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]);
    for (class_token, with_bias) in [(false, true), (true, false)] {
        let shape =
            ImageShape { samples: 3, image_size: 12, patch_size: 4, width: 10, class_token };
        let (tokens, values) = (shape.tokens(), shape.patch_values());
        let weights = |planner: &mut Planner| ImageWeights {
            patch: planner.take(10 * values),
            patch_bias: with_bias.then(|| planner.take(10)),
            class_token: class_token.then(|| planner.take(10)),
            positions: planner.take(tokens * 10),
        };
        let (mut planner, mut parameters) = (Planner::default(), Planner::default());
        let state = ImageState::plan(&mut planner, &shape);
        let d_stream = planner.take(3 * tokens * 10);
        let gradients = weights(&mut planner);
        let weights = weights(&mut parameters);
        let Some(mut bench) = Bench::new(planner.len(), parameters.len()) else { return };
        let level = Level::detect();
        let (pixels, images) = (&pixels, &images[..]);
        bench.apply_with(&ImageForward { level, shape, weights, state, pixels, images });
        bench.apply(&ImageBackward {
            level,
            shape,
            chunks: Chunks::ONE,
            gradients,
            state,
            d_stream,
        });
    }
}

#[test]
fn text_stems() {
    let shape = TextShape { samples: 4, tokens: 5, width: 7 };
    let tokens = [1, 3, 2, 0, 0, 1, 4, 4, 2, 0, 1, 8, 3, 2, 0, 1, 4, 4, 4, 2];
    let slots = [1, 3, 2, 0, 0, 1, 4, 4, 2, 0, 1, 5, 3, 2, 0, 1, 4, 4, 4, 2];
    let mut planner = Planner::default();
    let (stream, d_stream) = (planner.take(20 * 7), planner.take(20 * 7));
    let (d_positions, d_rows) = (planner.take(5 * 7), planner.take(20 * 7));
    let (embedding, positions) = (Region::new(0, 9 * 7), Region::new(9 * 7, 5 * 7));
    let Some(mut bench) = Bench::new(planner.len(), 14 * 7) else { return };
    bench.apply_with(&TextForward { shape, embedding, positions, stream, tokens: &tokens });
    bench.apply(&TextBackward {
        level: Level::detect(),
        shape,
        chunks: Chunks::ONE,
        d_positions,
        d_rows,
        d_stream,
        slots: &slots,
        touched: 6,
    });
}

#[test]
fn norms_before_the_first_block() {
    let mut planner = Planner::default();
    let (input, stats, output) = (planner.take(9 * 20), planner.take(18), planner.take(9 * 20));
    let (d_stream, scratch) = (planner.take(9 * 20), planner.take(9 * 20));
    let (d_gain, d_bias) = (planner.take(20), planner.take(20));
    let (gain, bias) = (Region::new(0, 20), Region::new(20, 20));
    let Some(mut bench) = Bench::new(planner.len(), 40) else { return };
    let forward = NormForward { level: Level::detect(), gain, bias, input, stats, output };
    bench.apply_with(&forward);
    bench.apply_with(&NormBackward {
        forward,
        chunks: Chunks::ONE,
        d_gain,
        d_bias,
        d_stream,
        scratch,
    });
}

#[test]
fn losses() {
    let (level, width) = (Level::detect(), 11);
    for batch in [1, 2, 33, 40] {
        let mut planner = Planner::default();
        let regions = BatchRegions::plan(&mut planner, batch, width);
        let Some(mut bench) = Bench::new(planner.len(), 1) else { return };
        let logit_scale = Region::new(0, 1);
        bench.apply_with(&Contrastive { level, batch, embed_dim: width, regions, logit_scale });
    }
    for (classes, of_labels) in [(1, 1), (3, 3), (41, 41_u32)] {
        let labels: Vec<u32> = (0..21).map(|i| i * 5 % of_labels).collect();
        let mut planner = Planner::default();
        let regions = BatchRegions::plan_classifier(&mut planner, 21, width, classes);
        let head = [Region::new(0, classes), Region::new(classes, classes * width)];
        let Some(mut bench) = Bench::new(planner.len(), classes * (width + 1)) else { return };
        let labels = &labels[..];
        bench.apply_with(&Classification {
            level,
            embed_dim: width,
            classes,
            labels,
            regions,
            head,
        });
    }
}
