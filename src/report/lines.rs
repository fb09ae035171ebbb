//! Fitted lines beside the published ones: line, published, computed, verdict.

use serde::Serialize;

use super::claims::{Judged, Verdict, is_named};
use crate::metrics::fits::FitRecord;
use crate::plan::{Claim, QuantityValue, Statement};

/// A fitted line with what was published of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The line: panel, series, method.
    pub line: String,
    /// Its published formula, as far as claims state it; empty if none does.
    pub published: String,
    /// What came out, in the digits of the published formula; the fitted formula where there is none.
    pub computed: String,
    /// What became of the claims about it; none if there are none.
    pub verdict: Option<Verdict>,
}

/// Every fitted line with the claims about its numbers. `judged` are `claims`, judged, in their order.
pub fn lines(claims: &[Claim], judged: &[Judged], fits: &[FitRecord]) -> Vec<Line> {
    fits.iter().map(|fit| line(claims, judged, fit)).collect()
}

fn line(claims: &[Claim], judged: &[Judged], fit: &FitRecord) -> Line {
    let (mut coefficient, mut exponent) = (None, None);
    let mut verdict = None;
    for (claim, judged) in claims.iter().zip(judged) {
        let (Statement::AsPrinted { quantity, .. } | Statement::Near { quantity, .. }) =
            &claim.statement
        else {
            continue;
        };
        match &quantity.value {
            QuantityValue::Coefficient(name) if is_named(fit, name) => {
                coefficient = Some(judged.published.as_str());
            }
            QuantityValue::Exponent(name) if is_named(fit, name) => {
                exponent = Some(judged.published.as_str());
            }
            _ => continue,
        }
        verdict = match (verdict, judged.verdict) {
            (None | Some(Verdict::Met), new) => Some(new),
            (known, _) => known,
        };
    }
    let (published, computed) = match (coefficient, exponent) {
        (None, None) => (String::new(), fit.formula.clone()),
        (beta, alpha) => {
            let shown = |number: Option<&str>| number.unwrap_or("…").to_owned();
            let alike = |number: Option<&str>, value: f64| match number {
                Some(number) => printed_like(value, number),
                None => "…".to_owned(),
            };
            (
                format!("E = {} * C^{}", shown(beta), shown(alpha)),
                format!("E = {} * C^{}", alike(beta, fit.beta), alike(alpha, fit.alpha)),
            )
        }
    };
    let method = fit.method.name().replace('_', " ");
    let line = format!("{}, {} ({method})", fit.panel, fit.series);
    Line { line, published, computed, verdict }
}

/// `value` with as many decimals as `text` has.
fn printed_like(value: f64, text: &str) -> String {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{value:.decimals$}")
}
