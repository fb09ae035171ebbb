//! Seeds × faults: whatever goes wrong, a clean rerun gives the bytes of an undisturbed run.
//!
//! `SEED=17 cargo test --release simulation` repeats one seed, `SEEDS=5000 cargo test --release simulation` runs that
//! many.

use std::sync::OnceLock;

use super::*;
use crate::exec::simulated::{Fault, Simulated, mix64};
use crate::store::{Finding, GcOptions, Roots};

/// Seeds of a run that says nothing else.
const SEEDS: u64 = 240;
/// Shapes of plans; a seed has one.
const SHAPES: u64 = 6;
/// More rounds than the faults of the longest chain, each cancelled once, can cost.
const ROUNDS_MAX: u64 = 60;

/// Layers that read each other, so that faults meet hits, cut-offs and lost inputs: `shape` says how wide and how deep.
fn layered(shape: u64) -> Plan {
    let (width, depth) = (2 + shape % 3, 2 + shape / 2);
    let mut draft = Draft::default();
    let mut layer: Vec<_> = (0..=width).map(|i| draft.add(&[&format!("0.{i}")], &[])).collect();
    for level in 1..depth {
        layer = (0..width)
            .map(|i| {
                let reads =
                    |(j, _): &(usize, _)| mix64(shape ^ (level << 8) ^ (i << 4)) >> j & 1 == 1;
                let upstream = layer.iter().enumerate().filter(reads).map(|(_, id)| *id);
                draft.add(&[&format!("{level}.{i}")], &upstream.collect::<Vec<_>>())
            })
            .collect();
    }
    let last = draft.add(&["last"], &layer);
    draft.target(&[last])
}

fn with_all_targets(plan: &Plan) -> Plan {
    let mut all = plan.clone();
    plan.nodes().keys().for_each(|id| all.add_target(*id));
    all
}

fn results(summary: &Summary) -> BTreeMap<RecipeId, ActionResult> {
    summary.outcomes.iter().map(|(id, outcome)| (*id, outcome.result.clone())).collect()
}

/// Each shape with what it gives when nothing goes wrong.
fn undisturbed(shape: u64) -> &'static (Plan, BTreeMap<RecipeId, ActionResult>) {
    static ALL: OnceLock<Vec<(Plan, BTreeMap<RecipeId, ActionResult>)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let one = |shape| {
            let (bed, plan) = (Bed::new(), layered(shape));
            let executor = Simulated::new(&bed.store, 0);
            let all = with_all_targets(&plan);
            let summary = run(&all, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap();
            (plan, results(&summary))
        };
        (0..SHAPES).map(one).collect()
    });
    &all[usize::try_from(shape).unwrap()]
}

/// One life of a run: in a store opened anew, told to stop after some events, with another run beside it, or after a
/// collection, as the seed says. Whether every target has its result.
fn live(bed: &Bed, plan: &Plan, executor: &Simulated<'_>, chance: u64) -> bool {
    let store = Store::open(bed.store.root()).unwrap();
    if chance.is_multiple_of(5) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000 * 86_400);
        let recipes = if chance.is_multiple_of(2) {
            plan.nodes().keys().copied().collect()
        } else {
            plan.targets().clone()
        };
        let roots = Roots { recipes, ..Roots::default() };
        let keep_within = Duration::from_secs(86_400);
        store.gc(&GcOptions { now, keep_within, roots: &roots, dry_run: false }).unwrap();
    }
    let stop_after = if chance.is_multiple_of(3) { 1 + (chance >> 8) % 12 } else { u64::MAX };
    let cancelled = AtomicBool::new(false);
    let options = Options {
        jobs: 3,
        keep_going: chance.is_multiple_of(2),
        ..Options::new(2, &StoreOnly, &cancelled, &CLOCK)
    };
    let one = |store: &Store, stop_after: u64| {
        let mut events = 0;
        let summary = run(plan, store, executor, &options, &mut |_| {
            events += 1;
            if events == stop_after {
                cancelled.store(true, Ordering::Relaxed);
            }
        });
        summary.unwrap().is_complete()
    };
    if !chance.is_multiple_of(4) {
        return one(&store, stop_after);
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| one(&Store::open(bed.store.root()).unwrap(), u64::MAX));
        let this = one(&store, stop_after);
        other.join().unwrap() || this
    })
}

fn simulate(seed: u64) -> Vec<Fault> {
    let (plan, everything) = undisturbed(seed % SHAPES);
    let bed = Bed::new();
    let executor = Simulated::new(&bed.store, seed);
    let mut rounds = (0..ROUNDS_MAX).map(|round| mix64(seed ^ mix64(round)));
    assert!(
        rounds.any(|chance| live(&bed, plan, &executor, chance)),
        "seed {seed}: no end in sight"
    );
    let faults: Vec<_> = executor.faults().into_values().flatten().collect();

    // Only what was planted may be found, and what was found is mended by the next run that reads it.
    let report = bed.store.fsck().unwrap();
    for finding in &report.findings {
        let planted = match finding {
            Finding::CorruptBlob { .. } => [Fault::RotsInput, Fault::TruncatesBlob].as_slice(),
            Finding::DamagedResult { .. } => &[Fault::TearsResult],
            _ => &[],
        };
        assert!(planted.iter().any(|fault| faults.contains(fault)), "seed {seed}: {finding}");
    }
    assert!(bed.store.fsck().unwrap().is_clean(), "seed {seed}");
    let executor = Simulated::new(&bed.store, 0);
    let all = with_all_targets(plan);
    let clean = run(&all, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap();
    assert!(clean.is_complete(), "seed {seed}");
    assert_eq!(results(&clean), *everything, "seed {seed}");
    // What was made under whatever went wrong is not made again, unless it was damaged since.
    let damage = [Fault::RotsInput, Fault::TruncatesBlob, Fault::TearsResult];
    let is_damaged = faults.iter().any(|fault| damage.contains(fault));
    let is_made_again = |id: &RecipeId| clean.outcomes[id].how == How::Executed;
    assert!(is_damaged || !plan.targets().iter().any(is_made_again), "seed {seed}");
    assert!(bed.store.fsck().unwrap().is_clean(), "seed {seed}");
    faults
}

#[test]
#[allow(clippy::print_stdout, reason = "a person asks how often each fault happened")]
fn after_any_seed_a_clean_rerun_gives_the_bytes_of_an_undisturbed_run() {
    #[allow(clippy::disallowed_methods, reason = "a person repeats a failure by its seed")]
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
    if let Some(seed) = number("SEED") {
        println!("seed {seed}: {:?}", simulate(seed));
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let mut seen = BTreeMap::new();
    for fault in (1..=seeds).flat_map(simulate) {
        *seen.entry(fault).or_insert(0_u64) += 1;
    }
    println!("{seeds} seeds: {seen:?}");
    assert!(seeds < SEEDS || seen.len() == 11, "every fault happened: {seen:?}");
}
