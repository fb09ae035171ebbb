//! Dhall text to a checked, bound experiment: hermetic, bounded, and with every finding at once.
//!
//! [`guard::evaluate`] is the door: it evaluates a file in a child process and gives its [`Value`], its type and its
//! [`ExperimentId`], the standard's semantic hash. [`bind()`] makes Rust values of it, [`cache`] saves the next evaluation,
//! [`diff`] and [`show()`] are for people.
//!
//! What an evaluation may see: files below the import root, and pinned imports that are already here. No network, no
//! environment, no other file. What it may use: seconds, two gibibytes, one normal form of bounded size. A file that
//! wants more ends in an [`Error`], never in a crash of the caller.

mod bind;
pub mod cache;
mod combine;
mod confined;
mod diagnostic;
mod difference;
mod engine;
pub mod experiment;
mod explain;
pub mod guard;
mod indented;
mod locate;
mod overflow;
mod parse;
mod resolve;
mod scan;
mod schema;
mod show;
#[cfg(test)]
mod tests;
mod value;
mod wire;

use std::path::PathBuf;

use dhall::syntax::Expr;
use dhall::{Ctxt, ToExprOptions};

pub use bind::{BindError, bind, without_odd_numbers};
pub use confined::Sources;
pub use diagnostic::{Error, Finding, Limit, Place, counted};
pub use difference::{Difference, diff};
pub use show::show;
pub use value::Value;

use crate::commit::Root;
use crate::digest::ExperimentId;
use resolve::{Failure, Integers, Resolver};

/// What to evaluate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The import root: no file outside of it is read.
    pub root: Root,
    /// The experiment's file, relative to the root.
    pub file: PathBuf,
    /// Folders that hold pinned imports under their SHA-256, as a content-addressed store or a Dhall cache does.
    pub pins: Vec<PathBuf>,
    /// The type that the value must have, as a Dhall expression without imports; see [`expected_type`].
    pub expected: Option<String>,
    /// Whether [`Evaluated::normal_form`] is wanted.
    pub normal_form: bool,
}

/// An experiment, evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// What it says.
    pub value: Value,
    /// The type of the value, as a Dhall expression.
    pub ty: String,
    /// The semantic hash, equal to what `dhall hash` prints.
    pub id: ExperimentId,
    /// All that the value depends on.
    pub sources: Sources,
    /// The normal form as Dhall text that evaluates to the same id, if it was asked for.
    pub normal_form: Option<String>,
}

/// The Dhall type of a Rust type, for [`Request::expected`].
pub fn expected_type<T: serde_dhall::StaticType>() -> String {
    T::static_type().to_string()
}

/// Where the request's file spells each of the parts of its value at `paths`, in this very process: for the child of
/// [`guard`]. `None` where no place is known.
fn locate(request: &Request, paths: &[String]) -> Vec<Option<Place>> {
    let nowhere = || vec![None; paths.len()];
    let (Ok(root), Some(name)) =
        (confined::canonical(&request.root), confined::normalised(&request.file))
    else {
        return nowhere();
    };
    let Ok(Some(bytes)) = confined::read(&root, &name) else {
        return nowhere();
    };
    let tree = std::str::from_utf8(&bytes).ok().and_then(|source| parse::parse(source).ok());
    tree.map_or_else(nowhere, |tree| locate::places(&tree, &name, paths))
}

/// Where the request's files compute a number that does not fit, in this very process: for the child of [`guard`].
fn locate_overflow(request: &Request) -> Option<Place> {
    let root = confined::canonical(&request.root).ok()?;
    let name = confined::normalised(&request.file)?;
    let pass = |integers| {
        Ctxt::with_new(|cx| {
            let mut resolver = Resolver::new(cx, &root, &request.pins, integers);
            resolver.looks_for_overflow();
            resolver.file(&name, None).err()?.findings().into_iter().find_map(|found| found.place)
        })
    };
    pass(Integers::Plain).or_else(|| pass(Integers::Checked))
}

/// Evaluates in this very process and thread, with no limit on time and memory: for the child of [`guard`], which bounds
/// what this cannot, and for the fuzz targets.
#[doc(hidden)]
pub fn evaluate(request: &Request) -> Result<Evaluated, Error> {
    let root = confined::canonical(&request.root).map_err(|error| {
        Finding::new(format!("the import root `{}` cannot be read: {error}", request.root))
    })?;
    let name = confined::normalised(&request.file).ok_or_else(|| {
        let file = request.file.display();
        Finding::new(format!("`{file}` is not a file below the import root"))
    })?;
    let pass = |integers| -> Result<(Evaluated, bool), Error> {
        Ctxt::with_new(|cx| {
            let mut resolver = Resolver::new(cx, &root, &request.pins, integers);
            let evaluated = evaluate_with(cx, &mut resolver, &name, request)
                .map_err(|failure| Error::Invalid(failure.findings()))?;
            Ok((evaluated, resolver.uses_to_integer()))
        })
    };
    let (evaluated, uses_to_integer) = pass(Integers::Plain)?;
    if uses_to_integer {
        pass(Integers::Checked)?;
    }
    Ok(evaluated)
}

fn evaluate_with<'cx>(
    cx: Ctxt<'cx>,
    resolver: &mut Resolver<'cx, '_>,
    name: &str,
    request: &Request,
) -> Result<Evaluated, Failure> {
    let expected: Option<Expr> = match &request.expected {
        None => None,
        Some(source) => Some(resolver.closed("schema", source)?.normal_form(cx)),
    };
    let checked = resolver.file(name, expected.as_ref())?;
    let ty = checked.ty.as_nir().to_expr(cx, ToExprOptions::default());
    if let Some(expected) = &expected {
        let findings = explain::schema_findings(&checked.hir, name, &ty, expected);
        if !findings.is_empty() {
            return Err(Failure::Refused(findings));
        }
    }
    let value = Value::from_normal_form(&checked.value)?;
    let id = resolve::semantic_bytes(&checked.alpha_normal_form(cx), |bytes| {
        ExperimentId::from_bytes(*crate::digest::BlobDigest::of(bytes).as_bytes())
    });
    Ok(Evaluated {
        value,
        ty: ty.to_string(),
        id,
        sources: resolver.sources().clone(),
        normal_form: request.normal_form.then(|| show::dhall(&checked.normal_form(cx))),
    })
}
