//! Shards, images, tokeniser, order of samples; `bundled` builds the pictogram sets.
//!
//! Everything here is a pure function of bytes: a [`Dataset`] of a folder that a manifest describes, a [`Tokenizer`]
//! of a pinned vocabulary, an [`Order`] of shard sizes and a seed.

#[cfg(feature = "pictograms")]
pub mod bundled;
mod dataset;
mod error;
pub(crate) mod image;
mod licences;
mod order;
pub mod preprocess;
mod shard;
#[cfg(feature = "pictograms")]
mod sheet;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use dataset::{Dataset, Memory, SampleRef};
pub(crate) use error::chain;
pub use error::{DataError, MemberError};
pub use licences::{Licence, licences};
pub use order::{Order, OrderError, caption_choice};
pub(crate) use shard::{CAPTION_BYTES_MAX, SHARD_BYTES_MAX};
pub use shard::{Sample, Scanned, scan_shard};
#[cfg(feature = "pictograms")]
pub use sheet::contact_sheet;
pub use tokenizer::{
    END, FIRST_TOKEN, OPEN_CLIP, OPEN_CLIP_TOKENS, PADDING, START, TokenIds, Tokenizer,
    TokenizerError, VocabularyError, cleaned,
};
