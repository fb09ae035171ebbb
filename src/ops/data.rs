//! `data`: bundled sets, their pins and their licences.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::error::Error;
use super::model::{pinned_file, text_dhall};
use super::workspace::Workspace;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::data::bundled::{self, BuiltFile, Pictograms};
use crate::data::{DataError, Dataset, OPEN_CLIP_TOKENS, contact_sheet};
use crate::digest::BlobDigest;
use crate::fs::{self, Durability};

/// Ids that a token embedding has beside the vocabulary's: padding, start, end.
const SPECIAL_TOKENS: usize = 3;

/// One file of a bundled set, pinned.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedSetFile {
    /// The set.
    pub set: String,
    /// The file.
    pub name: String,
    /// Its digest.
    pub sha256: BlobDigest,
    /// Its size.
    pub bytes: u64,
    /// Samples in it; 0 for lists.
    pub samples: u64,
    /// Lines of a list; 0 for shards.
    pub lines: usize,
    /// Ids of a vocabulary, with padding, start and end; `None`: it is something else.
    pub size: Option<usize>,
    /// Keys of unreadable members.
    pub skipped: Vec<String>,
}

impl PinnedSetFile {
    fn of(set: &str, file: &BuiltFile) -> Self {
        let is_list = file.name.ends_with(".txt");
        let lines = if is_list {
            file.bytes.split(|byte| *byte == b'\n').filter(|l| !l.is_empty()).count()
        } else {
            0
        };
        Self {
            set: set.to_owned(),
            name: file.name.clone(),
            sha256: BlobDigest::of(&file.bytes),
            bytes: file.bytes.len() as u64,
            samples: file.samples,
            lines,
            size: match set {
                "vocabulary" => Some(lines + SPECIAL_TOKENS),
                bundled::OPEN_CLIP_SET => Some(OPEN_CLIP_TOKENS),
                _ => None,
            },
            skipped: file.skipped.clone(),
        }
    }

    /// What pins files in an experiment, in Dhall that calls the schema `schema`: of each set bindings of its pairs, its
    /// class names, its vocabulary.
    pub fn dhall(pins: &[Self]) -> String {
        let mut bindings = Vec::new();
        for files in pins.chunk_by(|a, b| a.set == b.set) {
            let (shards, lists): (Vec<&Self>, Vec<&Self>) =
                files.iter().partition(|file| file.samples > 0);
            if !shards.is_empty() {
                bindings.push(dataset_dhall(&files[0].set, &shards));
            }
            bindings.extend(lists.into_iter().map(list_dhall));
        }
        bindings.join("\n")
    }
}

/// What a set holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspected {
    /// Its files.
    pub files: Vec<PinnedSetFile>,
    /// Samples in all.
    pub samples: u64,
    /// Class names, for a set that has classes.
    pub classes: Vec<String>,
    /// Captions of its first samples.
    pub first: Vec<Vec<String>>,
}

/// Samples whose captions are shown.
const FIRST: usize = 8;

impl Workspace {
    /// Builds sets (all of them if none is named) and gives their pins.
    pub fn pin_sets(&self, sets: &[String]) -> Result<Vec<PinnedSetFile>, Error> {
        let mut drawings = None;
        let mut pins = Vec::new();
        for set in known_sets(sets)? {
            let files = self.set_files(&set, &mut drawings)?;
            pins.extend(files.iter().map(|file| PinnedSetFile::of(&set, file)));
        }
        Ok(pins)
    }

    /// Builds sets and writes their pins to `shards.dhall` of an experiment; the file and the pins. A file that is there
    /// may be asked for any set: it is written with all of them. Its vocabulary is that of the drawings.
    pub fn pin_sets_of(
        &self,
        experiment: &str,
        sets: &[String],
    ) -> Result<(PathBuf, Vec<PinnedSetFile>), Error> {
        let folder = self.root()?.join("experiments").join(experiment);
        if !folder.is_dir() {
            return Err(Error::UnknownExperiment {
                name: experiment.to_owned(),
                known: self.experiments()?,
            });
        }
        let path = folder.join("shards.dhall");
        if sets.iter().any(|set| set == bundled::OPEN_CLIP_SET) {
            return Err(Error::Usage {
                message: format!(
                    "`{}` has no place in `shards.dhall`, whose vocabulary is that of the drawings",
                    bundled::OPEN_CLIP_SET
                ),
                hint: Some(format!(
                    "what pins it in `package.dhall`: ibid data pin {}",
                    bundled::OPEN_CLIP_SET
                )),
            });
        }
        let sets = known_sets(sets)?;
        let pins = self.pin_sets(if path.exists() { &[] } else { &sets })?;
        fs::write_atomic(&path, shards_dhall(&pins).as_bytes(), Durability::Relaxed)?;
        Ok((path, pins))
    }

    /// What a bundled set holds; with `sheet`, its first images in one PNG file.
    pub fn inspect_set(&self, set: &str, sheet: Option<&Path>) -> Result<Inspected, Error> {
        let set = known_sets(&[set.to_owned()])?.remove(0);
        let files = self.set_files(&set, &mut None)?;
        let list = |name: &str| files.iter().find(|file| file.name == name);
        let classes = list("classes.txt").map_or_else(Vec::new, |file| {
            String::from_utf8_lossy(&file.bytes).lines().map(ToOwned::to_owned).collect()
        });
        let pins: Vec<_> = files.iter().map(|file| PinnedSetFile::of(&set, file)).collect();
        let mut first = Vec::new();
        if pins.iter().any(|pin| pin.samples > 0) {
            let folder = tempfile::tempdir().map_err(|error| unreadable(&error))?;
            let dataset = load(&files, folder.path())?;
            first = (0..dataset.len().min(FIRST))
                .map(|index| Ok(dataset.sample(index)?.captions.clone()))
                .collect::<Result<_, DataError>>()
                .map_err(|error| unreadable(&error))?;
            if let Some(sheet) = sheet {
                let path = self.settings.folder.join(sheet);
                let png = contact_sheet(&dataset).map_err(|error| unreadable(&error))?;
                fs::write_atomic(&path, &png, Durability::Relaxed)?;
            }
        }
        let samples = pins.iter().map(|pin| pin.samples).sum();
        Ok(Inspected { files: pins, samples, classes, first })
    }

    /// The files of a set; the drawings are rendered once a set is made of some.
    fn set_files(
        &self,
        set: &str,
        drawings: &mut Option<Pictograms>,
    ) -> Result<Vec<BuiltFile>, Error> {
        if let Some(files) = bundled::undrawn(set) {
            return Ok(files);
        }
        let rendered = match drawings.take() {
            Some(rendered) => rendered,
            None => self.drawings()?,
        };
        drawings.insert(rendered).build(set).map_err(cannot_build)
    }

    fn drawings(&self) -> Result<Pictograms, Error> {
        let never = AtomicBool::new(false);
        Pictograms::render(bundled::VERSION, self.settings.threads, &never).map_err(cannot_build)
    }
}

/// A bundled set that cannot be read again.
fn unreadable(reason: &dyn std::error::Error) -> Error {
    Error::BadResult { what: "bundled set".to_owned(), reason: reason.to_string() }
}

/// Reads built shards as a training would, from `folder`.
fn load(files: &[BuiltFile], folder: &Path) -> Result<Dataset, Error> {
    let mut listed = Vec::new();
    for file in files.iter().filter(|file| file.samples > 0) {
        fs::write_atomic(&folder.join(&file.name), &file.bytes, Durability::Relaxed)?;
        listed.push(ManifestFile {
            name: file.name.clone(),
            sha256: BlobDigest::of(&file.bytes),
            bytes: file.bytes.len() as u64,
            samples: file.samples,
            skipped: file.skipped.clone(),
        });
    }
    let manifest = Manifest::new(listed).canonical_bytes();
    fs::write_atomic(&folder.join("manifest.json"), &manifest, Durability::Relaxed)?;
    Dataset::load(folder).map_err(|error| unreadable(&error))
}

fn known_sets(sets: &[String]) -> Result<Vec<String>, Error> {
    let known = bundled::sets();
    let is_known = |set: &str| known.contains(&set) || set == bundled::OPEN_CLIP_SET;
    if let Some(unknown) = sets.iter().find(|set| !is_known(set)) {
        return Err(Error::Usage {
            message: format!("there is no bundled set `{unknown}`"),
            hint: Some(format!("the sets: {}, {}", known.join(", "), bundled::OPEN_CLIP_SET)),
        });
    }
    if sets.is_empty() {
        Ok(known.iter().map(|set| (*set).to_owned()).collect())
    } else {
        Ok(sets.to_vec())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn cannot_build(error: bundled::BundledError) -> Error {
    Error::BadResult { what: "bundled drawings".to_owned(), reason: error.to_string() }
}

/// The text of `shards.dhall`.
fn shards_dhall(pins: &[PinnedSetFile]) -> String {
    let mut sets: BTreeMap<&str, Vec<&PinnedSetFile>> = BTreeMap::new();
    for pin in pins {
        sets.entry(&pin.set).or_default().push(pin);
    }
    let mut text = format!(
        "--| What the bundled sets of pictograms consist of, written by `ibid data pin`.\n{{ version = \"{}\"\n",
        bundled::VERSION
    );
    if let Some(files) = sets.remove("vocabulary")
        && let Some(size) = files[0].size
    {
        let fields = file_fields(files[0], "  ");
        write!(text, ", vocabulary =\n  {fields}  , size = {size}\n  }}\n").expect(INFALLIBLE);
    }
    text.push_str(", classes =\n");
    let lists = sets.iter().flat_map(|(set, files)| files.iter().map(move |file| (set, file)));
    let lists: Vec<_> = lists.filter(|(_, file)| file.lines > 0).collect();
    text.push_str(&record(
        "  ",
        lists.iter().map(|(set, file)| {
            format!(
                "{set} =\n    {}    , count = {}\n    }}\n",
                file_fields(file, "    "),
                file.lines
            )
        }),
    ));
    text.push_str(", sets =\n");
    text.push_str(&record(
        "  ",
        sets.iter().map(|(set, files)| {
            let mut list = format!("{set} =\n");
            for (i, file) in files.iter().filter(|file| file.samples > 0).enumerate() {
                let opening = if i == 0 { '[' } else { ',' };
                let skipped = texts(&file.skipped);
                write!(
                    list,
                    "    {opening} {}      , samples = {}\n      , skipped = {skipped}\n      }}\n",
                    file_fields(file, "      "),
                    file.samples
                )
                .expect(INFALLIBLE);
            }
            list + "    ]\n"
        }),
    ));
    text.push_str("}\n");
    text
}

/// The pairs of a set, as the schema's `Dataset`.
fn dataset_dhall(set: &str, shards: &[&PinnedSetFile]) -> String {
    let shard = |file: &&PinnedSetFile| {
        let PinnedSetFile { name, sha256, bytes, samples, .. } = file;
        let skipped = texts(&file.skipped);
        format!(
            "schema.Shard::{{ name = \"{name}\", sha256 = \"{sha256}\", bytes = {bytes}, samples = {samples}, \
             skipped = {skipped} }}"
        )
    };
    let shards = shards.iter().map(shard).collect::<Vec<_>>().join("\n          , ");
    format!(
        "let {set} =\n      schema.Dataset::{{\n      , name = \"{set}\"\n      , source = schema.Source.{}\n      \
         , shards = schema.Shards.Inline\n          [ {shards}\n          ]\n      }}\n",
        source_dhall(set)
    )
}

/// A list of a set, as the schema's `Vocabulary` or `Classes`.
fn list_dhall(file: &PinnedSetFile) -> String {
    let (binding, kind, number) = match file.size {
        Some(size) => ("vocabulary".to_owned(), "Vocabulary", format!("size = {size}")),
        None => (format!("{}Classes", file.set), "Classes", format!("count = {}", file.lines)),
    };
    let source = source_dhall(&file.set);
    let pin = pinned_file(&file.name, &file.sha256, file.bytes, &source, "        ");
    format!(
        "let {binding} =\n      schema.{kind}::{{\n      , file = {pin}\n      , {number}\n      }}\n"
    )
}

/// Where the files of a set are published, as an alternative of the schema's `Source`.
fn source_dhall(set: &str) -> String {
    format!("Bundled {{ set = \"{set}\", version = \"{}\" }}", bundled::VERSION)
}

const INFALLIBLE: &str = "writing to a string succeeds";

/// `{ name = …`, `, sha256 = …`, `, bytes = …`, each but the first indented.
fn file_fields(file: &PinnedSetFile, indent: &str) -> String {
    let PinnedSetFile { name, sha256, bytes, .. } = file;
    format!("{{ name = \"{name}\"\n{indent}, sha256 = \"{sha256}\"\n{indent}, bytes = {bytes}\n")
}

/// Fields that each end in a line feed, as a record.
fn record(indent: &str, fields: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for (i, field) in fields.enumerate() {
        let opening = if i == 0 { '{' } else { ',' };
        write!(text, "{indent}{opening} {field}").expect(INFALLIBLE);
    }
    if text.is_empty() { format!("{indent}{{=}}\n") } else { format!("{text}{indent}}}\n") }
}

fn texts(items: &[String]) -> String {
    if items.is_empty() {
        return "[] : List Text".to_owned();
    }
    let quoted: Vec<_> = items.iter().map(|item| text_dhall(item)).collect();
    format!("[ {} ]", quoted.join(", "))
}
