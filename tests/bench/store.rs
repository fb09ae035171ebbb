//! Times a run with nothing to do and a cold run of trivial jobs, at 1,000 and 10,000 actions.
//!
//! `cargo bench --bench store`. Each action is a target: every result is read, every output looked at.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ibid::action::params::Collect;
use ibid::action::{Action, Input, Params};
use ibid::exec::clock::SystemClock;
use ibid::exec::{How, InProcess, Options, StoreOnly, Summary, plan_states, run};
use ibid::fs::{Durability, write_atomic};
use ibid::jobs::{JobContext, JobError};
use ibid::plan::Plan;
use ibid::store::Store;

/// Tables of which each tenth reads the nine before it.
fn plan(count: usize, all_are_targets: bool) -> Plan {
    let mut plan = Plan::default();
    let mut group = Vec::new();
    for number in 0..count {
        let params =
            Params::Collect(Collect { columns: vec![number.to_string()], rows: Vec::new() });
        let upstream = if number % 10 == 9 { std::mem::take(&mut group) } else { Vec::new() };
        let inputs: BTreeMap<_, _> = upstream.into_iter().enumerate().collect();
        let inputs = inputs.into_iter().map(|(i, recipe)| {
            (format!("input{i}"), Input::Output { recipe, output: "points.csv".to_owned() })
        });
        let id = plan.add(&number.to_string(), Action::new(params, inputs.collect()));
        if number % 10 != 9 {
            group.push(id);
        }
        if all_are_targets || number % 10 == 9 {
            plan.add_target(id);
        }
    }
    plan
}

fn trivial_job(params: &Params, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let Params::Collect(collect) = params else { unreachable!("the plan has only tables") };
    let path = context.outputs.join("points.csv");
    write_atomic(&path, collect.columns[0].as_bytes(), Durability::Relaxed)
        .map_err(|error| JobError::BadParameters(error.to_string()))
}

fn execute(plan: &Plan, store: &Store) -> Summary {
    let (cancelled, clock) = (AtomicBool::new(false), SystemClock::default());
    let options = Options::new(2, &StoreOnly, &cancelled, &clock);
    run(plan, store, &InProcess::new(trivial_job), &options, &mut |_| {}).expect("the store works")
}

fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for count in [1_000, 10_000] {
        let dir = tempfile::tempdir().expect("there is a temporary folder");
        let root = dir.path().join("store");
        let everything = plan(count, true);
        let executed = execute(&everything, &Store::open(&root).expect("a new store opens"));
        assert_eq!(executed.count(How::Executed), count);
        let ends = plan(count, false);
        for (name, plan) in
            [("nothing to do, all targets", &everything), ("a tenth targets", &ends)]
        {
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| {
                    let store = Store::open(&root).expect("the store opens");
                    let summary = execute(plan, &store);
                    assert_eq!(summary.count(How::Executed), 0);
                });
            });
        }
        group.bench_function(BenchmarkId::new("plan states, all targets", count), |bencher| {
            let store = Store::open(&root).expect("the store opens");
            bencher.iter(|| plan_states(&everything, &store, &BTreeMap::new()).expect("it works"));
        });
    }
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    let cold = plan(1_000, true);
    group.bench_function("cold, 1000 trivial jobs", |bencher| {
        bencher.iter_with_large_drop(|| {
            let dir = tempfile::tempdir().expect("there is a temporary folder");
            let store = Store::open(&dir.path().join("store")).expect("a new store opens");
            assert_eq!(execute(&cold, &store).count(How::Executed), 1_000);
            dir
        });
    });
    group.finish();
}

criterion_group!(benches, runs);
criterion_main!(benches);
