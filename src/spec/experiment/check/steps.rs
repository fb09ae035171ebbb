//! Rules of a table's steps: the columns each of them reads are there, and what they are after it.
//!
//! Where the columns are not known, because a table that is read does not exist or is made of itself, only what needs no
//! columns is checked: one mistake is one finding.

use std::collections::BTreeSet;

use super::Findings;
use super::tables::Columns;
use crate::spec::experiment::{
    Aggregated, Aggregation, Derivation, Derived, JoinKey, Keep, Operand, Selected, SortKey,
    SortOrder, Step,
};

/// Checks a step on `columns`, and makes of them what they are after it. `other`: the columns of the table it reads.
pub(super) fn check_step(
    findings: &mut Findings<'_>,
    at: &str,
    step: &Step,
    columns: &mut Option<Columns>,
    other: Option<Columns>,
) {
    let check = Check { findings, at, columns: columns.clone() };
    let after = match step {
        Step::Keep(keep) | Step::Drop(keep) => check.keep(keep),
        Step::Within { column, least, most } => check.within(column, *least, *most),
        Step::Derive(derived) => check.derive(derived),
        Step::Aggregate { by, columns } => check.aggregate(by, columns),
        Step::Join { on, take, .. } => check.join(on, take, other.as_ref()),
        Step::Union(_) => check.union(other.as_ref()),
        Step::Pivot { keys, column, value, texts } => check.pivot(keys, column, value, texts),
        Step::Sort(keys) => check.sort(keys),
        Step::Select(selected) => check.select(selected),
    };
    *columns = after;
}

struct Check<'f, 'a> {
    findings: &'f mut Findings<'a>,
    at: &'f str,
    columns: Option<Columns>,
}

impl Check<'_, '_> {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        let at = format!("{}{field}", self.at);
        self.findings.add(at, message);
    }

    /// A column that is there.
    fn column(&mut self, field: &str, name: &str) {
        if let Some(columns) = &self.columns {
            let at = format!("{}{field}", self.at);
            self.findings.column(&at, name, &columns.set());
        }
    }

    /// A column that is there and may hold numbers.
    fn number(&mut self, field: &str, name: &str) {
        self.column(field, name);
        if self.columns.as_ref().is_some_and(|columns| columns.texts.contains(name)) {
            self.add(field, format!("column `{name}` holds texts, not numbers"));
        }
    }

    /// Adds a column that must be new.
    fn push(&mut self, field: &str, name: &str, is_text: bool) {
        if name.is_empty() {
            self.add(field, "is empty");
        }
        if self.columns.as_ref().is_some_and(|columns| columns.has(name)) {
            self.add(field, format!("there is a column `{name}` already; select renames it"));
        }
        if let Some(columns) = &mut self.columns {
            columns.push(name, is_text);
        }
    }

    fn is_text(&self, name: &str) -> bool {
        self.columns.as_ref().is_some_and(|columns| columns.texts.contains(name))
    }

    fn keep(mut self, keep: &Keep) -> Option<Columns> {
        self.column(".column", &keep.column);
        if keep.one_of.is_empty() {
            self.add(".oneOf", "is empty");
        }
        self.columns
    }

    fn within(mut self, column: &str, least: f64, most: f64) -> Option<Columns> {
        self.number(".column", column);
        let (low, high) = (format!("{}.least", self.at), format!("{}.most", self.at));
        let are_numbers = self.findings.number(&low, least) & self.findings.number(&high, most);
        if are_numbers && least > most {
            self.add(".least", format!("is {least}, above most ({most})"));
        }
        self.columns
    }

    fn derive(mut self, derived: &Derived) -> Option<Columns> {
        let value = &derived.value;
        for column in value.numbers() {
            self.number(".value", column);
        }
        for column in value.texts() {
            self.column(".value", column);
        }
        for number in constants(value) {
            let at = format!("{}.value", self.at);
            self.findings.number(&at, number);
        }
        let is_empty = match value {
            Derivation::Sum(operands) | Derivation::Product(operands) => operands.is_empty(),
            Derivation::Joined(parts) => parts.is_empty(),
            Derivation::FirstNonEmpty(columns) => columns.is_empty(),
            Derivation::Between { after, before, .. } => after.is_empty() && before.is_empty(),
            _ => false,
        };
        if is_empty {
            self.add(".value", "is made of nothing");
        }
        if let Derivation::Choice { cases, .. } = value {
            let mut texts = BTreeSet::new();
            for (i, case) in cases.iter().enumerate() {
                let at = format!("{}.value.cases[{i}].text", self.at);
                self.findings.unique(&at, &case.text, &mut texts);
            }
        }
        // An empty cell is no number, but not a text in place of one either.
        let is_text = matches!(value, Derivation::Text(text) if !text.is_empty() && text.parse::<f64>().is_err());
        self.push(".name", &derived.name, is_text);
        self.columns
    }

    fn aggregate(mut self, by: &[String], aggregated: &[Aggregated]) -> Option<Columns> {
        let mut after = Columns::default();
        let mut keys = BTreeSet::new();
        for (i, column) in by.iter().enumerate() {
            let field = format!(".by[{i}]");
            self.column(&field, column);
            let at = format!("{}{field}", self.at);
            self.findings.unique(&at, column, &mut keys);
            after.push(column, self.is_text(column));
        }
        for (i, Aggregated { name, column, how }) in aggregated.iter().enumerate() {
            let field = format!(".columns[{i}].column");
            match how {
                Aggregation::Count | Aggregation::First => self.column(&field, column),
                Aggregation::AtMinimum(other) | Aggregation::AtMaximum(other) => {
                    self.column(&field, column);
                    self.number(&format!(".columns[{i}].how"), other);
                }
                Aggregation::Sum
                | Aggregation::Mean
                | Aggregation::Minimum
                | Aggregation::Maximum => self.number(&field, column),
            }
            if after.has(name) || name.is_empty() {
                self.add(&format!(".columns[{i}].name"), format!("`{name}` is empty or taken"));
            }
            let keeps_cells = matches!(
                how,
                Aggregation::First | Aggregation::AtMinimum(_) | Aggregation::AtMaximum(_)
            );
            after.push(name, keeps_cells && self.is_text(column));
        }
        self.columns.map(|_| after)
    }

    fn join(
        mut self,
        on: &[JoinKey],
        take: &[Selected],
        other: Option<&Columns>,
    ) -> Option<Columns> {
        if on.is_empty() {
            self.add(".on", "is empty: which rows belong together?");
        }
        for (i, key) in on.iter().enumerate() {
            self.column(&format!(".on[{i}].left"), &key.left);
            if let Some(other) = other {
                let at = format!("{}.on[{i}].right", self.at);
                self.findings.column(&at, &key.right, &other.set());
            }
        }
        for (i, Selected { column, name }) in take.iter().enumerate() {
            if let Some(other) = other {
                let at = format!("{}.take[{i}].column", self.at);
                self.findings.column(&at, column, &other.set());
            }
            let is_text = other.is_some_and(|other| other.texts.contains(column));
            self.push(&format!(".take[{i}].name"), name, is_text);
        }
        self.columns
    }

    fn union(mut self, other: Option<&Columns>) -> Option<Columns> {
        let mut columns = self.columns.clone()?;
        let other = other?;
        let (here, there) = (columns.set(), other.set());
        let list = |names: Vec<&String>| {
            names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let missing: Vec<_> = here.difference(&there).collect();
        let surplus: Vec<_> = there.difference(&here).collect();
        if !missing.is_empty() {
            self.add("", format!("the other table has no column {}", list(missing)));
        }
        if !surplus.is_empty() {
            self.add("", format!("the other table also has {}; select drops them", list(surplus)));
        }
        columns.texts.retain(|name| other.texts.contains(name));
        Some(columns)
    }

    fn pivot(
        mut self,
        keys: &[String],
        column: &str,
        value: &str,
        texts: &[String],
    ) -> Option<Columns> {
        let mut after = Columns::default();
        for (i, key) in keys.iter().enumerate() {
            self.column(&format!(".keys[{i}]"), key);
            after.push(key, self.is_text(key));
        }
        self.column(".column", column);
        self.column(".value", value);
        if texts.is_empty() {
            self.add(".texts", "is empty: no column would be made");
        }
        for (i, text) in texts.iter().enumerate() {
            if after.has(text) || text.is_empty() {
                self.add(&format!(".texts[{i}]"), format!("`{text}` is empty or taken"));
            }
            after.push(text, self.is_text(value));
        }
        self.columns.map(|_| after)
    }

    fn sort(mut self, keys: &[SortKey]) -> Option<Columns> {
        if keys.is_empty() {
            self.add("", "has no key");
        }
        for (i, SortKey { column, order }) in keys.iter().enumerate() {
            let field = format!("[{i}].column");
            match order {
                SortOrder::NumberAscending | SortOrder::NumberDescending => {
                    self.number(&field, column);
                }
                SortOrder::TextAscending | SortOrder::TextDescending => self.column(&field, column),
                SortOrder::Listed(texts) => {
                    self.column(&field, column);
                    let mut known = BTreeSet::new();
                    for text in texts {
                        let at = format!("{}[{i}].order", self.at);
                        self.findings.unique(&at, text, &mut known);
                    }
                }
            }
        }
        self.columns
    }

    fn select(mut self, selected: &[Selected]) -> Option<Columns> {
        let mut after = Columns::default();
        for (i, Selected { column, name }) in selected.iter().enumerate() {
            self.column(&format!("[{i}].column"), column);
            if after.has(name) || name.is_empty() {
                self.add(&format!("[{i}].name"), format!("`{name}` is empty or taken"));
            }
            after.push(name, self.is_text(column));
        }
        if selected.is_empty() {
            self.add("", "keeps no column");
        }
        self.columns.map(|_| after)
    }
}

/// The numbers that a derivation states.
fn constants(value: &Derivation) -> Vec<f64> {
    let of = |operand: &Operand| match operand {
        Operand::Number(number) => Some(*number),
        Operand::Column(_) => None,
    };
    match value {
        Derivation::Number(number) => vec![*number],
        Derivation::Sum(operands) | Derivation::Product(operands) => {
            operands.iter().filter_map(of).collect()
        }
        Derivation::Difference { minuend: a, subtrahend: b }
        | Derivation::Quotient { numerator: a, denominator: b } => {
            [a, b].into_iter().filter_map(of).collect()
        }
        _ => Vec::new(),
    }
}
