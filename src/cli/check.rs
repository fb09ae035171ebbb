//! `ibid check`

use std::collections::BTreeMap;

use ibid::ops::{Checked, Running, Workspace};

use super::arguments::Named;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::reproduce::stopped;
use super::signals::Signals;

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let name = super::name(&named.name)?;
    let verdict =
        |sound: bool| output.value(&serde_json::json!({ "name": named.name, "sound": sound }));
    let findings = workspace.check(&name)?;
    for finding in &findings {
        output.value(finding)?;
        output.lines(&finding.text)?;
    }
    if !findings.is_empty() {
        let count = findings.len();
        let verb = if count == 1 { "is" } else { "are" };
        let counted = ibid::spec::counted(count);
        verdict(false)?;
        return Err(Failure::usage(format!("there {verb} {counted} in `{}`", named.name)).into());
    }
    let loaded = workspace.load(&name)?;
    if loaded.origin.is_some() {
        // Somebody's experiment runs nothing before it was agreed to, be it as cheap as a table.
        let count = loaded.experiment.checks.len();
        if count > 0 {
            output.say(format_args!(
                "not made: {count} checks of its tables; `reproduce` asks first"
            ));
        }
        verdict(true)?;
        output.say(format_args!("`{}` is sound", named.name));
        return Ok(());
    }
    let signals = Signals::watch()?;
    let mut running =
        Running { keep_going: true, cancelled: &signals.cancelled, on_event: &mut |_| {} };
    let checked = workspace.check_tables(&loaded, &mut running);
    let checked = checked.map_err(|error| stopped(error, &signals))?;
    tell(&checked, &named.name, output)?;
    let is_sound = checked.checks.iter().all(ibid::ops::JudgedCheck::is_as_recorded);
    verdict(is_sound)?;
    if is_sound {
        output.say(format_args!("`{}` is sound", named.name));
        Ok(())
    } else {
        Err(Stop::Differs)
    }
}

/// What the checks found, and which could not be made.
fn tell(checked: &Checked, name: &str, output: Output) -> Result<(), Stop> {
    for finding in checked.checks.iter().flat_map(|check| &check.findings) {
        output.value(finding)?;
    }
    super::checks::tell(&checked.checks, true, output)?;
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unchecked in &checked.unchecked {
        output.value(unchecked)?;
        by_reason.entry(&unchecked.reason).or_default().push(&unchecked.check);
    }
    for (reason, checks) in &by_reason {
        output.say(format_args!("not checked: {}: {reason}", checks.join(", ")));
    }
    if !by_reason.is_empty() {
        let experiment = name.split(['/', '#']).next().unwrap_or(name);
        output.say(format_args!(
            "hint: name a folder with the files: --mirror DIR\nhint: or fetch them: ibid reproduce {experiment}/checks"
        ));
    }
    Ok(())
}
