//! Imports and desugaring: the syntax tree to what the engine type checks.
//!
//! Imports are files below the import root, or pinned blobs that are already here; nothing else is ever read. A name
//! falls back over `?` only when it is absent, never when it is refused. `l ++ r` becomes `"${l}${r}"`, without which the
//! engine's semantic hash differs from the standard's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use dhall::builtins::Builtin;
use dhall::operations::{BinOp, OpKind};
use dhall::semantics::{AlphaVar, Hir, HirKind, NameEnv, Nir, TyEnv, Type};
use dhall::syntax::{
    Expr, ExprKind, FilePath, FilePrefix, Hash, Import, ImportMode, ImportTarget, InterpolatedText,
    Label, Scheme, Span, URL, binary,
};
use dhall::{Ctxt, ToExprOptions};

use super::confined::{self, Sources};
use super::diagnostic::Finding;
use super::{engine, explain, overflow, parse};
use crate::commit::Root;
use crate::digest::BlobDigest;

/// All files of an experiment together.
const TOTAL_BYTES_MAX: usize = 16 << 20;
const IMPORTS_MAX: usize = 2_000;
/// Files importing files importing files.
const IMPORT_DEPTH_MAX: usize = 64;

/// What authors are told that imports stay below.
const ROOT: &str = "the import root (a workspace's `experiments/`, else the file's own folder)";

/// Why an expression has no value.
#[derive(Debug)]
pub(super) enum Failure {
    /// An import is not there: `?` takes the other side.
    Absent(Box<Finding>),
    /// Anything else: `?` does not help.
    Refused(Vec<Finding>),
}

impl Failure {
    fn absent(finding: Finding) -> Self {
        Self::Absent(Box::new(finding))
    }

    pub(super) fn findings(self) -> Vec<Finding> {
        match self {
            Self::Absent(finding) => vec![*finding],
            Self::Refused(findings) => findings,
        }
    }
}

impl From<Box<Finding>> for Failure {
    fn from(finding: Box<Finding>) -> Self {
        Self::Refused(vec![*finding])
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Self::Refused(vec![finding])
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// Where an expression stands, which decides what it may import.
#[derive(Debug, Clone, Copy)]
pub(super) enum Base<'a> {
    /// A file, relative to the import root.
    File(&'a str),
    /// No file: imports are refused. The name is for messages.
    Closed(&'a str),
}

impl Base<'_> {
    fn name(&self) -> &str {
        match self {
            Self::File(name) | Self::Closed(name) => name,
        }
    }
}

/// What an import names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A file below the root.
    File { name: String, as_text: bool },
    /// Bytes that are pinned.
    Pin { pin: BlobDigest, as_text: bool },
    /// `missing as Location`.
    Missing,
}

impl Key {
    /// What messages call it.
    fn label(&self) -> Label {
        match self {
            Self::File { name, .. } => name.as_str().into(),
            Self::Pin { pin, .. } => format!("sha256:{pin}").into(),
            Self::Missing => "missing".into(),
        }
    }
}

/// A closed expression that was type checked. Its value is computed once, as far as it is asked for.
#[derive(Clone)]
pub(super) struct Checked<'cx> {
    pub(super) hir: Rc<Hir<'cx>>,
    pub(super) ty: Type<'cx>,
    pub(super) value: Nir<'cx>,
}

impl<'cx> Checked<'cx> {
    /// The normal form.
    pub(super) fn normal_form(&self, cx: Ctxt<'cx>) -> Expr {
        self.value.to_expr(cx, ToExprOptions { alpha: false })
    }

    /// The normal form, its bound variables renamed to `_`.
    pub(super) fn alpha_normal_form(&self, cx: Ctxt<'cx>) -> Expr {
        self.value.to_expr(cx, ToExprOptions { alpha: true })
    }
}

/// What an expression has in scope while it is lowered.
///
/// Its imports are variables outside of all that it binds itself. The engine would evaluate an import at every mention
/// and copy its tree for it; a variable's value is shared by all mentions in all files.
#[derive(Default)]
struct Scope<'cx> {
    names: NameEnv,
    /// The first is the innermost variable.
    imports: Vec<(Key, Checked<'cx>)>,
    /// What is wrong with parts that were left out, unless another file told it.
    failures: Vec<Finding>,
    is_in_part: bool,
}

impl<'cx> Scope<'cx> {
    fn variable(&mut self, key: Key, imported: Checked<'cx>) -> AlphaVar {
        let known = self.imports.iter().position(|(known, _)| *known == key);
        let index = known.unwrap_or(self.imports.len());
        if known.is_none() {
            self.imports.push((key, imported));
        }
        AlphaVar::new(self.names.as_varenv().size() + index)
    }

    fn environment(&self, cx: Ctxt<'cx>) -> TyEnv<'cx> {
        self.imports.iter().rev().fold(TyEnv::new(cx), |outside, (key, imported)| {
            outside.insert_value(&key.label(), imported.value.clone(), imported.ty.clone())
        })
    }
}

/// Resolves and type checks; one for an evaluation.
pub(super) struct Resolver<'cx, 'a> {
    cx: Ctxt<'cx>,
    root: &'a Root,
    pins: &'a [PathBuf],
    imported: BTreeMap<Key, Checked<'cx>>,
    /// Imports that were told to be wrong.
    failed: BTreeSet<Key>,
    /// How many `?` are around, each of which may take its other side.
    alternatives: usize,
    /// The files being evaluated, outermost first.
    stack: Vec<String>,
    bytes_total: usize,
    import_count: usize,
    integers: Integers,
    sources: Sources,
    uses_to_integer: bool,
    looks_for_overflow: bool,
}

/// How `Natural/toInteger` is treated; the engine wraps it silently from 2^63 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integers {
    /// As it is.
    Plain,
    /// Rewritten so that an overflow panics; hashes are not the standard's.
    Checked,
}

/// `n + 2^63` overflows a Natural exactly when `n` does not fit an Integer.
const CHECKED_TO_INTEGER: &str = "λ(n : Natural) → \
    Natural/toInteger (Natural/subtract 9223372036854775808 (n + 9223372036854775808))";

impl<'cx, 'a> Resolver<'cx, 'a> {
    /// `root` must be canonical; `pins` are folders with pinned imports.
    pub(super) fn new(
        cx: Ctxt<'cx>,
        root: &'a Root,
        pins: &'a [PathBuf],
        integers: Integers,
    ) -> Self {
        Self {
            cx,
            root,
            pins,
            imported: BTreeMap::new(),
            failed: BTreeSet::new(),
            alternatives: 0,
            stack: Vec::new(),
            bytes_total: 0,
            import_count: 0,
            integers,
            sources: Sources::default(),
            uses_to_integer: false,
            looks_for_overflow: false,
        }
    }

    /// What was read so far, and what was looked for in vain.
    pub(super) fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Whether `Natural/toInteger` occurs anywhere.
    pub(super) fn uses_to_integer(&self) -> bool {
        self.uses_to_integer
    }

    /// From now on, an expression that computes a number that does not fit is a failure with its place.
    pub(super) fn looks_for_overflow(&mut self) {
        self.looks_for_overflow = true;
    }

    /// Parses and type checks the file `name`; `expected` improves the messages.
    pub(super) fn file(&mut self, name: &str, expected: Option<&Expr>) -> Result<Checked<'cx>> {
        let absent = || Finding::new(format!("there is no file `{name}` below {ROOT}"));
        let bytes = self
            .read(name)
            .map_err(|message| Finding::new(format!("`{name}` cannot be read: {message}")))?
            .ok_or_else(|| Failure::absent(absent()))?;
        self.code(name, bytes, expected)
    }

    /// Type checks an expression that is not in a file.
    pub(super) fn closed(&mut self, name: &str, source: &str) -> Result<Checked<'cx>> {
        let tree = parsed(name, source)?;
        self.check(Base::Closed(name), &tree, None)
    }

    fn code(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        expected: Option<&Expr>,
    ) -> Result<Checked<'cx>> {
        let source = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Finding::new(format!("`{name}` is not UTF-8 at byte {at}"))
        })?;
        let tree = parsed(name, &source)?;
        self.stack.push(name.to_owned());
        let result = self.check(Base::File(name), &tree, expected);
        self.stack.pop();
        result
    }

    fn check(
        &mut self,
        base: Base<'_>,
        tree: &Expr,
        expected: Option<&Expr>,
    ) -> Result<Checked<'cx>> {
        let mut scope = Scope::default();
        let lowered = self.lower(base, &mut scope, tree);
        let mut findings = std::mem::take(&mut scope.failures);
        let hir = match lowered {
            Ok(hir) => hir,
            Err(failure) if findings.is_empty() => return Err(failure),
            Err(failure) => {
                findings.extend(failure.findings());
                return Err(Failure::Refused(findings));
            }
        };
        let environment = scope.environment(self.cx);
        if self.looks_for_overflow
            && let Some(span) = overflow::find(&environment, &hir)
        {
            return Err(Finding::new("a number does not fit").at(base.name(), &span).into());
        }
        let ty = match engine::type_of(&environment, &hir) {
            Ok(typed) => typed.ty().clone(),
            Err(error) => {
                let imported: Vec<&str> = self.sources.files.keys().map(String::as_str).collect();
                let context = explain::Context { file: base.name(), imported: &imported };
                let error = (&error, scope.is_in_part);
                let others = explain::findings(&environment, &hir, context, expected, error);
                findings.extend(others);
                return Err(Failure::Refused(findings));
            }
        };
        let value = hir.eval(&environment);
        Ok(Checked { hir: Rc::new(hir), ty, value })
    }

    fn lower(&mut self, base: Base<'_>, scope: &mut Scope<'cx>, tree: &Expr) -> Result<Hir<'cx>> {
        let span = tree.span();
        let kind = match tree.kind() {
            ExprKind::Var(variable) => match scope.names.unlabel_var(variable) {
                Some(bound) => HirKind::Var(bound),
                None => HirKind::MissingVar(variable.clone()),
            },
            ExprKind::Builtin(Builtin::DoubleShow) => {
                let finding = Finding::new(
                    "`Double/show` is refused: its digits differ between Dhall implementations",
                );
                let finding = finding.at(base.name(), &span);
                self.leave_out(
                    scope,
                    finding.hint("write the text itself, or show a Natural").into(),
                )?
            }
            ExprKind::Builtin(Builtin::NaturalToInteger) => {
                self.uses_to_integer = true;
                if self.integers == Integers::Checked && !matches!(base, Base::Closed(CHECKED)) {
                    return Ok((*self.closed(CHECKED, CHECKED_TO_INTEGER)?.hir).clone());
                }
                HirKind::Expr(ExprKind::Builtin(Builtin::NaturalToInteger))
            }
            ExprKind::Op(OpKind::BinOp(BinOp::ImportAlt, left, right)) => {
                self.alternatives += 1;
                let lowered = self.lower(base, scope, left);
                self.alternatives -= 1;
                return match lowered {
                    Err(Failure::Absent(_)) => self.lower(base, scope, right),
                    other => other,
                };
            }
            ExprKind::Op(OpKind::BinOp(BinOp::TextAppend, left, right)) => {
                let left = self.lower(base, scope, left)?;
                let right = self.lower(base, scope, right)?;
                let tail = vec![(left, String::new()), (right, String::new())];
                HirKind::Expr(ExprKind::TextLit((String::new(), tail).into()))
            }
            ExprKind::Op(OpKind::Completion(schema, record)) => {
                return self.lower(base, scope, &completed(schema, record, &span));
            }
            ExprKind::Import(import) => match self.import(base, import, &span) {
                Ok((key, imported)) => HirKind::Var(scope.variable(key, imported)),
                Err(failure) => self.leave_out(scope, failure)?,
            },
            other => HirKind::Expr(other.traverse_ref_maybe_binder(|binder, child| {
                if let Some(binder) = binder {
                    scope.names.insert_mut(binder);
                }
                let lowered = self.lower(base, scope, child);
                if binder.is_some() {
                    scope.names.remove_mut();
                }
                lowered
            })?),
        };
        Ok(Hir::new(kind, span))
    }

    /// Goes on without a part that is wrong, so that all findings are said at once: unless a `?` may help, which is then
    /// told at once, or a limit was reached.
    fn leave_out(&mut self, scope: &mut Scope<'cx>, failure: Failure) -> Result<HirKind<'cx>> {
        let is_spent = self.import_count > IMPORTS_MAX || self.bytes_total > TOTAL_BYTES_MAX;
        if self.alternatives > 0 || is_spent || scope.failures.len() >= explain::FINDINGS_MAX {
            return Err(failure);
        }
        scope.is_in_part = true;
        for finding in failure.findings() {
            if !scope.failures.contains(&finding) {
                scope.failures.push(finding);
            }
        }
        Ok(engine::told())
    }

    fn import(
        &mut self,
        base: Base<'_>,
        import: &Import<Expr>,
        span: &Span,
    ) -> Result<(Key, Checked<'cx>)> {
        let refuse = |message: String| Finding::new(message).at(base.name(), span);
        self.import_count += 1;
        if self.import_count > IMPORTS_MAX {
            return Err(refuse(format!("there are more than {IMPORTS_MAX} imports")).into());
        }
        let pin = match &import.hash {
            None => None,
            // The grammar asks for 64 hexadecimal digits; encoded expressions hold any number of bytes.
            Some(Hash::SHA256(bytes)) => {
                let whole = <[u8; 32]>::try_from(&**bytes);
                let of = bytes.len();
                let whole =
                    whole.map_err(|_| refuse(format!("a `sha256:` pin has {of} bytes, not 32")))?;
                Some(BlobDigest::from_bytes(whole))
            }
        };
        match (&import.location, import.mode) {
            (ImportTarget::Missing, ImportMode::Location) => {
                Ok((Key::Missing, self.closed("missing", MISSING_AS_LOCATION)?))
            }
            (_, ImportMode::Location) => Err(refuse("`as Location` is refused".to_owned())
                .hint("it would put a file name of this machine into the value")
                .into()),
            (ImportTarget::Missing, _) => {
                Err(Failure::absent(refuse("`missing` is never there".to_owned())))
            }
            (ImportTarget::Env(name), _) => {
                let finding =
                    refuse(format!("`env:{name}` is absent: an experiment sees no environment"));
                Err(Failure::absent(
                    finding.hint("write the value down, or give a default: `env:NAME ? 1`"),
                ))
            }
            (ImportTarget::Remote(url), mode) => {
                self.remote(base, url, mode == ImportMode::RawText, pin, span)
            }
            (ImportTarget::Local(prefix, path), mode) => {
                let name = local_name(base, *prefix, path)
                    .map_err(|finding| Failure::from(finding.at(base.name(), span)))?;
                self.local(base, &name, mode == ImportMode::RawText, pin, span)
            }
        }
    }

    fn local(
        &mut self,
        base: Base<'_>,
        name: &str,
        as_text: bool,
        pin: Option<BlobDigest>,
        span: &Span,
    ) -> Result<(Key, Checked<'cx>)> {
        let refuse = |message: String| Finding::new(message).at(base.name(), span);
        let key = Key::File { name: name.to_owned(), as_text };
        let imported = if let Some(known) = self.imported.get(&key) {
            known.clone()
        } else if self.failed.contains(&key) {
            return Err(Failure::Refused(Vec::new()));
        } else {
            let imported = self.import_file(base, name, as_text, span).inspect_err(|failure| {
                // What is absent is told at each of its imports; a file is read again for nobody.
                if self.alternatives == 0 && matches!(failure, Failure::Refused(_)) {
                    self.failed.insert(key.clone());
                }
            })?;
            self.imported.insert(key.clone(), imported.clone());
            imported
        };
        // Rewritten expressions have other hashes; the plain pass has compared them.
        if let Some(wanted) = pin
            && self.integers == Integers::Plain
        {
            let found = semantic_bytes(&imported.alpha_normal_form(self.cx), BlobDigest::of);
            if found != wanted {
                let finding = refuse(format!("`{name}` is not what it is pinned to"));
                return Err(finding
                    .types(format!("sha256:{wanted}"), format!("sha256:{found}"))
                    .hint("if the change is meant, write the new hash")
                    .into());
            }
        }
        Ok((key, imported))
    }

    fn import_file(
        &mut self,
        base: Base<'_>,
        name: &str,
        as_text: bool,
        span: &Span,
    ) -> Result<Checked<'cx>> {
        let refuse = |message: String| Finding::new(message).at(base.name(), span);
        if !as_text && let Some(first) = self.stack.iter().position(|file| file == name) {
            let cycle = self.stack[first..].join("` → `");
            let message = format!("this import closes a cycle: `{cycle}` → `{name}`");
            return Err(refuse(message).into());
        }
        if self.stack.len() >= IMPORT_DEPTH_MAX {
            let message = format!("imports are nested more than {IMPORT_DEPTH_MAX} deep");
            return Err(refuse(message).into());
        }
        let bytes = self
            .read(name)
            .map_err(|message| refuse(format!("`{name}` cannot be imported: {message}")))?
            .ok_or_else(|| Failure::absent(refuse(format!("there is no file `{name}`"))))?;
        if as_text {
            return self.text(name, bytes);
        }
        self.code(name, bytes, None)
    }

    fn remote(
        &mut self,
        base: Base<'_>,
        url: &URL<Expr>,
        as_text: bool,
        pin: Option<BlobDigest>,
        span: &Span,
    ) -> Result<(Key, Checked<'cx>)> {
        let refuse = |message: String| Finding::new(message).at(base.name(), span);
        if matches!(base, Base::Closed(_)) {
            return Err(refuse("imports are not allowed here".to_owned()).into());
        }
        if url.headers.is_some() {
            return Err(refuse("`using` headers are refused".to_owned()).into());
        }
        let address = address(url);
        let Some(pin) = pin else {
            return Err(refuse(format!("`{address}` has no `sha256:` pin"))
                .hint(format!("write the pin that `dhall freeze` prints behind it, or copy the file below {ROOT}"))
                .into());
        };
        let key = Key::Pin { pin, as_text };
        if let Some(known) = self.imported.get(&key) {
            return Ok((key, known.clone()));
        }
        let Some(bytes) = confined::read_pinned(self.pins, pin) else {
            self.sources.absent_pins.insert(pin);
            let message = format!("`{address}` is not here, and an evaluation uses no network");
            return Err(Failure::absent(refuse(message).hint(format!(
                "add it by hand: `dhall encode` gives the bytes of sha256:{pin}, `ibid store add` takes them"
            ))));
        };
        self.count_bytes(bytes.len()).map_err(refuse)?;
        let tree = binary::decode(&bytes).map_err(|error| {
            refuse(format!("the bytes of sha256:{pin} are no Dhall expression: {error:?}"))
        })?;
        if as_text && !matches!(tree.kind(), ExprKind::TextLit(text) if text.tail().is_empty()) {
            return Err(refuse(format!("sha256:{pin} is not a text")).into());
        }
        let imported = self.check(Base::Closed(&address), &tree, None)?;
        self.imported.insert(key.clone(), imported.clone());
        Ok((key, imported))
    }

    fn text(&mut self, name: &str, bytes: Vec<u8>) -> Result<Checked<'cx>> {
        let text = String::from_utf8(bytes)
            .map_err(|_| Finding::new(format!("`{name}` is imported as text and is not UTF-8")))?;
        let literal = InterpolatedText::from(text);
        self.check(
            Base::Closed(name),
            &Expr::new(ExprKind::TextLit(literal), Span::Artificial),
            None,
        )
    }

    fn read(&mut self, name: &str) -> std::result::Result<Option<Vec<u8>>, String> {
        let Some(bytes) = confined::read(self.root, name)? else {
            self.sources.absent.insert(name.to_owned());
            return Ok(None);
        };
        self.count_bytes(bytes.len())?;
        self.sources.files.insert(name.to_owned(), BlobDigest::of(&bytes));
        Ok(Some(bytes))
    }

    fn count_bytes(&mut self, count: usize) -> std::result::Result<(), String> {
        self.bytes_total += count;
        if self.bytes_total > TOTAL_BYTES_MAX {
            let bound = TOTAL_BYTES_MAX >> 20;
            return Err(format!("all files together are larger than {bound} MiB"));
        }
        Ok(())
    }
}

const CHECKED: &str = "Natural/toInteger";

const MISSING_AS_LOCATION: &str =
    "< Environment : Text | Local : Text | Missing | Remote : Text >.Missing";

/// Encodes a normal form and hands its canonical bytes to `digest`.
pub(super) fn semantic_bytes<T>(normal_form: &Expr, digest: impl FnOnce(&[u8]) -> T) -> T {
    digest(&binary::encode(normal_form).expect("writing to memory does not fail"))
}

fn parsed(name: &str, source: &str) -> Result<Expr> {
    if source.starts_with('\u{feff}') {
        let finding = Finding::new("the file starts with a byte order mark");
        let hint = "save it as UTF-8 without a byte order mark (BOM)";
        return Err(finding.in_file(name, source, 0, 1).hint(hint).into());
    }
    parse::parse(source).map_err(|error| {
        Finding::new(error.message).in_file(name, source, error.offset, error.offset + 1).into()
    })
}

/// `T::r` is `(T.default // r) : T.Type`.
fn completed(schema: &Expr, record: &Expr, span: &Span) -> Expr {
    let field = |name: &str| {
        Expr::new(ExprKind::Op(OpKind::Field(schema.clone(), name.into())), span.clone())
    };
    let merged = OpKind::BinOp(BinOp::RightBiasedRecordMerge, field("default"), record.clone());
    let merged = Expr::new(ExprKind::Op(merged), span.clone());
    Expr::new(ExprKind::Annot(merged, field("Type")), span.clone())
}

fn local_name(
    base: Base<'_>,
    prefix: FilePrefix,
    path: &FilePath,
) -> std::result::Result<String, Box<Finding>> {
    let Base::File(importer) = base else {
        return Err(Box::new(Finding::new("imports are not allowed here")));
    };
    let refuse = |message: &str| {
        let copy = format!("copy the file below {ROOT} and import it by a relative path");
        Box::new(Finding::new(message).hint(copy))
    };
    let folder = Path::new(importer).parent().unwrap_or(Path::new(""));
    let mut joined = match prefix {
        FilePrefix::Absolute => {
            return Err(refuse("imports by an absolute path are refused"));
        }
        FilePrefix::Home => {
            return Err(refuse("imports from the home folder are refused"));
        }
        FilePrefix::Here => folder.to_owned(),
        FilePrefix::Parent => folder.join(".."),
    };
    for component in &path.file_path {
        if component.contains(['/', '\0']) {
            return Err(refuse("a path component holds a character that no file name has"));
        }
        joined.push(component);
    }
    let out = || refuse(&format!("this import leads out of {ROOT}"));
    confined::normalised(&joined).ok_or_else(out)
}

fn address(url: &URL<Expr>) -> String {
    let scheme = match url.scheme {
        Scheme::HTTP => "http",
        Scheme::HTTPS => "https",
    };
    let query = url.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
    format!("{scheme}://{}/{}{query}", url.authority, url.path.file_path.join("/"))
}
