//! `ibid init` and `ibid new`

use std::path::Path;

use ibid::ops::Workspace;

use super::arguments::{Init, New};
use super::failure::{Failure, Stop};
use super::output::Output;

pub(super) fn run(init: &Init, workspace: Option<&Path>, output: Output) -> Result<(), Stop> {
    let current = std::env::current_dir().map_err(|error| Failure::of(&error, 3, Vec::new()))?;
    let named = init.dir.as_deref().or(workspace);
    let folder = named.map_or_else(|| current.clone(), |dir| current.join(dir));
    let written = ibid::ops::init(&folder)?;
    for file in &written {
        output.value(&serde_json::json!({ "written": file.to_string_lossy() }))?;
    }
    let shown = |path: &Path| path.strip_prefix(&current).unwrap_or(path).display().to_string();
    // The schema has many files in one folder.
    for files in written.chunk_by(|a, b| a.parent() == b.parent()) {
        if let [file] = files {
            output.line(shown(file))?;
        } else {
            let of = files[0].parent().unwrap_or(&folder);
            output.line(format_args!("{}: {} files", shown(of), files.len()))?;
        }
    }
    if written.is_empty() {
        output.say("this is a workspace already; nothing was written");
    }
    output.say(format_args!("\nhint: ibid {}new my-experiment", there(named)));
    Ok(())
}

pub(super) fn new(
    workspace: &Workspace,
    new: &New,
    named: Option<&Path>,
    output: Output,
) -> Result<(), Stop> {
    let file = workspace.new_experiment(&new.name)?;
    output.value(&serde_json::json!({ "written": file.to_string_lossy() }))?;
    output.line(file.display())?;
    output.say(format_args!("\nhint: edit it, then: ibid {}check {}", there(named), new.name));
    Ok(())
}

/// What names a workspace from elsewhere, in a command.
fn there(named: Option<&Path>) -> String {
    named.map(|dir| format!("--workspace {} ", dir.display())).unwrap_or_default()
}
