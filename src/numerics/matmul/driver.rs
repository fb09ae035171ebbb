//! Cuts a product into panels that fit the caches and register tiles that compute them.

#![allow(unsafe_code, reason = "register tiles take addresses")]

use std::cell::Cell;

use super::Tile;
use super::kernel::{After, Ahead, Kernels, Operands};
use super::pack::Lines;
use super::reference::BLOCK;
use super::view::{Finish, View};

/// A cache line of binary32.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "room that is addressed as binary32")] [f32; 16]);

thread_local! {
    /// Room for packed panels, kept so that a product allocates only when it is the largest so far.
    static ROOM: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Lends `count` elements, aligned to a cache line, with arbitrary contents.
pub(crate) fn with_room<R>(count: usize, work: impl FnOnce(*mut f32) -> R) -> R {
    let mut room = ROOM.take();
    if room.len() < count.div_ceil(16) {
        room.resize(count.div_ceil(16), Line([0.0; 16]));
    }
    let result = work(room.as_mut_ptr().cast());
    ROOM.set(room);
    result
}

/// How the register tiles read A.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// In place: rows are contiguous.
    InPlace,
    /// In place: columns are contiguous.
    Columns,
    /// From copies of the rows: their stride would crowd them into few cache sets, or they are read
    /// many times.
    Rows,
    /// From panels in which the rows lie side by side.
    Panels,
}

/// A product whose shapes were checked.
pub(super) struct Product<'a> {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) a: View<'a>,
    pub(super) b: View<'a>,
    pub(super) finish: Finish<'a>,
    pub(super) out: &'a mut [f32],
    pub(super) out_row_stride: usize,
}

/// A part of C: rows `i` to `i + rows`, columns `j` to `j + columns`, a block of k from `t`.
#[derive(Clone, Copy)]
struct Part {
    i: usize,
    rows: usize,
    j: usize,
    columns: usize,
    t: usize,
    inner: usize,
}

impl Product<'_> {
    /// Computes the product with the kernels of one path.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions.
    pub(super) unsafe fn compute<M: Kernels>(mut self, tile: Tile) {
        let tile_rows = tile.rows.min(self.m).next_multiple_of(M::ROWS);
        let inner = self.k.min(BLOCK);
        let reading = self.reading::<M>();
        // Where nothing is packed twice for it, a panel is packed just before it is read.
        let one_by_one =
            self.m <= tile_rows && matches!(reading, Reading::InPlace | Reading::Columns);
        let tile_columns = if one_by_one { M::COLUMNS } else { tile.columns.min(self.n) };
        let tile_columns = tile_columns.next_multiple_of(M::COLUMNS);
        // Rows are copied with one line more than needed between them; panels are written in whole
        // vectors, so one line more at the end.
        let b_len = (inner * tile_columns).next_multiple_of(16) + 16;
        let a_len = tile_rows * copied_stride(inner) + 16;
        let need = b_len + if reading == Reading::InPlace { 0 } else { a_len };
        with_room(need, |room| {
            for j in (0..self.n).step_by(tile_columns) {
                let columns = tile_columns.min(self.n - j);
                for block in 0..self.k.div_ceil(BLOCK).max(1) {
                    let t = block * BLOCK;
                    let part =
                        Part { i: 0, rows: 0, j, columns, t, inner: (self.k - t).min(BLOCK) };
                    // SAFETY: the room holds `inner` elements for every column, and every row of a
                    // tile; `part` lies inside the product, whose shapes were checked.
                    unsafe {
                        self.pack_b::<M>(part, room);
                        for i in (0..self.m).step_by(tile_rows) {
                            let part = Part { i, rows: tile_rows.min(self.m - i), ..part };
                            self.pack_a::<M>(part, reading, room.add(b_len));
                            self.tiles::<M>(part, reading, room, room.add(b_len));
                        }
                    }
                }
            }
        });
    }

    /// Decides how A is read.
    fn reading<M: Kernels>(&self) -> Reading {
        let (stride, columns) = (self.a.row_stride(), self.n);
        if self.a.column_stride() != 1 && self.k != 1 {
            let crowded = self.a.column_stride().is_multiple_of(512) && columns > M::COLUMNS;
            let often = columns > 8 * M::COLUMNS && self.m > 96;
            if self.a.row_stride() == 1 && !crowded && !often {
                Reading::Columns
            } else {
                Reading::Panels
            }
        } else if columns > 8 * M::COLUMNS || (stride.is_multiple_of(512) && columns > M::COLUMNS) {
            Reading::Rows
        } else {
            Reading::InPlace
        }
    }

    /// Packs B's columns of a part.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; the room holds `inner` elements a padded column.
    unsafe fn pack_b<M: Kernels>(&self, part: Part, room: *mut f32) {
        let (across, along) = (self.b.column_stride(), self.b.row_stride());
        for j in (0..part.columns).step_by(M::COLUMNS) {
            let width = M::COLUMNS.min(part.columns - j);
            // SAFETY: the panel's first element is in bounds if it is not empty, and is not read
            // otherwise; the panel lies in the room.
            unsafe {
                let start = self.b.as_ptr().wrapping_add(part.t * along + (part.j + j) * across);
                let to = room.add(j * part.inner);
                M::pack(Lines { start, across, along }, width, M::COLUMNS, part.inner, to);
            }
        }
    }

    /// Packs or copies A's rows of a part.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; the room holds the part's rows.
    unsafe fn pack_a<M: Kernels>(&self, part: Part, reading: Reading, room: *mut f32) {
        let (across, along) = (self.a.row_stride(), self.a.column_stride());
        let start = |i: usize| self.a.as_ptr().wrapping_add((part.i + i) * across + part.t * along);
        match reading {
            Reading::InPlace | Reading::Columns => {}
            Reading::Rows => {
                for i in 0..part.rows {
                    // SAFETY: the row's elements t to t + inner are in bounds, as is its copy.
                    unsafe {
                        let to = room.add(i * copied_stride(part.inner));
                        start(i).copy_to_nonoverlapping(to, part.inner);
                    }
                }
            }
            Reading::Panels => {
                for i in (0..part.rows).step_by(M::ROWS) {
                    let width = M::ROWS.min(part.rows - i);
                    let lines = Lines { start: start(i), across, along };
                    // SAFETY: as for B; the room has a vector more than the panels.
                    unsafe { M::pack(lines, width, M::ROWS, part.inner, room.add(i * part.inner)) };
                }
            }
        }
    }

    /// Computes the register tiles of a part.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; `b` and `a` hold the part's packed operands.
    unsafe fn tiles<M: Kernels>(
        &mut self,
        part: Part,
        reading: Reading,
        b: *const f32,
        a: *const f32,
    ) {
        let (a, a_stride) = match reading {
            Reading::InPlace => {
                let stride = self.a.row_stride();
                (self.a.as_ptr().wrapping_add(part.i * stride + part.t), stride)
            }
            Reading::Columns => {
                let stride = self.a.column_stride();
                (self.a.as_ptr().wrapping_add(part.i + part.t * stride), stride)
            }
            Reading::Rows => (a, copied_stride(part.inner)),
            Reading::Panels => (a, M::ROWS),
        };
        for j in (0..part.columns).step_by(M::COLUMNS) {
            let column = part.j + j;
            let to = part.i * self.out_row_stride + column;
            let operands = Operands {
                tiles: 0,
                inner: part.inner,
                a,
                a_stride,
                b: b.wrapping_add(j * part.inner),
                b_stride: M::COLUMNS,
                c: self.out[to..].as_mut_ptr(),
                c_stride: self.out_row_stride,
                columns: M::COLUMNS.min(part.columns - j),
                after: self.after(part, part.i, column),
                ahead: self.ahead::<M>(part, column + M::COLUMNS),
            };
            // SAFETY: the tiles lie inside the product, whose shapes were checked.
            unsafe {
                match reading {
                    Reading::InPlace | Reading::Rows => {
                        M::strip(part.rows, M::ROWS, false, &operands);
                    }
                    Reading::Columns => M::strip(part.rows, M::ROWS, true, &operands),
                    Reading::Panels => self.panels::<M>(part, column, &operands),
                }
            }
        }
    }

    /// Computes the tiles whose rows of A lie in panels, each after the one before.
    ///
    /// # Safety
    ///
    /// As for [`Self::tiles`].
    unsafe fn panels<M: Kernels>(&self, part: Part, column: usize, first: &Operands) {
        for i in (0..part.rows).step_by(M::ROWS) {
            let operands = Operands {
                a: first.a.wrapping_add(i * part.inner),
                c: first.c.wrapping_add(i * self.out_row_stride),
                after: self.after(part, part.i + i, column),
                ..*first
            };
            // SAFETY: the caller's contract.
            unsafe { M::strip(M::ROWS.min(part.rows - i), M::ROWS, true, &operands) };
        }
    }

    /// The lines of B that the panel at `column` will be packed from, if that lies beyond this part.
    fn ahead<M: Kernels>(&self, part: Part, column: usize) -> Ahead {
        if self.b.column_stride() != 1 || column < part.j + part.columns || column >= self.n {
            return Ahead::NOTHING;
        }
        let stride = self.b.row_stride();
        Ahead {
            start: self.b.as_ptr().wrapping_add(part.t * stride + column),
            stride,
            lines: part.inner,
            per_tile: part.inner.div_ceil(part.rows.div_ceil(M::ROWS)),
        }
    }

    /// What a tile at (row, column) does with its chains: the last block is finished.
    fn after(&self, part: Part, row: usize, column: usize) -> After {
        let after = After { accumulate: part.t > 0, ..After::STORE };
        if part.t + part.inner < self.k {
            return after;
        }
        let at = |other: View| {
            let offset = row * other.row_stride() + column * other.column_stride();
            other.as_ptr().wrapping_add(offset)
        };
        match self.finish {
            Finish::Store => after,
            Finish::Bias(bias) => After { bias: bias[column..].as_ptr(), ..after },
            Finish::BiasResidual { bias, residual } => After {
                bias: bias[column..].as_ptr(),
                residual: at(residual),
                residual_stride: residual.row_stride(),
                ..after
            },
            Finish::Times(factors) => {
                After { factors: at(factors), factor_stride: factors.row_stride(), ..after }
            }
        }
    }
}

/// The distance between copied rows: never a multiple of a page.
fn copied_stride(inner: usize) -> usize {
    inner.next_multiple_of(16) + 16
}
