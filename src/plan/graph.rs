//! The graph of actions behind a target, and what it needs from outside.
//!
//! A plan is a set: whatever the order in which its parts were added, equal parts give an equal plan.

use std::collections::{BTreeMap, BTreeSet};

use super::price::Price;
use super::unpinned::UnpinnedRun;
use crate::action::{Action, Input};
use crate::digest::{BlobDigest, RecipeId, TreeDigest};
use crate::spec::experiment::{Claim, Depth, Known, Location, PrintedColumn, Severity, Source};

/// One action of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The label people read: `xs-36k-64k/train`; unique within an experiment.
    pub label: String,
    /// The action.
    pub action: Action<Input>,
    /// What it costs to execute.
    pub price: Price,
}

/// A pinned file that actions read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePin {
    /// Its size.
    pub bytes: u64,
    /// Where it was published; any of them will do.
    pub locations: BTreeSet<Location>,
    /// How many classes the experiment says that it names, of a file of class names.
    pub class_counts: BTreeSet<u64>,
}

/// A tree of files that actions read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePin {
    /// The canonical bytes of its manifest where the experiment states the files; where it pins the manifest, that is
    /// a blob among the plan's sources whose digest is the tree's.
    pub manifest: Option<Vec<u8>>,
    /// The folders its files were published in; any of them will do.
    pub folders: BTreeSet<Source>,
    /// Size of all its files, and of its manifest where that is pinned.
    pub bytes: u64,
}

/// A figure that was asked for: where the report finds what it judges and shows.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureTarget {
    /// The title.
    pub title: String,
    /// What it shows.
    pub caption: Option<String>,
    /// The depth it is reproduced at.
    pub depth: Depth,
    /// The table of points (CSV).
    pub points: Input,
    /// The action that gives `fits.json`.
    pub fit: RecipeId,
    /// The action that gives `sensitivity.csv`, where something is tried on a series.
    pub sensitivity: Option<RecipeId>,
    /// The action that gives `figure.svg`.
    pub draw: RecipeId,
    /// What the experiment says will come out.
    pub claims: Vec<Claim>,
}

/// A table that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct TableTarget {
    /// The title.
    pub title: String,
    /// Its rows (CSV).
    pub table: Input,
    /// How its numbers are printed.
    pub printed: Vec<PrintedColumn>,
    /// What the experiment says will come out.
    pub claims: Vec<Claim>,
}

/// A measurement of a run's model, made by an action that gives `metrics.json`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunEvaluation {
    /// The run.
    pub run: String,
    /// What it is measured on, as the run calls it.
    pub name: String,
    /// The name of the data set.
    pub dataset: String,
    /// The action.
    pub action: RecipeId,
}

/// A check that was asked for, or that comes with what was.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckTarget {
    /// Its place among the experiment's checks.
    pub place: usize,
    /// The action that gives `findings.json`.
    pub action: RecipeId,
    /// What the experiment says of it.
    pub declared: DeclaredCheck,
    /// The files whose rows are those of its tables, one for one, by table.
    pub files: BTreeMap<String, String>,
}

/// What an experiment says of a check, beside its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredCheck {
    /// Its name.
    pub id: String,
    /// What is checked.
    pub text: String,
    /// How bad a finding is.
    pub severity: Severity,
    /// The table that its findings name first.
    pub table: String,
    /// The findings that are understood.
    pub known: Vec<Known>,
}

/// Actions by recipe id, closed under upstream; the ones that were asked for; what they read from outside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub(super) nodes: BTreeMap<RecipeId, Node>,
    pub(super) targets: BTreeSet<RecipeId>,
    pub(super) sources: BTreeMap<BlobDigest, SourcePin>,
    pub(super) trees: BTreeMap<TreeDigest, TreePin>,
    pub(super) figures: BTreeMap<String, FigureTarget>,
    pub(super) tables: BTreeMap<String, TableTarget>,
    pub(super) checks: BTreeMap<String, CheckTarget>,
    pub(super) evaluations: BTreeSet<RunEvaluation>,
    pub(super) unpinned: BTreeMap<String, UnpinnedRun>,
}

impl Plan {
    /// Adds an action without a price and returns its name. Equal actions become one node, with the label that is
    /// first in bytewise order.
    ///
    /// # Panics
    ///
    /// If an upstream action was not added before.
    pub fn add(&mut self, label: &str, action: Action<Input>) -> RecipeId {
        self.add_priced(label, action, Price::default())
    }

    /// Adds an action as [`Plan::add`] does, with what it costs.
    ///
    /// # Panics
    ///
    /// If an upstream action was not added before.
    pub fn add_priced(&mut self, label: &str, action: Action<Input>, price: Price) -> RecipeId {
        for upstream in upstream_of(&action) {
            assert!(self.nodes.contains_key(&upstream), "`{label}` comes before its upstream");
        }
        let id = action.recipe_id();
        let new = || Node { label: label.to_owned(), action, price };
        let node = self.nodes.entry(id).or_insert_with(new);
        if label < node.label.as_str() {
            label.clone_into(&mut node.label);
        }
        node.price = node.price.max(price);
        id
    }

    /// Marks an action as asked for.
    ///
    /// # Panics
    ///
    /// If the plan does not have it.
    pub fn add_target(&mut self, id: RecipeId) {
        assert!(self.nodes.contains_key(&id), "a target is a node");
        self.targets.insert(id);
    }

    /// Says where a pinned file can be had.
    pub fn add_source(&mut self, digest: BlobDigest, bytes: u64, location: Location) {
        let new = || SourcePin { bytes, locations: BTreeSet::new(), class_counts: BTreeSet::new() };
        self.sources.entry(digest).or_insert_with(new).locations.insert(location);
    }

    /// Says how many classes a pinned file of class names has, which no action is told.
    pub fn count_classes(&mut self, digest: &BlobDigest, count: u64) {
        if let Some(pin) = self.sources.get_mut(digest) {
            pin.class_counts.insert(count);
        }
    }

    /// Says what a tree consists of. A manifest that is stated once need not be fetched.
    pub fn add_tree(&mut self, digest: TreeDigest, tree: TreePin) {
        match self.trees.get_mut(&digest) {
            None => {
                self.trees.insert(digest, tree);
            }
            Some(known) => {
                known.manifest = known.manifest.take().or(tree.manifest);
                known.folders.extend(tree.folders);
                known.bytes = known.bytes.max(tree.bytes);
            }
        }
    }

    /// Marks a figure as asked for.
    ///
    /// # Panics
    ///
    /// If the plan does not have its actions.
    pub fn add_figure(&mut self, name: &str, figure: FigureTarget) {
        assert!(self.nodes.contains_key(&figure.fit), "a figure's fit is a node");
        self.add_target(figure.draw);
        figure.sensitivity.into_iter().for_each(|sensitivity| self.add_target(sensitivity));
        self.figures.insert(name.to_owned(), figure);
    }

    /// Marks a table as asked for.
    ///
    /// # Panics
    ///
    /// If the plan does not have its action.
    pub fn add_table(&mut self, name: &str, table: TableTarget) {
        if let Input::Output { recipe, .. } = &table.table {
            self.add_target(*recipe);
        }
        self.tables.insert(name.to_owned(), table);
    }

    /// Marks a check as asked for.
    ///
    /// # Panics
    ///
    /// If the plan does not have its action.
    pub fn add_check(&mut self, check: CheckTarget) {
        self.add_target(check.action);
        self.checks.insert(check.declared.id.clone(), check);
    }

    /// Says which run an evaluation measures.
    ///
    /// # Panics
    ///
    /// If the plan does not have its action.
    pub fn add_evaluation(&mut self, evaluation: RunEvaluation) {
        assert!(self.nodes.contains_key(&evaluation.action), "an evaluation is a node");
        self.evaluations.insert(evaluation);
    }

    /// Asks for these actions and no others.
    ///
    /// # Panics
    ///
    /// If the plan does not have them.
    pub fn set_targets(&mut self, targets: BTreeSet<RecipeId>) {
        assert!(targets.iter().all(|id| self.nodes.contains_key(id)), "a target is a node");
        self.targets = targets;
    }

    /// Notes a training that a target needs and that cannot be executed.
    pub fn add_unpinned(&mut self, name: &str, run: UnpinnedRun) {
        self.unpinned.insert(name.to_owned(), run);
    }

    /// Every action.
    pub fn nodes(&self) -> &BTreeMap<RecipeId, Node> {
        &self.nodes
    }

    /// The actions that were asked for.
    pub fn targets(&self) -> &BTreeSet<RecipeId> {
        &self.targets
    }

    /// Every pinned file that the experiment names: single files, manifests, and shards that are stated inline. The
    /// shards of a pinned manifest are known once it is read: [`TreePin::locations_of`].
    pub fn sources(&self) -> &BTreeMap<BlobDigest, SourcePin> {
        &self.sources
    }

    /// Every tree that actions read.
    pub fn trees(&self) -> &BTreeMap<TreeDigest, TreePin> {
        &self.trees
    }

    /// The figures that were asked for, by name. One that needs an unpinned run is not among them.
    pub fn figures(&self) -> &BTreeMap<String, FigureTarget> {
        &self.figures
    }

    /// The tables that were asked for, by name. One that needs an unpinned run is not among them.
    pub fn tables(&self) -> &BTreeMap<String, TableTarget> {
        &self.tables
    }

    /// The checks that were asked for or come with what was, by name.
    pub fn checks(&self) -> &BTreeMap<String, CheckTarget> {
        &self.checks
    }

    /// What the actions of the plan measure of its runs.
    pub fn evaluations(&self) -> &BTreeSet<RunEvaluation> {
        &self.evaluations
    }

    /// Trainings that targets need and that cannot be executed, by name. Where there is one, executing the plan is an
    /// error that lists what is missing.
    pub fn unpinned(&self) -> &BTreeMap<String, UnpinnedRun> {
        &self.unpinned
    }

    /// The actions whose outputs `id` reads.
    pub fn upstream(&self, id: &RecipeId) -> BTreeSet<RecipeId> {
        self.nodes.get(id).map(|node| upstream_of(&node.action)).unwrap_or_default()
    }

    /// The action with that label.
    pub fn labelled(&self, label: &str) -> Option<(&RecipeId, &Node)> {
        self.nodes.iter().find(|(_, node)| node.label == label)
    }

    /// The sum over all actions, every file counted once, as if nothing were in the store.
    pub fn price(&self) -> Price {
        let flops =
            self.nodes.values().fold(0_u128, |sum, node| sum.saturating_add(node.price.flops));
        Price { flops, fetch_bytes: self.fetch_bytes_of(self.nodes.values()) }
    }

    /// Size of all pinned bytes that some actions read, each counted once.
    pub fn fetch_bytes_of<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) -> u64 {
        let inputs = nodes.into_iter().flat_map(|node| node.action.inputs.values());
        let (mut blobs, mut trees) = (BTreeSet::new(), BTreeSet::new());
        for input in inputs {
            match input {
                Input::Blob(digest) => drop(blobs.insert(*digest)),
                Input::Tree(digest) => drop(trees.insert(*digest)),
                Input::Output { .. } => {}
            }
        }
        let blobs = blobs.iter().filter_map(|digest| self.sources.get(digest)).map(|pin| pin.bytes);
        let trees = trees.iter().filter_map(|digest| self.trees.get(digest)).map(|tree| tree.bytes);
        blobs.chain(trees).fold(0, u64::saturating_add)
    }
}

impl TreePin {
    /// Where the file `name` of the tree was published.
    pub fn locations_of(&self, name: &str) -> BTreeSet<Location> {
        self.folders.iter().map(|folder| folder.file_in_folder(name)).collect()
    }
}

fn upstream_of(action: &Action<Input>) -> BTreeSet<RecipeId> {
    let recipe = |input: &Input| match input {
        Input::Output { recipe, .. } => Some(*recipe),
        Input::Blob(_) | Input::Tree(_) => None,
    };
    action.inputs.values().filter_map(recipe).collect()
}
