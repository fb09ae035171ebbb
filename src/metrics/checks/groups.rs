//! Rules about rows among each other: keys, grids, sequences, repeats, means.

use std::collections::{BTreeMap, BTreeSet};

use super::view::{View, agree, finite, is_near, shortest};
use super::{CheckError, Finding, Found, GRID_MAX, KeyPart};
use crate::action::params::{GridAxis, Tolerance};

/// No two rows share a key: a finding for each row but the first.
pub(super) fn unique_keys(view: &View<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for group in view.groups(&view.key) {
        for &row in &group[1..] {
            findings.push(Finding {
                place: view.place_of(Some(row), &view.key),
                key: view.key_of(row, &view.key),
                found: view.texts(row, &view.key).join(", "),
                expected: "another key".to_owned(),
                against: Some(view.place_of(Some(group[0]), &view.key)),
                message: format!("the key of row {} stands here again", group[0] + 1),
            });
        }
    }
    findings.sort_by_key(|finding| finding.place.row);
    findings
}

/// There is a row for each combination of texts: a finding for each that has none, in the order of the axes' texts.
pub(super) fn grid(view: &View<'_>, axes: &[GridAxis]) -> Result<Vec<Finding>, CheckError> {
    let columns =
        axes.iter().map(|axis| view.column(&axis.column)).collect::<Result<Vec<_>, _>>()?;
    let texts_of = |(axis, column): (&GridAxis, &usize)| -> Vec<String> {
        if !axis.texts.is_empty() {
            return axis.texts.clone();
        }
        let present = view.groups(&[*column]).into_iter();
        present.map(|group| view.text(group[0], *column).to_owned()).collect()
    };
    let texts: Vec<Vec<String>> = axes.iter().zip(&columns).map(texts_of).collect();
    let size = texts.iter().try_fold(1_usize, |size, axis| size.checked_mul(axis.len()));
    if size.is_none_or(|size| size > GRID_MAX) {
        return Err(CheckError::GridTooLarge);
    }
    let present: BTreeSet<Vec<&str>> =
        view.rows.iter().map(|row| view.texts(*row, &columns)).collect();
    let mut combinations: Vec<Vec<&str>> = vec![Vec::new()];
    for axis in &texts {
        let mut longer = Vec::with_capacity(combinations.len() * axis.len());
        for head in &combinations {
            longer.extend(axis.iter().map(|text| [&head[..], &[text.as_str()]].concat()));
        }
        combinations = longer;
    }
    let missing = combinations.into_iter().filter(|combination| !present.contains(combination));
    let finding = |combination: Vec<&str>| Finding {
        place: view.place_of(None, &columns),
        key: (axes.iter().zip(&combination))
            .map(|(axis, text)| KeyPart { column: axis.column.clone(), text: (*text).to_owned() })
            .collect(),
        found: String::new(),
        expected: combination.join(", "),
        against: None,
        message: "no row has this combination".to_owned(),
    };
    Ok(missing.map(finding).collect())
}

/// The integers in a column of each group run from `first` to their largest: a finding for each that is missing, and
/// for each cell that is no integer, comes before `first`, or stands there again.
pub(super) fn sequence(view: &View<'_>, column: &str, first: u64) -> Result<Found, CheckError> {
    let place = view.column(column)?;
    let mut found = Found::default();
    let mut room = GRID_MAX as u64;
    for group in view.groups(&view.key) {
        let mut seen = BTreeSet::new();
        for &row in &group {
            let Some(number) = view.number(row, place, &mut found.unreadable) else { continue };
            let Some(integer) = as_integer(number).filter(|integer| *integer >= first) else {
                let expected = format!("an integer from {first}");
                found.broken.push(view.finding(row, place, expected, "is none".to_owned()));
                continue;
            };
            if !seen.insert(integer) {
                let message = "stands in an earlier row of its group".to_owned();
                found.broken.push(view.finding(row, place, "another integer".to_owned(), message));
            }
        }
        let Some(&last) = seen.last() else { continue };
        // What is listed is bounded over all groups: each of many may miss many.
        let missed = last - first + 1 - seen.len() as u64;
        room = room.checked_sub(missed).ok_or(CheckError::GridTooLarge)?;
        for missing in (first..last).filter(|integer| !seen.contains(integer)) {
            let mut key = view.key_of(group[0], &view.key);
            key.push(KeyPart { column: column.to_owned(), text: missing.to_string() });
            found.broken.push(Finding {
                place: view.place_of(None, &[place]),
                key,
                found: String::new(),
                expected: missing.to_string(),
                against: None,
                message: format!("no row between {first} and {last} has it"),
            });
        }
    }
    Ok(found)
}

/// The integer that a number is, if it is one below 2^53.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a natural number below 2^53 is exact in both"
)]
fn as_integer(number: f64) -> Option<u64> {
    let is_natural = (0.0..9_007_199_254_740_992.0).contains(&number);
    (is_natural && libm::trunc(number) == number).then_some(number as u64)
}

/// No combination of texts stands in more than `most` rows of a group: a finding at the first of them. Its key is that
/// of the group and the texts.
pub(super) fn repeated(
    view: &View<'_>,
    within: &[String],
    columns: &[String],
    most: u64,
) -> Result<Vec<Finding>, CheckError> {
    let (within, columns) = (view.columns(within)?, view.columns(columns)?);
    let all = [within, columns.clone()].concat();
    let repeats = view.groups(&all).into_iter().filter(|group| group.len() as u64 > most);
    let finding = |group: Vec<usize>| Finding {
        place: view.place_of(Some(group[0]), &columns),
        key: view.key_of(group[0], &all),
        found: view.texts(group[0], &columns).join(", "),
        expected: format!("in at most {most} {}", if most == 1 { "row" } else { "rows" }),
        against: Some(view.place_of(Some(group[1]), &columns)),
        message: format!("stands in {} rows: {}", group.len(), view.rows_text(&group)),
    };
    Ok(repeats.map(finding).collect())
}

/// In each group, a column is the same wherever it stands: as most of the group has it, and of equally many the first.
pub(super) fn constant(
    view: &View<'_>,
    within: &[String],
    column: &str,
    tolerance: Tolerance<f64>,
) -> Result<Vec<Finding>, CheckError> {
    let (within, column) = (view.columns(within)?, view.column(column)?);
    let mut findings = Vec::new();
    for group in view.groups(&within) {
        let mut counts: BTreeMap<Result<u64, &str>, usize> = BTreeMap::new();
        for row in &group {
            *counts.entry(value_of(view.text(*row, column))).or_default() += 1;
        }
        let frequency = |row: &usize| counts[&value_of(view.text(*row, column))];
        let most = group.iter().map(frequency).max().unwrap_or_default();
        let Some(&usual) = group.iter().find(|row| frequency(row) == most) else { continue };
        let expected = view.text(usual, column);
        let shared = match view.texts(usual, &within).join(", ") {
            shared if shared.is_empty() => shared,
            shared => format!(" that share {shared}"),
        };
        for &row in &group {
            if !agree(view.text(row, column), expected, tolerance) {
                let message =
                    format!("{most} of the {} rows{shared} have the other value", group.len());
                let finding = view.finding(row, column, expected.to_owned(), message);
                findings.push(Finding { against: Some(view.place(usual, column)), ..finding });
            }
        }
    }
    findings.sort_by_key(|finding| finding.place.row);
    Ok(findings)
}

/// What texts of one value share, however it is spelled: the bits of the number, or else the text.
fn value_of(text: &str) -> Result<u64, &str> {
    // Zero and its negative are one value.
    finite(text).map(|number| (number + 0.0).to_bits()).ok_or(text)
}

/// In each group, the row of `total` holds the mean of the rows of `members`, summed in the order of the members. Empty
/// cells are left out; where all are, that of `total` is empty, too. A name of several rows names none of them: that is
/// found, and no mean is judged with it.
pub(super) fn mean(
    view: &View<'_>,
    member: &str,
    total: &str,
    members: &[String],
    column: &str,
    tolerance: Tolerance<f64>,
) -> Result<Found, CheckError> {
    let (member, column) = (view.column(member)?, view.column(column)?);
    let mut found = Found::default();
    for group in view.groups(&view.key) {
        let rows_of = |name: &str| -> Vec<usize> {
            group.iter().copied().filter(|row| view.text(*row, member) == name).collect()
        };
        let missing = |name: &str| Finding {
            place: view.place_of(None, &[member]),
            key: view.key_of(group[0], &view.key),
            found: String::new(),
            expected: name.to_owned(),
            against: None,
            message: "the group has no such row".to_owned(),
        };
        let repeated = |name: &str, rows: &[usize]| {
            let message = format!("`{name}` names {}", view.rows_text(rows));
            let finding = view.finding(rows[1], column, String::new(), message);
            Finding { against: Some(view.place(rows[0], column)), ..finding }
        };
        let (mut sum, mut count, mut is_known) = (0.0, 0.0, true);
        for name in members {
            match rows_of(name)[..] {
                [] => found.broken.push(missing(name)),
                [row] if view.text(row, column).is_empty() => {}
                [row] => match view.number(row, column, &mut found.unreadable) {
                    Some(number) => {
                        sum += number;
                        count += 1.0;
                    }
                    None => is_known = false,
                },
                ref rows => {
                    found.broken.push(repeated(name, rows));
                    is_known = false;
                }
            }
        }
        let row = match rows_of(total)[..] {
            [] => {
                found.broken.push(missing(total));
                continue;
            }
            [row] => row,
            ref rows => {
                found.broken.push(repeated(total, rows));
                continue;
            }
        };
        if is_known {
            let mean = (count > 0.0).then(|| (sum / count, count));
            found.broken.extend(judged_mean(view, row, column, mean, tolerance));
        }
    }
    Ok(found)
}

/// What is wrong with a cell that should hold a mean, given with the number of its members; none if none has a value.
fn judged_mean(
    view: &View<'_>,
    row: usize,
    column: usize,
    mean: Option<(f64, f64)>,
    tolerance: Tolerance<f64>,
) -> Option<Finding> {
    let text = view.text(row, column);
    let Some((value, count)) = mean else {
        let message = "no member has a value, so there is no mean".to_owned();
        return (!text.is_empty()).then(|| view.finding(row, column, String::new(), message));
    };
    if finite(text).is_some_and(|number| is_near(number, value, tolerance)) {
        return None;
    }
    let difference = finite(text).map_or(f64::NAN, |number| (number - value).abs());
    let message = format!(
        "the mean of the {count} members is {}, {} apart",
        shortest(value),
        shortest(difference)
    );
    Some(view.finding(row, column, shortest(value), message))
}
