//! The files of a store that are not blobs: results, recipe log and index, attestations, leases, marker.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::store(data));
