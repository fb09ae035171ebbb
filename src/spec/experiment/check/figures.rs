//! Rules of figures: every name that is used is one that exists.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::drawing::{check_extras, check_legends};
use super::tables::{Columns, TableColumns, run_columns};
use crate::spec::experiment::{
    ColumnValue, Depth, Evaluation, Experiment, Figure, Fit, FitMethod, FitName, Label, RunTable,
    Selection, Series, Table, TableSource,
};

/// The most bins, resamples: what an author can want, and a hostile file cannot exceed.
pub(super) const BINS_MAX: u64 = 1_000;
const RESAMPLES_MAX: u64 = 1_000_000;
/// The most panels of a figure. A picture of 300 pixels an inch has at most 16,384 of them on a side: 5,242 units, in
/// which fifteen rows of two panels may take 340 each. A plain row takes 140.
const PANELS_MAX: usize = 30;

/// The names that the claims of a figure or table may use.
#[derive(Default)]
pub(super) struct Scope {
    /// Columns that every table of the figure has.
    pub columns: BTreeSet<String>,
    /// Those of them that hold numbers, as far as the experiment says.
    pub numeric: BTreeSet<String>,
    /// The fitted lines, and whether they have an interval.
    pub fits: BTreeMap<FitName, bool>,
    /// The rows of the tables that the points may be had from; `None` if the experiment does not say those of them all.
    pub rows: Option<Vec<Row>>,
}

/// What the experiment says of a row of a table of runs: by column, its texts. Of other columns it says nothing.
pub(super) type Row = BTreeMap<String, String>;

pub(super) fn check_figure<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    experiment: &'a Experiment,
    figure: &'a Figure,
    tables: &TableColumns<'_>,
) -> Option<Scope> {
    check_depths(findings, at, figure);
    check_named_tables(findings, at, experiment, figure);
    if let Some(table) = &figure.scratch {
        check_run_table(findings, &format!("{at}.scratch"), experiment, table);
    }
    if let Some(table) = &figure.weights {
        super::released::check_released_table(
            findings,
            &format!("{at}.weights"),
            experiment,
            table,
        );
    }
    // Without the columns, everything that names one would be a finding: the one that matters was made.
    if !super::tables::figure_tables(figure).iter().all(|name| tables.contains_key(name)) {
        return None;
    }
    let mut scope = scope_of(experiment, figure, tables);
    check_legends(findings, at, figure, &scope.columns);
    if figure.panels.is_empty() {
        findings.add(format!("{at}.panels"), "is empty");
    }
    if figure.panels.len() > PANELS_MAX {
        let message = format!(
            "has {} panels; a figure of more than {PANELS_MAX} is too high to be rendered",
            figure.panels.len()
        );
        findings.add(format!("{at}.panels"), message);
    }
    let mut panel_names = BTreeSet::new();
    for (i, panel) in figure.panels.iter().enumerate() {
        let at = format!("{at}.panels[{i}]");
        findings.unique(&format!("{at}.name"), &panel.name, &mut panel_names);
        let mut series_names = BTreeSet::new();
        for (i, series) in panel.series.iter().enumerate() {
            let at = format!("{at}.series[{i}]");
            findings.unique(&format!("{at}.name"), &series.name, &mut series_names);
            check_series(findings, &at, series, &scope);
            check_extras(findings, &at, series, &scope.columns);
            for (i, fit) in series.fits.iter().enumerate() {
                let at = format!("{at}.fits[{i}]");
                check_fit(findings, &at, fit);
                let name = FitName {
                    panel: panel.name.clone(),
                    series: series.name.clone(),
                    method: fit.method.name(),
                };
                if scope.fits.insert(name, fit.interval.is_some()).is_some() {
                    findings.add(
                        format!("{at}.method"),
                        "this series has a fit by that method already",
                    );
                }
            }
        }
    }
    Some(scope)
}

fn check_depths(findings: &mut Findings<'_>, at: &str, figure: &Figure) {
    let offered = figure.depths();
    if offered.is_empty() {
        findings.add(at, "has neither a printed, a published nor a table of runs");
    } else if !offered.contains(&figure.default_depth) {
        let offered: Vec<_> = offered.into_iter().map(Depth::name).collect();
        let message = format!(
            "is {}; this figure offers {}",
            figure.default_depth.name(),
            offered.join(", ")
        );
        findings.add(format!("{at}.defaultDepth"), message);
    }
}

/// The tables that a figure names exist, and so do the panels that are printed.
fn check_named_tables(
    findings: &mut Findings<'_>,
    at: &str,
    experiment: &Experiment,
    figure: &Figure,
) {
    let mut table = |field: &str, name: &str| {
        if experiment.table(name).is_none() {
            let known = experiment.tables.iter().map(|table| table.name.as_str());
            findings.unknown(&format!("{at}.{field}"), "table", name, known);
        }
    };
    if let Some(name) = &figure.published {
        table("published", name);
    }
    let Some(printed) = &figure.printed else {
        return;
    };
    table("printed.table", &printed.table);
    if printed.panels.is_empty() {
        findings.add(format!("{at}.printed.panels"), "is empty");
    }
    let mut names = BTreeSet::new();
    for (i, name) in printed.panels.iter().enumerate() {
        let at = format!("{at}.printed.panels[{i}]");
        findings.unique(&at, name, &mut names);
        if !figure.panels.iter().any(|panel| panel.name == *name) {
            let known = figure.panels.iter().map(|panel| panel.name.as_str());
            findings.unknown(&at, "panel", name, known);
        }
    }
}

/// A column is in scope if every table that the figure can be had from has it.
fn scope_of(experiment: &Experiment, figure: &Figure, tables: &TableColumns<'_>) -> Scope {
    let names = super::tables::figure_tables(figure);
    let named = names.iter().filter_map(|name| {
        let table = experiment.table(name)?;
        Some(Scope::of_table(experiment, table, tables.get(*name)?))
    });
    let runs = figure.weights.iter().chain(&figure.scratch);
    let runs = runs.map(|table| Scope::of(&run_columns(table), rows_of_runs(experiment, table)));
    named
        .chain(runs)
        .reduce(|a, b| Scope {
            columns: &a.columns & &b.columns,
            numeric: &a.numeric & &b.numeric,
            fits: BTreeMap::new(),
            rows: a.rows.zip(b.rows).map(|(a, b)| [a, b].concat()),
        })
        .unwrap_or_default()
}

impl Scope {
    /// The names that a table's claims may use.
    pub(super) fn of_table(experiment: &Experiment, table: &Table, columns: &Columns) -> Self {
        let rows = match &table.from {
            TableSource::Runs(runs) | TableSource::PublishedRuns(runs)
                if table.steps.is_empty() =>
            {
                rows_of_runs(experiment, runs)
            }
            _ => None,
        };
        Self::of(columns, rows)
    }

    fn of(columns: &Columns, rows: Option<Vec<Row>>) -> Self {
        let (columns, numeric) = (columns.set(), columns.numeric());
        Self { columns, numeric, fits: BTreeMap::new(), rows }
    }
}

/// What is said of each row of a table of runs; `None` where a run or a label does not exist, which is a finding.
fn rows_of_runs(experiment: &Experiment, table: &RunTable) -> Option<Vec<Row>> {
    let row = |name: &String| {
        let labels = labels_of(experiment, name)?;
        let mut row = Row::new();
        for column in &table.columns {
            let text = match &column.value {
                ColumnValue::RunName => name,
                ColumnValue::Label(label) => {
                    &labels.iter().find(|known| known.name == *label)?.text
                }
                _ => continue,
            };
            row.insert(column.name.clone(), text.clone());
        }
        Some(row)
    };
    table.runs.iter().map(row).collect()
}

fn labels_of<'e>(experiment: &'e Experiment, run: &str) -> Option<&'e [Label]> {
    let trained = || Some(experiment.run(run)?.labels.as_slice());
    let published = || Some(experiment.published_run(run)?.labels.as_slice());
    let released = || Some(experiment.released_run(run)?.labels.as_slice());
    trained().or_else(published).or_else(released)
}

pub(super) fn check_run_table<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    experiment: &'a Experiment,
    table: &'a RunTable,
) {
    if table.runs.is_empty() {
        findings.add(format!("{at}.runs"), "is empty");
    }
    let mut names = BTreeSet::new();
    for (i, name) in table.runs.iter().enumerate() {
        findings.unique(&format!("{at}.runs[{i}]"), name, &mut names);
        if experiment.run(name).is_none() && experiment.published_run(name).is_none() {
            let at = format!("{at}.runs[{i}]");
            if experiment.released_runs.iter().any(|run| run.name == *name) {
                let message =
                    format!("`{name}` is a released run: a figure shows it, as its `weights`");
                findings.add(at, message);
            } else {
                let known = experiment.runs.iter().map(|run| run.name.as_str());
                findings.unknown(&at, "run", name, known);
            }
        }
    }
    let runs = table.runs.iter().filter_map(|name| experiment.run(name));
    let subjects: Vec<_> =
        runs.map(|run| (run.name.as_str(), &*run.labels, &*run.evaluations)).collect();
    check_columns(findings, at, table, &subjects);
}

/// What a column may show of a run: its name, its labels, its evaluations.
type Shown<'a> = (&'a str, &'a [Label], &'a [Evaluation]);

/// The columns of a table, each against every run.
pub(super) fn check_columns<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    table: &'a RunTable,
    runs: &[Shown<'_>],
) {
    let mut names = BTreeSet::new();
    for (i, column) in table.columns.iter().enumerate() {
        let at = format!("{at}.columns[{i}]");
        if column.name.is_empty() {
            findings.add(format!("{at}.name"), "is empty");
        }
        findings.unique(&format!("{at}.name"), &column.name, &mut names);
        for run in runs {
            check_cell(findings, &format!("{at}.value"), &column.value, run);
        }
    }
}

fn check_cell(findings: &mut Findings<'_>, at: &str, value: &ColumnValue, run: &Shown<'_>) {
    let (run_name, labels, evaluations) = *run;
    match value {
        ColumnValue::Label(label) => {
            if !labels.iter().any(|candidate| candidate.name == *label) {
                findings.add(at, format!("run `{run_name}` has no label `{label}`"));
            }
        }
        ColumnValue::Measurement { evaluation, metric } => {
            let found = evaluations.iter().find(|candidate| candidate.name == *evaluation);
            match found {
                None => {
                    findings.add(at, format!("run `{run_name}` has no evaluation `{evaluation}`"));
                }
                Some(found) if !metric.is_given_by(&found.task) => {
                    let field = metric.field();
                    let message = format!(
                        "evaluation `{evaluation}` of run `{run_name}` does not give `{field}`"
                    );
                    findings.add(at, message);
                }
                Some(_) => {}
            }
        }
        ColumnValue::RunName
        | ColumnValue::SamplesSeen
        | ColumnValue::Seed
        | ColumnValue::Parameters
        | ColumnValue::MacsPerSample
        | ColumnValue::GmacsTotal => {}
    }
}

fn check_series(findings: &mut Findings<'_>, at: &str, series: &Series, scope: &Scope) {
    check_selection(findings, &format!("{at}.points"), &series.points, scope);
    let marks = [
        ("colour", &series.marks.colour),
        ("marker", &series.marks.marker),
        ("size", &series.marks.size),
    ];
    for (role, column) in marks {
        if let Some(column) = column {
            findings.column(&format!("{at}.marks.{role}"), column, &scope.columns);
        }
    }
}

pub(super) fn check_selection(
    findings: &mut Findings<'_>,
    at: &str,
    selection: &Selection,
    scope: &Scope,
) {
    for (axis, column) in [("x", &selection.x), ("y", &selection.y)] {
        findings.numeric_column(&format!("{at}.{axis}"), column, scope);
    }
    let mut columns = BTreeSet::new();
    for (i, keep) in selection.keep.iter().enumerate() {
        let at = format!("{at}.keep[{i}]");
        findings.column(&format!("{at}.column"), &keep.column, &scope.columns);
        findings.unique(&format!("{at}.column"), &keep.column, &mut columns);
        if keep.one_of.is_empty() {
            findings.add(format!("{at}.oneOf"), "is empty: no row would be kept");
        }
    }
}

fn check_fit(findings: &mut Findings<'_>, at: &str, fit: &Fit) {
    if let FitMethod::BinnedMinimum { bins, margin_decades }
    | FitMethod::BinnedMinimumAtPoint { bins, margin_decades } = fit.method
    {
        findings.natural(&format!("{at}.method.bins"), bins, 2, BINS_MAX);
        let margin_at = format!("{at}.method.marginDecades");
        findings.number_that(&margin_at, margin_decades, |x| x >= 0.0, "0 or more");
    }
    if let Some(interval) = &fit.interval {
        let at = format!("{at}.interval");
        let share = |x: f64| x > 0.0 && x < 1.0;
        findings.number_that(&format!("{at}.level"), interval.level, share, "between 0 and 1");
        findings.natural(&format!("{at}.resamples"), interval.resamples, 1, RESAMPLES_MAX);
    }
}

impl Findings<'_> {
    pub(super) fn column(&mut self, path: &str, column: &str, columns: &BTreeSet<String>) -> bool {
        let exists = columns.contains(column);
        if !exists {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let message = format!("there is no column `{column}` (columns: {})", names.join(", "));
            self.add(path, message);
        }
        exists
    }

    pub(super) fn numeric_column(&mut self, path: &str, column: &str, scope: &Scope) {
        if self.column(path, column, &scope.columns) && !scope.numeric.contains(column) {
            self.add(path, format!("column `{column}` holds texts, not numbers"));
        }
    }
}
