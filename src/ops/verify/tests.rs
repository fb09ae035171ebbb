//! A training of a device class, executed on an emulated GPU and on the processor.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use super::super::error::Kind;
use super::super::losses::lockfile_of;
use super::super::name::Name;
use super::*;
use crate::action::{ActionResult, Params};
use crate::commit::Root;
use crate::digest::{BlobDigest, ExperimentId};
use crate::exec::clock::FixedClock;
use crate::exec::{self, InProcess, Options, StoreOnly};
use crate::fs::Durability;
use crate::jobs::testing::{Sample, shard, vocabulary};
use crate::numerics::Level;
use crate::plan::{self, Losses};
use crate::spec::Evaluated;
use crate::spec::Value;
use crate::spec::experiment::testing::example;
use crate::spec::experiment::{DigestText, Experiment, Shard, Shards, WarmUp};
use crate::tensor::NoKernels;

const GPU: Device = Device::Emulated { processors: 3, backwards: false, memory: usize::MAX };
const CAPTIONS: [&str; 4] = ["a cat", "a dog", "fish", "a photo of a cat"];

/// A store with the pinned files of an experiment that it makes.
struct Bed {
    _folder: tempfile::TempDir,
    store: Store,
}

impl Bed {
    fn new(files: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        for file in files {
            store.put(file, Durability::Relaxed).unwrap();
        }
        Self { _folder: folder, store }
    }

    /// Executes every action of a plan, trainings of a device class on `device`.
    fn execute(&self, plan: &Plan, device: Device) -> Summary {
        for pin in plan.trees().values() {
            self.store.put(pin.manifest.as_ref().unwrap(), Durability::Relaxed).unwrap();
        }
        let mut whole = plan.clone();
        plan.nodes().keys().for_each(|id| whole.add_target(*id));
        let job = |params: &Params, context: &mut crate::jobs::JobContext<'_>| {
            context.level = Level::detect();
            if matches!(params, Params::Train(train) if train.profile.is_some()) {
                context.device = device;
            }
            crate::jobs::run(params, context)
        };
        let (cancelled, clock) = (AtomicBool::new(false), FixedClock(SystemTime::UNIX_EPOCH));
        let options = Options::new(1, &StoreOnly, &cancelled, &clock);
        let executor = InProcess::new(job);
        let summary = exec::run(&whole, &self.store, &executor, &options, &mut |_| {}).unwrap();
        assert!(summary.failures.is_empty(), "{:?}", summary.failures);
        summary
    }
}

/// One shard of eight images of 8 × 8 pixels.
fn images() -> Vec<u8> {
    let sample = |index: usize| {
        let pixel = |at: usize| (at * (index + 3) * 7 + index * 40).to_le_bytes()[0];
        let captions = &CAPTIONS[index % 4..=index % 4];
        Sample { pixels: (0..64).map(pixel).collect(), captions, label: None }
    };
    shard(&(0..8).map(sample).collect::<Vec<_>>())
}

/// Runs `a`, bound to a class and measured, and `b`, portable; and the files that they read.
fn experiment() -> (Experiment, Vec<Vec<u8>>) {
    let mut experiment = example();
    experiment.figures.clear();
    experiment.tables.clear();
    let (shard, (words, size)) = (images(), vocabulary(&CAPTIONS));
    let digest = |bytes: &[u8]| DigestText(BlobDigest::of(bytes).to_string());
    for run in &mut experiment.runs {
        let train = &mut run.train;
        let model = &mut train.model;
        model.embed_dim = 6;
        (model.vision.image_size, model.vision.patch_size) = (8, 4);
        (model.vision.width, model.vision.heads, model.vision.mlp_width) = (8, 2, 12);
        (model.text.width, model.text.heads, model.text.mlp_width) = (8, 2, 12);
        (model.text.context_length, model.text.vocabulary_size) = (8, size);
        train.vocabulary.size = size;
        train.vocabulary.file.sha256 = digest(&words);
        train.vocabulary.file.bytes = words.len() as u64;
        train.dataset.shards = Shards::Inline(vec![Shard {
            name: "0.tar".to_owned(),
            sha256: digest(&shard),
            bytes: shard.len() as u64,
            samples: 8,
            skipped: Vec::new(),
        }]);
        (train.samples_seen, train.batch_size, train.gradient_chunk) = (20, 4, 2);
        train.schedule.warm_up = WarmUp::Percent { percent: 10, steps_min: 1, steps_max: 2 };
        run.evaluations.retain(|evaluation| evaluation.name == "retrieval");
        run.evaluations[0].dataset = train.dataset.clone();
    }
    experiment.runs[0].train.profile = Some("bf16/sm_90/1".to_owned());
    experiment.runs[1].evaluations.clear();
    (experiment, vec![shard, words])
}

/// The result of an action without outputs.
fn nothing() -> ActionResult {
    ActionResult { outputs: BTreeMap::new() }
}

fn loaded(experiment: Experiment) -> Loaded {
    let evaluated = Evaluated {
        value: Value::Bool(true),
        ty: String::new(),
        id: ExperimentId::from_bytes([0; 32]),
        sources: crate::spec::Sources::default(),
        normal_form: None,
    };
    Loaded {
        name: "e".to_owned(),
        named: Name::parse("e").unwrap(),
        depth: None,
        evaluated,
        experiment,
        root: Root::Folder(PathBuf::new()),
        lockfile: PathBuf::new(),
        origin: None,
    }
}

/// A lockfile in which the losses of `a` are the locked ones times a factor.
fn falsified(lockfile: &Lockfile, factor: f64) -> Lockfile {
    let locked = lockfile.actions()["a/train"].losses.as_ref().unwrap();
    let mut means = locked.means().to_vec();
    means[3] *= factor;
    let mut lockfile = lockfile.clone();
    lockfile.insert_losses("a/train", Losses::new(means).unwrap());
    lockfile
}

#[test]
fn another_class_is_compared_by_losses_and_what_does_not_follow_to_the_bit() {
    if GPU.prepare(&NoKernels).is_err() {
        return;
    }
    let (experiment, files) = experiment();
    let plan = plan::expand(&experiment, None).unwrap();
    let loaded = loaded(experiment);
    let tolerance = LossTolerance::default();
    let judge = |lockfile: &Lockfile, device: Device, bed: &Bed, tolerance: LossTolerance| {
        let verification =
            Verification::new(&loaded, plan.clone(), lockfile.clone(), device).unwrap();
        let summary = bed.execute(verification.plan(), device);
        verification.judge(&bed.store, &summary, tolerance).unwrap()
    };

    // Locked on a GPU of the class: one line has losses, one a step.
    let gpu = Bed::new(&files);
    let summary = gpu.execute(&plan, GPU);
    let lockfile = lockfile_of(&plan, &gpu.store, |id| recorded_result(&summary, &gpu.store, id));
    let lockfile = lockfile.unwrap();
    let with_losses: Vec<_> =
        lockfile.actions().iter().filter(|(_, action)| action.losses.is_some()).collect();
    assert_eq!(with_losses.len(), 1);
    let (label, action) = with_losses[0];
    assert_eq!((label.as_str(), action.losses.as_ref().unwrap().means().len()), ("a/train", 5));
    assert_eq!(Lockfile::decode(&lockfile.encode()), Ok(lockfile.clone()));
    // Another lock keeps them.
    let mut other = Lockfile::default();
    other.keep(&lockfile, &plan);
    assert_eq!(other, lockfile);

    // The same class: bits, and the losses are those of the trace.
    let same = judge(&lockfile, GPU, &gpu, tolerance);
    assert!(same.is_as_recorded());
    let verdict = same.verdict();
    assert!(verdict.ends_with("; same bits as lockfile 3/3; claims met 0/0; same class sm_90"));
    let same = judge(&falsified(&lockfile, 1.0 + 1e-9), GPU, &gpu, tolerance);
    assert!(!same.is_as_recorded());
    let differing = &same.lockfile.differing[0];
    assert_eq!((differing.label.as_str(), differing.output.as_str()), ("a/train", "losses"));

    // The processor: `b` to the bit, `a` by its losses, and what follows from it not at all.
    let cpu = Bed::new(&files);
    let another = judge(&lockfile, Device::Cpu, &cpu, tolerance);
    assert!(another.is_as_recorded());
    assert_eq!(another.executed, 3);
    let verdict = another.verdict();
    let end = "; same bits as lockfile 1/1; claims met 0/0; another class: losses of 1/1 trainings within 0.01";
    assert!(verdict.ends_with(end), "{verdict}");
    let compared = another.another_class.as_ref().unwrap();
    assert_eq!(compared.not_compared, ["a/evaluate/retrieval"]);
    let training = &compared.trainings[0];
    assert_eq!(training.spans.len(), 5);
    assert!(0.0 < training.furthest().difference, "two arithmetics");
    let value = serde_json::to_value(&another).unwrap();
    assert!(value.get("sameClass").is_none());
    let value = &value["anotherClass"];
    assert_eq!(
        (value["device"].as_str(), &value["class"]),
        (Some("cpu"), &serde_json::Value::Null)
    );
    assert_eq!(value["tolerance"], 0.01);
    let training = &value["trainings"][0];
    assert_eq!(
        (&training["locked"], &training["isWithin"]),
        (&"bf16/sm_90/1".into(), &true.into())
    );
    assert_eq!(training["computed"], serde_json::Value::Null);
    assert_eq!(training["spans"][4]["steps"], serde_json::json!([4, 4]));

    // Falsified losses are beyond, and so is everything where nothing may differ.
    let forged = judge(&falsified(&lockfile, 1.2), Device::Cpu, &cpu, tolerance);
    assert!(!forged.is_as_recorded() && forged.lockfile.differing.is_empty());
    assert!(forged.verdict().ends_with("another class: losses of 0/1 trainings within 0.01"));
    assert_eq!(forged.another_class.unwrap().trainings[0].furthest, 3);
    let exact = judge(&lockfile, Device::Cpu, &cpu, "0".parse().unwrap());
    assert!(!exact.is_as_recorded());
}

/// A GPU of another class computes by its own profile; a device of none by portable arithmetic.
#[test]
fn a_profile_is_replaced_by_what_the_device_has() {
    let (mut experiment, _) = experiment();
    let lock = |experiment: &Experiment| {
        let plan = plan::expand(experiment, None).unwrap();
        let mut lockfile = Lockfile::from_results(&plan, |_| Some(nothing()));
        lockfile.insert_losses("a/train", Losses::new(vec![1.0; 5]).unwrap());
        (plan, lockfile)
    };
    let own = |device: Device, experiment: &Experiment| {
        let (plan, lockfile) = lock(experiment);
        let loaded = loaded(experiment.clone());
        let verification = Verification::new(&loaded, plan, lockfile, device).unwrap();
        let trained = verification.plan().labelled("a/train").unwrap().1.action.params.clone();
        let Params::Train(train) = trained else { panic!("a training is a training") };
        (verification.replacement.is_some(), train.profile.map(|profile| profile.to_string()))
    };
    let locked = || Some("bf16/sm_90/1".to_owned());
    assert_eq!(own(GPU, &experiment), (false, locked()));
    assert_eq!(own(Device::Cpu, &experiment), (true, None));
    experiment.runs[0].train.profile = Some("bf16/sm_80/1".to_owned());
    assert_eq!(own(GPU, &experiment), (true, locked()));

    // Without losses, or with those of other spans, there is nothing to compare with.
    let (plan, mut lockfile) = lock(&experiment);
    let loaded = loaded(experiment);
    lockfile.insert_losses("a/train", Losses::new(vec![1.0; 4]).unwrap());
    let without = Lockfile::from_results(&plan, |_| Some(nothing()));
    for lockfile in [lockfile, without] {
        let error = Verification::new(&loaded, plan.clone(), lockfile, Device::Cpu).unwrap_err();
        assert_eq!(error.kind(), Kind::Environment);
        assert_eq!(
            error.to_string(),
            "`a/train` is bound to another class (bf16/sm_80/1), and the lockfile does not have the losses of its 5 spans"
        );
        assert_eq!(
            error.hints(),
            ["write them where the training was executed: ibid lock e --device cuda"]
        );
    }
}
