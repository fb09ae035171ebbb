//! Collects measurements into `points.csv`: one row a run, one column a quantity.
//!
//! Numbers are written in the shortest form that reads back to the same binary64 value; an integer stays an integer.
//! Columns and rows stand in the order of the parameters.

use std::collections::BTreeMap;

use super::files::{bad_input, read_text, unfit, write_text};
use super::{JobContext, JobError};
use crate::action::params::{Cell, Collect, Measurement};
use crate::plot::table::{Table, number_text};

/// What an evaluation measured: numbers by `CLIP_benchmark`'s field names; null where a number is not defined.
type Measurements = BTreeMap<String, Option<f64>>;

/// Reads the `metrics.json` of every input that a cell names and writes `points.csv`.
pub(super) fn run(params: &Collect, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let mut measurements = BTreeMap::new();
    for cell in params.rows.iter().flat_map(|row| &row.cells) {
        if let Cell::Measurement(Measurement { input, .. }) = cell
            && !measurements.contains_key(input)
        {
            let text = read_text(context, input)?;
            let fields: Measurements =
                serde_json::from_str(&text).map_err(|error| bad_input(input, &error))?;
            measurements.insert(input.clone(), fields);
        }
    }
    write_text(context, "points.csv", &collect(params, &measurements)?.to_csv())
}

/// The table of `params`, with measurements by input.
fn collect(
    params: &Collect,
    measurements: &BTreeMap<String, Measurements>,
) -> Result<Table, JobError> {
    let cell = |cell: &Cell| text_of(cell, measurements);
    let row = |row: &crate::action::params::Row| row.cells.iter().map(cell).collect();
    let rows = params.rows.iter().map(row).collect::<Result<_, _>>()?;
    Table::new(params.columns.clone(), rows)
        .map_err(|error| JobError::BadParameters(error.to_string()))
}

#[allow(
    clippy::cast_precision_loss,
    reason = "rounded once, to nearest even: the definition of GmacsTotal"
)]
fn text_of(cell: &Cell, measurements: &BTreeMap<String, Measurements>) -> Result<String, JobError> {
    Ok(match cell {
        Cell::Text(text) => text.clone(),
        Cell::Natural(number) => number.to_string(),
        Cell::Real(number) => number_text(number.get()),
        Cell::GmacsTotal { macs_per_sample, samples_seen } => {
            let macs = u128::from(*macs_per_sample) * u128::from(*samples_seen);
            number_text(macs as f64 / 1e9)
        }
        Cell::Measurement(Measurement { input, field }) => {
            let value = measurements.get(input).and_then(|fields| fields.get(field)).copied();
            match value {
                Some(Some(value)) => number_text(value),
                Some(None) => String::new(),
                None => return Err(unfit(input, &format!("no field `{field}`"))),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::canonical::Real;
    use crate::action::params::Row;

    fn measured(text: &str) -> BTreeMap<String, Measurements> {
        BTreeMap::from([("xs/icon143".to_owned(), serde_json::from_str(text).unwrap())])
    }

    fn table_of(cell: Cell, measurements: &str) -> Result<String, JobError> {
        let params =
            Collect { columns: vec!["c".to_owned()], rows: vec![Row { cells: vec![cell] }] };
        Ok(collect(&params, &measured(measurements))?.rows()[0][0].clone())
    }

    fn measurement(field: &str) -> Cell {
        Cell::Measurement(Measurement { input: "xs/icon143".to_owned(), field: field.to_owned() })
    }

    /// 55 significant bits of mantissa need all 17 digits: a reader that rounds twice gives a neighbour.
    #[test]
    fn measurements_keep_every_bit() {
        for value in
            [0.363_095_238_095_238_1_f64, 0.1 + 0.2, 1.0 / 3.0, 5e-324, 8.715_497_346_198_33e-2]
        {
            let text = table_of(measurement("acc1"), &format!("{{\"acc1\":{value}}}")).unwrap();
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
    }

    /// 0.68 M multiply–accumulates on 256,000 pairs are 174,080 GMACs.
    #[test]
    fn total_compute_is_in_gmacs() {
        let cell = Cell::GmacsTotal { macs_per_sample: 680_000, samples_seen: 256_000 };
        assert_eq!(table_of(cell, "{}").unwrap(), "174.08");
        let huge = Cell::GmacsTotal { macs_per_sample: 1 << 40, samples_seen: 5_000_000_000 };
        assert_eq!(table_of(huge, "{}").unwrap(), "5497558138880");
    }

    #[test]
    fn texts_and_numbers_are_written_as_they_are() {
        let real = Real::new(0.0001).unwrap();
        assert_eq!(table_of(Cell::Real(real), "{}").unwrap(), "0.0001");
        assert_eq!(table_of(Cell::Natural(u64::MAX), "{}").unwrap(), "18446744073709551615");
        assert_eq!(table_of(Cell::Text("a,\"b\"".to_owned()), "{}").unwrap(), "a,\"b\"");
    }

    #[test]
    fn a_missing_field_is_named_and_an_undefined_one_is_empty() {
        let error = table_of(measurement("acc1"), "{\"acc5\":0.5}").unwrap_err();
        assert_eq!(error.to_string(), "input `xs/icon143`: no field `acc1`");
        assert_eq!(table_of(measurement("acc5"), "{\"acc5\":null}").unwrap(), "");
    }
}
