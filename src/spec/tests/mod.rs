//! What the specification layer promises, seen through its front door.

mod hashes;
mod hostile;
mod messages;
mod syntax;
mod values;

use std::fs;
use std::path::Path;
use std::thread;

use super::guard::{self, Program};
use super::{Error, Evaluated, Finding, Request};

/// A folder with files, gone at the end.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, content) in files {
            folder.add(name, content.as_bytes());
        }
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[allow(clippy::disallowed_methods, reason = "a test's own file")]
    fn add(&self, name: &str, content: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn request(&self, file: &str) -> Request {
        Request { root: self.path().into(), file: file.into(), ..Request::default() }
    }
}

/// Evaluates in this process, on a stack that is large enough for every test here.
fn evaluate(request: &Request) -> Result<Evaluated, Error> {
    let request = request.clone();
    let worker = thread::Builder::new().stack_size(64 << 20);
    worker.spawn(move || super::evaluate(&request)).unwrap().join().unwrap()
}

fn evaluate_text(source: &str) -> Result<Evaluated, Error> {
    evaluate(&Folder::with(&[("a.dhall", source)]).request("a.dhall"))
}

fn findings(result: Result<Evaluated, Error>) -> Vec<Finding> {
    match result {
        Err(Error::Invalid(findings)) => findings,
        other => panic!("findings are expected, not {other:?}"),
    }
}

fn messages(source: &str) -> Vec<String> {
    findings(evaluate_text(source)).iter().map(ToString::to_string).collect()
}

/// This test program again, as the evaluator of [`guard::evaluate`].
fn program() -> Program {
    let arguments = ["--exact", "spec::tests::serves_as_the_evaluator", "--ignored", "--nocapture"];
    Program {
        path: std::env::current_exe().unwrap(),
        arguments: arguments.map(str::to_owned).to_vec(),
    }
}

#[test]
#[ignore = "not a test: the child process of the others"]
#[allow(clippy::exit, reason = "the child of a guarded evaluation ends here")]
fn serves_as_the_evaluator() {
    std::process::exit(guard::child_main().into());
}

fn guarded(request: &Request) -> Result<Evaluated, Error> {
    guard::evaluate(&program(), request)
}

#[test]
fn guarded_and_direct_evaluation_agree() {
    let folder = Folder::with(&[
        (
            "a.dhall",
            "let f = ./sub/f.dhall in { a = f 3, b = [1.5, -0.0], c = Some (< A | B : Text >.B \"x\") }",
        ),
        ("sub/f.dhall", "λ(n : Natural) → n * 2"),
    ]);
    let request = Request { normal_form: true, ..folder.request("a.dhall") };
    let direct = evaluate(&request).unwrap();
    assert_eq!(guarded(&request).unwrap(), direct);
    assert_eq!(direct.sources.files.len(), 2);
}
