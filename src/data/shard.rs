//! One shard: a WebDataset tar file as samples.
//!
//! A member `KEY.EXTENSION` belongs to the sample `KEY`, where `KEY` ends at the first full stop of the last path
//! component, as in WebDataset. Read are `png`, `jpg`, `jpeg` or `webp` (the image), `json` (an object with maybe `captions`
//! and `label`), `txt` (one caption) and `cls` (a label); other extensions are ignored. A sample has an image, and a caption
//! or a label. As in WebDataset extensions may be in upper case, and files that have no key or no extension (`README`,
//! `._0.png`) belong to no sample. Members may come in any order; samples are numbered by the first member of theirs.
//! Nothing is ever extracted to a file.
//!
//! [`scan_shard`] reads a shard in passing, before it is pinned: a sample that cannot be read is named with the reason.
//! [`list_shard`] lists a pinned one, where whatever the manifest does not list as skipped is an error; images stay in
//! the file until somebody looks at them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use serde::Deserialize;

use super::error::{DataError, MemberError, chain};
use super::preprocess;

/// The largest shard that is read.
pub(crate) const SHARD_BYTES_MAX: u64 = 2 << 30;
/// The largest member that is read.
pub(crate) const MEMBER_BYTES_MAX: u64 = 16 << 20;

/// Bytes of a caption at most.
const CAPTION_BYTES_MAX: usize = 1 << 16;

/// What members of a tar file are filled up to.
const BLOCK_BYTES: u64 = 512;

/// A sample as its shard spells it, its image still in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The key of its members.
    pub key: String,
    /// At least one caption, unless it has a class.
    pub captions: Vec<String>,
    /// Its class, if it has one.
    pub label: Option<u32>,
    /// Where its image is.
    pub(crate) image: ImageMember,
}

/// The image of a sample, as a part of the shard's file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageMember {
    /// `png`, `jpg`, `jpeg` or `webp`.
    pub(crate) extension: String,
    /// Its first byte in the file.
    pub(crate) offset: u64,
    /// Its length, at most [`MEMBER_BYTES_MAX`].
    pub(crate) bytes: usize,
}

/// The parts of a sample that were seen so far.
#[derive(Default)]
struct Parts {
    image: Option<ImageMember>,
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

/// A member that is read.
struct Member<'m> {
    /// Of its sample.
    key: &'m str,
    /// Its whole name.
    name: &'m str,
    extension: &'m str,
    /// Its first byte in the file.
    offset: u64,
    size: u64,
}

/// Lists the samples of the tar file `tar` of `length` bytes, leaving out those whose key is in `skipped`.
///
/// Memory: keys, captions and one member that is text.
pub(crate) fn list_shard(
    shard: &str,
    tar: impl Read + Seek,
    length: u64,
    skipped: &BTreeSet<String>,
) -> Result<Vec<Sample>, DataError> {
    let mut samples: Vec<(String, Parts)> = Vec::new();
    let mut index_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries_with_seek().map_err(|source| tar_error(shard, source))?;
    each_member(shard, entries, length, |member, content| {
        if skipped.contains(member.key) {
            return Ok(());
        }
        let fail = |source| member_error(shard, member.name, source);
        too_large(member.size).map_err(fail)?;
        let index = *index_of.entry(member.key.to_owned()).or_insert_with(|| {
            samples.push((member.key.to_owned(), Parts::default()));
            samples.len() - 1
        });
        let parts = &mut samples[index].1;
        if !is_image(member.extension) {
            let content = read_whole(content, member.size).map_err(|e| tar_error(shard, e))?;
            return parts.take(member, &content).map_err(fail);
        }
        parts.take(member, &[]).map_err(fail)
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
    let mut archive = tar::Archive::new(tar);
    let entries = archive.entries().map_err(|source| tar_error(shard, source))?;
    each_member(shard, entries, u64::MAX, |member, reader| {
        let index = *index_of.entry(member.key.to_owned()).or_insert_with(|| {
            samples.push((member.key.to_owned(), Ok(Parts::default())));
            samples.len() - 1
        });
        let content = match too_large(member.size) {
            Ok(()) => Ok(read_whole(reader, member.size).map_err(|e| tar_error(shard, e))?),
            Err(error) => Err(error),
        };
        let taken = |parts: &mut Parts, content: &[u8]| {
            if is_image(member.extension) {
                preprocess::decode(content)?;
            }
            parts.take(member, content)
        };
        let state = &mut samples[index].1;
        if let Ok(parts) = state
            && let Err(error) = content.and_then(|content| taken(parts, &content))
        {
            *state = Err(format!("{}: {}", member.extension, chain(&error)));
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

/// Gives every member that is read to `each`, with what its content is read from. The file has `length` bytes: what is
/// left out by seeking is there too.
fn each_member<R: Read>(
    shard: &str,
    entries: tar::Entries<'_, R>,
    length: u64,
    mut each: impl FnMut(&Member<'_>, &mut dyn Read) -> Result<(), DataError>,
) -> Result<(), DataError> {
    for entry in entries {
        let mut entry = entry.map_err(|source| tar_error(shard, source))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(member_error(shard, &name, MemberError::NotAFile));
        }
        let (offset, size) = (entry.raw_file_position(), entry.size());
        if !is_below(&name) {
            return Err(member_error(shard, &name, MemberError::Name));
        }
        if let Some((key, extension)) = split_name(&name) {
            let extension = extension.to_ascii_lowercase();
            if is_read(&extension) {
                let member = Member { key, name: &name, extension: &extension, offset, size };
                each(&member, &mut entry)?;
            }
        }
        let end =
            offset.checked_add(size).and_then(|end| end.checked_next_multiple_of(BLOCK_BYTES));
        if end.is_none_or(|end| end > length) {
            return Err(tar_error(shard, std::io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(())
}

/// The content of a member of `size` bytes.
fn read_whole(content: &mut dyn Read, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != size {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// Refuses a member larger than any that is read.
fn too_large(bytes: u64) -> Result<(), MemberError> {
    let limit = MEMBER_BYTES_MAX;
    if bytes > limit { Err(MemberError::TooLarge { bytes, limit }) } else { Ok(()) }
}

fn tar_error(shard: &str, source: std::io::Error) -> DataError {
    DataError::Tar { shard: shard.to_owned(), source }
}

fn member_error(shard: &str, member: &str, source: MemberError) -> DataError {
    DataError::Member { shard: shard.to_owned(), member: member.to_owned(), source }
}

/// Whether a member's name is a relative path that does not climb.
fn is_below(name: &str) -> bool {
    let name = name.strip_prefix("./").unwrap_or(name);
    !name.contains(['\0', '\u{fffd}', '\\'])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The key and the extension of a member. `README`, `.DS_Store` and `._0.png` have none: they belong to no sample.
fn split_name(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = file + name[file..].find('.')?;
    (dot > file).then_some((&name[..dot], &name[dot + 1..]))
}

fn is_read(extension: &str) -> bool {
    is_image(extension) || matches!(extension, "json" | "txt" | "cls")
}

fn is_image(extension: &str) -> bool {
    matches!(extension, "png" | "jpg" | "jpeg" | "webp")
}

impl Parts {
    /// `content` is not looked at if the member is an image.
    fn take(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), MemberError> {
        fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), MemberError> {
            match slot.replace(value) {
                None => Ok(()),
                Some(_) => Err(MemberError::Duplicate),
            }
        }
        match member.extension {
            image if is_image(image) => {
                let bytes = usize::try_from(member.size).unwrap_or(usize::MAX);
                let extension = image.to_owned();
                put(&mut self.image, ImageMember { extension, offset: member.offset, bytes })
            }
            "json" => put(&mut self.json, parse_json(content)?),
            "txt" => put(&mut self.text, std::str::from_utf8(content)?.trim().to_owned()),
            _ => put(&mut self.class, parse_label(content)?),
        }
    }

    fn whole(self, key: String) -> Result<Sample, MemberError> {
        let image = self.image;
        let image = image.ok_or(MemberError::Missing { what: "image (`png`, `jpg` or `webp`)" })?;
        let json = self.json.unwrap_or(SampleJson { captions: Vec::new(), label: None });
        let mut captions = json.captions;
        captions.extend(self.text);
        // Byte pairs of one long word take time that grows with its square.
        if let Some(caption) = captions.iter().find(|caption| caption.len() > CAPTION_BYTES_MAX) {
            return Err(MemberError::LongCaption {
                bytes: caption.len(),
                limit: CAPTION_BYTES_MAX,
            });
        }
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
        Ok(Sample { key, captions, label, image })
    }
}

/// Reads a `json` member as Python's `json` does, which writes `NaN` and `Infinity` for numbers that are none: image
/// downloaders put them into fields that are ignored here.
fn parse_json(content: &[u8]) -> Result<SampleJson, serde_json::Error> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    serde_json::from_slice(content)
        .or_else(|error| serde_json::from_slice(&without_constants(content)).map_err(|_| error))
}

/// JSON with `null` in place of Python's constants, wherever they are no part of a text.
fn without_constants(content: &[u8]) -> Vec<u8> {
    let mut json = Vec::with_capacity(content.len());
    let (mut rest, mut in_text) = (content, false);
    while let Some(&byte) = rest.first() {
        let constants: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
        let constant =
            constants.into_iter().find(|constant| !in_text && rest.starts_with(constant));
        let (taken, written) = match (constant, byte) {
            (Some(constant), _) => (constant.len(), &b"null"[..]),
            // An escape takes the byte after it along: it may be a quotation mark.
            (None, b'\\') if in_text => (rest.len().min(2), &rest[..rest.len().min(2)]),
            (None, _) => {
                in_text ^= byte == b'"';
                (1, &rest[..1])
            }
        };
        json.extend_from_slice(written);
        rest = &rest[taken..];
    }
    json
}

fn parse_label(content: &[u8]) -> Result<u32, MemberError> {
    std::str::from_utf8(content)?.trim().parse().map_err(|_| MemberError::Label)
}
