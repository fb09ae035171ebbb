//! Scaling laws: a power law `E = β · C^α` fitted on decimal logarithms.
//!
//! Two methods: least squares over all points, and least squares over the minima of equal bins, which is how the lines
//! of arXiv:2212.07143 were drawn. Both work on `(log10 C, log10 E)` in binary64.

use crate::numerics::least_squares;

/// How a line is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Ordinary least squares over all points.
    LeastSquares,
    /// Ordinary least squares over one point a bin: the bin's centre and the smallest log error in it.
    ///
    /// Bins are equal parts of `[min, max + margin]` of log10 C (`np.histogram`'s edges); a bin holds `edge ≤ x < next`
    /// (`np.digitize`); empty bins are left out.
    BinnedMinimum {
        /// Number of bins.
        bins: usize,
        /// Added to the last edge, in decades, so that the largest x lies inside it.
        margin: f64,
    },
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
    /// The points `(log10 C, log10 E)` that the line was fitted to, by ascending bin, or in the order given.
    pub fitted: Vec<(f64, f64)>,
}

/// A confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Resamples that gave a line; the others had only one distinct x.
    pub used: u64,
}

/// Points that no power law can be fitted to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalingError {
    /// A coordinate has no logarithm.
    #[error("point {index} at ({x}, {y}) has no place on logarithmic axes")]
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

/// The percentile bootstrap interval of the exponent α, of coverage `level`.
///
/// Resample r = 0, 1, … draws `points.len()` indices one after the other with `draw(n)`, which gives the next integer of
/// a named random stream below n, and fits them with `method` (bins are made anew). Resamples whose points make no line
/// are left out. The ends are the [`percentile`]s at `(1 − level) ÷ 2` and `1 − (1 − level) ÷ 2`.
pub fn bootstrap_exponent(
    points: &[(f64, f64)],
    method: Method,
    level: f64,
    resamples: u64,
    draw: &mut dyn FnMut(u64) -> u64,
) -> Result<Interval, ScalingError> {
    let points = logarithms(points)?;
    let mut exponents = Vec::new();
    let mut resample = Vec::with_capacity(points.len());
    for _ in 0..resamples {
        resample.clear();
        for _ in 0..points.len() {
            let index = draw(points.len() as u64);
            resample.push(
                points[usize::try_from(index).expect("draws are below the number of points")],
            );
        }
        match fit_line(&resample, method) {
            Ok(line) => exponents.push(line.alpha),
            Err(ScalingError::TooFew { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if exponents.is_empty() {
        return Err(ScalingError::TooFew { points: points.len() });
    }
    exponents.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let (low, high) = (percentile(&exponents, tail), percentile(&exponents, 1.0 - tail));
    Ok(Interval { low, high, used: exponents.len() as u64 })
}

/// The quantile of ascending `values` at `share`, linear between order statistics: with `h = share · (n − 1)` and
/// `i = ⌊h⌋`, `v[i] + (h − i) · (v[i+1] − v[i])` (`np.quantile`'s default, Hyndman and Fan's type 7).
///
/// # Panics
///
/// If `values` is empty or `share` is not in `[0, 1]`.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index between 0 and the number of resamples"
)]
pub fn percentile(values: &[f64], share: f64) -> f64 {
    assert!(!values.is_empty() && (0.0..=1.0).contains(&share), "a quantile of some values");
    let place = share * (values.len() - 1) as f64;
    let below = libm::floor(place) as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (place - below as f64) * (values[above] - values[below])
}

impl PowerLaw {
    /// β.
    pub fn beta(&self) -> f64 {
        libm::pow(10.0, self.log10_beta)
    }

    /// `β · x^α`, computed as `10^(log10 β + α·log10 x)`.
    pub fn at(&self, x: f64) -> f64 {
        libm::pow(10.0, self.log10_beta + self.alpha * libm::log10(x))
    }
}

/// The line as arXiv:2212.07143 prints it: `E = {β:.2} * C^{α:.2}`.
pub fn formula(alpha: f64, log10_beta: f64) -> String {
    format!("E = {:.2} * C^{alpha:.2}", libm::pow(10.0, log10_beta))
}

fn logarithms(points: &[(f64, f64)]) -> Result<Vec<(f64, f64)>, ScalingError> {
    let logarithm = |(index, &(x, y)): (usize, &(f64, f64))| {
        if x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite() {
            Ok((libm::log10(x), libm::log10(y)))
        } else {
            Err(ScalingError::NotPositive { index, x, y })
        }
    };
    points.iter().enumerate().map(logarithm).collect()
}

fn fit_line(points: &[(f64, f64)], method: Method) -> Result<PowerLaw, ScalingError> {
    let fitted = match method {
        Method::LeastSquares => points.to_vec(),
        Method::BinnedMinimum { bins, margin } => bin_minima(points, bins, margin)?,
    };
    if fitted.iter().all(|point| point.0 == fitted[0].0) {
        return Err(ScalingError::TooFew { points: fitted.len() });
    }
    let (x, y): (Vec<f64>, Vec<f64>) = fitted.iter().copied().unzip();
    let line = least_squares::fit(&x, &y);
    let mean = y.iter().fold(0.0, |sum, y| sum + y) / count(y.len());
    let (mut residual, mut total) = (0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        let off = y - (line.intercept + line.slope * x);
        residual += off * off;
        total += (y - mean) * (y - mean);
    }
    let r_squared = (total > 0.0).then(|| 1.0 - residual / total);
    Ok(PowerLaw { alpha: line.slope, log10_beta: line.intercept, r_squared, fitted })
}

/// One point a bin that holds any: its centre and the smallest y in it.
fn bin_minima(
    points: &[(f64, f64)],
    bins: usize,
    margin: f64,
) -> Result<Vec<(f64, f64)>, ScalingError> {
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
    let mut minima = Vec::with_capacity(bins);
    for bin in 0..bins {
        let (low, high) = (edge(bin), edge(bin + 1));
        let inside = points.iter().filter(|point| low <= point.0 && point.0 < high);
        if let Some(least) = inside.map(|point| point.1).min_by(f64::total_cmp) {
            minima.push((f64::midpoint(low, high), least));
        }
    }
    Ok(minima)
}

#[allow(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
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
        let centres: Vec<f64> = line.fitted.iter().map(|point| point.0).collect();
        assert!(centres.iter().zip([1.3875, 2.1625, 2.9375, 3.7125]).all(|(&a, b)| near(a, b)));
        assert!(near(line.alpha, -0.112_919_300_159_995_46));
        assert!(near(line.log10_beta, 0.013_444_938_245_670_82));
    }

    /// Of five bins over log10 of 1, 2, 1000, 2000 only the first and the last hold points (numpy 2.4.6).
    #[test]
    fn empty_bins_are_left_out() {
        let points = [(1., 0.8), (2., 0.7), (1000., 0.2), (2000., 0.3)];
        let line = fit_power_law(&points, Method::BinnedMinimum { bins: 5, margin: 0.1 }).unwrap();
        assert_eq!(line.fitted.len(), 2);
        assert!(near(line.alpha, -0.199_964_439_097_830_4));
    }

    /// With no margin the largest x lies on the last edge, and bins are open there.
    #[test]
    fn a_point_on_the_last_edge_is_in_no_bin() {
        let points = [(1., 0.9), (10., 0.5), (100., 0.1)];
        let line = fit_power_law(&points, Method::BinnedMinimum { bins: 2, margin: 0.0 }).unwrap();
        assert_eq!(line.fitted, [(0.5, libm::log10(0.9)), (1.5, libm::log10(0.5))]);
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
        assert!(matches!(error(&[(1., f64::NAN)]), ScalingError::NotPositive { index: 0, .. }));
        let no_bins = Method::BinnedMinimum { bins: 0, margin: 0.1 };
        assert!(matches!(fit_power_law(&[(1., 1.)], no_bins), Err(ScalingError::Bins { .. })));
    }

    /// `np.quantile([1, 2, 4, 8], [0.025, 0.5, 0.975, 0.4])`, numpy 2.4.6.
    #[test]
    fn percentiles_equal_numpys() {
        for (share, expected) in [(0.025, 1.075), (0.5, 3.0), (0.975, 7.7), (0.4, 2.4), (1.0, 8.0)]
        {
            assert!(near(percentile(&[1., 2., 4., 8.], share), expected), "{share}");
        }
    }

    /// The same draws through numpy 2.4.6 (`np.polyfit` on each resample, `np.quantile` of the exponents).
    #[test]
    fn bootstrap_equals_numpys_on_the_same_draws() {
        let points = [(1., 0.9), (10., 0.7), (100., 0.4), (1000., 0.3)];
        let mut k = 0_u64;
        let mut draw = |n: u64| {
            let value = (7 * k * k + 3 * k + k / 5) % n;
            k += 1;
            value
        };
        let interval =
            bootstrap_exponent(&points, Method::LeastSquares, 0.9, 20, &mut draw).unwrap();
        assert_eq!(interval.used, 20);
        assert!(near(interval.low, -0.183_988_392_647_296_97));
        assert!(near(interval.high, -0.162_829_493_976_730_58));
    }

    /// Every resample that draws one point only has no line.
    #[test]
    fn degenerate_resamples_are_left_out() {
        let points = [(1., 0.9), (10., 0.7)];
        let mut toggle = [0, 0, 0, 1].into_iter().cycle();
        let mut draw = |_| toggle.next().unwrap();
        let interval =
            bootstrap_exponent(&points, Method::LeastSquares, 0.5, 4, &mut draw).unwrap();
        assert_eq!(interval.used, 2);
        let mut always_first = |_| 0;
        let none = bootstrap_exponent(&points, Method::LeastSquares, 0.5, 4, &mut always_first);
        assert_eq!(none, Err(ScalingError::TooFew { points: 2 }));
    }

    /// The text of arXiv:2212.07143, figure 1a.
    #[test]
    fn formula_is_the_papers_text() {
        assert_eq!(formula(-0.111_388_491_412_766_67, 0.767_753_755_940_515), "E = 5.86 * C^-0.11");
    }

    #[test]
    fn prediction_is_on_the_line() {
        let line = PowerLaw { alpha: -0.5, log10_beta: 1.0, r_squared: None, fitted: Vec::new() };
        assert!(near(line.at(100.0), 1.0) && near(line.beta(), 10.0));
    }
}
