//! `ibid list`

use ibid::ops::Workspace;

use super::failure::Stop;
use super::output::Output;
use super::table::{aligned, flop, shortened};

pub(super) fn run(workspace: &Workspace, output: Output) -> Result<(), Stop> {
    let experiments = workspace.list()?;
    let mut rows = Vec::new();
    for experiment in &experiments {
        output.value(experiment)?;
        let lockfile = format!("lockfile {}", experiment.lockfile);
        let title = shortened(&experiment.title);
        rows.push(vec![experiment.name.clone(), String::new(), lockfile, title]);
        // The members of a group are many of a kind: `--json` lists them.
        for target in experiment.targets.iter().filter(|target| target.group.is_none()) {
            let name = format!("  {}/{}", experiment.name, target.name);
            let work = flop(target.flops);
            let what = match target.kind {
                "group" => format!("group of {}", target.members),
                "table" | "checks" => target.kind.to_owned(),
                _ => target.depths.join(", "),
            };
            rows.push(vec![name, what, work, shortened(&target.title)]);
        }
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    let others = workspace.no_experiments()?;
    if !others.is_empty() {
        let others = others.iter().map(|(name, why)| format!("`{name}` ({why})"));
        let others = others.collect::<Vec<_>>().join(", ");
        output.say(format_args!("not listed: {others}"));
    }
    if experiments.is_empty() {
        output.say("no experiments yet\n\nhint: ibid new my-experiment");
    }
    Ok(())
}
