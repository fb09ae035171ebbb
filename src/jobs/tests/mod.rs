//! Jobs by their one door, [`run`](super::run), on folders such as an executor makes.

mod evaluate;
mod fine_tune;
mod probe;
mod train;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::testing::{Sample, shard, vocabulary};
use super::{Device, JobContext, JobError, Level};
use crate::action::Params;
use crate::action::canonical::Real;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::action::params::{AdamW, Preprocessing};
use crate::digest::BlobDigest;

/// The folders of one action.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for part in ["inputs/dataset", "outputs", "scratch"] {
            fs::create_dir_all(folder.path(part)).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        File::create(self.path(name)).unwrap().write_all(bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Every file of a folder with its bytes.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let file = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        };
        entries.map(|entry| file(entry.unwrap())).collect()
    }

    /// Writes the input `dataset`: one tar file a shard, as WebDataset has them, and the manifest.
    fn write_dataset(&self, shards: &[&[Sample<'_>]]) {
        self.write_dataset_as("dataset", shards);
    }

    /// Writes an input that is a data set.
    fn write_dataset_as(&self, input: &str, shards: &[&[Sample<'_>]]) {
        fs::create_dir_all(self.path(&format!("inputs/{input}"))).unwrap();
        let mut files = Vec::new();
        for (index, samples) in shards.iter().enumerate() {
            let name = format!("shard-{index}.tar");
            let bytes = shard(samples);
            self.write(&format!("inputs/{input}/{name}"), &bytes);
            files.push(ManifestFile {
                name,
                sha256: BlobDigest::of(&bytes),
                bytes: bytes.len() as u64,
                samples: samples.len() as u64,
                skipped: Vec::new(),
            });
        }
        let manifest = Manifest::new(files).canonical_bytes();
        self.write(&format!("inputs/{input}/manifest.json"), &manifest);
    }

    /// Copies every file of a folder of `from` here.
    fn copy(&self, from: &Path, name: &str) {
        for entry in fs::read_dir(from.join(name)).unwrap() {
            let entry = entry.unwrap();
            let to = self.path(name).join(entry.file_name());
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

fn real(value: f64) -> Real {
    Real::new(value).unwrap()
}

/// The optimiser of the recipe of pictograms.
fn optimizer() -> AdamW {
    AdamW {
        beta1: real(0.9),
        beta2: real(0.98),
        epsilon: real(1e-6),
        weight_decay: real(0.1),
        decay_positions: false,
        gradient_clip_norm: Some(real(1.0)),
    }
}

fn preprocessing(mean: f64, std: f64) -> Preprocessing {
    Preprocessing { mean: [real(mean); 3], std: [real(std); 3] }
}

/// How a job is run, and who watches: called with what is done, before it may be cancelled.
struct Watched<'a> {
    threads: usize,
    level: Level,
    device: Device,
    resume_interval: Duration,
    watch: &'a mut dyn FnMut(u64, &AtomicBool),
}

impl Watched<'_> {
    fn run(self, params: &Params, folder: &Folder) -> Result<(), JobError> {
        let [inputs, outputs, scratch] =
            ["inputs", "outputs", "scratch"].map(|name| folder.path(name));
        let cancelled = AtomicBool::new(false);
        super::run(
            params,
            &mut JobContext {
                inputs: &inputs,
                outputs: &outputs,
                scratch: &scratch,
                threads: self.threads,
                level: self.level,
                device: self.device,
                resume_interval: self.resume_interval,
                cancelled: &cancelled,
                progress: &mut |progress| (self.watch)(progress.done, &cancelled),
            },
        )
    }
}

/// Every way to compute a job here: levels of the processor, with one and two threads in turn, then other devices.
fn ways() -> Vec<(Level, Device, usize)> {
    let levels = Level::available().into_iter().zip([1, 2].into_iter().cycle());
    let processor = levels.map(|(level, threads)| (level, Device::Cpu, threads));
    let others = Device::others().into_iter().map(|device| (Level::detect(), device, 1));
    processor.chain(others).collect()
}

/// Runs a job from start to end.
fn run_by(
    (level, device, threads): (Level, Device, usize),
    params: &Params,
    folder: &Folder,
) -> Result<(), JobError> {
    let (resume_interval, watch) = (Duration::ZERO, &mut |_, _: &AtomicBool| ());
    Watched { threads, level, device, resume_interval, watch }.run(params, folder)
}

/// The outputs of a job, with these names, and the same bytes in every way to compute it.
fn outputs_of(params: &Params, folder: &Folder, names: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut all = ways().into_iter().map(|way| {
        run_by(way, params, folder).unwrap();
        (way, folder.files("outputs"))
    });
    let (_, first) = all.next().unwrap();
    assert!(first.keys().eq(names), "{:?}", first.keys());
    for (way, outputs) in all {
        assert!(outputs == first, "{way:?}");
    }
    first
}
