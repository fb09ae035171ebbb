//! The only place that reads the time. Nothing that enters a digest comes from here.

use std::time::{Duration, Instant, SystemTime};

/// Tells the time.
pub trait Clock: Sync {
    /// The time of day.
    fn now(&self) -> SystemTime;

    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

#[allow(clippy::disallowed_methods, reason = "time enters the library here")]
mod system {
    use super::{Clock, Duration, Instant, SystemClock, SystemTime};

    impl Default for SystemClock {
        fn default() -> Self {
            Self { start: Instant::now() }
        }
    }

    impl Clock for SystemClock {
        fn now(&self) -> SystemTime {
            SystemTime::now()
        }

        fn monotonic(&self) -> Duration {
            self.start.elapsed()
        }
    }
}

/// A clock that stands still: for tests, and for what tells no time.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub SystemTime);

impl Clock for FixedClock {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Milliseconds since 1970 in UTC.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
