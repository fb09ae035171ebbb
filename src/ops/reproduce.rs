//! `reproduce` and `verify`: run what is missing or everything, compare with the lockfile, judge the claims.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::lock::{LockComparison, recorded_result};
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::Input;
use crate::digest::{BlobDigest, ExperimentId};
use crate::exec::{How, Summary};
use crate::metrics::fits::{self, FitRecord};
use crate::plan::{FigureTarget, Lockfile, Plan};
use crate::plot::table::Table;
use crate::report::claims::{self, Judged};
use crate::store::Store;

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
    /// The figures, by name.
    pub figures: Vec<ReproducedFigure>,
}

/// A figure with its numbers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReproducedFigure {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The fitted lines.
    pub fits: Vec<FitRecord>,
    /// The claims, judged.
    pub claims: Vec<Judged>,
    /// The table of points as CSV.
    #[serde(skip)]
    pub points_csv: String,
    /// `fits.json`.
    #[serde(skip)]
    pub fits_json: String,
    /// The figure as SVG.
    #[serde(skip)]
    pub svg: String,
}

impl Reproduced {
    /// Claims in all figures that came out as recorded, and all of them.
    pub fn claims_met(&self) -> (usize, usize) {
        let claims = || self.figures.iter().flat_map(|figure| &figure.claims);
        (claims().filter(|claim| claim.is_as_recorded()).count(), claims().count())
    }

    /// Whether nothing differs: every compared action has the locked bits, every claim is as recorded.
    pub fn is_as_recorded(&self) -> bool {
        let (met, all) = self.claims_met();
        self.lockfile.differing.is_empty() && met == all
    }

    /// The verdict: the last line of `reproduce` and `verify`.
    pub fn verdict(&self) -> String {
        let (met, claims) = self.claims_met();
        format!(
            "executed {}, cached {}, fetched {}; same bits as lockfile {}/{}; claims met {met}/{claims}",
            self.executed, self.cached, self.fetched, self.lockfile.same, self.lockfile.compared
        )
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
        let summary = self.execute(&plan, &loaded.root, &store, None, running)?;
        Self::read_back(loaded, &plan, &lockfile, &store, &summary)
    }

    /// Executes everything again in a second, empty store and compares with the lockfile. No result of the first store
    /// is read; pinned inputs may come from it, each hashed as it is read.
    pub fn verify(
        &self,
        loaded: &Loaded,
        into: Option<&Path>,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        refuse_unlocked(&plan, &lockfile, loaded)?;
        let first = self.store()?;
        let second = SecondStore::new(into.map(|into| self.settings.folder.join(into)), &first)?;
        let store = Store::open(&second.path)?;
        let mut whole = plan.clone();
        plan.nodes().keys().for_each(|id| whole.add_target(*id));
        let summary = self.execute(&whole, &loaded.root, &store, Some(&first), running)?;
        Self::read_back(loaded, &plan, &lockfile, &store, &summary)
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
        Ok(Reproduced {
            name: loaded.full_name(),
            id: loaded.id(),
            executed: summary.count(How::Executed),
            cached: summary.count(How::Cached),
            fetched: summary.count(How::Fetched),
            lockfile: LockComparison::of(plan, lockfile, |id| recorded_result(summary, store, id)),
            figures: figures.collect::<Result<_, _>>()?,
        })
    }
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

fn read_figure(
    name: &str,
    figure: &FigureTarget,
    store: &Store,
    summary: &Summary,
) -> Result<ReproducedFigure, Error> {
    let output = |recipe, file: &str| {
        let result = recorded_result(summary, store, recipe);
        let digest = result.and_then(|result| result.outputs.get(file).map(|output| output.digest));
        let digest =
            digest.ok_or_else(|| bad(&format!("{name}: {file}"), "the run did not give it"))?;
        text_of(store, &digest, file)
    };
    let points_csv = match &figure.points {
        Input::Blob(digest) => text_of(store, digest, "points.csv")?,
        Input::Output { recipe, output: file } => output(recipe, file)?,
        Input::Tree(_) => return Err(bad(name, "its points are a tree")),
    };
    let fits_json = output(&figure.fit, "fits.json")?;
    let svg = output(&figure.draw, "figure.svg")?;
    let points =
        Table::parse(&points_csv).map_err(|error| bad("points.csv", &error.to_string()))?;
    let fits = fits::decode(&fits_json).map_err(|error| bad("fits.json", &error.to_string()))?;
    Ok(ReproducedFigure {
        name: name.to_owned(),
        title: figure.title.clone(),
        claims: claims::judge(&figure.claims, &points, &fits),
        fits,
        points_csv,
        fits_json,
        svg,
    })
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
