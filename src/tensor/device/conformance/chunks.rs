//! Chunks side by side: each gradient is that of the chunk alone.

use std::collections::BTreeSet;

use super::super::launch::column_sums;
use super::super::matmul::{Matrix, product_of_chunks};
use super::operations::{Bench, Block};
use super::queues;
use crate::numerics::Level;
use crate::numerics::attention::AttentionShape;
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::reference::tests::{same, samples};
use crate::tensor::{
    Activation, BlockBackward, BlockForward, BlockScratch, BlockShape, BlockState, Chunks,
    HeadBackward, HeadForward, HeadScratch, HeadShape, HeadState, HeadWeights, ImageBackward,
    ImageShape, ImageState, ImageWeights, NormBackward, NormForward, Planner, Pool, Region,
    SumChunks, TextBackward, TextShape,
};

const COUNT: usize = 4;

/// What of a region belongs to a chunk.
fn part(of: Region, chunk: usize) -> Region {
    let len = of.len / COUNT;
    Region::new(of.start + chunk * len, len)
}

/// Plans a gradient of so many elements for each chunk: the first, and how far apart they are.
fn plan_gradients(planner: &mut Planner, len: usize) -> (Region, Chunks) {
    let first = planner.take(len);
    let chunks = Chunks { count: COUNT, stride: planner.len() - first.start };
    for _ in 1..COUNT {
        planner.take(len);
    }
    (first, chunks)
}

/// The same place in the gradient of another chunk.
fn moved(of: Region, chunks: Chunks, chunk: usize) -> Region {
    Region::new(of.start + chunk * chunks.stride, of.len)
}

/// Neighbours in a region.
fn cut<const N: usize>(of: Region, lens: [usize; N]) -> [Region; N] {
    let mut start = of.start;
    lens.map(|len| {
        start += len;
        Region::new(start - len, len)
    })
}

#[test]
fn blocks() {
    for (activation, causal, per_chunk) in
        [(Activation::Gelu, true, 3), (Activation::QuickGelu, false, 40)]
    {
        let mut planner = Planner::default();
        let block = Block::plan(&mut planner, activation, causal, COUNT * per_chunk);
        let Block { forward, scratch, d_stream, parameters } = block;
        let BlockForward { shape, state, .. } = forward;
        let (gradients, chunks) = plan_gradients(&mut planner, parameters);
        let Some(mut bench) = Bench::new(planner.len(), parameters) else { return };
        bench.apply_with(&forward);
        let alone = |chunk: usize| {
            let of = |region| part(region, chunk);
            let state = BlockState {
                input: of(state.input),
                stats_1: of(state.stats_1),
                normed_1: of(state.normed_1),
                qkv: of(state.qkv),
                probabilities: of(state.probabilities),
                context: of(state.context),
                middle: of(state.middle),
                stats_2: of(state.stats_2),
                normed_2: of(state.normed_2),
                hidden: of(state.hidden),
                activated: of(state.activated),
                output: of(state.output),
            };
            let scratch = BlockScratch {
                d_hidden: of(scratch.d_hidden),
                d_qkv: of(scratch.d_qkv),
                d_normed: of(scratch.d_normed),
            };
            let attention = AttentionShape { samples: per_chunk, ..shape.attention };
            let forward =
                BlockForward { shape: BlockShape { attention, ..shape }, state, ..forward };
            let gradients = moved(gradients, chunks, chunk).start;
            let (d_stream, chunks) = (of(d_stream), Chunks::ONE);
            BlockBackward { forward, chunks, gradients, d_stream, scratch }
        };
        let alone: Vec<_> = (0..COUNT).map(alone).collect();
        let gradients = gradients.start;
        let together = BlockBackward { forward, chunks, gradients, d_stream, scratch };
        bench.apply_side_by_side(&alone, &together);
    }
}

#[test]
fn heads() {
    let shape = HeadShape { samples: COUNT * 5, tokens: 4, width: 12, embed_dim: 9 };
    let counts: Vec<u32> = (0..20).map(|sample| 1 + sample * 7 % 4).collect();
    let places: Vec<u32> = counts.iter().map(|count| count - 1).collect();
    for pool in [Pool::All, Pool::First(&counts), Pool::At(&places), Pool::Front] {
        let mut planner = Planner::default();
        let input = planner.take(COUNT * 5 * 4 * 12);
        let state = HeadState::plan(&mut planner, &shape, input);
        let scratch = HeadScratch::plan(&mut planner, &[shape]);
        let (d_features, d_stream) = (planner.take(COUNT * 5 * 9), planner.take(input.len));
        let weights_of =
            |[gain, bias, projection]: [Region; 3]| HeadWeights { gain, bias, projection };
        let lens = [12, 12, 12 * 9];
        let weights = weights_of(cut(Region::new(0, 132), lens));
        let (first, chunks) = plan_gradients(&mut planner, 132);
        let Some(mut bench) = Bench::new(planner.len(), 132) else { return };
        let forward = HeadForward { level: Level::detect(), shape, weights, state, pool };
        bench.apply_with(&forward);
        let alone = |chunk: usize| {
            let of = |region| part(region, chunk);
            let state = HeadState {
                input: of(state.input),
                pooled: of(state.pooled),
                stats: of(state.stats),
                normed: of(state.normed),
                projected: of(state.projected),
                reciprocals: of(state.reciprocals),
                features: of(state.features),
            };
            let scratch = HeadScratch {
                d_projected: of(scratch.d_projected),
                d_normed: of(scratch.d_normed),
                d_pooled: of(scratch.d_pooled),
            };
            let own = 5 * chunk..5 * (chunk + 1);
            let pool = match pool {
                Pool::First(counts) => Pool::First(&counts[own]),
                Pool::At(places) => Pool::At(&places[own]),
                of_all => of_all,
            };
            HeadBackward {
                forward: HeadForward {
                    shape: HeadShape { samples: 5, ..shape },
                    state,
                    pool,
                    ..forward
                },
                chunks: Chunks::ONE,
                gradients: weights_of(cut(moved(first, chunks, chunk), lens)),
                d_features: of(d_features),
                d_stream: of(d_stream),
                scratch,
            }
        };
        let alone: Vec<_> = (0..COUNT).map(alone).collect();
        let gradients = weights_of(cut(first, lens));
        let together = HeadBackward { forward, chunks, gradients, d_features, d_stream, scratch };
        bench.apply_side_by_side(&alone, &together);
    }
}

#[test]
fn image_stems() {
    for class_token in [false, true] {
        let shape = ImageShape {
            samples: COUNT * 3,
            image_size: 12,
            patch_size: 4,
            width: 10,
            class_token,
        };
        let (tokens, values) = (shape.tokens(), shape.patch_values());
        let mut planner = Planner::default();
        let state = ImageState::plan(&mut planner, &shape);
        let d_stream = planner.take(COUNT * 3 * tokens * 10);
        let (first, chunks) = plan_gradients(&mut planner, 10 * (values + 2 + tokens));
        let weights = |of: Region| {
            let lens = [10 * values, 10, 10, 10 * tokens];
            let [patch, patch_bias, token, positions] = cut(of, lens);
            let class_token = class_token.then_some(token);
            ImageWeights { patch, patch_bias: Some(patch_bias), class_token, positions }
        };
        let Some(mut bench) = Bench::new(planner.len(), 1) else { return };
        let level = Level::detect();
        let alone = |chunk: usize| {
            let of = |region| part(region, chunk);
            let state = ImageState {
                patches: of(state.patches),
                products: of(state.products),
                tokens: of(state.tokens),
            };
            let shape = ImageShape { samples: 3, ..shape };
            let gradients = weights(moved(first, chunks, chunk));
            let d_stream = of(d_stream);
            ImageBackward { level, shape, chunks: Chunks::ONE, gradients, state, d_stream }
        };
        let alone: Vec<_> = (0..COUNT).map(alone).collect();
        let gradients = weights(first);
        let together = ImageBackward { level, shape, chunks, gradients, state, d_stream };
        bench.apply_alone_side_by_side(&alone, &together);
    }
}

#[test]
fn text_stems() {
    let shape = TextShape { samples: COUNT * 3, tokens: 5, width: 9 };
    let tokens: Vec<u32> = (0..60).map(|i| i * i % 13).collect();
    // What each chunk touches, each row once; the places of rows of the embedding among all of them.
    let rows: Vec<Vec<u32>> = tokens
        .chunks_exact(15)
        .map(|tokens| tokens.iter().copied().collect::<BTreeSet<u32>>().into_iter().collect())
        .collect();
    let of_chunk = |chunk: usize| {
        let start: usize = rows[..chunk].iter().map(Vec::len).sum();
        start..start + rows[chunk].len()
    };
    let own_slots: Vec<Vec<u32>> = tokens
        .chunks_exact(15)
        .zip(&rows)
        .map(|(tokens, rows)| {
            let slot = |token| u32::try_from(rows.binary_search(token).unwrap()).unwrap();
            tokens.iter().map(slot).collect()
        })
        .collect();
    let moved_slots = |chunk: usize| {
        let before = u32::try_from(of_chunk(chunk).start).unwrap();
        own_slots[chunk].iter().map(move |slot| slot + before)
    };
    let slots: Vec<u32> = (0..COUNT).flat_map(moved_slots).collect();
    let mut planner = Planner::default();
    let d_stream = planner.take(tokens.len() * 9);
    let d_rows = planner.take(COUNT * 13 * 9);
    let (first, chunks) = plan_gradients(&mut planner, 5 * 9);
    let Some(mut bench) = Bench::new(planner.len(), 1) else { return };
    let level = Level::detect();
    let alone = |chunk: usize| {
        let rows = of_chunk(chunk);
        TextBackward {
            level,
            shape: TextShape { samples: 3, ..shape },
            chunks: Chunks::ONE,
            d_positions: moved(first, chunks, chunk),
            d_rows: Region::new(d_rows.start + rows.start * 9, rows.len() * 9),
            d_stream: part(d_stream, chunk),
            slots: &own_slots[chunk],
            touched: rows.len(),
        }
    };
    let alone: Vec<_> = (0..COUNT).map(alone).collect();
    let (slots, touched) = (&slots[..], of_chunk(COUNT - 1).end);
    let d_positions = first;
    let together =
        TextBackward { level, shape, chunks, d_positions, d_rows, d_stream, slots, touched };
    bench.apply_alone_side_by_side(&alone, &together);
}

#[test]
fn norms_before_the_first_block() {
    let rows = COUNT * 9;
    let mut planner = Planner::default();
    let [input, output, d_stream, scratch] = [(); 4].map(|()| planner.take(rows * 20));
    let stats = planner.take(2 * rows);
    let (first, chunks) = plan_gradients(&mut planner, 40);
    let (gain, bias) = (Region::new(0, 20), Region::new(20, 20));
    let Some(mut bench) = Bench::new(planner.len(), 40) else { return };
    let forward = NormForward { level: Level::detect(), gain, bias, input, stats, output };
    bench.apply_with(&forward);
    let alone = |chunk: usize| {
        let of = |region| part(region, chunk);
        let (input, stats, output) = (of(input), of(stats), of(output));
        let forward = NormForward { input, stats, output, ..forward };
        let [d_gain, d_bias] = cut(moved(first, chunks, chunk), [20, 20]);
        let (d_stream, scratch) = (of(d_stream), of(scratch));
        NormBackward { forward, chunks: Chunks::ONE, d_gain, d_bias, d_stream, scratch }
    };
    let alone: Vec<_> = (0..COUNT).map(alone).collect();
    let [d_gain, d_bias] = cut(first, [20, 20]);
    let together = NormBackward { forward, chunks, d_gain, d_bias, d_stream, scratch };
    bench.apply_side_by_side(&alone, &together);
}

#[test]
fn sums_over_the_tree() {
    for count in 1..=Chunks::MOST {
        let mut planner = Planner::default();
        let from = planner.take(300);
        let chunks = Chunks { count, stride: planner.len() - from.start };
        for _ in 1..count {
            planner.take(300);
        }
        let to = planner.take(300);
        let Some(mut bench) = Bench::new(planner.len(), 1) else { return };
        bench.apply(&SumChunks { chunks, from, to });
    }
}

#[test]
fn products_along_rows() {
    for queue in queues() {
        for (count, rows, m, n) in
            [(2, 3, 5, 7), (4, 300, 64, 12), (3, 520, 130, 65), (16, 17, 8, 8)]
        {
            let (a, b) = (samples(5, count * rows * m), samples(6, count * rows * n));
            let (on_a, on_b) = (queue.hold(&a), queue.hold(&b));
            let chunks = Chunks { count, stride: m * n + 16 };
            let out = queue.hold(&vec![7.0; count * chunks.stride]);
            let of_a = Matrix::new(on_a.at(), count * rows, m).transposed();
            let of_b = Matrix::new(on_b.at(), count * rows, n);
            product_of_chunks(&queue, chunks, of_a, of_b, out.at()).unwrap();
            let got = queue.elements(out.at(), count * chunks.stride);
            for (chunk, got) in got.chunks_exact(chunks.stride).enumerate() {
                let a = View::new(&a[chunk * rows * m..], rows, m).transposed();
                let b = View::new(&b[chunk * rows * n..], rows, n);
                let mut want = vec![7.0; chunks.stride];
                multiply(Level::detect(), a, b, Finish::Store, &mut want[..m * n], n);
                same(got, &want);
            }
        }
    }
}

#[test]
fn column_sums_of_each_chunk() {
    for queue in queues() {
        for (count, rows) in [(2, 5), (3, 300), (2, 1100), (3, 2100)] {
            for (columns, row_stride) in [(7, 9), (33, 33)] {
                let y = samples(3, count * rows * row_stride);
                let chunks = Chunks { count, stride: columns + 3 };
                let (from, out) = (queue.hold(&y), queue.hold(&vec![7.0; count * chunks.stride]));
                let shape = [count * rows, columns];
                column_sums(&queue, chunks, shape, row_stride, from.at(), out.at()).unwrap();
                let got = queue.elements(out.at(), count * chunks.stride);
                for (chunk, got) in got.chunks_exact(chunks.stride).enumerate() {
                    let own = &y[chunk * rows * row_stride..];
                    let mut want = vec![7.0; chunks.stride];
                    let view = View::strided(own, rows, columns, row_stride, 1);
                    column_sum(Level::detect(), view, &mut want[..columns]);
                    same(got, &want);
                }
            }
        }
    }
}
