//! What was executed, when and with what: for people, and nothing is decided by it.

use crate::support::{PACKAGE, SMOKE, Workspace};

/// Every execution of the target's actions.
fn history(workspace: &Workspace) -> Vec<serde_json::Value> {
    let ran = workspace.ok(&["history", SMOKE, "--json"]);
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_execution_is_told_with_its_device_and_what_came_of_it() {
    let workspace = Workspace::of_repository();
    let before = workspace.ok(&["history", SMOKE]);
    assert_eq!(before.stdout, "");
    assert!(
        before.stderr.contains("ibid reproduce pictogram-scaling-laws/smoke"),
        "{}",
        before.stderr
    );

    workspace.ok(&["reproduce", SMOKE, "--simd", "scalar", "--threads", "1"]);
    let executed = history(&workspace);
    let labels: Vec<_> = executed.iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert_eq!((labels.len(), labels[0], labels[5]), (6, "smoke-xs-2k/train", "smoke/draw"));
    for one in &executed {
        let (device, threads) = (one["device"].as_str().unwrap(), one["threads"].as_u64().unwrap());
        assert_eq!((device, threads, &one["outcome"]), ("cpu scalar", 1, &"same".into()), "{one}");
    }
    let text = workspace.ok(&["history", SMOKE]).stdout;
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("smoke-xs-2k/train ") && line.contains("  1 thread "), "{line}");

    // A run with nothing to do adds nothing; a result that was lost is made again.
    workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(history(&workspace).len(), 6);
    let key = executed[5]["key"].as_str().unwrap();
    let result = workspace.path(".ibid/actions").join(&key[..2]).join(&key[2..]);
    std::fs::remove_file(result).unwrap();
    assert_eq!(history(&workspace)[5]["outcome"], "dropped");
    workspace.ok(&["reproduce", SMOKE]);
    let again = history(&workspace);
    assert_eq!(again.len(), 7);
    for one in &again[5..] {
        assert_eq!((&one["label"], &one["outcome"]), (&"smoke/draw".into(), &"same".into()));
    }
}

#[test]
fn an_execution_that_failed_is_told_too() {
    let workspace = Workspace::of_repository();
    // A rate at which the first training diverges.
    workspace.edit(PACKAGE, "learningRateMax = 4.0e-3", "learningRateMax = 1.0e30");
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let text = workspace.ok(&["history", SMOKE]).stdout;
    let line = text.lines().next().unwrap();
    assert!(line.starts_with("smoke-xs-2k/train") && line.ends_with("failed"), "{text}");
}
