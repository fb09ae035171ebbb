//! Rules that hold one table against another.

use std::collections::BTreeMap;

use super::view::{View, agree, apart};
use super::{CheckError, Finding, Found, Sheet};
use crate::action::params::{Cells, Tolerance};

/// Columns of two tables agree where their keys do.
pub(super) fn equal(
    left: &Cells,
    right: &Cells,
    tolerance: Tolerance<f64>,
    tables: &BTreeMap<&str, Sheet<'_>>,
) -> Result<Vec<Finding>, CheckError> {
    let (one, other) = (Side::of(left, tables)?, Side::of(right, tables)?);
    compare(&one, &other, &one.view.rows, tolerance)
}

/// The last row of each group agrees with a table. Of a group with a place in the order that cannot be read, none is known
/// to be the last; that two rows share the last place is found.
pub(super) fn final_point(
    curve: &Cells,
    order: &str,
    table: &Cells,
    tolerance: Tolerance<f64>,
    tables: &BTreeMap<&str, Sheet<'_>>,
) -> Result<Found, CheckError> {
    let (one, other) = (Side::of(curve, tables)?, Side::of(table, tables)?);
    let order = one.view.column(order)?;
    let (mut last, mut ambiguous, mut found) = (Vec::new(), Vec::new(), Found::default());
    for group in one.view.groups(&one.view.key) {
        let (mut greatest, mut best) = (f64::NEG_INFINITY, Vec::new());
        let mut is_read = true;
        for row in group {
            match one.view.number(row, order, &mut found.unreadable) {
                Some(number) if number > greatest => (greatest, best) = (number, vec![row]),
                Some(number) if number >= greatest => best.push(row),
                Some(_) => {}
                None => is_read = false,
            }
        }
        match best[..] {
            _ if !is_read => {}
            [row] => last.push(row),
            _ => ambiguous.push(several(&one, order, &best)),
        }
    }
    last.sort_unstable();
    found.broken = compare(&one, &other, &last, tolerance)?;
    found.broken.extend(ambiguous);
    Ok(found)
}

/// Rows that are all the last of their group, told at the second of them.
fn several(side: &Side<'_>, order: usize, rows: &[usize]) -> Finding {
    let (view, place) = (&side.view, side.view.text(rows[0], order));
    let message = format!("`{place}` is the place of {}", view.rows_text(rows));
    let finding = view.finding(rows[1], side.column, String::new(), message);
    Finding { against: Some(view.place(rows[0], side.column)), ..finding }
}

/// One side of a comparison.
struct Side<'a> {
    view: View<'a>,
    column: usize,
    every_row: bool,
}

impl<'a> Side<'a> {
    fn of(cells: &'a Cells, tables: &BTreeMap<&str, Sheet<'a>>) -> Result<Self, CheckError> {
        let view = View::of(&cells.rows, tables)?;
        let column = view.column(&cells.column)?;
        Ok(Self { view, column, every_row: cells.every_row })
    }

    fn key(&self, row: usize) -> Vec<&'a str> {
        self.view.texts(row, &self.view.key)
    }

    fn lonely(&self, row: usize, other: &Self) -> Finding {
        let table = other.view.place(0, other.column).table;
        let message = format!("table `{table}` has no row of this key");
        self.view.finding(row, self.column, String::new(), message)
    }
}

/// Holds `rows` of one side against the other.
fn compare(
    one: &Side<'_>,
    other: &Side<'_>,
    rows: &[usize],
    tolerance: Tolerance<f64>,
) -> Result<Vec<Finding>, CheckError> {
    let (left, right) = (one.view.key.len(), other.view.key.len());
    if left != right {
        return Err(CheckError::Keys { left, right });
    }
    let mut counterparts: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
    for row in &other.view.rows {
        counterparts.entry(other.key(*row)).or_default().push(*row);
    }
    let mut findings = Vec::new();
    for &row in rows {
        let key = one.key(row);
        let Some(matches) = counterparts.get(&key) else {
            findings.extend(one.every_row.then(|| one.lonely(row, other)));
            continue;
        };
        if matches.len() > 1 {
            let table = other.view.place(0, other.column).table;
            let message =
                format!("this key names {} of table `{table}`", other.view.rows_text(matches));
            findings.push(one.view.finding(row, one.column, String::new(), message));
            continue;
        }
        let (found, expected) =
            (one.view.text(row, one.column), other.view.text(matches[0], other.column));
        if !agree(found, expected, tolerance) {
            let against = other.view.place(matches[0], other.column);
            let message = format!(
                "differs from `{}` of table `{}`{}",
                against.column,
                against.table,
                apart(found, expected)
            );
            let finding = one.view.finding(row, one.column, expected.to_owned(), message);
            findings.push(Finding { against: Some(against), ..finding });
        }
    }
    if other.every_row {
        // Of every row, so that one that is not compared is a counterpart all the same.
        let keys: Vec<_> = one.view.rows.iter().map(|row| one.key(*row)).collect();
        let keys: std::collections::BTreeSet<_> = keys.into_iter().collect();
        let lonely = other.view.rows.iter().filter(|row| !keys.contains(&other.key(**row)));
        findings.extend(lonely.map(|row| other.lonely(*row, one)));
    }
    Ok(findings)
}
