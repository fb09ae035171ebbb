//! What kernels are told: the structures of their sources, field by field.

/// An address in the memory of a device, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Address(pub(crate) u64);

impl Address {
    /// Nothing.
    pub(crate) const NULL: Self = Self(0);

    /// The address of an element of 4 bytes, counted from this one.
    #[must_use]
    pub(crate) const fn element(self, index: usize) -> Self {
        self.bytes(4 * index)
    }

    /// The address so many bytes further.
    #[must_use]
    pub(crate) const fn bytes(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

/// The arguments of a kernel.
///
/// # Safety
///
/// The type is `repr(C)` with the fields of the structure in the kernel's source, and without padding.
pub(crate) unsafe trait Arguments: Copy {
    /// The bytes that the kernel is given.
    fn bytes(&self) -> &[u8] {
        // SAFETY: without padding, every byte is initialised.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).cast(), size_of::<Self>()) }
    }
}

/// Declares structures of arguments whose fields fill them without padding.
macro_rules! arguments {
    ($($(#[$attribute:meta])* $name:ident { $($field:ident: $type:ty,)* })*) => { $(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy)]
        #[repr(C)]
        pub(crate) struct $name { $(pub(crate) $field: $type,)* }

        const _: () = assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*, "no padding");

        // SAFETY: `repr(C)`, without padding by the line above; the emulator compares the sizes with the sources'.
        unsafe impl Arguments for $name {}
    )* };
}

arguments! {
    /// Of `map_elements`.
    Map { x: Address, y: Address, count: u64, function: u32, unused: u32, }
    /// Of `row_sums`.
    RowSums { x: Address, y: Address, out: Address, rows: u64, width: u64, }
    /// Of `product_…`.
    Product {
        a: Address, b: Address, out: Address, bias: Address, other: Address, second: Address,
        sums: Address, turns: Address,
        a_row: u64, a_column: u64, b_row: u64, b_column: u64, out_row: u64, other_row: u64,
        a_outer: u64, a_inner: u64, b_outer: u64, b_inner: u64, out_outer: u64, out_inner: u64,
        a_pass: u64, a_step: u64, b_pass: u64, b_step: u64,
        k_total: u64,
        m: u32, n: u32, k: u32, k_step: u32, inner: u32, finish: u32, a_way: u32, b_way: u32,
        vector: u32, unused: u32,
    }
    /// Of `join_parts`.
    Join {
        from: Address, out: Address, bias: Address, other: Address, second: Address,
        parts: u64, out_row: u64, other_row: u64, out_chunk: u64, m: u32, n: u32, finish: u32,
        vector: u32,
    }
    /// Of `round_…_k`.
    Round {
        from: Address, to: Address, line_stride: u64, k_stride: u64, pairs: u64, lines: u32,
        all_lines: u32, k: u32, vector: u32,
    }
    /// Of `product_bf16`.
    ProductBf16 {
        a: Address, b: Address, out: Address, bias: Address, other: Address, second: Address,
        out_row: u64, other_row: u64, out_part: u64, m: u32, n: u32, steps: u32, part_steps: u32,
        finish: u32, vector: u32,
    }
    /// Of `transpose`.
    Transpose { from: Address, to: Address, rows: u32, columns: u32, }
    /// Of `column_sums`, `norm_parameter_gradients` and `join_columns`.
    Columns {
        y: Address, x: Address, stats: Address, out: Address, out_gain: Address, parts: Address,
        gain_parts: Address, rows: u64, columns: u64, row_stride: u64, out_chunk: u64,
    }
    /// Of `layer_norm_…`.
    Norm {
        x: Address, gain: Address, bias: Address, d_y: Address, stats: Address, out: Address,
        rows: u64, width: u64, adds: u32, unused: u32,
    }
    /// Of `normalise_…`.
    Normalise { x: Address, r: Address, d_y: Address, out: Address, rows: u64, width: u64, }
    /// Of `attention_…`.
    Attention {
        p: Address, scores: Address, rows: u64, tokens: u32, causal: u32, scale: f32, unused: u32,
    }
    /// Of `softmax_loss`.
    Softmax {
        x: Address, labels: Address, losses: Address, rows: u64, width: u64, factor: f32,
        gradient: u32,
    }
    /// A tensor in the table of `squares_of_parts` and `adamw_update`.
    Tensor { start: u64, len: u64, first_part: u64, decays: u32, is_logit_scale: u32, }
    /// Of `squares_of_parts`.
    Squares {
        gradient: Address, tensors: Address, sums: Address, parts: u64, count: u32, unused: u32,
    }
    /// Of `clip_scale`.
    Clip { sums: Address, squared_norm: Address, scale: Address, parts: u64, limit: f64, }
    /// The constants of a step of `AdamW`.
    Constants {
        beta1: f32, rest1: f32, beta2: f32, rest2: f32, epsilon: f32, a: f32, c: f32, d: f32,
    }
    /// Of `adamw_update`.
    AdamW {
        theta: Address, m: Address, v: Address, gradient: Address, scale: Address,
        tensors: Address, outcome: Address, decaying: Constants, other: Constants, count: u32,
        logit_scale_max: f32,
    }
    /// Of `copy_elements`, `add_elements`, `fill_elements`.
    Elements { from: Address, to: Address, count: u64, value: f32, unused: u32, }
    /// Of `sum_chunks`.
    Tree { from: Address, to: Address, count: u64, stride: u64, chunks: u32, unused: u32, }
    /// Of `clear_rows` and `sum_rows`.
    RowTree {
        values: Address, embedding: Address, cleared: Address, rows: Address, first_leaf: Address,
        places: Address, joins: Address, cleared_count: u32, row_count: u32, width: u32,
        unused: u32,
    }
    /// Of `pool_…`.
    Pool {
        from: Address, to: Address, counts: Address, samples: u64, tokens: u64, width: u64,
        mode: u32, unused: u32,
    }
    /// Of `cut_patches`.
    Patches {
        images: Address, pixels: Address, patches: Address, samples: u64, image_size: u32,
        patch_size: u32,
    }
    /// Of `image_tokens` and `patch_rows`.
    Tokens {
        products: Address, positions: Address, class_token: Address, tokens: Address,
        d_products: Address, samples: u64, patches: u64, width: u64,
    }
    /// Of `text_tokens`.
    Text {
        embedding: Address, positions: Address, tokens: Address, stream: Address, rows: u64,
        width: u64, per_text: u64,
    }
    /// Of `touched_rows`.
    Touched {
        d_stream: Address, d_rows: Address, first_of_row: Address, places: Address,
        touched: Address, width: u64,
    }
    /// Of `contrastive_logits`.
    Logits {
        products: Address, logit_scale: Address, logits: Address, by_row: Address,
        by_column: Address, n: u64,
    }
    /// Of `contrastive_gradient` and of `…_loss`.
    Loss {
        by_row: Address, by_column: Address, losses: Address, results: Address, n: u64,
        factor: f32, unused: u32,
    }
}
