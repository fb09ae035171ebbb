//! Evaluations of models whose weights are made by hand, so that every rank is known.
//!
//! The towers have no blocks. An image is one patch of nine pixels, of which the patch product reads the first six; a
//! word is one token whose embedding is a unit vector, and `a`, start, end and padding are zeros. So the score of a
//! word and an image grows with the brightness of the word's pixel; and images that are permutations of the same
//! brightnesses compare by that alone.

use super::*;
use crate::action::params::{Activation, Clip, Evaluate, Pooling, Task, TextTower, VisionTower};
use crate::data::Tokenizer;
use crate::model::Layout;
use crate::tensor::NoKernels;
use crate::tensor::device::emulator;
use crate::tensor::safetensors::{NamedTensor, encode};

pub(super) const WORDS: [&str; 6] = ["cat", "dog", "fish", "bird", "tree", "car"];

/// Brightnesses by rank: the first of `order` is brightest.
fn image(order: [usize; 6]) -> Vec<u8> {
    let mut pixels = vec![0; 9];
    for (place, word) in order.into_iter().enumerate() {
        pixels[word] = 250 - 50 * u8::try_from(place).unwrap();
    }
    pixels
}

pub(super) fn model(vocabulary_size: u64) -> Clip {
    Clip {
        embed_dim: 6,
        vision: VisionTower {
            image_size: 3,
            patch_size: 3,
            width: 6,
            layers: 0,
            heads: 1,
            mlp_width: 1,
            patch_bias: false,
            pre_norm: false,
            pooling: Pooling::Mean,
        },
        text: TextTower {
            context_length: 5,
            vocabulary_size,
            width: 6,
            layers: 0,
            heads: 1,
            mlp_width: 1,
            pooling: Pooling::Mean,
        },
        activation: Activation::Gelu,
    }
}

/// The weights by hand, in the layout's order.
pub(super) fn weights(clip: &Clip, vocabulary: &[u8]) -> Vec<u8> {
    let tokenizer = Tokenizer::new(vocabulary, 3).unwrap();
    let layout = Layout::of(clip).unwrap();
    let mut elements = vec![0.0; layout.len()];
    let mut set = |name: &str, at: &[usize]| {
        let start = layout.region(name).start;
        at.iter().for_each(|at| elements[start + at] = 1.0);
    };
    let diagonal: Vec<usize> = (0..6).map(|i| i * 6 + i).collect();
    for name in ["visual.proj", "text_projection"] {
        set(name, &diagonal);
    }
    for name in ["visual.ln_post.weight", "ln_final.weight"] {
        set(name, &[0, 1, 2, 3, 4, 5]);
    }
    // Row w of the patch product reads pixel w of the first channel.
    set("visual.conv1.weight", &[0, 28, 56, 84, 112, 140]);
    for (word, text) in WORDS.iter().enumerate() {
        let token = tokenizer.encode(text).unwrap()[1] as usize;
        set("token_embedding.weight", &[token * 6 + word]);
    }
    let tensors: Vec<_> = layout
        .parameters()
        .iter()
        .map(|parameter| NamedTensor {
            name: &parameter.name,
            shape: &parameter.shape,
            elements: parameter.region.of(&elements),
        })
        .collect();
    encode(&tensors).unwrap()
}

fn prepared(samples: &[Sample<'_>], task: Task) -> (Folder, Params) {
    let folder = Folder::new();
    folder.write_dataset(&[samples]);
    let mut texts = WORDS.to_vec();
    texts.push("a");
    let (bytes, size) = vocabulary(&texts);
    assert_eq!(size, 3 + 7, "each word is one token");
    let model = model(size);
    folder.write("inputs/vocabulary", &bytes);
    folder.write("inputs/weights", &weights(&model, &bytes));
    folder.write("inputs/classes", WORDS.join("\n").as_bytes());
    let params = Evaluate { model, preprocessing: preprocessing(0.5, 0.25), task };
    (folder, Params::Evaluate(params))
}

fn run(params: &Params, folder: &Folder, level: Level) -> Result<(), JobError> {
    run_by((level, Device::Cpu, 1), params, folder)
}

/// The text of `metrics.json`, which must be the only output.
fn metrics(params: &Params, folder: &Folder) -> String {
    let outputs = outputs_of(params, folder, &["metrics.json"]);
    String::from_utf8(outputs["metrics.json"].clone()).unwrap()
}

fn labelled(order: [usize; 6], label: u32) -> Sample<'static> {
    Sample { pixels: image(order), captions: &["cat"], label: Some(label) }
}

fn classification() -> Task {
    Task::ZeroShotClassification { templates: vec!["{}".to_owned(), "a {}".to_owned()] }
}

/// By hand, the ranks of the labels are 0, 1, 5, 0, 0: three of five first, four of five among five; class 0 has both
/// of its images right, class 1 none of one, class 2 one of two, so the mean is (1 + 0 + ½) ÷ 3.
#[test]
fn zero_shot_accuracies_are_those_by_hand() {
    let samples = [
        labelled([0, 1, 2, 3, 4, 5], 0),
        labelled([3, 1, 0, 2, 5, 4], 1),
        labelled([0, 1, 5, 4, 3, 2], 2),
        labelled([2, 5, 4, 1, 0, 3], 2),
        labelled([0, 5, 4, 3, 2, 1], 0),
    ];
    let (folder, params) = prepared(&samples, classification());
    assert_eq!(
        metrics(&params, &folder),
        "{\n  \"acc1\": 0.6,\n  \"acc5\": 0.8,\n  \"mean_per_class_recall\": 0.5\n}\n"
    );
}

/// Less memory than the samples of a pass take: a pass has fewer, and there are more of them; what is too little for one is
/// said as what the machine lacks.
#[test]
fn less_memory_gives_the_same_metrics_until_one_sample_does_not_fit() {
    let labels = (0..48).map(|label| labelled([0, 1, 2, 3, 4, 5], label % 3));
    let (folder, params) = prepared(&labels.collect::<Vec<_>>(), classification());
    let device = |memory| Device::Emulated { processors: 9, backwards: false, memory };
    if device(usize::MAX).prepare(&NoKernels).is_err() {
        return;
    }
    let want = metrics(&params, &folder);
    let mut launches = Vec::new();
    let memories = std::iter::successors(Some(1_usize << 16), |memory| Some(memory * 3 / 4));
    let refused = memories.take(100).find_map(|memory| {
        let before = emulator::launches();
        let ended = run_by((Level::detect(), device(memory), 1), &params, &folder);
        if ended.is_ok() {
            launches.push(emulator::launches() - before);
            assert_eq!(folder.files("outputs")["metrics.json"], want.as_bytes(), "{memory} bytes");
        }
        ended.err()
    });
    let refused = refused.unwrap();
    assert!(refused.lacks_memory(), "{refused}");
    assert!(launches.is_sorted() && launches[0] < *launches.last().unwrap(), "{launches:?}");
}

/// By hand. Text to image: `cat` finds its image at rank 0 (250, 150, 100), `dog` at 1 (200 after 250), `fish` at 0
/// (150, 200, 0), `bird` at 0 (100, 100, 200). Image to text: the best own text of image 0 is `cat` at rank 0, that of
/// image 1 `fish` at 1 after `dog`, that of image 2 `bird` at 0.
#[test]
fn recalls_are_those_by_hand() {
    let sample = |order, captions| Sample { pixels: image(order), captions, label: None };
    let samples = [
        sample([0, 1, 2, 3, 4, 5], &["cat", "a dog"][..]),
        sample([1, 2, 0, 3, 4, 5], &["fish"][..]),
        sample([4, 3, 5, 0, 1, 2], &["bird"][..]),
    ];
    let (folder, params) = prepared(&samples, Task::Retrieval { recall_at: vec![1, 2] });
    assert_eq!(
        metrics(&params, &folder),
        "{\n  \"image_retrieval_recall@1\": 0.75,\n  \"image_retrieval_recall@2\": 1.0,\n  \
         \"text_retrieval_recall@1\": 0.6666666666666666,\n  \"text_retrieval_recall@2\": 1.0\n}\n"
    );
}

/// More images than are embedded at a time, and a last part that is not whole.
#[test]
fn embedding_in_parts_loses_no_image() {
    let samples: Vec<_> =
        (0..37).map(|i| labelled([0, 1, 2, 3, 4, 5], u32::from(i == 36))).collect();
    let (folder, params) = prepared(&samples, classification());
    let text = metrics(&params, &folder);
    // Thirty-six of thirty-seven: 36 ÷ 37 in binary64, by Python.
    assert!(text.contains("\"acc1\": 0.972972972972973,"), "{text}");
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let (folder, params) = prepared(&[labelled([0, 1, 2, 3, 4, 5], 6)], classification());
    let error = |folder: &Folder| run(&params, folder, Level::Scalar).unwrap_err().to_string();
    let beyond = run(&params, &folder, Level::Scalar).unwrap_err();
    assert!(
        matches!(&beyond, JobError::Unfit(text) if text.contains("has class 6, and there are"))
    );
    let without = Sample { label: None, ..labelled([0, 1, 2, 3, 4, 5], 0) };
    folder.write_dataset(&[&[without]]);
    assert!(error(&folder).contains(" has no class: its shard needs a member "));
    folder.write_dataset(&[&[labelled([0, 1, 2, 3, 4, 5], 0)]]);
    folder.write("inputs/classes", b"cat\nhorse");
    assert!(error(&folder).starts_with("input `vocabulary`: `horse` needs byte pair "));
    let weights = folder.read("inputs/weights");
    folder.write("inputs/weights", &weights[..weights.len() - 4]);
    assert!(error(&folder).starts_with("input `weights`: "));
    let sample = Sample { captions: &[], ..labelled([0, 1, 2, 3, 4, 5], 0) };
    let (folder, params) = prepared(&[sample], Task::Retrieval { recall_at: vec![1] });
    let mute = run(&params, &folder, Level::Scalar).unwrap_err();
    assert!(
        matches!(&mute, JobError::Unfit(text) if text.contains("none of its samples has a caption"))
    );
    assert_eq!(folder.files("outputs").len(), 0);
}

/// Embedding images takes longest.
#[test]
fn inputs_that_do_not_fit_are_found_before_an_image_is_embedded() {
    let whole = || (0..40).map(|_| labelled([0, 1, 2, 3, 4, 5], 0)).collect::<Vec<_>>();
    let embedded = |samples: &[Sample<'_>], task: Task, classes: &[u8]| {
        let (folder, params) = prepared(samples, task);
        folder.write("inputs/classes", classes);
        let mut embedded = 0;
        let watched = Watched {
            threads: 1,
            level: Level::Scalar,
            device: Device::Cpu,
            resume_interval: Duration::ZERO,
            watch: &mut |done, _| embedded = done,
        };
        (watched.run(&params, &folder).is_ok(), embedded)
    };
    let words = WORDS.join("\n").into_bytes();
    assert_eq!(embedded(&whole(), classification(), &words), (true, 40));
    let with_last = |label| {
        let mut samples = whole();
        samples[39].label = label;
        samples
    };
    for label in [None, Some(6)] {
        assert_eq!(embedded(&with_last(label), classification(), &words), (false, 0));
    }
    for classes in [&b"cat\nhorse"[..], b"\xff", b""] {
        assert_eq!(embedded(&whole(), classification(), classes), (false, 0));
    }
    let mut mute = whole();
    mute.iter_mut().for_each(|sample| sample.captions = &[]);
    let retrieval = Task::Retrieval { recall_at: vec![1] };
    assert_eq!(embedded(&mute, retrieval, &words), (false, 0));
}

#[test]
fn a_cancelled_evaluation_leaves_nothing() {
    let samples: Vec<_> = (0..20).map(|_| labelled([0, 1, 2, 3, 4, 5], 0)).collect();
    let (folder, params) = prepared(&samples, classification());
    let watched = Watched {
        threads: 1,
        level: Level::Scalar,
        device: Device::Cpu,
        resume_interval: Duration::ZERO,
        watch: &mut |_, cancelled| cancelled.store(true, std::sync::atomic::Ordering::Relaxed),
    };
    let ended = watched.run(&params, &folder);
    assert!(matches!(ended, Err(JobError::Cancelled)), "{ended:?}");
    assert_eq!(folder.files("outputs").len(), 0);
}
