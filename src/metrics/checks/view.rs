//! The rows of one table that a rule looks at, with what every rule asks of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{CheckError, Finding, KeyPart, Place, Sheet};
use crate::action::params::{CheckedRows, Tolerance};

/// Some rows of a table.
pub(super) struct View<'a> {
    table: &'a str,
    sheet: Sheet<'a>,
    /// The places of the columns that name a row.
    pub(super) key: Vec<usize>,
    /// The places of the rows, ascending, from 0.
    pub(super) rows: Vec<usize>,
}

impl<'a> View<'a> {
    /// The rows that meet the conditions; an error if none does.
    pub(super) fn of(
        rows: &'a CheckedRows,
        tables: &BTreeMap<&str, Sheet<'a>>,
    ) -> Result<Self, CheckError> {
        let sheet = tables.get(rows.table.as_str());
        let sheet = *sheet.ok_or_else(|| CheckError::NoTable(rows.table.clone()))?;
        let mut view = Self { table: &rows.table, sheet, key: Vec::new(), rows: Vec::new() };
        view.key = view.columns(&rows.key)?;
        let present = view.columns(&rows.present)?;
        let kept = rows.keep.iter().map(|kept| Ok((view.column(&kept.column)?, &kept.one_of)));
        let kept = kept.collect::<Result<Vec<_>, CheckError>>()?;
        let is_seen = |row: &Vec<String>| {
            kept.iter().all(|(column, texts)| texts.contains(&row[*column]))
                && present.iter().all(|column| !row[*column].is_empty())
        };
        view.rows = (0..sheet.rows.len()).filter(|row| is_seen(&sheet.rows[*row])).collect();
        if view.rows.is_empty() {
            return Err(CheckError::NoRows(rows.table.clone()));
        }
        Ok(view)
    }

    /// The place of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, CheckError> {
        self.sheet.columns.iter().position(|column| column == name).ok_or_else(|| {
            CheckError::NoColumn {
                table: self.table.to_owned(),
                column: name.to_owned(),
                columns: self.sheet.columns.join(", "),
            }
        })
    }

    /// The places of some columns.
    pub(super) fn columns(&self, names: &[String]) -> Result<Vec<usize>, CheckError> {
        names.iter().map(|name| self.column(name)).collect()
    }

    /// The text of a cell.
    pub(super) fn text(&self, row: usize, column: usize) -> &'a str {
        &self.sheet.rows[row][column]
    }

    /// The texts of some cells of a row.
    pub(super) fn texts(&self, row: usize, columns: &[usize]) -> Vec<&'a str> {
        columns.iter().map(|column| self.text(row, *column)).collect()
    }

    /// The finite number in a cell; a cell that holds none is added to those that cannot be read.
    pub(super) fn number(
        &self,
        row: usize,
        column: usize,
        unreadable: &mut BTreeSet<Finding>,
    ) -> Option<f64> {
        let number = finite(self.text(row, column));
        if number.is_none() {
            let message = "cannot be read as a finite number".to_owned();
            unreadable.insert(self.finding(row, column, "a number".to_owned(), message));
        }
        number
    }

    /// The finite numbers in some cells of a row, if each holds one.
    pub(super) fn numbers(
        &self,
        row: usize,
        columns: &[usize],
        unreadable: &mut BTreeSet<Finding>,
    ) -> Option<Vec<f64>> {
        // All are read before one is missed, so that each that cannot be read is told.
        let read: Vec<_> =
            columns.iter().map(|column| self.number(row, *column, unreadable)).collect();
        read.into_iter().collect()
    }

    /// The rows by the texts of some columns, groups in the order of their first row.
    pub(super) fn groups(&self, columns: &[usize]) -> Vec<Vec<usize>> {
        let mut places: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for row in &self.rows {
            let place = *places.entry(self.texts(*row, columns)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(*row);
        }
        groups
    }

    /// A cell.
    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        self.place_of(Some(row), &[column])
    }

    /// Cells of a row, or where a row should be.
    pub(super) fn place_of(&self, row: Option<usize>, columns: &[usize]) -> Place {
        let names: Vec<_> =
            columns.iter().map(|column| self.sheet.columns[*column].as_str()).collect();
        let row = row.map(|row| row as u64 + 1);
        Place { table: self.table.to_owned(), row, column: names.join(", ") }
    }

    /// What names a row by some columns.
    pub(super) fn key_of(&self, row: usize, columns: &[usize]) -> Vec<KeyPart> {
        let part = |column: &usize| KeyPart {
            column: self.sheet.columns[*column].clone(),
            text: self.text(row, *column).to_owned(),
        };
        columns.iter().map(part).collect()
    }

    /// A finding about a cell, which holds `found`.
    pub(super) fn finding(
        &self,
        row: usize,
        column: usize,
        expected: String,
        message: String,
    ) -> Finding {
        Finding {
            place: self.place(row, column),
            key: self.key_of(row, &self.key),
            found: self.text(row, column).to_owned(),
            expected,
            against: None,
            message,
        }
    }

    /// Rows for people: `rows 3 (a, 10) and 7 (a, 20)`.
    pub(super) fn rows_text(&self, rows: &[usize]) -> String {
        let named = |row: &usize| match self.texts(*row, &self.key).join(", ") {
            key if key.is_empty() => (row + 1).to_string(),
            key => format!("{} ({key})", row + 1),
        };
        let mut shown: Vec<_> = rows.iter().take(ROWS_SHOWN).map(named).collect();
        if rows.len() > ROWS_SHOWN {
            shown.push(format!("{} more", rows.len() - ROWS_SHOWN));
        }
        let last = shown.pop().unwrap_or_default();
        if shown.is_empty() {
            format!("row {last}")
        } else {
            format!("rows {} and {last}", shown.join(", "))
        }
    }
}

/// Rows that a message lists.
const ROWS_SHOWN: usize = 20;

/// The finite number that a text spells.
pub(super) fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The shortest text that reads back to `value`; integers without a point.
pub(super) fn shortest(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Whether `value` is as near to `expected` as it has to be; nothing is near to what is not finite.
pub(super) fn is_near(value: f64, expected: f64, tolerance: Tolerance<f64>) -> bool {
    let margin = match tolerance {
        Tolerance::Absolute(margin) => margin,
        Tolerance::Relative(share) => share * expected.abs(),
    };
    expected.is_finite() && (value - expected).abs() <= margin
}

/// Whether two cells agree: as numbers where both are, else as texts.
pub(super) fn agree(text: &str, expected: &str, tolerance: Tolerance<f64>) -> bool {
    match (finite(text), finite(expected)) {
        (Some(value), Some(expected)) => is_near(value, expected, tolerance),
        _ => text == expected,
    }
}

/// How far apart two cells are, for people; empty unless both are numbers.
pub(super) fn apart(text: &str, expected: &str) -> String {
    match (finite(text), finite(expected)) {
        (Some(value), Some(expected)) => format!(", {} apart", shortest((value - expected).abs())),
        _ => String::new(),
    }
}
