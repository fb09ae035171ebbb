//! The child's side of an execution: `ibid job`, hidden.
//!
//! Requests come as one JSON value a line, from standard input or a file. Replies go to standard output as lines that
//! begin with [`REPLY`]; every other line, and standard error, is the job's log. One request gets any number of
//! `progress` and then one `done` or `failed`. A child that ends without it has crashed.

use std::io::{self, BufRead, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Failure, FailureKind};
use crate::action::Params;
use crate::confinement::{self, Allowed};
use crate::fs::{self, Durability, Lock};
use crate::jobs::{self, Device, Inspection, JobContext, JobError, KernelCache, Level, Progress};

/// The stack of the thread that a job runs in: that of a main thread.
const JOB_STACK_BYTES: usize = 8 << 20;

/// What performs a request.
pub type Job<'a> = dyn Fn(&Params, &mut JobContext<'_>) -> Result<(), JobError> + Sync + 'a;

/// What a line of the protocol begins with.
pub const REPLY: &str = "ibid-job/1 ";

/// What a child is asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The job.
    pub params: Params,
    /// The folder of inputs.
    pub inputs: PathBuf,
    /// The empty folder for outputs.
    pub outputs: PathBuf,
    /// The folder for resume checkpoints.
    pub scratch: PathBuf,
    /// Threads to use.
    pub threads: usize,
    /// The SIMD level to compute with; one that this machine lacks becomes the best below it.
    pub level: LevelName,
    /// Where to train and embed.
    #[serde(default)]
    pub device: Device,
    /// The folder of kernels compiled for a device.
    #[serde(default)]
    pub kernels: PathBuf,
    /// Wall time between resume checkpoints.
    pub resume_interval_ms: u64,
    /// The process that the child must not outlive, if there is one.
    pub parent: Option<u32>,
    /// What to look at, if the training is to be looked at instead of performed.
    #[serde(default)]
    pub inspection: Option<Inspection>,
}

/// A SIMD level by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LevelName {
    /// Plain Rust.
    Scalar,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512.
    Avx512,
}

impl From<Level> for LevelName {
    fn from(level: Level) -> Self {
        match level {
            Level::Scalar => Self::Scalar,
            Level::Avx2 => Self::Avx2,
            Level::Avx512 => Self::Avx512,
        }
    }
}

impl LevelName {
    /// The level, or the best below it that this machine has.
    pub fn to_available(self) -> Level {
        let wanted = match self {
            Self::Scalar => Level::Scalar,
            Self::Avx2 => Level::Avx2,
            Self::Avx512 => Level::Avx512,
        };
        let below = Level::available().into_iter().filter(|level| *level <= wanted);
        below.max().unwrap_or(Level::Scalar)
    }
}

/// What a child says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// A share of the work is done.
    Progress(Progress),
    /// The outputs are in their folder.
    Done,
    /// There are none.
    Failed(Failure),
}

/// Serves the requests of standard input with the jobs of this program; the exit code.
///
/// SIGTERM asks the job to stop and to leave a resume checkpoint. When the parent dies, so does this process. Before the
/// first job it gives up every system call that no job needs, and each job runs in a thread that reaches its own folders
/// and nothing else (see [`confinement`]).
pub fn child_main() -> u8 {
    serve(&mut io::stdin().lock(), &mut io::stdout(), &jobs::run)
}

/// Serves requests until `requests` ends; the exit code: 0, or 3 if the other side broke the protocol or went away.
pub fn serve(requests: &mut dyn BufRead, replies: &mut (dyn Write + Send), job: &Job<'_>) -> u8 {
    let cancelled = Arc::new(AtomicBool::new(false));
    let registered =
        signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&cancelled))
            .and_then(|_| refuse_large_files());
    match registered.and_then(|()| serve_all(requests, replies, job, &cancelled)) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "the child cannot go on");
            3
        }
    }
}

/// From now on a write beyond the limit of file sizes fails like one to a full disk, instead of killing the process.
pub fn refuse_large_files() -> io::Result<()> {
    // A handler that does nothing to speak of: the write then gives an error.
    let seen = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen).map(drop)
}

fn serve_all(
    requests: &mut dyn BufRead,
    replies: &mut (dyn Write + Send),
    job: &Job<'_>,
    cancelled: &AtomicBool,
) -> io::Result<()> {
    let mut is_confined = false;
    for line in requests.lines() {
        let request: Request = serde_json::from_str(&line?)?;
        if let Some(parent) = request.parent {
            die_with_parent(parent)?;
        }
        if !is_confined {
            // Libraries and files of a device are out of reach afterwards.
            if let Err(error) = request.device.prepare(&Kernels(&request.kernels)) {
                let failure = Failure::new(FailureKind::Device, &error);
                send(replies, &Reply::Failed(failure))?;
                continue;
            }
            // This thread only waits for requests: the next one's folders lie beside these.
            let (outputs, scratch) = (&request.outputs, &request.scratch);
            // `work/KEY/EXECUTION/outputs`, and `scratch/KEY`.
            let work = outputs.ancestors().nth(3).unwrap_or(outputs);
            let write = [work, scratch.parent().unwrap_or(scratch)];
            confine(&Allowed { write: &write, ..Allowed::default() })?;
            is_confined = true;
        }
        let (done, sent) = in_confinement(&request, || {
            let mut sent = Ok(());
            let mut progress = |progress| {
                if sent.is_ok() {
                    sent = send(replies, &Reply::Progress(progress));
                }
            };
            let mut context = JobContext {
                inputs: &request.inputs,
                outputs: &request.outputs,
                scratch: &request.scratch,
                threads: request.threads,
                level: request.level.to_available(),
                device: request.device,
                resume_interval: Duration::from_millis(request.resume_interval_ms),
                cancelled,
                progress: &mut progress,
            };
            (perform(&request, &mut context, job), sent)
        })
        .unwrap_or_else(|source| {
            let path = "the thread of the job".to_owned();
            (Err(JobError::Io { path, source }), Ok(()))
        });
        sent?;
        let reply = match done {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed(error.into()),
        };
        send(replies, &reply)?;
    }
    Ok(())
}

/// Compiled kernels, in a folder. It is read and written before a job is confined, and none can reach it.
struct Kernels<'a>(&'a Path);

impl Kernels<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.kernels"))
    }
}

/// What lies behind the digest with which a file of compiled kernels begins, if it is what was written.
pub fn unsealed_kernels(kept: &[u8]) -> Option<&[u8]> {
    let (digest, kernels) = kept.split_at_checked(32)?;
    (Sha256::digest(kernels)[..] == *digest).then_some(kernels)
}

impl KernelCache for Kernels<'_> {
    fn find(&self, name: &str) -> Option<Vec<u8>> {
        let kept = fs::read(&self.path(name)).ok()?;
        unsealed_kernels(&kept).map(<[u8]>::to_vec)
    }

    fn keep(&self, name: &str, bytes: &[u8]) {
        let sealed = [&Sha256::digest(bytes)[..], bytes].concat();
        let kept = fs::create_dir(self.0)
            .and_then(|()| fs::write_atomic(&self.path(name), &sealed, Durability::Relaxed));
        if let Err(error) = kept {
            tracing::debug!(%error, "compiled kernels are not kept");
        }
    }
}

/// Runs `job` in a thread that reaches the folders of its request only.
fn in_confinement<T: Send>(request: &Request, job: impl FnOnce() -> T + Send) -> io::Result<T> {
    let allowed = Allowed {
        read: &[&request.inputs],
        write: &[&request.outputs, &request.scratch],
        network: false,
    };
    thread::scope(|scope| {
        let thread =
            thread::Builder::new().stack_size(JOB_STACK_BYTES).spawn_scoped(scope, || {
                confinement::confine_files(&allowed).map_err(io::Error::other)?;
                Ok(job())
            })?;
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

fn confine(allowed: &Allowed<'_>) -> io::Result<()> {
    let in_force = confinement::confine(allowed).map_err(io::Error::other)?;
    tracing::debug!(%in_force, "confined");
    Ok(())
}

/// Runs the job, alone in its scratch folder: for a moment, the child of a process that was killed may still be there.
fn perform(request: &Request, context: &mut JobContext<'_>, job: &Job<'_>) -> Result<(), JobError> {
    let path = request.scratch.join("lock");
    let _alone = Lock::exclusive(&path).map_err(|error| JobError::Io {
        path: path.display().to_string(),
        source: io::Error::other(error),
    })?;
    match (&request.inspection, &request.params) {
        (Some(inspection), Params::Train(params)) => jobs::inspect(params, inspection, context),
        _ => job(&request.params, context),
    }
}

fn send(replies: &mut (dyn Write + Send), reply: &Reply) -> io::Result<()> {
    let json = serde_json::to_string(reply)?;
    // In one write, on a line of its own whatever a library printed before.
    replies.write_all(format!("\n{REPLY}{json}\n").as_bytes())?;
    replies.flush()
}

/// Ends with the parent, which may have ended already.
fn die_with_parent(parent: u32) -> io::Result<()> {
    crate::confinement::die_with_parent()?;
    let is_alive = rustix::process::getppid()
        .is_some_and(|pid| u32::try_from(pid.as_raw_nonzero().get()) == Ok(parent));
    if is_alive { Ok(()) } else { Err(io::Error::other("the parent process has ended")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_as_they_were_kept_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("kernels");
        let kernels = Kernels(&place);
        assert_eq!(kernels.find("a"), None);
        kernels.keep("a", b"binary");
        assert_eq!(kernels.find("a").as_deref(), Some(&b"binary"[..]));
        assert_eq!(kernels.find("b"), None);
        let sealed = fs::read(&kernels.path("a")).unwrap();
        for damaged in [&sealed[..31], &sealed[..sealed.len() - 1], &[&sealed[..], b"x"].concat()] {
            fs::write_atomic(&kernels.path("a"), damaged, Durability::Relaxed).unwrap();
            assert_eq!(kernels.find("a"), None);
        }
    }
}
