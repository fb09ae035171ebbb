//! Declared checks over tables: each rule is a pure function from parsed tables to what breaks it.
//!
//! A finding names table, row, column and both values with all the digits the table has, so that a reader can put a
//! finger on it. Findings stand in the order of the rows, then of the rule's columns. A cell that should hold a number
//! and does not is found, too, and what follows from the other cells is judged all the same. A column that is not there
//! and a rule that looks at no row are errors: such a check says nothing.

mod groups;
mod joins;
mod numbers;
#[cfg(test)]
mod tests;
mod texts;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::action::canonical::Real;
use crate::action::params::{Rule, Severity};
use view::View;

/// A parsed table: the names of its columns and rows of as many texts.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// The columns in order.
    pub columns: &'a [String],
    /// The rows in order.
    pub rows: &'a [Vec<String>],
}

/// A cell, or where one should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The table.
    pub table: String,
    /// The row, from 1, the header not counted; null where a row is missing.
    pub row: Option<u64>,
    /// The column; several are joined by commas.
    pub column: String,
}

/// A text in a column that names a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// The column.
    pub column: String,
    /// The text.
    pub text: String,
}

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The cell at fault.
    #[serde(flatten)]
    pub place: Place,
    /// What names it, whatever row it stands in.
    pub key: Vec<KeyPart>,
    /// What stands there, as it is written.
    pub found: String,
    /// What the rule calls for: the other value, or a computed one in the shortest form that reads back.
    pub expected: String,
    /// The cell that the other value stands in.
    pub against: Option<Place>,
    /// What is wrong, for people.
    pub message: String,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Cells that should hold a finite number and do not, by place; the rule is not held against them.
    pub unreadable: BTreeSet<Finding>,
    /// What breaks the rule.
    pub broken: Vec<Finding>,
}

impl From<Vec<Finding>> for Found {
    fn from(broken: Vec<Finding>) -> Self {
        Self { unreadable: BTreeSet::new(), broken }
    }
}

/// Why a check says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is no such table.
    #[error("there is no table `{0}`")]
    NoTable(String),
    /// The table has no such column.
    #[error("table `{table}` has no column `{column}`; it has {columns}")]
    NoColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The columns it has.
        columns: String,
    },
    /// No row is looked at.
    #[error("no row of table `{0}` meets the check's conditions, so it says nothing")]
    NoRows(String),
    /// The two sides of a comparison are named by different numbers of columns.
    #[error("keys of {left} and {right} columns cannot be compared")]
    Keys {
        /// Columns of the one.
        left: usize,
        /// Columns of the other.
        right: usize,
    },
    /// A grid is too large to be listed.
    #[error("a grid of more than {GRID_MAX} rows")]
    GridTooLarge,
}

/// The most rows a grid may have, and the groups of a sequence may miss together.
const GRID_MAX: usize = 1_000_000;

/// What breaks `rule` in `tables`, by name.
///
/// # Errors
///
/// If a table or column is missing, or there is no row to look at.
pub fn findings(
    rule: &Rule<Real>,
    tables: &BTreeMap<&str, Sheet<'_>>,
) -> Result<Found, CheckError> {
    let view = |rows| View::of(rows, tables);
    match &rule.map(Real::get) {
        Rule::UniqueKeys { rows } => Ok(groups::unique_keys(&view(rows)?).into()),
        Rule::Grid { rows, axes } => Ok(groups::grid(&view(rows)?, axes)?.into()),
        Rule::Sequence { rows, column, first } => groups::sequence(&view(rows)?, column, *first),
        Rule::Repeated { rows, within, columns, most } => {
            Ok(groups::repeated(&view(rows)?, within, columns, *most)?.into())
        }
        Rule::Constant { rows, within, column, tolerance } => {
            Ok(groups::constant(&view(rows)?, within, column, *tolerance)?.into())
        }
        Rule::Equal { left, right, tolerance } => {
            Ok(joins::equal(left, right, *tolerance, tables)?.into())
        }
        Rule::FinalPoint { curve, order, table, tolerance } => {
            joins::final_point(curve, order, table, *tolerance, tables)
        }
        Rule::Product { rows, column, constant, factors, divisors, tolerance } => {
            numbers::product(&view(rows)?, column, *constant, [factors, divisors], *tolerance)
        }
        Rule::Sum { rows, column, terms, tolerance } => {
            numbers::sum(&view(rows)?, column, terms, *tolerance)
        }
        Rule::Mean { rows, member, total, members, column, tolerance } => {
            groups::mean(&view(rows)?, member, total, members, column, *tolerance)
        }
        Rule::Counts { rows, rate, of, slack } => numbers::counts(&view(rows)?, rate, of, *slack),
        Rule::Range { rows, column, least, most } => {
            numbers::range(&view(rows)?, column, *least, *most)
        }
        Rule::AtMost { rows, lesser, greater, slack } => {
            numbers::at_most(&view(rows)?, lesser, greater, *slack)
        }
        Rule::Monotonic { rows, order, column, direction, slack } => {
            numbers::monotonic(&view(rows)?, order, column, *direction, *slack)
        }
        Rule::LabelText { rows, label, column, cases, whole } => {
            Ok(texts::label_text(&view(rows)?, label, column, cases, *whole)?.into())
        }
        Rule::LabelNumber { rows, label, before, after, unit, columns, tolerance } => {
            let form = texts::NumberForm { before, after, unit: *unit };
            texts::label_number(&view(rows)?, label, form, columns, *tolerance)
        }
        Rule::OneOf { rows, column, texts } => {
            Ok(texts::one_of(&view(rows)?, column, texts)?.into())
        }
        Rule::NonEmpty { rows, columns } => Ok(texts::non_empty(&view(rows)?, columns)?.into()),
    }
}

/// A finding of a named check: an object of `findings.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// The check.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What breaks its rule.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The bytes of `findings.json`: fields in the order of [`FindingRecord`], two spaces an indent, a line feed at the end.
///
/// # Panics
///
/// Never: findings are plain data.
pub fn encode(records: &[FindingRecord]) -> String {
    let mut text = serde_json::to_string_pretty(records).expect("findings are plain data");
    text.push('\n');
    text
}

/// Reads `findings.json`.
pub fn decode(text: &str) -> Result<Vec<FindingRecord>, serde_json::Error> {
    serde_json::from_str(text)
}
