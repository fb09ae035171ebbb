//! Formats that are one text or one value.

use ibid::action::manifest::Manifest;
use ibid::action::{Action, ActionResult, Input, ResolvedInput, canonical as form};
use ibid::commit::Pointer;
use ibid::digest::BlobDigest;
use ibid::metrics::fits;
use ibid::ops::{ExperimentName, Name};
use ibid::plan::Lockfile;
use ibid::source::{Scheme, host, scheme};

/// What is accepted is in its one spelling, and its names can be computed.
pub fn canonical(data: &[u8]) {
    if let Ok(action) = form::decode::<Action<Input>>(data) {
        assert_eq!(action.canonical_bytes(), data);
        let resolved = action.resolve(|_, _| Some(BlobDigest::of(data)));
        let resolved = resolved.expect("every input has a digest");
        let again = form::decode::<Action<ResolvedInput>>(&resolved.canonical_bytes());
        assert_eq!(again.expect("canonical bytes are read").key(), resolved.key());
    }
    if let Ok(action) = form::decode::<Action<ResolvedInput>>(data) {
        assert_eq!(action.canonical_bytes(), data);
    }
    if let Ok(result) = form::decode::<ActionResult>(data) {
        assert_eq!(form::encode(&result).expect("plain data"), data);
    }
    if let Ok(manifest) = Manifest::decode(data) {
        assert_eq!(manifest.canonical_bytes(), data);
        manifest.digest();
        manifest.samples();
    }
}

/// What is accepted is in its one spelling.
pub fn lockfile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(lockfile) = Lockfile::decode(text) {
        assert_eq!(lockfile.encode(), text);
    }
}

/// A name of a commit reads back from what is shown of it; an address that is asked has a host, unless it is a file.
pub fn names(data: &[u8]) {
    if let Some(pointer) = Pointer::parse(data) {
        assert_eq!(pointer.sha256.len(), 64);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(digest) = text.parse::<BlobDigest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Ok(scheme) = scheme(text) {
        assert_eq!(host(text).is_none(), scheme == Scheme::File);
        assert!(!text.contains(char::is_whitespace));
    }
    if let Ok(Name { experiment: ExperimentName::InCommit(name), target }) = Name::parse(text) {
        let shown = match target {
            Some(target) => format!("{name}/{target}"),
            None => name.to_string(),
        };
        assert_eq!(shown, text);
    }
    drop(fits::decode(text));
}
