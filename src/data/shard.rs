//! One shard: a WebDataset tar file as samples.
//!
//! A member `KEY.EXTENSION` belongs to the sample `KEY`, where `KEY` ends at the first full stop of the last path
//! component, as in WebDataset. Read are `png` (the image), `json` (an object with `captions` and maybe `label`), `txt`
//! (one caption) and `cls` (a label); other extensions are ignored. Members may come in any order; samples are
//! numbered by the first member of theirs. Nothing is ever extracted to a file.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use serde::Deserialize;

use super::error::{DataError, MemberError};

/// The largest shard that is read.
pub(crate) const SHARD_BYTES_MAX: u64 = 2 << 30;
/// The largest member that is read.
pub(crate) const MEMBER_BYTES_MAX: u64 = 16 << 20;

/// A sample as its shard spells it.
#[derive(Debug, Default)]
pub(crate) struct RawSample {
    /// The key of its members.
    pub(crate) key: String,
    /// PNG bytes.
    pub(crate) png: Vec<u8>,
    /// At least one caption.
    pub(crate) captions: Vec<String>,
    /// Its class, if it has one.
    pub(crate) label: Option<u32>,
}

/// The parts of a sample that were seen so far.
#[derive(Default)]
struct Parts {
    png: Option<Vec<u8>>,
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
    let tar_error = |source| DataError::Tar { shard: shard.to_owned(), source };
    let member_error = |member: &str| {
        let (shard, member) = (shard.to_owned(), member.to_owned());
        move |source| DataError::Member { shard, member, source }
    };
    let mut samples: Vec<(String, Parts)> = Vec::new();
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut archive = tar::Archive::new(Cursor::new(bytes));
    for entry in archive.entries().map_err(tar_error)? {
        let mut entry = entry.map_err(tar_error)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let fail = member_error(&name);
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(fail(MemberError::NotAFile));
        }
        let Some((key, extension)) = split_name(&name) else {
            return Err(fail(MemberError::Name));
        };
        if skipped.iter().any(|skip| skip == key) || !is_read(extension) {
            continue;
        }
        if entry.size() > MEMBER_BYTES_MAX {
            let (bytes, limit) = (entry.size(), MEMBER_BYTES_MAX);
            return Err(fail(MemberError::TooLarge { bytes, limit }));
        }
        let size = entry.size();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(tar_error)?;
        if content.len() as u64 != size {
            return Err(tar_error(std::io::ErrorKind::UnexpectedEof.into()));
        }
        let index = *index_of.entry(key.to_owned()).or_insert_with(|| {
            samples.push((key.to_owned(), Parts::default()));
            samples.len() - 1
        });
        samples[index].1.take(extension, content).map_err(fail)?;
    }
    let whole = |(key, parts): (String, Parts)| {
        let fail = member_error(&key);
        parts.whole(key).map_err(fail)
    };
    samples.into_iter().map(whole).collect()
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
    matches!(extension, "png" | "json" | "txt" | "cls")
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
            "png" => put(&mut self.png, content),
            "json" => put(&mut self.json, serde_json::from_slice(&content)?),
            "txt" => put(&mut self.text, std::str::from_utf8(&content)?.trim().to_owned()),
            _ => put(&mut self.class, parse_label(&content)?),
        }
    }

    fn whole(self, key: String) -> Result<RawSample, MemberError> {
        let png = self.png.ok_or(MemberError::Missing { what: "image (`png`)" })?;
        let json = self.json.unwrap_or(SampleJson { captions: Vec::new(), label: None });
        let mut captions = json.captions;
        captions.extend(self.text);
        if captions.is_empty() {
            return Err(MemberError::Missing { what: "caption (`json` or `txt`)" });
        }
        let label = match (json.label, self.class) {
            (Some(first), Some(second)) if first != second => {
                return Err(MemberError::Labels { first, second });
            }
            (first, second) => first.or(second),
        };
        Ok(RawSample { key, png, captions, label })
    }
}

fn parse_label(content: &[u8]) -> Result<u32, MemberError> {
    std::str::from_utf8(content)?.trim().parse().map_err(|_| MemberError::Label)
}
