//! `ibid check`

use std::collections::BTreeMap;

use ibid::ops::{Checked, Error, JudgedCheck, Running, Workspace};

use super::arguments::Named;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::reproduce::stopped;
use super::signals::Signals;

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let name = super::name(&named.name)?;
    let verdict = |sound: bool, unchecked: usize| {
        let name = &named.name;
        output.value(&serde_json::json!({ "name": name, "sound": sound, "unchecked": unchecked }))
    };
    let (findings, warnings) = workspace.examine(&name)?;
    for warning in &warnings {
        let line = warning.text.lines().next().unwrap_or_default();
        output.say(format_args!("warning: {line}"));
    }
    if !warnings.is_empty() {
        output.value(&serde_json::json!({ "warnings": warnings }))?;
    }
    for finding in &findings {
        output.value(finding)?;
        output.lines(&finding.text)?;
    }
    if !findings.is_empty() {
        let count = findings.len();
        let verb = if count == 1 { "is" } else { "are" };
        let counted = ibid::spec::counted(count);
        output.value(&serde_json::json!({ "name": named.name, "sound": false }))?;
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
        verdict(true, count)?;
        let rest = if count > 0 { " as far as it was checked" } else { "" };
        output.say(format_args!("`{}` is sound{rest}", named.name));
        return Ok(());
    }
    let signals = Signals::watch()?;
    let mut running = Running {
        keep_going: true,
        offline: true,
        cancelled: &signals.cancelled,
        on_event: &mut |_| {},
    };
    let checked = workspace.check_tables(&loaded, &mut running);
    let checked = checked.map_err(|error| stopped(error, &signals))?;
    tell(&checked, &named.name, output)?;
    let is_as_recorded = checked.checks.iter().all(JudgedCheck::is_as_recorded);
    let unchecked = checked.unchecked.len();
    verdict(is_as_recorded && checked.failures.is_empty(), unchecked)?;
    if !checked.failures.is_empty() {
        return Err(stopped(Error::Failed { failures: checked.failures }, &signals));
    }
    if is_as_recorded {
        let rest = if unchecked > 0 { " as far as its tables are at hand" } else { "" };
        output.say(format_args!("`{}` is sound{rest}", named.name));
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
    super::checks::tell(&checked.checks, checked.unchecked.len(), true, output)?;
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unchecked in &checked.unchecked {
        output.value(unchecked)?;
        by_reason.entry(&unchecked.reason).or_default().push(&unchecked.check);
    }
    for (reason, checks) in &by_reason {
        output.say(format_args!("not checked: {}: {reason}", checks.join(", ")));
    }
    let is_failure = |reason: &&str| checked.failures.iter().any(|(_, it)| it.message == **reason);
    if !by_reason.keys().all(is_failure) {
        let experiment = name.split(['/', '#']).next().unwrap_or(name);
        output.say(format_args!(
            "hint: name a folder with the files: --mirror DIR\nhint: or fetch them: ibid reproduce {experiment}/checks"
        ));
    }
    Ok(())
}
