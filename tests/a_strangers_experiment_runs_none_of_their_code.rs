//! `git+URL?rev=COMMIT#EXPERIMENT`: the same answers as at home, asked for once, and nothing else read or run.

use std::fs;

use crate::support::server::{self, Server};
use crate::support::{Entry, Origin, POINTS, Ran, Workspace, tiny};

const HERE: &str = "schema.Source.File { path = \"tiny/points.csv\" }";

fn file(text: &str) -> Entry {
    Entry::File(text.into())
}

/// The files of an experiment that carries its table.
fn whole() -> Vec<(&'static str, Entry)> {
    vec![
        ("experiments/tiny/package.dhall", Entry::File(tiny(HERE).into())),
        ("experiments/tiny/points.csv", file(POINTS)),
    ]
}

fn name(origin: &Origin, rev: &str, rest: &str) -> String {
    format!("git+{}?rev={rev}#{rest}", origin.url())
}

/// Runs `ibid` on a name, which must end with `code` and say `word`.
fn check(workspace: &Workspace, arguments: &[&str], code: i32, word: &str) -> Ran {
    let ran = workspace.run(arguments);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(code), "{arguments:?}: {said}");
    assert!(said.contains(word), "{arguments:?} should say `{word}`: {said}");
    assert!(!said.contains("panicked") && !said.contains("root:"), "{said}");
    ran
}

#[test]
fn every_command_takes_an_experiment_from_its_commit() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("origin"));
    // Its author's workspace, where it is locked.
    let author = Workspace::of_repository();
    author.write("experiments/tiny/package.dhall", &tiny(HERE));
    author.write("experiments/tiny/points.csv", POINTS);
    author.ok(&["lock", "tiny"]);
    let lockfile = author.read("lockfiles/tiny.lock");
    let actions = lockfile.lines().count() as u64 - 1;
    let id = author.ok(&["show", "tiny", "--id"]).stdout;
    let with_lockfile = |text: &str| {
        let mut files = whole();
        files.push(("lockfiles/tiny.lock", file(text)));
        origin.commit("main", files)
    };
    let rev = with_lockfile(&lockfile);
    let here = Workspace::empty();
    let tiny = name(&origin, &rev, "tiny");
    let line = name(&origin, &rev, "tiny/line");
    check(&here, &["check", &tiny], 0, "sound");
    assert_eq!(here.ok(&["show", &tiny, "--id"]).stdout, id);
    check(&here, &["plan", &line], 0, "locked ");
    // Certificates are of no use for a repository of this machine, and out of reach of who reads it.
    let trusting = Workspace::empty();
    trusting.write("certificates.pem", "none");
    let mut command = trusting.command(&["check", &tiny]);
    command.env("SSL_CERT_FILE", trusting.path("certificates.pem"));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut other = whole();
    other[0].1 = Entry::File(self::tiny(HERE).replace("A tiny table", "A small one").into());
    let other = name(&origin, &origin.commit("other", other), "tiny");
    check(&here, &["diff", &tiny, &other], 1, "A small one");
    check(&here, &["diff", &tiny, &tiny], 0, "");
    // Nobody is there to agree, and nothing is executed; of what executes nothing, no folder for results is named.
    let ran =
        check(&here, &["order", &line, "--step", "0"], 2, "agree that this experiment is read");
    assert!(!ran.stderr.contains("computes") && !ran.stderr.contains("/out/"), "{}", ran.stderr);
    let ran = check(&here, &["reproduce", &line], 2, "--yes");
    for word in ["A tiny table", id.trim(), "from the commit", "actions", "writes", "lockfile"] {
        assert!(ran.stderr.contains(word), "should say `{word}`: {}", ran.stderr);
    }
    assert!(!here.path("out").exists());
    let ran = check(&here, &["reproduce", &line, "--out", "chosen"], 2, "--yes");
    assert!(ran.stderr.contains("/chosen"), "{}", ran.stderr);
    let ran = here.ok(&["reproduce", &line, "--yes"]);
    assert_eq!(ran.verdict("executed"), actions);
    let same = format!("same bits as lockfile {actions}/{actions}");
    assert!(ran.stdout.contains(&same), "{}", ran.stdout);
    assert!(here.path(&format!("out/tiny-{}/line/figure.svg", &rev[..12])).is_file());
    let ran = here.ok(&["verify", &line, "--yes", "--offline"]);
    assert_eq!(ran.verdict("executed"), actions);
    check(&here, &["lock", &line], 2, "cannot be changed");
    // A lockfile that lies is found out.
    let forged = forge(&lockfile);
    let lie = with_lockfile(&forged);
    check(&here, &["reproduce", &name(&origin, &lie, "tiny/line"), "--yes"], 1, "differs");
}

/// A lockfile with another digest of the figure.
fn forge(lockfile: &str) -> String {
    let (before, after) = lockfile.split_once("figure.svg=").unwrap();
    let digit = if after.starts_with('0') { '1' } else { '0' };
    format!("{before}figure.svg={digit}{}", &after[1..])
}

#[test]
fn the_same_over_http() {
    if !server::has_git_backend() {
        return;
    }
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("a.git"));
    let rev = origin.commit("main", whole());
    let root = elsewhere.path("");
    let server = Server::http(move |asked, out| server::git_backend(&root, asked, out));
    let here = Workspace::empty();
    let name = format!("git+{}/a.git?rev={rev}#tiny", server.url);
    check(&here, &["reproduce", &name, "--offline"], 3, "leave --offline");
    check(&here, &["reproduce", &name, "--yes"], 0, "executed ");
    let asked = server.asked().len();
    check(&here, &["reproduce", &name, "--yes", "--offline"], 0, "cached");
    assert_eq!(server.asked().len(), asked);
}

#[test]
fn names_that_move_are_refused_with_what_they_name_today() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("origin"));
    let rev = origin.commit("main", whole());
    let object = origin.repository().find_object(git2::Oid::from_str(&rev).unwrap(), None).unwrap();
    let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
    let tag = origin.repository().tag("v1", &object, &author, "m", false).unwrap().to_string();
    let here = Workspace::empty();
    for (moving, word) in
        [("main", "a branch, which moves"), ("v1", "a tag"), (&rev[..8], "abbreviates")]
    {
        let ran = check(&here, &["reproduce", &name(&origin, moving, "tiny"), "--yes"], 2, word);
        assert!(ran.stderr.contains(&name(&origin, &rev, "tiny")), "{}", ran.stderr);
    }
    check(&here, &["check", &name(&origin, "no-such-branch", "tiny")], 2, "git ls-remote");
    check(&here, &["check", &name(&origin, &tag, "tiny")], 3, "is the id of a tag");
    check(&here, &["check", &name(&origin, &"1".repeat(40), "tiny")], 3, "history was rewritten");
    check(&here, &["check", &name(&origin, &rev, "tony")], 2, "experiments: tiny");
    check(
        &here,
        &["check", "git+file:///nowhere/at/all?rev=1111111111111111111111111111111111111111#tiny"],
        3,
        "/nowhere/at/all",
    );
    check(&here, &["check", "git+ssh://example.org/a?rev=1#tiny"], 2, "ssh");
    check(&here, &["check", &name(&origin, &rev, "../tiny")], 2, "lower-case");
    // The tag is moved, and the citation still means what it meant.
    let later = origin.commit("main", vec![("experiments/tiny/package.dhall", file("1"))]);
    let object =
        origin.repository().find_object(git2::Oid::from_str(&later).unwrap(), None).unwrap();
    origin.repository().tag("v1", &object, &author, "m", true).unwrap();
    check(&here, &["check", &name(&origin, &rev, "tiny")], 0, "sound");
}

#[test]
fn nothing_outside_of_the_commit_is_read() {
    let elsewhere = Workspace::empty();
    elsewhere.write("secret.dhall", "\"root:s3cret\"");
    elsewhere.write("origin/experiments/worktree.dhall", "\"root:s3cret\"");
    let origin = Origin::new(&elsewhere.path("origin"));
    let here = Workspace::empty();
    let hostile = |text: &str, word: &str, code: i32| {
        let rev = origin.commit(
            "main",
            vec![("experiments/x/package.dhall", file(text)), ("root.dhall", file("\"root:up\""))],
        );
        check(&here, &["check", &name(&origin, &rev, "x")], code, word);
    };
    hostile("/etc/passwd as Text", "absolute path", 2);
    hostile("~/.ssh/id_rsa as Text", "home folder", 2);
    hostile("../../root.dhall", "out of the import root", 2);
    hostile("../../../secret.dhall", "out of the import root", 2);
    hostile("../worktree.dhall", "there is no file", 2);
    hostile("env:HOME as Text", "HOME", 2);
    hostile("https://example.org/x.dhall", "sha256", 2);
    let linked = |path: &'static str, target: &'static str, code: i32, word: &str| {
        let import = file("./link as Text");
        let rev = origin.commit(
            "main",
            vec![("experiments/x/package.dhall", import), (path, Entry::Link(target))],
        );
        check(&here, &["check", &name(&origin, &rev, "x")], code, word);
    };
    linked("experiments/x/link", "/etc/passwd", 2, "symbolic link");
    linked("experiments/x/link", "package.dhall", 2, "symbolic link");
    let rev =
        origin.commit("main", vec![("experiments/x/package.dhall", Entry::Link("/etc/passwd"))]);
    check(&here, &["check", &name(&origin, &rev, "x")], 3, "symbolic link");
    let rev = origin.commit("main", vec![("experiments/x", Entry::Submodule)]);
    check(&here, &["check", &name(&origin, &rev, "x")], 3, "submodule");
    let link = origin.repository().blob(b"/etc").unwrap();
    let mut tree = origin.repository().treebuilder(None).unwrap();
    tree.insert("experiments", link, 0o120_000).unwrap();
    let rev = origin.commit_tree("main", tree.write().unwrap());
    check(&here, &["check", &name(&origin, &rev, "x")], 3, "symbolic link");
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n",
        "a".repeat(64)
    );
    let rev = origin.commit("main", vec![("experiments/x/package.dhall", file(&pointer))]);
    check(&here, &["check", &name(&origin, &rev, "x")], 2, "Git LFS pointer");
    let rev = origin
        .commit("main", vec![("experiments/x/package.dhall", Entry::File(vec![b' '; 2 << 20]))]);
    check(&here, &["check", &name(&origin, &rev, "x")], 2, "larger than 1 MiB");
}

#[test]
fn sources_of_a_stranger_stay_within_the_commit_and_the_network() {
    let elsewhere = Workspace::empty();
    elsewhere.write("points.csv", POINTS);
    let private = Origin::new(&elsewhere.path("private"));
    let secret = private.commit("main", vec![("points.csv", file(POINTS))]);
    let origin = Origin::new(&elsewhere.path("origin"));
    let here = Workspace::empty();
    let from = |source: &str, entry: Option<Entry>, code: i32, word: &str| {
        let mut files = vec![("experiments/tiny/package.dhall", Entry::File(tiny(source).into()))];
        files.extend(entry.map(|entry| ("experiments/tiny/points.csv", entry)));
        let rev = origin.commit("main", files);
        check(&here, &["reproduce", &name(&origin, &rev, "tiny"), "--yes"], code, word);
    };
    let private = format!(
        "schema.Source.Git {{ url = \"{}\", rev = \"{secret}\", path = \"points.csv\" }}",
        private.url()
    );
    from(&private, None, 3, "no repository of this machine");
    let path = elsewhere.path("points.csv");
    from(&format!("schema.Source.Http {{ url = \"file://{}\" }}", path.display()), None, 2, "http");
    from("schema.Source.File { path = \"../points.csv\" }", None, 2, "path");
    from(HERE, Some(Entry::Link("../../../points.csv")), 3, "symbolic link");
    from(HERE, Some(Entry::File(vec![b'x'; 5 << 20])), 4, "nothing was read");
    from(HERE, Some(file(&"x".repeat(POINTS.len()))), 4, "sha256");
    from(HERE, None, 3, "no such file");
    from(HERE, Some(file(POINTS)), 0, "executed ");
}

/// Hooks, filters and configuration that would run a program or read a file if anything obeyed them.
#[test]
fn what_a_repository_would_run_is_not_run() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("origin"));
    let marker = elsewhere.path("was-run");
    let script = format!("#!/bin/sh\ntouch {}\n", marker.display());
    for hook in
        ["pre-auto-gc", "post-checkout", "post-merge", "reference-transaction", "post-index-change"]
    {
        elsewhere.write(&format!("origin/.git/hooks/{hook}"), &script);
        let mut permissions = fs::metadata(elsewhere.path(&format!("origin/.git/hooks/{hook}")))
            .unwrap()
            .permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        fs::set_permissions(elsewhere.path(&format!("origin/.git/hooks/{hook}")), permissions)
            .unwrap();
    }
    let rev = origin.commit(
        "main",
        [
            whole(),
            vec![
                (".gitattributes", file("* filter=evil diff=evil merge=evil\n")),
                (
                    ".gitmodules",
                    file("[submodule \"m\"]\npath = m\nurl = ext::sh -c touch% was-run\n"),
                ),
                (".lfsconfig", file("[lfs]\nurl = http://127.0.0.1:1\n")),
            ],
        ]
        .into_iter()
        .flatten()
        .collect(),
    );
    let touch = format!("touch {}", marker.display());
    let mut config = fs::read_to_string(elsewhere.path("origin/.git/config")).unwrap();
    config.push_str(&format!(
        "[core]\n\tfsmonitor = {touch}\n\tsshCommand = {touch}\n\thooksPath = hooks\n\tgitProxy = {touch}\n\
         [filter \"evil\"]\n\tsmudge = {touch}\n\tclean = {touch}\n\tprocess = {touch}\n\trequired = true\n\
         [diff \"evil\"]\n\ttextconv = {touch}\n[uploadpack]\n\tpackObjectsHook = {touch}\n\
         [credential]\n\thelper = !{touch}\n[alias]\n\tx = !{touch}\n[include]\n\tpath = /etc/passwd\n\
         [url \"file:///nowhere/\"]\n\tinsteadOf = file:///\n[http]\n\tproxy = http://127.0.0.1:1\n"
    ));
    elsewhere.write("origin/.git/config", &config);
    // A home folder that the program must not look at either.
    elsewhere.write("home/.gitconfig", &config);
    let here = Workspace::empty();
    let mut command = here.command(&["reproduce", &name(&origin, &rev, "tiny"), "--yes"]);
    command.env("HOME", elsewhere.path("home")).env("XDG_CONFIG_HOME", elsewhere.path("home"));
    command
        .env("GIT_SSH_COMMAND", &touch)
        .env("GIT_EXTERNAL_DIFF", &touch)
        .env("GIT_ASKPASS", &touch);
    let ran = Ran::from(command.output().unwrap());
    assert!(!marker.exists(), "their code ran");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!said.contains("root:"), "{said}");
    assert_eq!(ran.code, Some(0), "their configuration is not even opened: {said}");
    assert!(!here.path("out/tiny").exists(), "outputs carry the commit in their name");
}

#[test]
fn a_huge_list_of_files_is_not_read() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("origin"));
    let mut list = Vec::new();
    for i in 0..420_000 {
        list.extend_from_slice(format!("100644 package-{i:09}\0").as_bytes());
        list.extend_from_slice(&[7; 20]);
    }
    let odb = origin.repository().odb().unwrap();
    let huge = odb.write(git2::ObjectType::Tree, &list).unwrap();
    let mut outer = b"40000 experiments\0".to_vec();
    outer.extend_from_slice(huge.as_bytes());
    let outer = odb.write(git2::ObjectType::Tree, &outer).unwrap();
    let author = "a <a@example.org> 0 +0000";
    let commit = format!("tree {outer}\nauthor {author}\ncommitter {author}\n\nm\n");
    let rev = odb.write(git2::ObjectType::Commit, commit.as_bytes()).unwrap();
    // Into a copy that is here already: a server would not even send a list of files that it lacks.
    let here = Workspace::empty();
    here.ok(&["store", "du"]);
    let copy = here.path(&format!(".ibid/git/{rev}/objects"));
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::rename(origin.folder.join(".git/objects"), &copy).unwrap();
    check(&here, &["check", &name(&origin, &rev.to_string(), "x")], 3, "more than the 16777216");
}

#[test]
fn a_damaged_copy_of_a_commit_is_found_and_fetched_again() {
    let workspace = Workspace::empty();
    let origin = Origin::new(&workspace.path("origin"));
    let rev = origin.commit("main", whole());
    let name = format!("git+{}?rev={rev}#tiny", origin.url());
    check(&workspace, &["reproduce", &name, "--yes"], 0, "executed");
    let objects = workspace.path(".ibid/git").join(&rev).join("objects");
    let mut files = Vec::new();
    for folder in fs::read_dir(&objects).unwrap().map(|folder| folder.unwrap().path()) {
        files.extend(fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    }
    // Indices are found by the objects that they lead to.
    files.retain(|file| file.extension().is_none_or(|extension| extension == "pack"));
    assert!(!files.is_empty());
    for file in files {
        // A commit is fetched again by the run itself, or what the check moved aside by the run after it.
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
        check(&workspace, &["store", "fsck"], 4, &rev);
        check(&workspace, &["reproduce", &name, "--yes"], 0, "executed 0");
        check(&workspace, &["store", "fsck"], 0, "0 findings");
    }
    // Without a check in between, the commit itself is told and fetched again.
    let commit = objects.join(&rev[..2]).join(&rev[2..]);
    fs::remove_file(&commit).unwrap();
    fs::write(&commit, b"no object").unwrap();
    check(&workspace, &["reproduce", &name, "--yes"], 0, "a damaged copy is fetched again");
}
