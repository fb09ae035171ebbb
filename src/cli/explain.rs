//! `ibid explain`

use ibid::ops::Workspace;

use super::arguments::Named;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&named.name)?)?;
    for action in workspace.explained(&loaded)? {
        output.value(&action)?;
        match (action.state, &action.nearest) {
            ("hit", _) => output.line(format_args!("{}: a hit", action.label))?,
            (state, None) => output
                .line(format_args!("{}: {state}; no earlier action of this kind", action.label))?,
            (state, Some(nearest)) if action.differences.is_empty() => {
                output.line(format_args!(
                    "{}: {state}; the same as {}, whose outputs are not in the store",
                    action.label,
                    nearest.short()
                ))?;
            }
            (state, Some(nearest)) => {
                output.line(format_args!(
                    "{}: {state}; nearest is {}, which differs in",
                    action.label,
                    nearest.short()
                ))?;
                for difference in &action.differences {
                    output.line(format_args!("  {difference}"))?;
                }
            }
        }
    }
    Ok(())
}
