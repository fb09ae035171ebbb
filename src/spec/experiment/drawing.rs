//! How a figure is drawn beyond its points, and what is tried on its series.

use serde::{Deserialize, Serialize};

use super::{Condition, FitNameMethod};

/// The width a figure is printed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FigureWidth {
    /// One column of a journal: 84 mm.
    OneColumn,
    /// Two columns: 174 mm.
    TwoColumns,
}

/// What the legend of a column is called, and the order and spelling of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Legend {
    /// The column.
    pub column: String,
    /// The name of the legend.
    pub title: String,
    /// Values in order; those that are not listed follow in their own.
    pub values: Vec<LegendValue>,
}

/// How a value of a column is spelled in a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LegendValue {
    /// Its text in the table.
    pub text: String,
    /// Its text in the figure.
    pub shown: String,
}

/// Joins the points of a series to curves, by ascending x.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Joined {
    /// The columns that tell one curve from another.
    pub by: Vec<String>,
    /// The column that steers dashes.
    pub dash: Option<String>,
}

/// A point that a fitted line of its series predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prediction {
    /// What is written beside it; empty for nothing.
    pub label: String,
    /// Where it is, in the unit of the series' x column.
    pub x: f64,
    /// The method of the line.
    pub method: FitNameMethod,
    /// What its row would hold in the columns that steer marks.
    pub row: Vec<Condition>,
}

/// The choices that are tried on a series, to see how its exponent moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sensitivity {
    /// The fewest bins.
    pub bins_min: u64,
    /// The most bins.
    pub bins_max: u64,
    /// Margins, added to the last edge.
    pub margins_decades: Vec<f64>,
}
