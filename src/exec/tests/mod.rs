//! Facts about runs, with jobs that do as their columns say.

mod children;
mod runs;
mod simulation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::clock::FixedClock;
use super::*;
use crate::action::params::Collect;
use crate::action::{Input, Params};
use crate::jobs::JobContext;
use crate::plan::Plan;

const CLOCK: FixedClock = FixedClock(SystemTime::UNIX_EPOCH);

/// A job that writes `points.csv` as `columns` say: a name, and what to do.
fn directed_job(params: &Params, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let columns = match params {
        Params::Collect(collect) => collect.columns.clone(),
        other => vec!["expensive".to_owned(), other.kind().name().to_owned()],
    };
    let (name, act) = (&columns[0], columns.get(1).map_or("join", String::as_str));
    let bytes = match act.split_once(' ').unwrap_or((act, "")) {
        ("text", text) => text.to_owned(),
        ("fail", _) => return Err(JobError::BadParameters("as told".to_owned())),
        ("diverge", _) => {
            return Err(JobError::Diverged { step: 7, what: "loss".to_owned() });
        }
        ("panic", _) => panic!("as told"),
        ("folder", _) => {
            std::fs::create_dir(context.outputs.join("folder")).unwrap();
            return Ok(());
        }
        ("nothing", _) => return Ok(()),
        ("wait", _) => wait(context)?,
        ("process", _) => children::misbehave(&columns[2], context),
        _ => format!("{name}({})", join(context.inputs)),
    };
    std::fs::File::create_new(context.outputs.join("points.csv"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, bytes.as_bytes()))
        .unwrap();
    Ok(())
}

/// Everything in a folder, in order.
fn join(dir: &Path) -> String {
    let paths = crate::fs::entries(dir).unwrap();
    let texts = paths.iter().map(|path| {
        if path.is_dir() { join(path) } else { std::fs::read_to_string(path).unwrap() }
    });
    texts.collect::<Vec<_>>().join(",")
}

/// Stops only when it is told to, leaving a resume checkpoint; with one, it ends at once.
fn wait(context: &mut JobContext<'_>) -> Result<String, JobError> {
    let checkpoint = context.scratch.join("resume");
    if checkpoint.exists() {
        return Ok("resumed".to_owned());
    }
    let pid = std::process::id().to_string();
    crate::fs::write_atomic(&context.scratch.join("pid"), pid.as_bytes(), Durability::Relaxed)
        .unwrap();
    (context.progress)(Progress { done: 1, total: 2, unit: "steps".to_owned() });
    while !context.cancelled.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(2));
    }
    crate::fs::write_atomic(&checkpoint, b"state", Durability::Relaxed).unwrap();
    Err(JobError::Cancelled)
}

use crate::fs::Durability;

/// A plan under construction.
#[derive(Default)]
struct Draft {
    plan: Plan,
}

impl Draft {
    /// Adds an action whose label is the first of `columns`, reading the outputs of `upstream`.
    fn add(&mut self, columns: &[&str], upstream: &[RecipeId]) -> RecipeId {
        let inputs = upstream.iter().enumerate().map(|(number, recipe)| {
            let output = "points.csv".to_owned();
            (format!("input{number}"), Input::Output { recipe: *recipe, output })
        });
        self.add_with(columns, inputs.collect())
    }

    fn add_with(&mut self, columns: &[&str], inputs: BTreeMap<String, Input>) -> RecipeId {
        let names = columns.iter().map(|column| (*column).to_owned()).collect();
        let params = Params::Collect(Collect { columns: names, rows: Vec::new() });
        self.plan.add(columns[0], crate::action::Action::new(params, inputs))
    }

    /// Adds an action that is not cheap.
    fn add_evaluation(&mut self, label: &str) -> RecipeId {
        let tower = r#""width":32,"layers":1,"heads":1,"mlpWidth":128,"pooling":"mean""#;
        let json = format!(
            r#"{{"evaluate":{{"model":{{"embedDim":32,"activation":"gelu",
            "vision":{{"imageSize":32,"patchSize":8,"patchBias":true,"preNorm":false,{tower}}},
            "text":{{"contextLength":12,"vocabularySize":9,{tower}}}}},
            "preprocessing":{{"mean":["f64:0000000000000000","f64:0000000000000000","f64:0000000000000000"],
            "std":["f64:3ff0000000000000","f64:3ff0000000000000","f64:3ff0000000000000"]}},
            "task":{{"zeroShotClassification":{{"templates":["{label}"]}}}}}}}}"#
        );
        let params: Params = serde_json::from_str(&json).unwrap();
        self.plan.add(label, crate::action::Action::new(params, BTreeMap::new()))
    }

    fn target(mut self, targets: &[RecipeId]) -> Plan {
        for target in targets {
            self.plan.add_target(*target);
        }
        self.plan
    }
}

/// A store and a way to run plans in it.
struct Bed {
    _dir: TempDir,
    store: Store,
    cancelled: AtomicBool,
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        Self { _dir: dir, store, cancelled: AtomicBool::new(false) }
    }

    fn options(&self) -> Options<'_> {
        Options::new(2, &StoreOnly, &self.cancelled, &CLOCK)
    }

    fn run(&self, plan: &Plan) -> Summary {
        self.run_with(plan, &self.options())
    }

    fn run_with(&self, plan: &Plan, options: &Options<'_>) -> Summary {
        run(plan, &self.store, &InProcess::new(directed_job), options, &mut |_| {}).unwrap()
    }

    /// The text of an action's output.
    fn text(&self, summary: &Summary, id: &RecipeId) -> String {
        let digest = summary.outcomes[id].result.outputs["points.csv"].digest;
        String::from_utf8(self.store.read(&digest).unwrap()).unwrap()
    }

    fn output_path(&self, summary: &Summary, id: &RecipeId) -> std::path::PathBuf {
        self.store.blob_path(&summary.outcomes[id].result.outputs["points.csv"].digest)
    }
}

/// Executed, cached and fetched.
fn counts(summary: &Summary) -> (usize, usize, usize) {
    (summary.count(How::Executed), summary.count(How::Cached), summary.count(How::Fetched))
}

/// The labels of the actions that started, in order.
fn started(events: &[Event]) -> Vec<&str> {
    let labels = events.iter().filter_map(|event| match event {
        Event::Started { label, .. } => Some(label.as_str()),
        _ => None,
    });
    labels.collect()
}

/// Replaces the bytes of a stored file by others of the same size.
fn rot(path: &Path) {
    let bytes: Vec<u8> = std::fs::read(path).unwrap().iter().map(|byte| byte ^ 1).collect();
    std::fs::remove_file(path).unwrap();
    crate::fs::write_atomic(path, &bytes, Durability::Relaxed).unwrap();
}
