//! Steps that look at more than one row: aggregate, join, pivot, sort.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{StepError, add_text, check_cells};
use crate::action::params::{Aggregated, Aggregation, SortOrder, Unmatched};
use crate::plot::table::{Table, TableError, number_text};

/// Places of rows by their texts in some columns, and the groups in the order in which they first appear.
struct Groups<'t> {
    order: Vec<Vec<&'t str>>,
    rows: BTreeMap<Vec<&'t str>, Vec<usize>>,
}

impl<'t> Groups<'t> {
    fn of(table: &'t Table, columns: &[usize]) -> Self {
        let mut groups = Self { order: Vec::new(), rows: BTreeMap::new() };
        for (place, row) in table.rows().iter().enumerate() {
            let key: Vec<&str> = columns.iter().map(|column| row[*column].as_str()).collect();
            let rows = groups.rows.entry(key.clone()).or_default();
            if rows.is_empty() {
                groups.order.push(key);
            }
            rows.push(place);
        }
        groups
    }

    fn in_order(&self) -> impl Iterator<Item = (&[&'t str], &[usize])> {
        self.order.iter().map(|key| (key.as_slice(), self.rows[key].as_slice()))
    }
}

fn places<'n>(
    table: &Table,
    names: impl IntoIterator<Item = &'n String>,
) -> Result<Vec<usize>, TableError> {
    names.into_iter().map(|name| table.column(name)).collect()
}

fn shown(key: &[&str]) -> String {
    key.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

/// A row for each group.
pub(super) fn aggregate(
    table: &Table,
    by: &[String],
    columns: &[Aggregated],
) -> Result<Table, StepError> {
    let keys = places(table, by)?;
    let groups = Groups::of(table, &keys);
    check_cells(groups.order.len(), by.len() + columns.len())?;
    let mut rows = Vec::with_capacity(groups.order.len());
    let mut bytes = 0;
    for (key, members) in groups.in_order() {
        let mut row: Vec<String> = key.iter().map(|text| (*text).to_owned()).collect();
        add_text(&mut bytes, &row)?;
        for column in columns {
            let cell = aggregated(table, members, column)?;
            add_text(&mut bytes, [&cell])?;
            row.push(cell);
        }
        rows.push(row);
    }
    let names = by.iter().cloned().chain(columns.iter().map(|column| column.name.clone()));
    Ok(Table::new(names.collect(), rows)?)
}

fn aggregated(table: &Table, rows: &[usize], column: &Aggregated) -> Result<String, StepError> {
    let place = table.column(&column.column)?;
    let numbers = |place: usize| {
        rows.iter().map(|row| table.number(*row, place)).collect::<Result<Vec<f64>, _>>()
    };
    let cell = |row: usize| table.rows()[row][place].clone();
    let at = |other: &str, is_better: fn(f64, f64) -> bool| {
        let numbers = numbers(table.column(other)?)?;
        let mut best = 0;
        for i in 1..numbers.len() {
            if is_better(numbers[i], numbers[best]) {
                best = i;
            }
        }
        Ok::<_, StepError>(cell(rows[best]))
    };
    let folded = |numbers: Vec<f64>, fold: fn(f64, f64) -> f64| {
        numbers.into_iter().reduce(fold).expect("a group has a row")
    };
    #[allow(clippy::cast_precision_loss, reason = "a table has far fewer rows than 2^53")]
    let count = rows.len() as f64;
    let number = match &column.how {
        Aggregation::Count => return Ok(rows.len().to_string()),
        Aggregation::First => return Ok(cell(rows[0])),
        Aggregation::AtMinimum(other) => return at(other, |new, best| new < best),
        Aggregation::AtMaximum(other) => return at(other, |new, best| new > best),
        Aggregation::Sum => folded(numbers(place)?, |a, b| a + b),
        Aggregation::Mean => folded(numbers(place)?, |a, b| a + b) / count,
        // −0 is below 0: of the two, `f64::min` may give either.
        Aggregation::Minimum => {
            folded(numbers(place)?, |a, b| if b.total_cmp(&a).is_lt() { b } else { a })
        }
        Aggregation::Maximum => {
            folded(numbers(place)?, |a, b| if b.total_cmp(&a).is_gt() { b } else { a })
        }
    };
    if number.is_finite() {
        Ok(number_text(number))
    } else {
        let what = format!("column `{}` has no finite {:?}", column.column, column.how);
        Err(StepError::Undefined { row: rows[0] + 1, what })
    }
}

/// Adds columns of the other table's row with the same keys.
pub(super) fn join(
    table: &Table,
    other: &Table,
    on: &[(String, String)],
    take: &[(String, String)],
    unmatched: Unmatched,
) -> Result<Table, StepError> {
    let here = places(table, on.iter().map(|(left, _)| left))?;
    let there = places(other, on.iter().map(|(_, right)| right))?;
    let taken = places(other, take.iter().map(|(column, _)| column))?;
    let groups = Groups::of(other, &there);
    let mut pairs: Vec<(&Vec<String>, Option<&Vec<String>>)> = Vec::new();
    for (place, row) in table.rows().iter().enumerate() {
        let key: Vec<&str> = here.iter().map(|column| row[*column].as_str()).collect();
        match (groups.rows.get(&key).map(Vec::as_slice), unmatched) {
            (Some([found]), _) => pairs.push((row, Some(&other.rows()[*found]))),
            (Some(several), _) => {
                let message = format!(
                    "row {}: {} rows of the other table have {}",
                    place + 1,
                    several.len(),
                    shown(&key)
                );
                return Err(StepError::Rows(message));
            }
            (None, Unmatched::Refused) => {
                let message =
                    format!("row {}: no row of the other table has {}", place + 1, shown(&key));
                return Err(StepError::Rows(message));
            }
            (None, Unmatched::Dropped) => {}
            (None, Unmatched::Empty) => pairs.push((row, None)),
        }
    }
    check_cells(pairs.len(), table.columns().len() + taken.len())?;
    let mut bytes = 0;
    for &(row, found) in &pairs {
        add_text(&mut bytes, row)?;
        if let Some(found) = found {
            add_text(&mut bytes, taken.iter().map(|i| &found[*i]))?;
        }
    }
    let joined = |(row, found): (&Vec<String>, Option<&Vec<String>>)| {
        let added = taken.iter().map(|i| found.map_or_else(String::new, |found| found[*i].clone()));
        row.iter().cloned().chain(added).collect::<Vec<String>>()
    };
    let rows = pairs.into_iter().map(joined).collect();
    let names = table.columns().iter().cloned().chain(take.iter().map(|(_, name)| name.clone()));
    Ok(Table::new(names.collect(), rows)?)
}

/// A row for each group of keys, a column for each of the texts.
pub(super) fn pivot(
    table: &Table,
    keys: &[String],
    column: &str,
    value: &str,
    texts: &[String],
) -> Result<Table, StepError> {
    let key_places = places(table, keys)?;
    let (column_place, value_place) = (table.column(column)?, table.column(value)?);
    let groups = Groups::of(table, &key_places);
    check_cells(groups.order.len(), keys.len() + texts.len())?;
    let places_of: BTreeMap<&str, usize> = texts.iter().map(String::as_str).zip(0..).collect();
    let mut rows: Vec<Vec<String>> = Vec::with_capacity(groups.order.len());
    let mut bytes = 0;
    for (key, members) in groups.in_order() {
        let mut cells: Vec<Option<&String>> = vec![None; texts.len()];
        for &member in members {
            let row = &table.rows()[member];
            let text = &row[column_place];
            let Some(&place) = places_of.get(text.as_str()) else {
                let message = format!("row {}: `{text}` is not among the texts", member + 1);
                return Err(StepError::Rows(message));
            };
            if cells[place].replace(&row[value_place]).is_some() {
                let message =
                    format!("row {}: a second value for {} and `{text}`", member + 1, shown(key));
                return Err(StepError::Rows(message));
            }
        }
        let key = key.iter().map(|text| (*text).to_owned());
        let cells = cells.into_iter().map(|cell| cell.cloned().unwrap_or_default());
        let row: Vec<String> = key.chain(cells).collect();
        add_text(&mut bytes, &row)?;
        rows.push(row);
    }
    Ok(Table::new(keys.iter().chain(texts).cloned().collect(), rows)?)
}

/// Orders the rows; equal ones keep their order.
pub(super) fn sort(table: Table, keys: &[(String, SortOrder)]) -> Result<Table, StepError> {
    let mut ranked: Vec<(Vec<Rank>, usize)> =
        (0..table.rows().len()).map(|row| (Vec::with_capacity(keys.len()), row)).collect();
    for (name, order) in keys {
        let column = table.column(name)?;
        for (ranks, row) in &mut ranked {
            let text = &table.rows()[*row][column];
            ranks.push(match order {
                SortOrder::NumberAscending => Rank::Number(table.number(*row, column)?),
                SortOrder::NumberDescending => Rank::Number(-table.number(*row, column)?),
                SortOrder::TextAscending => Rank::Text(text.clone()),
                SortOrder::TextDescending => Rank::Descending(text.clone()),
                SortOrder::Listed(texts) => {
                    let place = texts.iter().position(|listed| listed == text);
                    Rank::Place(place.ok_or_else(|| {
                        StepError::Rows(format!("row {}: `{text}` is not listed", *row + 1))
                    })?)
                }
            });
        }
    }
    ranked.sort_by(|(a, _), (b, _)| {
        a.iter()
            .zip(b)
            .map(|(a, b)| a.cmp(b))
            .find(|found| found.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    let columns = table.columns().to_vec();
    let mut rows: Vec<Option<Vec<String>>> = table.into_rows().into_iter().map(Some).collect();
    let sorted = ranked.into_iter().filter_map(|(_, row)| rows[row].take()).collect();
    Ok(Table::new(columns, sorted)?)
}

/// What one key says of a row.
enum Rank {
    Number(f64),
    Text(String),
    Descending(String),
    Place(usize),
}

impl Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // Cells are finite, so numbers are ordered; −0 equals 0.
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Descending(a), Self::Descending(b)) => b.cmp(a),
            (Self::Place(a), Self::Place(b)) => a.cmp(b),
            _ => unreachable!("a key has one order"),
        }
    }
}
