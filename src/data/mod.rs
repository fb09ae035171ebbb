//! Shards, images, tokeniser, order of samples; `bundled` builds the pictogram sets.
