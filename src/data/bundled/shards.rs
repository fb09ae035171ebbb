//! Samples to `WebDataset` tar files whose bytes follow from the samples alone.

use serde::Serialize;

use crate::data::image::encode_png;

use super::drawing::{Drawing, SIDE};

/// Samples of a shard, at most.
pub(super) const SHARD_SAMPLES: usize = 4096;

/// A sample as it is written.
pub(super) struct Sample<'a> {
    pub(super) drawing: &'a Drawing,
    pub(super) captions: Vec<String>,
    pub(super) label: Option<u32>,
}

/// The `json` member: captions and class, and where the drawing comes from.
#[derive(Serialize)]
struct SampleJson<'a> {
    captions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<u32>,
    source: &'a str,
    variant: &'a str,
    key: &'a str,
}

/// The tar file of `samples`, whose keys count up from `first`.
pub(super) fn write_shard(samples: &[Sample<'_>], first: usize) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.mode(tar::HeaderMode::Deterministic);
    for (index, sample) in samples.iter().enumerate() {
        let key = format!("{:06}", first + index);
        let drawing = sample.drawing;
        let json = SampleJson {
            captions: &sample.captions,
            label: sample.label,
            source: drawing.source.name(),
            variant: &drawing.variant,
            key: &drawing.key,
        };
        let json = serde_json::to_vec(&json).expect("texts and a number are JSON");
        append(&mut archive, &format!("{key}.png"), &encode_png(&drawing.pixels, SIDE));
        append(&mut archive, &format!("{key}.json"), &json);
    }
    archive.into_inner().expect("writing to memory succeeds")
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, name, content).expect("a short name, written to memory");
}
