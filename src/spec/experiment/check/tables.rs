//! Rules of tables: what they read exists, no table is made of itself, and every column a step names is there by then.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::figures::check_run_table;
use super::pins::check_file;
use super::steps::check_step;
use crate::spec::experiment::{
    ARCHITECTURE_COLUMNS, ColumnValue, Experiment, FIT_COLUMNS, FIT_TEXT_COLUMNS, Figure,
    InlineTable, NumberFormat, PublishedTable, RunTable, Table, TableSource,
};

/// The most tables from a table down to its sources, itself included: whoever follows them has room for so many.
const DEPTH_MAX: usize = 100;

/// The most decimals of a printed number: more than seventeen digits say nothing of a binary64 number.
const DECIMALS_MAX: u64 = 17;

/// The columns of a table, as far as the experiment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// Their names, in order.
    pub names: Vec<String>,
    /// Those that hold texts for certain; of the others the job finds out.
    pub texts: BTreeSet<String>,
}

impl Columns {
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|column| column == name)
    }

    /// The names as a set.
    pub(super) fn set(&self) -> BTreeSet<String> {
        self.names.iter().cloned().collect()
    }

    /// Those that may hold numbers.
    pub(super) fn numeric(&self) -> BTreeSet<String> {
        self.names.iter().filter(|name| !self.texts.contains(*name)).cloned().collect()
    }

    /// Adds a column; a taken name is the caller's finding.
    pub(super) fn push(&mut self, name: &str, is_text: bool) {
        if !self.has(name) {
            self.names.push(name.to_owned());
            if is_text {
                self.texts.insert(name.to_owned());
            }
        }
    }
}

/// What is known of every table, by name; a table that cannot be resolved is absent.
pub(super) type TableColumns<'a> = BTreeMap<&'a str, Columns>;

/// Checks every table, each after those it reads, and reports them in the order they are stated.
pub(super) fn check_tables<'a>(
    findings: &mut Findings<'a>,
    experiment: &'a Experiment,
) -> TableColumns<'a> {
    let mut visit = Visit {
        experiment,
        indices: BTreeMap::new(),
        done: BTreeMap::new(),
        depths: BTreeMap::new(),
        path: Vec::new(),
        reports: vec![Vec::new(); experiment.tables.len()],
    };
    for (i, table) in experiment.tables.iter().enumerate().rev() {
        visit.indices.insert(&table.name, i);
    }
    for table in &experiment.tables {
        visit.table(findings, &table.name);
    }
    let Visit { done, reports, .. } = visit;
    findings.list.extend(reports.into_iter().flatten());
    done.into_iter().filter_map(|(name, columns)| Some((name, columns?))).collect()
}

struct Visit<'a> {
    experiment: &'a Experiment,
    /// The place of each table; the first of two with one name.
    indices: BTreeMap<&'a str, usize>,
    /// Tables that were checked, with their columns if those are known.
    done: BTreeMap<&'a str, Option<Columns>>,
    /// Of those, the most tables down to their sources, themselves included.
    depths: BTreeMap<&'a str, usize>,
    /// The tables whose check led here.
    path: Vec<&'a str>,
    /// Findings by table.
    reports: Vec<Vec<super::Finding>>,
}

impl<'a> Visit<'a> {
    /// Checks a table that exists, unless it was checked; everything it reads comes first.
    fn table(&mut self, findings: &mut Findings<'a>, name: &str) {
        let Some((&name, &index)) = self.indices.get_key_value(name) else {
            return;
        };
        if self.done.contains_key(name) {
            return;
        }
        let table = &self.experiment.tables[index];
        let at = format!("tables[{index}]");
        if let Some(place) = self.path.iter().position(|known| *known == name) {
            let circle = [&self.path[place..], &[name]].concat().join("` → `");
            self.report(findings, index, |findings| {
                findings.add(at, format!("is made of itself: `{circle}`"));
            });
            self.done.insert(name, None);
            return;
        }
        // Those that led here may be too many without what it reads.
        let is_followed = self.path.len() < DEPTH_MAX;
        let reads = if is_followed { upstream_tables(self.experiment, table) } else { Vec::new() };
        self.path.push(name);
        let mut depth = 1;
        for upstream in reads {
            self.table(findings, upstream);
            depth = depth.max(1 + self.depths.get(upstream).copied().unwrap_or(0));
        }
        self.path.pop();
        self.depths.insert(name, depth);
        // Of a longer chain the first table that is too far up is named; whatever is made of it needs no finding.
        if depth == DEPTH_MAX + 1 {
            self.report(findings, index, |findings| {
                let message = format!("lies more than {DEPTH_MAX} tables above its sources");
                findings.add(at.clone(), message);
            });
        }
        let start = findings.list.len();
        let columns = self.check(findings, &at, table);
        self.reports[index].extend(findings.list.split_off(start));
        // A circle that was found on the way has settled it.
        self.done.entry(name).or_insert(columns);
    }

    fn report(
        &mut self,
        findings: &mut Findings<'a>,
        index: usize,
        add: impl FnOnce(&mut Findings<'a>),
    ) {
        let start = findings.list.len();
        add(findings);
        self.reports[index].extend(findings.list.split_off(start));
    }

    /// Checks one table and finds its columns.
    fn check(&self, findings: &mut Findings<'a>, at: &str, table: &'a Table) -> Option<Columns> {
        let mut columns = self.source(findings, &format!("{at}.from"), &table.from);
        for (i, step) in table.steps.iter().enumerate() {
            let other = step.table().map(|name| {
                let at = format!("{at}.steps[{i}]");
                self.other(findings, &at, name)
            });
            check_step(findings, &format!("{at}.steps[{i}]"), step, &mut columns, other.flatten());
        }
        if let Some(columns) = &columns {
            if columns.names.is_empty() {
                findings.add(at, "has no column");
            }
            let known = columns.set();
            for (i, printed) in table.printed.iter().enumerate() {
                let at = format!("{at}.printed[{i}]");
                findings.column(&format!("{at}.column"), &printed.column, &known);
                let (NumberFormat::Decimals(decimals) | NumberFormat::Percent(decimals)) =
                    printed.format;
                findings.natural(&format!("{at}.format"), decimals, 0, DECIMALS_MAX);
            }
        }
        columns
    }

    /// The columns of another table; a finding if there is none of that name.
    fn other(&self, findings: &mut Findings<'_>, at: &str, name: &str) -> Option<Columns> {
        if !self.indices.contains_key(name) {
            let known = self.experiment.tables.iter().map(|table| table.name.as_str());
            findings.unknown(at, "table", name, known);
        }
        self.done.get(name).cloned().flatten()
    }

    fn source(
        &self,
        findings: &mut Findings<'a>,
        at: &str,
        source: &'a TableSource,
    ) -> Option<Columns> {
        match source {
            TableSource::Csv(table) | TableSource::JsonRecords(table) => {
                Some(check_published(findings, at, table))
            }
            TableSource::Inline(table) => Some(check_inline(findings, at, table)),
            TableSource::Runs(table) => {
                check_run_table(findings, at, self.experiment, table);
                Some(run_columns(table))
            }
            TableSource::PublishedRuns(table) => {
                check_published_runs(findings, at, self.experiment, table);
                Some(run_columns(table))
            }
            TableSource::Architectures => {
                if self.experiment.architectures.is_empty() {
                    findings.add(at, "the experiment states no architectures");
                }
                let names: Vec<_> = ARCHITECTURE_COLUMNS.iter().map(ToString::to_string).collect();
                let texts = names[..1].iter().cloned().collect();
                Some(Columns { names, texts })
            }
            TableSource::Table(name) => self.other(findings, at, name),
            TableSource::Fits(figures) => {
                if figures.is_empty() {
                    findings.add(at, "names no figure");
                }
                let mut names = BTreeSet::new();
                for (i, name) in figures.iter().enumerate() {
                    let at = format!("{at}[{i}]");
                    findings.unique(&at, name, &mut names);
                    if self.experiment.figure(name).is_none() {
                        let known = self.experiment.figures.iter().map(|f| f.name.as_str());
                        findings.unknown(&at, "figure", name, known);
                    }
                }
                let names: Vec<_> = FIT_COLUMNS.iter().map(ToString::to_string).collect();
                let texts = names[..FIT_TEXT_COLUMNS].iter().cloned().collect();
                Some(Columns { names, texts })
            }
        }
    }
}

/// The tables that a table reads, directly or as the points of a figure whose fits it reads.
fn upstream_tables<'a>(experiment: &'a Experiment, table: &'a Table) -> Vec<&'a str> {
    let figures = table.from.figures().iter().filter_map(|name| experiment.figure(name));
    let of_steps = table.steps.iter().filter_map(|step| step.table());
    table.from.table().into_iter().chain(of_steps).chain(figures.flat_map(figure_tables)).collect()
}

/// The tables that a figure's points come from, at any depth.
pub(super) fn figure_tables(figure: &Figure) -> Vec<&str> {
    let printed = figure.printed.as_ref().map(|printed| printed.table.as_str());
    printed.into_iter().chain(figure.published.as_deref()).collect()
}

fn check_published<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    table: &'a PublishedTable,
) -> Columns {
    check_file(findings, &format!("{at}.file"), &table.file);
    stated_columns(findings, at, &table.columns)
}

fn stated_columns<'a>(findings: &mut Findings<'a>, at: &str, columns: &'a [String]) -> Columns {
    if columns.is_empty() {
        findings.add(format!("{at}.columns"), "is empty");
    }
    let mut names = BTreeSet::new();
    for (i, column) in columns.iter().enumerate() {
        findings.unique(&format!("{at}.columns[{i}]"), column, &mut names);
    }
    Columns { names: columns.to_vec(), texts: BTreeSet::new() }
}

fn check_inline<'a>(findings: &mut Findings<'a>, at: &str, table: &'a InlineTable) -> Columns {
    for (i, row) in table.rows.iter().enumerate() {
        if row.len() != table.columns.len() {
            let (cells, columns) = (row.len(), table.columns.len());
            let message = format!("has {cells} cells; the table has {columns} columns");
            findings.add(format!("{at}.rows[{i}]"), message);
        }
    }
    stated_columns(findings, at, &table.columns)
}

/// Of a published run nothing can be measured, and it has every label that is shown.
fn check_published_runs<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    experiment: &'a Experiment,
    table: &'a RunTable,
) {
    let mut names = BTreeSet::new();
    for (i, name) in table.runs.iter().enumerate() {
        findings.unique(&format!("{at}.runs[{i}]"), name, &mut names);
        if experiment.published_run(name).is_none() {
            let known = experiment.published_runs.iter().map(|run| run.name.as_str());
            findings.unknown(&format!("{at}.runs[{i}]"), "published run", name, known);
        }
    }
    let mut names = BTreeSet::new();
    for (i, column) in table.columns.iter().enumerate() {
        let at = format!("{at}.columns[{i}]");
        findings.unique(&format!("{at}.name"), &column.name, &mut names);
        if matches!(column.value, ColumnValue::Measurement { .. }) {
            findings.add(format!("{at}.value"), "published runs are not measured here");
        }
        let ColumnValue::Label(label) = &column.value else {
            continue;
        };
        for run in table.runs.iter().filter_map(|name| experiment.published_run(name)) {
            if !run.labels.iter().any(|candidate| candidate.name == *label) {
                let message = format!("run `{}` has no label `{label}`", run.name);
                findings.add(format!("{at}.value"), message);
            }
        }
    }
}

/// The columns of a table of runs.
pub(super) fn run_columns(table: &RunTable) -> Columns {
    let is_text =
        |value: &ColumnValue| matches!(value, ColumnValue::RunName | ColumnValue::Label(_));
    let mut columns = Columns::default();
    for column in &table.columns {
        columns.push(&column.name, is_text(&column.value));
    }
    columns
}
