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

/// Every leaf of an action by path. An empty list or record is a leaf.
type Leaves = BTreeMap<String, Value>;

/// Earlier actions by job kind, each read once, to find the nearest of for many.
#[derive(Debug, Clone)]
pub struct Earlier<T> {
    by_kind: BTreeMap<String, Vec<(T, Leaves)>>,
}

impl<T: Ord + Clone> Earlier<T> {
    /// Reads canonical bytes; those that are not an action's are passed over.
    pub fn new<'a>(actions: impl IntoIterator<Item = (T, &'a [u8])>) -> Self {
        let mut by_kind: BTreeMap<String, Vec<(T, Leaves)>> = BTreeMap::new();
        for (name, bytes) in actions {
            if let Some((kind, leaves)) = read(bytes) {
                by_kind.entry(kind).or_default().push((name, leaves));
            }
        }
        by_kind.values_mut().for_each(|actions| actions.sort_by(|(a, _), (b, _)| a.cmp(b)));
        Self { by_kind }
    }

    /// The action that differs from `wanted` in the fewest fields, the first of equals in the order of `T`; `None` if
    /// none is of the same job kind.
    pub fn nearest(&self, wanted: &[u8]) -> Option<Explanation<T>> {
        let (kind, wanted) = read(wanted)?;
        let mut fewest = usize::MAX;
        let mut nearest = None;
        for (name, leaves) in self.by_kind.get(&kind)? {
            let count = count_differing(leaves, &wanted, fewest);
            if count < fewest {
                (fewest, nearest) = (count, Some((name, leaves)));
            }
        }
        let (name, leaves) = nearest?;
        Some(Explanation { nearest: name.clone(), differences: compare(leaves, &wanted) })
    }
}

/// The fields in which two canonical byte strings differ; `None` if either is not JSON.
pub fn differences(before: &[u8], after: &[u8]) -> Option<Vec<Difference>> {
    let [before, after] = [before, after].map(|bytes| serde_json::from_slice(bytes).ok());
    Some(compare(&flatten(before?), &flatten(after?)))
}

/// An action's job kind, which is the one key of `params`, and its leaves.
fn read(bytes: &[u8]) -> Option<(String, Leaves)> {
    let action: Value = serde_json::from_slice(bytes).ok()?;
    let kind = action.get("params")?.as_object()?.keys().next()?.clone();
    Some((kind, flatten(action)))
}

fn flatten(value: Value) -> Leaves {
    let mut leaves = Leaves::new();
    collect_leaves(value, String::new(), &mut leaves);
    leaves
}

fn collect_leaves(value: Value, path: String, leaves: &mut Leaves) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                collect_leaves(field, path, leaves);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.into_iter().enumerate() {
                collect_leaves(item, format!("{path}[{i}]"), leaves);
            }
        }
        leaf => {
            leaves.insert(path, leaf);
        }
    }
}

/// In how many fields two actions differ; counted no further than `enough`.
fn count_differing(before: &Leaves, after: &Leaves, enough: usize) -> usize {
    let new_or_other = after.iter().filter(|(path, value)| before.get(*path) != Some(*value));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    new_or_other.map(|(path, _)| path).chain(gone).take(enough).count()
}

fn compare(before: &Leaves, after: &Leaves) -> Vec<Difference> {
    let difference = |path: &String| Difference {
        path: path.clone(),
        before: before.get(path).map(show),
        after: after.get(path).map(show),
    };
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let new_or_other = after.iter().filter(|(path, value)| before.get(*path) != Some(*value));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_that_were_read_once_explain_any_number_of_others() {
        let action = |kind: &str, values: [u64; 3]| {
            let [a, b, c] = values;
            format!(r#"{{"inputs":{{}},"params":{{"{kind}":{{"a":{a},"b":[{b},{c}]}}}}}}"#)
        };
        let known = [
            ("third", action("fit", [1, 2, 3])),
            ("second", action("fit", [1, 2, 4])),
            ("first", action("draw", [1, 2, 3])),
            ("rubbish", "{".to_owned()),
        ];
        let earlier = Earlier::new(known.iter().map(|(name, bytes)| (*name, bytes.as_bytes())));
        let nearest = |kind, values| {
            let found = earlier.nearest(action(kind, values).as_bytes())?;
            Some((found.nearest, found.differences.len()))
        };
        assert_eq!(nearest("fit", [1, 2, 3]), Some(("third", 0)));
        assert_eq!(nearest("fit", [1, 2, 4]), Some(("second", 0)));
        assert_eq!(nearest("fit", [1, 9, 3]), Some(("third", 1)));
        assert_eq!(nearest("fit", [1, 2, 5]), Some(("second", 1)), "of two that are as near");
        assert_eq!(nearest("fit", [7, 8, 9]), Some(("second", 3)));
        assert_eq!(nearest("draw", [1, 2, 3]), Some(("first", 0)));
        assert_eq!(nearest("train", [1, 2, 3]), None);
        assert!(earlier.nearest(b"rubbish").is_none());
    }
}
