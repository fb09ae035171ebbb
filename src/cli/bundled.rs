//! `ibid data pin` and `ibid data inspect` of the sets that the program carries.

use std::path::Path;

use ibid::ops::{PinnedSetFile, Workspace};

use super::counted;
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
        let count = match (pin.size, pin.lines) {
            (Some(size), _) => format!("size {size}"),
            (None, 0) => counted(pin.samples, "sample", "samples"),
            (None, lines) => counted(lines, "class", "classes"),
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
    } else if !sets.is_empty() {
        let dhall = PinnedSetFile::dhall(&pins);
        output.value(&serde_json::json!({ "dhall": dhall }))?;
        output.lines(format_args!("\n{}", dhall.trim_end()))?;
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
        "{set}: {} in {}",
        counted(inspected.samples, "sample", "samples"),
        counted(inspected.files.len(), "file", "files")
    ))?;
    if !inspected.classes.is_empty() {
        output.line(format_args!(
            "{}: {}",
            counted(inspected.classes.len(), "class", "classes"),
            inspected.classes.join(", ")
        ))?;
    }
    for sample in &inspected.first {
        output.line(format_args!("  {}", sample.join(" | ")))?;
    }
    Ok(())
}
