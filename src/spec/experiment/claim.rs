//! Claims: published numbers with their source and tolerance, as data.
//!
//! A claim is no part of an action: it is judged from a figure's table of points and its fits, so stating another one
//! executes nothing.

use serde::{Deserialize, Serialize};

use super::{Condition, Selection, Transform};

/// Something that will come out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// Its name, unique in the experiment.
    pub id: String,
    /// Where it is stated: "Fig. 1a", "section 4.2", "issue 2".
    pub r#where: String,
    /// What it says, for people.
    pub text: String,
    /// What it says, to be judged.
    pub statement: Statement,
    /// Why it is known to fail, if it is.
    pub known: Option<String>,
}

/// What a claim says of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Statement {
    /// The number, rounded to the decimals of the printed text, gives that text.
    AsPrinted {
        /// The number.
        quantity: Quantity,
        /// What is printed: `5.86`, `-0.11`, `79.1`.
        text: String,
        /// The unit it is printed in.
        unit: Unit,
    },
    /// The number is as far from the published one as the tolerance allows, or nearer.
    Near {
        /// The number.
        quantity: Quantity,
        /// The published number.
        published: f64,
        /// How far off it may be.
        tolerance: Tolerance,
    },
    /// The number is the bound or more.
    AtLeast {
        /// The number.
        quantity: Quantity,
        /// The bound.
        bound: f64,
    },
    /// The number is the bound or less.
    AtMost {
        /// The number.
        quantity: Quantity,
        /// The bound.
        bound: f64,
    },
    /// Each number is greater than the one after it.
    Descending {
        /// The numbers; two or more.
        quantities: Vec<Quantity>,
    },
    /// The interval of a fitted exponent does not hold a number.
    IntervalExcludes {
        /// The line.
        fit: FitName,
        /// The number.
        value: f64,
    },
}

/// How far a number may be from the published one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Tolerance {
    /// `|computed − published| ≤ t`.
    Absolute(f64),
    /// `|computed − published| ≤ t · |published|`.
    Relative(f64),
}

/// The unit that a number is printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// As it is.
    Plain,
    /// A share in percent: 0.791 is printed 79.1.
    Percent,
}

/// A number of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quantity {
    /// The number.
    pub value: QuantityValue,
    /// What becomes of it before it is compared.
    pub transform: Transform,
}

/// Where a number is found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum QuantityValue {
    /// In the figure's table: the one row that meets every condition.
    Cell {
        /// The conditions.
        row: Vec<Condition>,
        /// The column.
        column: String,
    },
    /// α of a fitted line `y = β · x^α`.
    Exponent(FitName),
    /// β of a fitted line.
    Coefficient(FitName),
    /// What a fitted line gives at x.
    Prediction {
        /// The line.
        fit: FitName,
        /// The place, in the unit of the line's x column.
        x: f64,
    },
    /// The mean of |y − what a fitted line gives at x| over points of the figure's table, in the unit of y.
    MeanAbsoluteError {
        /// The line.
        fit: FitName,
        /// The points.
        points: Selection,
    },
}

/// A fitted line of the figure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FitName {
    /// The panel it is drawn in.
    pub panel: String,
    /// The series it is fitted to.
    pub series: String,
    /// How.
    pub method: FitNameMethod,
}

/// The method of a fitted line, without its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FitNameMethod {
    /// Least squares over all points.
    LeastSquares,
    /// Least squares over the bins' minima, at the bins' centres.
    BinnedMinimum,
    /// Least squares over the bins' minima, where they are.
    BinnedMinimumAtPoint,
    /// Least squares over the points that no other beats.
    ParetoFrontier,
}

impl Statement {
    /// The quantities it compares; none for [`Statement::IntervalExcludes`].
    pub fn quantities(&self) -> Vec<&Quantity> {
        match self {
            Self::AsPrinted { quantity, .. }
            | Self::Near { quantity, .. }
            | Self::AtLeast { quantity, .. }
            | Self::AtMost { quantity, .. } => vec![quantity],
            Self::Descending { quantities } => quantities.iter().collect(),
            Self::IntervalExcludes { .. } => Vec::new(),
        }
    }

    /// The fitted lines it speaks of.
    pub fn fits(&self) -> Vec<&FitName> {
        let own = match self {
            Self::IntervalExcludes { fit, .. } => Some(fit),
            _ => None,
        };
        let used = self.quantities().into_iter().filter_map(|quantity| match &quantity.value {
            QuantityValue::Exponent(fit)
            | QuantityValue::Coefficient(fit)
            | QuantityValue::Prediction { fit, .. }
            | QuantityValue::MeanAbsoluteError { fit, .. } => Some(fit),
            QuantityValue::Cell { .. } => None,
        });
        own.into_iter().chain(used).collect()
    }
}

impl FitNameMethod {
    /// What sentences call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeastSquares => "least squares",
            Self::BinnedMinimum => "the binned minimum",
            Self::BinnedMinimumAtPoint => "the binned minimum at its point",
            Self::ParetoFrontier => "the Pareto frontier",
        }
    }
}

impl super::FitMethod {
    /// The method without its settings.
    pub const fn name(&self) -> FitNameMethod {
        match self {
            Self::LeastSquares => FitNameMethod::LeastSquares,
            Self::BinnedMinimum { .. } => FitNameMethod::BinnedMinimum,
            Self::BinnedMinimumAtPoint { .. } => FitNameMethod::BinnedMinimumAtPoint,
            Self::ParetoFrontier => FitNameMethod::ParetoFrontier,
        }
    }
}
