//! The layering of `src/` and the shape of its files, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may import, lowest first. The crate docs explain the table.
const LAYERS: &[(&str, &[&str])] = &[
    ("digest", &[]),
    ("address", &[]),
    ("fs", &[]),
    ("numerics", &[]),
    ("commit", &[]),
    ("confinement", &[]),
    ("action", &["digest"]),
    ("spec", &["digest", "address", "fs", "commit", "action", "confinement"]),
    ("source", &["digest", "address", "fs", "commit", "confinement"]),
    ("plot", &["numerics"]),
    ("metrics", &["numerics", "action"]),
    ("data", &["digest", "numerics", "action"]),
    ("tensor", &["numerics"]),
    ("model", &["numerics", "tensor", "action"]),
    ("training", &["digest", "numerics", "tensor", "action", "data", "model"]),
    ("plan", &["digest", "action", "spec"]),
    ("store", &["digest", "fs", "action"]),
    (
        "jobs",
        &["digest", "numerics", "plot", "action", "tensor", "metrics", "data", "model", "training"],
    ),
    ("exec", &["digest", "fs", "numerics", "confinement", "action", "plan", "store", "jobs"]),
    ("report", &["digest", "action", "plot", "metrics", "plan", "store"]),
    (
        "ops",
        &[
            "digest",
            "fs",
            "numerics",
            "commit",
            "confinement",
            "action",
            "spec",
            "source",
            "plot",
            "metrics",
            "data",
            "plan",
            "store",
            "jobs",
            "exec",
            "report",
            "tensor",
            "model",
            "training",
        ],
    ),
];

#[test]
fn rooms_import_only_rooms_below() {
    let allowed: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let mut errors = Vec::new();
    for path in rust_files(Path::new("src")) {
        let room = room_of(&path);
        if matches!(room.as_str(), "lib" | "main" | "cli") {
            continue;
        }
        let Some(row) = allowed.get(room.as_str()) else {
            errors.push(format!("{}: room `{room}` has no row in LAYERS", path.display()));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for import in crate_imports(&code_of(&text)) {
            if import != room && !row.contains(&import.as_str()) {
                errors.push(format!("{}: `{room}` imports `{import}`", path.display()));
            }
        }
    }
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn layers_are_listed_bottom_up() {
    let mut seen = BTreeSet::new();
    for (room, row) in LAYERS {
        for import in *row {
            assert!(seen.contains(import), "`{room}` lists `{import}`, which is not below it");
        }
        seen.insert(room);
    }
}

/// A `super::` that climbs to the crate root would escape the table above.
#[test]
fn super_stays_within_its_room() {
    for path in rust_files(Path::new("src")) {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        let climbs = climbs_to_the_root(&code, depth_of(&path));
        assert!(!climbs, "{}: write `crate::…`", path.display());
    }
}

#[test]
fn files_open_with_their_promise_and_stay_short() {
    for path in rust_files(Path::new("src")).into_iter().chain(rust_files(Path::new("tests"))) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not open with `//!`", path.display());
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines; 800 is the limit", path.display());
    }
}

/// Only `tensor` may name candle, so that no stock arithmetic reaches a result, and the driver of GPUs.
#[test]
fn only_tensor_imports_candle() {
    for path in rust_files(Path::new("src")) {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        let room = room_of(&path);
        for name in ["candle_", "cudarc"] {
            let is_named = room != "tensor" && code.contains(name);
            assert!(!is_named, "{} names {name}", path.display());
        }
    }
}

/// Rust files below `folder`, in order.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `src/plan/graph.rs` and `src/plan.rs` both belong to `plan`.
fn room_of(path: &Path) -> String {
    let first = path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Rooms named by `crate::name` and by `crate::{name, name::…}`.
fn crate_imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for tail in code.split("crate::").skip(1) {
        let Some(group) = tail.strip_prefix('{') else {
            rooms.extend(identifier(tail));
            continue;
        };
        let (mut depth, mut expects_name) = (1, true);
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => expects_name = true,
                c if expects_name && !c.is_whitespace() => {
                    rooms.extend(identifier(&group[i..]));
                    expects_name = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    rooms
}

fn identifier(text: &str) -> Option<String> {
    let end = name_length(text);
    (end > 0).then(|| text[..end].to_owned())
}

/// How deep the module of a file lies in its crate: a room's root, `src/plan/mod.rs` or `src/digest.rs`, 1 deep.
fn depth_of(path: &Path) -> usize {
    path.components().count() - 1 - usize::from(path.ends_with("mod.rs"))
}

/// Whether code of a module so deep in its crate has a path that climbs to the crate's root. A module inside the file
/// is one deeper.
fn climbs_to_the_root(code: &str, depth: usize) -> bool {
    let tokens = tokens(code);
    let before = |i: usize, n: usize| i.checked_sub(n).map_or("", |at| tokens[at]);
    let follows_super = |i: usize| before(i, 1) == "::" && before(i, 2) == "super";
    // Of each brace that is open: whether it is a module's, and how many `super`s lead to it, if it is a path's.
    let mut open: Vec<(bool, usize)> = Vec::new();
    let mut climbed = 0;
    for (i, token) in tokens.iter().enumerate() {
        match *token {
            "{" => open.push((before(i, 2) == "mod", if follows_super(i) { climbed } else { 0 })),
            "}" => drop(open.pop()),
            "super" => {
                if !follows_super(i) {
                    climbed = open.last().map_or(0, |(_, climbed)| *climbed);
                }
                climbed += 1;
                let modules = open.iter().filter(|(is_module, _)| *is_module).count();
                // `pub(super)` leads nowhere.
                let leads_on = matches!(tokens.get(i + 1), Some(&("::" | "as")));
                if leads_on && climbed >= depth + modules {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Names, `::`, and any other character by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = match name_length(rest) {
            0 if rest.starts_with("::") => 2,
            0 => c.len_utf8(),
            length => length,
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The length of the name that `text` begins with.
fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// `text` with a space in place of each comment and each literal of a string or a character.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = comment_length(rest).or_else(|| literal_length(rest, &code)) {
            code.push(' ');
            rest = &rest[length..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

fn comment_length(text: &str) -> Option<usize> {
    let end = if text.starts_with("//") {
        text.find('\n')
    } else if text.starts_with("/*") {
        text.find("*/").map(|end| end + 2)
    } else {
        return None;
    };
    Some(end.unwrap_or(text.len()))
}

/// The length of the literal that `text`, which follows `code`, begins with.
fn literal_length(text: &str, code: &str) -> Option<usize> {
    match text.chars().next()? {
        '"' => Some(string_length(text)),
        '\'' => character_length(text),
        'b' | 'r' if !code.ends_with(|c: char| c.is_alphanumeric() || c == '_') => {
            raw_string_length(text)
        }
        _ => None,
    }
}

fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

/// A quote may also open the name of a lifetime, which none closes.
fn character_length(text: &str) -> Option<usize> {
    let c = text[1..].chars().next()?;
    let least = if c == '\\' { 3 } else { 1 + c.len_utf8() };
    let end = text.get(least..)?.find('\'')?;
    (c == '\\' || end == 0).then_some(least + end + 1)
}

fn raw_string_length(text: &str) -> Option<usize> {
    let opened = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let marked = opened.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(opened.len() - marked.len()));
    let body = marked.strip_prefix('"')?;
    Some(text.len() - body.len() + body.find(&end)? + end.len())
}

#[test]
fn the_scanner_reads_code_and_not_prose() {
    let rooms = |text: &str| Vec::from_iter(crate_imports(&code_of(text)));
    let text = "use crate::{a::{b, c}, d}; // crate::e\nlet s = \"crate::f\"; crate::g::h()";
    assert_eq!(rooms(text), ["a", "d", "g"]);
    // After a string of several lines, a raw one, quotes by themselves, and the name of a lifetime.
    assert_eq!(rooms("let s = \"one\n  crate::a\"; crate::b::c()"), ["b"]);
    assert_eq!(rooms("let s = r#\"\"crate::a\"#; crate::b::c()"), ["b"]);
    assert_eq!(rooms("let s = ['\"', '\\'', '\\\\']; crate::b::c()"), ["b"]);
    assert_eq!(rooms("fn f<'a>(s: &'a str) { crate::b::c(\"crate::a\\\"\") }"), ["b"]);
}

#[test]
fn the_scanner_sees_where_super_leads() {
    let climbs = |text: &str, depth: usize| climbs_to_the_root(&code_of(text), depth);
    let depths = ["src/digest.rs", "src/plan/mod.rs", "src/plan/graph.rs"];
    assert_eq!(depths.map(|path| depth_of(Path::new(path))), [1, 1, 2]);
    for (text, depth) in [
        ("use super::store::Store;", 1),
        ("use super::super::store::Store;", 2),
        ("use super::{super::store::Store, node};", 2),
        ("let s = \"one\n  two\"; super::store::open()", 1),
        ("mod tests { use super::*; use super::super::store::Store; }", 1),
        ("mod tests { use super::*; } use super::store::Store;", 1),
    ] {
        assert!(climbs(text, depth), "{text}");
        assert!(!climbs(text, depth + 1), "{text}");
    }
    assert!(!climbs("pub(super) fn f() {} // use super::store", 1));
}
