//! Checks and what they found, as text: used by `check` and `reproduce`.

use ibid::ops::{JudgedCheck, JudgedFinding, Standing};

use super::failure::Stop;
use super::output::Output;

/// Known findings of a check that are shown where a run has other things to say.
const KNOWN_SHOWN: usize = 3;

/// Prints every check that found something, the worst first: new findings and those that no longer occur all, known
/// ones all or a few. So many checks beside them could not be made.
pub(super) fn tell(
    checks: &[JudgedCheck],
    unchecked: usize,
    all: bool,
    output: Output,
) -> Result<(), Stop> {
    for check in checks.iter().filter(|check| !check.findings.is_empty()) {
        let counts = [Standing::New, Standing::Stale, Standing::Known]
            .map(|standing| (check.count(standing), standing.name()))
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect::<Vec<_>>();
        let (severity, id) = (check.severity.name(), &check.id);
        output.line(format_args!("{severity}: {id}: {} ({})", check.text, counts.join(", ")))?;
        let is_known = |finding: &&JudgedFinding| finding.standing == Standing::Known;
        let others = check.findings.iter().filter(|finding| !is_known(finding));
        let shown = if all { usize::MAX } else { KNOWN_SHOWN };
        let known = check.findings.iter().filter(is_known).take(shown);
        let mut reason = None;
        for finding in others.chain(known) {
            line(finding, reason, output)?;
            reason = finding.reason.as_deref();
        }
        let hidden = check.count(Standing::Known).saturating_sub(shown);
        if hidden > 0 {
            output.line(format_args!("  and {hidden} more that are known: findings.json"))?;
        }
    }
    if checks.len() + unchecked > 0 {
        output.line(summary(checks, unchecked))?;
    }
    Ok(())
}

/// One finding; its reason, where it is not that of the line before.
fn line(finding: &JudgedFinding, before: Option<&str>, output: Output) -> Result<(), Stop> {
    let standing = finding.standing.name();
    let what = match finding.standing {
        Standing::Stale => gone(&finding.finding.expected),
        Standing::New | Standing::Known => finding.values(),
    };
    output.line(format_args!("  {standing}: {}: {what}", finding.place()))?;
    match finding.reason.as_deref() {
        Some(reason) if before != Some(reason) => {
            output.line(format_args!("    known: {reason}")).map_err(Stop::from)
        }
        _ => Ok(()),
    }
}

/// What became of a known finding that did not occur; `found` is its value, empty where the experiment states none.
fn gone(found: &str) -> String {
    let value = if found.is_empty() { String::new() } else { format!(" `{found}`") };
    format!("the known finding{value} no longer occurs")
}

/// How many checks hold, fail as they are known to, come out otherwise, and were not made.
fn summary(checks: &[JudgedCheck], unchecked: usize) -> String {
    let hold = checks.iter().filter(|check| check.findings.is_empty()).count();
    let recorded = checks.iter().filter(|check| check.is_as_recorded()).count();
    let known = recorded - hold;
    let other = checks.len() - recorded;
    let rest = if unchecked > 0 { format!(", {unchecked} not checked") } else { String::new() };
    format!("checks: {hold} hold, {known} fail as known, {other} not as recorded{rest}")
}
