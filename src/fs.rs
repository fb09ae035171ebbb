//! Atomic writes and locks.
