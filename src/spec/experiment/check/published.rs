//! Rules of trainings that others did: what is stated is possible and does not contradict itself.

use super::Findings;
use super::pins::{SAMPLES_MAX, check_dataset, check_weights};
use super::runs::{
    BATCH_MAX, check_clip, check_labels, check_preprocessing, check_schedule, check_vocabulary,
};
use crate::spec::experiment::{Architecture, PublishedAdamW, PublishedRun};

/// The most GPUs and epochs: what an author can mean.
const GPUS_MAX: u64 = 1 << 20;
const EPOCHS_MAX: u64 = 1 << 20;

pub(super) fn check_architecture(findings: &mut Findings<'_>, at: &str, known: &Architecture) {
    check_clip(findings, &format!("{at}.model"), &known.model);
}

pub(super) fn check_published_run<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    run: &'a PublishedRun,
) {
    check_labels(findings, at, &run.labels);
    if let Some(model) = &run.model {
        check_clip(findings, &format!("{at}.model"), model);
        if let Some(vocabulary) = &run.vocabulary {
            check_vocabulary(findings, at, vocabulary, model);
        }
    }
    if let Some(preprocessing) = &run.preprocessing {
        check_preprocessing(findings, &format!("{at}.preprocessing"), preprocessing);
    }
    if let Some(dataset) = &run.dataset {
        if dataset.name.is_empty() {
            findings.add(format!("{at}.dataset.name"), "is empty");
        }
        if let Some(shards) = &dataset.shards {
            check_dataset(findings, &format!("{at}.dataset.shards"), shards);
        }
    }
    check_sizes(findings, at, run);
    check_constants(findings, &format!("{at}.optimizer"), &run.optimizer);
    if let Some(schedule) = &run.schedule {
        check_schedule(findings, &format!("{at}.schedule"), schedule, None);
    }
    if let Some(weights) = &run.weights {
        check_weights(findings, &format!("{at}.weights"), weights);
    }
}

fn check_sizes(findings: &mut Findings<'_>, at: &str, run: &PublishedRun) {
    let nominal = ("samplesSeenNominal", Some(run.samples_seen_nominal), SAMPLES_MAX);
    let samples = run.dataset.as_ref().and_then(|dataset| dataset.samples);
    let sizes = [
        ("dataset.samples", samples, SAMPLES_MAX),
        nominal,
        ("epochs", run.epochs, EPOCHS_MAX),
        ("samplesPerEpoch", run.samples_per_epoch, SAMPLES_MAX),
        ("batchSize", run.batch_size, BATCH_MAX),
        ("batchSizePerGpu", run.batch_size_per_gpu, BATCH_MAX),
        ("gpus", run.gpus, GPUS_MAX),
    ];
    for (field, size, most) in sizes {
        if let Some(size) = size {
            findings.natural(&format!("{at}.{field}"), size, 1, most);
        }
    }
    if let Some(seen) = run.samples_seen_derived() {
        findings.natural(&format!("{at} (epochs × samplesPerEpoch)"), seen, 1, SAMPLES_MAX);
    }
    if let (Some(all), Some(each), Some(gpus)) = (run.batch_size, run.batch_size_per_gpu, run.gpus)
        && each.checked_mul(gpus) != Some(all)
    {
        let message = format!("is {all}, but {gpus} GPUs have {each} each");
        findings.add(format!("{at}.batchSize"), message);
    }
    if let Some(rate) = run.samples_per_second {
        let at = format!("{at}.samplesPerSecond");
        findings.number_that(&at, rate, |x| x > 0.0, "more than 0");
    }
}

fn check_constants(findings: &mut Findings<'_>, at: &str, optimizer: &PublishedAdamW) {
    let share = |x: f64| (0.0..1.0).contains(&x);
    for (field, value) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] {
        if let Some(value) = value {
            let rule = "0 or more and less than 1";
            findings.number_that(&format!("{at}.{field}"), value, share, rule);
        }
    }
    if let Some(epsilon) = optimizer.epsilon {
        findings.number_that(&format!("{at}.epsilon"), epsilon, |x| x > 0.0, "more than 0");
    }
    if let Some(decay) = optimizer.weight_decay {
        findings.number_that(&format!("{at}.weightDecay"), decay, |x| x >= 0.0, "0 or more");
    }
}
