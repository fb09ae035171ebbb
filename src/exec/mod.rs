//! The plan made real: executors, the scheduler, events.
