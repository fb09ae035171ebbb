//! Rules about the numbers of a row, and of rows in an order.

use super::view::{View, is_near, shortest};
use super::{CheckError, Finding};
use crate::action::params::{Direction, SampleCount, Tolerance};

/// A column is `constant` times factors over divisors, from left to right.
pub(super) fn product(
    view: &View<'_>,
    column: &str,
    constant: f64,
    [factors, divisors]: [&[String]; 2],
    tolerance: Tolerance<f64>,
) -> Result<Vec<Finding>, CheckError> {
    let (multiplied, divided) = (view.columns(factors)?, view.columns(divisors)?);
    let mut names = factors.join(" · ");
    divisors.iter().for_each(|name| names.push_str(&format!(" ÷ {name}")));
    computed(view, column, tolerance, &names, |row| {
        let mut value = constant;
        for column in &multiplied {
            value *= view.number(row, *column)?;
        }
        for column in &divided {
            value /= view.number(row, *column)?;
        }
        Ok(value)
    })
}

/// A column is the sum of others, from left to right.
pub(super) fn sum(
    view: &View<'_>,
    column: &str,
    terms: &[String],
    tolerance: Tolerance<f64>,
) -> Result<Vec<Finding>, CheckError> {
    let places = view.columns(terms)?;
    computed(view, column, tolerance, &terms.join(" + "), |row| {
        let mut value = 0.0;
        for column in &places {
            value += view.number(row, *column)?;
        }
        Ok(value)
    })
}

/// Holds a column against what `value_of` computes for its row. A result that is not finite agrees with nothing.
fn computed(
    view: &View<'_>,
    column: &str,
    tolerance: Tolerance<f64>,
    names: &str,
    value_of: impl Fn(usize) -> Result<f64, CheckError>,
) -> Result<Vec<Finding>, CheckError> {
    let column = view.column(column)?;
    let mut findings = Vec::new();
    for &row in &view.rows {
        let (number, value) = (view.number(row, column)?, value_of(row)?);
        if !is_near(number, value, tolerance) {
            let share = (number - value).abs() / value.abs();
            let message = format!(
                "{names} is {}, {} apart ({:.3} %)",
                shortest(value),
                shortest((number - value).abs()),
                share * 100.0
            );
            findings.push(view.finding(row, column, shortest(value), message));
        }
    }
    Ok(findings)
}

/// A rate times the samples it is a share of is an integer.
pub(super) fn counts(
    view: &View<'_>,
    rate: &str,
    of: &SampleCount,
    slack: f64,
) -> Result<Vec<Finding>, CheckError> {
    let rate = view.column(rate)?;
    let samples_column = match of {
        SampleCount::Constant(_) => None,
        SampleCount::Column(column) | SampleCount::ByText { column, .. } => {
            Some(view.column(column)?)
        }
    };
    let mut findings = Vec::new();
    for &row in &view.rows {
        let samples = match (of, samples_column) {
            (SampleCount::ByText { counts, .. }, Some(column)) => {
                let text = view.text(row, column);
                let Some(count) = counts.iter().find(|count| count.text == text) else {
                    let message = format!("the check does not say of how many samples `{text}` is");
                    findings.push(view.finding(row, rate, String::new(), message));
                    continue;
                };
                as_number(count.samples)
            }
            (SampleCount::Constant(samples), _) => as_number(*samples),
            (SampleCount::Column(_), Some(column)) => view.number(row, column)?,
            (_, None) => unreachable!("a column was looked up for it"),
        };
        let count = view.number(row, rate)? * samples;
        let nearest = libm::rint(count);
        if (count - nearest).abs() > slack || !count.is_finite() {
            let message = format!(
                "of {} samples, that is {}, not a whole number",
                shortest(samples),
                shortest(count)
            );
            findings.push(view.finding(row, rate, shortest(nearest / samples), message));
        }
    }
    Ok(findings)
}

#[allow(clippy::cast_precision_loss, reason = "rounded once, to nearest even")]
fn as_number(count: u64) -> f64 {
    count as f64
}

/// Numbers lie within bounds.
pub(super) fn range(
    view: &View<'_>,
    column: &str,
    least: Option<f64>,
    most: Option<f64>,
) -> Result<Vec<Finding>, CheckError> {
    let column = view.column(column)?;
    let mut findings = Vec::new();
    for &row in &view.rows {
        let number = view.number(row, column)?;
        if least.is_some_and(|least| number < least) {
            let bound = shortest(least.unwrap_or_default());
            findings.push(view.finding(
                row,
                column,
                format!("≥ {bound}"),
                "is too small".to_owned(),
            ));
        }
        if most.is_some_and(|most| number > most) {
            let bound = shortest(most.unwrap_or_default());
            findings.push(view.finding(
                row,
                column,
                format!("≤ {bound}"),
                "is too large".to_owned(),
            ));
        }
    }
    Ok(findings)
}

/// In each row, one number is at most another.
pub(super) fn at_most(
    view: &View<'_>,
    lesser: &str,
    greater: &str,
    slack: f64,
) -> Result<Vec<Finding>, CheckError> {
    let (name, lesser) = (greater, view.column(lesser)?);
    let greater = view.column(greater)?;
    let mut findings = Vec::new();
    for &row in &view.rows {
        if view.number(row, lesser)? - view.number(row, greater)? > slack {
            let expected = format!("≤ {}", view.text(row, greater));
            let finding = view.finding(row, lesser, expected, format!("is above `{name}`"));
            findings.push(Finding { against: Some(view.place(row, greater)), ..finding });
        }
    }
    Ok(findings)
}

/// In each group, numbers go one way along an order; rows at the same place of it keep the table's order.
pub(super) fn monotonic(
    view: &View<'_>,
    order: &str,
    column: &str,
    direction: Direction,
    slack: f64,
) -> Result<Vec<Finding>, CheckError> {
    let (place, column) = (view.column(order)?, view.column(column)?);
    let mut findings = Vec::new();
    for group in view.groups(&view.key) {
        let mut points = Vec::with_capacity(group.len());
        for row in group {
            points.push((view.number(row, place)?, row, view.number(row, column)?));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for pair in points.windows(2) {
            let ((_, before, first), (_, row, second)) = (pair[0], pair[1]);
            let (step, sign, verb) = match direction {
                Direction::Rising => (first - second, "≥", "falls"),
                Direction::Falling => (second - first, "≤", "rises"),
            };
            if step > slack {
                let message = format!(
                    "{verb} by {} from {order} {} to {}",
                    shortest(step),
                    view.text(before, place),
                    view.text(row, place)
                );
                let expected = format!("{sign} {}", view.text(before, column));
                let mut finding = view.finding(row, column, expected, message);
                finding.key.extend(view.key_of(row, &[place]));
                finding.against = Some(view.place(before, column));
                findings.push(finding);
            }
        }
    }
    findings.sort_by_key(|finding| finding.place.row);
    Ok(findings)
}
