//! How much an exponent owes to the choices behind it: the number of bins, the margin, where a bin's minimum stands.

use super::scaling::{Method, PowerLaw, ScalingError, fit_power_law};

/// The choices that are tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// The fewest bins.
    pub bins_min: usize,
    /// The most bins.
    pub bins_max: usize,
    /// Margins, in decades, in the order they are tried.
    pub margins: Vec<f64>,
}

/// A line fitted under one choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The choice.
    pub method: Method,
    /// The line; none where the fitted points have fewer than two different x.
    pub line: Option<PowerLaw>,
}

/// The lines under every choice: least squares over all points, the Pareto frontier, and the binned minima by position
/// (bin centre, then the minimum's own), by number of bins, by margin.
///
/// Points without a logarithm and settings without a meaning are refused.
pub fn sensitivity(points: &[(f64, f64)], choices: &Choices) -> Result<Vec<Variant>, ScalingError> {
    let mut methods = vec![Method::LeastSquares, Method::ParetoFrontier];
    for is_at_point in [false, true] {
        for bins in choices.bins_min..=choices.bins_max {
            methods.extend(choices.margins.iter().map(|&margin| {
                if is_at_point {
                    Method::BinnedMinimumAtPoint { bins, margin }
                } else {
                    Method::BinnedMinimum { bins, margin }
                }
            }));
        }
    }
    let variant = |method| match fit_power_law(points, method) {
        Ok(line) => Ok(Variant { method, line: Some(line) }),
        Err(ScalingError::TooFew { .. }) => Ok(Variant { method, line: None }),
        Err(error) => Err(error),
    };
    methods.into_iter().map(variant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on one line give its exponent wherever minima stand where they are; a bin's centre moves it.
    #[test]
    fn a_perfect_line_is_moved_by_bin_centres_only() {
        let points: Vec<_> =
            [1.0, 2.0, 30.0, 50.0, 900.0, 1000.0, 4e4].map(|x| (x, libm::pow(x, -0.25))).to_vec();
        let choices = Choices { bins_min: 2, bins_max: 6, margins: vec![0.1, 0.5] };
        let variants = sensitivity(&points, &choices).unwrap();
        assert_eq!(variants.len(), 2 + 2 * 5 * 2);
        let alpha = |variant: &Variant| variant.line.as_ref().unwrap().alpha;
        for variant in &variants {
            let is_moved = (alpha(variant) + 0.25).abs() > 1e-12;
            let by_centre = matches!(variant.method, Method::BinnedMinimum { .. });
            assert_eq!(is_moved, by_centre, "{variant:?}");
        }
    }

    #[test]
    fn choices_that_leave_one_point_have_no_line() {
        let choices = Choices { bins_min: 1, bins_max: 2, margins: vec![0.1] };
        let variants = sensitivity(&[(1.0, 0.5), (10.0, 0.4), (100.0, 0.3)], &choices).unwrap();
        let lines: Vec<_> = variants.iter().map(|variant| variant.line.is_some()).collect();
        assert_eq!(lines, [true, true, false, true, false, true]);
        let refused = sensitivity(&[(1.0, 0.0)], &choices);
        assert!(matches!(refused, Err(ScalingError::NotPositive { .. })));
    }
}
