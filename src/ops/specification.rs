//! `list`, `check`, `show`, `diff`: an experiment as text and as meaning.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::Error;
use super::glyphs::check_glyphs;
use super::name::{ExperimentName, Name};
use super::pins::{Looked, Said};
use super::workspace::{Loaded, Workspace};
use crate::digest::ExperimentId;
use crate::plan::{self, Lockfile};
use crate::spec;
use crate::spec::experiment::{self, Experiment, Run};

/// An experiment of the workspace.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its title, or what is wrong with it.
    pub title: String,
    /// Its targets; none if it cannot be loaded.
    pub targets: Vec<ListedTarget>,
    /// `current`, `stale`, `absent`, `unreadable`, or `unknown` of an experiment that cannot be loaded.
    pub lockfile: &'static str,
}

/// A target of an experiment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedTarget {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The depths it is offered at, the cheapest first.
    pub depths: Vec<&'static str>,
    /// Floating-point operations from an empty store.
    pub flops: u128,
    /// What it is: `group`, `figure`, `table` or `checks`.
    pub kind: &'static str,
    /// The group it is listed under, if it is in one.
    pub group: Option<String>,
    /// How many targets a group has.
    pub members: usize,
}

/// What nobody published about a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unknown {
    /// The training.
    pub run: String,
    /// Fields of the schema's `PublishedRun`.
    pub fields: Vec<&'static str>,
}

/// One thing that is wrong with an experiment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// What, where and why, for people.
    pub text: String,
    /// The same in its parts.
    #[serde(flatten)]
    pub finding: spec::Finding,
}

impl From<spec::Finding> for Found {
    fn from(finding: spec::Finding) -> Self {
        Self { text: finding.to_string(), finding }
    }
}

impl Workspace {
    /// The experiments of the workspace with their targets.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let names = self.experiments()?;
        Ok(names.into_iter().map(|name| self.listed(name)).collect())
    }

    fn listed(&self, experiment: String) -> Listed {
        let name =
            Name { experiment: ExperimentName::InWorkspace(experiment.clone()), target: None };
        let loaded = match self.load(&name) {
            Ok(loaded) => loaded,
            Err(error) => {
                let why = match &error {
                    Error::Unsound { findings, .. } if !findings.is_empty() => {
                        findings[0].text.clone()
                    }
                    error => error.to_string(),
                };
                let title = format!("cannot be loaded: {}", first_line(&why));
                return Listed {
                    name: experiment,
                    title,
                    targets: Vec::new(),
                    lockfile: "unknown",
                };
            }
        };
        let targets = targets_of(&loaded.experiment);
        Listed {
            name: experiment,
            title: loaded.experiment.title.clone(),
            targets,
            lockfile: lockfile_state(&loaded),
        }
    }

    /// Every finding of the schema, or of the rules, and every warning: of what may be meant, and of what does no harm
    /// here and may elsewhere.
    pub fn examine(&self, name: &Name) -> Result<(Vec<Found>, Vec<Found>), Error> {
        let place = self.place(name)?;
        let evaluated = match self.sound(&place.request)? {
            Ok(evaluated) => evaluated,
            Err(findings) => return Ok((findings, Vec::new())),
        };
        let request = place.request.clone();
        let loaded = Self::bound(place, name.clone(), evaluated)?;
        plan::expand(&loaded.experiment, loaded.named.target.as_deref())?;
        let Looked { mut wrong, absent, elsewhere } = self.look_at_pins(&loaded);
        wrong.extend(absent);
        match self.check_released(&loaded) {
            Ok(differences) => wrong.extend(differences),
            Err(error) if wrong.is_empty() => return Err(error),
            // A file that is not what it is pinned to was just told.
            Err(_) => {}
        }
        wrong.extend(check_glyphs(&loaded.experiment));
        let mut warnings = large_batches(&loaded.experiment);
        warnings.extend(elsewhere);
        Ok((self.located(&request, wrong), self.located(&request, warnings)))
    }

    /// An error if something is wrong with pins wherever their files are. Files that are not where they are said to be
    /// are logged: whoever needs one that nobody has will tell.
    pub(super) fn refuse_wrong_pins(&self, loaded: &Loaded) -> Result<(), Error> {
        let Looked { wrong, mut absent, elsewhere } = self.look_at_pins(loaded);
        absent.extend(elsewhere);
        if wrong.is_empty() && absent.is_empty() {
            return Ok(());
        }
        let request = self.place(&loaded.named)?.request;
        log(&self.located(&request, absent));
        if wrong.is_empty() {
            return Ok(());
        }
        let name = loaded.named.experiment.to_string();
        Err(Error::Unsound { name, findings: self.located(&request, wrong) })
    }

    /// A request's evaluation, or every finding of the schema, or of the rules.
    pub(super) fn sound(
        &self,
        request: &spec::Request,
    ) -> Result<Result<spec::Evaluated, Vec<Found>>, Error> {
        let evaluated = match self.evaluate(request) {
            Ok(evaluated) => evaluated,
            Err(Error::Spec(spec::Error::Invalid(findings))) => {
                return Ok(Err(findings.into_iter().map(Found::from).collect()));
            }
            Err(error) => return Err(error),
        };
        let found = against_the_rules(evaluated.value.clone());
        if found.is_empty() {
            return Ok(Ok(evaluated));
        }
        Ok(Err(self.located(request, found)))
    }

    /// Findings about values, each with the place in the experiment's file that spells the value.
    fn located(&self, request: &spec::Request, found: Vec<(String, String)>) -> Vec<Found> {
        let paths: Vec<String> = found.iter().map(|(path, _)| path.clone()).collect();
        let places = if paths.is_empty() { Vec::new() } else { self.locate(request, &paths) };
        let placed = found.into_iter().zip(places);
        let placed = placed.map(|((path, message), place)| Placed { path, message, place });
        let finding = |Placed { path, message, place }| {
            let quoted = spec::Finding {
                path: Some(format!("`{path}`")),
                place,
                ..spec::Finding::new(message)
            };
            Found {
                text: quoted.to_string(),
                finding: spec::Finding { path: Some(path), ..quoted },
            }
        };
        merged(placed).into_iter().map(finding).collect()
    }

    /// The normal form of an experiment as Dhall text, and its id.
    pub fn show(&self, name: &Name) -> Result<(ExperimentId, String), Error> {
        let mut place = self.place(name)?;
        place.request.normal_form = true;
        let evaluated = self.evaluate(&place.request)?;
        if let Some(target) = &name.target {
            let experiment: experiment::Experiment = spec::bind(&evaluated.value)?;
            plan::refuse_unknown(&experiment, target)?;
        }
        Ok((evaluated.id, evaluated.normal_form.unwrap_or_default()))
    }

    /// By published run, in the experiment's order, the fields that the public record leaves open.
    pub fn unknown(&self, name: &Name) -> Result<Vec<Unknown>, Error> {
        let loaded = self.load_as_it_is(name)?;
        let runs = loaded.experiment.published_runs.iter();
        let unknown = runs.map(|run| Unknown { run: run.name.clone(), fields: run.unknown() });
        Ok(unknown.filter(|unknown| !unknown.fields.is_empty()).collect())
    }

    /// How two experiments differ in meaning: not in comments, layout or the way they are composed.
    pub fn diff(&self, a: &Name, b: &Name) -> Result<Vec<spec::Difference>, Error> {
        let (a, b) = (self.load_as_it_is(a)?, self.load_as_it_is(b)?);
        Ok(spec::diff(&a.evaluated.value, &b.evaluated.value))
    }
}

/// Says what may be meant, a line each, to whoever listens.
fn log(warnings: &[Found]) {
    for warning in warnings {
        let line = first_line(&warning.text).replace(char::is_control, " ");
        tracing::warn!("{line}");
    }
}

/// A finding about a value, with the place in the experiment's file that spells it.
#[derive(Debug, Clone)]
struct Placed {
    path: String,
    message: String,
    place: Option<spec::Place>,
}

impl Placed {
    /// Whether two findings at one place of the file differ in the run that they speak of, or in the element of a list
    /// that they are about, and in nothing else.
    fn is_like(&self, other: &Self) -> bool {
        (&self.path, &self.message) != (&other.path, &other.message)
            && around(&self.path, "[", ']') == around(&other.path, "[", ']')
            && around(&self.message, RUN, '`') == around(&other.message, RUN, '`')
    }

    /// The same, which is found in so many more elements of its list.
    fn with_more(mut self, more: usize) -> Self {
        let list = self.path.split(['[', '.']).next().unwrap_or_default();
        let noun = match list.trim_end_matches('s') {
            noun if noun.ends_with("Run") => "run",
            _ if self.message.contains(RUN) => "run",
            noun => noun,
        };
        let plural = if more == 1 { "" } else { "s" };
        if more > 0 {
            self.message.push_str(&format!(" (and in {more} more {noun}{plural})"));
        }
        self
    }
}

/// What is in front of a run's name in a message.
const RUN: &str = "run `";

/// A text without what stands between the first `open` and the `close` behind it.
fn around<'t>(text: &'t str, open: &str, close: char) -> (&'t str, &'t str) {
    let (before, inside) = text.split_once(open).unwrap_or((text, ""));
    (before, inside.split_once(close).map_or("", |(_, after)| after))
}

/// Findings in their order; a mistake that one place of the file makes in many runs is one of them.
fn merged(found: impl Iterator<Item = Placed>) -> Vec<Placed> {
    let mut merged: Vec<(Placed, usize)> = Vec::new();
    let mut by_place: BTreeMap<(String, u64, u64), Vec<usize>> = BTreeMap::new();
    for finding in found {
        let here = finding.place.as_ref().map(|at| (at.file.clone(), at.line, at.column));
        let mut same = None;
        if let Some(here) = here {
            let known = by_place.entry(here).or_default();
            same = known.iter().copied().find(|index| merged[*index].0.is_like(&finding));
            if same.is_none() {
                known.push(merged.len());
            }
        }
        match same {
            Some(index) => merged[index].1 += 1,
            None => merged.push((finding, 0)),
        }
    }
    merged.into_iter().map(|(finding, more)| finding.with_more(more)).collect()
}

/// What no type holds: numbers that are none, and what the rules forbid. By path in the value, in its order.
fn against_the_rules(value: spec::Value) -> Vec<(String, String)> {
    let (value, odd) = spec::without_odd_numbers(value);
    let mut found: Vec<_> = odd.into_iter().map(|odd| (odd.path, odd.message)).collect();
    match spec::bind::<experiment::Experiment>(&value) {
        Ok(experiment) => {
            let rules = experiment::check(&experiment).into_iter();
            // What stands in for an odd number is not to blame.
            let is_new = |path: &String| found.iter().all(|(odd, _)| odd != path);
            let new: Vec<_> = rules.filter(|finding| is_new(&finding.path)).collect();
            found.extend(new.into_iter().map(|finding| (finding.path, finding.message)));
        }
        Err(unfit) => found.push((unfit.path, unfit.message)),
    }
    found
}

/// Groups, figures and tables, in the order they are stated.
fn targets_of(experiment: &experiment::Experiment) -> Vec<ListedTarget> {
    let group_of = |name: &String| {
        experiment.groups.iter().find(|group| group.targets.contains(name)).map(|g| g.name.clone())
    };
    let target =
        |kind, name: &String, title: &String, depths: Vec<experiment::Depth>| ListedTarget {
            name: name.clone(),
            title: title.clone(),
            depths: depths.into_iter().map(experiment::Depth::name).collect(),
            flops: 0,
            kind,
            group: group_of(name),
            members: experiment.group(name).map_or(0, |group| group.targets.len()),
        };
    let groups = experiment.groups.iter();
    let groups = groups.map(|group| target("group", &group.name, &group.title, Vec::new()));
    let figures = experiment.figures.iter();
    let figures = figures.map(|f| target("figure", &f.name, &f.title, f.depths()));
    let tables = experiment.tables.iter();
    let tables = tables.map(|table| target("table", &table.name, &table.title, Vec::new()));
    let checks = (!experiment.checks.is_empty()).then(|| {
        let title = format!("{} checks of the tables", experiment.checks.len());
        target("checks", &"checks".to_owned(), &title, Vec::new())
    });
    let mut targets: Vec<_> = groups.chain(figures).chain(tables).chain(checks).collect();
    let names = targets.iter().map(|target| target.name.as_str());
    if let Ok(plans) = plan::expand_each(experiment, names) {
        for (target, plan) in targets.iter_mut().zip(plans) {
            target.flops = plan.price().flops;
        }
    }
    targets
}

fn lockfile_state(loaded: &Loaded) -> &'static str {
    let lockfile = match loaded.read_lockfile() {
        Ok(Some(lockfile)) => lockfile,
        Ok(None) => return "absent",
        Err(_) => return "unreadable",
    };
    match plan::expand(&loaded.experiment, None) {
        Ok(plan) if lockfile.covers(&plan) && nothing_is_left_over(&lockfile, loaded) => "current",
        _ => "stale",
    }
}

/// Whether every line is an action of the experiment, at whichever depth.
fn nothing_is_left_over(lockfile: &Lockfile, loaded: &Loaded) -> bool {
    let whole = plan::expand_every_depth(&loaded.experiment);
    whole.is_ok_and(|whole| lockfile.compare(&whole).stale.is_empty())
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Trainings whose batch has more pairs than there are.
fn large_batches(experiment: &Experiment) -> Vec<Said> {
    let large = |(i, run): (usize, &Run)| {
        let (batch, samples) = (run.train.batch_size, run.train.dataset.samples());
        let message = format!(
            "is {batch}, and the data set has {samples} samples: a batch has some more than once"
        );
        (batch > samples).then(|| (format!("runs[{i}].train.batchSize"), message))
    };
    experiment.runs.iter().enumerate().filter_map(large).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::experiment::testing::example;

    fn placed(path: &str, message: &str, line: u64) -> Placed {
        let (file, source) = ("x.dhall".to_owned(), String::new());
        let place = Some(spec::Place { file, line, column: 1, source, width: 1 });
        Placed { path: path.to_owned(), message: message.to_owned(), place }
    }

    fn messages(found: Vec<Placed>) -> Vec<String> {
        merged(found.into_iter()).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_batch_of_more_than_there_is_is_told() {
        let mut experiment = example();
        assert_eq!(large_batches(&experiment), []);
        // Two shards of 128.
        experiment.runs[1].train.batch_size = 257;
        let message = "is 257, and the data set has 256 samples: a batch has some more than once";
        let told = ("runs[1].train.batchSize".to_owned(), message.to_owned());
        assert_eq!(large_batches(&experiment), [told]);
    }

    #[test]
    fn a_mistake_that_many_runs_make_at_one_place_is_one() {
        let of_run = |run: usize, line| placed(&format!("runs[{run}].train.seed"), "is 0", line);
        let found = vec![of_run(0, 7), of_run(1, 7), of_run(2, 8), of_run(3, 7)];
        assert_eq!(messages(found), ["is 0 (and in 2 more runs)", "is 0"]);
        let at = "figures[0].scratch.columns[2].value";
        let of_label = |run: &str| placed(at, &format!("run `{run}` has no label `x`"), 7);
        let found = vec![of_label("a"), of_label("b")];
        assert_eq!(messages(found), ["run `a` has no label `x` (and in 1 more run)"]);
        let of_figure = |at: &str| placed(at, "is empty", 7);
        let found = vec![of_figure("figures[0].title"), of_figure("figures[1].title")];
        assert_eq!(messages(found), ["is empty (and in 1 more figure)"]);
    }

    #[test]
    fn what_differs_otherwise_or_has_no_place_stays_apart() {
        let (field, other) = (placed("runs[0].a", "is 0", 7), placed("runs[1].b", "is 0", 7));
        assert_eq!(messages(vec![field.clone(), other]), ["is 0", "is 0"]);
        let other = placed("runs[1].a", "is 1", 7);
        assert_eq!(messages(vec![field.clone(), other]), ["is 0", "is 1"]);
        let [field, other] = [field, placed("runs[1].a", "is 0", 7)]
            .map(|finding| Placed { place: None, ..finding });
        assert_eq!(messages(vec![field, other]), ["is 0", "is 0"]);
    }
}
