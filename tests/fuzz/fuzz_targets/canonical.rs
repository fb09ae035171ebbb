//! Canonical bytes: actions, recipes, results, manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::canonical(data));
