//! One function a fuzz target: bytes in, a panic where a promise of the program does not hold.
//!
//! Only the program's public items are used. Where a checksum guards a format, the target writes the checksum that
//! fits, since a stranger can do so too. To add a target: a function here, a file in `fuzz_targets/`, a `[[bin]]` in
//! `Cargo.toml`, seeds in `seeds.sh`.

mod data;
mod spec;
mod store;
mod texts;
mod training;
mod weights;

pub use data::{commit, image, shard, table};
pub use spec::{dhall, evaluation};
pub use store::store;
pub use texts::{canonical, lockfile, names};
pub use training::{safetensors, training};
pub use weights::{checkpoint, configuration};

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder of this process for the files that a target reads; `TMPDIR` says where.
fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<PathBuf> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("ibid-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is room for a folder");
        folder
    })
}

/// Writes a file of the scratch folder.
fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("in the scratch folder")).expect("room");
    std::fs::write(path, bytes).expect("room");
}
