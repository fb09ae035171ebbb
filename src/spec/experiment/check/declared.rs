//! Rules of declared checks: what they look at exists, and what is known of them can occur.

use std::collections::BTreeSet;

use super::Findings;
use super::tables::TableColumns;
use crate::action::params::Tolerance;
use crate::spec::experiment::{Cells, Check, CheckedRows, Experiment, Known, Rule, SampleCount};

/// The target that all checks are: no table, figure or run may have its name.
pub(super) const TARGET: &str = "checks";

/// Checks every declared check.
pub(super) fn check_checks<'a>(
    findings: &mut Findings<'a>,
    experiment: &'a Experiment,
    tables: &TableColumns<'_>,
) {
    let mut ids = BTreeSet::new();
    for (i, check) in experiment.checks.iter().enumerate() {
        let at = format!("checks[{i}]");
        findings.name(&format!("{at}.id"), &check.id, &mut ids);
        if check.text.trim().is_empty() {
            findings.add(format!("{at}.text"), "is empty");
        }
        let mut at_rule = AtRule { findings, at: format!("{at}.rule"), experiment, tables };
        at_rule.rule(&check.rule);
        check_known(findings, &at, check);
    }
}

/// Known findings have as many key texts as findings of the rule, a reason, and are stated once.
fn check_known(findings: &mut Findings<'_>, at: &str, check: &Check) {
    let lengths = key_lengths(&check.rule);
    let mut seen: Vec<&Known> = Vec::new();
    for (i, known) in check.known.iter().enumerate() {
        let at = format!("{at}.known[{i}]");
        if !lengths.contains(&known.key.len()) {
            let lengths: Vec<_> = lengths.iter().map(ToString::to_string).collect();
            let message = format!(
                "has {} texts; a finding of this check is named by {}",
                known.key.len(),
                lengths.join(" or ")
            );
            findings.add(format!("{at}.key"), message);
        }
        if known.reason.trim().is_empty() {
            findings.add(format!("{at}.reason"), "is empty");
        }
        let is_same = |other: &&&Known| {
            (&other.key, &other.column, &other.found) == (&known.key, &known.column, &known.found)
        };
        if seen.iter().any(|other| is_same(&other)) {
            findings.add(at, "is stated before");
        }
        seen.push(known);
    }
}

/// The numbers of texts that findings of a rule may be named by.
fn key_lengths(rule: &Rule) -> Vec<usize> {
    let own = rule.rows()[0].key.len();
    match rule {
        Rule::Grid { axes, .. } => vec![axes.len()],
        Rule::Sequence { .. } => vec![own, own + 1],
        Rule::Monotonic { .. } => vec![own + 1],
        Rule::Repeated { within, columns, .. } => vec![within.len() + columns.len()],
        _ => vec![own],
    }
}

/// Findings about one rule.
struct AtRule<'f, 'a, 't> {
    findings: &'f mut Findings<'a>,
    at: String,
    experiment: &'t Experiment,
    tables: &'t TableColumns<'t>,
}

impl AtRule<'_, '_, '_> {
    #[allow(clippy::too_many_lines, reason = "one arm a rule")]
    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::UniqueKeys { rows } => self.rows("rows", rows, true),
            Rule::Grid { rows, axes } => {
                self.rows("rows", rows, false);
                self.some("axes", axes);
                axes.iter().for_each(|axis| self.columns("axes", rows, [&axis.column]));
            }
            Rule::Sequence { rows, column, .. } => {
                self.rows("rows", rows, false);
                self.columns("column", rows, [column]);
            }
            Rule::Equal { left, right, tolerance } => {
                self.sides(("left", left), ("right", right));
                self.tolerance(*tolerance);
            }
            Rule::FinalPoint { curve, order, table, tolerance } => {
                self.sides(("curve", curve), ("table", table));
                self.columns("order", &curve.rows, [order]);
                self.tolerance(*tolerance);
            }
            Rule::Product { rows, column, factors, divisors, tolerance, .. } => {
                self.rows("rows", rows, true);
                self.columns("column", rows, [column]);
                self.columns("factors", rows, factors);
                self.columns("divisors", rows, divisors);
                self.tolerance(*tolerance);
            }
            Rule::Sum { rows, column, terms, tolerance } => {
                self.rows("rows", rows, true);
                self.columns("column", rows, [column]);
                self.some("terms", terms);
                self.columns("terms", rows, terms);
                self.tolerance(*tolerance);
            }
            Rule::Mean { rows, member, members, column, tolerance, .. } => {
                self.rows("rows", rows, false);
                self.columns("member", rows, [member]);
                self.some("members", members);
                self.columns("column", rows, [column]);
                self.tolerance(*tolerance);
            }
            Rule::Counts { rows, rate, of, slack } => {
                self.rows("rows", rows, true);
                self.columns("rate", rows, [rate]);
                self.samples(rows, of);
                self.at_least_zero("slack", *slack);
            }
            Rule::LabelText { rows, label, column, cases, .. } => {
                self.rows("rows", rows, true);
                self.columns("label", rows, [label]);
                self.columns("column", rows, [column]);
                self.some("cases", cases);
            }
            Rule::LabelNumber { rows, label, columns, tolerance, .. } => {
                self.rows("rows", rows, true);
                self.columns("label", rows, [label]);
                self.some("columns", columns);
                self.columns("columns", rows, columns);
                self.tolerance(*tolerance);
            }
            Rule::Range { rows, column, least, most } => {
                self.rows("rows", rows, true);
                self.columns("column", rows, [column]);
                if least.is_none() && most.is_none() {
                    self.add("", "has neither a lower nor an upper bound");
                }
            }
            Rule::AtMost { rows, lesser, greater, slack } => {
                self.rows("rows", rows, true);
                self.columns("lesser", rows, [lesser]);
                self.columns("greater", rows, [greater]);
                self.at_least_zero("slack", *slack);
            }
            Rule::Monotonic { rows, order, column, slack, .. } => {
                self.rows("rows", rows, false);
                self.columns("order", rows, [order]);
                self.columns("column", rows, [column]);
                self.at_least_zero("slack", *slack);
            }
            Rule::Repeated { rows, within, columns, most } => {
                self.rows("rows", rows, false);
                self.columns("within", rows, within);
                self.some("columns", columns);
                self.columns("columns", rows, columns);
                if *most == 0 {
                    self.add("most", "is 0; a text that stands somewhere stands in 1 row");
                }
            }
            Rule::Constant { rows, within, column, tolerance } => {
                self.rows("rows", rows, true);
                self.columns("within", rows, within);
                self.columns("column", rows, [column]);
                self.tolerance(*tolerance);
            }
            Rule::OneOf { rows, column, texts } => {
                self.rows("rows", rows, true);
                self.columns("column", rows, [column]);
                self.some("texts", texts);
            }
            Rule::NonEmpty { rows, columns } => {
                self.rows("rows", rows, true);
                self.some("columns", columns);
                self.columns("columns", rows, columns);
            }
        }
    }

    fn add(&mut self, field: &str, message: &str) {
        let at = self.at.trim_end_matches('.');
        let path = if field.is_empty() { at.to_owned() } else { format!("{at}.{field}") };
        self.findings.add(path, message);
    }

    /// The rows of a table that exists, by columns it has.
    fn rows(&mut self, field: &str, rows: &CheckedRows, is_named: bool) {
        if self.experiment.table(&rows.table).is_none() {
            let at = format!("{}.{field}.table", self.at);
            let known = self.experiment.tables.iter().map(|table| table.name.as_str());
            self.findings.unknown(&at, "table", &rows.table, known);
            return;
        }
        if is_named && rows.key.is_empty() {
            self.add(&format!("{field}.key"), "is empty: nothing would name a row");
        }
        self.columns(&format!("{field}.key"), rows, &rows.key);
        self.columns(&format!("{field}.present"), rows, &rows.present);
        for (i, kept) in rows.keep.iter().enumerate() {
            self.columns(&format!("{field}.keep[{i}].column"), rows, [&kept.column]);
            self.some(&format!("{field}.keep[{i}].oneOf"), &kept.one_of);
        }
    }

    fn sides(&mut self, one: (&str, &Cells), other: (&str, &Cells)) {
        for (field, cells) in [one, other] {
            self.rows(&format!("{field}.rows"), &cells.rows, true);
            self.columns(&format!("{field}.column"), &cells.rows, [&cells.column]);
        }
        if one.1.rows.key.len() != other.1.rows.key.len() {
            let message =
                format!("the keys of `{}` and `{}` have different lengths", one.0, other.0);
            self.add("", &message);
        }
    }

    fn columns<'c>(
        &mut self,
        field: &str,
        rows: &CheckedRows,
        names: impl IntoIterator<Item = &'c String>,
    ) {
        let Some(columns) = self.tables.get(rows.table.as_str()) else { return };
        let columns = columns.set();
        for name in names {
            self.findings.column(&format!("{}.{field}", self.at), name, &columns);
        }
    }

    fn samples(&mut self, rows: &CheckedRows, of: &SampleCount) {
        match of {
            SampleCount::Constant(samples) => {
                if *samples == 0 {
                    self.add("of", "is 0 samples");
                }
            }
            SampleCount::Column(column) => self.columns("of", rows, [column]),
            SampleCount::ByText { column, counts } => {
                self.columns("of.column", rows, [column]);
                self.some("of.counts", counts);
                if counts.iter().any(|count| count.samples == 0) {
                    self.add("of.counts", "has 0 samples");
                }
            }
        }
    }

    fn some<T>(&mut self, field: &str, list: &[T]) {
        if list.is_empty() {
            self.add(field, "is empty");
        }
    }

    fn tolerance(&mut self, tolerance: Tolerance<f64>) {
        let (Tolerance::Absolute(margin) | Tolerance::Relative(margin)) = tolerance;
        self.at_least_zero("tolerance", margin);
    }

    fn at_least_zero(&mut self, field: &str, number: f64) {
        let at = format!("{}.{field}", self.at);
        self.findings.number_that(&at, number, |x| x >= 0.0, "0 or more");
    }
}
