//! Resampling along both axes, in Pillow's arithmetic. The cost is linear in the pixels, whatever the part of the resized
//! picture that is asked for, and wherever it lies.

use std::ops::Range;

/// Positions along one axis: `length` of them from `start` on, of the `to` positions that `from` are resized to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) start: usize,
    pub(super) length: usize,
}

impl Axis {
    /// Whether it changes nothing.
    pub(super) fn is_whole(self) -> bool {
        self.from == self.to && self.start == 0 && self.length == self.to
    }

    fn positions(self) -> Range<usize> {
        self.start..self.start + self.length
    }

    /// The input positions that are read, at least one.
    fn read(self) -> Range<usize> {
        if self.from == self.to {
            return self.positions();
        }
        let of = |start| weights(Self { start, length: 1, ..self }).remove(0);
        let (first, last) = (of(self.start), of(self.start + self.length - 1));
        first.first..last.first + last.values.len()
    }
}

/// The weights of one output position along an axis.
struct Weights {
    /// The first input position.
    first: usize,
    /// A weight an input position, with sum 1.
    values: Vec<f64>,
}

/// Fraction bits of a rounded weight.
const WEIGHT_BITS: u32 = 32 - 8 - 2;

/// Half a unit of a sum.
const HALF: i32 = 1 << (WEIGHT_BITS - 1);

/// Reach of the bicubic filter, in pixels of the smaller scale.
const SUPPORT: f64 = 2.0;

/// Keys' cubic convolution with a = −½.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// The weights of each position of an axis.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of images, and positions within them"
)]
fn weights(axis: Axis) -> Vec<Weights> {
    let scale = axis.from as f64 / axis.to as f64;
    let filter_scale = scale.max(1.0);
    let support = SUPPORT * filter_scale;
    let inverse = 1.0 / filter_scale;
    let of = |position: usize| {
        let centre = (position as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(axis.from);
        let at = |k: usize| bicubic(((k + first) as f64 - centre + 0.5) * inverse);
        let mut values: Vec<f64> = (0..end - first).map(at).collect();
        let sum = values.iter().fold(0.0, |sum, value| sum + value);
        if sum != 0.0 {
            values.iter_mut().for_each(|value| *value /= sum);
        }
        Weights { first, values }
    };
    axis.positions().map(of).collect()
}

/// A weight in units of 2^−22, rounded to nearest, halves away from zero.
#[allow(clippy::cast_possible_truncation, reason = "a weight is at most about 1")]
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1_u32 << WEIGHT_BITS);
    if weight < 0.0 { (-0.5 + scaled) as i32 } else { (0.5 + scaled) as i32 }
}

/// For each position, the first input position and the weights from there on, in units of 2^−22.
fn fixed_weights(axis: Axis) -> Vec<(usize, Vec<i32>)> {
    let of = |w: Weights| (w.first, w.values.into_iter().map(fixed).collect());
    weights(axis).into_iter().map(of).collect()
}

fn rounded(sum: i32) -> u8 {
    u8::try_from((sum >> WEIGHT_BITS).clamp(0, 255)).expect("clamped")
}

/// Whether columns are resampled before rows: where the height shrinks by more than twice as many pixels as the width.
/// New in Pillow 13.
pub(super) fn begins_with_columns(across: Axis, down: Axis) -> bool {
    down.from > down.to && down.from + 2 * across.to > down.to + 2 * across.from
}

/// The rows of those numbers, with `stride` values a row.
fn keep_rows<T>(mut values: Vec<T>, stride: usize, rows: &Range<usize>) -> Vec<T> {
    values.truncate(rows.end * stride);
    values.drain(..rows.start * stride);
    values
}

/// Both axes, one after the other, each rounded to bytes; an axis whose length stays is only cut. Rows that no column reads
/// are left out: there may be many more of them than others.
pub(super) fn resample_bytes(
    bytes: Vec<u8>,
    channels: usize,
    across: Axis,
    down: Axis,
    columns_first: bool,
) -> Vec<u8> {
    if columns_first {
        let bytes = resample_columns(bytes, across.from * channels, down, 0);
        resample_rows(bytes, channels, across)
    } else {
        let read = down.read();
        let bytes = keep_rows(bytes, across.from * channels, &read);
        let bytes = resample_rows(bytes, channels, across);
        resample_columns(bytes, across.length * channels, down, read.start)
    }
}

/// Every row along `across`.
fn resample_rows(bytes: Vec<u8>, channels: usize, across: Axis) -> Vec<u8> {
    if across.is_whole() {
        return bytes;
    }
    let rows = bytes.chunks_exact(across.from * channels);
    if across.from == across.to {
        let cut = across.start * channels..(across.start + across.length) * channels;
        return rows.flat_map(|row| row[cut.clone()].iter().copied()).collect();
    }
    let positions = fixed_weights(across);
    let mut resampled = Vec::with_capacity(rows.len() * across.length * channels);
    for row in rows {
        for (first, values) in &positions {
            let pixels = row[first * channels..].chunks_exact(channels);
            let mut sums = [HALF; 4];
            for (pixel, weight) in pixels.zip(values) {
                for (sum, byte) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*byte) * weight;
                }
            }
            resampled.extend(sums[..channels].iter().map(|sum| rounded(*sum)));
        }
    }
    resampled
}

/// Every column along `down`; `stride` is the bytes of a row, and `bytes` begin with row `top`.
fn resample_columns(bytes: Vec<u8>, stride: usize, down: Axis, top: usize) -> Vec<u8> {
    if down.is_whole() {
        return bytes;
    }
    if down.from == down.to {
        return bytes[(down.start - top) * stride..][..down.length * stride].to_vec();
    }
    let mut resampled = Vec::with_capacity(stride * down.length);
    let mut sums = vec![0_i32; stride];
    for (first, values) in fixed_weights(down) {
        sums.fill(HALF);
        for (row, weight) in bytes[(first - top) * stride..].chunks_exact(stride).zip(&values) {
            for (sum, byte) in sums.iter_mut().zip(row) {
                *sum += i32::from(*byte) * weight;
            }
        }
        resampled.extend(sums.iter().map(|sum| rounded(*sum)));
    }
    resampled
}

/// Both axes with 16-bit values and weights that are not rounded.
pub(super) fn resample_grey16(
    values: Vec<u16>,
    across: Axis,
    down: Axis,
    columns_first: bool,
) -> Vec<u16> {
    if columns_first {
        rows_of_grey16(columns_of_grey16(values, across.from, down, 0), across)
    } else {
        let read = down.read();
        let values = rows_of_grey16(keep_rows(values, across.from, &read), across);
        columns_of_grey16(values, across.length, down, read.start)
    }
}

fn rows_of_grey16(values: Vec<u16>, across: Axis) -> Vec<u16> {
    if across.is_whole() {
        return values;
    }
    let rows = values.chunks_exact(across.from);
    if across.from == across.to {
        return rows.flat_map(|row| row[across.positions()].iter().copied()).collect();
    }
    let positions = weights(across);
    rows.flat_map(|row| positions.iter().map(|w| weighted16(row[w.first..].iter(), w))).collect()
}

fn columns_of_grey16(values: Vec<u16>, width: usize, down: Axis, top: usize) -> Vec<u16> {
    if down.is_whole() {
        return values;
    }
    if down.from == down.to {
        return values[(down.start - top) * width..][..down.length * width].to_vec();
    }
    let at = |w: &Weights, column| {
        weighted16(values[(w.first - top) * width + column..].iter().step_by(width), w)
    };
    weights(down).iter().flat_map(|w| (0..width).map(move |column| at(w, column))).collect()
}

/// The weighted sum of values in ascending order, rounded to nearest, halves away from zero.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a sum of 16-bit values whose weights have the sum 1"
)]
fn weighted16<'a>(values: impl Iterator<Item = &'a u16>, weights: &Weights) -> u16 {
    let products = values.zip(&weights.values).map(|(value, weight)| f64::from(*value) * weight);
    let sum = products.fold(0.0, |sum, product| sum + product);
    let rounded = if sum >= 0.0 { (sum + 0.5).floor() } else { -(-sum + 0.5).floor() } as i32;
    u16::try_from(rounded.clamp(0, 0xffff)).expect("clamped")
}

/// Every pixel from the one that its centre falls on.
pub(super) fn nearest(bytes: &[u8], across: Axis, down: Axis) -> Vec<u8> {
    let columns = nearest_positions(across);
    let rows = nearest_positions(down).into_iter();
    rows.flat_map(|row| columns.iter().map(move |column| bytes[row * across.from + column]))
        .collect()
}

/// The input position that the centre of each position falls on. The centre moves by repeated addition, as Pillow's does.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of images, and positions within them"
)]
fn nearest_positions(axis: Axis) -> Vec<usize> {
    let step = axis.from as f64 / axis.to as f64;
    let first = moved(step * 0.5, step, axis.start as u64);
    let centres = std::iter::successors(Some(first), |centre| Some(centre + step));
    let place = |centre: f64| (centre as usize).min(axis.from - 1);
    centres.take(axis.length).map(place).collect()
}

/// `centre` with `step` added so many times, rounded each time; both are positive.
///
/// Between two powers of two all sums are rounded to multiples of one unit. So once a sum was rounded there, each step
/// moves by the same number of units, also where the step is halfway between two of them: the sum before it is even. Such
/// steps are taken at once, and the time is that of the powers of two.
fn moved(mut centre: f64, step: f64, mut times: u64) -> f64 {
    let power = |x: f64| x.to_bits() >> (f64::MANTISSA_DIGITS - 1);
    while times > 0 {
        let before = centre;
        centre += step;
        times -= 1;
        let next = centre + step;
        if power(before) == power(next) {
            let (at, units) = (centre.to_bits(), next.to_bits() - centre.to_bits());
            let last = ((power(centre) + 1) << (f64::MANTISSA_DIGITS - 1)) - 1;
            let steps = times.min((last - at).checked_div(units).unwrap_or(u64::MAX));
            centre = f64::from_bits(at + steps * units);
            times -= steps;
        }
    }
    centre
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By adding, one step after the other.
    #[test]
    fn steps_that_are_taken_at_once_end_where_steps_one_by_one_do() {
        let tie = f64::from_bits((1.0_f64 / 3.0).to_bits() | 1);
        let steps = [1.0 / 224.0, 3.0 / 7.0, 1.0, tie, 999.0 / 1000.0, 67_108_863.0 / 12_345.0];
        for step in steps {
            let (mut centre, mut times) = (step * 0.5, 0);
            for _ in 0..40 {
                assert_eq!(moved(step * 0.5, step, times).to_bits(), centre.to_bits(), "{step}");
                for _ in 0..997 {
                    centre += step;
                }
                times += 997;
            }
        }
    }

    /// Three thousand million additions in Rust, one by one, gave this number.
    #[test]
    fn a_position_far_out_is_found_at_once() {
        let step = 54_321_987.0 / 12_345_678_901.0;
        let centre = moved(step * 0.5, step, 3_000_000_000);
        assert_eq!(centre.to_bits(), 0x4169_2d6e_3f95_828f);
    }

    /// Rows that are left out are those that nothing reads.
    #[test]
    fn a_window_is_the_part_of_the_whole() {
        let bytes: Vec<u8> = (0..7 * 90_u32).map(|i| (i * i % 251).to_le_bytes()[0]).collect();
        let wide = |start, length| Axis { from: 7, to: 20, start, length };
        for (to, start, length) in [(257, 100, 20), (257, 0, 9), (257, 240, 17), (90, 31, 20)] {
            let axis = |start, length| Axis { from: 90, to, start, length };
            let whole = resample_bytes(bytes.clone(), 1, wide(0, 20), axis(0, to), false);
            let part = resample_bytes(bytes.clone(), 1, wide(0, 20), axis(start, length), false);
            assert_eq!(part, whole[start * 20..][..length * 20]);
            let narrow: Vec<u16> = bytes.iter().map(|byte| u16::from(*byte) * 200).collect();
            let whole = resample_grey16(narrow.clone(), wide(0, 20), axis(0, to), false);
            let part = resample_grey16(narrow, wide(0, 20), axis(start, length), false);
            assert_eq!(part, whole[start * 20..][..length * 20]);
        }
    }
}
