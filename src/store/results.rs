//! Results by action key: canonical bytes under a checksum that binds them to their key.
//!
//! `ibid-result/1 CHECKSUM`, a line feed, and the canonical bytes of an [`ActionResult`].

use std::path::PathBuf;

use super::{Store, StoreError};
use crate::action::{ActionResult, canonical};
use crate::digest::{ActionKey, BlobDigest, RecipeId, tagged};
use crate::fs::{self, Durability, TempFile};

const FORMAT: &str = "ibid-result/1 ";

impl Store {
    /// What an action gave, if that is known. A torn or forged file counts as absent, with a warning.
    pub fn result(&self, key: &ActionKey) -> Result<Option<ActionResult>, StoreError> {
        let path = self.result_path(key);
        let Some(bytes) = self.if_in_place(&path, fs::read(&path))? else {
            return Ok(None);
        };
        let result = decode(key, &bytes);
        if result.is_none() {
            tracing::warn!(action = %key, path = %path.display(), "a damaged result is ignored");
        }
        Ok(result)
    }

    /// What an action gave, if that is known and every output is here in its size. No blob is read.
    pub fn complete_result(&self, key: &ActionKey) -> Result<Option<ActionResult>, StoreError> {
        Ok(self.result(key)?.filter(|result| self.has_outputs(result)))
    }

    /// The key and the result that a recipe led to, if its outputs are here in their size: the look-up of a run with
    /// nothing to do.
    pub fn complete_recipe(
        &self,
        recipe: &RecipeId,
    ) -> Result<Option<(ActionKey, ActionResult)>, StoreError> {
        let Some(key) = self.recipe_key(recipe) else {
            return Ok(None);
        };
        Ok(self.complete_result(&key)?.map(|result| (key, result)))
    }

    /// Whether every output is here in its size. No blob is read.
    pub fn has_outputs(&self, result: &ActionResult) -> bool {
        result.outputs.values().all(|output| self.blob_size(&output.digest) == Some(output.bytes))
    }

    /// Records what an action gave. Its outputs must be in the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherBytes`] if something else is recorded; the new result is then kept under `conflicts/`.
    pub fn record_result(
        &self,
        key: &ActionKey,
        result: &ActionResult,
        durability: Durability,
    ) -> Result<(), StoreError> {
        for output in result.outputs.values() {
            if self.blob_size(&output.digest) != Some(output.bytes) {
                return Err(StoreError::MissingBlob { digest: output.digest });
            }
        }
        let path = self.result_path(key);
        let bytes = encode(key, result);
        let is_new = self.in_place(&path, durability, || {
            let mut temp = TempFile::create_in(&self.tmp())?;
            temp.write_all(&bytes)?;
            temp.set_read_only()?;
            temp.persist_new(&path, durability)
        })?;
        if is_new {
            return Ok(());
        }
        match self.result(key)? {
            Some(recorded) if recorded == *result => Ok(()),
            Some(recorded) => Err(self.keep_conflict(key, &recorded, result, &bytes)?),
            // The recorded one is torn.
            None => Ok(fs::write_atomic(&path, &bytes, durability)?),
        }
    }

    pub(super) fn result_path(&self, key: &ActionKey) -> PathBuf {
        self.fan_out("actions", &key.to_string())
    }

    fn keep_conflict(
        &self,
        key: &ActionKey,
        recorded: &ActionResult,
        actual: &ActionResult,
        bytes: &[u8],
    ) -> Result<StoreError, StoreError> {
        let kept = self.root.join("conflicts").join(format!("{key}-{}", BlobDigest::of(bytes)));
        fs::write_atomic(&kept, bytes, Durability::Durable)?;
        let digest = |result: &ActionResult, name| result.outputs.get(name).map(|o| o.digest);
        let names = recorded.outputs.keys().chain(actual.outputs.keys());
        let differs = |name: &&String| recorded.outputs.get(*name) != actual.outputs.get(*name);
        let output = names.into_iter().find(differs).cloned().unwrap_or_default();
        Ok(StoreError::OtherBytes {
            key: *key,
            recorded: digest(recorded, &output),
            actual: digest(actual, &output),
            output,
            kept,
        })
    }
}

fn encode(key: &ActionKey, result: &ActionResult) -> Vec<u8> {
    let body = canonical::encode(result).expect("a result is plain data");
    let mut bytes = format!("{FORMAT}{}\n", checksum(key, &body)).into_bytes();
    bytes.extend(body);
    bytes
}

/// Reads a result file back; `None` if it is not exactly what was written for this key.
pub(super) fn decode(key: &ActionKey, bytes: &[u8]) -> Option<ActionResult> {
    let (header, body) = bytes.split_at_checked(FORMAT.len() + 65)?;
    let expected = checksum(key, body).to_string();
    let found = header.strip_prefix(FORMAT.as_bytes())?.strip_suffix(b"\n")?;
    if found != expected.as_bytes() {
        return None;
    }
    serde_json::from_slice(body).ok()
}

fn checksum(key: &ActionKey, body: &[u8]) -> BlobDigest {
    BlobDigest::from_bytes(tagged(&format!("result/1 {key}"), body))
}
