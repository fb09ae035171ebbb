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
        let depth = path.components().count();
        let is_room_root = depth == 2 || depth == 3 && path.ends_with("mod.rs");
        let code = code_of(&fs::read_to_string(&path).unwrap());
        // Inside an inline module (`mod tests`), one `super` is the file itself.
        let climbs = code.lines().any(|line| {
            line.contains("super::super::super") || is_room_root && line.contains("super::super")
        });
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
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// `text` without comments and without the contents of plain string literals.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let (mut in_string, mut previous) = (false, ' ');
        for (i, c) in line.char_indices() {
            if !in_string && line[i..].starts_with("//") {
                break;
            }
            if c == '"' && previous != '\\' && previous != '\'' {
                in_string = !in_string;
            } else if !in_string {
                code.push(c);
            }
            previous = if previous == '\\' { ' ' } else { c };
        }
        code.push('\n');
    }
    code
}

#[test]
fn the_scanner_reads_code_and_not_prose() {
    let text = "use crate::{a::{b, c}, d}; // crate::e\nlet s = \"crate::f\"; crate::g::h()";
    assert_eq!(Vec::from_iter(crate_imports(&code_of(text))), ["a", "d", "g"]);
}
