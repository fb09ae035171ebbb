//! What a change of the experiment reaches, and how `explain` names it.

use crate::support::{PACKAGE, SMOKE, Workspace};

#[test]
fn another_seed_reruns_the_run_and_what_depends_on_it() {
    let workspace = Workspace::with_smoke();
    workspace.edit(PACKAGE, "seed = 0", "seed = 1");
    let plan = workspace.ok(&["plan", SMOKE]).stdout;
    assert!(
        plan.lines().any(|line| line.starts_with("run") && line.contains("smoke-xs-2k/train")),
        "{plan}"
    );
    let explained = workspace.ok(&["explain", SMOKE]).stdout;
    assert!(explained.contains("params.train.seed: 0 → 1"), "{explained}");
    // Train, two evaluations, collect, draw; a fit without lines gives the same bytes but from another table.
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert!(ran.verdict("executed") >= 4, "{}", ran.stdout);
    workspace.edit(PACKAGE, "seed = 1", "seed = 0");
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
}

#[test]
fn another_template_leaves_the_training_and_the_other_evaluation_alone() {
    let workspace = Workspace::with_smoke();
    workspace.edit(PACKAGE, "a picture of {}", "a drawing of {}");
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert!(!ran.stderr.contains("smoke-xs-2k/train"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("evaluate/iconoir-1k"), "{}", ran.stderr);
    assert!(ran.stderr.contains("evaluate/icon143"), "{}", ran.stderr);
}

#[test]
fn another_title_of_a_panel_executes_only_what_shows_it() {
    let workspace = Workspace::with_smoke();
    workspace.edit(PACKAGE, "One short training on pictograms", "A short training");
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(ran.verdict("executed"), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("smoke/draw"), "{}", ran.stderr);
}

#[test]
fn diff_tells_meaning_from_layout() {
    let workspace = Workspace::of_repository();
    let text = workspace.read(PACKAGE);
    let other = "experiments/other/package.dhall";
    let text = text.replace("./data.dhall", "../pictogram-scaling-laws/data.dhall");
    let text = text.replace("./models.dhall", "../pictogram-scaling-laws/models.dhall");
    workspace.write(other, &format!("-- moved\n{text}"));
    let same = workspace.run(&["diff", "pictogram-scaling-laws", "other"]);
    assert_eq!(same.code, Some(0), "{}", same.stdout);
    workspace.edit(other, "batchSize = 128", "batchSize = 64");
    let differs = workspace.run(&["diff", "pictogram-scaling-laws", "other"]);
    assert_eq!(differs.code, Some(1));
    assert!(differs.stdout.contains("train.batchSize: 128 → 64"), "{}", differs.stdout);
}
