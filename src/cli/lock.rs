//! `ibid lock`

use ibid::ops::{Running, Workspace};

use super::arguments::Lock;
use super::failure::Stop;
use super::output::Output;
use super::progress::Progress;
use super::reproduce::stopped;
use super::signals::Signals;

pub(super) fn run(workspace: &Workspace, lock: &Lock, output: Output) -> Result<(), Stop> {
    let budget = super::budget::parse(&lock.budget)?;
    let loaded = workspace.load(&super::name(&lock.name)?)?.from_depth(lock.from.depth);
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: false,
        offline: false,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let result = workspace.lock(&loaded, lock.check, Some(budget), &mut running);
    progress.end();
    let outcome = result.map_err(|error| stopped(error, &signals))?;
    output.value(&outcome)?;
    for label in &outcome.changed {
        let overwritten = outcome.overwritten.iter().filter(|output| output.label == *label);
        let outputs: Vec<_> = overwritten.map(|output| output.output.as_str()).collect();
        let verb = match (lock.check, outputs.is_empty()) {
            (true, _) => "differs",
            (false, true) => "locked",
            (false, false) => "changed",
        };
        let line = format!("{verb:<8} {label} {}", outputs.join(", "));
        output.line(line.trim_end())?;
    }
    for label in &outcome.removed {
        output.line(format_args!("left over {label}"))?;
    }
    let actions = super::counted(outcome.actions, "action", "actions");
    let verdict = if lock.check && outcome.is_current { ", nothing differs" } else { "" };
    output.line(format_args!("{}: {actions}{verdict}", outcome.path.display()))?;
    if outcome.is_current { Ok(()) } else { Err(Stop::Differs) }
}
