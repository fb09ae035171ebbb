//! Kernels on elements, and the optimiser's.

use std::cell::Cell;

use super::super::launch::{self, Function};
use super::super::optimizer::{RowLeaves, adamw_step, sum_rows};
use super::queues;
use crate::numerics::reference::tests::{same, samples};
use crate::numerics::{Level, elementary};
use crate::tensor::{AdamWStep, Operation as _, OptimizedTensor, Outcome, Rates, Region};

type Slice = fn(Level, &[f32], &mut [f32]);

const FUNCTIONS: [(Function, Slice); 5] = [
    (Function::Exp, elementary::exp_slice),
    (Function::Log, elementary::log_slice),
    (Function::Erf, elementary::erf_slice),
    (Function::Tanh, elementary::tanh_slice),
    (Function::Sigmoid, elementary::sigmoid_slice),
];

/// Every 20,011th binary32 number, and the ends of what is special.
fn arguments() -> Vec<f32> {
    let special = [0_u32, 1, 0x007f_ffff, 0x0080_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
    let both_signs = special.into_iter().flat_map(|bits| [bits, bits | 0x8000_0000]);
    (0..=u32::MAX).step_by(20_011).chain(both_signs).map(f32::from_bits).collect()
}

#[test]
fn functions_of_one_number() {
    let x = arguments();
    for queue in queues() {
        let (from, to) = (queue.hold(&x), queue.empty(x.len()));
        for (function, slice) in FUNCTIONS {
            launch::map(&queue, function, from.at(), to.at(), x.len()).unwrap();
            let mut want = vec![0.0; x.len()];
            slice(Level::detect(), &x, &mut want);
            same(&queue.elements(to.at(), x.len()), &want);
        }
    }
}

#[test]
fn copies_sums_and_constants() {
    for queue in queues() {
        for count in [0, 1, 255, 256, 70_001] {
            let (x, y) = (samples(5, count), samples(3, count));
            let (from, to) = (queue.hold(&x), queue.hold(&y));
            launch::add(&queue, from.at(), to.at(), count).unwrap();
            let sums: Vec<f32> = x.iter().zip(&y).map(|(x, y)| y + x).collect();
            same(&queue.elements(to.at(), count), &sums);
            launch::copy(&queue, from.at(), to.at(), count).unwrap();
            same(&queue.elements(to.at(), count), &x);
            launch::fill(&queue, to.at(), count, -0.0).unwrap();
            same(&queue.elements(to.at(), count), &vec![-0.0; count]);
        }
    }
}

/// Tensors of `lens` one after the other; every second one decays.
fn tensors(lens: &[usize]) -> Vec<OptimizedTensor> {
    let mut start = 0;
    let mut next = |(index, &len): (usize, &usize)| {
        let region = Region::new(start, len);
        start += len;
        OptimizedTensor { region, decays: index % 2 == 0 }
    };
    lens.iter().enumerate().map(&mut next).collect()
}

#[test]
fn adamw_with_clipping_fingerprint_and_what_is_not_finite() {
    let tensors = tensors(&[1, 4096, 5, 12_300, 1, 4097, 17]);
    let len: usize = tensors.iter().map(|tensor| tensor.region.len).sum();
    let rates = Rates {
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-6,
        weight_decay: 0.2,
        learning_rate: 1e-3,
        step: 3,
    };
    for (seed, limit) in [
        (0, None),
        (0, Some(0.0)),
        (0, Some(1.0)),
        (1, Some(1.0)),
        (2, None),
        (3, None),
        (4, Some(9.0)),
        (5, None),
    ] {
        let gradient = samples(if seed == 5 { 0 } else { seed }, len);
        let mut state = [samples(seed, len), samples(7, len), samples(8, len)].concat();
        state[2 * len..].iter_mut().for_each(|v| *v *= *v);
        // The logit scale, above and below what it may be.
        state[0] = if seed % 2 == 0 { 9.0 } else { -3.0 };
        let (of_cpu, of_device) = (Cell::new(Outcome::default()), Cell::new(Outcome::default()));
        let mut step = AdamWStep {
            level: Level::detect(),
            rates,
            norm_limit: limit,
            tensors: &tensors,
            logit_scale: tensors[0].region,
            outcome: &of_cpu,
        };
        let mut want = state.clone();
        step.cpu(&mut want, [&gradient]);
        step.outcome = &of_device;
        for queue in queues() {
            let (on_device, from) = (queue.hold(&state), queue.hold(&gradient));
            adamw_step(&step, &queue, on_device.at(), from.at()).unwrap();
            let (got, expected) = (of_device.get(), of_cpu.get());
            assert_eq!(got.squared_norm.to_bits(), expected.squared_norm.to_bits());
            assert_eq!(got.not_finite, expected.not_finite);
            same(&queue.elements(on_device.at(), 3 * len), &want);
            // The bits of a NaN are not defined, and so neither is a fingerprint with one.
            if expected.not_finite.is_none() {
                assert_eq!(got.fingerprint, expected.fingerprint);
            }
        }
        assert_eq!(of_cpu.get().not_finite.is_some(), seed == 5);
    }
}

#[test]
fn a_gradient_that_is_not_finite_is_said() {
    let tensors = tensors(&[3, 5000]);
    let mut gradient = samples(0, 5003);
    gradient[4321] = f32::INFINITY;
    let outcome = Cell::new(Outcome::default());
    let rates = Rates {
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-6,
        weight_decay: 0.2,
        learning_rate: 1e-3,
        step: 1,
    };
    let step = AdamWStep {
        level: Level::detect(),
        rates,
        norm_limit: Some(1.0),
        tensors: &tensors,
        logit_scale: Region::default(),
        outcome: &outcome,
    };
    for queue in queues() {
        let (state, from) = (queue.hold(&vec![0.5; 3 * 5003]), queue.hold(&gradient));
        adamw_step(&step, &queue, state.at(), from.at()).unwrap();
        assert_eq!(outcome.get().squared_norm, f64::INFINITY);
    }
}

/// Sums the leaves of a row by the definition: halves of the span, an absent one passed over.
fn tree(leaves: &[(usize, f32)], start: usize, width: usize) -> Option<f32> {
    match leaves {
        [] => None,
        [(_, value)] if width == 1 => Some(*value),
        _ => {
            let half = width / 2;
            let middle = leaves.partition_point(|(chunk, _)| *chunk < start + half);
            let left = tree(&leaves[..middle], start, half);
            match (left, tree(&leaves[middle..], start + half, half)) {
                (Some(left), Some(right)) => Some(left + right),
                (left, right) => left.or(right),
            }
        }
    }
}

/// Every set of chunks that a row may have leaves in.
#[test]
fn rows_of_the_embedding_are_summed_along_the_tree() {
    let (chunks, width) = (8, 3);
    let values = samples(3, 256 * chunks * width);
    let mut leaves = Vec::new();
    for row in 1..256_u32 {
        let present = (0..chunks).filter(|chunk| row >> chunk & 1 == 1);
        leaves.extend(present.map(|chunk| (row, chunk, (row as usize * chunks + chunk) * width)));
    }
    let of = RowLeaves::new(leaves.iter().copied(), chunks);
    let cleared = [0, 3];
    for queue in queues() {
        let before = vec![7.0; 256 * width];
        let (embedding, from) = (queue.hold(&before), queue.hold(&values));
        sum_rows(&queue, embedding.at(), width, &cleared, &of, from.at()).unwrap();
        let got = queue.elements(embedding.at(), 256 * width);
        assert_eq!(got[..width], [0.0; 3], "a row that was touched before and is not now");
        for row in 1..256_u32 {
            for column in 0..width {
                let of_row: Vec<(usize, f32)> = leaves
                    .iter()
                    .filter(|leaf| leaf.0 == row)
                    .map(|&(_, chunk, place)| (chunk, values[place + column]))
                    .collect();
                let want = tree(&of_row, 0, chunks).unwrap();
                same(&[got[row as usize * width + column]], &[want]);
            }
        }
    }
}
