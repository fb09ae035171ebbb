//! Fine-tuning of the hand-made model of `evaluate`, on the samples of `probe`.

use super::evaluate::model;
use super::probe::{WITHIN, part, text, whole, words};
use super::*;
use crate::action::params::{FineTune, HeadStart, Schedule, Shots, WarmUp};

fn params(head: HeadStart) -> FineTune {
    let (_, size) = words();
    FineTune {
        model: model(size),
        preprocessing: preprocessing(0.5, 0.25),
        split: WITHIN,
        shots: Shots::Full,
        seed: 3,
        head,
        samples_seen: 40 * 8,
        batch_size: 8,
        gradient_chunk: 2,
        optimizer: optimizer(),
        schedule: Schedule {
            learning_rate_max: real(0.05),
            learning_rate_final: real(0.0),
            warm_up: WarmUp::Steps(4),
        },
    }
}

fn zero_shot() -> HeadStart {
    HeadStart::ZeroShot { templates: vec!["{}".to_owned(), "a {}".to_owned()] }
}

const OUTPUTS: [&str; 4] = ["classifier.safetensors", "metrics.json", "samples.csv", "trace.bin"];

#[test]
fn a_random_layer_learns_with_its_tower() {
    let folder = whole();
    let outputs = outputs_of(&Params::FineTune(params(HeadStart::Random)), &folder, &OUTPUTS);
    let metrics = text(&outputs, "metrics.json");
    assert!(metrics.contains("\"acc1\": 1.0"), "{metrics}");
    assert!(metrics.contains("\"lr\": 0.05"), "{metrics}");
    assert_eq!(part(&outputs, "test").len(), 4);
    assert_eq!(part(&outputs, "train").len(), 8);
}

/// The classes are the words of the first three pixels, so the class prompts are right before the first step; after one
/// step at a small rate they still are.
#[test]
fn the_class_prompts_are_where_a_layer_can_begin() {
    let folder = whole();
    folder.write("inputs/vocabulary", &words().0);
    let mut params = params(zero_shot());
    params.samples_seen = 8;
    params.schedule.warm_up = WarmUp::Steps(0);
    params.schedule.learning_rate_max = real(1e-6);
    let outputs = outputs_of(&Params::FineTune(params), &folder, &OUTPUTS);
    assert!(text(&outputs, "metrics.json").contains("\"acc1\": 1.0"));
}

#[test]
fn an_interrupted_fine_tuning_goes_on_to_the_same_bytes() {
    let params = Params::FineTune(params(HeadStart::Random));
    let folder = whole();
    let expected = outputs_of(&params, &folder, &OUTPUTS);
    let folder = whole();
    let interrupted = Watched {
        threads: 2,
        level: Level::detect(),
        device: Device::Cpu,
        resume_interval: Duration::ZERO,
        watch: &mut |done, cancelled| {
            cancelled.store(done == 7, std::sync::atomic::Ordering::Relaxed);
        },
    };
    assert!(matches!(interrupted.run(&params, &folder), Err(JobError::Cancelled)));
    assert_eq!(folder.files("outputs").len(), 0);
    assert!(folder.files("scratch").contains_key("resume.bin"));
    let mut first = None;
    let resumed = Watched {
        threads: 1,
        level: Level::Scalar,
        device: Device::Cpu,
        resume_interval: Duration::from_secs(3600),
        watch: &mut |done, _| {
            first.get_or_insert(done);
        },
    };
    resumed.run(&params, &folder).unwrap();
    assert_eq!(first, Some(8), "it goes on after the step that was kept");
    assert!(folder.files("outputs") == expected);
}
