//! Released weights as an evaluation's input: a tree of the tensors, as they were published, and the configuration that
//! goes with them.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{JobError, chain};
use crate::action::manifest::{WEIGHTS, WEIGHTS_CONFIG};
use crate::action::params::{Clip, Preprocessing};
use crate::model::{Layout, OpenClipConfig, match_tensors};
use crate::tensor::checkpoint::{Checkpoint, CheckpointError};
use crate::tensor::safetensors::check_finite;

/// The parameters in the tree `folder`, in the order of `layout`. Constants that the experiment states otherwise than
/// the configuration beside the tensors are refused, however well the shapes fit.
pub(super) fn parameters(
    folder: &Path,
    model: &Clip,
    preprocessing: &Preprocessing,
    layout: &Layout,
) -> Result<Vec<f32>, JobError> {
    let unfit = |error: &dyn std::error::Error| {
        JobError::Unfit(format!("the released weights cannot be used: {}", chain(error)))
    };
    let path = folder.join(WEIGHTS_CONFIG);
    let io = |path: &Path, source| JobError::Io { path: path.display().to_string(), source };
    let config = std::fs::read(&path).map_err(|source| io(&path, source))?;
    let config = OpenClipConfig::parse(&config).map_err(|error| unfit(&error))?;
    let differences = config.differences(model, preprocessing);
    if !differences.is_empty() {
        let lines: String = differences.iter().map(|line| format!("\n  {line}")).collect();
        let text = format!("the experiment states a model that the weights are not of{lines}");
        return Err(JobError::Unfit(text));
    }
    let path = folder.join(WEIGHTS);
    let file = File::open(&path).map_err(|source| io(&path, source))?;
    let mut checkpoint = Checkpoint::open(BufReader::new(file)).map_err(|error| unfit(&error))?;
    let matched = match_tensors(layout, checkpoint.described()).map_err(|error| unfit(&error))?;
    let mut elements = Vec::with_capacity(layout.len());
    for name in &matched.tensors {
        let tensor = checkpoint.read(name).map_err(|error| match error {
            CheckpointError::Io(source) => io(&path, source),
            error => unfit(&error),
        })?;
        check_finite(name, &tensor).map_err(|error| unfit(&error))?;
        elements.extend(tensor);
    }
    Ok(elements)
}
