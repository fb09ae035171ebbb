//! CLIP: two towers that embed images and texts into one space, on one gradient chunk at a time.
//!
//! Parameters carry `OpenCLIP`'s state-dict names ([`Layout`]); [`Model`] strings the coarse operations of `tensor`
//! together, forward and backward, over regions that are planned once.

mod batch;
mod initial;
mod layout;
mod open_clip;
#[cfg(test)]
pub(crate) mod reference;
mod towers;

pub use batch::{Texts, TouchedRows};
pub use initial::{Start, initial_parameters};
pub use layout::{Decay, Initial, Layout, Parameter};
pub use open_clip::{ConfigError, Matched, Mismatch, OpenClipConfig, TextEnd, match_tensors};
pub use towers::{GradientRegions, Group, ImageTower, Model, Scratch, TextTower};

/// A model that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A size is 0.
    #[error("`{0}` is 0")]
    Zero(&'static str),
    /// A size is beyond reason.
    #[error("`{name}` is {size}; at most {limit} is supported")]
    TooLarge {
        /// The field.
        name: &'static str,
        /// Its value.
        size: u64,
        /// The largest value.
        limit: u64,
    },
    /// A size is not a multiple of another.
    #[error("`{name}` is not a multiple of `{of}`")]
    NotAMultiple {
        /// The field.
        name: &'static str,
        /// The field it should be a multiple of.
        of: &'static str,
    },
    /// The tower has no such token.
    #[error("the {tower} tower cannot pool by `{pooling}`")]
    Pooling {
        /// The tower.
        tower: &'static str,
        /// Its pooling.
        pooling: &'static str,
    },
}
