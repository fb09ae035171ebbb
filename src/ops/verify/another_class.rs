//! What `verify` does where trainings are bound to a class that the device is none of: it computes them by what the device
//! has, and compares losses within a tolerance.
//!
//! Bits of another class say nothing, so nothing is said of them: a training with another profile is another action, and
//! so is all that follows from it. What does not follow from one is the same action, and compared to the bit.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::super::error::Error;
use super::super::lock::recorded_result;
use super::super::losses::{TRACE, bound, losses_of};
use crate::action::Params;
use crate::action::params::{DeviceClass, DeviceProfile, spans};
use crate::digest::RecipeId;
use crate::exec::Summary;
use crate::plan::{Lockfile, Losses, Plan, Substituted};
use crate::store::Store;
use crate::tensor::Device;
use crate::training;

/// How far the mean loss of a span may be from the locked one, as a share of the locked loss of the first span; at least 0,
/// less than 1.
///
/// The loss that a training began with is its scale: a share of each span's own loss would be strict where a training has
/// learned its samples by heart, and lax where it has learned little.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct LossTolerance(f64);

/// A text that is not a tolerance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share of at least 0 and less than 1, such as 0.01")]
pub struct LossToleranceError(String);

impl LossTolerance {
    /// What is asked for where nothing is said: 2.8 times the largest difference that rounding to bfloat16 made, and less
    /// than the least that a wrong seed or twice the learning rate did, as measured in `tests/bench/cuda/README.md`.
    pub const DEFAULT: Self = Self(0.01);

    /// Whether a difference is within it.
    fn has(self, difference: f64) -> bool {
        difference <= self.0
    }
}

impl Default for LossTolerance {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for LossTolerance {
    type Err = LossToleranceError;

    fn from_str(text: &str) -> Result<Self, LossToleranceError> {
        let share = text.parse::<f64>().ok().filter(|share| (0.0..1.0).contains(share));
        share.map(Self).ok_or_else(|| LossToleranceError(text.to_owned()))
    }
}

impl fmt::Display for LossTolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How trainings of another class compare.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnotherClass {
    /// Where everything was executed.
    pub device: String,
    /// Its class, if it is a GPU.
    pub class: Option<DeviceClass>,
    /// How far losses may be apart.
    pub tolerance: LossTolerance,
    /// The trainings whose profile was replaced.
    pub trainings: Vec<ComparedTraining>,
    /// Labels of what follows from them: other actions here than the locked ones, and not compared.
    pub not_compared: Vec<String>,
}

/// A training that was computed by another profile than the locked one.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedTraining {
    /// Its label.
    pub label: String,
    /// The profile that it is bound to.
    pub locked: DeviceProfile,
    /// The profile that it was computed by; `None`: portable arithmetic.
    pub computed: Option<DeviceProfile>,
    /// Its spans, in order.
    pub spans: Vec<ComparedSpan>,
    /// The span whose losses are furthest apart, from 0; the first of several.
    pub furthest: usize,
    /// Whether that is within the tolerance.
    pub is_within: bool,
}

/// The mean loss of a span of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedSpan {
    /// Its first and its last step, from 0.
    pub steps: [u64; 2],
    /// What the lockfile has.
    pub locked: f64,
    /// What came out.
    pub computed: f64,
    /// How far they are apart, as a share of the locked loss of the first span.
    pub difference: f64,
}

impl AnotherClass {
    /// Whether the losses of all trainings are within the tolerance.
    pub fn is_within(&self) -> bool {
        self.trainings.iter().all(|training| training.is_within)
    }

    /// What the verdict says of them.
    pub(in crate::ops) fn verdict(&self) -> String {
        let within = self.trainings.iter().filter(|training| training.is_within).count();
        let all = self.trainings.len();
        format!("another class: losses of {within}/{all} trainings within {}", self.tolerance)
    }
}

impl ComparedTraining {
    /// The span whose losses are furthest apart.
    pub fn furthest(&self) -> &ComparedSpan {
        &self.spans[self.furthest]
    }
}

/// The class of GPUs that a device is of; a GPU that does not answer is of none.
pub(super) fn class_of(device: Device) -> Option<DeviceClass> {
    device.class().ok().flatten().map(|(major, minor)| DeviceClass::new(major, minor))
}

/// A plan as a device can execute that is of another class than some of its trainings are bound to.
#[derive(Debug)]
pub(super) struct Replacement {
    substituted: Substituted,
    device: Device,
    class: Option<DeviceClass>,
    trainings: Vec<Replaced>,
}

/// A training whose profile is replaced.
#[derive(Debug)]
struct Replaced {
    label: String,
    /// What it is in the plan that is executed.
    recipe: RecipeId,
    locked: DeviceProfile,
    computed: Option<DeviceProfile>,
    steps: u64,
    losses: Losses,
}

impl Replacement {
    /// Replaces the profiles that the device cannot compute by its own, or by portable arithmetic if it has none; `None` if
    /// it can compute all of them. The losses come from the lockfile, which must have them; `name` is what it locks.
    pub(super) fn of(
        plan: &Plan,
        lockfile: &Lockfile,
        name: &str,
        device: Device,
    ) -> Result<Option<Self>, Error> {
        let class = class_of(device);
        let own = class.and_then(DeviceProfile::of);
        let here = |profile: DeviceProfile| {
            if Some(profile.class()) == class { Some(profile) } else { own }
        };
        let substituted = plan.with_profiles(here);
        let mut trainings = Vec::new();
        for (id, node, locked) in bound(plan) {
            let Params::Train(train) = &node.action.params else {
                continue;
            };
            let computed = here(locked);
            if computed == Some(locked) {
                continue;
            }
            let (label, steps) = (node.label.clone(), training::steps(train));
            let losses = lockfile.locked(&id).and_then(|action| action.losses.clone());
            let losses = losses.filter(|losses| losses.means().len() == spans(steps).len());
            let losses = losses.ok_or_else(|| unlocked(&label, locked, steps, name))?;
            let recipe = substituted.recipes[&id];
            trainings.push(Replaced { label, recipe, locked, computed, steps, losses });
        }
        trainings.sort_by(|a, b| a.label.cmp(&b.label));
        let replacement = Self { substituted, device, class, trainings };
        Ok((!replacement.trainings.is_empty()).then_some(replacement))
    }

    /// The trainings whose profile is replaced, in order.
    pub(super) fn labels(&self) -> Vec<&str> {
        self.trainings.iter().map(|training| training.label.as_str()).collect()
    }

    /// The plan that the device can execute.
    pub(super) fn plan(&self) -> &Plan {
        &self.substituted.plan
    }

    /// Compares what came out; `others` are labels of the locked actions that were not executed.
    pub(super) fn compare(
        &self,
        store: &Store,
        summary: &Summary,
        tolerance: LossTolerance,
        mut others: Vec<String>,
    ) -> Result<AnotherClass, Error> {
        let compared = |replaced: &Replaced| {
            let what = || format!("{} {TRACE}", replaced.label);
            let absent =
                |reason: &str| Error::BadResult { what: what(), reason: reason.to_owned() };
            let result = recorded_result(summary, store, &replaced.recipe)
                .ok_or_else(|| absent("the run did not give it"))?;
            let losses = losses_of(&replaced.label, &result, store)?
                .ok_or_else(|| absent("it is not in the store"))?;
            replaced.compare(&losses, tolerance)
        };
        let trainings = self.trainings.iter().map(compared).collect::<Result<Vec<_>, _>>()?;
        others.retain(|label| self.trainings.iter().all(|training| training.label != *label));
        Ok(AnotherClass {
            device: self.device.to_string(),
            class: self.class,
            tolerance,
            trainings,
            not_compared: others,
        })
    }
}

impl Replaced {
    fn compare(
        &self,
        losses: &Losses,
        tolerance: LossTolerance,
    ) -> Result<ComparedTraining, Error> {
        let (locked, computed) = (self.losses.means(), losses.means());
        if locked.len() != computed.len() {
            return Err(Error::BadResult {
                what: format!("{} {TRACE}", self.label),
                reason: format!("it has {} spans of steps, not {}", computed.len(), locked.len()),
            });
        }
        let spans: Vec<_> = spans(self.steps)
            .into_iter()
            .zip(locked.iter().zip(computed))
            .map(|(steps, (locked, computed))| ComparedSpan {
                steps: [steps.start, steps.end - 1],
                locked: *locked,
                computed: *computed,
                difference: difference(*locked, *computed, self.losses.means()[0]),
            })
            .collect();
        let mut furthest = 0;
        for (place, span) in spans.iter().enumerate() {
            if spans[furthest].difference < span.difference {
                furthest = place;
            }
        }
        Ok(ComparedTraining {
            label: self.label.clone(),
            locked: self.locked,
            computed: self.computed,
            is_within: tolerance.has(spans[furthest].difference),
            furthest,
            spans,
        })
    }
}

/// How far two losses are apart, as a share of a third.
fn difference(a: f64, b: f64, scale: f64) -> f64 {
    if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() / scale.abs() }
}

/// The lockfile does not say what to compare with.
fn unlocked(label: &str, profile: DeviceProfile, steps: u64, name: &str) -> Error {
    Error::Missing {
        message: format!(
            "`{label}` is bound to another class ({profile}), and the lockfile does not have the losses of its {} spans",
            spans(steps).len()
        ),
        hint: if name.starts_with("git+") {
            "the lockfile is its author's to write".to_owned()
        } else {
            format!("write them where the training was executed: ibid lock {name} --device cuda")
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_a_share_of_the_first_loss() {
        for (a, b, scale, expected) in [
            (0.0, 0.0, 0.0, 0.0),
            (3.0, 4.0, 5.0, 0.2),
            (4.0, 3.0, 5.0, 0.2),
            (0.25, 0.0, 2.0, 0.125),
        ] {
            assert!((difference(a, b, scale) - expected).abs() < 1e-15, "{a} and {b}");
        }
        assert!(difference(0.0, 1.0, 0.0).is_infinite());
    }

    #[test]
    fn a_tolerance_is_a_share() {
        for text in ["0", "0.05", "1e-3", "0.999"] {
            assert_eq!(
                text.parse::<LossTolerance>().unwrap().to_string().parse(),
                text.parse::<f64>()
            );
        }
        for text in ["", "1", "1.5", "-0.1", "NaN", "inf", "5%", "0,05"] {
            let error = text.parse::<LossTolerance>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not a share")));
        }
        assert!("0.05".parse::<LossTolerance>().unwrap().has(0.05));
        assert!(!"0".parse::<LossTolerance>().unwrap().has(f64::MIN_POSITIVE));
        assert!(!LossTolerance::default().has(f64::INFINITY));
    }
}
