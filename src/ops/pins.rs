//! What an experiment says of the files that it pins, held against what is at hand of them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use super::inputs::{Lent, PlanInputs};
use super::workspace::{Loaded, Workspace};
use crate::action::manifest::Manifest;
use crate::commit::Root;
use crate::data::{OPEN_CLIP, Tokenizer};
use crate::digest::BlobDigest;
use crate::exec::Inputs as _;
use crate::plan::{Location, Plan};
use crate::spec::experiment::{
    Dataset, DigestText, Evaluation, Experiment, ManifestPin, PinnedFile, Shards, TableSource,
    Vocabulary,
};
use crate::store::Store;

/// Larger files are not read to see what is in them.
const READ_BYTES_MAX: u64 = 64 << 20;

/// Tokens of a text: any number will do for a vocabulary to be looked at.
const CONTEXT: usize = 77;

/// What is said of a part of an experiment's value: its path, and the message.
pub(super) type Said = (String, String);

/// What was seen of pinned files.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What is wrong wherever the files are.
    pub(super) wrong: Vec<Said>,
    /// Files that are not where the experiment says, and that nobody else is known to have.
    pub(super) absent: Vec<Said>,
    /// Those that the store has instead, or that a mirror may have.
    pub(super) elsewhere: Vec<Said>,
}

impl Workspace {
    /// Holds what an experiment says of pinned files against what is at hand: in the store, a mirror, a file of the
    /// experiment, or a commit that was fetched. The network is not asked, no bundled set is built, of large files only
    /// the size is looked at, and whatever else is wrong with a file itself is told by the run that needs it.
    pub(super) fn look_at_pins(&self, loaded: &Loaded) -> Looked {
        let mut looked = Looked::default();
        let pins = Pins::of(&loaded.experiment).list;
        if pins.is_empty() {
            return looked;
        }
        let Ok(store) = self.store() else { return looked };
        let mut plan = Plan::default();
        for pin in pins.iter().filter(|pin| pin.is_read()) {
            plan.add_source(pin.digest, pin.bytes, pin.location.clone());
        }
        let no_set =
            |_: &str, _: &str| Err("a bundled set is not built to be looked at".to_owned());
        let sources = self.sources(&loaded.root, &no_set).offline();
        let inputs = PlanInputs::new(&plan, sources, Lent::default());
        for pin in &pins {
            if let Some(wrong) = pin.unknown_set().or_else(|| pin.other_size(&store)) {
                // The set of many shards is told once.
                if looked.wrong.last() != Some(&wrong) {
                    looked.wrong.push(wrong);
                }
                continue;
            }
            self.look_below(&loaded.root, pin, &store, &mut looked);
            if pin.is_read()
                && let Some(file) = pin.read(&inputs, &store)
            {
                looked.wrong.extend(pin.misstated(&file));
            }
        }
        looked
    }

    /// Whether a file of a folder is there, and as large as it is pinned.
    fn look_below(&self, root: &Root, pin: &Stated<'_>, store: &Store, looked: &mut Looked) {
        let (Location::File { path }, Root::Folder(root)) = (&pin.location, root) else { return };
        let path = root.join(path);
        let path = std::path::absolute(&path).unwrap_or(path);
        let Some((at, mut message)) = pin.misplaced(&path) else { return };
        let list = if store.blob_size(&pin.digest).is_some() {
            message.push_str("; the store has what is pinned, and another one may not");
            &mut looked.elsewhere
        } else if self.settings.mirrors.is_empty() {
            &mut looked.absent
        } else {
            message.push_str("; a mirror may have what is pinned");
            &mut looked.elsewhere
        };
        // The first file that a data set lacks speaks for the others.
        if list.last().is_none_or(|(last, _)| *last != at) {
            list.push((at, message));
        }
    }
}

/// What is wrong with the number of names in a file, which has one a line, where an experiment counts otherwise.
pub(super) fn miscounted(counts: &BTreeSet<u64>, file: &[u8]) -> Option<String> {
    let names = std::str::from_utf8(file).ok()?.lines().count() as u64;
    let other = counts.iter().find(|count| **count != names)?;
    Some(format!("is {other}, and the pinned file names {names} classes"))
}

/// What an experiment says of the content of a pinned file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Content<'e> {
    /// Nothing that is looked at.
    Any,
    /// So many classes, named a line each.
    Classes(u64),
    /// A vocabulary of so many tokens.
    Vocabulary(u64),
    /// A manifest of so many samples in so many bytes.
    Manifest(&'e ManifestPin),
}

/// A pinned file as an experiment states it.
#[derive(Debug)]
struct Stated<'e> {
    /// Where in the value: `runs[0].train.vocabulary.file`.
    at: String,
    /// Where in the value its source is.
    source_at: String,
    digest: BlobDigest,
    bytes: u64,
    location: Location,
    content: Content<'e>,
}

impl Stated<'_> {
    /// Whether its content is looked at.
    fn is_read(&self) -> bool {
        self.content != Content::Any && self.bytes <= READ_BYTES_MAX
    }

    /// Its bytes, if they are at hand.
    fn read(&self, inputs: &PlanInputs<'_>, store: &Store) -> Option<Vec<u8>> {
        if self.digest == BlobDigest::of(OPEN_CLIP.as_bytes()) {
            return Some(OPEN_CLIP.as_bytes().to_vec());
        }
        inputs.ensure(&self.digest, store).ok()?;
        store.read(&self.digest).ok()
    }

    /// What is unknown of its place in a bundled set.
    #[cfg(feature = "pictograms")]
    fn unknown_set(&self) -> Option<Said> {
        use crate::data::bundled::{OPEN_CLIP_SET, VERSION, has_classes, sets};
        let Location::Bundled { set, version, file } = &self.location else { return None };
        let name = set.as_str();
        if !sets().contains(&name) && name != OPEN_CLIP_SET {
            let known = sets().join(", ");
            let message =
                format!("there is no bundled set `{set}` (sets: {known}, {OPEN_CLIP_SET})");
            return Some((format!("{}.set", self.source_at), message));
        }
        if version != VERSION {
            let message = format!("is `{version}`; this program builds version {VERSION}");
            return Some((format!("{}.version", self.source_at), message));
        }
        let is_there = if matches!(name, "vocabulary" | OPEN_CLIP_SET) {
            *file == format!("{set}.txt")
        } else {
            is_shard(set, file) || file == "classes.txt" && has_classes(name)
        };
        let message = format!("the bundled set `{set}` has no file `{file}`");
        (!is_there).then(|| (format!("{}.name", self.at), message))
    }

    /// Nothing: without the drawings nobody knows the sets.
    #[cfg(not(feature = "pictograms"))]
    #[allow(clippy::unused_self, reason = "as where the sets are known")]
    fn unknown_set(&self) -> Option<Said> {
        None
    }

    /// What is wrong with its size, if the store has it.
    fn other_size(&self, store: &Store) -> Option<Said> {
        let bytes = store.blob_size(&self.digest).filter(|bytes| *bytes != self.bytes)?;
        // A blob that is damaged says nothing; opened, it is moved aside.
        store.open_blob(&self.digest).ok()?;
        let message = format!("is {}, and the file of this digest has {bytes} bytes", self.bytes);
        Some((format!("{}.bytes", self.at), message))
    }

    /// What is wrong with the file that is to be at `path`, as its size tells.
    fn misplaced(&self, path: &Path) -> Option<Said> {
        let shown = path.display().to_string();
        let shown = shown.escape_debug();
        let of_path = |message: String| Some((format!("{}.path", self.source_at), message));
        match path.metadata() {
            Ok(found) if !found.is_file() => of_path(format!("`{shown}` is no regular file")),
            Ok(found) if found.len() != self.bytes => {
                let message = format!("is {}, and `{shown}` has {} bytes", self.bytes, found.len());
                Some((format!("{}.bytes", self.at), message))
            }
            Ok(_) => None,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                of_path(format!("there is no file `{shown}`"))
            }
            Err(error) => of_path(format!("`{shown}` cannot be read: {error}")),
        }
    }

    /// What the experiment says of its bytes and they do not.
    fn misstated(&self, bytes: &[u8]) -> Vec<Said> {
        let of = self.at.strip_suffix(".file").unwrap_or(&self.at);
        let said = |field: &str, message: String| (format!("{of}.{field}"), message);
        match self.content {
            Content::Any => Vec::new(),
            Content::Classes(count) => {
                let message = miscounted(&BTreeSet::from([count]), bytes);
                message.map(|message| said("count", message)).into_iter().collect()
            }
            Content::Vocabulary(size) => match Tokenizer::new(bytes, CONTEXT) {
                Ok(tokenizer) if tokenizer.vocabulary_size() as u64 == size => Vec::new(),
                Ok(tokenizer) => {
                    let tokens = tokenizer.vocabulary_size();
                    vec![said(
                        "size",
                        format!("is {size}, and the pinned file has {tokens} tokens"),
                    )]
                }
                Err(error) => vec![(self.at.clone(), format!("is no vocabulary: {error}"))],
            },
            Content::Manifest(pin) => match Manifest::decode(bytes) {
                Ok(manifest) => differences(pin, &manifest, said),
                Err(error) => vec![(self.at.clone(), format!("names no manifest: {error}"))],
            },
        }
    }
}

/// Where the totals of a pin are not those of its manifest.
fn differences(
    pin: &ManifestPin,
    manifest: &Manifest,
    said: impl Fn(&str, String) -> Said,
) -> Vec<Said> {
    let bytes = manifest.files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
    let samples = manifest.samples();
    let mut found = Vec::new();
    if pin.samples != samples {
        let message = format!("is {}, and the pinned manifest lists {samples}", pin.samples);
        found.push(said("samples", message));
    }
    if pin.shard_bytes != bytes {
        let message = format!("is {}, and the pinned manifest lists {bytes}", pin.shard_bytes);
        found.push(said("shardBytes", message));
    }
    found
}

/// Whether a bundled set may have a shard of that name.
#[cfg(feature = "pictograms")]
fn is_shard(set: &str, file: &str) -> bool {
    let number = file.strip_prefix(set).and_then(|rest| rest.strip_prefix('-'));
    let number = number.and_then(|rest| rest.strip_suffix(".tar"));
    number.is_some_and(|digits| digits.len() == 5 && digits.bytes().all(|c| c.is_ascii_digit()))
}

/// Every file that an experiment pins to run, in the order of its fields; what is stated again is looked at once.
#[derive(Debug, Default)]
struct Pins<'e> {
    list: Vec<Stated<'e>>,
    files: BTreeSet<(&'e PinnedFile, Content<'e>)>,
    datasets: BTreeSet<&'e Dataset>,
}

impl<'e> Pins<'e> {
    fn of(experiment: &'e Experiment) -> Self {
        let mut pins = Self::default();
        for (i, run) in experiment.runs.iter().enumerate() {
            pins.dataset(&format!("runs[{i}].train.dataset"), &run.train.dataset);
            pins.vocabulary(&format!("runs[{i}].train"), &run.train.vocabulary);
            pins.evaluations(&format!("runs[{i}]"), &run.evaluations);
        }
        for (i, run) in experiment.released_runs.iter().enumerate() {
            let at = format!("releasedRuns[{i}]");
            pins.file(format!("{at}.weights.tensors"), &run.weights.tensors, Content::Any);
            pins.file(format!("{at}.weights.config"), &run.weights.config, Content::Any);
            pins.vocabulary(&at, &run.vocabulary);
            pins.evaluations(&at, &run.evaluations);
        }
        for (i, table) in experiment.tables.iter().enumerate() {
            if let TableSource::Csv(table) | TableSource::JsonRecords(table) = &table.from {
                pins.file(format!("tables[{i}].from.file"), &table.file, Content::Any);
            }
        }
        pins
    }

    fn evaluations(&mut self, at: &str, evaluations: &'e [Evaluation]) {
        for (i, evaluation) in evaluations.iter().enumerate() {
            let at = format!("{at}.evaluations[{i}]");
            self.dataset(&format!("{at}.dataset"), &evaluation.dataset);
            if let Some(classes) = evaluation.task.classes() {
                let content = Content::Classes(classes.count);
                self.file(format!("{at}.task.classes.file"), &classes.file, content);
            }
            for (k, dataset) in evaluation.task.train_sets().iter().enumerate() {
                self.dataset(&format!("{at}.task.split.train[{k}]"), dataset);
            }
        }
    }

    fn vocabulary(&mut self, at: &str, vocabulary: &'e Vocabulary) {
        let content = Content::Vocabulary(vocabulary.size);
        self.file(format!("{at}.vocabulary.file"), &vocabulary.file, content);
    }

    fn file(&mut self, at: String, file: &'e PinnedFile, content: Content<'e>) {
        if self.files.insert((file, content)) {
            let (source_at, location) = (format!("{at}.source"), file.location());
            let (digest, bytes) = (digest_of(&file.sha256), file.bytes);
            self.list.push(Stated { at, source_at, digest, bytes, location, content });
        }
    }

    fn dataset(&mut self, at: &str, dataset: &'e Dataset) {
        if !self.datasets.insert(dataset) {
            return;
        }
        let source_at = format!("{at}.source");
        match &dataset.shards {
            Shards::Inline(shards) => {
                for (i, shard) in shards.iter().enumerate() {
                    self.list.push(Stated {
                        at: format!("{at}.shards[{i}]"),
                        source_at: source_at.clone(),
                        digest: digest_of(&shard.sha256),
                        bytes: shard.bytes,
                        location: dataset.source.file_in_folder(&shard.name),
                        content: Content::Any,
                    });
                }
            }
            Shards::Manifest(pin) => self.list.push(Stated {
                at: format!("{at}.shards"),
                source_at,
                digest: digest_of(&pin.sha256),
                bytes: pin.bytes,
                location: dataset.source.file_in_folder(&pin.name),
                content: Content::Manifest(pin),
            }),
        }
    }
}

fn digest_of(sha256: &DigestText) -> BlobDigest {
    sha256.parse().expect("checked: a digest parses")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::manifest::ManifestFile;
    use crate::spec::experiment::testing::{digest, example};

    #[test]
    fn names_are_counted_by_lines() {
        let four = BTreeSet::from([4]);
        assert_eq!(miscounted(&four, b"a\nb\nc\nd\n"), None);
        assert_eq!(miscounted(&four, b"a\nb\nc\nd"), None);
        let message = miscounted(&BTreeSet::from([3, 4]), b"a\nb\nc\n").unwrap();
        assert_eq!(message, "is 4, and the pinned file names 3 classes");
    }

    #[test]
    #[cfg(feature = "pictograms")]
    fn a_file_that_no_bundled_set_has_is_found() {
        use crate::spec::experiment::Source;
        let found = |set: &str, version: &str, name: &str| {
            let mut experiment = example();
            let file = &mut experiment.runs[0].train.vocabulary.file;
            file.name = name.to_owned();
            file.source = Source::Bundled { set: set.to_owned(), version: version.to_owned() };
            let pins = Pins::of(&experiment).list;
            let pin = pins.iter().find(|pin| pin.at == "runs[0].train.vocabulary.file");
            pin.unwrap().unknown_set().map(|(path, _)| path)
        };
        for (set, name) in [
            ("vocabulary", "vocabulary.txt"),
            ("openclip-vocabulary", "openclip-vocabulary.txt"),
            ("icon143", "classes.txt"),
            ("icon143", "icon143-00000.tar"),
        ] {
            assert_eq!(found(set, "1", name), None, "{name}");
        }
        for (set, version, name, path) in [
            ("openclip-vocab", "1", "openclip-vocab.txt", "source.set"),
            ("vocabulary", "2", "vocabulary.txt", "source.version"),
            ("vocabulary", "1", "vocabulary.text", "name"),
            ("glyphs-2k", "1", "classes.txt", "name"),
            ("glyphs-2k", "1", "glyphs-2k-0.tar", "name"),
        ] {
            let path = format!("runs[0].train.vocabulary.file.{path}");
            assert_eq!(found(set, version, name), Some(path), "{name}");
        }
    }

    #[test]
    fn what_is_stated_of_a_file_is_held_against_its_bytes() {
        let said = |content: Content<'_>, bytes: &[u8]| {
            let (at, digest) = ("x.file".to_owned(), BlobDigest::of(bytes));
            let location = Location::File { path: "x".to_owned() };
            let source_at = String::new();
            let pin = Stated { at, source_at, digest, bytes: 0, location, content };
            let said = pin.misstated(bytes).into_iter();
            said.map(|(path, message)| format!("{path} {message}")).collect::<Vec<_>>()
        };
        assert_eq!(said(Content::Vocabulary(5), b"1\n2\n"), [""; 0]);
        let message = "x.size is 6, and the pinned file has 5 tokens";
        assert_eq!(said(Content::Vocabulary(6), b"1\n2\n"), [message]);
        let message = "x.size is 1000, and the pinned file has 49408 tokens";
        assert_eq!(said(Content::Vocabulary(1_000), OPEN_CLIP.as_bytes()), [message]);
        assert!(said(Content::Vocabulary(5), b"a\n")[0].starts_with("x.file is no vocabulary: "));
        let file = ManifestFile {
            name: "a.tar".to_owned(),
            sha256: BlobDigest::of(b""),
            bytes: 1_000,
            samples: 240,
            skipped: Vec::new(),
        };
        let manifest = Manifest::new(vec![file]).canonical_bytes();
        let pin = |samples, shard_bytes| ManifestPin {
            name: "all.json".to_owned(),
            sha256: digest('a'),
            bytes: 1,
            samples,
            shard_bytes,
        };
        assert_eq!(said(Content::Manifest(&pin(240, 1_000)), &manifest), [""; 0]);
        let messages = [
            "x.samples is 241, and the pinned manifest lists 240",
            "x.shardBytes is 999, and the pinned manifest lists 1000",
        ];
        assert_eq!(said(Content::Manifest(&pin(241, 999)), &manifest), messages);
        let message = &said(Content::Manifest(&pin(240, 1_000)), b"{}")[0];
        assert!(message.starts_with("x.file names no manifest: "), "{message}");
    }
}
