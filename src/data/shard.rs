//! One shard: a WebDataset tar file as samples.
//!
//! A member `KEY.EXTENSION` belongs to the sample `KEY`, where `KEY` ends at the first full stop of the last path
//! component, as in WebDataset. Read are `png`, `jpg`, `jpeg` or `webp` (the image), `json` (an object with maybe `captions`
//! and `label`), `txt` (one caption) and `cls` (a label); other extensions are ignored. A sample has an image, and a caption
//! or a label. Members may come in any order; samples are numbered by the first member of theirs. Nothing is ever
//! extracted to a file.
//!
//! [`scan_shard`] reads a shard in passing, before it is pinned: a sample that cannot be read is named with the reason.
//! [`read_shard`] reads a pinned one, where whatever the manifest does not list is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use serde::Deserialize;

use super::error::{DataError, MemberError, chain};
use super::preprocess;

/// The largest shard that is read.
pub(crate) const SHARD_BYTES_MAX: u64 = 2 << 30;
/// The largest member that is read.
pub(crate) const MEMBER_BYTES_MAX: u64 = 16 << 20;

/// A sample as its shard spells it.
#[derive(Debug, Default)]
pub(crate) struct RawSample {
    /// The key of its members.
    pub(crate) key: String,
    /// The extension and the bytes of its image.
    pub(crate) image: (String, Vec<u8>),
    /// At least one caption, unless it has a class.
    pub(crate) captions: Vec<String>,
    /// Its class, if it has one.
    pub(crate) label: Option<u32>,
}

/// The parts of a sample that were seen so far.
#[derive(Default)]
struct Parts {
    image: Option<(String, Vec<u8>)>,
    json: Option<SampleJson>,
    text: Option<String>,
    class: Option<u32>,
}

/// A `json` member. Other fields are allowed and ignored.
#[derive(Deserialize)]
struct SampleJson {
    #[serde(default)]
    captions: Vec<String>,
    label: Option<u32>,
}

/// Reads the samples of the tar file `bytes`, leaving out those whose key is in `skipped`.
///
/// Memory: `bytes` once more at most, whatever the headers claim.
pub(crate) fn read_shard(
    shard: &str,
    bytes: &[u8],
    skipped: &[String],
) -> Result<Vec<RawSample>, DataError> {
    let skipped: BTreeSet<&str> = skipped.iter().map(String::as_str).collect();
    let mut samples: Vec<(String, Parts)> = Vec::new();
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    each_member(shard, Cursor::new(bytes), |key, member, content| {
        if skipped.contains(key) {
            return Ok(());
        }
        let fail = |source| member_error(shard, member, source);
        let content = content.map_err(fail)?;
        let index = *index_of.entry(key.to_owned()).or_insert_with(|| {
            samples.push((key.to_owned(), Parts::default()));
            samples.len() - 1
        });
        samples[index].1.take(extension_of(key, member), content).map_err(fail)
    })?;
    let whole = |(key, parts): (String, Parts)| {
        parts.whole(key.clone()).map_err(|source| member_error(shard, &key, source))
    };
    samples.into_iter().map(whole).collect()
}

/// What a shard holds that was never read before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Samples that can be read.
    pub samples: u64,
    /// Keys of the others, in the order of their first members, and why.
    pub unreadable: Vec<(String, String)>,
}

/// Reads a tar file in passing and tries every sample: the image is decoded, texts are read.
///
/// Memory: one member and its decoded image, and the keys. A tar file that is broken, or has a member that is no plain
/// file below it, is an error as a whole.
pub fn scan_shard(shard: &str, tar: impl Read) -> Result<Scanned, DataError> {
    let mut samples: Vec<(String, Result<Parts, String>)> = Vec::new();
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    each_member(shard, tar, |key, member, content| {
        let index = *index_of.entry(key.to_owned()).or_insert_with(|| {
            samples.push((key.to_owned(), Ok(Parts::default())));
            samples.len() - 1
        });
        let extension = extension_of(key, member);
        let taken = |parts: &mut Parts, content: Vec<u8>| {
            if is_image(extension) {
                preprocess::decode(&content)?;
                // Its bytes are not needed any more.
                parts.take(extension, Vec::new())
            } else {
                parts.take(extension, content)
            }
        };
        let state = &mut samples[index].1;
        if let Ok(parts) = state
            && let Err(error) = content.and_then(|content| taken(parts, content))
        {
            *state = Err(format!("{extension}: {}", chain(&error)));
        }
        Ok(())
    })?;
    let mut scanned = Scanned::default();
    for (key, parts) in samples {
        let whole = parts.and_then(|parts| parts.whole(key.clone()).map_err(|e| chain(&e)));
        match whole {
            Ok(_) => scanned.samples += 1,
            Err(reason) => scanned.unreadable.push((key, reason)),
        }
    }
    Ok(scanned)
}

/// Gives every member that is read to `each`, by key, whole name and content (or why there is none).
fn each_member(
    shard: &str,
    tar: impl Read,
    mut each: impl FnMut(&str, &str, Result<Vec<u8>, MemberError>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let tar_error = |source| DataError::Tar { shard: shard.to_owned(), source };
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().map_err(tar_error)? {
        let mut entry = entry.map_err(tar_error)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(member_error(shard, &name, MemberError::NotAFile));
        }
        let Some((key, extension)) = split_name(&name) else {
            return Err(member_error(shard, &name, MemberError::Name));
        };
        if !is_read(extension) {
            continue;
        }
        let size = entry.size();
        if size > MEMBER_BYTES_MAX {
            let limit = MEMBER_BYTES_MAX;
            each(key, &name, Err(MemberError::TooLarge { bytes: size, limit }))?;
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(tar_error)?;
        if content.len() as u64 != size {
            return Err(tar_error(std::io::ErrorKind::UnexpectedEof.into()));
        }
        each(key, &name, Ok(content))?;
    }
    Ok(())
}

fn member_error(shard: &str, member: &str, source: MemberError) -> DataError {
    DataError::Member { shard: shard.to_owned(), member: member.to_owned(), source }
}

/// The extension of the member of that whole name, whose key is `key`.
fn extension_of<'m>(key: &str, member: &'m str) -> &'m str {
    let member = member.strip_prefix("./").unwrap_or(member);
    &member[key.len() + 1..]
}

/// The key and the extension of a member, if its name is a relative path that does not climb.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let plain = !name.contains(['\0', '\u{fffd}', '\\']);
    let name = name.strip_prefix("./").unwrap_or(name);
    let relative = name.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = file + name[file..].find('.')?;
    (plain && relative && dot > file).then_some((&name[..dot], &name[dot + 1..]))
}

fn is_read(extension: &str) -> bool {
    is_image(extension) || matches!(extension, "json" | "txt" | "cls")
}

fn is_image(extension: &str) -> bool {
    matches!(extension, "png" | "jpg" | "jpeg" | "webp")
}

impl Parts {
    fn take(&mut self, extension: &str, content: Vec<u8>) -> Result<(), MemberError> {
        fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), MemberError> {
            match slot.replace(value) {
                None => Ok(()),
                Some(_) => Err(MemberError::Duplicate),
            }
        }
        match extension {
            image if is_image(image) => put(&mut self.image, (image.to_owned(), content)),
            "json" => put(&mut self.json, serde_json::from_slice(&content)?),
            "txt" => put(&mut self.text, std::str::from_utf8(&content)?.trim().to_owned()),
            _ => put(&mut self.class, parse_label(&content)?),
        }
    }

    fn whole(self, key: String) -> Result<RawSample, MemberError> {
        let image = self.image;
        let image = image.ok_or(MemberError::Missing { what: "image (`png`, `jpg` or `webp`)" })?;
        let json = self.json.unwrap_or(SampleJson { captions: Vec::new(), label: None });
        let mut captions = json.captions;
        captions.extend(self.text);
        let label = match (json.label, self.class) {
            (Some(first), Some(second)) if first != second => {
                return Err(MemberError::Labels { first, second });
            }
            (first, second) => first.or(second),
        };
        if captions.is_empty() && label.is_none() {
            return Err(MemberError::Missing {
                what: "caption (`json` or `txt`) or label (`cls`)",
            });
        }
        Ok(RawSample { key, image, captions, label })
    }
}

fn parse_label(content: &[u8]) -> Result<u32, MemberError> {
    std::str::from_utf8(content)?.trim().parse().map_err(|_| MemberError::Label)
}
