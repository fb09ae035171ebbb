//! What actions cost, in integers: floating-point operations from the model's configuration, and bytes to fetch.

use crate::action::params::Clip;
use crate::spec::experiment::Task;

/// What it costs to execute an action with an empty store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Floating-point operations: two a multiply–accumulate. 0 for tables, fits and figures.
    pub flops: u128,
    /// Size of the pinned files it reads.
    pub fetch_bytes: u64,
}

impl Price {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            flops: self.flops.max(other.flops),
            fetch_bytes: self.fetch_bytes.max(other.fetch_bytes),
        }
    }
}

/// Operations of a training: forward, and backward at twice that.
pub(super) fn train_flops(model: &Clip, samples_seen: u64) -> u128 {
    (6 * u128::from(model.macs_per_sample())).saturating_mul(u128::from(samples_seen))
}

/// Operations of an evaluation: every image once, and every text once; a pair is taken to have one.
pub(super) fn evaluate_flops(model: &Clip, task: &Task, samples: u64) -> u128 {
    let texts = match task {
        Task::ZeroShotClassification { classes, templates } => {
            u128::from(classes.count).saturating_mul(templates.len() as u128)
        }
        Task::Retrieval { .. } => u128::from(samples),
    };
    let images = u128::from(model.macs_per_image().total()).saturating_mul(u128::from(samples));
    let texts = u128::from(model.macs_per_text().total()).saturating_mul(texts);
    images.saturating_add(texts).saturating_mul(2)
}
