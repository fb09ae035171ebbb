//! Declared checks as actions: one each, over the tables it reads.

use std::collections::{BTreeMap, BTreeSet};

use super::convert::real;
use super::expand::{Expansion, digest};
use super::graph::{CheckTarget, DeclaredCheck};
use crate::action::Action;
use crate::action::params::{self, Params};
use crate::digest::BlobDigest;
use crate::spec::experiment::{Check, Experiment, Location, Step, TableSource};

impl<'a> Expansion<'a> {
    /// Every check of the experiment.
    pub(super) fn checks(&mut self) {
        for (place, check) in self.experiment.checks.iter().enumerate() {
            self.check(place, check);
        }
    }

    /// The checks that read nothing but tables and files that the plan reads anyway.
    pub(super) fn checks_alongside(&mut self) {
        let read: BTreeSet<BlobDigest> = self.plan.sources().keys().copied().collect();
        let made: BTreeSet<&str> = self
            .tables
            .iter()
            .filter(|(_, input)| input.is_some())
            .map(|(name, _)| *name)
            .collect();
        for (place, check) in self.experiment.checks.iter().enumerate() {
            let tables = check.rule.tables();
            let is_made = tables.iter().all(|table| made.contains(table));
            if is_made || self.are_read(&tables, &read) {
                self.check(place, check);
            }
        }
    }

    /// Whether tables are made from files among these, and from something.
    fn are_read(&self, tables: &[&str], read: &BTreeSet<BlobDigest>) -> bool {
        sources_of(self.experiment, tables)
            .is_some_and(|needed| !needed.is_empty() && needed.is_subset(read))
    }

    /// A check; none if a run behind one of its tables is not pinned.
    fn check(&mut self, place: usize, check: &'a Check) {
        let mut inputs = BTreeMap::new();
        let mut files = BTreeMap::new();
        for table in check.rule.tables() {
            let Some(input) = self.table_named(table) else { return };
            inputs.insert(table.to_owned(), input);
            if let Some(file) = file_of(self.experiment, table) {
                files.insert(table.to_owned(), file);
            }
        }
        let (id, severity) = (check.id.clone(), check.severity);
        let params = params::Check { id, severity, rule: check.rule.map(real) };
        let action = Action::new(Params::Check(params), inputs);
        let action = self.plan.add(&format!("{}/check", check.id), action);
        let declared = DeclaredCheck {
            id: check.id.clone(),
            text: check.text.clone(),
            severity: check.severity,
            table: check.rule.rows()[0].table.clone(),
            known: check.known.clone(),
        };
        self.plan.add_check(CheckTarget { place, action, declared, files });
    }
}

/// The files that tables are made from; none if they are made from more than files and stated rows.
fn sources_of<'a>(experiment: &'a Experiment, tables: &[&'a str]) -> Option<BTreeSet<BlobDigest>> {
    let mut needed = BTreeSet::new();
    let mut left = tables.to_vec();
    // Each table is looked at once, however many others are made from it.
    let mut seen: BTreeSet<&str> = left.iter().copied().collect();
    while let Some(name) = left.pop() {
        let table = experiment.table(name)?;
        match &table.from {
            TableSource::Csv(published) | TableSource::JsonRecords(published) => {
                needed.insert(digest(&published.file.sha256));
            }
            TableSource::Table(_)
            | TableSource::Inline(_)
            | TableSource::PublishedRuns(_)
            | TableSource::Architectures => {}
            TableSource::Runs(_) | TableSource::Fits(_) => return None,
        }
        let others =
            table.from.table().into_iter().chain(table.steps.iter().filter_map(Step::table));
        left.extend(others.filter(|other| seen.insert(*other)));
    }
    Some(needed)
}

/// The path of the file whose rows a table's are, one for one; none where steps made other rows of them.
fn file_of(experiment: &Experiment, name: &str) -> Option<String> {
    let table = experiment.table(name)?;
    if !table.steps.iter().all(|step| matches!(step, Step::Derive(_) | Step::Select(_))) {
        return None;
    }
    match &table.from {
        TableSource::Csv(published) | TableSource::JsonRecords(published) => {
            Some(match published.file.location() {
                Location::File { path } | Location::Git { path, .. } => path,
                Location::Http { url } => url,
                Location::Bundled { file, .. } => file,
            })
        }
        TableSource::Table(other) => file_of(experiment, other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::super::expand;
    use crate::spec::experiment::testing::example;
    use crate::spec::experiment::{
        Check, CheckedRows, Experiment, Rule, Severity, Step, Table, TableSource,
    };

    /// Layers of two tables, each made from one of the layer below and joined by the other.
    fn layers(count: usize) -> Experiment {
        let mut experiment = example();
        let made = |name: String, from: &str, other: &str| Table {
            name,
            from: TableSource::Table(from.to_owned()),
            steps: vec![Step::Union(other.to_owned())],
            ..example().tables[0].clone()
        };
        let mut below = ["points".to_owned(), "points".to_owned()];
        for layer in 0..count {
            let [left, right] = [format!("left-{layer}"), format!("right-{layer}")];
            experiment.tables.push(made(left.clone(), &below[0], &below[1]));
            experiment.tables.push(made(right.clone(), &below[1], &below[0]));
            below = [left, right];
        }
        let [table, _] = below;
        let (keep, present) = (Vec::new(), Vec::new());
        let rows = CheckedRows { table, key: vec!["run".to_owned()], keep, present };
        experiment.checks.push(Check {
            id: "keys".to_owned(),
            text: "one row a run".to_owned(),
            severity: Severity::Error,
            rule: Rule::UniqueKeys { rows },
            known: Vec::new(),
        });
        experiment
    }

    #[test]
    fn tables_that_share_their_sources_are_looked_at_once() {
        let experiment = layers(60);
        let (sender, answer) = mpsc::channel();
        thread::spawn(move || {
            let of = |target| expand(&experiment, Some(target)).unwrap().checks().len();
            sender.send(["points", "left-58", "curve"].map(of)).unwrap();
        });
        assert_eq!(answer.recv_timeout(Duration::from_secs(60)).unwrap(), [1, 1, 0]);
    }
}
