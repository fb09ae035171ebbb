//! `ibid diff`

use ibid::ops::Workspace;

use super::arguments::Diff;
use super::failure::{Failure, Stop};
use super::output::Output;

pub(super) fn run(workspace: &Workspace, diff: &Diff, output: Output) -> Result<(), Stop> {
    let (a, b) = (super::name(&diff.a)?, super::name(&diff.b)?);
    let differences = workspace.diff(&a, &b)?;
    if let Some(target) = a.target.or(b.target) {
        let message = format!("`{target}` is a target, and whole experiments are compared");
        let mut failure = Failure::usage(message);
        if a.experiment != b.experiment {
            failure = failure.hint(format!("ibid diff {} {}", a.experiment, b.experiment));
        }
        return Err(failure.into());
    }
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
