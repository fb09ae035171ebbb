//! The pictogram sets: real drawings that ordinary crates carry, as pinned `WebDataset` shards.
//!
//! A set's bytes follow from the data crates (pinned by `Cargo.lock`), the keyword tables beside this file and the
//! rules of the modules below, all in integer arithmetic: equal on every machine and for any number of threads. An
//! experiment pins the digests, so that training depends on bytes and not on how they were made.
//!
//! | set | files | from |
//! |---|---|---|
//! | `glyphs-2k`, `glyphs-9k`, `glyphs-36k` | shards | the upstream pool's first 2,300, 9,000, all |
//! | `emoji-4k` | shards | Twemoji and the emoji-icon font |
//! | `glyphs-4k`, `icons-4k` | shards | as many as `emoji-4k`: the pool's first, and the same without Twemoji |
//! | `icon143`, `icon347` | shards, `classes.txt` | held-out packs: concepts that ≥ 2 (≥ 1) of them and ≥ 4 (≥ 3) training packs draw |
//! | `withheld143` | shards, `classes.txt` | the concepts of `icon143`, one drawing for each training pack, withheld upstream |
//! | `flags262`, `emoji1256` | shards, `classes.txt` | Noto: flags; the groups but people and flags, without skin tones |
//! | `mono822` | shards, `classes.txt` | Noto's monochrome font |
//! | `tabler41` | shards, `classes.txt` | Tabler by its own categories (its drawings are trained on, its categories not) |
//! | `iconoir-1k`, `noto-1k` | shards | 1,000 image–text pairs of distinct names |
//! | `vocabulary` | `vocabulary.txt` | byte-pair ids of every caption, class name and prompt of all sets |
//! | `openclip-vocabulary` | `openclip-vocabulary.txt` | the line that stands for all of `OpenCLIP`'s tokens; not built unless it is named |
//!
//! Samples that are trained on have four captions, those that are tested on one: the name. `pool` says what is left
//! out of the upstream pool.

mod drawing;
mod parallel;
mod pool;
mod raster;
mod shards;
mod similarity;
mod sources;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

pub use pool::Removed;

use self::pool::Pool;
use self::shards::{SHARD_SAMPLES, Sample, write_shard};
use self::text::{Keywords, PROMPT_TEMPLATES};
use super::error::MemberError;
use super::tokenizer::{BytePairs, OPEN_CLIP};

/// The version of the sets that this program builds.
pub const VERSION: &str = "1";

/// The set that holds the vocabulary file of `OpenCLIP`'s tokeniser.
pub const OPEN_CLIP_SET: &str = "openclip-vocabulary";

/// Names of the sets of pictograms, sorted.
const SETS: [&str; 16] = [
    "emoji-4k",
    "emoji1256",
    "flags262",
    "glyphs-2k",
    "glyphs-36k",
    "glyphs-4k",
    "glyphs-9k",
    "icon143",
    "icon347",
    "iconoir-1k",
    "icons-4k",
    "mono822",
    "noto-1k",
    "tabler41",
    "vocabulary",
    "withheld143",
];

/// Why a set cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundledError {
    /// There is no such set.
    #[error("there is no bundled set `{set}`")]
    UnknownSet {
        /// The name.
        set: String,
    },
    /// This program builds another version.
    #[error("this program builds version {VERSION} of the bundled sets, not `{version}`")]
    UnknownVersion {
        /// The version that was asked for.
        version: String,
    },
    /// A font of a data crate is not one, or is not there.
    #[error("the font of `{font}` cannot be read")]
    Font {
        /// Whose font.
        font: String,
    },
    /// It was told to stop.
    #[error("interrupted")]
    Interrupted,
    /// An image of a data crate cannot be read.
    #[error("the drawing `{image}` cannot be read")]
    Image {
        /// Which drawing.
        image: String,
        /// The cause.
        #[source]
        source: MemberError,
    },
}

/// One file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFile {
    /// Its name in the set: `SET-00000.tar`, `classes.txt` or `vocabulary.txt`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Samples in it; 0 for lists.
    pub samples: u64,
    /// Keys of unreadable members: none, as every sample was just rendered.
    pub skipped: Vec<String>,
}

/// Names of the sets that can be built, sorted.
pub fn sets() -> &'static [&'static str] {
    &SETS
}

/// Whether a set has a list of classes beside its shards: `classes.txt`.
pub fn has_classes(set: &str) -> bool {
    const WITH_CLASSES: [&str; 7] =
        ["emoji1256", "flags262", "icon143", "icon347", "mono822", "tabler41", "withheld143"];
    WITH_CLASSES.contains(&set)
}

/// Builds the files of one set. Several sets are cheaper through [`Pictograms`].
pub fn build(set: &str, version: &str) -> Result<Vec<BuiltFile>, BundledError> {
    if !SETS.contains(&set) && set != OPEN_CLIP_SET {
        return Err(BundledError::UnknownSet { set: set.to_owned() });
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Pictograms::render(version, threads, &AtomicBool::new(false))?.build(set)
}

/// The files of a set that no drawing is needed for.
pub fn undrawn(set: &str) -> Option<Vec<BuiltFile>> {
    (set == OPEN_CLIP_SET).then(|| {
        let (name, bytes) = (format!("{set}.txt"), OPEN_CLIP.as_bytes().to_vec());
        vec![BuiltFile { name, bytes, samples: 0, skipped: Vec::new() }]
    })
}

/// All drawings, rendered and sorted into sets.
pub struct Pictograms {
    pool: Pool,
    keywords: Keywords,
}

impl Pictograms {
    /// Renders every source with so many threads: some seconds of CPU time, about 100 MB.
    ///
    /// # Errors
    ///
    /// [`BundledError::Interrupted`] soon after `stop` was set.
    pub fn render(version: &str, threads: usize, stop: &AtomicBool) -> Result<Self, BundledError> {
        if version != VERSION {
            return Err(BundledError::UnknownVersion { version: version.to_owned() });
        }
        let keywords = Keywords::read();
        let drawings = sources::render_all(threads, stop)?;
        let pool = Pool::new(drawings, &keywords, version, threads, stop)?;
        Ok(Self { pool, keywords })
    }

    /// What was left out of the upstream pool.
    pub fn removed(&self) -> Removed {
        self.pool.removed
    }

    /// Builds the files of one set.
    pub fn build(&self, set: &str) -> Result<Vec<BuiltFile>, BundledError> {
        if let Some(files) = undrawn(set) {
            return Ok(files);
        }
        if set == "vocabulary" {
            return Ok(vec![list("vocabulary.txt", self.vocabulary())]);
        }
        if let Some(upstream) = self.upstream(set) {
            return Ok(write_shards(set, &self.upstream_samples(&upstream)));
        }
        let Some(test) = self.pool.tests.get(set) else {
            return Err(BundledError::UnknownSet { set: set.to_owned() });
        };
        let sample = |&(index, label): &(usize, Option<u32>)| {
            let drawing = &self.pool.drawings[index];
            Sample { drawing, captions: vec![drawing.name.clone()], label }
        };
        let samples: Vec<_> = test.samples.iter().map(sample).collect();
        let mut files = write_shards(set, &samples);
        if !test.classes.is_empty() {
            files.push(list("classes.txt", test.classes.clone()));
        }
        Ok(files)
    }

    /// The drawings of an upstream set, in order.
    fn upstream(&self, set: &str) -> Option<Vec<usize>> {
        let glyphs = self.pool.glyphs.iter().copied();
        let emoji = &self.pool.emoji;
        Some(match set {
            "glyphs-2k" => glyphs.take(2300).collect(),
            "glyphs-9k" => glyphs.take(9000).collect(),
            "glyphs-36k" => glyphs.collect(),
            "glyphs-4k" => glyphs.take(emoji.len()).collect(),
            "icons-4k" => {
                let is_icon = |&index: &usize| self.pool.drawings[index].source.is_training_pack();
                glyphs.filter(is_icon).take(emoji.len()).collect()
            }
            "emoji-4k" => emoji.clone(),
            _ => return None,
        })
    }

    fn upstream_samples(&self, upstream: &[usize]) -> Vec<Sample<'_>> {
        let sample = |&index: &usize| {
            let drawing = &self.pool.drawings[index];
            let captions = self.keywords.captions(drawing).to_vec();
            Sample { drawing, captions, label: None }
        };
        upstream.iter().map(sample).collect()
    }

    /// Byte-pair ids, ascending, one a line.
    fn vocabulary(&self) -> Vec<String> {
        let mut texts: BTreeSet<String> = BTreeSet::new();
        texts.extend(PROMPT_TEMPLATES.iter().map(|template| template.replace("{}", "")));
        let pools = [&self.pool.glyphs, &self.pool.emoji];
        for &index in pools.into_iter().flatten() {
            texts.extend(self.keywords.captions(&self.pool.drawings[index]));
        }
        for test in self.pool.tests.values() {
            let names = test.samples.iter().map(|sample| &self.pool.drawings[sample.0].name);
            texts.extend(names.chain(&test.classes).cloned());
        }
        let byte_pairs = BytePairs::new();
        let ids: BTreeSet<u32> = texts.iter().flat_map(|text| byte_pairs.ids(text)).collect();
        ids.into_iter().map(|id| id.to_string()).collect()
    }
}

fn write_shards(set: &str, samples: &[Sample<'_>]) -> Vec<BuiltFile> {
    let shard = |(index, samples): (usize, &[Sample<'_>])| BuiltFile {
        name: format!("{set}-{index:05}.tar"),
        bytes: write_shard(samples, index * SHARD_SAMPLES),
        samples: samples.len() as u64,
        skipped: Vec::new(),
    };
    samples.chunks(SHARD_SAMPLES).enumerate().map(shard).collect()
}

fn list(name: &str, lines: Vec<String>) -> BuiltFile {
    let text = lines.into_iter().map(|line| line + "\n").collect::<String>();
    BuiltFile { name: name.to_owned(), bytes: text.into_bytes(), samples: 0, skipped: Vec::new() }
}
