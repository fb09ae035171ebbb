//! Rules of claims: what they speak of exists, and what they say can be judged.

use std::collections::BTreeSet;

use super::Findings;
use super::figures::{Row, Scope, check_selection};
use crate::spec::experiment::{Claim, FitName, Quantity, QuantityValue, Statement, Tolerance};

pub(super) fn check_claims<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    claims: &'a [Claim],
    scope: &Scope,
    ids: &mut BTreeSet<&'a str>,
) {
    for (i, claim) in claims.iter().enumerate() {
        let at = format!("{at}.claims[{i}]");
        findings.name(&format!("{at}.id"), &claim.id, ids);
        for (field, text) in [("where", &claim.r#where), ("text", &claim.text)] {
            if text.trim().is_empty() {
                findings.add(format!("{at}.{field}"), "is empty");
            }
        }
        let at = format!("{at}.statement");
        check_statement(findings, &at, &claim.statement, scope);
        // What nothing can judge may be stated, with the reason.
        if claim.known.is_none() {
            check_rows(findings, &at, &claim.statement, scope);
        }
    }
}

/// A cell is that of a row that some table has, as far as the experiment says what the tables' rows are.
fn check_rows(findings: &mut Findings<'_>, at: &str, statement: &Statement, scope: &Scope) {
    let Some(rows) = scope.rows.as_ref().filter(|rows| !rows.is_empty()) else { return };
    for quantity in statement.quantities() {
        let QuantityValue::Cell { row, .. } = &quantity.value else { continue };
        let may_be = |known: &Row| {
            row.iter()
                .all(|wanted| known.get(&wanted.column).is_none_or(|text| *text == wanted.text))
        };
        if !rows.iter().any(may_be) {
            let wanted = row.iter().map(|it| format!("`{}` in column `{}`", it.text, it.column));
            let wanted = wanted.collect::<Vec<_>>().join(" and ");
            let message =
                format!("no run has {wanted}; if nothing can judge the claim, say why in `known`");
            findings.add(at, message);
        }
    }
}

fn check_statement(findings: &mut Findings<'_>, at: &str, statement: &Statement, scope: &Scope) {
    for quantity in statement.quantities() {
        check_quantity(findings, at, quantity, scope);
    }
    match statement {
        Statement::AsPrinted { text, .. } => {
            if !is_plain_decimal(text) {
                let message = format!("`{text}` is not a printed number such as 5.86 or -0.11");
                findings.add(format!("{at}.text"), message);
            }
        }
        Statement::Near { published, tolerance, .. } => {
            findings.number(&format!("{at}.published"), *published);
            let (Tolerance::Absolute(margin) | Tolerance::Relative(margin)) = tolerance;
            findings.number_that(&format!("{at}.tolerance"), *margin, |x| x >= 0.0, "0 or more");
        }
        Statement::AtLeast { bound, .. } | Statement::AtMost { bound, .. } => {
            findings.number(&format!("{at}.bound"), *bound);
        }
        Statement::Descending { quantities } => {
            if quantities.len() < 2 {
                findings.add(format!("{at}.quantities"), "needs two or more");
            }
        }
        Statement::IntervalExcludes { fit, value } => {
            findings.number(&format!("{at}.value"), *value);
            if check_fit_name(findings, at, fit, scope) == Some(false) {
                findings.add(format!("{at}.fit"), "this fit has no interval");
            }
        }
    }
}

fn check_quantity(findings: &mut Findings<'_>, at: &str, quantity: &Quantity, scope: &Scope) {
    match &quantity.value {
        QuantityValue::Cell { row, column } => {
            findings.numeric_column(at, column, scope);
            if row.is_empty() {
                findings.add(at, "a cell needs a condition that names its row");
            }
            for condition in row {
                findings.column(at, &condition.column, &scope.columns);
            }
        }
        QuantityValue::Exponent(fit) | QuantityValue::Coefficient(fit) => {
            check_fit_name(findings, at, fit, scope);
        }
        QuantityValue::Prediction { fit, x } => {
            check_fit_name(findings, at, fit, scope);
            findings.number_that(at, *x, |x| x > 0.0, "more than 0");
        }
        QuantityValue::MeanAbsoluteError { fit, points } => {
            check_fit_name(findings, at, fit, scope);
            check_selection(findings, &format!("{at}.points"), points, scope);
        }
    }
}

/// Whether the line has an interval; `None` (and a finding) if there is no such line.
fn check_fit_name(
    findings: &mut Findings<'_>,
    at: &str,
    fit: &FitName,
    scope: &Scope,
) -> Option<bool> {
    let known = scope.fits.get(fit).copied();
    if known.is_none() {
        let method = fit.method.name();
        let (panel, series) = (&fit.panel, &fit.series);
        let message = format!("panel `{panel}` has no fit of series `{series}` by {method}");
        findings.add(at, message);
    }
    known
}

/// An optional minus sign, digits, and digits after one point.
fn is_plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}
