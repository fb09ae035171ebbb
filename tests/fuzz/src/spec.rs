//! Dhall, and remembered evaluations of it.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Once;
use std::{fs, process, thread};

use ibid::digest::tagged;
use ibid::spec::{self, Request, cache};

use super::{put, scratch};

/// Bytes that a file of an experiment may have are far more; the engine's stack is what they are kept short for.
const BYTES_MAX: usize = 8 << 10;
const STACK_BYTES: usize = 512 << 20;

/// Evaluates a file in this process, as the confined child does. The engine may panic, as the child takes care of; no
/// line of ours may.
pub fn dhall(data: &[u8]) {
    if data.len() > BYTES_MAX {
        return;
    }
    ours_only();
    let root = scratch().join("dhall");
    static FILES: Once = Once::new();
    FILES.call_once(|| {
        put(&root.join("b.dhall"), b"{ n = 1, f = \\(x : Natural) -> x + 1, t = < A | B : Text > }");
        put(&root.join("c/d.dhall"), b"[ ../b.dhall ]");
        put(&root.join("e.txt"), b"text");
    });
    put(&root.join("a.dhall"), data);
    let request = Request { root: root.into(), file: "a.dhall".into(), normal_form: true, ..Request::default() };
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let result = panic::catch_unwind(AssertUnwindSafe(|| spec::evaluate(&request)));
        match result {
            Ok(Ok(evaluated)) => drop(spec::show(&evaluated.value)),
            Ok(Err(error)) => drop((error.to_string(), error.hints().len())),
            Err(_) => {}
        }
    });
    worker.expect("a thread").join().expect("panics are caught");
}

/// Ends the process, as a finding, at a panic in our own code; panics of the engine go on.
fn ours_only() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            let file = panic.location().map_or("", |location| location.file());
            if !file.contains("/registry/") && !file.starts_with("/rustc/") {
                eprintln!("{panic}");
                process::abort();
            }
        }));
    });
}

/// An entry with the checksum that fits: it is believed or not, and what is believed can be shown.
pub fn evaluation(data: &[u8]) {
    let folder = scratch().join("evaluation");
    let request = Request { root: folder.clone().into(), file: "a.dhall".into(), ..Request::default() };
    static ENTRY: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let entry = ENTRY.get_or_init(|| {
        put(&folder.join("a.dhall"), b"{ a = 1 }");
        let evaluated = spec::evaluate(&request).expect("a record of a number");
        cache::save(&folder.join("cache"), &request, &evaluated).expect("room");
        let mut entries = fs::read_dir(folder.join("cache")).expect("it was written to");
        entries.next().expect("one entry").expect("it is there").path()
    });
    const VERSION: &str = "ibid evaluation 1";
    // No type was expected.
    let body = [&[0], data].concat();
    put(entry, &[VERSION.as_bytes(), &tagged(VERSION, &body), &body].concat());
    if let Some(evaluated) = cache::load(&folder.join("cache"), &request) {
        spec::show(&evaluated.value);
    }
    let _ = cache::is_whole(data);
}
