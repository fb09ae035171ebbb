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
        let mut needed = BTreeSet::new();
        tables.iter().all(|table| sources_of(self.experiment, table, &mut needed))
            && !needed.is_empty()
            && needed.is_subset(read)
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

/// Adds the files that a table is made from; whether it is made from files and stated rows alone.
fn sources_of(experiment: &Experiment, name: &str, needed: &mut BTreeSet<BlobDigest>) -> bool {
    let Some(table) = experiment.table(name) else { return false };
    let own = match &table.from {
        TableSource::Csv(published) | TableSource::JsonRecords(published) => {
            needed.insert(digest(&published.file.sha256));
            true
        }
        TableSource::Table(other) => sources_of(experiment, other, needed),
        TableSource::Inline(_) | TableSource::PublishedRuns(_) => true,
        TableSource::Runs(_) | TableSource::Fits(_) => false,
    };
    let mut others = table.steps.iter().filter_map(Step::table);
    own && others.all(|other| sources_of(experiment, other, needed))
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
