//! Figures: where their points come from, what is drawn and fitted, what is claimed.

use serde::{Deserialize, Serialize};

use super::{Claim, Depth, FigureWidth, Joined, Legend, Metric, Prediction, Sensitivity};

/// A figure: a target of the experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Figure {
    /// Its name, unique in the experiment.
    pub name: String,
    /// The title above the panels; empty for none.
    pub title: String,
    /// What it shows.
    pub caption: Option<String>,
    /// The width it is printed at.
    pub width: FigureWidth,
    /// The panels that can be had from numbers a work prints.
    pub printed: Option<PrintedPanels>,
    /// The table of its points, made from what the authors published.
    pub published: Option<String>,
    /// The table of released runs, where the figure can be had by evaluating their weights again.
    pub weights: Option<RunTable>,
    /// The table of runs, where the figure can be had by training again.
    pub scratch: Option<RunTable>,
    /// The depth that is reproduced unless the reader asks for another; one of those offered.
    pub default_depth: Depth,
    /// Names, order and spelling of legends, where the columns' own will not do.
    pub legends: Vec<Legend>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// What will come out.
    pub claims: Vec<Claim>,
}

impl Figure {
    /// The depths it can be reproduced at, the cheapest first.
    pub fn depths(&self) -> Vec<Depth> {
        let printed = self.printed.is_some().then_some(Depth::Printed);
        let published = self.published.is_some().then_some(Depth::Published);
        let weights = self.weights.is_some().then_some(Depth::Weights);
        let scratch = self.scratch.is_some().then_some(Depth::Scratch);
        [printed, published, weights, scratch].into_iter().flatten().collect()
    }

    /// The panels and claims that it has at a depth: at [`Depth::Printed`] those that are printed.
    #[must_use]
    pub fn at(&self, depth: Depth) -> Self {
        let mut figure = self.clone();
        if let (Depth::Printed, Some(printed)) = (depth, &self.printed) {
            figure.panels.retain(|panel| printed.panels.contains(&panel.name));
            figure.claims.clone_from(&printed.claims);
        }
        figure
    }
}

/// The panels of a figure whose numbers a work prints, and the table of those numbers. The figure's own claims are about
/// unrounded numbers; these are about what comes of the printed ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrintedPanels {
    /// The table.
    pub table: String,
    /// The names of the panels.
    pub panels: Vec<String>,
    /// What will come out.
    pub claims: Vec<Claim>,
}

/// A table of points with a row for each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunTable {
    /// The names of the runs, in order.
    pub runs: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<Column>,
}

/// A column of a table of runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: String,
    /// What its cells hold.
    pub value: ColumnValue,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ColumnValue {
    /// The name of the run.
    RunName,
    /// The label of that name.
    Label(String),
    /// Pairs processed in training.
    SamplesSeen,
    /// The seed.
    Seed,
    /// Parameters of the model.
    Parameters,
    /// Multiply–accumulates of one forward pass of a pair.
    MacsPerSample,
    /// Multiply–accumulates a pair, times pairs processed, in 10⁹.
    GmacsTotal,
    /// A number that an evaluation gave.
    Measurement {
        /// The name of the evaluation.
        evaluation: String,
        /// The number.
        metric: Metric,
    },
}

/// One pair of axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Panel {
    /// Its name, unique in the figure, and its title.
    pub name: String,
    /// The x axis.
    pub x: Axis,
    /// The y axis.
    pub y: Axis,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Axis {
    /// Its label, unit included.
    pub label: String,
    /// Logarithmic or linear.
    pub logarithmic: bool,
}

/// Points of a panel with the lines fitted to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Series {
    /// Its name, unique in the panel.
    pub name: String,
    /// Its points.
    pub points: Selection,
    /// Which columns steer colour, marker and size.
    pub marks: Marks,
    /// The lines, each by another method.
    pub fits: Vec<Fit>,
    /// How its points are joined to curves.
    pub joined: Option<Joined>,
    /// Points that its lines predict.
    pub predictions: Vec<Prediction>,
    /// The choices that are tried on it.
    pub sensitivity: Option<Sensitivity>,
}

/// Rows of the figure's table, and which of their columns are x and y.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// Column of x.
    pub x: String,
    /// Column of y.
    pub y: String,
    /// What becomes of y before it is fitted or drawn.
    pub y_transform: Transform,
    /// Conditions that a row must meet, all of them.
    pub keep: Vec<Keep>,
}

/// What becomes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transform {
    /// Nothing.
    Identity,
    /// `1 − y`: an accuracy becomes an error.
    OneMinus,
}

/// Keeps the rows whose text in a column is one of those listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keep {
    /// The column.
    pub column: String,
    /// The texts.
    pub one_of: Vec<String>,
}

/// One condition on a row: its text in a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// The column.
    pub column: String,
    /// The text.
    pub text: String,
}

/// Columns that steer how a point looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marks {
    /// Its colour.
    pub colour: Option<String>,
    /// Its shape.
    pub marker: Option<String>,
    /// Its size.
    pub size: Option<String>,
}

/// A power law `y = β · x^α` fitted to a series on decimal logarithms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fit {
    /// How.
    pub method: FitMethod,
    /// The interval of its exponent.
    pub interval: Option<Interval>,
}

/// How a line is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FitMethod {
    /// Ordinary least squares over all points.
    LeastSquares,
    /// Ordinary least squares over bin centres and the smallest y of each bin (arXiv:2212.07143).
    BinnedMinimum {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin_decades: f64,
    },
    /// Ordinary least squares over the point of smallest y of each such bin, where it is.
    BinnedMinimumAtPoint {
        /// Number of bins.
        bins: u64,
        /// Added to the last edge, in decades.
        margin_decades: f64,
    },
    /// Ordinary least squares over the points that no other beats in x and y.
    ParetoFrontier,
}

/// A percentile bootstrap over points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interval {
    /// Coverage, such as 0.95.
    pub level: f64,
    /// Resamples.
    pub resamples: u64,
    /// Seed of the resampling.
    pub seed: u64,
}
