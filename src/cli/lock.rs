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
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let result = workspace.lock(&loaded, lock.check, Some(budget), &mut running);
    progress.end();
    let outcome = result.map_err(|error| stopped(error, &signals))?;
    output.value(&outcome)?;
    let verb = if lock.check { "differs" } else { "locked" };
    for label in &outcome.changed {
        output.line(format_args!("{verb}   {label}"))?;
    }
    for label in &outcome.removed {
        output.line(format_args!("left over {label}"))?;
    }
    output.line(format_args!("{}: {} actions", outcome.path.display(), outcome.actions))?;
    if outcome.is_current { Ok(()) } else { Err(Stop::Differs) }
}
