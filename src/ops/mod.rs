//! One function per command, no terminal: the library's front door.

mod bisect;
mod checks;
#[cfg(feature = "pictograms")]
mod data;
mod doctor;
mod error;
mod evaluations;
mod export;
mod glyphs;
mod history;
mod image;
mod init;
mod inputs;
mod laboratory;
mod lock;
mod losses;
mod model;
mod name;
mod order;
mod pins;
mod plan;
mod pricing;
mod released;
mod reproduce;
mod run;
mod shards;
mod specification;
mod spot;
mod store;
mod stranger;
mod tokens;
mod verify;
mod workspace;

pub use crate::report::checks::{JudgedCheck, JudgedFinding, Standing};
pub use crate::report::claims::Verdict;
pub use bisect::{
    Bisected, BisectedTraining, Bisecting, DifferingElement, DifferingFile, DifferingTensor,
    Divergence, Finding, Link, Value,
};
pub use checks::{Checked, Unchecked};
#[cfg(feature = "pictograms")]
pub use data::{Inspected, PinnedSetFile};
pub use doctor::{Diagnosed, Diagnosis};
pub use error::{Error, Kind};
pub use history::{Executed, Outcome};
pub use image::{Preprocessed, View};
pub use init::init;
pub use lock::{DifferingOutput, LockComparison, LockOutcome};
pub use model::{ModelFault, PinnedFile, WrittenFile, WrittenModel};
pub use name::{CommitName, ExperimentName, Name, NameError};
pub use order::Seen;
pub use plan::{Explained, Planned, PlannedAction};
pub use pricing::{FLOPS_PER_GPU_DEFAULT, PlannedUnpinned, UnpinnedTotal, grouped};
pub use reproduce::{
    ReproduceOptions, Reproduced, ReproducedFigure, ReproducedSource, ReproducedTable,
};
pub use run::{Running, duration_text};
pub use shards::{PinnedShard, PinnedShards};
pub use specification::{Found, Listed, ListedTarget, Unknown};
pub use spot::{CheckedSegment, MissProbability, Spot, SpotChecked};
pub use stranger::{Fetch, Introduction, Origin};
pub use tokens::OpenClipTokens;
pub use verify::{
    AnotherClass, ComparedSpan, ComparedTraining, LossTolerance, LossToleranceError, Verification,
    Verifying,
};
pub use workspace::{Loaded, Settings, Workspace};
