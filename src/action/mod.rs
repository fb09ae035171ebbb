//! The unit of work as plain data: an action, its two names, and what it gives.
//!
//! An [`Action`] is a job kind with its revision, the numerics profile, every parameter explicit, and its inputs by
//! name. It has no time, host, path or thread count in it, and no device but the class of them that a training may be
//! bound to. Two names, both over [`canonical`] bytes:
//!
//! | name | over | known |
//! |---|---|---|
//! | [`RecipeId`] | the action whose inputs may be another recipe's outputs | from the experiment alone |
//! | [`ActionKey`] | the same with every such output replaced by the digest of its bytes | once the inputs exist |
//!
//! # What a name covers
//!
//! | covered: a change gives another name | where | not covered: a change executes nothing |
//! |---|---|---|
//! | job kind, and in a table of runs the names of its runs and their evaluations, which name its inputs | the one key of `params`, `inputs` | names of figures, tables, data sets; those of runs and evaluations for the actions that train and measure |
//! | revision of the job's code | `revision`, raised by hand when its bytes may change | the program's version, build, compiler, dependencies |
//! | numerics profile, and the class of devices of a training that is bound to one | `profile`, `params` | device of a portable action, SIMD level, threads, processes, order of completion, executor |
//! | every parameter, defaults filled in, shares of steps resolved | `params` | how the experiment says it: comments, layout, functions, imports, order of runs and figures |
//! | fractions, to the bit | [`canonical::Real`] | the digits they were written with |
//! | pinned files, by SHA-256 | `inputs`, `blob` | where they were published, what they are called |
//! | data sets, by manifest: name, SHA-256, size, samples, skipped members of each shard, in order | `inputs`, `tree` | whether shards are stated inline or by a pinned manifest; where they were published |
//! | upstream results: in a [`RecipeId`] the upstream recipe and output, in an [`ActionKey`] the digest of the bytes | `inputs`, `output` or `blob` | in a key, how those bytes came to be (early cutoff) |
//! | titles, axes and marks of a figure | `params` of the drawing alone | title and citation of the experiment, claims, tolerances |
//! | interval of published checkpoints (they are outputs) | `params` | interval of resume checkpoints, progress, log, time, host, path, user |
#![deny(clippy::float_arithmetic)]

pub mod canonical;
pub mod manifest;
pub mod params;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{ActionKey, BlobDigest, RecipeId, TreeDigest, tagged};
pub use params::Params;

/// The set of definitions that results are computed by; a parameter of every action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Profile {
    /// Portable numerics, version 1: equal bits on every machine (see `numerics`).
    #[serde(rename = "Portable/1")]
    Portable1,
    /// Portable numerics but for what a training's own profile says: equal bits on one class of devices (see
    /// [`params::DeviceProfile`]).
    #[serde(rename = "DeviceClass/1")]
    DeviceClass1,
}

/// An input of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A file that the experiment pins.
    Blob(BlobDigest),
    /// A tree of files, such as a data set, by its canonical manifest.
    Tree(TreeDigest),
    /// What another action gives.
    Output {
        /// The action that gives it.
        recipe: RecipeId,
        /// The name of the output there.
        output: String,
    },
}

/// An input whose bytes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResolvedInput {
    /// A file.
    Blob(BlobDigest),
    /// A tree of files.
    Tree(TreeDigest),
}

/// A job with all that it depends on. `I` is [`Input`] in a plan and [`ResolvedInput`] once it can be executed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action<I = Input> {
    /// The definitions that the job computes by.
    pub profile: Profile,
    /// The job kind and its parameters.
    pub params: Params,
    /// Raised when the bytes that the job kind gives may change.
    pub revision: u32,
    /// Inputs by the name the job knows them under.
    pub inputs: BTreeMap<String, I>,
}

impl<I: Serialize> Action<I> {
    /// An action of today's revision of its job kind.
    pub fn new(params: Params, inputs: BTreeMap<String, I>) -> Self {
        let revision = params.kind().revision();
        let profile = match &params {
            Params::Train(train) if train.profile.is_some() => Profile::DeviceClass1,
            _ => Profile::Portable1,
        };
        Self { profile, params, revision, inputs }
    }

    /// The canonical bytes that names are computed over, kept so that `explain` can compare them.
    ///
    /// # Panics
    ///
    /// Never: parameters hold no value that canonical bytes cannot.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical::encode(self).expect("parameters are plain data without bare floats")
    }
}

impl Action<Input> {
    /// The name of the action before its inputs are known.
    pub fn recipe_id(&self) -> RecipeId {
        RecipeId::from_bytes(tagged("recipe/1", &self.canonical_bytes()))
    }

    /// Replaces every upstream output by the digest that `digest_of` gives; `None` if one is not known yet.
    pub fn resolve(
        &self,
        mut digest_of: impl FnMut(&RecipeId, &str) -> Option<BlobDigest>,
    ) -> Option<Action<ResolvedInput>> {
        let resolve_one = |input: &Input| match input {
            Input::Blob(digest) => Some(ResolvedInput::Blob(*digest)),
            Input::Tree(digest) => Some(ResolvedInput::Tree(*digest)),
            Input::Output { recipe, output } => digest_of(recipe, output).map(ResolvedInput::Blob),
        };
        let mut resolve_one = resolve_one;
        let inputs = self
            .inputs
            .iter()
            .map(|(name, input)| Some((name.clone(), resolve_one(input)?)))
            .collect::<Option<_>>()?;
        Some(Action {
            profile: self.profile,
            params: self.params.clone(),
            revision: self.revision,
            inputs,
        })
    }
}

impl Action<ResolvedInput> {
    /// The name of the action by the content of its inputs.
    pub fn key(&self) -> ActionKey {
        ActionKey::from_bytes(tagged("action/1", &self.canonical_bytes()))
    }
}

/// What an action gave: output names and digests, and nothing that varies between two executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionResult {
    /// Every output with its digest and its size in bytes.
    pub outputs: BTreeMap<String, OutputFile>,
}

/// One output of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputFile {
    /// The digest of its bytes.
    pub digest: BlobDigest,
    /// Its size in bytes.
    pub bytes: u64,
}
