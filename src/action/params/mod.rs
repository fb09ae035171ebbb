//! The parameters of each job kind: everything that affects its bytes, explicit, without defaults.

mod checks;
mod cost;
mod model;
mod probe;
mod profile;
mod results;
mod spans;
mod table;
mod training;

use serde::{Deserialize, Serialize};

pub use checks::{
    Cells, Check, CheckedRows, CountOf, Direction, GridAxis, Kept, LabelCase, Rule, SampleCount,
    Severity, Tolerance,
};
pub use cost::Macs;
pub use model::{Activation, CONTEXT_MIN, Clip, Pooling, Preprocessing, TextTower, VisionTower};
pub use probe::{FineTune, HeadStart, Probe, Shots, Split, WeightDecay};
pub use profile::{DeviceClass, DeviceProfile, ProfileError};
pub use results::{
    Axis, Cell, Collect, Draw, Evaluate, FigureWidth, Fit, FitMethod, FittedLine, Interval, Joined,
    LegendNames, LegendValue, MarkRole, Measurement, Panel, Prediction, Row, Selection,
    Sensitivity, Series, SweptSeries, Task, YTransform,
};
pub use spans::{SPANS_MAX, spans};
pub use table::{
    Aggregated, Aggregation, Derivation, Operand, Rounding, Rows, SortOrder, Step, Table, TextPart,
    Unmatched,
};
pub use training::{AdamW, CaptionChoice, RandomResizedCrop, SampleOrder, Schedule, Train, WarmUp};

/// A job kind with its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Params {
    /// Trains a model from its initial weights.
    Train(Train),
    /// Measures a model on one data set.
    Evaluate(Evaluate),
    /// Trains a linear layer on a model's embeddings, and measures it.
    Probe(Probe),
    /// Trains a model's vision tower with a linear layer end to end, and measures it.
    FineTune(FineTune),
    /// Collects measurements into one table.
    Collect(Collect),
    /// Makes a table, step by step.
    Table(Table),
    /// Fits power laws to a table.
    Fit(Fit),
    /// Fits power laws under many choices of bins and margin.
    Sensitivity(Sensitivity),
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
    /// See [`Params::Probe`].
    Probe,
    /// See [`Params::FineTune`].
    FineTune,
    /// See [`Params::Collect`].
    Collect,
    /// See [`Params::Table`].
    Table,
    /// See [`Params::Fit`].
    Fit,
    /// See [`Params::Sensitivity`].
    Sensitivity,
    /// See [`Params::Draw`].
    Draw,
    /// See [`Params::Check`].
    Check,
}

impl JobKind {
    /// The revision of the code, raised when the bytes it gives may change.
    pub const fn revision(self) -> u32 {
        match self {
            Self::Collect => 1,
            Self::Train
            | Self::Evaluate
            | Self::Probe
            | Self::FineTune
            | Self::Table
            | Self::Sensitivity => 2,
            Self::Fit => 3,
            Self::Check => 4,
            Self::Draw => 5,
        }
    }

    /// Whether the job is worth a process of its own; cheap ones share one.
    pub const fn is_cheap(self) -> bool {
        !matches!(self, Self::Train | Self::Evaluate | Self::Probe | Self::FineTune)
    }

    /// Whether the job computes on a device if there is one.
    pub const fn uses_device(self) -> bool {
        matches!(self, Self::Train | Self::Evaluate | Self::Probe | Self::FineTune)
    }

    /// The word that labels and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Probe => "probe",
            Self::FineTune => "fine-tune",
            Self::Collect => "collect",
            Self::Table => "table",
            Self::Fit => "fit",
            Self::Sensitivity => "sensitivity",
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
            Self::Probe(_) => JobKind::Probe,
            Self::FineTune(_) => JobKind::FineTune,
            Self::Collect(_) => JobKind::Collect,
            Self::Table(_) => JobKind::Table,
            Self::Fit(_) => JobKind::Fit,
            Self::Sensitivity(_) => JobKind::Sensitivity,
            Self::Draw(_) => JobKind::Draw,
            Self::Check(_) => JobKind::Check,
        }
    }
}
