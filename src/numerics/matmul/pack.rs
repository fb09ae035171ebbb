//! Packing: an operand's lines side by side, as the register tiles read them.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]
#![allow(unsafe_code, reason = "unchecked addresses")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the contract of packing is that of the whole function")]

use crate::numerics::lanes::Lanes;

/// Lines of an operand: rows of A or columns of B. Element t of line r is
/// `start[r · across + t · along]`.
#[derive(Clone, Copy)]
pub(crate) struct Lines {
    pub(crate) start: *const f32,
    pub(crate) across: usize,
    pub(crate) along: usize,
}

/// Packs `width` lines into `to[t · panel + r]`.
///
/// # Safety
///
/// As for [`super::kernel::Kernels::pack`].
#[inline(always)]
pub(crate) unsafe fn pack<V: Lanes>(
    from: Lines,
    width: usize,
    panel: usize,
    inner: usize,
    to: *mut f32,
) {
    if from.across == 1 {
        copy::<V>(from, width, inner, panel, to);
    } else if from.along == 1 {
        transpose::<V>(from, width, inner, panel, to);
    } else {
        for t in 0..inner {
            for r in 0..width {
                let element = from.start.add(r * from.across + t * from.along).read();
                to.add(t * panel + r).write(element);
            }
        }
    }
    if from.across != 1 {
        for t in 0..inner {
            for r in width..panel {
                to.add(t * panel + r).write(0.0);
            }
        }
    }
}

/// How many elements ahead of the copy lines are asked for: in strides, which the hardware does not foresee.
const AHEAD: usize = 16;

/// Copies lines that lie side by side.
///
/// A vector may reach over the panel's end: the next element's copy then overwrites it.
#[inline(always)]
unsafe fn copy<V: Lanes>(from: Lines, width: usize, inner: usize, panel: usize, to: *mut f32) {
    for t in 0..inner {
        V::prefetch(from.start.wrapping_add((t + AHEAD) * from.along));
        let (from, to) = (from.start.add(t * from.along), to.add(t * panel));
        let mut r = 0;
        while r + V::WIDTH <= width {
            V::load(from.add(r)).store(to.add(r));
            r += V::WIDTH;
        }
        while r < panel {
            V::load_first(from.add(r.min(width)), width.saturating_sub(r)).store(to.add(r));
            r += V::WIDTH;
        }
    }
}

/// Transposes lines that are contiguous, in blocks of eight.
#[inline(always)]
unsafe fn transpose<V: Lanes>(from: Lines, width: usize, inner: usize, panel: usize, to: *mut f32) {
    let (lines, elements) = (width & !7, inner & !7);
    for r in (0..lines).step_by(8) {
        for t in (0..elements).step_by(8) {
            let block = from.start.add(r * from.across + t);
            V::transpose8(block, from.across, to.add(t * panel + r), panel);
        }
    }
    for t in 0..inner {
        let done = if t < elements { lines } else { 0 };
        for r in done..width {
            to.add(t * panel + r).write(from.start.add(r * from.across + t).read());
        }
    }
}
