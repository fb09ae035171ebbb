//! Declared checks over tables: what a careful reader would compare.
//!
//! A rule is said once: the specification holds it with plain numbers (`Rule<f64>`), an action with numbers that are
//! identified by their bits (`Rule<Real>`), and nothing about it has to be resolved in between. What the experiment
//! knows of a rule's findings is no part of it, so that recording one executes nothing.

use serde::{Deserialize, Serialize};

use crate::action::canonical::Real;

/// Holds tables against a rule.
///
/// Inputs: a CSV file for each of [`Rule::tables`], under its name. Output: `findings.json`, an array of what breaks
/// the rule, empty if nothing does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The name of the check, which its findings bear.
    pub id: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// What must hold.
    pub rule: Rule<Real>,
}

/// How bad it is that a rule does not hold, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// A number is wrong, or contradicts another one.
    Error,
    /// A number misleads, or cannot be what its name says.
    Warning,
    /// Something a reader should know.
    Note,
}

impl Severity {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Rows of a table that a rule looks at, and what names a row in a finding. A rule that looks at no row is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckedRows {
    /// The table.
    pub table: String,
    /// Columns that name a row; what rules call a group is the rows with equal texts there.
    pub key: Vec<String>,
    /// Conditions that a row must meet, all of them.
    pub keep: Vec<Kept>,
    /// Columns whose cell must not be empty for a row to be looked at.
    pub present: Vec<String>,
}

/// Keeps the rows whose text in a column is one of those listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kept {
    /// The column.
    pub column: String,
    /// The texts.
    pub one_of: Vec<String>,
}

/// A column of some rows, to be compared with another by key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cells {
    /// The rows; two sides are joined by their keys, column by column.
    pub rows: CheckedRows,
    /// The column.
    pub column: String,
    /// Whether each of these rows must have a counterpart.
    pub every_row: bool,
}

/// How far a number may be from the one it is held against: |a − b| ≤ t, or |a − b| ≤ t·|b|.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Tolerance<N> {
    /// In the number's own unit.
    Absolute(N),
    /// As a share of the expected number.
    Relative(N),
}

/// A column of a grid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GridAxis {
    /// The column.
    pub column: String,
    /// Its texts; none: those that the rows have.
    pub texts: Vec<String>,
}

/// Of how many samples a rate is a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum SampleCount {
    /// The same number for every row.
    Constant(u64),
    /// The number in a column.
    Column(String),
    /// The number that is listed for the text in a column; a text that is not listed is a finding.
    ByText {
        /// The column.
        column: String,
        /// The numbers.
        counts: Vec<CountOf>,
    },
}

/// The samples behind a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CountOf {
    /// The text.
    pub text: String,
    /// The samples.
    pub samples: u64,
}

/// What a label says of the text in another column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelCase {
    /// The text in the other column.
    pub text: String,
    /// The label.
    pub label: String,
}

/// Which way numbers go along an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// None is below the one before it.
    Rising,
    /// None is above the one before it.
    Falling,
}

/// What must hold of tables. Numbers are computed in binary64, from left to right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Rule<N> {
    /// No two rows share a key.
    UniqueKeys {
        /// The rows.
        rows: CheckedRows,
    },
    /// There is a row for each combination of texts.
    Grid {
        /// The rows.
        rows: CheckedRows,
        /// The columns that span the grid.
        axes: Vec<GridAxis>,
    },
    /// The integers in a column of each group run from `first` to their largest without a gap.
    Sequence {
        /// The rows.
        rows: CheckedRows,
        /// The column.
        column: String,
        /// The first integer.
        first: u64,
    },
    /// Columns of two tables agree where their keys do.
    Equal {
        /// What is checked.
        left: Cells,
        /// What it is held against.
        right: Cells,
        /// How far numbers may be apart; texts must be equal.
        tolerance: Tolerance<N>,
    },
    /// The last row of each group, by the largest number in `order`, agrees with a table.
    FinalPoint {
        /// The curves: a group each.
        curve: Cells,
        /// The column of their order.
        order: String,
        /// The table.
        table: Cells,
        /// How far they may be apart.
        tolerance: Tolerance<N>,
    },
    /// A column is `constant` times the factors over the divisors.
    Product {
        /// The rows.
        rows: CheckedRows,
        /// The column.
        column: String,
        /// The first factor.
        constant: N,
        /// Columns it is multiplied by.
        factors: Vec<String>,
        /// Columns it is then divided by.
        divisors: Vec<String>,
        /// How far they may be apart.
        tolerance: Tolerance<N>,
    },
    /// A column is the sum of others.
    Sum {
        /// The rows.
        rows: CheckedRows,
        /// The column.
        column: String,
        /// The others.
        terms: Vec<String>,
        /// How far they may be apart.
        tolerance: Tolerance<N>,
    },
    /// In each group, the row that is named `total` holds the mean of the rows that are named as its members, as far
    /// as these are not empty.
    Mean {
        /// The rows.
        rows: CheckedRows,
        /// The column with those names.
        member: String,
        /// The name of the mean.
        total: String,
        /// The names of what it is the mean of.
        members: Vec<String>,
        /// The column of numbers.
        column: String,
        /// How far they may be apart.
        tolerance: Tolerance<N>,
    },
    /// A rate times the samples it is a share of is an integer.
    Counts {
        /// The rows.
        rows: CheckedRows,
        /// The column of the rate.
        rate: String,
        /// The samples.
        of: SampleCount,
        /// How far from an integer it may be, in samples.
        slack: N,
    },
    /// A label says what the text of another column calls for.
    LabelText {
        /// The rows.
        rows: CheckedRows,
        /// The column of the label.
        label: String,
        /// The other column.
        column: String,
        /// What it calls for; a text that is not listed is a finding.
        cases: Vec<LabelCase>,
        /// Whether the label is just that, or may say more.
        whole: bool,
    },
    /// The number in a label, times its unit, is the product of other columns.
    LabelNumber {
        /// The rows.
        rows: CheckedRows,
        /// The column of the label.
        label: String,
        /// The text before the number; empty: it begins the label.
        before: String,
        /// The text after it; empty: it ends the label.
        after: String,
        /// The unit.
        unit: N,
        /// The other columns.
        columns: Vec<String>,
        /// How far they may be apart.
        tolerance: Tolerance<N>,
    },
    /// Numbers lie within bounds, both included.
    Range {
        /// The rows.
        rows: CheckedRows,
        /// The column.
        column: String,
        /// The lower bound.
        least: Option<N>,
        /// The upper bound.
        most: Option<N>,
    },
    /// In each row, one number is at most another.
    AtMost {
        /// The rows.
        rows: CheckedRows,
        /// The column of the one.
        lesser: String,
        /// The column of the other.
        greater: String,
        /// How far it may be above.
        slack: N,
    },
    /// In each group, numbers go one way along an order.
    Monotonic {
        /// The rows.
        rows: CheckedRows,
        /// The column of the order, a number.
        order: String,
        /// The column of the numbers.
        column: String,
        /// Which way.
        direction: Direction,
        /// How far a number may go the other way.
        slack: N,
    },
    /// Numbers that were measured do not repeat: no combination of texts stands in more than `most` rows that share
    /// the texts of `within`.
    Repeated {
        /// The rows.
        rows: CheckedRows,
        /// The columns of the group.
        within: Vec<String>,
        /// The columns that may not repeat together.
        columns: Vec<String>,
        /// Rows that may share them.
        most: u64,
    },
    /// What depends on some columns alone is the same wherever these are: the most frequent value is held against the
    /// others, of equally frequent ones the first.
    Constant {
        /// The rows.
        rows: CheckedRows,
        /// The columns it depends on.
        within: Vec<String>,
        /// The column.
        column: String,
        /// How far numbers may be apart.
        tolerance: Tolerance<N>,
    },
    /// A text is one of those listed.
    OneOf {
        /// The rows.
        rows: CheckedRows,
        /// The column.
        column: String,
        /// The texts.
        texts: Vec<String>,
    },
    /// Cells are not empty.
    NonEmpty {
        /// The rows.
        rows: CheckedRows,
        /// The columns.
        columns: Vec<String>,
    },
}

impl<N: Copy> Tolerance<N> {
    /// The same with other numbers.
    pub fn map<M>(self, of: impl Fn(N) -> M) -> Tolerance<M> {
        match self {
            Self::Absolute(margin) => Tolerance::Absolute(of(margin)),
            Self::Relative(margin) => Tolerance::Relative(of(margin)),
        }
    }
}

impl<N: Copy> Rule<N> {
    /// The same with other numbers.
    #[allow(clippy::too_many_lines, reason = "one arm a rule")]
    pub fn map<M>(&self, convert: impl Fn(N) -> M + Copy) -> Rule<M> {
        match self {
            Self::UniqueKeys { rows } => Rule::UniqueKeys { rows: rows.clone() },
            Self::Grid { rows, axes } => Rule::Grid { rows: rows.clone(), axes: axes.clone() },
            Self::Sequence { rows, column, first } => {
                Rule::Sequence { rows: rows.clone(), column: column.clone(), first: *first }
            }
            Self::Equal { left, right, tolerance } => Rule::Equal {
                left: left.clone(),
                right: right.clone(),
                tolerance: tolerance.map(convert),
            },
            Self::FinalPoint { curve, order, table, tolerance } => Rule::FinalPoint {
                curve: curve.clone(),
                order: order.clone(),
                table: table.clone(),
                tolerance: tolerance.map(convert),
            },
            Self::Product { rows, column, constant, factors, divisors, tolerance } => {
                Rule::Product {
                    rows: rows.clone(),
                    column: column.clone(),
                    constant: convert(*constant),
                    factors: factors.clone(),
                    divisors: divisors.clone(),
                    tolerance: tolerance.map(convert),
                }
            }
            Self::Sum { rows, column, terms, tolerance } => Rule::Sum {
                rows: rows.clone(),
                column: column.clone(),
                terms: terms.clone(),
                tolerance: tolerance.map(convert),
            },
            Self::Mean { rows, member, total, members, column, tolerance } => Rule::Mean {
                rows: rows.clone(),
                member: member.clone(),
                total: total.clone(),
                members: members.clone(),
                column: column.clone(),
                tolerance: tolerance.map(convert),
            },
            Self::Counts { rows, rate, of, slack } => Rule::Counts {
                rows: rows.clone(),
                rate: rate.clone(),
                of: of.clone(),
                slack: convert(*slack),
            },
            Self::LabelText { rows, label, column, cases, whole } => Rule::LabelText {
                rows: rows.clone(),
                label: label.clone(),
                column: column.clone(),
                cases: cases.clone(),
                whole: *whole,
            },
            Self::LabelNumber { rows, label, before, after, unit, columns, tolerance } => {
                Rule::LabelNumber {
                    rows: rows.clone(),
                    label: label.clone(),
                    before: before.clone(),
                    after: after.clone(),
                    unit: convert(*unit),
                    columns: columns.clone(),
                    tolerance: tolerance.map(convert),
                }
            }
            Self::Range { rows, column, least, most } => Rule::Range {
                rows: rows.clone(),
                column: column.clone(),
                least: least.map(convert),
                most: most.map(convert),
            },
            Self::AtMost { rows, lesser, greater, slack } => Rule::AtMost {
                rows: rows.clone(),
                lesser: lesser.clone(),
                greater: greater.clone(),
                slack: convert(*slack),
            },
            Self::Monotonic { rows, order, column, direction, slack } => Rule::Monotonic {
                rows: rows.clone(),
                order: order.clone(),
                column: column.clone(),
                direction: *direction,
                slack: convert(*slack),
            },
            Self::Repeated { rows, within, columns, most } => Rule::Repeated {
                rows: rows.clone(),
                within: within.clone(),
                columns: columns.clone(),
                most: *most,
            },
            Self::Constant { rows, within, column, tolerance } => Rule::Constant {
                rows: rows.clone(),
                within: within.clone(),
                column: column.clone(),
                tolerance: tolerance.map(convert),
            },
            Self::OneOf { rows, column, texts } => {
                Rule::OneOf { rows: rows.clone(), column: column.clone(), texts: texts.clone() }
            }
            Self::NonEmpty { rows, columns } => {
                Rule::NonEmpty { rows: rows.clone(), columns: columns.clone() }
            }
        }
    }
}

impl<N> Rule<N> {
    /// The rows that it looks at, those that findings name first.
    pub fn rows(&self) -> Vec<&CheckedRows> {
        match self {
            Self::Equal { left, right, .. } => vec![&left.rows, &right.rows],
            Self::FinalPoint { curve, table, .. } => vec![&curve.rows, &table.rows],
            Self::UniqueKeys { rows }
            | Self::Grid { rows, .. }
            | Self::Sequence { rows, .. }
            | Self::Product { rows, .. }
            | Self::Sum { rows, .. }
            | Self::Mean { rows, .. }
            | Self::Counts { rows, .. }
            | Self::LabelText { rows, .. }
            | Self::LabelNumber { rows, .. }
            | Self::Range { rows, .. }
            | Self::AtMost { rows, .. }
            | Self::Monotonic { rows, .. }
            | Self::Repeated { rows, .. }
            | Self::Constant { rows, .. }
            | Self::OneOf { rows, .. }
            | Self::NonEmpty { rows, .. } => vec![rows],
        }
    }

    /// The tables it reads, each once, in bytewise order.
    pub fn tables(&self) -> Vec<&str> {
        let mut tables: Vec<_> = self.rows().into_iter().map(|rows| rows.table.as_str()).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}
