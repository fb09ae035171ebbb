//! A stranger's file cannot read, hang or crash: exit code 2 within seconds of a processor's time.

use std::time::{Duration, Instant};

use crate::support::{Ran, Workspace, repository};

#[allow(clippy::disallowed_methods, reason = "a hang is about wall time")]
fn check(text: &str, word: &str) {
    let workspace = Workspace::empty();
    workspace.write("x.dhall", text);
    let start = Instant::now();
    let ran = workspace.run(&["check", "x.dhall"]);
    assert_eq!(ran.code, Some(2), "{}: {}{}", &text[..text.len().min(80)], ran.stdout, ran.stderr);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains(word), "{} should say `{word}`: {said}", &text[..text.len().min(80)]);
    assert!(!said.contains("panicked"), "{said}");
    // Far more than the ten seconds that an evaluation may compute: the machine may have other things to do. Less than
    // the 240 after which one that only waits is ended.
    assert!(start.elapsed() < Duration::from_secs(200), "{}", &text[..text.len().min(80)]);
}

#[test]
fn nothing_outside_the_root_is_read() {
    check("/etc/passwd as Text", "/etc/passwd");
    check("~/.ssh/id_rsa as Text", "~");
    check("../../../etc/passwd as Text", "..");
    check("env:HOME as Text", "HOME");
    check("https://example.org/x.dhall", "sha256");
    check("./x.dhall", "x.dhall");
}

#[test]
fn a_link_out_of_the_root_is_refused() {
    let workspace = Workspace::empty();
    workspace.write("secret/s.txt", "s3cret");
    workspace.write("inside/x.dhall", "./link as Text");
    std::os::unix::fs::symlink(workspace.path("secret/s.txt"), workspace.path("inside/link"))
        .unwrap();
    let ran = workspace.run(&["check", "inside/x.dhall"]);
    assert_eq!(ran.code, Some(2));
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("s3cret"));
}

#[test]
fn neither_depth_nor_size_hangs_or_crashes() {
    check(&format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)), "");
    check("Natural/fold 100000000000 Natural (λ(n : Natural) → n + 1) 0", "");
    check("λ(x : Natural) → Natural/fold 1000000 Text (λ(t : Text) → t ++ t) \"x\"", "");
    check(&format!("{}1", "if True then 1 else ".repeat(5_000)), "");
    check("let f = λ(x : Natural) → x + 18446744073709551615 in f 1", "");
    check("\"a ${if True then 1}\"", "");
    check("Double/show 1.5", "Double/show");
}

#[test]
fn every_mistake_is_said_at_once_with_its_place() {
    let workspace = Workspace::of_repository();
    let file = "experiments/pictogram-scaling-laws/package.dhall";
    workspace.edit(file, "          , samplesSeen\n", "");
    workspace.edit(file, "          , batchSize = 128\n", "          , batchSize = \"128\"\n");
    let ran = workspace.run(&["check", "pictogram-scaling-laws"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    for word in ["samplesSeen", "batchSize", "Natural", "Text", "package.dhall"] {
        assert!(ran.stdout.contains(word), "should say `{word}`: {}", ran.stdout);
    }
}

#[test]
fn rules_beyond_types_are_checked_all_at_once() {
    let workspace = Workspace::of_repository();
    let file = "experiments/pictogram-scaling-laws/package.dhall";
    workspace.edit(file, "gradientChunk = 16", "gradientChunk = 48");
    workspace.edit(file, "data.glyphs-2k 4096", "data.glyphs-2k 4097");
    let ran = workspace.run(&["check", "pictogram-scaling-laws"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains("gradientChunk") && ran.stdout.contains("4097"), "{}", ran.stdout);
    assert!(repository().join(file).is_file());
}

/// Findings about values, which no type holds: numbers that are none, and rules. Each says where the file spells it.
#[test]
fn values_that_are_refused_are_found_at_once_with_their_places() {
    let workspace = Workspace::with_new();
    let file = "experiments/mine/package.dhall";
    workspace.edit(file, "std = [ 0.35, 0.35, 0.35 ]", "std = [ NaN, 0.35, -0.0 ]");
    workspace.edit(file, "batchSize = 128", "batchSize = 100");
    let ran = workspace.run(&["check", "mine", "--json"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    let values = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let findings: Vec<serde_json::Value> =
        values.filter(|v: &serde_json::Value| v["path"].is_string()).collect();
    let text = workspace.read(file);
    let line_of =
        |part: &str| text.lines().position(|line| line.contains(part)).unwrap() as u64 + 1;
    let (std, batch) = (line_of("std = [ NaN"), line_of("batchSize = 100"));
    let at = "runs[0].train";
    for (path, line, spelled) in [
        (format!("{at}.preprocessing.std[0]"), std, "NaN"),
        (format!("{at}.preprocessing.std[2]"), std, "-0.0"),
        (format!("{at}.batchSize"), batch, "100"),
        (format!("{at}.samplesSeen"), line_of("samplesSeen = 4096"), "4096"),
    ] {
        let found = findings.iter().find(|finding| finding["path"] == path.as_str());
        let place = &found.unwrap_or_else(|| panic!("{path}: {}", ran.stdout))["place"];
        assert_eq!((&place["file"], &place["line"]), (&file.into(), &line.into()));
        let (source, column) =
            (place["source"].as_str().unwrap(), place["column"].as_u64().unwrap());
        let rest: String = source.chars().skip(usize::try_from(column).unwrap() - 1).collect();
        assert!(rest.starts_with(spelled), "{path}: {rest}");
    }
    let said = workspace.run(&["check", "mine"]).stdout;
    assert!(
        said.contains(&format!("experiments/mine/package.dhall:{batch}:")) && said.contains("^^^"),
        "{said}"
    );
    // The file is named as it opens from where one is.
    let from = |folder: &str, named: &str| {
        let mut command = workspace.command(&["check", named]);
        Ran::from(command.current_dir(workspace.path(folder)).output().unwrap()).stdout
    };
    let below = from("experiments/mine", "package.dhall");
    assert!(below.contains(&format!("\npackage.dhall:{batch}:")), "{below}");
    std::fs::create_dir(workspace.path("beside")).unwrap();
    let beside = from("beside", "mine");
    let whole = workspace.path("").canonicalize().unwrap().join(file);
    assert!(beside.contains(&format!("{}:{batch}:", whole.display())), "{beside}");
}

/// A workspace with the experiment that `new` writes, edited.
fn edited(edits: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::with_new();
    for (from, to) in edits {
        workspace.edit("experiments/mine/package.dhall", from, to);
    }
    workspace
}

#[test]
fn every_command_says_what_check_says() {
    let workspace = edited(&[("batchSize = 128", "batchSize = 0")]);
    let said = workspace.run(&["check", "mine"]).stdout;
    assert!(said.contains("experiments/mine/package.dhall:") && said.contains('^'), "{said}");
    for command in ["plan", "reproduce", "lock", "verify", "explain", "history", "bisect"] {
        let ran = workspace.run(&[command, "mine"]);
        assert_eq!(ran.code, Some(2), "{command}: {}", ran.stderr);
        let wanted = format!("error: `mine` has 1 finding\n{said}");
        assert_eq!(ran.stderr, wanted, "{command}");
    }
    let ran = workspace.run(&["order", "mine", "--step", "0"]);
    assert!(ran.code == Some(2) && ran.stderr.contains(&said), "{}", ran.stderr);
    let listed = workspace.ok(&["list"]).stdout;
    assert!(listed.contains("cannot be loaded: experiments/mine/package.dhall:"), "{listed}");
}

#[test]
fn what_a_place_does_wrong_for_many_runs_is_one_finding() {
    let twice = ("runs = [ run ]", "runs = [ run, run // { name = \"second\" } ]");
    let workspace = edited(&[twice, ("samplesSeen = 4096", "samplesSeen = 0")]);
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains("(and in 1 more run)"), "{}", ran.stdout);
    assert!(ran.stderr.contains("there is 1 finding in `mine`"), "{}", ran.stderr);
}

#[test]
fn a_claim_about_a_row_that_no_run_gives_is_found_before_anything_runs() {
    let workspace = edited(&[("text = run.name", "text = \"large\"")]);
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains("no run has `large` in column `run`"), "{}", ran.stdout);
}

#[test]
fn a_batch_of_more_than_there_is_is_sound_and_warned_of() {
    let workspace = edited(&[
        ("samplesSeen = 4096", "samplesSeen = 40960"),
        ("batchSize = 128", "batchSize = 4096"),
    ]);
    let ran = workspace.ok(&["check", "mine"]);
    let said = "`runs[0].train.batchSize`: is 4096, and the data set has 2300 samples";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("`mine` is sound"), "{}", ran.stderr);
    let small = edited(&[]).ok(&["check", "mine"]).stderr;
    assert!(!small.contains("batchSize"), "{small}");
}

#[test]
fn many_findings_are_left_to_check() {
    let labels: Vec<String> =
        (0..12).map(|_| "schema.Label::{ name = \"model\", text = \"\" }".to_owned()).collect();
    let label = "schema.Label::{ name = \"model\", text = \"XS\" }";
    let workspace = edited(&[(label, &labels.join(", "))]);
    let ran = workspace.run(&["plan", "mine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("\nand "), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: all of them: ibid check mine"), "{}", ran.stderr);
}

#[test]
fn mistakes_that_do_not_depend_on_one_another_are_said_at_once() {
    let said = |edits: &[(&str, &str)], wanted: &[&str]| {
        let ran = edited(edits).run(&["check", "mine"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let is_finding = |line: &&str| line.starts_with("experiments/mine/");
        let found: Vec<_> = ran.stdout.lines().filter(is_finding).collect();
        assert_eq!(found.len(), wanted.len(), "{}", ran.stdout);
        let is_it = found.iter().zip(wanted).all(|(found, wanted)| found.contains(wanted));
        assert!(is_it, "{wanted:?}: {}", ran.stdout);
        ran.stdout
    };
    said(
        &[("embedDim = 32", "embedDim = 1.5"), ("seed = 0", "seed = -1")],
        &["model.embedDim: wrong type", "run.train.seed: wrong type"],
    );
    said(
        &[("embedDim = 32", "embedDim = foo"), ("seed = 0", "seed = bar")],
        &["`foo` is not defined", "`bar` is not defined"],
    );
    said(
        &[("let bundled", "let a = ./nope.dhall let b = ./nope2.dhall\n\nlet bundled")],
        &["no file `mine/nope.dhall`", "no file `mine/nope2.dhall`"],
    );
    said(
        &[("schema.AdamW::", "schema.AdanW::")],
        &["run.train.optimizer: this record has no field `AdanW`"],
    );
    let missing = said(&[("        , batchSize = 128\n", "")], &["batchSize: missing"]);
    assert!(missing.contains("what it means is said in schema/v1/Train.dhall"), "{missing}");
    let twice = ("{ source = bundled \"vocabulary\" }", "{ source = bundled \"x\", name = \"v\" }");
    said(&[twice], &["vocabulary.file: both sides of `∧` have a field `name`"]);
    said(&[("seed = 0", "seed = 18446744073709551615 * 2")], &["a number does not fit"]);
}
