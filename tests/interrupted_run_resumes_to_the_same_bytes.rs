//! Ctrl-C, termination and kill: nothing is lost, and the next run gives the bytes of an undisturbed one.

use std::fs;
use std::process::Stdio;

use crate::support::{PACKAGE, SMOKE, Workspace, until};

/// A training of some seconds in place of the short one.
fn longer() -> Workspace {
    let workspace = Workspace::of_repository();
    workspace.edit(PACKAGE, "data.glyphs-2k 4096", "data.glyphs-2k 51200");
    workspace
}

fn locked(workspace: &Workspace) -> String {
    workspace.ok(&["lock", SMOKE]);
    workspace.read("lockfiles/pictogram-scaling-laws.lock")
}

/// Starts a run, sends `signal` once it has made a step of the training, and gives the exit code.
fn disturb(workspace: &Workspace, signal: rustix::process::Signal) -> Option<i32> {
    // As slowly as can be, so that 400 steps are not done before the signal.
    let slowly = ["--threads", "1", "--simd", "scalar", "--json"];
    let mut command = workspace.command(&[&["reproduce", SMOKE], &slowly[..]].concat());
    let log = fs::File::create(workspace.path("log")).unwrap();
    let mut child = command.stdout(log).stderr(Stdio::null()).spawn().unwrap();
    until("a step is made", || workspace.read("log").contains("\"steps\""));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, signal).unwrap();
    child.wait().unwrap().code()
}

#[test]
fn a_disturbed_run_continues_to_the_bytes_of_an_undisturbed_one() {
    let undisturbed = locked(&longer());
    let workspace = longer();
    assert_eq!(disturb(&workspace, rustix::process::Signal::INT), Some(130));
    assert_eq!(disturb(&workspace, rustix::process::Signal::TERM), Some(143));
    assert_eq!(disturb(&workspace, rustix::process::Signal::KILL), None);
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    assert_eq!(locked(&workspace), undisturbed);
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
}

/// The drawings take seconds before the first training, which then does not begin.
#[test]
fn a_run_that_renders_drawings_ends_at_once() {
    let workspace = Workspace::of_repository();
    let quick = "pictogram-scaling-laws/quick";
    workspace.ok(&["plan", quick]);
    let mut command = workspace.command(&["reproduce", quick, "--threads", "1", "--json"]);
    let log = fs::File::create(workspace.path("log")).unwrap();
    let mut child = command.stdout(log).stderr(Stdio::null()).spawn().unwrap();
    let told = || workspace.read("log");
    until("the drawings are being rendered", || told().contains("shards at hand"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", told());
    assert!(!told().contains("\"steps\""), "a training began: {}", told());
    assert!(
        !workspace.path(".ibid/work").exists()
            || workspace.path(".ibid/work").read_dir().unwrap().next().is_none()
    );
}
