//! Times a run with nothing to do, one with one changed job, and a cold run of trivial jobs, at 1,000 and 10,000 actions.
//!
//! `cargo bench --bench store`; `tests/bench/store.sh` does it beside `make` and `ninja` on the same graph. Each action
//! is a target: every result is read, every output looked at.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ibid::action::params::Collect;
use ibid::action::{Action, Input, Params};
use ibid::exec::clock::SystemClock;
use ibid::exec::{
    Executor, How, InProcess, LocalExecutor, LocalOptions, Options, StoreOnly, Summary,
    plan_states, run,
};
use ibid::fs::{Durability, write_atomic};
use ibid::jobs::{Device, JobContext, JobError, Level};
use ibid::plan::Plan;
use ibid::store::Store;

/// Tables of which each tenth reads the nine before it.
fn plan(count: usize, all_are_targets: bool) -> Plan {
    plan_with(count, all_are_targets, None)
}

/// The same, with the parameters of one table changed: itself and its reader must be executed.
fn plan_with(count: usize, all_are_targets: bool, changed: Option<u64>) -> Plan {
    let mut plan = Plan::default();
    let mut group = Vec::new();
    for number in 0..count {
        let column = match changed {
            Some(change) if number == count / 2 => format!("{number}, change {change}"),
            _ => number.to_string(),
        };
        let params = Params::Collect(Collect { columns: vec![column], rows: Vec::new() });
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
    execute_by(plan, store, &InProcess::new(trivial_job))
}

fn execute_by(plan: &Plan, store: &Store, executor: &dyn Executor) -> Summary {
    let (cancelled, clock) = (AtomicBool::new(false), SystemClock::default());
    let options = Options::new(2, &StoreOnly, &cancelled, &clock);
    run(plan, store, executor, &options, &mut |_| {}).expect("the store works")
}

/// The executor of the program: the jobs of its own, in child processes.
fn children(store: &Store) -> LocalExecutor {
    LocalExecutor::new(LocalOptions {
        program: env!("CARGO_BIN_EXE_ibid").into(),
        arguments: vec!["job".into()],
        level: Level::Scalar,
        device: Device::Cpu,
        variables: Vec::new(),
        resume_interval: Duration::from_secs(20),
        grace: Duration::from_secs(20),
        tmp: store.root().join("tmp"),
        kernels: store.root().join("kernels"),
    })
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
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let store = Store::open(&dir.path().join("store")).expect("a new store opens");
    execute(&plan(1_000, true), &store);
    let mut change = 0;
    group.bench_function("one changed of 1000", |bencher| {
        bencher.iter_batched(
            || {
                change += 1;
                plan_with(1_000, true, Some(change))
            },
            |plan| {
                let store = Store::open(store.root()).expect("the store opens");
                assert_eq!(execute(&plan, &store).count(How::Executed), 2);
            },
            BatchSize::PerIteration,
        );
    });
    group.sample_size(10).measurement_time(Duration::from_secs(1));
    // Independent ones: the program's own tables have no inputs without a measurement.
    let mut independent = Plan::default();
    for number in 0..1_000 {
        let columns = vec![number.to_string()];
        let params = Params::Collect(Collect { columns, rows: Vec::new() });
        let id = independent.add(&number.to_string(), Action::new(params, BTreeMap::new()));
        independent.add_target(id);
    }
    group.bench_function("cold, 1000 tables in child processes", |bencher| {
        bencher.iter_with_large_drop(|| {
            let dir = tempfile::tempdir().expect("there is a temporary folder");
            let store = Store::open(&dir.path().join("store")).expect("a new store opens");
            let summary = execute_by(&independent, &store, &children(&store));
            assert_eq!(summary.count(How::Executed), 1_000, "{:?}", summary.failures);
            dir
        });
    });
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
