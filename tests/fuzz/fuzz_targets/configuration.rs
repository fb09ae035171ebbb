//! `open_clip_config.json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::configuration(data));
