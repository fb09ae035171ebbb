//! Holds tables against a rule: a CSV file for each to `findings.json`.

use std::collections::BTreeMap;

use super::files::{read_text, unfit, write_text};
use super::{JobContext, JobError};
use crate::action::params::{Check, Severity};
use crate::metrics::checks::{CheckError, FindingRecord, Sheet, encode, findings};
use crate::plot::table::Table;

/// Reads every table that the rule names and writes `findings.json`.
pub(super) fn run(params: &Check, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let mut tables = BTreeMap::new();
    for name in params.rule.tables() {
        let text = read_text(context, name)?;
        let table = Table::parse(&text).map_err(|error| unfit(name, &error))?;
        tables.insert(name, table);
    }
    let records = check(params, &tables)?;
    write_text(context, "findings.json", &encode(&records))
}

/// What breaks the rule of `params` in tables by name, behind what cannot be read there, which is an error of any check.
fn check(params: &Check, tables: &BTreeMap<&str, Table>) -> Result<Vec<FindingRecord>, JobError> {
    let sheets = tables.iter().map(|(name, table)| (*name, sheet_of(table))).collect();
    let found = findings(&params.rule, &sheets).map_err(|error| refused(&params.id, &error))?;
    let record =
        |severity| move |finding| FindingRecord { check: params.id.clone(), severity, finding };
    let unreadable = found.unreadable.into_iter().map(record(Severity::Error));
    Ok(unreadable.chain(found.broken.into_iter().map(record(params.severity))).collect())
}

fn sheet_of(table: &Table) -> Sheet<'_> {
    Sheet { columns: table.columns(), rows: table.rows() }
}

/// A rule that the tables do not fit.
fn refused(id: &str, error: &CheckError) -> JobError {
    JobError::Unfit(format!("check `{id}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::canonical::Real;
    use crate::action::params::{CheckedRows, Rule};
    use crate::metrics::checks::Finding;

    fn at_most(column: &str) -> Check {
        let rows = CheckedRows {
            table: "t".to_owned(),
            key: vec!["k".to_owned()],
            keep: Vec::new(),
            present: Vec::new(),
        };
        let rule = Rule::AtMost {
            rows,
            lesser: column.to_owned(),
            greater: "y".to_owned(),
            slack: Real::new(0.0).unwrap(),
        };
        Check { id: "order".to_owned(), severity: Severity::Warning, rule }
    }

    fn found(check_: &Check, csv: &str) -> Result<Vec<FindingRecord>, JobError> {
        check(check_, &BTreeMap::from([("t", Table::parse(csv).unwrap())]))
    }

    #[test]
    fn a_finding_bears_the_name_and_severity_of_its_check() {
        let records = found(&at_most("x"), "k,x,y\n\"a, b\",1,2\nc,3,2\n").unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!((records[0].check.as_str(), records[0].severity), ("order", Severity::Warning));
        let finding = &records[0].finding;
        assert_eq!((finding.place.row, finding.found.as_str()), (Some(2), "3"));
        assert_eq!(finding.expected, "≤ 2");
    }

    #[test]
    fn a_table_that_a_rule_cannot_be_held_against_is_named() {
        let error = found(&at_most("z"), "k,x,y\na,1,2\n").unwrap_err().to_string();
        let expected = "check `order`: table `t` has no column `z`; it has k, x, y";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_cell_that_cannot_be_read_is_an_error_of_any_check_and_hides_nothing() {
        let records = found(&at_most("x"), "k,x,y\na,3,2\nb,1,NaN\nc,,2\n").unwrap();
        let told = |record: &FindingRecord| {
            let Finding { place, found, .. } = &record.finding;
            (record.severity, place.row, place.column.clone(), found.clone())
        };
        let cell = |severity, row, column: &str, found: &str| {
            (severity, Some(row), column.to_owned(), found.to_owned())
        };
        assert_eq!(
            records.iter().map(told).collect::<Vec<_>>(),
            [
                cell(Severity::Error, 2, "y", "NaN"),
                cell(Severity::Error, 3, "x", ""),
                cell(Severity::Warning, 1, "x", "3"),
            ]
        );
    }
}
