//! The rectangle that a training sees at a visit: torchvision's `RandomResizedCrop`, drawn from a named stream.

use crate::numerics::random::Stream;

/// The stream that rectangles are drawn from, one index a position.
const STREAM: &str = "random resized crop";

/// Rectangles that are tried before the largest one in the middle is taken.
const TRIES: usize = 10;

/// A rectangle of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Columns left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its width, at least 1.
    pub width: usize,
    /// Its height, at least 1.
    pub height: usize,
}

/// What rectangles are drawn between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropRange {
    /// The least and the largest share of the picture's area, in `(0, 1]`.
    pub area: [f64; 2],
    /// The least and the largest ratio of width to height, positive.
    pub ratio: [f64; 2],
}

impl CropRange {
    /// `OpenCLIP`'s: 90 to 100 % of the area, 3 : 4 to 4 : 3.
    pub const OPEN_CLIP: Self = Self { area: [0.9, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] };
}

impl Crop {
    /// The rectangle that the visit at `position` sees of a picture of `width · height` pixels, under the run's `seed`.
    ///
    /// The algorithm is torchvision's (`RandomResizedCrop.get_params`), in binary64. Up to ten times, the stream "random
    /// resized crop" of index `position` gives u and v in `[0, 1)`: the area is
    /// `A = width · height · (area₀ + (area₁ − area₀) · u)`, the ratio `r = exp(ln ratio₀ + (ln ratio₁ − ln ratio₀) · v)`,
    /// the rectangle `√(A · r)` wide and `√(A ÷ r)` high, both rounded half to even. The first that fits and is not empty
    /// is taken; its top is then a bounded draw of the rows that are left (of `height − h + 1`), its left one of the
    /// columns. If none fits, it is the largest in the middle whose ratio is the nearest allowed one.
    ///
    /// # Panics
    ///
    /// If the picture is empty.
    pub fn drawn(width: usize, height: usize, range: &CropRange, seed: u64, position: u64) -> Self {
        assert!(width > 0 && height > 0, "a picture has at least one pixel");
        let mut stream = Stream::new(seed, position, STREAM);
        let [area_min, area_max] = range.area;
        let [ratio_min, ratio_max] = range.ratio.map(libm::log);
        let whole = real(width) * real(height);
        for _ in 0..TRIES {
            let area = whole * (area_min + (area_max - area_min) * stream.unit());
            let ratio = libm::exp(ratio_min + (ratio_max - ratio_min) * stream.unit());
            let (w, h) = (whole_number((area * ratio).sqrt()), whole_number((area / ratio).sqrt()));
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                let top = below(&mut stream, height - h + 1);
                let left = below(&mut stream, width - w + 1);
                return Self { left, top, width: w, height: h };
            }
        }
        Self::middle(width, height, range.ratio)
    }

    /// The largest rectangle in the middle whose ratio lies between those two.
    fn middle(width: usize, height: usize, [ratio_min, ratio_max]: [f64; 2]) -> Self {
        let ratio = real(width) / real(height);
        let (w, h) = if ratio < ratio_min {
            (width, whole_number(real(width) / ratio_min).clamp(1, height))
        } else if ratio > ratio_max {
            (whole_number(real(height) * ratio_max).clamp(1, width), height)
        } else {
            (width, height)
        };
        Self { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
    }
}

#[allow(clippy::cast_precision_loss, reason = "lengths of images")]
fn real(length: usize) -> f64 {
    length as f64
}

/// Rounds half to even.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and at most some times the length of an image"
)]
fn whole_number(length: f64) -> usize {
    length.round_ties_even() as usize
}

fn below(stream: &mut Stream, bound: usize) -> usize {
    usize::try_from(stream.bounded(bound as u64)).expect("below a length of an image")
}
