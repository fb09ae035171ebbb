//! Hermetic workspaces and the program, run as a stranger runs it.

mod machine;
pub(crate) mod published;
mod workspace;

pub(crate) use machine::{Chance, flip};
pub(crate) use workspace::{PACKAGE, Ran, SMOKE, Workspace, authors_table, repository};
