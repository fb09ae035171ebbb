//! A run with nothing to do: after touching, reformatting, commenting, deleting an output.

use std::fs;

use crate::support::{PACKAGE, Ran, SMOKE, Workspace};

#[test]
fn second_run_executes_nothing_and_starts_no_evaluator() {
    let workspace = Workspace::of_repository();
    let reproduce = ["reproduce", SMOKE];
    // On a machine where no program can be started: no evaluator, and no job.
    let alone = || {
        let mut command = workspace.on_bad_machine(&reproduce, ("NO_PROGRAMS", "1"))?;
        Some(Ran::from(command.output().unwrap()))
    };
    if let Some(first) = alone() {
        assert_eq!(first.code, Some(3), "{}{}", first.stdout, first.stderr);
        assert!(first.stderr.contains("Operation not permitted"), "{}", first.stderr);
    }
    assert!(0 < workspace.ok(&reproduce).verdict("executed"));
    let second = alone().unwrap_or_else(|| workspace.run(&reproduce));
    assert_eq!(second.code, Some(0), "{}{}", second.stdout, second.stderr);
    assert_eq!(second.verdict("executed"), 0, "{}", second.stdout);
}

#[test]
fn layout_comments_and_time_stamps_execute_nothing() {
    let workspace = Workspace::with_smoke();
    let text = workspace.read(PACKAGE);
    workspace.write(PACKAGE, &text);
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
    workspace.write(
        PACKAGE,
        &format!("-- a comment\n\n{}", text.replace("let smoke =", "let smoke   =")),
    );
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
    workspace.write(PACKAGE, &text);
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
}

#[test]
fn a_deleted_output_is_written_again_from_the_store() {
    let workspace = Workspace::with_smoke();
    let figure = workspace.path("out/pictogram-scaling-laws/smoke/figure.svg");
    let before = fs::read(&figure).unwrap();
    fs::remove_dir_all(workspace.path("out")).unwrap();
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
    assert_eq!(fs::read(&figure).unwrap(), before);
}

#[test]
fn every_promised_file_appears() {
    let workspace = Workspace::with_smoke();
    for file in [
        "figure.svg",
        "figure.png",
        "figure.pdf",
        "points.csv",
        "fits.json",
        "claims.json",
        "report.html",
        "attribution.txt",
        "evaluations/icon143_smoke-xs-2k_zeroshot_classification.json",
        "evaluations/iconoir-1k_smoke-xs-2k_zeroshot_retrieval.json",
    ] {
        let path = workspace.path("out/pictogram-scaling-laws/smoke").join(file);
        assert!(path.is_file() && path.metadata().unwrap().len() > 0, "{file}");
    }
}
