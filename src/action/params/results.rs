//! The parameters of evaluations, tables, fits and figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Clip, Preprocessing};
use crate::action::canonical::Real;

/// Measures a model on one data set.
///
/// Inputs: `weights` (blob; a tree with the model's configuration where others released them), `dataset` (tree),
/// `vocabulary` (blob); for classification also `classes` (blob, a class name a line). Output: `metrics.json`, an object of binary64 numbers under `CLIP_benchmark`'s field names.
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
    /// Ordinary least squares over the point of smallest y of each such bin, where it is.
    BinnedMinimumAtPoint {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin: Real,
    },
    /// Ordinary least squares over the points that no other beats in x and y.
    ParetoFrontier,
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

/// Fits series under many choices of bins and margin. Input: `points` (CSV). Output: `sensitivity.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// The series in order.
    pub series: Vec<SweptSeries>,
}

/// A series with the choices that are tried on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweptSeries {
    /// The panel it is drawn in.
    pub panel: String,
    /// Its name within its panel.
    pub series: String,
    /// Its points.
    pub points: Selection,
    /// The fewest bins.
    pub bins_min: u64,
    /// The most bins.
    pub bins_max: u64,
    /// Margins in decades, in order.
    pub margins: Vec<Real>,
}

/// Draws a figure. Inputs: `points` (CSV), `fits` (JSON). Output: `figure.svg`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draw {
    /// The title above the panels; empty for none.
    pub title: String,
    /// What it shows, for readers who do not see it; empty for nothing.
    pub caption: String,
    /// The width it is printed at.
    pub width: FigureWidth,
    /// Names and order of legends and their values, where the columns' own will not do.
    pub legends: Vec<LegendNames>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
}

/// The width a figure is printed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FigureWidth {
    /// One column of a journal: 84 mm.
    OneColumn,
    /// Two columns: 174 mm.
    TwoColumns,
}

/// What the legend of a column is called, and how its values are spelled and ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegendNames {
    /// The column.
    pub column: String,
    /// The name of the legend.
    pub title: String,
    /// Values in the order of the legend; those not listed follow in their own.
    pub values: Vec<LegendValue>,
}

/// How a value of a column is spelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LegendValue {
    /// Its text in the table.
    pub text: String,
    /// Its text in the figure.
    pub shown: String,
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// The name of the series.
    pub name: String,
    /// Its points.
    pub points: Selection,
    /// Which columns steer colour, marker and size.
    pub marks: BTreeMap<MarkRole, String>,
    /// How its points are joined to curves; points alone where absent.
    pub joined: Option<Joined>,
    /// Points that its fitted lines predict.
    pub predictions: Vec<Prediction>,
}

/// Joins points to curves, by ascending x: a curve for each combination of texts in `by`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined {
    /// The columns that tell one curve from another.
    pub by: Vec<String>,
    /// The column that steers the dashes of a curve.
    pub dash: Option<String>,
}

/// A point on a fitted line, drawn hollow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// What is written beside it; empty for nothing.
    pub label: String,
    /// Where it is.
    pub x: Real,
    /// The line of this series that predicts it.
    pub method: FitMethod,
    /// What its row would hold in the columns that steer marks.
    pub texts: BTreeMap<String, String>,
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
