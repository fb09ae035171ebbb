//! Register tiles of the matrix product: the innermost loop, and what is stored after it.
//!
//! A tile keeps its part of C in registers while k runs over at most one block of 256, so that each
//! element is one chain of fused multiply-adds in ascending order, whatever the tile's shape.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]
#![allow(clippy::needless_range_loop, reason = "register arrays are indexed so that loops unroll")]
#![allow(unsafe_code, reason = "unchecked addresses and functions compiled for given instructions")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the contract of a tile is that of the whole function")]

use super::columns::{Columns, columns};
pub(crate) use super::pack::Lines;
use super::pack::pack;
use crate::numerics::lanes::{Eight, Lanes};

/// One tile of C and where its operands lie.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// Length of the chains, at most 256.
    pub(crate) inner: usize,
    /// Element (i, t) of A: `a[i · a_stride + t]`, or `a[t · a_stride + i]` if A lies transposed.
    pub(crate) a: *const f32,
    pub(crate) a_stride: usize,
    /// Element (t, j) of B: `b[t · b_stride + j]`; whole vectors are readable.
    pub(crate) b: *const f32,
    pub(crate) b_stride: usize,
    /// Element (i, j) of C: `c[i · c_stride + j]`.
    pub(crate) c: *mut f32,
    pub(crate) c_stride: usize,
    /// Columns to store; the last vector of the tile may be partial.
    pub(crate) columns: usize,
    pub(crate) after: After,
}

/// What a tile does with its chains.
#[derive(Clone, Copy)]
pub(crate) struct After {
    /// Whether C holds earlier blocks to which this one is added.
    pub(crate) accumulate: bool,
    /// One value a column, or null.
    pub(crate) bias: *const f32,
    /// A matrix like C with its row stride, or null; only with a bias.
    pub(crate) residual: *const f32,
    pub(crate) residual_stride: usize,
}

impl After {
    /// Stores the chains as they are.
    pub(crate) const STORE: Self = Self {
        accumulate: false,
        bias: std::ptr::null(),
        residual: std::ptr::null(),
        residual_stride: 0,
    };
}

/// Computes a tile of R rows and C vectors.
///
/// # Safety
///
/// The machine has V's instructions, and all elements that `o` describes are in bounds.
#[inline(always)]
unsafe fn tile<V: Lanes, const R: usize, const C: usize, const TRANSPOSED: bool>(o: &Operands) {
    // Plain loops over indices: closures do not inherit a function's instructions.
    let mut acc = [[V::splat(0.0); C]; R];
    let mut b = o.b;
    let mut a = o.a;
    for _ in 0..o.inner {
        let mut row = [V::splat(0.0); C];
        for j in 0..C {
            row[j] = V::load(b.add(j * V::WIDTH));
        }
        for i in 0..R {
            let offset = if TRANSPOSED { i } else { i * o.a_stride };
            let factor = V::splat(a.add(offset).read());
            for j in 0..C {
                acc[i][j] = factor.fma(row[j], acc[i][j]);
            }
        }
        a = a.add(if TRANSPOSED { o.a_stride } else { 1 });
        b = b.add(o.b_stride);
    }
    for i in 0..R {
        for j in 0..C {
            finish(o, i, j * V::WIDTH, acc[i][j]);
        }
    }
}

/// Adds what comes before and after a chain and stores it.
///
/// # Safety
///
/// As for [`tile`].
#[inline(always)]
unsafe fn finish<V: Lanes>(o: &Operands, row: usize, column: usize, chain: V) {
    let to = o.c.add(row * o.c_stride + column);
    let count = o.columns.saturating_sub(column);
    let mut value = chain;
    if o.after.accumulate {
        value = V::load_some(to, count).add(value);
    }
    if !o.after.bias.is_null() {
        value = value.add(V::load_some(o.after.bias.add(column), count));
        if !o.after.residual.is_null() {
            let from = o.after.residual.add(row * o.after.residual_stride + column);
            value = V::load_some(from, count).add(value);
        }
    }
    value.store_some(to, count);
}

/// The kernels of one path.
pub(crate) trait Kernels {
    /// Its vectors.
    type Vector: Lanes;
    /// Rows of the largest tile.
    const ROWS: usize;
    /// Vectors of the largest tile.
    const VECTORS: usize;
    /// Columns of the largest tile.
    const COLUMNS: usize = Self::VECTORS * Self::Vector::WIDTH;

    /// Computes a tile of `rows` (1 to `ROWS`) and as many vectors as its columns need.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; what `o` describes is in bounds.
    unsafe fn tile(rows: usize, transposed: bool, o: &Operands);

    /// Packs one panel of `width` lines of `inner` elements: `to[t · panel + line]`, the lines after
    /// `width` being +0 where a vector reaches.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; `from` describes readable elements, and
    /// `inner · panel` elements rounded up to one more vector are writable.
    unsafe fn pack(from: Lines, width: usize, panel: usize, inner: usize, to: *mut f32);

    /// Sums columns: `out[j] = Σ_k fma(x[k, j], y[k, j])`, or of x alone if `y` is null.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; `o` describes elements in bounds.
    unsafe fn columns(o: &Columns);
}

macro_rules! kernels {
    ($name:ident, $doc:literal, $vector:ty, $(#[$feature:meta])*, $rows:literal, $vectors:literal,
     [$($r:literal)*], $c:tt) => {
        #[doc = $doc]
        pub(crate) struct $name;

        impl Kernels for $name {
            type Vector = $vector;
            const ROWS: usize = $rows;
            const VECTORS: usize = $vectors;

            #[inline]
            unsafe fn tile(rows: usize, transposed: bool, o: &Operands) {
                $(#[$feature])*
                unsafe fn instance<const R: usize, const C: usize, const T: bool>(o: &Operands) {
                    tile::<$vector, R, C, T>(o);
                }
                debug_assert!(o.columns <= Self::COLUMNS);
                let vectors = o.columns.div_ceil(<$vector>::WIDTH);
                match rows {
                    $($r => kernels!(@vectors $r, vectors, transposed, o, $c),)*
                    _ => unreachable!("a tile has 1 to {} rows", $rows),
                }
            }

            #[inline]
            unsafe fn pack(from: Lines, width: usize, panel: usize, inner: usize, to: *mut f32) {
                $(#[$feature])*
                unsafe fn instance(from: Lines, width: usize, panel: usize, inner: usize, to: *mut f32) {
                    pack::<$vector>(from, width, panel, inner, to);
                }
                instance(from, width, panel, inner, to);
            }

            #[inline]
            unsafe fn columns(o: &Columns) {
                $(#[$feature])*
                unsafe fn instance(o: &Columns) {
                    columns::<$vector>(o);
                }
                instance(o);
            }
        }
    };
    (@vectors $r:literal, $vectors:ident, $transposed:ident, $o:ident, [$($c:literal)*]) => {
        match ($vectors, $transposed) {
            $(($c, false) => instance::<$r, $c, false>($o),)*
            $(($c, true) => instance::<$r, $c, true>($o),)*
            _ => unreachable!("a tile has few vectors"),
        }
    };
}

kernels!(Software, "Plain Rust, fused multiply-add in software.", Eight<false>, , 2, 1, [1 2], [1]);
#[cfg(target_arch = "x86_64")]
kernels!(
    Fused, "Plain Rust compiled for hardware with fused multiply-add.", Eight<true>,
    #[target_feature(enable = "avx,fma")], 6, 2, [1 2 3 4 5 6], [1 2]
);
#[cfg(not(target_arch = "x86_64"))]
kernels!(
    Fused, "Plain Rust; the target has fused multiply-add.", Eight<true>, , 6, 2, [1 2 3 4 5 6], [1 2]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    Avx2, "AVX2 and FMA.", std::arch::x86_64::__m256,
    #[target_feature(enable = "avx2,fma")], 6, 2, [1 2 3 4 5 6], [1 2]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    Avx512, "AVX-512.", std::arch::x86_64::__m512,
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")], 12, 2,
    [1 2 3 4 5 6 7 8 9 10 11 12], [1 2]
);
