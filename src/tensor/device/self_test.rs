//! The golden bits of `numerics::self_test`, computed by kernels: what `doctor` judges a device by.

use super::arguments::Constants as OnDevice;
use super::launch::{self, Function, NormOf};
use super::matmul::{Finish, Matrix, product};
use super::matmul_bf16::linear;
use super::optimizer::update;
use super::{DeviceError, Memory, Queue, attention, bytes_of, bytes_of_mut};
use crate::numerics::adamw::Constants;
use crate::numerics::attention::AttentionShape;
use crate::numerics::self_test::{differs, numbers};
use crate::tensor::{Arithmetic, Chunks};

/// Computes an operation on its fixed inputs.
type Operation = fn(&Queue) -> Result<Vec<f32>, DeviceError>;

const OPERATIONS: [(&str, Operation); 9] = [
    ("matrix product", matrix_product),
    ("attention", attention_both),
    ("exp, log, erf, tanh, sigmoid", functions),
    ("GELU", gelu_both),
    ("QuickGELU", quick_gelu_both),
    ("LayerNorm", layer_norm_both),
    ("softmax", softmax_rows),
    ("normalise", normalise_both),
    ("AdamW", adamw_steps),
];

/// How many operations are tested.
#[cfg(feature = "cuda")]
pub(crate) const fn operations() -> usize {
    OPERATIONS.len()
}

/// The operations whose bits on the device are not the published ones.
pub(crate) fn differing(queue: &Queue) -> Result<Vec<&'static str>, DeviceError> {
    let _turn = queue.turn();
    let mut names = Vec::new();
    for (name, operation) in OPERATIONS {
        if differs(name, &operation(queue)?) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Whether tensor cores give what they must: products of whole numbers that bfloat16 holds, whose sums are exact, have the
/// bits of the portable product in every layout.
pub(crate) fn multiplies_bf16(queue: &Queue) -> Result<bool, DeviceError> {
    let _turn = queue.turn();
    // Several tiles; and sums of three parts, the last of them short.
    for shape in [[130, 136, 40], [20, 24, 4136]] {
        if !multiplies_whole_numbers(queue, shape)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Of numbers from −4 to 4: no sum is beyond 16 · k, which is below 2²⁴.
fn multiplies_whole_numbers(queue: &Queue, [m, n, k]: [usize; 3]) -> Result<bool, DeviceError> {
    let whole = |count: usize, seed: u32| -> Vec<f32> {
        numbers(count, seed, 4.0).iter().map(|x| x.round()).collect()
    };
    let (a, b) = (hold(queue, &whole(m * k, 30))?, hold(queue, &whole(k * n, 31))?);
    let out = queue.memory(m * n)?;
    let by_rows = |rows, columns, at: &Memory| Matrix::new(at.at(), rows, columns);
    let layouts = [
        (by_rows(m, k, &a), by_rows(n, k, &b).transposed()),
        (by_rows(m, k, &a), by_rows(k, n, &b)),
        (by_rows(k, m, &a).transposed(), by_rows(k, n, &b)),
    ];
    for (a, b) in layouts {
        let compute = |arithmetic| -> Result<Vec<f32>, DeviceError> {
            // What a kernel does not write is no number.
            launch::fill(queue, out.at(), m * n, f32::NAN)?;
            linear(queue, arithmetic, a, b, Finish::Store, out.at())?;
            read(queue, &[(&out, m * n)])
        };
        let (want, got) = (compute(Arithmetic::Portable)?, compute(Arithmetic::Bf16)?);
        let is_right =
            |(want, got): (&f32, &f32)| !want.is_nan() && want.to_bits() == got.to_bits();
        if !want.iter().zip(&got).all(is_right) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Memory that holds `elements`.
fn hold(queue: &Queue, elements: &[f32]) -> Result<Memory, DeviceError> {
    let memory = queue.memory(elements.len())?;
    queue.upload(memory.at(), bytes_of(elements))?;
    Ok(memory)
}

fn read(queue: &Queue, parts: &[(&Memory, usize)]) -> Result<Vec<f32>, DeviceError> {
    let mut all = Vec::new();
    for (memory, count) in parts {
        let mut elements = vec![0.0; *count];
        queue.download(memory.at(), bytes_of_mut(&mut elements))?;
        all.extend(elements);
    }
    Ok(all)
}

fn matrix_product(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let (rows, inner, columns) = (37, 300, 45);
    let a = hold(queue, &numbers(rows * inner, 1, 1.0))?;
    let b = hold(queue, &numbers(columns * inner, 2, 1.0))?;
    let bias = hold(queue, &numbers(columns, 3, 1.0))?;
    let out = queue.memory(rows * columns)?;
    let b = Matrix::new(b.at(), columns, inner).transposed();
    let finish = Finish::Bias(bias.at());
    product(queue, Matrix::new(a.at(), rows, inner), b, finish, out.at())?;
    read(queue, &[(&out, rows * columns)])
}

fn attention_both(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let shape = AttentionShape { samples: 2, tokens: 12, heads: 2, head_width: 32, causal: true };
    let (p_len, context_len, qkv_len) =
        (shape.probabilities_len(), shape.context_len(), shape.qkv_len());
    let qkv = hold(queue, &numbers(qkv_len, 4, 1.0))?;
    let d_context = hold(queue, &numbers(context_len, 5, 1.0))?;
    let (p, context) = (queue.memory(p_len)?, queue.memory(context_len)?);
    let d_qkv = queue.memory(qkv_len)?;
    attention::forward(queue, &shape, qkv.at(), p.at(), context.at())?;
    attention::backward(queue, &shape, [qkv.at(), p.at(), d_context.at()], d_qkv.at())?;
    read(queue, &[(&p, p_len), (&context, context_len), (&d_qkv, qkv_len)])
}

fn functions(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let x = numbers(999, 6, 12.0);
    let positive: Vec<f32> = x.iter().map(|x| x.abs() + 1e-3).collect();
    let (on_x, on_positive) = (hold(queue, &x)?, hold(queue, &positive)?);
    let out = queue.memory(5 * x.len())?;
    let all = [Function::Exp, Function::Log, Function::Erf, Function::Tanh, Function::Sigmoid];
    for (index, function) in all.into_iter().enumerate() {
        let from = if function == Function::Log { &on_positive } else { &on_x };
        let to = out.at().element(index * x.len());
        launch::map(queue, function, from.at(), to, x.len())?;
    }
    read(queue, &[(&out, 5 * x.len())])
}

/// Value and derivative as products leave them: x·1 + (−0) is x, and so is d·derivative what the next one multiplies.
fn gelu_both(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let (x, d) = (numbers(999, 7, 6.0), numbers(999, 8, 1.0));
    let (on_x, on_d, one) = (hold(queue, &x)?, hold(queue, &d)?, hold(queue, &[1.0])?);
    let bias = hold(queue, &[-0.0])?;
    let [derivative, value, out] = [(); 3].map(|()| queue.memory(999));
    let (derivative, value, out) = (derivative?, value?, out?);
    let one = Matrix::new(one.at(), 1, 1);
    let finish = Finish::BiasGelu { bias: bias.at(), value: value.at() };
    product(queue, Matrix::new(on_x.at(), 999, 1), one, finish, derivative.at())?;
    let finish = Finish::Times(derivative.at());
    product(queue, Matrix::new(on_d.at(), 999, 1), one, finish, out.at())?;
    read(queue, &[(&value, 999), (&out, 999)])
}

/// In the same way.
fn quick_gelu_both(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let (x, d) = (numbers(999, 9, 6.0), numbers(999, 10, 1.0));
    let (on_x, on_d, one) = (hold(queue, &x)?, hold(queue, &d)?, hold(queue, &[1.0])?);
    let bias = hold(queue, &[-0.0])?;
    let (same, value, out) = (queue.memory(999)?, queue.memory(999)?, queue.memory(999)?);
    let one = Matrix::new(one.at(), 1, 1);
    let finish = Finish::BiasQuickGelu { bias: bias.at(), value: value.at() };
    product(queue, Matrix::new(on_x.at(), 999, 1), one, finish, same.at())?;
    let finish = Finish::TimesQuickDerivative(same.at());
    product(queue, Matrix::new(on_d.at(), 999, 1), one, finish, out.at())?;
    read(queue, &[(&value, 999), (&out, 999)])
}

fn softmax_rows(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let x = hold(queue, &numbers(11 * 53, 16, 9.0))?;
    attention::softmax(queue, [11, 53], 0.7, x.at())?;
    read(queue, &[(&x, 11 * 53)])
}

fn layer_norm_both(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let (rows, width) = (9, 77);
    let x = hold(queue, &numbers(rows * width, 11, 2.0))?;
    let gain = hold(queue, &numbers(width, 12, 1.0))?;
    let bias = hold(queue, &numbers(width, 13, 1.0))?;
    let d_y = hold(queue, &numbers(rows * width, 14, 1.0))?;
    let d_x = hold(queue, &numbers(rows * width, 15, 1.0))?;
    let (y, stats) = (queue.memory(rows * width)?, queue.memory(2 * rows)?);
    let (d_gain, d_bias) = (queue.memory(width)?, queue.memory(width)?);
    let norm = NormOf { rows, width, x: x.at(), stats: stats.at(), gain: gain.at() };
    norm.forward(queue, bias.at(), y.at())?;
    norm.backward(queue, Chunks::ONE, d_y.at(), (d_x.at(), true), [d_gain.at(), d_bias.at()])?;
    let all = rows * width;
    read(queue, &[(&y, all), (&stats, 2 * rows), (&d_x, all), (&d_gain, width), (&d_bias, width)])
}

fn normalise_both(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let (rows, width) = (7, 61);
    let x = hold(queue, &numbers(rows * width, 17, 3.0))?;
    let d_y = hold(queue, &numbers(rows * width, 18, 1.0))?;
    let (y, r, d_x) =
        (queue.memory(rows * width)?, queue.memory(rows)?, queue.memory(rows * width)?);
    launch::normalise(queue, [rows, width], x.at(), y.at(), r.at())?;
    launch::normalise_backward(queue, [rows, width], [y.at(), r.at(), d_y.at()], d_x.at())?;
    read(queue, &[(&y, rows * width), (&r, rows), (&d_x, rows * width)])
}

fn adamw_steps(queue: &Queue) -> Result<Vec<f32>, DeviceError> {
    let len = 4_999;
    let state = [numbers(len, 19, 0.1), vec![0.0; 2 * len]].concat();
    let state = hold(queue, &state)?;
    let scale = hold(queue, &[0.5])?;
    for step in 1..=3 {
        let constants = Constants::new(1e-3, [0.9, 0.98], 1e-6, 0.1, step);
        let gradient = numbers(len, 20 + u32::try_from(step).unwrap_or(0), 1.0);
        let gradient = hold(queue, &gradient)?;
        let of: OnDevice = constants.into();
        update(queue, len, of, [state.at(), gradient.at(), scale.at()])?;
    }
    read(queue, &[(&state, 3 * len)])
}

#[cfg(test)]
mod tests {
    use super::super::emulator;
    use super::*;

    #[test]
    fn kernels_give_the_golden_bits() {
        assert_eq!(OPERATIONS.len(), crate::numerics::self_test::operations());
        for processors in [1, 100] {
            let Some(queue) = emulator::queue(processors, false, usize::MAX) else { return };
            assert_eq!(differing(&queue).unwrap(), Vec::<&str>::new());
        }
    }
}
