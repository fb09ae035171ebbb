//! Dhall text to a typed experiment.

pub mod experiment;
