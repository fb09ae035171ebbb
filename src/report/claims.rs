//! Claims judged: each published number beside the one that came out.

use serde::Serialize;

use crate::metrics::fits::{FitRecord, MethodRecord};
use crate::plan::{
    Claim, Condition, FitName, FitNameMethod, Quantity, QuantityValue, Selection, Statement,
    Tolerance, Transform, Unit,
};
use crate::plot::table::Table;

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// It came out.
    #[serde(rename = "met")]
    Met,
    /// Something else came out.
    #[serde(rename = "missed")]
    Missed,
    /// The results do not hold what it speaks of.
    #[serde(rename = "not computable")]
    NotComputable,
}

impl Verdict {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotComputable => "not computable",
        }
    }
}

/// A claim with what came out: one object of `claims.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// The claim's name.
    pub id: String,
    /// Where it is stated.
    pub r#where: String,
    /// What it says.
    pub text: String,
    /// The published number, bound, or order, as text.
    pub published: String,
    /// What came out, in the same form; why not, if it is not computable.
    pub computed: String,
    /// How far off it may be.
    pub tolerance: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it is known to fail, if it is.
    pub known: Option<String>,
}

impl Judged {
    /// Whether it came out as the experiment records: met, or known to fail and failing.
    pub fn is_as_recorded(&self) -> bool {
        (self.verdict == Verdict::Met) == self.known.is_none()
    }
}

/// The bytes of `claims.json`.
///
/// # Panics
///
/// Never: judged claims are plain data.
pub fn encode(claims: &[Judged]) -> String {
    let mut text = serde_json::to_string_pretty(claims).expect("judged claims are plain data");
    text.push('\n');
    text
}

/// Judges every claim by the figure's table of points and its fits, in the order they are stated.
pub fn judge(claims: &[Claim], points: &Table, fits: &[FitRecord]) -> Vec<Judged> {
    let results = Results { points, fits };
    claims.iter().map(|claim| results.judge(claim)).collect()
}

struct Results<'a> {
    points: &'a Table,
    fits: &'a [FitRecord],
}

/// Published, computed, tolerance, and whether they agree.
type Judgement = (String, String, String, bool);

impl Results<'_> {
    fn judge(&self, claim: &Claim) -> Judged {
        let (published, computed, tolerance, verdict) = match self.statement(&claim.statement) {
            Ok((published, computed, tolerance, true)) => {
                (published, computed, tolerance, Verdict::Met)
            }
            Ok((published, computed, tolerance, false)) => {
                (published, computed, tolerance, Verdict::Missed)
            }
            Err(reason) => (String::new(), reason, String::new(), Verdict::NotComputable),
        };
        Judged {
            id: claim.id.clone(),
            r#where: claim.r#where.clone(),
            text: claim.text.clone(),
            published,
            computed,
            tolerance,
            verdict,
            known: claim.known.clone(),
        }
    }

    #[allow(clippy::too_many_lines, reason = "one arm a statement")]
    fn statement(&self, statement: &Statement) -> Result<Judgement, String> {
        Ok(match statement {
            Statement::AsPrinted { quantity, text, unit } => {
                let computed = as_printed(self.quantity(quantity)?, text, *unit);
                let agrees = computed == *text;
                (text.clone(), computed, "as printed".to_owned(), agrees)
            }
            Statement::Near { quantity, published, tolerance } => {
                let computed = self.quantity(quantity)?;
                let (allowed, text) = match tolerance {
                    Tolerance::Absolute(t) => (*t, format!("±{t}")),
                    Tolerance::Relative(t) => (t * published.abs(), format!("±{t} relative")),
                };
                // Decimals are not binary: 1.1 is a little more than 0.1 above 1.
                let rounding = 4.0 * f64::EPSILON * computed.abs().max(published.abs());
                let is_near = (computed - published).abs() <= allowed + rounding;
                let agrees = computed.is_finite() && is_near;
                (published.to_string(), computed.to_string(), text, agrees)
            }
            Statement::AtLeast { quantity, bound } => {
                let computed = self.quantity(quantity)?;
                (format!("≥ {bound}"), computed.to_string(), "bound".to_owned(), computed >= *bound)
            }
            Statement::AtMost { quantity, bound } => {
                let computed = self.quantity(quantity)?;
                (format!("≤ {bound}"), computed.to_string(), "bound".to_owned(), computed <= *bound)
            }
            Statement::Descending { quantities } => {
                let values =
                    quantities.iter().map(|q| self.quantity(q)).collect::<Result<Vec<_>, _>>()?;
                let computed: Vec<_> = values.iter().map(ToString::to_string).collect();
                let agrees = values.windows(2).all(|pair| pair[0] > pair[1]);
                ("each above the next".to_owned(), computed.join(", "), "order".to_owned(), agrees)
            }
            Statement::IntervalExcludes { fit, value } => {
                let interval = self.fit(fit)?.interval.as_ref().ok_or("the fit has no interval")?;
                let agrees = *value < interval.low || interval.high < *value;
                let (low, high) = (interval.low, interval.high);
                (
                    format!("not {value}"),
                    format!("[{low}, {high}]"),
                    format!("{} interval", interval.level),
                    agrees,
                )
            }
        })
    }

    fn quantity(&self, quantity: &Quantity) -> Result<f64, String> {
        let value = match &quantity.value {
            QuantityValue::Cell { row, column } => self.cell(row, column)?,
            QuantityValue::Exponent(fit) => self.fit(fit)?.alpha,
            QuantityValue::Coefficient(fit) => self.fit(fit)?.beta,
            QuantityValue::Prediction { fit, x } => self.fit(fit)?.at(*x),
            QuantityValue::MeanAbsoluteError { fit, points } => {
                self.mean_absolute_error(self.fit(fit)?, points)?
            }
        };
        Ok(transformed(value, quantity.transform))
    }

    /// The mean of |y − line| over the rows that a selection keeps, summed in the order of the table.
    fn mean_absolute_error(&self, fit: &FitRecord, points: &Selection) -> Result<f64, String> {
        let table = self.points;
        let place = |name: &str| table.column(name).map_err(|error| error.to_string());
        let number = |row, column| table.number(row, column).map_err(|error| error.to_string());
        let (x, y) = (place(&points.x)?, place(&points.y)?);
        let conditions = points
            .keep
            .iter()
            .map(|keep| Ok((place(&keep.column)?, &keep.one_of)))
            .collect::<Result<Vec<_>, String>>()?;
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, row) in table.rows().iter().enumerate() {
            if conditions.iter().all(|(column, texts)| texts.contains(&row[*column])) {
                let y = transformed(number(i, y)?, points.y_transform);
                sum += (y - fit.at(number(i, x)?)).abs();
                count += 1.0;
            }
        }
        if count > 0.0 { Ok(sum / count) } else { Err("no row meets the conditions".to_owned()) }
    }

    /// The number in the one row that meets every condition.
    fn cell(&self, conditions: &[Condition], column: &str) -> Result<f64, String> {
        let place = |name: &str| self.points.column(name).map_err(|error| error.to_string());
        let column = place(column)?;
        let conditions = conditions
            .iter()
            .map(|condition| Ok((place(&condition.column)?, condition.text.as_str())))
            .collect::<Result<Vec<_>, String>>()?;
        let meets = |row: &[String]| conditions.iter().all(|(column, text)| row[*column] == *text);
        let mut rows = (0..self.points.rows().len()).filter(|row| meets(&self.points.rows()[*row]));
        match (rows.next(), rows.next()) {
            (Some(row), None) => self.points.number(row, column).map_err(|error| error.to_string()),
            (None, _) => Err("no row meets the conditions".to_owned()),
            (Some(_), Some(_)) => Err("several rows meet the conditions".to_owned()),
        }
    }

    fn fit(&self, name: &FitName) -> Result<&FitRecord, String> {
        self.fits.iter().find(|fit| is_named(fit, name)).ok_or_else(|| {
            format!(
                "no line is fitted to `{}` in panel `{}` by that method",
                name.series, name.panel
            )
        })
    }
}

/// What a claim makes of a number before it is compared.
pub(super) fn transformed(value: f64, transform: Transform) -> f64 {
    match transform {
        Transform::Identity => value,
        Transform::OneMinus => 1.0 - value,
    }
}

/// Whether `fit` is the line of that name.
pub(super) fn is_named(fit: &FitRecord, name: &FitName) -> bool {
    let method = match fit.method {
        MethodRecord::LeastSquares => FitNameMethod::LeastSquares,
        MethodRecord::BinnedMinimum { .. } => FitNameMethod::BinnedMinimum,
        MethodRecord::BinnedMinimumAtPoint { .. } => FitNameMethod::BinnedMinimumAtPoint,
        MethodRecord::ParetoFrontier => FitNameMethod::ParetoFrontier,
    };
    fit.panel == name.panel && fit.series == name.series && method == name.method
}

/// `value` with as many decimals as `text` has, in its unit.
///
/// Rust rounds the exact decimal expansion, ties to even, as C's `printf` does.
pub(super) fn as_printed(value: f64, text: &str, unit: Unit) -> String {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let value = match unit {
        Unit::Plain => value,
        Unit::Percent => value * 100.0,
    };
    // A precision in a format has 16 bits; beyond 1,074 decimals a binary64 number has nothing but zeros.
    let zeros = decimals.saturating_sub(1_100);
    let printed = format!("{value:.*}{}", decimals - zeros, "0".repeat(zeros));
    let is_zero = printed.bytes().all(|c| matches!(c, b'-' | b'0' | b'.'));
    if is_zero && !text.starts_with('-') {
        printed.trim_start_matches('-').to_owned()
    } else {
        printed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fits::IntervalRecord;
    use crate::plan::Keep;

    #[test]
    fn more_decimals_than_a_number_has_are_zeros() {
        let text = format!("0.5{}", "0".repeat(70_000));
        assert_eq!(as_printed(0.5, &text, Unit::Plain), text);
        assert_eq!(as_printed(0.125, "0.25", Unit::Plain), "0.12");
    }

    fn points() -> Table {
        Table::parse("run,acc\na,0.7912\nb,0.5\nb,0.6\n").unwrap()
    }

    /// The published line of the left panel of Fig. 1a: 5.86 · C^-0.11.
    fn fit() -> FitRecord {
        FitRecord {
            panel: "p".into(),
            series: "s".into(),
            x: "x".into(),
            y: "acc".into(),
            y_transform: "one_minus".into(),
            method: MethodRecord::LeastSquares,
            alpha: -0.11,
            beta: 5.86,
            log10_beta: libm::log10(5.86),
            formula: String::new(),
            r_squared: None,
            points: 3,
            x_min: 1.0,
            x_max: 2.0,
            fitted: Vec::new(),
            residual_sd: None,
            standard_error: None,
            student_interval: None,
            interval: Some(IntervalRecord {
                method: String::new(),
                level: 0.95,
                low: -0.13,
                high: -0.09,
                resamples: 10,
                used: 10,
                seed: 0,
            }),
        }
    }

    fn cell(run: &str) -> Quantity {
        let row = vec![Condition { column: "run".into(), text: run.into() }];
        Quantity {
            value: QuantityValue::Cell { row, column: "acc".into() },
            transform: Transform::Identity,
        }
    }

    fn of_fit(value: impl Fn(FitName) -> QuantityValue) -> Quantity {
        let name =
            FitName { panel: "p".into(), series: "s".into(), method: FitNameMethod::LeastSquares };
        Quantity { value: value(name), transform: Transform::Identity }
    }

    fn verdict(statement: Statement) -> Verdict {
        let claim =
            Claim { id: "c".into(), r#where: "w".into(), text: "t".into(), statement, known: None };
        judge(&[claim], &points(), &[fit()])[0].verdict
    }

    #[test]
    fn a_printed_number_is_met_by_its_own_rounding_only() {
        let printed = |text: &str, unit| Statement::AsPrinted {
            quantity: cell("a"),
            text: text.into(),
            unit,
        };
        assert_eq!(verdict(printed("79.1", Unit::Percent)), Verdict::Met);
        assert_eq!(verdict(printed("79.2", Unit::Percent)), Verdict::Missed);
        assert_eq!(verdict(printed("0.791", Unit::Plain)), Verdict::Met);
        let alpha = Statement::AsPrinted {
            quantity: of_fit(QuantityValue::Exponent),
            text: "-0.11".into(),
            unit: Unit::Plain,
        };
        assert_eq!(verdict(alpha), Verdict::Met);
    }

    /// |1.1 − 1| is more than 0.1 in binary64.
    #[test]
    fn a_number_at_the_end_of_its_tolerance_is_within_it() {
        let points = Table::parse("run,acc\na,1.1\nb,0.4\nc,1.1000001\n").unwrap();
        let verdict = |run: &str, published: f64, tolerance: Tolerance| {
            let statement = Statement::Near { quantity: cell(run), published, tolerance };
            let (id, text) = ("c".to_owned(), "t".to_owned());
            let claim = Claim { id, r#where: "w".into(), text, statement, known: None };
            judge(&[claim], &points, &[])[0].verdict
        };
        assert_eq!(verdict("a", 1.0, Tolerance::Absolute(0.1)), Verdict::Met);
        assert_eq!(verdict("a", 1.0, Tolerance::Relative(0.1)), Verdict::Met);
        assert_eq!(verdict("b", 0.3, Tolerance::Absolute(0.1)), Verdict::Met);
        assert_eq!(verdict("c", 1.0, Tolerance::Absolute(0.1)), Verdict::Missed);
        assert_eq!(verdict("a", 1.1, Tolerance::Absolute(0.0)), Verdict::Met);
    }

    /// A falling line has no end at x = 0.
    #[test]
    fn what_is_infinite_is_near_nothing() {
        let quantity = of_fit(|fit| QuantityValue::Prediction { fit, x: 0.0 });
        let tolerance = Tolerance::Relative(0.5);
        let near = Statement::Near { quantity, published: 1.0, tolerance };
        assert_eq!(verdict(near), Verdict::Missed);
    }

    #[test]
    fn bounds_orders_and_intervals_can_be_met_and_missed() {
        let at_least = |bound| Statement::AtLeast { quantity: cell("a"), bound };
        assert_eq!(
            (verdict(at_least(0.7912)), verdict(at_least(0.8))),
            (Verdict::Met, Verdict::Missed)
        );
        let order = |quantities: Vec<_>| Statement::Descending { quantities };
        let beta = || of_fit(QuantityValue::Coefficient);
        assert_eq!(verdict(order(vec![beta(), cell("a")])), Verdict::Met);
        assert_eq!(verdict(order(vec![cell("a"), cell("a")])), Verdict::Missed);
        let name =
            FitName { panel: "p".into(), series: "s".into(), method: FitNameMethod::LeastSquares };
        let excludes = |value| Statement::IntervalExcludes { fit: name.clone(), value };
        assert_eq!(
            (verdict(excludes(0.0)), verdict(excludes(-0.1))),
            (Verdict::Met, Verdict::Missed)
        );
    }

    /// By hand: the line 5.86 · x^−0.11 at x = 1 is 5.86; |(1 − 0.5) − 5.86| and |(1 − 0.6) − 5.86| have the mean 5.41.
    #[test]
    fn the_mean_absolute_error_of_a_line_is_over_the_rows_that_are_kept() {
        let points = Table::parse("run,c,acc\na,1,0.1\nb,1,0.5\nb,1,0.6\n").unwrap();
        let keep = |run: &str| Selection {
            x: "c".into(),
            y: "acc".into(),
            y_transform: Transform::OneMinus,
            keep: vec![Keep { column: "run".into(), one_of: vec![run.into()] }],
        };
        let computed = |run: &str| {
            let value = |fit| QuantityValue::MeanAbsoluteError { fit, points: keep(run) };
            let fits = [fit()];
            Results { points: &points, fits: &fits }.quantity(&of_fit(value))
        };
        assert!((computed("b").unwrap() - 5.41).abs() < 1e-12);
        assert_eq!(computed("c"), Err("no row meets the conditions".to_owned()));
    }

    #[test]
    fn what_is_not_there_is_not_computable() {
        for run in ["b", "c"] {
            assert_eq!(
                verdict(Statement::AtLeast { quantity: cell(run), bound: 0.0 }),
                Verdict::NotComputable
            );
        }
    }

    #[test]
    fn a_claim_that_is_known_to_fail_must_fail() {
        let claim = |bound, known: Option<&str>| Claim {
            id: "c".into(),
            r#where: "w".into(),
            text: "t".into(),
            statement: Statement::AtLeast { quantity: cell("a"), bound },
            known: known.map(Into::into),
        };
        let claims =
            [claim(0.9, None), claim(0.9, Some("why")), claim(0.1, Some("why")), claim(0.1, None)];
        let judged = judge(&claims, &points(), &[]);
        assert_eq!(
            judged.iter().map(Judged::is_as_recorded).collect::<Vec<_>>(),
            [false, true, false, true]
        );
    }
}
