//! Tables: where rows come from, and the steps that make a table of them.
//!
//! The vocabulary is closed and total: every step has one result, in one order, whatever the machine. A table is also a
//! target: it is exported as CSV in full, and as Markdown and LaTeX in the format that its columns state.

use serde::{Deserialize, Serialize};

use super::{Claim, Keep, PinnedFile, RunTable};

/// A table: a target of the experiment, and what figures and other tables are made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Where its rows come from.
    pub from: TableSource,
    /// What becomes of them, one step after the other.
    pub steps: Vec<Step>,
    /// How numbers are printed.
    pub printed: Vec<PrintedColumn>,
    /// What will come out.
    pub claims: Vec<Claim>,
}

/// Where the rows of a table come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableSource {
    /// A pinned CSV file with a header.
    Csv(PublishedTable),
    /// A pinned JSON file: a list of flat records.
    JsonRecords(PublishedTable),
    /// Rows typed in the experiment.
    Inline(InlineTable),
    /// Runs of the experiment, trained and evaluated.
    Runs(RunTable),
    /// What published runs state.
    PublishedRuns(RunTable),
    /// Another table, by name.
    Table(String),
    /// The lines that figures fit, by the figures' names.
    Fits(Vec<String>),
}

/// The columns of a table of fits, in order.
pub const FIT_COLUMNS: [&str; 13] = [
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

/// Those of [`FIT_COLUMNS`] that hold texts.
pub const FIT_TEXT_COLUMNS: usize = 4;

/// A table that was published: a CSV file with a header, or a JSON list of flat records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishedTable {
    /// The file.
    pub file: PinnedFile,
    /// The columns that are read, in the table's order.
    pub columns: Vec<String>,
}

/// Rows typed in the experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InlineTable {
    /// The columns.
    pub columns: Vec<String>,
    /// The rows: a cell a column, each.
    pub rows: Vec<Vec<String>>,
}

/// A step from a table to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// Keeps the rows whose text in a column is one of those listed.
    Keep(Keep),
    /// Drops them.
    Drop(Keep),
    /// Keeps the rows whose number in a column lies in a range, both ends included.
    Within {
        /// The column.
        column: String,
        /// The least number.
        least: f64,
        /// The greatest.
        most: f64,
    },
    /// Adds a column.
    Derive(Derived),
    /// A row for each group of rows with equal texts, in the order in which groups first appear.
    Aggregate {
        /// The columns that make a group; they lead the new table.
        by: Vec<String>,
        /// The columns that follow them.
        columns: Vec<Aggregated>,
    },
    /// Adds columns of another table's row with the same keys. Two such rows are an error.
    Join {
        /// The other table.
        table: String,
        /// The keys.
        on: Vec<JoinKey>,
        /// Columns of the other table, under their names here.
        take: Vec<Selected>,
        /// What becomes of rows without a match.
        unmatched: Unmatched,
    },
    /// Adds the rows of another table, which has the same columns in any order.
    Union(String),
    /// Spreads a column: a row for each group of keys, a column for each of the texts listed. Other texts, and two
    /// values for one cell, are errors.
    Pivot {
        /// The columns that make a row.
        keys: Vec<String>,
        /// The column whose texts name columns.
        column: String,
        /// The column whose cells fill them.
        value: String,
        /// The texts, in the order of the new columns.
        texts: Vec<String>,
    },
    /// Orders the rows: by the first key, then the next; equal rows keep their order.
    Sort(Vec<SortKey>),
    /// Keeps these columns, in this order, under these names.
    Select(Vec<Selected>),
}

/// A new column, computed row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Derived {
    /// Its name, new in the table.
    pub name: String,
    /// What its cells hold.
    pub value: Derivation,
}

/// What the cells of a new column hold. Numbers are binary64; where a number that enters is an empty cell, so is the
/// result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Derivation {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// `((a + b) + c) + …`.
    Sum(Vec<Operand>),
    /// `((a · b) · c) · …`.
    Product(Vec<Operand>),
    /// `minuend − subtrahend`.
    Difference {
        /// What is diminished.
        minuend: Operand,
        /// By what.
        subtrahend: Operand,
    },
    /// `numerator ÷ denominator`; a denominator of 0 is an error.
    Quotient {
        /// What is divided.
        numerator: Operand,
        /// By what.
        denominator: Operand,
    },
    /// The number without its sign.
    Absolute(String),
    /// The decimal logarithm of a column; of 0 and less, an error.
    Log10(String),
    /// 10 to the power of a column.
    Power10(String),
    /// An integer.
    Rounded {
        /// The column.
        column: String,
        /// Which one.
        rounding: Rounding,
    },
    /// Texts put together.
    Joined(Vec<TextPart>),
    /// The text between two pieces: after the first `after`, up to the next `before`; empty where either is missing.
    Between {
        /// The column.
        column: String,
        /// The piece in front; empty: the start.
        after: String,
        /// The piece behind; empty: the end.
        before: String,
    },
    /// Another text for each that is listed.
    Choice {
        /// The column.
        column: String,
        /// The texts and what they become.
        cases: Vec<Case>,
        /// What others become; `None`: they stay.
        otherwise: Option<String>,
    },
    /// The first cell of these columns that is not empty; empty if all are.
    FirstNonEmpty(Vec<String>),
}

/// A number that enters a derivation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operand {
    /// That of a column.
    Column(String),
    /// This one.
    Number(f64),
}

/// A piece of a joined text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextPart {
    /// That of a column.
    Column(String),
    /// This one.
    Text(String),
}

/// What becomes of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// The text.
    pub text: String,
    /// What it becomes.
    pub gives: String,
}

/// To which integer a number is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// That of the row in which another column is smallest; of several, the first.
    AtMinimum(String),
    /// That of the row in which another column is largest; of several, the first.
    AtMaximum(String),
}

/// Two columns whose texts are equal in rows that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JoinKey {
    /// A column of this table.
    pub left: String,
    /// A column of the other.
    pub right: String,
}

/// What becomes of a row that the other table has no match for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unmatched {
    /// It is an error.
    Refused,
    /// It goes.
    Dropped,
    /// Its taken cells are empty.
    Empty,
}

/// A column that orders rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SortKey {
    /// The column.
    pub column: String,
    /// How.
    pub order: SortOrder,
}

/// How rows are ordered by a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortOrder {
    /// Smaller numbers first.
    NumberAscending,
    /// Larger numbers first.
    NumberDescending,
    /// By the bytes of the text.
    TextAscending,
    /// The other way round.
    TextDescending,
    /// As these texts stand here; others are an error.
    Listed(Vec<String>),
}

/// A column that is kept, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selected {
    /// The column.
    pub column: String,
    /// Its new name.
    pub name: String,
}

/// How the numbers of a column are printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrintedColumn {
    /// The column.
    pub column: String,
    /// How.
    pub format: NumberFormat,
}

/// How a number is printed, rounded half to even in decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NumberFormat {
    /// With so many decimals.
    Decimals(u64),
    /// Times 100, with so many decimals.
    Percent(u64),
}

/// Targets under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The names of its targets.
    pub targets: Vec<String>,
}

impl TableSource {
    /// The other tables it reads.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Table(name) => Some(name),
            _ => None,
        }
    }

    /// The figures whose fits it reads.
    pub fn figures(&self) -> &[String] {
        match self {
            Self::Fits(figures) => figures,
            _ => &[],
        }
    }
}

impl Step {
    /// The other table that it reads.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::Join { table, .. } | Self::Union(table) => Some(table),
            _ => None,
        }
    }
}

impl Derivation {
    /// The columns it reads as numbers.
    pub fn numbers(&self) -> Vec<&str> {
        let found = match self {
            Self::Sum(operands) | Self::Product(operands) => {
                operands.iter().map(column_of).collect()
            }
            Self::Difference { minuend: a, subtrahend: b }
            | Self::Quotient { numerator: a, denominator: b } => vec![column_of(a), column_of(b)],
            Self::Absolute(column)
            | Self::Log10(column)
            | Self::Power10(column)
            | Self::Rounded { column, .. } => vec![Some(column.as_str())],
            _ => Vec::new(),
        };
        found.into_iter().flatten().collect()
    }

    /// The columns it reads as texts.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Joined(parts) => parts.iter().filter_map(text_column_of).collect(),
            Self::Between { column, .. } | Self::Choice { column, .. } => vec![column],
            Self::FirstNonEmpty(columns) => columns.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

fn column_of(operand: &Operand) -> Option<&str> {
    match operand {
        Operand::Column(column) => Some(column),
        Operand::Number(_) => None,
    }
}

fn text_column_of(part: &TextPart) -> Option<&str> {
    match part {
        TextPart::Column(column) => Some(column),
        TextPart::Text(_) => None,
    }
}
