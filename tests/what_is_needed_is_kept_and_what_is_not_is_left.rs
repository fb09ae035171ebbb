//! A collection keeps what any lockfile names that was written or read, and what any workspace pins; and a fetch that
//! nobody wants any more is left.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::server::Server;
use crate::support::{POINTS, Ran, Workspace, tiny, until};

/// Runs the program where everything is three days old; none, with a word, where that cannot be arranged.
fn three_days_later(workspace: &Workspace, arguments: &[&str]) -> Option<Ran> {
    let mut command = workspace.on_bad_machine(arguments, ("CLOCK_OFFSET", "259200"))?;
    Some(Ran::from(command.output().unwrap()))
}

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
        let ran = three_days_later(&workspace, &["store", "gc"])?;
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
fn a_store_that_was_named_and_is_not_there_is_not_made_to_be_checked() {
    let workspace = Workspace::of_repository();
    let digest = "0".repeat(64);
    for command in [&["fsck"][..], &["gc"], &["du"], &["cat", &digest]] {
        let ran = workspace.run(&[&["store", "--store", "absent"][..], command].concat());
        assert_eq!(ran.code, Some(3), "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("there is no store at") && !workspace.path("absent").exists());
    }
}

#[test]
fn what_the_experiments_of_another_workspace_pin_is_kept() {
    let [here, there] = [Workspace::empty(), Workspace::empty()];
    let store = here.path("store");
    let store = store.to_str().unwrap();
    here.ok(&["init"]);
    there.ok(&["init"]);
    let package = tiny("schema.Source.File { path = \"tiny/points.csv\" }");
    there.write("experiments/tiny/package.dhall", &package);
    there.write("points.csv", POINTS);
    // Not locked, and nowhere but in the store.
    let added = there.ok(&["store", "add", "points.csv", "--store", store]).stdout;
    let digest = added.split_whitespace().next().unwrap();
    let is_there = || here.run(&["store", "cat", digest, "--store", store]).stdout == POINTS;
    let collect = |more: &[&str], code: i32| {
        let gc = [&["store", "gc", "--store", store][..], more].concat();
        let ran = three_days_later(&here, &gc)?;
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        Some(ran)
    };
    if collect(&[], 0).is_none() {
        return;
    }
    assert!(is_there());
    // What cannot be evaluated may pin anything.
    there.write("experiments/tiny/package.dhall", &format!("{package} ]"));
    let folder = there.path("experiments").canonicalize().unwrap();
    let folder = folder.parent().unwrap().to_str().unwrap();
    let said = collect(&[], 2).unwrap().stderr;
    for words in [
        format!("what `tiny` of `{folder}` pins is not known"),
        format!("hint: mend or remove it: ibid check tiny --workspace {folder}"),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    // So may what is not there any more, though its folder is.
    std::fs::rename(there.path("experiments"), there.path("moved")).unwrap();
    assert!(collect(&[], 3).unwrap().stderr.contains(folder));
    assert!(is_there());
    std::fs::rename(there.path("moved"), there.path("experiments")).unwrap();
    // What nobody pins any more goes.
    std::fs::remove_dir_all(there.path("experiments/tiny")).unwrap();
    collect(&[], 0).unwrap();
    assert!(!is_there());
    std::fs::remove_dir_all(there.path("experiments")).unwrap();
    collect(&["--forget-missing"], 0).unwrap();
    collect(&[], 0).unwrap();
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
