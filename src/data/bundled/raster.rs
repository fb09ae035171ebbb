//! Glyph outlines to pixels, in integers.
//!
//! A glyph is black on white, scaled so that the longer side of its box fills 7/8 of the image, and centred. Curves
//! become eight chords each; every pixel row is sampled along eight lines, and along a line the covered length is
//! exact to 1/256 pixel under the non-zero winding rule. Nothing is rounded by the machine: ttf-parser hands out
//! coordinates in font units (exact in binary32), which enter here as multiples of 1/64 unit.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Units of a pixel, in both directions.
const PIXEL: i64 = 256;
/// Sample lines of a pixel row.
const LINES: usize = 8;
/// Units between sample lines.
const LINE: i64 = PIXEL / 8;
/// Chords of a curve.
const CHORDS: i64 = 8;
/// Fractions of a font unit.
const FRACTIONS: f32 = 64.0;

type Point = [i64; 2];

/// Draws glyph `id` as `side²` grey bytes, row after row; `None` where it has no outline or no extent.
pub(super) fn draw_glyph(face: &Face<'_>, id: GlyphId, side: usize) -> Option<Vec<u8>> {
    let mut outline = Outline::default();
    face.outline_glyph(id, &mut outline)?;
    draw_contours(&outline.contours, side)
}

/// The closed contours of a glyph as polygons, y upwards.
#[derive(Default)]
struct Outline {
    contours: Vec<Vec<Point>>,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.contours.push(vec![[fixed(x), fixed(y)]]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.push([fixed(x), fixed(y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let points = [self.last(), [fixed(x1), fixed(y1)], [fixed(x), fixed(y)]];
        self.curve(points, |t| [(CHORDS - t) * (CHORDS - t), 2 * t * (CHORDS - t), t * t]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let controls = [[fixed(x1), fixed(y1)], [fixed(x2), fixed(y2)]];
        let points = [self.last(), controls[0], controls[1], [fixed(x), fixed(y)]];
        self.curve(points, |t| {
            let s = CHORDS - t;
            [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t]
        });
    }

    fn close(&mut self) {}
}

impl Outline {
    fn last(&self) -> Point {
        self.contours.last().and_then(|contour| contour.last()).copied().unwrap_or_default()
    }

    fn push(&mut self, point: Point) {
        if let Some(contour) = self.contours.last_mut() {
            contour.push(point);
        }
    }

    /// Adds the chords of a Bézier curve; `weights` gives the Bernstein weights at `t ÷ CHORDS`, up to their sum.
    fn curve<const N: usize>(&mut self, points: [Point; N], weights: impl Fn(i64) -> [i64; N]) {
        for t in 1..=CHORDS {
            let weights = weights(t);
            let sum = weights.iter().sum();
            let at = |axis: usize| {
                let total = points.iter().zip(weights).map(|(point, weight)| point[axis] * weight);
                divide_rounded(total.sum(), sum)
            };
            self.push([at(0), at(1)]);
        }
    }
}

/// Polygons under the non-zero rule as grey bytes.
fn draw_contours(contours: &[Vec<Point>], side: usize) -> Option<Vec<u8>> {
    let points = || contours.iter().flatten();
    let low = [points().map(|p| p[0]).min()?, points().map(|p| p[1]).min()?];
    let high = [points().map(|p| p[0]).max()?, points().map(|p| p[1]).max()?];
    let extent = [high[0] - low[0], high[1] - low[1]];
    let longer = extent[0].max(extent[1]);
    if longer == 0 {
        return None;
    }
    let full = i64::try_from(side).ok()? * PIXEL;
    let place = |point: &Point| {
        // Twice the distance from the middle of the box, so that an odd extent stays exact.
        let from_middle = |axis: usize| 2 * (point[axis] - low[axis]) - extent[axis];
        let scaled = |doubled: i64| divide_rounded(doubled * (full - full / 8), 2 * longer);
        [full / 2 + scaled(from_middle(0)), full / 2 - scaled(from_middle(1))]
    };
    let mut crossings: Vec<Vec<(i64, i64)>> = vec![Vec::new(); side * LINES];
    for contour in contours {
        let placed: Vec<Point> = contour.iter().map(place).collect();
        for (i, &from) in placed.iter().enumerate() {
            add_crossings(from, placed[(i + 1) % placed.len()], &mut crossings);
        }
    }
    let rows = crossings.chunks_mut(LINES);
    Some(rows.flat_map(|lines| draw_row(lines, side)).collect())
}

/// Adds where the edge crosses each sample line: x and the direction. Line `k` lies at `(k + ½) · LINE`.
fn add_crossings(from: Point, to: Point, crossings: &mut [Vec<(i64, i64)>]) {
    let (step, half) = (LINE, LINE / 2);
    let (top, bottom, direction) = if from[1] < to[1] { (from, to, 1) } else { (to, from, -1) };
    let height = bottom[1] - top[1];
    // The lines with top ≤ y < bottom, so that edges which meet on a line cross it once.
    let first = (top[1] - half + step - 1).div_euclid(step).max(0);
    let end = (bottom[1] - half + step - 1).div_euclid(step);
    for line in first..end {
        let Some(slot) = usize::try_from(line).ok().and_then(|line| crossings.get_mut(line)) else {
            return;
        };
        let y = line * step + half;
        let x = top[0] + ((y - top[1]) * (bottom[0] - top[0])).div_euclid(height);
        slot.push((x, direction));
    }
}

/// One pixel row from its sample lines: 255 is uncovered, 0 covered.
fn draw_row(lines: &mut [Vec<(i64, i64)>], side: usize) -> Vec<u8> {
    let mut covered = vec![0_i64; side];
    for line in lines {
        line.sort_unstable();
        let (mut winding, mut start) = (0, 0);
        for &(x, direction) in line.iter() {
            if winding == 0 {
                start = x;
            }
            winding += direction;
            if winding == 0 {
                cover(&mut covered, start, x);
            }
        }
    }
    let whole = PIXEL * (PIXEL / LINE);
    let grey = |length: i64| 255 - divide_rounded(255 * length, whole);
    covered.into_iter().map(|length| u8::try_from(grey(length)).expect("0 to 255")).collect()
}

/// Adds the covered length `start..end` to the pixels it runs through.
fn cover(covered: &mut [i64], start: i64, end: i64) {
    let first = usize::try_from(start.div_euclid(PIXEL)).unwrap_or(0);
    for (pixel, length) in covered.iter_mut().enumerate().skip(first) {
        let left = i64::try_from(pixel).expect("a pixel of a row") * PIXEL;
        if left >= end {
            return;
        }
        *length += (end.min(left + PIXEL) - start.max(left)).max(0);
    }
}

/// `numerator ÷ denominator` rounded to nearest, halves upwards; the denominator is positive.
fn divide_rounded(numerator: i64, denominator: i64) -> i64 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

/// Font units as multiples of 1/64.
#[allow(clippy::cast_possible_truncation, reason = "font units are below 2^24")]
fn fixed(value: f32) -> i64 {
    (value * FRACTIONS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(low: i64, high: i64, clockwise: bool) -> Vec<Point> {
        let mut points = vec![[low, low], [high, low], [high, high], [low, high]];
        if clockwise {
            points.reverse();
        }
        points
    }

    #[test]
    fn square_fills_seven_eighths_exactly() {
        let image = draw_contours(&[square(-700, 2100, false)], 32).unwrap();
        for (index, &grey) in image.iter().enumerate() {
            let inside = |at: usize| (2..30).contains(&at);
            let expected = if inside(index % 32) && inside(index / 32) { 0 } else { 255 };
            assert_eq!(grey, expected, "pixel {index}");
        }
    }

    #[test]
    fn contour_inside_cuts_a_hole_only_against_the_winding() {
        // 28 pixels for 2,800 units: the inner square covers pixels 9 to 22.
        let outer = square(0, 2800, false);
        let hole = draw_contours(&[outer.clone(), square(700, 2100, true)], 32).unwrap();
        let overlap = draw_contours(&[outer, square(700, 2100, false)], 32).unwrap();
        assert_eq!((hole[16 * 32 + 16], hole[16 * 32 + 4]), (255, 0));
        assert_eq!(overlap[16 * 32 + 16], 0);
        assert_eq!(
            hole.iter().map(|&grey| usize::from(grey == 0)).sum::<usize>(),
            28 * 28 - 14 * 14
        );
    }

    #[test]
    fn covered_area_of_a_diamond_is_half_its_box() {
        let diamond = vec![[0, 1000], [1000, 0], [2000, 1000], [1000, 2000]];
        let image = draw_contours(&[diamond], 32).unwrap();
        let ink: u32 = image.iter().map(|&grey| 255 - u32::from(grey)).sum();
        let expected = 28 * 28 / 2 * 255;
        assert!(ink.abs_diff(expected) * 1000 < expected, "{ink} against {expected}");
    }

    #[test]
    fn flat_outline_has_no_picture() {
        assert_eq!(draw_contours(&[vec![[5, 5], [5, 5]]], 32), None);
        assert_eq!(draw_contours(&[], 32), None);
    }
}
