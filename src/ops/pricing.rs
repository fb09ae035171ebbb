//! What trainings that others did would cost to do again, beside what they cost their authors.
//!
//! Floating-point operations are 6 a multiply–accumulate of a pair's forward pass and pair seen: 2 forward, and twice
//! that backward. GPU-hours are those divided by a stated rate, and, where the authors published their throughput,
//! pairs seen ÷ pairs a second × GPUs. Nothing here decides anything: such a training is never started.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::{Plan, UnpinnedRun};

/// Floating-point operations a second that one GPU is taken to reach in a training, unless the reader states another
/// rate: 40 % of 312 · 10^12, the peak of an A100 in dense products of bfloat16 by its data sheet.
pub const FLOPS_PER_GPU_DEFAULT: f64 = 124.8e12;

const SECONDS_PER_HOUR: f64 = 3600.0;

/// A training that others did and that cannot be executed here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedUnpinned {
    /// Its name.
    pub run: String,
    /// Pairs processed in training.
    pub samples_seen: u64,
    /// Pairs of its data set, where they are known.
    pub dataset_samples: Option<u64>,
    /// Its steps, where they are known: pairs ÷ batch size, rounded up.
    pub steps: Option<u64>,
    /// Floating-point operations, where they are known.
    pub flops: Option<u128>,
    /// Decoded bytes that go into the towers, where they are known: 8-bit pixels and 16-bit token ids.
    pub input_bytes: Option<u128>,
    /// GPU-hours at the stated rate, where the operations are known.
    pub gpu_hours: Option<f64>,
    /// GPUs that the authors used.
    pub gpus: Option<u64>,
    /// GPU-hours by the authors' own throughput.
    pub gpu_hours_reported: Option<f64>,
    /// Floating-point operations a second and GPU that the authors' throughput amounts to.
    pub flops_per_gpu_reported: Option<f64>,
    /// What the experiment does not state.
    pub missing: Vec<&'static str>,
}

/// The sum of what is known.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnpinnedTotal {
    /// How many trainings.
    pub runs: usize,
    /// Pairs processed.
    pub samples_seen: u64,
    /// Floating-point operations.
    pub flops: u128,
    /// Decoded bytes that go into the towers.
    pub input_bytes: u128,
    /// The rate that `gpu_hours` supposes.
    pub flops_per_gpu: f64,
    /// GPU-hours at that rate.
    pub gpu_hours: f64,
    /// GPU-hours by the authors' own throughput.
    pub gpu_hours_reported: f64,
}

/// The unpinned trainings of a plan, in the order of their names, with one GPU doing `flops_per_gpu` a second.
pub(super) fn unpinned(plan: &Plan, flops_per_gpu: f64) -> Vec<PlannedUnpinned> {
    let runs = plan.unpinned().iter();
    runs.map(|(name, run)| priced(name, run, flops_per_gpu)).collect()
}

fn priced(name: &str, run: &UnpinnedRun, flops_per_gpu: f64) -> PlannedUnpinned {
    let reported = match (run.samples_per_second, run.gpus) {
        (Some(rate), Some(gpus)) => {
            Some(real(run.samples_seen.into()) / rate / SECONDS_PER_HOUR * real(gpus.into()))
        }
        _ => None,
    };
    let per_gpu = |flops: u128| reported.map(|hours| real(flops) / (hours * SECONDS_PER_HOUR));
    PlannedUnpinned {
        run: name.to_owned(),
        samples_seen: run.samples_seen,
        dataset_samples: run.dataset_samples,
        steps: run.steps,
        flops: run.flops,
        input_bytes: run.input_bytes,
        gpu_hours: run.flops.map(|flops| real(flops) / flops_per_gpu / SECONDS_PER_HOUR),
        gpus: run.gpus,
        gpu_hours_reported: reported,
        flops_per_gpu_reported: run.flops.and_then(per_gpu),
        missing: run.missing.clone(),
    }
}

/// The sums over `runs`; `None` if there is none.
pub(super) fn total(runs: &[PlannedUnpinned], flops_per_gpu: f64) -> Option<UnpinnedTotal> {
    (!runs.is_empty()).then(|| UnpinnedTotal {
        runs: runs.len(),
        samples_seen: runs.iter().fold(0, |sum, run| sum.saturating_add(run.samples_seen)),
        flops: runs.iter().filter_map(|run| run.flops).fold(0, u128::saturating_add),
        input_bytes: runs.iter().filter_map(|run| run.input_bytes).fold(0, u128::saturating_add),
        flops_per_gpu,
        gpu_hours: runs.iter().filter_map(|run| run.gpu_hours).sum(),
        gpu_hours_reported: runs.iter().filter_map(|run| run.gpu_hours_reported).sum(),
    })
}

/// Runs that lack the same, together: what they lack, and their names. In the order of the first of them.
pub fn grouped<'a, F: Ord + Clone + 'a>(
    runs: impl IntoIterator<Item = (&'a str, &'a [F])>,
) -> Vec<(Vec<F>, Vec<&'a str>)> {
    let mut places = BTreeMap::new();
    let mut groups: Vec<(Vec<F>, Vec<&str>)> = Vec::new();
    for (name, fields) in runs {
        let place = *places.entry(fields.to_vec()).or_insert_with(|| {
            groups.push((fields.to_vec(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(name);
    }
    groups
}

#[allow(clippy::cast_precision_loss, reason = "a price for people")]
fn real(value: u128) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(samples_seen: u64, gpus: u64, rate: f64, flops: u128) -> UnpinnedRun {
        UnpinnedRun {
            samples_seen,
            dataset_samples: None,
            steps: None,
            flops: Some(flops),
            input_bytes: None,
            gpus: Some(gpus),
            samples_per_second: Some(rate),
            missing: vec!["seed"],
        }
    }

    /// CLIP 4.1, from the authors' table: 229,665 GPU-hours of H/14 and 122,509 of L/14 at 34B on LAION-2B.
    #[test]
    fn gpu_hours_of_the_authors_follow_from_their_throughput() {
        let h = priced("H", &run(256 * 135_646_078, 824, 34_608.0, 1), 1.0);
        assert!((h.gpu_hours_reported.unwrap() - 229_665.0).abs() < 0.5, "{h:?}");
        let l = priced("L", &run(160 * 200_000_000, 384, 27_861.919_26, 1), 1.0);
        assert!((l.gpu_hours_reported.unwrap() - 122_509.0).abs() < 0.5, "{l:?}");
    }

    #[test]
    fn gpu_hours_at_a_rate_are_operations_over_the_rate() {
        // 7.2 · 10^18 operations: two hours of a GPU that does 10^15 a second; the authors needed 4 × 0.25 s.
        let priced = priced("r", &run(100, 4, 400.0, 7_200_000_000_000_000_000), 1e15);
        assert!((priced.gpu_hours.unwrap() - 2.0).abs() < 1e-12);
        assert!((priced.flops_per_gpu_reported.unwrap() / 7.2e18 - 1.0).abs() < 1e-12);
        let total = total(&[priced.clone(), priced], 1e15).unwrap();
        assert!((total.gpu_hours - 4.0).abs() < 1e-12);
        assert_eq!((total.runs, total.samples_seen), (2, 200));
        assert_eq!(super::total(&[], 1e15), None);
    }

    #[test]
    fn runs_that_lack_the_same_stand_together() {
        let (a, b) = (vec!["seed"], vec!["seed", "order"]);
        let runs = [("x", a.as_slice()), ("y", b.as_slice()), ("z", a.as_slice())];
        assert_eq!(grouped(runs), [(a.clone(), vec!["x", "z"]), (b.clone(), vec!["y"])]);
    }
}
