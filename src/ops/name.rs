//! What a person types to name an experiment: `EXPERIMENT[/TARGET]`, `FILE.dhall[#TARGET]`, or
//! `git+URL?rev=REV#EXPERIMENT[/TARGET]`.

use std::fmt;
use std::path::PathBuf;

use super::error::Error;
use super::workspace::Workspace;
use crate::fs;
use crate::source;

/// The folder of a workspace, or of a commit, that experiments are in.
pub(super) const EXPERIMENTS: &str = "experiments";

/// The longest name of an experiment.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// A parsed name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The experiment.
    pub experiment: ExperimentName,
    /// One of its targets; `None`: all of them.
    pub target: Option<String>,
}

/// Where an experiment's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExperimentName {
    /// `experiments/NAME/package.dhall` of the workspace.
    InWorkspace(String),
    /// A file.
    File(PathBuf),
    /// `experiments/NAME/package.dhall` of a commit of a repository.
    InCommit(CommitName),
}

impl fmt::Display for ExperimentName {
    /// As it is typed for a shell, without a target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InWorkspace(name) => f.write_str(name),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::InCommit(name) => write!(f, "'{name}'"),
        }
    }
}

/// An experiment of a commit of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitName {
    /// The repository: `https://`, `http://` or `file://`.
    pub url: String,
    /// The commit as it was typed; only a whole id is ever used.
    pub rev: String,
    /// The experiment's name.
    pub experiment: String,
}

impl fmt::Display for CommitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git+{}?rev={}#{}", self.url, self.rev, self.experiment)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.experiment {
            ExperimentName::InCommit(name) => write!(f, "{name}")?,
            other => write!(f, "{other}")?,
        }
        let before = if matches!(self.experiment, ExperimentName::File(_)) { '#' } else { '/' };
        self.target.iter().try_for_each(|target| write!(f, "{before}{target}"))
    }
}

/// A text that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: {reason}")]
pub struct NameError {
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Name {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let error = |reason: &str| NameError { text: text.to_owned(), reason: reason.to_owned() };
        if let Some(rest) = text.strip_prefix("git+") {
            return Self::in_commit(rest)
                .map_err(|reason| NameError { text: text.to_owned(), reason });
        }
        let (path, target) = match text.split_once('#') {
            Some((path, target)) => (path, Some(target)),
            None => (text, None),
        };
        if path.ends_with(".dhall") {
            let target = target.map(ToOwned::to_owned);
            if target.as_deref() == Some("") {
                return Err(error("the target after `#` is empty"));
            }
            return Ok(Self { experiment: ExperimentName::File(path.into()), target });
        }
        if target.is_some() {
            return Err(error(
                "`#` follows a file that ends in `.dhall`; a target of the workspace follows `/`",
            ));
        }
        let (experiment, target) = split(text).map_err(|reason| error(&reason))?;
        Ok(Self { experiment: ExperimentName::InWorkspace(experiment), target })
    }

    /// Reads `URL?rev=REV#EXPERIMENT[/TARGET]`.
    fn in_commit(text: &str) -> Result<Self, String> {
        let form = "such a name is `git+URL?rev=COMMIT#EXPERIMENT[/TARGET]`";
        let (address, name) = text.split_once('#').ok_or(form)?;
        let (url, query) = address.split_once('?').ok_or(form)?;
        let rev = query.strip_prefix("rev=").ok_or(form)?;
        source::scheme(url)?;
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-._/".contains(&c);
        if rev.is_empty() || rev.len() > 200 || !rev.bytes().all(is_plain) {
            return Err(format!("`{rev}` is not a commit id; {form}"));
        }
        let (experiment, target) = split(name)?;
        let name = CommitName { url: url.to_owned(), rev: commit_id(rev), experiment };
        Ok(Self { experiment: ExperimentName::InCommit(name), target })
    }
}

/// Splits `EXPERIMENT[/TARGET]`.
fn split(text: &str) -> Result<(String, Option<String>), String> {
    let (experiment, target) = match text.split_once('/') {
        Some((experiment, target)) => (experiment, Some(target)),
        None => (text, None),
    };
    if !is_experiment_name(experiment) {
        return Err(
            "an experiment's name has lower-case letters, digits and `-`; a file's name ends in `.dhall`"
                .to_owned(),
        );
    }
    if target.is_some_and(|target| target.is_empty() || target.contains('/')) {
        return Err("a name is `EXPERIMENT/TARGET`".to_owned());
    }
    Ok((experiment.to_owned(), target.map(ToOwned::to_owned)))
}

impl Workspace {
    /// Folders beside the experiments that hold Dhall and are no experiments, by name, each with the reason.
    pub fn no_experiments(&self) -> Result<Vec<(String, &'static str)>, Error> {
        let mut found = Vec::new();
        for folder in fs::entries(&self.root()?.join(EXPERIMENTS))? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let inside = if folder.is_dir() { fs::entries(&folder) } else { Ok(Vec::new()) };
            let inside = inside.unwrap_or_default();
            let is_dhall = |file: &PathBuf| file.extension().is_some_and(|of| of == "dhall");
            if name == "schema" || name.starts_with('.') || !inside.iter().any(is_dhall) {
                continue;
            }
            if !is_experiment_name(&name) {
                found.push((name, "a name has lower-case letters, digits and inner `-`"));
            } else if !folder.join("package.dhall").is_file() {
                found.push((name, "it has no `package.dhall`"));
            }
        }
        Ok(found)
    }
}

/// Whether `text` may name an experiment of a workspace: lower-case letters, digits and inner hyphens.
pub(super) fn is_experiment_name(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= NAME_BYTES_MAX
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
        && text.bytes().all(|c| plain(c) || c == b'-')
}

/// A commit id is written in lower case; the name of a branch as it stands.
fn commit_id(rev: &str) -> String {
    let is_id = rev.len() == 40 && rev.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { rev.to_ascii_lowercase() } else { rev.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let name = Name::parse("pictogram-scaling-laws/quick").unwrap();
        assert_eq!(name.experiment, ExperimentName::InWorkspace("pictogram-scaling-laws".into()));
        assert_eq!(name.target.as_deref(), Some("quick"));
        let name = Name::parse("a/b.dhall#fig1").unwrap();
        assert_eq!(name.experiment, ExperimentName::File("a/b.dhall".into()));
        assert_eq!(name.target.as_deref(), Some("fig1"));
        assert_eq!(Name::parse("x").unwrap().target, None);
    }

    #[test]
    fn an_experiment_of_a_commit_prints_as_it_was_typed() {
        let text = "git+https://example.org/a/b.git?rev=0123456789abcdef0123456789abcdef01234567#x";
        let name = Name::parse(&format!("{text}/fig1")).unwrap();
        let ExperimentName::InCommit(commit) = name.experiment else { panic!("{name:?}") };
        assert_eq!(commit.to_string(), text);
        assert_eq!(commit.url, "https://example.org/a/b.git");
        assert_eq!((commit.experiment.as_str(), name.target.as_deref()), ("x", Some("fig1")));
        assert_eq!(
            Name::parse(&text.replace("abcdef", "ABCDEF")).unwrap(),
            Name::parse(text).unwrap()
        );
        assert!(Name::parse("git+file:///srv/a?rev=main#x").is_ok(), "refused later, with its id");
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in [
            "git+https://example.org/a",
            "git+https://example.org/a#x",
            "git+https://example.org/a?rev=#x",
            "git+https://example.org/a?rev=1&x=2#x",
            "git+https://example.org/a?rev=a b#x",
            "git+https://example.org/a?rev=1#../x",
            "git+https://example.org/a?rev=1#x/../y",
            "git+https://example.org/a?rev=1#",
            "git+https://u:p@example.org/a?rev=1#x",
            "git+ssh://example.org/a?rev=1#x",
            "git+/srv/a?rev=1#x",
            "",
            "/",
            "a/",
            "a//b",
            "../a",
            "A",
            "-a",
            "a-",
            "a#b",
            "a.dhall#",
            "a b",
            &"a".repeat(65),
        ] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }
}
