//! Checks judged: what each found beside what the experiment knows of it.
//!
//! A finding is **known** if the experiment states its key and column, and what was found if it says that, and **new**
//! otherwise. A statement that nothing matches is **stale**: what it explains no longer occurs. New findings and stale
//! statements are not as recorded.

use serde::Serialize;

use crate::action::params::Severity;
use crate::metrics::checks::{Finding, FindingRecord, KeyPart};
use crate::plan::{DeclaredCheck, Known};

/// A check with what it found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedCheck {
    /// The name of the check.
    pub id: String,
    /// What is checked.
    pub text: String,
    /// How bad the worst finding is, and at least what the experiment says of the check.
    pub severity: Severity,
    /// What was found, in the order of the rule's findings; then what was not, and should have been.
    pub findings: Vec<JudgedFinding>,
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The experiment does not know it.
    New,
    /// The experiment knows it, and why.
    Known,
    /// The experiment knows something that did not occur.
    Stale,
}

impl Standing {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::Stale => "stale",
        }
    }
}

/// A finding with what is known of it: one object of `findings.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgedFinding {
    /// The check.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What became of it.
    pub standing: Standing,
    /// Why it is known.
    pub reason: Option<String>,
    /// The file that the table was read from, where it is a file's rows as they are.
    pub file: Option<String>,
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
}

impl JudgedFinding {
    /// Where it is, for people: `info.csv row 3 (name x), column lr`.
    pub fn place(&self) -> String {
        let place = &self.finding.place;
        let table = self.file.as_ref().unwrap_or(&place.table);
        let row = place.row.map_or_else(String::new, |row| format!(" row {row}"));
        let keys = self.finding.key.iter().map(|KeyPart { column, text }| match column.as_str() {
            "" => text.clone(),
            column => format!("{column} {text}"),
        });
        let keys: Vec<_> = keys.collect();
        let keys = if keys.is_empty() { String::new() } else { format!(" ({})", keys.join(", ")) };
        format!("{table}{row}{keys}, column {}", place.column)
    }

    /// Both values and what is wrong, for people.
    pub fn values(&self) -> String {
        let Finding { found, expected, against, message, .. } = &self.finding;
        let quoted =
            |text: &str| if text.is_empty() { "nothing".to_owned() } else { format!("`{text}`") };
        let other = against.as_ref().map(|place| {
            let row = place.row.map_or_else(String::new, |row| format!(" row {row}"));
            format!(" [{}{row}, column {}]", place.table, place.column)
        });
        let (found, expected) = (quoted(found), quoted(expected));
        format!("found {found}, expected {expected}{}: {message}", other.unwrap_or_default())
    }
}

impl JudgedCheck {
    /// Findings of a standing.
    pub fn count(&self, standing: Standing) -> usize {
        self.findings.iter().filter(|finding| finding.standing == standing).count()
    }

    /// Whether it found just what the experiment knows.
    pub fn is_as_recorded(&self) -> bool {
        self.findings.iter().all(|finding| finding.standing == Standing::Known)
    }
}

/// Judges what a check found. `file_of` tells the file that a table's rows are, as they are.
pub fn judge(
    check: &DeclaredCheck,
    records: Vec<FindingRecord>,
    file_of: impl Fn(&str) -> Option<String>,
) -> JudgedCheck {
    let mut occurs = vec![false; check.known.len()];
    let mut findings = Vec::with_capacity(records.len());
    let mut worst = check.severity;
    for FindingRecord { finding, severity, .. } in records {
        worst = worst.min(severity);
        let mut reason = None;
        for (known, occurs) in check.known.iter().zip(&mut occurs) {
            if is_known(known, &finding) {
                *occurs = true;
                reason = reason.or_else(|| Some(known.reason.clone()));
            }
        }
        let standing = if reason.is_some() { Standing::Known } else { Standing::New };
        let file = file_of(&finding.place.table);
        findings.push(judged((check, severity), standing, reason, file, finding));
    }
    for (known, _) in check.known.iter().zip(occurs).filter(|(_, occurs)| !occurs) {
        let file = file_of(&check.table);
        let reason = Some(known.reason.clone());
        let stale = stale(check, known);
        findings.push(judged((check, check.severity), Standing::Stale, reason, file, stale));
    }
    let (id, text) = (check.id.clone(), check.text.clone());
    JudgedCheck { id, text, severity: worst, findings }
}

fn judged(
    (check, severity): (&DeclaredCheck, Severity),
    standing: Standing,
    reason: Option<String>,
    file: Option<String>,
    finding: Finding,
) -> JudgedFinding {
    JudgedFinding { check: check.id.clone(), severity, standing, reason, file, finding }
}

fn is_known(known: &Known, finding: &Finding) -> bool {
    known.column == finding.place.column
        && known.key.iter().eq(finding.key.iter().map(|part| &part.text))
        && known.found.as_ref().is_none_or(|found| *found == finding.found)
}

/// What did not occur.
fn stale(check: &DeclaredCheck, known: &Known) -> Finding {
    let part = |text: &String| KeyPart { column: String::new(), text: text.clone() };
    Finding {
        place: crate::metrics::checks::Place {
            table: check.table.clone(),
            row: None,
            column: known.column.clone(),
        },
        key: known.key.iter().map(part).collect(),
        found: String::new(),
        expected: known.found.clone().unwrap_or_default(),
        against: None,
        message: "recorded as known, and does not occur".to_owned(),
    }
}

/// The worst first, then as the experiment states them.
pub fn sort(checks: &mut [JudgedCheck]) {
    checks.sort_by_key(|check| check.severity);
}

/// The bytes of `findings.json`: every finding of every check, the worst check first.
///
/// # Panics
///
/// Never: findings are plain data.
pub fn encode(checks: &[JudgedCheck]) -> String {
    let findings: Vec<_> = checks.iter().flat_map(|check| &check.findings).collect();
    let mut text = serde_json::to_string_pretty(&findings).expect("findings are plain data");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::checks::Place;

    fn known(key: &str, found: Option<&str>) -> Known {
        Known {
            key: vec![key.into()],
            column: "x".into(),
            found: found.map(Into::into),
            reason: format!("why {key}"),
        }
    }

    fn record(key: &str, found: &str) -> FindingRecord {
        let part = KeyPart { column: "k".into(), text: key.into() };
        FindingRecord {
            check: "c".into(),
            severity: Severity::Warning,
            finding: Finding {
                place: Place { table: "t".into(), row: Some(3), column: "x".into() },
                key: vec![part],
                found: found.into(),
                expected: "2".into(),
                against: None,
                message: "differs".into(),
            },
        }
    }

    fn judged_by(known: Vec<Known>, records: Vec<FindingRecord>) -> JudgedCheck {
        let check = DeclaredCheck {
            id: "c".into(),
            text: "what".into(),
            severity: Severity::Warning,
            table: "t".into(),
            known,
        };
        judge(&check, records, |table| Some(format!("{table}.csv")))
    }

    fn standings(check: &JudgedCheck) -> Vec<&'static str> {
        check.findings.iter().map(|finding| finding.standing.name()).collect()
    }

    #[test]
    fn a_finding_is_known_by_key_column_and_value() {
        let records = || vec![record("a", "1"), record("b", "1")];
        let check = judged_by(vec![known("a", Some("1")), known("b", None)], records());
        assert_eq!((standings(&check), check.is_as_recorded()), (vec!["known", "known"], true));
        assert_eq!(check.findings[0].reason.as_deref(), Some("why a"));
        let check = judged_by(vec![known("a", Some("1.0"))], records());
        assert_eq!(
            (standings(&check), check.is_as_recorded()),
            (vec!["new", "new", "stale"], false)
        );
        let other_column = Known { column: "y".into(), ..known("a", None) };
        assert_eq!(
            standings(&judged_by(vec![other_column], vec![record("a", "1")])),
            ["new", "stale"]
        );
    }

    #[test]
    fn what_is_known_must_occur() {
        let check = judged_by(vec![known("a", None)], Vec::new());
        assert_eq!((standings(&check), check.is_as_recorded()), (vec!["stale"], false));
        assert_eq!(check.findings[0].place(), "t.csv (a), column x");
        assert!(judged_by(Vec::new(), Vec::new()).is_as_recorded());
    }

    #[test]
    fn a_finding_is_told_with_file_row_column_and_both_values() {
        let check = judged_by(Vec::new(), vec![record("a", "1")]);
        let finding = &check.findings[0];
        assert_eq!(finding.place(), "t.csv row 3 (k a), column x");
        assert_eq!(finding.values(), "found `1`, expected `2`: differs");
        let text = encode(&[check]);
        for part in
            ["\"file\": \"t.csv\"", "\"row\": 3", "\"standing\": \"new\"", "\"found\": \"1\""]
        {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_check_is_as_bad_as_its_worst_finding() {
        let unreadable = FindingRecord { severity: Severity::Error, ..record("a", "NaN") };
        let check = judged_by(Vec::new(), vec![unreadable, record("b", "1")]);
        let severities: Vec<_> = check.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning]);
        assert_eq!(check.severity, Severity::Error);
    }

    #[test]
    fn the_worst_come_first() {
        let with = |severity| JudgedCheck { severity, ..judged_by(Vec::new(), Vec::new()) };
        let mut checks = [Severity::Note, Severity::Error, Severity::Warning].map(with);
        sort(&mut checks);
        let order: Vec<_> = checks.iter().map(|check| check.severity.name()).collect();
        assert_eq!(order, ["error", "warning", "note"]);
    }
}
