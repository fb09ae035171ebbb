//! Ctrl-C, termination and kill: nothing is lost, and the next run gives the bytes of an undisturbed one.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

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

/// Starts a run, sends `signal` once the training is under way, and gives the exit code.
fn disturb(workspace: &Workspace, signal: rustix::process::Signal) -> Option<i32> {
    // On one thread, so that a machine with many is not done before the signal.
    let mut command = workspace.command(&["reproduce", SMOKE, "--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let scratch = workspace.path(".ibid/work");
    let is_at_work = || scratch.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    until("a training is under way", is_at_work);
    sleep(Duration::from_millis(700));
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
    until("the drawings are rendered", || told().contains("at hand"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{}", told());
    assert!(!told().contains("\"steps\""), "a training began: {}", told());
    assert!(
        !workspace.path(".ibid/work").exists()
            || workspace.path(".ibid/work").read_dir().unwrap().next().is_none()
    );
}
