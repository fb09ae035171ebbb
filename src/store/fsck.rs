//! The whole store, hashed: corrupt blobs are moved aside, damaged results removed, so that a run makes them again.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, fan_out_files, hex_of, results};
use crate::digest::{ActionKey, BlobDigest};
use crate::fs;

/// One thing that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A blob's bytes do not have its digest; it was moved aside.
    CorruptBlob {
        /// The digest that it was stored under.
        digest: BlobDigest,
        /// The digest of its bytes.
        actual: BlobDigest,
        /// Where it is now.
        moved_to: PathBuf,
    },
    /// A result is torn, forged or belongs to another action; it was moved aside.
    DamagedResult {
        /// The action.
        key: ActionKey,
        /// Where it is now.
        moved_to: PathBuf,
    },
    /// An action gave different bytes at different times; people must decide.
    Conflict {
        /// The file that names the outputs of the later result.
        path: PathBuf,
    },
    /// A file that no store writes there; it was left alone.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The recipe index was damaged; it was written anew from what is whole.
    DamagedRecipes {
        /// What was wrong.
        what: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorruptBlob { digest, actual, moved_to } => write!(
                f,
                "blob {digest} has digest {actual}; it was moved to `{}`",
                moved_to.display()
            ),
            Self::DamagedResult { key, moved_to } => write!(
                f,
                "the result of action {key} is torn or forged; it was moved to `{}`",
                moved_to.display()
            ),
            Self::Conflict { path } => {
                write!(f, "an action gave other bytes than recorded: `{}`", path.display())
            }
            Self::Foreign { path } => write!(f, "`{}` does not belong here", path.display()),
            Self::DamagedRecipes { what } => f.write_str(what),
        }
    }
}

/// What a check of the whole store read and found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FsckReport {
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Results that were checked.
    pub results: u64,
    /// Results whose outputs are not all here; the next run that needs one makes it again.
    pub incomplete: u64,
    /// Everything that was not as it should be.
    pub findings: Vec<Finding>,
}

impl FsckReport {
    /// Whether everything is as it should be.
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl Store {
    /// Hashes every blob and checks every result and the recipe index.
    pub fn fsck(&self) -> Result<FsckReport, StoreError> {
        let mut report = FsckReport::default();
        for path in fan_out_files(&self.root.join("cas"))? {
            self.check_blob(&path, &mut report)?;
        }
        for path in fan_out_files(&self.root.join("actions"))? {
            self.check_result(&path, &mut report)?;
        }
        for path in fs::entries(&self.root.join("conflicts"))? {
            report.findings.push(Finding::Conflict { path });
        }
        let damage = self.fsck_recipes()?.into_iter();
        report.findings.extend(damage.map(|what| Finding::DamagedRecipes { what }));
        Ok(report)
    }

    fn check_blob(&self, path: &Path, report: &mut FsckReport) -> Result<(), StoreError> {
        let digest = hex_of(path).and_then(|hex| hex.parse::<BlobDigest>().ok());
        let Some(digest) = digest.filter(|_| is_plain_file(path)) else {
            report.findings.push(Finding::Foreign { path: path.to_owned() });
            return Ok(());
        };
        report.blobs += 1;
        match self.verify_blob(&digest) {
            Ok(bytes) => report.bytes += bytes,
            // Collected by somebody else since the listing.
            Err(StoreError::MissingBlob { .. }) => {}
            Err(StoreError::Corrupt { expected, actual, path }) => {
                report.findings.push(Finding::CorruptBlob {
                    digest: expected,
                    actual,
                    moved_to: path,
                });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn check_result(&self, path: &Path, report: &mut FsckReport) -> Result<(), StoreError> {
        let key = hex_of(path).and_then(|hex| hex.parse::<ActionKey>().ok());
        let Some(key) = key.filter(|_| is_plain_file(path)) else {
            report.findings.push(Finding::Foreign { path: path.to_owned() });
            return Ok(());
        };
        let Some(bytes) = fs::read_if_exists(path)? else {
            return Ok(());
        };
        report.results += 1;
        if let Some(result) = results::decode(&key, &bytes) {
            report.incomplete += u64::from(!self.has_outputs(&result));
        } else {
            let moved_to = self.root.join("quarantine").join(format!("result-{key}"));
            fs::if_exists(
                std::fs::rename(path, &moved_to)
                    .map_err(|error| fs::Error::new("move aside", path, error)),
            )?;
            report.findings.push(Finding::DamagedResult { key, moved_to });
        }
        Ok(())
    }
}

fn is_plain_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}
