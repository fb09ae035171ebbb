//! Hermetic workspaces and the program, run as a stranger runs it.

mod workspace;

pub(crate) use workspace::{PACKAGE, Ran, SMOKE, Workspace, authors_table, repository};
