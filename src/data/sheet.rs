//! A contact sheet: the first images of a data set side by side, for a person's eyes.

use super::image::encode_png;
use super::{DataError, Dataset};

/// Images in a row, and rows.
const COLUMNS: usize = 24;
/// Pixels between images.
const GAP: usize = 2;

/// A square PNG of up to 576 images of the data set, spread evenly over it.
pub fn contact_sheet(dataset: &Dataset) -> Result<Vec<u8>, DataError> {
    let size = dataset.image_size();
    let cell = size + GAP;
    let side = COLUMNS * cell + GAP;
    let mut pixels = vec![0xdd; side * side * 3];
    let count = dataset.len().min(COLUMNS * COLUMNS);
    for place in 0..count {
        let image = dataset.image(place * dataset.len() / count)?;
        let (left, top) = (GAP + place % COLUMNS * cell, GAP + place / COLUMNS * cell);
        for y in 0..size {
            for x in 0..size {
                let at = ((top + y) * side + left + x) * 3;
                for channel in 0..3 {
                    pixels[at + channel] = image[channel * size * size + y * size + x];
                }
            }
        }
    }
    Ok(encode_png(&pixels, side))
}
