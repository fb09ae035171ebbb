//! The standard's rules for text literals on several lines.
//!
//! The common indentation of all lines that are not empty, and of the last line whatever it is, is removed; `'''` stands
//! for `''` and `''${` for `${`.

use dhall::syntax::{Expr, InterpolatedText};

enum Piece {
    Text(String),
    Expression(Expr),
}

/// Assembles the literal whose content is `source[start..end]`, with interpolated `parts` at `bounds`.
pub(super) fn assemble(
    source: &str,
    start: usize,
    end: usize,
    bounds: &[(usize, usize)],
    parts: Vec<Expr>,
) -> InterpolatedText<Expr> {
    let mut lines = split(source, start, end, bounds, parts);
    // The line of the opening quotes holds nothing: a line break follows them.
    lines.remove(0);
    let cut = common_indentation(&lines);
    let mut head = String::new();
    let mut tail: Vec<(Expr, String)> = Vec::new();
    let mut append = |piece: Piece| match (piece, tail.last_mut()) {
        (Piece::Expression(expression), _) => tail.push((expression, String::new())),
        (Piece::Text(text), Some((_, last))) => last.push_str(&text),
        (Piece::Text(text), None) => head.push_str(&text),
    };
    for (number, line) in lines.into_iter().enumerate() {
        if number > 0 {
            append(Piece::Text("\n".to_owned()));
        }
        for (place, piece) in line.into_iter().enumerate() {
            append(match piece {
                Piece::Text(text) if place == 0 => Piece::Text(text[cut..].to_owned()),
                piece => piece,
            });
        }
    }
    (head, tail).into()
}

fn split(
    source: &str,
    start: usize,
    end: usize,
    bounds: &[(usize, usize)],
    parts: Vec<Expr>,
) -> Vec<Vec<Piece>> {
    let mut lines = vec![Vec::new()];
    let mut text = String::new();
    let mut parts = bounds.iter().zip(parts).peekable();
    let mut at = start;
    while at < end {
        let rest = &source[at..end];
        let last = lines.len() - 1;
        if let Some((&(_, part_end), part)) =
            parts.next_if(|((part_start, _), _)| *part_start == at)
        {
            flush(&mut text, &mut lines[last]);
            lines[last].push(Piece::Expression(part));
            at = part_end;
        } else if rest.starts_with("'''") {
            text.push_str("''");
            at += 3;
        } else if rest.starts_with("''${") {
            text.push_str("${");
            at += 4;
        } else if rest.starts_with("\r\n") || rest.starts_with('\n') {
            flush(&mut text, &mut lines[last]);
            lines.push(Vec::new());
            at += if rest.starts_with('\n') { 1 } else { 2 };
        } else if let Some(character) = rest.chars().next() {
            text.push(character);
            at += character.len_utf8();
        }
    }
    let last = lines.len() - 1;
    flush(&mut text, &mut lines[last]);
    lines
}

fn flush(text: &mut String, line: &mut Vec<Piece>) {
    if !text.is_empty() {
        line.push(Piece::Text(std::mem::take(text)));
    }
}

/// The number of bytes of blanks and tabs that all lines share.
fn common_indentation(lines: &[Vec<Piece>]) -> usize {
    let indentation = |line: &[Piece]| -> String {
        match line.first() {
            Some(Piece::Text(text)) => {
                text.chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
            }
            _ => String::new(),
        }
    };
    let last = lines.len() - 1;
    lines
        .iter()
        .enumerate()
        .filter(|(number, line)| !line.is_empty() || *number == last)
        .map(|(_, line)| indentation(line))
        .reduce(|common, other| {
            common.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
        })
        .map_or(0, |common| common.len())
}
