//! Stored results to pages that people read.

pub mod checks;
pub mod checks_page;
pub mod claims;
pub mod evaluations;
pub mod lines;
pub mod page;
pub mod sensitivity;
pub mod tables;
