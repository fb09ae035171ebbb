//! Declared checks: what must hold of tables, and which findings are understood.
//!
//! Rules are those of actions, with plain numbers: an author leaves nothing in them to be resolved.

use serde::{Deserialize, Serialize};

pub use crate::action::params::{Cells, CheckedRows, SampleCount, Severity};

/// What must hold of tables.
pub type Rule = crate::action::params::Rule<f64>;

/// Something that must hold of tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// Its name, unique in the experiment.
    pub id: String,
    /// What is checked, and where it comes from.
    pub text: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// The rule.
    pub rule: Rule,
    /// The findings that are understood.
    pub known: Vec<Known>,
}

/// A finding that is understood: it is still shown, and a run is as recorded only while it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Known {
    /// What names the finding, text by text.
    pub key: Vec<String>,
    /// The column it names; several are joined by `, `.
    pub column: String,
    /// What it finds there; `None`: anything.
    pub found: Option<String>,
    /// Why it is no news.
    pub reason: String,
}
