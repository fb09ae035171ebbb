//! The losses of a batch as launches of kernels.

use super::arguments::{Logits, Loss};
use super::block::{at, linear_gradients};
use super::launch::{row_sums, softmax_loss};
use super::matmul::{Finish, Matrix, product};
use super::{Address, Launched, Queue, Room};
use crate::tensor::loss::{Classification, Contrastive};
use crate::tensor::{Arithmetic, Chunks};

/// The side of a tile of kernels on square matrices.
const SIDE: usize = 32;
/// The threads of a block of them.
const SQUARE: [u32; 3] = [32, 8, 1];
/// The threads of kernels for one number.
const ONE: [u32; 3] = [32, 1, 1];

/// The contrastive loss with the gradients of embeddings and logit scale.
#[allow(clippy::cast_precision_loss, reason = "a batch is far below 2²⁴ pairs")]
pub(crate) fn contrastive(
    of: &Contrastive,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let (n, width, regions) = (of.batch, of.embed_dim, of.regions);
    let place = |region| at(target, region);
    let [products, logits, by_row, by_column, results] =
        [regions.products, regions.logits, regions.by_row, regions.by_column, regions.results]
            .map(place);
    let logit_scale = at(parameters, of.logit_scale);
    // Losses of rows, or other numbers a row, then two sums.
    let numbers = queue.room(Room::Numbers, 4 * (n + 2))?;
    let sums = numbers.element(n);

    let images = Matrix::new(place(regions.images), n, width);
    let texts = Matrix::new(place(regions.texts), n, width);
    product(queue, images, texts.transposed(), Finish::Store, products)?;
    let square = [n.div_ceil(SIDE), n.div_ceil(SIDE), 1];
    let arguments = Logits { products, logit_scale, logits, by_row, by_column, n: n as u64 };
    queue.launch("contrastive_logits", square, SQUARE, &arguments)?;
    for (sum, of) in [(sums, by_row), (sums.element(1), by_column)] {
        softmax_loss(queue, [n, n], of, Address::NULL, numbers, None)?;
        row_sums(queue, [1, n], numbers, Address::NULL, sum)?;
    }
    let arguments = Loss {
        by_row,
        by_column,
        losses: sums,
        results,
        n: n as u64,
        factor: 0.5 / n as f32,
        unused: 0,
    };
    queue.launch("contrastive_loss", [1, 1, 1], ONE, &arguments)?;
    queue.launch("contrastive_gradient", square, SQUARE, &arguments)?;
    row_sums(queue, [n, n], by_row, logits, numbers)?;
    row_sums(queue, [1, n], numbers, Address::NULL, results.element(1))?;
    let (g, finish) = (Matrix::new(by_row, n, n), Finish::TimesExp(logit_scale));
    product(queue, g, texts, finish, place(regions.d_images))?;
    product(queue, g.transposed(), images, finish, place(regions.d_texts))
}

/// The cross-entropy of a linear layer with the gradients of embeddings and layer.
#[allow(clippy::cast_precision_loss, reason = "a batch is far below 2²⁴ samples")]
pub(crate) fn classification(
    of: &Classification<'_>,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let (n, width, classes, regions) = (of.labels.len(), of.embed_dim, of.classes, of.regions);
    let place = |region| at(target, region);
    let [logits, results] = [regions.logits, regions.results].map(place);
    let [bias, weight] = of.head.map(|region| at(parameters, region));
    let images = Matrix::new(place(regions.images), n, width);
    let weight = Matrix::new(weight, classes, width);
    product(queue, images, weight.transposed(), Finish::Bias(bias), logits)?;
    let labels = queue.bring_indices(Room::Indices, of.labels)?;
    let numbers = queue.room(Room::Numbers, 4 * (n + 2))?;
    softmax_loss(queue, [n, classes], logits, labels, numbers, Some(1.0 / n as f32))?;
    row_sums(queue, [1, n], numbers, Address::NULL, numbers.element(n))?;
    let arguments = Loss {
        by_row: Address::NULL,
        by_column: Address::NULL,
        losses: numbers.element(n),
        results,
        n: n as u64,
        factor: 0.0,
        unused: 0,
    };
    queue.launch("classification_loss", [1, 1, 1], ONE, &arguments)?;
    let g = Matrix::new(logits, n, classes);
    if regions.d_images.len > 0 {
        product(queue, g, weight, Finish::Store, place(regions.d_images))?;
    }
    let d_head = regions.d_head.map(place);
    linear_gradients(queue, Arithmetic::Portable, Chunks::ONE, g, images, d_head)
}
