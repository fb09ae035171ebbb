//! Fits power laws to series of a table: `points` (CSV) to `fits.json`.
//!
//! The interval of line k (from 0) is drawn from the stream "bootstrap" with the seed of the parameters and index k.

use super::files::{read_text, unfit, write_text};
use super::selection::{Selected, select};
use super::{JobContext, JobError};
use crate::action::params::{Fit, FitMethod, FittedLine, Interval, YTransform};
use crate::metrics::fits::{FitRecord, FittedPoint, IntervalRecord, StudentIntervalRecord, encode};
use crate::metrics::{Method, ScalingError, bootstrap_exponent, fit_power_law, formula};
use crate::numerics::random::Stream;
use crate::plot::table::Table;

/// Reads `points` and writes `fits.json`.
pub(super) fn run(params: &Fit, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let text = read_text(context, "points")?;
    let table = Table::parse(&text).map_err(|error| unfit("points", &error))?;
    write_text(context, "fits.json", &encode(&fits(params, &table)?))
}

/// The lines of `params` fitted to a table.
pub(super) fn fits(params: &Fit, table: &Table) -> Result<Vec<FitRecord>, JobError> {
    params.lines.iter().zip(0..).map(|(line, index)| fit(line, index, table)).collect()
}

fn fit(line: &FittedLine, index: u64, table: &Table) -> Result<FitRecord, JobError> {
    let refuse = |reason: &dyn ToString| {
        let FittedLine { panel, series, .. } = line;
        unfit("points", &format!("line `{series}` of panel `{panel}`: {}", reason.to_string()))
    };
    let selected = select(table, &line.points).map_err(|error| refuse(&error))?;
    let points: Vec<_> = selected.iter().map(|point| (point.x, point.y)).collect();
    let method = method_of(&line.method)?;
    let level = line.interval.as_ref().map_or(STUDENT_LEVEL, |interval| interval.level.get());
    if !(level > 0.0 && level < 1.0) {
        return Err(JobError::BadParameters(format!("an interval of coverage {level}")));
    }
    let law = fit_power_law(&points, method)
        .map_err(|error| refuse(&format!("{error}{}", where_from(&error, &selected, line))))?;
    // Two points say nothing about their error: every resample that has a line has the same one.
    let asked = line.interval.as_ref().filter(|_| points.len() > 2);
    let interval = asked
        .map(|interval| interval_of(interval, index, &points, method))
        .transpose()
        .map_err(|error| refuse(&error))?;
    let student_interval = law.student_interval(level).map(|interval| StudentIntervalRecord {
        level,
        low: interval.low,
        high: interval.high,
        degrees_of_freedom: interval.degrees_of_freedom as u64,
    });
    let fitted = law.fitted.iter().map(|point| FittedPoint {
        log10_x: point.log10_x,
        log10_y: point.log10_y,
        residual: law.residual(point),
        row: selected[point.index].row as u64 + 1,
    });
    Ok(FitRecord {
        panel: line.panel.clone(),
        series: line.series.clone(),
        x: line.points.x.clone(),
        y: line.points.y.clone(),
        y_transform: match line.points.y_transform {
            YTransform::Identity => "identity".to_owned(),
            YTransform::OneMinus => "one_minus".to_owned(),
        },
        method: method.into(),
        alpha: law.alpha,
        beta: law.beta(),
        log10_beta: law.log10_beta,
        formula: formula(law.alpha, law.log10_beta),
        r_squared: law.r_squared,
        points: points.len() as u64,
        x_min: points.iter().fold(f64::INFINITY, |least, point| least.min(point.0)),
        x_max: points.iter().fold(f64::NEG_INFINITY, |most, point| most.max(point.0)),
        fitted: fitted.collect(),
        residual_sd: law.residual_sd,
        standard_error: law.standard_error,
        student_interval,
        interval,
    })
}

/// The row that a point without a logarithm comes from, and what was made of its y.
fn where_from(error: &ScalingError, selected: &[Selected], line: &FittedLine) -> String {
    let ScalingError::NotPositive { index, .. } = error else { return String::new() };
    let row = selected[*index].row + 1;
    match line.points.y_transform {
        YTransform::Identity => format!(" (row {row})"),
        YTransform::OneMinus => format!(" (row {row}; y is 1 − `{}`)", line.points.y),
    }
}

/// The coverage of an interval by Student's t where no interval was asked for.
const STUDENT_LEVEL: f64 = 0.95;

/// The method as `metrics` knows it.
pub(super) fn method_of(method: &FitMethod) -> Result<Method, JobError> {
    Ok(match method {
        FitMethod::LeastSquares => Method::LeastSquares,
        FitMethod::BinnedMinimum { bins, margin } => {
            Method::BinnedMinimum { bins: bins_of(*bins)?, margin: margin.get() }
        }
        FitMethod::BinnedMinimumAtPoint { bins, margin } => {
            Method::BinnedMinimumAtPoint { bins: bins_of(*bins)?, margin: margin.get() }
        }
        FitMethod::ParetoFrontier => Method::ParetoFrontier,
    })
}

/// A number of bins that can be counted up to.
pub(super) fn bins_of(bins: u64) -> Result<usize, JobError> {
    let bins_max = 1_000_000;
    let bins = usize::try_from(bins).ok().filter(|bins| (1..=bins_max).contains(bins));
    bins.ok_or_else(|| JobError::BadParameters(format!("bins are not between 1 and {bins_max}")))
}

/// Points that all resamples of one line may draw: a minute or so of one thread.
const DRAWS_MAX: u64 = 1_000_000_000;

fn interval_of(
    interval: &Interval,
    index: u64,
    points: &[(f64, f64)],
    method: Method,
) -> Result<IntervalRecord, String> {
    let Interval { level, resamples, seed } = *interval;
    if resamples.saturating_mul(points.len() as u64) > DRAWS_MAX {
        let count = points.len();
        return Err(format!(
            "{resamples} resamples of {count} points are more than {DRAWS_MAX} draws"
        ));
    }
    let level = level.get();
    let mut stream = Stream::new(seed, index, "bootstrap");
    let found = bootstrap_exponent(points, method, level, resamples, &mut |n| stream.bounded(n))
        .map_err(|error| error.to_string())?;
    Ok(IntervalRecord {
        method: "percentile bootstrap over points".to_owned(),
        level,
        low: found.low,
        high: found.high,
        resamples,
        used: found.used,
        seed,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::action::canonical::Real;
    use crate::action::params::Selection;
    use crate::jobs::testing::{ZERO_SHOT_RESULTS, published_table};

    #[test]
    fn resamples_that_would_take_hours_are_refused() {
        let (points, level) = (vec![(1.0, 1.0); 1001], Real::new(0.95).unwrap());
        let interval = Interval { level, resamples: 1_000_000, seed: 0 };
        let error = interval_of(&interval, 0, &points, Method::LeastSquares).unwrap_err();
        assert_eq!(error, "1000000 resamples of 1001 points are more than 1000000000 draws");
    }

    const LAION: &[&str] = &["LAION-80M", "LAION-400M", "LAION-2B"];

    fn line(downstream: &str, y: &str, upstream: &[&str]) -> FittedLine {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        FittedLine {
            panel: downstream.to_owned(),
            series: "OpenCLIP".to_owned(),
            points: Selection {
                x: "gmacs_total".to_owned(),
                y: y.to_owned(),
                y_transform: YTransform::OneMinus,
                keep: BTreeMap::from([
                    ("downstream_dataset".to_owned(), owned(&[downstream])),
                    ("upstream_dataset".to_owned(), owned(upstream)),
                ]),
            },
            method: if upstream == LAION {
                FitMethod::BinnedMinimum { bins: 5, margin: Real::new(0.1).unwrap() }
            } else {
                FitMethod::LeastSquares
            },
            interval: None,
        }
    }

    /// The printed formulas are arXiv:2212.07143's, figures 1a and 1b; α and log10 β are what `np.histogram`,
    /// `np.digitize` and `np.linalg.lstsq` (numpy 2.4.6) give on the same file.
    #[test]
    fn the_papers_lines_come_out_of_the_authors_table() {
        let Some(table) = published_table(ZERO_SHOT_RESULTS) else {
            return;
        };
        let r5 = "image_retrieval_recall@5";
        let wit = &["CLIP-WIT"][..];
        for (downstream, y, upstream, points, expected) in [
            ("imagenet1k", "acc1", LAION, 29, "E = 5.86 * C^-0.11"),
            ("imagenet1k", "acc1", wit, 3, "E = 23.18 * C^-0.16"),
            ("imagenet_robustness", "acc1", LAION, 29, "E = 11.61 * C^-0.13"),
            ("imagenet_robustness", "acc1", wit, 3, "E = 211.66 * C^-0.24"),
            ("mscoco_captions", r5, LAION, 29, "E = 2.75 * C^-0.08"),
            ("mscoco_captions", r5, wit, 3, "E = 1.59 * C^-0.05"),
            ("flickr30k", r5, LAION, 29, "E = 15.51 * C^-0.19"),
            ("flickr30k", r5, wit, 3, "E = 2.21 * C^-0.10"),
        ] {
            let record = fit(&line(downstream, y, upstream), 0, &table).unwrap();
            assert_eq!(
                (record.formula.as_str(), record.points),
                (expected, points),
                "{downstream}"
            );
        }
        let record = fit(&line("imagenet1k", "acc1", LAION), 0, &table).unwrap();
        assert!((record.alpha - -0.111_388_491_412_766_67).abs() < 1e-12);
        assert!((record.log10_beta - 0.767_753_755_940_515).abs() < 1e-12);
        assert_eq!(record.fitted.len(), 5);
    }

    fn small_table() -> Table {
        let mut text = "downstream_dataset,upstream_dataset,gmacs_total,acc1\n".to_owned();
        for (compute, accuracy) in
            [(10, 0.1), (20, 0.2), (40, 0.25), (100, 0.4), (400, 0.5), (900, 0.7)]
        {
            text.push_str(&format!("a,CLIP-WIT,{compute},{accuracy}\n"));
        }
        Table::parse(&text).unwrap()
    }

    /// Every resample of two points that has a line has the same one.
    #[test]
    fn two_points_have_no_interval() {
        let text = "downstream_dataset,upstream_dataset,gmacs_total,acc1\na,CLIP-WIT,10,0.1\na,CLIP-WIT,20,0.2\n";
        let mut line = line("a", "acc1", &["CLIP-WIT"]);
        line.interval = Some(Interval { level: Real::new(0.9).unwrap(), resamples: 50, seed: 0 });
        let record = fit(&line, 0, &Table::parse(text).unwrap()).unwrap();
        assert_eq!(record.interval, None);
        assert_eq!(record.student_interval, None);
    }

    #[test]
    fn an_interval_depends_on_seed_and_line_and_holds_the_exponent() {
        let table = small_table();
        let at = |seed, index| {
            let mut line = line("a", "acc1", &["CLIP-WIT"]);
            line.interval = Some(Interval { level: Real::new(0.9).unwrap(), resamples: 200, seed });
            fit(&line, index, &table).unwrap()
        };
        let record = at(1, 0);
        let interval = record.interval.clone().unwrap();
        assert!(interval.low < record.alpha && record.alpha < interval.high);
        assert_eq!(at(1, 0), record);
        assert_ne!(at(2, 0), record);
        assert_ne!(at(1, 1), record);
    }

    #[test]
    fn what_cannot_be_fitted_is_named() {
        let error = fit(&line("b", "acc1", &["CLIP-WIT"]), 0, &small_table()).unwrap_err();
        let expected = "input `points`: line `OpenCLIP` of panel `b`: 0 points at fewer than two different x do \
                        not make a line";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_point_without_a_logarithm_is_named_by_its_row() {
        let text = "downstream_dataset,upstream_dataset,gmacs_total,acc1\n\
                    b,CLIP-WIT,5,0.1\na,CLIP-WIT,10,0.1\na,CLIP-WIT,20,1\n";
        let table = Table::parse(text).unwrap();
        let mut line = line("a", "acc1", &["CLIP-WIT"]);
        let said = |line: &FittedLine| fit(line, 0, &table).unwrap_err().to_string();
        let expected =
            "point 2 at (20, 0) has no place on logarithmic axes (row 3; y is 1 − `acc1`)";
        assert!(said(&line).ends_with(expected), "{}", said(&line));
        line.points.y_transform = YTransform::Identity;
        line.points.x = "acc1".to_owned();
        line.points.y = "gmacs_total".to_owned();
        fit(&line, 0, &table).unwrap();
        let negative = text.replace("a,CLIP-WIT,10", "a,CLIP-WIT,-10");
        let error = fit(&line, 0, &Table::parse(&negative).unwrap()).unwrap_err().to_string();
        assert!(
            error.ends_with("point 1 at (0.1, -10) has no place on logarithmic axes (row 2)"),
            "{error}"
        );
    }
}
