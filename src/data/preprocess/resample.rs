//! Resampling along both axes, in Pillow's arithmetic.

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

    fn positions(self) -> std::ops::Range<usize> {
        self.start..self.start + self.length
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

/// Both axes, one after the other, each rounded to bytes; an axis whose length stays is only cut.
pub(super) fn resample_bytes(
    bytes: Vec<u8>,
    channels: usize,
    across: Axis,
    down: Axis,
    columns_first: bool,
) -> Vec<u8> {
    if columns_first {
        let bytes = resample_columns(bytes, across.from * channels, down);
        resample_rows(bytes, channels, across)
    } else {
        let bytes = resample_rows(bytes, channels, across);
        resample_columns(bytes, across.length * channels, down)
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

/// Every column along `down`; `stride` is the bytes of a row.
fn resample_columns(bytes: Vec<u8>, stride: usize, down: Axis) -> Vec<u8> {
    if down.is_whole() {
        return bytes;
    }
    if down.from == down.to {
        return bytes[down.start * stride..(down.start + down.length) * stride].to_vec();
    }
    let mut resampled = Vec::with_capacity(stride * down.length);
    let mut sums = vec![0_i32; stride];
    for (first, values) in fixed_weights(down) {
        sums.fill(HALF);
        for (row, weight) in bytes[first * stride..].chunks_exact(stride).zip(&values) {
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
        rows_of_grey16(columns_of_grey16(values, across.from, down), across)
    } else {
        columns_of_grey16(rows_of_grey16(values, across), across.length, down)
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

fn columns_of_grey16(values: Vec<u16>, width: usize, down: Axis) -> Vec<u16> {
    if down.is_whole() {
        return values;
    }
    if down.from == down.to {
        return values[down.start * width..(down.start + down.length) * width].to_vec();
    }
    let at = |w: &Weights, column| {
        weighted16(values[w.first * width + column..].iter().step_by(width), w)
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

/// Every pixel from the one that its centre falls on. The centre moves by repeated addition, as Pillow's does.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of images, and positions within them"
)]
pub(super) fn nearest(bytes: &[u8], across: Axis, down: Axis) -> Vec<u8> {
    let places = |axis: Axis| -> Vec<usize> {
        let step = axis.from as f64 / axis.to as f64;
        let centres = std::iter::successors(Some(step * 0.5), |centre| Some(centre + step));
        let place = |centre: f64| (centre as usize).min(axis.from - 1);
        centres.skip(axis.start).take(axis.length).map(place).collect()
    };
    let columns = places(across);
    let rows = places(down).into_iter();
    rows.flat_map(|row| columns.iter().map(move |column| bytes[row * across.from + column]))
        .collect()
}
