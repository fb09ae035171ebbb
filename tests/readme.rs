//! Every console block of the README runs and prints what it shows.
//!
//! A block is ```console; a line that starts with `$ ` is typed, the lines after it are expected, `…` stands for any
//! text. Blocks that cost minutes are marked ```console,ignore and are not run here.

use crate::support::{Workspace, repository};

#[test]
fn console_blocks_print_what_they_show() {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let workspace = Workspace::of_repository();
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let typed =
                line.strip_prefix("$ ibid ").unwrap_or_else(|| panic!("not a command: `{line}`"));
            let mut expected = Vec::new();
            while lines.peek().is_some_and(|line| !line.starts_with("$ ")) {
                expected.extend(lines.next());
            }
            let ran = workspace.run(&typed.split_whitespace().collect::<Vec<_>>());
            let said = ran.stdout + &ran.stderr;
            for line in expected.into_iter().filter(|line| !line.is_empty()) {
                assert!(
                    said.lines().any(|said| matches(said, line)),
                    "`{typed}` does not print `{line}`: {said}"
                );
            }
            commands += 1;
        }
    }
    assert!(commands >= 5, "the README shows how the program is used");
}

/// Whether `text` is `pattern`, in which `…` stands for any text.
fn matches(text: &str, pattern: &str) -> bool {
    let mut rest = text.trim_end();
    let parts: Vec<_> = pattern.trim_end().split('…').collect();
    for (i, part) in parts.iter().enumerate() {
        match rest.find(part) {
            Some(at) if i > 0 || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || pattern.trim_end().ends_with('…')
}
