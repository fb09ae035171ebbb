//! The graph of actions behind a target.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Input};
use crate::digest::RecipeId;

/// One action of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The label people read: `quick/xs-36k-64k/train`; unique within an experiment.
    pub label: String,
    /// The action.
    pub action: Action<Input>,
}

/// Actions by recipe id, closed under upstream, and the ones that were asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    nodes: BTreeMap<RecipeId, Node>,
    targets: BTreeSet<RecipeId>,
}

impl Plan {
    /// Adds an action and returns its name. Equal actions become one node, with the label that came first.
    ///
    /// # Panics
    ///
    /// If an upstream action was not added before.
    pub fn add(&mut self, label: &str, action: Action<Input>) -> RecipeId {
        for upstream in upstream_of(&action) {
            assert!(
                self.nodes.contains_key(&upstream),
                "`{label}` comes before its upstream"
            );
        }
        let id = action.recipe_id();
        self.nodes.entry(id).or_insert_with(|| Node {
            label: label.to_owned(),
            action,
        });
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

    /// Every action.
    pub fn nodes(&self) -> &BTreeMap<RecipeId, Node> {
        &self.nodes
    }

    /// The actions that were asked for.
    pub fn targets(&self) -> &BTreeSet<RecipeId> {
        &self.targets
    }

    /// The actions whose outputs `id` reads.
    pub fn upstream(&self, id: &RecipeId) -> BTreeSet<RecipeId> {
        self.nodes
            .get(id)
            .map(|node| upstream_of(&node.action))
            .unwrap_or_default()
    }
}

fn upstream_of(action: &Action<Input>) -> BTreeSet<RecipeId> {
    let recipe = |input: &Input| match input {
        Input::Output { recipe, .. } => Some(*recipe),
        Input::Blob(_) | Input::Tree(_) => None,
    };
    action.inputs.values().filter_map(recipe).collect()
}
