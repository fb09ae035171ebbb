//! Images as bytes: PNG in, exact integer arithmetic, PNG out.
//!
//! No floating point anywhere, so pixels are equal on every machine. Encoded bytes are defined here and not by a
//! compression library, so that no update of a library moves the digest of a shard.

use std::io::Cursor;

use super::error::MemberError;

/// The largest side of an image that is decoded.
pub(crate) const SIDE_MAX: u32 = 1024;
/// Memory that the PNG decoder may use beside its output.
const DECODER_BYTES_MAX: usize = 16 << 20;

/// A decoded image: 8-bit channels interleaved row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Width in pixels.
    pub(crate) width: usize,
    /// Height in pixels.
    pub(crate) height: usize,
    /// 1 (grey), 2 (grey, alpha), 3 (red, green, blue) or 4 (red, green, blue, alpha).
    pub(crate) channels: usize,
    /// `height · width · channels` bytes.
    pub(crate) pixels: Vec<u8>,
}

/// Decodes a PNG image of at most [`SIDE_MAX`] pixels a side; palettes are expanded, 16-bit channels cut to 8.
pub(crate) fn decode_png(bytes: &[u8]) -> Result<Decoded, MemberError> {
    let limits = png::Limits {
        bytes: DECODER_BYTES_MAX,
    };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let (width, height) = reader.info().size();
    if width > SIDE_MAX || height > SIDE_MAX {
        let expected = format!("at most {SIDE_MAX} a side");
        return Err(MemberError::ImageSize {
            width,
            height,
            expected,
        });
    }
    let channels = reader.output_color_type().0.samples();
    let (width, height) = (width as usize, height as usize);
    let mut pixels = vec![0; width * height * channels];
    reader.next_frame(&mut pixels)?;
    Ok(Decoded {
        width,
        height,
        channels,
        pixels,
    })
}

impl Decoded {
    /// Red, green and blue of pixel `index` over white, each times 255: exact.
    pub(crate) fn over_white_times_255(&self, index: usize) -> [u32; 3] {
        let pixel = &self.pixels[index * self.channels..][..self.channels];
        let (colour, alpha) = match *pixel {
            [grey] => ([grey; 3], 255),
            [grey, alpha] => ([grey; 3], alpha),
            [red, green, blue] => ([red, green, blue], 255),
            [red, green, blue, alpha] => ([red, green, blue], alpha),
            _ => unreachable!("PNG has one to four channels"),
        };
        let alpha = u32::from(alpha);
        colour.map(|value| u32::from(value) * alpha + 255 * (255 - alpha))
    }

    /// Writes the image over white as three planes (channel, row, column), rounded to nearest.
    pub(crate) fn write_planes(&self, planes: &mut [u8]) {
        let area = self.width * self.height;
        assert_eq!(planes.len(), 3 * area, "three planes");
        let (red, rest) = planes.split_at_mut(area);
        let (green, blue) = rest.split_at_mut(area);
        match self.channels {
            1 => [red, green, blue]
                .into_iter()
                .for_each(|plane| plane.copy_from_slice(&self.pixels)),
            3 => {
                for (index, pixel) in self.pixels.chunks_exact(3).enumerate() {
                    (red[index], green[index], blue[index]) = (pixel[0], pixel[1], pixel[2]);
                }
            }
            _ => {
                for index in 0..area {
                    let rounded = self.over_white_times_255(index).map(|value| {
                        u8::try_from((value + 127) / 255).expect("at most 255 · 255 was divided")
                    });
                    (red[index], green[index], blue[index]) = (rounded[0], rounded[1], rounded[2]);
                }
            }
        }
    }
}
