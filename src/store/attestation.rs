//! How a result came to be: beside the results, outside every digest, and never read to decide anything.
//!
//! `STARTED-DIGEST.json` is named by SHA-256 of its bytes, and states that of the log beside it, so that a check of the
//! store finds a change in either.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::action::ActionResult;
use crate::digest::{ActionKey, BlobDigest, RecipeId};
use crate::fs::{self, Context as _, Durability};

/// Where something is executed, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Maker {
    /// The machine's name.
    pub host: String,
    /// The program's version and build.
    pub build: String,
    /// The device and its vector instructions: `cpu avx512`, `cuda:0 sm_90, cpu avx2`.
    pub device: String,
}

/// The statement that an action was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// The action.
    pub key: ActionKey,
    /// The recipe that led to it.
    pub recipe: RecipeId,
    /// The label that it had.
    pub label: String,
    /// What it gave; `None`: it failed.
    pub result: Option<ActionResult>,
    /// Where it was executed, and with what.
    pub maker: Maker,
    /// When it started: milliseconds since 1970 in UTC.
    pub started_unix_ms: u64,
    /// Wall time that it took.
    pub wall_time_ms: u64,
    /// Threads that it used.
    pub threads: u64,
}

/// Where an attestation and its log are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// The attestation: JSON.
    pub attestation: PathBuf,
    /// What the job wrote to its log.
    pub log: PathBuf,
}

/// An attestation as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    #[serde(flatten)]
    attestation: Attestation,
    log_sha256: BlobDigest,
}

impl Store {
    /// Keeps an attestation and moves the job's log beside it.
    pub fn attest(&self, attestation: &Attestation, log: &Path) -> Result<Attested, StoreError> {
        let dir = self.attestation_dir(&attestation.key);
        fs::create_dir(&dir)?;
        let log_sha256 = BlobDigest::of(&fs::read(log)?);
        let stored = Stored { attestation: attestation.clone(), log_sha256 };
        let bytes = serde_json::to_vec(&stored).expect("an attestation is plain data");
        let stem = format!("{:013}-{}", attestation.started_unix_ms, BlobDigest::of(&bytes));
        let kept = Attested {
            attestation: dir.join(format!("{stem}.json")),
            log: dir.join(format!("{stem}.log")),
        };
        // A log without its attestation could not be checked.
        fs::write_atomic(&kept.attestation, &bytes, Durability::Relaxed)?;
        std::fs::rename(log, &kept.log).context("move", log)?;
        Ok(kept)
    }

    /// Every attestation of an action, oldest first. Damaged ones are left out.
    pub fn attestations(&self, key: &ActionKey) -> Result<Vec<Attestation>, StoreError> {
        let mut attestations = Vec::new();
        for path in fs::entries(&self.attestation_dir(key))? {
            if is_attestation(&path) {
                attestations.extend(read(&path)?.map(|stored| stored.attestation));
            }
        }
        Ok(attestations)
    }

    pub(super) fn attestation_dir(&self, key: &ActionKey) -> PathBuf {
        self.fan_out("attestations", &key.to_string())
    }
}

/// What a check of one attestation came to.
pub(super) enum Checked {
    /// It and its log are what was written; what it says that the action gave.
    Whole(Option<ActionResult>),
    /// Its bytes do not have the digest that it is named by.
    Damaged,
    /// Its log has other bytes than it states.
    DamagedLog(PathBuf),
}

/// Checks the attestation at `path`, and its log.
pub(super) fn check(path: &Path) -> Result<Checked, StoreError> {
    let Some(stored) = read(path)? else {
        return Ok(Checked::Damaged);
    };
    let log = path.with_extension("log");
    // Its writer may have been killed before it moved the log.
    let found = fs::read_if_exists(&log)?.map(|bytes| BlobDigest::of(&bytes));
    if found.is_some_and(|found| found != stored.log_sha256) {
        return Ok(Checked::DamagedLog(log));
    }
    Ok(Checked::Whole(stored.attestation.result))
}

/// Whether a file is an attestation; those that older programs named otherwise cannot be checked, and are not read.
pub(super) fn is_attestation(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json") && digest_of(path).is_some()
}

/// The digest that an attestation is named by.
fn digest_of(path: &Path) -> Option<BlobDigest> {
    path.file_stem()?.to_str()?.split_once('-')?.1.parse().ok()
}

/// The attestation at `path`, if its bytes have the digest that it is named by.
fn read(path: &Path) -> Result<Option<Stored>, StoreError> {
    let Some(bytes) = fs::read_if_exists(path)? else {
        return Ok(None);
    };
    let named = digest_of(path) == Some(BlobDigest::of(&bytes));
    Ok(if named { serde_json::from_slice(&bytes).ok() } else { None })
}
