//! The stems of the towers as launches of kernels.

use super::arguments::{Patches, Text, Tokens, Touched};
use super::block::at;
use super::launch::{BLOCK_OF_THREADS, column_sums, elements};
use super::matmul::{Finish, Matrix, product, product_of_chunks};
use super::{Address, Launched, Queue, Room};
use crate::tensor::stem::{
    ImageBackward, ImageForward, ImageShape, TextBackward, TextForward, TextShape,
};
use crate::tensor::{Chunks, Region};

/// Computes the tokens of images.
pub(crate) fn image_forward(
    of: &ImageForward<'_>,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let (shape, width) = (&of.shape, of.shape.width);
    let rows = shape.samples * shape.patches();
    let place = |region| at(target, region);
    let patches = place(of.state.patches);
    cut_patches(of, queue, patches)?;
    let values = shape.patch_values();
    let weight = Matrix::new(at(parameters, of.weights.patch), width, values).transposed();
    let bias = of.weights.patch_bias.map(|bias| Finish::Bias(at(parameters, bias)));
    let products = place(of.state.products);
    let patches = Matrix::new(patches, rows, values);
    product(queue, patches, weight, bias.unwrap_or(Finish::Store), products)?;
    let arguments = Tokens {
        products,
        positions: at(parameters, of.weights.positions),
        class_token: of.weights.class_token.map_or(Address::NULL, |token| at(parameters, token)),
        tokens: place(of.state.tokens),
        ..tokens_of(shape)
    };
    let count = shape.samples * shape.tokens() * width;
    queue.launch("image_tokens", elements(queue, count), BLOCK_OF_THREADS, &arguments)
}

fn tokens_of(shape: &ImageShape) -> Tokens {
    Tokens {
        products: Address::NULL,
        positions: Address::NULL,
        class_token: Address::NULL,
        tokens: Address::NULL,
        d_products: Address::NULL,
        samples: shape.samples as u64,
        patches: shape.patches() as u64,
        width: shape.width as u64,
    }
}

fn cut_patches(of: &ImageForward<'_>, queue: &Queue, patches: Address) -> Launched {
    let shape = &of.shape;
    let side =
        |side: usize| u32::try_from(side).expect("an image has fewer than 2³² pixels a side");
    let pixels: Vec<u8> = of.pixels.values().flat_map(f32::to_ne_bytes).collect();
    let arguments = Patches {
        images: queue.bring_all(Room::Images, of.images)?,
        pixels: queue.bring(Room::Pixels, &pixels)?,
        patches,
        samples: shape.samples as u64,
        image_size: side(shape.image_size),
        patch_size: side(shape.patch_size),
    };
    let count = shape.samples * shape.patches() * shape.patch_values();
    queue.launch("cut_patches", elements(queue, count), BLOCK_OF_THREADS, &arguments)
}

/// Stores the gradients of the parameters of an image stem.
pub(crate) fn image_backward(of: &ImageBackward, queue: &Queue, target: Address) -> Launched {
    let (shape, width, chunks) = (&of.shape, of.shape.width, of.chunks);
    let (samples, tokens) = (shape.samples, shape.tokens());
    let rows = samples * shape.patches();
    let place = |region| at(target, region);
    let d_stream = place(of.d_stream);
    position_gradient(queue, chunks, samples, d_stream, (target, of.gradients.positions))?;
    if let Some(token) = of.gradients.class_token {
        column_sums(queue, chunks, [samples, width], tokens * width, d_stream, place(token))?;
    }
    let products = place(of.state.products);
    // Any address says that there is a class token.
    let class_token = if shape.class_token { d_stream } else { Address::NULL };
    let arguments =
        Tokens { class_token, tokens: d_stream, d_products: products, ..tokens_of(shape) };
    queue.launch("patch_rows", elements(queue, rows * width), BLOCK_OF_THREADS, &arguments)?;
    let d_y = Matrix::new(products, rows, width);
    let patches = Matrix::new(place(of.state.patches), rows, shape.patch_values());
    product_of_chunks(queue, chunks, d_y.transposed(), patches, place(of.gradients.patch))?;
    match of.gradients.patch_bias {
        Some(bias) => column_sums(queue, chunks, [rows, width], width, products, place(bias)),
        None => Ok(()),
    }
}

/// Position p: the column sum of the samples' rows at p; all at once, a sample being a row of tokens · width columns.
fn position_gradient(
    queue: &Queue,
    chunks: Chunks,
    samples: usize,
    d_stream: Address,
    (target, d_positions): (Address, Region),
) -> Launched {
    let columns = d_positions.len;
    let d_positions = at(target, d_positions);
    column_sums(queue, chunks, [samples, columns], columns, d_stream, d_positions)
}

/// Computes the tokens of texts.
pub(crate) fn text_forward(
    of: &TextForward<'_>,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let TextShape { samples, tokens, width } = of.shape;
    let rows = samples * tokens;
    let arguments = Text {
        embedding: at(parameters, of.embedding),
        positions: at(parameters, of.positions),
        tokens: queue.bring_indices(Room::Indices, of.tokens)?,
        stream: at(target, of.stream),
        rows: rows as u64,
        width: width as u64,
        per_text: tokens as u64,
    };
    queue.launch("text_tokens", elements(queue, rows * width), BLOCK_OF_THREADS, &arguments)
}

/// Stores the gradients of positions and of the embedding's rows that the texts touched.
pub(crate) fn text_backward(of: &TextBackward<'_>, queue: &Queue, target: Address) -> Launched {
    let TextShape { samples, width, .. } = of.shape;
    let d_stream = at(target, of.d_stream);
    position_gradient(queue, of.chunks, samples, d_stream, (target, of.d_positions))?;
    let (first_of_row, places) = places_by_row(of.slots, of.touched);
    let touched = u32::try_from(of.touched).expect("there are no more rows than tokens");
    let indices = [&places[..], &[touched], &first_of_row].concat();
    // Of the longest lists that may be, so that its address stays.
    queue.room(Room::Indices, 4 * (2 * of.slots.len() + 2))?;
    let indices = queue.bring_indices(Room::Indices, &indices)?;
    let arguments = Touched {
        d_stream,
        d_rows: at(target, of.d_rows),
        first_of_row: indices.element(places.len() + 1),
        places: indices,
        touched: indices.element(places.len()),
        width: width as u64,
    };
    // As many as may be touched: a grid that is the same for every text.
    let grid = elements(queue, of.d_rows.len);
    queue.launch("touched_rows", grid, BLOCK_OF_THREADS, &arguments)
}

/// For each of `touched` rows the places that name it, ascending: where each row's begin, and their number; the places.
pub(super) fn places_by_row(slots: &[u32], touched: usize) -> (Vec<u32>, Vec<u32>) {
    let mut first_of_row = vec![0; touched + 1];
    for &slot in slots {
        first_of_row[slot as usize + 1] += 1;
    }
    for row in 0..touched {
        first_of_row[row + 1] += first_of_row[row];
    }
    let mut next = first_of_row.clone();
    let mut places = vec![0; slots.len()];
    for (place, &slot) in (0..).zip(slots) {
        places[next[slot as usize] as usize] = place;
        next[slot as usize] += 1;
    }
    (first_of_row, places)
}
