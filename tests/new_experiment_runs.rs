//! `init` and `new` give a workspace and an experiment that checks, runs and locks as they are.

use crate::support::Workspace;

#[test]
fn a_new_experiment_checks_runs_locks_and_verifies() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    workspace.ok(&["new", "mine"]);
    workspace.ok(&["check", "mine"]);
    let ran = workspace.ok(&["reproduce", "mine/figure"]);
    assert!(ran.verdict("executed") >= 4, "{}", ran.stdout);
    assert!(workspace.path("out/mine/figure/figure.svg").is_file());
    workspace.ok(&["lock", "mine"]);
    workspace.ok(&["lock", "mine", "--check"]);
    let verified = workspace.ok(&["verify", "mine"]);
    assert_eq!(verified.verdict("cached"), 0, "{}", verified.stdout);
    let listed = workspace.ok(&["list"]).stdout;
    assert!(listed.contains("mine/figure") && listed.contains("lockfile current"), "{listed}");
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
