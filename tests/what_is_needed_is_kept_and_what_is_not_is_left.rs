//! A collection keeps what any lockfile names that was written or read, and a fetch that nobody wants any more is left.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{POINTS, Ran, Workspace, tiny};
use crate::support::{server::Server, until};

/// An experiment beside the package of another one, whose lockfile lies beside it.
#[test]
fn a_lockfile_in_no_folder_of_them_keeps_what_it_names() {
    let workspace = Workspace::of_repository();
    let other = "experiments/tiny/other.dhall";
    workspace.write(other, &tiny("schema.Source.File { path = \"tiny/points.csv\" }"));
    workspace.write("experiments/tiny/points.csv", POINTS);
    workspace.ok(&["lock", other]);
    assert!(workspace.path("experiments/tiny/other.lock").is_file());
    let collect = || {
        // Everything is three days old.
        let mut gc = workspace.on_bad_machine(&["store", "gc"], ("CLOCK_OFFSET", "259200"))?;
        let ran = Ran::from(gc.output().unwrap());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        Some(())
    };
    let Some(()) = collect() else { return };
    assert_eq!(workspace.ok(&["reproduce", other]).verdict("executed"), 0);
    // A store that forgot it learns of it again from a run that reads it.
    std::fs::remove_dir_all(workspace.path(".ibid/workspaces")).unwrap();
    workspace.ok(&["reproduce", other]);
    collect().unwrap();
    assert_eq!(workspace.ok(&["reproduce", other]).verdict("executed"), 0);
    // One that is gone keeps nothing, and stops nobody.
    std::fs::remove_file(workspace.path("experiments/tiny/other.lock")).unwrap();
    collect().unwrap();
    assert!(workspace.ok(&["reproduce", other]).verdict("executed") > 0);
}

#[test]
fn a_run_that_waits_for_a_server_ends_at_once() {
    let server = Server::http(|_, _| {
        sleep(Duration::from_secs(60));
        Ok(())
    });
    let workspace = Workspace::of_repository();
    let source = format!("schema.Source.Http {{ url = \"{}/points.csv\" }}", server.url);
    workspace.write("experiments/tiny/package.dhall", &tiny(&source));
    let mut command = workspace.command(&["reproduce", "tiny"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the run asks the server", || server.asked().len() == 1);
    let told = Instant::now();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
}
