//! Hermetic workspaces and the program, run as a stranger runs it.

mod forgery;
mod machine;
pub(crate) mod open_clip;
mod origin;
pub(crate) mod published;
pub(crate) mod server;
mod workspace;

pub(crate) use forgery::forge;
pub(crate) use machine::{Chance, flip};
pub(crate) use origin::{Entry, Origin, POINTS, tiny};
pub(crate) use workspace::{PACKAGE, Ran, SMOKE, Workspace, authors_table, repository};
