//! Hermetic workspaces and the program, run as a stranger runs it.

pub(crate) mod published;
mod workspace;

pub(crate) use workspace::{PACKAGE, Ran, SMOKE, Workspace, authors_table, repository};
