//! What tests of jobs share: published tables, found by digest where they are at hand; small data sets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::data::image::encode_png;
use crate::data::{FIRST_TOKEN, Tokenizer};
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

/// A sample: grey values of a square image, captions, class.
pub(crate) struct Sample<'a> {
    pub(crate) pixels: Vec<u8>,
    pub(crate) captions: &'a [&'a str],
    pub(crate) label: Option<u32>,
}

/// One tar file of samples, as WebDataset has them.
pub(crate) fn shard(samples: &[Sample<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut append = |name: String, content: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content).unwrap();
    };
    for (index, sample) in samples.iter().enumerate() {
        let side = sample.pixels.len().isqrt();
        append(format!("{index:04}.png"), &encode_png(&sample.pixels, side));
        let mut json = serde_json::json!({ "captions": sample.captions });
        if let Some(label) = sample.label {
            json["label"] = label.into();
        }
        append(format!("{index:04}.json"), json.to_string().as_bytes());
    }
    builder.into_inner().unwrap()
}

/// The vocabulary file of those byte pairs that `texts` need, and how many tokens it gives.
pub(crate) fn vocabulary(texts: &[&str]) -> (Vec<u8>, u64) {
    let all: String = (0..49_406).map(|id| format!("{id}\n")).collect();
    let tokenizer = Tokenizer::new(all.as_bytes(), 32).unwrap();
    let tokens = texts.iter().flat_map(|text| tokenizer.encode(text).unwrap());
    let ids: BTreeSet<u32> = tokens.filter_map(|token| token.checked_sub(FIRST_TOKEN)).collect();
    let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
    (lines.into_bytes(), u64::from(FIRST_TOKEN) + ids.len() as u64)
}
