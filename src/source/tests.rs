//! What the sources promise, seen through their front door.

use std::time::Duration;

use super::*;
use crate::commit::Rooted;

fn pin_of(bytes: &[u8]) -> Pin {
    Pin { sha256: BlobDigest::of(bytes), bytes: bytes.len() as u64 }
}

fn sources(mirrors: Vec<PathBuf>, root: &Path) -> Sources<'static> {
    fn build(set: &str, _version: &str) -> Result<Vec<BuiltFile>, String> {
        let file = |name: &str| BuiltFile { name: name.to_owned(), bytes: name.into() };
        if set == "letters" {
            Ok(vec![file("a"), file("b")])
        } else {
            Err("no such set".to_owned())
        }
    }
    Sources {
        mirrors,
        root: root.into(),
        build: &build,
        repositories: Repositories { folder: root.join("git"), network: None },
        downloads: root.join("downloads"),
        reads_this_machine: true,
        held: None,
        cancelled: &NEVER,
    }
}

fn read(found: Found) -> Vec<u8> {
    match found {
        Found::File(path) => std::fs::read(path).unwrap(),
        Found::Temporary(file) => std::fs::read(file.path()).unwrap(),
        Found::Bytes(bytes) => bytes,
        Found::Arrived => panic!("nobody else fetches it"),
    }
}

#[test]
fn a_mirror_is_searched_by_digest_then_path_then_size() {
    let folder = tempfile::tempdir().unwrap();
    let place =
        Place::Git { url: "unreachable".into(), rev: "0".repeat(40), path: "t/x.csv".into() };
    for (name, content) in [
        (pin_of(b"by digest").sha256.to_string(), &b"by digest"[..]),
        ("t/x.csv".to_owned(), b"by path"),
        ("deep/er/any".to_owned(), b"by size!"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(&path)
            .and_then(|mut f| std::io::Write::write_all(&mut f, content))
            .unwrap();
        let sources = sources(vec![folder.path().to_owned()], folder.path());
        let found = sources
            .obtain("table", pin_of(content), std::slice::from_ref(&place), &mut |_| (), &|| false)
            .unwrap();
        assert_eq!(read(found), content);
    }
}

#[test]
fn wrong_bytes_are_refused_and_every_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("x"))
        .and_then(|mut f| std::io::Write::write_all(&mut f, b"12345"))
        .unwrap();
    let sources = sources(vec![folder.path().to_owned()], folder.path());
    let place = Place::File { path: "x".into() };
    let text = sources
        .obtain("table", pin_of(b"abcde"), std::slice::from_ref(&place), &mut |_| (), &|| false)
        .unwrap_err()
        .to_string();
    assert!(text.contains(&pin_of(b"abcde").sha256.to_string()), "{text}");
    let looked_for = format!("tried file {}: ", folder.path().join("x").display());
    assert!(text.contains("tried mirror") && text.contains(&looked_for), "{text}");
}

#[test]
fn a_file_place_stays_below_its_root() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::File::create(folder.path().join("secret"))
        .and_then(|mut f| std::io::Write::write_all(&mut f, b"s"))
        .unwrap();
    for path in ["../secret", "/etc/passwd", "a/../../secret"] {
        let place = Place::File { path: path.into() };
        let error = sources(Vec::new(), &root).obtain(
            "x",
            pin_of(b"s"),
            std::slice::from_ref(&place),
            &mut |_| (),
            &|| false,
        );
        assert!(error.unwrap_err().to_string().contains("leaves"), "{path}");
    }
}

#[test]
fn a_bundled_set_is_built_once_and_must_equal_its_pin() {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(Vec::new(), folder.path());
    let place = |file: &str| Place::Bundled {
        set: "letters".into(),
        version: "1".into(),
        file: file.into(),
    };
    let mut also = Vec::new();
    let found = sources
        .obtain("a", pin_of(b"a"), &[place("a")], &mut |file| also.push(file.name), &|| false)
        .unwrap();
    assert_eq!((read(found), also), (b"a".to_vec(), vec!["b".to_owned()]));
    let wrong = sources.obtain("a", pin_of(b"z"), &[place("a")], &mut |_| (), &|| false);
    assert!(matches!(wrong, Err(SourceError::Built { .. })));
}

/// This test program again, as the process that fetches.
fn network() -> Network {
    let arguments = ["--exact", "source::tests::serves_as_the_fetcher", "--ignored", "--nocapture"];
    Network {
        program: std::env::current_exe().unwrap(),
        arguments: arguments.map(str::to_owned).to_vec(),
        environment: Vec::new(),
        certificates: None,
        patience: Duration::from_secs(60),
    }
}

#[test]
#[ignore = "not a test: the child process of the others"]
#[allow(clippy::exit, reason = "the child that fetches ends here")]
fn serves_as_the_fetcher() {
    std::process::exit(child_main().into());
}

/// A repository with one commit; its address and the commit's id.
fn published(folder: &Path) -> (String, String) {
    let repository = git2::Repository::init(folder).unwrap();
    let blob = repository.blob(b"bits").unwrap();
    let mut inner = repository.treebuilder(None).unwrap();
    inner.insert("x.txt", blob, 0o100_644).unwrap();
    inner.insert("link", blob, 0o120_000).unwrap();
    inner.insert("module", git2::Oid::from_bytes(&[1; 20]).unwrap(), 0o160_000).unwrap();
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 4\n",
        pin_of(b"bits").sha256
    );
    inner.insert("large", repository.blob(pointer.as_bytes()).unwrap(), 0o100_644).unwrap();
    let mut outer = repository.treebuilder(None).unwrap();
    outer.insert("a", inner.write().unwrap(), 0o040_000).unwrap();
    let tree = repository.find_tree(outer.write().unwrap()).unwrap();
    let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
    let id = repository.commit(Some("refs/heads/main"), &author, &author, "m", &tree, &[]).unwrap();
    (format!("file://{}", folder.display()), id.to_string())
}

fn with_network(root: &Path) -> Sources<'static> {
    let repositories = Repositories { folder: root.join("git"), network: Some(network()) };
    Sources { repositories, ..sources(Vec::new(), root) }
}

#[test]
fn a_file_of_a_commit_is_read_and_then_needs_no_remote() {
    let folder = tempfile::tempdir().unwrap();
    let origin = folder.path().join("origin");
    let (url, rev) = published(&origin);
    let place = [Place::Git { url, rev: rev.clone(), path: "a/x.txt".into() }];
    let online = with_network(folder.path());
    assert_eq!(
        read(online.obtain("x", pin_of(b"bits"), &place, &mut |_| (), &|| false).unwrap()),
        b"bits"
    );
    std::fs::remove_dir_all(&origin).unwrap();
    let offline = sources(Vec::new(), folder.path());
    assert_eq!(
        read(offline.obtain("x", pin_of(b"bits"), &place, &mut |_| (), &|| false).unwrap()),
        b"bits"
    );
    // The same file as a `File` of an experiment that stands in the commit.
    let root = Rooted { copy: folder.path().join("git").join(&rev), id: rev, folder: "a".into() };
    let inside = Sources { root: Root::Commit(root), ..sources(Vec::new(), folder.path()) };
    let place = |path: &str| [Place::File { path: path.into() }];
    let bits =
        |path: &str| inside.obtain("x", pin_of(b"bits"), &place(path), &mut |_| (), &|| false);
    assert_eq!(read(bits("x.txt").unwrap()), b"bits");
    for (path, word) in [
        ("../a/x.txt", "leaves"),
        ("link", "symbolic link"),
        ("module", "submodule"),
        ("large", "Git LFS pointer"),
        ("y.txt", "no such file"),
        ("x.txt/y", "no such file"),
    ] {
        let text = bits(path).unwrap_err().to_string();
        assert!(text.contains(word), "{path} should say `{word}`: {text}");
    }
}

#[test]
fn each_way_in_which_a_commit_lacks_a_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (url, rev) = published(&folder.path().join("origin"));
    let sources = with_network(folder.path());
    let obtain = |pin: Pin, rev: &str, path: &str| {
        let place = [Place::Git { url: url.clone(), rev: rev.into(), path: path.into() }];
        sources.obtain("table", pin, &place, &mut |_| (), &|| false).unwrap_err()
    };
    let pin = pin_of(b"bits");
    let missing = |rev: &str, path: &str, word: &str| {
        let error = obtain(pin, rev, path);
        let text = error.to_string();
        assert!(matches!(error, SourceError::Missing { .. }), "{text}");
        assert!(text.contains(word) && text.contains(&pin.sha256.to_string()), "{word}: {text}");
    };
    missing(&rev, "a/link", "symbolic link");
    missing(&rev, "a/module", "submodule");
    missing(&rev, "a/large", "`git lfs pull`");
    missing(&rev, "a", "a folder");
    missing(&rev, "b", "no such file");
    missing("main", "a/x.txt", &format!("it is a branch, which moves; now it is at {rev}"));
    missing(&rev[..9], "a/x.txt", &format!("it abbreviates {rev}"));
    missing(&"1".repeat(40), "a/x.txt", "history was rewritten");
    // Other bytes are never taken, and their size is looked at first.
    for wrong in [pin_of(b"bats"), pin_of(b"shorter or longer")] {
        let error = obtain(wrong, &rev, "a/x.txt");
        assert!(matches!(error, SourceError::Differs { .. }), "{error}");
    }
    let elsewhere = Sources { reads_this_machine: false, ..with_network(folder.path()) };
    let place = [Place::Git { url: url.clone(), rev, path: "a/x.txt".into() }];
    let error = elsewhere.obtain("x", pin, &place, &mut |_| (), &|| false).unwrap_err().to_string();
    assert!(error.contains("no repository of this machine"), "{error}");
}

/// The confinement at work: an object behind a link, or in a repository that this one borrows from, is out of reach.
#[test]
#[cfg(target_os = "linux")]
fn a_local_repository_is_read_and_nothing_that_it_leads_to() {
    use std::os::unix::fs::symlink;
    let in_force = crate::confinement::probe().unwrap();
    if in_force.files == crate::confinement::Extent::None {
        #[allow(clippy::print_stderr, reason = "a test says that it skips")]
        {
            eprintln!("skipped: this kernel does not confine");
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_, rev) = published(&folder.path().join("other"));
    let objects = folder.path().join("other/.git/objects");
    let alternates = folder.path().join("borrows");
    std::fs::create_dir_all(alternates.join("objects/info")).unwrap();
    crate::fs::write_atomic(
        &alternates.join("objects/info/alternates"),
        format!("{}\n", objects.display()).as_bytes(),
        crate::fs::Durability::Relaxed,
    )
    .unwrap();
    let linked = folder.path().join("linked");
    std::fs::create_dir_all(&linked).unwrap();
    symlink(&objects, linked.join("objects")).unwrap();
    for origin in [alternates, linked] {
        let url = format!("file://{}", origin.display());
        let place = [Place::Git { url, rev: rev.clone(), path: "a/x.txt".into() }];
        let sources = with_network(folder.path());
        let error =
            sources.obtain("x", pin_of(b"bits"), &place, &mut |_| (), &|| false).unwrap_err();
        assert!(error.to_string().contains("borrows objects"), "{error}");
    }
}

#[test]
fn a_server_that_says_nothing_is_left_in_the_end() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", silent.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let network = Network { patience: Duration::from_secs(1), ..network() };
    let repositories = Repositories { folder: folder.path().join("git"), network: Some(network) };
    let sources = Sources { repositories, ..sources(Vec::new(), folder.path()) };
    let git = Place::Git { url: url.clone(), rev: "1".repeat(40), path: "x".into() };
    for place in [Place::Http { url }, git] {
        let error =
            sources.obtain("x", pin_of(b"x"), &[place], &mut |_| (), &|| false).unwrap_err();
        assert!(error.to_string().contains("it stalled"), "{error}");
    }
}

/// A server that gives "bits" to everybody, and how often it was asked.
fn serving() -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/bits", listener.local_addr().unwrap());
    let asked = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            counted.fetch_add(1, Ordering::Relaxed);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbits")
                .unwrap();
        }
    });
    (url, asked)
}

#[test]
fn who_waits_for_a_download_finds_it_where_the_first_one_put_it() {
    let (url, asked) = serving();
    let folder = tempfile::tempdir().unwrap();
    let place = [Place::Http { url }];
    let stored = AtomicBool::new(false);
    let obtain = || {
        let has_arrived = || stored.load(Ordering::Relaxed);
        with_network(folder.path()).obtain("x", pin_of(b"bits"), &place, &mut |_| (), &has_arrived)
    };
    let first = obtain().unwrap();
    std::thread::scope(|scope| {
        let second = scope.spawn(obtain);
        std::thread::sleep(Duration::from_millis(300));
        assert!(!second.is_finished(), "it waits until the first one is done");
        stored.store(true, Ordering::Relaxed);
        assert_eq!(read(first), b"bits", "nobody touched the file meanwhile");
        assert!(matches!(second.join().unwrap().unwrap(), Found::Arrived));
    });
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let left = crate::fs::entries(&folder.path().join("downloads")).unwrap();
    assert!(left.iter().all(|path| path.extension().is_some_and(|of| of == "lock")), "{left:?}");
}

#[test]
fn who_is_told_to_stop_waits_for_no_server_and_asks_no_other() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, asked) = serving();
    let folder = tempfile::tempdir().unwrap();
    let places = [
        Place::Http { url: format!("http://{}/x", silent.local_addr().unwrap()) },
        Place::Http { url },
    ];
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sources = with_network(folder.path()).until(&stop);
        let obtain = move || sources.obtain("x", pin_of(b"bits"), &places, &mut |_| (), &|| false);
        let stopped = scope.spawn(obtain);
        let (_connection, _) = silent.accept().unwrap();
        stop.store(true, Ordering::Relaxed);
        let error = stopped.join().unwrap().unwrap_err().to_string();
        assert!(error.contains("told to stop"), "{error}");
    });
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}
