//! WebDataset shards: tar members, their JSON, their PNG images; and manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ibid_fuzz::shard(data));
