//! Used wrongly on purpose: one error, a hint, the right exit code, and nothing lost.

use crate::support::{Entry, Origin, POINTS, SMOKE, Workspace, tiny};

/// Exit code, and a word that the error must contain.
fn check(workspace: &Workspace, arguments: &[&str], code: i32, word: &str) {
    let ran = workspace.run(arguments);
    assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
    assert!(ran.stderr.contains(word), "{arguments:?} should say `{word}`: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{arguments:?}: {}", ran.stderr);
}

#[test]
fn wrong_words_are_refused_with_what_would_do() {
    let workspace = Workspace::of_repository();
    check(
        &workspace,
        &["reproduce", "pictogram-scaling-law/quick"],
        2,
        "did you mean `pictogram-scaling-laws`?",
    );
    check(&workspace, &["reproduce", "pictogram-scaling-laws/qick"], 2, "quick");
    for command in [&["show", "--id"][..], &["show", "--unknown"], &["show"], &["diff", SMOKE]] {
        let typed = [command, &["pictogram-scaling-laws/smok"]].concat();
        check(&workspace, &typed, 2, "did you mean `smoke`?");
    }
    check(&workspace, &["diff", SMOKE, "pictogram-scaling-laws/quick"], 2, "is a target");
    check(&workspace, &["reproduce", "Upper/case"], 2, "lower-case");
    check(&workspace, &["reproduce", "no/such/target"], 2, "EXPERIMENT/TARGET");
    check(&workspace, &["reproduce", "missing.dhall"], 3, "missing.dhall");
    check(&workspace, &["reproduce", SMOKE, "--budget", "soon"], 2, "--budget");
    check(&workspace, &["reproduce", SMOKE, "--simd", "neon"], 2, "scalar");
    check(&workspace, &["reproduce", SMOKE, "--device", "gpu"], 2, "one of: cpu, cuda, cuda:N");
    check(&workspace, &["verify", SMOKE, "--device", "cuda:x"], 2, "`cuda:x` is not a device");
    check(&workspace, &["lock", SMOKE, "--device", "tpu"], 2, "`tpu` is not a device");
    #[cfg(not(feature = "cuda"))]
    check(&workspace, &["reproduce", SMOKE, "--device", "cuda"], 2, "--features cuda");
    check(&workspace, &["frobnicate"], 2, "unrecognized");
    check(&workspace, &["order", SMOKE, "--step", "32"], 2, "32 steps");
    check(&workspace, &["order", "pictogram-scaling-laws/quick", "--step", "0"], 2, "--run");
    check(
        &workspace,
        &["order", "clip-scaling-laws/fig1a", "--step", "0"],
        2,
        "nothing is trained",
    );
    for program in ["/bin/true", "/nowhere"] {
        let bisect = ["bisect", SMOKE, "--other-program", program];
        check(&workspace, &bisect, 2, "target/release/ibid");
    }
    check(&workspace, &["store", "cat", "abc"], 2, "64 lower-case");
    check(&workspace, &["store", "cat", &"0".repeat(64)], 3, "no blob");
    check(&workspace, &["data", "pin", "no-such-set"], 2, "glyphs-2k");
    check(&workspace, &["list", "--workspace", "nowhere"], 2, "ibid init");
    check(&Workspace::empty(), &["list"], 2, "ibid init");
}

#[test]
fn a_folder_for_what_is_written_is_made() {
    let workspace = Workspace::empty();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 2, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[7; 12]).unwrap();
    std::fs::write(workspace.path("picture.png"), png).unwrap();
    workspace.ok(&["data", "preprocess", "picture.png", "--out", "not/there/yet"]);
    assert_eq!(std::fs::read(workspace.path("not/there/yet/picture.png.rgb")).unwrap(), [7; 12]);
}

#[test]
fn files_that_are_no_weights_are_refused_with_what_would_do() {
    let workspace = Workspace::empty();
    let golden = crate::support::repository().join("tests/golden/open_clip/gelu");
    let config = golden.join("open_clip_config.json");
    let weights = std::fs::read(golden.join("open_clip_model.safetensors")).unwrap();
    let import = |source: &str, code: i32, word: &str| {
        let config = config.to_str().unwrap();
        check(
            &workspace,
            &["model", "import", source, "--config", config, "--out", "to"],
            code,
            word,
        );
        assert!(!workspace.path("to/weights.safetensors").exists(), "{source}");
    };
    import("nowhere", 2, "a state dict that torch.save wrote");
    workspace.write("text", "no weights");
    import("text", 2, "a state dict that torch.save wrote");
    for kept in [4, 200, weights.len() - 1] {
        std::fs::write(workspace.path("torn.safetensors"), &weights[..kept]).unwrap();
        import("torn.safetensors", 2, "hint: ");
    }
    std::fs::write(workspace.path("zip.pt"), b"PK\x03\x04 and nothing more").unwrap();
    import("zip.pt", 2, "fetch the file anew");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_anything_is_executed() {
    let workspace = Workspace::of_repository();
    workspace.write("taken", "a file");
    for out in ["taken", "taken/below", "taken/far/below"] {
        check(&workspace, &["reproduce", SMOKE, "--out", out], 3, "move away what is there");
    }
    let is_evaluation = |file: &String| file.starts_with(".ibid/evaluations");
    assert!(workspace.store_files().iter().all(is_evaluation));
    assert_eq!(workspace.read("taken"), "a file");
}

#[test]
fn a_run_beyond_the_budget_executes_nothing() {
    let workspace = Workspace::of_repository();
    check(
        &workspace,
        &["reproduce", "pictogram-scaling-laws/quick", "--budget", "1s"],
        2,
        "--budget",
    );
    let plan = workspace.ok(&["plan", "pictogram-scaling-laws/quick"]).stdout;
    assert!(plan.lines().last().unwrap().starts_with("hit 0,"), "{plan}");
}

#[test]
fn a_folder_of_other_things_is_no_store() {
    let workspace = Workspace::of_repository();
    workspace.write("other/thing", "x");
    check(&workspace, &["reproduce", SMOKE, "--store", "other"], 3, "store");
    assert_eq!(workspace.read("other/thing"), "x");
}

#[test]
fn a_closed_pipe_is_silent() {
    let workspace = Workspace::of_repository();
    let mut child = workspace
        .command(&["show", "pictogram-scaling-laws"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}

/// `/dev/full` takes nothing, as a full disk does.
#[test]
#[cfg(target_os = "linux")]
fn what_cannot_be_printed_is_said_and_hides_no_verdict() {
    let workspace = Workspace::with_smoke();
    let code = |arguments: &[&str], path: &str| {
        let full = std::fs::File::options().write(true).open(path).unwrap();
        let output = workspace.command(arguments).stdout(full).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (full, null) = ("/dev/full", "/dev/null");
    let unprinted = code(&["show", SMOKE], full);
    assert_eq!(unprinted.0, Some(3), "{}", unprinted.1);
    assert!(unprinted.1.contains("standard output cannot be written"), "{}", unprinted.1);
    assert_eq!(code(&["reproduce", SMOKE], full).0, Some(3));
    let different = ["diff", "pictogram-scaling-laws", "clip-scaling-laws"];
    assert_eq!((code(&different, full).0, code(&different, null).0), (Some(1), Some(1)));
    let lockfile = "lockfiles/pictogram-scaling-laws.lock";
    let whole = workspace.read(lockfile);
    let line = whole.find("smoke/collect").unwrap();
    let at = line + whole[line..].find("points.csv=").unwrap() + "points.csv=".len();
    let digit = if whole[at..].starts_with('0') { "1" } else { "0" };
    workspace.write(lockfile, &[&whole[..at], digit, &whole[at + 1..]].concat());
    // The reader of a pipe that goes away hides it no more than a full disk does.
    let mut closed = workspace.command(&["reproduce", SMOKE]);
    let mut closed = closed.stdout(std::process::Stdio::piped()).spawn().unwrap();
    drop(closed.stdout.take());
    assert_eq!(closed.wait().unwrap().code(), Some(1));
    assert_eq!(code(&["reproduce", SMOKE], full).0, Some(1));
}

/// A path that is not Unicode is shown as well as it can be.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_whose_name_is_no_text_serves_as_any_other() {
    use std::os::unix::ffi::OsStrExt as _;
    let workspace = Workspace::with_smoke();
    let name = std::ffi::OsStr::from_bytes(b"out\xff");
    let mut command = workspace.command(&["reproduce", SMOKE, "--out"]);
    let output = command.arg(name).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(workspace.path("").join(name).is_dir());
    // So does a file, and its name is told in JSON too.
    std::fs::write(workspace.path("").join(name).join(name), "bytes").unwrap();
    for arguments in [&["store", "add", "--json"][..], &["store", "add"]] {
        let mut command = workspace.command(arguments);
        let output = command.arg(std::path::Path::new(name).join(name)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut command = workspace.command(&["init", "--json"]);
    let output = command.arg(name).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Those who execute and fetch are told its path.
#[test]
#[cfg(target_os = "linux")]
fn a_store_whose_path_is_no_text_is_refused_before_anything_else() {
    use std::os::unix::ffi::OsStrExt as _;
    let workspace = Workspace::with_smoke();
    let name = std::ffi::OsStr::from_bytes(b"store\xff");
    for (command, option) in [("reproduce", "--store"), ("verify", "--into")] {
        let mut command = workspace.command(&[command, SMOKE, "--json", option]);
        let output = command.arg(name).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("is not text in UTF-8"), "{stderr}");
        assert!(stderr.contains(&format!("{option} DIR")), "{stderr}");
        assert!(!workspace.path("").join(name).exists());
        let last = String::from_utf8(output.stdout).unwrap();
        let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
        assert_eq!(last["exitCode"], 2);
    }
}

#[test]
fn a_source_that_cannot_be_had_names_digest_places_and_command() {
    let workspace = Workspace::of_repository();
    let shards = "experiments/pictogram-scaling-laws/data.dhall";
    workspace.edit(
        shards,
        "schema.Source.Bundled { set, version = pinned.version }",
        "schema.Source.File { path = \"nowhere/${set}\" }",
    );
    let ran = workspace.run_without_mirrors(&["reproduce", SMOKE]);
    let stderr = ran.stderr;
    assert_eq!(ran.code, Some(3), "{stderr}");
    for word in ["nowhere/", "tried", "ibid store add"] {
        assert!(stderr.contains(word), "should say `{word}`: {stderr}");
    }
}

/// What a warm store forgives, a fresh one does not.
#[test]
fn pins_that_only_this_store_bears_with_are_told_by_check_and_lock() {
    let workspace = Workspace::of_repository();
    let file = |path: &str| format!("schema.Source.File {{ path = \"{path}\" }}");
    let package = "experiments/tiny/package.dhall";
    workspace.write(package, &tiny(&file("tiny/points.csv")));
    workspace.write("experiments/tiny/points.csv", POINTS);
    let run = |arguments: &[&str]| workspace.run_without_mirrors(arguments);
    let locked = run(&["lock", "tiny"]);
    assert_eq!(locked.code, Some(0), "{}", locked.stderr);
    // It is not where the experiment says, and here nobody notices.
    workspace.write(package, &tiny(&file("tiny/absent.csv")));
    for command in ["check", "lock"] {
        let ran = run(&[command, "tiny"]);
        assert_eq!(ran.code, Some(0), "{command}: {}{}", ran.stdout, ran.stderr);
        for said in ["experiments/tiny/package.dhall:", "/experiments/tiny/absent.csv`; the store"]
        {
            assert!(ran.stderr.contains(said), "{command}, {said}: {}", ran.stderr);
        }
    }
    let bundled = "schema.Source.Bundled { set = \"openclip-vocab\", version = \"1\" }";
    let bytes = POINTS.len();
    let longer = tiny(&file("tiny/points.csv"))
        .replace(&format!("bytes = {bytes}"), &format!("bytes = {}", bytes + 1));
    for (text, said) in [
        (longer, format!("is {}, and the file of this digest has {bytes} bytes", bytes + 1)),
        (tiny(bundled), "there is no bundled set `openclip-vocab`".to_owned()),
    ] {
        workspace.write(package, &text);
        for command in ["check", "lock"] {
            let ran = run(&[command, "tiny"]);
            assert_eq!(ran.code, Some(2), "{command}: {}{}", ran.stdout, ran.stderr);
            assert!(format!("{}{}", ran.stdout, ran.stderr).contains(&said), "{}", ran.stderr);
        }
    }
    // Where nothing is remembered, a file that is not there is a finding.
    std::fs::remove_dir_all(workspace.path(".ibid")).unwrap();
    workspace.write(package, &tiny(&file("tiny/absent.csv")));
    let ran = run(&["check", "tiny"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("/experiments/tiny/absent.csv`\n"), "{}", ran.stdout);
    assert_eq!(run(&["lock", "tiny"]).code, Some(3));
}

#[test]
fn numbers_about_files_that_are_at_hand_are_held_against_them() {
    let workspace = Workspace::with_smoke();
    let shards = "experiments/pictogram-scaling-laws/shards.dhall";
    workspace.edit(shards, "count = 143", "count = 142");
    let said = "is 142, and the pinned file names 143 classes";
    check(&workspace, &["lock", SMOKE], 2, said);
    assert!(workspace.run(&["check", "pictogram-scaling-laws"]).stdout.contains(said));
    let workspace = Workspace::with_new();
    let package = "experiments/mine/package.dhall";
    workspace.edit(package, "size = pinned.vocabulary.size", "size = 1000");
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("is 1000, and the pinned file has "), "{}", ran.stdout);
}

/// Below the workspace, and beside its folder of experiments: nobody guesses that.
#[test]
fn a_path_that_starts_elsewhere_is_told_where_paths_start() {
    let workspace = Workspace::of_repository();
    let package = "experiments/tiny/package.dhall";
    workspace.write("data/points.csv", POINTS);
    workspace.write(package, &tiny("schema.Source.File { path = \"../data/points.csv\" }"));
    let said = workspace.run(&["check", "tiny"]).stdout;
    assert!(said.contains("paths start at the workspace's `experiments/`"), "{said}");
    workspace.write(package, &tiny("schema.Source.File { path = \"data/points.csv\" }"));
    let looked_for = workspace.path("").canonicalize().unwrap().join("experiments/data/points.csv");
    let looked_for = format!("tried file {}: ", looked_for.display());
    check(&workspace, &["reproduce", "tiny"], 3, &looked_for);
}

#[test]
fn a_mistake_in_what_was_typed_is_json_where_json_was_asked_for() {
    let workspace = Workspace::empty();
    for typed in [&["frobnicate", "--json"][..], &["--json", "list", "--threads", "0"]] {
        let ran = workspace.run(typed);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(value["exitCode"], 2);
        assert!(!value["error"][0].as_str().unwrap().is_empty(), "{value}");
    }
}

#[test]
fn what_is_missing_is_said_once_for_all_that_need_it() {
    let workspace = Workspace::of_repository();
    let ran = workspace.run_without_mirrors(&["reproduce", "clip-scaling-laws/fig1b", "--offline"]);
    let said = ran.stderr;
    assert_eq!(ran.code, Some(3), "{said}");
    assert_eq!(said.matches("not asked: --offline").count(), 1, "{said}");
}

/// Its own words, in a title, must not clear the screen or turn what follows.
#[test]
fn an_experiment_gives_the_terminal_no_orders() {
    let workspace = Workspace::of_repository();
    let source = "schema.Source.File { path = \"tiny/points.csv\" }";
    let title = "\\u001B[2J\\u000Dfake\\u202E\\nline";
    let text = crate::support::tiny(source).replace("A tiny table", title);
    workspace.write("experiments/tiny/package.dhall", &text);
    workspace.write("experiments/tiny/points.csv", crate::support::POINTS);
    workspace.write("lockfiles/tiny.lock", "ibid-lock/\u{1b}[31mRED\n");
    for arguments in [&["list"][..], &["plan", "tiny"], &["reproduce", "tiny"], &["show", "tiny"]] {
        let ran = workspace.run(arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let obeyed =
            said.find(|c: char| c != '\n' && c != '\t' && (c.is_control() || c == '\u{202e}'));
        assert_eq!(obeyed, None, "{arguments:?}: {said:?}");
    }
    let listed = workspace.ok(&["list"]).stdout;
    assert!(listed.contains(" [2J fake  line"), "{listed}");
}

#[test]
fn a_file_is_read_with_the_workspace_that_it_lies_in() {
    let (here, there) = (Workspace::empty(), Workspace::of_repository());
    there.write(
        "experiments/tiny/package.dhall",
        &crate::support::tiny("schema.Source.File { path = \"x\" }"),
    );
    let file = there.path("experiments/tiny/package.dhall");
    check(&here, &["check", file.to_str().unwrap()], 0, "is sound");
}

#[test]
fn a_verification_beyond_the_budget_executes_nothing() {
    let workspace = Workspace::with_smoke();
    check(&workspace, &["verify", SMOKE, "--budget", "soon"], 2, "is not a time");
    check(&workspace, &["verify", SMOKE, "--budget", "0.001s"], 2, "nothing was executed");
}

/// Whatever executes actions of a stranger, or fetches for them, asks first and says where it writes.
#[test]
fn a_strangers_trainings_are_not_executed_again_unasked() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("origin"));
    let text = crate::support::tiny("schema.Source.File { path = \"tiny/points.csv\" }");
    let files = vec![
        ("experiments/tiny/package.dhall", Entry::File(text.into())),
        ("experiments/tiny/points.csv", Entry::File(crate::support::POINTS.into())),
    ];
    let rev = origin.commit("main", files);
    let name = format!("git+{}?rev={rev}#tiny/line", origin.url());
    let here = Workspace::of_repository();
    check(&here, &["bisect", &name], 2, "--yes");
    check(&here, &["bisect", SMOKE, &name], 2, "--yes");
    check(&here, &["verify", &name, "--into", "chosen"], 2, "/chosen");
    assert!(!here.path("chosen").exists());
}

#[test]
fn a_lockfile_that_is_no_text_is_refused_with_its_line() {
    let workspace = Workspace::of_repository();
    std::fs::write(
        workspace.path("lockfiles/pictogram-scaling-laws.lock"),
        b"ibid-lock/1\na\xff/train\n",
    )
    .unwrap();
    check(&workspace, &["reproduce", SMOKE], 2, "line 2: it is not text in UTF-8");
    check(&workspace, &["reproduce", SMOKE], 2, "remove it and write it anew");
}

#[test]
fn a_damaged_marker_is_an_integrity_error_for_the_doctor_too() {
    let workspace = Workspace::with_smoke();
    workspace.write(".ibid/layout", "ibid-stor\u{0}/1\n");
    for command in [&["doctor"][..], &["store", "du"]] {
        assert_eq!(workspace.run(command).code, Some(4), "{command:?}");
    }
}

/// What the source would refuse is said before anything is asked for.
#[test]
fn an_address_that_is_never_asked_is_a_finding() {
    let workspace = Workspace::of_repository();
    let rev = "0123456789abcdef0123456789abcdef01234567";
    let git = |url: &str| {
        format!("schema.Source.Git {{ url = \"{url}\", rev = \"{rev}\", path = \"points.csv\" }}")
    };
    let http = |url: &str| format!("schema.Source.Http {{ url = \"{url}\" }}");
    let file = |path: &str| format!("schema.Source.File {{ path = \"{path}\" }}");
    for (source, code, said) in [
        (git("ssh://git@example.org/a"), 2, "use https, http or file"),
        (git("https://user:secret@example.org/a"), 2, "a name or a password"),
        (git("file://host/a"), 2, "names no host"),
        (git("file:///a%2"), 2, "not followed by two digits"),
        (http("file:///etc/passwd"), 2, "a file of this machine is no web page"),
        (http("https:///points.csv"), 2, "the address names no host"),
        (git("https://example.org/a.git"), 0, ""),
        (git("file:///srv/a%20b"), 0, ""),
        (http("http://example.org/points.csv"), 0, ""),
        (file("./points.csv"), 2, "write `points.csv`"),
        (file("a/./b//points.csv"), 2, "write `a/b/points.csv`"),
        (file("points/"), 2, "write `points`"),
        (file("a/points.csv"), 0, ""),
    ] {
        workspace.write("experiments/tiny/package.dhall", &crate::support::tiny(&source));
        let ran = workspace.run(&["check", "tiny", "--offline"]);
        assert_eq!(ran.code, Some(code), "{source}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(said), "{source} should say `{said}`: {}", ran.stdout);
    }
}
