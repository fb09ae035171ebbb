//! The parameters of a table: where its rows are read from, and the steps that follow.
//!
//! Columns are named; the other tables that steps read are inputs, so what a table is called enters no name.

use serde::{Deserialize, Serialize};

use crate::action::canonical::Real;

/// Makes `table.csv`: rows, and what a list of steps makes of them.
///
/// Inputs: `rows` as [`Rows`] says; for the step at place i that reads another table, `step-i` (CSV).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Where its rows come from.
    pub rows: Rows,
    /// What becomes of them.
    pub steps: Vec<Step>,
}

/// Where the rows of a table come from. Columns that are listed are read in that order; others are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Rows {
    /// Input `rows`: CSV with a header.
    Csv {
        /// The columns.
        columns: Vec<String>,
    },
    /// Input `rows`: a JSON list of flat records; null and an absent field are empty cells.
    Json {
        /// The columns.
        columns: Vec<String>,
    },
    /// Input `rows`: CSV, all of it.
    Table,
    /// Inputs `rows-i`: the `fits.json` of these figures, one after the other.
    Fits {
        /// Their names.
        figures: Vec<String>,
    },
    /// No input.
    Stated {
        /// The columns.
        columns: Vec<String>,
        /// The rows, a cell a column.
        rows: Vec<Vec<String>>,
    },
}

/// A step from a table to the next. Steps that do not say otherwise keep the order of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// Keeps the rows whose text is one of these, sorted and without repetition.
    Keep {
        /// The column.
        column: String,
        /// The texts.
        texts: Vec<String>,
    },
    /// Drops them.
    Drop {
        /// The column.
        column: String,
        /// The texts.
        texts: Vec<String>,
    },
    /// Keeps the rows whose number lies in a range, both ends included.
    Within {
        /// The column.
        column: String,
        /// The least number.
        least: Real,
        /// The greatest.
        most: Real,
    },
    /// Adds a column.
    Derive {
        /// Its name.
        name: String,
        /// What its cells hold.
        value: Derivation,
    },
    /// A row for each group of rows with equal texts in `by`, in the order in which groups first appear.
    Aggregate {
        /// The columns that make a group; they lead.
        by: Vec<String>,
        /// The columns that follow.
        columns: Vec<Aggregated>,
    },
    /// Adds columns of the other table's row with the same keys.
    Join {
        /// Columns here and there that are equal.
        on: Vec<(String, String)>,
        /// Columns there, and their names here.
        take: Vec<(String, String)>,
        /// What becomes of rows without a match.
        unmatched: Unmatched,
    },
    /// Adds the rows of the other table.
    Union,
    /// A row for each group of keys, a column for each of the texts.
    Pivot {
        /// The columns that make a row.
        keys: Vec<String>,
        /// The column whose texts name columns.
        column: String,
        /// The column whose cells fill them.
        value: String,
        /// The texts.
        texts: Vec<String>,
    },
    /// Orders the rows; equal ones keep their order.
    Sort {
        /// Columns and orders; the first decides first.
        keys: Vec<(String, SortOrder)>,
    },
    /// Keeps columns under new names.
    Select {
        /// Columns, and their new names.
        columns: Vec<(String, String)>,
    },
}

/// What the cells of a new column hold; see `spec::experiment::Derivation`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Derivation {
    /// A number.
    Number(Real),
    /// A text.
    Text(String),
    /// From left to right.
    Sum(Vec<Operand>),
    /// From left to right.
    Product(Vec<Operand>),
    /// The first less the second.
    Difference(Operand, Operand),
    /// The first divided by the second.
    Quotient(Operand, Operand),
    /// The number without its sign.
    Absolute(String),
    /// The decimal logarithm.
    Log10(String),
    /// 10 to the power.
    Power10(String),
    /// An integer.
    Rounded(String, Rounding),
    /// Texts put together.
    Joined(Vec<TextPart>),
    /// The text between two pieces.
    Between {
        /// The column.
        column: String,
        /// The piece in front.
        after: String,
        /// The piece behind.
        before: String,
    },
    /// Another text for each that is listed.
    Choice {
        /// The column.
        column: String,
        /// Texts and what they become.
        cases: Vec<(String, String)>,
        /// What others become; absent: they stay.
        otherwise: Option<String>,
    },
    /// The first cell that is not empty.
    FirstNonEmpty(Vec<String>),
}

/// A number that enters a derivation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operand {
    /// That of a column.
    Column(String),
    /// This one.
    Number(Real),
}

/// A piece of a joined text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TextPart {
    /// That of a column.
    Column(String),
    /// This one.
    Text(String),
}

/// To which integer a number is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rounding {
    /// The greatest that is not above it.
    Down,
    /// The least that is not below it.
    Up,
    /// The nearest; of two, the even one.
    HalfEven,
}

/// A column of an aggregated table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aggregated {
    /// Its name.
    pub name: String,
    /// The column it is made of.
    pub column: String,
    /// How.
    pub how: Aggregation,
}

/// What becomes of the cells of a group of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// Their sum in the order of rows.
    Sum,
    /// That, divided by their count.
    Mean,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The first.
    First,
    /// That of the first row in which another column is smallest.
    AtMinimum(String),
    /// That of the first row in which another column is largest.
    AtMaximum(String),
}

/// What becomes of a row that the other table has no match for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unmatched {
    /// It is an error.
    Refused,
    /// It goes.
    Dropped,
    /// Its taken cells are empty.
    Empty,
}

/// How rows are ordered by a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SortOrder {
    /// Smaller numbers first.
    NumberAscending,
    /// Larger numbers first.
    NumberDescending,
    /// By the bytes of the text.
    TextAscending,
    /// The other way round.
    TextDescending,
    /// As these texts stand here.
    Listed(Vec<String>),
}
