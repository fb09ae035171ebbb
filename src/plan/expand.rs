//! From an experiment to its plan: one pass, nothing opened, nothing computed.

use std::collections::BTreeMap;

use super::convert;
use super::graph::{FigureTarget, Plan, TreePin};
use super::price::{Price, evaluate_flops, train_flops};
use super::unpinned::UnpinnedRun;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::action::params::{Cell, Collect, Measurement, Params, Row};
use crate::action::{Action, Input};
use crate::digest::{BlobDigest, RecipeId, TreeDigest};
use crate::spec::experiment::{
    ColumnValue, Dataset, Depth, DigestText, Evaluation, Experiment, Figure, Finding, PinnedFile,
    Run, RunTable, Shards, Task, check,
};

/// Why an experiment has no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The experiment breaks rules.
    #[error("the experiment has {} findings{}", findings.len(), list(findings))]
    Findings {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// Neither a figure nor a run has that name.
    #[error("there is no target `{target}` (targets: {})", known.join(", "))]
    UnknownTarget {
        /// What was asked for.
        target: String,
        /// The names of figures and runs.
        known: Vec<String>,
    },
    /// A figure cannot be had at that depth.
    #[error("figure `{figure}` is not offered from {} (offered: {})", depth.name(), names(offered))]
    DepthNotOffered {
        /// The figure.
        figure: String,
        /// What was asked for.
        depth: Depth,
        /// What there is.
        offered: Vec<Depth>,
    },
}

fn list(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n  {finding}")).collect()
}

fn names(depths: &[Depth]) -> String {
    depths.iter().map(|depth| depth.name()).collect::<Vec<_>>().join(", ")
}

/// The plan of a target, a figure or a run, each figure at its default depth. Without a target: of every figure and run.
pub fn expand(experiment: &Experiment, target: Option<&str>) -> Result<Plan, PlanError> {
    expand_at(experiment, target, None)
}

/// The plan of a target at a depth; `None` is each figure's default.
pub fn expand_at(
    experiment: &Experiment,
    target: Option<&str>,
    depth: Option<Depth>,
) -> Result<Plan, PlanError> {
    refuse_findings(experiment)?;
    expanded(experiment, target, depth)
}

/// Every action of an experiment: each figure at every depth it is offered at, and every run.
pub fn expand_every_depth(experiment: &Experiment) -> Result<Plan, PlanError> {
    refuse_findings(experiment)?;
    let mut plan = expanded(experiment, None, None)?;
    for figure in &experiment.figures {
        for depth in figure.depths() {
            plan.add_all(expanded(experiment, Some(&figure.name), Some(depth))?);
        }
    }
    Ok(plan)
}

fn refuse_findings(experiment: &Experiment) -> Result<(), PlanError> {
    let findings = check(experiment);
    if findings.is_empty() { Ok(()) } else { Err(PlanError::Findings { findings }) }
}

fn expanded(
    experiment: &Experiment,
    target: Option<&str>,
    depth: Option<Depth>,
) -> Result<Plan, PlanError> {
    let mut expansion = Expansion { experiment, plan: Plan::default(), trees: BTreeMap::new() };
    match target {
        None => {
            for figure in &experiment.figures {
                expansion.figure(figure, depth)?;
            }
            for run in &experiment.runs {
                expansion.whole_run(run);
            }
        }
        Some(name) => {
            if let Some(figure) = experiment.figure(name) {
                expansion.figure(figure, depth)?;
            } else if let Some(run) = experiment.run(name) {
                expansion.whole_run(run);
            } else {
                let figures = experiment.figures.iter().map(|figure| figure.name.clone());
                let runs = experiment.runs.iter().map(|run| run.name.clone());
                let known = figures.chain(runs).collect();
                return Err(PlanError::UnknownTarget { target: name.to_owned(), known });
            }
        }
    }
    Ok(expansion.plan)
}

struct Expansion<'a> {
    experiment: &'a Experiment,
    plan: Plan,
    /// Data sets that were turned into trees before: many runs share one.
    trees: BTreeMap<&'a Dataset, TreeDigest>,
}

impl<'a> Expansion<'a> {
    fn figure(&mut self, figure: &'a Figure, depth: Option<Depth>) -> Result<(), PlanError> {
        let depth = depth.unwrap_or(figure.default_depth);
        let (points, fetch_bytes) = match (depth, &figure.published, &figure.scratch) {
            (Depth::Published, Some(table), _) => (self.file(&table.file), table.file.bytes),
            (Depth::Scratch, _, Some(table)) => match self.collect(&figure.name, table) {
                Some(collect) => (output(collect, "points.csv"), 0),
                None => return Ok(()),
            },
            _ => {
                return Err(PlanError::DepthNotOffered {
                    figure: figure.name.clone(),
                    depth,
                    offered: figure.depths(),
                });
            }
        };
        let price = Price { flops: 0, fetch_bytes };
        let inputs = BTreeMap::from([("points".to_owned(), points.clone())]);
        let fit = Action::new(Params::Fit(convert::fit(figure)), inputs.clone());
        let fit = self.plan.add_priced(&format!("{}/fit", figure.name), fit, price);
        let mut inputs = inputs;
        inputs.insert("fits".to_owned(), output(fit, "fits.json"));
        let draw = Action::new(Params::Draw(convert::draw(figure)), inputs);
        let draw = self.plan.add_priced(&format!("{}/draw", figure.name), draw, price);
        let target = FigureTarget {
            title: figure.title.clone(),
            depth,
            points,
            fit,
            draw,
            claims: figure.claims.clone(),
        };
        self.plan.add_figure(&figure.name, target);
        Ok(())
    }

    /// The table of a figure; `None` if one of its runs is not pinned.
    fn collect(&mut self, figure: &str, table: &'a RunTable) -> Option<RecipeId> {
        let mut inputs = BTreeMap::new();
        let mut rows = Vec::new();
        let mut is_pinned = true;
        for name in &table.runs {
            if let Some(run) = self.experiment.run(name) {
                rows.push(self.row(run, table, &mut inputs));
            } else if let Some(run) = self.experiment.published_run(name) {
                self.plan.add_unpinned(name, UnpinnedRun::of(run));
                is_pinned = false;
            }
        }
        if !is_pinned {
            return None;
        }
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let action = Action::new(Params::Collect(Collect { columns, rows }), inputs);
        Some(self.plan.add(&format!("{figure}/collect"), action))
    }

    fn row(&mut self, run: &'a Run, table: &RunTable, inputs: &mut BTreeMap<String, Input>) -> Row {
        let train = self.train(run);
        let model = convert::clip(&run.train.model);
        let cell = |value: &ColumnValue| match value {
            ColumnValue::RunName => Cell::Text(run.name.clone()),
            ColumnValue::Label(name) => {
                let label = run.labels.iter().find(|label| label.name == *name);
                Cell::Text(label.expect("checked: the run has the label").text.clone())
            }
            ColumnValue::SamplesSeen => Cell::Natural(run.train.samples_seen),
            ColumnValue::Seed => Cell::Natural(run.train.seed),
            ColumnValue::Parameters => Cell::Natural(model.parameters()),
            ColumnValue::MacsPerSample => Cell::Natural(model.macs_per_sample()),
            ColumnValue::GmacsTotal => Cell::GmacsTotal {
                macs_per_sample: model.macs_per_sample(),
                samples_seen: run.train.samples_seen,
            },
            ColumnValue::Measurement { evaluation, metric } => {
                let found = run.evaluations.iter().find(|candidate| candidate.name == *evaluation);
                let evaluation = found.expect("checked: the run has the evaluation");
                let measured = self.evaluate(run, train, evaluation);
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
        for evaluation in &run.evaluations {
            let measured = self.evaluate(run, train, evaluation);
            self.plan.add_target(measured);
        }
    }

    fn train(&mut self, run: &'a Run) -> RecipeId {
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

    fn evaluate(&mut self, run: &'a Run, train: RecipeId, evaluation: &'a Evaluation) -> RecipeId {
        let params = convert::evaluate(&run.train, &evaluation.task);
        let samples = evaluation.dataset.samples();
        let mut fetch_bytes =
            evaluation.dataset.bytes().saturating_add(run.train.vocabulary.file.bytes);
        let mut inputs = named([
            ("weights", output(train, "model.safetensors")),
            ("dataset", self.dataset(&evaluation.dataset)),
            ("vocabulary", self.file(&run.train.vocabulary.file)),
        ]);
        if let Task::ZeroShotClassification { classes, .. } = &evaluation.task {
            inputs.insert("classes".to_owned(), self.file(&classes.file));
            fetch_bytes = fetch_bytes.saturating_add(classes.file.bytes);
        }
        let flops = evaluate_flops(&params.model, &evaluation.task, samples);
        let action = Action::new(Params::Evaluate(params), inputs);
        let label = format!("{}/evaluate/{}", run.name, evaluation.name);
        self.plan.add_priced(&label, action, Price { flops, fetch_bytes })
    }

    fn file(&mut self, file: &PinnedFile) -> Input {
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

fn named<const N: usize>(inputs: [(&str, Input); N]) -> BTreeMap<String, Input> {
    inputs.into_iter().map(|(name, input)| (name.to_owned(), input)).collect()
}

fn output(recipe: RecipeId, name: &str) -> Input {
    Input::Output { recipe, output: name.to_owned() }
}

fn digest(text: &DigestText) -> BlobDigest {
    text.parse().expect("checked: a digest parses")
}
