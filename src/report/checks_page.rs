//! Checks as HTML: a section of a figure's page, and a page of their own.

use super::checks::{JudgedCheck, JudgedFinding, Standing};
use super::page::Html;
use crate::plot::escape;

/// What a page of checks is made of.
#[derive(Debug, Clone)]
pub struct ChecksPage<'a> {
    /// What was reproduced: `EXPERIMENT[/TARGET]`.
    pub name: &'a str,
    /// The semantic hash of the experiment.
    pub id: String,
    /// The work that the experiment reproduces.
    pub citation: Option<&'a str>,
    /// The checks, the worst first.
    pub checks: &'a [JudgedCheck],
    /// The verdict line.
    pub verdict: &'a str,
}

/// The page.
pub fn html(page: &ChecksPage<'_>) -> String {
    let mut html = Html::opened(&format!("Checks of {}", page.name), page.citation);
    html.raw(&format!("<p class=\"verdict\">{}</p>\n", escape(page.verdict)));
    checks_section(&mut html, page.checks);
    let holding: Vec<_> = page.checks.iter().filter(|check| check.findings.is_empty()).collect();
    if !holding.is_empty() {
        html.element("h2", "Checks that hold");
        let row = |check: &&JudgedCheck| {
            vec![escape(check.severity.name()), escape(&check.id), escape(&check.text)]
        };
        let rows: Vec<_> = holding.iter().map(row).collect();
        html.table(&["severity", "check", "what is checked"], &rows);
    }
    html.element("h2", "How to reproduce this");
    html.raw(&format!("<pre>ibid reproduce {}</pre>\n", escape(page.name)));
    html.element("p", "The experiment is identified by the Dhall semantic hash of its text:");
    html.raw(&format!("<pre>{}</pre>\n</main>\n</body>\n</html>\n", escape(&page.id)));
    html.0
}

/// The checks that found something, each with its findings; nothing where there are no checks.
pub(super) fn checks_section(html: &mut Html, checks: &[JudgedCheck]) {
    if checks.is_empty() {
        return;
    }
    html.element("h2", "Checks of the tables");
    let failing: Vec<_> = checks.iter().filter(|check| !check.findings.is_empty()).collect();
    let hold = checks.len() - failing.len();
    html.element("p", &format!("{hold} of {} hold; what the others found is below.", checks.len()));
    for check in failing {
        html.raw(&format!(
            "<h3>{}: {}</h3>\n<p>{}</p>\n",
            check.severity.name(),
            escape(&check.id),
            escape(&check.text)
        ));
        let rows: Vec<_> = check.findings.iter().map(row).collect();
        html.table(&["where", "found", "expected", "what is wrong", "standing"], &rows);
    }
}

fn row(judged: &JudgedFinding) -> Vec<String> {
    let class = match judged.standing {
        Standing::New | Standing::Stale => "bad",
        Standing::Known => "known",
    };
    let reason = judged
        .reason
        .as_ref()
        .map(|reason| format!("<br><small>{}</small>", escape(reason)))
        .unwrap_or_default();
    vec![
        escape(&judged.place()),
        escape(&judged.finding.found),
        escape(&judged.finding.expected),
        escape(&judged.finding.message),
        format!("<span class=\"{class}\">{}</span>{reason}", judged.standing.name()),
    ]
}
