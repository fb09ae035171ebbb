//! What the linear layers of a model compute with.

/// The arithmetic of the linear layers of transformer blocks: forward, and the gradients of input and weight. All else is
/// computed as `numerics` defines it, whatever this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// As `numerics` defines it: the same bits everywhere.
    #[default]
    Portable,
    /// Operands rounded to bfloat16, products and sums by tensor cores: the same bits on GPUs of one class.
    Bf16,
}

impl Arithmetic {
    /// An operation in main memory has no other.
    ///
    /// # Panics
    ///
    /// If it is asked for another: whoever trains has looked at the device before.
    pub(super) fn assert_portable(self) {
        assert_eq!(self, Self::Portable, "tensor cores are a GPU's");
    }
}
