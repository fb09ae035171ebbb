//! Ctrl-C, a terminal that closes, and termination: the first asks the run to stop and keep what it has, the second ends
//! the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::failure::Failure;

/// Whether, and by which signal, the program was told to stop.
pub(super) struct Signals {
    /// Set by the first signal.
    pub(super) cancelled: Arc<AtomicBool>,
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on signals are noted.
    pub(super) fn watch() -> Result<Self, Failure> {
        let signals = Self { cancelled: Arc::default(), which: Arc::default() };
        let register = || {
            // Under `nohup` a terminal may close.
            let hangup = (!is_ignored(SIGHUP)).then_some((SIGHUP, 129));
            for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)].into_iter().chain(hangup) {
                flag::register_conditional_shutdown(signal, code, Arc::clone(&signals.cancelled))?;
                flag::register(signal, Arc::clone(&signals.cancelled))?;
                flag::register_usize(
                    signal,
                    Arc::clone(&signals.which),
                    usize::try_from(code).unwrap_or(130),
                )?;
            }
            Ok::<_, std::io::Error>(())
        };
        register().map_err(|error| Failure::of(&error, 3, Vec::new()))?;
        Ok(signals)
    }

    /// The exit code of an interrupted run.
    pub(super) fn exit_code(&self) -> u8 {
        match self.which.load(Ordering::Relaxed) {
            129 => 129,
            143 => 143,
            _ => 130,
        }
    }
}

/// Whether whoever started the program had it ignore a signal.
#[allow(unsafe_code, reason = "what a parent ignored is told by the system alone")]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: all bytes zero are a `sigaction`, and the system only writes to it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}
