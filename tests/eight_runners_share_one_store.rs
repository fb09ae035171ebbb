//! Eight runs at the same time on one store: every action is executed once, and all of them get the same bytes.

use std::fs;
use std::process::Stdio;

use crate::support::{Ran, SMOKE, Workspace};

#[test]
fn eight_runs_execute_each_action_once() {
    let workspace = Workspace::of_repository();
    // The evaluation is remembered, so that all of them reach the store at the same moment.
    workspace.ok(&["plan", SMOKE]);
    let runs: Vec<_> = (0..8)
        .map(|number| {
            let out = format!("out-{number}");
            let arguments = ["reproduce", SMOKE, "--threads", "1", "--jobs", "2", "--out", &out];
            let mut command = workspace.command(&arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let ends: Vec<_> =
        runs.into_iter().map(|run| Ran::from(run.wait_with_output().unwrap())).collect();
    for ran in &ends {
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.verdict("same bits as lockfile"), 6, "{}", ran.stdout);
    }
    let executed: u64 = ends.iter().map(|ran| ran.verdict("executed")).sum();
    assert_eq!(executed, 6, "{ends:?}");
    let attested = fs::read_dir(workspace.path(".ibid/attestations")).unwrap();
    let attested = attested.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    for action in attested {
        let files = fs::read_dir(action.unwrap().path()).unwrap();
        let json =
            files.filter(|file| file.as_ref().unwrap().path().extension().unwrap() == "json");
        assert_eq!(json.count(), 1, "each action was executed once");
    }
    let first = fs::read(workspace.path("out-0/figure.svg")).unwrap();
    for number in 1..8 {
        assert_eq!(fs::read(workspace.path(&format!("out-{number}/figure.svg"))).unwrap(), first);
    }
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    for folder in ["tmp", "work", "scratch", "leases"] {
        let left = fs::read_dir(workspace.path(".ibid").join(folder)).unwrap().count();
        assert_eq!(left, 0, "{folder} is empty");
    }
}
