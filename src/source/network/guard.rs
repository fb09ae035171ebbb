//! Starts the process that fetches, watches its pace, and ends it.
//!
//! The child takes a request as JSON on its standard input, and answers on its standard output: a dot for every piece
//! that arrived, then a line of JSON. A child that prints no dot for too long is ended.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::client::{self, Client, Heard};
use super::{Answer, NetworkError, REPOSITORY_BYTES_MAX, Task, download, fetch};
use crate::confinement::{self, Allowed, InForce};
use crate::source::{POLL_INTERVAL, address};

/// What a child says when a piece arrived, and before its answer.
const DOT: u8 = 0x06;
const ANSWER: u8 = 0x02;
/// Bytes that stand for a dot: what has to arrive within [`Network::patience`].
const DOT_BYTES: u64 = 16 << 10;
/// Memory of a child: libgit2 maps what it fetched.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// Seconds of processor time of a child.
const CPU_SECONDS_MAX: u64 = 900;
/// The last line of a child.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// How to use the network: by starting this program again.
#[derive(Debug, Clone)]
pub struct Network {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments: the hidden subcommand whose whole body is [`child_main`].
    pub arguments: Vec<String>,
    /// The variables that name proxies; the child sees the one that is for its address.
    pub environment: Vec<(String, OsString)>,
    /// Certificates to trust instead of Mozilla's, in PEM.
    pub certificates: Option<PathBuf>,
    /// How long a server may take for sixteen kibibytes.
    pub patience: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    task: Task,
    certificates: Option<PathBuf>,
}

impl Request {
    /// The repository of this machine that it is about, if it is about one: the network is of no use then, and neither are
    /// certificates.
    fn repository(&self) -> Option<PathBuf> {
        address::path(self.task.url()).ok()
    }
}

impl Network {
    /// Has a child perform `task`, which ends at once when `cancelled` is set.
    pub(in crate::source) fn perform(
        &self,
        task: &Task,
        cancelled: &AtomicBool,
    ) -> Result<Answer, NetworkError> {
        let proxies = client::proxies(&self.environment, task.url())?;
        let request = Request { task: task.clone(), certificates: self.certificates.clone() };
        let request = serde_json::to_vec(&request).map_err(|error| ended(&error))?;
        tracing::debug!(url = task.url(), "asking the network");
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(proxies)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| ended(&error))?;
        let result = self.converse(&mut child, &request, cancelled);
        // Whatever happened, the child does not outlive this call.
        drop(child.kill());
        let status = child.wait();
        match result {
            Some(Ok(answer)) => answer,
            Some(Err(silence)) => Err(silence),
            None => Err(NetworkError::Child(
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            )),
        }
    }

    /// The child's answer; nothing if it ended without one.
    fn converse(
        &self,
        child: &mut Child,
        request: &[u8],
        cancelled: &AtomicBool,
    ) -> Option<Result<Result<Answer, NetworkError>, NetworkError>> {
        let (mut stdin, stdout) = (child.stdin.take()?, child.stdout.take()?);
        // A child that died already says so by ending without an answer.
        stdin.write_all(request).ok();
        drop(stdin);
        let (sender, receiver) = mpsc::channel();
        // Ends with the child, whose pipe it reads.
        let reader = thread::spawn(move || listen(stdout, &sender));
        let mut silence = Duration::ZERO;
        loop {
            if cancelled.load(Ordering::Relaxed) {
                return Some(Err(NetworkError::Interrupted));
            }
            let wait = POLL_INTERVAL.min(self.patience.saturating_sub(silence));
            match receiver.recv_timeout(wait) {
                Ok(Said::Dot) => silence = Duration::ZERO,
                Ok(Said::End(answer)) => {
                    reader.join().ok();
                    return answer.map(Ok);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if silence + wait < self.patience => {
                    silence += wait;
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let seconds = self.patience.as_secs();
                    return Some(Err(NetworkError::Stalled { bytes: DOT_BYTES, seconds }));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

enum Said {
    Dot,
    End(Option<Result<Answer, NetworkError>>),
}

/// Reads dots and the last line of a child.
fn listen(stdout: ChildStdout, sender: &mpsc::Sender<Said>) {
    let mut stdout = BufReader::new(stdout);
    let mut byte = [0];
    while stdout.read_exact(&mut byte).is_ok() && byte != [ANSWER] {
        if byte == [DOT] && sender.send(Said::Dot).is_err() {
            return;
        }
    }
    let mut line = Vec::new();
    let answer = match stdout.take(ANSWER_BYTES_MAX).read_until(b'\n', &mut line) {
        Ok(_) => serde_json::from_slice(&line).ok(),
        Err(_) => None,
    };
    sender.send(Said::End(answer)).ok();
}

fn ended(error: &dyn std::error::Error) -> NetworkError {
    NetworkError::Child(error.to_string())
}

/// The body of the hidden subcommand: performs the task on standard input; returns the exit code.
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
    let Ok(request) = serde_json::from_slice::<Request>(&bytes) else {
        return 2;
    };
    if limit_resources(&request.task).is_err() || confine(&request).is_err() {
        return 3;
    }
    let answer = perform(&request, &dots());
    let mut line = vec![ANSWER];
    let Ok(()) = serde_json::to_writer(&mut line, &answer) else {
        return 4;
    };
    line.push(b'\n');
    match say(&line) {
        Ok(()) => 0,
        Err(_) => 4,
    }
}

/// What looking up a host reads: its settings, and the libraries that the C library loads for it.
const LOOK_UP: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/nix/store",
];

/// The task reaches what it makes, the certificates, and the network; or, instead of the network, the one repository of
/// this machine that its address names.
fn confine(request: &Request) -> Result<InForce, confinement::Error> {
    // A rule needs something that exists. What cannot be made is said when the task writes to it.
    let made = match &request.task {
        Task::Commit { into, .. } => {
            std::fs::create_dir_all(into).ok();
            Some(into.as_path())
        }
        Task::Download { into, .. } | Task::Whole { into, .. } => {
            OpenOptions::new().append(true).create(true).open(into).ok();
            Some(into.as_path())
        }
        Task::Names { .. } => None,
    };
    let write: Vec<&Path> = made.into_iter().collect();
    let repository = request.repository();
    let read: Vec<&Path> = match &repository {
        Some(folder) => vec![folder],
        None => LOOK_UP.iter().map(Path::new).chain(request.certificates.as_deref()).collect(),
    };
    let network = repository.is_none();
    confinement::confine(&Allowed { read: &read, write: &write, network })
}

fn perform(request: &Request, heard: &Heard) -> Result<Answer, NetworkError> {
    let certificates = request.certificates.as_deref().filter(|_| request.repository().is_none());
    let client = Client::new(certificates, heard.clone())?;
    match &request.task {
        Task::Commit { url, id, into } => {
            fetch::commit(client, heard, url, id, into).map(|()| Answer::Done)
        }
        Task::Names { url } => fetch::names(client, url).map(Answer::Names),
        Task::Download { url, into, bytes } => {
            download::file(&client, url, into, *bytes).map(|()| Answer::Done)
        }
        Task::Whole { url, into, bytes_max } => {
            download::whole(&client, url, into, *bytes_max).map(|()| Answer::Done)
        }
    }
}

/// Prints a dot for every [`DOT_BYTES`] that arrived.
fn dots() -> Heard {
    let total = AtomicU64::new(0);
    Arc::new(move |bytes| {
        let before = total.fetch_add(bytes, Ordering::Relaxed);
        if before / DOT_BYTES != (before + bytes) / DOT_BYTES {
            // Nobody listens any more: the parent is gone, and so is the reason to go on.
            if say(&[DOT]).is_err() {
                rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::TERM,
                )
                .ok();
            }
        }
    })
}

fn say(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn limit_resources(task: &Task) -> rustix::io::Result<()> {
    let file_bytes_max = match task {
        Task::Commit { .. } => 4 * REPOSITORY_BYTES_MAX,
        Task::Names { .. } => 0,
        Task::Download { bytes, .. } | Task::Whole { bytes_max: bytes, .. } => {
            bytes.saturating_add(1)
        }
    };
    let limits = [
        (Resource::As, MEMORY_BYTES_MAX),
        (Resource::Cpu, CPU_SECONDS_MAX),
        (Resource::Core, 0),
        (Resource::Fsize, file_bytes_max),
    ];
    limits.into_iter().try_for_each(|(resource, bound)| {
        setrlimit(resource, Rlimit { current: Some(bound), maximum: Some(bound) })
    })
}
