//! Why an action is not a hit: the nearest earlier action, and the fields that differ.
//!
//! A pure function over canonical bytes, those of recipes or of resolved actions alike.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The field: `params.train.seed`, `inputs.dataset.tree`, with list indices from 0 in brackets.
    pub path: String,
    /// What the earlier action has there, as JSON with fractions in decimal; `None`: nothing.
    pub before: Option<String>,
    /// What the wanted action has there; `None`: nothing.
    pub after: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "(absent)".to_owned());
        write!(f, "{}: {} → {}", self.path, side(&self.before), side(&self.after))
    }
}

/// The nearest earlier action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<T> {
    /// The earlier action.
    pub nearest: T,
    /// The fields that differ, in the order of their paths; empty if it is the same action.
    pub differences: Vec<Difference>,
}

/// Finds the candidate that differs from `wanted` in the fewest fields, the first of equals in the order of `T`; `None` if
/// no candidate is of the same job kind. Bytes that are not those of an action are passed over.
pub fn explain<'a, T: Ord>(
    wanted: &[u8],
    candidates: impl IntoIterator<Item = (T, &'a [u8])>,
) -> Option<Explanation<T>> {
    let wanted: Value = serde_json::from_slice(wanted).ok()?;
    let kind = kind_of(&wanted)?;
    let wanted_fields = flatten(&wanted);
    let mut nearest: Option<(usize, T, Vec<Difference>)> = None;
    for (name, bytes) in candidates {
        let Ok(candidate) = serde_json::from_slice::<Value>(bytes) else {
            continue;
        };
        if kind_of(&candidate) != Some(kind) {
            continue;
        }
        let found = compare(&flatten(&candidate), &wanted_fields);
        let is_nearer =
            nearest.as_ref().is_none_or(|(count, other, _)| (found.len(), &name) < (*count, other));
        if is_nearer {
            nearest = Some((found.len(), name, found));
        }
    }
    nearest.map(|(_, nearest, differences)| Explanation { nearest, differences })
}

/// The fields in which two canonical byte strings differ; `None` if either is not JSON.
pub fn differences(before: &[u8], after: &[u8]) -> Option<Vec<Difference>> {
    let before: Value = serde_json::from_slice(before).ok()?;
    let after: Value = serde_json::from_slice(after).ok()?;
    Some(compare(&flatten(&before), &flatten(&after)))
}

/// The one key of `params`: the job kind.
fn kind_of(action: &Value) -> Option<&str> {
    action.get("params")?.as_object()?.keys().next().map(String::as_str)
}

/// Every leaf by path. An empty list or record is a leaf.
fn flatten(value: &Value) -> BTreeMap<String, &Value> {
    let mut leaves = BTreeMap::new();
    collect_leaves(value, String::new(), &mut leaves);
    leaves
}

fn collect_leaves<'v>(value: &'v Value, path: String, leaves: &mut BTreeMap<String, &'v Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect_leaves(field, path, leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                collect_leaves(item, format!("{path}[{i}]"), leaves);
            }
        }
        leaf => {
            leaves.insert(path, leaf);
        }
    }
}

fn compare(before: &BTreeMap<String, &Value>, after: &BTreeMap<String, &Value>) -> Vec<Difference> {
    let show = |side: Option<&&Value>| side.map(|value| show(value));
    let difference = |path: &String| Difference {
        path: path.clone(),
        before: show(before.get(path)),
        after: show(after.get(path)),
    };
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let new_or_other = after.iter().filter(|(path, value)| before.get(*path) != Some(value));
    let mut found: Vec<_> =
        gone.chain(new_or_other.map(|(path, _)| path)).map(difference).collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// A leaf for people: a fraction that travels by its bits is shown in decimal.
fn show(leaf: &Value) -> String {
    match serde_json::from_value::<crate::action::canonical::Real>(leaf.clone()) {
        Ok(real) => real.get().to_string(),
        Err(_) => leaf.to_string(),
    }
}
