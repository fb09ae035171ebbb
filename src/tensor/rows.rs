//! Row and element operations between the products, at a SIMD level.

use crate::numerics::Level;
use crate::numerics::matmul::{View, column_sum, column_sum_of_products};
use crate::numerics::elementary::{erf, exp};

/// The activation of a perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `GELU` by the error function.
    Gelu,
    /// `x·σ(1.702·x)`.
    QuickGelu,
}
