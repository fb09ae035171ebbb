//! A data set in memory: the samples of a folder of shards, decoded.
//!
//! The folder holds `manifest.json` (canonical bytes of a [`Manifest`]) and the shards that it names. Limits, so that
//! a hostile folder costs bounded memory: a manifest of 64 MiB, a shard of 2 GiB, a member of 16 MiB, images of 1,024
//! pixels a side, all images together 64 GiB; and each at most what its file really holds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::error::{DataError, MemberError};
use super::image::{Decoded, decode_png};
use super::preprocess;
use super::shard::{RawSample, SHARD_BYTES_MAX, read_shard};
use crate::action::manifest::{Manifest, ManifestFile};

const MANIFEST_BYTES_MAX: u64 = 64 << 20;
const IMAGE_BYTES_MAX: u64 = 64 << 30;

/// Samples with their images as bytes, in the order of their shards.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    image_size: usize,
    /// `len · 3 · image_size²` bytes.
    images: Vec<u8>,
    keys: Vec<String>,
    captions: Vec<Vec<String>>,
    labels: Vec<Option<u32>>,
    shard_sizes: Vec<usize>,
    skipped: u64,
}

impl Dataset {
    /// Reads the data set of the folder `dir`.
    ///
    /// Files of the manifest whose name does not end in `.tar` (a list of classes, say) are left alone. All images
    /// must be PNG, square and of one size. A sample whose key its manifest lists as skipped is not there at all.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        Self::load_any(dir, None)
    }

    /// Reads the data set of the folder `dir` for a model whose images are `side` pixels wide.
    ///
    /// A PNG image of that size is taken as it is (alpha over white). Any other goes through `OpenCLIP`'s preprocessing of
    /// evaluations: shortest side resized, centre cut out ([`preprocess::Picture::evaluation_view`]).
    pub fn load_for(dir: &Path, side: usize) -> Result<Self, DataError> {
        Self::load_any(dir, Some(side))
    }

    fn load_any(dir: &Path, wanted: Option<usize>) -> Result<Self, DataError> {
        let manifest_path = dir.join("manifest.json");
        let bytes = read_at_most(&manifest_path, MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::decode(&bytes)
            .map_err(|source| DataError::Manifest { path: manifest_path, source })?;
        let mut dataset = Self::default();
        for file in manifest.files.iter().filter(|file| is_shard(&file.name)) {
            dataset.load_shard(dir, file, wanted)?;
            dataset.skipped += file.skipped.len() as u64;
        }
        Ok(dataset)
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.captions.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.captions.is_empty()
    }

    /// Samples that were unreadable when the shards were pinned, and are left out.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Samples of each shard, in the order of the manifest.
    pub fn shard_sizes(&self) -> &[usize] {
        &self.shard_sizes
    }

    /// Side of the square images in pixels; 0 where there is no sample.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// The image of sample `index`: `3 · image_size²` bytes in the order (channel, row, column).
    pub fn image(&self, index: usize) -> &[u8] {
        let bytes = 3 * self.image_size * self.image_size;
        &self.images[index * bytes..(index + 1) * bytes]
    }

    /// The key of sample `index` in its shard.
    pub fn key(&self, index: usize) -> &str {
        &self.keys[index]
    }

    /// The captions of sample `index`; at least one, unless it has a class.
    pub fn captions(&self, index: usize) -> &[String] {
        &self.captions[index]
    }

    /// The class of sample `index`, where it has one.
    pub fn label(&self, index: usize) -> Option<u32> {
        self.labels[index]
    }

    fn load_shard(
        &mut self,
        dir: &Path,
        file: &ManifestFile,
        wanted: Option<usize>,
    ) -> Result<(), DataError> {
        let shard = &file.name;
        if shard.contains(['/', '\\', '\0']) || shard.starts_with('.') {
            return Err(DataError::ShardName { name: shard.clone() });
        }
        if file.bytes > SHARD_BYTES_MAX {
            let (shard, bytes, limit) = (shard.clone(), file.bytes, SHARD_BYTES_MAX);
            return Err(DataError::ShardTooLarge { shard, bytes, limit });
        }
        let bytes = read_at_most(&dir.join(shard), file.bytes)?;
        if bytes.len() as u64 != file.bytes {
            return Err(DataError::ShardSize { shard: shard.clone(), expected: file.bytes });
        }
        let samples = read_shard(shard, &bytes, &file.skipped)?;
        if samples.len() as u64 != file.samples {
            let (expected, actual) = (file.samples, samples.len() as u64);
            return Err(DataError::SampleCount { shard: shard.clone(), expected, actual });
        }
        self.shard_sizes.push(samples.len());
        for sample in samples {
            self.push(shard, sample, wanted)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        shard: &str,
        sample: RawSample,
        wanted: Option<usize>,
    ) -> Result<(), DataError> {
        let (extension, bytes) = sample.image;
        let fail = |source| {
            let (shard, member) = (shard.to_owned(), format!("{}.{extension}", sample.key));
            DataError::Member { shard, member, source }
        };
        let as_it_is = wanted.is_none_or(|side| is_png_of(&bytes, side));
        let decoded = as_it_is.then(|| decode_png(&bytes)).transpose().map_err(fail)?;
        let side = match (wanted, &decoded) {
            (Some(side), _) => side,
            (None, Some(first)) if self.is_empty() => first.width,
            (None, _) => self.image_size,
        };
        let start = self.images.len();
        let end = start as u64 + 3 * (side as u64).pow(2);
        if end > IMAGE_BYTES_MAX {
            return Err(DataError::TooLarge { bytes: end, limit: IMAGE_BYTES_MAX });
        }
        self.images.resize(start + 3 * side * side, 0);
        let planes = &mut self.images[start..];
        if let Some(image) = decoded {
            check_size(&image, side).map_err(fail)?;
            image.write_planes(planes);
        } else {
            let view = preprocess::decode(&bytes).map_err(fail)?.evaluation_view(side);
            for (index, pixel) in view.chunks_exact(3).enumerate() {
                for (channel, value) in pixel.iter().enumerate() {
                    planes[channel * side * side + index] = *value;
                }
            }
        }
        self.image_size = side;
        self.keys.push(sample.key);
        self.captions.push(sample.captions);
        self.labels.push(sample.label);
        Ok(())
    }
}

/// Refuses an image that is not a square of `side` pixels.
fn check_size(image: &Decoded, side: usize) -> Result<(), MemberError> {
    if (image.width, image.height) == (side, side) && side > 0 {
        return Ok(());
    }
    let narrow = |pixels| u32::try_from(pixels).expect("decoding bounds the side");
    let (width, height) = (narrow(image.width), narrow(image.height));
    Err(MemberError::ImageSize { width, height, expected: format!("{side} × {side}") })
}

/// Whether `bytes` begin as a PNG file of `side²` pixels does: its header is always first.
fn is_png_of(bytes: &[u8], side: usize) -> bool {
    let Ok(side) = u32::try_from(side) else { return false };
    let size = [side.to_be_bytes(), side.to_be_bytes()].concat();
    bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(16..24) == Some(&size[..])
}

/// Whether a file of a manifest holds samples.
fn is_shard(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "tar")
}

/// Reads a file, at most one byte more than `limit`.
fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let fail = |source| DataError::Io { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fail)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}
