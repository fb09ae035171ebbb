//! Stored results to pages that people read.

pub mod claims;
pub mod page;
pub mod sensitivity;
