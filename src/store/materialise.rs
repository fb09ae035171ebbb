//! Stored bytes as files for a job: read-only, hashed first.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::{Store, StoreError};
use crate::action::manifest::Manifest;
use crate::digest::{BlobDigest, TreeDigest};
use crate::fs;

/// The name of the manifest in a tree's folder.
pub const MANIFEST: &str = "manifest.json";

impl Store {
    /// Makes a blob appear as the file `target`, read-only; its size in bytes.
    pub fn materialise_blob(&self, digest: &BlobDigest, target: &Path) -> Result<u64, StoreError> {
        self.link_blob(digest, target)
    }

    /// Makes a tree appear as the folder `target`: `manifest.json` and the files that it names.
    pub fn materialise_tree(&self, digest: &TreeDigest, target: &Path) -> Result<(), StoreError> {
        let manifest = self.manifest(digest)?;
        fs::create_dir(target)?;
        self.link_blob(&manifest_blob(digest), &target.join(MANIFEST))?;
        for file in &manifest.files {
            let actual = self.link_blob(&file.sha256, &target.join(&file.name))?;
            if actual != file.bytes {
                let (name, expected) = (file.name.clone(), file.bytes);
                return Err(StoreError::WrongSize { name, expected, actual });
            }
        }
        Ok(())
    }

    /// The manifest of a tree, whose names are safe to use as file names.
    pub fn manifest(&self, digest: &TreeDigest) -> Result<Manifest, StoreError> {
        let bytes = self.read(&manifest_blob(digest))?;
        let manifest = Manifest::decode(&bytes)
            .map_err(|source| StoreError::BadManifest { digest: *digest, source })?;
        let mut names = BTreeSet::from([MANIFEST]);
        for file in &manifest.files {
            check_name(&file.name)?;
            if !names.insert(&file.name) {
                return Err(StoreError::BadName { name: file.name.clone() });
            }
        }
        Ok(manifest)
    }
}

/// The blob that holds the manifest of a tree.
pub fn manifest_blob(digest: &TreeDigest) -> BlobDigest {
    BlobDigest::from_bytes(*digest.as_bytes())
}

/// Refuses a name that is not exactly one component of a path.
pub fn check_name(name: &str) -> Result<(), StoreError> {
    let mut components = Path::new(name).components();
    let single = matches!(
        (components.next(), components.next()),
        (Some(Component::Normal(component)), None) if component == name
    );
    if single && !name.contains('\0') {
        Ok(())
    } else {
        Err(StoreError::BadName { name: name.to_owned() })
    }
}
