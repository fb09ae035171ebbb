//! `ibid show`

use ibid::ops::Workspace;

use super::arguments::Show;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, show: &Show, output: Output) -> Result<(), Stop> {
    let (id, normal_form) = workspace.show(&super::name(&show.name)?)?;
    if show.id {
        output.value(&serde_json::json!({ "id": id }))?;
        output.line(format_args!("sha256:{id}"))?;
        return Ok(());
    }
    output.value(&serde_json::json!({ "id": id, "normalForm": normal_form }))?;
    output.line(format_args!("-- sha256:{id}"))?;
    output.line(normal_form.trim_end())?;
    Ok(())
}
