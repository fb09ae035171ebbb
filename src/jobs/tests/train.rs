//! Trainings: what they leave, and how they go on after whatever stopped them.

use std::sync::atomic::Ordering;

use super::super::train::{broken, failed};
use super::super::{Inspected, Inspection, inspect};
use super::*;
use crate::action::params::{
    Activation, CaptionChoice, Clip, Pooling, SampleOrder, Schedule, TextTower, Train, VisionTower,
    WarmUp,
};
use crate::model::Layout;
use crate::tensor::safetensors::decode;
use crate::tensor::{DeviceError, TensorError};
use crate::training::{SampleError, Trace, TrainError};

const CAPTIONS: [&[&str]; 3] =
    [&["a cat", "a photo of a cat"], &["a dog"], &["fish", "a fish", "photo of fish"]];

const STEPS: u64 = 8;
const INTERVAL: u64 = 3;
const NEVER: Duration = Duration::from_secs(1 << 20);

fn params(vocabulary_size: u64) -> Train {
    Train {
        model: Clip {
            embed_dim: 6,
            vision: VisionTower {
                image_size: 8,
                patch_size: 4,
                width: 8,
                layers: 1,
                heads: 2,
                mlp_width: 12,
                patch_bias: true,
                pre_norm: false,
                pooling: Pooling::Mean,
            },
            text: TextTower {
                context_length: 8,
                vocabulary_size,
                width: 8,
                layers: 1,
                heads: 2,
                mlp_width: 12,
                pooling: Pooling::Mean,
            },
            activation: Activation::Gelu,
        },
        preprocessing: preprocessing(0.5, 0.25),
        seed: 11,
        samples_seen: STEPS * 4,
        batch_size: 4,
        gradient_chunk: 1,
        optimizer: optimizer(),
        schedule: Schedule {
            learning_rate_max: real(1e-2),
            learning_rate_final: real(1e-4),
            warm_up: WarmUp::Steps(2),
        },
        logit_scale_init: real(2.0),
        captions: CaptionChoice::Drawn,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: INTERVAL,
        crop: None,
        profile: None,
        vision_positions_std: Train::first_positions_std(),
    }
}

/// Two shards of five and two samples, and the parameters of a training on them.
fn prepared() -> (Folder, Train) {
    let folder = Folder::new();
    let sample = |index: usize| Sample {
        pixels: (0..64).map(|at| (at * (index + 3) * 7 + index * 40).to_le_bytes()[0]).collect(),
        captions: CAPTIONS[index % 3],
        label: None,
    };
    let samples: Vec<_> = (0..7).map(sample).collect();
    folder.write_dataset(&[&samples[..5], &samples[5..]]);
    let (bytes, size) = vocabulary(&CAPTIONS.concat());
    folder.write("inputs/vocabulary", &bytes);
    (folder, params(size))
}

/// Runs to the end, or to what stops it; the steps that it reported.
fn run(
    params: &Train,
    folder: &Folder,
    threads: usize,
    resume_interval: Duration,
    watch: &mut dyn FnMut(u64, &AtomicBool),
) -> (Result<(), JobError>, Vec<u64>) {
    let mut steps = Vec::new();
    let watched = Watched {
        threads,
        level: Level::detect(),
        device: Device::Cpu,
        resume_interval,
        watch: &mut |step, cancelled| {
            steps.push(step);
            watch(step, cancelled);
        },
    };
    (watched.run(&Params::Train(params.clone()), folder), steps)
}

fn undisturbed(params: &Train, folder: &Folder) -> (BTreeMap<String, Vec<u8>>, Vec<u64>) {
    let (ended, steps) = run(params, folder, 2, NEVER, &mut |_, _| ());
    ended.unwrap();
    (folder.files("outputs"), steps)
}

/// Runs until step `last`, where it is cancelled.
fn cancelled_at(params: &Train, folder: &Folder, last: u64) -> Result<(), JobError> {
    let mut watch = |step: u64, cancelled: &AtomicBool| {
        cancelled.store(step == last, Ordering::Relaxed);
    };
    run(params, folder, 1, NEVER, &mut watch).0
}

/// The parameters and both moments of a published checkpoint, and its step.
fn checkpoint(params: &Train, bytes: &[u8]) -> ([Vec<f32>; 3], Vec<f32>) {
    let layout = Layout::of(&params.model).unwrap();
    let mut names = Vec::new();
    for prefix in ["", "optimizer.exp_avg.", "optimizer.exp_avg_sq."] {
        for parameter in layout.parameters() {
            names.push((format!("{prefix}{}", parameter.name), parameter.shape.clone()));
        }
    }
    names.push(("optimizer.step".to_owned(), vec![2]));
    // An error if a tensor is missing, or if there is another one.
    let all = decode(bytes, names.iter().map(|(name, shape)| (name.as_str(), &shape[..]))).unwrap();
    let part = |place: usize| all[place * layout.len()..(place + 1) * layout.len()].to_vec();
    ([0, 1, 2].map(part), all[3 * layout.len()..].to_vec())
}

/// Nothing else is computed in its place.
#[test]
fn a_training_that_is_bound_to_a_class_of_gpus_is_refused_on_the_processor() {
    let (folder, mut params) = prepared();
    params.profile = Some("bf16/sm_90/1".parse().unwrap());
    let (ended, steps) = run(&params, &folder, 1, NEVER, &mut |_, _| ());
    let error = ended.unwrap_err();
    assert!(matches!(error, JobError::AnotherClass(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the profile `bf16/sm_90/1` needs a GPU of class `sm_90`, and `cpu` is none"
    );
    assert!(steps.is_empty() && folder.files("outputs").is_empty());
}

#[test]
fn outputs_are_those_documented_and_nothing_else() {
    let (folder, params) = prepared();
    let (outputs, steps) = undisturbed(&params, &folder);
    let names =
        ["checkpoint-3.safetensors", "checkpoint-6.safetensors", "model.safetensors", "trace.bin"];
    assert!(outputs.keys().eq(names), "{:?}", outputs.keys());
    assert!(steps.into_iter().eq(1..=STEPS));
    let layout = Layout::of(&params.model).unwrap();
    let named =
        layout.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.shape[..]));
    let weights = decode(&outputs["model.safetensors"], named).unwrap();
    assert_eq!(weights.len(), layout.len());
    let trace = Trace::decode(&outputs["trace.bin"]).unwrap();
    assert_eq!(trace.steps() as u64, STEPS);
}

#[test]
fn published_checkpoints_hold_parameters_moments_and_step() {
    let (folder, mut params) = prepared();
    params.checkpoint_interval_steps = 1;
    let (outputs, _) = undisturbed(&params, &folder);
    assert_eq!(outputs.len() as u64, STEPS + 2);
    for step in 1..=STEPS {
        let bytes = &outputs[&format!("checkpoint-{step}.safetensors")];
        let ([theta, m, v], number) = checkpoint(&params, bytes);
        assert_eq!(number, [0.0, f32::from(u8::try_from(step).unwrap())]);
        assert!(v.iter().all(|v| *v >= 0.0) && m.iter().any(|m| *m != 0.0));
        if step == 1 {
            // From zero, m = (1 − β1)·g and v = (1 − β2)·g², so v = m²·0.02 ÷ 0.1².
            for (m, v) in m.iter().zip(&v) {
                assert!((v - m * m * 2.0).abs() <= 1e-5 * v, "{m:e} {v:e}");
            }
        }
        if step == STEPS {
            let layout = Layout::of(&params.model).unwrap();
            let named = layout
                .parameters()
                .iter()
                .map(|parameter| (parameter.name.as_str(), &parameter.shape[..]));
            assert_eq!(decode(&outputs["model.safetensors"], named).unwrap(), theta);
        }
    }
}

#[test]
fn neither_level_nor_device_nor_threads_show_in_the_outputs() {
    let (folder, params) = prepared();
    let (expected, _) = undisturbed(&params, &folder);
    let three_threads = Level::available().into_iter().map(|level| (level, Device::Cpu, 3));
    for way in ways().into_iter().chain(three_threads) {
        let (folder, params) = prepared();
        run_by(way, &Params::Train(params), &folder).unwrap();
        assert!(folder.files("outputs") == expected, "{way:?}");
    }
}

#[test]
fn a_cancelled_training_goes_on_to_the_same_bytes() {
    let (folder, params) = prepared();
    let (expected, _) = undisturbed(&params, &folder);
    for last in [1, 3, 7] {
        let (folder, params) = prepared();
        let ended = cancelled_at(&params, &folder, last);
        assert!(matches!(ended, Err(JobError::Cancelled)), "{ended:?}");
        assert_eq!(folder.files("outputs").len(), 0, "nothing half done");
        assert!(folder.files("scratch").contains_key("resume.bin"));
        let (outputs, steps) = undisturbed(&params, &folder);
        assert!(steps.into_iter().eq(last + 1..=STEPS), "after step {last}");
        assert!(outputs == expected, "after step {last}");
    }
}

#[test]
fn a_training_cancelled_at_its_last_step_is_done() {
    let (folder, params) = prepared();
    cancelled_at(&params, &folder, STEPS).unwrap();
    assert_eq!(folder.files("outputs").len(), 4);
}

/// Every step saves; at the end of each the scratch folder is copied as a killed process would leave it.
#[test]
fn a_training_killed_at_any_step_goes_on_to_the_same_bytes() {
    let (folder, params) = prepared();
    let left: Vec<Folder> = (0..STEPS).map(|_| prepared().0).collect();
    let mut watch = |step: u64, _: &AtomicBool| {
        // What was saved after the step before.
        let index = usize::try_from(step - 1).unwrap();
        left[index].copy(folder.0.path(), "scratch");
    };
    run(&params, &folder, 2, Duration::ZERO, &mut watch).0.unwrap();
    let expected = folder.files("outputs");
    for (folder, saved) in left.iter().zip(0..) {
        // It was killed while it wrote the next ones.
        folder.write("scratch/resume.partial", b"ibid-resu");
        folder.write("scratch/checkpoint-6.partial", b"half");
        if saved < 6 {
            folder.write("scratch/checkpoint-6.safetensors", b"of another life");
        }
        let (outputs, steps) = undisturbed(&params, folder);
        assert!(steps.into_iter().eq(saved + 1..=STEPS), "saved at {saved}");
        assert!(outputs == expected, "saved at {saved}");
    }
}

#[test]
fn a_torn_resume_checkpoint_is_passed_over() {
    let (folder, params) = prepared();
    let (expected, _) = undisturbed(&params, &folder);
    for tear in [
        (|bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2)) as fn(&mut Vec<u8>),
        |bytes| bytes[70] ^= 1,
        |bytes| bytes.push(0),
        Vec::clear,
    ] {
        let (folder, params) = prepared();
        cancelled_at(&params, &folder, 4).unwrap_err();
        let mut bytes = folder.read("scratch/resume.bin");
        tear(&mut bytes);
        folder.write("scratch/resume.bin", &bytes);
        let (outputs, steps) = undisturbed(&params, &folder);
        assert!(steps.into_iter().eq(1..=STEPS));
        assert!(outputs == expected);
    }
}

#[test]
fn a_resume_checkpoint_of_another_training_is_passed_over() {
    let (folder, mut params) = prepared();
    cancelled_at(&params, &folder, 4).unwrap_err();
    params.seed = 12;
    let (undisturbed_folder, _) = prepared();
    let (expected, _) = undisturbed(&params, &undisturbed_folder);
    let (outputs, steps) = undisturbed(&params, &folder);
    assert!(steps.into_iter().eq(1..=STEPS), "another seed");
    assert!(outputs == expected, "another seed");

    let (folder, params) = prepared();
    cancelled_at(&params, &folder, 4).unwrap_err();
    let sample = |grey| Sample { pixels: vec![grey; 64], captions: CAPTIONS[0], label: None };
    folder.write_dataset(&[&[sample(1), sample(2), sample(3)]]);
    let (_, steps) = undisturbed(&params, &folder);
    assert!(steps.into_iter().eq(1..=STEPS), "other samples");
}

#[test]
fn a_published_checkpoint_that_changed_in_scratch_is_made_again() {
    let (folder, params) = prepared();
    let (expected, _) = undisturbed(&params, &folder);
    let name = "scratch/checkpoint-3.safetensors";
    for gone in [false, true] {
        let (folder, params) = prepared();
        cancelled_at(&params, &folder, 5).unwrap_err();
        let mut bytes = folder.read(name);
        assert_eq!(bytes, expected["checkpoint-3.safetensors"]);
        if gone {
            fs::remove_file(folder.path(name)).unwrap();
        } else {
            *bytes.last_mut().unwrap() ^= 1;
            folder.write(name, &bytes);
        }
        let (outputs, steps) = undisturbed(&params, &folder);
        assert!(steps.into_iter().eq(1..=STEPS));
        assert!(outputs == expected);
    }
}

#[test]
fn a_checkpoint_that_changes_under_way_is_not_published() {
    let (folder, params) = prepared();
    let mut watch = |step: u64, _: &AtomicBool| {
        if step == STEPS {
            folder.write("scratch/checkpoint-3.safetensors", b"changed");
        }
    };
    let (ended, _) = run(&params, &folder, 1, NEVER, &mut watch);
    assert!(matches!(ended, Err(JobError::Io { .. })), "{ended:?}");
    assert!(!folder.files("outputs").contains_key("checkpoint-3.safetensors"));
}

#[test]
fn inputs_and_parameters_that_do_not_fit_are_named() {
    let (folder, mut params) = prepared();
    let error = |params: &Train| {
        let (ended, _) = run(params, &folder, 1, NEVER, &mut |_, _| ());
        ended.unwrap_err().to_string()
    };
    params.model.text.vocabulary_size += 1;
    assert!(error(&params).starts_with("input `vocabulary`: it gives "));
    params.model.text.vocabulary_size -= 1;
    params.gradient_chunk = 3;
    assert!(error(&params).starts_with("parameters: 32 samples seen, batches of 4"));
}

#[test]
fn an_inspection_states_the_checkpoints_that_were_published_after_its_start() {
    let (folder, params) = prepared();
    let (trained, _) = undisturbed(&params, &folder);
    folder.write("inputs/state", &trained["checkpoint-3.safetensors"]);
    folder.write("inputs/trace", &trained["trace.bin"]);
    let inspection =
        Inspection { from: INTERVAL, to: STEPS, published: true, ..Inspection::default() };
    let [inputs, outputs, scratch] = ["inputs", "outputs", "scratch"].map(|at| folder.path(at));
    let context = &mut JobContext {
        inputs: &inputs,
        outputs: &outputs,
        scratch: &scratch,
        threads: 1,
        level: Level::detect(),
        device: Device::Cpu,
        resume_interval: NEVER,
        cancelled: &AtomicBool::new(false),
        progress: &mut |_| (),
    };
    inspect(&params, &inspection, context).unwrap();
    let seen = folder.read("outputs/inspected.json");
    let seen: Inspected = serde_json::from_slice(&seen).unwrap();
    let digest = BlobDigest::of(&trained["checkpoint-6.safetensors"]);
    assert_eq!((seen.published, seen.parted), (BTreeMap::from([(6, digest)]), None));
}

/// Of a fine-tuning the input is not always `dataset`.
#[test]
fn what_is_wrong_with_a_sample_is_said_as_its_reader_said_it() {
    let of = |source| failed(TrainError::Sample(SampleError { sample: 3, source }));
    let said = "input `train-0`: shard `0.tar` is not a whole tar file";
    let reason = said.split_once(": ").unwrap().1.to_owned();
    let damaged = of(JobError::BadInput { input: "train-0".to_owned(), reason }.into());
    assert!(matches!(damaged, JobError::BadInput { .. }) && damaged.to_string() == said);
    let source = std::io::ErrorKind::PermissionDenied.into();
    let unread = of(JobError::Io { path: "train-0/0.tar".to_owned(), source }.into());
    assert!(matches!(unread, JobError::Io { .. }), "{unread:?}");
    let told = of("it has no caption".into()).to_string();
    assert_eq!(told, "input `dataset`: sample 3 cannot be read: it has no caption");
}

#[test]
fn what_the_machine_has_no_room_for_is_told_as_that() {
    let source = std::io::Error::from_raw_os_error(11);
    let alone = failed(TrainError::Threads(source));
    assert!(matches!(&alone, JobError::Io { source, .. } if source.raw_os_error() == Some(11)));
    let large = failed(TrainError::Batch { batch_size: 8, bytes: 1 << 44 });
    assert!(large.lacks_memory() && large.to_string().ends_with("lower batchSize"), "{large}");
    assert!(broken(TensorError::Memory { bytes: 5 }).lacks_memory());
}

#[test]
fn a_device_that_fails_is_told_from_a_mistake_of_ours() {
    let of_kernel = |source| broken(TensorError::Kernel { operation: "head", source });
    let (call, text) = ("a copy from the device".to_owned(), "it is gone".to_owned());
    let failed = of_kernel(DeviceError::Call { call, text });
    let said = "operation `head` failed on the device: a copy from the device: it is gone";
    assert!(matches!(failed, JobError::Device(_)) && failed.to_string() == said, "{failed}");
    assert!(of_kernel(DeviceError::Memory { bytes: 5 }).lacks_memory());
}
