//! `verify` executes elsewhere and compares; `lock` writes what it compares with.

use std::fs;
use std::process::Stdio;

use crate::support::{SMOKE, Workspace, until};

const LOCKFILE: &str = "lockfiles/pictogram-scaling-laws.lock";

#[test]
fn verify_executes_everything_elsewhere_and_finds_the_locked_bits() {
    let workspace = Workspace::of_repository();
    let ran = workspace.ok(&["verify", SMOKE]);
    assert_eq!((ran.verdict("executed"), ran.verdict("cached")), (6, 0), "{}", ran.stdout);
    assert_eq!(ran.verdict("same bits as lockfile"), 6);
}

#[test]
fn a_lockfile_edited_by_hand_is_named_with_action_and_output() {
    let workspace = Workspace::with_smoke();
    let lockfile = workspace.read(LOCKFILE);
    let line = lockfile.lines().find(|line| line.contains("smoke-xs-2k/train")).unwrap().to_owned();
    let digest = line.rsplit('=').next().unwrap().to_owned();
    let forged = format!("{}{}", &digest[..63], if digest.ends_with('0') { '1' } else { '0' });
    workspace.edit(LOCKFILE, &line, &line.replace(&digest, &forged));
    for command in ["reproduce", "verify"] {
        let ran = workspace.run(&[command, SMOKE]);
        assert_eq!(ran.code, Some(1), "{command}: {}", ran.stderr);
        let differs = ran.stdout.lines().find(|line| line.starts_with("differs")).unwrap();
        assert!(differs.contains("smoke-xs-2k/train"), "{differs}");
    }
    assert_eq!(workspace.run(&["lock", SMOKE, "--check"]).code, Some(1));
    workspace.ok(&["lock", SMOKE]);
    assert_eq!(workspace.read(LOCKFILE), lockfile);
}

#[test]
fn a_torn_lockfile_is_refused_with_its_line() {
    let workspace = Workspace::of_repository();
    let lockfile = workspace.read(LOCKFILE);
    workspace.write(LOCKFILE, &format!("{lockfile}half a line"));
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("pictogram-scaling-laws.lock") && ran.stderr.contains("line"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_not_locked_cannot_be_verified() {
    let workspace = Workspace::of_repository();
    fs::remove_file(workspace.path(LOCKFILE)).unwrap();
    let verify = workspace.run(&["verify", SMOKE]);
    assert_eq!(verify.code, Some(2));
    assert!(verify.stderr.contains("ibid lock pictogram-scaling-laws/smoke"), "{}", verify.stderr);
    let locked = workspace.run(&["reproduce", SMOKE, "--locked"]);
    assert_eq!(locked.code, Some(1), "{}", locked.stderr);
    let free = workspace.ok(&["reproduce", SMOKE]);
    assert!(free.stderr.contains("not in the lockfile"), "{}", free.stderr);
}

#[test]
fn verify_reads_no_result_of_the_first_store() {
    let workspace = Workspace::with_smoke();
    // Every result of the first store claims to have given nothing; inputs are untouched.
    for folder in fs::read_dir(workspace.path(".ibid/actions")).unwrap() {
        fs::remove_dir_all(folder.unwrap().path()).unwrap();
    }
    assert_eq!(workspace.ok(&["verify", SMOKE]).verdict("executed"), 6);
}

#[test]
fn digests_that_begin_alike_are_shown_whole() {
    let workspace = Workspace::with_smoke();
    let lockfile = workspace.read(LOCKFILE);
    let line = lockfile.lines().find(|line| line.starts_with("smoke/draw")).unwrap().to_owned();
    let forged = if line.ends_with('0') { '1' } else { '0' };
    let forged = format!("{}{forged}", &line[..line.len() - 1]);
    workspace.edit(LOCKFILE, &line, &forged);
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let [was, is] = [&forged, &line].map(|line| line.rsplit('=').next().unwrap());
    assert!(ran.stdout.contains(&format!("locked {was}, now {is}")), "{}", ran.stdout);
}

#[test]
fn one_action_has_one_line() {
    let workspace = Workspace::with_smoke();
    let lockfile = workspace.read(LOCKFILE);
    let line = lockfile.lines().find(|line| line.starts_with("smoke/draw ")).unwrap().to_owned();
    let digest = line.rsplit('=').next().unwrap();
    // A wrong line, and behind it the right one under another label.
    let right = line.replace("smoke/draw ", "smoke/draw-a ");
    workspace.edit(LOCKFILE, &line, &format!("{}\n{right}", line.replace(digest, &"0".repeat(64))));
    for command in [&["reproduce", SMOKE][..], &["verify", SMOKE], &["lock", SMOKE, "--check"]] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        assert!(
            ran.stderr.contains("`smoke/draw-a` has the recipe id of `smoke/draw`"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("remove it and write it anew"), "{}", ran.stderr);
    }
    fs::remove_file(workspace.path(LOCKFILE)).unwrap();
    workspace.ok(&["lock", SMOKE]);
    fs::write(workspace.path(LOCKFILE), vec![b'y'; 17 << 20]).unwrap();
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("more than 16777216 bytes"),
        "{}",
        ran.stderr
    );
}

/// An experiment `tiny` with figures of these names and titles.
fn write_figures(workspace: &Workspace, figures: &[(&str, String)]) {
    let text = crate::support::tiny("schema.Source.File { path = \"tiny/points.csv\" }");
    let (head, rest) = text.split_once("[ schema.Figure::{").unwrap();
    let figure = rest.strip_suffix("      ]\n    }\n").unwrap();
    let figures = figures.iter().map(|(name, title)| {
        let figure = figure.replace("\"line\"", &format!("\"{name}\""));
        format!("schema.Figure::{{{}", figure.replace("\"A line\"", &format!("\"{title}\"")))
    });
    let figures: Vec<_> = figures.collect();
    workspace.write(
        "experiments/tiny/package.dhall",
        &format!("{head}[ {} ]\n    }}\n", figures.join(", ")),
    );
    workspace.write("experiments/tiny/points.csv", crate::support::POINTS);
}

#[test]
fn an_action_of_two_targets_has_one_line_whichever_of_them_is_locked() {
    let workspace = Workspace::of_repository();
    write_figures(&workspace, &["a", "b"].map(|name| (name, "One title".to_owned())));
    workspace.ok(&["lock", "tiny"]);
    let whole = workspace.read("lockfiles/tiny.lock");
    assert!(whole.contains("\na/draw "), "{whole}");
    workspace.ok(&["lock", "tiny/b"]);
    assert_eq!(workspace.read("lockfiles/tiny.lock"), whole);
    workspace.ok(&["lock", "tiny", "--check"]);
    fs::remove_file(workspace.path("lockfiles/tiny.lock")).unwrap();
    workspace.ok(&["lock", "tiny/b"]);
    workspace.ok(&["lock", "tiny"]);
    assert_eq!(workspace.read("lockfiles/tiny.lock"), whole);
}

#[test]
fn targets_that_are_locked_at_the_same_time_are_all_in_the_lockfile() {
    let workspace = Workspace::of_repository();
    let names = ["a", "b", "c", "d", "e", "f"];
    write_figures(&workspace, &names.map(|name| (name, format!("Line {name}"))));
    workspace.ok(&["reproduce", "tiny"]);
    for round in 0..5 {
        let runs = names.map(|name| {
            let mut command = workspace.command(&["lock", &format!("tiny/{name}")]);
            command.stdout(Stdio::null()).spawn().unwrap()
        });
        runs.into_iter().for_each(|mut run| assert!(run.wait().unwrap().success()));
        workspace.ok(&["reproduce", "tiny", "--locked"]);
        let left = fs::read_dir(workspace.path("lockfiles")).unwrap();
        let hidden = left
            .filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().starts_with('.'));
        assert_eq!(hidden.count(), 0, "round {round}");
        fs::remove_file(workspace.path("lockfiles/tiny.lock")).unwrap();
    }
}

#[test]
fn a_file_is_named_in_hints_as_it_was_typed() {
    let workspace = Workspace::of_repository();
    workspace.write("elsewhere/points.csv", crate::support::POINTS);
    let text = crate::support::tiny("schema.Source.File { path = \"tiny/points.csv\" }");
    workspace.write("experiments/tiny/package.dhall", &text);
    workspace.write("experiments/tiny/other.dhall", &text);
    let ran = workspace.run(&["verify", "experiments/tiny/other.dhall#line"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("hint: ibid lock experiments/tiny/other.dhall#line"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_verification_that_is_refused_leaves_no_folder_and_executes_nothing() {
    let workspace = Workspace::of_repository();
    let verify = ["verify", SMOKE, "--into", "second"];
    let ran = workspace.run(&[&verify[..], &["--budget", "0s"]].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: --budget 1min"), "{}", ran.stderr);
    assert!(!workspace.path("second").exists());
    workspace.write("second/thing", "x");
    for spot in [&verify[..], &["verify", SMOKE, "--into", "second", "--spot", "1"]] {
        let ran = workspace.run(spot);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("second` is not empty"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("finished"), "{}", ran.stderr);
    }
}

#[test]
fn a_verification_that_was_stopped_goes_on_in_its_folder_and_no_other_does() {
    let workspace = Workspace::of_repository();
    let mut command = workspace.command(&["verify", SMOKE, "--into", "second", "--threads", "1"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let work = workspace.path("second/work");
    let is_at_work = || work.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    until("the verification is under way", is_at_work);
    let begun = || fs::metadata(workspace.path("second/layout")).unwrap().modified().unwrap();
    let before = begun();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("the same command continues"), "{stderr}");
    let other = workspace.run(&["verify", "pictogram-scaling-laws/quick", "--into", "second"]);
    assert_eq!(other.code, Some(2), "{}", other.stdout);
    assert!(other.stderr.contains("is not empty"), "{}", other.stderr);
    let ran = workspace.ok(&["verify", SMOKE, "--into", "second"]);
    assert_eq!(ran.verdict("executed") + ran.verdict("cached"), 6, "{}", ran.stdout);
    assert_eq!(begun(), before, "the folder was begun anew");
    assert_eq!(ran.verdict("same bits as lockfile"), 6);
    let again = workspace.run(&["verify", SMOKE, "--into", "second"]);
    assert!(again.stderr.contains("is not empty"), "it was done: {}", again.stderr);
}
