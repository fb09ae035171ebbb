//! Rules about the numbers of a row, and of rows in an order.

use super::view::{View, is_near, shortest};
use super::{CheckError, Finding, Found};
use crate::action::params::{Direction, SampleCount, Tolerance};

/// A column is `constant` times factors over divisors, from left to right.
pub(super) fn product(
    view: &View<'_>,
    column: &str,
    constant: f64,
    [factors, divisors]: [&[String]; 2],
    tolerance: Tolerance<f64>,
) -> Result<Found, CheckError> {
    let (multiplied, divided) = (view.columns(factors)?, view.columns(divisors)?);
    let mut names = factors.join(" · ");
    divisors.iter().for_each(|name| names.push_str(&format!(" ÷ {name}")));
    let terms = [&multiplied[..], &divided].concat();
    computed(view, column, tolerance, (&names, &terms), |numbers| {
        let (factors, divisors) = numbers.split_at(multiplied.len());
        let product = factors.iter().fold(constant, |value, factor| value * factor);
        divisors.iter().fold(product, |value, divisor| value / divisor)
    })
}

/// A column is the sum of others, from left to right.
pub(super) fn sum(
    view: &View<'_>,
    column: &str,
    terms: &[String],
    tolerance: Tolerance<f64>,
) -> Result<Found, CheckError> {
    let places = view.columns(terms)?;
    computed(view, column, tolerance, (&terms.join(" + "), &places), |numbers| {
        numbers.iter().fold(0.0, |value, number| value + number)
    })
}

/// Holds a column against what `value_of` computes of others of its row, whose names are told. A result that is not
/// finite agrees with nothing.
fn computed(
    view: &View<'_>,
    column: &str,
    tolerance: Tolerance<f64>,
    (names, terms): (&str, &[usize]),
    value_of: impl Fn(&[f64]) -> f64,
) -> Result<Found, CheckError> {
    let column = view.column(column)?;
    let mut found = Found::default();
    for &row in &view.rows {
        let number = view.number(row, column, &mut found.unreadable);
        let numbers = view.numbers(row, terms, &mut found.unreadable);
        let (Some(number), Some(numbers)) = (number, numbers) else { continue };
        let value = value_of(&numbers);
        if !is_near(number, value, tolerance) {
            let share = (number - value).abs() / value.abs();
            let message = format!(
                "{names} is {}, {} apart ({:.3} %)",
                shortest(value),
                shortest((number - value).abs()),
                share * 100.0
            );
            found.broken.push(view.finding(row, column, shortest(value), message));
        }
    }
    Ok(found)
}

/// A rate times the samples it is a share of is an integer, from 0 to the samples.
pub(super) fn counts(
    view: &View<'_>,
    rate: &str,
    of: &SampleCount,
    slack: f64,
) -> Result<Found, CheckError> {
    let rate = view.column(rate)?;
    let samples_column = match of {
        SampleCount::Constant(_) => None,
        SampleCount::Column(column) | SampleCount::ByText { column, .. } => {
            Some(view.column(column)?)
        }
    };
    let mut found = Found::default();
    for &row in &view.rows {
        let samples = match (of, samples_column) {
            (SampleCount::ByText { counts, .. }, Some(column)) => {
                let text = view.text(row, column);
                let Some(count) = counts.iter().find(|count| count.text == text) else {
                    let message = format!("the check does not say of how many samples `{text}` is");
                    found.broken.push(view.finding(row, rate, String::new(), message));
                    continue;
                };
                Some(as_number(count.samples))
            }
            (SampleCount::Constant(samples), _) => Some(as_number(*samples)),
            (SampleCount::Column(_), Some(column)) => {
                view.number(row, column, &mut found.unreadable)
            }
            (_, None) => unreachable!("a column was looked up for it"),
        };
        let share = view.number(row, rate, &mut found.unreadable);
        let (Some(share), Some(samples)) = (share, samples) else { continue };
        let count = share * samples;
        let nearest = libm::rint(count);
        // Of no samples the rate says nothing by its count.
        let is_possible = 0.0 <= nearest && nearest <= samples && (samples > 0.0 || share == 0.0);
        if (count - nearest).abs() > slack || !is_possible {
            let why = if is_possible { "not a whole number" } else { "which cannot be" };
            let message =
                format!("of {} samples, that is {}, {why}", shortest(samples), shortest(count));
            let expected = if is_possible { shortest(nearest / samples) } else { String::new() };
            found.broken.push(view.finding(row, rate, expected, message));
        }
    }
    Ok(found)
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
) -> Result<Found, CheckError> {
    let column = view.column(column)?;
    let mut found = Found::default();
    for &row in &view.rows {
        let Some(number) = view.number(row, column, &mut found.unreadable) else { continue };
        if least.is_some_and(|least| number < least) {
            let bound = shortest(least.unwrap_or_default());
            found.broken.push(view.finding(
                row,
                column,
                format!("≥ {bound}"),
                "is too small".to_owned(),
            ));
        }
        if most.is_some_and(|most| number > most) {
            let bound = shortest(most.unwrap_or_default());
            found.broken.push(view.finding(
                row,
                column,
                format!("≤ {bound}"),
                "is too large".to_owned(),
            ));
        }
    }
    Ok(found)
}

/// In each row, one number is at most another.
pub(super) fn at_most(
    view: &View<'_>,
    lesser: &str,
    greater: &str,
    slack: f64,
) -> Result<Found, CheckError> {
    let (name, lesser) = (greater, view.column(lesser)?);
    let greater = view.column(greater)?;
    let mut found = Found::default();
    for &row in &view.rows {
        let numbers = view.numbers(row, &[lesser, greater], &mut found.unreadable);
        if numbers.is_some_and(|numbers| numbers[0] - numbers[1] > slack) {
            let expected = format!("≤ {}", view.text(row, greater));
            let finding = view.finding(row, lesser, expected, format!("is above `{name}`"));
            found.broken.push(Finding { against: Some(view.place(row, greater)), ..finding });
        }
    }
    Ok(found)
}

/// In each group, numbers go one way along an order; rows at the same place of it keep the table's order.
pub(super) fn monotonic(
    view: &View<'_>,
    order: &str,
    column: &str,
    direction: Direction,
    slack: f64,
) -> Result<Found, CheckError> {
    let (place, column) = (view.column(order)?, view.column(column)?);
    let mut found = Found::default();
    for group in view.groups(&view.key) {
        let mut points = Vec::with_capacity(group.len());
        for row in group {
            let numbers = view.numbers(row, &[place, column], &mut found.unreadable);
            points.extend(numbers.map(|numbers| (numbers[0], row, numbers[1])));
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
                found.broken.push(finding);
            }
        }
    }
    found.broken.sort_by_key(|finding| finding.place.row);
    Ok(found)
}
