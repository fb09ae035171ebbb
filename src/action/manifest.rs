//! The manifest of a tree: what a data set's bytes are, shard by shard.
//!
//! A [`TreeDigest`] is plain SHA-256 over the canonical bytes of a manifest, so the manifest itself is a blob of that
//! name. Shards stated inline in an experiment and shards listed by a pinned manifest file encode to the same bytes.

use serde::{Deserialize, Serialize};

use super::canonical::{self, CanonicalError};
use crate::digest::{BlobDigest, TreeDigest};

/// The files of a tree, in the order the experiment gives them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The format of these bytes.
    pub format: ManifestFormat,
    /// The files.
    pub files: Vec<ManifestFile>,
}

/// The version of the manifest's canonical bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManifestFormat {
    /// The first.
    #[serde(rename = "ibid-manifest/1")]
    V1,
}

/// One file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestFile {
    /// Its name in the tree: one path component.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: BlobDigest,
    /// Its size.
    pub bytes: u64,
    /// Samples in it that can be read.
    pub samples: u64,
    /// Keys of members that were unreadable when the shard was pinned; no visit uses them.
    pub skipped: Vec<String>,
}

/// The name, in the tree of released weights, of the file of their tensors.
pub const WEIGHTS: &str = "weights";

/// The name, in the tree of released weights and for the Python package, of the configuration of their model.
pub const WEIGHTS_CONFIG: &str = "open_clip_config.json";

impl Manifest {
    /// The manifest of released weights: digest and size of their tensors' file and of the configuration that goes with
    /// it, under the same two names wherever and under whatever names they were published.
    pub fn of_weights(tensors: (BlobDigest, u64), config: (BlobDigest, u64)) -> Self {
        let file = |name: &str, (sha256, bytes)| ManifestFile {
            name: name.to_owned(),
            sha256,
            bytes,
            samples: 0,
            skipped: Vec::new(),
        };
        Self::new(vec![file(WEIGHTS, tensors), file(WEIGHTS_CONFIG, config)])
    }

    /// A manifest of today's format.
    pub fn new(files: Vec<ManifestFile>) -> Self {
        Self { format: ManifestFormat::V1, files }
    }

    /// Its canonical bytes.
    ///
    /// # Panics
    ///
    /// Never: a manifest holds no floating-point number.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical::encode(self).expect("a manifest is plain data")
    }

    /// Reads canonical bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::decode(bytes)
    }

    /// The name of the tree.
    pub fn digest(&self) -> TreeDigest {
        TreeDigest::from_bytes(*BlobDigest::of(&self.canonical_bytes()).as_bytes())
    }

    /// Samples in all its files; `u64::MAX` if they claim more than that together.
    pub fn samples(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.samples))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_beyond_all_numbers_do_not_wrap() {
        let file = |samples| ManifestFile {
            name: "a.tar".to_owned(),
            sha256: BlobDigest::of(b""),
            bytes: 0,
            samples,
            skipped: Vec::new(),
        };
        assert_eq!(Manifest::new(vec![file(1), file(2)]).samples(), 3);
        assert_eq!(Manifest::new(vec![file(u64::MAX), file(2)]).samples(), u64::MAX);
    }
}
