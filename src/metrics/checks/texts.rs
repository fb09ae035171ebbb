//! Rules about texts: labels against values, membership, presence.

use super::view::{View, finite, is_near, shortest};
use super::{CheckError, Finding, Found};
use crate::action::params::{LabelCase, Tolerance};

/// A label says what the text of another column calls for.
pub(super) fn label_text(
    view: &View<'_>,
    label: &str,
    column: &str,
    cases: &[LabelCase],
    whole: bool,
) -> Result<Vec<Finding>, CheckError> {
    let (label, column) = (view.column(label)?, view.column(column)?);
    let mut findings = Vec::new();
    for &row in &view.rows {
        let (found, text) = (view.text(row, label), view.text(row, column));
        let against = Some(view.place(row, column));
        let Some(case) = cases.iter().find(|case| case.text == text) else {
            let message = format!("the check does not say what is called for by `{text}`");
            findings.push(Finding { against, ..view.finding(row, label, String::new(), message) });
            continue;
        };
        let says = if whole { found == case.label } else { found.contains(&case.label) };
        if !says {
            let verb = if whole { "is not" } else { "does not say" };
            let message = format!("{verb} `{}`, which `{text}` calls for", case.label);
            let finding = view.finding(row, label, case.label.clone(), message);
            findings.push(Finding { against, ..finding });
        }
    }
    Ok(findings)
}

/// Where a label has its number, and in which unit.
#[derive(Clone, Copy)]
pub(super) struct NumberForm<'a> {
    /// The text before it.
    pub(super) before: &'a str,
    /// The text after it.
    pub(super) after: &'a str,
    /// The unit.
    pub(super) unit: f64,
}

impl NumberForm<'_> {
    /// The number in its unit: after the first `before` from which `after` follows with nothing but a number between.
    fn read(self, label: &str) -> Option<f64> {
        let starts = label.match_indices(self.before).map(|(at, before)| at + before.len());
        let starts = starts.take(if self.before.is_empty() { 1 } else { usize::MAX });
        starts.into_iter().find_map(|start| {
            let tail = &label[start..];
            let end = if self.after.is_empty() { tail.len() } else { tail.find(self.after)? };
            finite(&tail[..end])
        })
    }
}

/// The number in a label, times its unit, is the product of other columns.
pub(super) fn label_number(
    view: &View<'_>,
    label: &str,
    form: NumberForm<'_>,
    columns: &[String],
    tolerance: Tolerance<f64>,
) -> Result<Found, CheckError> {
    let label = view.column(label)?;
    let places = view.columns(columns)?;
    let mut found = Found::default();
    for &row in &view.rows {
        let numbers = view.numbers(row, &places, &mut found.unreadable);
        let Some(numbers) = numbers else { continue };
        let value = numbers.iter().fold(1.0, |value, number| value * number);
        let computed = shortest(value);
        let against = Some(view.place_of(Some(row), &places));
        let message = match form.read(view.text(row, label)) {
            None => format!("no number between `{}` and `{}`", form.before, form.after),
            Some(number) if is_near(number * form.unit, value, tolerance) => continue,
            Some(number) => format!(
                "says {}, and {} is {computed}",
                shortest(number * form.unit),
                columns.join(" · ")
            ),
        };
        found.broken.push(Finding { against, ..view.finding(row, label, computed, message) });
    }
    Ok(found)
}

/// A text is one of those listed.
pub(super) fn one_of(
    view: &View<'_>,
    column: &str,
    texts: &[String],
) -> Result<Vec<Finding>, CheckError> {
    let column = view.column(column)?;
    let outside =
        view.rows.iter().filter(|row| !texts.iter().any(|text| text == view.text(**row, column)));
    let finding =
        |row: &usize| view.finding(*row, column, texts.join(" | "), "is none of these".to_owned());
    Ok(outside.map(finding).collect())
}

/// Cells are not empty.
pub(super) fn non_empty(view: &View<'_>, columns: &[String]) -> Result<Vec<Finding>, CheckError> {
    let columns = view.columns(columns)?;
    let mut findings = Vec::new();
    for &row in &view.rows {
        for &column in columns.iter().filter(|column| view.text(row, **column).is_empty()) {
            let message = "is empty".to_owned();
            findings.push(view.finding(row, column, "a value".to_owned(), message));
        }
    }
    Ok(findings)
}
