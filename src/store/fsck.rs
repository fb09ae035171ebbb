//! The whole store, hashed: what is damaged or forged is moved aside, so that a run makes it again.
//!
//! A checksum finds what was changed; it does not find a result that somebody wrote with a checksum of its own. Two
//! records that are made beside a result contradict such a forgery: the attestation, and the recipe whose inputs give
//! another key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::attestation::{self, Checked};
use super::places::{self, is_plain_file};
use super::{Store, StoreError, fan_out_files, gc, hex_of, results};
use crate::action::{Action, ActionResult, Input, canonical};
use crate::digest::{ActionKey, BlobDigest, RecipeId};
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
    /// A result contradicts what everybody attested who executed its action; it was moved aside.
    ForgedResult {
        /// The action.
        key: ActionKey,
        /// Where it is now.
        moved_to: PathBuf,
    },
    /// A recipe was said to lead to another action than its inputs give; it was dropped from the index.
    AstrayRecipe {
        /// The recipe.
        recipe: RecipeId,
        /// The key that the index gave.
        recorded: ActionKey,
        /// The key that its inputs give.
        actual: ActionKey,
    },
    /// What a live process needs is not known, since its lease is damaged. It was left alone, and stops collections
    /// until that process ends.
    DamagedLease {
        /// The lease.
        path: PathBuf,
    },
    /// A record beside the results is damaged: an attestation, a log or the mark of a workspace. It was moved aside.
    DamagedRecord {
        /// The file.
        path: PathBuf,
        /// Where it is now.
        moved_to: PathBuf,
    },
    /// The marker of the layout was damaged; it was written anew.
    DamagedLayout {
        /// The folder of the store.
        path: PathBuf,
    },
    /// A remembered evaluation or rendering was damaged; it was removed.
    DamagedCache {
        /// The file.
        path: PathBuf,
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
            Self::ForgedResult { key, moved_to } => write!(
                f,
                "the result of action {key} is not what was attested when it was executed; it was moved to `{}`",
                moved_to.display()
            ),
            Self::AstrayRecipe { recipe, recorded, actual } => write!(
                f,
                "recipe {recipe} led to action {recorded}, but its inputs give {actual}; it was dropped"
            ),
            Self::DamagedRecord { path, moved_to } => write!(
                f,
                "`{}` is not what was written; it was moved to `{}`",
                path.display(),
                moved_to.display()
            ),
            Self::DamagedLease { path } => {
                write!(
                    f,
                    "`{}` is damaged; nothing is collected while its process lives",
                    path.display()
                )
            }
            Self::DamagedLayout { path } => {
                write!(f, "the marker of `{}` was damaged; it was written anew", path.display())
            }
            Self::DamagedCache { path } => {
                write!(f, "`{}` was damaged; it was removed", path.display())
            }
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
    /// Hashes every blob and checks every result, every record beside the results, and the recipe index. No collection
    /// runs meanwhile.
    pub fn fsck(&self) -> Result<FsckReport, StoreError> {
        let _no_collection = self.without_collections()?;
        let mut report = FsckReport::default();
        for path in fan_out_files(&self.root.join("cas"))? {
            self.check_blob(&path, &mut report)?;
        }
        let attested = self.check_attestations(&mut report)?;
        for path in fan_out_files(&self.root.join("actions"))? {
            self.check_result(&path, &attested, &mut report)?;
        }
        for path in fs::entries(&self.root.join("conflicts"))? {
            report.findings.push(Finding::Conflict { path });
        }
        for path in gc::damaged_workspaces(&self.root)? {
            report.findings.push(self.set_aside(&path)?);
        }
        for path in gc::damaged_leases(&self.root)? {
            report.findings.push(Finding::DamagedLease { path });
        }
        let damage = self.fsck_recipes()?.into_iter();
        report.findings.extend(damage.map(|what| Finding::DamagedRecipes { what }));
        self.check_recipes(&mut report)?;
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

    /// Checks every attestation and log; by action, what was attested that it gave.
    fn check_attestations(
        &self,
        report: &mut FsckReport,
    ) -> Result<BTreeMap<ActionKey, Vec<ActionResult>>, StoreError> {
        let mut attested: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for folder in fan_out_files(&self.root.join("attestations"))? {
            let Some(key) = hex_of(&folder).and_then(|hex| hex.parse::<ActionKey>().ok()) else {
                report.findings.push(Finding::Foreign { path: folder });
                continue;
            };
            for path in fs::entries(&folder)? {
                if !attestation::is_attestation(&path) {
                    continue;
                }
                match attestation::check(&path)? {
                    Checked::Whole(result) => attested.entry(key).or_default().extend(result),
                    Checked::Damaged => report.findings.push(self.set_aside(&path)?),
                    Checked::DamagedLog(log) => report.findings.push(self.set_aside(&log)?),
                }
            }
        }
        Ok(attested)
    }

    fn check_result(
        &self,
        path: &Path,
        attested: &BTreeMap<ActionKey, Vec<ActionResult>>,
        report: &mut FsckReport,
    ) -> Result<(), StoreError> {
        let key = hex_of(path).and_then(|hex| hex.parse::<ActionKey>().ok());
        let Some(key) = key.filter(|_| is_plain_file(path)) else {
            report.findings.push(Finding::Foreign { path: path.to_owned() });
            return Ok(());
        };
        let Some(bytes) = fs::read_if_exists(path)? else {
            return Ok(());
        };
        report.results += 1;
        let aside = || places::aside_as(&self.root, path, &format!("result-{key}"));
        let Some(result) = results::decode(&key, &bytes) else {
            report.findings.push(Finding::DamagedResult { key, moved_to: aside()? });
            return Ok(());
        };
        // One that nobody attested was recorded by somebody who was killed before.
        let said = attested.get(&key).map_or(&[][..], Vec::as_slice);
        if !said.is_empty() && !said.contains(&result) {
            report.findings.push(Finding::ForgedResult { key, moved_to: aside()? });
            return Ok(());
        }
        report.incomplete += u64::from(!self.has_outputs(&result));
        Ok(())
    }

    /// Forms the key of every recipe whose upstream results are known again.
    fn check_recipes(&self, report: &mut FsckReport) -> Result<(), StoreError> {
        let keys = self.recipe_keys();
        let mut results: BTreeMap<RecipeId, ActionResult> = BTreeMap::new();
        for (recipe, key) in &keys {
            results.extend(self.result(key)?.map(|result| (*recipe, result)));
        }
        let mut astray = BTreeSet::new();
        for (recipe, recorded) in keys {
            let Some(bytes) = self.recipe_bytes(&recipe)? else {
                continue;
            };
            let Ok(action) = canonical::decode::<Action<Input>>(&bytes) else {
                continue;
            };
            let digest_of = |upstream: &RecipeId, output: &str| {
                Some(results.get(upstream)?.outputs.get(output)?.digest)
            };
            if let Some(actual) = action.resolve(digest_of).map(|action| action.key())
                && actual != recorded
            {
                astray.insert(recipe);
                report.findings.push(Finding::AstrayRecipe { recipe, recorded, actual });
            }
        }
        if astray.is_empty() { Ok(()) } else { self.drop_recipes(&astray) }
    }

    /// Moves a damaged record aside, under a name that says where it was.
    pub fn set_aside(&self, path: &Path) -> Result<Finding, StoreError> {
        Ok(places::aside(&self.root, path, path)?)
    }
}
