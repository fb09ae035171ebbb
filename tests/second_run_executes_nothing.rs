//! A run with nothing to do: after touching, reformatting, commenting, deleting an output.

use std::fs;

use crate::support::{PACKAGE, SMOKE, Workspace};

#[test]
fn second_run_executes_nothing_and_starts_no_evaluator() {
    let workspace = Workspace::of_repository();
    assert!(0 < workspace.ok(&["reproduce", SMOKE]).verdict("executed"));
    // Without the evaluator's child, only the cache can answer: the program may start no process at all.
    let mut command = workspace.command(&["reproduce", SMOKE, "--log", "debug"]);
    let output = command.output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.lines().last().unwrap().starts_with("executed 0,"), "{text}");
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
