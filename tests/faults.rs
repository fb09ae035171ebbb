//! A training that quietly gives other bits is caught. Needs the feature `faults`; the plain run says that it skips.

#[cfg(not(feature = "faults"))]
#[test]
fn planted_faults_are_skipped_without_the_feature() {
    println!("skipped: run them with `cargo test --release --features faults faults::`");
}

#[cfg(feature = "faults")]
mod planted {
    use std::sync::OnceLock;

    use serde_json::Value;

    use crate::support::{PACKAGE, SMOKE, Workspace};

    const RUN: &str = "smoke-xs-2k";

    /// A workspace in which `smoke`, with a checkpoint every eight steps, was locked.
    fn honest() -> Workspace {
        let workspace = Workspace::of_repository();
        let captions = ", captions = schema.CaptionChoice.Drawn";
        let checkpoints = format!("{captions}\n          , checkpointIntervalSteps = 8");
        workspace.edit(PACKAGE, captions, &checkpoints);
        workspace.ok(&["lock", SMOKE]);
        workspace
    }

    /// The workspace that tests share which only read it.
    fn shared() -> &'static Workspace {
        static WORKSPACE: OnceLock<Workspace> = OnceLock::new();
        WORKSPACE.get_or_init(honest)
    }

    /// Executes `smoke` with a fault into a store of its own; the store's folder.
    fn faulty(fault: &str, more: &[&str]) -> String {
        let store = format!("faulty-{}", fault.replace(':', "-"));
        let out = format!("out-{store}");
        let run = ["reproduce", SMOKE, "--store", &store, "--out", &out, "--fault", fault];
        let ran = shared().run(&[&run[..], more].concat());
        assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
        store
    }

    /// The one training that `bisect` compares, which must differ, and of it the divergence.
    fn bisected(arguments: &[&str]) -> Value {
        let all = [&["bisect", SMOKE, "--json"], arguments].concat();
        let ran = shared().run(&all);
        assert_eq!(ran.code, Some(1), "{all:?}: {}{}", ran.stdout, ran.stderr);
        let line = ran.stdout.lines().find(|line| line.contains("\"trainings\"")).unwrap();
        let value: Value = serde_json::from_str(line).unwrap();
        let training = value["trainings"][0].clone();
        assert_eq!(training["label"], format!("{RUN}/train"));
        // 32 steps: 1 + ⌈log₂ 33⌉.
        assert!(training["lookUps"].as_u64().unwrap() <= 7, "{training}");
        training["divergence"].clone()
    }

    /// What `bisect` finds of a planted fault, both sides executed again.
    fn found(fault: &str) -> Value {
        let store = faulty(fault, &[]);
        let divergence = bisected(&["--with", &store, "--fault", fault]);
        assert_eq!(divergence["found"]["kind"], "operation", "{divergence}");
        assert_eq!(divergence["fields"], serde_json::json!([]));
        divergence
    }

    fn bits(value: &Value) -> u64 {
        let text = value["bits"].as_str().unwrap().trim_start_matches("0x");
        u64::from_str_radix(text, 16).unwrap()
    }

    fn number(value: &Value) -> f64 {
        value["text"].as_str().unwrap().parse().unwrap()
    }

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
    fn a_flipped_bit_in_one_activation_of_one_chunk_is_found() {
        let divergence = found("flipped-bit:9");
        assert_eq!(divergence["step"], 9);
        let first = &divergence["found"]["first"];
        assert_eq!(divergence["found"]["step"], 9);
        assert_eq!(first["operation"], "image block 1, forward");
        assert_eq!((&first["chunk"], &first["tensor"]), (&1.into(), &"mlp.activated".into()));
        let element = &first["element"];
        assert_eq!((&element["index"], &element["differing"]), (&77.into(), &1.into()));
        // 77 of rows of 128 channels.
        assert_eq!(element["place"], serde_json::json!([0, 77]));
        assert_eq!(bits(&element["a"]) ^ bits(&element["b"]), 1 << 9);
        assert_eq!(element["ulps"], 1 << 9);
        // From the checkpoint before it, not from the start.
        for side in divergence["executed"].as_array().unwrap() {
            assert!(side.as_str().unwrap().contains("checkpoint after 8 steps"), "{side}");
        }
    }

    #[test]
    fn a_split_fma_in_one_kernel_is_found() {
        let divergence = found("split-fma:5");
        assert_eq!((&divergence["step"], &divergence["found"]["step"]), (&5.into(), &5.into()));
        let first = &divergence["found"]["first"];
        assert_eq!(first["operation"], "image block 0, forward");
        assert_eq!((&first["chunk"], &first["tensor"]), (&0.into(), &"ln_1".into()));
        // Where the product and the bias cancel, one rounding more is many units of the small sum.
        let [a, b] = [&first["element"]["a"], &first["element"]["b"]].map(number);
        assert!(a != b && (a - b).abs() < 1e-6, "{first}");
    }

    #[test]
    fn a_swapped_sample_is_found() {
        let divergence = found("swapped-sample:12");
        assert_eq!((&divergence["step"], &divergence["found"]["step"]), (&12.into(), &12.into()));
        let first = &divergence["found"]["first"];
        assert_eq!(first["operation"], "sample order");
        assert_eq!(first["element"]["place"], serde_json::json!([35]));
        let seen = shared().ok(&["order", SMOKE, "--step", "12", "--json"]).stdout;
        let seen: Value = serde_json::from_str(seen.lines().nth(35).unwrap()).unwrap();
        // `smoke` reads one shard, so that the index in it is the sample's number.
        assert_eq!(number(&first["element"]["a"]), seen["index"].as_f64().unwrap());
        // Place 35 is the fourth of the chunk 2 of 16 samples.
        let tensor = &divergence["found"]["tensor"];
        assert_eq!(tensor["operation"], "image stem, forward");
        assert_eq!((&tensor["chunk"], &tensor["tensor"]), (&2.into(), &"patches".into()));
        let row = tensor["element"]["place"][0].as_u64().unwrap();
        assert_eq!(row / 16, 3, "{tensor}");
    }

    #[test]
    fn another_learning_rate_from_a_step_on_is_found() {
        let divergence = found("learning-rate:20");
        assert_eq!((&divergence["step"], &divergence["found"]["step"]), (&20.into(), &20.into()));
        assert_eq!(divergence["links"][0]["lossBits"], divergence["links"][1]["lossBits"]);
        let first = &divergence["found"]["first"];
        let place = (&first["operation"], &first["tensor"]);
        assert_eq!(place, (&"AdamW".into(), &"learning rate".into()));
        let [a, b] = [&first["element"]["a"], &first["element"]["b"]].map(number);
        assert!((b / a - 1.01).abs() < 1e-12, "{first}");
        assert_eq!(divergence["found"]["tensor"]["operation"], "AdamW");
    }

    #[test]
    fn another_epsilon_is_found() {
        let divergence = found("epsilon:3");
        assert_eq!((&divergence["step"], &divergence["found"]["step"]), (&3.into(), &3.into()));
        let first = &divergence["found"]["first"];
        assert_eq!((&first["operation"], &first["tensor"]), (&"AdamW".into(), &"epsilon".into()));
        let [a, b] = [&first["element"]["a"], &first["element"]["b"]].map(number);
        assert!(a == 1e-6 && (b - 1e-5).abs() < 1e-18, "{first}");
    }

    #[test]
    fn what_happens_to_the_state_between_two_steps_is_found() {
        // The fingerprint of a step is taken before this fault strikes, so that the traces part one step later.
        let divergence = found("one-ulp:17");
        assert_eq!((&divergence["step"], &divergence["found"]["step"]), (&18.into(), &17.into()));
        let first = &divergence["found"]["first"];
        assert_eq!(first["operation"], "state after the step");
        assert_eq!(first["tensor"], "ln_final.bias");
        let element = &first["element"];
        assert_eq!((&element["index"], &element["ulps"]), (&0.into(), &1.into()));
        assert_eq!(element["differing"], 1);
    }

    #[test]
    fn a_moment_that_no_fingerprint_sees_is_found() {
        let divergence = found("moment:18");
        assert!(divergence["step"].as_u64().unwrap() > 18, "{divergence}");
        assert_eq!(divergence["found"]["step"], 18);
        let first = &divergence["found"]["first"];
        assert_eq!(first["operation"], "state after the step");
        assert_eq!(first["tensor"], "exp_avg of visual.transformer.resblocks.1.mlp.c_proj.weight");
        let element = &first["element"];
        assert_eq!(element["differing"], 1);
        assert_eq!(number(&element["b"]), 2.0 * number(&element["a"]));
    }

    #[test]
    fn a_dependence_on_the_threads_is_found_by_executing_both_sides_as_they_were() {
        let workspace = Workspace::of_repository();
        let lock = ["lock", SMOKE, "--fault", "threads:5", "--threads", "1", "--jobs", "1"];
        workspace.ok(&lock);
        // With one thread nothing shows; B has two.
        let bisect = ["bisect", SMOKE, "--fault", "threads:5", "--threads", "1"];
        let ran = workspace.run(&[&bisect[..], &["--other-threads", "2"]].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(ran.stdout.contains("step 6 is the first that differs"), "{}", ran.stdout);
        assert_eq!(workspace.run(&bisect).code, Some(0));
    }

    #[test]
    fn a_lockfile_and_a_faulty_rerun_part_at_the_fault() {
        let divergence = bisected(&["--fault", "flipped-bit:9"]);
        assert_eq!(
            (&divergence["step"], &divergence["found"]["kind"]),
            (&9.into(), &"operation".into())
        );
        assert_eq!(divergence["found"]["first"]["tensor"], "mlp.activated");
        assert_eq!(divergence["found"]["first"]["element"]["ulps"], 1 << 9);
    }

    #[test]
    fn of_a_side_that_cannot_be_executed_here_what_it_recorded_is_compared() {
        let store = faulty("split-fma:10", &[]);
        let divergence = bisected(&["--with", &store]);
        assert_eq!(divergence["step"], 10);
        let found = &divergence["found"];
        assert_eq!(
            (&found["kind"], &found["foreign"]),
            (&"recorded".into(), &serde_json::json!(["B"]))
        );
        assert!(found["statement"].as_str().unwrap().starts_with("the loss"));
        assert_eq!((&found["sameAfter"], &found["after"]), (&8.into(), &16.into()));
        let tensor = &found["tensors"][0];
        assert_eq!(tensor["operation"], "state after 16 steps");
        assert!(bits(&tensor["element"]["a"]) != bits(&tensor["element"]["b"]), "{tensor}");
    }

    #[test]
    fn a_forged_segment_is_caught_when_it_is_drawn() {
        let workspace = honest();
        let fault = ["--fault", "flipped-bit:9", "--store", "forged"];
        workspace.ok(&[&["lock", SMOKE][..], &fault].concat());
        let spot = |count: &str, nonce: &str| {
            let check = ["verify", SMOKE, "--store", "forged", "--spot", count, "--nonce", nonce];
            workspace.run(&check)
        };
        let all = spot("4", &"0".repeat(64));
        assert_eq!(all.code, Some(1), "{}", all.stderr);
        let lines: Vec<_> = all.stdout.lines().filter(|line| line.starts_with("segment")).collect();
        assert_eq!(lines.len(), 4, "{}", all.stdout);
        let wrong: Vec<_> = lines.iter().filter(|line| !line.ends_with("same")).collect();
        assert!(matches!(wrong[..], [line] if line.contains("step 9")), "{}", all.stdout);
        assert!(all.stderr.contains("ibid bisect"), "{}", all.stderr);
        // One of four is missed unless it is the second one that is drawn, and a nonce draws the same one again.
        for nonce in ["1", "2", "3", "4", "5"].map(|digit| digit.repeat(64)) {
            let [one, again] = [spot("1", &nonce), spot("1", &nonce)];
            let caught = one.stdout.contains("steps 8 to 15");
            assert_eq!(one.code, Some(i32::from(caught)), "{}{}", one.stdout, one.stderr);
            assert_eq!(one.stdout, again.stdout);
        }
    }

    #[test]
    fn a_word_that_is_no_fault_is_refused() {
        let workspace = Workspace::of_repository();
        assert_ne!(workspace.run(&["verify", SMOKE, "--fault", "gremlin"]).code, Some(0));
    }
}
