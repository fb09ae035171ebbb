//! The parameters of evaluations, tables, fits and figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Clip, Preprocessing};
use crate::action::canonical::Real;

/// Measures a model on one data set.
///
/// Inputs: `weights` (blob), `dataset` (tree), `vocabulary` (blob); for classification also `classes` (blob, a class
/// name a line). Output: `metrics.json`, an object of binary64 numbers under `CLIP_benchmark`'s field names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluate {
    /// The model that the weights belong to.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
    /// What is measured.
    pub task: Task,
}

/// What an evaluation measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Task {
    /// `acc1`, `acc5` and `mean_per_class_recall` of the nearest class prompt.
    ZeroShotClassification {
        /// Prompt templates with `{}` for the class name; their embeddings are averaged.
        templates: Vec<String>,
    },
    /// `image_retrieval_recall@k` (text → image) and `text_retrieval_recall@k` (image → text).
    Retrieval {
        /// The cut-offs, ascending.
        recall_at: Vec<u64>,
    },
}

/// Collects measurements into `points.csv`: one row a run, columns in the order of `columns`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Collect {
    /// Column names in order.
    pub columns: Vec<String>,
    /// The rows in order.
    pub rows: Vec<Row>,
}

/// One row of a collected table: a cell for each column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// One cell a column.
    pub cells: Vec<Cell>,
}

/// Where the value of a cell comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cell {
    /// A text.
    Text(String),
    /// An integer.
    Natural(u64),
    /// A fraction.
    Real(Real),
    /// `macs_per_sample · samples_seen ÷ 10⁹`, computed in binary64: total compute in GMACs.
    GmacsTotal {
        /// Multiply–accumulates of one forward pass of a pair.
        macs_per_sample: u64,
        /// Pairs processed.
        samples_seen: u64,
    },
    /// A measured number.
    Measurement(Measurement),
}

/// A number in an input's `metrics.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// The input that holds it.
    pub input: String,
    /// The field in it.
    pub field: String,
}

/// Fits power laws to series of a table. Input: `points` (CSV). Output: `fits.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fit {
    /// The lines in order.
    pub lines: Vec<FittedLine>,
}

/// One fitted line `y = β · x^α`, fitted on decimal logarithms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FittedLine {
    /// The panel the line is drawn in.
    pub panel: String,
    /// The name of the line within its panel.
    pub series: String,
    /// The points it is fitted to.
    pub points: Selection,
    /// How.
    pub method: FitMethod,
    /// The interval of its exponent.
    pub interval: Option<Interval>,
}

/// Rows of a table, and which of their columns are x and y.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Column of x.
    pub x: String,
    /// Column of y.
    pub y: String,
    /// What becomes of y before anything else.
    pub y_transform: YTransform,
    /// Keeps rows whose text in each named column is one of those listed.
    pub keep: BTreeMap<String, Vec<String>>,
}

/// What becomes of y before it is fitted or drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum YTransform {
    /// Nothing.
    Identity,
    /// `1 − y`: an accuracy becomes an error.
    OneMinus,
}

/// How a line is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FitMethod {
    /// Ordinary least squares over all points.
    LeastSquares,
    /// Ordinary least squares over the bin centres and the smallest log y of each bin; `bins` equal bins of log x over
    /// `[min, max + margin]` (the method of arXiv:2212.07143's figures).
    BinnedMinimum {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin: Real,
    },
}

/// How the interval of an exponent is computed: a percentile bootstrap over points with our named random streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// Coverage, such as 0.95.
    pub level: Real,
    /// Resamples.
    pub resamples: u64,
    /// Seed of the stream "bootstrap".
    pub seed: u64,
}

/// Draws a figure. Inputs: `points` (CSV), `fits` (JSON). Output: `figure.svg`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draw {
    /// The title above the panels.
    pub title: String,
    /// The panels, left to right.
    pub panels: Vec<Panel>,
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// The name that fits refer to, and the title.
    pub name: String,
    /// The x axis.
    pub x: Axis,
    /// The y axis.
    pub y: Axis,
    /// What is plotted.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Axis {
    /// Its label, unit included.
    pub label: String,
    /// Logarithmic or linear.
    pub logarithmic: bool,
}

/// Points of a panel. The fitted lines of the same panel and series are drawn with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// The name of the series.
    pub name: String,
    /// Its points.
    pub points: Selection,
    /// Which columns steer colour, marker and size.
    pub marks: BTreeMap<MarkRole, String>,
}

/// What a column steers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MarkRole {
    /// The colour of a point.
    Colour,
    /// The shape of a point.
    Marker,
    /// The size of a point.
    Size,
}
