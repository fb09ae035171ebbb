//! Rules of released runs: what is pinned, and what a model of released weights can be.

use std::collections::BTreeSet;

use super::Findings;
use super::figures::check_columns;
use super::pins::{SAMPLES_MAX, check_file};
use super::runs::{
    check_clip, check_evaluation, check_labels, check_preprocessing, check_vocabulary,
};
use crate::spec::experiment::{
    ColumnValue, Experiment, ReleasedRun, RunTable, TextPooling, VisionPooling,
};

pub(super) fn check_released_run<'a>(findings: &mut Findings<'a>, at: &str, run: &'a ReleasedRun) {
    check_labels(findings, at, &run.labels);
    check_file(findings, &format!("{at}.weights.tensors"), &run.weights.tensors);
    check_file(findings, &format!("{at}.weights.config"), &run.weights.config);
    check_clip(findings, &format!("{at}.model"), &run.model);
    let vision = &run.model.vision;
    if vision.pooling == VisionPooling::Mean || vision.patch_bias {
        let message = "OpenCLIP's vision transformers have a class token and no bias of patches";
        findings.add(format!("{at}.model.vision"), message);
    }
    if run.model.text.pooling == TextPooling::Mean {
        let message = "OpenCLIP's text transformers pool at the end of the text";
        findings.add(format!("{at}.model.text.pooling"), message);
    }
    check_preprocessing(findings, &format!("{at}.preprocessing"), &run.preprocessing);
    check_vocabulary(findings, at, &run.vocabulary, &run.model);
    if let Some(samples) = run.samples_seen {
        findings.natural(&format!("{at}.samplesSeen"), samples, 1, SAMPLES_MAX);
    }
    let mut names = BTreeSet::new();
    for (i, evaluation) in run.evaluations.iter().enumerate() {
        let at = format!("{at}.evaluations[{i}]");
        findings.name(&format!("{at}.name"), &evaluation.name, &mut names);
        check_evaluation(findings, &at, evaluation);
    }
}

/// The table of a figure that is had from released weights.
pub(super) fn check_released_table<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    experiment: &'a Experiment,
    table: &'a RunTable,
) {
    if table.runs.is_empty() {
        findings.add(format!("{at}.runs"), "is empty");
    }
    let mut names = BTreeSet::new();
    let mut runs = Vec::new();
    for (i, name) in table.runs.iter().enumerate() {
        let at = format!("{at}.runs[{i}]");
        findings.unique(&at, name, &mut names);
        if let Some(run) = experiment.released_run(name) {
            runs.push(run);
        } else {
            let known = experiment.released_runs.iter().map(|run| run.name.as_str());
            findings.unknown(&at, "released run", name, known);
        }
    }
    let subjects: Vec<_> =
        runs.iter().map(|run| (run.name.as_str(), &*run.labels, &*run.evaluations)).collect();
    check_columns(findings, at, table, &subjects);
    for (i, column) in table.columns.iter().enumerate() {
        let at = format!("{at}.columns[{i}].value");
        match column.value {
            ColumnValue::Seed => findings.add(at, "released weights have no seed"),
            ColumnValue::SamplesSeen | ColumnValue::GmacsTotal => {
                for run in runs.iter().filter(|run| run.samples_seen.is_none()) {
                    let message = format!("run `{}` states no samplesSeen", run.name);
                    findings.add(at.as_str(), message);
                }
            }
            _ => {}
        }
    }
}
