//! `bisect` says where two trainings part: specifications that differ, and sides that do not.

use std::fs;

use ibid::digest::BlobDigest;
use ibid::numerics::Level;
use ibid::training::Trace;

use crate::support::{PACKAGE, SMOKE, Workspace, forge};

const LOCKFILE: &str = "lockfiles/pictogram-scaling-laws.lock";
const FOLDER: &str = "experiments/pictogram-scaling-laws";

/// A workspace in which `smoke` was reproduced, and `other/smoke`: the same with one change.
fn with_other(from: &str, to: &str) -> Workspace {
    let workspace = Workspace::with_smoke();
    for file in ["data.dhall", "models.dhall", "package.dhall", "shards.dhall"] {
        let text = workspace.read(&format!("{FOLDER}/{file}"));
        workspace.write(&format!("experiments/other/{file}"), &text);
    }
    workspace.edit("experiments/other/package.dhall", from, to);
    workspace.ok(&["reproduce", "other/smoke"]);
    workspace
}

#[test]
fn what_does_not_differ_is_said_to_be_the_same() {
    let workspace = Workspace::with_smoke();
    let now = workspace.ok(&["bisect", SMOKE]);
    assert!(now.stdout.contains("smoke-xs-2k/train: the same, all 32 steps"), "{}", now.stdout);
    let plain = ["bisect", SMOKE, "--other-simd", "scalar", "--other-threads", "3"];
    assert!(workspace.ok(&plain).stdout.ends_with("0 of 1 trainings differ\n"));
    workspace.ok(&["bisect", SMOKE, "--with", ".ibid"]);
}

#[test]
fn another_epsilon_is_named_by_operation_and_by_field() {
    let workspace = with_other(", weightDecay = 0.1", ", weightDecay = 0.1, epsilon = 1.0e-5");
    let ran = workspace.run(&["bisect", SMOKE, "other/smoke"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for line in [
        "smoke-xs-2k/train: step 0 is the first that differs",
        "operation      AdamW, in step 0",
        "tensor         epsilon [1]",
        "A 1e-6 (0x3eb0c6f7a0b5ed8d), B 1e-5 (0x3ee4f8b588e368f1)",
        "params.train.optimizer.epsilon: 0.000001 → 0.00001",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
}

#[test]
fn another_seed_differs_before_the_first_step() {
    let workspace = with_other("seed = 0", "seed = 1");
    let ran = workspace.run(&["bisect", SMOKE, "other/smoke", "--run", "smoke-xs-2k"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for line in [
        "the initial parameters differ",
        "params.train.seed: 0 → 1",
        "token_embedding.weight",
        "ulp apart",
    ] {
        assert!(ran.stdout.contains(line), "no `{line}` in {}", ran.stdout);
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_hint() {
    let workspace = Workspace::of_repository();
    // A training that nobody recorded.
    workspace.edit(PACKAGE, "seed = 0", "seed = 7");
    let cases: [(&[&str], i32, &str); 5] = [
        (&["bisect", SMOKE], 3, "ibid reproduce pictogram-scaling-laws/smoke --store"),
        (&["bisect", SMOKE, "--with", "nowhere"], 3, "is not a store"),
        (&["bisect", SMOKE, "--run", "nobody"], 2, "the runs: smoke-xs-2k"),
        (&["bisect", "nothing-here"], 2, "ibid new nothing-here"),
        (&["bisect", SMOKE, "--budget", "soon"], 2, "soon"),
    ];
    for (arguments, code, hint) in cases {
        let ran = workspace.run(arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_spot_check_needs_checkpoints_and_says_what_to_set() {
    let workspace = Workspace::with_smoke();
    let ran = workspace.run(&["verify", SMOKE, "--spot", "2"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("checkpointIntervalSteps = 4"), "{}", ran.stderr);
    let bad = workspace.run(&["verify", SMOKE, "--spot", "2", "--nonce", "12"]);
    assert_eq!(bad.code, Some(2), "{}", bad.stderr);
}

/// A workspace in which `smoke`, with a checkpoint every so many steps, was locked.
fn with_checkpoints(interval: u64) -> Workspace {
    let workspace = Workspace::of_repository();
    let captions = ", captions = schema.CaptionChoice.Drawn";
    let checkpoints = format!("{captions}\n          , checkpointIntervalSteps = {interval}");
    workspace.edit(PACKAGE, captions, &checkpoints);
    workspace.ok(&["lock", SMOKE]);
    workspace
}

/// Copies the store to `honest`.
fn keep_a_copy(workspace: &Workspace) {
    let copied = std::process::Command::new("cp")
        .args(["-r", ".ibid", "honest"])
        .current_dir(workspace.path("."))
        .status();
    assert!(copied.unwrap().success());
}

/// The bytes of a training's output, and its digest in a lockfile.
fn recorded(workspace: &Workspace, lockfile: &str, output: &str) -> (Vec<u8>, String) {
    let digest = lockfile.split(&format!("{output}=")).nth(1).unwrap()[..64].to_owned();
    let blob = workspace.path(".ibid/cas").join(&digest[..2]).join(&digest[2..]);
    (fs::read(blob).unwrap(), digest)
}

/// No trace sees a moment, nor what was written to a file.
#[test]
fn a_forged_file_of_a_true_trace_is_named() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    let honest = workspace.read(LOCKFILE);
    let recorded = |output: &str| recorded(&workspace, &honest, output);
    // What is forged, of which bytes, and the tensor that is to be named.
    let (checkpoint, _) = recorded("checkpoint-16.safetensors");
    let (weights, _) = recorded("model.safetensors");
    // A bit of the last moment, and one of the last weight; eight bytes of the step come after the moments.
    for (output, mut bytes, at) in
        [("checkpoint-16.safetensors", checkpoint, 12), ("model.safetensors", weights, 4)]
    {
        let place = bytes.len() - at;
        bytes[place] ^= 1;
        forge(&workspace, output, &bytes);
        let found = |arguments: &[&str], gives: [bool; 2]| {
            let ran = workspace.run(&[&["bisect", SMOKE, "--json"], arguments].concat());
            assert_eq!(ran.code, Some(1), "{output} {arguments:?}: {}{}", ran.stdout, ran.stderr);
            let value = ran.stdout.lines().find(|line| line.contains("\"trainings\"")).unwrap();
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            let found = &value["trainings"][0]["divergence"]["found"];
            assert_eq!(
                (&found["kind"], &found["gives"]),
                (&"outputs".into(), &gives.to_vec().into()),
                "{found}"
            );
            assert_eq!(found["outputs"][0]["output"], output, "{found}");
            let [tensor] = found["tensors"].as_array().unwrap().as_slice() else {
                panic!("{found}")
            };
            assert_eq!(tensor["element"]["differing"], 1, "{found}");
        };
        found(&["--with", "honest"], [false, true]);
        // The lockfile is honest still, and a rerun agrees with it; then it is made to lie as the store does.
        workspace.ok(&["bisect", SMOKE]);
        let (_, digest) = recorded(output);
        workspace.edit(LOCKFILE, &digest, &ibid::digest::BlobDigest::of(&bytes).to_string());
        found(&[], [false, true]);
        let text = workspace.run(&["bisect", SMOKE]).stdout;
        for words in [
            "the traces are the same, and what was written differs",
            output,
            "B gives its own, and A does not",
        ] {
            assert!(text.contains(words), "no `{words}` in {text}");
        }
        workspace.write(LOCKFILE, &honest);
        workspace.ok(&["reproduce", SMOKE, "--store", "honest"]);
        fs::remove_dir_all(workspace.path(".ibid")).unwrap();
        workspace.ok(&["lock", SMOKE]);
    }
}

/// What was written is told, and the segment behind it differs.
#[test]
fn a_checkpoint_that_is_none_is_told() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    let honest = workspace.read(LOCKFILE);
    forge(&workspace, "checkpoint-8.safetensors", b"no checkpoint");
    let ran = workspace.run(&["bisect", SMOKE, "--with", "honest"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("checkpoint-8.safetensors"), "{}", ran.stdout);
    let (_, digest) = recorded(&workspace, &honest, "checkpoint-8.safetensors");
    let forged = ibid::digest::BlobDigest::of(b"no checkpoint").to_string();
    workspace.edit(LOCKFILE, &digest, &forged);
    let ran = workspace.run(&["verify", SMOKE, "--spot", "4"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    for words in [
        "after 8 steps is not the published checkpoint",
        "after 8 steps is none of this training",
        "nonce",
    ] {
        assert!(ran.stdout.contains(words), "no `{words}` in {}", ran.stdout);
    }
}

/// Runs `bisect`, which must find a difference, say all of `words` and none of `unsaid`.
fn says(workspace: &Workspace, arguments: &[&str], words: &[&str], unsaid: &[&str]) {
    let ran = workspace.run(&[&["bisect", SMOKE], arguments].concat());
    assert_eq!(ran.code, Some(1), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(ran.stdout.contains(word), "{arguments:?}: no `{word}` in {}", ran.stdout);
    }
    for word in unsaid {
        assert!(!ran.stdout.contains(word), "{arguments:?}: `{word}` in {}", ran.stdout);
    }
}

/// A run was stopped, and went on from a state that somebody had changed meanwhile where it was published and kept.
#[test]
fn a_published_state_that_its_own_start_does_not_give_is_named() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    let honest = workspace.read(LOCKFILE);
    // A moment, which no trace sees before it is used, and a parameter.
    for tensor in ["optimizer.exp_avg.logit_scale", "logit_scale"] {
        workspace.go_on_from_a_changed_state("forged", 8, tensor);
        let found = |who: &str, arguments: &[&str]| {
            let published = format!("by {who} after 8 steps: checkpoint-8.safetensors");
            let start = format!("which is not what {who}'s own start gives");
            let reason = format!("{who} went on from it, which gives {who}'s trace");
            let words = [published.as_str(), &start, &reason, tensor, ", executed again "];
            says(&workspace, arguments, &words, &["cannot be read"]);
            let json = workspace.run(&[&["bisect", SMOKE, "--json"], arguments].concat()).stdout;
            let value = json.lines().find(|line| line.contains("\"trainings\"")).unwrap();
            let value: serde_json::Value = serde_json::from_str(value).unwrap();
            let divergence = &value["trainings"][0]["divergence"];
            // It is used in the step after it.
            assert_eq!(divergence["step"], 8, "{divergence}");
            let [named] = divergence["found"]["tensors"].as_array().unwrap().as_slice() else {
                panic!("{divergence}")
            };
            assert_eq!(
                (&named["tensor"], &named["element"]["differing"]),
                (&tensor.into(), &1.into())
            );
            let number = |side: &str| -> f64 {
                named["element"][side]["text"].as_str().unwrap().parse().unwrap()
            };
            assert!((number("a") / number("b") - 2.0).abs() < 1e-6, "{named}");
        };
        found("B", &["--with", "forged"]);
        found("A", &["--store", "forged", "--with", "honest"]);
        // A lockfile that says what was forged, and a rerun; an honest one, and a rerun.
        workspace.ok(&["lock", SMOKE, "--store", "forged"]);
        found("A", &["--store", "forged"]);
        workspace.write(LOCKFILE, &honest);
        workspace.ok(&["bisect", SMOKE]);
        fs::remove_dir_all(workspace.path("forged")).unwrap();
    }
}

/// The bytes of a trace of so many steps, from another start if one is given, with other losses.
fn retold(
    trace: &[u8],
    steps: usize,
    start: Option<[u8; 32]>,
    loss: impl Fn(usize, f32) -> f32,
) -> Vec<u8> {
    let whole = Trace::decode(trace).unwrap();
    let mut retold = Trace::after(start.unwrap_or(whole.digest(0).unwrap()));
    for (at, step) in (0..steps).map(|at| (at, whole.step(at).unwrap())) {
        retold.push(loss(at, step.loss), step.fingerprint);
    }
    retold.bytes().to_vec()
}

#[test]
fn a_fabricated_trace_of_true_states_is_told_from_other_states() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    let honest = workspace.read(LOCKFILE);
    let (trace, digest) = recorded(&workspace, &honest, "trace.bin");
    let with = ["--with", "honest"];
    // One bit of one loss.
    let flipped = |at, loss: f32| if at == 10 { f32::from_bits(loss.to_bits() ^ 1) } else { loss };
    forge(&workspace, "trace.bin", &retold(&trace, 32, None, flipped));
    let words = [
        "step 10 is the first that differs",
        "the same after it: checkpoint-16.safetensors, checkpoint-24.safetensors, checkpoint-32.safetensors",
        "a trace differs where its training does not",
        "cannot be executed again here from the checkpoint after 8 steps: nothing gives its trace",
    ];
    says(&workspace, &with, &words, &["other states", "the place is in the samples"]);
    // The first digest alone.
    forge(&workspace, "trace.bin", &retold(&trace, 32, Some([7; 32]), |_, loss| loss));
    let words = [
        "A's trace does not begin with those that its specification gives",
        "B's trace begins with those that its specification gives",
    ];
    says(&workspace, &with, &words, &["cannot be made", "other parameters"]);
    // An end that comes early, also where a rerun is compared with it.
    let cut = retold(&trace, 20, None, |_, loss| loss);
    forge(&workspace, "trace.bin", &cut);
    let words = ["A's is not a trace of 32 steps, as its training has: it has 20"];
    says(&workspace, &with, &words, &["B's is not", "step 20 is the first"]);
    workspace.edit(LOCKFILE, &digest, &BlobDigest::of(&cut).to_string());
    says(&workspace, &[], &words, &["20 and 21", "B's is not"]);
    // What ends early on both sides is the same, and no trace of this training.
    says(&workspace, &["--with", ".ibid"], &words, &["the same, all"]);
}

#[test]
fn an_output_that_one_side_lacks_is_a_difference() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    let honest = workspace.read(LOCKFILE);
    for output in ["checkpoint-16.safetensors", "model.safetensors"] {
        workspace.forge_without(output);
        let (_, digest) = recorded(&workspace, &honest, output);
        let short = &digest[..12];
        let lacks = format!("{output}: A none, B {short}");
        says(&workspace, &["--with", "honest"], &[&lacks], &["executed again"]);
        let has = format!("{output}: A {short}, B none");
        says(&workspace, &["--store", "honest", "--with", ".ibid"], &[&has], &[]);
    }
    // A is what the lockfile says, whatever the store recorded, and its header says so.
    let ran = workspace.ok(&["bisect", SMOKE]);
    let header = ran.stdout.lines().next().unwrap();
    assert!(header.ends_with("pictogram-scaling-laws.lock` has it"), "{header}");
    let otherwise = "its store recorded otherwise: checkpoint-16.safetensors, model.safetensors";
    assert!(ran.stdout.contains(otherwise), "{}", ran.stdout);
    // Struck from the lockfile.
    let (_, digest) = recorded(&workspace, &honest, "model.safetensors");
    workspace.edit(LOCKFILE, &format!(" model.safetensors={digest}"), "");
    says(&workspace, &[], &["model.safetensors: A none, B"], &[]);
}

/// Who asks for other checkpoints publishes others.
#[test]
fn checkpoints_that_only_one_specification_asks_for_are_no_difference() {
    let workspace = with_checkpoints(8);
    for file in ["data.dhall", "models.dhall", "package.dhall", "shards.dhall"] {
        let text = workspace.read(&format!("{FOLDER}/{file}"));
        workspace.write(&format!("experiments/other/{file}"), &text);
    }
    let (eight, sixteen) = ("checkpointIntervalSteps = 8", "checkpointIntervalSteps = 16");
    workspace.edit("experiments/other/package.dhall", eight, sixteen);
    workspace.ok(&["reproduce", "other/smoke"]);
    let ran = workspace.ok(&["bisect", SMOKE, "other/smoke"]);
    assert!(ran.stdout.contains("the same, all 32 steps"), "{}", ran.stdout);
    assert!(ran.stdout.lines().next().unwrap().ends_with("recorded it"), "{}", ran.stdout);
}

#[test]
fn a_value_that_is_not_finite_is_named() {
    let workspace = with_checkpoints(8);
    keep_a_copy(&workspace);
    for wrong in [f32::NAN, f32::INFINITY] {
        workspace.forge_element("model.safetensors", "logit_scale", |_| wrong);
        let value = format!("A {wrong:?} ({:#010x})", wrong.to_bits());
        let words = ["logit_scale", value.as_str(), "no distance in ulp: not finite"];
        says(&workspace, &["--with", "honest"], &words, &["not compared"]);
    }
}

#[test]
fn a_level_that_the_machine_lacks_is_told_with_the_option_that_asked_for_it() {
    let workspace = Workspace::with_smoke();
    let lacking = [Level::Avx2, Level::Avx512].into_iter().find(|level| !level.is_available());
    let Some(lacking) = lacking.map(|level| level.to_string()) else {
        println!("skipped: this machine has every level");
        return;
    };
    let ran = workspace.run(&["bisect", SMOKE, "--other-simd", &lacking]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("leave --other-simd out"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("IBID_SIMD"), "{}", ran.stderr);
}

#[test]
fn a_spot_check_executes_some_segments_and_everything_after_them() {
    let workspace = with_checkpoints(5);
    // 32 steps in segments of 5, the last one of 2.
    let ran = workspace.ok(&["verify", SMOKE, "--spot", "2"]);
    let segments = ran.stdout.lines().filter(|line| line.starts_with("segment")).count();
    assert_eq!(segments, 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("drawn 2 of 7 segments of 2 to 5 steps"), "{}", ran.stdout);
    assert!(ran.stdout.contains("forged 1 of 7: missed with probability 0.7143"), "{}", ran.stdout);
    assert_eq!((ran.verdict("executed"), ran.verdict("cached")), (5, 1), "{}", ran.stdout);
    assert_eq!(ran.verdict("same bits as lockfile"), 6);
    let nonce =
        |stdout: &str| stdout.lines().find(|line| line.starts_with("nonce")).map(str::to_owned);
    let again = workspace.ok(&["verify", SMOKE, "--spot", "2"]);
    assert_ne!(nonce(&ran.stdout), nonce(&again.stdout));
    // Estimated at 10^10 operations a second, 5 steps of 32 of 17.1·10^9 take 0.27 s and 2 steps 0.11 s: each alone is
    // within the budget, no two of them are.
    let within = |count| {
        let check = ["verify", SMOKE, "--spot", count, "--budget", "0.3s", "--simd", "scalar"];
        workspace.run(&check)
    };
    let refused = within("2");
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    for words in ["exceeds the budget", "nothing was executed", "--budget 1min"] {
        assert!(refused.stderr.contains(words), "no `{words}` in {}", refused.stderr);
    }
    assert_eq!(within("1").code, Some(0));
}
