//! `ibid verify`

use ibid::ops::{Running, Workspace};

use super::arguments::Verify;
use super::failure::Stop;
use super::output::Output;
use super::progress::Progress;
use super::reproduce::{stopped, tell};
use super::signals::Signals;

pub(super) fn run(
    workspace: &Workspace,
    verify: &Verify,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&verify.name)?)?.from_depth(verify.from.depth);
    super::consent::ask(workspace, &loaded, true, yes, output)?;
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: verify.keep_going,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let result = workspace.verify(&loaded, verify.into.as_deref(), &mut running);
    progress.end();
    let reproduced = result.map_err(|error| stopped(error, &signals))?;
    tell(&reproduced, &[], output)
}
