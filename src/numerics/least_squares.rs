//! Ordinary least squares for a straight line, in closed form and one order.

/// The line `y = slope · x + intercept`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Its slope.
    pub slope: f64,
    /// Its value at x = 0.
    pub intercept: f64,
}

/// The line with the smallest sum of squared vertical distances to the points `(x[i], y[i])`.
///
/// Sums run over ascending i from +0: `x̄ = Σx ÷ n`, `ȳ = Σy ÷ n`, `slope = Σ(x − x̄)·(y − ȳ) ÷ Σ(x − x̄)·(x − x̄)`,
/// `intercept = ȳ − slope·x̄`. When all x are equal the slope is NaN or infinite: callers refuse such points.
///
/// # Panics
///
/// If `x` and `y` differ in length or are empty.
pub fn fit(x: &[f64], y: &[f64]) -> Line {
    assert!(x.len() == y.len() && !x.is_empty(), "a line needs as many x as y");
    let (x_mean, y_mean) = (mean(x), mean(y));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        covariance += (x - x_mean) * (y - y_mean);
        variance += (x - x_mean) * (x - x_mean);
    }
    let slope = covariance / variance;
    Line { slope, intercept: y_mean - slope * x_mean }
}

#[allow(clippy::cast_precision_loss, reason = "no table has 2^53 rows")]
fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: x̄ = 2, ȳ = 3, Σ(x−x̄)(y−ȳ) = 3, Σ(x−x̄)² = 2.
    #[test]
    fn three_points_by_hand() {
        assert_eq!(fit(&[1.0, 2.0, 3.0], &[1.0, 4.0, 4.0]), Line { slope: 1.5, intercept: 0.0 });
    }
}
