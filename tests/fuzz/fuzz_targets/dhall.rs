//! The Dhall front end: scan, parse, resolve, type check, normalise.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::dhall(data));
