//! Confidence intervals of an exponent: the percentile bootstrap, and Student's t in closed form.

use super::scaling::{Method, ScalingError, fit_line, logarithms};

/// A bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Resamples that gave a line; the others had only one distinct x.
    pub used: u64,
}

/// An interval by Student's t.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StudentInterval {
    /// Its coverage, in `(0, 1)`.
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Degrees of freedom.
    pub degrees_of_freedom: usize,
}

/// The percentile bootstrap interval of the exponent α, of coverage `level`.
///
/// Resample r = 0, 1, … draws `points.len()` indices one after the other with `draw(n)`, which gives the next integer of
/// a named random stream below n, and fits them with `method` (bins and frontier are made anew). Resamples whose points
/// make no line are left out. The ends are the [`percentile`]s at `(1 − level) ÷ 2` and `1 − (1 − level) ÷ 2`.
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

/// `estimate ± t · standard_error`, with t from [`student_t`].
///
/// # Panics
///
/// If `degrees_of_freedom` is 0 or `level` is not in `(0, 1)`.
pub fn student_interval(
    estimate: f64,
    standard_error: f64,
    degrees_of_freedom: usize,
    level: f64,
) -> StudentInterval {
    let reach = student_t(level, degrees_of_freedom) * standard_error;
    StudentInterval { level, low: estimate - reach, high: estimate + reach, degrees_of_freedom }
}

/// The t that Student's distribution with `degrees_of_freedom` has in `[−t, t]` with probability `level`.
///
/// With `t = √ν · tan θ` the probability is a finite sum in sin θ and cos θ (Abramowitz and Stegun 26.7.3 and 26.7.4);
/// θ is bisected in `[0, π/2]` until its two ends are neighbours or 200 halvings are done.
///
/// # Panics
///
/// If `degrees_of_freedom` is 0 or `level` is not in `(0, 1)`.
pub fn student_t(level: f64, degrees_of_freedom: usize) -> f64 {
    assert!(degrees_of_freedom > 0 && level > 0.0 && level < 1.0, "a quantile of Student's t");
    let (mut low, mut high) = (0.0, std::f64::consts::FRAC_PI_2);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || high <= middle {
            break;
        }
        if probability_within(middle, degrees_of_freedom) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    libm::sqrt(count(degrees_of_freedom)) * libm::tan(low)
}

/// The probability that `|t| ≤ √ν · tan θ`.
fn probability_within(theta: f64, degrees_of_freedom: usize) -> f64 {
    let (sine, cosine) = (libm::sin(theta), libm::cos(theta));
    let is_odd = degrees_of_freedom % 2 == 1;
    // Odd: cos θ + 2/3 cos³ θ + 2·4/(3·5) cos⁵ θ + …; even: 1 + 1/2 cos² θ + 1·3/(2·4) cos⁴ θ + …; to cos^(ν−2) θ.
    let (mut term, mut power) = if is_odd { (cosine, 1) } else { (1.0, 0) };
    let mut sum = 0.0;
    while power + 2 <= degrees_of_freedom {
        sum += term;
        term *= count(power + 1) / count(power + 2) * cosine * cosine;
        power += 2;
    }
    if is_odd { std::f64::consts::FRAC_2_PI * (theta + sine * sum) } else { sine * sum }
}

#[allow(clippy::cast_precision_loss, reason = "numbers of points")]
fn count(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-13
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

    /// `scipy.stats.t.ppf((1 + level) / 2, ν)`, scipy 1.17.1.
    #[test]
    fn student_t_equals_scipys() {
        for (level, degrees_of_freedom, expected) in [
            (0.95, 3, 3.182_446_305_283_707_8),
            (0.95, 7, 2.364_624_251_592_784),
            (0.95, 27, 2.051_830_516_480_284_6),
            (0.9, 1, 6.313_751_514_675_037),
            (0.99, 10, 3.169_272_672_616_95),
            (0.5, 4, 0.740_697_084_112_682_9),
            (0.999, 30, 3.645_958_635_042_062_7),
            (0.95, 200, 1.971_896_223_633_908_8),
        ] {
            let t = student_t(level, degrees_of_freedom);
            assert!((t / expected - 1.0).abs() < 1e-11, "{level}, {degrees_of_freedom}: {t}");
        }
    }

    /// Cauchy's distribution: within ±1 with probability 1/2. Two degrees of freedom: level ÷ √((1 − level²) ÷ 2).
    #[test]
    fn student_t_equals_its_elementary_cases() {
        assert!(near(student_t(0.5, 1), 1.0));
        for level in [0.1, 0.5, 0.9, 0.95, 0.999] {
            let expected = level / libm::sqrt((1.0 - level * level) / 2.0);
            assert!((student_t(level, 2) / expected - 1.0).abs() < 1e-12, "{level}");
        }
    }
}
