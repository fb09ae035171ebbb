//! How a result came to be: beside the results, outside every digest, and never read to decide anything.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};
use crate::action::ActionResult;
use crate::digest::{ActionKey, RecipeId};
use crate::fs::{self, Context as _, Durability};

/// Who executes, where, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Maker {
    /// The user's name.
    pub who: String,
    /// The machine's name.
    pub host: String,
    /// The program's version and build.
    pub build: String,
    /// The device and its vector instructions: `cpu avx512`.
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
    /// Who executed it, where, and with what.
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

impl Store {
    /// Keeps an attestation and moves the job's log beside it.
    pub fn attest(&self, attestation: &Attestation, log: &Path) -> Result<Attested, StoreError> {
        let dir = self.attestation_dir(&attestation.key);
        fs::create_dir(&dir)?;
        let stem = format!("{:013}-{}", attestation.started_unix_ms, std::process::id());
        let kept = Attested {
            attestation: dir.join(format!("{stem}.json")),
            log: dir.join(format!("{stem}.log")),
        };
        std::fs::rename(log, &kept.log).context("move", log)?;
        let bytes = serde_json::to_vec(attestation).expect("an attestation is plain data");
        fs::write_atomic(&kept.attestation, &bytes, Durability::Relaxed)?;
        Ok(kept)
    }

    /// Every attestation of an action, oldest first. Unreadable ones are left out.
    pub fn attestations(&self, key: &ActionKey) -> Result<Vec<Attestation>, StoreError> {
        let mut attestations = Vec::new();
        for path in fs::entries(&self.attestation_dir(key))? {
            if path.extension().is_some_and(|extension| extension == "json") {
                attestations.extend(serde_json::from_slice(&fs::read(&path)?).ok());
            }
        }
        Ok(attestations)
    }

    pub(super) fn attestation_dir(&self, key: &ActionKey) -> PathBuf {
        self.fan_out("attestations", &key.to_string())
    }
}
