//! What tests of jobs share: published tables, found by digest where they are at hand.

use std::path::{Path, PathBuf};

use crate::digest::BlobDigest;
use crate::plot::table::Table;

/// SHA-256 of `zeroshot_results.csv` of LAION-AI/scaling-laws-openclip at 652b1e7.
pub(super) const ZERO_SHOT_RESULTS: &str =
    "a04786cfcde5d47436c8ddbca0f0bdbb39cc584c0d0776b4f99145ae430a6568";

/// The CSV file of that SHA-256 below `../shared/data` of the repository; none, with a word, where it is not.
pub(super) fn published_table(sha256: &str) -> Option<Table> {
    let wanted: BlobDigest = sha256.parse().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let found = csv_files(&folder)
        .into_iter()
        .filter_map(|path| std::fs::read(path).ok())
        .find(|bytes| BlobDigest::of(bytes) == wanted);
    #[allow(clippy::print_stderr, reason = "a test says that it skips")]
    let Some(bytes) = found else {
        eprintln!("skipped: no file {} below {}", wanted.short(), folder.display());
        return None;
    };
    Some(Table::parse(&String::from_utf8(bytes).unwrap()).unwrap())
}

fn csv_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| if path.is_dir() { csv_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect()
}
