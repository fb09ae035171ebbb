//! Scaling laws: a power law `E = β · C^α` fitted on decimal logarithms.
//!
//! Four methods, which differ in the points that ordinary least squares runs over: all of them; the minima of equal
//! bins at the bins' centres, which is how the lines of arXiv:2212.07143 were drawn; the same minima where they truly
//! lie; and the Pareto frontier, the points that are optimal for their compute. All work on `(log10 C, log10 E)` in
//! binary64, with sums in the order of the fitted points.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::interval::{StudentInterval, student_interval};
use crate::numerics::least_squares;

/// How a line is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Ordinary least squares over all points.
    LeastSquares,
    /// Ordinary least squares over one point a bin: the bin's centre and the smallest log error in it.
    ///
    /// Bins are equal parts of `[min, max + margin]` of log10 C (`np.histogram`'s edges); a bin holds `edge ≤ x < next`
    /// (`np.digitize`), so that without a margin the largest x is in none; empty bins are left out.
    BinnedMinimum {
        /// Number of bins.
        bins: usize,
        /// Added to the last edge, in decades, so that the largest x lies inside it.
        margin: f64,
    },
    /// As [`Method::BinnedMinimum`], with the x of the smallest error in place of the bin's centre. Of equal errors the
    /// one of smaller C counts.
    BinnedMinimumAtPoint {
        /// Number of bins.
        bins: usize,
        /// Added to the last edge, in decades, so that the largest x lies inside it.
        margin: f64,
    },
    /// Ordinary least squares over the points that no other beats: a point is left out if another has at most its C and
    /// at most its E, and is not equal to it; of equal points the first stays. They ascend in C and descend in E.
    ParetoFrontier,
}

/// A fitted power law.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerLaw {
    /// The exponent α: the slope of the line.
    pub alpha: f64,
    /// `log10 β`: the line's value at C = 1.
    pub log10_beta: f64,
    /// `1 − Σ(y − ŷ)² ÷ Σ(y − ȳ)²` over the points the line was fitted to, in log10; none if all their y are equal.
    pub r_squared: Option<f64>,
    /// `√(Σ(y − ŷ)² ÷ (n − 2))` in decades; none for two points.
    pub residual_sd: Option<f64>,
    /// The standard error of α, `residual_sd ÷ √Σ(x − x̄)²`; none for two points.
    pub standard_error: Option<f64>,
    /// The points that the line was fitted to, by ascending bin or C, or in the order given.
    pub fitted: Vec<Fitted>,
}

/// A point that a line was fitted to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// `log10 C`: the point's own, or its bin's centre.
    pub log10_x: f64,
    /// `log10 E`.
    pub log10_y: f64,
    /// Its place among the points given, from 0.
    pub index: usize,
}

/// Points that no power law can be fitted to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalingError {
    /// A coordinate has no logarithm.
    #[error("point {} at ({x}, {y}) has no place on logarithmic axes", index + 1)]
    NotPositive {
        /// The point, from 0.
        index: usize,
        /// Its x.
        x: f64,
        /// Its y.
        y: f64,
    },
    /// A line needs two different x.
    #[error("{points} points at fewer than two different x do not make a line")]
    TooFew {
        /// Points that were left to fit.
        points: usize,
    },
    /// The method's settings have no meaning.
    #[error("{bins} bins with a margin of {margin} decades cannot hold points")]
    Bins {
        /// Number of bins.
        bins: usize,
        /// The margin.
        margin: f64,
    },
}

/// Fits `E = β · C^α` to points `(C, E)`.
pub fn fit_power_law(points: &[(f64, f64)], method: Method) -> Result<PowerLaw, ScalingError> {
    fit_line(&logarithms(points)?, method)
}

impl PowerLaw {
    /// The interval of α of coverage `level` by Student's t with n − 2 degrees of freedom: it holds where the errors
    /// of log10 E around the line are independent and normal. None for two points.
    pub fn student_interval(&self, level: f64) -> Option<StudentInterval> {
        let error = self.standard_error?;
        Some(student_interval(self.alpha, error, self.fitted.len() - 2, level))
    }

    /// What a fitted point lies above the line, in decades.
    pub fn residual(&self, point: &Fitted) -> f64 {
        point.log10_y - (self.log10_beta + self.alpha * point.log10_x)
    }

    /// β.
    pub fn beta(&self) -> f64 {
        libm::pow(10.0, self.log10_beta)
    }

    /// `β · x^α`, computed as `10^(log10 β + α·log10 x)`.
    pub fn at(&self, x: f64) -> f64 {
        libm::pow(10.0, self.log10_beta + self.alpha * libm::log10(x))
    }
}

/// The line as arXiv:2212.07143 prints it: `E = {β:.2} * C^{α:.2}`. A β that two decimals show as nothing, or with ten
/// digits or more before the point, has a power of ten: `1.23e-5`.
pub fn formula(alpha: f64, log10_beta: f64) -> String {
    let beta = libm::pow(10.0, log10_beta);
    // The least number that two decimals round to 0.01.
    let beta =
        if (0.005..1e9).contains(&beta) { format!("{beta:.2}") } else { format!("{beta:.2e}") };
    format!("E = {beta} * C^{alpha:.2}")
}

pub(super) fn logarithms(points: &[(f64, f64)]) -> Result<Vec<(f64, f64)>, ScalingError> {
    let logarithm = |(index, &(x, y)): (usize, &(f64, f64))| {
        if x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite() {
            Ok((libm::log10(x), libm::log10(y)))
        } else {
            Err(ScalingError::NotPositive { index, x, y })
        }
    };
    points.iter().enumerate().map(logarithm).collect()
}

/// Fits a line to points on decimal logarithms.
pub(super) fn fit_line(points: &[(f64, f64)], method: Method) -> Result<PowerLaw, ScalingError> {
    let fitted = match method {
        Method::LeastSquares => (0..points.len()).map(|index| at(points, index)).collect(),
        Method::BinnedMinimum { bins, margin } => {
            let centre = |(low, high, index): (f64, f64, usize)| Fitted {
                log10_x: f64::midpoint(low, high),
                ..at(points, index)
            };
            bin_minima(points, bins, margin)?.into_iter().map(centre).collect()
        }
        Method::BinnedMinimumAtPoint { bins, margin } => {
            bin_minima(points, bins, margin)?.into_iter().map(|bin| at(points, bin.2)).collect()
        }
        Method::ParetoFrontier => {
            frontier(points).into_iter().map(|index| at(points, index)).collect()
        }
    };
    line_through(fitted)
}

fn line_through(fitted: Vec<Fitted>) -> Result<PowerLaw, ScalingError> {
    if fitted.iter().all(|point| point.log10_x == fitted[0].log10_x) {
        return Err(ScalingError::TooFew { points: fitted.len() });
    }
    let (x, y): (Vec<f64>, Vec<f64>) =
        fitted.iter().map(|point| (point.log10_x, point.log10_y)).unzip();
    let line = least_squares::fit(&x, &y);
    let (x_mean, y_mean) = (mean(&x), mean(&y));
    let (mut residual, mut total, mut spread) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        let off = y - (line.intercept + line.slope * x);
        residual += off * off;
        total += (y - y_mean) * (y - y_mean);
        spread += (x - x_mean) * (x - x_mean);
    }
    // Not by `total`: the mean of equal numbers is rounded, and may differ from them.
    let is_level = y.iter().all(|other| *other == y[0]);
    let r_squared = (!is_level).then(|| 1.0 - residual / total);
    let residual_sd =
        (fitted.len() > 2).then(|| libm::sqrt(residual / (count(fitted.len()) - 2.0)));
    let standard_error = residual_sd.map(|sd| sd / libm::sqrt(spread));
    let (alpha, log10_beta) = (line.slope, line.intercept);
    Ok(PowerLaw { alpha, log10_beta, r_squared, residual_sd, standard_error, fitted })
}

fn at(points: &[(f64, f64)], index: usize) -> Fitted {
    let (log10_x, log10_y) = points[index];
    Fitted { log10_x, log10_y, index }
}

/// For each bin that holds a point: its edges, and the point of smallest y in it, of equal y the one of smallest x.
///
/// It costs no more where there are many bins than where there are few: a bootstrap asks for it thousands of times.
fn bin_minima(
    points: &[(f64, f64)],
    bins: usize,
    margin: f64,
) -> Result<Vec<(f64, f64, usize)>, ScalingError> {
    if bins == 0 || !(margin >= 0.0 && margin.is_finite()) {
        return Err(ScalingError::Bins { bins, margin });
    }
    let first = points.iter().fold(f64::INFINITY, |least, point| least.min(point.0));
    let last = points.iter().fold(f64::NEG_INFINITY, |most, point| most.max(point.0)) + margin;
    // As `np.linspace`: multiples of one step, and the last edge exact.
    let step = (last - first) / count(bins);
    let edge = |i: usize| {
        if i == bins { last } else { count(i) * step + first }
    };
    // The last bin whose lower edge is not above x; edges ascend, so that halving finds it.
    let bin_of = |x: f64| {
        let (mut bin, mut beyond) = (0, bins);
        while beyond - bin > 1 {
            let middle = usize::midpoint(bin, beyond);
            if edge(middle) <= x {
                bin = middle;
            } else {
                beyond = middle;
            }
        }
        bin
    };
    let mut minima: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, &point) in points.iter().enumerate().filter(|(_, point)| point.0 < last) {
        let least = minima.entry(bin_of(point.0)).or_insert(index);
        if by_y_then_x(point, points[*least]).is_lt() {
            *least = index;
        }
    }
    Ok(minima.into_iter().map(|(bin, least)| (edge(bin), edge(bin + 1), least)).collect())
}

/// The points that no other beats, by ascending x.
fn frontier(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    // A stable sort: of equal points the first stays.
    order.sort_by(|&a, &b| {
        points[a].0.total_cmp(&points[b].0).then(points[a].1.total_cmp(&points[b].1))
    });
    let mut least = f64::INFINITY;
    order.retain(|&index| {
        let is_lower = points[index].1 < least;
        least = least.min(points[index].1);
        is_lower
    });
    order
}

fn by_y_then_x(a: (f64, f64), b: (f64, f64)) -> Ordering {
    a.1.total_cmp(&b.1).then(a.0.total_cmp(&b.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / count(values.len())
}

#[allow(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BINNED: Method = Method::BinnedMinimum { bins: 4, margin: 0.1 };

    fn nine_points() -> Vec<(f64, f64)> {
        let compute = [10., 20., 50., 100., 200., 400., 1000., 5000., 10000.];
        let error = [0.9, 0.95, 0.7, 0.72, 0.6, 0.5, 0.55, 0.4, 0.38];
        compute.into_iter().zip(error).collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-13
    }

    /// numpy 2.4.6: `np.polyfit(log10 C, log10 E, 1)`, R² by its definition.
    #[test]
    fn least_squares_equals_numpys() {
        let line = fit_power_law(&nine_points(), Method::LeastSquares).unwrap();
        assert!(near(line.alpha, -0.133_212_744_614_343_18));
        assert!(near(line.log10_beta, 0.101_265_987_122_318_62));
        assert!(near(line.r_squared.unwrap(), 0.942_899_530_196_454_8));
    }

    /// numpy 2.4.6: `np.histogram(X, bins=4, range=(X.min(), X.max() + 0.1))`, `np.digitize`, minima, `np.polyfit`.
    #[test]
    fn binned_minimum_equals_numpys() {
        let line = fit_power_law(&nine_points(), BINNED).unwrap();
        let centres: Vec<f64> = line.fitted.iter().map(|point| point.log10_x).collect();
        assert!(centres.iter().zip([1.3875, 2.1625, 2.9375, 3.7125]).all(|(&a, b)| near(a, b)));
        assert!(near(line.alpha, -0.112_919_300_159_995_46));
        assert!(near(line.log10_beta, 0.013_444_938_245_670_82));
    }

    /// The same minima at their own x: 50, 200, 400 and 10,000; `scipy.stats.linregress` (1.17.1) over them.
    #[test]
    fn minima_stand_where_they_are() {
        let method = Method::BinnedMinimumAtPoint { bins: 4, margin: 0.1 };
        let line = fit_power_law(&nine_points(), method).unwrap();
        let places: Vec<usize> = line.fitted.iter().map(|point| point.index).collect();
        assert_eq!(places, [2, 4, 5, 8]);
        assert!(near(line.alpha, -0.114_891_712_624_986_65));
        assert!(near(line.log10_beta, 0.030_022_930_276_812_52));
        assert!(near(line.standard_error.unwrap(), 0.015_551_207_742_007_137));
    }

    /// By hand, the points that no other beats: C = 10, 50, 200, 400, 5000, 10,000; scipy 1.17.1 over them.
    #[test]
    fn the_frontier_holds_the_points_that_no_other_beats() {
        let line = fit_power_law(&nine_points(), Method::ParetoFrontier).unwrap();
        let places: Vec<usize> = line.fitted.iter().map(|point| point.index).collect();
        assert_eq!(places, [0, 2, 4, 5, 7, 8]);
        assert!(near(line.alpha, -0.124_576_334_196_482_91));
        assert!(near(line.log10_beta, 0.060_741_936_401_376_984));
        assert!(near(line.standard_error.unwrap(), 0.008_866_101_652_401_653));
        assert!(near(line.r_squared.unwrap(), 0.980_141_650_297_391_6));
    }

    #[test]
    fn of_equal_points_the_frontier_keeps_the_first_and_of_equal_minima_the_cheapest_counts() {
        let points = [(10., 0.5), (1., 0.9), (10., 0.5), (20., 0.5), (1., 0.9)];
        let line = fit_power_law(&points, Method::ParetoFrontier).unwrap();
        assert_eq!(line.fitted.iter().map(|point| point.index).collect::<Vec<_>>(), [1, 0]);
        let minima = fit_power_law(&points, Method::BinnedMinimumAtPoint { bins: 2, margin: 0.1 });
        let minima = minima.unwrap();
        assert_eq!(minima.fitted.iter().map(|point| point.index).collect::<Vec<_>>(), [1, 0]);
    }

    /// `scipy.stats.linregress` and `scipy.stats.t.ppf(0.975, 7)`, 1.17.1; the residual by numpy 2.4.6.
    #[test]
    fn standard_error_interval_and_residuals_equal_scipys() {
        let line = fit_power_law(&nine_points(), Method::LeastSquares).unwrap();
        assert!(near(line.standard_error.unwrap(), 0.012_390_358_927_639_9));
        assert!(near(line.residual_sd.unwrap(), 0.036_075_150_866_199_3));
        assert!(near(line.residual(&line.fitted[0]), -0.013_810_733_068_650_73));
        let interval = line.student_interval(0.95).unwrap();
        assert_eq!(interval.degrees_of_freedom, 7);
        assert!(near(interval.low, -0.162_511_287_820_579_66));
        assert!(near(interval.high, -0.103_914_201_408_106_74));
    }

    #[test]
    fn two_points_have_no_error() {
        let line = fit_power_law(&[(1., 0.9), (10., 0.5)], Method::LeastSquares).unwrap();
        assert_eq!((line.residual_sd, line.standard_error), (None, None));
        assert_eq!(line.student_interval(0.95), None);
    }

    proptest! {
        /// The frontier is what its definition says, by comparing every pair.
        #[test]
        fn the_frontier_equals_its_definition(
            raw in prop::collection::vec((1..9_u8, 1..9_u8), 0..24)
        ) {
            let points: Vec<(f64, f64)> = raw.iter().map(|&(x, y)| (x.into(), y.into())).collect();
            let beaten = |i: usize| (0..points.len()).any(|j| {
                let (a, b) = (points[j], points[i]);
                a.0 <= b.0 && a.1 <= b.1 && (a != b || j < i)
            });
            let mut expected: Vec<usize> = (0..points.len()).filter(|&i| !beaten(i)).collect();
            expected.sort_by(|&a, &b| points[a].0.total_cmp(&points[b].0));
            prop_assert_eq!(frontier(&points), expected);
        }

        /// Points anywhere, on edges and beside them.
        #[test]
        fn minima_of_bins_equal_their_definition(
            mut points in
                prop::collection::vec((-3.0..13.0_f64, (0..6_u8).prop_map(f64::from)), 1..40),
            bins in 1..40_usize,
            margin in prop::sample::select(vec![0.0, 1e-17, 0.1, 0.5, 3.0])
        ) {
            let least = points.iter().fold(f64::INFINITY, |least, point| least.min(point.0));
            let most = points.iter().fold(f64::NEG_INFINITY, |most, point| most.max(point.0));
            for edge in edges(&points, bins, margin) {
                let beside = [edge.next_down(), edge, edge.next_up()].into_iter();
                points.extend(beside.filter(|x| (least..=most).contains(x)).map(|x| (x, 0.0)));
            }
            prop_assert_eq!(
                bin_minima(&points, bins, margin).unwrap(),
                bin_minima_by_definition(&points, bins, margin)
            );
        }

        /// Compute in another unit moves the coefficient, not the exponent, whatever the method. Logarithms are rounded
        /// by about 1e-15, which an exponent shows divided by their spread: those that differ do so by 1e-3 or more.
        #[test]
        fn the_unit_of_compute_does_not_move_the_exponent(
            raw in prop::collection::vec((0..12_000_u16, -2.0..0.0_f64), 3..30), decades in -6_i32..6
        ) {
            let ten = |x: f64| libm::pow(10.0, x);
            let point = |&(x, y): &(u16, f64)| (ten(f64::from(x) / 1_000.0), ten(y));
            let points: Vec<_> = raw.iter().map(point).collect();
            let moved: Vec<_> =
                points.iter().map(|&(x, y)| (x * ten(f64::from(decades)), y)).collect();
            for method in [Method::LeastSquares, Method::ParetoFrontier] {
                if let (Ok(a), Ok(b)) = (fit_power_law(&points, method), fit_power_law(&moved, method)) {
                    prop_assert!((a.alpha - b.alpha).abs() < 1e-6 * (1.0 + a.alpha.abs()), "{:?}", method);
                }
            }
        }
    }

    /// Of five bins over log10 of 1, 2, 1000, 2000 only the first and the last hold points (numpy 2.4.6).
    #[test]
    fn empty_bins_are_left_out() {
        let points = [(1., 0.8), (2., 0.7), (1000., 0.2), (2000., 0.3)];
        let line = fit_power_law(&points, Method::BinnedMinimum { bins: 5, margin: 0.1 }).unwrap();
        assert_eq!(line.fitted.len(), 2);
        assert!(near(line.alpha, -0.199_964_439_097_830_4));
    }

    /// With no margin, or one that is lost in rounding, the largest x lies on the last edge, and bins are open there.
    #[test]
    fn a_point_on_the_last_edge_is_in_no_bin() {
        let points = [(1., 0.9), (10., 0.5), (100., 0.1)];
        for margin in [0.0, 1e-20] {
            let line = fit_power_law(&points, Method::BinnedMinimum { bins: 2, margin }).unwrap();
            let fitted: Vec<_> = line.fitted.iter().map(|p| (p.log10_x, p.log10_y)).collect();
            assert_eq!(fitted, [(0.5, libm::log10(0.9)), (1.5, libm::log10(0.5))]);
        }
    }

    /// The mean of three times 0.011 is not 0.011 in binary64.
    #[test]
    fn points_of_one_height_have_no_r_squared() {
        let points = [(0.0, 0.011), (1.0, 0.011), (2.0, 0.011)];
        assert_ne!(mean(&[0.011; 3]), 0.011);
        assert_eq!(fit_line(&points, Method::LeastSquares).unwrap().r_squared, None);
        let sloped = [(0.0, 0.011), (1.0, 0.011), (2.0, 0.012)];
        assert!(fit_line(&sloped, Method::LeastSquares).unwrap().r_squared.is_some());
    }

    /// The minima by looking at every point for every bin.
    fn bin_minima_by_definition(
        points: &[(f64, f64)],
        bins: usize,
        margin: f64,
    ) -> Vec<(f64, f64, usize)> {
        let edges = edges(points, bins, margin);
        let minimum = |bin: usize| {
            let (low, high) = (edges[bin], edges[bin + 1]);
            let is_inside = |x: f64| low <= x && x < high;
            let inside = (0..points.len()).filter(|&index| is_inside(points[index].0));
            let least = inside.min_by(|&a, &b| by_y_then_x(points[a], points[b]));
            least.map(|least| (low, high, least))
        };
        (0..bins).filter_map(minimum).collect()
    }

    fn edges(points: &[(f64, f64)], bins: usize, margin: f64) -> Vec<f64> {
        let first = points.iter().fold(f64::INFINITY, |least, point| least.min(point.0));
        let last = points.iter().fold(f64::NEG_INFINITY, |most, point| most.max(point.0)) + margin;
        let step = (last - first) / count(bins);
        (0..=bins).map(|i| if i == bins { last } else { count(i) * step + first }).collect()
    }

    #[test]
    fn points_that_make_no_line_are_refused() {
        let error =
            |points: &[(f64, f64)]| fit_power_law(points, Method::LeastSquares).unwrap_err();
        assert_eq!(error(&[(2., 1.), (2., 0.5)]), ScalingError::TooFew { points: 2 });
        assert_eq!(error(&[]), ScalingError::TooFew { points: 0 });
        assert_eq!(
            error(&[(1., 1.), (2., 0.)]),
            ScalingError::NotPositive { index: 1, x: 2., y: 0. }
        );
        let said = error(&[(1., 1.), (2., 0.)]).to_string();
        assert_eq!(said, "point 2 at (2, 0) has no place on logarithmic axes");
        assert!(matches!(error(&[(1., f64::NAN)]), ScalingError::NotPositive { index: 0, .. }));
        let no_bins = Method::BinnedMinimum { bins: 0, margin: 0.1 };
        assert!(matches!(fit_power_law(&[(1., 1.)], no_bins), Err(ScalingError::Bins { .. })));
    }

    /// The text of arXiv:2212.07143, figure 1a.
    #[test]
    fn formula_is_the_papers_text() {
        assert_eq!(formula(-0.111_388_491_412_766_67, 0.767_753_755_940_515), "E = 5.86 * C^-0.11");
    }

    #[test]
    fn a_coefficient_that_two_decimals_do_not_show_has_a_power_of_ten() {
        let of = |beta: f64| formula(-0.5, libm::log10(beta));
        assert_eq!(of(0.0051), "E = 0.01 * C^-0.50");
        assert_eq!(of(1.2345e-3), "E = 1.23e-3 * C^-0.50");
        assert_eq!(of(246_015.178), "E = 246015.18 * C^-0.50");
        assert_eq!(of(1.234e300), "E = 1.23e300 * C^-0.50");
    }

    /// Looking at ten thousand points for each of a million bins, this would not end soon.
    #[test]
    fn many_bins_cost_no_more_than_few() {
        let points: Vec<_> = (0..10_000).map(|i| (1.0 + f64::from(i), 0.5)).collect();
        let method = Method::BinnedMinimum { bins: 1_000_000, margin: 0.1 };
        assert_eq!(fit_power_law(&points, method).unwrap().fitted.len(), 10_000);
    }

    #[test]
    fn prediction_is_on_the_line() {
        let points = [(1., 10.), (100., 1.), (1e4, 0.1)];
        let line = fit_power_law(&points, Method::LeastSquares).unwrap();
        assert!(near(line.at(100.0), 1.0) && near(line.beta(), 10.0) && near(line.at(1e6), 0.01));
    }
}
