//! Linear probe and fine-tuning of a model that was trained here, from an experiment to their metrics.

use crate::support::{PACKAGE, Workspace};

const RUN: &str = "pictogram-scaling-laws/smoke-xs-2k";

/// A workspace in which `smoke` was reproduced, whose run then gets two classifiers with so many shots.
fn with_classifiers(shots: &str) -> Workspace {
    let workspace = Workspace::with_smoke();
    let run = "[ run \"smoke-xs-2k\" xs data.glyphs-2k 4096 ]";
    let classifiers = format!(
        "let smoke-classes = data.withheld143Classes
         let smoke-split = schema.Split.Within {{ testPercent = 20, seed = 0 }}
         let shots = {shots}
         let probe = schema.Task.LinearProbe schema.LinearProbe::{{
             , classes = smoke-classes, split = smoke-split, shots, seed = 7, learningRate = 0.1, epochs = 5
             , weightDecay = schema.WeightDecay.Validated {{ candidates = [ 0.0, 0.1 ], validationPercent = 30 }} }}
         let tuned = schema.Task.FineTune schema.FineTune::{{
             , classes = smoke-classes, split = smoke-split, shots, seed = 7
             , head = schema.HeadStart.ZeroShot {{ templates = [ \"{{}} icon\" ] }}
             , samplesSeen = 256, batchSize = 64, gradientChunk = 16
             , schedule = schema.Schedule::{{ learningRateMax = 1.0e-3, warmUp = schema.WarmUp.Steps 1 }} }}
         let on = λ(name : Text) → λ(task : schema.Task) →
             schema.Evaluation::{{ name, dataset = data.withheld143, task }}
         in [ run \"smoke-xs-2k\" xs data.glyphs-2k 4096 ⫽ {{ evaluations = [ on \"probe\" probe, on \"tuned\" tuned ] }} ]"
    );
    workspace.edit(PACKAGE, run, &classifiers);
    // Of the figures only those that speak of other evaluations of this run.
    workspace.edit(PACKAGE, "        , scratch = Some (points smoke)\n        , panels = panels ([] : List schema.Fit.Type)", "        , scratch = Some (points quick)\n        , panels = panels ([] : List schema.Fit.Type)");
    workspace
}

#[test]
fn a_probe_and_a_fine_tuning_are_reproduced_with_their_samples() {
    let workspace = with_classifiers("schema.Shots.PerClass 1");
    let planned = workspace.ok(&["plan", RUN]).stdout;
    assert!(planned.contains("smoke-xs-2k/probe/probe"), "{planned}");
    assert!(planned.contains("smoke-xs-2k/fine-tune/tuned"), "{planned}");
    let ran = workspace.ok(&["reproduce", RUN]);
    assert_eq!((ran.verdict("executed"), ran.verdict("cached")), (2, 1), "{}", ran.stderr);
    workspace.ok(&["lock", RUN]);
    let lockfile = workspace.read("lockfiles/pictogram-scaling-laws.lock");
    let outputs = |label: &str| {
        let line = lockfile.lines().find(|line| line.starts_with(label)).unwrap().to_owned();
        let names = line.split_whitespace().filter_map(|word| word.split_once('='));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        outputs("smoke-xs-2k/probe/probe "),
        ["metrics.json", "probe.safetensors", "samples.csv"]
    );
    assert_eq!(
        outputs("smoke-xs-2k/fine-tune/tuned "),
        ["classifier.safetensors", "metrics.json", "samples.csv", "trace.bin"]
    );
    // Another seed is another probe; explain says which field.
    workspace.edit(PACKAGE, "seed = 7, learningRate", "seed = 8, learningRate");
    let explained = workspace.ok(&["explain", RUN]).stdout;
    assert!(explained.contains("params.probe.seed: 7 → 8"), "{explained}");
}

#[test]
fn more_shots_than_a_class_has_are_an_error_that_names_it() {
    let workspace = with_classifiers("schema.Shots.PerClass 5");
    let ran = workspace.run(&["reproduce", RUN]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("samples to learn from, and 5 are asked for"), "{}", ran.stderr);
    assert!(ran.stderr.contains("class `"), "{}", ran.stderr);
    // What can never be is found before anything is read.
    let workspace = with_classifiers("schema.Shots.PerClass 6");
    let ran = workspace.run(&["check", "pictogram-scaling-laws"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    let finding = "6 of each of 143 classes are more than the 765 samples";
    assert!(ran.stdout.contains(finding), "{}", ran.stdout);
}
