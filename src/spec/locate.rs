//! Where a file spells a part of its value, for findings about values: `runs[3].train.batchSize` → line 41.
//!
//! The text is walked as it stands, with nothing evaluated: through `let`, records, lists, `//`, `::`, `with` and functions
//! that are applied. Where that ends (an import, an `if`, a built-in), the nearest place around is given.

use std::rc::Rc;

use dhall::operations::{BinOp, OpKind};
use dhall::syntax::{Expr, ExprKind, Label, V};

use super::diagnostic::Place;

/// Expressions that are looked at for one path.
const VISITS_MAX: u32 = 100_000;

/// One step of a path. Alternatives of unions and `Some` are passed without one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
}

/// The place in `file`, whose text is `tree`, of each path.
pub(super) fn places(tree: &Expr, file: &str, paths: &[String]) -> Vec<Option<Place>> {
    paths
        .iter()
        .map(|path| {
            let mut walk = Walk { visits: 0 };
            let found = walk.find(tree, &Scope::default(), &steps(path));
            Place::of_span(file, &found.expr.span())
        })
        .collect()
}

/// `runs[3].train<Cosine>.warmUp`, cut up.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let part = part.split('<').next().unwrap_or_default();
        let index = part.strip_suffix(']').and_then(|digits| digits.parse().ok());
        match index {
            Some(index) => steps.push(Step::Element(index)),
            None if part.is_empty() => {}
            None => steps.push(Step::Field(part.to_owned())),
        }
    }
    steps
}

/// Names in scope, the innermost first; a name of a function's parameter that was given nothing has no value.
#[derive(Clone, Default)]
struct Scope<'e>(Option<Rc<Bound<'e>>>);

struct Bound<'e> {
    name: &'e Label,
    value: Option<(&'e Expr, Scope<'e>)>,
    outer: Scope<'e>,
}

impl<'e> Scope<'e> {
    fn with(&self, name: &'e Label, value: Option<(&'e Expr, Self)>) -> Self {
        Self(Some(Rc::new(Bound { name, value, outer: self.clone() })))
    }

    fn value(&self, V(name, index): &V) -> Option<(&'e Expr, Self)> {
        let mut skip = *index;
        let mut scope = self;
        while let Some(bound) = &scope.0 {
            if bound.name == name {
                if skip == 0 {
                    return bound.value.clone();
                }
                skip -= 1;
            }
            scope = &bound.outer;
        }
        None
    }
}

/// How far a walk came.
struct Found<'e> {
    expr: &'e Expr,
    /// Steps that are left.
    left: usize,
}

struct Walk {
    visits: u32,
}

/// Whether a file spells the expression.
fn is_spelled(expr: &Expr) -> bool {
    Place::of_span("", &expr.span()).is_some()
}

impl Walk {
    /// Follows `steps` into `expr`.
    fn find<'e>(&mut self, expr: &'e Expr, scope: &Scope<'e>, steps: &[Step]) -> Found<'e> {
        let here = Found { expr, left: steps.len() };
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return here;
        }
        let Some((step, rest)) = steps.split_first() else {
            // A name is spelled where its value is: that is what would be changed.
            let value = match expr.kind() {
                ExprKind::Var(variable) => scope.value(variable),
                _ => None,
            };
            return value.map_or(here, |(value, scope)| self.find(value, &scope, steps));
        };
        let inside = match (expr.kind(), step) {
            (ExprKind::Let(name, _, value, body), _) => {
                let scope = scope.with(name, Some((value, scope.clone())));
                self.find(body, &scope, steps)
            }
            (ExprKind::Var(variable), _) => match scope.value(variable) {
                Some((value, scope)) => self.find(value, &scope, steps),
                None => here,
            },
            (ExprKind::Annot(value, _) | ExprKind::SomeLit(value), _) => {
                self.find(value, scope, steps)
            }
            (ExprKind::RecordLit(fields), Step::Field(name)) => {
                match fields.iter().find(|(label, _)| label.as_ref() == name) {
                    Some((_, value)) => self.find(value, scope, rest),
                    None => here,
                }
            }
            (ExprKind::NEListLit(elements), Step::Element(index)) => match elements.get(*index) {
                Some(element) => self.find(element, scope, rest),
                None => here,
            },
            (ExprKind::Op(op), _) => self.find_in(op, expr, scope, steps),
            _ => here,
        };
        // A part that no file spells is told by what is around it.
        if is_spelled(inside.expr) { inside } else { Found { expr, ..inside } }
    }

    fn find_in<'e>(
        &mut self,
        op: &'e OpKind<Expr>,
        expr: &'e Expr,
        scope: &Scope<'e>,
        steps: &[Step],
    ) -> Found<'e> {
        let here = Found { expr, left: steps.len() };
        match op {
            OpKind::App(..) => self.find_applied(expr, scope, steps, &mut Vec::new()),
            OpKind::BinOp(
                BinOp::RightBiasedRecordMerge | BinOp::RecursiveRecordMerge,
                left,
                right,
            )
            | OpKind::Completion(left, right) => {
                let found = self.find(right, scope, steps);
                // A default that the record leaves alone is told by the record.
                let is_completion = matches!(op, OpKind::Completion(..));
                if found.left < steps.len() || is_completion {
                    return if found.left < steps.len() { found } else { here };
                }
                let other = self.find(left, scope, steps);
                if other.left < steps.len() { other } else { here }
            }
            OpKind::BinOp(BinOp::ListAppend, left, right) => {
                let Some((Step::Element(index), rest)) = steps.split_first() else {
                    return here;
                };
                match self.length(left, scope) {
                    Some(length) if *index >= length => {
                        let mut steps = vec![Step::Element(index - length)];
                        steps.extend_from_slice(rest);
                        self.find(right, scope, &steps)
                    }
                    Some(_) => self.find(left, scope, steps),
                    None => here,
                }
            }
            OpKind::With(record, labels, value) => {
                let is_it = |(label, step): (&Label, &Step)| matches!(step, Step::Field(name) if label.as_ref() == name);
                let common = labels.iter().zip(steps).take_while(|pair| is_it(*pair)).count();
                if common == labels.len() {
                    self.find(value, scope, &steps[common..])
                } else {
                    self.find(record, scope, steps)
                }
            }
            OpKind::Field(record, label) => {
                let mut deeper = vec![Step::Field(label.as_ref().to_owned())];
                deeper.extend_from_slice(steps);
                let found = self.find(record, scope, &deeper);
                if found.left < steps.len() { found } else { here }
            }
            _ => here,
        }
    }

    /// Follows `steps` into a function's result: `arguments` are those given so far, the last one first.
    fn find_applied<'e>(
        &mut self,
        expr: &'e Expr,
        scope: &Scope<'e>,
        steps: &[Step],
        arguments: &mut Vec<(&'e Expr, Scope<'e>)>,
    ) -> Found<'e> {
        let here = Found { expr, left: steps.len() };
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return here;
        }
        match expr.kind() {
            ExprKind::Op(OpKind::App(function, argument)) => {
                arguments.push((argument, scope.clone()));
                let found = self.find_applied(function, scope, steps, arguments);
                if found.left < steps.len() { found } else { here }
            }
            ExprKind::Var(variable) => match scope.value(variable) {
                Some((value, scope)) => self.find_applied(value, &scope, steps, arguments),
                None => here,
            },
            ExprKind::Let(name, _, value, body) => {
                let scope = scope.with(name, Some((value, scope.clone())));
                self.find_applied(body, &scope, steps, arguments)
            }
            ExprKind::Lam(name, _, body) => match arguments.pop() {
                Some(argument) => {
                    let scope = scope.with(name, Some(argument));
                    if arguments.is_empty() {
                        self.find(body, &scope, steps)
                    } else {
                        self.find_applied(body, &scope, steps, arguments)
                    }
                }
                None => here,
            },
            // An alternative of a union, with what it holds.
            ExprKind::Op(OpKind::Field(..)) if arguments.len() == 1 => match arguments.pop() {
                Some((payload, scope)) => self.find(payload, &scope, steps),
                None => here,
            },
            _ => here,
        }
    }

    /// How many elements a list has, if the text says so.
    fn length(&mut self, list: &Expr, scope: &Scope<'_>) -> Option<usize> {
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return None;
        }
        match list.kind() {
            ExprKind::NEListLit(elements) => Some(elements.len()),
            ExprKind::EmptyListLit(_) => Some(0),
            ExprKind::Annot(list, _) => self.length(list, scope),
            ExprKind::Var(variable) => {
                let (value, scope) = scope.value(variable)?;
                self.length(value, &scope)
            }
            ExprKind::Op(OpKind::BinOp(BinOp::ListAppend, left, right)) => {
                Some(self.length(left, scope)? + self.length(right, scope)?)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn a_path_is_cut_into_steps() {
        let field = |name: &str| Step::Field(name.to_owned());
        let expected =
            [field("runs"), Step::Element(3), field("train"), field("warmUp"), Step::Element(0)];
        assert_eq!(steps("runs[3].train<Cosine>.warmUp<Steps>[0]"), expected);
        assert_eq!(steps(""), []);
    }

    #[test]
    fn the_text_of_a_part_of_the_value_is_found() {
        let source = "\
let base = { seed = 1, size = { width = 2, height = 3 } }
let make = λ(name : Text) → λ(batch : Natural) → { name, batch, base, kind = U.A { of = batch } }
let more = [ make \"a\" 10, make \"b\" 20 ]
let T = { Type = {}, default = { left = 7 } }
in  { runs = more # [ make \"c\" 30, base // { seed = 4 } ]
    , one = (base with size.width = 5) : S
    , dflt = T::{ right = Some 8 }
    , of = base.size
    , unknown = ./file.dhall
    , nested = { a.b = 9 }
    }
";
        let tree = parse(source).unwrap();
        let at = |path: &str| {
            let place = places(&tree, "x.dhall", &[path.to_owned()]).remove(0).unwrap();
            let [skip, width] =
                [place.column - 1, place.width].map(|n| usize::try_from(n).unwrap());
            let shown: String = place.source.chars().skip(skip).take(width).collect();
            (place.line, shown.trim().to_owned())
        };
        let is = |path: &str, line: u64, text: &str| {
            let (found, shown) = at(path);
            assert_eq!((found, &*shown), (line, text), "{path}");
        };
        is("runs[0].name", 3, "\"a\"");
        is("runs[1].batch", 3, "20");
        is("runs[2].batch", 5, "30");
        is("runs[2].kind<A>.of", 5, "30");
        is("runs[2].base.size.height", 1, "3");
        is("runs[3].seed", 5, "4");
        is("runs[3].size.width", 1, "2");
        is("one.size.width", 6, "5");
        is("one.size.height", 1, "3");
        is("dflt.right", 7, "Some 8");
        is("dflt.left", 7, "T::{ right = Some 8 }");
        is("of.width", 1, "2");
        is("unknown.deep[3]", 9, "./file.dhall");
        is("nested.a.b", 10, "9");
        is("runs[2].batch.no.such", 5, "30");
        assert_eq!(at("nothing.at.all").0, 5);
    }

    /// The walk ends though the text makes it branch at each of many steps.
    #[test]
    fn a_text_that_branches_without_end_is_given_up() {
        let mut source = "let x0 = {=}\n".to_owned();
        for n in 1..60 {
            source += &format!("let x{n} = x{} // x{}\n", n - 1, n - 1);
        }
        source += "in x59";
        let tree = parse(&source).unwrap();
        assert!(places(&tree, "x.dhall", &["a".to_owned()])[0].is_some());
    }
}
