//! Child processes on this machine: one for each training or evaluation, and a shared one for what is cheap.
//!
//! A crash or an out-of-memory kill loses one action. A child gets no environment (but, for a GPU, where its libraries
//! are), a process group of its own, and dies with this process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::clock::{Clock as _, SystemClock};
use super::worker::{REPLY, Reply, Request};
use super::{Control, Executor, Failure, FailureKind, Prepared};
use crate::action::params::{DeviceClass, JobKind};
use crate::fs::{self, Context as _, TempFile};
use crate::jobs::{Device, Inspection, Level};

/// How often a waiting thread looks whether it was told to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How children are started.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The program: as a rule this one.
    pub program: PathBuf,
    /// Its arguments: as a rule `job`.
    pub arguments: Vec<OsString>,
    /// The SIMD level that jobs compute with.
    pub level: Level,
    /// Where jobs train and embed.
    pub device: Device,
    /// What the environment of a child holds: what the libraries of a device look for.
    pub variables: Vec<(String, OsString)>,
    /// Wall time between resume checkpoints.
    pub resume_interval: Duration,
    /// How long a child may take to leave a resume checkpoint when it is told to stop, before it is killed.
    pub grace: Duration,
    /// A folder for temporary files.
    pub tmp: PathBuf,
    /// The folder of kernels compiled for a device.
    pub kernels: PathBuf,
}

impl LocalOptions {
    /// Where a job computes: most have nothing for a device.
    const fn device_of(&self, kind: JobKind) -> Device {
        if kind.uses_device() { self.device } else { Device::Cpu }
    }
}

/// Executes in child processes.
#[derive(Debug)]
pub struct LocalExecutor {
    options: LocalOptions,
    /// Children that wait for the next cheap job.
    idle: Mutex<Vec<Worker>>,
}

impl LocalExecutor {
    /// An executor without children yet.
    pub const fn new(options: LocalOptions) -> Self {
        Self { options, idle: Mutex::new(Vec::new()) }
    }

    /// How many children wait for the next cheap job.
    pub fn idle_count(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take_idle(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut worker) = idle.pop() {
            // A child dies with the thread that started it.
            if matches!(worker.child.try_wait(), Ok(None)) {
                return Some(worker);
            }
        }
        None
    }
}

impl LocalExecutor {
    /// Looks at a prepared training instead of performing it; what `jobs::inspect` leaves is in the folder of outputs.
    pub fn inspect(
        &self,
        prepared: &Prepared<'_>,
        inspection: Inspection,
        control: &Control<'_>,
    ) -> Result<(), Failure> {
        self.serve(prepared, Some(inspection), control)
    }

    fn serve(
        &self,
        prepared: &Prepared<'_>,
        inspection: Option<Inspection>,
        control: &Control<'_>,
    ) -> Result<(), Failure> {
        let cheap = prepared.action.params.kind().is_cheap();
        let idle = if cheap { self.take_idle() } else { None };
        let mut worker = match idle {
            Some(worker) => worker,
            None => Worker::start(&self.options).map_err(environment)?,
        };
        let request = Request {
            params: prepared.action.params.clone(),
            inputs: prepared.inputs.to_owned(),
            outputs: prepared.outputs.to_owned(),
            scratch: prepared.scratch.to_owned(),
            threads: prepared.threads,
            level: self.options.level.into(),
            device: self.options.device_of(prepared.action.params.kind()),
            kernels: self.options.kernels.clone(),
            resume_interval_ms: u64::try_from(self.options.resume_interval.as_millis())
                .unwrap_or(u64::MAX),
            parent: Some(std::process::id()),
            inspection,
        };
        let mut log = OpenOptions::new()
            .append(true)
            .open(prepared.log)
            .context("open", prepared.log)
            .map_err(environment)?;
        let served = worker.serve(&request, control, self.options.grace, &mut log);
        worker.copy_log(&mut log).context("write", prepared.log).map_err(environment)?;
        if cheap && served.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
        served
    }
}

impl Executor for LocalExecutor {
    fn execute(&self, prepared: &Prepared<'_>, control: &Control<'_>) -> Result<(), Failure> {
        self.serve(prepared, None, control)
    }

    fn device(&self, kind: JobKind) -> String {
        let processor = format!("{} {}", Device::Cpu, self.options.level);
        let device = self.options.device_of(kind);
        if device == Device::Cpu {
            return processor;
        }
        match device.class() {
            Ok(Some((major, minor))) => {
                format!("{device} {}, {processor}", DeviceClass::new(major, minor))
            }
            Ok(None) | Err(_) => format!("{device}, {processor}"),
        }
    }
}

/// A child process that serves one request at a time.
#[derive(Debug)]
struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    /// What the child writes to standard error; without a name, so that it goes when the child does.
    stderr: File,
    /// How much of it was copied.
    copied: u64,
}

impl Worker {
    fn start(options: &LocalOptions) -> Result<Self, fs::Error> {
        let program = &options.program;
        let mut temp = TempFile::create_in(&options.tmp)?;
        let stderr = temp.file().try_clone().context("open", temp.path())?;
        let child_stderr = temp.file().try_clone().context("open", temp.path())?;
        let mut child = Command::new(program)
            .args(&options.arguments)
            .env_clear()
            .envs(options.variables.iter().cloned())
            .current_dir(&options.tmp)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(child_stderr)
            .spawn()
            .context("start", program)?;
        let requests = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is a pipe");
        let (sender, lines) = mpsc::channel();
        // Ends with the child's standard output.
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = Vec::new();
            while matches!(stdout.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Ok(Self { child, requests, lines, stderr, copied: 0 })
    }

    fn serve(
        &mut self,
        request: &Request,
        control: &Control<'_>,
        grace: Duration,
        log: &mut File,
    ) -> Result<(), Failure> {
        // A path that is not text has no form in JSON.
        let mut line = serde_json::to_vec(request)
            .map_err(|error| Failure::new(FailureKind::Environment, &error))?;
        line.push(b'\n');
        // A child that is gone by now shows by its silence.
        drop(self.requests.as_mut().map(|requests| requests.write_all(&line)));
        // Runs from when the child was told to stop: however much it says, it has the whole grace and no more.
        let mut stopping: Option<SystemClock> = None;
        loop {
            match self.lines.recv_timeout(POLL_INTERVAL) {
                Ok(line) => match parse_reply(&line) {
                    Some(Reply::Progress(progress)) => (control.progress)(progress),
                    Some(Reply::Done) => return Ok(()),
                    Some(Reply::Failed(failure)) => return Err(failure),
                    None if line.is_empty() => {}
                    None => drop(writeln!(log, "{line}")),
                },
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(self.crash(stopping.is_some()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            if !control.cancelled.load(Ordering::Relaxed) {
                continue;
            }
            match &stopping {
                None => {
                    self.signal(Signal::TERM);
                    stopping = Some(SystemClock::default());
                }
                Some(since) if grace <= since.monotonic() => self.signal(Signal::KILL),
                Some(_) => {}
            }
        }
    }

    /// Appends to `log` what the child wrote to standard error since the last call.
    fn copy_log(&mut self, log: &mut File) -> io::Result<()> {
        let mut buffer = [0_u8; 1 << 13];
        loop {
            match self.stderr.read_at(&mut buffer, self.copied)? {
                0 => return Ok(()),
                count => {
                    log.write_all(&buffer[..count])?;
                    self.copied += count as u64;
                }
            }
        }
    }

    /// The child ended without an answer.
    fn crash(&mut self, stopping: bool) -> Failure {
        if stopping {
            drop(self.child.wait());
            return crate::jobs::JobError::Cancelled.into();
        }
        let (kind, message) = match self.child.wait() {
            Ok(status) => describe(status, &self.last_words()),
            Err(error) => (FailureKind::Bug, format!("the child process is lost: {error}")),
        };
        Failure { kind, message, log: None }
    }

    /// The end of what the child wrote to standard error.
    fn last_words(&self) -> String {
        let mut buffer = [0_u8; 1 << 12];
        let size = self.stderr.metadata().map_or(0, |meta| meta.len());
        let from = size.saturating_sub(buffer.len() as u64);
        let count = self.stderr.read_at(&mut buffer, from).unwrap_or(0);
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended already.
        let _ = pid.map(|pid| kill_process_group(pid, signal));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.requests.take());
        if matches!(self.child.try_wait(), Ok(None)) {
            // Whatever it does now, nobody waits for it.
            self.signal(Signal::KILL);
            drop(self.child.wait());
        }
    }
}

fn parse_reply(line: &str) -> Option<Reply> {
    serde_json::from_str(line.strip_prefix(REPLY)?).ok()
}

/// Nobody but the kernel kills a child of ours with signal 9 unasked; the allocator of Rust says what it lacked before
/// it aborts.
fn describe(status: ExitStatus, last_words: &str) -> (FailureKind, String) {
    // The allocator; a thread or a mapping that the kernel refused (ENOMEM).
    let refused = ["memory allocation of ", "Cannot allocate memory", "failed to spawn thread"];
    let refusal = last_words.lines().find(|line| refused.iter().any(|words| line.contains(words)));
    match (status.signal(), status.code(), refusal) {
        (Some(9), ..) => {
            let message = "the child process was killed by signal 9: memory may have run out";
            (FailureKind::OutOfMemory, message.to_owned())
        }
        (_, _, Some(line)) => (FailureKind::OutOfMemory, format!("memory ran out: {line}")),
        (Some(signal), ..) => {
            (FailureKind::Bug, format!("the child process crashed with signal {signal}"))
        }
        (None, code, _) => {
            let code = code.map_or_else(|| "unknown".to_owned(), |code| code.to_string());
            (FailureKind::Bug, format!("the child process ended with exit code {code}"))
        }
    }
}

fn environment(error: fs::Error) -> Failure {
    Failure::new(FailureKind::Environment, &error)
}
