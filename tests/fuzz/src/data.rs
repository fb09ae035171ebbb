//! What strangers serve: shards, images, tables, git objects.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use git2::{ObjectType, Oid, Repository};
use ibid::action::Params;
use ibid::action::manifest::{Manifest, ManifestFile};
use ibid::action::params::{Rows, Table as TableParams};
use ibid::commit::{self as objects, Commit, Rooted};
use ibid::data::{DataError, Dataset, preprocess};
use ibid::digest::BlobDigest;
use ibid::jobs::{self, JobContext, JobError, Level};
use ibid::plot::table::Table;

use super::{put, scratch};

/// A shard whose manifest states what is true of it. The sums of tar headers are made to fit.
pub fn shard(data: &[u8]) {
    let folder = scratch().join("shard");
    let bytes = with_sums(data);
    put(&folder.join("a.tar"), &bytes);
    let load = |samples| {
        let file = ManifestFile {
            name: "a.tar".to_owned(),
            sha256: BlobDigest::of(&bytes),
            bytes: bytes.len() as u64,
            samples,
            skipped: vec!["skip".to_owned()],
        };
        put(&folder.join("manifest.json"), &Manifest::new(vec![file]).canonical_bytes());
        Dataset::load(&folder)
    };
    let loaded = match load(u64::MAX) {
        Err(DataError::SampleCount { actual, .. }) => load(actual),
        other => other,
    };
    let Ok(dataset) = loaded else { return };
    for index in 0..dataset.len() {
        let image = dataset.image(index).expect("it is held");
        assert_eq!(image.len(), 3 * dataset.image_size().pow(2));
        let sample = dataset.sample(index).expect("it was listed");
        assert!(!sample.captions.is_empty() || sample.label.is_some());
    }
    assert_eq!(dataset.shard_sizes(), [dataset.len()]);
}

/// Writes the sum of each tar header where the header has it.
fn with_sums(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut at = 0;
    while let Some(header) = bytes.get_mut(at..at + 512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = std::str::from_utf8(&header[124..135]).ok();
        let size = size.and_then(|text| usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok());
        at += 512 + size.unwrap_or(0).min(1 << 20).next_multiple_of(512);
    }
    bytes
}

/// A picture has as many pixels as it says, and views of the size that was asked for.
pub fn image(data: &[u8]) {
    let Ok(picture) = preprocess::decode(data) else { return };
    let pixels = picture.width() * picture.height();
    assert!(0 < pixels && pixels as u64 <= preprocess::PIXELS_MAX);
    if pixels <= 1 << 16 {
        assert_eq!(picture.colours().len(), 3 * pixels);
        assert_eq!(picture.evaluation_view(8).len(), 3 * 8 * 8);
    }
}

/// Texts between NULs: the parameters as JSON, the rows, a table for each step. What is written reads back.
pub fn table(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let params = parts.next().and_then(|json| serde_json::from_slice::<TableParams>(json).ok());
    let params = params.unwrap_or(TableParams { rows: Rows::Table, steps: Vec::new() });
    let folder = scratch().join("table");
    let rows = parts.next().unwrap_or_default();
    for name in ["rows", "rows-0", "rows-1"] {
        put(&folder.join("inputs").join(name), rows);
    }
    for (i, other) in (0..params.steps.len()).zip(parts.chain(std::iter::repeat(rows))) {
        put(&folder.join(format!("inputs/step-{i}")), other);
    }
    if let Ok(text) = std::str::from_utf8(rows)
        && let Ok(table) = Table::parse(text)
    {
        assert_eq!(Table::parse(&table.to_csv()).as_ref(), Ok(&table));
    }
    for made in ["outputs", "scratch"] {
        fs::create_dir_all(folder.join(made)).expect("room");
    }
    let cancelled = AtomicBool::new(false);
    let mut context = JobContext {
        inputs: &folder.join("inputs"),
        outputs: &folder.join("outputs"),
        scratch: &folder.join("scratch"),
        threads: 1,
        level: Level::Scalar,
        device: jobs::Device::Cpu,
        resume_interval: Duration::from_secs(1),
        cancelled: &cancelled,
        progress: &mut |_| {},
    };
    match jobs::run(&Params::Table(params), &mut context) {
        Ok(()) => {
            let written = fs::read_to_string(folder.join("outputs/table.csv")).expect("written");
            Table::parse(&written).expect("a table is written as one");
        }
        Err(JobError::Bug(mistake)) => panic!("{mistake}"),
        Err(error) => drop(error.to_string()),
    }
}

/// Bytes as the root tree, as a file of it and as a commit; or as a pack and its index.
pub fn commit(data: &[u8]) {
    static COPY: OnceLock<std::path::PathBuf> = OnceLock::new();
    let copy = COPY.get_or_init(|| {
        let copy = scratch().join("repository");
        Repository::init_bare(&copy).expect("room");
        copy
    });
    let Some((kind, rest)) = data.split_first() else { return };
    let mut written = BTreeMap::new();
    if kind % 3 == 2 {
        let (length, rest) = rest.split_first_chunk::<2>().unwrap_or((&[0; 2], rest));
        let (index, pack) = rest.split_at(rest.len().min(u16::from_le_bytes(*length).into()));
        put(&copy.join("objects/pack/pack-a.idx"), index);
        put(&copy.join("objects/pack/pack-a.pack"), pack);
        // Names that the index holds, wherever they are in it.
        for id in index.windows(20).step_by(4).take(64) {
            read(copy, &Oid::from_bytes(id).expect("twenty bytes").to_string());
        }
        for name in ["idx", "pack"] {
            fs::remove_file(copy.join(format!("objects/pack/pack-a.{name}"))).expect("ours");
        }
        return;
    }
    let repository = Repository::open(copy).expect("it was made");
    let odb = repository.odb().expect("as before");
    let mut write = |kind, bytes: &[u8]| {
        let id = odb.write(kind, bytes).expect("room");
        written.insert(id.to_string(), ());
        id
    };
    let blob = write(ObjectType::Blob, rest);
    let tree = if kind % 3 == 0 {
        let file = [b"100644 package.dhall\0", blob.as_bytes()].concat();
        let inner = write(ObjectType::Tree, &file);
        // `@` stands for the id of an object that is there.
        let mut list = Vec::new();
        rest.iter().for_each(|byte| match byte {
            b'@' => list.extend_from_slice(inner.as_bytes()),
            b'#' => list.extend_from_slice(blob.as_bytes()),
            byte => list.push(*byte),
        });
        write(ObjectType::Tree, &list)
    } else {
        write(ObjectType::Tree, &[b"100644 package.dhall\0", blob.as_bytes()].concat())
    };
    let head = format!("tree {tree}\nauthor a <a> 1 +0000\n\n");
    let id = write(ObjectType::Commit, head.as_bytes());
    read(copy, &id.to_string());
    let stray = write(ObjectType::Commit, rest);
    read(copy, &stray.to_string());
    for kind in [ObjectType::Commit, ObjectType::Tree, ObjectType::Blob] {
        objects::children(kind, rest);
    }
    drop(odb);
    for id in written.keys() {
        fs::remove_dir_all(copy.join("objects").join(&id[..2])).ok();
    }
}

/// Reads what an evaluation reads of a commit.
fn read(copy: &std::path::Path, id: &str) {
    let Ok(Some(commit)) = Commit::open(copy, id) else { return };
    drop(commit.folders_with("experiments", "package.dhall"));
    let rooted = |folder: &str| Rooted { copy: copy.to_owned(), id: id.to_owned(), folder: folder.to_owned() };
    for (folder, name) in [("", "package.dhall"), ("experiments", "x/package.dhall"), ("a", "b")] {
        if let Ok(Some(bytes)) = rooted(folder).bytes_of(name, 1 << 20) {
            assert!(bytes.len() <= 1 << 20);
        }
    }
}
