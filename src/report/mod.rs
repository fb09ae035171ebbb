//! Stored results to pages that people read.

pub mod claims;
