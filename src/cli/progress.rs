//! What a person sees of a run: a moving line on a terminal, a plain line a change elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ibid::digest::RecipeId;
use ibid::exec::{Event, How};
use ibid::ops::duration_text;

use super::output::Output;

/// How often the moving line is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How often a plain line says how far a long action is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(15);

/// Draws the events of a run.
pub(super) struct Progress {
    output: Output,
    /// Queued, and not ended yet.
    open: BTreeSet<RecipeId>,
    /// Behind those.
    waiting: usize,
    done: usize,
    running: BTreeMap<RecipeId, Running>,
    last_frame: Option<Instant>,
}

struct Running {
    label: String,
    /// When progress was first heard of, and how far it was then: what came before it was not work of this kind.
    first: Option<(Instant, u64)>,
    done: u64,
    total: u64,
    unit: String,
    last_said: Instant,
}

#[allow(
    clippy::disallowed_methods,
    reason = "progress on a terminal is about wall time; no result sees it"
)]
fn now() -> Instant {
    Instant::now()
}

impl Progress {
    pub(super) const fn new(output: Output) -> Self {
        Self {
            output,
            open: BTreeSet::new(),
            waiting: 0,
            done: 0,
            running: BTreeMap::new(),
            last_frame: None,
        }
    }

    /// Takes note of an event and says what is worth saying.
    pub(super) fn on_event(&mut self, event: &Event) {
        drop(self.output.value(event));
        match event {
            Event::Queued { recipe, waiting, .. } => {
                self.open.insert(*recipe);
                self.waiting = *waiting;
            }
            Event::Hit { recipe, label, how } => {
                self.open.remove(recipe);
                self.running.remove(recipe);
                if *how == How::Fetched {
                    self.say(&format!("fetched   {label}"));
                }
            }
            Event::Started { recipe, label, .. } => {
                let now = now();
                let running = Running {
                    label: label.clone(),
                    first: None,
                    done: 0,
                    total: 0,
                    unit: String::new(),
                    last_said: now,
                };
                self.running.insert(*recipe, running);
            }
            Event::Progress { recipe, progress, .. } => {
                if let Some(running) = self.running.get_mut(recipe) {
                    running.note(progress);
                }
                self.say_long(recipe);
            }
            Event::Finished { recipe, label, wall_time } => {
                self.running.remove(recipe);
                self.open.remove(recipe);
                self.done += 1;
                let time = wall_time.as_secs_f64();
                self.say(&format!(
                    "finished  {label} in {time:.1} s ({}/{})",
                    self.done,
                    self.total()
                ));
            }
            Event::Failed { recipe, label, failure } => {
                self.running.remove(recipe);
                self.open.remove(recipe);
                // The whole of it is said at the end, once for all that failed for it.
                let whole = failure.to_string();
                let reason = whole.lines().next().unwrap_or_default();
                let reason = reason.split_once(": ").map_or(reason, |(reason, _)| reason);
                self.say(&format!("failed    {label}: {reason}"));
            }
        }
        self.draw();
    }

    /// How many actions are executed in all, as far as is known: results of those that wait may turn out to be there.
    fn total(&self) -> usize {
        self.done + self.open.len() + self.waiting
    }

    /// Clears the moving line.
    pub(super) fn end(&mut self) {
        self.output.moving("");
    }

    fn say(&mut self, text: &str) {
        self.output.moving("");
        self.output.say(text);
        self.last_frame = None;
    }

    /// Off a terminal, a long action says now and then how far it is.
    fn say_long(&mut self, recipe: &RecipeId) {
        if self.output.fancy {
            return;
        }
        let now = now();
        let Some(running) = self.running.get_mut(recipe) else {
            return;
        };
        if now - running.last_said >= PLAIN_INTERVAL {
            running.last_said = now;
            let text = format!("running   {}", running.describe(now));
            self.say(&text);
        }
    }

    fn draw(&mut self) {
        let now = now();
        if !self.output.fancy || self.last_frame.is_some_and(|last| now - last < FRAME) {
            return;
        }
        self.last_frame = Some(now);
        let parts: Vec<_> = self.running.values().map(|running| running.describe(now)).collect();
        let line = format!("{}/{}  {}", self.done, self.total(), parts.join("  |  "));
        self.output.moving(&line.chars().take(110).collect::<String>());
    }
}

impl Running {
    fn note(&mut self, progress: &ibid::jobs::Progress) {
        (self.done, self.total) = (progress.done, progress.total);
        // Work of another kind goes at another pace.
        if self.unit != progress.unit {
            self.first = None;
            self.unit.clone_from(&progress.unit);
        }
        self.first.get_or_insert_with(|| (now(), progress.done));
    }

    /// `xs-36k-64k/train 320/500 steps, 3 s left`
    fn describe(&self, now: Instant) -> String {
        let Self { label, done, total, unit, .. } = self;
        let Some((first, before)) = self.first else {
            return label.clone();
        };
        let made = done.saturating_sub(before);
        if made == 0 {
            return format!("{label} {done}/{total} {unit}");
        }
        #[allow(clippy::cast_precision_loss, reason = "an estimate for people")]
        let rest = total.saturating_sub(*done) as f64 / made as f64;
        let left = (now - first).as_secs_f64() * rest;
        format!("{label} {done}/{total} {unit}, {} left", duration_text(left))
    }
}
