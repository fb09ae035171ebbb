//! Fits series under many choices: `points` (CSV) to `sensitivity.csv`.
//!
//! A row is a line: least squares over all points, the Pareto frontier, then the binned minima by position, number of
//! bins and margin. Numbers are written in the shortest form that reads back to the same binary64 value. A cell is empty
//! where the method has no such setting, or its points make no line.

use super::files::{read_text, unfit, write_text};
use super::fit::bins_of;
use super::selection::select;
use super::{JobContext, JobError};
use crate::action::params::{Sensitivity, SweptSeries};
use crate::metrics::fits::{MethodRecord, SENSITIVITY_COLUMNS};
use crate::metrics::{Choices, PowerLaw, Variant, sensitivity};
use crate::plot::table::{Table, number_text};

/// Reads `points` and writes `sensitivity.csv`.
pub(super) fn run(params: &Sensitivity, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let text = read_text(context, "points")?;
    let points = Table::parse(&text).map_err(|error| unfit("points", &error))?;
    write_text(context, "sensitivity.csv", &table(params, &points)?.to_csv())
}

/// The lines of every series.
fn table(params: &Sensitivity, points: &Table) -> Result<Table, JobError> {
    let mut rows = Vec::new();
    for series in &params.series {
        rows.extend(rows_of(series, points)?);
    }
    let columns = SENSITIVITY_COLUMNS.map(str::to_owned).to_vec();
    Ok(Table::new(columns, rows).expect("every row has a cell a column"))
}

fn rows_of(series: &SweptSeries, points: &Table) -> Result<Vec<Vec<String>>, JobError> {
    let refuse = |reason: &dyn ToString| {
        let SweptSeries { panel, series, .. } = series;
        let reason = reason.to_string();
        unfit("points", &format!("series `{series}` of panel `{panel}`: {reason}"))
    };
    let selected = select(points, &series.points).map_err(|error| refuse(&error))?;
    let points: Vec<_> = selected.iter().map(|point| (point.x, point.y)).collect();
    let choices = Choices {
        bins_min: bins_of(series.bins_min)?,
        bins_max: bins_of(series.bins_max)?,
        margins: series.margins.iter().map(|margin| margin.get()).collect(),
    };
    let variants = sensitivity(&points, &choices).map_err(|error| refuse(&error))?;
    Ok(variants.iter().map(|variant| row(series, variant)).collect())
}

fn row(series: &SweptSeries, variant: &Variant) -> Vec<String> {
    let record = MethodRecord::from(variant.method);
    let (bins, margin) = match record {
        MethodRecord::LeastSquares | MethodRecord::ParetoFrontier => (String::new(), String::new()),
        MethodRecord::BinnedMinimum { bins, margin }
        | MethodRecord::BinnedMinimumAtPoint { bins, margin } => {
            (bins.to_string(), number_text(margin))
        }
    };
    let number = |value: &dyn Fn(&PowerLaw) -> Option<f64>| {
        variant.line.as_ref().and_then(value).map(number_text).unwrap_or_default()
    };
    let fitted = variant.line.as_ref().map(|line| line.fitted.len().to_string());
    vec![
        series.panel.clone(),
        series.series.clone(),
        record.name().to_owned(),
        bins,
        margin,
        fitted.unwrap_or_default(),
        number(&|line| Some(line.alpha)),
        number(&|line| Some(line.log10_beta)),
        number(&|line| line.r_squared),
        number(&|line| line.standard_error),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::canonical::Real;
    use crate::action::params::{Selection, YTransform};
    use crate::jobs::testing::{ZERO_SHOT_RESULTS, published_table};

    fn swept(bins: (u64, u64), margins: &[f64], keep: &[(&str, &[&str])]) -> Sensitivity {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        let points = Selection {
            x: "gmacs_total".to_owned(),
            y: "acc1".to_owned(),
            y_transform: YTransform::OneMinus,
            keep: keep.iter().map(|(column, texts)| (column.to_string(), owned(texts))).collect(),
        };
        Sensitivity {
            series: vec![SweptSeries {
                panel: "p".to_owned(),
                series: "s".to_owned(),
                points,
                bins_min: bins.0,
                bins_max: bins.1,
                margins: margins.iter().map(|&margin| Real::new(margin).unwrap()).collect(),
            }],
        }
    }

    /// By hand: logarithms 0, 1, 2 and 0, −1, −2, one bin a point.
    #[test]
    fn a_line_of_slope_minus_one_has_it_in_every_row() {
        let points = Table::parse("gmacs_total,acc1\n1,0\n10,0.9\n100,0.99\n").unwrap();
        let csv = table(&swept((3, 3), &[0.5], &[]), &points).unwrap().to_csv();
        let table = Table::parse(&csv).unwrap();
        let alpha = table.column("alpha").unwrap();
        let settings: Vec<String> = table.rows().iter().map(|row| row[2..6].join(" ")).collect();
        let expected = [
            "least_squares   3",
            "pareto_frontier   3",
            "binned_minimum 3 0.5 3",
            "binned_minimum_at_point 3 0.5 3",
        ];
        assert_eq!(settings, expected);
        // Bins of width 2.5/3 have their centres that far apart, and minima 1 apart: −1 ÷ (2.5/3) = −1.2.
        for (row, expected) in [-1.0, -1.0, -1.2, -1.0].into_iter().enumerate() {
            assert!((table.number(row, alpha).unwrap() - expected).abs() < 1e-12, "{csv}");
        }
    }

    #[test]
    fn a_choice_that_makes_no_line_has_empty_cells() {
        let points = Table::parse("gmacs_total,acc1\n1,0.1\n10,0.9\n").unwrap();
        let csv = table(&swept((1, 1), &[0.1], &[]), &points).unwrap().to_csv();
        assert!(csv.contains("p,s,binned_minimum,1,0.1,,,,,\n"), "{csv}");
    }

    /// The row of the paper's own choice is its printed exponent. The others: numpy 2.4.6 (`np.histogram`,
    /// `np.digitize`, `np.polyfit`) on the same file, to the digits quoted; the frontier by comparing every pair.
    #[test]
    fn the_papers_choice_is_one_row_of_the_authors_table() {
        let Some(points) = published_table(ZERO_SHOT_RESULTS) else {
            return;
        };
        let keep = [
            ("downstream_dataset", &["imagenet1k"][..]),
            ("upstream_dataset", &["LAION-80M", "LAION-400M", "LAION-2B"][..]),
        ];
        let csv = table(&swept((3, 12), &[0.0, 0.1, 0.5], &keep), &points).unwrap().to_csv();
        assert_eq!(csv.lines().count(), 1 + 2 + 2 * 10 * 3);
        let own = csv.lines().find(|line| line.starts_with("p,s,binned_minimum,5,0.1,")).unwrap();
        assert!(own.starts_with("p,s,binned_minimum,5,0.1,5,-0.11138849141276"), "{own}");
        for (row, alpha, tolerance) in [
            ("p,s,least_squares,,,29,", -0.101_246_44, 1e-8),
            ("p,s,pareto_frontier,,,10,", -0.111_046_24, 1e-8),
            ("p,s,binned_minimum,3,0,", -0.1155, 5e-5),
            ("p,s,binned_minimum,5,0.5,", -0.0941, 5e-5),
            ("p,s,binned_minimum,12,0.5,", -0.1094, 5e-5),
            ("p,s,binned_minimum_at_point,3,0,", -0.1259, 5e-5),
            ("p,s,binned_minimum_at_point,4,0.5,", -0.1145, 5e-5),
            ("p,s,binned_minimum_at_point,12,0.1,", -0.1111, 5e-5),
        ] {
            let line = csv.lines().find(|line| line.starts_with(row)).unwrap();
            let found: f64 = line.split(',').nth(6).unwrap().parse().unwrap();
            assert!((found - alpha).abs() <= tolerance, "{line}");
        }
    }
}
