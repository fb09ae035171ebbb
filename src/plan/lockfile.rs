//! The lockfile: the exact bytes an experiment stands on.
//!
//! The text is canonical: `decode(text)?.encode() == text` for every text that `decode` accepts. After the header, one line an
//! action, sorted by label: label, recipe id, then `NAME=DIGEST` for each output, sorted by name. The line of a training whose
//! bits are those of a class of devices ends in one word more, `losses:L1,L2,…`: the mean loss of each of its spans of steps
//! ([`Losses`]), so that who has no device of that class can compare within a tolerance. No line without that word is
//! written differently than before there was one, and an older program refuses a line that has it: the version stays.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{Losses, Plan};
use crate::action::ActionResult;
use crate::digest::{BlobDigest, RecipeId};

/// The first line, with the version of the format.
const HEADER: &str = "ibid-lock/1";

/// What an experiment is expected to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    actions: BTreeMap<String, LockedAction>,
}

/// One line of a lockfile, without its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedAction {
    /// The action.
    pub recipe: RecipeId,
    /// Its outputs.
    pub outputs: BTreeMap<String, BlobDigest>,
    /// The losses of a training of a device class.
    pub losses: Option<Losses>,
}

/// What a lockfile and a plan have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Labels of the plan's actions that are locked.
    pub locked: BTreeSet<String>,
    /// Labels of the plan's actions whose recipe id the lockfile does not have.
    pub unlocked: BTreeSet<String>,
    /// Labels of the lockfile whose recipe id the plan does not have.
    pub stale: BTreeSet<String>,
}

/// A text that is not a lockfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockfileError {
    /// The first line is not a version that this program reads.
    #[error("line 1 is `{found}`, not `{HEADER}`: not a lockfile, or one of a later version")]
    Header {
        /// The first line.
        found: String,
    },
    /// A merge was not finished.
    #[error(
        "line {line} is a mark of an unfinished merge: take either side and write the lockfile anew"
    )]
    MergeConflict {
        /// The line, from 1.
        line: usize,
    },
    /// More bytes than any lockfile has.
    #[error("more than {limit} bytes: not a lockfile")]
    Large {
        /// The most that are read.
        limit: u64,
    },
    /// A line does not say what a line says.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Lockfile {
    /// The most bytes that a lockfile may have: some 50,000 actions.
    pub const BYTES_MAX: u64 = 16 << 20;

    /// Locks every action of `plan` whose result `result_of` knows.
    pub fn from_results(
        plan: &Plan,
        mut result_of: impl FnMut(&RecipeId) -> Option<ActionResult>,
    ) -> Self {
        let mut lockfile = Self::default();
        for (recipe, node) in plan.nodes() {
            if let Some(result) = result_of(recipe) {
                lockfile.insert(&node.label, *recipe, &result);
            }
        }
        lockfile
    }

    /// Locks an action; what was locked under its label is replaced.
    ///
    /// # Panics
    ///
    /// If the label or an output's name has characters that a line cannot hold.
    pub fn insert(&mut self, label: &str, recipe: RecipeId, result: &ActionResult) {
        assert!(is_word(label), "a label has no white space or `=`: {label:?}");
        let digest_of = |(name, file): (&String, &crate::action::OutputFile)| {
            assert!(is_word(name), "the name of an output has no white space or `=`: {name:?}");
            (name.clone(), file.digest)
        };
        let outputs = result.outputs.iter().map(digest_of).collect();
        self.actions.insert(label.to_owned(), LockedAction { recipe, outputs, losses: None });
    }

    /// States the losses of a locked training.
    ///
    /// # Panics
    ///
    /// If nothing is locked under the label.
    pub fn insert_losses(&mut self, label: &str, losses: Losses) {
        let action = self.actions.get_mut(label).expect("the training is locked before its losses");
        action.losses = Some(losses);
    }

    /// The same lines under the labels of `whole`, the plan of the experiment. The plan of one target may call an action
    /// otherwise that another target has too, and a lockfile has one text.
    #[must_use]
    pub fn labelled_as_in(self, whole: &Plan) -> Self {
        let labelled = |(label, action): (String, LockedAction)| {
            let node = whole.nodes().get(&action.recipe);
            (node.map_or(label, |node| node.label.clone()), action)
        };
        Self { actions: self.actions.into_iter().map(labelled).collect() }
    }

    /// Adds the actions of `old` that this lockfile lacks and `whole`, the plan of the experiment, still has.
    pub fn keep(&mut self, old: &Self, whole: &Plan) {
        let own: BTreeSet<RecipeId> = self.by_recipe().into_keys().collect();
        for action in old.actions.values() {
            if let Some(node) = whole.nodes().get(&action.recipe)
                && !own.contains(&action.recipe)
            {
                self.actions.insert(node.label.clone(), action.clone());
            }
        }
    }

    /// Every locked action by label.
    pub fn actions(&self) -> &BTreeMap<String, LockedAction> {
        &self.actions
    }

    /// The locked action of that recipe.
    pub fn locked(&self, recipe: &RecipeId) -> Option<&LockedAction> {
        self.actions.values().find(|locked| locked.recipe == *recipe)
    }

    /// Locked actions by recipe id, for many look-ups.
    pub fn by_recipe(&self) -> BTreeMap<RecipeId, &LockedAction> {
        self.actions.values().map(|locked| (locked.recipe, locked)).collect()
    }

    /// Which of the plan's actions are locked, by recipe id; labels are for people.
    pub fn compare(&self, plan: &Plan) -> Comparison {
        let locked = self.by_recipe();
        let mut comparison = Comparison::default();
        for (recipe, node) in plan.nodes() {
            let side = if locked.contains_key(recipe) {
                &mut comparison.locked
            } else {
                &mut comparison.unlocked
            };
            side.insert(node.label.clone());
        }
        let stale = self.actions.iter().filter(|(_, a)| !plan.nodes().contains_key(&a.recipe));
        comparison.stale = stale.map(|(label, _)| label.clone()).collect();
        comparison
    }

    /// Whether its recipe ids are those of the plan of a whole experiment, none missing and none left over.
    pub fn is_current(&self, plan: &Plan) -> bool {
        let comparison = self.compare(plan);
        comparison.unlocked.is_empty() && comparison.stale.is_empty()
    }

    /// Whether it has every action of the plan, which may be that of one target.
    pub fn covers(&self, plan: &Plan) -> bool {
        self.compare(plan).unlocked.is_empty()
    }

    /// The one text of this lockfile.
    pub fn encode(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (label, action) in &self.actions {
            write!(text, "{label} {}", action.recipe).expect("writing to a string succeeds");
            for (name, digest) in &action.outputs {
                write!(text, " {name}={digest}").expect("writing to a string succeeds");
            }
            if let Some(losses) = &action.losses {
                write!(text, " {losses}").expect("writing to a string succeeds");
            }
            text.push('\n');
        }
        text
    }

    /// Reads the bytes of a lockfile, which are a text.
    pub fn decode_bytes(bytes: &[u8]) -> Result<Self, LockfileError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            LockfileError::Line { line, reason: "it is not text in UTF-8".to_owned() }
        })?;
        Self::decode(text)
    }

    /// Reads a lockfile, and only the text that [`Lockfile::encode`] gives.
    pub fn decode(text: &str) -> Result<Self, LockfileError> {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let mut lockfile = Self::default();
        let mut last = None::<&str>;
        let mut labels = BTreeMap::new();
        for (index, content) in body.split('\n').enumerate() {
            let line = index + 1;
            let wrong = |reason: String| LockfileError::Line { line, reason };
            if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|m| content.starts_with(m)) {
                return Err(LockfileError::MergeConflict { line });
            }
            if content.ends_with('\r') {
                return Err(wrong(
                    "ends in a carriage return; lines end in a line feed alone".into(),
                ));
            }
            if line == 1 {
                if content != HEADER {
                    return Err(LockfileError::Header { found: cut(content) });
                }
                continue;
            }
            let (label, action) = decode_line(content).map_err(wrong)?;
            if last.is_some_and(|last| label <= last) {
                return Err(wrong(format!("`{}` is out of order or there twice", cut(label))));
            }
            last = Some(label);
            // With two lines for one action it would be left to the reader which of them counts.
            if let Some(other) = labels.insert(action.recipe, label) {
                let [label, other] = [label, other].map(cut);
                return Err(wrong(format!("`{label}` has the recipe id of `{other}`")));
            }
            lockfile.actions.insert(label.to_owned(), action);
        }
        if text.ends_with('\n') {
            Ok(lockfile)
        } else {
            let line = body.split('\n').count();
            Err(LockfileError::Line { line, reason: "the last line feed is missing".to_owned() })
        }
    }
}

fn decode_line(content: &str) -> Result<(&str, LockedAction), String> {
    let mut words = content.split(' ');
    let label = words.next().filter(|label| is_word(label)).ok_or("no label")?;
    let recipe = words.next().ok_or_else(|| format!("`{}` has no recipe id", cut(label)))?;
    let recipe =
        recipe.parse().map_err(|error| format!("recipe id of `{}`: {error}", cut(label)))?;
    let mut outputs = BTreeMap::new();
    let mut losses = None;
    for word in words {
        if losses.is_some() {
            return Err(format!("`{}` comes after the losses, which are the last word", cut(word)));
        }
        // The name of an output may begin like that too, but then it has a digest.
        if let Some(numbers) = word.strip_prefix(Losses::PREFIX).filter(|_| !word.contains('=')) {
            losses = Some(Losses::decode(numbers)?);
            continue;
        }
        let (name, digest) = word
            .split_once('=')
            .filter(|(name, _)| is_word(name))
            .ok_or_else(|| format!("`{}` is not NAME=DIGEST", cut(word)))?;
        let digest = digest.parse().map_err(|error| format!("output `{}`: {error}", cut(name)))?;
        if outputs.last_key_value().is_some_and(|(last, _): (&String, _)| name <= last.as_str()) {
            return Err(format!("output `{}` is out of order or there twice", cut(name)));
        }
        outputs.insert(name.to_owned(), digest);
    }
    Ok((label, LockedAction { recipe, outputs, losses }))
}

/// As much of a word as an error repeats.
pub(super) fn cut(word: &str) -> String {
    match word.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}

/// Whether a text can stand between spaces and before `=`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=')
}
