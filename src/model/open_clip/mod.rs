//! `OpenCLIP`'s form of a model: `open_clip_config.json`, and the names and shapes in a state dict.
//!
//! What `OpenCLIP` can express and this crate cannot, or the other way round, is refused by the name of the field, all
//! of it at once. Facts: `open_clip` 3.3.0, `model.py`, `transformer.py` and `factory.py`.

mod config;
mod fields;
mod names;

pub use config::{ConfigError, OpenClipConfig};
pub use names::{Matched, Mismatch, match_tensors};
