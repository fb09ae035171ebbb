//! Why an expression does not type check, in the author's terms: file, line, the two types that disagree, a hint.
//!
//! The engine says that something is wrong and stops at the first. Here the expression is walked again, down to every
//! smallest part that is wrong by itself, so that all findings are said at once.

use dhall::error::TypeError;
use dhall::operations::{BinOp, OpKind};
use dhall::semantics::{Hir, HirKind, NirKind, Tir, TyEnv, Type, type_with};
use dhall::syntax::{Expr, ExprKind, InterpolatedTextContents, Label, Span};

use super::diagnostic::Finding;
use super::schema::{self, Step, extended, nearest, short};

/// More findings than this help nobody.
const FINDINGS_MAX: usize = 50;

/// All that is wrong with `hir`, which the engine refused with `error`; never empty. `env` has its imports.
pub(super) fn findings<'cx>(
    env: &TyEnv<'cx>,
    hir: &Hir<'cx>,
    file: &str,
    expected: Option<&Expr>,
    error: &TypeError,
) -> Vec<Finding> {
    let mut explainer = Explainer { file, findings: Vec::new(), scope: Vec::new() };
    explainer.visit(env, hir, "", expected);
    if explainer.findings.is_empty() {
        let message = Explainer::engine_message(error);
        explainer.findings.push(Finding::new(message).at(file, &hir.span()));
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
    let mut explainer = Explainer { file, findings: Vec::new(), scope: Vec::new() };
    explainer.mismatch(hir, "", found, expected);
    explainer.findings
}

struct Explainer<'a> {
    file: &'a str,
    findings: Vec<Finding>,
    /// Names in scope, for suggestions.
    scope: Vec<String>,
}

fn type_of<'cx, 'hir>(env: &TyEnv<'cx>, hir: &'hir Hir<'cx>) -> Result<Tir<'cx, 'hir>, TypeError> {
    type_with(env, hir, None)
}

fn shown<'cx>(env: &TyEnv<'cx>, ty: &Type<'cx>) -> Expr {
    ty.to_expr_tyenv(env)
}

impl Explainer<'_> {
    fn finding(&self, hir: &Hir<'_>, message: impl Into<String>) -> Finding {
        Finding::new(message).at(self.file, &hir.span())
    }

    fn report(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn engine_message(error: &TypeError) -> String {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or("type error");
        let line = line.trim_start_matches("Type error: ").trim_start_matches("error: ");
        line.to_owned()
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
            HirKind::MissingVar(variable) => {
                let name = variable.0.as_ref();
                let finding = self.finding(hir, format!("`{name}` is not defined here"));
                let near = nearest(name, self.scope.iter().map(String::as_str));
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                self.report(hint.into_iter().fold(finding, Finding::hint));
            }
            HirKind::Expr(ExprKind::Let(name, annotation, value, body)) => {
                self.binding(env, (name, annotation.as_ref(), value, body), path, expected);
            }
            HirKind::Expr(ExprKind::Lam(name, domain, body) | ExprKind::Pi(name, domain, body)) => {
                let Ok(domain_type) = type_of(env, domain) else {
                    return self.visit(env, domain, path, None);
                };
                match domain_type.eval_to_type(env) {
                    Ok(ty) => self.under(name, |this| {
                        let env = env.insert_type(name, ty);
                        if type_of(&env, body).is_err() {
                            this.visit(&env, body, path, None);
                        }
                    }),
                    Err(_) => self.report(self.finding(
                        domain,
                        "a parameter is annotated with something that is not a type",
                    )),
                }
            }
            HirKind::Expr(ExprKind::Annot(value, annotation)) => {
                self.annotated(env, value, annotation, path, expected);
            }
            HirKind::Expr(kind) => {
                if !self.parts(env, kind, path, expected) {
                    self.layer(env, hir, kind, path, expected);
                }
            }
            HirKind::Var(_) | HirKind::Import(_) | HirKind::ImportAlternative(..) => {}
        }
    }

    fn under(&mut self, name: &Label, inside: impl FnOnce(&mut Self)) {
        self.scope.push(String::from(name));
        inside(self);
        self.scope.pop();
    }

    fn binding<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        (name, annotation, value, body): (&Label, Option<&Hir<'cx>>, &Hir<'cx>, &Hir<'cx>),
        path: &str,
        expected: Option<&Expr>,
    ) {
        let mut wanted = None;
        if let Some(annotation) = annotation {
            match type_of(env, annotation) {
                Ok(typed) => wanted = typed.eval_to_type(env).ok(),
                Err(_) => self.visit(env, annotation, "", None),
            }
        }
        let before = self.findings.len();
        let wanted_tree = wanted.as_ref().map(|ty| shown(env, ty));
        let value_typed = type_of(env, value);
        match (&value_typed, &wanted_tree) {
            (Err(_), _) => self.visit(env, value, name.as_ref(), wanted_tree.as_ref()),
            (Ok(typed), Some(wanted)) => {
                self.mismatch(value, name.as_ref(), &shown(env, typed.ty()), wanted);
            }
            (Ok(_), None) => {}
        }
        let wrong = self.findings.len() > before;
        let body_env = match (value_typed, wanted) {
            (Ok(typed), _) if !wrong => env.insert_value(name, typed.eval(env), typed.ty().clone()),
            // The annotation says what the body may count on.
            (_, Some(wanted)) => env.insert_type(name, wanted),
            _ => return,
        };
        self.under(name, |this| {
            if !wrong || type_of(&body_env, body).is_err() {
                this.visit(&body_env, body, path, expected);
            }
        });
    }

    fn annotated<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        value: &Hir<'cx>,
        annotation: &Hir<'cx>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        let wanted = if let Ok(typed) = type_of(env, annotation) {
            typed.eval_to_type(env).ok().map(|ty| shown(env, &ty))
        } else {
            self.visit(env, annotation, path, None);
            None
        };
        match type_of(env, value) {
            Err(_) => self.visit(env, value, path, wanted.as_ref().or(expected)),
            Ok(typed) => {
                if let Some(wanted) = wanted {
                    self.mismatch(value, path, &shown(env, typed.ty()), &wanted);
                }
            }
        }
    }

    /// Visits the parts that are wrong by themselves; says whether there was one.
    fn parts<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
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
            }
            ExprKind::NEListLit(elements) => {
                let wanted = expected.and_then(argument);
                for (index, part) in elements.iter().enumerate() {
                    visit(self, part, &format!("{path}[{index}]"), wanted);
                }
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

    /// Says what is wrong with an expression whose parts are right.
    fn layer<'cx>(
        &mut self,
        env: &TyEnv<'cx>,
        hir: &Hir<'cx>,
        kind: &ExprKind<Hir<'cx>>,
        path: &str,
        expected: Option<&Expr>,
    ) {
        let before = self.findings.len();
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
            ExprKind::Assert(claim) => self.assertion(env, hir, claim, path),
            ExprKind::Op(operation) => self.operation(env, hir, operation, path),
            _ => {}
        }
        if self.findings.len() == before
            && let Err(error) = type_of(env, hir)
        {
            let finding = self.finding(hir, sentence(&Self::engine_message(&error)));
            self.report(if path.is_empty() { finding } else { finding.path(path) });
        }
    }

    fn operation<'cx>(
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
                if let (Ok(typed), Some(first)) = (type_of(env, record), steps.first())
                    && !matches!(typed.ty().kind(), NirKind::RecordType(_))
                {
                    let finding =
                        self.finding(record, format!("`with {first} = …` needs a record"));
                    self.report(finding.types("a record", short(&shown(env, typed.ty()))));
                }
            }
            _ => {}
        }
    }

    fn list<'cx>(
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
        let finding = self.finding(hir, format!("{what} `{name}`"));
        let finding = if path.is_empty() { finding } else { finding.path(path) };
        let hint = match nearest(name.as_ref(), names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => return self.report(finding),
            None => format!("there are: {}", listed(&names)),
        };
        self.report(finding.hint(hint));
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
            BinOp::RecursiveRecordMerge
                if matches!(hir.span(), Span::DuplicateRecordFieldsSugar(..)) =>
            {
                let finding = self.finding(right, "this field is given twice");
                let finding = if path.is_empty() { finding } else { finding.path(path) };
                self.report(finding.hint("delete one of them, or override with `//`"));
            }
            BinOp::RightBiasedRecordMerge | BinOp::RecursiveRecordMerge => {
                for (part, ty) in [(left, &left_type), (right, &right_type)] {
                    if !matches!(ty.kind(), ExprKind::RecordType(_)) {
                        let finding = self.finding(part, "records are joined with `//` and `/\\`");
                        self.report(finding.types("a record", short(ty)));
                    }
                }
            }
            BinOp::Equivalence => self.mismatch(right, path, &right_type, &left_type),
            _ => {}
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

    fn assertion<'cx>(&mut self, env: &TyEnv<'cx>, hir: &Hir<'cx>, claim: &Hir<'cx>, path: &str) {
        let Ok(typed) = type_of(env, claim) else {
            return;
        };
        let evaluated = typed.eval(env);
        let NirKind::Equivalence(left, right) = evaluated.kind() else {
            return;
        };
        let (left, right) = (left.to_expr_tyenv(env), right.to_expr_tyenv(env));
        let finding = self.finding(hir, "this assertion does not hold");
        let finding = if path.is_empty() { finding } else { finding.path(path) };
        self.report(finding.types(short(&right), short(&left)));
    }

    /// Reports `part` if its type is not the builtin type `wanted`.
    fn wanted<'cx>(
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
            let finding = self.finding(part, message).types(wanted, &found);
            let finding = if path.is_empty() { finding } else { finding.path(path) };
            let hint = schema::conversion(wanted, &found);
            self.report(hint.into_iter().fold(finding, Finding::hint));
        }
    }

    /// Reports every difference between two types of `hir`, each where the source spells it.
    fn mismatch(&mut self, hir: &Hir<'_>, path: &str, found: &Expr, expected: &Expr) {
        for mismatch in schema::differences(found, expected) {
            let place = locate(hir, &mismatch.steps);
            let mut finding = self.finding(place, &*mismatch.message);
            let path = extended(path, &mismatch.steps);
            if !path.is_empty() {
                finding = finding.path(path);
            }
            finding.expected = mismatch.expected;
            finding.found = mismatch.found;
            finding.hints.extend(mismatch.hint);
            self.report(finding);
        }
    }
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

/// The type that most of the first elements have; the earliest of several.
fn most_common(types: &[Option<Expr>]) -> Option<Expr> {
    let first: Vec<&Expr> = types.iter().flatten().take(100).collect();
    let count = |wanted: &Expr| first.iter().filter(|ty| **ty == wanted).count();
    // `max_by_key` takes the last of equals, so the list is read backwards.
    first.iter().rev().max_by_key(|ty| count(ty)).map(|ty| (*ty).clone())
}

fn listed(names: &[String]) -> String {
    let mut quoted: Vec<String> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
    if names.len() > quoted.len() {
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

/// The engine's words for what is left, as a sentence.
fn sentence(message: &str) -> String {
    let sentence = match message {
        "InvalidFieldType" => "a field of a record must be a value or a type",
        "InvalidVariantType" => "an alternative of a union must carry a value",
        "InvalidListType" => {
            "the elements of a list must be values; `[]` is annotated `[] : List T`"
        }
        "InvalidOptionalType" => "`Some` takes a value, not a type",
        "MergeHandlerTypeMismatch" => "the handlers of this `merge` give values of different types",
        "MergeEmptyNeedsAnnotation" => "a `merge` without alternatives needs a type annotation",
        "MergeAnnotMismatch" => "this `merge` gives another type than its annotation says",
        "MergeReturnTypeIsDependent" => "a handler's type must not depend on its argument",
        "AssertMustTakeEquivalence" => "`assert` takes an equivalence: `assert : a ≡ b`",
        "EquivalenceArgumentsMustBeTerms" => "`≡` compares values, not types",
        "IfBranchMustBeTermTypeOrKind" => "the branches of `if` must be values",
        "DuplicateFieldName" => "a field is given to both records, and its values are not records",
        "RecordTypeMergeRequiresRecordType" => "`//\\\\` joins record types",
        "Invalid output type" => "a function must give a value or a type",
        "Sort does not have a type" => "`Sort` is no value",
        other => other,
    };
    sentence.to_owned()
}
