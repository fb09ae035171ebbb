//! Dhall text to the engine's syntax tree, in linear time.
//!
//! The source is cut into bracket groups ([`super::scan`]); each is parsed by the engine with placeholders for the groups
//! inside it, and the trees are put together. Positions point into the file. `'' … ''` literals are assembled here: the
//! engine needs a stack frame for each of their characters.

use std::collections::BTreeMap;
use std::panic;
use std::rc::Rc;

use dhall::syntax::{Expr, ExprKind, Span, V, parse_expr};
use pest::error::{ErrorVariant, InputLocation};

use super::indented;
use super::scan::{self, Group, Shape, SyntaxError};

/// Brackets nested deeper than this are refused.
const DEPTH_MAX: usize = 200;

/// The engine gives positions only at a cost linear in their offset: this many characters are walked for a file, after
/// which positions are those of the group around.
const POSITION_BUDGET: usize = 100_000_000;

/// Parses a whole file.
pub(super) fn parse(source: &str) -> Result<Expr, SyntaxError> {
    let groups = scan::groups(source, DEPTH_MAX)?;
    let mut placeholder = "__group".to_owned();
    while source.contains(&placeholder) {
        placeholder.push('_');
    }
    let mut parser =
        Parser { source, shared: source.into(), groups, placeholder, budget: POSITION_BUDGET };
    parser.group(0)
}

struct Parser<'a> {
    source: &'a str,
    shared: Rc<str>,
    groups: Vec<Group>,
    /// A name that occurs nowhere in the source.
    placeholder: String,
    budget: usize,
}

/// The text of a group with placeholders, and where its pieces come from.
struct Cut {
    text: String,
    /// Pairs (offset in `text`, offset in the source), ascending.
    pieces: Vec<(usize, usize)>,
}

impl Cut {
    /// Where the byte before `end` ends in the source: a placeholder ends where its group does.
    fn source_end(&self, end: usize) -> usize {
        let piece = self.pieces.partition_point(|&(start, _)| start < end) - 1;
        // Text and placeholders take turns, and text comes last.
        match self.pieces.get(piece + 1) {
            Some(&(_, after)) if piece % 2 == 1 => after,
            _ => self.source_offset(end - 1) + 1,
        }
    }

    fn source_offset(&self, offset: usize) -> usize {
        let piece = self.pieces.partition_point(|&(start, _)| start <= offset) - 1;
        let (start, source) = self.pieces[piece];
        source + (offset - start)
    }
}

impl Parser<'_> {
    fn group(&mut self, id: usize) -> Result<Expr, SyntaxError> {
        let children = self.groups[id].children.clone();
        let parts =
            children.iter().map(|&child| self.group(child)).collect::<Result<Vec<_>, _>>()?;
        let (shape, start, end) = {
            let group = &self.groups[id];
            (group.shape, group.start, group.end)
        };
        if shape == Shape::Indented {
            let bounds: Vec<_> = children
                .iter()
                .map(|&child| (self.groups[child].start, self.groups[child].end))
                .collect();
            let text = indented::assemble(self.source, start + 2, end - 2, &bounds, parts);
            return Ok(Expr::new(ExprKind::TextLit(text), self.span(start, end)));
        }
        let cut = self.cut(id);
        if matches!(shape, Shape::Parentheses | Shape::Interpolation) && cut.text.trim().is_empty()
        {
            return Err(SyntaxError::new(start, "expected an expression between these brackets"));
        }
        // The engine panics on escapes out of range.
        let tree = panic::catch_unwind(|| parse_expr(&cut.text))
            .map_err(|_| SyntaxError::new(start, "there is a character that does not exist here"))?
            .map_err(|error| self.located(&cut, &error))?;
        let named = parts
            .into_iter()
            .enumerate()
            .map(|(number, part)| (format!("{}{number}", self.placeholder), part))
            .collect();
        let spans = Spans::new(&cut, &self.shared, self.source, self.span(start, end));
        Ok(put_together(&tree, &named, &spans, &mut self.budget))
    }

    fn cut(&self, id: usize) -> Cut {
        let group = &self.groups[id];
        let (start, end) = match group.shape {
            Shape::File | Shape::Brackets | Shape::Indented => (group.start, group.end),
            Shape::Parentheses => (group.start + 1, group.end - 1),
            Shape::Interpolation => (group.start + 2, group.end - 1),
        };
        let mut cut = Cut { text: String::new(), pieces: Vec::new() };
        let mut at = start;
        for (number, &child) in group.children.iter().enumerate() {
            let child = &self.groups[child];
            cut.pieces.push((cut.text.len(), at));
            cut.text.push_str(&self.source[at..child.start]);
            cut.pieces.push((cut.text.len(), child.start));
            let (open, close) =
                if child.shape == Shape::Interpolation { ("${", "}") } else { ("(", ")") };
            let number = number.to_string();
            cut.text.extend([open, &self.placeholder, &number, close]);
            at = child.end;
        }
        cut.pieces.push((cut.text.len(), at));
        cut.text.push_str(&self.source[at..end]);
        cut
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let span = pest::Span::new(self.source, start, end)
            .expect("a group starts and ends at ASCII brackets or at the ends of the file");
        Span::make(self.shared.clone(), span)
    }

    fn located(&self, cut: &Cut, error: &dhall::syntax::ParseError) -> SyntaxError {
        let offset = match error.location {
            InputLocation::Pos(offset) | InputLocation::Span((offset, _)) => offset,
        };
        let mut offset = cut.source_offset(offset).min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        let message = match &error.variant {
            ErrorVariant::CustomError { message } => readable(message),
            ErrorVariant::ParsingError { .. } if offset == self.source.len() => {
                "the file ends in the middle of an expression".to_owned()
            }
            ErrorVariant::ParsingError { .. } => "this does not continue the expression".to_owned(),
        };
        SyntaxError::new(offset, message)
    }
}

/// The engine's own words for literals out of range are those of Rust's number parser.
fn readable(message: &str) -> String {
    if message.contains("number too large") || message.contains("number too small") {
        return "this number does not fit: a Natural is less than 2^64, an Integer fits 64 bits"
            .to_owned();
    }
    message.to_owned()
}

/// Translates the engine's positions in a cut to positions in the file.
struct Spans<'a> {
    cut: &'a Cut,
    shared: &'a Rc<str>,
    source: &'a str,
    group: Span,
    /// Byte offset of each character of the cut; nothing if it is ASCII.
    offsets: Option<Vec<usize>>,
}

impl<'a> Spans<'a> {
    fn new(cut: &'a Cut, shared: &'a Rc<str>, source: &'a str, group: Span) -> Self {
        let text = &cut.text;
        let offsets = (!text.is_ascii())
            .then(|| text.char_indices().map(|(offset, _)| offset).chain([text.len()]).collect());
        Self { cut, shared, source, group, offsets }
    }

    fn translate(&self, span: Span, budget: &mut usize) -> Span {
        if let Span::DuplicateRecordFieldsSugar(first, second) = span {
            let [first, second] = [*first, *second].map(|span| self.translate(span, budget));
            return Span::DuplicateRecordFieldsSugar(Box::new(first), Box::new(second));
        }
        let Span::Parsed(parsed) = &span else {
            return span;
        };
        let cost = 2 * self.cut.text.len();
        if *budget < cost {
            return self.group.clone();
        }
        *budget -= cost;
        let (start, end) = parsed.as_char_range();
        let (start, end) = match &self.offsets {
            None => (start, end),
            Some(offsets) => (offsets[start], offsets[end]),
        };
        let first = self.cut.source_offset(start);
        let last = if end > start { self.cut.source_end(end) } else { first };
        match pest::Span::new(self.source, first, last.max(first)) {
            Some(span) => Span::make(self.shared.clone(), span),
            None => self.group.clone(),
        }
    }
}

fn put_together(
    tree: &Expr,
    parts: &BTreeMap<String, Expr>,
    spans: &Spans<'_>,
    budget: &mut usize,
) -> Expr {
    if let ExprKind::Var(V(label, 0)) = tree.kind()
        && let Some(part) = parts.get(label.as_ref())
    {
        return part.clone();
    }
    let kind = tree.kind().map_ref(|child| put_together(child, parts, spans, budget));
    Expr::new(kind, spans.translate(tree.span(), budget))
}
