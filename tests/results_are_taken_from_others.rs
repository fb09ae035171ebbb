//! `--substitute` takes what the lockfile names from the mirrors, says so, and passes none of it off as reproduced.

use std::fs;
use std::path::Path;

use crate::support::{PACKAGE, SMOKE, Workspace};

const FIGURE: &str = "out/pictogram-scaling-laws/smoke/figure.svg";

/// Takes what it can from `mirror`.
fn substituted(mirror: &str) -> Vec<&str> {
    vec!["reproduce", SMOKE, "--substitute", "--budget", "0s", "--mirror", mirror]
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_figure_is_taken_whole_from_somebodys_workspace_or_store() {
    let theirs = Workspace::with_smoke();
    let figure = theirs.read(FIGURE);
    for mirror in ["", ".ibid"] {
        let ours = Workspace::of_repository();
        // Nothing of it is worth its time: what is taken costs none.
        let ran = ours.ok(&substituted(text(&theirs.path(mirror))));
        let counts = ["executed", "cached", "fetched", "same bits as lockfile"];
        assert_eq!(counts.map(|word| ran.verdict(word)), [0, 0, 3, 0], "{}", ran.stdout);
        assert!(ran.stderr.contains("not computed here: 3 of the actions"), "{}", ran.stderr);
        assert!(ran.stderr.contains("ibid verify pictogram-scaling-laws/smoke"), "{}", ran.stderr);
        assert_eq!(ours.read(FIGURE), figure);
        // It is nobody's result here, neither for a run of our own nor for a lockfile.
        let check = ours.run(&["lock", SMOKE, "--check", "--budget", "0s"]);
        assert_eq!(check.code, Some(2), "{}", check.stderr);
        let own = ours.ok(&["reproduce", SMOKE]);
        assert_eq!((own.verdict("executed"), own.verdict("fetched")), (6, 0), "{}", own.stdout);
        assert_eq!(own.verdict("same bits as lockfile"), 6);
    }
}

#[test]
fn what_nobody_has_or_has_with_other_bytes_is_executed() {
    let theirs = Workspace::with_smoke();
    let figure = theirs.read(FIGURE);
    let damaged = theirs.blob_of("figure.svg");
    let bytes = figure.replace("<svg", "<SVG");
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, &bytes).unwrap();
    let ours = Workspace::of_repository();
    let mirror = theirs.path("");
    let mut arguments = substituted(text(&mirror));
    // A drawing costs nothing.
    let ran = ours.ok(&arguments);
    assert_eq!(["executed", "fetched"].map(|word| ran.verdict(word)), [1, 2], "{}", ran.stdout);
    assert!(ran.stderr.contains("a locked output cannot be fetched"), "{}", ran.stderr);
    assert_eq!(ran.verdict("same bits as lockfile"), 1);
    assert_eq!(ours.read(FIGURE), figure);

    // Where only the trainings are at hand, by their digests alone, the rest is computed from them.
    let folder = Workspace::empty();
    let lockfile = ours.read("lockfiles/pictogram-scaling-laws.lock");
    let line = lockfile.lines().find(|line| line.starts_with("smoke-xs-2k/train ")).unwrap();
    for output in line.split(' ').skip(2) {
        let digest = output.split_once('=').unwrap().1;
        let blob = theirs.path(&format!(".ibid/cas/{}/{}", &digest[..2], &digest[2..]));
        fs::copy(blob, folder.path(digest)).unwrap();
    }
    let other = Workspace::of_repository();
    let mirror = folder.path("");
    arguments = substituted(text(&mirror));
    arguments[4] = "15min";
    let ran = other.ok(&arguments);
    assert_eq!(["executed", "fetched"].map(|word| ran.verdict(word)), [5, 1], "{}", ran.stdout);
    assert_eq!(ran.verdict("same bits as lockfile"), 5);
    // What was made from it is not held to be the result of its recipe.
    assert_eq!(other.ok(&["reproduce", SMOKE]).verdict("executed"), 1);
}

#[test]
fn an_experiment_that_changed_takes_nothing_and_a_mirror_is_needed() {
    let theirs = Workspace::with_smoke();
    let ours = Workspace::of_repository();
    ours.edit(PACKAGE, "data.glyphs-2k 4096", "data.glyphs-2k 2048");
    let mirror = theirs.path("");
    let ran = ours.ok(&["reproduce", SMOKE, "--substitute", "--mirror", text(&mirror)]);
    assert_eq!(["executed", "fetched"].map(|word| ran.verdict(word)), [6, 0], "{}", ran.stdout);
    let ran = ours.run_without_mirrors(&["reproduce", SMOKE, "--substitute"]);
    let error = ran.stderr;
    assert_eq!(ran.code, Some(2), "{error}");
    assert!(error.contains("there is no mirror") && error.contains("hint: "), "{error}");
}
