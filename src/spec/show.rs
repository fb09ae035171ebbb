//! Values and normal forms as text for people, at most 100 columns wide where that is possible.

use dhall::operations::OpKind;
use dhall::syntax::{Expr, ExprKind, NumKind};

use super::value::Value;

const WIDTH: usize = 100;

/// A value as Dhall text, except that alternatives are written without their union: `Cosine { warmup = 10 }`.
pub fn show(value: &Value) -> String {
    rendered(&of_value(value))
}

/// A normal form as Dhall text that evaluates to the same semantic hash.
pub(super) fn dhall(tree: &Expr) -> String {
    rendered(&of_tree(tree))
}

/// A text that is either on one line or broken at its commas.
enum Layout {
    Line(String),
    Items {
        open: &'static str,
        close: &'static str,
        separator: &'static str,
        items: Vec<(String, Self)>,
        width: usize,
    },
    /// Something before a layout: `Some …`, `< … >.A …`.
    Prefixed(String, Box<Self>),
}

impl Layout {
    fn width(&self) -> usize {
        match self {
            Self::Line(text) => text.chars().count(),
            Self::Items { width, .. } => *width,
            Self::Prefixed(prefix, inner) => prefix.chars().count() + inner.width(),
        }
    }

    fn items(
        open: &'static str,
        close: &'static str,
        separator: &'static str,
        items: Vec<(String, Self)>,
    ) -> Self {
        let inner: usize =
            items.iter().map(|(prefix, item)| prefix.chars().count() + item.width() + 2).sum();
        Self::Items { open, close, separator, items, width: inner + 4 }
    }

    fn write(&self, indent: usize, out: &mut String) {
        match self {
            Self::Line(text) => out.push_str(text),
            Self::Prefixed(prefix, inner) => {
                out.push_str(prefix);
                inner.write(indent + 2, out);
            }
            Self::Items { open, close, separator, items, width } => {
                let broken = indent + width > WIDTH;
                for (number, (prefix, item)) in items.iter().enumerate() {
                    if broken && (number > 0 || indent > 0) {
                        out.push('\n');
                        out.push_str(&" ".repeat(indent));
                    }
                    let sign = if number == 0 { open } else { separator };
                    if number > 0 && !broken && *separator != "," {
                        out.push(' ');
                    }
                    out.push_str(sign);
                    out.push(' ');
                    out.push_str(prefix);
                    item.write(indent + 4, out);
                }
                if broken {
                    out.push('\n');
                    out.push_str(&" ".repeat(indent));
                } else {
                    out.push(' ');
                }
                out.push_str(close);
            }
        }
    }
}

fn rendered(layout: &Layout) -> String {
    let mut out = String::new();
    layout.write(0, &mut out);
    out
}

fn of_value(value: &Value) -> Layout {
    match value {
        Value::Bool(true) => Layout::Line("True".to_owned()),
        Value::Bool(false) => Layout::Line("False".to_owned()),
        Value::Natural(value) => Layout::Line(value.to_string()),
        Value::Integer(value) => Layout::Line(format!("{value:+}")),
        Value::Double(value) => Layout::Line(double(*value)),
        Value::Text(value) => Layout::Line(quoted(value)),
        Value::Optional(None) => Layout::Line("None".to_owned()),
        Value::Optional(Some(value)) => {
            Layout::Prefixed("Some ".to_owned(), Box::new(of_value(value)))
        }
        Value::List(values) if values.is_empty() => Layout::Line("[]".to_owned()),
        Value::List(values) => {
            let items = values.iter().map(|value| (String::new(), of_value(value))).collect();
            Layout::items("[", "]", ",", items)
        }
        Value::Record(fields) if fields.is_empty() => Layout::Line("{=}".to_owned()),
        Value::Record(fields) => {
            let items = fields
                .iter()
                .map(|(name, value)| (format!("{} = ", label(name)), of_value(value)))
                .collect();
            Layout::items("{", "}", ",", items)
        }
        Value::Union(alternative, None) => Layout::Line(label(alternative)),
        Value::Union(alternative, Some(payload)) => {
            Layout::Prefixed(format!("{} ", label(alternative)), Box::new(of_value(payload)))
        }
    }
}

/// Only what may be long is broken into lines; the rest is the engine's own text.
fn of_tree(tree: &Expr) -> Layout {
    match tree.kind() {
        ExprKind::NEListLit(elements) => {
            let items = elements.iter().map(|element| (String::new(), of_tree(element))).collect();
            Layout::items("[", "]", ",", items)
        }
        ExprKind::RecordLit(fields) if !fields.is_empty() => {
            let items = fields
                .iter()
                .map(|(name, value)| (format!("{} = ", label(name.as_ref())), of_tree(value)))
                .collect();
            Layout::items("{", "}", ",", items)
        }
        ExprKind::Num(NumKind::Double(value)) => Layout::Line(double(f64::from(*value))),
        ExprKind::SomeLit(value) if is_bracketed(value) => {
            Layout::Prefixed("Some ".to_owned(), Box::new(of_tree(value)))
        }
        ExprKind::Op(OpKind::App(function, argument)) if is_bracketed(argument) => {
            Layout::Prefixed(format!("{} ", engine_text(function)), Box::new(of_tree(argument)))
        }
        _ => Layout::Line(engine_text(tree)),
    }
}

fn is_bracketed(tree: &Expr) -> bool {
    matches!(tree.kind(), ExprKind::NEListLit(_) | ExprKind::RecordLit(_))
}

fn engine_text(tree: &Expr) -> String {
    tree.to_string()
}

/// Shortest digits that give the same number back, always with a point or an exponent.
fn double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{value:?}")
    }
}

/// A text literal on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '$' => out.push_str("\\u0024"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.extend(["\\u", &format!("{:04X}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Words that a label must be quoted to be.
const RESERVED: [&str; 22] = [
    "if", "then", "else", "let", "in", "as", "using", "merge", "missing", "Infinity", "NaN",
    "Some", "toMap", "assert", "forall", "with", "True", "False", "Type", "Kind", "Sort", "env",
];

fn label(name: &str) -> String {
    let mut characters = name.chars();
    let simple = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/'))
        && !RESERVED.contains(&name)
        && dhall::builtins::Builtin::parse(name).is_none();
    if simple { name.to_owned() } else { format!("`{name}`") }
}
