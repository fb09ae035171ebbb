//! `init` and `new` give a workspace and an experiment that checks, runs and locks as they are, and takes what `data pin`
//! prints.

use ibid::digest::BlobDigest;

use crate::support::Workspace;

#[test]
fn a_new_experiment_checks_runs_locks_and_verifies() {
    let workspace = Workspace::empty();
    // One line for the schema, whatever it has of files.
    let made = workspace.ok(&["init"]).stdout;
    assert!(made.starts_with("experiments/schema/v1: ") && made.ends_with(" files\n.gitignore\n"));
    workspace.ok(&["new", "mine"]);
    workspace.ok(&["check", "mine"]);
    let ran = workspace.ok(&["reproduce", "mine/figure"]);
    assert!(ran.verdict("executed") >= 4, "{}", ran.stdout);
    assert!(workspace.path("out/mine/figure/figure.svg").is_file());
    workspace.ok(&["lock", "mine"]);
    let checked = workspace.ok(&["lock", "mine", "--check"]).stdout;
    assert!(checked.ends_with(" actions, nothing differs\n"), "{checked}");
    let verified = workspace.ok(&["verify", "mine"]);
    assert_eq!(verified.verdict("cached"), 0, "{}", verified.stdout);
    let listed = workspace.ok(&["list"]).stdout;
    assert!(listed.contains("mine/figure") && listed.contains("lockfile current"), "{listed}");
}

#[test]
fn what_pins_a_vocabulary_or_a_file_is_printed_as_the_schema_spells_it() {
    let workspace = Workspace::with_new();
    let printed = workspace.ok(&["data", "pin", "openclip-vocabulary"]).stdout;
    let (rows, pin) = printed.split_once("\n\n").unwrap();
    assert!(rows.ends_with("  39  size 49408"), "{rows}");
    let package = "experiments/mine/package.dhall";
    let text = workspace.read(package);
    let (before, after) = text.split_once("let vocabulary =\n").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    workspace.write(package, &format!("{before}{pin}\n{after}"));
    workspace.ok(&["check", "mine"]);
    assert!(workspace.ok(&["show", "mine"]).stdout.contains("vocabularySize = 49408"));
    // The list of an experiment's pins has no place for it, and stays.
    let shards = workspace.read("experiments/mine/shards.dhall");
    let ran = workspace.run(&["data", "pin", "--write", "mine", "openclip-vocabulary"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("has no place in `shards.dhall`"), "{}", ran.stderr);
    assert_eq!(workspace.read("experiments/mine/shards.dhall"), shards);

    let names = "cat\nhot dog\n";
    workspace.write("experiments/mine/classes.txt", names);
    workspace.write("elsewhere.csv", "320\n539\n");
    let digest = format!("sha256 = \"{}\"", BlobDigest::of(names.as_bytes()));
    for (file, said) in [
        ("experiments/mine/classes.txt", &*digest),
        ("experiments/mine/classes.txt", "bytes = 12"),
        (
            "experiments/mine/classes.txt",
            "source = schema.Source.File { path = \"mine/classes.txt\" }",
        ),
        ("experiments/mine/classes.txt", "schema.Classes::{ file, count = 2 }"),
        ("elsewhere.csv", "schema.Vocabulary::{ file, size = 5 }"),
        ("elsewhere.csv", "edit the path"),
    ] {
        let ran = workspace.ok(&["data", "pin", "--file", file]);
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(said), "{said}: {}", ran.stdout);
    }
    assert_eq!(workspace.run(&["data", "pin", "--file", "nowhere"]).code, Some(3));
}

#[test]
fn a_model_that_has_no_form_elsewhere_is_not_exported_and_what_would_have_one_is_said() {
    let workspace = Workspace::with_new();
    let ran = workspace.run(&["model", "export", "mine/first", "--out", "exported"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for said in [
        "error: `first` cannot be exported",
        "vision.patchBias: ",
        "vision.pooling = schema.VisionPooling.ClassToken, vision.patchBias = False, text.pooling =",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}

#[test]
fn a_folder_that_is_no_experiment_is_told() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    assert!(!workspace.ok(&["list"]).stderr.contains("not listed"));
    workspace.write("experiments/My Exp/package.dhall", "1");
    workspace.write("experiments/parts/part.dhall", "1");
    workspace.write("experiments/weights/weights.safetensors", "");
    let said = workspace.ok(&["list"]).stderr;
    let line = said.lines().find(|line| line.starts_with("not listed: ")).unwrap();
    assert!(line.contains("`My Exp` (a name has") && line.contains("`parts` (it has no"), "{line}");
    assert!(!line.contains("weights"), "{line}");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    assert_eq!(workspace.ok(&["init"]).stdout, "");
    workspace.ok(&["new", "mine"]);
    workspace.write("experiments/mine/package.dhall", "precious");
    assert_eq!(workspace.run(&["new", "mine"]).code, Some(2));
    assert_eq!(workspace.read("experiments/mine/package.dhall"), "precious");
    for name in ["Mine", "", "a/b", "schema", "../x"] {
        assert_eq!(workspace.run(&["new", name]).code, Some(2), "{name}");
    }
}
