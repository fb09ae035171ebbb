//! Regions of a buffer: who keeps what where, decided once, before the first step.

use std::ops::Range;

/// A run of elements of a [`Buffer`](super::Buffer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Region {
    /// The first element.
    pub start: usize,
    /// The number of elements.
    pub len: usize,
}

impl Region {
    /// The region from `start` on.
    pub const fn new(start: usize, len: usize) -> Self {
        Self { start, len }
    }

    /// The element after the last one.
    pub const fn end(self) -> usize {
        self.start + self.len
    }

    /// The region as a range of indices.
    pub const fn range(self) -> Range<usize> {
        self.start..self.start + self.len
    }

    /// The elements of `elements` that the region names.
    ///
    /// # Panics
    ///
    /// If the region reaches beyond them.
    pub fn of(self, elements: &[f32]) -> &[f32] {
        &elements[self.range()]
    }

    /// The elements of `elements` that the region names, to write.
    ///
    /// # Panics
    ///
    /// If the region reaches beyond them.
    pub fn of_mut(self, elements: &mut [f32]) -> &mut [f32] {
        &mut elements[self.range()]
    }

    /// The first `len` elements of the region.
    ///
    /// # Panics
    ///
    /// If the region is shorter.
    #[must_use]
    pub fn first(self, len: usize) -> Self {
        assert!(len <= self.len, "a part is not longer than the whole");
        Self { start: self.start, len }
    }
}

/// Hands out disjoint regions of a buffer that is made afterwards.
#[derive(Debug, Default)]
pub struct Planner {
    len: usize,
}

/// Regions start at multiples of a cache line: 16 elements of 4 bytes.
const ALIGNMENT: usize = 16;

impl Planner {
    /// A region of `len` elements that no other region of this planner shares.
    pub fn take(&mut self, len: usize) -> Region {
        let region = Region::new(self.len, len);
        self.len = region.end().next_multiple_of(ALIGNMENT);
        region
    }

    /// Elements that the buffer must have.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was taken yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Splits `elements` into the regions of an operation.
///
/// # Panics
///
/// If two of them overlap, or one reaches beyond the elements: they come from one [`Planner`].
pub(crate) fn disjoint<const N: usize>(
    elements: &mut [f32],
    regions: [Region; N],
) -> [&mut [f32]; N] {
    elements
        .get_disjoint_mut(regions.map(Region::range))
        .expect("regions of one planner are disjoint and within the buffer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_regions_are_disjoint_and_aligned() {
        let mut planner = Planner::default();
        let regions = [planner.take(5), planner.take(0), planner.take(17), planner.take(16)];
        assert!(regions.iter().all(|region| region.start % ALIGNMENT == 0));
        let mut elements = vec![0.0; planner.len()];
        let parts = disjoint(&mut elements, [regions[0], regions[2], regions[3]]);
        assert_eq!(parts.map(|part| part.len()), [5, 17, 16]);
    }

    #[test]
    #[should_panic(expected = "disjoint")]
    fn overlapping_regions_are_a_bug() {
        disjoint(&mut [0.0; 8], [Region::new(0, 5), Region::new(4, 2)]);
    }
}
