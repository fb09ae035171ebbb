//! Files of class names held against how many classes an experiment says they name.

use std::collections::BTreeSet;

use super::inputs::PlanInputs;
use super::workspace::{Loaded, Workspace};
use crate::digest::BlobDigest;
use crate::exec::Inputs as _;
use crate::plan::Plan;
use crate::spec::experiment::{Classes, Evaluation};

impl Workspace {
    /// Where evaluations count other classes than their pinned file names, as far as that is at hand: in the store, a
    /// mirror, or a file of the experiment. The network is not asked, no bundled set is built, and whatever is wrong with a
    /// file itself is told by the run that needs it.
    pub(super) fn check_class_counts(&self, loaded: &Loaded) -> Vec<(String, String)> {
        let experiment = &loaded.experiment;
        let runs = experiment.runs.iter().map(|run| &run.evaluations);
        let released = experiment.released_runs.iter().map(|run| &run.evaluations);
        let mut stated = of_runs("runs", runs);
        stated.extend(of_runs("releasedRuns", released));
        if stated.is_empty() {
            return Vec::new();
        }
        let Ok(store) = self.store() else { return Vec::new() };
        let mut plan = Plan::default();
        for (_, classes) in &stated {
            plan.add_source(digest_of(classes), classes.file.bytes, classes.file.location());
        }
        plan.forget_network();
        let no_set =
            |_: &str, _: &str| Err("a bundled set is not built to be looked at".to_owned());
        let inputs = PlanInputs::new(&plan, self.sources(&loaded.root, &no_set), None);
        let mut found = Vec::new();
        for (at, classes) in stated {
            let digest = digest_of(classes);
            let bytes = inputs.ensure(&digest, &store).ok().and_then(|()| store.read(&digest).ok());
            let counts = BTreeSet::from([classes.count]);
            let message = bytes.and_then(|bytes| miscounted(&counts, &bytes));
            found.extend(message.map(|message| (format!("{at}.count"), message)));
        }
        found
    }
}

/// What is wrong with the number of names in a file, which has one a line, where an experiment counts otherwise.
pub(super) fn miscounted(counts: &BTreeSet<u64>, file: &[u8]) -> Option<String> {
    let names = std::str::from_utf8(file).ok()?.lines().count() as u64;
    let other = counts.iter().find(|count| **count != names)?;
    Some(format!("is {other}, and the pinned file names {names} classes"))
}

fn of_runs<'e>(
    field: &str,
    runs: impl Iterator<Item = &'e Vec<Evaluation>>,
) -> Vec<(String, &'e Classes)> {
    let mut stated = Vec::new();
    for (i, evaluations) in runs.enumerate() {
        for (k, evaluation) in evaluations.iter().enumerate() {
            let at = format!("{field}[{i}].evaluations[{k}].task.classes");
            stated.extend(evaluation.task.classes().map(|classes| (at, classes)));
        }
    }
    stated
}

fn digest_of(classes: &Classes) -> BlobDigest {
    classes.file.sha256.parse().expect("checked: a digest parses")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_by_lines() {
        let four = BTreeSet::from([4]);
        assert_eq!(miscounted(&four, b"a\nb\nc\nd\n"), None);
        assert_eq!(miscounted(&four, b"a\nb\nc\nd"), None);
        let message = miscounted(&BTreeSet::from([3, 4]), b"a\nb\nc\n").unwrap();
        assert_eq!(message, "is 4, and the pinned file names 3 classes");
    }
}
