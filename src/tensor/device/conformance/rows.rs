//! Kernels on rows: sums, `LayerNorm`, softmax of losses, normalisation.

use super::super::Address;
use super::super::launch::{NormOf, normalise, normalise_backward, row_sums, softmax_loss};
use super::queues;
use crate::numerics::reference::tests::{same, samples};
use crate::numerics::{
    Level, cross_entropy, layer_norm, normalise as by_definition, reduce, softmax,
};
use crate::tensor::Chunks;

const SIZES: [[usize; 2]; 8] =
    [[1, 1], [3, 15], [16, 16], [17, 17], [33, 48], [5, 129], [2, 1000], [300, 20]];

#[test]
fn sums_of_rows() {
    let level = Level::detect();
    for queue in queues() {
        for (seed, [rows, width]) in (0..).zip(SIZES) {
            let (x, y) = (samples(seed, rows * width), samples(seed + 50, rows * width));
            let (on_x, on_y, out) = (queue.hold(&x), queue.hold(&y), queue.empty(rows));
            row_sums(&queue, [rows, width], on_x.at(), Address::NULL, out.at()).unwrap();
            let sums: Vec<f32> = x.chunks(width).map(|x| reduce::row_sum(level, x)).collect();
            same(&queue.elements(out.at(), rows), &sums);
            row_sums(&queue, [rows, width], on_x.at(), on_y.at(), out.at()).unwrap();
            let pairs = x.chunks(width).zip(y.chunks(width));
            let sums: Vec<f32> =
                pairs.map(|(x, y)| reduce::row_sum_of_products(level, x, y)).collect();
            same(&queue.elements(out.at(), rows), &sums);
        }
    }
}

#[test]
fn layer_norm_both_ways() {
    let level = Level::detect();
    for queue in queues() {
        for (seed, [rows, width]) in (0..).zip(SIZES) {
            let (x, d_y) = (samples(seed, rows * width), samples(seed + 9, rows * width));
            let (gain, bias) = (samples(6, width), samples(7, width));
            let residual = samples(8, rows * width);
            let (mut y, mut stats) = (vec![0.0; x.len()], vec![0.0; 2 * rows]);
            layer_norm::forward(level, &x, &gain, &bias, &mut y, &mut stats);
            let mut d_x = residual.clone();
            layer_norm::backward_add(level, &x, &stats, &gain, &d_y, &mut d_x);
            let mut alone = vec![-0.0; x.len()];
            layer_norm::backward_add(level, &x, &stats, &gain, &d_y, &mut alone);
            let (mut d_gain, mut d_bias) = (vec![0.0; width], vec![0.0; width]);
            layer_norm::parameter_gradients(level, &x, &stats, &d_y, &mut d_gain, &mut d_bias);

            let [on_x, on_gain, on_bias, on_d_y, on_residual] =
                [&x, &gain, &bias, &d_y, &residual].map(|of| queue.hold(of));
            let [on_y, on_stats, on_alone] =
                [x.len(), 2 * rows, x.len()].map(|count| queue.empty(count));
            let [on_d_gain, on_d_bias] = [width; 2].map(|count| queue.empty(count));
            let norm =
                NormOf { rows, width, x: on_x.at(), stats: on_stats.at(), gain: on_gain.at() };
            norm.forward(&queue, on_bias.at(), on_y.at()).unwrap();
            same(&queue.elements(on_y.at(), y.len()), &y);
            same(&queue.elements(on_stats.at(), stats.len()), &stats);
            let parameters = [on_d_gain.at(), on_d_bias.at()];
            norm.backward(&queue, Chunks::ONE, on_d_y.at(), (on_residual.at(), true), parameters)
                .unwrap();
            same(&queue.elements(on_residual.at(), x.len()), &d_x);
            norm.backward(&queue, Chunks::ONE, on_d_y.at(), (on_alone.at(), false), parameters)
                .unwrap();
            same(&queue.elements(on_alone.at(), x.len()), &alone);
            same(&queue.elements(on_d_gain.at(), width), &d_gain);
            same(&queue.elements(on_d_bias.at(), width), &d_bias);
        }
    }
}

#[test]
fn normalisation_both_ways() {
    let level = Level::detect();
    for queue in queues() {
        for (seed, [rows, width]) in (0..).zip(SIZES) {
            let (x, d_y) = (samples(seed, rows * width), samples(seed + 3, rows * width));
            let mut y = vec![0.0; x.len()];
            let (mut d_x, mut r) = (y.clone(), vec![0.0; rows]);
            by_definition::forward(level, width, &x, &mut y, &mut r);
            by_definition::backward(level, width, &y, &r, &d_y, &mut d_x);
            let (on_x, on_d_y) = (queue.hold(&x), queue.hold(&d_y));
            let [on_y, on_d_x, on_r] = [x.len(), x.len(), rows].map(|count| queue.empty(count));
            normalise(&queue, [rows, width], on_x.at(), on_y.at(), on_r.at()).unwrap();
            same(&queue.elements(on_y.at(), y.len()), &y);
            same(&queue.elements(on_r.at(), rows), &r);
            let from = [on_y.at(), on_r.at(), on_d_y.at()];
            normalise_backward(&queue, [rows, width], from, on_d_x.at()).unwrap();
            same(&queue.elements(on_d_x.at(), d_x.len()), &d_x);
        }
    }
}

#[test]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]
fn softmax_of_losses() {
    let level = Level::detect();
    for queue in queues() {
        for seed in 0..6 {
            for [rows, width] in [[1, 1], [5, 5], [16, 33], [19, 143]] {
                let x = samples(seed, rows * width);
                let labels: Vec<u32> = (0..rows).map(|row| (row * 7 % width) as u32).collect();
                let mut gradient = x.clone();
                let mean = cross_entropy::backward(level, width, &labels, &mut gradient);
                let bytes: Vec<u8> = labels.iter().flat_map(|label| label.to_ne_bytes()).collect();
                let (on_x, on_labels) = (queue.hold(&x), queue.empty(rows));
                queue.upload(on_labels.at(), &bytes).unwrap();
                let (losses, sum) = (queue.empty(rows), queue.empty(1));
                let (size, factor) = ([rows, width], Some(1.0 / rows as f32));
                softmax_loss(&queue, size, on_x.at(), on_labels.at(), losses.at(), factor).unwrap();
                same(&queue.elements(on_x.at(), x.len()), &gradient);
                row_sums(&queue, [1, rows], losses.at(), Address::NULL, sum.at()).unwrap();
                same(&[queue.elements(sum.at(), 1)[0] / rows as f32], &[mean]);

                // Without labels, row i's own element is i.
                let rows = rows.min(width);
                let (on_x, mut p) = (queue.hold(&x), x[..rows * width].to_vec());
                let own = |(row, x): (usize, &mut [f32])| {
                    let own = x[row];
                    softmax::row_with_log_sum(level, x) - own
                };
                let want: Vec<f32> = p.chunks_exact_mut(width).enumerate().map(own).collect();
                let size = [rows, width];
                softmax_loss(&queue, size, on_x.at(), Address::NULL, losses.at(), None).unwrap();
                same(&queue.elements(on_x.at(), p.len()), &p);
                same(&queue.elements(losses.at(), rows), &want);
            }
        }
    }
}
