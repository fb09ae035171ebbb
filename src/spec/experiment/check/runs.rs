//! Rules of runs: what divides, what fits, what agrees.

use std::collections::BTreeSet;

use super::pins::{SAMPLES_MAX, check_dataset, check_file};
use super::probe::{check_fine_tune, check_linear_probe};
use super::{Findings, POSITIVE_BINARY32, is_positive_binary32};
use crate::action::params::{CONTEXT_MIN, DeviceProfile};
use crate::spec::experiment::{
    AdamW, Classes, Clip, Evaluation, Label, Preprocessing, RandomResizedCrop, Run, Schedule, Task,
    TextTower, Train, VisionTower, Vocabulary, WarmUp,
};

/// Bounds that keep every cost below 2^63: channels of a token, of a hidden layer, blocks, tokens, pixels a side.
const WIDTH_MAX: u64 = 1 << 16;
const MLP_WIDTH_MAX: u64 = 1 << 18;
const LAYERS_MAX: u64 = 1 << 10;
const TOKENS_MAX: u64 = 1 << 16;
const IMAGE_SIZE_MAX: u64 = 1 << 12;
const VOCABULARY_MAX: u64 = 1 << 24;
pub(super) const BATCH_MAX: u64 = 1 << 20;
/// Padding, start and end.
const VOCABULARY_MIN: u64 = 3;
/// `ln 100`, the upper clamp of the logit scale, rounded to nearest.
const LOGIT_SCALE_MAX: f64 = 4.605_170_185_988_092;
/// Of the sides of a rectangle.
const CROP_RATIO_MAX: f64 = 100.0;

pub(super) fn check_run<'a>(findings: &mut Findings<'a>, at: &str, run: &'a Run) {
    check_labels(findings, at, &run.labels);
    check_train(findings, &format!("{at}.train"), &run.train);
    let mut names = BTreeSet::new();
    for (i, evaluation) in run.evaluations.iter().enumerate() {
        let at = format!("{at}.evaluations[{i}]");
        findings.name(&format!("{at}.name"), &evaluation.name, &mut names);
        check_evaluation(findings, &at, evaluation);
    }
}

pub(super) fn check_labels<'a>(findings: &mut Findings<'a>, at: &str, labels: &'a [Label]) {
    let mut names = BTreeSet::new();
    for (i, label) in labels.iter().enumerate() {
        findings.unique(&format!("{at}.labels[{i}].name"), &label.name, &mut names);
    }
}

fn check_train<'a>(findings: &mut Findings<'a>, at: &str, train: &'a Train) {
    check_clip(findings, &format!("{at}.model"), &train.model);
    check_preprocessing(findings, &format!("{at}.preprocessing"), &train.preprocessing);
    check_dataset(findings, &format!("{at}.dataset"), &train.dataset);
    check_vocabulary(findings, at, &train.vocabulary, &train.model);
    findings.natural(&format!("{at}.samplesSeen"), train.samples_seen, 1, SAMPLES_MAX);
    findings.natural(&format!("{at}.batchSize"), train.batch_size, 1, BATCH_MAX);
    findings.natural(&format!("{at}.gradientChunk"), train.gradient_chunk, 1, BATCH_MAX);
    let (samples, batch, chunk) = (train.samples_seen, train.batch_size, train.gradient_chunk);
    findings.multiple(&format!("{at}.samplesSeen"), samples, batch, "batchSize");
    findings.multiple(&format!("{at}.batchSize"), batch, chunk, "gradientChunk");
    check_optimizer(findings, &format!("{at}.optimizer"), &train.optimizer);
    check_schedule(findings, &format!("{at}.schedule"), &train.schedule, Some(train.steps()));
    let within = |scale: f64| (0.0..=LOGIT_SCALE_MAX).contains(&scale);
    let at_scale = format!("{at}.logitScaleInit");
    findings.number_that(&at_scale, train.logit_scale_init, within, "0 to ln 100");
    if let Some(std) = train.vision_positions_std {
        let within = |std: f64| 0.0 < std && std <= 1.0;
        findings.number_that(
            &format!("{at}.visionPositionsStd"),
            std,
            within,
            "more than 0, at most 1",
        );
    }
    if let Some(crop) = &train.crop {
        check_crop(findings, &format!("{at}.crop"), crop);
    }
    if let Some(Err(error)) = train.profile.as_deref().map(str::parse::<DeviceProfile>) {
        findings.add(format!("{at}.profile"), error.to_string());
    }
}

fn check_crop(findings: &mut Findings<'_>, at: &str, crop: &RandomResizedCrop) {
    let &RandomResizedCrop { area_min, area_max, ratio_min, ratio_max } = crop;
    let share = |area: f64| 0.0 < area && area <= 1.0;
    let ratio = |ratio: f64| (1.0 / CROP_RATIO_MAX..=CROP_RATIO_MAX).contains(&ratio);
    let rows = [
        ("area", area_min, area_max, &share as &dyn Fn(f64) -> bool, "more than 0, at most 1"),
        ("ratio", ratio_min, ratio_max, &ratio, "0.01 to 100"),
    ];
    for (name, min, max, holds, rule) in rows {
        let at_max = format!("{at}.{name}Max");
        findings.number_that(&format!("{at}.{name}Min"), min, holds, rule);
        findings.number_that(&at_max, max, holds, rule);
        if holds(min) && holds(max) && max < min {
            findings.add(at_max, format!("is {max}, less than {name}Min, {min}"));
        }
    }
}

pub(super) fn check_clip(findings: &mut Findings<'_>, at: &str, clip: &Clip) {
    findings.natural(&format!("{at}.embedDim"), clip.embed_dim, 1, WIDTH_MAX);
    let VisionTower { image_size, patch_size, width, layers, heads, mlp_width, .. } = clip.vision;
    let vision = format!("{at}.vision");
    let image_at = format!("{vision}.imageSize");
    findings.natural(&image_at, image_size, 1, IMAGE_SIZE_MAX);
    if findings.natural(&format!("{vision}.patchSize"), patch_size, 1, IMAGE_SIZE_MAX) {
        findings.multiple(&image_at, image_size, patch_size, "patchSize");
        let side = image_size / patch_size;
        if side.saturating_mul(side) >= TOKENS_MAX {
            findings
                .add(image_at, format!("gives {side} × {side} patches; {TOKENS_MAX} is too many"));
        }
    }
    check_blocks(findings, &vision, width, layers, heads, mlp_width);
    let TextTower { context_length, vocabulary_size, width, layers, heads, mlp_width, .. } =
        clip.text;
    let text = format!("{at}.text");
    findings.natural(&format!("{text}.contextLength"), context_length, CONTEXT_MIN, TOKENS_MAX);
    let vocabulary_at = format!("{text}.vocabularySize");
    findings.natural(&vocabulary_at, vocabulary_size, VOCABULARY_MIN, VOCABULARY_MAX);
    check_blocks(findings, &text, width, layers, heads, mlp_width);
}

fn check_blocks(
    findings: &mut Findings<'_>,
    at: &str,
    width: u64,
    layers: u64,
    heads: u64,
    mlp_width: u64,
) {
    findings.natural(&format!("{at}.width"), width, 1, WIDTH_MAX);
    findings.natural(&format!("{at}.layers"), layers, 1, LAYERS_MAX);
    findings.natural(&format!("{at}.heads"), heads, 1, WIDTH_MAX);
    findings.multiple(&format!("{at}.width"), width, heads, "heads");
    findings.natural(&format!("{at}.mlpWidth"), mlp_width, 1, MLP_WIDTH_MAX);
}

pub(super) fn check_preprocessing(
    findings: &mut Findings<'_>,
    at: &str,
    preprocessing: &Preprocessing,
) {
    let rows = [("mean", &preprocessing.mean, false), ("std", &preprocessing.std, true)];
    for (name, numbers, positive) in rows {
        let at = format!("{at}.{name}");
        if numbers.len() != 3 {
            let count = numbers.len();
            findings.add(at.as_str(), format!("has {count} numbers; red, green and blue need 3"));
        }
        for (i, &number) in numbers.iter().enumerate() {
            let holds = |x: f64| {
                if positive { is_positive_binary32(x) } else { (0.0..=1.0).contains(&x) }
            };
            let rule = if positive { POSITIVE_BINARY32 } else { "0 to 1" };
            findings.number_that(&format!("{at}[{i}]"), number, holds, rule);
        }
    }
}

pub(super) fn check_vocabulary(
    findings: &mut Findings<'_>,
    at: &str,
    vocabulary: &Vocabulary,
    model: &Clip,
) {
    check_file(findings, &format!("{at}.vocabulary.file"), &vocabulary.file);
    let rows = model.text.vocabulary_size;
    if rows != vocabulary.size {
        let message = format!("is {rows}, but the pinned vocabulary has size {}", vocabulary.size);
        findings.add(format!("{at}.model.text.vocabularySize"), message);
    }
}

pub(super) fn check_optimizer(findings: &mut Findings<'_>, at: &str, optimizer: &AdamW) {
    let share = |x: f64| (0.0..1.0).contains(&x);
    findings.number_that(
        &format!("{at}.beta1"),
        optimizer.beta1,
        share,
        "0 or more and less than 1",
    );
    findings.number_that(
        &format!("{at}.beta2"),
        optimizer.beta2,
        share,
        "0 or more and less than 1",
    );
    let epsilon_at = format!("{at}.epsilon");
    findings.number_that(&epsilon_at, optimizer.epsilon, is_positive_binary32, POSITIVE_BINARY32);
    let decay_at = format!("{at}.weightDecay");
    findings.number_that(&decay_at, optimizer.weight_decay, |x| x >= 0.0, "0 or more");
    if let Some(norm) = optimizer.gradient_clip_norm {
        findings.number_that(&format!("{at}.gradientClipNorm"), norm, |x| x > 0.0, "more than 0");
    }
}

pub(super) fn check_schedule(
    findings: &mut Findings<'_>,
    at: &str,
    schedule: &Schedule,
    steps: Option<u64>,
) {
    let max = schedule.learning_rate_max;
    findings.number_that(&format!("{at}.learningRateMax"), max, |x| x > 0.0, "more than 0");
    let below = |x: f64| (0.0..=max).contains(&x) || max.is_nan();
    let final_at = format!("{at}.learningRateFinal");
    findings.number_that(&final_at, schedule.learning_rate_final, below, "0 to learningRateMax");
    let warm_up_at = format!("{at}.warmUp");
    let mut is_length = true;
    if let WarmUp::Percent { percent, steps_min, steps_max } = schedule.warm_up {
        is_length = findings.natural(&format!("{warm_up_at}.percent"), percent, 0, 100);
        if steps_min > steps_max {
            let message = format!("stepsMin ({steps_min}) is more than stepsMax ({steps_max})");
            findings.add(warm_up_at.as_str(), message);
        }
    }
    if let Some(steps) = steps.filter(|_| is_length) {
        let warm_up = schedule.warm_up.resolve(steps);
        if steps > 0 && warm_up > steps {
            findings.add(warm_up_at, format!("takes {warm_up} of {steps} steps"));
        }
    }
}

pub(super) fn check_evaluation<'a>(
    findings: &mut Findings<'a>,
    at: &str,
    evaluation: &'a Evaluation,
) {
    check_dataset(findings, &format!("{at}.dataset"), &evaluation.dataset);
    let at = format!("{at}.task");
    match &evaluation.task {
        Task::ZeroShotClassification { classes, templates } => {
            check_classes(findings, &format!("{at}.classes"), classes);
            check_templates(findings, &format!("{at}.templates"), templates);
        }
        Task::Retrieval { recall_at } => {
            let ascends = recall_at.windows(2).all(|pair| pair[0] < pair[1]);
            if recall_at.is_empty() || recall_at[0] == 0 || !ascends {
                findings.add(format!("{at}.recallAt"), "must be ascending numbers from 1");
            }
        }
        Task::LinearProbe(probe) => {
            check_linear_probe(findings, &at, &evaluation.dataset, probe);
        }
        Task::FineTune(tuning) => check_fine_tune(findings, &at, &evaluation.dataset, tuning),
    }
}

pub(super) fn check_templates(findings: &mut Findings<'_>, at: &str, templates: &[String]) {
    if templates.is_empty() {
        findings.add(at, "is empty");
    }
    for (i, template) in templates.iter().enumerate() {
        if template.matches("{}").count() != 1 {
            let message = format!("`{template}` must have `{{}}` once, for the class name");
            findings.add(format!("{at}[{i}]"), message);
        }
    }
}

pub(super) fn check_classes(findings: &mut Findings<'_>, at: &str, classes: &Classes) {
    check_file(findings, &format!("{at}.file"), &classes.file);
    findings.natural(&format!("{at}.count"), classes.count, 1, VOCABULARY_MAX);
}
