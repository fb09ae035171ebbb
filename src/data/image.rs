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
    let limits = png::Limits { bytes: DECODER_BYTES_MAX };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let (width, height) = reader.info().size();
    if width > SIDE_MAX || height > SIDE_MAX {
        let expected = format!("at most {SIDE_MAX} a side");
        return Err(MemberError::ImageSize { width, height, expected });
    }
    let channels = reader.output_color_type().0.samples();
    let (width, height) = (width as usize, height as usize);
    let mut pixels = vec![0; width * height * channels];
    reader.next_frame(&mut pixels)?;
    Ok(Decoded { width, height, channels, pixels })
}

impl Decoded {
    /// Whether its last channel is alpha.
    pub(crate) const fn has_alpha(&self) -> bool {
        matches!(self.channels, 2 | 4)
    }

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
            1 => {
                [red, green, blue]
                    .into_iter()
                    .for_each(|plane| plane.copy_from_slice(&self.pixels));
            }
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

/// Resamples an image over white to `side²` pixels by exact area averages, rounded to nearest: interleaved red, green
/// and blue. A shape that is not square is centred on white, its aspect kept.
#[cfg(any(test, feature = "pictograms"))]
pub(crate) fn resample_over_white(image: &Decoded, side: usize) -> Vec<u8> {
    let square = image.width.max(image.height);
    let (left, top) = ((square - image.width) / 2, (square - image.height) / 2);
    let mut pixels = vec![[255 * 255; 3]; square * square];
    for row in 0..image.height {
        for column in 0..image.width {
            pixels[(row + top) * square + column + left] =
                image.over_white_times_255(row * image.width + column);
        }
    }
    // Lengths are counted in 1/side of a source pixel: target pixel i covers i·square to (i+1)·square.
    let overlaps = |target: usize| {
        let (start, end) = (target * square, (target + 1) * square);
        (start / side..end.div_ceil(side))
            .map(move |source| (source, end.min((source + 1) * side) - start.max(source * side)))
    };
    let area = 255 * (square * square) as u64;
    let mut resampled = Vec::with_capacity(side * side * 3);
    for row in 0..side {
        for column in 0..side {
            let mut sums = [0_u64; 3];
            for (source_row, height) in overlaps(row) {
                for (source_column, width) in overlaps(column) {
                    let weight = (height * width) as u64;
                    let pixel = pixels[source_row * square + source_column];
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(value) * weight;
                    }
                }
            }
            let rounded = sums.map(|sum| u8::try_from((sum + area / 2) / area));
            resampled.extend(rounded.map(|value| value.expect("an average of bytes")));
        }
    }
    resampled
}

/// Encodes `side²` grey bytes, or three times as many interleaved red, green and blue ones, as a PNG image.
///
/// The rows are unfiltered and the data stream stored, not compressed: the bytes follow from the PNG specification
/// alone.
#[cfg(any(test, feature = "pictograms"))]
pub(crate) fn encode_png(pixels: &[u8], side: usize) -> Vec<u8> {
    let channels = pixels.len() / (side * side);
    assert!(matches!(channels, 1 | 3) && pixels.len() == channels * side * side, "grey or colour");
    let side_bytes = u32::try_from(side).expect("a side is small").to_be_bytes();
    let colour_type = if channels == 1 { 0 } else { 2 };
    let mut rows = Vec::with_capacity(pixels.len() + side);
    for row in pixels.chunks_exact(side * channels) {
        rows.push(0);
        rows.extend_from_slice(row);
    }
    let mut stream = vec![0x78, 0x01];
    let blocks = rows.chunks(0xffff).count();
    for (index, block) in rows.chunks(0xffff).enumerate() {
        let length = u16::try_from(block.len()).expect("cut to 65,535 bytes");
        stream.push(u8::from(index + 1 == blocks));
        stream.extend_from_slice(&length.to_le_bytes());
        stream.extend_from_slice(&(!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    stream.extend_from_slice(&adler32(&rows).to_be_bytes());
    let header = [&side_bytes[..], &side_bytes, &[8, colour_type, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &header), (b"IDAT", &stream), (b"IEND", &Vec::new())] {
        png.extend_from_slice(&u32::try_from(data.len()).expect("small").to_be_bytes());
        let start = png.len();
        png.extend_from_slice(kind);
        png.extend_from_slice(data);
        let check = crc32(&png[start..]);
        png.extend_from_slice(&check.to_be_bytes());
    }
    png
}

/// RFC 1950, section 8.2.
#[cfg(any(test, feature = "pictograms"))]
fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for chunk in bytes.chunks(5552) {
        for &byte in chunk {
            a += u32::from(byte);
            b += a;
        }
        (a, b) = (a % 65_521, b % 65_521);
    }
    b << 16 | a
}

/// The cyclic redundancy check of PNG (ISO 3309), byte by byte.
#[cfg(any(test, feature = "pictograms"))]
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index: u32 = 0;
        while index < 256 {
            let (mut value, mut bit) = (index, 0);
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ value >> 1 } else { value >> 1 };
                bit += 1;
            }
            table[index as usize] = value;
            index += 1;
        }
        table
    };
    !bytes
        .iter()
        .fold(!0, |check, &byte| TABLE[usize::from(check.to_le_bytes()[0] ^ byte)] ^ check >> 8)
}
