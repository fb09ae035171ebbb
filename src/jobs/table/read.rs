//! Rows from where they are: CSV, JSON records, fitted lines, or the parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{check_cells, select};
use crate::action::params::Rows;
use crate::jobs::files::{bad_input, read_text, unfit};
use crate::jobs::{JobContext, JobError};
use crate::metrics::fits::{self, FitRecord};
use crate::plot::table::{Table, number_text};

/// The columns of a table of fits; `spec::experiment::FIT_COLUMNS` promises them.
pub(super) const FIT_COLUMNS: [&str; 13] = [
    "figure",
    "panel",
    "series",
    "method",
    "exponent",
    "coefficient",
    "log10_coefficient",
    "r_squared",
    "points",
    "x_min",
    "x_max",
    "interval_low",
    "interval_high",
];

/// The rows that `rows` describes.
pub(super) fn rows(rows: &Rows, context: &JobContext<'_>) -> Result<Table, JobError> {
    match rows {
        Rows::Csv { columns } => {
            let table = csv("rows", &read_text(context, "rows")?)?;
            let columns: Vec<_> = columns.iter().map(|name| (name.clone(), name.clone())).collect();
            select(&table, &columns).map_err(|error| JobError::Unfit(error.to_string()))
        }
        Rows::Json { columns } => json(&read_text(context, "rows")?, columns),
        Rows::Table => csv("rows", &read_text(context, "rows")?),
        Rows::Fits { figures } => {
            let mut rows = Vec::new();
            for (i, figure) in figures.iter().enumerate() {
                let input = format!("rows-{i}");
                let records = fits::decode(&read_text(context, &input)?)
                    .map_err(|error| bad_input(&input, &error))?;
                rows.extend(records.iter().map(|record| fit_row(figure, record)));
            }
            new(FIT_COLUMNS.iter().map(ToString::to_string).collect(), rows)
        }
        Rows::Stated { columns, rows } => new(columns.clone(), rows.clone()),
    }
}

fn new(columns: Vec<String>, rows: Vec<Vec<String>>) -> Result<Table, JobError> {
    Table::new(columns, rows).map_err(|error| JobError::BadParameters(error.to_string()))
}

/// An input in CSV.
pub(super) fn csv(input: &str, text: &str) -> Result<Table, JobError> {
    Table::parse(text).map_err(|error| unfit(input, &error))
}

/// A JSON list of flat records. Integers from −2⁶³ to 2⁶⁴ − 1 keep their digits, other numbers, larger integers too,
/// their value in binary64. `NaN`, which is no JSON but what Python writes, is an empty cell as `null` is.
pub(super) fn json(text: &str, columns: &[String]) -> Result<Table, JobError> {
    let records: Vec<BTreeMap<String, Value>> =
        serde_json::from_str(&without_nan(text)).map_err(|error| unfit("rows", &error))?;
    for column in columns {
        if !records.is_empty() && !records.iter().any(|record| record.contains_key(column)) {
            return Err(JobError::Unfit(format!("no record has a field `{column}`")));
        }
    }
    check_cells(records.len(), columns.len())
        .map_err(|error| JobError::Unfit(error.to_string()))?;
    let mut rows = Vec::with_capacity(records.len());
    for (i, record) in records.iter().enumerate() {
        let cell = |column: &String| {
            cell(record.get(column)).ok_or_else(|| {
                JobError::Unfit(format!("record {}: field `{column}` is not flat", i + 1))
            })
        };
        rows.push(columns.iter().map(cell).collect::<Result<_, _>>()?);
    }
    new(columns.to_vec(), rows)
}

/// `null` in place of every `NaN` outside strings.
fn without_nan(text: &str) -> Cow<'_, str> {
    if !text.contains("NaN") {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut inside = false;
    for (i, piece) in text.split('"').enumerate() {
        if i > 0 {
            replaced.push('"');
        }
        // A quote after an odd number of backslashes is part of the string: pieces on both sides of it are inside.
        let escapes = replaced.bytes().rev().skip(1).take_while(|byte| *byte == b'\\').count();
        let is_escaped = i > 0 && escapes % 2 == 1;
        inside = if i == 0 { false } else { inside ^ !is_escaped };
        if inside {
            replaced.push_str(piece);
        } else {
            replaced.push_str(&piece.replace("NaN", "null"));
        }
    }
    Cow::Owned(replaced)
}

fn cell(value: Option<&Value>) -> Option<String> {
    Some(match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) if number.is_f64() => number_text(number.as_f64()?),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(_) | Value::Object(_)) => return None,
    })
}

fn fit_row(figure: &str, record: &FitRecord) -> Vec<String> {
    let optional = |value: Option<f64>| value.map(number_text).unwrap_or_default();
    let interval = record.interval.as_ref();
    vec![
        figure.to_owned(),
        record.panel.clone(),
        record.series.clone(),
        record.method.name().to_owned(),
        number_text(record.alpha),
        number_text(record.beta),
        number_text(record.log10_beta),
        optional(record.r_squared),
        record.points.to_string(),
        number_text(record.x_min),
        number_text(record.x_max),
        optional(interval.map(|interval| interval.low)),
        optional(interval.map(|interval| interval.high)),
    ]
}
