//! A training that quietly gives other bits is caught. Needs the feature `faults`; the plain run says that it skips.

#[cfg(not(feature = "faults"))]
#[test]
fn planted_faults_are_skipped_without_the_feature() {
    println!("skipped: run them with `cargo test --release --features faults faults::`");
}

#[cfg(feature = "faults")]
mod planted {
    use crate::support::{SMOKE, Workspace};

    #[test]
    fn one_ulp_at_one_step_fails_verify_and_names_action_and_output() {
        let workspace = Workspace::of_repository();
        let ran = workspace.run(&["verify", SMOKE, "--fault", "one-ulp:17"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let differs = ran.stdout.lines().find(|line| line.starts_with("differs")).unwrap();
        assert!(differs.contains("smoke-xs-2k/"), "{differs}");
        assert!(ran.stdout.contains("smoke-xs-2k/train model.safetensors"), "{}", ran.stdout);
        assert_eq!(workspace.run(&["verify", SMOKE]).code, Some(0));
    }

    #[test]
    fn a_result_that_depends_on_the_threads_fails_verify() {
        let workspace = Workspace::of_repository();
        workspace.ok(&["lock", SMOKE, "--fault", "threads:5", "--threads", "1", "--jobs", "1"]);
        let same = ["verify", SMOKE, "--fault", "threads:5", "--threads", "1", "--jobs", "1"];
        assert_eq!(workspace.run(&same).code, Some(0));
        let other = ["verify", SMOKE, "--fault", "threads:5", "--threads", "2", "--jobs", "1"];
        let ran = workspace.run(&other);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(ran.stdout.contains("smoke-xs-2k/train trace.bin"), "{}", ran.stdout);
    }

    #[test]
    fn a_word_that_is_no_fault_is_refused() {
        let workspace = Workspace::of_repository();
        assert_ne!(workspace.run(&["verify", SMOKE, "--fault", "gremlin"]).code, Some(0));
    }
}
