//! Fitted lines beside the published ones: line, published, computed, verdict.

use serde::Serialize;

use super::claims::{Judged, Verdict, as_printed, is_named, transformed};
use crate::metrics::fits::FitRecord;
use crate::plan::{Claim, QuantityValue, Statement, Unit};

/// A fitted line with what was published of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The line: panel, series, method.
    pub line: String,
    /// Its published formula, as far as claims state it; empty if none does.
    pub published: String,
    /// What came out, in the digits and units of the published formula; the fitted formula where there is none.
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
        let (quantity, unit) = match &claim.statement {
            Statement::AsPrinted { quantity, unit, .. } => (quantity, *unit),
            Statement::Near { quantity, .. } => (quantity, Unit::Plain),
            _ => continue,
        };
        let beside = |value: f64| {
            let published = judged.published.as_str();
            (published, as_printed(transformed(value, quantity.transform), published, unit))
        };
        match &quantity.value {
            QuantityValue::Coefficient(name) if is_named(fit, name) => {
                coefficient = Some(beside(fit.beta));
            }
            QuantityValue::Exponent(name) if is_named(fit, name) => {
                exponent = Some(beside(fit.alpha));
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
            let unknown = || ("…", "…".to_owned());
            let (beta, alpha) = (beta.unwrap_or_else(unknown), alpha.unwrap_or_else(unknown));
            (format!("E = {} * C^{}", beta.0, alpha.0), format!("E = {} * C^{}", beta.1, alpha.1))
        }
    };
    let method = fit.method.name().replace('_', " ");
    let line = format!("{}, {} ({method})", fit.panel, fit.series);
    Line { line, published, computed, verdict }
}

#[cfg(test)]
mod tests {
    use super::super::claims::judge;
    use super::*;
    use crate::metrics::fits::decode;
    use crate::plan::{FitName, FitNameMethod, Quantity, Tolerance, Transform};
    use crate::plot::table::Table;

    /// 0.586 · C^-0.11.
    const FIT: &str = r#"[{"panel":"p","series":"s","x":"x","y":"y","y_transform":"identity",
        "method":{"name":"least_squares"},"alpha":-0.11,"beta":0.586,"log10_beta":-0.23210238398,
        "formula":"E = 0.59 * C^-0.11","r_squared":null,"points":3,"x_min":1.0,"x_max":2.0,"fitted":[],
        "residual_sd":null,"standard_error":null,"student_interval":null,"interval":null}]"#;

    fn quantity(value: fn(FitName) -> QuantityValue, transform: Transform) -> Quantity {
        let (panel, series) = ("p".to_owned(), "s".to_owned());
        let name = FitName { panel, series, method: FitNameMethod::LeastSquares };
        Quantity { value: value(name), transform }
    }

    fn claim(statement: Statement) -> Claim {
        let text = || "c".to_owned();
        Claim { id: text(), r#where: text(), text: text(), statement, known: None }
    }

    #[test]
    fn what_came_out_stands_in_the_unit_of_what_was_published() {
        let fits = decode(FIT).unwrap();
        let points = Table::parse("x\n1\n").unwrap();
        let beta = claim(Statement::AsPrinted {
            quantity: quantity(QuantityValue::Coefficient, Transform::Identity),
            text: "58.6".to_owned(),
            unit: Unit::Percent,
        });
        let alpha = claim(Statement::Near {
            quantity: quantity(QuantityValue::Exponent, Transform::OneMinus),
            published: 1.12,
            tolerance: Tolerance::Absolute(0.02),
        });
        let of = |claims: &[Claim]| lines(claims, &judge(claims, &points, &fits), &fits).remove(0);
        let line = of(&[beta.clone(), alpha]);
        assert_eq!(line.published, "E = 58.6 * C^1.12");
        assert_eq!(line.computed, "E = 58.6 * C^1.11");
        assert_eq!(line.verdict, Some(Verdict::Met));
        assert_eq!(of(&[beta]).computed, "E = 58.6 * C^…");
        assert_eq!(of(&[]).computed, "E = 0.59 * C^-0.11");
    }
}
