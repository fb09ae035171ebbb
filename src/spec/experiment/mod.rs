//! The typed experiment: what an author writes in Dhall, as Rust sees it.
//!
//! Field and alternative names equal those of `experiments/schema/v1`: a Dhall record is a struct, a union an enum, an
//! `Optional` an `Option`, `Double` an `f64` that [`check()`] has refused unless it is finite and not −0. Nothing here is
//! filled in: defaults are the schema's, and the plan resolves what depends on other fields.

mod check;
mod claim;
mod declared;
mod drawing;
mod figure;
mod pinned;
mod probe;
mod published;
mod released;
#[cfg(test)]
mod schema;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod train;

use serde::{Deserialize, Serialize};

pub use check::{Finding, check};
pub use claim::{
    Claim, FitName, FitNameMethod, Quantity, QuantityValue, Statement, Tolerance, Unit,
};
pub use declared::{Cells, Check, CheckedRows, Known, Rule, SampleCount, Severity};
pub use drawing::{FigureWidth, Joined, Legend, LegendValue, Prediction, Sensitivity};
pub use figure::{
    Axis, Column, ColumnValue, Condition, Figure, Fit, FitMethod, Interval, Keep, Marks, Panel,
    PrintedPanels, RunTable, Selection, Series, Transform,
};
pub use pinned::{
    Classes, Dataset, DigestText, Location, ManifestPin, PinnedFile, Shard, Shards, Source,
    Vocabulary,
};
pub use probe::{FineTune, HeadStart, LinearProbe, Shots, Split, WeightDecay};
pub use published::{
    Architecture, Precision, PublishedAdamW, PublishedDataset, PublishedRun, PublishedWeights,
};
pub use released::{ReleasedRun, Weights};
pub use table::{
    ARCHITECTURE_COLUMNS, Aggregated, Aggregation, Case, Derivation, Derived, FIT_COLUMNS,
    FIT_TEXT_COLUMNS, Group, InlineTable, JoinKey, NumberFormat, Operand, PrintedColumn,
    PublishedTable, Rounding, Selected, SortKey, SortOrder, Step, Table, TableSource, TextPart,
    Unmatched,
};
pub use train::{
    Activation, AdamW, CaptionChoice, Clip, Preprocessing, RandomResizedCrop, SampleOrder,
    Schedule, TextPooling, TextTower, Train, VisionPooling, VisionTower, WarmUp,
};

/// The type of an experiment in `experiments/schema/v1`, as one Dhall expression without imports: what every
/// experiment's value is held against.
pub const TYPE: &str = include_str!("type.dhall");

/// An experiment: runs, the tables and figures made from them, the claims about those.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Experiment {
    /// One line for lists.
    pub title: String,
    /// The work it reproduces, if there is one.
    pub citation: Option<String>,
    /// The model configurations that tables and runs speak of.
    pub architectures: Vec<Architecture>,
    /// The trainings that figures may name.
    pub runs: Vec<Run>,
    /// Trainings that others did, as far as they are known.
    pub published_runs: Vec<PublishedRun>,
    /// Weights that others released, evaluated.
    pub released_runs: Vec<ReleasedRun>,
    /// The tables: each is a target, and what figures are made from.
    pub tables: Vec<Table>,
    /// The figures: each is a target.
    pub figures: Vec<Figure>,
    /// Targets under one name.
    pub groups: Vec<Group>,
    /// What must hold of tables: all of them are the target `checks`.
    pub checks: Vec<Check>,
}

/// One training with its evaluations: a point of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Texts that tables may show: a model's short name, a data set's.
    pub labels: Vec<Label>,
    /// The training.
    pub train: Train,
    /// What is measured on the trained model.
    pub evaluations: Vec<Evaluation>,
}

/// A text about a run, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Label {
    /// The name, unique in the run.
    pub name: String,
    /// The text.
    pub text: String,
}

/// One measurement of a trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evaluation {
    /// Its name, unique in the run.
    pub name: String,
    /// The data it is measured on.
    pub dataset: Dataset,
    /// What is measured.
    pub task: Task,
}

/// What an evaluation measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Task {
    /// The nearest class prompt.
    ZeroShotClassification {
        /// The class names.
        classes: Classes,
        /// Prompt templates with `{}` for the class name; their embeddings are averaged.
        templates: Vec<String>,
    },
    /// Texts to images and images to texts.
    Retrieval {
        /// The cut-offs, ascending.
        recall_at: Vec<u64>,
    },
    /// A linear layer on frozen image embeddings.
    LinearProbe(LinearProbe),
    /// A vision tower with a linear layer, trained end to end.
    FineTune(FineTune),
}

impl Task {
    /// The classes it tells apart, if it does.
    pub const fn classes(&self) -> Option<&Classes> {
        match self {
            Self::ZeroShotClassification { classes, .. } => Some(classes),
            Self::LinearProbe(probe) => Some(&probe.classes),
            Self::FineTune(tuning) => Some(&tuning.classes),
            Self::Retrieval { .. } => None,
        }
    }

    /// Whether texts are embedded.
    pub const fn reads_texts(&self) -> bool {
        match self {
            Self::ZeroShotClassification { .. } | Self::Retrieval { .. } => true,
            Self::LinearProbe(_) => false,
            Self::FineTune(tuning) => matches!(tuning.head, HeadStart::ZeroShot { .. }),
        }
    }

    /// The data sets that it learns from beside the evaluation's own.
    pub fn train_sets(&self) -> &[Dataset] {
        match self {
            Self::LinearProbe(probe) => probe.split.train_sets(),
            Self::FineTune(tuning) => tuning.split.train_sets(),
            Self::ZeroShotClassification { .. } | Self::Retrieval { .. } => &[],
        }
    }
}

/// A number that an evaluation gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Metric {
    /// Share of images whose nearest class prompt is theirs.
    Acc1,
    /// Share of images with their class among the five nearest.
    Acc5,
    /// Mean over classes of their share of right answers.
    MeanPerClassRecall,
    /// Share of texts with their image among the k nearest.
    ImageRetrievalRecallAt(u64),
    /// Share of images with one of their texts among the k nearest.
    TextRetrievalRecallAt(u64),
    /// The weight decay that a linear probe was trained with.
    WeightDecay,
}

impl Metric {
    /// Its field name in `CLIP_benchmark`'s results.
    pub fn field(self) -> String {
        match self {
            Self::Acc1 => "acc1".to_owned(),
            Self::Acc5 => "acc5".to_owned(),
            Self::MeanPerClassRecall => "mean_per_class_recall".to_owned(),
            Self::ImageRetrievalRecallAt(k) => format!("image_retrieval_recall@{k}"),
            Self::TextRetrievalRecallAt(k) => format!("text_retrieval_recall@{k}"),
            Self::WeightDecay => "weight_decay".to_owned(),
        }
    }

    /// Whether `task` gives it: of fewer than five classes, no five are the nearest.
    pub fn is_given_by(self, task: &Task) -> bool {
        let classes = task.classes().map_or(0, |classes| classes.count);
        match (self, task) {
            (Self::Acc5, _) => classes >= 5,
            (
                Self::Acc1 | Self::MeanPerClassRecall,
                Task::ZeroShotClassification { .. } | Task::LinearProbe(_) | Task::FineTune(_),
            )
            | (Self::WeightDecay, Task::LinearProbe(_)) => true,
            (
                Self::ImageRetrievalRecallAt(k) | Self::TextRetrievalRecallAt(k),
                Task::Retrieval { recall_at },
            ) => recall_at.contains(&k),
            _ => false,
        }
    }
}

/// How deep a number is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Depth {
    /// From the numbers that a work prints, typed in the experiment.
    Printed,
    /// From the authors' published table.
    Published,
    /// From released weights, evaluated again.
    Weights,
    /// From pinned shards, trained again.
    Scratch,
}

impl Depth {
    /// All of them, the cheapest first.
    pub const ALL: [Self; 4] = [Self::Printed, Self::Published, Self::Weights, Self::Scratch];

    /// The depth of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.name() == name)
    }

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Printed => "printed",
            Self::Published => "published",
            Self::Weights => "weights",
            Self::Scratch => "scratch",
        }
    }
}

impl Experiment {
    /// The figure of that name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The group of that name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// The run of that name.
    pub fn run(&self, name: &str) -> Option<&Run> {
        self.runs.iter().find(|run| run.name == name)
    }

    /// The released run of that name.
    pub fn released_run(&self, name: &str) -> Option<&ReleasedRun> {
        self.released_runs.iter().find(|run| run.name == name)
    }

    /// The published run of that name.
    pub fn published_run(&self, name: &str) -> Option<&PublishedRun> {
        self.published_runs.iter().find(|run| run.name == name)
    }
}
