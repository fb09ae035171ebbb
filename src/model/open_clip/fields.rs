//! Fields of a JSON object, each taken once; what is left over, or cannot be honoured, is noted by its name.

use serde_json::{Map, Value};

/// An object whose fields are being read.
pub(super) struct Fields<'r> {
    prefix: String,
    map: Map<String, Value>,
    refused: &'r mut Vec<String>,
}

impl<'r> Fields<'r> {
    /// The fields of the object called `name`; a missing one has none.
    pub(super) fn of(name: &str, value: Value, refused: &'r mut Vec<String>) -> Self {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
        let map = match value {
            Value::Object(map) => map,
            Value::Null => Map::new(),
            _ => {
                let what = if name.is_empty() { "it".to_owned() } else { format!("`{name}`") };
                refused.push(format!("{what} is no object"));
                Map::new()
            }
        };
        Self { prefix, map, refused }
    }

    /// Notes that a field cannot be honoured.
    pub(super) fn refuse(&mut self, name: &str, reason: &str) {
        self.refused.push(format!("`{}{}` {reason}", self.prefix, name.escape_debug()));
    }

    /// The field's value; `None` if it is absent or null.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// Does not read the fields: nothing here depends on them.
    pub(super) fn ignore(&mut self, names: &[&str]) {
        names.iter().for_each(|name| drop(self.map.remove(*name)));
    }

    /// A natural number.
    pub(super) fn natural(&mut self, name: &str, default: Option<u64>) -> u64 {
        let value = self.take(name);
        let number = value.as_ref().map_or(default, Value::as_u64);
        number.unwrap_or_else(|| {
            let reason = shown(value.as_ref());
            self.refuse(name, &format!("is {reason}; a natural number is expected"));
            0
        })
    }

    /// The side of a square: a number, or the same number twice.
    pub(super) fn side(&mut self, name: &str, default: Option<u64>) -> u64 {
        match self.map.get(name).and_then(Value::as_array).map(Vec::as_slice) {
            Some([height, width]) if height == width => {
                let side = height.clone();
                self.map.insert(name.to_owned(), side);
            }
            Some(_) => {
                self.map.remove(name);
                self.refuse(name, "is not a square");
                return 0;
            }
            None => {}
        }
        self.natural(name, default)
    }

    /// A fraction.
    pub(super) fn fraction(&mut self, name: &str, default: f64) -> f64 {
        let value = self.take(name);
        value.as_ref().map_or(Some(default), Value::as_f64).unwrap_or_else(|| {
            self.refuse(name, &format!("is {}; a number is expected", shown(value.as_ref())));
            0.0
        })
    }

    /// A truth value.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let value = self.take(name);
        value.as_ref().map_or(Some(false), Value::as_bool).unwrap_or_else(|| {
            self.refuse(name, &format!("is {}; true or false is expected", shown(value.as_ref())));
            false
        })
    }

    /// Refuses every value but those in `supported`, the first of which is meant where the field is absent.
    pub(super) fn only(&mut self, name: &str, supported: &[Value]) {
        let Some(value) = self.take(name) else {
            return;
        };
        if !supported.contains(&value) {
            let reason = format!("is {}; only {} is supported", shown(Some(&value)), supported[0]);
            self.refuse(name, &reason);
        }
    }

    /// Three numbers, one for each channel.
    pub(super) fn channels(&mut self, name: &str, default: [f64; 3]) -> [f64; 3] {
        let Some(value) = self.take(name) else {
            return default;
        };
        let numbers = value.as_array().and_then(|numbers| {
            numbers.iter().map(Value::as_f64).collect::<Option<Vec<_>>>()?.try_into().ok()
        });
        numbers.unwrap_or_else(|| {
            self.refuse(name, &format!("is {}; three numbers are expected", shown(Some(&value))));
            default
        })
    }

    /// Refuses what was not taken.
    pub(super) fn finish(mut self) {
        let left: Vec<String> =
            std::mem::take(&mut self.map).into_iter().map(|(name, _)| name).collect();
        for name in left {
            self.refuse(&name, "is not known, and might change what the model computes");
        }
    }
}

/// A value as messages show it: not more than a line of it.
fn shown(value: Option<&Value>) -> String {
    const SHOWN_MAX: usize = 60;
    let Some(value) = value else {
        return "absent".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
