//! The parameters of each job kind: everything that affects its bytes, explicit, without defaults.

mod checks;
mod cost;
mod model;
mod results;
mod table;
mod training;

use serde::{Deserialize, Serialize};

pub use checks::{
    Cells, Check, CheckedRows, CountOf, Direction, GridAxis, Kept, LabelCase, Rule, SampleCount,
    Severity, Tolerance,
};
pub use cost::Macs;
pub use model::{Activation, Clip, Pooling, Preprocessing, TextTower, VisionTower};
pub use results::{
    Axis, Cell, Collect, Draw, Evaluate, Fit, FitMethod, FittedLine, Interval, MarkRole,
    Measurement, Panel, Row, Selection, Series, Task, YTransform,
};
pub use table::{
    Aggregated, Aggregation, Derivation, Operand, Rounding, Rows, SortOrder, Step, Table, TextPart,
    Unmatched,
};
pub use training::{AdamW, CaptionChoice, SampleOrder, Schedule, Train, WarmUp};

/// A job kind with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Params {
    /// Trains a model from its initial weights.
    Train(Train),
    /// Measures a model on one data set.
    Evaluate(Evaluate),
    /// Collects measurements into one table.
    Collect(Collect),
    /// Makes a table, step by step.
    Table(Table),
    /// Fits power laws to a table.
    Fit(Fit),
    /// Draws a figure of a table and its fits.
    Draw(Draw),
    /// Holds tables against a rule.
    Check(Check),
}

/// The code that performs an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobKind {
    /// See [`Params::Train`].
    Train,
    /// See [`Params::Evaluate`].
    Evaluate,
    /// See [`Params::Collect`].
    Collect,
    /// See [`Params::Table`].
    Table,
    /// See [`Params::Fit`].
    Fit,
    /// See [`Params::Draw`].
    Draw,
    /// See [`Params::Check`].
    Check,
}

impl JobKind {
    /// The revision of the code, raised when the bytes it gives may change.
    pub const fn revision(self) -> u32 {
        match self {
            Self::Train
            | Self::Evaluate
            | Self::Collect
            | Self::Table
            | Self::Fit
            | Self::Draw
            | Self::Check => 1,
        }
    }

    /// Whether the job is worth a process of its own; cheap ones share one.
    pub const fn is_cheap(self) -> bool {
        matches!(self, Self::Collect | Self::Table | Self::Fit | Self::Draw | Self::Check)
    }

    /// The word that labels and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Collect => "collect",
            Self::Table => "table",
            Self::Fit => "fit",
            Self::Draw => "draw",
            Self::Check => "check",
        }
    }
}

impl Params {
    /// The job kind that these are the parameters of.
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::Train(_) => JobKind::Train,
            Self::Evaluate(_) => JobKind::Evaluate,
            Self::Collect(_) => JobKind::Collect,
            Self::Table(_) => JobKind::Table,
            Self::Fit(_) => JobKind::Fit,
            Self::Draw(_) => JobKind::Draw,
            Self::Check(_) => JobKind::Check,
        }
    }
}
