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

/// Tiles of C, one below the other, and where their operands lie.
#[derive(Clone, Copy)]
pub(crate) struct Operands {
    /// How many tiles.
    pub(crate) tiles: usize,
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
    /// Columns to store; the last vector of a tile may be partial.
    pub(crate) columns: usize,
    pub(crate) after: After,
    /// What to ask for meanwhile.
    pub(crate) ahead: Ahead,
}

/// What a tile does with its chains.
#[derive(Clone, Copy)]
pub(crate) struct After {
    /// Whether C holds earlier blocks to which this one is added.
    pub(crate) accumulate: bool,
    /// One value a column, or null.
    pub(crate) bias: *const f32,
    /// A matrix like C with its row stride to which the sum is added, or null.
    pub(crate) residual: *const f32,
    pub(crate) residual_stride: usize,
    /// A matrix like C with its row stride by which the sum is multiplied, or null.
    pub(crate) factors: *const f32,
    pub(crate) factor_stride: usize,
}

impl After {
    /// Stores the chains as they are.
    pub(crate) const STORE: Self = Self {
        accumulate: false,
        bias: std::ptr::null(),
        residual: std::ptr::null(),
        residual_stride: 0,
        factors: std::ptr::null(),
        factor_stride: 0,
    };
}

impl Operands {
    /// The operands of what lies `rows` further down.
    ///
    /// # Safety
    ///
    /// The rows above are in bounds.
    #[inline(always)]
    unsafe fn below(&self, rows: usize, transposed: bool) -> Self {
        let mut below = *self;
        below.a = self.a.add(rows * if transposed { 1 } else { self.a_stride });
        below.c = self.c.add(rows * self.c_stride);
        let after = &mut below.after;
        for (other, stride) in [
            (&mut after.residual, after.residual_stride),
            (&mut after.factors, after.factor_stride),
        ] {
            if !other.is_null() {
                *other = other.add(rows * stride);
            }
        }
        below
    }

    /// Asks for what the next tile of R rows reads and writes beside its chains, and for a part of the next panel, so that
    /// they are on their way while the chains grow.
    #[inline(always)]
    fn ask_ahead<V: Lanes, const R: usize>(&mut self) {
        for i in R..2 * R {
            V::prefetch(self.c.wrapping_add(i * self.c_stride));
        }
        if !self.after.residual.is_null() {
            for i in R..2 * R {
                V::prefetch(self.after.residual.wrapping_add(i * self.after.residual_stride));
            }
        }
        if !self.after.factors.is_null() {
            for i in R..2 * R {
                V::prefetch(self.after.factors.wrapping_add(i * self.after.factor_stride));
            }
        }
        let lines = self.ahead.lines.min(self.ahead.per_tile);
        for _ in 0..lines {
            V::prefetch(self.ahead.start);
            self.ahead.start = self.ahead.start.wrapping_add(self.ahead.stride);
        }
        self.ahead.lines -= lines;
    }
}

/// Cache lines that will be read soon.
#[derive(Clone, Copy)]
pub(crate) struct Ahead {
    pub(crate) start: *const f32,
    pub(crate) stride: usize,
    pub(crate) lines: usize,
    /// How many of them a tile asks for.
    pub(crate) per_tile: usize,
}

impl Ahead {
    /// Nothing.
    pub(crate) const NOTHING: Self =
        Self { start: std::ptr::null(), stride: 0, lines: 0, per_tile: 0 };
}

/// The chains of a tile of R rows and C vectors, which stay in registers.
type Chains<V, const R: usize, const C: usize> = [[V; C]; R];

/// Computes tiles of R rows and C vectors.
///
/// # Safety
///
/// The machine has V's instructions, and all elements that `o` describes are in bounds.
#[inline(always)]
unsafe fn tiles<V: Lanes, const R: usize, const C: usize, const TRANSPOSED: bool>(o: &Operands) {
    let mut o = *o;
    loop {
        o.ask_ahead::<V, R>();
        let acc = chains::<V, R, C, TRANSPOSED>(&o);
        if o.columns >= C * V::WIDTH {
            finish(&o, acc);
        } else {
            finish_some(&o, acc);
        }
        o.tiles -= 1;
        if o.tiles == 0 {
            return;
        }
        o = o.below(R, TRANSPOSED);
    }
}

/// Computes the chains of a tile.
///
/// # Safety
///
/// As for [`tiles`].
#[inline(always)]
unsafe fn chains<V: Lanes, const R: usize, const C: usize, const TRANSPOSED: bool>(
    o: &Operands,
) -> Chains<V, R, C> {
    // Plain loops over indices: closures do not inherit a function's instructions.
    let mut acc = [[V::splat(0.0); C]; R];
    let (mut a, mut b) = (o.a, o.b);
    let along = if TRANSPOSED { o.a_stride } else { 1 };
    let mut left = o.inner;
    // Four elements a turn: so few turns are predicted to the last.
    while left >= 4 {
        acc = link::<V, R, C, TRANSPOSED>(o, acc, a, b);
        acc = link::<V, R, C, TRANSPOSED>(o, acc, a.add(along), b.add(o.b_stride));
        acc = link::<V, R, C, TRANSPOSED>(o, acc, a.add(2 * along), b.add(2 * o.b_stride));
        acc = link::<V, R, C, TRANSPOSED>(o, acc, a.add(3 * along), b.add(3 * o.b_stride));
        a = a.add(4 * along);
        b = b.add(4 * o.b_stride);
        left -= 4;
    }
    while left > 0 {
        acc = link::<V, R, C, TRANSPOSED>(o, acc, a, b);
        a = a.add(along);
        b = b.add(o.b_stride);
        left -= 1;
    }
    acc
}

/// Lengthens the chains by one element each.
///
/// # Safety
///
/// As for [`tiles`].
#[inline(always)]
unsafe fn link<V: Lanes, const R: usize, const C: usize, const TRANSPOSED: bool>(
    o: &Operands,
    mut acc: Chains<V, R, C>,
    a: *const f32,
    b: *const f32,
) -> Chains<V, R, C> {
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
    acc
}

/// Adds what comes before and after whole vectors of chains and stores them.
///
/// # Safety
///
/// As for [`tiles`].
#[inline(always)]
unsafe fn finish<V: Lanes, const R: usize, const C: usize>(o: &Operands, mut acc: Chains<V, R, C>) {
    let after = &o.after;
    if after.accumulate {
        for i in 0..R {
            for j in 0..C {
                acc[i][j] = V::load(o.c.add(i * o.c_stride + j * V::WIDTH)).add(acc[i][j]);
            }
        }
    }
    if !after.bias.is_null() {
        for j in 0..C {
            let bias = V::load(after.bias.add(j * V::WIDTH));
            for i in 0..R {
                acc[i][j] = acc[i][j].add(bias);
            }
        }
    }
    if !after.residual.is_null() {
        for i in 0..R {
            for j in 0..C {
                let from = after.residual.add(i * after.residual_stride + j * V::WIDTH);
                acc[i][j] = V::load(from).add(acc[i][j]);
            }
        }
    }
    if !after.factors.is_null() {
        for i in 0..R {
            for j in 0..C {
                let from = after.factors.add(i * after.factor_stride + j * V::WIDTH);
                acc[i][j] = acc[i][j].mul(V::load(from));
            }
        }
    }
    for i in 0..R {
        for j in 0..C {
            acc[i][j].store(o.c.add(i * o.c_stride + j * V::WIDTH));
        }
    }
}

/// Does what [`finish`] does where the last vector is partial.
///
/// # Safety
///
/// As for [`tiles`].
#[inline(always)]
unsafe fn finish_some<V: Lanes, const R: usize, const C: usize>(
    o: &Operands,
    acc: Chains<V, R, C>,
) {
    // By way of memory, so that elsewhere the chains need none.
    let mut room = std::mem::MaybeUninit::<Chains<V, R, C>>::uninit();
    let room = room.as_mut_ptr().cast::<f32>();
    for i in 0..R {
        for j in 0..C {
            acc[i][j].store(room.add((i * C + j) * V::WIDTH));
        }
    }
    for i in 0..R {
        for j in 0..C {
            let column = j * V::WIDTH;
            let count = o.columns.saturating_sub(column);
            let to = o.c.add(i * o.c_stride + column);
            let mut value = V::load(room.add((i * C + j) * V::WIDTH));
            if o.after.accumulate {
                value = V::load_some(to, count).add(value);
            }
            if !o.after.bias.is_null() {
                value = value.add(V::load_some(o.after.bias.add(column), count));
            }
            if !o.after.residual.is_null() {
                let from = o.after.residual.add(i * o.after.residual_stride + column);
                value = V::load_some(from, count).add(value);
            }
            if !o.after.factors.is_null() {
                let from = o.after.factors.add(i * o.after.factor_stride + column);
                value = value.mul(V::load_some(from, count));
            }
            value.store_some(to, count);
        }
    }
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

    /// Computes tiles of `rows` (1 to `ROWS`) and as many vectors as their columns need.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; what `o` describes is in bounds.
    unsafe fn tiles(rows: usize, transposed: bool, o: &Operands);

    /// Computes `rows` rows of a tile's width in tiles of `height` rows; the count of tiles that `o` states is not read.
    ///
    /// # Safety
    ///
    /// As for [`Self::tiles`].
    #[inline]
    unsafe fn strip(rows: usize, height: usize, transposed: bool, o: &Operands) {
        let (tiles, rest) = (rows / height, rows % height);
        if tiles > 0 {
            Self::tiles(height, transposed, &Operands { tiles, ..*o });
        }
        if rest > 0 {
            let below = o.below(tiles * height, transposed);
            Self::tiles(rest, transposed, &Operands { tiles: 1, ..below });
        }
    }

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
            unsafe fn tiles(rows: usize, transposed: bool, o: &Operands) {
                $(#[$feature])*
                unsafe fn instance<const R: usize, const C: usize, const T: bool>(o: &Operands) {
                    tiles::<$vector, R, C, T>(o);
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
