//! What is wrong with one expression whose parts are right.

use dhall::operations::{BinOp, OpKind};
use dhall::semantics::{Hir, NirKind, TyEnv};
use dhall::syntax::{Expr, ExprKind, Label, Span};

use super::super::combine;
use super::super::diagnostic::Finding;
use super::super::engine::type_of;
use super::super::schema::{self, Step, extended, listed, nearest, short};
use super::{Explainer, argument, is_type, shown};

impl Explainer<'_> {
    pub(super) fn operation<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        operation: &OpKind<Hir<'cx>>,
        path: &str,
    ) {
        match operation {
            OpKind::App(function, argument) => self.application(env, function, argument, path),
            OpKind::Field(record, name) => self.selection(env, hir, record, name, path),
            OpKind::Projection(record, names) => {
                for name in names {
                    self.selection(env, hir, record, name, path);
                }
            }
            OpKind::ProjectionByExpr(record, selection) => {
                self.selection_by_type(env, record, selection, path);
            }
            OpKind::BoolIf(condition, yes, no) => {
                self.wanted(env, condition, path, "Bool", "the condition of `if` must be a Bool");
                if let (Ok(yes), Ok(no_typed)) = (type_of(env, yes), type_of(env, no)) {
                    let (wanted, found) = (shown(env, yes.ty()), shown(env, no_typed.ty()));
                    self.mismatch(no, path, &found, &wanted);
                }
            }
            OpKind::BinOp(operator, left, right) => {
                self.binary(env, hir, *operator, left, right, path);
            }
            OpKind::Merge(handlers, scrutinee, _) => self.merge(env, hir, handlers, scrutinee),
            OpKind::With(record, steps, _) => {
                if let Ok(typed) = type_of(env, record)
                    && let Some((wrong, found)) =
                        combine::step_into_no_record(&shown(env, typed.ty()), steps)
                {
                    let message = format!("`with {} = …` needs a record", combine::dotted(steps));
                    let finding = self.finding_at(
                        hir,
                        path,
                        match &*wrong {
                            "" => message,
                            wrong => format!("{message}, and `{wrong}` is none"),
                        },
                    );
                    self.report(finding.types("a record", short(&found)));
                }
            }
            _ => {}
        }
    }

    pub(super) fn list<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        elements: &[Hir<'cx>],
        path: &str,
        expected: Option<&Expr>,
    ) {
        let types: Vec<Option<Expr>> = elements
            .iter()
            .map(|element| Some(shown(env, type_of(env, element).ok()?.ty())))
            .collect();
        let Some(wanted) = expected.and_then(argument).cloned().or_else(|| most_common(&types))
        else {
            return;
        };
        for (index, (element, ty)) in elements.iter().zip(&types).enumerate() {
            if let Some(found) = ty {
                self.mismatch(element, &format!("{path}[{index}]"), found, &wanted);
            }
        }
    }

    fn application<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        function: &Hir<'cx>,
        argument: &Hir<'cx>,
        path: &str,
    ) {
        let (Ok(function_typed), Ok(argument_typed)) =
            (type_of(env, function), type_of(env, argument))
        else {
            return;
        };
        if let NirKind::PiClosure { annot, .. } = function_typed.ty().kind() {
            let wanted = annot.to_expr_tyenv(env);
            let found = shown(env, argument_typed.ty());
            return self.mismatch(argument, path, &found, &wanted);
        }
        let message = "this is applied to an argument and is not a function";
        let finding = self.finding(function, message);
        let finding = finding.types("a function", short(&shown(env, function_typed.ty())));
        self.report(
            finding.hint("is a comma, an operator or a field's name missing before the argument?"),
        );
    }

    fn selection<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        record: &Hir<'cx>,
        name: &Label,
        path: &str,
    ) {
        let Ok(typed) = type_of(env, record) else {
            return;
        };
        let mut names: Vec<String> = Vec::new();
        let what = match typed.ty().kind() {
            NirKind::RecordType(fields) => {
                names.extend(fields.keys().map(String::from));
                "this record has no field"
            }
            NirKind::Const(_) => match typed.eval(env).kind() {
                NirKind::UnionType(alternatives) => {
                    names.extend(alternatives.keys().map(String::from));
                    "this union has no alternative"
                }
                _ => "this type has no field",
            },
            _ => {
                let message = format!("`.{name}` is asked of something that has no fields");
                let found = short(&shown(env, typed.ty()));
                self.report(self.finding(record, message).types("a record", found));
                return;
            }
        };
        if names.iter().any(|there| there == name.as_ref()) {
            return;
        }
        names.sort();
        let finding = self.finding_at(hir, path, format!("{what} `{name}`"));
        let hint = match nearest(name.as_ref(), names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => return self.report(finding),
            None => format!("there are: {}", listed(&names)),
        };
        self.report(finding.hint(hint));
    }

    /// `record.(selection)`: the fields that a record type names, with their types.
    fn selection_by_type<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        record: &Hir<'cx>,
        selection: &Hir<'cx>,
        path: &str,
    ) {
        let (Ok(record_typed), Ok(typed)) = (type_of(env, record), type_of(env, selection)) else {
            return;
        };
        let (found, wanted) = (shown(env, record_typed.ty()), selection.eval(env));
        let ExprKind::RecordType(there) = found.kind() else {
            let finding = self.finding_at(record, path, "`.( … )` takes fields of a record");
            return self.report(finding.types("a record", short(&found)));
        };
        let wanted = wanted.to_expr_tyenv(env);
        let (true, ExprKind::RecordType(wanted)) = (is_type(&typed), wanted.kind()) else {
            let finding = self.finding_at(selection, path, "`.( … )` takes a record type");
            let finding = finding.types("a record type", short(&wanted));
            return self
                .report(finding.hint("single fields are taken by `.name` or `.{ name, other }`"));
        };
        let asked = there.iter().filter(|(name, _)| wanted.contains_key(*name));
        let asked = asked.map(|(name, ty)| (name.clone(), ty.clone())).collect();
        let asked = Expr::new(ExprKind::RecordType(asked), Span::Artificial);
        let wanted = Expr::new(ExprKind::RecordType(wanted.clone()), Span::Artificial);
        let mut mismatches = schema::differences(&asked, &wanted);
        for mismatch in &mut mismatches {
            if mismatch.is_missing {
                "this record has no such field".clone_into(&mut mismatch.message);
                let names: Vec<String> = there.keys().map(String::from).collect();
                mismatch.hint = Some(format!("there are: {}", listed(&names)));
            }
        }
        self.mismatch_about(record, path, mismatches, None);
    }

    fn binary<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        operator: BinOp,
        left: &Hir<'cx>,
        right: &Hir<'cx>,
        path: &str,
    ) {
        let (Ok(left_typed), Ok(right_typed)) = (type_of(env, left), type_of(env, right)) else {
            return;
        };
        let (left_type, right_type) = (shown(env, left_typed.ty()), shown(env, right_typed.ty()));
        match operator {
            BinOp::NaturalPlus | BinOp::NaturalTimes => {
                for part in [left, right] {
                    self.wanted(env, part, path, "Natural", "Dhall computes with Naturals only");
                }
            }
            BinOp::BoolAnd | BinOp::BoolOr | BinOp::BoolEQ | BinOp::BoolNE => {
                for part in [left, right] {
                    self.wanted(
                        env,
                        part,
                        path,
                        "Bool",
                        "`&&`, `||`, `==` and `!=` take Bools only",
                    );
                }
            }
            BinOp::ListAppend => {
                if matches!(left_typed.ty().kind(), NirKind::ListType(_)) {
                    self.mismatch(right, path, &right_type, &left_type);
                } else {
                    let finding = self.finding(left, "`#` joins lists");
                    self.report(finding.types("a List", short(&left_type)));
                }
            }
            BinOp::RightBiasedRecordMerge => {
                for (part, ty) in [(left, &left_type), (right, &right_type)] {
                    if !matches!(ty.kind(), ExprKind::RecordType(_)) {
                        let finding = self.finding(part, "records are joined with `//` and `/\\`");
                        self.report(finding.types("a record", short(ty)));
                    }
                }
            }
            BinOp::RecursiveRecordMerge => {
                self.joined(hir, (left, &left_type), (right, &right_type), path);
            }
            BinOp::RecursiveRecordTypeMerge => {
                let (left_type, right_type) =
                    (left.eval(env).to_expr_tyenv(env), right.eval(env).to_expr_tyenv(env));
                self.joined_types(hir, (left, &left_type), (right, &right_type), path);
            }
            BinOp::Equivalence => self.mismatch(right, path, &right_type, &left_type),
            _ => {}
        }
    }

    /// `left ∧ right`, or a field that is given twice, which means the same.
    fn joined<'cx>(
        &mut self,
        hir: &Hir<'cx>,
        (left, left_type): (&Hir<'cx>, &Expr),
        (right, right_type): (&Hir<'cx>, &Expr),
        path: &str,
    ) {
        let collision = combine::collision(left_type, right_type);
        if matches!(hir.span(), Span::DuplicateRecordFieldsSugar(..)) {
            let steps = collision.into_iter().flatten().map(Step::Field).collect::<Vec<_>>();
            let finding =
                self.finding_at(right, &extended(path, &steps), "this field is given twice");
            return self.report(finding.hint("delete one of them, or override with `//`"));
        }
        let operator = combine::operator(hir, left, right).unwrap_or("∧");
        for (part, ty) in [(left, left_type), (right, right_type)] {
            if !matches!(ty.kind(), ExprKind::RecordType(_)) {
                let finding = self.finding_at(part, path, format!("`{operator}` joins records"));
                return self.report(finding.types("a record", short(ty)));
            }
        }
        if let Some(steps) = collision {
            let name = steps.join(".");
            let message = format!("both sides of `{operator}` have a field `{name}`");
            let finding = self.finding_at(right, path, message);
            let hint = format!(
                "delete one of them, or let the right one win: `//` in place of `{operator}`"
            );
            self.report(finding.hint(hint));
        }
    }

    /// `left ⩓ right`.
    fn joined_types<'cx>(
        &mut self,
        hir: &Hir<'cx>,
        (left, left_type): (&Hir<'cx>, &Expr),
        (right, right_type): (&Hir<'cx>, &Expr),
        path: &str,
    ) {
        let operator = combine::operator(hir, left, right).unwrap_or("⩓");
        for (part, ty) in [(left, left_type), (right, right_type)] {
            if !matches!(ty.kind(), ExprKind::RecordType(_)) {
                let message = format!("`{operator}` joins record types");
                let finding = self.finding_at(part, path, message);
                return self.report(finding.types("a record type", short(ty)));
            }
        }
        if let Some(steps) = combine::collision(left_type, right_type) {
            let name = steps.join(".");
            let message = format!("both sides of `{operator}` have a field `{name}`");
            self.report(self.finding_at(right, path, message).hint("delete one of them"));
        }
    }

    fn merge<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        handlers: &Hir<'cx>,
        scrutinee: &Hir<'cx>,
    ) {
        let (Ok(handlers_typed), Ok(scrutinee_typed)) =
            (type_of(env, handlers), type_of(env, scrutinee))
        else {
            return;
        };
        let alternatives: Vec<String> = match scrutinee_typed.ty().kind() {
            NirKind::UnionType(alternatives) => alternatives.keys().map(String::from).collect(),
            NirKind::OptionalType(_) => vec!["None".to_owned(), "Some".to_owned()],
            _ => {
                let found = short(&shown(env, scrutinee_typed.ty()));
                let finding = self.finding(scrutinee, "`merge` takes apart a union or an Optional");
                return self.report(finding.types("a union or an Optional", found));
            }
        };
        let NirKind::RecordType(fields) = handlers_typed.ty().kind() else {
            let found = short(&shown(env, handlers_typed.ty()));
            let finding =
                self.finding(handlers, "the first argument of `merge` is a record of handlers");
            return self.report(finding.types("a record", found));
        };
        let mut missing: Vec<String> = alternatives
            .iter()
            .filter(|name| !fields.contains_key(name.as_str()))
            .cloned()
            .collect();
        let mut extra: Vec<String> =
            fields.keys().map(String::from).filter(|name| !alternatives.contains(name)).collect();
        missing.sort();
        extra.sort();
        if !missing.is_empty() {
            let finding =
                self.finding(hir, format!("`merge` lacks a handler for {}", listed(&missing)));
            self.report(finding.hint("add a field of that name to the handlers"));
        }
        if !extra.is_empty() {
            let message =
                format!("`merge` has a handler for {}, which the union lacks", listed(&extra));
            self.report(self.finding(handlers, message));
        }
    }

    pub(super) fn assertion<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        claim: &Hir<'cx>,
        path: &str,
    ) {
        let Ok(typed) = type_of(env, claim) else {
            return;
        };
        let evaluated = typed.eval(env);
        let NirKind::Equivalence(left, right) = evaluated.kind() else {
            let message = "`assert` takes an equivalence: `assert : a ≡ b`";
            return self.report(self.finding_at(hir, path, message));
        };
        let (left, right) = (left.to_expr_tyenv(env), right.to_expr_tyenv(env));
        let finding = self.finding_at(hir, path, "this assertion does not hold");
        self.report(finding.types(short(&right), short(&left)));
    }

    /// Reports `part` if its type is not the builtin type `wanted`.
    pub(super) fn wanted<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        part: &Hir<'cx>,
        path: &str,
        wanted: &str,
        message: &str,
    ) {
        let Ok(typed) = type_of(env, part) else {
            return;
        };
        let found = shown(env, typed.ty()).to_string();
        if found != wanted {
            let finding = self.finding_at(part, path, message).types(wanted, &found);
            let hint = schema::conversion(wanted, &found);
            self.report(hint.into_iter().fold(finding, Finding::hint));
        }
    }
}

/// The type that most of the first elements have; the earliest of several.
fn most_common(types: &[Option<Expr>]) -> Option<Expr> {
    let first: Vec<&Expr> = types.iter().flatten().take(100).collect();
    let count = |wanted: &Expr| first.iter().filter(|ty| **ty == wanted).count();
    // `max_by_key` takes the last of equals, so the list is read backwards.
    first.iter().rev().max_by_key(|ty| count(ty)).map(|ty| (*ty).clone())
}
