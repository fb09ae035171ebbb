//! `reproduce` and `verify`: run what is missing or everything, compare with the lockfile, judge the claims.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checks::read_checks;
use super::error::{Error, Kind};
use super::evaluations::read_evaluations;
use super::inputs::place_of;
use super::lock::{LockComparison, recorded_result};
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::params::{DeviceClass, DeviceProfile};
use crate::action::{Input, Params};
use crate::digest::{BlobDigest, ExperimentId, RecipeId};
use crate::exec::{How, Summary};
use crate::metrics::fits::{self, FitRecord};
use crate::plan::{self, Depth, FigureTarget, Location, Lockfile, Plan, SourcePin, TableTarget};
use crate::plot::table::Table;
use crate::report::checks::JudgedCheck;
use crate::report::claims::{self, Judged};
use crate::report::evaluations::EvaluationResult;
use crate::report::lines::{self, Line};
use crate::report::sensitivity::{self, Sensitivity};
use crate::report::tables;
use crate::store::Store;
use crate::tensor::Device;

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
}

impl Reproduced {
    /// Claims in all figures that came out as recorded, and all of them.
    pub fn claims_met(&self) -> (usize, usize) {
        let of_tables = || self.tables.iter().flat_map(|table| &table.claims);
        let claims = || self.figures.iter().flat_map(|figure| &figure.claims).chain(of_tables());
        (claims().filter(|claim| claim.is_as_recorded()).count(), claims().count())
    }

    /// Whether nothing differs: every compared action has the locked bits, every claim and check is as
    /// recorded.
    pub fn is_as_recorded(&self) -> bool {
        let (met, all) = self.claims_met();
        let checks_are = self.checks.iter().all(JudgedCheck::is_as_recorded);
        self.lockfile.differing.is_empty() && met == all && checks_are
    }

    /// The verdict: the last line of `reproduce` and `verify`.
    pub fn verdict(&self) -> String {
        let (met, claims) = self.claims_met();
        let mut verdict = format!(
            "executed {}, cached {}, fetched {}; same bits as lockfile {}/{}; claims met {met}/{claims}",
            self.executed, self.cached, self.fetched, self.lockfile.same, self.lockfile.compared
        );
        if !self.checks.is_empty() {
            let recorded = self.checks.iter().filter(|check| check.is_as_recorded()).count();
            verdict.push_str(&format!("; checks as recorded {recorded}/{}", self.checks.len()));
        }
        if let Some(class) = self.same_class {
            verdict.push_str(&format!("; same class {class}"));
        }
        verdict
    }
}

impl Workspace {
    /// Runs what a target needs and the store does not have, and reads its figures back.
    pub fn reproduce(
        &self,
        loaded: &Loaded,
        budget: Option<f64>,
        locked: bool,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        if locked {
            refuse_unlocked(&plan, &lockfile, loaded)?;
        }
        let store = self.store()?;
        self.refuse_over_budget(&plan, &store, budget)?;
        match self.execute(&with_what_is_read(&plan), &loaded.root, &store, None, running) {
            Ok(summary) => Self::read_back(loaded, &plan, &lockfile, &store, &summary),
            Err(error) => Err(self.instead(loaded, &lockfile, &store, running, error)),
        }
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
        let is_missing = error.kind() == Kind::Environment && matches!(error, Error::Failed { .. });
        if !is_missing || loaded.depth.is_some() {
            return error;
        }
        let target = loaded.target.as_deref();
        let Ok(Some(plan)) = plan::expand_printed(&loaded.experiment, target) else {
            return error;
        };
        let reproduced = self
            .execute(&plan, &loaded.root, store, None, running)
            .and_then(|summary| Self::read_back(loaded, &plan, lockfile, store, &summary));
        match reproduced {
            Ok(reproduced) => {
                Error::OnlyPrinted { error: Box::new(error), reproduced: Box::new(reproduced) }
            }
            Err(_) => error,
        }
    }

    /// Executes everything again in a second, empty store and compares with the lockfile. No result of the first store
    /// is read; pinned inputs may come from it, each hashed as it is read.
    pub fn verify(
        &self,
        loaded: &Loaded,
        into: Option<&Path>,
        budget: Option<f64>,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        refuse_unlocked(&plan, &lockfile, loaded)?;
        let same_class = same_class(&plan, self.device)?;
        let first = self.store()?;
        let second = SecondStore::new(into.map(|into| self.settings.folder.join(into)), &first)?;
        let store = Store::open(&second.path)?;
        let mut whole = plan.clone();
        plan.nodes().keys().for_each(|id| whole.add_target(*id));
        self.refuse_over_budget(&whole, &store, budget)?;
        let summary = self.execute(&whole, &loaded.root, &store, Some(&first), running)?;
        let reproduced = Self::read_back(loaded, &plan, &lockfile, &store, &summary)?;
        Ok(Reproduced { same_class, ..reproduced })
    }

    pub(super) fn read_back(
        loaded: &Loaded,
        plan: &Plan,
        lockfile: &Lockfile,
        store: &Store,
        summary: &Summary,
    ) -> Result<Reproduced, Error> {
        let figures = plan.figures().iter();
        let figures = figures.map(|(name, figure)| read_figure(name, figure, store, summary));
        let tables = plan.tables().iter();
        let tables = tables.map(|(name, table)| read_table(name, table, store, summary));
        Ok(Reproduced {
            name: loaded.full_name(),
            id: loaded.id(),
            executed: summary.count(How::Executed),
            cached: summary.count(How::Cached),
            fetched: summary.count(How::Fetched),
            lockfile: LockComparison::of(plan, lockfile, |id| recorded_result(summary, store, id)),
            same_class: None,
            figures: figures.collect::<Result<_, _>>()?,
            tables: tables.collect::<Result<_, _>>()?,
            checks: read_checks(plan, store, summary)?,
            sources: sources_of(plan),
            evaluations: read_evaluations(plan, store, summary)?,
        })
    }
}

/// The class of GPUs that trainings of the plan are bound to, which must be that of the device; none if none is.
fn same_class(plan: &Plan, device: Device) -> Result<Option<DeviceClass>, Error> {
    let bound = plan.nodes().values().filter_map(|node| match &node.action.params {
        Params::Train(train) => Some((node.label.clone(), train.profile?)),
        _ => None,
    });
    let bound: Vec<(String, DeviceProfile)> = bound.collect();
    if bound.is_empty() {
        return Ok(None);
    }
    // A GPU that does not answer is no class.
    let class = device.class().ok().flatten().map(|(major, minor)| DeviceClass::new(major, minor));
    let others = bound.into_iter().filter(|(_, profile)| Some(profile.class()) != class);
    let trainings: Vec<_> = others.collect();
    if trainings.is_empty() {
        return Ok(class);
    }
    let class = class.map(|class| format!(", which is of class {class}"));
    let device = format!("`{device}`{}", class.unwrap_or_default());
    Err(Error::AnotherClass { device, trainings })
}

/// The pinned files of a plan.
fn sources_of(plan: &Plan) -> Vec<ReproducedSource> {
    let source = |(sha256, pin): (&BlobDigest, &SourcePin)| {
        let published = pin.locations.iter().filter(|at| !matches!(at, Location::Bundled { .. }));
        let places = published.map(|location| place_of(location).to_string()).collect();
        ReproducedSource { sha256: *sha256, bytes: pin.bytes, places }
    };
    plan.sources().iter().map(source).collect()
}

/// A lockfile that lacks some of the plan's actions cannot judge a run.
pub(super) fn refuse_unlocked(
    plan: &Plan,
    lockfile: &Lockfile,
    loaded: &Loaded,
) -> Result<(), Error> {
    let unlocked: Vec<_> = lockfile.compare(plan).unlocked.into_iter().collect();
    if unlocked.is_empty() {
        return Ok(());
    }
    Err(Error::Unlocked { path: loaded.lockfile.clone(), name: loaded.full_name(), unlocked })
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

/// The store that `verify` fills: kept where the user named a folder, else removed afterwards.
pub(super) struct SecondStore {
    pub(super) path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl SecondStore {
    pub(super) fn new(into: Option<PathBuf>, first: &Store) -> Result<Self, Error> {
        if let Some(path) = into {
            let is_empty = path.read_dir().map_or(true, |mut entries| entries.next().is_none());
            if !is_empty {
                return Err(Error::Usage {
                    message: format!(
                        "`{}` is not empty; a second store starts from nothing",
                        path.display()
                    ),
                    hint: Some("name a new folder, or leave --into out".to_owned()),
                });
            }
            return Ok(Self { path, _temporary: None });
        }
        // Beside the first one's data: the system's temporary folder may be small, or memory.
        let parent = first.root().join("tmp");
        let temporary = tempfile::Builder::new()
            .prefix("verify-")
            .tempdir_in(&parent)
            .map_err(|error| crate::fs::Error::new("create a folder in", &parent, error))?;
        Ok(Self { path: temporary.path().join("store"), _temporary: Some(temporary) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::experiment::Experiment;
    use crate::spec::experiment::testing::example;

    #[test]
    fn a_class_is_the_same_or_another_and_then_nothing_is_compared() {
        let mut experiment = example();
        let plan_of = |experiment: &Experiment| plan::expand(experiment, None).unwrap();
        let gpu = Device::Emulated { processors: 1, backwards: false, memory: 0 };
        for device in [Device::Cpu, gpu] {
            assert_eq!(same_class(&plan_of(&experiment), device).unwrap(), None);
        }
        experiment.runs[0].train.profile = Some("bf16/sm_90/1".to_owned());
        let same = same_class(&plan_of(&experiment), gpu).unwrap();
        assert_eq!(same, Some(DeviceClass::new(9, 0)));
        let error = same_class(&plan_of(&experiment), Device::Cpu).unwrap_err();
        assert_eq!(
            error.to_string(),
            "another class: not comparable bit for bit on `cpu`\n  a/train: bf16/sm_90/1"
        );
        assert_eq!(error.kind(), Kind::Environment);
        assert!(error.hints()[0].contains("--device cuda"));
        experiment.runs[1].train.profile = Some("bf16/sm_80/1".to_owned());
        let error = same_class(&plan_of(&experiment), gpu).unwrap_err();
        assert_eq!(
            error.to_string(),
            "another class: not comparable bit for bit on `emulated`, which is of class sm_90\n  \
             b/train: bf16/sm_80/1"
        );
    }

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
            figures: Vec::new(),
            tables: Vec::new(),
            checks: Vec::new(),
            sources: Vec::new(),
            evaluations: Vec::new(),
        };
        let portable = reproduced(None);
        assert!(portable.verdict().ends_with("; claims met 0/0"));
        assert!(serde_json::to_value(&portable).unwrap().get("sameClass").is_none());
        let bound = reproduced(Some(DeviceClass::new(9, 0)));
        assert!(bound.verdict().ends_with("; claims met 0/0; same class sm_90"));
        assert_eq!(serde_json::to_value(&bound).unwrap()["sameClass"], "sm_90");
    }
}
