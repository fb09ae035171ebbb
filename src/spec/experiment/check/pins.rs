//! Rules of pinned bytes: digests parse, sizes agree, sources say where.

use std::collections::BTreeSet;

use super::Findings;
use crate::address::{self, Scheme};
use crate::spec::experiment::{Dataset, DigestText, PinnedFile, PublishedWeights, Shards, Source};

/// The largest file, shard or data set: 2^56 bytes.
const BYTES_MAX: u64 = 1 << 56;
/// The most samples of a data set or a training: 2^48.
pub(super) const SAMPLES_MAX: u64 = 1 << 48;

pub(super) fn check_file(findings: &mut Findings<'_>, at: &str, file: &PinnedFile) {
    check_component(findings, &format!("{at}.name"), &file.name);
    check_pin(findings, at, &file.sha256, file.bytes);
    check_source(findings, &format!("{at}.source"), &file.source);
}

/// A data set that many runs share is looked at once.
pub(super) fn check_dataset<'a>(findings: &mut Findings<'a>, at: &str, dataset: &'a Dataset) {
    if !findings.datasets_seen.insert(dataset) {
        return;
    }
    if dataset.name.is_empty() {
        findings.add(format!("{at}.name"), "is empty");
    }
    check_source(findings, &format!("{at}.source"), &dataset.source);
    let at = format!("{at}.shards");
    match &dataset.shards {
        Shards::Inline(shards) => {
            if shards.is_empty() {
                findings.add(at.as_str(), "is empty");
                return;
            }
            let mut names = BTreeSet::new();
            for (i, shard) in shards.iter().enumerate() {
                let at = format!("{at}[{i}]");
                check_component(findings, &format!("{at}.name"), &shard.name);
                findings.unique(&format!("{at}.name"), &shard.name, &mut names);
                check_pin(findings, &at, &shard.sha256, shard.bytes);
                let samples_at = format!("{at}.samples");
                if findings.natural(&samples_at, shard.samples, 0, SAMPLES_MAX) {
                    check_room(findings, &samples_at, shard.samples, shard.bytes);
                }
                let mut keys = BTreeSet::new();
                for (k, key) in shard.skipped.iter().enumerate() {
                    findings.unique(&format!("{at}.skipped[{k}]"), key, &mut keys);
                }
            }
            findings.natural(&format!("{at} (samples in all)"), dataset.samples(), 1, SAMPLES_MAX);
            findings.natural(&format!("{at} (bytes in all)"), dataset.bytes(), 1, BYTES_MAX);
        }
        Shards::Manifest(pin) => {
            check_component(findings, &format!("{at}.name"), &pin.name);
            check_pin(findings, &at, &pin.sha256, pin.bytes);
            let samples_at = format!("{at}.samples");
            let hold = [
                findings.natural(&samples_at, pin.samples, 1, SAMPLES_MAX),
                findings.natural(&format!("{at}.shardBytes"), pin.shard_bytes, 1, BYTES_MAX),
            ];
            if hold == [true; 2] {
                check_room(findings, &samples_at, pin.samples, pin.shard_bytes);
            }
        }
    }
}

/// More samples than bytes are a slip of the pen, or a trap. Whoever reads a shard knows how few there can really be.
fn check_room(findings: &mut Findings<'_>, at: &str, samples: u64, bytes: u64) {
    if samples > bytes {
        findings.add(at, format!("is {samples}, but the shards have {bytes} bytes"));
    }
}

/// Released weights: a URL, and a pin where the digest and the size are public.
pub(super) fn check_weights(findings: &mut Findings<'_>, at: &str, weights: &PublishedWeights) {
    let is_url = ["https://", "http://"].iter().any(|scheme| weights.url.starts_with(scheme));
    if !is_url {
        findings.add(format!("{at}.url"), format!("`{}` is not an http(s) URL", weights.url));
    }
    if let Some(sha256) = &weights.sha256 {
        if let Some(bytes) = weights.bytes {
            check_pin(findings, at, sha256, bytes);
        } else if let Err(error) = sha256.parse() {
            findings.add(format!("{at}.sha256"), error.to_string());
        }
    }
}

fn check_pin(findings: &mut Findings<'_>, at: &str, sha256: &DigestText, bytes: u64) {
    findings.natural(&format!("{at}.bytes"), bytes, 0, BYTES_MAX);
    let digest = match sha256.parse() {
        Ok(digest) => digest,
        Err(error) => return findings.add(format!("{at}.sha256"), error.to_string()),
    };
    let known = *findings.sizes.entry(digest).or_insert(bytes);
    if known != bytes {
        let message =
            format!("is {bytes}, but {} is pinned with {known} elsewhere", digest.short());
        findings.add(format!("{at}.bytes"), message);
    }
}

/// A file name that cannot leave its folder, on any platform.
fn check_component(findings: &mut Findings<'_>, at: &str, name: &str) {
    let refused = |c: char| c == '/' || c == '\\' || c == ':' || c.is_control();
    if name.is_empty() || name == "." || name == ".." || name.contains(refused) {
        findings.add(at, format!("`{}` is not a file name", name.escape_debug()));
    }
}

fn check_source(findings: &mut Findings<'_>, at: &str, source: &Source) {
    match source {
        Source::File { path } => check_path(findings, &format!("{at}.path"), path, FILES_START),
        Source::Git { url, rev, path } => {
            let asked = address::scheme(url).and_then(|scheme| match scheme {
                Scheme::File => address::path(url).map(drop),
                Scheme::Http | Scheme::Https => Ok(()),
            });
            check_address(findings, at, url, asked);
            if rev.len() != 40 || !rev.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
                findings.add(
                    format!("{at}.rev"),
                    format!("`{rev}` is not a commit (40 lower-case hexadecimal digits); branches and tags move"),
                );
            }
            check_path(findings, &format!("{at}.path"), path, "");
        }
        Source::Http { url } => {
            let asked = address::scheme(url).and_then(|scheme| match scheme {
                Scheme::File => {
                    Err("a file of this machine is no web page; use https or http".to_owned())
                }
                Scheme::Http | Scheme::Https => Ok(()),
            });
            check_address(findings, at, url, asked);
        }
        Source::Bundled { set, version } => {
            for (name, text) in [("set", set), ("version", version)] {
                if text.is_empty() {
                    findings.add(format!("{at}.{name}"), "is empty");
                }
            }
        }
    }
}

/// What is said of a path of this machine that leads elsewhere.
const FILES_START: &str = "; paths start at the workspace's `experiments/`: put the file below it";

/// A relative path that stays below its root, spelled in the one way that a folder and a commit read alike. `start` is
/// added to what is said of one that does not.
fn check_path(findings: &mut Findings<'_>, at: &str, path: &str, start: &str) {
    let shown = path.escape_debug();
    let climbs = path.split('/').any(|part| part == "..");
    let plain = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let plain = plain.collect::<Vec<_>>().join("/");
    if plain.is_empty() || path.starts_with('/') || path.contains(['\\', '\0']) || climbs {
        findings.add(at, format!("`{shown}` is not a relative path without `..`{start}"));
    } else if plain != path {
        let plain = plain.escape_debug();
        findings.add(at, format!("`{shown}` has a part that is empty or `.`; write `{plain}`"));
    }
}

/// An address that is ever asked: judged as whoever asks it does.
fn check_address(findings: &mut Findings<'_>, at: &str, url: &str, asked: Result<(), String>) {
    if let Err(reason) = asked {
        let message = format!("`{}` is never asked: {reason}", url.escape_debug());
        findings.add(format!("{at}.url"), message);
    }
}
