//! Ctrl-C and termination: the first asks the run to stop and keep what it has, the second ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
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
            for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
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
            143 => 143,
            _ => 130,
        }
    }
}
