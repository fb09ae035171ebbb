//! Stored results to pages that people read.
