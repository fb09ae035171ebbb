//! `ibid check`

use ibid::ops::Workspace;

use super::arguments::Named;
use super::failure::{Failure, Stop};
use super::output::Output;

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let findings = workspace.check(&super::name(&named.name)?)?;
    for finding in &findings {
        output.value(finding)?;
        output.line(&finding.text)?;
    }
    if findings.is_empty() {
        output.say(format_args!("`{}` is sound", named.name));
        return Ok(());
    }
    let count = findings.len();
    let (noun, verb) = if count == 1 { ("finding", "is") } else { ("findings", "are") };
    Err(Failure::usage(format!("there {verb} {count} {noun} in `{}`", named.name)).into())
}
