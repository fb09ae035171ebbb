//! An experiment to a graph of actions: expand, lockfile, explain; no I/O, clock or floats.
#![deny(clippy::float_arithmetic)]

mod checks;
mod convert;
mod expand;
mod explain;
mod graph;
mod lockfile;
mod losses;
mod price;
mod subject;
mod substitute;
mod tables;
#[cfg(test)]
mod tests;
mod unpinned;

pub use convert::clip as model_params;
pub use expand::{
    PlanError, expand, expand_at, expand_checks, expand_each, expand_every_depth, expand_printed,
    refuse_unknown,
};
pub use explain::{Difference, Earlier, Explanation, differences};
pub use graph::{
    CheckTarget, DeclaredCheck, FigureTarget, Node, Plan, RunEvaluation, SourcePin, TableTarget,
    TreePin,
};
pub use lockfile::{Comparison, LockedAction, Lockfile, LockfileError};
pub use losses::Losses;
pub use price::Price;
pub use subject::stated as stated_model;
pub use substitute::Substituted;
pub use unpinned::UnpinnedRun;

// What a plan is made from and speaks of, for the rooms above that do not see `spec`.
pub use crate::spec::experiment::{
    Claim, Condition, Depth, FIT_COLUMNS, FitName, FitNameMethod, Keep, Known, Location,
    NumberFormat, PrintedColumn, Quantity, QuantityValue, Selection, Source, Statement, Tolerance,
    Transform, Unit,
};
