//! `ibid plan`

use ibid::ops::{Workspace, duration_text};

use super::arguments::Named;
use super::failure::Stop;
use super::output::Output;
use super::table::{aligned, bytes, si};

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&named.name)?)?;
    let planned = workspace.planned(&loaded)?;
    output.value(&planned)?;
    let mut rows = Vec::new();
    for action in &planned.actions {
        let work =
            if action.flops == 0 { String::new() } else { format!("{}FLOP", si(action.flops)) };
        let why = action.why.clone().unwrap_or_default();
        rows.push(vec![action.state.to_owned(), action.label.clone(), work, why]);
    }
    for run in &planned.unpinned {
        let work = run.flops.map_or_else(String::new, |flops| format!("{}FLOP", si(flops)));
        let why = format!("not stated: {}", run.missing.join(", "));
        rows.push(vec!["unpinned".to_owned(), run.run.clone(), work, why]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    let count = |state: &str| planned.actions.iter().filter(|action| action.state == state).count();
    output.line(format_args!(
        "hit {}, locked {}, run {}, pending {}; {}FLOP, {} to read, about {}",
        count("hit"),
        count("locked"),
        count("run"),
        count("pending"),
        si(planned.flops),
        bytes(planned.fetch_bytes),
        duration_text(planned.seconds),
    ))?;
    Ok(())
}
