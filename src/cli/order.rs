//! `ibid order`

use ibid::ops::Workspace;

use super::arguments::Order;
use super::failure::Stop;
use super::output::Output;
use super::table::aligned;

pub(super) fn run(
    workspace: &Workspace,
    order: &Order,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&order.name)?)?;
    // It reads the data, which may have to be fetched.
    super::consent::ask_to_read(workspace, &loaded, yes, output)?;
    let mut rows = Vec::new();
    for seen in workspace.order(&loaded, order.run.as_deref(), order.step)? {
        output.value(&seen)?;
        rows.push(vec![
            seen.position.to_string(),
            seen.shard,
            seen.index.to_string(),
            seen.caption.to_string(),
            seen.text,
        ]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    Ok(())
}
