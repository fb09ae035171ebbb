//! Elementary functions. Holds the place of their definitions until those arrive.

/// Returns eˣ.
pub fn exp(x: f32) -> f32 {
    libm::expf(x)
}
