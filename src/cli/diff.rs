//! `ibid diff`

use ibid::ops::Workspace;

use super::arguments::Diff;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, diff: &Diff, output: Output) -> Result<(), Stop> {
    let differences = workspace.diff(&super::name(&diff.a)?, &super::name(&diff.b)?)?;
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "(absent)".to_owned());
    for difference in &differences {
        output.value(difference)?;
        let (left, right) = (side(&difference.left), side(&difference.right));
        output.line(format_args!("{}: {left} → {right}", difference.path))?;
    }
    let (count, same) = (differences.len(), differences.is_empty());
    output.value(&serde_json::json!({ "differences": count, "same": same }))?;
    if same {
        output.say("the same experiment");
        Ok(())
    } else {
        Err(Stop::Differs)
    }
}
