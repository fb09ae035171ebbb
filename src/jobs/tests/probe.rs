//! Linear probes on the hand-made model of `evaluate`: an embedding tells which of six pixels is brightest.

use super::evaluate::{WORDS, model, weights};
use super::*;
use crate::action::params::{Probe, Shots, Split, WeightDecay};

/// Twelve samples whose brightest pixel is their class: classes 0, 1 and 2 with five, four and three samples.
const LABELS: [u32; 12] = [0, 1, 0, 1, 0, 1, 0, 2, 0, 2, 1, 2];

/// Sample `index`; one of the pixels that say nothing varies with the index.
fn sample(index: usize) -> Sample<'static> {
    let mut pixels = vec![0; 9];
    pixels[LABELS[index] as usize] = 250;
    pixels[3 + index % 3] = 100;
    Sample { pixels, captions: &["cat"], label: Some(LABELS[index]) }
}

fn samples(indices: impl IntoIterator<Item = usize>) -> Vec<Sample<'static>> {
    indices.into_iter().map(sample).collect()
}

fn params(split: Split, shots: Shots, weight_decay: WeightDecay) -> Probe {
    let (_, size) = words();
    Probe {
        model: model(size),
        preprocessing: preprocessing(0.5, 0.25),
        split,
        shots,
        seed: 3,
        weight_decay,
        learning_rate: real(0.1),
        epochs: 40,
        batch_size: 4,
        beta1: real(0.9),
        beta2: real(0.999),
        epsilon: real(1e-8),
    }
}

pub(super) fn words() -> (Vec<u8>, u64) {
    let mut texts = WORDS.to_vec();
    texts.push("a");
    vocabulary(&texts)
}

/// A folder with the weights and the class names; the data sets are the test's own.
fn folder() -> Folder {
    let folder = Folder::new();
    let (bytes, size) = words();
    folder.write("inputs/weights", &weights(&model(size), &bytes));
    folder.write("inputs/classes", b"cat\ndog\nfish\n");
    folder
}

pub(super) fn whole() -> Folder {
    let folder = folder();
    folder.write_dataset(&[&samples(0..12)]);
    folder
}

fn outputs(params: &Probe, folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let names = ["metrics.json", "probe.safetensors", "samples.csv"];
    outputs_of(&Params::Probe(params.clone()), folder, &names)
}

pub(super) fn text(outputs: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    String::from_utf8(outputs[name].clone()).unwrap()
}

/// The samples of a part, in order.
pub(super) fn part(outputs: &BTreeMap<String, Vec<u8>>, part: &str) -> Vec<(String, usize)> {
    let text = text(outputs, "samples.csv");
    let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let place = |row: Vec<&str>| (row[1].to_owned(), row[2].parse().unwrap());
    rows.filter(|row| row[0] == part).map(place).collect()
}

fn of_dataset(indices: &[usize]) -> Vec<(String, usize)> {
    indices.iter().map(|index| ("dataset".to_owned(), *index)).collect()
}

pub(super) const WITHIN: Split = Split::Within { test_percent: 40, seed: 7 };

fn fixed() -> WeightDecay {
    WeightDecay::Fixed(real(0.0))
}

/// Which samples these are: from the streams of `tests/golden/linear_probe.py` and its `permutation`, in Python. Classes
/// that differ in the brightest pixel are told apart by a line.
#[test]
fn the_papers_protocol_learns_and_says_from_what() {
    let outputs = outputs(&params(WITHIN, Shots::Full, fixed()), &whole());
    assert_eq!(part(&outputs, "test"), of_dataset(&[0, 3, 6, 7]));
    assert_eq!(part(&outputs, "train"), of_dataset(&[1, 2, 4, 5, 8, 9, 10, 11]));
    assert_eq!(part(&outputs, "validation"), []);
    assert!(text(&outputs, "samples.csv").starts_with(
        "part,input,sample,key,class\ntrain,dataset,1,0001,dog\ntrain,dataset,2,0002,cat\n"
    ));
    assert_eq!(
        text(&outputs, "metrics.json"),
        "{\n  \"acc1\": 1.0,\n  \"epochs\": 40.0,\n  \"fewshot_k\": -1.0,\n  \"lr\": 0.1,\n  \
         \"mean_per_class_recall\": 1.0,\n  \"weight_decay\": 0.0\n}\n"
    );
}

/// One shot is among two, and both are those of the Python streams.
#[test]
fn shots_are_those_of_their_stream_and_nest() {
    let shots = |count| {
        let outputs = outputs(&params(WITHIN, Shots::PerClass(count), fixed()), &whole());
        part(&outputs, "train")
    };
    assert_eq!(shots(2), of_dataset(&[1, 2, 8, 9, 10, 11]));
    assert_eq!(shots(1), of_dataset(&[1, 2, 11]));
    // Classes 0, 1 and 2 have three, three and two samples to learn from.
    let outputs = outputs(&params(WITHIN, Shots::UpTo(3), fixed()), &whole());
    assert_eq!(part(&outputs, "train"), of_dataset(&[1, 2, 4, 5, 8, 9, 10, 11]));
}

#[test]
fn weight_decay_is_chosen_on_samples_set_aside() {
    let validated = |candidates: &[f64]| WeightDecay::Validated {
        candidates: candidates.iter().map(|&candidate| real(candidate)).collect(),
        validation_percent: 50,
    };
    let chosen = |candidates: &[f64], shots| {
        let outputs = outputs(&params(WITHIN, shots, validated(candidates)), &whole());
        assert_eq!(part(&outputs, "validation"), of_dataset(&[4, 5, 11]));
        let train: &[usize] = if shots == Shots::Full { &[1, 2, 8, 9, 10] } else { &[1, 2, 9] };
        assert_eq!(part(&outputs, "train"), of_dataset(train));
        let metrics = text(&outputs, "metrics.json");
        let line = metrics.lines().find(|line| line.contains("weight_decay")).unwrap();
        (line.to_owned(), outputs["probe.safetensors"].clone())
    };
    // Each step multiplies the weights by 1 − 0.1·40 = −3 at first: what was learned is drowned.
    let drowned = chosen(&[40.0, 0.0], Shots::Full).0;
    assert_eq!(drowned, "  \"weight_decay\": 0.0");
    // Of equals the first.
    let (line, layer) = chosen(&[0.25, 0.0], Shots::PerClass(1));
    assert_eq!(line, "  \"weight_decay\": 0.25");
    // A probe of a few shots is not trained on those that it was chosen by.
    let alone = params(WITHIN, Shots::PerClass(1), validated(&[0.25]));
    assert_eq!(outputs(&alone, &whole())["probe.safetensors"], layer);
}

#[test]
fn other_data_sets_are_learned_from_one_after_the_other() {
    let folder = folder();
    folder.write_dataset(&[&samples([4, 7, 10])]);
    folder.write_dataset_as("train-0", &[&samples([0, 1])]);
    folder.write_dataset_as("train-1", &[&samples([2, 3, 9])]);
    let outputs = outputs(&params(Split::Apart { sets: 2 }, Shots::Full, fixed()), &folder);
    let place = |(input, sample): &(&str, usize)| ((*input).to_owned(), *sample);
    let train = [("train-0", 0), ("train-0", 1), ("train-1", 0), ("train-1", 1), ("train-1", 2)];
    assert_eq!(part(&outputs, "train"), train.iter().map(place).collect::<Vec<_>>());
    assert_eq!(part(&outputs, "test"), of_dataset(&[0, 1, 2]));
    assert!(text(&outputs, "metrics.json").contains("\"acc1\": 1.0"));
}

#[test]
fn what_cannot_be_learned_is_named() {
    let error = |params: &Probe, folder: &Folder| {
        let by = (Level::Scalar, Device::Cpu, 1);
        run_by(by, &Params::Probe(params.clone()), folder).unwrap_err().to_string()
    };
    // Two of the three samples of class 2 are left after the test split.
    assert_eq!(
        error(&params(WITHIN, Shots::PerClass(3), fixed()), &whole()),
        "class `fish` has 2 samples to learn from, and 3 are asked for"
    );
    let apart = folder();
    apart.write_dataset(&[&samples([7])]);
    apart.write_dataset_as("train-0", &[&samples([0, 1])]);
    assert_eq!(
        error(&params(Split::Apart { sets: 1 }, Shots::Full, fixed()), &apart),
        "class `fish` has 0 samples to learn from, and 1 are asked for"
    );
    let none = Split::Within { test_percent: 10, seed: 0 };
    assert_eq!(
        error(&params(none, Shots::Full, fixed()), &whole()),
        "no class has enough samples to measure on"
    );
    let beyond = whole();
    beyond.write("inputs/classes", b"cat\ndog\n");
    assert_eq!(
        error(&params(WITHIN, Shots::Full, fixed()), &beyond),
        "input `dataset`: sample 7 has class 2, but there are 2"
    );
    assert_eq!(beyond.files("outputs").len(), 0);
}

/// SHA-256 of the layer: what its bytes were when revision 1 of the job was written.
#[test]
fn the_bytes_of_revision_1_are_these() {
    let outputs = outputs(&params(WITHIN, Shots::PerClass(2), fixed()), &whole());
    let digest = BlobDigest::of(&outputs["probe.safetensors"]).to_string();
    assert_eq!(digest, "b6ae9efff87e6e9aebdeb671158fc9e91fdd89dc94ce7daa9866bb7fd12d95e8");
}

#[test]
fn a_cancelled_probe_leaves_nothing() {
    let folder = whole();
    let watched = Watched {
        threads: 1,
        level: Level::Scalar,
        device: Device::Cpu,
        resume_interval: Duration::ZERO,
        watch: &mut |done, cancelled| {
            cancelled.store(done == 3, std::sync::atomic::Ordering::Relaxed);
        },
    };
    let ended = watched.run(&Params::Probe(params(WITHIN, Shots::Full, fixed())), &folder);
    assert!(matches!(ended, Err(JobError::Cancelled)), "{ended:?}");
    assert_eq!(folder.files("outputs").len(), 0);
}
