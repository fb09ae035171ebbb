//! Asks once before somebody's experiment runs, and says first what it would do.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use ibid::ops::{Introduction, Loaded, Workspace, duration_text};

use super::counted;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::table::{aligned, bytes, flop};

/// Goes on for an experiment of one's own, and for one that the person at the terminal (or `--yes`) agrees to.
/// `everything`: all of it is executed again, as by `verify`; `out`: where the results, or the second store, are to
/// appear.
pub(super) fn ask(
    workspace: &Workspace,
    loaded: &Loaded,
    everything: bool,
    out: Option<&Path>,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    if loaded.origin.is_none() {
        return Ok(());
    }
    let introduction = workspace.introduce(loaded, everything, out)?;
    agreed(&introduction, loaded, true, yes, output)
}

/// The same for a command that executes nothing, and reads the data that the experiment pins.
pub(super) fn ask_to_read(
    workspace: &Workspace,
    loaded: &Loaded,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    if loaded.origin.is_none() {
        return Ok(());
    }
    // No folder gets results.
    let introduction = workspace.introduce(loaded, true, None)?;
    agreed(&introduction, loaded, false, yes, output)
}

/// Introduces an experiment that runs, or whose data alone is read, and asks.
fn agreed(
    introduction: &Introduction,
    loaded: &Loaded,
    runs: bool,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    output.say(&introduction.name);
    for line in aligned(&rows(introduction, loaded, runs)) {
        output.say(format_args!("  {line}"));
    }
    if yes {
        return Ok(());
    }
    let (what, question, no) = if runs {
        ("runs", "Run it? [y/N] ", "not run, as you wished")
    } else {
        ("is read", "Read it? [y/N] ", "not read, as you wished")
    };
    let refused =
        |message: &str| Failure::usage(message).hint("to do it without a question: --yes");
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let message = format!("nobody is here to agree that this experiment {what}");
        return Err(refused(&message).into());
    }
    output.ask(question);
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        return Ok(());
    }
    Err(refused(no).into())
}

fn rows(introduction: &Introduction, loaded: &Loaded, runs: bool) -> Vec<Vec<String>> {
    let mut rows = vec![
        vec!["title".to_owned(), introduction.title.clone()],
        vec!["id".to_owned(), format!("sha256:{}", introduction.id)],
        vec![
            "reads".to_owned(),
            format!(
                "{} of the commit, the store, the mirrors; nothing else of this machine",
                files(introduction.files.len())
            ),
        ],
    ];
    for (place, fetch) in &introduction.fetches {
        let what = format!("{}, {}, from {place}", files(fetch.files), bytes(fetch.bytes));
        rows.push(vec!["fetches".to_owned(), what]);
    }
    if introduction.fetches.is_empty() {
        rows.push(vec!["fetches".to_owned(), "nothing".to_owned()]);
    }
    if runs {
        let actions = counted(introduction.actions, "action", "actions");
        let (work, time) = (flop(introduction.flops), duration_text(introduction.seconds));
        rows.push(vec!["computes".to_owned(), format!("{actions}, {work}, about {time}")]);
    }
    for folder in &introduction.writes {
        rows.push(vec!["writes".to_owned(), folder.display().to_string()]);
    }
    let lockfile = match loaded.read_lockfile() {
        Ok(Some(lockfile)) => counted(lockfile.actions().len(), "action", "actions"),
        Ok(None) => "none".to_owned(),
        Err(_) => "cannot be read".to_owned(),
    };
    rows.push(vec!["lockfile".to_owned(), lockfile]);
    rows
}

fn files(count: usize) -> String {
    counted(count, "file", "files")
}
