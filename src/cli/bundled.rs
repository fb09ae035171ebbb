//! `ibid data pin` and `ibid data inspect` of the sets that the program carries.

use std::path::Path;

use ibid::ops::Workspace;

use super::failure::Stop;
use super::output::Output;
use super::table::aligned;

pub(super) fn pin(
    workspace: &Workspace,
    sets: &[String],
    write: Option<&str>,
    output: Output,
) -> Result<(), Stop> {
    let (written, pins) = match write {
        Some(experiment) => {
            let (path, pins) = workspace.pin_sets_of(experiment, sets)?;
            (Some(path), pins)
        }
        None => (None, workspace.pin_sets(sets)?),
    };
    let mut rows = Vec::new();
    for pin in &pins {
        output.value(pin)?;
        let count = if pin.lines > 0 {
            format!("{} lines", pin.lines)
        } else {
            format!("{} samples", pin.samples)
        };
        rows.push(vec![
            pin.sha256.to_string(),
            format!("{}/{}", pin.set, pin.name),
            pin.bytes.to_string(),
            count,
        ]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    if let Some(path) = written {
        output.say(format_args!("wrote {}", path.display()));
    }
    Ok(())
}

pub(super) fn inspect(
    workspace: &Workspace,
    set: &str,
    sheet: Option<&Path>,
    output: Output,
) -> Result<(), Stop> {
    let inspected = workspace.inspect_set(set, sheet)?;
    output.value(&inspected)?;
    output.line(format_args!(
        "{set}: {} samples in {} files",
        inspected.samples,
        inspected.files.len()
    ))?;
    if !inspected.classes.is_empty() {
        output.line(format_args!(
            "{} classes: {}",
            inspected.classes.len(),
            inspected.classes.join(", ")
        ))?;
    }
    for sample in &inspected.first {
        output.line(format_args!("  {}", sample.join(" | ")))?;
    }
    Ok(())
}
