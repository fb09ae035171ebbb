//! The fitted lines on the page: intervals, residuals, and how exponents move with the choices behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Html, minus};
use crate::metrics::fits::{FitRecord, MethodRecord};
use crate::plot::escape;
use crate::plot::table::Table;

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
        minus(&format!("{low:.3} to {high:.3} ({} %)", level * 100.0))
    };
    let student = fit.student_interval.as_ref();
    let bootstrap = fit.interval.as_ref();
    vec![
        escape(&fit.panel),
        escape(&fit.series),
        escape(&points_of(fit.method)),
        format!("E = {:.4} · C<sup>{}</sup>", fit.beta, minus(&format!("{:.4}", fit.alpha))),
        fit.standard_error.map_or_else(none, |error| format!("{error:.4}")),
        student.map_or_else(none, |found| interval(found.low, found.high, found.level)),
        bootstrap.map_or_else(none, |found| interval(found.low, found.high, found.level)),
        fit.r_squared.map_or_else(none, |r| minus(&format!("{r:.3}"))),
        format!("{} of {}", fit.fitted.len(), fit.points),
    ]
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

/// Exponents by method; those of binned minima by bins and margin too, as texts of the table.
type Exponents = BTreeMap<String, BTreeMap<(u64, String), Option<f64>>>;

/// A series of `sensitivity.csv`.
struct Swept {
    panel: String,
    series: String,
    exponents: Exponents,
    /// Margins in the order they were tried.
    margins: Vec<String>,
}

pub(super) fn sensitivity_section(html: &mut Html, csv: &str) {
    html.element("h2", "How the exponent moves with the choices behind it");
    let Ok(series) = read(csv) else {
        html.raw(&format!("<pre>{}</pre>\n", super::lines(csv)));
        return;
    };
    for swept in &series {
        html.element("h3", &format!("{} | {}", swept.panel, swept.series));
        let all: Vec<f64> = swept
            .exponents
            .values()
            .flat_map(BTreeMap::values)
            .filter_map(|found| *found)
            .collect();
        let low = all.iter().copied().fold(f64::INFINITY, f64::min);
        let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
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
            all.len(),
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

/// The series of the table, in its order.
fn read(csv: &str) -> Result<Vec<Swept>, crate::plot::table::TableError> {
    let table = Table::parse(csv)?;
    let column = |name: &str| table.column(name);
    let (panel, series, method) = (column("panel")?, column("series")?, column("method")?);
    let (bins, margin, alpha) = (column("bins")?, column("margin_decades")?, column("alpha")?);
    let mut found: Vec<Swept> = Vec::new();
    for row in table.rows() {
        let is_same = |swept: &Swept| swept.panel == row[panel] && swept.series == row[series];
        if !found.last().is_some_and(is_same) {
            found.push(Swept {
                panel: row[panel].clone(),
                series: row[series].clone(),
                exponents: BTreeMap::new(),
                margins: Vec::new(),
            });
        }
        let swept = found.last_mut().expect("one was just pushed");
        if !row[margin].is_empty() && !swept.margins.contains(&row[margin]) {
            swept.margins.push(row[margin].clone());
        }
        let key = (row[bins].parse().unwrap_or(0), row[margin].clone());
        let exponents = swept.exponents.entry(row[method].clone()).or_default();
        exponents.insert(key, row[alpha].parse().ok());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "panel,series,method,bins,margin_decades,points_fitted,alpha,log10_beta,r_squared,standard_error\n\
                       a,s,least_squares,,,9,-0.1,1,1,0\n\
                       a,s,pareto_frontier,,,5,-0.12,1,1,0\n\
                       a,s,binned_minimum,4,0.5,3,-0.2,1,1,0\n\
                       a,s,binned_minimum,4,0.1,3,-0.15,1,1,0\n\
                       a,s,binned_minimum,10,0.5,,,,,\n\
                       b,s,least_squares,,,9,-0.3,1,1,0\n";

    #[test]
    fn a_sensitivity_table_is_read_series_by_series() {
        let series = read(CSV).unwrap();
        let names: Vec<_> = series.iter().map(|swept| swept.panel.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(series[0].margins, ["0.5", "0.1"]);
        let minima = &series[0].exponents["binned_minimum"];
        assert_eq!(minima[&(4, "0.1".to_owned())], Some(-0.15));
        assert_eq!(minima[&(10, "0.5".to_owned())], None);
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
