//! Why an expression does not type check, in the author's terms: file, line, the two types that disagree, a hint.
//!
//! The engine says that something is wrong and stops at the first. Here the expression is walked again, down to every
//! smallest part that is wrong by itself, so that all findings are said at once. What depends on something that is wrong
//! is not judged: about it nothing is known.

mod layer;

use std::borrow::Cow;
use std::collections::BTreeMap;

use dhall::builtins::Builtin;
use dhall::error::TypeError;
use dhall::operations::{BinOp, OpKind};
use dhall::semantics::{Hir, HirKind, Tir, TyEnv, Type};
use dhall::syntax::{Expr, ExprKind, InterpolatedTextContents, Label, Span};

use super::diagnostic::{Finding, Place};
use super::engine::{self, type_of};
use super::schema::{self, Step, extended, nearest, short};

/// More findings than this help nobody.
pub(super) const FINDINGS_MAX: usize = 50;

/// A file, and the files that are imported around it.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) file: &'a str,
    pub(super) imported: &'a [&'a str],
}

/// All that is wrong with `hir`, which the engine refused with `error`. `env` has its imports; `told` says whether some of
/// them were told to be wrong: otherwise there is a finding.
pub(super) fn findings<'cx>(
    env: &TyEnv<'cx>,
    hir: &Hir<'cx>,
    context: Context<'_>,
    expected: Option<&Expr>,
    (error, told): (&TypeError, bool),
) -> Vec<Finding> {
    let mut explainer = Explainer::new(context);
    explainer.visit(env, hir, "", expected);
    if explainer.findings.is_empty() && !told {
        explainer.report(explainer.finding(hir, engine::sentence(error)));
    }
    explainer.findings
}

/// Findings for a value of type `found` where the schema wants `expected`.
pub(super) fn schema_findings(
    hir: &Hir<'_>,
    file: &str,
    found: &Expr,
    expected: &Expr,
) -> Vec<Finding> {
    let mut explainer = Explainer::new(Context { file, imported: &[] });
    explainer.mismatch(hir, "", found, expected);
    explainer.findings
}

struct Explainer<'a> {
    context: Context<'a>,
    findings: Vec<Finding>,
    /// How many findings were reported, each as often as it was.
    reports: usize,
    /// Names in scope, the innermost last.
    scope: Vec<Named>,
}

struct Named {
    name: String,
    /// Its mistake was told; what it stands for is not known.
    is_wrong: bool,
}

fn shown<'cx>(env: &TyEnv<'cx>, ty: &Type<'cx>) -> Expr {
    ty.to_expr_tyenv(env)
}

fn is_type(typed: &Tir<'_, '_>) -> bool {
    typed.ty().as_const().is_some()
}

/// Where the source spells `hir`, or the first of its parts that it spells.
fn placed(file: &str, hir: &Hir<'_>) -> Option<Place> {
    Place::of_span(file, &hir.span()).or_else(|| {
        let HirKind::Expr(kind) = hir.kind() else {
            return None;
        };
        let mut place = None;
        kind.map_ref(|part| place = place.take().or_else(|| placed(file, part)));
        place
    })
}

impl<'a> Explainer<'a> {
    fn new(context: Context<'a>) -> Self {
        Self { context, findings: Vec::new(), reports: 0, scope: Vec::new() }
    }

    fn finding(&self, hir: &Hir<'_>, message: impl Into<String>) -> Finding {
        Finding { place: placed(self.context.file, hir), ..Finding::new(message) }
    }

    /// A finding about the part of the value at `path`.
    fn finding_at(&self, hir: &Hir<'_>, path: &str, message: impl Into<String>) -> Finding {
        let finding = self.finding(hir, message);
        if path.is_empty() { finding } else { finding.path(path) }
    }

    fn report(&mut self, finding: Finding) {
        self.reports += 1;
        if self.findings.len() < FINDINGS_MAX && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    /// Looks into `hir`, which is wrong itself or in a part.
    fn visit<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        if self.findings.len() >= FINDINGS_MAX {
            return;
        }
        match hir.kind() {
            HirKind::MissingVar(variable) if engine::is_told(variable) => {}
            HirKind::MissingVar(variable) => {
                let name = variable.0.as_ref();
                let finding = self.finding(hir, format!("`{name}` is not defined here"));
                let near = nearest(name, self.scope.iter().map(|named| &*named.name));
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                self.report(hint.into_iter().fold(finding, Finding::hint));
            }
            HirKind::Expr(ExprKind::Let(name, annotation, value, body)) => {
                self.binding(env, (name, annotation.as_ref(), value, body), path, expected);
            }
            HirKind::Expr(ExprKind::Lam(name, domain, body)) => {
                self.under_parameter(env, name, domain, |this, env| {
                    this.rest(env, body, path, None);
                });
            }
            HirKind::Expr(ExprKind::Pi(name, domain, body)) => {
                self.under_parameter(env, name, domain, |this, env| {
                    let body = this.known(body);
                    match type_of(env, &body) {
                        Err(_) => this.visit(env, &body, path, None),
                        Ok(typed) if !is_type(&typed) => this.not_a_type(env, &body, &typed),
                        Ok(_) => {}
                    }
                });
            }
            HirKind::Expr(ExprKind::Annot(value, annotation)) => {
                self.annotated(env, value, annotation, path, expected);
            }
            HirKind::Expr(kind) => {
                if !self.parts(env, hir, kind, path, expected) {
                    self.layer(env, hir, kind, path, expected);
                }
            }
            HirKind::Var(_) | HirKind::Import(_) | HirKind::ImportAlternative(..) => {}
        }
    }

    fn under(&mut self, name: &Label, is_wrong: bool, inside: impl FnOnce(&mut Self)) {
        self.scope.push(Named { name: String::from(name), is_wrong });
        inside(self);
        self.scope.pop();
    }

    /// `hir` without the names in scope that are wrong: what depends on one of them has no type, and is passed over.
    fn known<'h, 'cx>(&self, hir: &'h Hir<'cx>) -> Cow<'h, Hir<'cx>> {
        if self.scope.iter().all(|named| !named.is_wrong) {
            return Cow::Borrowed(hir);
        }
        let is_wrong = |out| self.scope.iter().rev().nth(out).is_some_and(|named| named.is_wrong);
        Cow::Owned(engine::without(hir, 0, &is_wrong))
    }

    /// What comes after a binding.
    fn rest<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        rest: &Hir<'cx>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        // Bindings are looked at one by one, so that each is read once.
        if let HirKind::Expr(ExprKind::Let(..)) = rest.kind() {
            return self.visit(env, rest, path, expected);
        }
        let rest = self.known(rest);
        if type_of(env, &rest).is_err() {
            self.visit(env, &rest, path, expected);
        }
    }

    fn under_parameter<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        name: &Label,
        domain: &Hir<'cx>,
        inside: impl FnOnce(&mut Self, &TyEnv<'cx>),
    ) {
        let domain = self.known(domain);
        let ty = match type_of(env, &domain) {
            Ok(typed) if is_type(&typed) => typed.eval_to_type(env).ok(),
            Ok(_) => {
                let message = "a parameter is annotated with something that is not a type";
                self.report(self.finding(&domain, message));
                None
            }
            Err(_) => {
                self.visit(env, &domain, "", None);
                None
            }
        };
        let is_wrong = ty.is_none();
        let env = env.insert_type(name, ty.unwrap_or_else(|| unknown(env)));
        self.under(name, is_wrong, |this| inside(this, &env));
    }

    fn not_a_type<'cx>(&mut self, env: &TyEnv<'cx>, hir: &Hir<'cx>, typed: &Tir<'cx, '_>) {
        let text = short(&hir.to_expr_tyenv(env));
        let finding = self.finding(hir, format!("`{text}` is not a type"));
        let finding =
            finding.types("a type", format!("a value of type {}", short(&shown(env, typed.ty()))));
        self.report(
            finding.hint("a type is written like `Natural`, `List Text` or `{ name : Text }`"),
        );
    }

    /// The type that an annotation says; `None`: it is wrong, which was reported.
    fn annotation<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        annotation: &Hir<'cx>,
        path: &str,
    ) -> Option<Expr> {
        match type_of(env, annotation) {
            Ok(typed) if is_type(&typed) => typed.eval_to_type(env).ok().map(|ty| shown(env, &ty)),
            Ok(typed) => {
                self.not_a_type(env, annotation, &typed);
                None
            }
            // `Sort` is the one annotation that has no type.
            Err(_) if matches!(annotation.kind(), HirKind::Expr(ExprKind::Const(_))) => None,
            Err(_) => {
                self.visit(env, annotation, path, None);
                None
            }
        }
    }

    fn binding<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        (name, annotation, value, body): (&Label, Option<&Hir<'cx>>, &Hir<'cx>, &Hir<'cx>),
        path: &str,
        expected: Option<&Expr>,
    ) {
        let wanted = annotation.and_then(|annotation| {
            let annotation = self.known(annotation);
            self.annotation(env, &annotation, "")
        });
        let before = self.reports;
        let value = self.known(value);
        let typed = type_of(env, &value);
        match (&typed, &wanted) {
            (Err(_), _) => self.visit(env, &value, name.as_ref(), wanted.as_ref()),
            (Ok(typed), Some(wanted)) => {
                self.mismatch(&value, name.as_ref(), &shown(env, typed.ty()), wanted);
            }
            (Ok(_), None) => {}
        }
        let (env, is_wrong) = match typed {
            Ok(typed) if self.reports == before && annotation.is_some() == wanted.is_some() => {
                (env.insert_value(name, typed.eval(env), typed.ty().clone()), false)
            }
            _ => (env.insert_type(name, unknown(env)), true),
        };
        self.under(name, is_wrong, |this| this.rest(&env, body, path, expected));
    }

    fn annotated<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        value: &Hir<'cx>,
        annotation: &Hir<'cx>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        let wanted = self.annotation(env, annotation, path);
        match type_of(env, value) {
            Err(_) => self.visit(env, value, path, wanted.as_ref().or(expected)),
            Ok(typed) => {
                if let Some(wanted) = wanted {
                    let about = self.file_of(annotation);
                    let found = shown(env, typed.ty());
                    self.mismatch_about(value, path, schema::differences(&found, &wanted), about);
                }
            }
        }
    }

    /// The imported file that says what `schema.Train.Type` is: `schema/v1/Train.dhall`.
    fn file_of(&self, annotation: &Hir<'_>) -> Option<&'a str> {
        let record = field_of(annotation, Some("Type"))?.0;
        let file = format!("{}.dhall", field_of(record, None)?.1.as_ref());
        let ends_so = |path: &&&str| path.rsplit('/').next() == Some(&file);
        self.context.imported.iter().find(ends_so).copied()
    }

    /// Visits the parts that are wrong by themselves; says whether there was one.
    fn parts<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        kind: &ExprKind<Hir<'cx>>,
        path: &str,
        expected: Option<&Expr>,
    ) -> bool {
        let mut any = false;
        let mut visit = |this: &mut Self, part: &Hir<'cx>, path: &str, expected: Option<&Expr>| {
            if type_of(env, part).is_err() {
                any = true;
                this.visit(env, part, path, expected);
            }
        };
        match kind {
            ExprKind::RecordLit(fields) => {
                for (name, part) in fields {
                    let wanted = match expected.map(Expr::kind) {
                        Some(ExprKind::RecordType(types)) => types.get(name),
                        _ => None,
                    };
                    let path = extended(path, &[Step::Field(String::from(name))]);
                    visit(self, part, &path, wanted);
                }
                if any && let Some(expected) = expected {
                    self.fields_that_are_right(env, hir, fields, path, expected);
                }
            }
            ExprKind::NEListLit(elements) => {
                let wanted = expected.and_then(argument);
                for (index, part) in elements.iter().enumerate() {
                    visit(self, part, &format!("{path}[{index}]"), wanted);
                }
                if any {
                    self.list(env, elements, path, expected);
                }
            }
            ExprKind::Op(OpKind::BinOp(BinOp::RightBiasedRecordMerge, left, right)) => {
                visit(self, left, path, None);
                visit(self, right, path, expected);
            }
            ExprKind::SomeLit(part) => visit(self, part, path, expected.and_then(argument)),
            ExprKind::Op(OpKind::BoolIf(condition, yes, no)) => {
                visit(self, condition, path, None);
                visit(self, yes, path, expected);
                visit(self, no, path, expected);
            }
            other => {
                let mut wrong = Vec::new();
                other.map_ref(|part| wrong.push(part));
                for part in wrong {
                    visit(self, part, path, None);
                }
            }
        }
        any
    }

    /// Compares those fields that have a type with what is expected, where others are wrong by themselves.
    fn fields_that_are_right<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        fields: &BTreeMap<Label, Hir<'cx>>,
        path: &str,
        expected: &Expr,
    ) {
        let right = fields.iter().filter_map(|(name, part)| {
            Some((name.clone(), shown(env, type_of(env, part).ok()?.ty())))
        });
        let there = Expr::new(ExprKind::RecordType(right.collect()), Span::Artificial);
        if !matches!(expected.kind(), ExprKind::RecordType(_)) {
            return;
        }
        let mut mismatches = schema::differences(&there, expected);
        // What seems to be missing may be wrong, or a default.
        mismatches.retain(|mismatch| !mismatch.is_missing || mismatch.steps.len() > 1);
        self.mismatch_about(hir, path, mismatches, None);
    }

    /// Says what is wrong with an expression whose parts are right.
    fn layer<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        kind: &ExprKind<Hir<'cx>>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        let before = self.reports;
        match kind {
            ExprKind::NEListLit(elements) => self.list(env, elements, path, expected),
            ExprKind::TextLit(text) => {
                for content in text.iter() {
                    if let InterpolatedTextContents::Expr(part) = content {
                        self.wanted(
                            env,
                            part,
                            path,
                            "Text",
                            "only a Text can stand in `${…}` or beside `++`",
                        );
                    }
                }
            }
            ExprKind::EmptyListLit(ty) => self.types(env, [ty]),
            ExprKind::RecordType(fields) => self.types(env, fields.values()),
            ExprKind::UnionType(alternatives) => self.types(env, alternatives.values().flatten()),
            ExprKind::Assert(claim) => self.assertion(env, hir, claim, path),
            ExprKind::Op(operation) => self.operation(env, hir, operation, path),
            _ => {}
        }
        if self.reports == before
            && let Err(error) = type_of(env, hir)
        {
            self.report(self.finding_at(hir, path, engine::sentence(&error)));
        }
    }

    /// Reports each of `parts` that is not a type.
    fn types<'h, 'cx: 'h>(
        &mut self,
        env: &TyEnv<'cx>,
        parts: impl IntoIterator<Item = &'h Hir<'cx>>,
    ) {
        for part in parts {
            if let Ok(typed) = type_of(env, part)
                && !is_type(&typed)
            {
                self.not_a_type(env, part, &typed);
            }
        }
    }

    /// Reports every difference between two types of `hir`, each where the source spells it.
    fn mismatch(&mut self, hir: &Hir<'_>, path: &str, found: &Expr, expected: &Expr) {
        self.mismatch_about(hir, path, schema::differences(found, expected), None);
    }

    /// Reports differences; `about` is the file that says what the fields of `hir` mean.
    fn mismatch_about(
        &mut self,
        hir: &Hir<'_>,
        path: &str,
        mismatches: Vec<schema::Mismatch>,
        about: Option<&str>,
    ) {
        for mismatch in mismatches {
            let place = locate(hir, &mismatch.steps);
            let path = extended(path, &mismatch.steps);
            let mut finding = self.finding_at(place, &path, &*mismatch.message);
            finding.expected = mismatch.expected;
            finding.found = mismatch.found;
            finding.hints.extend(mismatch.hint);
            if let Some(file) = about
                && mismatch.is_missing
                && mismatch.steps.len() == 1
            {
                finding = finding.hint(format!("what it means is said in {file}"));
            }
            self.report(finding);
        }
    }
}

/// `x` and `name` of `x.name`, if that is the name.
fn field_of<'h, 'cx>(hir: &'h Hir<'cx>, wanted: Option<&str>) -> Option<(&'h Hir<'cx>, &'h Label)> {
    match hir.kind() {
        HirKind::Expr(ExprKind::Op(OpKind::Field(record, name)))
            if wanted.is_none_or(|wanted| name.as_ref() == wanted) =>
        {
            Some((record, name))
        }
        _ => None,
    }
}

/// Some type, for a name that nothing is asked of.
fn unknown<'cx>(env: &TyEnv<'cx>) -> Type<'cx> {
    Type::from_builtin(env.cx(), Builtin::Natural)
}

/// The smallest part of `hir` that spells what the steps lead to.
fn locate<'h, 'cx>(hir: &'h Hir<'cx>, steps: &[Step]) -> &'h Hir<'cx> {
    part_at(hir, steps).unwrap_or(hir)
}

fn part_at<'h, 'cx>(hir: &'h Hir<'cx>, steps: &[Step]) -> Option<&'h Hir<'cx>> {
    let HirKind::Expr(kind) = hir.kind() else {
        return None;
    };
    match (kind, steps) {
        (ExprKind::Let(_, _, _, body), _) => Some(locate(body, steps)),
        (ExprKind::Annot(value, _), _) => Some(locate(value, steps)),
        (ExprKind::Op(OpKind::BinOp(BinOp::RightBiasedRecordMerge, left, right)), [_, ..]) => {
            part_at(right, steps).or_else(|| part_at(left, steps)).or(Some(right))
        }
        (ExprKind::RecordLit(fields), [Step::Field(name), rest @ ..]) => {
            fields.get(name.as_str()).map(|field| locate(field, rest))
        }
        (ExprKind::NEListLit(elements), [Step::Element, rest @ ..]) => {
            elements.first().map(|element| locate(element, rest))
        }
        (ExprKind::SomeLit(value), [Step::Content, rest @ ..]) => Some(locate(value, rest)),
        _ => None,
    }
}

/// `T` of `List T` or `Optional T`.
fn argument(ty: &Expr) -> Option<&Expr> {
    match ty.kind() {
        ExprKind::Op(OpKind::App(_, argument)) => Some(argument),
        _ => None,
    }
}
