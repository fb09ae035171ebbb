//! `ibid history`

use std::time::{Duration, SystemTime};

use ibid::ops::{Outcome, Workspace, duration_text};

use super::arguments::Named;
use super::failure::Stop;
use super::output::Output;
use super::table::aligned;

/// From 1970 to the year 10000, the first that four digits do not write.
const END_OF_CALENDAR: Duration = Duration::from_secs(253_402_300_800);

pub(super) fn run(workspace: &Workspace, named: &Named, output: Output) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&named.name)?)?;
    let history = workspace.history(&loaded)?;
    let mut rows = Vec::new();
    for executed in &history {
        output.value(executed)?;
        let threads = match executed.threads {
            1 => "1 thread".to_owned(),
            threads => format!("{threads} threads"),
        };
        let outcome = match executed.outcome {
            Outcome::Same => "",
            Outcome::Other => "gave other bits",
            Outcome::Dropped => "no longer in the store",
            Outcome::Failed => "failed",
        };
        let wall_time = Duration::from_millis(executed.wall_time_ms);
        rows.push(vec![
            executed.label.clone(),
            started(executed.started_unix_ms),
            duration_text(wall_time.as_secs_f64()),
            executed.maker.device.clone(),
            threads,
            executed.maker.build.clone(),
            executed.maker.host.clone(),
            outcome.to_owned(),
        ]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    if history.is_empty() {
        output.say(format_args!(
            "nothing of `{0}` was executed in this store\n\nhint: ibid reproduce {0}",
            named.name
        ));
    }
    Ok(())
}

/// When something started, in UTC to the second; a record that somebody else wrote may name no time that there is.
fn started(unix_ms: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(unix_ms));
    let in_calendar = |time: &SystemTime| *time < SystemTime::UNIX_EPOCH + END_OF_CALENDAR;
    match time.filter(in_calendar) {
        Some(time) => humantime::format_rfc3339_seconds(time).to_string(),
        None => "at no date".to_owned(),
    }
}
