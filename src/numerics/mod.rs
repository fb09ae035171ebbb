//! The definitions of portable numerics, version 1, on plain slices.
//!
//! One rule: an operation is a definition of its result to the bit; every implementation is a way to compute that
//! definition.

pub mod adamw;
pub mod attention;
mod control;
pub mod cross_entropy;
pub mod elementary;
pub mod float;
pub mod gelu;
pub(crate) mod lanes;
pub mod layer_norm;
pub mod least_squares;
mod level;
pub mod matmul;
pub mod normalise;
pub mod random;
pub mod reduce;
pub mod reference;
pub mod self_test;
pub mod softmax;
pub mod ulp;
mod vector;

pub use control::{ControlError, set_control_state};
pub use level::Level;
