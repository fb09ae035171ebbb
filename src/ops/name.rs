//! What a person types to name an experiment: `EXPERIMENT[/TARGET]`, or `FILE.dhall[#TARGET]`.

use std::path::PathBuf;

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
}

/// A text that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: {reason}")]
pub struct NameError {
    /// What was typed.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Name {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let error = |reason| NameError { text: text.to_owned(), reason };
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
        let (experiment, target) = match text.split_once('/') {
            Some((experiment, target)) => (experiment, Some(target)),
            None => (text, None),
        };
        if !is_experiment_name(experiment) {
            return Err(error(
                "an experiment's name has lower-case letters, digits and `-`; a file's name ends in `.dhall`",
            ));
        }
        if target.is_some_and(|target| target.is_empty() || target.contains('/')) {
            return Err(error("a name is `EXPERIMENT/TARGET`"));
        }
        Ok(Self {
            experiment: ExperimentName::InWorkspace(experiment.to_owned()),
            target: target.map(ToOwned::to_owned),
        })
    }
}

/// Whether `text` may name an experiment of a workspace: lower-case letters, digits and inner hyphens.
pub(super) fn is_experiment_name(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 64
        && text.bytes().next().is_some_and(plain)
        && text.bytes().last().is_some_and(plain)
        && text.bytes().all(|c| plain(c) || c == b'-')
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
    fn what_names_nothing_is_refused() {
        for text in [
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
