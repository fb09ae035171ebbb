//! `verify` executes elsewhere and compares; `lock` writes what it compares with.

use std::fs;

use crate::support::{SMOKE, Workspace};

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
    assert_ne!(locked.code, Some(0));
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
