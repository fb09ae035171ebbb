//! Records that are joined or changed, and why that is refused: `∧`, `⩓`, `with`.

use dhall::semantics::Hir;
use dhall::syntax::{Expr, ExprKind, Label, Span};

/// The first field of both record types that cannot be joined, by its path; nothing unless both are record types.
pub(super) fn collision(left: &Expr, right: &Expr) -> Option<Vec<String>> {
    let (ExprKind::RecordType(left), ExprKind::RecordType(right)) = (left.kind(), right.kind())
    else {
        return None;
    };
    let both = left.iter().filter_map(|(name, left)| Some((name, left, right.get(name)?)));
    for (name, left, right) in both {
        let are_records = |ty: &Expr| matches!(ty.kind(), ExprKind::RecordType(_));
        let inside = collision(left, right);
        if inside.is_some() || !are_records(left) || !are_records(right) {
            let mut path = vec![String::from(name)];
            path.extend(inside.into_iter().flatten());
            return Some(path);
        }
    }
    None
}

/// How the operator between two operands is written, if that can be told.
pub(super) fn operator(whole: &Hir<'_>, left: &Hir<'_>, right: &Hir<'_>) -> Option<&'static str> {
    let Span::Parsed(parsed) = whole.span() else {
        return None;
    };
    let range = |hir: &Hir<'_>| match hir.span() {
        Span::Parsed(parsed) => Some(parsed.as_char_range()),
        _ => None,
    };
    let (from, to) = (range(left)?.1, range(right)?.0);
    let between: String =
        parsed.to_input().chars().skip(from).take(to.checked_sub(from)?).collect();
    ["∧", "⩓", "//\\\\", "/\\"].into_iter().find(|operator| between.contains(operator))
}

/// Where `with` steps into something that is no record: the steps so far, and the type of what is there.
pub(super) fn step_into_no_record(record: &Expr, steps: &[Label]) -> Option<(String, Expr)> {
    let mut here = record;
    for (taken, step) in steps.iter().enumerate() {
        let ExprKind::RecordType(fields) = here.kind() else {
            return Some((dotted(&steps[..taken]), here.clone()));
        };
        // A field that is not there is made.
        here = fields.get(step)?;
    }
    None
}

/// `a.b.c`.
pub(super) fn dotted(steps: &[Label]) -> String {
    steps.iter().map(Label::as_ref).collect::<Vec<&str>>().join(".")
}
