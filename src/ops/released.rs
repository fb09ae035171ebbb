//! Released weights: what an experiment states of them, held against the configuration that it pins.

use super::error::Error;
use super::inputs::{Lent, PlanInputs, SetBuilder};
use super::workspace::{Loaded, Workspace};
use crate::exec::{FailureKind, Inputs as _};
use crate::model::OpenClipConfig;
use crate::plan::{self, Plan};

impl Workspace {
    /// Where released runs state another model, or other constants, than the configuration that they pin, as far as
    /// that is at hand: in the store, a mirror, a file of the experiment, or a commit that was fetched. The network is not
    /// asked.
    pub(super) fn check_released(&self, loaded: &Loaded) -> Result<Vec<(String, String)>, Error> {
        if loaded.experiment.released_runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut plan = Plan::default();
        let mut found = Vec::new();
        let store = self.store()?;
        for run in &loaded.experiment.released_runs {
            let digest = run.weights.config.sha256.parse().expect("checked: a digest parses");
            plan.add_source(digest, run.weights.config.bytes, run.weights.config.location());
        }
        let builder = SetBuilder::default();
        let build = |set: &str, version: &str| builder.build(set, version);
        let sources = self.sources(&loaded.root, &build).offline();
        let inputs = PlanInputs::new(&plan, sources, Lent::default());
        for (i, run) in loaded.experiment.released_runs.iter().enumerate() {
            let digest = run.weights.config.sha256.parse().expect("checked: a digest parses");
            match inputs.ensure(&digest, &store) {
                Ok(()) => {}
                Err(error) if error.kind == FailureKind::Missing => continue,
                Err(error) => {
                    let label = format!("{}/weights", run.name);
                    return Err(Error::Failed { failures: vec![(label, error.into())] });
                }
            }
            let at = |text: &str| (format!("releasedRuns[{i}]"), text.to_owned());
            match OpenClipConfig::parse(&store.read(&digest)?) {
                Ok(config) => {
                    let (model, preprocessing) = plan::stated_model(run);
                    let differences = config.differences(&model, &preprocessing);
                    found.extend(differences.iter().map(|text| at(text)));
                }
                Err(error) => {
                    found.push((format!("releasedRuns[{i}].weights.config"), error.to_string()));
                }
            }
        }
        Ok(found)
    }
}
