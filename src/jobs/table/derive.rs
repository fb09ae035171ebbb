//! A new column, computed row by row.

use super::{StepError, TEXT_BYTES_MAX, check_cells, number};
use crate::action::params::{Derivation, Operand, Rounding, TextPart};
use crate::plot::table::{Table, TableError, number_text};

/// Adds the column `name`.
pub(super) fn derive(table: Table, name: &str, value: &Derivation) -> Result<Table, StepError> {
    let formula = Formula::of(value, &table)?;
    check_cells(table.rows().len(), table.columns().len() + 1)?;
    let mut cells = Vec::with_capacity(table.rows().len());
    let mut bytes = super::text_bytes(table.rows());
    for row in 0..table.rows().len() {
        let cell = formula.cell(&table, row)?;
        bytes += cell.len();
        if bytes > TEXT_BYTES_MAX {
            return Err(StepError::TooLarge);
        }
        cells.push(cell);
    }
    let mut columns = table.columns().to_vec();
    columns.push(name.to_owned());
    let mut rows = table.into_rows();
    for (row, cell) in rows.iter_mut().zip(cells) {
        row.push(cell);
    }
    Ok(Table::new(columns, rows)?)
}

/// A number: of a column by its place, or stated.
#[derive(Clone, Copy)]
enum Term {
    Column(usize),
    Number(f64),
}

/// A piece of text: of a column by its place, or stated.
enum Piece<'a> {
    Column(usize),
    Text(&'a str),
}

/// A derivation with its columns found.
enum Formula<'a> {
    Text(String),
    Fold(Vec<Term>, fn(f64, f64) -> f64),
    Map(usize, fn(f64) -> f64),
    Joined(Vec<Piece<'a>>),
    Between { column: usize, after: &'a str, before: &'a str },
    Choice { column: usize, cases: &'a [(String, String)], otherwise: Option<&'a str> },
    FirstNonEmpty(Vec<usize>),
}

impl<'a> Formula<'a> {
    fn of(value: &'a Derivation, table: &Table) -> Result<Self, TableError> {
        let term = |operand: &Operand| {
            Ok(match operand {
                Operand::Column(column) => Term::Column(table.column(column)?),
                Operand::Number(number) => Term::Number(number.get()),
            })
        };
        let terms = |operands: &[Operand]| operands.iter().map(term).collect::<Result<_, _>>();
        Ok(match value {
            Derivation::Number(number) => Self::Text(number_text(number.get())),
            Derivation::Text(text) => Self::Text(text.clone()),
            Derivation::Sum(operands) => Self::Fold(terms(operands)?, |a, b| a + b),
            Derivation::Product(operands) => Self::Fold(terms(operands)?, |a, b| a * b),
            Derivation::Difference(a, b) => Self::Fold(vec![term(a)?, term(b)?], |a, b| a - b),
            Derivation::Quotient(a, b) => Self::Fold(vec![term(a)?, term(b)?], |a, b| a / b),
            Derivation::Absolute(column) => Self::Map(table.column(column)?, f64::abs),
            Derivation::Log10(column) => Self::Map(table.column(column)?, libm::log10),
            Derivation::Power10(column) => {
                Self::Map(table.column(column)?, |exponent| libm::pow(10.0, exponent))
            }
            Derivation::Rounded(column, rounding) => {
                let round = match rounding {
                    Rounding::Down => libm::floor,
                    Rounding::Up => libm::ceil,
                    Rounding::HalfEven => libm::rint,
                };
                Self::Map(table.column(column)?, round)
            }
            Derivation::Joined(parts) => {
                let piece = |part: &'a TextPart| {
                    Ok(match part {
                        TextPart::Column(column) => Piece::Column(table.column(column)?),
                        TextPart::Text(text) => Piece::Text(text),
                    })
                };
                Self::Joined(parts.iter().map(piece).collect::<Result<_, TableError>>()?)
            }
            Derivation::Between { column, after, before } => {
                Self::Between { column: table.column(column)?, after, before }
            }
            Derivation::Choice { column, cases, otherwise } => Self::Choice {
                column: table.column(column)?,
                cases,
                otherwise: otherwise.as_deref(),
            },
            Derivation::FirstNonEmpty(columns) => Self::FirstNonEmpty(
                columns.iter().map(|column| table.column(column)).collect::<Result<_, _>>()?,
            ),
        })
    }

    fn cell(&self, table: &Table, row: usize) -> Result<String, StepError> {
        let text = |column: &usize| table.rows()[row][*column].as_str();
        Ok(match self {
            Self::Text(text) => text.clone(),
            Self::Fold(terms, operation) => {
                let mut numbers = Vec::with_capacity(terms.len());
                for term in terms {
                    let number = match term {
                        Term::Column(column) => number(table, row, *column)?,
                        Term::Number(number) => Some(*number),
                    };
                    let Some(number) = number else {
                        return Ok(String::new());
                    };
                    numbers.push(number);
                }
                let result = numbers.iter().copied().reduce(operation).unwrap_or_default();
                finite(row, result, &numbers)?
            }
            Self::Map(column, function) => match number(table, row, *column)? {
                Some(number) => finite(row, function(number), &[number])?,
                None => String::new(),
            },
            Self::Joined(pieces) => {
                let piece = |piece: &Piece<'a>| match piece {
                    Piece::Column(column) => text(column).to_owned(),
                    Piece::Text(text) => (*text).to_owned(),
                };
                pieces.iter().map(piece).collect()
            }
            Self::Between { column, after, before } => between(text(column), after, before),
            Self::Choice { column, cases, otherwise } => {
                let text = text(column);
                let case = cases.iter().find(|(case, _)| case == text);
                case.map_or(otherwise.unwrap_or(text), |(_, gives)| gives).to_owned()
            }
            Self::FirstNonEmpty(columns) => columns
                .iter()
                .map(text)
                .find(|text| !text.is_empty())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// The text of a result; an error names what it came from where it is no number.
fn finite(row: usize, result: f64, from: &[f64]) -> Result<String, StepError> {
    if result.is_finite() {
        return Ok(number_text(result));
    }
    let from: Vec<_> = from.iter().map(|number| number_text(*number)).collect();
    Err(StepError::Undefined {
        row: row + 1,
        what: format!("no finite number comes of {}", from.join(" and ")),
    })
}

/// What stands after the first `after` and before the next `before`; nothing where either is missing.
fn between(text: &str, after: &str, before: &str) -> String {
    let rest = match text.find(after) {
        Some(place) => &text[place + after.len()..],
        None => return String::new(),
    };
    match (before, rest.find(before)) {
        ("", _) => rest.to_owned(),
        (_, Some(place)) => rest[..place].to_owned(),
        (_, None) => String::new(),
    }
}
