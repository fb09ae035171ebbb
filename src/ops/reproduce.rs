//! `reproduce`: run what is missing, compare with the lockfile, judge the claims; what `verify` comes to, too.

use std::collections::BTreeSet;

use serde::Serialize;

use super::checks::read_checks;
use super::error::Error;
use super::evaluations::{at_hand, read_evaluations};
use super::inputs::{Lent, place_of};
use super::lock::{LockComparison, recorded_result};
use super::plan::locked_outputs;
use super::run::Running;
use super::verify::{AnotherClass, refuse_unlocked};
use super::workspace::{Loaded, Workspace};
use crate::action::Input;
use crate::action::manifest::Manifest;
use crate::action::params::DeviceClass;
use crate::data::OPEN_CLIP;
use crate::digest::{BlobDigest, ExperimentId, RecipeId, TreeDigest};
use crate::exec::{FailureKind, How, Summary};
use crate::metrics::fits::{self, FitRecord};
use crate::plan::{self, Depth, FigureTarget, Location, Lockfile, Plan, SourcePin, TableTarget};
use crate::plot::table::Table;
use crate::report::checks::JudgedCheck;
use crate::report::claims::{self, Judged, Verdict};
use crate::report::evaluations::EvaluationResult;
use crate::report::lines::{self, Line};
use crate::report::sensitivity::{self, Sensitivity};
use crate::report::tables;
use crate::store::{Store, manifest_blob};

/// What to reproduce, and at what price.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReproduceOptions {
    /// Seconds that the run may take by its estimate; `None`: any time.
    pub budget: Option<f64>,
    /// Whether it is an error that the lockfile does not cover the target.
    pub locked: bool,
    /// Whether outputs that the lockfile names are taken from the mirrors where those have them.
    pub substitute: bool,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reproduced {
    /// `EXPERIMENT[/TARGET]`.
    pub name: String,
    /// The semantic hash of the experiment.
    pub id: ExperimentId,
    /// Actions that were executed.
    pub executed: usize,
    /// Results that the store had.
    pub cached: usize,
    /// Results that were fetched.
    pub fetched: usize,
    /// How the results compare with the lockfile.
    pub lockfile: LockComparison,
    /// The class of GPUs that trainings are bound to and that executed them again, where there are such trainings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_class: Option<DeviceClass>,
    /// How trainings compare that are bound to another class and were computed by what there is in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub another_class: Option<AnotherClass>,
    /// The figures, by name.
    pub figures: Vec<ReproducedFigure>,
    /// The tables, by name.
    pub tables: Vec<ReproducedTable>,
    /// The checks of what the tables and figures are made from, the worst first.
    pub checks: Vec<JudgedCheck>,
    /// The pinned files behind them.
    pub sources: Vec<ReproducedSource>,
    /// What was measured of each run, as far as the store still has it.
    #[serde(skip)]
    pub evaluations: Vec<EvaluationResult>,
    /// Labels of evaluations whose results the store has no longer.
    pub missing_evaluations: Vec<String>,
    /// What to type to name it again.
    #[serde(skip)]
    pub typed: String,
}

/// A pinned file that results stand on.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReproducedSource {
    /// Its digest.
    pub sha256: BlobDigest,
    /// Its size.
    pub bytes: u64,
    /// Where it was published; empty if the program builds it.
    pub places: Vec<String>,
    /// Whether the program builds it, out of drawings and what is said of them.
    #[serde(skip)]
    pub is_drawn: bool,
}

/// A table with its claims.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReproducedTable {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The claims, judged.
    pub claims: Vec<Judged>,
    /// `table.csv`.
    #[serde(skip)]
    pub csv: String,
    /// `table.md`.
    #[serde(skip)]
    pub markdown: String,
    /// `table.tex`.
    #[serde(skip)]
    pub latex: String,
}

/// A figure with its numbers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReproducedFigure {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The depth it was reproduced at.
    pub depth: Depth,
    /// The fitted lines.
    pub fits: Vec<FitRecord>,
    /// How exponents move with bins and margin, where the experiment asks for it.
    pub sensitivity: Vec<Sensitivity>,
    /// They beside the published ones.
    pub lines: Vec<Line>,
    /// The claims, judged.
    pub claims: Vec<Judged>,
    /// The table of points as CSV.
    #[serde(skip)]
    pub points_csv: String,
    /// `fits.json`.
    #[serde(skip)]
    pub fits_json: String,
    /// `sensitivity.csv`.
    #[serde(skip)]
    pub sensitivity_csv: Option<String>,
    /// What the figure shows, where the experiment says it.
    #[serde(skip)]
    pub caption: Option<String>,
    /// The figure as SVG.
    #[serde(skip)]
    pub svg: String,
    /// The pinned files behind this figure.
    #[serde(skip)]
    pub sources: Vec<ReproducedSource>,
}

impl Reproduced {
    /// The claims of all figures and tables.
    fn claims(&self) -> impl Iterator<Item = &Judged> {
        let of_tables = self.tables.iter().flat_map(|table| &table.claims);
        self.figures.iter().flat_map(|figure| &figure.claims).chain(of_tables)
    }

    /// `claims met 5/5`; those that are known to fail are counted where there are any.
    fn verdict_on_claims(&self) -> String {
        let count = |is: fn(&Judged) -> bool| self.claims().filter(|claim| is(claim)).count();
        let is_met = |claim: &Judged| claim.verdict == Verdict::Met;
        let mut text = format!("claims met {}/{}", count(is_met), self.claims().count());
        let missed = count(|claim| claim.known.is_some() && claim.is_as_recorded());
        if missed > 0 {
            text.push_str(&format!(", {missed} not met as known"));
        }
        let stale = count(|claim| claim.known.is_some() && !claim.is_as_recorded());
        if stale > 0 {
            text.push_str(&format!(", {stale} met against what is known"));
        }
        text
    }

    /// Whether nothing differs: every compared action has the locked bits, the losses of trainings of another class are
    /// within the tolerance, every claim and check is as recorded.
    pub fn is_as_recorded(&self) -> bool {
        let claims_are = self.claims().all(Judged::is_as_recorded);
        let checks_are = self.checks.iter().all(JudgedCheck::is_as_recorded);
        let is_within = self.another_class.as_ref().is_none_or(AnotherClass::is_within);
        self.lockfile.differing.is_empty() && is_within && claims_are && checks_are
    }

    /// The verdict: the last line of `reproduce` and `verify`.
    pub fn verdict(&self) -> String {
        let (same, compared) = (self.lockfile.same, self.lockfile.compared);
        let bits = if self.another_class.is_some() && compared == 0 {
            "no bits compared".to_owned()
        } else {
            format!("same bits as lockfile {same}/{compared}")
        };
        let mut verdict = format!(
            "executed {}, cached {}, fetched {}; {bits}; {}",
            self.executed,
            self.cached,
            self.fetched,
            self.verdict_on_claims()
        );
        if !self.checks.is_empty() {
            let recorded = self.checks.iter().filter(|check| check.is_as_recorded()).count();
            verdict.push_str(&format!("; checks as recorded {recorded}/{}", self.checks.len()));
        }
        if let Some(class) = self.same_class {
            verdict.push_str(&format!("; same class {class}"));
        }
        if let Some(another) = &self.another_class {
            verdict.push_str(&format!("; {}", another.verdict()));
        }
        verdict
    }
}

impl Workspace {
    /// Runs what a target needs and the store does not have, and reads its figures back.
    pub fn reproduce(
        &self,
        loaded: &Loaded,
        options: ReproduceOptions,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        if options.substitute && self.settings.mirrors.is_empty() {
            return Err(Error::Usage {
                message: "there is no mirror to take results from".to_owned(),
                hint: Some("ibid reproduce --substitute --mirror DIR …, where DIR is somebody's workspace or store".to_owned()),
            });
        }
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        if options.locked {
            refuse_unlocked(&plan, &lockfile, loaded, false)?;
        }
        let store = self.store()?;
        self.register_lockfile(loaded, &store)?;
        let mut whole = with_what_is_read(&plan);
        at_hand(&plan, &store)?.into_iter().for_each(|action| whole.add_target(action));
        let substitutes = locked_outputs(&lockfile);
        let mut lent = Lent::default();
        if options.substitute {
            lent.outputs = Some(&substitutes);
            let (root, stop) = (&loaded.root, running.cancelled);
            self.refuse_over_budget_having_fetched(
                &whole,
                root,
                &store,
                &substitutes,
                options.budget,
                stop,
            )?;
        } else {
            self.refuse_over_budget(&whole, &store, options.budget)?;
        }
        let summary = match self.execute(&whole, &loaded.root, &store, lent, running) {
            Ok(summary) => summary,
            Err(error) => return Err(self.instead(loaded, &lockfile, &store, running, error)),
        };
        let read = |summary: &Summary| {
            let comparison = LockComparison::of_run(&plan, &lockfile, &store, summary)?;
            Self::read_back(loaded, &plan, comparison, &store, summary)
        };
        let reproduced = read(&summary)?;
        // That a result is damaged is seen when it is read.
        let again = if reproduced.missing_evaluations.is_empty() {
            Vec::new()
        } else {
            at_hand(&plan, &store)?
        };
        if again.is_empty() {
            return Ok(reproduced);
        }
        again.into_iter().for_each(|action| whole.add_target(action));
        let made = self.execute(&whole, &loaded.root, &store, lent, running)?;
        read(&summary.and(made))
    }

    /// What a work prints can be had without what it published: where a source is missing, the figures that offer
    /// [`Depth::Printed`] are reproduced at that depth, and come with the error.
    fn instead(
        &self,
        loaded: &Loaded,
        lockfile: &Lockfile,
        store: &Store,
        running: &mut Running<'_>,
        error: Error,
    ) -> Error {
        let is_missing = match &error {
            Error::Failed { failures } => {
                failures.iter().all(|(_, failure)| failure.kind == FailureKind::Missing)
            }
            _ => false,
        };
        if !is_missing || loaded.depth.is_some() {
            return error;
        }
        let target = loaded.named.target.as_deref();
        let Ok(Some(plan)) = plan::expand_printed(&loaded.experiment, target) else {
            return error;
        };
        let reproduced = self
            .execute(&plan, &loaded.root, store, Lent::default(), running)
            .and_then(|summary| {
                let comparison = LockComparison::of_run(&plan, lockfile, store, &summary)?;
                Self::read_back(loaded, &plan, comparison, store, &summary)
            });
        match reproduced {
            Ok(reproduced) => {
                Error::OnlyPrinted { error: Box::new(error), reproduced: Box::new(reproduced) }
            }
            Err(_) => error,
        }
    }

    /// What a run of `plan` came to.
    pub(super) fn read_back(
        loaded: &Loaded,
        plan: &Plan,
        lockfile: LockComparison,
        store: &Store,
        summary: &Summary,
    ) -> Result<Reproduced, Error> {
        let figures = plan.figures().iter();
        let figures = figures.map(|(name, figure)| {
            let sources = sources_behind(plan, figure);
            read_figure(name, figure, sources, store, summary)
        });
        let tables = plan.tables().iter();
        let tables = tables.map(|(name, table)| read_table(name, table, store, summary));
        let (evaluations, missing_evaluations) = read_evaluations(plan, store, summary)?;
        Ok(Reproduced {
            name: loaded.full_name(),
            typed: loaded.typed(),
            id: loaded.id(),
            executed: summary.count(How::Executed),
            cached: summary.count(How::Cached),
            fetched: summary.count(How::Fetched),
            lockfile,
            same_class: None,
            another_class: None,
            figures: figures.collect::<Result<_, _>>()?,
            tables: tables.collect::<Result<_, _>>()?,
            checks: read_checks(plan, store, summary)?,
            sources: plan.sources().iter().map(reproduced_source).collect(),
            evaluations,
            missing_evaluations,
        })
    }
}

fn reproduced_source((sha256, pin): (&BlobDigest, &SourcePin)) -> ReproducedSource {
    let published = pin.locations.iter().filter(|at| !matches!(at, Location::Bundled { .. }));
    let places = published.map(|location| place_of(location).to_string()).collect();
    let is_built = pin.locations.iter().any(|at| matches!(at, Location::Bundled { .. }));
    let is_drawn = is_built && *sha256 != BlobDigest::of(OPEN_CLIP.as_bytes());
    ReproducedSource { sha256: *sha256, bytes: pin.bytes, places, is_drawn }
}

/// The pinned files that the actions of a figure read, and those upstream of them.
fn sources_behind(plan: &Plan, figure: &FigureTarget) -> Vec<ReproducedSource> {
    let mut actions: Vec<_> = [figure.fit, figure.draw].into();
    actions.extend(figure.sensitivity);
    let (mut seen, mut read) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = actions.pop() {
        if !seen.insert(id) {
            continue;
        }
        for input in plan.nodes()[&id].action.inputs.values() {
            match input {
                Input::Blob(digest) => drop(read.insert(*digest)),
                Input::Tree(tree) => read.extend(files_of(plan, tree)),
                Input::Output { recipe, .. } => actions.push(*recipe),
            }
        }
    }
    plan.sources()
        .iter()
        .filter(|(digest, _)| read.contains(*digest))
        .map(reproduced_source)
        .collect()
}

/// The manifest of a tree, and the files in it where the experiment states it.
fn files_of(plan: &Plan, tree: &TreeDigest) -> Vec<BlobDigest> {
    let stated = plan.trees().get(tree).and_then(|pin| pin.manifest.as_deref());
    let manifest = stated.and_then(|bytes| Manifest::decode(bytes).ok());
    let files = manifest.into_iter().flat_map(|manifest| manifest.files).map(|file| file.sha256);
    files.chain([manifest_blob(tree)]).collect()
}

/// The plan with every action as a target whose outputs a figure hands out: a drawing that is known does not need
/// the table it was drawn from, which may be lost or damaged.
fn with_what_is_read(plan: &Plan) -> Plan {
    let mut whole = plan.clone();
    for figure in plan.figures().values() {
        if let Input::Output { recipe, .. } = &figure.points {
            whole.add_target(*recipe);
        }
        whole.add_target(figure.fit);
        whole.add_target(figure.draw);
    }
    whole
}

fn read_figure(
    name: &str,
    figure: &FigureTarget,
    sources: Vec<ReproducedSource>,
    store: &Store,
    summary: &Summary,
) -> Result<ReproducedFigure, Error> {
    let output = |recipe, file| output_text(name, recipe, file, store, summary);
    let points_csv = input_text(name, &figure.points, store, summary)?;
    let fits_json = output(&figure.fit, "fits.json")?;
    let svg = output(&figure.draw, "figure.svg")?;
    let sensitivity_csv = match &figure.sensitivity {
        Some(recipe) => Some(output(recipe, "sensitivity.csv")?),
        None => None,
    };
    let points =
        Table::parse(&points_csv).map_err(|error| bad("points.csv", &error.to_string()))?;
    let fits = fits::decode(&fits_json).map_err(|error| bad("fits.json", &error.to_string()))?;
    let sensitivity = sensitivity_csv.as_deref().map_or(Ok(Vec::new()), sensitivity::ranges);
    let judged = claims::judge(&figure.claims, &points, &fits);
    Ok(ReproducedFigure {
        sensitivity: sensitivity.map_err(|error| bad("sensitivity.csv", &error.to_string()))?,
        name: name.to_owned(),
        title: figure.title.clone(),
        depth: figure.depth,
        lines: lines::lines(&figure.claims, &judged, &fits),
        claims: judged,
        fits,
        points_csv,
        fits_json,
        sensitivity_csv,
        caption: figure.caption.clone(),
        svg,
        sources,
    })
}

fn read_table(
    name: &str,
    target: &TableTarget,
    store: &Store,
    summary: &Summary,
) -> Result<ReproducedTable, Error> {
    let csv = input_text(name, &target.table, store, summary)?;
    let table = Table::parse(&csv).map_err(|error| bad("table.csv", &error.to_string()))?;
    Ok(ReproducedTable {
        name: name.to_owned(),
        title: target.title.clone(),
        claims: claims::judge(&target.claims, &table, &[]),
        markdown: tables::markdown(&target.title, &table, &target.printed),
        latex: tables::latex(&target.title, &table, &target.printed),
        csv,
    })
}

/// The text of an output of this run.
fn output_text(
    target: &str,
    recipe: &RecipeId,
    file: &str,
    store: &Store,
    summary: &Summary,
) -> Result<String, Error> {
    let result = recorded_result(summary, store, recipe);
    let digest = result.and_then(|result| result.outputs.get(file).map(|output| output.digest));
    let digest =
        digest.ok_or_else(|| bad(&format!("{target}: {file}"), "the run did not give it"))?;
    text_of(store, &digest, file)
}

/// The text that an input names.
fn input_text(
    target: &str,
    input: &Input,
    store: &Store,
    summary: &Summary,
) -> Result<String, Error> {
    match input {
        Input::Blob(digest) => text_of(store, digest, target),
        Input::Output { recipe, output } => output_text(target, recipe, output, store, summary),
        Input::Tree(_) => Err(bad(target, "its rows are a tree")),
    }
}

fn text_of(store: &Store, digest: &BlobDigest, what: &str) -> Result<String, Error> {
    String::from_utf8(store.read(digest)?).map_err(|_| bad(what, "it is not text"))
}

fn bad(what: &str, reason: &str) -> Error {
    Error::BadResult { what: what.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_says_that_the_class_is_the_same() {
        let reproduced = |same_class| Reproduced {
            name: "e".to_owned(),
            id: ExperimentId::from_bytes([0; 32]),
            executed: 1,
            cached: 0,
            fetched: 0,
            lockfile: LockComparison { same: 1, compared: 1, ..LockComparison::default() },
            same_class,
            another_class: None,
            figures: Vec::new(),
            tables: Vec::new(),
            checks: Vec::new(),
            sources: Vec::new(),
            evaluations: Vec::new(),
            missing_evaluations: Vec::new(),
            typed: "e".to_owned(),
        };
        let portable = reproduced(None);
        assert!(portable.verdict().ends_with("; claims met 0/0"));
        assert!(serde_json::to_value(&portable).unwrap().get("sameClass").is_none());
        let bound = reproduced(Some(DeviceClass::new(9, 0)));
        assert!(bound.verdict().ends_with("; claims met 0/0; same class sm_90"));
        assert_eq!(serde_json::to_value(&bound).unwrap()["sameClass"], "sm_90");
    }
}
