//! What a person or a stranger types: names of experiments, addresses, digests, Git LFS pointers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::names(data));
