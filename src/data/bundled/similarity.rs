//! Near-duplicates by a stated rule, in integers.
//!
//! The ink of a pixel is 255 minus its value, for red, green and blue. Two drawings are **near-duplicates** where, over
//! the 16 × 16 averages of their ink, the differences add up to at most [`NUMERATOR`]/[`DENOMINATOR`] of the ink of both:
//! `Σ |a − b| · DENOMINATOR ≤ NUMERATOR · Σ (a + b)`, summed over blocks and colours. That measure (Bray and Curtis,
//! 1957) is 0 for equal drawings and 1 for drawings without common ink, however thin their lines are.
//!
//! Coarser averages bound the sum of differences from below, so most pairs are decided by a few numbers; the answer is
//! that of the definition.

use super::drawing::SIDE;

/// See the module's rule.
pub(super) const NUMERATOR: u32 = 15;
/// See the module's rule.
pub(super) const DENOMINATOR: u32 = 100;

/// Blocks a side, from fine to coarse; each level sums 2 × 2 blocks of the one before.
const LEVELS: [usize; 3] = [16, 8, 4];

/// The ink of a drawing at three resolutions.
pub(super) struct Ink {
    /// By colour; a grey drawing has one.
    colours: Vec<[Vec<u16>; 3]>,
    /// All ink, as if in three colours.
    total: u32,
}

impl Ink {
    /// The ink of `pixels`: [`SIDE`]² grey bytes or three times as many colour bytes.
    pub(super) fn of(pixels: &[u8]) -> Self {
        let channels = pixels.len() / (SIDE * SIDE);
        let colour = |channel: usize| {
            let ink = pixels.iter().skip(channel).step_by(channels).map(|&value| 255 - value);
            let full: Vec<u16> = ink.map(u16::from).collect();
            let fine = halved(&full, SIDE);
            let middle = halved(&fine, LEVELS[0]);
            let coarse = halved(&middle, LEVELS[1]);
            [fine, middle, coarse]
        };
        let colours: Vec<_> = (0..channels).map(colour).collect();
        let sum = |level: &[u16]| level.iter().map(|&ink| u32::from(ink)).sum::<u32>();
        let total = colours.iter().map(|levels| sum(&levels[2])).sum::<u32>();
        Self { total: if channels == 1 { 3 * total } else { total }, colours }
    }

    /// Whether the rule calls the two near-duplicates.
    pub(super) fn is_near(&self, other: &Self) -> bool {
        let limit = NUMERATOR * (self.total + other.total);
        if self.total.abs_diff(other.total) * DENOMINATOR > limit {
            return false;
        }
        (0..LEVELS.len()).rev().all(|level| self.distance(other, level) * DENOMINATOR <= limit)
    }

    fn distance(&self, other: &Self, level: usize) -> u32 {
        let between = |a: &[u16], b: &[u16]| -> u32 {
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

/// Sums of 2 × 2 blocks.
fn halved(fine: &[u16], side: usize) -> Vec<u16> {
    let half = side / 2;
    let block = |index: usize| {
        let corner = index / half * 2 * side + index % half * 2;
        fine[corner] + fine[corner + 1] + fine[corner + side] + fine[corner + side + 1]
    };
    (0..half * half).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule as its definition reads, over 16 × 16 block sums of three colours.
    fn near_by_definition(a: &[u8], b: &[u8]) -> bool {
        let block = |pixels: &[u8], row: usize, column: usize, colour: usize| -> i64 {
            let channels = pixels.len() / (SIDE * SIDE);
            let ink = |y: usize, x: usize| {
                255 - i64::from(pixels[(y * SIDE + x) * channels + colour % channels])
            };
            let (y, x) = (2 * row, 2 * column);
            ink(y, x) + ink(y, x + 1) + ink(y + 1, x) + ink(y + 1, x + 1)
        };
        let (mut difference, mut both) = (0, 0);
        for index in 0..16 * 16 * 3 {
            let (row, column, colour) = (index / 48, index / 3 % 16, index % 3);
            let (a, b) = (block(a, row, column, colour), block(b, row, column, colour));
            difference += (a - b).abs();
            both += a + b;
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
            .flat_map(|middle| [disc(middle, 255, 1), disc(middle, 200, 3), disc(middle, 150, 1)])
            .collect();
        for a in &images {
            for b in &images {
                let expected = near_by_definition(a, b);
                assert_eq!(Ink::of(a).is_near(&Ink::of(b)), expected);
                answers[usize::from(expected)] += 1;
            }
        }
        assert!(answers.iter().all(|&count| count > 100), "{answers:?}: both answers occur");
    }

    #[test]
    fn one_pixel_aside_is_near_and_eight_are_not() {
        let near = |a: &[u8], b: &[u8]| Ink::of(a).is_near(&Ink::of(b));
        assert!(near(&disc(16, 255, 1), &disc(17, 255, 3)));
        assert!(!near(&disc(12, 255, 1), &disc(20, 255, 1)));
    }
}
#[cfg(test)]
impl Ink {
    pub(super) fn ratio(&self, other: &Self) -> u32 {
        let both = self.total + other.total;
        let far = self.total.abs_diff(other.total);
        if far * 100 > 40 * both { return 1000; }
        if self.distance(other, 2) * 100 > 40 * both { return 1000; }
        (u64::from(self.distance(other, 0)) * 1000 / u64::from(both)) as u32
    }
}
