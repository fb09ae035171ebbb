//! Pinned files over git and HTTP: from the store or a mirror first, within bounds, compared with the pin, and in one
//! clear error if they cannot be had.

use std::io::{self, Write};
use std::sync::Mutex;

use crate::support::server::{self, Asked, Server, answer};
use crate::support::{Entry, Origin, POINTS, Ran, Workspace, tiny};

/// A workspace with one experiment, `tiny`, whose table is published at `source`.
fn workspace(source: &str) -> Workspace {
    let workspace = Workspace::of_repository();
    workspace.write("experiments/tiny/package.dhall", &tiny(source));
    workspace
}

fn git(url: &str, rev: &str, path: &str) -> String {
    format!("schema.Source.Git {{ url = \"{url}\", rev = \"{rev}\", path = \"{path}\" }}")
}

fn http(url: &str) -> String {
    format!("schema.Source.Http {{ url = \"{url}\" }}")
}

/// Runs the experiment, which must end with `code` and an error that has all that one needs to get the file by hand.
fn refused(workspace: &Workspace, code: i32, word: &str) -> Ran {
    let ran = workspace.run(&["reproduce", "tiny"]);
    assert_eq!(ran.code, Some(code), "{word}: {}", ran.stderr);
    let digest = ibid::digest::BlobDigest::of(POINTS.as_bytes()).to_string();
    for word in [word, digest.as_str(), "tried", "ibid store add", "--mirror"] {
        assert!(ran.stderr.contains(word), "should say `{word}`: {}", ran.stderr);
    }
    assert!(!workspace.path("out/tiny").exists());
    ran
}

fn points() -> Entry {
    Entry::File(POINTS.into())
}

#[test]
fn a_commit_is_fetched_alone_and_then_needs_no_network() {
    if !server::has_git_backend() {
        return;
    }
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("a.git"));
    let mut config = origin.repository().config().unwrap();
    config.set_bool("uploadpack.allowReachableSHA1InWant", true).unwrap();
    origin.commit("main", vec![("old", Entry::File(vec![1; 100]))]);
    let rev = origin.commit("main", vec![("data/points.csv", points())]);
    origin.commit("main", vec![("new", Entry::File(vec![2; 100]))]);
    let root = elsewhere.path("");
    let server = Server::http(move |asked, out| server::git_backend(&root, asked, out));
    let workspace = workspace(&git(&format!("{}/a.git", server.url), &rev, "data/points.csv"));
    workspace.ok(&["reproduce", "tiny"]);
    let asked = server.asked();
    assert!(asked.iter().any(|asked| asked.method == "POST"), "{asked:?}");
    assert!(asked.iter().all(|asked| !asked.headers.contains_key("authorization")));
    let copy = workspace.path(&format!(".ibid/git/{rev}"));
    let shallow = std::fs::read_to_string(copy.join("shallow")).unwrap();
    assert_eq!(shallow.trim(), rev, "neither what came before nor what came after");
    let hooks = std::fs::read_dir(copy.join("hooks")).into_iter().flatten().flatten();
    assert!(hooks.map(|hook| hook.file_name()).all(|name| name == "README.sample"));
    // Another store that has the commit, and no network.
    let again = self::workspace(&git(&format!("{}/a.git", server.url), &rev, "data/points.csv"));
    std::fs::create_dir_all(again.path(".ibid")).unwrap();
    again.ok(&["store", "du"]);
    std::fs::create_dir_all(again.path(".ibid/git")).unwrap();
    std::fs::rename(&copy, again.path(&format!(".ibid/git/{rev}"))).unwrap();
    again.ok(&["reproduce", "tiny", "--offline"]);
    assert_eq!(server.asked().len(), asked.len());
}

#[test]
fn a_server_that_gives_no_single_commit_gives_its_branches() {
    if !server::has_git_backend() {
        return;
    }
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("a.git"));
    let rev = origin.commit("main", vec![("points.csv", points())]);
    let tip = origin.commit("main", vec![("other", points())]);
    let root = elsewhere.path("");
    let server = Server::http(move |asked, out| server::git_backend(&root, asked, out));
    let url = format!("{}/a.git", server.url);
    workspace(&git(&url, &rev, "points.csv")).ok(&["reproduce", "tiny"]);
    // The tip of a branch can be had alone, whatever the server allows.
    let workspace = workspace(&git(&url, &tip, "other"));
    workspace.ok(&["reproduce", "tiny"]);
    assert!(workspace.path(&format!(".ibid/git/{tip}/shallow")).exists());
    // A commit that no branch reaches any more is gone.
    let lost = origin.commit("side", vec![("points.csv", points()), ("side", points())]);
    origin.repository().find_reference("refs/heads/side").unwrap().delete().unwrap();
    refused(&self::workspace(&git(&url, &lost, "points.csv")), 3, "history was rewritten");
}

#[test]
fn the_store_and_the_mirrors_are_asked_before_the_network() {
    let server = Server::http(|_, out| answer(out, 200, &[], POINTS.as_bytes()));
    let workspace = workspace(&http(&format!("{}/points.csv", server.url)));
    workspace.write("mirror/points.csv", POINTS);
    workspace.ok(&["reproduce", "tiny", "--mirror", "mirror"]);
    std::fs::remove_dir_all(workspace.path("mirror")).unwrap();
    workspace.ok(&["reproduce", "tiny"]);
    assert!(server.asked().is_empty());
    workspace.ok(&["plan", "tiny"]);
    workspace.ok(&["check", "tiny"]);
    assert!(server.asked().is_empty(), "looking costs nothing");
}

#[test]
fn offline_asks_nobody() {
    let server = Server::http(|_, out| answer(out, 200, &[], POINTS.as_bytes()));
    let workspace = workspace(&http(&format!("{}/points.csv", server.url)));
    for variable in [false, true] {
        let mut command = workspace.command(&["reproduce", "tiny"]);
        if variable {
            command.env("IBID_OFFLINE", "1");
        } else {
            command.arg("--offline");
        }
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(ran.stderr.contains("not asked: --offline"), "{}", ran.stderr);
    }
    assert!(server.asked().is_empty());
    workspace.ok(&["reproduce", "tiny"]);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_file_is_streamed_and_every_fault_of_a_server_is_told() {
    let body = POINTS.as_bytes();
    let good = Server::http(move |_, out| answer(out, 200, &[], body));
    workspace(&http(&good.url)).ok(&["reproduce", "tiny"]);
    let fault = |code: i32, word: &str, handler: fn(&Asked, &mut dyn Write) -> io::Result<()>| {
        let server = Server::http(handler);
        refused(&workspace(&http(&format!("{}/points.csv", server.url))), code, word);
        server.asked()
    };
    fault(4, "sha256", |_, out| answer(out, 200, &[], &[b'x'; POINTS.len()]));
    fault(4, "1000000 bytes; nothing was read", |_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    });
    fault(3, "more than", |_, out| {
        write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        // Data without end, for as long as somebody listens.
        loop {
            out.write_all(&[b'x'; 4096])?;
        }
    });
    fault(3, "HTTP 404", |_, out| answer(out, 404, &[], b""));
    let asked = fault(3, "none are ever sent", |_, out| {
        answer(out, 401, &[("WWW-Authenticate", "Basic realm=\"x\"")], b"")
    });
    assert_eq!(asked.len(), 1);
    let asked = fault(3, "redirects more than", |asked, out| {
        let next = format!("{}x", asked.target);
        answer(out, 302, &[("Location", &next)], b"")
    });
    assert!(asked.len() <= 7, "{}", asked.len());
    fault(3, "breaks off", |_, out| {
        let half = &POINTS[..10];
        write!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{half}")
    });
    let gone = workspace(&http("http://127.0.0.1:1/points.csv"));
    refused(&gone, 3, "cannot be reached");
    let secret = good.url.replace("http://", "http://user:secret@");
    let before = good.asked().len();
    let ran = workspace(&http(&secret)).run(&["reproduce", "tiny"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("none is ever sent"), "{}", ran.stderr);
    assert_eq!(good.asked().len(), before);
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_ended() {
    let server = Server::http(|asked, out| match asked.headers.get("range").map(String::as_str) {
        None => {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", POINTS.len())?;
            out.write_all(&POINTS.as_bytes()[..10])
        }
        Some("bytes=10-") => {
            let range = format!("bytes 10-{}/{}", POINTS.len() - 1, POINTS.len());
            answer(out, 206, &[("Content-Range", &range)], &POINTS.as_bytes()[10..])
        }
        Some(_) => answer(out, 416, &[], b""),
    });
    let workspace = workspace(&http(&format!("{}/points.csv", server.url)));
    refused(&workspace, 3, "tried");
    workspace.ok(&["reproduce", "tiny"]);
    let ranges: Vec<_> =
        server.asked().iter().map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges, [None, Some("bytes=10-".to_owned())]);
    let left: Vec<_> = std::fs::read_dir(workspace.path(".ibid/downloads"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_beginning_of_other_bytes_is_dropped() {
    // The server changed the file between the two attempts, and serves ranges of the new one.
    let first = Mutex::new(true);
    let server = Server::http(move |asked, out| {
        if std::mem::take(&mut *first.lock().unwrap()) {
            write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", POINTS.len())?;
            return out.write_all(b"an old one");
        }
        if asked.headers.contains_key("range") {
            let range = format!("bytes 10-{}/{}", POINTS.len() - 1, POINTS.len());
            answer(out, 206, &[("Content-Range", &range)], &POINTS.as_bytes()[10..])
        } else {
            answer(out, 200, &[], POINTS.as_bytes())
        }
    });
    let workspace = workspace(&http(&format!("{}/points.csv", server.url)));
    refused(&workspace, 3, "tried");
    workspace.ok(&["reproduce", "tiny"]);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn tls_is_checked_against_the_roots_that_are_trusted() {
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("a.git"));
    let rev = origin.commit("main", vec![("points.csv", points())]);
    let root = elsewhere.path("");
    let server = Server::https(move |asked, out| {
        if asked.target == "/points.csv" {
            answer(out, 200, &[], POINTS.as_bytes())
        } else if asked.target == "/down" {
            answer(out, 302, &[("Location", "http://127.0.0.1:1/points.csv")], b"")
        } else {
            server::git_backend(&root, asked, out)
        }
    });
    let authority = crate::support::repository().join("tests/golden/tls/authority.pem");
    let run = |source: &str, trusting: bool| {
        let workspace = workspace(source);
        let mut command = workspace.command(&["reproduce", "tiny"]);
        if trusting {
            command.env("SSL_CERT_FILE", &authority);
        }
        Ran::from(command.output().unwrap())
    };
    let file = http(&format!("{}/points.csv", server.url));
    let ran = run(&file, true);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = run(&file, false);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.to_lowercase().contains("certificate"), "{}", ran.stderr);
    let ran = run(&http(&format!("{}/down", server.url)), true);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("from https to http"), "{}", ran.stderr);
    if server::has_git_backend() {
        let commit = git(&format!("{}/a.git", server.url), &rev, "points.csv");
        let ran = run(&commit, true);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

#[test]
fn a_repository_whose_address_moved_is_followed_and_what_is_none_is_said_to_be_none() {
    if !server::has_git_backend() {
        return;
    }
    let elsewhere = Workspace::empty();
    let origin = Origin::new(&elsewhere.path("new.git"));
    let rev = origin.commit("main", vec![("points.csv", points())]);
    let root = elsewhere.path("");
    let server = Server::http(move |asked, out| match asked.target.strip_prefix("/old.git") {
        Some(rest) => answer(out, 301, &[("Location", &format!("/new.git{rest}"))], b""),
        None if asked.target.starts_with("/page") => answer(out, 200, &[], b"<html>"),
        None => server::git_backend(&root, asked, out),
    });
    let workspace = workspace(&git(&format!("{}/old.git", server.url), &rev, "points.csv"));
    workspace.ok(&["reproduce", "tiny"]);
    let page = self::workspace(&git(&format!("{}/page", server.url), &rev, "points.csv"));
    refused(&page, 3, "no git repository");
    let absent = self::workspace(&git(&format!("{}/absent.git", server.url), &rev, "points.csv"));
    refused(&absent, 3, "HTTP 404");
    let wrong = self::workspace(&git(
        &format!("{}/new.git", server.url),
        &rev,
        "experiments/schema/v1/Axis.dhall",
    ));
    refused(&wrong, 4, "nothing was read");
}
