//! The rows of a table that a line is fitted to or a panel shows.

use crate::action::params::{Selection, YTransform};
use crate::plot::table::{Table, TableError};

/// A selected row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Selected {
    /// Its place in the table, from 0.
    pub(super) row: usize,
    /// Its x.
    pub(super) x: f64,
    /// Its y, transformed.
    pub(super) y: f64,
}

/// The rows that `selection` keeps, in the table's order.
pub(super) fn select(table: &Table, selection: &Selection) -> Result<Vec<Selected>, TableError> {
    let (x, y) = (table.column(&selection.x)?, table.column(&selection.y)?);
    let conditions = selection
        .keep
        .iter()
        .map(|(column, texts)| Ok((table.column(column)?, texts)))
        .collect::<Result<Vec<_>, TableError>>()?;
    let kept =
        |row: &Vec<String>| conditions.iter().all(|(column, texts)| texts.contains(&row[*column]));
    let mut selected = Vec::new();
    for (row, _) in table.rows().iter().enumerate().filter(|(_, row)| kept(row)) {
        let y = match (selection.y_transform, table.number(row, y)?) {
            (YTransform::Identity, y) => y,
            (YTransform::OneMinus, y) => 1.0 - y,
        };
        selected.push(Selected { row, x: table.number(row, x)?, y });
    }
    Ok(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(keep: &[(&str, &[&str])]) -> Selection {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Selection {
            x: "c".to_owned(),
            y: "acc".to_owned(),
            y_transform: YTransform::OneMinus,
            keep: keep.iter().map(|(column, texts)| (column.to_string(), owned(texts))).collect(),
        }
    }

    #[test]
    fn rows_that_meet_every_condition_are_kept_in_order() {
        let table =
            Table::parse("set,data,c,acc\na,36k,1,0.25\nb,36k,2,\na,9k,3,0.5\na,2k,4,0.75\n")
                .unwrap();
        let kept =
            select(&table, &selection(&[("set", &["a"]), ("data", &["2k", "36k"])])).unwrap();
        let expected = [Selected { row: 0, x: 1.0, y: 0.75 }, Selected { row: 3, x: 4.0, y: 0.25 }];
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_kept_row_without_a_number_and_a_missing_column_are_refused() {
        let table = Table::parse("set,c,acc\nb,2,\n").unwrap();
        let error = select(&table, &selection(&[])).unwrap_err().to_string();
        assert_eq!(error, "row 1, column `acc`: `` is not a number");
        let error = select(&table, &selection(&[("data", &["x"])])).unwrap_err();
        assert!(matches!(error, TableError::NoColumn { name, .. } if name == "data"));
    }
}
