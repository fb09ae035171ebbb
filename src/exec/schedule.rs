//! The scheduler: one loop over a channel, one thread a slot.
//!
//! The action with the longest chain of cost behind it goes first, so that several cores finish together. Threads live
//! as long as the run: a child process dies with the thread that started it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use super::lookup::{Lookup, Runnable, Substitutes};
use super::perform::{Done, Site, Task, perform};
use super::{Event, ExecError, Executor, Failure, FailureKind, How, Options, Outcome, Summary};
use crate::action::{ActionResult, Input, params::JobKind};
use crate::digest::{BlobDigest, RecipeId};
use crate::jobs::Progress;
use crate::plan::Plan;
use crate::store::{Roots, Store, StoreError};

/// How often the loop looks whether it was told to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often the lost inputs of one action are made again before the disk is blamed.
const ATTEMPTS_MAX: u32 = 5;

/// Executes what the targets of `plan` need and the store does not have.
///
/// Failed actions are in the summary. What was finished before an error or an interruption is in the store.
pub fn run(
    plan: &Plan,
    store: &Store,
    executor: &dyn Executor,
    options: &Options<'_>,
    on_event: &mut dyn FnMut(&Event),
) -> Result<Summary, ExecError> {
    // A lease names every action, which a run with nothing to do can spare itself. A store that cannot be written, and
    // never was locked, still hands out what it has: were it collected meanwhile, a blob would be missing.
    let looking = match store.without_collections() {
        Err(StoreError::Fs(error)) if error.is_denied() => None,
        looking => Some(looking?),
    };
    store.refresh_recipes()?;
    let (task_sender, task_receiver) = mpsc::channel();
    let (message_sender, message_receiver) = mpsc::channel();
    let tasks = Mutex::new(task_receiver);
    let stop = AtomicBool::new(false);
    let mut scheduler = Scheduler::new(plan, store, options, on_event);
    scheduler.look_up()?;
    if scheduler.lookup.runnable.is_empty() {
        return scheduler.finish();
    }
    let _lease = store.lease(&roots_of(plan)).map_err(|error| scheduler.refused(error))?;
    drop(looking);
    std::thread::scope(|scope| {
        for thread in 0..options.jobs.max(1) {
            let sender = message_sender.clone();
            let site = Site { store, executor, options, stop: &stop };
            let tasks = &tasks;
            let work = move || work(tasks, &sender, &site);
            match std::thread::Builder::new().spawn_scoped(scope, work) {
                Ok(_) => {}
                Err(source) if thread == 0 => return Err(ExecError::NoThread { source }),
                // Those that there are take every task in turn.
                Err(error) => {
                    tracing::warn!(%error, "{thread} actions at once: the machine has no more threads");
                    break;
                }
            }
        }
        // The threads end when the sender is gone, whichever way the loop ends.
        let ended = scheduler.run_loop(&task_sender, &message_receiver, &stop);
        stop.store(true, Ordering::Relaxed);
        ended?;
        drop(task_sender);
        scheduler.finish()
    })
}

enum Message {
    Progress(RecipeId, Progress),
    Done(RecipeId, Box<Done>),
}

fn work(tasks: &Mutex<mpsc::Receiver<Task>>, sender: &mpsc::Sender<Message>, site: &Site<'_>) {
    loop {
        let next = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = next else { return };
        let progress = |progress| drop(sender.send(Message::Progress(task.id, progress)));
        let done = perform(&task, site, &progress);
        if sender.send(Message::Done(task.id, Box::new(done))).is_err() {
            return;
        }
    }
}

struct Scheduler<'a> {
    plan: &'a Plan,
    store: &'a Store,
    options: &'a Options<'a>,
    on_event: &'a mut dyn FnMut(&Event),
    lookup: Lookup<'a>,
    priorities: BTreeMap<RecipeId, u64>,
    ready: BTreeMap<(Reverse<u64>, RecipeId), Runnable>,
    /// By running action, its threads.
    running: BTreeMap<RecipeId, usize>,
    attempts: BTreeMap<RecipeId, u32>,
    failures: BTreeMap<RecipeId, (String, Failure)>,
    interrupted: bool,
}

impl<'a> Scheduler<'a> {
    fn new(
        plan: &'a Plan,
        store: &'a Store,
        options: &'a Options<'a>,
        on_event: &'a mut dyn FnMut(&Event),
    ) -> Self {
        let of_lockfile = |locked| Substitutes { locked, inputs: options.inputs };
        let substitutes = options.substitutes.map(of_lockfile);
        Self {
            plan,
            store,
            options,
            on_event,
            lookup: Lookup::new(plan, store, substitutes),
            priorities: BTreeMap::new(),
            ready: BTreeMap::new(),
            running: BTreeMap::new(),
            attempts: BTreeMap::new(),
            failures: BTreeMap::new(),
            interrupted: false,
        }
    }

    /// The error of a run that would have to write, and could not begin to.
    fn refused(&self, source: StoreError) -> ExecError {
        let is_denied = matches!(&source, StoreError::Fs(error) if error.is_denied());
        match self.lookup.runnable.keys().next() {
            Some(id) if is_denied => {
                let (path, label) = (self.store.root().to_owned(), self.label(id));
                ExecError::ReadOnly { path, label, source }
            }
            _ => source.into(),
        }
    }

    /// Finds out what the targets need.
    fn look_up(&mut self) -> Result<(), ExecError> {
        let targets = self.plan.targets();
        self.lookup.visit(targets.iter().copied())?;
        if self.options.check_targets {
            for id in targets {
                let lost = match self.lookup.known.get(id) {
                    Some(outcome) => !self.outputs_are_whole(&outcome.result)?,
                    None => false,
                };
                if lost {
                    self.lookup.forget(id);
                }
            }
            self.lookup.visit(targets.iter().copied())?;
        }
        self.lookup.check()?;
        self.report_found()?;
        if !self.lookup.runnable.is_empty() {
            self.priorities = priorities(self.plan, &self.options.costs);
        }
        Ok(())
    }

    fn outputs_are_whole(&self, result: &ActionResult) -> Result<bool, ExecError> {
        for output in result.outputs.values() {
            match self.store.verify_blob(&output.digest) {
                Ok(_) => {}
                Err(StoreError::Corrupt { .. } | StoreError::MissingBlob { .. }) => {
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    fn run_loop(
        &mut self,
        tasks: &mpsc::Sender<Task>,
        messages: &mpsc::Receiver<Message>,
        stop: &AtomicBool,
    ) -> Result<(), ExecError> {
        loop {
            self.report_found()?;
            self.queue();
            if self.options.cancelled.load(Ordering::Relaxed) {
                self.interrupted = true;
                stop.store(true, Ordering::Relaxed);
            }
            if !self.interrupted && (self.failures.is_empty() || self.options.keep_going) {
                self.dispatch(tasks);
            }
            if self.running.is_empty() {
                return Ok(());
            }
            match messages.recv_timeout(POLL_INTERVAL) {
                Ok(Message::Progress(recipe, progress)) => {
                    let label = self.label(&recipe);
                    (self.on_event)(&Event::Progress { recipe, label, progress });
                }
                Ok(Message::Done(id, done)) => self.take(id, *done)?,
                Err(_) => {}
            }
        }
    }

    /// Moves what became executable into the queue.
    fn queue(&mut self) {
        for (recipe, runnable) in std::mem::take(&mut self.lookup.runnable) {
            let kind = runnable.action.params.kind();
            let label = self.label(&recipe);
            let waiting = self.lookup.waiting.len();
            (self.on_event)(&Event::Queued { recipe, label, kind, waiting });
            self.lookup.busy.insert(recipe, runnable.key);
            let priority = self.priorities.get(&recipe).copied().unwrap_or(0);
            self.ready.insert((Reverse(priority), recipe), runnable);
        }
    }

    /// Fills the free slots, and shares the free threads among them.
    fn dispatch(&mut self, tasks: &mpsc::Sender<Task>) {
        while self.running.len() < self.options.jobs.max(1) {
            let slots = self.options.jobs.max(1) - self.running.len();
            let used: usize = self.running.values().sum();
            let free = self.options.threads.saturating_sub(used);
            let expensive = self.ready.values().filter(|r| !r.action.params.kind().is_cheap());
            let share = expensive.count().clamp(1, slots);
            let Some(((_, id), runnable)) = self.ready.pop_first() else {
                return;
            };
            let cheap = runnable.action.params.kind().is_cheap();
            let threads = if cheap { 1 } else { (free / share).max(1) };
            let label = self.label(&id);
            let task = Task {
                id,
                label: label.clone(),
                key: runnable.key,
                made: self.made_inputs(&id),
                action: runnable.action,
                threads,
            };
            self.running.insert(id, threads);
            (self.on_event)(&Event::Started { recipe: id, label, threads });
            // The receivers outlive the loop.
            drop(tasks.send(task));
        }
    }

    fn take(&mut self, id: RecipeId, done: Done) -> Result<(), ExecError> {
        self.running.remove(&id);
        let label = self.label(&id);
        let key = self.lookup.busy.get(&id).copied();
        match done {
            Done::Executed { result, wall_time } => {
                (self.on_event)(&Event::Finished { recipe: id, label, wall_time });
                self.lookup.complete(id, Outcome { how: How::Executed, key, result })
            }
            Done::Cached(result) => {
                (self.on_event)(&Event::Hit { recipe: id, label, how: How::Cached });
                self.lookup.complete(id, Outcome { how: How::Cached, key, result })
            }
            Done::LostInput(digest) => {
                let attempts = self.attempts.entry(id).or_insert(0);
                *attempts += 1;
                if *attempts < ATTEMPTS_MAX {
                    tracing::warn!(blob = %digest, label, "an input was lost and is made again");
                    return self.lookup.lose_input(id, &digest);
                }
                let message = format!("input {} was lost {attempts} times", digest.short());
                self.fail(id, Failure { kind: FailureKind::Integrity, message, log: None });
                Ok(())
            }
            Done::Failed(failure) => {
                self.fail(id, failure);
                Ok(())
            }
        }
    }

    fn fail(&mut self, recipe: RecipeId, failure: Failure) {
        if failure.kind == FailureKind::Interrupted {
            self.interrupted = true;
        }
        let label = self.label(&recipe);
        (self.on_event)(&Event::Failed { recipe, label: label.clone(), failure: failure.clone() });
        self.failures.insert(recipe, (label, failure));
    }

    /// Records and reports the hits that were found.
    fn report_found(&mut self) -> Result<(), ExecError> {
        self.lookup.flush()?;
        for recipe in self.lookup.take_found() {
            let Some(outcome) = self.lookup.known.get(&recipe) else {
                continue;
            };
            let (label, how) = (self.label(&recipe), outcome.how);
            (self.on_event)(&Event::Hit { recipe, label, how });
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Summary, ExecError> {
        self.report_found()?;
        let interrupted = |id: &RecipeId| {
            self.failures.get(id).is_some_and(|(_, f)| f.kind == FailureKind::Interrupted)
        };
        let waiting = self.lookup.waiting.keys();
        let stopped =
            self.lookup.busy.keys().filter(|id| interrupted(id) || !self.failures.contains_key(id));
        let skipped = waiting.chain(stopped).copied().collect();
        self.failures.retain(|_, (_, failure)| failure.kind != FailureKind::Interrupted);
        Ok(Summary {
            outcomes: self.lookup.known,
            failures: self.failures,
            skipped,
            interrupted: self.interrupted,
        })
    }

    fn label(&self, id: &RecipeId) -> String {
        self.plan.nodes()[id].label.clone()
    }

    /// The inputs of `id` that other actions made.
    fn made_inputs(&self, id: &RecipeId) -> BTreeSet<BlobDigest> {
        let made = |input: &Input| match input {
            Input::Output { recipe, output } => {
                Some(self.lookup.known.get(recipe)?.result.outputs.get(output)?.digest)
            }
            Input::Blob(_) | Input::Tree(_) => None,
        };
        self.plan.nodes()[id].action.inputs.values().filter_map(made).collect()
    }
}

/// By action, the cost of the longest chain from its start to the end of the run.
fn priorities(plan: &Plan, costs: &BTreeMap<RecipeId, u64>) -> BTreeMap<RecipeId, u64> {
    let upstream: BTreeMap<_, _> = plan.nodes().keys().map(|id| (*id, plan.upstream(id))).collect();
    let mut open: BTreeMap<RecipeId, usize> = plan.nodes().keys().map(|id| (*id, 0)).collect();
    for id in upstream.values().flatten() {
        *open.entry(*id).or_default() += 1;
    }
    let mut priorities = BTreeMap::new();
    let mut next: Vec<_> = open.iter().filter(|(_, open)| **open == 0).map(|(id, _)| *id).collect();
    while let Some(id) = next.pop() {
        let own = costs.get(&id).copied();
        let own = own.unwrap_or_else(|| default_cost(plan.nodes()[&id].action.params.kind()));
        let chain = own.saturating_add(priorities.get(&id).copied().unwrap_or(0));
        priorities.insert(id, chain);
        for upstream in &upstream[&id] {
            let longest = priorities.entry(*upstream).or_insert(0);
            *longest = chain.max(*longest);
            let open = open.get_mut(upstream).expect("a plan is closed under upstream");
            *open -= 1;
            if *open == 0 {
                next.push(*upstream);
            }
        }
    }
    priorities
}

const fn default_cost(kind: JobKind) -> u64 {
    match kind {
        JobKind::Train | JobKind::FineTune => 1_000,
        JobKind::Evaluate | JobKind::Probe => 100,
        JobKind::Collect
        | JobKind::Table
        | JobKind::Fit
        | JobKind::Sensitivity
        | JobKind::Draw
        | JobKind::Check => 1,
    }
}

/// Everything the run may read: it must not be collected meanwhile.
fn roots_of(plan: &Plan) -> Roots {
    let mut roots = Roots { recipes: plan.nodes().keys().copied().collect(), ..Roots::default() };
    for node in plan.nodes().values() {
        for input in node.action.inputs.values() {
            match input {
                Input::Blob(digest) => drop(roots.blobs.insert(*digest)),
                Input::Tree(digest) => drop(roots.trees.insert(*digest)),
                Input::Output { .. } => {}
            }
        }
    }
    roots
}
