//! An experiment to a graph of actions: expand, lockfile, explain; no I/O, clock or floats.
#![deny(clippy::float_arithmetic)]

mod graph;

pub use graph::{Node, Plan};
