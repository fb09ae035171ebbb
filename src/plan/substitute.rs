//! The same plan with other profiles of its trainings, for a device that is of another class.

use std::collections::BTreeMap;

use super::graph::{CheckTarget, FigureTarget, Plan, RunEvaluation, TableTarget};
use crate::action::params::DeviceProfile;
use crate::action::{Action, Input, Params};
use crate::digest::RecipeId;

/// A plan made of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Substituted {
    /// The plan.
    pub plan: Plan,
    /// What each action of the other one is in it.
    pub recipes: BTreeMap<RecipeId, RecipeId>,
}

impl Plan {
    /// The plan with each training's profile replaced by what `profile_of` makes of it; trainings without one stay. What
    /// follows from a training whose profile is another one is other actions, with the same labels and prices.
    #[must_use]
    pub fn with_profiles(
        &self,
        profile_of: impl Fn(DeviceProfile) -> Option<DeviceProfile>,
    ) -> Substituted {
        let mut made = Substituted { plan: Self::default(), recipes: BTreeMap::new() };
        for id in self.nodes.keys() {
            made.visit(self, id, &profile_of);
        }
        let Substituted { plan, recipes } = &mut made;
        plan.targets = self.targets.iter().map(|id| recipes[id]).collect();
        plan.sources.clone_from(&self.sources);
        plan.trees.clone_from(&self.trees);
        plan.unpinned.clone_from(&self.unpinned);
        let figure = |(name, figure): (&String, &FigureTarget)| {
            let figure = FigureTarget {
                points: input(&figure.points, recipes),
                fit: recipes[&figure.fit],
                sensitivity: figure.sensitivity.map(|id| recipes[&id]),
                draw: recipes[&figure.draw],
                ..figure.clone()
            };
            (name.clone(), figure)
        };
        plan.figures = self.figures.iter().map(figure).collect();
        let table = |(name, table): (&String, &TableTarget)| {
            (name.clone(), TableTarget { table: input(&table.table, recipes), ..table.clone() })
        };
        plan.tables = self.tables.iter().map(table).collect();
        let check = |(name, check): (&String, &CheckTarget)| {
            (name.clone(), CheckTarget { action: recipes[&check.action], ..check.clone() })
        };
        plan.checks = self.checks.iter().map(check).collect();
        let evaluation =
            |of: &RunEvaluation| RunEvaluation { action: recipes[&of.action], ..of.clone() };
        plan.evaluations = self.evaluations.iter().map(evaluation).collect();
        made
    }
}

impl Substituted {
    /// Makes an action, after those that it reads.
    fn visit(
        &mut self,
        old: &Plan,
        id: &RecipeId,
        profile_of: &impl Fn(DeviceProfile) -> Option<DeviceProfile>,
    ) {
        if self.recipes.contains_key(id) {
            return;
        }
        old.upstream(id).iter().for_each(|upstream| self.visit(old, upstream, profile_of));
        let node = &old.nodes[id];
        let inputs = node.action.inputs.iter();
        let inputs = inputs.map(|(name, of)| (name.clone(), input(of, &self.recipes))).collect();
        let mut action = Action { inputs, ..node.action.clone() };
        if let Params::Train(train) = &mut action.params
            && let Some(profile) = train.profile
        {
            train.profile = profile_of(profile);
            action = Action::new(action.params, action.inputs);
        }
        let new = self.plan.add_priced(&node.label, action, node.price);
        self.recipes.insert(*id, new);
    }
}

/// An input, of what its action has become.
fn input(input: &Input, recipes: &BTreeMap<RecipeId, RecipeId>) -> Input {
    match input {
        Input::Output { recipe, output } => {
            Input::Output { recipe: recipes[recipe], output: output.clone() }
        }
        Input::Blob(_) | Input::Tree(_) => input.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::expand;
    use super::*;
    use crate::spec::experiment::testing::example_with_weights;

    /// The plan of two runs, a figure of both and all else, with the profiles of the runs.
    fn plan(a: Option<&str>, b: Option<&str>) -> Plan {
        let mut experiment = example_with_weights();
        for (run, profile) in experiment.runs.iter_mut().zip([a, b]) {
            run.train.profile = profile.map(str::to_owned);
        }
        expand(&experiment, None).unwrap()
    }

    #[test]
    fn the_plan_is_that_of_an_experiment_with_the_other_profiles() {
        let own: DeviceProfile = "bf16/sm_120/1".parse().unwrap();
        let replaced: DeviceProfile = "bf16/sm_90/1".parse().unwrap();
        let bound = plan(Some("bf16/sm_90/1"), None);
        for (profile, text) in [(Some(own), Some("bf16/sm_120/1")), (None, None)] {
            let made = bound.with_profiles(|of| if of == replaced { profile } else { Some(of) });
            assert_eq!(made.plan, plan(text, None));
        }
        let two = plan(Some("bf16/sm_90/1"), Some("bf16/sm_120/1"));
        let made = two.with_profiles(|of| if of == replaced { None } else { Some(of) });
        assert_eq!(made.plan, plan(None, Some("bf16/sm_120/1")));
    }

    #[test]
    fn what_does_not_follow_from_a_replaced_training_is_the_same_action() {
        let bound = plan(Some("bf16/sm_90/1"), None);
        let made = bound.with_profiles(|_| None);
        let label = |id: &RecipeId| bound.nodes()[id].label.as_str();
        let others: BTreeSet<&str> = made
            .recipes
            .iter()
            .filter(|(old, new)| old != new)
            .map(|(old, _)| label(old))
            .collect();
        let expected = ["a/evaluate/retrieval", "a/evaluate/zero-shot", "a/train"];
        let expected = expected.into_iter().chain(["curve/collect", "curve/draw", "curve/fit"]);
        assert_eq!(others, expected.collect());
        assert_eq!(bound.with_profiles(Some).plan, bound);
    }

    /// Two runs that differ in their profiles alone are one where those are replaced by the same.
    #[test]
    fn trainings_that_become_equal_are_one_action() {
        let mut experiment = example_with_weights();
        experiment.runs[1].train = experiment.runs[0].train.clone();
        experiment.runs[1].train.profile = Some("bf16/sm_90/1".to_owned());
        let bound = expand(&experiment, None).unwrap();
        let made = bound.with_profiles(|_| None);
        let (old, _) = bound.labelled("b/train").unwrap();
        let (new, _) = made.plan.labelled("a/train").unwrap();
        assert_eq!(made.recipes[old], *new);
        assert!(made.plan.labelled("b/train").is_none());
    }
}
