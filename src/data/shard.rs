//! One shard: a WebDataset tar file as samples.
//!
//! A member `KEY.EXTENSION` belongs to the sample `KEY`, where `KEY` ends at the first full stop of the last path
//! component, as in WebDataset. Read are `png`, `jpg`, `jpeg` or `webp` (the image), `json` (an object with maybe `captions`
//! and `label`; without them and without `txt` the `caption` of image downloaders), `txt` (one caption; for retrieval one a
//! line, as `CLIP_benchmark` has it) and `cls` (a label); other extensions are ignored. A sample has an image, and a caption
//! or a label. As in WebDataset extensions may be in upper case, and files that have no key or no extension (`README`,
//! `._0.png`) belong to no sample. Members may come in any order; samples are numbered by the first member of theirs.
//! Nothing is ever extracted to a file.
//!
//! [`scan_shard`] reads a shard in passing, before it is pinned: a sample that cannot be read is named with the reason.
//! [`list_shard`] lists a pinned one, where whatever the manifest does not list as skipped is an error; images stay in
//! the file until somebody looks at them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Seek};

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use tar::EntryType;

use super::error::{DataError, MemberError, chain};
use super::preprocess;

/// The largest shard that is read.
pub(crate) const SHARD_BYTES_MAX: u64 = 2 << 30;
/// The largest member that is read.
pub(crate) const MEMBER_BYTES_MAX: u64 = 16 << 20;

/// Bytes of a header at most that names the member after it.
const EXTENSION_BYTES_MAX: u64 = 1 << 16;

/// Bytes of a caption at most: byte pairs of one long word take time that grows with its square.
pub(crate) const CAPTION_BYTES_MAX: usize = 1 << 16;

/// What members of a tar file are filled up to.
const BLOCK_BYTES: u64 = 512;

/// Bytes of a sample at least: the headers of its image and of what is said of that. Members may be empty.
pub(crate) const SAMPLE_BYTES_MIN: u64 = 2 * BLOCK_BYTES;

/// A sample as its shard spells it, its image still in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The key of its members.
    pub key: String,
    /// At least one caption, unless it has a class; that of a `txt` member is the last.
    pub captions: Vec<String>,
    /// The lines of a `txt` member that has several.
    pub(crate) lines: Vec<String>,
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
    /// What a `cls` member says.
    class: Option<Label>,
}

/// A `json` member. Other fields are ignored, and so are these where they are of another kind: they were not meant for us.
/// Of a field that is given twice the last is read, as by Python's `json`.
#[derive(Default)]
struct SampleJson {
    captions: Texts,
    caption: Texts,
    label: Label,
}

impl<'de> Deserialize<'de> for SampleJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SampleVisitor)
    }
}

struct SampleVisitor;

impl<'de> Visitor<'de> for SampleVisitor {
    type Value = SampleJson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<SampleJson, A::Error> {
        let mut json = SampleJson::default();
        while let Some(name) = fields.next_key::<String>()? {
            match &*name {
                "captions" => json.captions = fields.next_value()?,
                "caption" => json.caption = fields.next_value()?,
                "label" => json.label = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(json)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    Many(Vec<String>),
    One(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Class(u32),
    Other(IgnoredAny),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<Texts> for Vec<String> {
    fn from(texts: Texts) -> Self {
        match texts {
            Texts::Many(texts) => texts,
            Texts::One(text) => vec![text],
            Texts::Other(_) => Self::new(),
        }
    }
}

impl Default for Label {
    fn default() -> Self {
        Self::Other(IgnoredAny)
    }
}

impl Label {
    fn class(self) -> Option<u32> {
        match self {
            Self::Class(class) => Some(class),
            Self::Other(_) => None,
        }
    }
}

impl Sample {
    /// What is retrieved: each caption, and of a `txt` member each line.
    pub(crate) fn retrieved(&self) -> impl Iterator<Item = &String> {
        let text = usize::from(!self.lines.is_empty());
        self.captions[..self.captions.len() - text].iter().chain(&self.lines)
    }
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
    let entries = archive.entries_with_seek().map_err(|source| tar_error(shard, source))?.raw(true);
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
    let entries = archive.entries().map_err(|source| tar_error(shard, source))?.raw(true);
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

/// Headers that say something of the member after them.
#[derive(Default)]
struct Extensions {
    /// GNU's long name.
    name: Option<Vec<u8>>,
    /// The attributes of a pax archive.
    attributes: Option<Vec<u8>>,
}

impl Extensions {
    /// The bytes of a header of this kind; nothing for other kinds.
    const fn slot(&mut self, kind: EntryType) -> Option<&mut Option<Vec<u8>>> {
        match kind {
            EntryType::GNULongName => Some(&mut self.name),
            EntryType::XHeader => Some(&mut self.attributes),
            _ => None,
        }
    }

    /// The name of the member, which its own header may give in part; an error if it has another `size`.
    fn name(self, own: &[u8], size: u64) -> std::io::Result<String> {
        let is_long = self.name.is_some();
        let mut name = self.name.unwrap_or_else(|| own.to_owned());
        if name.last() == Some(&0) {
            name.pop();
        }
        let mut attributes = self.attributes.as_deref().unwrap_or_default();
        while !attributes.is_empty() {
            let (key, value) = take_pax_record(&mut attributes)
                .ok_or_else(|| broken("malformed pax attributes"))?;
            match key {
                b"path" if !is_long => name = value.to_vec(),
                b"size" if value != size.to_string().as_bytes() => {
                    return Err(broken("a member has two sizes"));
                }
                _ => {}
            }
        }
        Ok(String::from_utf8_lossy(&name).into_owned())
    }
}

/// Takes the first of pax records, `LENGTH KEY=VALUE\n`: its key and value. The length counts the whole record, so that
/// values may hold anything (IEEE Std 1003.1, `pax`, "pax Extended Header").
fn take_pax_record<'r>(records: &mut &'r [u8]) -> Option<(&'r [u8], &'r [u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length = records[..space].iter().try_fold(0_usize, |length, digit| {
        let digit = digit.is_ascii_digit().then(|| usize::from(digit - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })?;
    let record = records.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    *records = &records[length..];
    Some((&record[..equals], &record[equals + 1..]))
}

fn broken(reason: &str) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, reason)
}

/// Gives every member that is read to `each`, with what its content is read from; `entries` are raw. The file has
/// `length` bytes: what is left out by seeking is there too.
fn each_member<R: Read>(
    shard: &str,
    entries: tar::Entries<'_, R>,
    length: u64,
    mut each: impl FnMut(&Member<'_>, &mut dyn Read) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut extensions = Extensions::default();
    for entry in entries {
        let mut entry = entry.map_err(|source| tar_error(shard, source))?;
        let kind = entry.header().entry_type();
        let (offset, size) = (entry.raw_file_position(), entry.size());
        if let Some(slot) = extensions.slot(kind) {
            if size > EXTENSION_BYTES_MAX || slot.is_some() {
                return Err(tar_error(
                    shard,
                    broken("the name of a member is too long, or given twice"),
                ));
            }
            *slot = Some(read_whole(&mut entry, size).map_err(|e| tar_error(shard, e))?);
            continue;
        }
        // Links have long names too; they are refused by themselves.
        if kind.is_pax_global_extensions() || kind.is_gnu_longlink() {
            continue;
        }
        let named = std::mem::take(&mut extensions).name(&entry.path_bytes(), size);
        let name = named.map_err(|source| tar_error(shard, source))?;
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            return Err(member_error(shard, &name, MemberError::NotAFile));
        }
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
    if extensions.name.is_some() || extensions.attributes.is_some() {
        return Err(tar_error(shard, broken("it ends where a named member should follow")));
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
            "txt" => put(&mut self.text, std::str::from_utf8(content)?.to_owned()),
            _ => put(&mut self.class, parse_label(content)?),
        }
    }

    fn whole(self, key: String) -> Result<Sample, MemberError> {
        let image = self.image;
        let image = image.ok_or(MemberError::Missing { what: "image (`png`, `jpg` or `webp`)" })?;
        let json = self.json.unwrap_or_default();
        let mut captions = Vec::from(json.captions);
        if captions.is_empty() && self.text.is_none() {
            captions = json.caption.into();
        }
        let lines = self.text.as_deref().map(lines_of).filter(|lines| lines.len() > 1);
        let lines = lines.unwrap_or_default().into_iter().map(str::to_owned).collect();
        captions.extend(self.text.map(|text| text.trim().to_owned()));
        if let Some(caption) = captions.iter().find(|caption| caption.len() > CAPTION_BYTES_MAX) {
            return Err(MemberError::LongCaption {
                bytes: caption.len(),
                limit: CAPTION_BYTES_MAX,
            });
        }
        let label = match (json.label.class(), self.class.and_then(Label::class)) {
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
        Ok(Sample { key, captions, lines, label, image })
    }
}

/// Reads a `json` member as Python's `json` does, which writes `NaN` and `Infinity` for numbers that are none: image
/// downloaders put them into fields that are ignored here.
fn parse_json(content: &[u8]) -> Result<SampleJson, serde_json::Error> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let read = |content: &[u8]| {
        if content.trim_ascii_start().starts_with(b"{") {
            serde_json::from_slice(content)
        } else {
            serde_json::from_slice::<IgnoredAny>(content).map(|_| SampleJson::default())
        }
    };
    read(content).or_else(|error| read(&without_constants(content)).map_err(|_| error))
}

/// The lines of a text, ended as Python's `str.splitlines` ends them.
fn lines_of(text: &str) -> Vec<&str> {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(ends).unwrap_or(rest.len());
        lines.push(&rest[..end]);
        let after = &rest[end..];
        let ending = if after.starts_with("\r\n") {
            2
        } else {
            after.chars().next().map_or(0, char::len_utf8)
        };
        rest = &after[ending..];
    }
    lines
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

/// The class that a `cls` member names; nothing where it is below 0, as what has no label is often marked.
fn parse_label(content: &[u8]) -> Result<Label, MemberError> {
    let text = std::str::from_utf8(content)?.trim();
    if text.parse::<i64>().is_ok_and(|label| label < 0) {
        return Ok(Label::Other(IgnoredAny));
    }
    text.parse().map(Label::Class).map_err(|_| MemberError::Label)
}
