//! Values: what an experiment says, once nothing is left to compute.

use std::collections::BTreeMap;

use dhall::semantics::{Nir, NirKind};
use dhall::syntax::NumKind;

use super::diagnostic::Finding;

/// Deeper values are refused, so that whatever walks a value may recurse.
pub(super) const DEPTH_MAX: usize = 100;

/// A Dhall value in normal form, without its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `True`, `False`.
    Bool(bool),
    /// `1`; less than 2^64.
    Natural(u64),
    /// `+1`, `-1`.
    Integer(i64),
    /// `1.5`, to the bit; may be an infinity or not a number.
    Double(f64),
    /// `"text"`.
    Text(String),
    /// `[ … ]`. What `toMap` makes stays a list of `{ mapKey, mapValue }`.
    List(Vec<Self>),
    /// `Some …`, `None T`.
    Optional(Option<Box<Self>>),
    /// `{ name = … }`.
    Record(BTreeMap<String, Self>),
    /// `< A | B : T >.B …`: the alternative and its payload.
    Union(String, Option<Box<Self>>),
}

impl Value {
    /// The field of a record.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(fields) => fields.get(name),
            _ => None,
        }
    }

    /// What sort of value this is, for messages: `a Natural`, `a record`.
    pub fn sort(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a Bool",
            Self::Natural(_) => "a Natural",
            Self::Integer(_) => "an Integer",
            Self::Double(_) => "a Double",
            Self::Text(_) => "a Text",
            Self::List(_) => "a List",
            Self::Optional(_) => "an Optional",
            Self::Record(_) => "a record",
            Self::Union(..) => "an alternative of a union",
        }
    }

    /// Reads a value off the engine's normal form.
    pub(super) fn from_normal_form(nir: &Nir<'_>) -> Result<Self, Box<Finding>> {
        convert(nir, &mut String::new(), 0)
    }
}

fn convert(nir: &Nir<'_>, path: &mut String, depth: usize) -> Result<Value, Box<Finding>> {
    if depth > DEPTH_MAX {
        let message = format!("values are nested more than {DEPTH_MAX} deep");
        return Err(Box::new(
            Finding::new(message).path(path.chars().take(60).collect::<String>()),
        ));
    }
    let depth = depth + 1;
    Ok(match nir.kind() {
        NirKind::Num(NumKind::Bool(value)) => Value::Bool(*value),
        NirKind::Num(NumKind::Natural(value)) => Value::Natural(*value),
        NirKind::Num(NumKind::Integer(value)) => Value::Integer(*value),
        NirKind::Num(NumKind::Double(value)) => Value::Double(f64::from(*value)),
        NirKind::TextLit(text) => {
            Value::Text(text.as_text().ok_or_else(|| no_value(path, "an open text"))?)
        }
        NirKind::EmptyOptionalLit(_) => Value::Optional(None),
        NirKind::NEOptionalLit(value) => {
            Value::Optional(Some(Box::new(convert(value, path, depth)?)))
        }
        NirKind::EmptyListLit(_) => Value::List(Vec::new()),
        NirKind::NEListLit(values) => {
            let elements = values.iter().enumerate().map(|(index, value)| {
                within(path, &format!("[{index}]"), |path| convert(value, path, depth))
            });
            Value::List(elements.collect::<Result<_, _>>()?)
        }
        NirKind::RecordLit(fields) => {
            let ordered: BTreeMap<_, _> =
                fields.iter().map(|(label, value)| (String::from(label), value)).collect();
            let converted = ordered.into_iter().map(|(label, value)| {
                let step = if path.is_empty() { label.clone() } else { format!(".{label}") };
                within(path, &step, |path| Ok((label, convert(value, path, depth)?)))
            });
            Value::Record(converted.collect::<Result<_, _>>()?)
        }
        NirKind::UnionLit(label, payload, _) => {
            let step = format!("<{}>", label.as_ref());
            let payload = within(path, &step, |path| convert(payload, path, depth))?;
            Value::Union(String::from(label), Some(Box::new(payload)))
        }
        NirKind::UnionConstructor(label, alternatives)
            if matches!(alternatives.get(label), Some(None)) =>
        {
            Value::Union(String::from(label), None)
        }
        NirKind::LamClosure { .. } | NirKind::UnionConstructor(..) | NirKind::AppliedBuiltin(_) => {
            return Err(no_value(path, "a function"));
        }
        NirKind::Assert(_) => return Err(no_value(path, "an `assert`")),
        _ => return Err(no_value(path, "a type")),
    })
}

fn within<T>(
    path: &mut String,
    step: &str,
    inside: impl FnOnce(&mut String) -> Result<T, Box<Finding>>,
) -> Result<T, Box<Finding>> {
    let length = path.len();
    path.push_str(step);
    let result = inside(path);
    path.truncate(length);
    result
}

fn no_value(path: &str, what: &str) -> Box<Finding> {
    let finding = Finding::new(format!("this is {what}, and an experiment consists of values"));
    let finding = if path.is_empty() { finding } else { finding.path(path) };
    Box::new(finding.hint("apply the function, or leave the field out of the record"))
}
