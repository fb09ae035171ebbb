//! Bytes that an experiment pins: files, shards, data sets, and where each was published.

use serde::{Deserialize, Serialize};

use crate::digest::{BlobDigest, ParseDigestError};

/// The text of a SHA-256 digest as the author wrote it; `check` has refused it unless it parses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestText(pub String);

impl DigestText {
    /// The digest, if the text is 64 lower-case hexadecimal digits.
    pub fn parse(&self) -> Result<BlobDigest, ParseDigestError> {
        self.0.parse()
    }
}

/// Where bytes were published. For a data set it is the folder: the name of each file is appended to the path or
/// address. For a [`PinnedFile`] it is the file itself. A bundled set is named in both cases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Source {
    /// Relative to the import root of the experiment.
    File {
        /// The path.
        path: String,
    },
    /// In a commit of a git repository.
    Git {
        /// The repository.
        url: String,
        /// The commit, 40 hexadecimal digits.
        rev: String,
        /// The path in the commit's tree.
        path: String,
    },
    /// On a web server.
    Http {
        /// The address.
        url: String,
    },
    /// Built by the program from its own dependencies.
    Bundled {
        /// The set.
        set: String,
        /// Its version.
        version: String,
    },
}

/// Where one file was published: a [`Source`] with the file named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    /// Relative to the import root of the experiment.
    File {
        /// The path.
        path: String,
    },
    /// In a commit of a git repository.
    Git {
        /// The repository.
        url: String,
        /// The commit, 40 hexadecimal digits.
        rev: String,
        /// The path in the commit's tree.
        path: String,
    },
    /// On a web server.
    Http {
        /// The address.
        url: String,
    },
    /// Built by the program from its own dependencies.
    Bundled {
        /// The set.
        set: String,
        /// Its version.
        version: String,
        /// The file in it.
        file: String,
    },
}

impl Source {
    /// The location of the file `name` in the folder that this source is.
    pub fn file_in_folder(&self, name: &str) -> Location {
        let join = |folder: &str| match folder.trim_end_matches('/') {
            "" | "." => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        match self {
            Self::File { path } => Location::File { path: join(path) },
            Self::Git { url, rev, path } => {
                Location::Git { url: url.clone(), rev: rev.clone(), path: join(path) }
            }
            Self::Http { url } => Location::Http { url: join(url) },
            Self::Bundled { set, version } => Location::Bundled {
                set: set.clone(),
                version: version.clone(),
                file: name.to_owned(),
            },
        }
    }

    /// The location of the file that this source is; `name` is its name in a bundled set.
    pub fn file(&self, name: &str) -> Location {
        match self {
            Self::File { path } => Location::File { path: path.clone() },
            Self::Git { url, rev, path } => {
                Location::Git { url: url.clone(), rev: rev.clone(), path: path.clone() }
            }
            Self::Http { url } => Location::Http { url: url.clone() },
            Self::Bundled { .. } => self.file_in_folder(name),
        }
    }
}

/// One file by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PinnedFile {
    /// Its name, for messages and in a bundled set.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: DigestText,
    /// Its size.
    pub bytes: u64,
    /// Where it was published.
    pub source: Source,
}

impl PinnedFile {
    /// Where it was published.
    pub fn location(&self) -> Location {
        self.source.file(&self.name)
    }
}

/// A tar file of samples.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shard {
    /// Its name in the data set: one path component.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: DigestText,
    /// Its size.
    pub bytes: u64,
    /// Samples in it that can be read.
    pub samples: u64,
    /// Keys of members that were unreadable when the shard was pinned; no visit uses them.
    pub skipped: Vec<String>,
}

/// The shards of a data set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Shards {
    /// Stated here, in order.
    Inline(Vec<Shard>),
    /// Listed by a pinned manifest, so that the plan opens nothing.
    Manifest(ManifestPin),
}

/// The canonical manifest of a data set with many shards, and the totals that prices need.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestPin {
    /// The name of the manifest file, beside the shards.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: DigestText,
    /// Its size.
    pub bytes: u64,
    /// Samples in all shards.
    pub samples: u64,
    /// Size of all shards.
    pub shard_bytes: u64,
}

/// Image–text pairs in shards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dataset {
    /// Its name, for messages.
    pub name: String,
    /// The folder its files were published in.
    pub source: Source,
    /// Its shards.
    pub shards: Shards,
}

impl Dataset {
    /// Samples in all shards, as far as 64 bits hold.
    pub fn samples(&self) -> u64 {
        match &self.shards {
            Shards::Inline(shards) => {
                shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.samples))
            }
            Shards::Manifest(pin) => pin.samples,
        }
    }

    /// Size of all shards and of a pinned manifest, as far as 64 bits hold.
    pub fn bytes(&self) -> u64 {
        match &self.shards {
            Shards::Inline(shards) => {
                shards.iter().fold(0, |sum: u64, shard| sum.saturating_add(shard.bytes))
            }
            Shards::Manifest(pin) => pin.shard_bytes.saturating_add(pin.bytes),
        }
    }
}

/// The token ids in use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vocabulary {
    /// The file that lists them.
    pub file: PinnedFile,
    /// Rows of a token embedding that goes with it: ids in use, padding, start and end.
    pub size: u64,
}

/// The classes of a data set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Classes {
    /// The file that names them, a line each.
    pub file: PinnedFile,
    /// How many there are.
    pub count: u64,
}
