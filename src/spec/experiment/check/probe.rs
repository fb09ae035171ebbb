//! Rules of classifiers that learn on top of a trained model.

use super::pins::{SAMPLES_MAX, check_dataset};
use super::runs::{BATCH_MAX, check_classes, check_optimizer, check_schedule, check_templates};
use super::{Findings, POSITIVE_BINARY32, is_positive_binary32};
use crate::spec::experiment::{
    Classes, Dataset, FineTune, HeadStart, LinearProbe, Shots, Split, WeightDecay,
};

/// More passes than any probe needs; a bound, so that no price overflows.
const EPOCHS_MAX: u64 = 1 << 20;

pub(super) fn check_linear_probe<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    dataset: &'a Dataset,
    probe: &'a LinearProbe,
) {
    check_material(findings, at, dataset, &probe.classes, &probe.split, probe.shots);
    check_weight_decay(findings, &format!("{at}.weightDecay"), &probe.weight_decay);
    let share = |x: f64| (0.0..1.0).contains(&x);
    let shares = [("beta1", probe.beta1), ("beta2", probe.beta2)];
    for (name, number) in shares {
        findings.number_that(&format!("{at}.{name}"), number, share, "0 or more and less than 1");
    }
    let rate_at = format!("{at}.learningRate");
    findings.number_that(&rate_at, probe.learning_rate, |x| x > 0.0, "more than 0");
    let epsilon_at = format!("{at}.epsilon");
    findings.number_that(&epsilon_at, probe.epsilon, is_positive_binary32, POSITIVE_BINARY32);
    findings.natural(&format!("{at}.epochs"), probe.epochs, 1, EPOCHS_MAX);
    findings.natural(&format!("{at}.batchSize"), probe.batch_size, 1, BATCH_MAX);
}

pub(super) fn check_fine_tune<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    dataset: &'a Dataset,
    tuning: &'a FineTune,
) {
    check_material(findings, at, dataset, &tuning.classes, &tuning.split, tuning.shots);
    if let HeadStart::ZeroShot { templates } = &tuning.head {
        check_templates(findings, &format!("{at}.head.templates"), templates);
    }
    let (samples, batch, chunk) = (tuning.samples_seen, tuning.batch_size, tuning.gradient_chunk);
    findings.natural(&format!("{at}.samplesSeen"), samples, 1, SAMPLES_MAX);
    findings.natural(&format!("{at}.batchSize"), batch, 1, BATCH_MAX);
    findings.natural(&format!("{at}.gradientChunk"), chunk, 1, BATCH_MAX);
    findings.multiple(&format!("{at}.samplesSeen"), samples, batch, "batchSize");
    findings.multiple(&format!("{at}.batchSize"), batch, chunk, "gradientChunk");
    check_optimizer(findings, &format!("{at}.optimizer"), &tuning.optimizer);
    let steps = Some(tuning.steps());
    check_schedule(findings, &format!("{at}.schedule"), &tuning.schedule, steps);
}

/// What a classifier learns from, whatever it is.
fn check_material<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    dataset: &'a Dataset,
    classes: &'a Classes,
    split: &'a Split,
    shots: Shots,
) {
    check_classes(findings, &format!("{at}.classes"), classes);
    check_split(findings, at, split);
    check_shots(findings, at, dataset, split, shots, classes.count);
}

fn check_split<'a>(findings: &mut Findings<'a>, at: &str, split: &'a Split) {
    let at = format!("{at}.split");
    match split {
        Split::Apart { train } => {
            if train.is_empty() {
                findings.add(format!("{at}.train"), "is empty: there is nothing to learn from");
            }
            for (i, dataset) in train.iter().enumerate() {
                check_dataset(findings, &format!("{at}.train[{i}]"), dataset);
            }
        }
        Split::Within { test_percent, .. } => {
            findings.natural(&format!("{at}.testPercent"), *test_percent, 1, 99);
        }
    }
}

/// Whether there can be so many samples of each class; whether there are is seen when the data are read.
fn check_shots(
    findings: &mut Findings<'_>,
    at: &str,
    dataset: &Dataset,
    split: &Split,
    shots: Shots,
    classes: u64,
) {
    let (shots, least) = match shots {
        Shots::PerClass(shots) => (shots, shots),
        Shots::UpTo(shots) => (shots, 1),
        Shots::Full => return,
    };
    let samples = match split {
        Split::Apart { train } => train.iter().map(Dataset::samples).fold(0, u64::saturating_add),
        Split::Within { .. } => dataset.samples(),
    };
    let at = format!("{at}.shots");
    if samples == 0 {
        // A finding of its own.
    } else if shots == 0 {
        findings.add(at, "is 0: there is nothing to learn from");
    } else if least.saturating_mul(classes) > samples {
        let message =
            format!("{least} of each of {classes} classes are more than the {samples} samples");
        findings.add(at, message);
    }
}

fn check_weight_decay(findings: &mut Findings<'_>, at: &str, weight_decay: &WeightDecay) {
    match weight_decay {
        WeightDecay::Fixed(value) => {
            findings.number_that(at, *value, |x| x >= 0.0, "0 or more");
        }
        WeightDecay::Validated { candidates, validation_percent } => {
            if candidates.is_empty() {
                findings.add(format!("{at}.candidates"), "is empty");
            }
            for (i, candidate) in candidates.iter().enumerate() {
                let at = format!("{at}.candidates[{i}]");
                findings.number_that(&at, *candidate, |x| x >= 0.0, "0 or more");
                if candidates[..i].contains(candidate) {
                    findings.add(at, format!("{candidate} is tried twice"));
                }
            }
            findings.natural(&format!("{at}.validationPercent"), *validation_percent, 1, 99);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::experiment::testing::{example, linear_probe};
    use crate::spec::experiment::{LinearProbe, Shots, Split, Task, WeightDecay, check};

    /// A run whose second evaluation is a linear probe.
    fn with_probe(change: impl FnOnce(&mut LinearProbe)) -> Vec<String> {
        let mut experiment = example();
        let mut probe = linear_probe();
        change(&mut probe);
        experiment.runs[0].evaluations[1].task = Task::LinearProbe(probe);
        let at = "runs[0].evaluations[1].task.";
        let findings = check(&experiment).into_iter().map(|finding| finding.to_string());
        let findings = findings.filter(|text| text.contains(at));
        findings.map(|text| text.replacen(at, "", 1)).collect()
    }

    #[test]
    fn probes_that_can_learn_nothing_are_found() {
        assert_eq!(with_probe(|_| ()), [""; 0]);
        let found = |change: fn(&mut LinearProbe)| with_probe(change);
        assert_eq!(
            found(|probe| probe.shots = Shots::PerClass(0)),
            ["`shots`: is 0: there is nothing to learn from"]
        );
        assert_eq!(
            found(|probe| probe.shots = Shots::PerClass(1_000_000)),
            ["`shots`: 1000000 of each of 10 classes are more than the 256 samples"]
        );
        assert_eq!(
            found(|probe| probe.split = Split::Within { test_percent: 100, seed: 0 }),
            ["`split.testPercent`: is 100; must be 1 to 99"]
        );
        assert_eq!(
            found(|probe| probe.split = Split::Apart { train: Vec::new() }),
            ["`split.train`: is empty: there is nothing to learn from"]
        );
        let validated = |candidates: &[f64], validation_percent| WeightDecay::Validated {
            candidates: candidates.to_vec(),
            validation_percent,
        };
        assert_eq!(
            with_probe(|probe| probe.weight_decay = validated(&[], 0)),
            [
                "`weightDecay.candidates`: is empty",
                "`weightDecay.validationPercent`: is 0; must be 1 to 99"
            ]
        );
        assert_eq!(
            with_probe(|probe| probe.weight_decay = validated(&[0.1, 0.1, -1.0], 10)),
            [
                "`weightDecay.candidates[1]`: 0.1 is tried twice",
                "`weightDecay.candidates[2]`: is -1; must be 0 or more"
            ]
        );
        let tiny = found(|probe| probe.epsilon = 1e-50);
        assert!(tiny.len() == 1 && tiny[0].starts_with("`epsilon`: is 0.000"), "{tiny:?}");
        assert!(
            tiny[0].ends_with("; must be more than 0, and 1.2e-38 to 3.4e38 as binary32 holds it")
        );
        assert_eq!(
            found(|probe| {
                probe.learning_rate = 0.0;
                probe.beta2 = 1.0;
                probe.epochs = 0;
                probe.batch_size = 0;
                probe.classes.count = 0;
            }),
            [
                "`classes.count`: is 0; must be 1 to 16777216",
                "`beta2`: is 1; must be 0 or more and less than 1",
                "`learningRate`: is 0; must be more than 0",
                "`epochs`: is 0; must be 1 to 1048576",
                "`batchSize`: is 0; must be 1 to 1048576"
            ]
        );
    }

    #[test]
    fn fine_tunings_that_cannot_be_are_found() {
        use crate::spec::experiment::testing::{dataset, train};
        use crate::spec::experiment::{FineTune, HeadStart};
        let (train, probe) = (train(0), linear_probe());
        let tuning = FineTune {
            classes: probe.classes,
            split: Split::Apart { train: vec![dataset("downstream")] },
            shots: Shots::Full,
            seed: 0,
            head: HeadStart::Random,
            samples_seen: 1_280,
            batch_size: 128,
            gradient_chunk: 16,
            optimizer: train.optimizer,
            schedule: train.schedule,
        };
        let found = |change: fn(&mut FineTune)| {
            let mut experiment = example();
            let mut tuning = tuning.clone();
            change(&mut tuning);
            experiment.runs[0].evaluations[1].task = Task::FineTune(tuning);
            let at = "runs[0].evaluations[1].task.";
            let findings = check(&experiment).into_iter().map(|finding| finding.to_string());
            let findings = findings.filter(|text| text.contains(at));
            findings.map(|text| text.replacen(at, "", 1)).collect::<Vec<_>>()
        };
        assert_eq!(found(|_| ()), [""; 0]);
        assert_eq!(
            found(|tuning| tuning.head = HeadStart::ZeroShot { templates: vec!["icon".into()] }),
            ["`head.templates[0]`: `icon` must have `{}` once, for the class name"]
        );
        assert_eq!(
            found(|tuning| {
                tuning.samples_seen = 1_300;
                tuning.gradient_chunk = 48;
                tuning.optimizer.weight_decay = -0.5;
            }),
            [
                "`samplesSeen`: is 1300, not a multiple of batchSize (128)",
                "`batchSize`: is 128, not a multiple of gradientChunk (48)",
                "`optimizer.weightDecay`: is -0.5; must be 0 or more"
            ]
        );
        assert_eq!(
            found(|tuning| tuning.samples_seen = 128),
            ["`schedule.warmUp`: takes 10 of 1 steps"]
        );
    }
}
