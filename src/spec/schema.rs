//! Compares two types and says every difference at once, with its path.

use std::collections::BTreeMap;

use dhall::builtins::Builtin;
use dhall::operations::OpKind;
use dhall::syntax::{Expr, ExprKind, Label};

/// One difference between the type that is there and the type that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Steps from the compared value to the difference.
    pub(super) steps: Vec<Step>,
    pub(super) message: String,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
    pub(super) hint: Option<String>,
    /// A field is wanted and not there.
    pub(super) is_missing: bool,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Field(String),
    /// Any element of a list.
    Element,
    /// The payload of an alternative.
    Alternative(String),
    /// The content of an Optional.
    Content,
}

/// Writes steps behind `path`: `runs[].train<Cosine>.warmup`.
pub(super) fn extended(path: &str, steps: &[Step]) -> String {
    let mut path = path.to_owned();
    for step in steps {
        match step {
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => path.extend([".", name]),
            Step::Element => path.push_str("[]"),
            Step::Alternative(name) => path.extend(["<", name, ">"]),
            Step::Content => path.push('?'),
        }
    }
    path
}

/// All differences between two types in normal form.
pub(super) fn differences(found: &Expr, expected: &Expr) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    compare(found, expected, &mut Vec::new(), &mut mismatches);
    mismatches
}

fn compare(found: &Expr, expected: &Expr, steps: &mut Vec<Step>, out: &mut Vec<Mismatch>) {
    if found == expected {
        return;
    }
    match (found.kind(), expected.kind()) {
        (ExprKind::RecordType(there), ExprKind::RecordType(wanted)) => {
            records(there, wanted, steps, out);
        }
        (ExprKind::UnionType(there), ExprKind::UnionType(wanted)) => {
            unions(there, wanted, steps, out);
        }
        (
            ExprKind::Op(OpKind::App(constructor, there)),
            ExprKind::Op(OpKind::App(other, wanted)),
        ) if constructor == other => {
            let is_list = matches!(constructor.kind(), ExprKind::Builtin(Builtin::List));
            steps.push(if is_list { Step::Element } else { Step::Content });
            compare(there, wanted, steps, out);
            steps.pop();
        }
        _ => {
            let mut mismatch = typed("wrong type", expected, &short(found), steps);
            mismatch.hint = conversion(&short(expected), &short(found))
                .or_else(|| how_to_write(expected, found));
            out.push(mismatch);
        }
    }
}

fn records(
    there: &BTreeMap<Label, Expr>,
    wanted: &BTreeMap<Label, Expr>,
    steps: &mut Vec<Step>,
    out: &mut Vec<Mismatch>,
) {
    let unclaimed: Vec<_> = there.keys().filter(|name| !wanted.contains_key(*name)).collect();
    let free: Vec<_> = wanted.keys().filter(|name| !there.contains_key(*name)).collect();
    for (name, wanted_type) in wanted {
        steps.push(Step::Field(String::from(name)));
        match there.get(name) {
            Some(type_there) => compare(type_there, wanted_type, steps, out),
            None => out.push(missing(name, wanted_type, &unclaimed, steps)),
        }
        steps.pop();
    }
    for name in unclaimed {
        steps.push(Step::Field(String::from(name)));
        let mut mismatch = unknown("field", name, &free, steps);
        if mismatch.hint.is_none() && !wanted.is_empty() {
            let names: Vec<String> = wanted.keys().map(String::from).collect();
            mismatch.hint = Some(format!("its fields are: {}", listed(&names)));
        }
        out.push(mismatch);
        steps.pop();
    }
}

fn unions(
    there: &BTreeMap<Label, Option<Expr>>,
    wanted: &BTreeMap<Label, Option<Expr>>,
    steps: &mut Vec<Step>,
    out: &mut Vec<Mismatch>,
) {
    for (name, wanted_type) in wanted {
        steps.push(Step::Alternative(String::from(name)));
        match (there.get(name), wanted_type) {
            (Some(Some(type_there)), Some(wanted_type)) => {
                compare(type_there, wanted_type, steps, out);
            }
            (Some(None), None) => {}
            (None, _) => out.push(plain("this alternative is missing", steps)),
            (Some(None), Some(wanted_type)) => {
                let message = "this alternative lacks its value";
                out.push(typed(message, wanted_type, "nothing", steps));
            }
            (Some(Some(type_there)), None) => {
                let mut mismatch = plain("this alternative carries a value and should not", steps);
                mismatch.found = Some(short(type_there));
                out.push(mismatch);
            }
        }
        steps.pop();
    }
    let free: Vec<_> = wanted.keys().filter(|name| !there.contains_key(*name)).collect();
    for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
        steps.push(Step::Alternative(String::from(name)));
        out.push(unknown("alternative", name, &free, steps));
        steps.pop();
    }
}

fn plain(message: &str, steps: &[Step]) -> Mismatch {
    Mismatch {
        steps: steps.to_vec(),
        message: message.to_owned(),
        expected: None,
        found: None,
        hint: None,
        is_missing: false,
    }
}

fn typed(message: &str, expected: &Expr, found: &str, steps: &[Step]) -> Mismatch {
    let mut mismatch = plain(message, steps);
    mismatch.expected = Some(short(expected));
    mismatch.found = Some(found.to_owned());
    mismatch
}

fn missing(name: &Label, wanted: &Expr, unclaimed: &[&Label], steps: &[Step]) -> Mismatch {
    let mut mismatch = plain(&format!("missing (expected {})", short(wanted)), steps);
    mismatch.is_missing = true;
    mismatch.hint = nearest(name.as_ref(), unclaimed.iter().map(|label| label.as_ref()))
        .map(|near| format!("rename `{near}` to `{}`?", name.as_ref()));
    mismatch
}

fn unknown(what: &str, name: &Label, free: &[&Label], steps: &[Step]) -> Mismatch {
    let mut mismatch = plain(&format!("the schema has no such {what}"), steps);
    mismatch.hint = nearest(name.as_ref(), free.iter().map(|label| label.as_ref()))
        .map(|near| format!("did you mean `{near}`?"));
    mismatch
}

/// How to write the value that was probably meant.
pub(super) fn conversion(expected: &str, found: &str) -> Option<String> {
    let hint = match (expected, found) {
        ("Natural", "Integer") => "write it without its sign: `1` is a Natural, `+1` an Integer",
        ("Integer", "Natural") => "write its sign: `+1` is an Integer, `1` a Natural",
        ("Double", "Natural" | "Integer") => "write a decimal point: `1.0` is a Double",
        ("Natural", "Double") => "write it without a decimal point: `1` is a Natural",
        ("Text", "Natural") => "`Natural/show` makes a Text of a Natural",
        ("Natural" | "Integer" | "Double" | "Bool", "Text") => {
            "write it without quotes: in quotes it is a Text"
        }
        ("Text", _) => "put it in double quotes",
        _ if expected.strip_prefix("Optional ") == Some(found) => "wrap it: `Some …`",
        _ if found.strip_prefix("Optional ") == Some(expected) => {
            "it must be there: write the value without `Some`"
        }
        _ if expected.strip_prefix("List ") == Some(found) => "put it in brackets: `[ … ]`",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// How a value of the type is written, where nothing is known of what was meant.
fn how_to_write(expected: &Expr, found: &Expr) -> Option<String> {
    if let ExprKind::Pi(_, _, result) = found.kind()
        && result == expected
    {
        return Some("give it its argument: this is a function that makes such a value".to_owned());
    }
    let text = match expected.kind() {
        ExprKind::UnionType(alternatives) => {
            let names: Vec<String> = alternatives.keys().map(String::from).collect();
            return Some(format!("name an alternative of the union: {}", listed(&names)));
        }
        ExprKind::RecordType(_) => {
            "a record is written `{ name = value }`, or with the schema: `schema.Name::{ … }`"
        }
        ExprKind::Op(OpKind::App(constructor, _)) => match constructor.kind() {
            ExprKind::Builtin(Builtin::List) => "a list is written in brackets: `[ … ]`",
            ExprKind::Builtin(Builtin::Optional) => "it is `Some …`, or `None` with the type",
            _ => return None,
        },
        ExprKind::Builtin(builtin) => match builtin {
            Builtin::Bool => "a Bool is `True` or `False`",
            Builtin::Natural => "a Natural is written in digits: `1`",
            Builtin::Integer => "an Integer is written with its sign: `+1`",
            Builtin::Double => "a Double is written with a decimal point: `1.0`",
            _ => return None,
        },
        _ => return None,
    };
    Some(text.to_owned())
}

/// Names in backticks.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let mut quoted: Vec<String> =
        names.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
    if names.len() > SHOWN_MAX {
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

/// Types longer than this are shown in part.
const TYPE_SHOWN_MAX: usize = 90;

/// A type on one short line.
pub(super) fn short(tree: &Expr) -> String {
    let text = tree.to_string();
    if text.chars().count() <= TYPE_SHOWN_MAX {
        return text;
    }
    let mut cut: String = text.chars().take(TYPE_SHOWN_MAX - 2).collect();
    cut.push_str(" …");
    cut
}

/// The name most like `name`, if one is like it.
pub(super) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let (distance, near) = names
        .map(|other| (edit_distance(name, other), other))
        .min_by_key(|(distance, _)| *distance)?;
    let length = name.chars().count();
    // Every name of one or two letters is like every other.
    let most = if length < 3 { 0 } else { length.div_ceil(3) };
    (distance <= most).then_some(near)
}

/// Insertions, deletions and replacements between two names, letters compared without case.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (number, from) in left.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
