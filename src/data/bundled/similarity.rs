//! Near-duplicates by a stated rule, in integers.
//!
//! The ink of a pixel is 255 minus its value, for red, green and blue. Of the sums of ink over 16 × 16 blocks, the *edges*
//! are the differences to the block on the left and to the block above (outside there is no ink). Two drawings are
//! **near-duplicates** where the differences of their edges are at most [`NUMERATOR`]/[`DENOMINATOR`] of the edges of both:
//! `Σ |a − b| · DENOMINATOR ≤ NUMERATOR · Σ (|a| + |b|)`, over blocks, both directions and the three colours. The measure is
//! 0 for equal drawings and 1 for drawings without a common edge. Edges, and not ink, because a disc with a small sign in
//! it is mostly the disc's ink: its edges tell it from other discs, and from thin lines as well as from full shapes.
//!
//! Sums over coarser blocks bound the sum of differences from below, so most pairs are decided by a few numbers; the
//! answer is that of the definition.

use super::drawing::SIDE;

/// See the module's rule.
pub(super) const NUMERATOR: u32 = 10;
/// See the module's rule.
pub(super) const DENOMINATOR: u32 = 100;

/// Blocks a side, from fine to coarse; each level sums 2 × 2 blocks of the one before.
const LEVELS: [usize; 3] = [16, 8, 4];

/// The edges of a drawing at three resolutions.
pub(super) struct Edges {
    /// By colour; a grey drawing has one. Of each level the edges across, then those down.
    colours: Vec<[Vec<i16>; 3]>,
    /// All edges without their signs, as if in three colours.
    total: u32,
}

impl Edges {
    /// The edges of `pixels`: [`SIDE`]² grey bytes or three times as many colour bytes.
    pub(super) fn of(pixels: &[u8]) -> Self {
        let channels = pixels.len() / (SIDE * SIDE);
        let colour = |channel: usize| {
            let mut full = vec![0; SIDE * SIDE];
            for (ink, pixel) in full.iter_mut().zip(pixels.chunks_exact(channels)) {
                *ink = i16::from(255 - pixel[channel]);
            }
            let blocks = halved(&full, SIDE);
            let side = LEVELS[0];
            let (mut across, mut down) = (blocks.clone(), blocks.clone());
            for (row, blocks) in across.chunks_exact_mut(side).zip(blocks.chunks_exact(side)) {
                for (edge, left) in row[1..].iter_mut().zip(blocks) {
                    *edge -= left;
                }
            }
            for (edge, above) in down[side..].iter_mut().zip(&blocks) {
                *edge -= above;
            }
            let (across8, down8) = (halved(&across, side), halved(&down, side));
            let coarse = [halved(&across8, LEVELS[1]), halved(&down8, LEVELS[1])].concat();
            [[across, down].concat(), [across8, down8].concat(), coarse]
        };
        let colours: Vec<_> = (0..channels).map(colour).collect();
        let sum = |level: &[i16]| level.iter().map(|edge| u32::from(edge.unsigned_abs())).sum();
        let total: u32 = colours.iter().map(|levels| -> u32 { sum(&levels[0]) }).sum();
        Self { total: if channels == 1 { 3 * total } else { total }, colours }
    }

    /// Whether the rule calls the two near-duplicates.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        let limit = NUMERATOR * (self.total + other.total);
        self.total.abs_diff(other.total) * DENOMINATOR <= limit
            && (0..LEVELS.len())
                .rev()
                .all(|level| self.distance(other, level) * DENOMINATOR <= limit)
    }

    fn distance(&self, other: &Self, level: usize) -> u32 {
        let between = |a: &[i16], b: &[i16]| -> u32 {
            a.iter().zip(b).map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
        };
        match (self.colours.as_slice(), other.colours.as_slice()) {
            ([a], [b]) => 3 * between(&a[level], &b[level]),
            (a, b) => (0..3)
                .map(|colour| between(&a[colour % a.len()][level], &b[colour % b.len()][level]))
                .sum(),
        }
    }
}

/// The edges of many drawings, to be compared with others.
pub(super) struct Index(Vec<Edges>);

impl Index {
    /// An index of these drawings' edges.
    pub(super) fn new(mut edges: Vec<Edges>) -> Self {
        edges.sort_by_key(|edges| edges.total);
        Self(edges)
    }

    /// Whether a drawing with these edges is a near-duplicate of one of the index.
    pub(super) fn has_near(&self, edges: &Edges) -> bool {
        // The sum of differences is at least the difference of the sums, so both totals are close.
        let least = edges.total * (DENOMINATOR - NUMERATOR) / (DENOMINATOR + NUMERATOR);
        let first = self.0.partition_point(|known| known.total < least);
        let close = self.0[first..].iter().take_while(|known| {
            known.total * (DENOMINATOR - NUMERATOR) <= edges.total * (DENOMINATOR + NUMERATOR)
        });
        close.into_iter().any(|known| known.is_near(edges))
    }
}

/// Sums of 2 × 2 blocks.
fn halved(fine: &[i16], side: usize) -> Vec<i16> {
    let mut sums = Vec::with_capacity(side * side / 4);
    for rows in fine.chunks_exact(2 * side) {
        let (upper, lower) = rows.split_at(side);
        for (upper, lower) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
            sums.push(upper[0] + upper[1] + lower[0] + lower[1]);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule as its definition reads, over 16 × 16 block sums of three colours.
    fn near_by_definition(a: &[u8], b: &[u8]) -> bool {
        let block = |pixels: &[u8], row: i64, column: i64, colour: i64| -> i64 {
            let channels = pixels.len() / (SIDE * SIDE);
            let ink = |y: i64, x: i64| {
                let pixel = usize::try_from(y * 32 + x).unwrap();
                255 - i64::from(
                    pixels[pixel * channels + usize::try_from(colour).unwrap() % channels],
                )
            };
            if row < 0 || column < 0 {
                return 0;
            }
            let (y, x) = (2 * row, 2 * column);
            ink(y, x) + ink(y, x + 1) + ink(y + 1, x) + ink(y + 1, x + 1)
        };
        let (mut difference, mut both) = (0, 0);
        for index in 0..16 * 16 * 3 {
            let (row, column, colour) = (index / 48, index / 3 % 16, index % 3);
            for (back_row, back_column) in [(0, 1), (1, 0)] {
                let edge = |pixels| {
                    block(pixels, row, column, colour)
                        - block(pixels, row - back_row, column - back_column, colour)
                };
                difference += (edge(a) - edge(b)).abs();
                both += edge(a).abs() + edge(b).abs();
            }
        }
        difference * i64::from(DENOMINATOR) <= i64::from(NUMERATOR) * both
    }

    /// A disc of ink with its middle at column `middle`.
    fn disc(middle: usize, ink: u8, channels: usize) -> Vec<u8> {
        let pixel = |index: usize| {
            let (y, x) = (index / SIDE, index % SIDE);
            let inside = y.abs_diff(16).pow(2) + x.abs_diff(middle).pow(2) < 100;
            if inside { 255 - ink } else { 255 }
        };
        (0..SIDE * SIDE).flat_map(|index| vec![pixel(index); channels]).collect()
    }

    #[test]
    fn shortcut_gives_the_answer_of_the_definition() {
        let mut answers = [0, 0];
        let images: Vec<Vec<u8>> = (10..22)
            .flat_map(|middle| [disc(middle, 255, 1), disc(middle, 230, 3), disc(middle, 215, 1)])
            .collect();
        for a in &images {
            for b in &images {
                let expected = near_by_definition(a, b);
                assert_eq!(Edges::of(a).is_near(&Edges::of(b)), expected);
                answers[usize::from(expected)] += 1;
            }
            let index = Index::new(images[..9].iter().map(|b| Edges::of(b)).collect());
            let expected = images[..9].iter().any(|b| near_by_definition(a, b));
            assert_eq!(index.has_near(&Edges::of(a)), expected);
        }
        assert!(answers.iter().all(|&count| count > 40), "{answers:?}: both answers occur");
    }

    #[test]
    fn one_grey_level_is_near_and_a_pixel_aside_is_not() {
        let near = |a: &[u8], b: &[u8]| Edges::of(a).is_near(&Edges::of(b));
        assert!(near(&disc(16, 255, 1), &disc(16, 240, 3)));
        assert!(!near(&disc(16, 255, 1), &disc(18, 255, 1)));
    }
}
