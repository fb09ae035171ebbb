//! Images as `OpenCLIP` sees them: bytes in, red, green and blue of a square out, equal to those of Pillow and torchvision.
//!
//! **Evaluation** ([`Picture::evaluation_view`]): the shortest side is resized to the wanted length by Pillow's
//! antialiased bicubic filter (a = −½) with its 8-bit intermediates, the long side to `side · long ÷ short`, cut to a whole
//! number; the centre is cut out, the offset `(length − side) ÷ 2` rounded half to even; and only then are colours made
//! of whatever the file held. **Training** ([`Picture::training_view`]): a rectangle of the picture ([`Crop::drawn`]) is
//! resized to the square by the same filter, whatever its aspect.
//!
//! Equal bytes are promised for Pillow 13.0.0 (`tests/bench/pillow_parity.py` compares, goldens in the tests). Pillow 12
//! and older began with the rows nearly always, so that some bytes of tall images differ by a few units, and knew no
//! 16-bit greys here. Weights are computed in binary64 by `+ − × ÷` in a stated order and rounded to 22 bits; sums are
//! integers, except those of 16-bit greys, which are binary64 sums in ascending order. So pixels are equal on every
//! machine.
//!
//! What a file holds becomes a [`Picture`] by [`decode()`], which says what is read and what is refused.

mod crop;
mod decode;
mod resample;
#[cfg(test)]
mod tests;

pub use crop::{Crop, CropRange};
pub use decode::{PIXELS_MAX, decode};

use self::resample::{Axis, begins_with_columns, nearest, resample_bytes, resample_grey16};

/// A picture as its file holds it, row after row. It has at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Pixels,
}

/// The pixels of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pixels {
    /// Black and white: 0 or 255 a byte. Resized to the nearest.
    Bilevel(Vec<u8>),
    /// Indices into a palette of at most 256 colours. Resized to the nearest; an index past the end is black.
    Palette { indices: Vec<u8>, colours: Vec<[u8; 3]> },
    /// Interleaved bytes.
    Bytes { bytes: Vec<u8>, channels: Channels },
    /// Grey of 16 bits. Shown as the least of its value and 255, as Pillow does.
    Grey16(Vec<u16>),
}

/// What the bytes of a pixel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
    /// Cyan, magenta, yellow, black: 255 is all of an ink.
    Cmyk,
}

impl Channels {
    /// Bytes of a pixel.
    fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    fn has_alpha(self) -> bool {
        matches!(self, Self::GreyAlpha | Self::Rgba)
    }
}

impl Picture {
    /// A picture of that many pixels.
    ///
    /// # Panics
    ///
    /// If it has none.
    fn new(width: usize, height: usize, pixels: Pixels) -> Self {
        assert!(width > 0 && height > 0, "a picture has at least one pixel");
        Self { width, height, pixels }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// What a pixel is, by Pillow's name of the mode.
    pub fn mode(&self) -> &'static str {
        match &self.pixels {
            Pixels::Bilevel(_) => "1",
            Pixels::Palette { .. } => "P",
            Pixels::Grey16(_) => "I;16",
            Pixels::Bytes { channels, .. } => match channels {
                Channels::Grey => "L",
                Channels::GreyAlpha => "LA",
                Channels::Rgb => "RGB",
                Channels::Rgba => "RGBA",
                Channels::Cmyk => "CMYK",
            },
        }
    }

    /// The picture as it is: `3 · width · height` bytes, interleaved red, green and blue; alpha is dropped.
    pub fn colours(&self) -> Vec<u8> {
        (0..self.width * self.height).flat_map(|index| self.colour(index)).collect()
    }

    /// Resizes the shortest side to `side` and cuts out the centre: `3 · side²` bytes, interleaved red, green and blue.
    ///
    /// # Panics
    ///
    /// If `side` is 0.
    pub fn evaluation_view(self, side: usize) -> Vec<u8> {
        assert!(side > 0, "a view has at least one pixel");
        let (width, height) = (self.width, self.height);
        let (to_width, to_height) = if width <= height {
            (side, scaled(side, height, width))
        } else {
            (scaled(side, width, height), side)
        };
        let axis = |from, to| Axis { from, to, start: centred(to, side), length: side };
        self.resized(axis(width, to_width), axis(height, to_height)).colours()
    }

    /// Resizes the rectangle `crop` to a square: `3 · side²` bytes, interleaved red, green and blue.
    ///
    /// # Panics
    ///
    /// If `side` is 0, or the rectangle is empty or not within the picture.
    pub fn training_view(self, side: usize, crop: Crop) -> Vec<u8> {
        assert!(side > 0, "a view has at least one pixel");
        let axis = |from| Axis { from, to: side, start: 0, length: side };
        self.cut(crop).resized(axis(crop.width), axis(crop.height)).colours()
    }

    /// The pixels of a rectangle.
    fn cut(self, Crop { left, top, width, height }: Crop) -> Self {
        assert!(left + width <= self.width && top + height <= self.height, "within the picture");
        let stride = self.width;
        let rows = |pixel: usize| {
            (top..top + height).map(move |row| {
                (row * stride + left) * pixel..(row * stride + left + width) * pixel
            })
        };
        let bytes = |all: Vec<u8>, pixel: usize| -> Vec<u8> {
            rows(pixel).flat_map(|row| all[row].iter().copied()).collect()
        };
        let pixels = match self.pixels {
            Pixels::Bilevel(all) => Pixels::Bilevel(bytes(all, 1)),
            Pixels::Palette { indices, colours } => {
                Pixels::Palette { indices: bytes(indices, 1), colours }
            }
            Pixels::Bytes { bytes: all, channels } => {
                Pixels::Bytes { bytes: bytes(all, channels.count()), channels }
            }
            Pixels::Grey16(all) => {
                Pixels::Grey16(rows(1).flat_map(|row| all[row].iter().copied()).collect())
            }
        };
        Self::new(width, height, pixels)
    }

    /// The part of the resized picture that both axes name. Only that part is ever computed, so that a picture of one
    /// pixel by many thousands costs no more than its own size.
    fn resized(self, across: Axis, down: Axis) -> Self {
        if across.is_whole() && down.is_whole() {
            return self;
        }
        let unscaled = across.from == across.to && down.from == down.to;
        let columns_first = begins_with_columns(across, down);
        let pixels = match self.pixels {
            Pixels::Bilevel(bytes) => Pixels::Bilevel(nearest(&bytes, across, down)),
            Pixels::Palette { indices, colours } => {
                Pixels::Palette { indices: nearest(&indices, across, down), colours }
            }
            Pixels::Bytes { bytes, channels } if channels.has_alpha() && !unscaled => {
                let count = channels.count();
                let premultiplied = premultiply(bytes, count);
                let bytes = resample_bytes(premultiplied, count, across, down, columns_first);
                Pixels::Bytes { bytes: unmultiply(bytes, count), channels }
            }
            Pixels::Bytes { bytes, channels } => {
                let bytes = resample_bytes(bytes, channels.count(), across, down, columns_first);
                Pixels::Bytes { bytes, channels }
            }
            Pixels::Grey16(values) => {
                Pixels::Grey16(resample_grey16(values, across, down, columns_first))
            }
        };
        Self::new(across.length, down.length, pixels)
    }

    /// Red, green and blue of a pixel; alpha is dropped.
    fn colour(&self, index: usize) -> [u8; 3] {
        match &self.pixels {
            Pixels::Bilevel(bytes) => [bytes[index]; 3],
            Pixels::Palette { indices, colours } => {
                colours.get(usize::from(indices[index])).copied().unwrap_or_default()
            }
            Pixels::Bytes { bytes, channels } => {
                let pixel = &bytes[index * channels.count()..][..channels.count()];
                match channels {
                    Channels::Grey | Channels::GreyAlpha => [pixel[0]; 3],
                    Channels::Rgb | Channels::Rgba => [pixel[0], pixel[1], pixel[2]],
                    Channels::Cmyk => {
                        let light = 255 - pixel[3];
                        [0, 1, 2].map(|ink| light.saturating_sub(share_of(light, pixel[ink])))
                    }
                }
            }
            Pixels::Grey16(values) => [u8::try_from(values[index]).unwrap_or(u8::MAX); 3],
        }
    }
}

/// `side · long ÷ short`, cut to a whole number.
fn scaled(side: usize, long: usize, short: usize) -> usize {
    side * long / short
}

/// Half of what `length` has over `side`, a half rounded to the even neighbour.
fn centred(length: usize, side: usize) -> usize {
    let over = length - side;
    over / 2 + usize::from(over % 4 == 3)
}

/// `value · share ÷ 255`, rounded to nearest.
fn share_of(value: u8, share: u8) -> u8 {
    let product = u32::from(value) * u32::from(share) + 128;
    u8::try_from((product + (product >> 8)) >> 8).expect("at most 255")
}

/// Colours times alpha, rounded: the last channel is alpha.
fn premultiply(mut bytes: Vec<u8>, channels: usize) -> Vec<u8> {
    for pixel in bytes.chunks_exact_mut(channels) {
        let (alpha, colours) = pixel.split_last_mut().expect("a pixel has a channel");
        for colour in colours {
            *colour = share_of(*colour, *alpha);
        }
    }
    bytes
}

/// Colours divided by alpha, cut to whole numbers of at most 255; where alpha is 0 they stay.
fn unmultiply(mut bytes: Vec<u8>, channels: usize) -> Vec<u8> {
    for pixel in bytes.chunks_exact_mut(channels) {
        let (alpha, colours) = pixel.split_last_mut().expect("a pixel has a channel");
        if matches!(*alpha, 0 | 255) {
            continue;
        }
        for colour in colours {
            let quotient = 255 * u32::from(*colour) / u32::from(*alpha);
            *colour = u8::try_from(quotient).unwrap_or(u8::MAX);
        }
    }
    bytes
}
