//! A collection that cannot know what is needed, a server that keeps something back, a setting that means nothing: each
//! is said, by name, and nothing is taken for something else.

use std::process::Stdio;

use git2::{ObjectType, Oid};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Entry, Origin, POINTS, SMOKE, Workspace, repository, tiny, until};

/// A workspace with one small experiment of its own, and none of the repository's.
fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    let source = "schema.Source.File { path = \"tiny/points.csv\" }";
    workspace.write("experiments/tiny/package.dhall", &tiny(source));
    workspace.write("experiments/tiny/points.csv", POINTS);
    workspace
}

#[test]
fn an_empty_name_between_mirrors_names_nothing() {
    let workspace = workspace();
    for mirrors in ["/nowhere:", ":/nowhere", ":"] {
        let ran = workspace.command(&["check", "tiny"]).env("IBID_MIRRORS", mirrors).output();
        let ran = ran.unwrap();
        assert_eq!(ran.status.code(), Some(0), "{mirrors}: {ran:?}");
    }
    assert_eq!(workspace.run(&["check", "tiny", "--mirror", ""]).code, Some(2));
}

/// Nobody makes a folder there.
#[test]
#[cfg(target_os = "linux")]
fn a_plan_needs_no_store() {
    let workspace = workspace();
    let plan = workspace.ok(&["plan", "tiny", "--store", "/sys/ibid"]).stdout;
    assert!(plan.lines().last().unwrap().starts_with("hit 0, "), "{plan}");
    assert_eq!(workspace.run(&["reproduce", "tiny", "--store", "/sys/ibid"]).code, Some(3));
}

#[test]
fn a_collection_stops_where_an_experiment_cannot_be_read() {
    let workspace = workspace();
    workspace.ok(&["store", "gc"]);
    let package = workspace.read("experiments/tiny/package.dhall");
    workspace.write("experiments/tiny/package.dhall", &format!("{package} ]"));
    let ran = workspace.run(&["store", "gc"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    for said in ["what `tiny` pins is not known", "hint: mend or remove it: ibid check tiny"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
}

#[test]
fn a_copy_of_a_commit_that_lacks_a_file_is_no_mistake_of_its_author() {
    let workspace = Workspace::empty();
    let origin = Origin::new(&workspace.path("origin"));
    let package = tiny("schema.Source.File { path = \"tiny/points.csv\" }");
    let schema = std::fs::read(repository().join("experiments/schema/v1/package.dhall")).unwrap();
    let files = [
        ("experiments/tiny/package.dhall", package.into_bytes()),
        ("experiments/tiny/points.csv", POINTS.into()),
    ];
    let entries = files.clone().map(|(path, bytes)| (path, Entry::File(bytes)));
    let rev = origin.commit("main", entries.into());
    let name = format!("git+{}?rev={rev}#tiny", origin.url());
    workspace.ok(&["check", &name]);
    for lost in [&schema, &files[0].1] {
        let hex = Oid::hash_object(ObjectType::Blob, lost).unwrap().to_string();
        let copy = format!(".ibid/git/{rev}/objects/{}/{}", &hex[..2], &hex[2..]);
        std::fs::remove_file(workspace.path(&copy)).unwrap();
        let ran = workspace.run(&["check", &name]);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        for said in [&*hex, "ibid store fsck"] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
        // The mended copy has everything.
        assert_eq!(workspace.run(&["store", "fsck"]).code, Some(4));
        workspace.ok(&["check", &name]);
    }
}

#[test]
fn a_collection_stops_where_a_workspace_is_out_of_reach() {
    let workspace = workspace();
    let other = Workspace::empty();
    other.ok(&["init"]);
    let store = workspace.path(".ibid");
    workspace.ok(&["store", "gc"]);
    other.ok(&["store", "du", "--store", store.to_str().unwrap()]);
    workspace.ok(&["store", "gc"]);
    let folder = other.path("experiments").canonicalize().unwrap();
    let folder = folder.parent().unwrap().to_str().unwrap().to_owned();
    drop(other);
    for command in [&["store", "gc"][..], &["store", "gc", "--dry-run"]] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
        for said in [&*folder, "ibid store gc --forget-missing"] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
    }
    workspace.ok(&["store", "gc", "--forget-missing"]);
    workspace.ok(&["store", "gc"]);
}

#[test]
fn a_digest_that_lock_overwrites_is_named() {
    let workspace = Workspace::with_smoke();
    let lockfile = "lockfiles/pictogram-scaling-laws.lock";
    let whole = workspace.read(lockfile);
    let line = whole.lines().find(|line| line.starts_with("smoke/draw ")).unwrap();
    let (before, digest) = line.split_once(" figure.svg=").unwrap();
    let other = format!("{before} figure.svg={}{}", "0".repeat(64), &digest[64..]);
    for (arguments, code, said) in [
        (&["lock", SMOKE, "--check"][..], 1, "differs  smoke/draw figure.svg"),
        (&["lock", SMOKE][..], 0, "changed  smoke/draw figure.svg"),
        (&["lock", SMOKE, "--json"][..], 0, "\"overwritten\":[{\"label\":\"smoke/draw\""),
    ] {
        workspace.write(lockfile, &whole.replace(line, &other));
        let ran = workspace.run(arguments);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    assert_eq!(workspace.read(lockfile), whole);
    assert!(workspace.ok(&["lock", SMOKE, "--json"]).stdout.contains("\"overwritten\":[]"));
}

#[test]
fn whatever_names_a_commit_is_refused_with_the_id_to_cite() {
    let workspace = Workspace::empty();
    let origin = Origin::new(&workspace.path("origin"));
    let rev = origin.commit("main", Vec::new());
    let object = origin.repository().find_object(Oid::from_str(&rev).unwrap(), None).unwrap();
    let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
    let tag = origin.repository().tag("v1", &object, &author, "m", false).unwrap().to_string();
    let name = |rev: &str| format!("git+{}?rev={rev}#tiny", origin.url());
    for (named, code) in
        [("HEAD", 2), ("refs/heads/main", 2), ("refs/tags/v1", 2), (tag.as_str(), 3)]
    {
        let ran = workspace.run(&["check", &name(named)]);
        assert_eq!(ran.code, Some(code), "{named}: {}", ran.stderr);
        assert!(ran.stderr.contains(&name(&rev)), "{named}: {}", ran.stderr);
    }
    let ran = workspace.run(&["check", &name(&"a".repeat(64))]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("SHA-256 are not supported yet"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ls-remote"), "{}", ran.stderr);
}

#[test]
fn whoever_reads_json_is_told_the_verdict() {
    let workspace = workspace();
    workspace.write("experiments/other/package.dhall", "../tiny/package.dhall ⫽ { title = \"x\" }");
    for (arguments, code, said) in [
        (["check", "tiny", "--json"].to_vec(), 0, r#"{"name":"tiny","sound":true,"unchecked":0}"#),
        (["diff", "tiny", "tiny", "--json"].to_vec(), 0, r#"{"differences":0,"same":true}"#),
        (["diff", "tiny", "other", "--json"].to_vec(), 1, r#"{"differences":1,"same":false}"#),
    ] {
        let ran = workspace.run(&arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {}", ran.stderr);
        assert_eq!(ran.stdout.lines().last(), Some(said), "{arguments:?}");
    }
}

/// Whether this test was started by `nohup` or the like; what it starts is then, too.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.is_some_and(|bits| u64::from_str_radix(bits.trim(), 16).unwrap() & 1 == 1)
}

#[test]
fn a_terminal_that_closes_ends_a_verification_and_leaves_nothing_behind() {
    if is_hangup_ignored() {
        println!("skipped: somebody has hangups ignored");
        return;
    }
    let workspace = Workspace::of_repository();
    let mut command = workspace.command(&["verify", SMOKE, "--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let second_stores = || {
        let entries = std::fs::read_dir(workspace.path(".ibid/tmp")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("verify")).count()
    };
    until("the verification is under way", || second_stores() > 0);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(129));
    assert_eq!(second_stores(), 0);
}
