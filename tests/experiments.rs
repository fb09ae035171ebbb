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
        assert_eq!(value["lockfile"], "current", "{name}");
        count += 1;
    }
    let folders = std::fs::read_dir(repository().join("experiments")).unwrap();
    let with_package =
        folders.filter(|folder| folder.as_ref().unwrap().path().join("package.dhall").exists());
    assert_eq!(count, with_package.count());
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
fn the_pictures_of_the_documents_are_the_locked_figures() {
    let folder = repository().join("experiments/pictogram-scaling-laws");
    let lockfile = repository().join("lockfiles/pictogram-scaling-laws.lock");
    let lockfile = std::fs::read_to_string(lockfile).unwrap();
    let document = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(figure) = name.strip_suffix(".svg") else { continue };
        let digest = ibid::digest::BlobDigest::of(&std::fs::read(folder.join(&name)).unwrap());
        let line = lockfile.lines().find(|line| line.starts_with(&format!("{figure}/draw ")));
        assert!(line.unwrap().ends_with(&format!("figure.svg={digest}")), "{name}: {line:?}");
        assert!(document.contains(&format!("]({name})")), "{name} is not shown");
        count += 1;
    }
    assert!(count >= 6, "{count}");
}
