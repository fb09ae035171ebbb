//! Axes: from values to places, and which ticks are labelled.
//!
//! A logarithmic axis labels powers of ten where it has three or more; else 1-2-5, else 1-3, else every leading digit,
//! else 1-2-3-4-6-8, else
//! even steps: the first of these that has at least three labels which do not touch, of even steps at least four, and
//! leaves no large part of the axis without one. Where none does, the one with the most.

use super::text::{Decimal, Line, width};

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By their logarithm.
    Logarithmic,
}

/// A scale with its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Range {
    scale: Scale,
    /// The ends, as logarithms on a logarithmic scale.
    low: f64,
    high: f64,
}

/// The marks of an axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ticks {
    /// Labelled marks.
    pub(super) major: Vec<(f64, Line)>,
    /// Marks without a label.
    pub(super) minor: Vec<f64>,
}

/// The direction labels must not touch in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Side by side: their widths count.
    Horizontal,
    /// One above the other: their heights count.
    Vertical,
}

impl Range {
    /// A range that holds all `values`, with some room at both ends. On a logarithmic scale they must be positive.
    pub(super) fn holding(scale: Scale, values: &[f64]) -> Self {
        let place = |value: f64| match scale {
            Scale::Linear => value,
            Scale::Logarithmic => libm::log10(value),
        };
        let places = values.iter().map(|&value| place(value));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
            (low.min(place), high.max(place))
        });
        let room = match scale {
            _ if low.is_nan() || high.is_nan() || low > high => {
                return Self { scale, low: 0.0, high: 1.0 };
            }
            Scale::Logarithmic => (0.06 * (high - low)).max((0.1 - (high - low)) / 2.0),
            Scale::Linear if low == high => 0.1 * low.abs().max(1.0),
            Scale::Linear => 0.06 * (high - low),
        };
        Self { scale, low: low - room, high: high + room }
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(super) fn share(self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => libm::log10(value),
        };
        (place - self.low) / (self.high - self.low)
    }

    /// The value that lies at a share.
    pub(super) fn value(self, share: f64) -> f64 {
        let place = self.low + share * (self.high - self.low);
        match self.scale {
            Scale::Linear => place,
            Scale::Logarithmic => libm::pow(10.0, place),
        }
    }

    /// Ticks for an axis of that length with labels of that font size.
    pub(super) fn ticks(self, direction: Direction, length: f64, size: f64) -> Ticks {
        let fits = |ticks: &[(f64, Line)]| self.labels_fit(ticks, direction, length, size);
        let mut fallback = Ticks::default();
        for (wanted, labelled, minor) in self.candidates() {
            let ticks = Ticks { major: labels(self.inside(labelled)), minor: self.values(minor) };
            if !fits(&ticks.major) || ticks.major.len() > 9 {
                continue;
            }
            if ticks.major.len() >= wanted && self.covers(&ticks.major) {
                return ticks;
            }
            if ticks.major.len() > fallback.major.len() {
                fallback = ticks;
            }
        }
        fallback
    }

    /// Sets of labelled and unlabelled marks, the one that is liked best first, each with the labels it should have.
    fn candidates(self) -> Vec<(usize, Vec<Decimal>, Vec<Decimal>)> {
        let mut sets = Vec::new();
        if self.scale == Scale::Logarithmic {
            #[allow(clippy::cast_possible_truncation, reason = "the exponent of a binary64 number")]
            let (first, last) = (libm::floor(self.low) as i32, libm::ceil(self.high) as i32);
            let decades = |factors: &[i64], stride: usize| -> Vec<Decimal> {
                let exponents = (first..=last)
                    .filter(|e| e.rem_euclid(i32::try_from(stride).unwrap_or(1)) == 0);
                exponents
                    .flat_map(|exponent| {
                        factors.iter().map(move |&mantissa| Decimal { mantissa, exponent })
                    })
                    .collect()
            };
            let every: Vec<i64> = (1..10).collect();
            let digits = decades(&every, 1);
            let minor = if last - first <= 8 { digits.clone() } else { decades(&[1], 1) };
            sets.extend(
                [1, 2, 3, 5, 10, 20, 50, 100]
                    .map(|stride| (3, decades(&[1], stride), minor.clone())),
            );
            sets.push((3, decades(&[1, 2, 5], 1), digits.clone()));
            sets.push((3, decades(&[1, 3], 1), digits.clone()));
            let between: Vec<i64> = (10..100).step_by(2).collect();
            let between = decades(&between, 1).into_iter();
            let between = between
                .map(|Decimal { mantissa, exponent }| Decimal { mantissa, exponent: exponent - 1 });
            sets.push((3, digits.clone(), between.collect()));
            sets.push((3, decades(&[1, 2, 3, 4, 6, 8], 1), digits));
        }
        let (low, high) = (self.value(0.0), self.value(1.0));
        // Near the ends of binary64 both are one number, and no step leads from one to the other.
        if low >= high {
            return sets;
        }
        #[allow(clippy::cast_possible_truncation, reason = "the exponent of a binary64 number")]
        let top = libm::floor(libm::log10(high - low)) as i32;
        for exponent in [top, top - 1, top - 2] {
            for (step, parts) in [(5, 5), (2, 4), (1, 5)] {
                let major = multiples(step, exponent, low, high);
                let minor = multiples(step * 10 / parts, exponent - 1, low, high);
                sets.push((4, major, minor));
            }
        }
        sets
    }

    /// Whether the first and last labels are less than two fifths of the axis from its ends, and no others half of it
    /// from each other.
    fn covers(self, ticks: &[(f64, Line)]) -> bool {
        let shares: Vec<f64> = ticks.iter().map(|tick| self.share(tick.0)).collect();
        let (Some(first), Some(last)) = (shares.first(), shares.last()) else {
            return false;
        };
        let are_near = shares.windows(2).all(|pair| pair[1] - pair[0] < 0.5);
        *first < 0.4 && 1.0 - last < 0.4 && are_near
    }

    fn inside(self, decimals: Vec<Decimal>) -> Vec<Decimal> {
        let inside = |decimal: &Decimal| (0.0..=1.0).contains(&self.share(decimal.value()));
        decimals.into_iter().filter(inside).collect()
    }

    fn values(self, decimals: Vec<Decimal>) -> Vec<f64> {
        self.inside(decimals).into_iter().map(Decimal::value).collect()
    }

    fn labels_fit(
        self,
        ticks: &[(f64, Line)],
        direction: Direction,
        length: f64,
        size: f64,
    ) -> bool {
        ticks.windows(2).all(|pair| {
            let apart = (self.share(pair[1].0) - self.share(pair[0].0)) * length;
            let needed = match direction {
                Direction::Horizontal => {
                    f64::midpoint(width(&pair[0].1, size), width(&pair[1].1, size)) + 0.6 * size
                }
                Direction::Vertical => 1.35 * size,
            };
            needed <= apart
        })
    }
}

/// Labels of one style: plain digits if all read well that way, else powers of ten.
fn labels(decimals: Vec<Decimal>) -> Vec<(f64, Line)> {
    let all_plain = decimals.iter().all(|decimal| decimal.is_plain());
    let label = |decimal: Decimal| {
        if all_plain { decimal.plain() } else { decimal.scientific() }
    };
    decimals.into_iter().map(|decimal| (decimal.value(), label(decimal))).collect()
}

/// Multiples of `step · 10^exponent` between `low` and `high`; none if they are too many to draw.
fn multiples(step: i64, exponent: i32, low: f64, high: f64) -> Vec<Decimal> {
    let unit = Decimal { mantissa: step, exponent }.value();
    let (first, last) = (libm::ceil(low / unit), libm::floor(high / unit));
    if !(last - first < 200.0 && first.abs() < 1e15 && last.abs() < 1e15) {
        return Vec::new();
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole and below 10^15")]
    let (first, last) = (first as i64, last as i64);
    (first..=last).map(|k| Decimal { mantissa: k * step, exponent }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::text::Run;

    fn labels_of(scale: Scale, values: &[f64], length: f64) -> Vec<String> {
        let spell = |run: &Run| match run {
            Run::Plain(text) => text.clone(),
            Run::Superscript(text) => format!("^{text}"),
        };
        let ticks = Range::holding(scale, values).ticks(Direction::Horizontal, length, 11.0);
        ticks.major.iter().map(|(_, line)| line.iter().map(spell).collect()).collect()
    }

    #[test]
    fn logarithmic_axes_label_what_reads_best() {
        let labels = |low, high| labels_of(Scale::Logarithmic, &[low, high], 300.0).join(" ");
        assert_eq!(labels(1e8, 1e12), "10^8 10^9 10^10 10^11 10^12");
        assert_eq!(labels(0.05, 0.9), "0.05 0.1 0.2 0.5 1");
        assert_eq!(labels(0.21, 0.48), "0.2 0.3 0.4 0.5");
        assert_eq!(labels(0.52, 0.61), "0.52 0.54 0.56 0.58 0.60 0.62");
        assert_eq!(labels(0.06, 0.25), "0.06 0.08 0.1 0.2");
        assert_eq!(labels(3e10, 6.6e12), "3×10^10 10^11 3×10^11 10^12 3×10^12");
        assert_eq!(labels(1e-20, 1e20), "10^−20 10^−10 10^0 10^10 10^20");
    }

    #[test]
    fn linear_axes_step_by_1_2_5() {
        assert_eq!(
            labels_of(Scale::Linear, &[0.0, 1.0], 300.0).join(" "),
            "0.0 0.2 0.4 0.6 0.8 1.0"
        );
        assert_eq!(labels_of(Scale::Linear, &[-3.0, 3.0], 120.0).join(" "), "−2 0 2");
    }

    #[test]
    fn one_value_and_no_value_have_an_axis() {
        for scale in [Scale::Linear, Scale::Logarithmic] {
            assert!(labels_of(scale, &[0.9], 300.0).len() >= 2);
            assert!((Range::holding(scale, &[0.9]).share(0.9) - 0.5).abs() < 1e-12);
            assert!(!labels_of(scale, &[], 300.0).is_empty());
        }
    }

    #[test]
    fn the_smallest_and_the_largest_number_have_an_axis() {
        for value in [f64::from_bits(1), f64::MAX] {
            let range = Range::holding(Scale::Logarithmic, &[value]);
            assert!((range.share(value) - 0.5).abs() < 1e-9);
            range.ticks(Direction::Horizontal, 300.0, 11.0);
        }
    }

    #[test]
    fn labels_never_touch() {
        for length in [60.0, 120.0, 240.0, 480.0] {
            for high in [1.2, 1.9, 3.0, 10.0, 40.0, 300.0, 1e4, 1e9] {
                let range = Range::holding(Scale::Logarithmic, &[1.0, high]);
                let ticks = range.ticks(Direction::Horizontal, length, 11.0);
                assert!(range.labels_fit(&ticks.major, Direction::Horizontal, length, 11.0));
            }
        }
    }
}
