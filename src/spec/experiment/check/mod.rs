//! The rules that types cannot hold, with every finding at once.
//!
//! An experiment without findings expands: names resolve, sizes divide, numbers are finite, digests parse.

mod claims;
mod declared;
mod drawing;
mod figures;
mod pins;
mod probe;
mod published;
mod released;
mod runs;
mod steps;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Dataset, Experiment};
use crate::digest::BlobDigest;
use crate::spec::schema::nearest;

/// One thing that is wrong with an experiment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where: `runs[2].train.batchSize`, with list indices from 0.
    pub path: String,
    /// What.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.message)
    }
}

/// Everything that is wrong with `experiment`, in the order of its fields; empty if nothing is.
pub fn check(experiment: &Experiment) -> Vec<Finding> {
    let mut findings = Findings::default();
    if experiment.title.trim().is_empty() {
        findings.add("title", "is empty");
    }
    let mut architectures = BTreeSet::new();
    for (i, known) in experiment.architectures.iter().enumerate() {
        let at = format!("architectures[{i}]");
        findings.name(&format!("{at}.name"), &known.name, &mut architectures);
        published::check_architecture(&mut findings, &at, known);
    }
    let mut names = BTreeSet::new();
    for (i, run) in experiment.runs.iter().enumerate() {
        findings.name(&format!("runs[{i}].name"), &run.name, &mut names);
        runs::check_run(&mut findings, &format!("runs[{i}]"), run);
    }
    for (i, run) in experiment.published_runs.iter().enumerate() {
        findings.name(&format!("publishedRuns[{i}].name"), &run.name, &mut names);
        published::check_published_run(&mut findings, &format!("publishedRuns[{i}]"), run);
    }
    for (i, run) in experiment.released_runs.iter().enumerate() {
        findings.name(&format!("releasedRuns[{i}].name"), &run.name, &mut names);
        released::check_released_run(&mut findings, &format!("releasedRuns[{i}]"), run);
    }
    let tables = tables::check_tables(&mut findings, experiment);
    let mut claim_ids = BTreeSet::new();
    for (i, table) in experiment.tables.iter().enumerate() {
        let at = format!("tables[{i}]");
        findings.name(&format!("{at}.name"), &table.name, &mut names);
        if let Some(columns) = tables.get(table.name.as_str()) {
            let scope = figures::Scope::of_table(experiment, table, columns);
            claims::check_claims(&mut findings, &at, &table.claims, &scope, &mut claim_ids);
        }
    }
    for (i, figure) in experiment.figures.iter().enumerate() {
        let at = format!("figures[{i}]");
        findings.name(&format!("{at}.name"), &figure.name, &mut names);
        if let Some(scope) = figures::check_figure(&mut findings, &at, experiment, figure, &tables)
        {
            claims::check_claims(&mut findings, &at, &figure.claims, &scope, &mut claim_ids);
            if let Some(printed) = &figure.printed {
                let at = format!("{at}.printed");
                claims::check_claims(&mut findings, &at, &printed.claims, &scope, &mut claim_ids);
            }
        }
    }
    check_groups(&mut findings, experiment, &mut names);
    declared::check_checks(&mut findings, experiment, &tables);
    if !experiment.checks.is_empty() && names.contains(declared::TARGET) {
        findings.add("checks", format!("`{}` is already taken", declared::TARGET));
    }
    findings.list
}

/// A group names targets that exist, and no group.
fn check_groups<'a>(
    findings: &mut Findings<'_>,
    experiment: &'a Experiment,
    names: &mut BTreeSet<&'a str>,
) {
    let tables = experiment.tables.iter().map(|table| table.name.as_str());
    let figures = experiment.figures.iter().map(|figure| figure.name.as_str());
    let runs = experiment.runs.iter().map(|run| run.name.as_str());
    let released = experiment.released_runs.iter().map(|run| run.name.as_str());
    let targets: BTreeSet<&str> = tables.chain(figures).chain(runs).chain(released).collect();
    for (i, group) in experiment.groups.iter().enumerate() {
        let at = format!("groups[{i}]");
        findings.name(&format!("{at}.name"), &group.name, names);
        if group.targets.is_empty() {
            findings.add(format!("{at}.targets"), "is empty");
        }
        let mut members = BTreeSet::new();
        for (i, target) in group.targets.iter().enumerate() {
            let at = format!("{at}.targets[{i}]");
            findings.unique(&at, target, &mut members);
            if !targets.contains(target.as_str()) {
                findings.unknown(&at, "table, figure or run", target, targets.iter().copied());
            }
        }
    }
}

/// Whether a number is positive and normal in binary32, which is what it is computed with.
#[allow(clippy::cast_possible_truncation, reason = "it is rounded once, and then looked at")]
fn is_positive_binary32(number: f64) -> bool {
    let narrow = number as f32;
    narrow > 0.0 && narrow.is_normal()
}

/// What [`is_positive_binary32`] asks for.
const POSITIVE_BINARY32: &str = "more than 0, and 1.2e-38 to 3.4e38 as binary32 holds it";

/// Collects findings. Values that an experiment repeats, such as a data set used by every run, are reported once.
#[derive(Default)]
struct Findings<'a> {
    list: Vec<Finding>,
    datasets_seen: BTreeSet<&'a Dataset>,
    sizes: BTreeMap<BlobDigest, u64>,
}

/// The longest name of a run, evaluation or figure.
const NAME_LENGTH_MAX: usize = 80;

impl Findings<'_> {
    fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.list.push(Finding { path: path.into(), message: message.into() });
    }

    /// A name that labels, folders and the command line can hold, and that `taken` does not have.
    fn name<'n>(&mut self, path: &str, name: &'n str, taken: &mut BTreeSet<&'n str>) {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
            self.add(
                path,
                format!(
                    "`{name}` is not a name: ASCII letters, digits, `-` and `_`, no `-` in front"
                ),
            );
        } else if name.len() > NAME_LENGTH_MAX {
            self.add(path, format!("`{name}` has more than {NAME_LENGTH_MAX} characters"));
        }
        self.unique(path, name, taken);
    }

    /// A text that `taken` does not have.
    fn unique<'n>(&mut self, path: &str, name: &'n str, taken: &mut BTreeSet<&'n str>) {
        if !taken.insert(name) {
            self.add(path, format!("`{name}` is already taken"));
        }
    }

    /// A name of nothing there is; the nearest of those there are is the hint.
    fn unknown<'n>(
        &mut self,
        path: &str,
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'n str>,
    ) {
        let hint = nearest(name, known).map(|near| format!("; did you mean `{near}`?"));
        self.add(path, format!("there is no {what} `{name}`{}", hint.unwrap_or_default()));
    }

    /// A natural number within bounds, both included.
    fn natural(&mut self, path: &str, value: u64, least: u64, most: u64) -> bool {
        let holds = (least..=most).contains(&value);
        if !holds {
            self.add(path, format!("is {value}; must be {least} to {most}"));
        }
        holds
    }

    /// `whole` is a multiple of `part`, unless `part` is 0 (which is a finding of its own).
    fn multiple(&mut self, path: &str, whole: u64, part: u64, part_name: &str) {
        if part != 0 && !whole.is_multiple_of(part) {
            self.add(path, format!("is {whole}, not a multiple of {part_name} ({part})"));
        }
    }

    /// A number with bits that an action may hold: finite and not −0.
    fn number(&mut self, path: &str, value: f64) -> bool {
        let trouble = if value.is_nan() {
            "is NaN"
        } else if value.is_infinite() {
            "is infinite"
        } else if value == 0.0 && value.is_sign_negative() {
            "is -0.0; write 0.0"
        } else {
            return true;
        };
        self.add(path, trouble);
        false
    }

    /// A number that meets a condition, which `rule` states.
    fn number_that(&mut self, path: &str, value: f64, holds: impl Fn(f64) -> bool, rule: &str) {
        if self.number(path, value) && !holds(value) {
            self.add(path, format!("is {value}; must be {rule}"));
        }
    }
}
