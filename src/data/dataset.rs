//! A data set: the samples of a folder of shards, in the order of the shards.
//!
//! The folder holds `manifest.json` (canonical bytes of a [`Manifest`]) and the shards that it names. Where all images
//! together fit into [`Memory::images`] they are decoded once, when the data set is opened, and whatever is wrong is
//! found then. A larger data set is *streamed*: an image is read from its shard and decoded when it is looked at, and of
//! the texts only those of the shards that were looked at last are held. What a sample is depends on neither.
//! Orders that stay within groups of shards (`shuffleShards` of `Epochs`) list each shard once an epoch; others go to and
//! fro between all shards, and list those again that were forgotten.
//!
//! Limits, so that a hostile folder costs bounded memory: a manifest of 64 MiB, a shard of 2 GiB, a member of 16 MiB,
//! PNG images of 1,024 pixels a side (or what [`preprocess::decode()`] reads); each at most what its file really holds.
//! A shard that claims more samples than its file has room for is an error before anything is made for so many.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{DataError, MemberError};
use super::image::{Decoded, decode_png};
use super::preprocess::{self, CropRange};
use super::shard::{ImageMember, SAMPLE_BYTES_MIN, SHARD_BYTES_MAX, Sample, list_shard};
use crate::action::manifest::{Manifest, ManifestFile};

const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// What a sample costs beside the bytes of its texts, about.
const SAMPLE_BYTES: usize = 160;
/// Shards whose files are open at once.
const OPEN_SHARDS_MAX: usize = 128;

/// How much of a data set is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of decoded images, if all fit; otherwise none.
    pub images: u64,
    /// Bytes of keys and captions of a streamed data set, beside those of the shard in use.
    pub texts: usize,
}

impl Default for Memory {
    /// 1 GiB of images, 256 MiB of texts.
    fn default() -> Self {
        Self { images: 1 << 30, texts: 256 << 20 }
    }
}

impl Memory {
    /// For whom texts are enough.
    pub const NO_IMAGES: Self = Self { images: 0, texts: 256 << 20 };
}

/// Samples with their images as bytes, in the order of their shards.
#[derive(Debug)]
pub struct Dataset {
    image_size: usize,
    /// Whether images are PNG of exactly that size, or whatever can be made so.
    is_exact: bool,
    shards: Vec<Shard>,
    shard_sizes: Vec<usize>,
    /// The first sample of each shard, and the number of samples at the end.
    starts: Vec<usize>,
    skipped: u64,
    /// `len · 3 · image_size²` bytes, if the data set is held.
    images: Option<Vec<u8>>,
    catalogues: Mutex<Recent<Catalogue>>,
    files: Mutex<Recent<File>>,
}

/// A shard as its manifest describes it.
#[derive(Debug)]
struct Shard {
    name: String,
    path: PathBuf,
    bytes: u64,
    samples: u64,
    skipped: BTreeSet<String>,
}

/// What is known of the samples of a shard.
#[derive(Debug)]
struct Catalogue {
    samples: Vec<Sample>,
}

/// A sample of a data set.
#[derive(Debug, Clone)]
pub struct SampleRef {
    catalogue: Arc<Catalogue>,
    at: usize,
}

impl Deref for SampleRef {
    type Target = Sample;

    fn deref(&self) -> &Sample {
        &self.catalogue.samples[self.at]
    }
}

impl Dataset {
    /// Opens the data set of the folder `dir`, whose images are all PNG, square and of one size.
    ///
    /// Files of the manifest whose name does not end in `.tar` (a list of classes, say) are left alone. A sample whose
    /// key its manifest lists as skipped is not there at all.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        let mut dataset = Self { is_exact: true, ..Self::listed(dir, Memory::default().texts)? };
        if !dataset.is_empty() {
            let first = dataset.sample(0)?;
            let decoded = decode_png(&dataset.image_bytes(0, &first)?);
            dataset.image_size = decoded.map_err(|source| dataset.fail(0, &first, source))?.width;
        }
        dataset.hold(Memory::default().images)?;
        Ok(dataset)
    }

    /// Opens the data set of the folder `dir` for a model whose images are `side` pixels wide.
    ///
    /// Images go through `OpenCLIP`'s preprocessing of evaluations: shortest side resized, centre cut out
    /// ([`preprocess::Picture::evaluation_view`]).
    pub fn open(dir: &Path, side: usize, memory: Memory) -> Result<Self, DataError> {
        let mut dataset = Self { image_size: side, ..Self::listed(dir, memory.texts)? };
        dataset.hold(memory.images)?;
        Ok(dataset)
    }

    fn listed(dir: &Path, texts: usize) -> Result<Self, DataError> {
        let manifest_path = dir.join("manifest.json");
        let bytes = read_at_most(&manifest_path, MANIFEST_BYTES_MAX)?;
        let manifest = Manifest::decode(&bytes)
            .map_err(|source| DataError::Manifest { path: manifest_path, source })?;
        let files = manifest.files.iter().filter(|file| is_shard(&file.name));
        let shards = files.map(|file| Shard::of(dir, file)).collect::<Result<Vec<_>, _>>()?;
        let sizes = shards.iter().map(|shard| usize::try_from(shard.samples).unwrap_or(usize::MAX));
        let shard_sizes: Vec<usize> = sizes.collect();
        let mut starts = vec![0_usize];
        for size in &shard_sizes {
            starts.push(starts[starts.len() - 1].saturating_add(*size));
        }
        Ok(Self {
            image_size: 0,
            is_exact: false,
            skipped: shards.iter().map(|shard| shard.skipped.len() as u64).sum(),
            shards,
            shard_sizes,
            starts,
            images: None,
            catalogues: Mutex::new(Recent::new(texts)),
            files: Mutex::new(Recent::new(OPEN_SHARDS_MAX - 1)),
        })
    }

    /// Decodes every image, if all of them fit into `limit` bytes.
    fn hold(&mut self, limit: u64) -> Result<(), DataError> {
        let each = 3 * (self.image_size as u64).pow(2);
        if (self.len() as u64).saturating_mul(each) > limit {
            return Ok(());
        }
        self.catalogues.get_mut().unwrap_or_else(PoisonError::into_inner).limit = usize::MAX;
        let each = 3 * self.image_size * self.image_size;
        let mut images = Vec::new();
        for shard in 0..self.shards.len() {
            // Whatever the manifest claims, no more memory than for samples that are there.
            let count = self.catalogue(shard)?.samples.len();
            images.resize(images.len() + count * each, 0);
            for index in self.starts[shard]..self.starts[shard] + count {
                self.decode_into(index, &mut images[index * each..][..each])?;
            }
        }
        self.images = Some(images);
        Ok(())
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every image is in memory.
    pub fn is_held(&self) -> bool {
        self.images.is_some()
    }

    /// Samples that were unreadable when the shards were pinned, and are left out.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Samples of each shard, in the order of the manifest.
    pub fn shard_sizes(&self) -> &[usize] {
        &self.shard_sizes
    }

    /// Side of the square images in pixels; 0 where none was asked for and there is no sample.
    pub fn image_size(&self) -> usize {
        self.image_size
    }

    /// Sample `index` but for its image.
    ///
    /// # Panics
    ///
    /// If there are not as many.
    pub fn sample(&self, index: usize) -> Result<SampleRef, DataError> {
        let shard = self.shard_of(index);
        let catalogue = self.catalogue(shard)?;
        Ok(SampleRef { catalogue, at: index - self.starts[shard] })
    }

    /// The image of sample `index`: `3 · image_size²` bytes in the order (channel, row, column).
    ///
    /// # Panics
    ///
    /// If there are not as many samples.
    pub fn image(&self, index: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let bytes = 3 * self.image_size * self.image_size;
        if let Some(images) = &self.images {
            return Ok(Cow::Borrowed(&images[index * bytes..][..bytes]));
        }
        let mut planes = vec![0; bytes];
        self.decode_into(index, &mut planes)?;
        Ok(Cow::Owned(planes))
    }

    /// What a training sees of the image of sample `index` at `position` under its `seed`: a rectangle of it as
    /// [`preprocess::Crop::drawn`] says, resized; `3 · image_size²` bytes in the order (channel, row, column).
    ///
    /// # Panics
    ///
    /// If there are not as many samples.
    pub fn crop(
        &self,
        index: usize,
        range: &CropRange,
        seed: u64,
        position: u64,
    ) -> Result<Vec<u8>, DataError> {
        let sample = self.sample(index)?;
        let picture = preprocess::decode(&self.image_bytes(index, &sample)?)
            .map_err(|source| self.fail(index, &sample, source))?;
        let (width, height) = (picture.width(), picture.height());
        let crop = preprocess::Crop::drawn(width, height, range, seed, position);
        let mut planes = vec![0; 3 * self.image_size * self.image_size];
        write_planes(&picture.training_view(self.image_size, crop), &mut planes);
        Ok(planes)
    }

    fn decode_into(&self, index: usize, planes: &mut [u8]) -> Result<(), DataError> {
        let sample = self.sample(index)?;
        let fail = |source| self.fail(index, &sample, source);
        let (side, bytes) = (self.image_size, self.image_bytes(index, &sample)?);
        if self.is_exact || is_plain_png_of(&bytes, side) {
            let decoded = decode_png(&bytes).map_err(fail)?;
            check_size(&decoded, side).map_err(fail)?;
            // Of a grey or coloured image the view is the image itself; one colour of it may be transparent.
            if self.is_exact || !decoded.has_alpha() {
                decoded.write_planes(planes);
                return Ok(());
            }
        }
        let view = preprocess::decode(&bytes).map_err(fail)?.evaluation_view(side);
        write_planes(&view, planes);
        Ok(())
    }

    /// The bytes of a sample's image as its shard holds them.
    fn image_bytes(&self, index: usize, sample: &SampleRef) -> Result<Vec<u8>, DataError> {
        let ImageMember { offset, bytes, .. } = sample.image;
        let mut content = vec![0; bytes];
        let shard = self.shard_of(index);
        let fail = |source| DataError::Io { path: self.shards[shard].path.clone(), source };
        self.file(shard)?.read_exact_at(&mut content, offset).map_err(fail)?;
        Ok(content)
    }

    /// The shard that holds sample `index`: the last that starts there or before, so not an empty one.
    fn shard_of(&self, index: usize) -> usize {
        assert!(index < self.len(), "sample {index} of {}", self.len());
        self.starts.partition_point(|start| *start <= index) - 1
    }

    fn fail(&self, index: usize, sample: &Sample, source: MemberError) -> DataError {
        let shard = self.shards[self.shard_of(index)].name.clone();
        let member = format!("{}.{}", sample.key, sample.image.extension);
        DataError::Member { shard, member, source }
    }

    fn catalogue(&self, shard: usize) -> Result<Arc<Catalogue>, DataError> {
        let mut catalogues = self.catalogues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = catalogues.find(shard) {
            return Ok(known);
        }
        let catalogue = Arc::new(self.shards[shard].catalogue()?);
        catalogues.keep(shard, catalogue.weight(), Arc::clone(&catalogue));
        Ok(catalogue)
    }

    fn file(&self, shard: usize) -> Result<Arc<File>, DataError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = files.find(shard) {
            return Ok(open);
        }
        let file = Arc::new(self.shards[shard].file()?);
        files.keep(shard, 1, Arc::clone(&file));
        Ok(file)
    }
}

impl Shard {
    fn of(dir: &Path, file: &ManifestFile) -> Result<Self, DataError> {
        let name = file.name.clone();
        if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(DataError::ShardName { name });
        }
        if file.bytes > SHARD_BYTES_MAX {
            let (bytes, limit) = (file.bytes, SHARD_BYTES_MAX);
            return Err(DataError::ShardTooLarge { shard: name, bytes, limit });
        }
        let skipped = file.skipped.iter().cloned().collect();
        let (path, bytes, samples) = (dir.join(&name), file.bytes, file.samples);
        let shard = Self { name, path, bytes, samples, skipped };
        // A file that is missing is an error once it is looked at.
        let there = std::fs::metadata(&shard.path).map_or(bytes, |file| file.len().min(bytes));
        if samples > there / SAMPLE_BYTES_MIN {
            // It says what there is instead.
            shard.catalogue()?;
        }
        Ok(shard)
    }

    /// The open file, if it has the size of the manifest.
    fn file(&self) -> Result<File, DataError> {
        let fail = |source| DataError::Io { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(fail)?;
        if file.metadata().map_err(fail)?.len() != self.bytes {
            return Err(DataError::ShardSize { shard: self.name.clone(), expected: self.bytes });
        }
        Ok(file)
    }

    fn catalogue(&self) -> Result<Catalogue, DataError> {
        let reader = std::io::BufReader::new(self.file()?);
        let samples = list_shard(&self.name, reader, self.bytes, &self.skipped)?;
        if samples.len() as u64 != self.samples {
            let (expected, actual) = (self.samples, samples.len() as u64);
            return Err(DataError::SampleCount { shard: self.name.clone(), expected, actual });
        }
        Ok(Catalogue { samples })
    }
}

impl Catalogue {
    /// Bytes of memory, about.
    fn weight(&self) -> usize {
        let texts = |sample: &Sample| {
            let texts = sample.captions.iter().chain(&sample.lines);
            sample.key.len() + texts.map(|text| text.len() + 24).sum::<usize>()
        };
        self.samples.iter().map(|sample| texts(sample) + SAMPLE_BYTES).sum()
    }
}

/// What was looked at last of the shards.
#[derive(Debug)]
struct Recent<T> {
    /// The weight of all together, but for the last one.
    limit: usize,
    /// By shard, with when it was looked at last.
    known: BTreeMap<usize, (u64, usize, Arc<T>)>,
    /// The weight of all together.
    weight: usize,
    looks: u64,
}

impl<T> Recent<T> {
    fn new(limit: usize) -> Self {
        Self { limit, known: BTreeMap::new(), weight: 0, looks: 0 }
    }

    fn find(&mut self, shard: usize) -> Option<Arc<T>> {
        let (last, _, found) = self.known.get_mut(&shard)?;
        self.looks += 1;
        *last = self.looks;
        Some(Arc::clone(found))
    }

    /// Keeps what was not known of a shard, and forgets what was not looked at for longest.
    fn keep(&mut self, shard: usize, weight: usize, kept: Arc<T>) {
        self.looks += 1;
        while self.weight > self.limit {
            let oldest = self.known.iter().min_by_key(|(_, (last, ..))| *last);
            let Some(oldest) = oldest.map(|(shard, _)| *shard) else { break };
            self.weight -= self.known.remove(&oldest).map_or(0, |(_, weight, _)| weight);
        }
        self.weight = self.weight.saturating_add(weight);
        self.known.insert(shard, (self.looks, weight, kept));
    }
}

/// Writes interleaved red, green and blue as three planes.
fn write_planes(interleaved: &[u8], planes: &mut [u8]) {
    let area = planes.len() / 3;
    for (index, pixel) in interleaved.chunks_exact(3).enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            planes[channel * area + index] = *value;
        }
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
fn is_plain_png_of(bytes: &[u8], side: usize) -> bool {
    let Ok(side) = u32::try_from(side) else { return false };
    let size = [side.to_be_bytes(), side.to_be_bytes()].concat();
    // Eight bits a channel, grey or red, green and blue.
    let is_plain = matches!(bytes.get(24..26), Some([8, 0 | 2]));
    bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.get(16..24) == Some(&size[..]) && is_plain
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
