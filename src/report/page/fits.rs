//! The fitted lines on the page: intervals, residuals, and how exponents move with the choices behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Html, minus};
use crate::metrics::fits::{FitRecord, MethodRecord};
use crate::plot::escape;
use crate::report::sensitivity::{self, Range};

pub(super) fn fits_section(html: &mut Html, fits: &[FitRecord]) {
    if fits.is_empty() {
        return;
    }
    html.element("h2", "Fitted lines");
    let rows: Vec<_> = fits.iter().map(row).collect();
    let headings = [
        "panel",
        "series",
        "least squares over",
        "line",
        "standard error",
        "exponent, Student’s t",
        "exponent, bootstrap",
        "R²",
        "points fitted",
    ];
    html.table(&headings, &rows);
    html.raw(
        "<p><small>Lines are fitted on decimal logarithms in binary64. Intervals by Student’s t take the fitted points’ \
         errors as independent and normal, which minima of bins are not quite; bootstraps are percentile intervals over \
         resampled points, bins and frontiers made anew for each. All digits are in <code>fits.json</code>.</small></p>\n",
    );
}

fn row(fit: &FitRecord) -> Vec<String> {
    let none = || "–".to_owned();
    let interval = |low: f64, high: f64, level: f64| {
        minus(&format!("{low:.3} to {high:.3} ({} %)", percent(level)))
    };
    let student = fit.student_interval.as_ref();
    let bootstrap = fit.interval.as_ref();
    vec![
        escape(&fit.panel),
        escape(&fit.series),
        escape(&points_of(fit.method)),
        format!(
            "E = {} · C<sup>{}</sup>",
            coefficient(fit.beta),
            minus(&format!("{:.4}", fit.alpha))
        ),
        fit.standard_error.map_or_else(none, |error| format!("{error:.4}")),
        student.map_or_else(none, |found| interval(found.low, found.high, found.level)),
        bootstrap.map_or_else(none, |found| interval(found.low, found.high, found.level)),
        fit.r_squared.map_or_else(none, |r| minus(&format!("{r:.3}"))),
        format!("{} of {}", fit.fitted.len(), fit.points),
    ]
}

/// A share in percent, without the digits that the product of two binary numbers adds.
fn percent(share: f64) -> String {
    let text = format!("{:.12}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A coefficient as markup, with a power of ten where four decimals do not show it or many digits stand before them.
fn coefficient(beta: f64) -> String {
    let scientific = format!("{beta:.4e}");
    match scientific.split_once('e') {
        Some((factor, power)) if !(5e-5..1e9).contains(&beta) => {
            format!("{factor}×10<sup>{}</sup>", minus(power))
        }
        _ => format!("{beta:.4}"),
    }
}

fn points_of(method: MethodRecord) -> String {
    match method {
        MethodRecord::LeastSquares => "all points".to_owned(),
        MethodRecord::BinnedMinimum { bins, margin } => {
            format!("the minima of {bins} bins at the bins’ centres, margin {margin}")
        }
        MethodRecord::BinnedMinimumAtPoint { bins, margin } => {
            format!("the minima of {bins} bins where they are, margin {margin}")
        }
        MethodRecord::ParetoFrontier => "the Pareto frontier".to_owned(),
    }
}

/// Fitted points of a line on the page; a table may have thousands.
const RESIDUALS_SHOWN: usize = 60;

pub(super) fn residuals_section(html: &mut Html, fits: &[FitRecord]) {
    let shown: Vec<_> = fits.iter().filter(|fit| fit.fitted.len() > 2).collect();
    if shown.is_empty() {
        return;
    }
    html.element("h2", "Residuals");
    for fit in shown {
        let sd = fit.residual_sd.map_or_else(|| "–".to_owned(), |sd| format!("{sd:.4}"));
        html.raw(&format!(
            "<details>\n<summary>{} | {} | {}: standard deviation {sd} decades</summary>\n",
            escape(&fit.panel),
            escape(&fit.series),
            escape(&points_of(fit.method))
        ));
        let row = |point: &crate::metrics::fits::FittedPoint| {
            let power = |exponent: f64| libm::pow(10.0, exponent);
            let percent = (power(point.residual) - 1.0) * 100.0;
            vec![
                point.row.to_string(),
                format!("{:.4e}", power(point.log10_x)),
                format!("{:.4}", power(point.log10_y)),
                format!("{:.4}", power(point.log10_y - point.residual)),
                minus(&format!("{:+.4}", point.residual)),
                minus(&format!("{percent:+.1} %")),
            ]
        };
        let rows: Vec<_> = fit.fitted.iter().take(RESIDUALS_SHOWN).map(row).collect();
        let headings =
            ["row of points.csv", "x", "y", "line", "residual, decades", "above the line"];
        html.table(&headings, &rows);
        if fit.fitted.len() > RESIDUALS_SHOWN {
            let more = fit.fitted.len() - RESIDUALS_SHOWN;
            html.element("p", &format!("{more} more are in fits.json."));
        }
        html.raw("</details>\n");
    }
}

pub(super) fn sensitivity_section(html: &mut Html, csv: &str) {
    html.element("h2", "How the exponent moves with the choices behind it");
    let Ok(series) = sensitivity::read(csv) else {
        html.raw(&format!("<pre>{}</pre>\n", super::lines(csv)));
        return;
    };
    for swept in &series {
        html.element("h3", &format!("{} | {}", swept.panel, swept.series));
        let Range { low, high, lines } = swept.range();
        let lone = |method: &str| {
            let found = swept.exponents.get(method).and_then(|found| found.values().next());
            found
                .copied()
                .flatten()
                .map_or_else(|| "no line".to_owned(), |alpha| minus(&format!("{alpha:.4}")))
        };
        html.raw(&format!(
            "<p>From {} to {} over {} lines. All points: {}; Pareto frontier: {}.</p>\n<div class=\"matrices\">\n",
            minus(&format!("{low:.4}")),
            minus(&format!("{high:.4}")),
            lines,
            lone("least_squares"),
            lone("pareto_frontier")
        ));
        for (method, caption) in [
            ("binned_minimum", "bin minima at the bins’ centres"),
            ("binned_minimum_at_point", "bin minima where they are"),
        ] {
            if let Some(exponents) = swept.exponents.get(method) {
                matrix(html, caption, exponents, &swept.margins, (low, high));
            }
        }
        html.raw("</div>\n");
    }
    html.raw(
        "<p><small>Rows are numbers of bins, columns margins in decades. Blue is the steepest exponent of the series, \
         orange the shallowest; – where fewer than two bins hold points. All digits are in \
         <code>sensitivity.csv</code>.</small></p>\n",
    );
}

fn matrix(
    html: &mut Html,
    caption: &str,
    exponents: &BTreeMap<(u64, String), Option<f64>>,
    margins: &[String],
    (low, high): (f64, f64),
) {
    html.raw(&format!(
        "<table class=\"matrix\">\n<caption>{}</caption>\n<tr><th>bins</th>",
        escape(caption)
    ));
    margins.iter().for_each(|margin| html.raw(&format!("<th>{}</th>", escape(margin))));
    html.raw("</tr>\n");
    let bins: BTreeSet<u64> = exponents.keys().map(|(bins, _)| *bins).collect();
    for bins in bins {
        html.raw(&format!("<tr><th>{bins}</th>"));
        for margin in margins {
            match exponents.get(&(bins, margin.clone())).copied().flatten() {
                Some(alpha) => {
                    let share = if high > low { (alpha - low) / (high - low) } else { 0.5 };
                    let (side, depth) =
                        if share < 0.5 { ("low", 0.5 - share) } else { ("high", share - 0.5) };
                    html.raw(&format!(
                        "<td style=\"background: rgba(var(--{side}), {:.2})\">{}</td>",
                        depth * 0.9,
                        minus(&format!("{alpha:.4}"))
                    ));
                }
                None => html.raw("<td>–</td>"),
            }
        }
        html.raw("</tr>\n");
    }
    html.raw("</table>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sensitivity::CSV;

    #[test]
    fn shares_and_coefficients_are_shown_in_the_digits_they_have() {
        assert_eq!([0.683, 0.95, 0.5, 0.997, 0.1].map(percent), ["68.3", "95", "50", "99.7", "10"]);
        assert_eq!(
            [5.859_92, 246_015.0, 1.234_56e-7, 9.87e300].map(coefficient),
            ["5.8599", "246015.0000", "1.2346×10<sup>−7</sup>", "9.8700×10<sup>300</sup>"]
        );
    }

    #[test]
    fn the_range_and_every_choice_are_shown() {
        let mut html = Html(String::new());
        sensitivity_section(&mut html, CSV);
        for expected in [
            "From −0.2000 to −0.1000 over 4 lines. All points: −0.1000; Pareto frontier: −0.1200.",
            "<tr><th>bins</th><th>0.5</th><th>0.1</th></tr>",
            "<td style=\"background: rgba(var(--low), 0.45)\">−0.2000</td>",
            "<tr><th>10</th><td>–</td><td>–</td></tr>",
        ] {
            assert!(html.0.contains(expected), "{expected} in {}", html.0);
        }
    }
}
