//! Gradient chunks side by side: whose rows an operation has, and where it stores a gradient for each; the sum of
//! these.

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::{Operation, Region};

/// The chunks whose rows an operation has, one after the other and equally many of each. Rows do not depend on each other;
/// what is summed over rows is summed for each chunk by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    /// How many there are.
    pub count: usize,
    /// How many elements after the gradient of one that of the next one begins.
    pub stride: usize,
}

impl Chunks {
    /// A chunk alone.
    pub const ONE: Self = Self { count: 1, stride: 0 };

    /// The most that are side by side.
    pub const MOST: usize = 16;

    /// The rows of each chunk, of so many.
    ///
    /// # Panics
    ///
    /// If they do not have equally many.
    #[cfg(any(feature = "cuda", test))]
    pub(super) fn rows_of(self, rows: usize) -> usize {
        assert!(rows.is_multiple_of(self.count), "chunks have equally many rows");
        rows / self.count
    }

    /// In main memory chunks are computed one after the other, each while what it leaves is in the caches. So are those of
    /// a training that is bound to a class of devices, whose sums are cut by how many rows there are.
    ///
    /// # Panics
    ///
    /// If there are several.
    pub(super) fn assert_alone(self) {
        assert_eq!(self.count, 1, "such chunks are computed one after the other");
    }
}

/// Stores the sum of the chunks' gradients over their tree: `sum(lo, hi) = sum(lo, mid) + sum(mid, hi)`, an absent side
/// passed over.
#[derive(Debug, Clone, Copy)]
pub struct SumChunks {
    /// How many gradients there are, and how far apart.
    pub chunks: Chunks,
    /// The first of them.
    pub from: Region,
    /// Where the sum goes.
    pub to: Region,
}

impl Operation<0> for SumChunks {
    fn name(&self) -> &'static str {
        "sum of the gradients of chunks"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        let Chunks { count, stride } = self.chunks;
        let mut sums = [0.0; Chunks::MOST];
        for element in 0..self.to.len {
            let first = self.from.start + element;
            for (sum, chunk) in sums[..count].iter_mut().zip(target[first..].iter().step_by(stride))
            {
                *sum = *chunk;
            }
            let mut width = 1;
            while width < count {
                for chunk in (0..count - width).step_by(2 * width) {
                    sums[chunk] += sums[chunk + width];
                }
                width *= 2;
            }
            target[self.to.start + element] = sums[0];
        }
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        let [from, to] = [self.from, self.to].map(|region| target.element(region.start));
        device::launch::sum_chunks(queue, self.chunks, from, to, self.to.len)
    }
}
