//! Makes a table: rows, and what a list of steps makes of them, to `table.csv`.
//!
//! Numbers are binary64, computed in the order that the steps state and written in the shortest form that reads back to
//! the same value; `log10` and powers are `libm`'s. Cells that no step computes keep their text. What is no number where
//! one is needed, a key that is not unique where one row is meant, and a result that is not finite are errors that name
//! step, row and column.

mod derive;
mod read;
mod regroup;
#[cfg(test)]
mod tests;

use super::files::{read_text, write_text};
use super::{JobContext, JobError};
use crate::action::params::{Step, Table as Params};
use crate::plot::table::{Table, TableError};

/// The most bytes of text in all cells of a table; a hostile list of steps could double them with each.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// The most rows.
const ROWS_MAX: usize = 4_000_000;
/// The most cells; an empty one takes memory, too.
const CELLS_MAX: usize = 40_000_000;

/// Reads the rows and the tables that steps read, and writes `table.csv`.
pub(super) fn run(params: &Params, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let mut table = read::rows(&params.rows, context)?;
    for (i, step) in params.steps.iter().enumerate() {
        let input = format!("step-{i}");
        let other = match step {
            Step::Join { .. } | Step::Union => {
                Some(read::csv(&input, &read_text(context, &input)?)?)
            }
            _ => None,
        };
        table = apply(step, table, other.as_ref())
            .map_err(|error| JobError::Unfit(format!("steps[{i}] ({}): {error}", word(step))))?;
    }
    write_text(context, "table.csv", &table.to_csv())
}

/// Why a step gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum StepError {
    /// A cell or column is not there, or no number.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The step needs another table.
    #[error("the other table is no input")]
    NoOther,
    /// A number has no result.
    #[error("row {row}: {what}")]
    Undefined {
        /// The row, from 1.
        row: usize,
        /// What is not defined.
        what: String,
    },
    /// Rows are not as the step needs them.
    #[error("{0}")]
    Rows(String),
    /// The table grew beyond all measure.
    #[error(
        "the table has more than {ROWS_MAX} rows, {CELLS_MAX} cells or {} MiB of text",
        TEXT_BYTES_MAX >> 20
    )]
    TooLarge,
}

/// The word for a step in messages.
fn word(step: &Step) -> String {
    match step {
        Step::Keep { .. } => "keep".to_owned(),
        Step::Drop { .. } => "drop".to_owned(),
        Step::Within { .. } => "within".to_owned(),
        Step::Derive { name, .. } => format!("derive `{name}`"),
        Step::Aggregate { .. } => "aggregate".to_owned(),
        Step::Join { .. } => "join".to_owned(),
        Step::Union => "union".to_owned(),
        Step::Pivot { .. } => "pivot".to_owned(),
        Step::Sort { .. } => "sort".to_owned(),
        Step::Select { .. } => "select".to_owned(),
    }
}

/// One step.
fn apply(step: &Step, table: Table, other: Option<&Table>) -> Result<Table, StepError> {
    let other = || other.ok_or(StepError::NoOther);
    match step {
        Step::Keep { column, texts } => filter(table, column, |text| texts.contains(text)),
        Step::Drop { column, texts } => filter(table, column, |text| !texts.contains(text)),
        Step::Within { column, least, most } => within(table, column, least.get(), most.get()),
        Step::Derive { name, value } => derive::derive(table, name, value),
        Step::Aggregate { by, columns } => regroup::aggregate(&table, by, columns),
        Step::Join { on, take, unmatched } => regroup::join(&table, other()?, on, take, *unmatched),
        Step::Union => union(table, other()?),
        Step::Pivot { keys, column, value, texts } => {
            regroup::pivot(&table, keys, column, value, texts)
        }
        Step::Sort { keys } => regroup::sort(table, keys),
        Step::Select { columns } => select(&table, columns),
    }
}

fn filter(table: Table, column: &str, keeps: impl Fn(&String) -> bool) -> Result<Table, StepError> {
    let place = table.column(column)?;
    let columns = table.columns().to_vec();
    let rows = table.into_rows().into_iter().filter(|row| keeps(&row[place])).collect();
    Ok(Table::new(columns, rows)?)
}

fn within(table: Table, column: &str, least: f64, most: f64) -> Result<Table, StepError> {
    let place = table.column(column)?;
    let mut kept = Vec::new();
    for row in 0..table.rows().len() {
        kept.push((least..=most).contains(&table.number(row, place)?));
    }
    let columns = table.columns().to_vec();
    let rows = table.into_rows().into_iter().zip(kept).filter(|(_, kept)| *kept);
    Ok(Table::new(columns, rows.map(|(row, _)| row).collect())?)
}

/// The rows of one table, then those of another whose columns may stand in another order.
fn union(table: Table, other: &Table) -> Result<Table, StepError> {
    let columns = table.columns().to_vec();
    let places = columns.iter().map(|name| other.column(name)).collect::<Result<Vec<_>, _>>()?;
    if other.columns().len() != columns.len() {
        return Err(StepError::Rows("the other table has other columns".to_owned()));
    }
    let rows = table.rows().len() + other.rows().len();
    if rows > ROWS_MAX || text_bytes(table.rows()) + text_bytes(other.rows()) > TEXT_BYTES_MAX {
        return Err(StepError::TooLarge);
    }
    check_cells(rows, columns.len())?;
    let added = other.rows().iter().map(|row| places.iter().map(|i| row[*i].clone()).collect());
    let mut rows = table.into_rows();
    rows.extend(added);
    Ok(Table::new(columns, rows)?)
}

fn select(table: &Table, selected: &[(String, String)]) -> Result<Table, StepError> {
    let places =
        selected.iter().map(|(column, _)| table.column(column)).collect::<Result<Vec<_>, _>>()?;
    check_cells(table.rows().len(), places.len())?;
    let bytes = |row: &Vec<String>| places.iter().map(|i| row[*i].len()).sum::<usize>();
    if table.rows().iter().map(bytes).sum::<usize>() > TEXT_BYTES_MAX {
        return Err(StepError::TooLarge);
    }
    let columns = selected.iter().map(|(_, name)| name.clone()).collect();
    let row = |row: &Vec<String>| places.iter().map(|i| row[*i].clone()).collect();
    Ok(Table::new(columns, table.rows().iter().map(row).collect())?)
}

/// Refuses so many cells before they are made.
fn check_cells(rows: usize, columns: usize) -> Result<(), StepError> {
    if rows.saturating_mul(columns) > CELLS_MAX { Err(StepError::TooLarge) } else { Ok(()) }
}

/// Adds the lengths of texts to `bytes`, and refuses more than a table may hold.
fn add_text<'t>(
    bytes: &mut usize,
    texts: impl IntoIterator<Item = &'t String>,
) -> Result<(), StepError> {
    *bytes += texts.into_iter().map(String::len).sum::<usize>();
    if *bytes > TEXT_BYTES_MAX { Err(StepError::TooLarge) } else { Ok(()) }
}

fn text_bytes(rows: &[Vec<String>]) -> usize {
    rows.iter().flatten().map(String::len).sum()
}

/// The number of a cell; none if it is empty.
fn number(table: &Table, row: usize, column: usize) -> Result<Option<f64>, TableError> {
    if table.rows()[row][column].is_empty() {
        return Ok(None);
    }
    table.number(row, column).map(Some)
}
