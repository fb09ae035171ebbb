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

/// Libraries that draw call elementary functions of the C library: no pinned byte may depend on how it rounds.
#[test]
fn smoke_gives_the_same_bits_where_the_c_librarys_functions_round_otherwise() {
    let workspace = Workspace::of_repository();
    let Some(mut command) = workspace.on_bad_machine(&["reproduce", SMOKE], ("LIBM_OFF", "1"))
    else {
        return;
    };
    // The data are drawn anew, too.
    let output = command.env_remove("IBID_MIRRORS").output().unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("libm is off: sincos"), "{stderr}");
    assert!(
        stdout.contains("executed 6, cached 0, fetched 0; same bits as lockfile 6/6"),
        "{stdout}"
    );
}
