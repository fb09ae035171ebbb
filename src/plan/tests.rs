//! What a plan promises, seen through `expand`.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::action::{Action, ActionResult, Input, OutputFile, Params};
use crate::digest::{BlobDigest, RecipeId};
use crate::spec::experiment::testing::{digest, example, example_with_weights, published_run, run};
use crate::spec::experiment::{self as spec, Experiment, ManifestPin, PublishedRun, Shards};

fn labels(plan: &Plan) -> Vec<&str> {
    let labels: BTreeSet<&str> = plan.nodes().values().map(|node| node.label.as_str()).collect();
    labels.into_iter().collect()
}

fn recipe(plan: &Plan, label: &str) -> RecipeId {
    *plan.labelled(label).unwrap_or_else(|| panic!("no {label}")).0
}

fn recipes(plan: &Plan) -> BTreeMap<&str, RecipeId> {
    plan.nodes().iter().map(|(id, node)| (node.label.as_str(), *id)).collect()
}

/// Labels of the example's plan whose recipe id is another one after `change`.
fn changed_by(change: impl FnOnce(&mut Experiment)) -> Vec<String> {
    let mut experiment = example();
    let before = expand(&experiment, None).unwrap();
    change(&mut experiment);
    let after = expand(&experiment, None).unwrap();
    let (before, after) = (recipes(&before), recipes(&after));
    let changed = after.iter().filter(|(label, id)| before.get(*label) != Some(*id));
    changed.map(|(label, _)| (*label).to_owned()).collect()
}

#[test]
fn a_plan_has_readable_labels_and_knows_its_targets() {
    let plan = expand(&example(), None).unwrap();
    assert_eq!(
        labels(&plan),
        [
            "a/evaluate/retrieval",
            "a/evaluate/zero-shot",
            "a/train",
            "b/evaluate/retrieval",
            "b/evaluate/zero-shot",
            "b/train",
            "curve/collect",
            "curve/draw",
            "curve/fit",
            "points/table",
            "table/draw",
            "table/fit",
        ]
    );
    let figure = &plan.figures()["curve"];
    assert_eq!(
        (figure.fit, figure.draw),
        (recipe(&plan, "curve/fit"), recipe(&plan, "curve/draw"))
    );
    let points =
        Input::Output { recipe: recipe(&plan, "curve/collect"), output: "points.csv".into() };
    assert_eq!(figure.points, points);
    assert_eq!(figure.claims.len(), 3);
    assert!(plan.targets().contains(&figure.draw));
    let points =
        Input::Output { recipe: recipe(&plan, "points/table"), output: "table.csv".into() };
    assert_eq!(plan.figures()["table"].points, points);
    assert_eq!(plan.tables()["points"].table, points);
}

#[test]
fn a_target_brings_only_what_it_needs() {
    let plan = expand(&example(), Some("curve")).unwrap();
    // The figure shows `acc1` alone, so retrieval is not evaluated.
    assert_eq!(
        labels(&plan),
        [
            "a/evaluate/zero-shot",
            "a/train",
            "b/evaluate/zero-shot",
            "b/train",
            "curve/collect",
            "curve/draw",
            "curve/fit",
        ]
    );
    assert_eq!(
        labels(&expand(&example(), Some("table")).unwrap()),
        ["points/table", "table/draw", "table/fit"]
    );
    let run = expand(&example(), Some("b")).unwrap();
    assert_eq!(labels(&run), ["b/evaluate/retrieval", "b/evaluate/zero-shot", "b/train"]);
    let error = expand(&example(), Some("curv")).unwrap_err().to_string();
    assert_eq!(error, "there is no target `curv` (targets: curve, table, points, a, b)");
}

/// A check of the table `points`, with what is known of it.
fn points_check(known: &[&str]) -> crate::spec::experiment::Check {
    use crate::spec::experiment::{Check, CheckedRows, Known, Rule, Severity};
    let known = known.iter().map(|key| Known {
        key: vec![(*key).to_owned()],
        column: "run".to_owned(),
        found: None,
        reason: "why".to_owned(),
    });
    let (keep, present) = (Vec::new(), Vec::new());
    let rows =
        CheckedRows { table: "points".to_owned(), key: vec!["run".to_owned()], keep, present };
    Check {
        id: "keys".to_owned(),
        text: "one row a run".to_owned(),
        severity: Severity::Error,
        rule: Rule::UniqueKeys { rows },
        known: known.collect(),
    }
}

#[test]
fn a_check_comes_with_what_is_made_from_its_tables() {
    let mut experiment = example();
    experiment.checks.push(points_check(&[]));
    let checks = |target| {
        let plan = expand(&experiment, target).unwrap();
        (plan.checks().len(), plan.labelled("keys/check").is_some())
    };
    for target in [None, Some("checks"), Some("table"), Some("points")] {
        assert_eq!(checks(target), (1, true), "{target:?}");
    }
    for target in [Some("curve"), Some("a")] {
        assert_eq!(checks(target), (0, false), "{target:?}");
    }
    let plan = expand(&experiment, Some("checks")).unwrap();
    assert_eq!(labels(&plan), ["keys/check", "points/table"]);
    let check = &plan.checks()["keys"];
    assert_eq!(plan.targets().iter().collect::<Vec<_>>(), [&check.action]);
    assert_eq!(check.files["points"], "points.csv");
    // Without checks there is no such target.
    assert!(matches!(expand(&example(), Some("checks")), Err(PlanError::UnknownTarget { .. })));
}

#[test]
fn recording_a_finding_executes_nothing() {
    let mut experiment = example();
    experiment.checks.push(points_check(&[]));
    let before = expand(&experiment, Some("checks")).unwrap();
    experiment.checks[0] = points_check(&["a"]);
    experiment.checks[0].text = "said otherwise".to_owned();
    let after = expand(&experiment, Some("checks")).unwrap();
    assert_eq!(recipes(&before), recipes(&after));
    assert_eq!(after.checks()["keys"].declared.known.len(), 1);
}

#[test]
fn a_broken_experiment_has_no_plan() {
    let mut experiment = example();
    experiment.runs[0].train.gradient_chunk = 0;
    experiment.runs[1].train.seed = u64::MAX;
    let error = expand(&experiment, None).unwrap_err();
    assert!(matches!(error, PlanError::Findings { findings } if findings.len() == 1));
}

#[test]
fn a_depth_must_be_offered() {
    let plan = expand_at(&example(), Some("table"), Some(Depth::Published)).unwrap();
    assert_eq!(plan.figures()["table"].depth, Depth::Published);
    let error = expand_at(&example(), Some("table"), Some(Depth::Scratch)).unwrap_err();
    let expected = "`table` is not offered from scratch (offered: published)";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn one_changed_field_changes_only_its_descendants() {
    let all_of_b = ["b/evaluate/retrieval", "b/evaluate/zero-shot", "b/train"];
    let figure = ["curve/collect", "curve/draw", "curve/fit"];
    let with_figure: Vec<_> = all_of_b.iter().chain(&figure).copied().collect();
    assert_eq!(changed_by(|e| e.runs[1].train.seed = 2), with_figure);
    assert_eq!(changed_by(|e| e.runs[1].train.schedule.learning_rate_final = 0.0), with_figure);
    assert_eq!(
        changed_by(|e| e.runs[1].evaluations[1].task =
            crate::spec::experiment::Task::Retrieval { recall_at: vec![1] }),
        ["b/evaluate/retrieval"]
    );
    let title = |e: &mut Experiment| e.figures[0].title = "Another".to_owned();
    assert_eq!(changed_by(title), ["curve/draw"]);
    let interval = |e: &mut Experiment| {
        e.figures[0].panels[0].series[0].fits[0].interval.as_mut().unwrap().resamples = 7;
    };
    assert_eq!(changed_by(interval), ["curve/draw", "curve/fit"]);
}

/// A training that is bound to a class of GPUs is another action, also than that of another class, and says so in both of
/// its places; one that is not has the golden bytes below.
#[test]
fn a_class_of_devices_is_part_of_the_name() {
    let bound = |profile: Option<&str>| {
        let mut experiment = example();
        experiment.runs[0].train.profile = profile.map(str::to_owned);
        let plan = expand(&experiment, Some("a")).unwrap();
        let (id, node) = plan.labelled("a/train").unwrap();
        (*id, String::from_utf8(node.action.canonical_bytes()).unwrap())
    };
    let (portable, of_90, of_80) =
        (bound(None), bound(Some("bf16/sm_90/1")), bound(Some("bf16/sm_80/1")));
    assert_eq!(portable.1, TRAIN_BYTES);
    let bytes = TRAIN_BYTES
        .replace(r#","samplesSeen""#, r#","profile":"bf16/sm_90/1","samplesSeen""#)
        .replace("Portable/1", "DeviceClass/1");
    assert_eq!(of_90.1, bytes);
    assert!(portable.0 != of_90.0 && of_90.0 != of_80.0);
    let changed = changed_by(|e| e.runs[1].train.profile = Some("bf16/sm_90/1".to_owned()));
    assert_eq!(changed, changed_by(|e| e.runs[1].train.seed = 2));
}

#[test]
fn what_affects_no_byte_changes_no_recipe() {
    assert!(changed_by(|e| e.title = "Another".to_owned()).is_empty());
    assert!(changed_by(|e| e.figures[0].claims.clear()).is_empty());
    assert!(changed_by(|e| e.runs[0].train.dataset.name = "renamed".to_owned()).is_empty());
    // Bytes are pinned by digest: where they come from does not matter.
    let elsewhere = |e: &mut Experiment| {
        let url = "https://example.org/shards".to_owned();
        e.runs[0].train.dataset.source = Source::Http { url };
    };
    assert!(changed_by(elsewhere).is_empty());
    // 10 % of 32 steps is 3, and 10 is the least: said in two ways.
    let warm_up = |e: &mut Experiment| {
        e.runs[0].train.schedule.warm_up = crate::spec::experiment::WarmUp::Steps(10);
    };
    assert!(changed_by(warm_up).is_empty());
    let order = |e: &mut Experiment| {
        e.figures[0].panels[0].series[0].points.keep[0].one_of = vec!["a".into(), "b".into()];
    };
    assert!(changed_by(order).is_empty());
}

#[test]
fn equal_runs_are_one_action() {
    let mut experiment = example();
    experiment.runs[1] = run("b", 0);
    let plan = expand(&experiment, None).unwrap();
    assert!(plan.labelled("b/train").is_none());
    assert!(labels(&plan).starts_with(&[
        "a/evaluate/retrieval",
        "a/evaluate/zero-shot",
        "a/train",
        "curve/collect"
    ]));
}

#[test]
fn inline_shards_and_a_manifest_of_them_are_one_tree() {
    let mut experiment = example();
    let inline = expand(&experiment, None).unwrap();
    let tree = match &inline.labelled("a/train").unwrap().1.action.inputs["dataset"] {
        Input::Tree(tree) => *tree,
        other => panic!("{other:?}"),
    };
    let manifest = inline.trees()[&tree].manifest.clone().unwrap();
    let decoded = Manifest::decode(&manifest).unwrap();
    assert_eq!((decoded.digest(), decoded.samples()), (tree, 256));
    experiment.runs[0].train.dataset.shards = Shards::Manifest(ManifestPin {
        name: "manifest.json".to_owned(),
        sha256: crate::spec::experiment::DigestText(tree.to_string()),
        bytes: manifest.len() as u64,
        samples: 256,
        shard_bytes: 2_000,
    });
    let pinned = expand(&experiment, Some("a")).unwrap();
    assert_eq!(recipe(&pinned, "a/train"), recipe(&inline, "a/train"));
    let blob = BlobDigest::from_bytes(*tree.as_bytes());
    let location = Location::Bundled {
        set: "upstream".to_owned(),
        version: "1".to_owned(),
        file: "manifest.json".to_owned(),
    };
    assert_eq!(pinned.sources()[&blob].locations, BTreeSet::from([location]));
    let pin = &pinned.trees()[&tree];
    let shard = pin.locations_of("000000.tar");
    assert!(matches!(shard.first(), Some(Location::Bundled { file, .. }) if file == "000000.tar"));
}

#[test]
fn every_input_from_outside_can_be_had() {
    let plan = expand(&example(), None).unwrap();
    for input in plan.nodes().values().flat_map(|node| node.action.inputs.values()) {
        match input {
            Input::Blob(digest) => assert!(plan.sources().contains_key(digest)),
            Input::Tree(tree) => {
                let manifest = plan.trees()[tree].manifest.as_ref().unwrap();
                let files = Manifest::decode(manifest).unwrap().files;
                assert!(files.iter().all(|file| plan.sources()[&file.sha256].bytes == file.bytes));
            }
            Input::Output { recipe, .. } => assert!(plan.nodes().contains_key(recipe)),
        }
    }
}

#[test]
fn a_quarter_of_a_million_pinned_shards_plan_like_one() {
    let mut experiment = example();
    let pin = ManifestPin {
        name: "manifest.json".to_owned(),
        sha256: digest('9'),
        bytes: 60_000_000,
        samples: 2_170_337_258,
        shard_bytes: 1 << 47,
    };
    experiment.runs[0].train.dataset.shards = Shards::Manifest(pin);
    let plan = expand(&experiment, Some("a")).unwrap();
    let node = plan.labelled("a/train").unwrap().1;
    assert_eq!(node.price.fetch_bytes, (1 << 47) + 60_000_000 + 500);
    // One pin for the manifest; the shards behind it are not in the plan.
    assert_eq!(plan.sources().len(), 5);
}

#[test]
fn prices_follow_from_the_configuration() {
    let plan = expand(&example(), Some("a")).unwrap();
    // By hand: 16 patches of 192 values to 32 channels, one block, projection; 12 tokens of 16 channels likewise;
    // LayerNorms at 5 a channel and token, the last ones on the pooled vector alone.
    let image = 98_304
        + (16 * (4 * 32 * 32 + 2 * 32 * 128) + 2 * 16 * 16 * 32)
        + 32 * 16
        + 5 * 32 * (16 * 2 + 1);
    let text =
        (12 * (4 * 16 * 16 + 2 * 16 * 64) + 2 * 12 * 12 * 16) + 16 * 16 + 5 * 16 * (12 * 2 + 1);
    let flops = |label: &str| plan.labelled(label).unwrap().1.price.flops;
    assert_eq!(flops("a/train"), 6 * (image + text) * 4_096);
    assert_eq!(flops("a/evaluate/zero-shot"), 2 * (image * 256 + text * 10 * 2));
    assert_eq!(flops("a/evaluate/retrieval"), 2 * (image + text) * 256);
    // Upstream and downstream are the same two shards here, so they are fetched once: with the vocabulary and classes.
    assert_eq!(plan.price().fetch_bytes, 2_000 + 500 + 50);
}

#[test]
fn a_published_run_is_priced_and_not_pinned() {
    let mut experiment = example();
    experiment.published_runs.push(PublishedRun {
        model: Some(experiment.runs[0].train.model.clone()),
        batch_size: Some(1_000),
        ..published_run("theirs", 1_000_001)
    });
    experiment.figures[0].scratch.as_mut().unwrap().runs.push("theirs".to_owned());
    let plan = expand(&experiment, Some("curve")).unwrap();
    let run = &plan.unpinned()["theirs"];
    assert_eq!(run.steps, Some(1_001));
    assert!(run.flops.unwrap() > 0);
    // 32 × 32 pixels of three bytes, 12 tokens of two.
    assert_eq!(run.input_bytes, Some(1_000_001 * (3 * 1_024 + 24)));
    let stated = ["model", "batchSize"];
    assert!(stated.iter().all(|field| !run.missing.contains(field)), "{:?}", run.missing);
    for field in ["preprocessing", "dataset.shards", "vocabulary", "seed", "gradientChunk", "order"]
    {
        assert!(run.missing.contains(&field), "{field}: {:?}", run.missing);
    }
    assert!(plan.figures().is_empty());
}

/// Weights with their configuration are one tree, whatever the files are called; nothing is trained.
#[test]
fn released_weights_are_evaluated_and_not_trained() {
    let depth = |experiment: &Experiment| {
        expand_at(experiment, Some("curve"), Some(Depth::Weights)).unwrap()
    };
    let mut experiment = example_with_weights();
    let plan = depth(&experiment);
    let expected = [
        "curve/weights/collect",
        "curve/weights/draw",
        "curve/weights/fit",
        "theirs/evaluate/zero-shot",
    ];
    assert_eq!(labels(&plan), expected);
    let (_, node) = plan.labelled("theirs/evaluate/zero-shot").unwrap();
    let blob = |digit| digest(digit).parse().unwrap();
    let tree = Manifest::of_weights((blob('1'), 5_000), (blob('2'), 700)).digest();
    assert_eq!(node.action.inputs["weights"], Input::Tree(tree));
    assert_eq!(plan.sources()[&blob('1')].bytes, 5_000);
    let before = recipe(&plan, "theirs/evaluate/zero-shot");
    experiment.released_runs[0].weights.tensors.name = "other.safetensors".to_owned();
    assert_eq!(recipe(&depth(&experiment), "theirs/evaluate/zero-shot"), before);
    experiment.released_runs[0].weights.config.sha256 = digest('0');
    assert_ne!(recipe(&depth(&experiment), "theirs/evaluate/zero-shot"), before);
    // Offered beside training again, whose actions keep their names.
    let scratch = expand(&experiment, Some("curve")).unwrap();
    assert_eq!(recipes(&scratch), recipes(&expand(&example(), Some("curve")).unwrap()));
    let run = expand(&experiment, Some("theirs")).unwrap();
    assert_eq!(run.targets().len(), 2);
    let refused = expand_at(&experiment, Some("theirs"), Some(Depth::Scratch));
    assert!(matches!(refused, Err(PlanError::DepthNotOffered { .. })));
}

/// The bytes by hand, from the documentation of canonical bytes and of the parameters; the id by
/// `printf 'recipe/1\n%s' "$BYTES" | sha256sum`.
#[test]
fn the_bytes_and_the_id_of_a_fixed_action_never_change() {
    let plan = expand(&example(), Some("table")).unwrap();
    let (id, node) = plan.labelled("table/fit").unwrap();
    let bytes = String::from_utf8(node.action.canonical_bytes()).unwrap();
    assert_eq!(bytes, FIT_BYTES);
    assert_eq!(id.to_string(), FIT_ID);
    let (id, node) = plan.labelled("points/table").unwrap();
    let bytes = String::from_utf8(node.action.canonical_bytes()).unwrap();
    assert_eq!(bytes, TABLE_BYTES);
    assert_eq!(id.to_string(), TABLE_ID);
    let plan = expand(&example(), Some("a")).unwrap();
    let (id, node) = plan.labelled("a/train").unwrap();
    let bytes = String::from_utf8(node.action.canonical_bytes()).unwrap();
    assert_eq!(bytes, TRAIN_BYTES);
    assert_eq!(id.to_string(), TRAIN_ID);
}

const TABLE_BYTES: &str = concat!(
    r#"{"inputs":{"rows":{"blob":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}}"#,
    r#","params":{"table":{"rows":{"csv":{"columns":["run","gmacs_total","acc1"]}},"steps":[]}}"#,
    r#","profile":"Portable/1","revision":2}"#,
);

const TABLE_ID: &str = "3f4d85d083b16d6aa733f6dc5b63ccc8b44da6425f9bc9283458e2300fef5011";

const FIT_BYTES: &str = concat!(
    r#"{"inputs":{"points":{"output":{"output":"table.csv","recipe":""#,
    r#"3f4d85d083b16d6aa733f6dc5b63ccc8b44da6425f9bc9283458e2300fef5011"}}}"#,
    r#","params":{"fit":{"lines":[{"interval":{"level":"f64:3fee666666666666","resamples":100,"seed":0}"#,
    r#","method":"leastSquares","panel":"zero-shot","points":{"keep":{"run":["a","b"]},"x":"gmacs_total"#,
    r#"","y":"acc1","yTransform":"oneMinus"},"series":"all"}]}},"profile":"Portable/1","revision":3}"#,
);

const FIT_ID: &str = "1731162f6de89524310483f5f393d9de638688080c7d5eaf1e34277b14498371";

const TRAIN_BYTES: &str = concat!(
    r#"{"inputs":{"dataset":{"tree":"4661b7aebe65183c960f9e4049e28450fbd915b8ffa883a2a0026635781c1f1f"}"#,
    r#","vocabulary":{"blob":"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"}},"para"#,
    r#"ms":{"train":{"batchSize":128,"captions":"drawn","checkpointIntervalSteps":0,"gradientChunk":16,"#,
    r#""logitScaleInit":"f64:4005462a20517cff","model":{"activation":"gelu","embedDim":16,"text":{"cont"#,
    r#"extLength":12,"heads":2,"layers":1,"mlpWidth":64,"pooling":"mean","vocabularySize":100,"width":1"#,
    r#"6},"vision":{"heads":4,"imageSize":32,"layers":1,"mlpWidth":128,"patchBias":true,"patchSize":8,""#,
    r#"pooling":"mean","preNorm":false,"width":32}},"optimizer":{"beta1":"f64:3feccccccccccccd","beta2""#,
    r#":"f64:3fef5c28f5c28f5c","decayPositions":false,"epsilon":"f64:3eb0c6f7a0b5ed8d","gradientClipNor"#,
    r#"m":"f64:3ff0000000000000","weightDecay":"f64:3fb999999999999a"},"order":{"epochs":{"shuffleShard"#,
    r#"s":0}},"preprocessing":{"mean":["f64:3fe6666666666666","f64:3fe6666666666666","f64:3fe6666666666"#,
    r#"666"],"std":["f64:3fd6666666666666","f64:3fd6666666666666","f64:3fd6666666666666"]},"samplesSeen"#,
    r#"":4096,"schedule":{"learningRateFinal":"f64:3f04f8b588e368f1","learningRateMax":"f64:3f70624dd2f"#,
    r#"1a9fc","warmUp":{"steps":10}},"seed":0}},"profile":"Portable/1","revision":2}"#,
);

const TRAIN_ID: &str = "92c8e58ef6324957472a0df9a2ff6d453ee02c0d7ee06afbf677c0339379eb2d";

const MANIFEST_BYTES: &str = concat!(
    r#"{"files":[{"bytes":1000,"name":"000000.tar","samples":128,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaa"#,
    r#"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","skipped":[]}],"format":"ibid-manifest/1"}"#,
);

const MANIFEST_ID: &str = "8f0918955fd344c2043a114ba62c88175ac65da0fe7c36235d25e18eb9934f9f";

#[test]
fn recipes_that_read_equal_bytes_have_one_key() {
    // Two trainings that give the same weights: what evaluates them differs as a recipe and is one action.
    let plan = expand(&example(), None).unwrap();
    let node = |label: &str| &plan.labelled(label).unwrap().1.action;
    let (a, b) = (node("a/evaluate/zero-shot"), node("b/evaluate/zero-shot"));
    assert_ne!(a.recipe_id(), b.recipe_id());
    let same = |_: &RecipeId, _: &str| Some(BlobDigest::of(b"weights"));
    assert_eq!(a.resolve(same).unwrap().key(), b.resolve(same).unwrap().key());
    let other = |_: &RecipeId, _: &str| Some(BlobDigest::of(b"other weights"));
    assert_ne!(a.resolve(same).unwrap().key(), a.resolve(other).unwrap().key());
    assert!(a.resolve(|_, _| None).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_plan_is_the_same_in_any_order(
        runs in Just((0..5_u64).collect::<Vec<_>>()).prop_shuffle(),
        figures in Just(vec![0, 1, 2]).prop_shuffle(),
    ) {
        let build = |runs: &[u64], figures: &[usize]| {
            let mut experiment = example();
            // Runs 3 and 4 are equal.
            experiment.runs = runs.iter().map(|i| run(&format!("r{i}"), (*i).min(3))).collect();
            let mut third = experiment.figures[0].clone();
            third.name = "third".to_owned();
            third.claims.clear();
            experiment.figures[0].scratch.as_mut().unwrap().runs = vec!["r0".into(), "r4".into()];
            third.scratch.as_mut().unwrap().runs = vec!["r3".into(), "r0".into()];
            experiment.figures.push(third);
            experiment.figures = figures.iter().map(|i| experiment.figures[*i].clone()).collect();
            for figure in &mut experiment.figures {
                figure.claims.clear();
            }
            expand(&experiment, None).unwrap()
        };
        prop_assert_eq!(build(&runs, &figures), build(&[0, 1, 2, 3, 4], &[0, 1, 2]));
    }
}

fn result(byte: u8) -> ActionResult {
    let file = |content: &[u8]| OutputFile { digest: BlobDigest::of(content), bytes: 1 };
    let outputs = [("model.safetensors", file(&[byte])), ("trace.bin", file(&[byte, 0]))];
    ActionResult { outputs: outputs.map(|(name, file)| (name.to_owned(), file)).into() }
}

#[test]
fn a_lockfile_round_trips_and_is_current_by_recipe() {
    let plan = expand(&example(), None).unwrap();
    let lockfile = Lockfile::from_results(&plan, |_| Some(result(1)));
    let text = lockfile.encode();
    assert_eq!(Lockfile::decode(&text).unwrap(), lockfile);
    assert_eq!(Lockfile::decode(&text).unwrap().encode(), text);
    assert!(text.starts_with("ibid-lock/1\na/evaluate/retrieval "));
    assert_eq!(text.lines().count(), 1 + plan.nodes().len());
    assert!(lockfile.is_current(&plan));
    let target = expand(&example(), Some("table")).unwrap();
    assert!(lockfile.covers(&target) && !lockfile.is_current(&target));

    let mut renamed = example();
    renamed.runs[0].train.dataset.name = "renamed".to_owned();
    assert!(lockfile.is_current(&expand(&renamed, None).unwrap()));
    let mut reseeded = example();
    reseeded.runs[1].train.seed = 9;
    let comparison = lockfile.compare(&expand(&reseeded, None).unwrap());
    let expected = ["b/evaluate/retrieval", "b/evaluate/zero-shot", "b/train"];
    let expected: BTreeSet<String> = expected
        .into_iter()
        .chain(["curve/collect", "curve/draw", "curve/fit"])
        .map(Into::into)
        .collect();
    assert_eq!((&comparison.unlocked, &comparison.stale), (&expected, &expected));
    assert_eq!(comparison.locked.len(), 6);
}

#[test]
fn a_lockfile_that_was_broken_by_hand_says_where() {
    let digest = "0".repeat(64);
    let other = "1".repeat(64);
    let line = |label: &str, recipe: &str| format!("{label} {recipe} a.bin={digest}\n");
    let good = format!("ibid-lock/1\n{}{}", line("a/train", &digest), line("b/train", &other));
    assert_eq!(Lockfile::decode(&good).unwrap().encode(), good);
    let fails = |text: String, expected: &str| {
        let error = Lockfile::decode(&text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    fails(String::new(), "line 1 is ``, not `ibid-lock/1`");
    fails(good.replace("ibid-lock/1", "ibid-lock/2"), "line 1 is `ibid-lock/2`");
    fails(good.replace("a/train", "c/train"), "line 3: `b/train` is out of order or there twice");
    fails(good.replace("b/train", "a/train"), "line 3: `a/train` is out of order or there twice");
    fails(good.trim_end().to_owned(), "line 3: the last line feed is missing");
    fails(good.clone() + "\n", "line 4: no label");
    fails(good.replace(&other, &digest), "line 3: `b/train` has the recipe id of `a/train`");
    fails(good.replace('\n', "\r\n"), "line 1: ends in a carriage return");
    fails(good.replacen('0', "g", 1), "line 2: recipe id of `a/train`");
    fails(good.replace("a.bin=", "a.bin "), "`a.bin` is not NAME=DIGEST");
    fails(good.replace("a.bin=0", "a.bin=G"), "output `a.bin`");
    fails(
        format!("ibid-lock/1\na/train {digest} b={digest} a={digest}\n"),
        "output `a` is out of order",
    );
    let conflict =
        format!("ibid-lock/1\n<<<<<<< ours\n{}=======\n>>>>>>> theirs\n", line("a/train", &digest));
    fails(conflict, "line 2 is a mark of an unfinished merge");
    // What is wrong is named, however long it is.
    let long = "y".repeat(1 << 20);
    let losses = format!("losses:{long}");
    for text in [
        long.clone(),
        format!("{good}{long}\n"),
        good.replace("a.bin", &long),
        good.replace("a.bin=", &losses),
    ] {
        if let Err(error) = Lockfile::decode(&text) {
            assert!(error.to_string().len() < 300, "{error}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_back(text in "(ibid-lock/1\n)?([a-c/]{1,3} [0-9a-f]{64}( [ab]=[0-9a-f]{64}){0,2}( losses:[0-9][.,][0-9])?\n){0,3}.{0,3}") {
        if let Ok(lockfile) = Lockfile::decode(&text) {
            prop_assert_eq!(lockfile.encode(), text);
        }
    }
}

#[test]
fn explain_names_the_nearest_action_and_the_changed_field() {
    let old = expand(&example(), None).unwrap();
    let mut experiment = example();
    experiment.runs[1].train.seed = 7;
    experiment.runs[1].train.schedule.learning_rate_max = 0.005;
    let new = expand(&experiment, None).unwrap();
    let known: BTreeMap<&str, Vec<u8>> = old
        .nodes()
        .values()
        .map(|node| (node.label.as_str(), node.action.canonical_bytes()))
        .collect();
    let wanted = new.labelled("b/train").unwrap().1.action.canonical_bytes();
    let candidates = known.iter().map(|(label, bytes)| (*label, bytes.as_slice()));
    let explanation = Earlier::new(candidates).nearest(&wanted).unwrap();
    // `a` and `b` differ from what is wanted in the same two fields: the first in order is named.
    assert_eq!(explanation.nearest, "a/train");
    let shown: Vec<String> = explanation.differences.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        ["params.train.schedule.learningRateMax: 0.004 → 0.005", "params.train.seed: 0 → 7"]
    );
    let wanted = new.labelled("b/evaluate/zero-shot").unwrap().1.action.canonical_bytes();
    let candidates = known.iter().map(|(label, bytes)| (*label, bytes.as_slice()));
    let explanation = Earlier::new(candidates).nearest(&wanted).unwrap();
    assert_eq!(explanation.nearest, "a/evaluate/zero-shot");
    assert_eq!(explanation.differences[0].path, "inputs.weights.output.recipe");
}

#[test]
fn explain_compares_actions_of_one_kind_and_passes_over_rubbish() {
    let plan = expand(&example(), None).unwrap();
    let bytes = |label: &str| plan.labelled(label).unwrap().1.action.canonical_bytes();
    let (train, fit) = (bytes("a/train"), bytes("curve/fit"));
    let candidates = [("rubbish", &b"{\"params\":"[..]), ("fit", fit.as_slice())];
    assert_eq!(Earlier::new(candidates).nearest(&train), None);
    assert_eq!(differences(&train, &train).unwrap(), []);
    let absent = differences(br#"{"a":[1,2],"b":{}}"#, br#"{"a":[1],"c":"x"}"#).unwrap();
    let shown: Vec<String> = absent.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["a[1]: 2 → (absent)", "b: {} → (absent)", "c: (absent) → \"x\""]);
}

#[test]
fn a_raised_revision_is_another_action_and_labels_end_in_the_kind() {
    let plan = expand(&example(), None).unwrap();
    for node in plan.nodes().values() {
        let raised = Action { revision: node.action.revision + 1, ..node.action.clone() };
        assert_ne!(raised.recipe_id(), node.action.recipe_id());
        assert!(matches!(
            (&node.action.params, node.label.rsplit('/').next().unwrap()),
            (Params::Train(_), "train")
                | (Params::Evaluate(_), "zero-shot" | "retrieval")
                | (Params::Probe(_), "probe")
                | (Params::Collect(_), "collect")
                | (Params::Table(_), "table")
                | (Params::Fit(_), "fit")
                | (Params::Sensitivity(_), "sensitivity")
                | (Params::Draw(_), "draw")
        ));
    }
}

/// What is tried on a series is an action of its own: the figure and its fits stay the same.
#[test]
fn trying_choices_on_a_series_adds_one_action_and_changes_none() {
    let plain = expand(&example(), Some("curve")).unwrap();
    let mut tried = example();
    tried.figures[0].panels[0].series[0].sensitivity =
        Some(spec::Sensitivity { bins_min: 3, bins_max: 12, margins_decades: vec![0.0, 0.1] });
    let tried = expand(&tried, Some("curve")).unwrap();
    assert_eq!(plain.figures()["curve"].sensitivity, None);
    let sensitivity = tried.figures()["curve"].sensitivity.unwrap();
    assert!(tried.targets().contains(&sensitivity));
    let added: Vec<_> =
        tried.nodes().keys().filter(|id| !plain.nodes().contains_key(id)).copied().collect();
    assert_eq!(added, [sensitivity]);
    assert!(plain.nodes().keys().all(|id| tried.nodes().contains_key(id)));
}

/// A prediction takes the settings of the line it names; a legend, a caption or a width redraws and fits nothing anew.
#[test]
fn how_a_figure_is_drawn_changes_the_drawing_alone() {
    let plain = expand(&example(), Some("curve")).unwrap();
    let mut drawn = example();
    let figure = &mut drawn.figures[0];
    figure.caption = Some("What it shows".to_owned());
    figure.width = spec::FigureWidth::OneColumn;
    figure.legends = vec![spec::Legend {
        column: "run".to_owned(),
        title: "Run".to_owned(),
        values: Vec::new(),
    }];
    figure.panels[0].series[0].predictions = vec![spec::Prediction {
        label: "c".to_owned(),
        x: 1e9,
        method: spec::FitNameMethod::LeastSquares,
        row: vec![spec::Condition { column: "run".to_owned(), text: "c".to_owned() }],
    }];
    let drawn = expand(&drawn, Some("curve")).unwrap();
    let (before, after) = (&plain.figures()["curve"], &drawn.figures()["curve"]);
    assert_eq!(before.fit, after.fit);
    assert_ne!(before.draw, after.draw);
    let Params::Draw(draw) = &drawn.nodes()[&after.draw].action.params else {
        panic!("a figure's drawing is a drawing");
    };
    let prediction = &draw.panels[0].series[0].predictions[0];
    assert_eq!(prediction.method, crate::action::params::FitMethod::LeastSquares);
    assert_eq!(prediction.texts["run"], "c");
}

#[test]
fn a_manifest_is_named_by_the_hash_of_its_bytes() {
    // `printf '%s' "$BYTES" | sha256sum`
    let file = ManifestFile {
        name: "000000.tar".to_owned(),
        sha256: BlobDigest::from_bytes([0xaa; 32]),
        bytes: 1_000,
        samples: 128,
        skipped: Vec::new(),
    };
    let manifest = Manifest::new(vec![file]);
    assert_eq!(String::from_utf8(manifest.canonical_bytes()).unwrap(), MANIFEST_BYTES);
    assert_eq!(manifest.digest().to_string(), MANIFEST_ID);
}

/// A probe reads no texts; what it learns from are inputs by number.
#[test]
fn a_probe_is_an_action_of_its_own_with_the_sets_it_learns_from() {
    use crate::spec::experiment::testing::{dataset, linear_probe};
    let mut experiment = example();
    let mut probe = linear_probe();
    let mut other = dataset("other");
    if let Shards::Inline(shards) = &mut other.shards {
        shards.truncate(1);
    }
    probe.split = spec::Split::Apart { train: vec![dataset("downstream"), other] };
    let evaluation = &mut experiment.runs[0].evaluations[0];
    evaluation.task = spec::Task::LinearProbe(probe.clone());
    let plan = expand(&experiment, None).unwrap();
    let (_, node) = plan.labelled("a/probe/zero-shot").unwrap();
    let inputs: Vec<&str> = node.action.inputs.keys().map(String::as_str).collect();
    assert_eq!(inputs, ["classes", "dataset", "train-0", "train-1", "weights"]);
    assert_eq!(node.action.inputs["dataset"], node.action.inputs["train-0"]);
    assert_ne!(node.action.inputs["dataset"], node.action.inputs["train-1"]);
    let Params::Probe(params) = &node.action.params else { panic!("a probe is a probe") };
    assert_eq!(params.split, crate::action::params::Split::Apart { sets: 2 });
    // 256 + 256 + 128 images, and a layer of 10 × 16 that sees them ten times, forward and backward.
    let images = u128::from(params.model.macs_per_image().total()) * 640 * 2;
    assert_eq!(node.price.flops, images + 4 * 10 * 16 * 640 * 10);
    assert_eq!(node.price.fetch_bytes, 2_000 + 50 + 2_000 + 1_000);
    // Another seed is another probe, and nothing else.
    probe.seed += 1;
    let evaluation = &mut experiment.runs[0].evaluations[0];
    evaluation.task = spec::Task::LinearProbe(probe);
    let other = expand(&experiment, None).unwrap();
    assert_eq!(recipe(&other, "a/train"), recipe(&plan, "a/train"));
    assert_ne!(recipe(&other, "a/probe/zero-shot"), recipe(&plan, "a/probe/zero-shot"));
}
