//! Published tables, CSV and JSON, and the steps over them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::table(data));
