//! From an experiment to its plan: one pass, nothing opened, nothing computed.

use std::collections::BTreeMap;

use super::convert;
use super::graph::{FigureTarget, Plan, RunEvaluation, TreePin};
use super::price::{Price, evaluate_flops, train_flops};
use super::subject::Subject;
use super::unpinned::UnpinnedRun;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::action::params::{Cell, Collect, Measurement, Params, Row};
use crate::action::{Action, Input};
use crate::digest::{BlobDigest, RecipeId, TreeDigest};
use crate::spec::counted;
use crate::spec::experiment::{
    ColumnValue, Dataset, Depth, DigestText, Evaluation, Experiment, Figure, Finding, PinnedFile,
    Run, RunTable, Shards, check,
};

/// Why an experiment has no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The experiment breaks rules.
    #[error("the experiment has {}{}", counted(findings.len()), list(findings))]
    Findings {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// No group, figure, table or run has that name.
    #[error("there is no target `{target}` (targets: {})", first(known))]
    UnknownTarget {
        /// What was asked for.
        target: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A target cannot be had at that depth.
    #[error("`{target}` is not offered from {} (offered: {})", depth.name(), names(offered))]
    DepthNotOffered {
        /// The figure, table or run.
        target: String,
        /// What was asked for.
        depth: Depth,
        /// What there is.
        offered: Vec<Depth>,
    },
}

/// The first of the names; an experiment may have a figure for each of many data sets.
fn first(known: &[String]) -> String {
    const SHOWN_MAX: usize = 12;
    let mut text = known[..known.len().min(SHOWN_MAX)].join(", ");
    if known.len() > SHOWN_MAX {
        text.push_str(&format!(", and {} more", known.len() - SHOWN_MAX));
    }
    text
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n  {finding}")).collect()
}

fn names(depths: &[Depth]) -> String {
    depths.iter().map(|depth| depth.name()).collect::<Vec<_>>().join(", ")
}

/// The target that all checks of an experiment are.
const CHECKS: &str = "checks";

/// The plan of a target (a figure, table, run, group of those, or `checks`), each figure at its default depth, with the
/// checks of the tables and files that the target is made from. Without a target: of every table, figure, run and
/// check.
pub fn expand(experiment: &Experiment, target: Option<&str>) -> Result<Plan, PlanError> {
    expand_at(experiment, target, None)
}

/// The plan of a target at a depth; `None` is each figure's default.
pub fn expand_at(
    experiment: &Experiment,
    target: Option<&str>,
    depth: Option<Depth>,
) -> Result<Plan, PlanError> {
    checked(experiment)?.expanded(target, depth)
}

/// The plans of several targets, each as [`expand`] gives it; the experiment is checked once.
pub fn expand_each<'n>(
    experiment: &Experiment,
    targets: impl IntoIterator<Item = &'n str>,
) -> Result<Vec<Plan>, PlanError> {
    checked(experiment)?;
    targets.into_iter().map(|name| Expansion::new(experiment).expanded(Some(name), None)).collect()
}

/// Every action of an experiment: each table and run, and each figure at every depth it is offered at.
pub fn expand_every_depth(experiment: &Experiment) -> Result<Plan, PlanError> {
    let mut expansion = checked(experiment)?;
    expansion.everything(None)?;
    for figure in &experiment.figures {
        for depth in figure.depths() {
            expansion.figure(figure, Some(depth))?;
        }
        // What was asked for is the depth that the reader gets.
        expansion.figure(figure, None)?;
    }
    Ok(expansion.plan)
}

/// The plan of those figures of a target that offer [`Depth::Printed`], at that depth; `None` if there is none.
pub fn expand_printed(
    experiment: &Experiment,
    target: Option<&str>,
) -> Result<Option<Plan>, PlanError> {
    let group = target.and_then(|name| experiment.group(name));
    let is_asked_for = |figure: &&Figure| match (target, group) {
        (None, _) => true,
        (Some(_), Some(group)) => group.targets.contains(&figure.name),
        (Some(name), None) => figure.name == name,
    };
    let mut expansion = checked(experiment)?;
    let mut is_any = false;
    let figures = experiment.figures.iter().filter(|figure| figure.printed.is_some());
    for figure in figures.filter(is_asked_for) {
        expansion.figure(figure, Some(Depth::Printed))?;
        is_any = true;
    }
    Ok(is_any.then_some(expansion.plan))
}

/// An error if an experiment, which may break rules, has no target of that name.
pub fn refuse_unknown(experiment: &Experiment, target: &str) -> Result<(), PlanError> {
    let known = targets(experiment);
    if known.iter().any(|name| name == target) {
        return Ok(());
    }
    Err(PlanError::UnknownTarget { target: target.to_owned(), known })
}

/// The names of all targets.
fn targets(experiment: &Experiment) -> Vec<String> {
    let groups = experiment.groups.iter().map(|group| group.name.clone());
    let tables = experiment.tables.iter().map(|table| table.name.clone());
    let figures = experiment.figures.iter().map(|figure| figure.name.clone());
    let runs = experiment.runs.iter().map(|run| run.name.clone());
    let released = experiment.released_runs.iter().map(|run| run.name.clone());
    let checks = (!experiment.checks.is_empty()).then(|| CHECKS.to_owned());
    groups.chain(figures).chain(tables).chain(runs).chain(released).chain(checks).collect()
}

/// The plan of every check.
pub fn expand_checks(experiment: &Experiment) -> Result<Plan, PlanError> {
    let mut expansion = checked(experiment)?;
    expansion.checks();
    Ok(expansion.plan)
}

/// An experiment that breaks no rule, before anything was asked of it.
fn checked(experiment: &Experiment) -> Result<Expansion<'_>, PlanError> {
    let findings = check(experiment);
    if !findings.is_empty() {
        return Err(PlanError::Findings { findings });
    }
    Ok(Expansion::new(experiment))
}

/// An experiment on its way to a plan.
pub(super) struct Expansion<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) plan: Plan,
    /// Data sets that were turned into trees before: many runs share one.
    trees: BTreeMap<&'a Dataset, TreeDigest>,
    /// Tables that were made actions before; `None`: a run behind one is not pinned.
    pub(super) tables: BTreeMap<&'a str, Option<Input>>,
}

impl<'a> Expansion<'a> {
    fn new(experiment: &'a Experiment) -> Self {
        let (plan, trees, tables) = (Plan::default(), BTreeMap::new(), BTreeMap::new());
        Self { experiment, plan, trees, tables }
    }

    fn expanded(mut self, target: Option<&str>, depth: Option<Depth>) -> Result<Plan, PlanError> {
        let experiment = self.experiment;
        match target.map(|name| (name, experiment.group(name))) {
            None => self.everything(depth)?,
            Some((_, Some(group))) => {
                for name in &group.targets {
                    self.target(name, depth)?;
                }
                self.checks_alongside();
            }
            Some((CHECKS, None)) if !experiment.checks.is_empty() => self.checks(),
            Some((name, None)) => {
                self.refuse_depth(name, depth)?;
                self.target(name, depth)?;
                self.checks_alongside();
            }
        }
        Ok(self.plan)
    }

    /// A table and a run are had in one way: from what was published, or from scratch.
    fn refuse_depth(&self, name: &str, depth: Option<Depth>) -> Result<(), PlanError> {
        let only = match (self.experiment.table(name), self.experiment.run(name)) {
            (Some(table), _) => table.depth(),
            (None, Some(_)) => Depth::Scratch,
            (None, None) if self.experiment.released_run(name).is_some() => Depth::Weights,
            (None, None) => return Ok(()),
        };
        match depth {
            Some(depth) if depth != only => {
                let target = name.to_owned();
                Err(PlanError::DepthNotOffered { target, depth, offered: vec![only] })
            }
            _ => Ok(()),
        }
    }

    fn everything(&mut self, depth: Option<Depth>) -> Result<(), PlanError> {
        for table in &self.experiment.tables {
            self.table_target(table);
        }
        for figure in &self.experiment.figures {
            self.figure(figure, depth)?;
        }
        for run in &self.experiment.runs {
            self.whole_run(run);
        }
        for run in &self.experiment.released_runs {
            self.whole_released_run(run);
        }
        self.checks();
        Ok(())
    }

    fn target(&mut self, name: &str, depth: Option<Depth>) -> Result<(), PlanError> {
        let experiment = self.experiment;
        if let Some(figure) = experiment.figure(name) {
            return self.figure(figure, depth);
        }
        if let Some(table) = experiment.table(name) {
            self.table_target(table);
        } else if let Some(run) = experiment.run(name) {
            self.whole_run(run);
        } else if let Some(run) = experiment.released_run(name) {
            self.whole_released_run(run);
        } else {
            let (target, known) = (name.to_owned(), targets(experiment));
            return Err(PlanError::UnknownTarget { target, known });
        }
        Ok(())
    }

    fn figure(&mut self, figure: &'a Figure, depth: Option<Depth>) -> Result<(), PlanError> {
        let depth = depth.unwrap_or(figure.default_depth);
        let offered = figure.depths();
        if !offered.contains(&depth) {
            let target = figure.name.clone();
            return Err(PlanError::DepthNotOffered { target, depth, offered });
        }
        let Some(points) = self.points(figure, depth) else {
            return Ok(());
        };
        let fit = self.fit(figure, depth, points.clone());
        let shown = figure.at(depth);
        let mut inputs = BTreeMap::from([("points".to_owned(), points.clone())]);
        let sensitivity = convert::sensitivity(&shown).map(|params| {
            let action = Action::new(Params::Sensitivity(params), inputs.clone());
            self.plan.add(&label(figure, depth, "sensitivity"), action)
        });
        inputs.insert("fits".to_owned(), output(fit, "fits.json"));
        let draw = Action::new(Params::Draw(convert::draw(&shown)), inputs);
        let draw = self.plan.add(&label(figure, depth, "draw"), draw);
        let target = FigureTarget {
            title: shown.title,
            caption: shown.caption,
            depth,
            points,
            fit,
            sensitivity,
            draw,
            claims: shown.claims,
        };
        self.plan.add_figure(&figure.name, target);
        Ok(())
    }

    /// The table of a figure's points at a depth it offers; `None` if a run behind it is not pinned.
    pub(super) fn points(&mut self, figure: &'a Figure, depth: Depth) -> Option<Input> {
        match (depth, &figure.printed, &figure.published, &figure.scratch) {
            (Depth::Printed, Some(printed), ..) => self.table_named(&printed.table),
            (Depth::Published, _, Some(table), _) => self.table_named(table),
            (Depth::Weights, ..) => {
                let runs = figure.weights.as_ref()?;
                Some(output(self.collect(&format!("{}/weights", figure.name), runs)?, "points.csv"))
            }
            (Depth::Scratch, _, _, Some(runs)) => {
                Some(output(self.collect(&figure.name, runs)?, "points.csv"))
            }
            _ => None,
        }
    }

    /// The lines of a figure fitted to its points.
    pub(super) fn fit(&mut self, figure: &Figure, depth: Depth, points: Input) -> RecipeId {
        let params = Params::Fit(convert::fit(&figure.at(depth)));
        let fit = Action::new(params, BTreeMap::from([("points".to_owned(), points)]));
        self.plan.add(&label(figure, depth, "fit"), fit)
    }

    /// The table of a figure; `None` if one of its runs is not pinned.
    pub(super) fn collect(&mut self, name: &str, table: &'a RunTable) -> Option<RecipeId> {
        let mut inputs = BTreeMap::new();
        let mut rows = Vec::new();
        let mut is_pinned = true;
        for run_name in &table.runs {
            if let Some(run) = self.experiment.run(run_name) {
                let subject = self.trained(run);
                rows.push(self.row(&subject, table, &mut inputs));
            } else if let Some(run) = self.experiment.released_run(run_name) {
                let subject = self.released(run);
                rows.push(self.row(&subject, table, &mut inputs));
            } else if let Some(run) = self.experiment.published_run(run_name) {
                self.plan.add_unpinned(run_name, UnpinnedRun::of(run));
                is_pinned = false;
            }
        }
        if !is_pinned {
            return None;
        }
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let action = Action::new(Params::Collect(Collect { columns, rows }), inputs);
        Some(self.plan.add(&format!("{name}/collect"), action))
    }

    fn row(
        &mut self,
        run: &Subject<'a>,
        table: &RunTable,
        inputs: &mut BTreeMap<String, Input>,
    ) -> Row {
        let model = convert::clip(run.model);
        let samples_seen = || run.samples_seen.expect("checked: the run says what it saw");
        let cell = |value: &ColumnValue| match value {
            ColumnValue::RunName => Cell::Text(run.name.to_owned()),
            ColumnValue::Label(name) => {
                let label = run.labels.iter().find(|label| label.name == *name);
                Cell::Text(label.expect("checked: the run has the label").text.clone())
            }
            ColumnValue::SamplesSeen => Cell::Natural(samples_seen()),
            ColumnValue::Seed => Cell::Natural(run.seed.expect("checked: the run has a seed")),
            ColumnValue::Parameters => Cell::Natural(model.parameters()),
            ColumnValue::MacsPerSample => Cell::Natural(model.macs_per_sample()),
            ColumnValue::GmacsTotal => Cell::GmacsTotal {
                macs_per_sample: model.macs_per_sample(),
                samples_seen: samples_seen(),
            },
            ColumnValue::Measurement { evaluation, metric } => {
                let found = run.evaluations.iter().find(|candidate| candidate.name == *evaluation);
                let evaluation = found.expect("checked: the run has the evaluation");
                let measured = self.evaluate(run, evaluation);
                let input = format!("{}.{}", run.name, evaluation.name);
                inputs.insert(input.clone(), output(measured, "metrics.json"));
                Cell::Measurement(Measurement { input, field: metric.field() })
            }
        };
        Row { cells: table.columns.iter().map(|column| &column.value).map(cell).collect() }
    }

    fn whole_run(&mut self, run: &'a Run) {
        let train = self.train(run);
        self.plan.add_target(train);
        let subject = self.trained(run);
        for evaluation in subject.evaluations {
            let measured = self.evaluate(&subject, evaluation);
            self.plan.add_target(measured);
        }
    }

    pub(super) fn train(&mut self, run: &'a Run) -> RecipeId {
        let train = &run.train;
        let dataset = self.dataset(&train.dataset);
        let vocabulary = self.file(&train.vocabulary.file);
        let params = convert::train(train);
        let price = Price {
            flops: train_flops(&params.model, train.samples_seen),
            fetch_bytes: train.dataset.bytes().saturating_add(train.vocabulary.file.bytes),
        };
        let inputs = [("dataset", dataset), ("vocabulary", vocabulary)];
        let action = Action::new(Params::Train(params), named(inputs));
        self.plan.add_priced(&format!("{}/train", run.name), action, price)
    }

    pub(super) fn evaluate(&mut self, run: &Subject<'a>, evaluation: &'a Evaluation) -> RecipeId {
        let params = convert::evaluate(run.model, run.preprocessing, &evaluation.task);
        let mut fetch_bytes = evaluation.dataset.bytes().saturating_add(run.weights_bytes);
        let mut inputs = named([
            ("weights", run.weights.clone()),
            ("dataset", self.dataset(&evaluation.dataset)),
        ]);
        let mut add = |name: &str, input: Input, bytes: u64| {
            inputs.insert(name.to_owned(), input);
            fetch_bytes = fetch_bytes.saturating_add(bytes);
        };
        if evaluation.task.reads_texts() {
            let vocabulary = &run.vocabulary.file;
            add("vocabulary", self.file(vocabulary), vocabulary.bytes);
        }
        if let Some(classes) = evaluation.task.classes() {
            add("classes", self.file(&classes.file), classes.file.bytes);
            self.plan.count_classes(&digest(&classes.file.sha256), classes.count);
        }
        for (index, dataset) in evaluation.task.train_sets().iter().enumerate() {
            add(&format!("train-{index}"), self.dataset(dataset), dataset.bytes());
        }
        let flops = evaluate_flops(&convert::clip(run.model), evaluation);
        let label = format!("{}/{}/{}", run.name, params.kind().name(), evaluation.name);
        let action = Action::new(params, inputs);
        let action = self.plan.add_priced(&label, action, Price { flops, fetch_bytes });
        let (run, name) = (run.name.to_owned(), evaluation.name.clone());
        let dataset = evaluation.dataset.name.clone();
        self.plan.add_evaluation(RunEvaluation { run, name, dataset, action });
        action
    }

    pub(super) fn file(&mut self, file: &PinnedFile) -> Input {
        let digest = digest(&file.sha256);
        self.plan.add_source(digest, file.bytes, file.location());
        Input::Blob(digest)
    }

    fn dataset(&mut self, dataset: &'a Dataset) -> Input {
        if let Some(tree) = self.trees.get(dataset) {
            return Input::Tree(*tree);
        }
        let (tree, manifest) = match &dataset.shards {
            Shards::Inline(shards) => {
                let mut files = Vec::with_capacity(shards.len());
                for shard in shards {
                    let sha256 = digest(&shard.sha256);
                    let location = dataset.source.file_in_folder(&shard.name);
                    self.plan.add_source(sha256, shard.bytes, location);
                    files.push(ManifestFile {
                        name: shard.name.clone(),
                        sha256,
                        bytes: shard.bytes,
                        samples: shard.samples,
                        skipped: shard.skipped.clone(),
                    });
                }
                let manifest = Manifest::new(files).canonical_bytes();
                (BlobDigest::of(&manifest), Some(manifest))
            }
            Shards::Manifest(pin) => {
                let sha256 = digest(&pin.sha256);
                self.plan.add_source(sha256, pin.bytes, dataset.source.file_in_folder(&pin.name));
                (sha256, None)
            }
        };
        let tree = TreeDigest::from_bytes(*tree.as_bytes());
        let folders = [dataset.source.clone()].into();
        self.plan.add_tree(tree, TreePin { manifest, folders, bytes: dataset.bytes() });
        self.trees.insert(dataset, tree);
        Input::Tree(tree)
    }
}

/// The label of a figure's action: `fig1/fit`; at a depth that is not the figure's default, `fig1/printed/fit`, so that a
/// lockfile can hold both.
fn label(figure: &Figure, depth: Depth, what: &str) -> String {
    if depth == figure.default_depth {
        format!("{}/{what}", figure.name)
    } else {
        format!("{}/{}/{what}", figure.name, depth.name())
    }
}

fn named<const N: usize>(inputs: [(&str, Input); N]) -> BTreeMap<String, Input> {
    inputs.into_iter().map(|(name, input)| (name.to_owned(), input)).collect()
}

pub(super) fn output(recipe: RecipeId, name: &str) -> Input {
    Input::Output { recipe, output: name.to_owned() }
}

pub(super) fn digest(text: &DigestText) -> BlobDigest {
    text.parse().expect("checked: a digest parses")
}
