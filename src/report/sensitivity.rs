//! `sensitivity.csv` read back: how the exponents of series move with the choices behind them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plot::table::{Table, TableError};

/// The range that the exponent of a series moves in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// The panel.
    pub panel: String,
    /// The series.
    pub series: String,
    /// The range.
    #[serde(flatten)]
    pub range: Range,
}

/// A range of exponents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// The steepest; infinite if there is no line.
    pub low: f64,
    /// The shallowest; negative infinite if there is no line.
    pub high: f64,
    /// Lines that were fitted.
    pub lines: usize,
}

/// Exponents by number of bins and margin, as text; none where the choice makes no line.
pub(super) type Exponents = BTreeMap<(u64, String), Option<f64>>;

/// A series of `sensitivity.csv`.
pub(super) struct Swept {
    pub(super) panel: String,
    pub(super) series: String,
    /// By method; bins are 0 and the margin is empty where a method has none.
    pub(super) exponents: BTreeMap<String, Exponents>,
    /// Margins in the order they were tried.
    pub(super) margins: Vec<String>,
}

impl Swept {
    /// The range of all its exponents.
    pub(super) fn range(&self) -> Range {
        let all = self.exponents.values().flat_map(BTreeMap::values).filter_map(|found| *found);
        let none = Range { low: f64::INFINITY, high: f64::NEG_INFINITY, lines: 0 };
        all.fold(none, |range, alpha| Range {
            low: range.low.min(alpha),
            high: range.high.max(alpha),
            lines: range.lines + 1,
        })
    }
}

/// The range of every series of the table, in its order.
pub fn ranges(csv: &str) -> Result<Vec<Sensitivity>, TableError> {
    let range = |swept: Swept| Sensitivity {
        range: swept.range(),
        panel: swept.panel,
        series: swept.series,
    };
    Ok(read(csv)?.into_iter().map(range).collect())
}

/// The series of the table, in its order.
pub(super) fn read(csv: &str) -> Result<Vec<Swept>, TableError> {
    let table = Table::parse(csv)?;
    let column = |name: &str| table.column(name);
    let (panel, series, method) = (column("panel")?, column("series")?, column("method")?);
    let (bins, margin, alpha) = (column("bins")?, column("margin_decades")?, column("alpha")?);
    let mut found: Vec<Swept> = Vec::new();
    for row in table.rows() {
        let is_same = |swept: &Swept| swept.panel == row[panel] && swept.series == row[series];
        if !found.last().is_some_and(is_same) {
            found.push(Swept {
                panel: row[panel].clone(),
                series: row[series].clone(),
                exponents: BTreeMap::new(),
                margins: Vec::new(),
            });
        }
        let swept = found.last_mut().expect("one was just pushed");
        if !row[margin].is_empty() && !swept.margins.contains(&row[margin]) {
            swept.margins.push(row[margin].clone());
        }
        let key = (row[bins].parse().unwrap_or(0), row[margin].clone());
        let exponents = swept.exponents.entry(row[method].clone()).or_default();
        exponents.insert(key, row[alpha].parse().ok());
    }
    Ok(found)
}

/// Two series, for tests.
#[cfg(test)]
pub(super) const CSV: &str = "panel,series,method,bins,margin_decades,points_fitted,alpha,log10_beta,r_squared,standard_error\n\
                              a,s,least_squares,,,9,-0.1,1,1,0\n\
                              a,s,pareto_frontier,,,5,-0.12,1,1,0\n\
                              a,s,binned_minimum,4,0.5,3,-0.2,1,1,0\n\
                              a,s,binned_minimum,4,0.1,3,-0.15,1,1,0\n\
                              a,s,binned_minimum,10,0.5,,,,,\n\
                              b,s,least_squares,,,9,-0.3,1,1,0\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitivity_table_is_read_series_by_series() {
        let series = read(CSV).unwrap();
        let names: Vec<_> = series.iter().map(|swept| swept.panel.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(series[0].margins, ["0.5", "0.1"]);
        let minima = &series[0].exponents["binned_minimum"];
        assert_eq!(minima[&(4, "0.1".to_owned())], Some(-0.15));
        assert_eq!(minima[&(10, "0.5".to_owned())], None);
    }

    #[test]
    fn a_range_is_over_the_lines_there_are() {
        let ranges = ranges(CSV).unwrap();
        assert_eq!(ranges[0].range, Range { low: -0.2, high: -0.1, lines: 4 });
        assert_eq!(ranges[1].range, Range { low: -0.3, high: -0.3, lines: 1 });
        assert!(super::ranges("panel,series\n").is_err());
    }
}
