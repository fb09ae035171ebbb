//! Expected values are Pillow's: `tests/bench/pillow_parity.py --goldens` wrote the files and what it makes of them.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::MemberError;
use crate::digest::BlobDigest;
use crate::numerics::random::Stream;

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/images");

/// Every golden file of that extension: name and bytes.
fn goldens(extension: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(GOLDENS).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|found| found == extension) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.push((name, fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

fn digest(pixels: &[u8]) -> String {
    BlobDigest::of(pixels).to_string()
}

#[test]
fn views_of_png_and_webp_are_pillows_to_the_byte() {
    let expected = fs::read_to_string(Path::new(GOLDENS).join("expected.tsv")).unwrap();
    let mut modes = std::collections::BTreeSet::new();
    for line in expected.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, side, seed, position, evaluation, training] = fields[..] else {
            panic!("{line}");
        };
        let (side, seed) = (side.parse().unwrap(), seed.parse().unwrap());
        let picture = decode(&fs::read(Path::new(GOLDENS).join(name)).unwrap()).unwrap();
        modes.insert(picture.mode());
        let range = &CropRange::OPEN_CLIP;
        let position = position.parse().unwrap();
        let crop = Crop::drawn(picture.width(), picture.height(), range, seed, position);
        assert_eq!(digest(&picture.clone().training_view(side, crop)), training, "{name}");
        assert_eq!(digest(&picture.evaluation_view(side)), evaluation, "{name}");
    }
    assert_eq!(Vec::from_iter(modes), ["1", "I;16", "L", "LA", "P", "RGB", "RGBA"]);
}

/// `tests/bench/README.md` has the distances over thousands of files.
#[test]
fn jpeg_pixels_are_close_to_pillows_and_always_the_same() {
    let files = goldens("jpg");
    let mut all = Vec::new();
    for (name, bytes) in &files {
        let pixels = decode(bytes).unwrap().colours();
        let pillows = fs::read(Path::new(GOLDENS).join(format!("{name}.rgb"))).unwrap();
        assert_eq!(pixels.len(), pillows.len(), "{name}");
        let distances = pixels.iter().zip(&pillows).map(|(a, b)| a.abs_diff(*b));
        assert!(distances.max().unwrap() <= 4, "{name}");
        all.extend(pixels);
    }
    assert!(files.len() >= 12, "modes, subsamplings, baseline and progressive");
    // Of this decoder: another value is another data set, and calls for another revision of the jobs.
    assert_eq!(digest(&all), "2a7d6f416d1818c9834386f7c111bfdf3182f87c6bd43edbeda0daf7d8f486fa");
}

#[test]
fn long_pictures_cost_no_more_than_their_size() {
    let bytes: Vec<u8> = (0..60_000).map(|row| u8::try_from(row / 240).unwrap()).collect();
    let picture = |width, height| {
        let pixels = Pixels::Bytes { bytes: bytes.clone(), channels: Channels::Grey };
        Picture::new(width, height, pixels)
    };
    // Resized whole, it would have 224 · 13,440,000 pixels.
    for view in [picture(1, 60_000), picture(60_000, 1)].map(|p| p.evaluation_view(224)) {
        assert_eq!(view.len(), 3 * 224 * 224);
        assert!(view.iter().all(|value| (124..=125).contains(value)));
    }
    let bits = Pixels::Bilevel(vec![255; 60_000]);
    assert_eq!(Picture::new(1, 60_000, bits).evaluation_view(2), [255; 12]);
    // The longest that are read: 15,032,385,536 rows or columns, of which only those in the middle are looked for.
    let longest = usize::try_from(PIXELS_MAX).unwrap();
    for (width, height) in [(1, longest), (longest, 1)] {
        let grey = Pixels::Bytes { bytes: vec![255; longest], channels: Channels::Grey };
        for pixels in [Pixels::Bilevel(vec![255; longest]), grey] {
            let view = Picture::new(width, height, pixels).evaluation_view(224);
            assert!(view.iter().all(|value| *value == 255) && view.len() == 3 * 224 * 224);
        }
    }
}

/// From the second implementation in `tests/bench/pillow_parity.py`, with Python's `math`.
#[test]
fn rectangles_are_those_of_torchvisions_algorithm() {
    let check = |(width, height), seed, position, expected| {
        let Crop { left, top, width, height } =
            Crop::drawn(width, height, &CropRange::OPEN_CLIP, seed, position);
        assert_eq!((left, top, width, height), expected);
    };
    check((640, 480), 7, 0, (26, 16, 612, 461));
    check((640, 480), 7, 1, (3, 1, 610, 478));
    check((640, 480), 7, 2, (4, 0, 584, 475));
    check((72, 72), 1, 99, (1, 2, 68, 70));
    // None of ten tries fits: the middle.
    check((3, 2), 5, 5, (0, 0, 3, 2));
    check((1000, 10), 3, 4, (493, 0, 13, 10));
    check((10, 1000), 3, 4, (0, 493, 10, 13));
    check((1, 60_000), 0, 0, (0, 29_999, 1, 1));
    check((1, 1), 0, 0, (0, 0, 1, 1));
}

#[test]
fn pictures_that_claim_too_many_pixels_are_refused_before_they_are_decoded() {
    let mut png = goldens("png").remove(0).1;
    png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let check = png_check(&png[12..29]);
    png[29..33].copy_from_slice(&check.to_be_bytes());
    let mut jpeg = goldens("jpg").remove(0).1;
    let frame = jpeg.windows(2).position(|pair| matches!(pair, [0xff, 0xc0..=0xc2])).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    let webp = [&b"RIFF\x1e\0\0\0WEBPVP8L\x11\0\0\0\x2f\xfe\xbf\xff\x0f"[..], &[0; 12]].concat();
    for (bytes, side) in [(png, 65_535), (jpeg, 65_535), (webp, 16_383)] {
        match decode(&bytes) {
            Err(MemberError::ImageSize { width, height, expected }) => {
                assert_eq!((width, height), (side, side));
                assert_eq!(expected, "between 1 and 67108864 in all");
            }
            other => panic!("{other:?}"),
        }
    }
}

fn png_check(chunk: &[u8]) -> u32 {
    !chunk.iter().fold(!0_u32, |check, &byte| {
        (0..8).fold(check ^ u32::from(byte), |check, _| {
            if check & 1 == 1 { 0xedb8_8320 ^ check >> 1 } else { check >> 1 }
        })
    })
}

#[test]
fn bytes_that_are_no_image_are_an_error() {
    assert!(matches!(decode(b""), Err(MemberError::NotAnImage)));
    assert!(matches!(decode(b"GIF89a..."), Err(MemberError::NotAnImage)));
    assert!(matches!(decode(b"\x89PNG\r\n\x1a\n"), Err(MemberError::Png(_))));
    assert!(matches!(decode(b"\xff\xd8\xff"), Err(MemberError::Jpeg(_))));
    assert!(matches!(decode(b"RIFF\0\0\0\0WEBP"), Err(MemberError::Webp(_))));
    for (_, bytes) in [goldens("png"), goldens("webp"), goldens("jpg")].concat() {
        assert!(decode(&bytes[..bytes.len() / 3]).is_err());
    }
}

/// A picture or an error, never a panic: bytes of real files with some of them changed, removed or repeated.
#[test]
fn any_bytes_have_an_answer() {
    let files = [goldens("png"), goldens("webp"), goldens("jpg")].concat();
    for round in 0..3000 {
        let mut stream = Stream::new(0, round, "hostile images");
        let below = |stream: &mut Stream, bound: usize| {
            usize::try_from(stream.bounded(bound as u64)).unwrap()
        };
        let mut bytes = files[below(&mut stream, files.len())].1.clone();
        for _ in 0..=below(&mut stream, 6) {
            let at = below(&mut stream, bytes.len());
            match stream.bounded(6) {
                0 => bytes.truncate(at.max(1)),
                1 => drop(bytes.drain(at..bytes.len().min(at + 7))),
                2 => bytes.insert(at, 0xff),
                _ => bytes[at] = stream.u64().to_le_bytes()[0],
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(picture) = decode(&bytes) {
            assert_eq!(picture.evaluation_view(8).len(), 192);
        }
    }
}
