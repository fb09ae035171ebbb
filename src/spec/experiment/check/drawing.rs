//! Rules of legends, curves, predictions and of what is tried on a series.

use std::collections::BTreeSet;

use super::Findings;
use super::figures::BINS_MAX;
use crate::spec::experiment::{Figure, Joined, Prediction, Sensitivity, Series};

/// The most lines that are fitted to one series to see how its exponent moves.
const LINES_MAX: u64 = 20_000;

pub(super) fn check_legends(
    findings: &mut Findings<'_>,
    at: &str,
    figure: &Figure,
    columns: &BTreeSet<String>,
) {
    let mut names = BTreeSet::new();
    for (i, legend) in figure.legends.iter().enumerate() {
        let at = format!("{at}.legends[{i}]");
        findings.column(&format!("{at}.column"), &legend.column, columns);
        findings.unique(&format!("{at}.column"), &legend.column, &mut names);
        if legend.title.trim().is_empty() {
            findings.add(format!("{at}.title"), "is empty");
        }
        let mut texts = BTreeSet::new();
        for (i, value) in legend.values.iter().enumerate() {
            findings.unique(&format!("{at}.values[{i}].text"), &value.text, &mut texts);
        }
    }
}

/// What a series has beside its points and fits.
pub(super) fn check_extras(
    findings: &mut Findings<'_>,
    at: &str,
    series: &Series,
    columns: &BTreeSet<String>,
) {
    if let Some(joined) = &series.joined {
        check_joined(findings, &format!("{at}.joined"), joined, columns);
    }
    for (i, prediction) in series.predictions.iter().enumerate() {
        let at = format!("{at}.predictions[{i}]");
        check_prediction(findings, &at, prediction, series, columns);
    }
    if let Some(sensitivity) = &series.sensitivity {
        check_sensitivity(findings, &format!("{at}.sensitivity"), sensitivity);
    }
}

fn check_joined(
    findings: &mut Findings<'_>,
    at: &str,
    joined: &Joined,
    columns: &BTreeSet<String>,
) {
    if joined.by.is_empty() {
        findings.add(format!("{at}.by"), "is empty: nothing tells one curve from another");
    }
    let mut names = BTreeSet::new();
    for (i, column) in joined.by.iter().enumerate() {
        findings.column(&format!("{at}.by[{i}]"), column, columns);
        findings.unique(&format!("{at}.by[{i}]"), column, &mut names);
    }
    if let Some(dash) = &joined.dash {
        findings.column(&format!("{at}.dash"), dash, columns);
    }
}

fn check_prediction(
    findings: &mut Findings<'_>,
    at: &str,
    prediction: &Prediction,
    series: &Series,
    columns: &BTreeSet<String>,
) {
    findings.number_that(&format!("{at}.x"), prediction.x, |x| x > 0.0, "more than 0");
    if !series.fits.iter().any(|fit| fit.method.name() == prediction.method) {
        findings.add(format!("{at}.method"), "this series has no fit by that method");
    }
    let mut names = BTreeSet::new();
    for (i, condition) in prediction.row.iter().enumerate() {
        let at = format!("{at}.row[{i}].column");
        findings.column(&at, &condition.column, columns);
        findings.unique(&at, &condition.column, &mut names);
    }
}

fn check_sensitivity(findings: &mut Findings<'_>, at: &str, sensitivity: &Sensitivity) {
    let Sensitivity { bins_min, bins_max, margins_decades } = sensitivity;
    findings.natural(&format!("{at}.binsMin"), *bins_min, 1, BINS_MAX);
    findings.natural(&format!("{at}.binsMax"), *bins_max, *bins_min, BINS_MAX);
    if margins_decades.is_empty() {
        findings.add(format!("{at}.marginsDecades"), "is empty");
    }
    for (i, margin) in margins_decades.iter().enumerate() {
        let at = format!("{at}.marginsDecades[{i}]");
        findings.number_that(&at, *margin, |x| x >= 0.0, "0 or more");
        if margins_decades[..i].contains(margin) {
            findings.add(at, format!("{margin} is already taken"));
        }
    }
    let margins = margins_decades.len() as u64;
    let bins = bins_max.saturating_sub(*bins_min).saturating_add(1);
    let lines = bins.saturating_mul(margins).saturating_mul(2);
    if lines > LINES_MAX {
        findings.add(at, format!("asks for {lines} lines; must be {LINES_MAX} at most"));
    }
}
