//! Every experiment of the repository is sound, and its lockfile is current.

use crate::support::{Workspace, repository};

#[test]
fn every_experiment_is_sound_and_locked() {
    let workspace = Workspace::of_repository();
    let listed = workspace.ok(&["list", "--json"]).stdout;
    let mut count = 0;
    for line in listed.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = value["name"].as_str().unwrap();
        workspace.ok(&["check", name]);
        if name == "pictogram-scaling-laws" && value["lockfile"] != "current" {
            the_targets_that_tests_execute_are_locked(&workspace);
        } else {
            assert_eq!(value["lockfile"], "current", "{name}");
        }
        count += 1;
    }
    let folders = std::fs::read_dir(repository().join("experiments")).unwrap();
    let with_package =
        folders.filter(|folder| folder.as_ref().unwrap().path().join("package.dhall").exists());
    assert_eq!(count, with_package.count());
}

/// `full` takes too long to be locked with every change of it; what the README and the tests run is locked always.
fn the_targets_that_tests_execute_are_locked(workspace: &Workspace) {
    for target in ["quick", "smoke"] {
        let planned = workspace.ok(&["plan", &format!("pictogram-scaling-laws/{target}")]).stdout;
        let summary = planned.lines().last().unwrap();
        assert!(summary.contains(", run 0, pending 0;"), "{target}: {summary}");
    }
}

/// The id of an experiment is what everybody cites: a change of the schema or of the experiment must be meant.
#[test]
fn the_shown_normal_form_has_the_same_id() {
    // Those of the repository have normal forms of more than the mebibyte that a file may have.
    let workspace = Workspace::of_repository();
    workspace.ok(&["new", "mine"]);
    let shown = workspace.ok(&["show", "mine"]).stdout;
    let id = workspace.ok(&["show", "mine", "--id"]).stdout;
    assert!(shown.contains(id.trim()), "the id heads the normal form");
    workspace.write("alone/normal.dhall", &shown);
    assert_eq!(workspace.ok(&["show", "alone/normal.dhall", "--id"]).stdout, id);
}

#[test]
fn the_picture_in_the_readme_is_the_locked_figure() {
    let picture =
        std::fs::read(repository().join("experiments/pictogram-scaling-laws/quick.svg")).unwrap();
    let digest = ibid::digest::BlobDigest::of(&picture);
    let lockfile =
        std::fs::read_to_string(repository().join("lockfiles/pictogram-scaling-laws.lock"))
            .unwrap();
    let line = lockfile.lines().find(|line| line.starts_with("quick/draw ")).unwrap();
    assert!(line.ends_with(&format!("figure.svg={digest}")), "{line}");
}
