//! `ibid show`

use std::collections::BTreeMap;

use ibid::ops::{Name, Unknown, Workspace, grouped};

use super::arguments::Show;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, show: &Show, output: Output) -> Result<(), Stop> {
    let name = super::name(&show.name)?;
    let say_what = || {
        let Name { experiment, target } = &name;
        if let Some(target) = target {
            output.say(format_args!("`{target}` is a target; this is all of `{experiment}`"));
        }
    };
    if show.unknown {
        let unknown = workspace.unknown(&name)?;
        say_what();
        output.value(&serde_json::json!({ "unknown": by_run(&unknown) }))?;
        for line in lines(&unknown) {
            output.line(line)?;
        }
        return Ok(());
    }
    let (id, normal_form) = workspace.show(&name)?;
    say_what();
    if show.id {
        output.value(&serde_json::json!({ "id": id }))?;
        output.line(format_args!("sha256:{id}"))?;
        return Ok(());
    }
    let unknown = workspace.unknown(&name)?;
    output.value(&serde_json::json!({
        "id": id,
        "normalForm": normal_form,
        "unknown": by_run(&unknown),
    }))?;
    output.line(format_args!("-- sha256:{id}"))?;
    for line in lines(&unknown) {
        output.line(format_args!("-- {line}"))?;
    }
    output.lines(normal_form.trim_end())?;
    Ok(())
}

fn by_run(unknown: &[Unknown]) -> BTreeMap<&str, &[&str]> {
    unknown.iter().map(|unknown| (&*unknown.run, &*unknown.fields)).collect()
}

/// Trainings of which the same is unknown, together.
fn lines(unknown: &[Unknown]) -> Vec<String> {
    let runs = unknown.iter().map(|unknown| (&*unknown.run, &*unknown.fields));
    let mut lines = Vec::new();
    for (fields, names) in grouped(runs) {
        lines.push(format!("unknown: {}", fields.join(", ")));
        lines.extend(names.into_iter().map(|name| format!("  of {name}")));
    }
    lines
}
