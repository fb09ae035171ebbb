//! Checkpoints of other programs: safetensors, and pickles in archives.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::checkpoint(data));
