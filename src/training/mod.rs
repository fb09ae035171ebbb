//! The training loop: a pure function from parameters and samples to weights and trace, to the bit, for any number of
//! threads and any SIMD level.
