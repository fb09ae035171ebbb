//! Image files to pictures, as Pillow reads them: PNG, JPEG and WebP, known by their first bytes.
//!
//! | format | library | against Pillow 13.0.0 |
//! |---|---|---|
//! | PNG | `png` | the same bytes: 16-bit colours are cut to their high byte, a transparent colour is ignored |
//! | WebP | `image-webp` | the same bytes, lossy and lossless; of an animation the first frame |
//! | JPEG | `jpeg-decoder` without instructions of a platform | close: see `tests/bench/README.md` |
//!
//! None of the three looks at the machine: no vector instruction set is asked for, no thread is started. What a JPEG or
//! a WebP file says of its orientation, profile or resolution is ignored, as `OpenCLIP` does. Which of red, green, blue
//! or luma and chroma a JPEG file holds is told by libjpeg's rule.
//!
//! Refused, before any pixel is decoded: pictures of more than [`PIXELS_MAX`] pixels. Refused as well, though Pillow
//! reads some: arithmetic coding, samples of 12 bits, hierarchical and 16-bit lossless JPEG, two channels.

use std::io::Cursor;

use jpeg_decoder::ColorTransform;

use super::{Channels, Picture, Pixels};
use crate::data::MemberError;

/// The most pixels of a picture that is decoded; its bytes are then at most 512 MiB (PNG of 16 bits, red, green, blue,
/// alpha).
pub const PIXELS_MAX: u64 = 1 << 26;

/// Memory that the PNG decoder may use beside its output.
const PNG_DECODER_BYTES_MAX: usize = 64 << 20;
/// Memory that the other two may use for what a file says of itself and, with JPEG, for its output.
const DECODER_BYTES_MAX: usize = 4 << PIXELS_MAX.ilog2();

/// Decodes an image file.
///
/// The answer depends on `bytes` alone, and any bytes have one: a picture or an error.
pub fn decode(bytes: &[u8]) -> Result<Picture, MemberError> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => decode_png(bytes),
        [0xff, 0xd8, ..] => decode_jpeg(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => decode_webp(bytes),
        _ => Err(MemberError::NotAnImage),
    }
}

/// Refuses pictures without pixels and those of too many.
fn checked_size(width: u32, height: u32) -> Result<(usize, usize), MemberError> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > PIXELS_MAX {
        let expected = format!("between 1 and {PIXELS_MAX} in all");
        return Err(MemberError::ImageSize { width, height, expected });
    }
    Ok((width as usize, height as usize))
}

fn decode_png(bytes: &[u8]) -> Result<Picture, MemberError> {
    use png::{BitDepth, ColorType};
    let limits = png::Limits { bytes: PNG_DECODER_BYTES_MAX };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info()?;
    let (width, height) = reader.info().size();
    let (width, height) = checked_size(width, height)?;
    let (colour, depth) = reader.output_color_type();
    let colours = reader.info().palette.as_deref().unwrap_or_default();
    let colours = colours.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect();
    let size = reader.output_buffer_size().ok_or(png::DecodingError::LimitsExceeded)?;
    let mut raw = vec![0; size];
    reader.next_frame(&mut raw)?;
    let unpacked = |raw: &[u8]| unpack(raw, width, height, depth as usize);
    let pixels = match (colour, depth) {
        (ColorType::Indexed, _) => Pixels::Palette { indices: unpacked(&raw), colours },
        (ColorType::Grayscale, BitDepth::One) => {
            Pixels::Bilevel(unpacked(&raw).into_iter().map(|bit| 255 * bit).collect())
        }
        (ColorType::Grayscale, BitDepth::Sixteen) => {
            let pairs = raw.chunks_exact(2);
            Pixels::Grey16(pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
        }
        (ColorType::Grayscale, BitDepth::Two | BitDepth::Four) => {
            let factor = if depth == BitDepth::Two { 0x55 } else { 0x11 };
            let bytes = unpacked(&raw).into_iter().map(|value| factor * value).collect();
            Pixels::Bytes { bytes, channels: Channels::Grey }
        }
        _ => {
            let bytes = match depth {
                BitDepth::Sixteen => raw.iter().step_by(2).copied().collect(),
                _ => raw,
            };
            let channels = match colour {
                ColorType::GrayscaleAlpha => Channels::GreyAlpha,
                ColorType::Rgb => Channels::Rgb,
                ColorType::Rgba => Channels::Rgba,
                ColorType::Grayscale | ColorType::Indexed => Channels::Grey,
            };
            Pixels::Bytes { bytes, channels }
        }
    };
    Ok(Picture::new(width, height, pixels))
}

/// Values of `bits` each, most significant first, rows padded to whole bytes.
fn unpack(raw: &[u8], width: usize, height: usize, bits: usize) -> Vec<u8> {
    if bits == 8 {
        return raw.to_vec();
    }
    let mask = (1_u8 << bits) - 1;
    let value = |row: &[u8], i: usize| row[i * bits / 8] >> (8 - bits - i * bits % 8) & mask;
    let rows = raw.chunks_exact((width * bits).div_ceil(8)).take(height);
    rows.flat_map(|row| (0..width).map(move |i| value(row, i))).collect()
}

fn decode_jpeg(bytes: &[u8]) -> Result<Picture, MemberError> {
    use jpeg_decoder::PixelFormat;
    let mut decoder = jpeg_decoder::Decoder::new(Cursor::new(bytes));
    decoder.set_max_decoding_buffer_size(DECODER_BYTES_MAX);
    decoder.read_info()?;
    let info = decoder.info().ok_or(MemberError::NotAnImage)?;
    let (width, height) = checked_size(info.width.into(), info.height.into())?;
    let channels = match info.pixel_format {
        PixelFormat::L8 => Channels::Grey,
        PixelFormat::RGB24 => Channels::Rgb,
        PixelFormat::CMYK32 => Channels::Cmyk,
        PixelFormat::L16 => return Err(MemberError::Unsupported { what: "samples of 16 bits" }),
    };
    if channels == Channels::Rgb {
        decoder.set_color_transform(colours_of_jpeg(bytes));
    }
    let bytes = decoder.decode()?;
    if bytes.len() != width * height * channels.count() {
        return Err(MemberError::NotAnImage);
    }
    Ok(Picture::new(width, height, Pixels::Bytes { bytes, channels }))
}

/// What the three channels of a JPEG file are, by libjpeg's rule: a JFIF header says luma and chroma, else Adobe's says
/// which, else the names of the channels do: red, green and blue if they are `R`, `G`, `B`.
fn colours_of_jpeg(bytes: &[u8]) -> ColorTransform {
    let (mut adobe, mut rest) = (None, &bytes[2..]);
    // Segments: 0xff, a marker, the length of the rest in two bytes that count themselves.
    while let [0xff, marker, tail @ ..] = rest {
        if matches!(marker, 0xff | 0x01 | 0xd0..=0xd7) {
            rest = if *marker == 0xff { &rest[1..] } else { tail };
            continue;
        }
        let [high, low, body @ ..] = tail else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
        let Some((segment, after)) = body.split_at_checked(length) else { break };
        match (marker, segment) {
            (0xe0, [b'J', b'F', b'I', b'F', 0, ..]) => return ColorTransform::YCbCr,
            (0xee, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                adobe = Some(*transform);
            }
            (0xc0..=0xc3, [_, _, _, _, _, 3, r, _, _, g, _, _, b, ..]) => {
                return match (adobe, [*r, *g, *b]) {
                    (Some(0), _) | (None, [b'R', b'G', b'B']) => ColorTransform::RGB,
                    _ => ColorTransform::YCbCr,
                };
            }
            _ => {}
        }
        rest = after;
    }
    ColorTransform::YCbCr
}

fn decode_webp(bytes: &[u8]) -> Result<Picture, MemberError> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes))?;
    decoder.set_memory_limit(DECODER_BYTES_MAX);
    let (width, height) = decoder.dimensions();
    let (width, height) = checked_size(width, height)?;
    let channels = if decoder.has_alpha() { Channels::Rgba } else { Channels::Rgb };
    let mut bytes = vec![0; width * height * channels.count()];
    decoder.read_image(&mut bytes)?;
    Ok(Picture::new(width, height, Pixels::Bytes { bytes, channels }))
}
