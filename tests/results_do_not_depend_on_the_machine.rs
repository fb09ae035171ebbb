//! The same bits at every SIMD level, for any number of threads and of actions at once.

use crate::support::{SMOKE, Workspace};

fn digests(arguments: &[&str]) -> String {
    let workspace = Workspace::of_repository();
    std::fs::remove_file(workspace.path("lockfiles/pictogram-scaling-laws.lock")).unwrap();
    workspace.ok(&[&["lock", SMOKE], arguments].concat());
    workspace.read("lockfiles/pictogram-scaling-laws.lock")
}

#[test]
fn smoke_gives_the_same_lockfile_at_every_level_and_thread_count() {
    let doctor = Workspace::empty().ok(&["doctor"]).stdout;
    let levels: Vec<_> = ["scalar", "avx2", "avx512"]
        .into_iter()
        .filter(|l| doctor.contains(&format!("golden bits, {l}")))
        .collect();
    println!("levels that ran: {levels:?}");
    if std::env::var_os("IBID_CI").is_some() {
        assert!(levels.len() >= 2, "one SIMD level alone cannot be compared: {levels:?}");
    }
    let expected = digests(&["--simd", "scalar", "--threads", "1"]);
    assert!(expected.contains("smoke-xs-2k/train"), "{expected}");
    for level in levels {
        for (threads, jobs) in [("1", "1"), ("2", "1"), ("3", "1"), ("8", "1"), ("2", "2")] {
            let arguments = ["--simd", level, "--threads", threads, "--jobs", jobs];
            assert_eq!(digests(&arguments), expected, "{arguments:?}");
        }
    }
}
