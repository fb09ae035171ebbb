//! Dhall text to a typed experiment.
