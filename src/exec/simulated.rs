//! An executor that misbehaves by a seed: for tests of everything above and below it.
//!
//! It completes actions in another order, dies between write and rename or between blob and result, loses the news of a
//! completion, submits results twice, leaves half an output, half a result or half a record of the recipe log, and
//! truncates blobs. The faults of an attempt follow from seed, action and attempt alone, whatever the
//! threads do; after [`FAULTY_ATTEMPTS`] an action is left in peace, so that every run comes to an end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Control, Executor, Failure, FailureKind, Prepared};
use crate::action::{ActionResult, OutputFile, ResolvedInput, params::JobKind};
use crate::digest::{ActionKey, BlobDigest, BlobHasher};
use crate::fs::{self, Context as _, Durability};
use crate::store::{Store, StoreError};

/// How many attempts at an action may go wrong.
pub const FAULTY_ATTEMPTS: u64 = 2;

/// What goes wrong in an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Nothing.
    None,
    /// The process dies before it writes.
    DiesAtOnce,
    /// It dies with half of its first output in the folder of outputs.
    WritesPartly,
    /// It dies with half a temporary file in the store.
    DiesBeforeRename,
    /// It dies with its outputs in the store and no result that names them.
    DiesBeforeResult,
    /// It dies with its result recorded, before anybody hears of it.
    LosesCompletion,
    /// The disk loses half of its result when the power goes.
    TearsResult,
    /// It dies while it appends to the recipe log.
    TearsLog,
    /// The result is submitted twice.
    SubmitsTwice,
    /// It dies after its result is recorded, and the blobs of its outputs lose their second half.
    TruncatesBlob,
    /// A bit of a blob that it has read flips in the store, and it goes on.
    RotsInput,
}

/// The simulated executor.
#[derive(Debug)]
pub struct Simulated<'a> {
    store: &'a Store,
    seed: u64,
    /// By action, the faults of its attempts.
    attempts: Mutex<BTreeMap<ActionKey, Vec<Fault>>>,
}

impl<'a> Simulated<'a> {
    /// An executor over `store` with the faults of `seed`; seed 0 has none.
    pub const fn new(store: &'a Store, seed: u64) -> Self {
        Self { store, seed, attempts: Mutex::new(BTreeMap::new()) }
    }

    /// What went wrong, by action, in the order of its attempts.
    pub fn faults(&self) -> BTreeMap<ActionKey, Vec<Fault>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn next_fault(&self, key: &ActionKey) -> (Fault, u64) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = attempts.entry(*key).or_default();
        let attempt = faults.len() as u64;
        let bytes = *key.as_bytes().first_chunk().expect("a key has 32 bytes");
        let random = mix64(self.seed ^ mix64(u64::from_le_bytes(bytes).wrapping_add(attempt)));
        let fault = match random % 14 {
            _ if self.seed == 0 || FAULTY_ATTEMPTS <= attempt => Fault::None,
            0 => Fault::DiesAtOnce,
            1 => Fault::WritesPartly,
            2 => Fault::DiesBeforeRename,
            3 => Fault::DiesBeforeResult,
            4 => Fault::LosesCompletion,
            5 => Fault::TearsResult,
            6 => Fault::TearsLog,
            7 => Fault::SubmitsTwice,
            8 => Fault::TruncatesBlob,
            9 => Fault::RotsInput,
            _ => Fault::None,
        };
        faults.push(fault);
        (fault, random >> 8)
    }

    fn commit(&self, fault: Fault, prepared: &Prepared<'_>) -> Result<(), Failure> {
        let died = || {
            let message = format!("simulated: {fault:?}");
            Failure { kind: FailureKind::Bug, message, log: None }
        };
        match fault {
            Fault::None => Ok(()),
            Fault::DiesAtOnce => Err(died()),
            Fault::DiesBeforeRename => {
                let path = fs::unique_path(&self.store.root().join("tmp"));
                File::create_new(&path)
                    .and_then(|mut file| file.write_all(b"half"))
                    .context("write", &path)
                    .map_err(StoreError::Fs)?;
                Err(died())
            }
            Fault::WritesPartly => {
                let outputs = fs::entries(prepared.outputs).map_err(StoreError::Fs)?;
                for path in outputs.iter().take(1) {
                    let bytes = fs::read(path).map_err(StoreError::Fs)?;
                    fs::write_atomic(path, &bytes[..bytes.len() / 2], Durability::Relaxed)
                        .map_err(StoreError::Fs)?;
                }
                Err(died())
            }
            Fault::DiesBeforeResult => {
                self.publish(prepared.outputs)?;
                Err(died())
            }
            Fault::LosesCompletion => {
                let result = self.publish(prepared.outputs)?;
                self.store.record_result(prepared.key, &result, Durability::Relaxed)?;
                Err(died())
            }
            Fault::TearsResult => {
                let result = self.publish(prepared.outputs)?;
                self.store.record_result(prepared.key, &result, Durability::Relaxed)?;
                self.tear_result(prepared.key)?;
                Err(died())
            }
            Fault::TearsLog => {
                self.tear_log()?;
                Err(died())
            }
            Fault::SubmitsTwice => {
                let result = self.publish(prepared.outputs)?;
                Ok(self.store.record_result(prepared.key, &result, Durability::Relaxed)?)
            }
            Fault::TruncatesBlob => {
                let result = self.publish(prepared.outputs)?;
                self.store.record_result(prepared.key, &result, Durability::Relaxed)?;
                for output in result.outputs.values() {
                    let half = usize::try_from(output.bytes / 2).unwrap_or(0);
                    self.damage(&output.digest, |bytes| bytes.truncate(half))?;
                }
                Err(died())
            }
            Fault::RotsInput => {
                let blobs = prepared.action.inputs.values().filter_map(|input| match input {
                    ResolvedInput::Blob(digest) => Some(digest),
                    ResolvedInput::Tree(_) => None,
                });
                for digest in blobs.take(1) {
                    self.damage(digest, |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1))?;
                }
                Ok(())
            }
        }
    }

    /// Cuts a recorded result in half.
    fn tear_result(&self, key: &ActionKey) -> Result<(), StoreError> {
        let hex = key.to_string();
        let path = self.store.root().join("actions").join(&hex[..2]).join(&hex[2..]);
        let bytes = fs::read(&path)?;
        Ok(fs::write_atomic(&path, &bytes[..bytes.len() / 2], Durability::Relaxed)?)
    }

    /// Appends the first bytes of a record to the recipe log, as a writer does that is killed.
    fn tear_log(&self) -> Result<(), StoreError> {
        let folder = self.store.root().join("recipes");
        let path = folder.join("log");
        let _lock = fs::Lock::exclusive(&folder.join("lock"))?;
        if path.exists() {
            let length = 500_u32;
            let half = [length.to_le_bytes(), (!length).to_le_bytes(), [7; 4]].concat();
            File::options()
                .append(true)
                .open(&path)
                .and_then(|mut log| log.write_all(&half))
                .context("write", &path)?;
        }
        Ok(())
    }

    /// Changes a blob behind the store's back.
    fn damage(
        &self,
        digest: &BlobDigest,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), StoreError> {
        let path = self.store.blob_path(digest);
        let Some(mut bytes) = fs::read_if_exists(&path)? else {
            return Ok(());
        };
        change(&mut bytes);
        Ok(fs::write_atomic(&path, &bytes, Durability::Relaxed)?)
    }

    fn publish(&self, outputs: &Path) -> Result<ActionResult, StoreError> {
        let mut result = ActionResult { outputs: BTreeMap::new() };
        for path in fs::entries(outputs)? {
            let bytes = fs::read(&path)?;
            let digest = self.store.put(&bytes, Durability::Relaxed)?;
            let name =
                path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            result.outputs.insert(name, OutputFile { digest, bytes: bytes.len() as u64 });
        }
        Ok(result)
    }
}

impl Executor for Simulated<'_> {
    fn execute(&self, prepared: &Prepared<'_>, _control: &Control<'_>) -> Result<(), Failure> {
        let (fault, random) = self.next_fault(prepared.key);
        std::thread::sleep(Duration::from_micros(random % 400));
        let content = content(prepared.key, prepared.inputs)?;
        for name in output_names(prepared.action.params.kind()) {
            let bytes = format!("{name} of {content}\n").repeat(1 + name.len() % 5);
            fs::write_atomic(&prepared.outputs.join(name), bytes.as_bytes(), Durability::Relaxed)
                .map_err(StoreError::Fs)?;
        }
        self.commit(fault, prepared)
    }

    fn device(&self, _: JobKind) -> String {
        "simulated".to_owned()
    }
}

/// A digest of the action and of the bytes that it was given to read.
fn content(key: &ActionKey, inputs: &Path) -> Result<BlobDigest, Failure> {
    let mut hasher = BlobHasher::default();
    hasher.update(key.as_bytes());
    let mut paths = vec![inputs.to_owned()];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::entries(&path).map_err(StoreError::Fs)?);
        } else {
            hasher.update(&fs::read(&path).map_err(StoreError::Fs)?);
        }
    }
    Ok(hasher.finish().0)
}

/// The outputs that every action of a kind has.
const fn output_names(kind: JobKind) -> &'static [&'static str] {
    match kind {
        JobKind::Train => &["model.safetensors", "trace.bin"],
        JobKind::Evaluate => &["metrics.json"],
        JobKind::Probe => &["metrics.json", "probe.safetensors", "samples.csv"],
        JobKind::FineTune => {
            &["classifier.safetensors", "metrics.json", "samples.csv", "trace.bin"]
        }
        JobKind::Collect => &["points.csv"],
        JobKind::Table => &["table.csv"],
        JobKind::Fit => &["fits.json"],
        JobKind::Sensitivity => &["sensitivity.csv"],
        JobKind::Draw => &["figure.svg"],
        JobKind::Check => &["findings.json"],
    }
}

/// splitmix64's finaliser.
pub(super) const fn mix64(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
