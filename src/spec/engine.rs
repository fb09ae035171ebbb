//! The engine's type checker, with its one avoidable panic as an error and its internal names as sentences.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use dhall::error::{TypeError, TypeMessage};
use dhall::semantics::{Hir, HirKind, Tir, TyEnv, type_with};
use dhall::syntax::{Label, V};

/// The type of `hir`, or the first thing that is wrong with it.
///
/// The engine panics where it wants to say that the result of a `∀` is no type: it looks for the variable where that is
/// not bound. Its numbers panic with other words.
pub(super) fn type_of<'cx, 'hir>(
    env: &TyEnv<'cx>,
    hir: &'hir Hir<'cx>,
) -> Result<Tir<'cx, 'hir>, TypeError> {
    match panic::catch_unwind(AssertUnwindSafe(|| type_with(env, hir, None))) {
        Ok(typed) => typed,
        Err(payload) if words(&*payload).contains("subtract with overflow") => {
            Err(TypeError::new(TypeMessage::Custom("NotAType".to_owned())))
        }
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Whether the engine panicked because a number does not fit.
pub(super) fn is_number(payload: &(dyn Any + Send)) -> bool {
    says_number(&words(payload))
}

/// The same, by its words.
pub(super) fn says_number(words: &str) -> bool {
    ["add", "multiply", "negate"]
        .iter()
        .any(|what| words.contains(&format!("{what} with overflow")))
}

/// What a panic says.
pub(super) fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Stands for something whose mistake was told already; nothing in a file has that name.
const TOLD: &str = "\0";

/// An expression in the place of one that is wrong, about which nothing more is said.
pub(super) fn told<'cx>() -> HirKind<'cx> {
    HirKind::MissingVar(V(Label::from(TOLD), 0))
}

/// Whether `variable` is what [`told`] makes.
pub(super) fn is_told(variable: &V) -> bool {
    variable.0.as_ref() == TOLD
}

/// `hir` with [`told`] for those of its free variables that `is_wrong`, by how far out they are bound.
pub(super) fn without<'cx>(
    hir: &Hir<'cx>,
    inside: usize,
    is_wrong: &impl Fn(usize) -> bool,
) -> Hir<'cx> {
    let kind = match hir.kind() {
        HirKind::Var(variable) if variable.idx().checked_sub(inside).is_some_and(is_wrong) => {
            told()
        }
        HirKind::Expr(kind) => HirKind::Expr(kind.map_ref_maybe_binder(|binder, part| {
            without(part, inside + usize::from(binder.is_some()), is_wrong)
        })),
        other => other.clone(),
    };
    Hir::new(kind, hir.span())
}

/// The engine's words as a sentence.
pub(super) fn sentence(error: &TypeError) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("Type error: ").trim_start_matches("error: ");
    let known = SENTENCES.iter().find(|(name, _)| *name == line);
    let is_name = line.chars().all(char::is_alphanumeric);
    match known {
        Some((_, sentence)) => (*sentence).to_owned(),
        None if is_name => "this expression has no type".to_owned(),
        None => line.to_owned(),
    }
}

/// What the engine calls its errors, and what is said of them where nothing better is known.
const SENTENCES: &[(&str, &str)] = &[
    ("AssertMismatch", "this assertion does not hold"),
    ("AssertMustTakeEquivalence", "`assert` takes an equivalence: `assert : a ≡ b`"),
    ("Annotation mismatch", "this gives another type than its annotation says"),
    ("BinOpTypeMismatch", "this operator does not take values of these types"),
    ("EquivalenceArgumentsMustBeTerms", "`≡` compares values, not types"),
    ("EquivalenceTypeMismatch", "`≡` compares values of one type"),
    (
        "Every field of the record must have the same type",
        "`toMap` takes a record whose fields have one type",
    ),
    ("IfBranchMismatch", "the branches of `if` have different types"),
    ("IfBranchMustBeTermTypeOrKind", "the branches of `if` must be values"),
    ("Invalid output type", "a function must give a value or a type"),
    ("InvalidFieldType", "a field of a record must be a value or a type"),
    ("InvalidListElement", "the elements of a list have one type"),
    ("InvalidListType", "the elements of a list must be values; `[]` is annotated `[] : List T`"),
    ("InvalidOptionalType", "`Some` takes a value, not a type"),
    ("InvalidPredicate", "the condition of `if` must be a Bool"),
    ("InvalidTextInterpolation", "only a Text can stand in `${…}` or beside `++`"),
    ("InvalidVariantType", "an alternative of a union carries a value of a type, or nothing"),
    ("Merge1ArgMustBeRecord", "the first argument of `merge` is a record of handlers"),
    ("Merge2ArgMustBeUnionOrOptional", "`merge` takes apart a union or an Optional"),
    ("MergeAnnotMismatch", "this `merge` gives another type than its annotation says"),
    ("MergeEmptyNeedsAnnotation", "a `merge` without alternatives needs a type annotation"),
    ("MergeHandlerMissingVariant", "`merge` has a handler that the union lacks"),
    ("MergeHandlerTypeMismatch", "the handlers of this `merge` give values of different types"),
    ("MergeReturnTypeIsDependent", "a handler's type must not depend on its argument"),
    ("MergeVariantMissingHandler", "`merge` lacks a handler"),
    ("MissingRecordField", "this record has no such field"),
    ("MissingUnionField", "this union has no such alternative"),
    ("MustCombineRecord", "records are joined with `//` and `/\\`"),
    ("NotAType", "the result of this `∀` is not a type"),
    ("NotARecord", "this has no fields"),
    ("ProjectionByExprTakesRecordType", "`.( … )` takes a record type"),
    ("ProjectionMissingEntry", "this record has no such field"),
    ("ProjectionMustBeRecord", "`.{ … }` and `.( … )` take a record"),
    ("ProjectionWrongType", "`.( … )` asks for a field by another type than it has"),
    ("RecordTypeMergeRequiresRecordType", "`∧` joins records, and `⩓` record types"),
    ("Sort does not have a type", "`Sort` is no value"),
    ("The argument to `toMap` must be a record", "`toMap` takes a record"),
    ("WithMustBeRecord", "`with` changes a field of a record"),
    (
        "Wrong handler input type",
        "a handler of this `merge` takes another type than its alternative carries",
    ),
    ("`toMap` only accepts records of type `Type`", "`toMap` takes a record of values"),
    (
        "`toMap` applied to an empty record requires a type annotation",
        "`toMap {=}` needs a type annotation: `toMap {=} : List { mapKey : Text, mapValue : T }`",
    ),
    (
        "merge handler is not a function",
        "the handler of an alternative with a value must be a function",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_the_engine_is_shown() {
        let said = |name: &str| {
            sentence(&TypeError::new(TypeMessage::Custom(format!("error: {name}\n --> x"))))
        };
        for (name, wanted) in SENTENCES {
            assert_eq!(said(name), *wanted);
        }
        assert_eq!(said("SomethingNew"), "this expression has no type");
        assert_eq!(said("some words"), "some words");
    }
}
