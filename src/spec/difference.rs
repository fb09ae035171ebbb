//! The semantic difference of two experiments: what changed, path by path, whatever the files look like.

use std::collections::BTreeSet;

use super::show::show;
use super::value::Value;

/// One place where two values differ.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Where: `runs[3].train.batchSize`; empty for the whole.
    pub path: String,
    /// The value on the left, on one line; nothing if there is none.
    pub left: Option<String>,
    /// The value on the right, on one line; nothing if there is none.
    pub right: Option<String>,
}

/// All places where `left` and `right` differ, in order; none exactly if they are the same to the bit.
///
/// Lists are compared from both ends, so that one inserted element is one difference.
pub fn diff(left: &Value, right: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare(left, right, "", &mut differences);
    differences
}

fn compare(left: &Value, right: &Value, path: &str, out: &mut Vec<Difference>) {
    match (left, right) {
        (Value::Record(left), Value::Record(right)) => {
            let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                pair(left.get(name), right.get(name), &path, out);
            }
        }
        (Value::List(left), Value::List(right)) => lists(left, right, path, out),
        (Value::Union(here, left), Value::Union(there, right)) if here == there => {
            pair(left.as_deref(), right.as_deref(), &format!("{path}<{here}>"), out);
        }
        (Value::Optional(Some(left)), Value::Optional(Some(right))) => {
            compare(left, right, path, out);
        }
        _ => {
            if !same(left, right) {
                pair_differs(Some(left), Some(right), path, out);
            }
        }
    }
}

fn pair(left: Option<&Value>, right: Option<&Value>, path: &str, out: &mut Vec<Difference>) {
    match (left, right) {
        (Some(left), Some(right)) => compare(left, right, path, out),
        (None, None) => {}
        _ => pair_differs(left, right, path, out),
    }
}

fn pair_differs(
    left: Option<&Value>,
    right: Option<&Value>,
    path: &str,
    out: &mut Vec<Difference>,
) {
    let text = |value: Option<&Value>| value.map(|value| shortened(&show(value)));
    out.push(Difference { path: path.to_owned(), left: text(left), right: text(right) });
}

fn lists(left: &[Value], right: &[Value], path: &str, out: &mut Vec<Difference>) {
    let element = |index: usize| format!("{path}[{index}]");
    if left.len() == right.len() {
        for (index, (left, right)) in left.iter().zip(right).enumerate() {
            compare(left, right, &element(index), out);
        }
        return;
    }
    let prefix = left.iter().zip(right).take_while(|(left, right)| same(left, right)).count();
    let (left_rest, right_rest) = (&left[prefix..], &right[prefix..]);
    let suffix = left_rest
        .iter()
        .rev()
        .zip(right_rest.iter().rev())
        .take_while(|(left, right)| same(left, right))
        .count();
    let left_rest = &left_rest[..left_rest.len() - suffix];
    let right_rest = &right_rest[..right_rest.len() - suffix];
    for index in 0..left_rest.len().max(right_rest.len()) {
        pair(left_rest.get(index), right_rest.get(index), &element(prefix + index), out);
    }
}

/// Equality to the bit: a NaN is itself, and the zeros differ.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.to_bits() == right.to_bits(),
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Optional(left), Value::Optional(right)) => match (left, right) {
            (Some(left), Some(right)) => same(left, right),
            (left, right) => left.is_none() && right.is_none(),
        },
        (Value::Record(left), Value::Record(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((name, left), (other, right))| name == other && same(left, right))
        }
        (Value::Union(here, left), Value::Union(there, right)) => {
            here == there
                && match (left, right) {
                    (Some(left), Some(right)) => same(left, right),
                    (left, right) => left.is_none() && right.is_none(),
                }
        }
        _ => left == right,
    }
}

const SHOWN_MAX: usize = 100;

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= SHOWN_MAX {
        return line;
    }
    let mut cut: String = line.chars().take(SHOWN_MAX - 2).collect();
    cut.push_str(" …");
    cut
}
