//! Evaluates in a child process that may be killed: whatever a file does to the engine, the parent gets an answer.
//!
//! The child is this program again, under a hidden subcommand whose whole body is [`child_main`]. It starts with an
//! empty environment, takes a [`Request`] on its standard input, bounds itself, evaluates, and answers on its standard
//! output. The answer ends in a trailer, so that one that was cut off is never believed.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::diagnostic::{Error, Finding, Limit, Place};
use super::wire::{Answer, Question, Task, Wire as _};
use super::{Evaluated, Request, engine};
use crate::commit::Root;
use crate::confinement::{self, Allowed, InForce};
use crate::digest::BlobDigest;

const MEMORY_BYTES_MAX: u64 = 2 << 30;
const CPU_SECONDS_MAX: u64 = if cfg!(test) { 2 } else { 10 };
/// Time on the clock is no measure on a busy machine: processor time is what is bounded; this ends a child that waits.
const WALL_SECONDS_MAX: u64 = 240;
const STACK_BYTES: usize = 512 << 20;
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
const FILES_MAX: u64 = 32;
/// Words of a dying child that are kept.
const LAST_WORDS_BYTES_MAX: u64 = 1 << 14;

/// Ends an answer, after the digest and the length of what comes before.
const MAGIC: &[u8; 8] = b"ibid-ev1";
const TRAILER_BYTES: usize = 32 + 8 + MAGIC.len();

/// How to start a child that runs [`child_main`].
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable: usually the current one.
    pub path: PathBuf,
    /// Its arguments: the hidden subcommand.
    pub arguments: Vec<String>,
}

/// Evaluates `request` in a child process.
///
/// # Errors
///
/// [`Error::Invalid`] with all findings if the files are at fault, [`Error::Limit`] and [`Error::Evaluator`] if they are
/// too much for the engine, [`Error::Process`] if no child could be started, and [`Error::Killed`] if something else
/// ended it. Each within four minutes on the clock, or eight: where a number does not fit, a second child is asked for
/// the place.
pub fn evaluate(program: &Program, request: &Request) -> Result<Evaluated, Error> {
    match ask(program, request, Question::Value)? {
        Answer::Evaluated(evaluated) => Ok(evaluated),
        Answer::Invalid(findings) => {
            let placed = |finding: Finding| {
                let place = finding.place.map(|place| opened(request, place));
                Finding { place, ..finding }
            };
            Err(Error::Invalid(findings.into_iter().map(placed).collect()))
        }
        Answer::Panicked(message) if engine::says_number(&message) => {
            // Asked of another child: looking for the place may take longer than a child may.
            let place = match ask(program, request, Question::Overflow) {
                Ok(Answer::Located(places)) => places.into_iter().next().flatten(),
                _ => None,
            };
            Err(does_not_fit(place.map(|place| opened(request, place))).into())
        }
        Answer::Panicked(message) => {
            Err(Error::Evaluator(message.lines().next().unwrap_or_default().to_owned()))
        }
        Answer::Located(_) => Err(Error::Evaluator("it answered another question".to_owned())),
    }
}

/// Where the request's file spells the parts of its value at `paths` (`runs[3].train.batchSize`), found in a child process;
/// `None` for all that is not found, for whichever reason.
pub fn locate(program: &Program, request: &Request, paths: &[String]) -> Vec<Option<Place>> {
    match ask(program, request, Question::Places(paths.to_vec())) {
        Ok(Answer::Located(places)) if places.len() == paths.len() => {
            places.into_iter().map(|place| Some(opened(request, place?))).collect()
        }
        _ => vec![None; paths.len()],
    }
}

/// A place whose file is named as it opens from the current folder; in a commit, or where it is no file, as it was.
fn opened(request: &Request, place: Place) -> Place {
    let Root::Folder(root) = &request.root else { return place };
    let path = root.join(&place.file);
    let (Ok(path), Ok(here)) = (std::path::absolute(path), std::env::current_dir()) else {
        return place;
    };
    if !path.is_file() {
        return place;
    }
    let file = path.strip_prefix(&here).unwrap_or(&path).display().to_string();
    Place { file, ..place }
}

fn ask(program: &Program, request: &Request, question: Question) -> Result<Answer, Error> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let task = Task { request: absolute(request)?, question };
    let output = exchange(&mut child, &task.to_bytes());
    // Whatever happened, the child does not outlive this call.
    let status = finish(&mut child)?;
    let (output, last_words) = output?;
    match answer(&output) {
        Some(answer) => Ok(answer),
        None if output.len() as u64 > OUTPUT_BYTES_MAX => {
            Err(Error::Limit(Limit::Output(OUTPUT_BYTES_MAX)))
        }
        None => Err(died(status, &last_words)),
    }
}

/// The child works in another folder, so paths must not depend on ours.
fn absolute(request: &Request) -> io::Result<Request> {
    let mut request = request.clone();
    match &mut request.root {
        Root::Folder(folder) => *folder = std::path::absolute(&*folder)?,
        Root::Commit(rooted) => rooted.copy = std::path::absolute(&rooted.copy)?,
    }
    for folder in &mut request.pins {
        *folder = std::path::absolute(&*folder)?;
    }
    Ok(request)
}

/// Sends the request and collects both outputs, for as long as a child may take.
fn exchange(child: &mut Child, request: &[u8]) -> Result<(Vec<u8>, String), Error> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Error::Evaluator("a pipe to it is missing".to_owned()));
    };
    // The child reads everything before it says anything; a broken pipe means that it is dead already, and its exit
    // status says more about that.
    stdin.write_all(request).ok();
    drop(stdin);
    let (sender, receiver) = mpsc::channel();
    let words_sender = sender.clone();
    let output_reader = thread::spawn(move || {
        sender.send((true, read_up_to(stdout, OUTPUT_BYTES_MAX + 1))).ok();
    });
    let words_reader = thread::spawn(move || {
        words_sender.send((false, read_up_to(stderr, LAST_WORDS_BYTES_MAX))).ok();
    });
    let (mut output, mut words) = (None, None);
    let mut waited = 0;
    while output.is_none() || words.is_none() {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok((true, bytes)) => output = Some(bytes),
            Ok((false, bytes)) => words = Some(bytes),
            Err(mpsc::RecvTimeoutError::Timeout) if waited < WALL_SECONDS_MAX => waited += 1,
            Err(_) => return Err(Error::Limit(Limit::Seconds(WALL_SECONDS_MAX))),
        }
    }
    let (output, words) = (output.unwrap_or_default(), words.unwrap_or_default());
    for reader in [output_reader, words_reader] {
        reader.join().map_err(|_| Error::Evaluator("its output could not be read".to_owned()))?;
    }
    Ok((output, String::from_utf8_lossy(&words).into_owned()))
}

fn read_up_to(source: impl Read, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What was read before an error is judged by its trailer.
    source.take(bytes_max).read_to_end(&mut bytes).ok();
    bytes
}

/// Waits a moment for a child that has closed its pipes, then ends it.
fn finish(child: &mut Child) -> io::Result<ExitStatus> {
    for _ in 0..200 {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()
}

fn answer(output: &[u8]) -> Option<Answer> {
    let (rest, trailer) = output.split_at_checked(output.len().checked_sub(TRAILER_BYTES)?)?;
    let (digest, tail) = trailer.split_at(32);
    let (length, magic) = tail.split_at(8);
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let payload = &rest[rest.len().checked_sub(length)?..];
    if magic != MAGIC || BlobDigest::of(payload).as_bytes() != digest {
        return None;
    }
    Answer::from_bytes(payload)
}

/// The engine panics where it computes past 64 bits.
fn does_not_fit(place: Option<Place>) -> Finding {
    let finding =
        Finding::new("a number does not fit: a Natural is less than 2^64, an Integer fits 64 bits");
    let finding = Finding { place, ..finding };
    finding.hint("look for `*`, `+` and `Natural/toInteger` on large numbers")
}

fn died(status: ExitStatus, last_words: &str) -> Error {
    if last_words.contains("memory allocation of") || last_words.contains("out of memory") {
        return Error::Limit(Limit::Memory(MEMORY_BYTES_MAX));
    }
    if last_words.contains("has overflowed its stack") {
        return Error::Limit(Limit::Depth);
    }
    match status.signal() {
        // SIGXCPU, a second before the kernel would send 9 for the same reason; see `limit_resources`.
        Some(24) => Error::Limit(Limit::Seconds(CPU_SECONDS_MAX)),
        Some(9) => Error::Killed,
        Some(6 | 11) => Error::Limit(Limit::Depth),
        Some(signal) => Error::Evaluator(format!("it was ended by signal {signal}")),
        None => {
            let words = last_words.lines().next().unwrap_or("it said nothing");
            Error::Evaluator(format!("{status}, {words}"))
        }
    }
}

/// The body of the hidden subcommand: answers the request on standard input; returns the exit code.
///
/// Bounds this process for good, so it must be the last thing that the process does.
pub fn child_main() -> u8 {
    if confinement::die_with_parent().is_err() {
        return 3;
    }
    let mut bytes = Vec::new();
    if io::stdin().lock().read_to_end(&mut bytes).is_err() {
        return 2;
    }
    let Some(Task { request, question }) = Task::from_bytes(&bytes) else {
        return 2;
    };
    if limit_resources().is_err() || confine(&request).is_err() {
        return 3;
    }
    // What the engine's panics say goes into the answer.
    panic::set_hook(Box::new(|_| {}));
    let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
        let work = || match &question {
            Question::Places(paths) => Answer::Located(super::locate(&request, paths)),
            Question::Overflow => Answer::Located(vec![super::locate_overflow(&request)]),
            Question::Value => match super::evaluate(&request) {
                Ok(evaluated) => Answer::Evaluated(evaluated),
                Err(Error::Invalid(findings)) => Answer::Invalid(findings),
                Err(other) => Answer::Panicked(other.to_string()),
            },
        };
        let answer = panic::catch_unwind(AssertUnwindSafe(work));
        send(&answer.unwrap_or_else(|payload| Answer::Panicked(engine::words(payload.as_ref()))))
    });
    match worker.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => 0,
        _ => 4,
    }
}

/// An expression reads its import root and pinned files, whatever it talks the engine into.
fn confine(request: &Request) -> Result<InForce, confinement::Error> {
    let folders = request.pins.iter().map(PathBuf::as_path);
    let root = match &request.root {
        Root::Folder(folder) => folder,
        Root::Commit(rooted) => &rooted.copy,
    };
    let read: Vec<&Path> = folders.chain([root.as_path()]).collect();
    confinement::confine(&Allowed { read: &read, ..Allowed::default() })
}

fn limit_resources() -> rustix::io::Result<()> {
    let limits = [
        (Resource::As, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX),
        // The first of the two has a signal of its own, so that the parent knows what it was.
        (Resource::Cpu, CPU_SECONDS_MAX, CPU_SECONDS_MAX + 1),
        (Resource::Core, 0, 0),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, FILES_MAX, FILES_MAX),
    ];
    limits.into_iter().try_for_each(|(resource, current, maximum)| {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) })
    })
}

fn send(answer: &Answer) -> io::Result<()> {
    let payload = answer.to_bytes();
    let mut stdout = io::stdout().lock();
    stdout.write_all(&payload)?;
    stdout.write_all(BlobDigest::of(&payload).as_bytes())?;
    stdout.write_all(&(payload.len() as u64).to_le_bytes())?;
    stdout.write_all(MAGIC)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_child_is_told_by_what_ended_it() {
        let died = |signal, words| super::died(ExitStatus::from_raw(signal), words);
        assert!(matches!(died(24, ""), Error::Limit(Limit::Seconds(CPU_SECONDS_MAX))));
        assert!(matches!(died(6, ""), Error::Limit(Limit::Depth)));
        let words = "memory allocation of 8 bytes failed";
        assert!(matches!(died(6, words), Error::Limit(Limit::Memory(MEMORY_BYTES_MAX))));
        // By the kernel for want of memory, or by somebody: not by the experiment's fault.
        let killed = died(9, "");
        assert!(matches!(killed, Error::Killed) && killed.is_environment(), "{killed}");
    }
}
