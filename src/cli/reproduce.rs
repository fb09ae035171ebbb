//! `ibid reproduce`

use std::path::PathBuf;

use ibid::ops::{Error, ReproduceOptions, Reproduced, Running, Verdict, Workspace};

use super::arguments::Reproduce;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::progress::Progress;
use super::signals::Signals;
use super::table::aligned;

pub(super) fn run(
    workspace: &Workspace,
    reproduce: &Reproduce,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    let budget = super::budget::parse(&reproduce.budget)?;
    let loaded = workspace.load(&super::name(&reproduce.name)?)?;
    let loaded = loaded.from_depth(reproduce.from.depth);
    workspace.check_out(&loaded, reproduce.out.as_deref())?;
    super::consent::ask(workspace, &loaded, false, reproduce.out.as_deref(), yes, output)?;
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: reproduce.keep_going,
        offline: false,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let options = ReproduceOptions {
        budget: Some(budget),
        locked: reproduce.locked,
        substitute: reproduce.substitute,
    };
    let result = workspace.reproduce(&loaded, options, &mut running);
    progress.end();
    let out = reproduce.out.as_deref();
    match result {
        Ok(reproduced) => {
            let folders = workspace.export(&loaded, &reproduced, out)?;
            tell(&reproduced, &folders, output)
        }
        Err(Error::OnlyPrinted { error, reproduced }) => {
            let names: Vec<&str> = reproduced.figures.iter().map(|f| f.name.as_str()).collect();
            output.say(format_args!(
                "from the numbers that the work prints, as far as they go: {}",
                names.join(", ")
            ));
            let folders = workspace.export(&loaded, &reproduced, out)?;
            match tell(&reproduced, &folders, output) {
                Ok(()) | Err(Stop::Differs) => Err(stopped(*error, &signals)),
                Err(stop) => Err(stop),
            }
        }
        Err(error) => Err(stopped(error, &signals)),
    }
}

/// An error of a run; an interrupted one ends with the code of its signal.
pub(super) fn stopped(error: ibid::ops::Error, signals: &Signals) -> Stop {
    let is_interruption = error.kind() == ibid::ops::Kind::Interrupted;
    let failure = Failure::from(error);
    if is_interruption {
        Failure { code: signals.exit_code(), ..failure }.into()
    } else {
        failure.into()
    }
}

/// Says how a run compares and what it claims; the verdict comes last.
pub(super) fn tell(
    reproduced: &Reproduced,
    folders: &[PathBuf],
    output: Output,
) -> Result<(), Stop> {
    for figure in &reproduced.figures {
        for swept in figure.sensitivity.iter().filter(|swept| swept.range.lines > 0) {
            let range = swept.range;
            output.line(format_args!(
                "{} | {} | exponent from {:.4} to {:.4} over {} choices of points, bins and margin",
                swept.panel, swept.series, range.low, range.high, range.lines
            ))?;
        }
    }
    // Where the checks are not all that was asked for, a few of the known findings stand for the others.
    let only_checks = reproduced.figures.is_empty() && reproduced.tables.is_empty();
    super::checks::tell(&reproduced.checks, 0, only_checks, output)?;
    let of_tables = reproduced.tables.iter().flat_map(|table| &table.claims);
    let claims = reproduced.figures.iter().flat_map(|figure| &figure.claims).chain(of_tables);
    let rows: Vec<_> = claims
        .map(|claim| {
            let known = claim.known.as_ref().map(|why| format!("known: {why}")).unwrap_or_default();
            let verdict = claim.verdict.name().to_owned();
            vec![
                verdict,
                claim.id.clone(),
                claim.published.clone(),
                claim.computed.clone(),
                claim.text.clone(),
                known,
            ]
        })
        .collect();
    for line in aligned(&rows) {
        output.line(line)?;
    }
    for differing in &reproduced.lockfile.differing {
        let short = |digest: ibid::digest::BlobDigest| digest.short();
        let alike = differing.locked.map(short) == differing.actual.map(short);
        let side = |digest: Option<ibid::digest::BlobDigest>| {
            digest.map_or("absent".to_owned(), |d| if alike { d.to_string() } else { d.short() })
        };
        output.line(format_args!(
            "differs  {} {}: locked {}, now {}",
            differing.label,
            differing.output,
            side(differing.locked),
            side(differing.actual)
        ))?;
    }
    if let Some(another) = &reproduced.another_class {
        super::another_class::tell(another, output)?;
    }
    tell_what_was_not_compared(reproduced, output);
    for folder in folders {
        let pages = ["report.html", "table.md", "checks.html"].map(|page| folder.join(page));
        let written = pages.iter().find(|page| page.exists()).unwrap_or(folder);
        output.line(format_args!("wrote {}", written.display()))?;
    }
    for line in aligned(&line_rows(reproduced)) {
        output.line(line)?;
    }
    let mut value = serde_json::to_value(reproduced).expect("a summary is plain data");
    value["verdict"] = reproduced.verdict().into();
    let folders: Vec<_> = folders.iter().map(|folder| folder.to_string_lossy()).collect();
    value["folders"] = serde_json::json!(folders);
    output.value(&value)?;
    output.line(reproduced.verdict())?;
    if reproduced.is_as_recorded() { Ok(()) } else { Err(Stop::Differs) }
}

/// Actions that the lockfile says nothing of, and locked ones of which nothing is at hand.
fn tell_what_was_not_compared(reproduced: &Reproduced, output: Output) {
    let unlocked = &reproduced.lockfile.unlocked;
    if !unlocked.is_empty() {
        output.say(format_args!(
            "not in the lockfile: {} of the actions, such as {}",
            unlocked.len(),
            unlocked[0]
        ));
        // The lockfile of somebody's commit is not ours to write.
        if !reproduced.name.starts_with("git+") {
            output.say(format_args!("hint: ibid lock {}", reproduced.typed));
        }
    }
    if let Some(first) = reproduced.lockfile.fetched.first() {
        output.say(format_args!(
            "not computed here: {} of the actions, such as {first}: what the lockfile names was taken as it is",
            reproduced.lockfile.fetched.len()
        ));
    }
    let unseen = &reproduced.lockfile.unseen;
    if let Some(first) = unseen.first() {
        output.say(format_args!(
            "not compared with the lockfile: {} of the actions, such as {first}: what follows from them is stored, they \
             are not",
            unseen.len()
        ));
    }
    if !(unseen.is_empty() && reproduced.lockfile.fetched.is_empty()) {
        output
            .say(format_args!("hint: execute everything again: ibid verify {}", reproduced.typed));
    }
    if let Some(first) = reproduced.missing_evaluations.first() {
        output.say(format_args!(
            "not written: {} of the evaluations, such as {first}: the store lacks their results, or those of the trainings \
             whose weights they measure",
            reproduced.missing_evaluations.len()
        ));
        if !reproduced.name.starts_with("git+") {
            output.say(format_args!("hint: execute what it lacks: ibid lock {}", reproduced.typed));
        }
    }
}

/// The fitted lines beside the published ones, below a heading; nothing where no line is fitted.
fn line_rows(reproduced: &Reproduced) -> Vec<Vec<String>> {
    let several = reproduced.figures.len() > 1;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for figure in &reproduced.figures {
        for line in &figure.lines {
            let name =
                if several { format!("{}: {}", figure.name, line.line) } else { line.line.clone() };
            let verdict = match line.verdict {
                None => "not published",
                // To the digit that was published nothing is met, but within the claim's tolerance.
                Some(Verdict::Met) if line.published != line.computed => "met within tolerance",
                Some(verdict) => verdict.name(),
            };
            rows.push(vec![
                name,
                line.published.clone(),
                line.computed.clone(),
                verdict.to_owned(),
            ]);
        }
    }
    if !rows.is_empty() {
        rows.insert(0, ["line", "published", "computed", "verdict"].map(str::to_owned).to_vec());
    }
    rows
}
