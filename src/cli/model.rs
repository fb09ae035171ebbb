//! `ibid model`

use std::path::Path;

use ibid::action::canonical::Real;
use ibid::action::params::Preprocessing;
use ibid::ops::{Workspace, WrittenModel};

use super::arguments::Model;
use super::failure::{Failure, Stop};
use super::name;
use super::output::Output;
use super::table::bytes;

pub(super) fn run(workspace: &Workspace, model: Model, output: Output) -> Result<(), Stop> {
    match model {
        Model::Import { source, config, out, add } => {
            let written = workspace.import_model(&source, config.as_deref(), &out, add)?;
            print(&written, output)?;
            Ok(output.lines(format_args!("\n{}", written.dhall.trim_end()))?)
        }
        Model::Export { source, config, out } => {
            let written = export(workspace, &source, config.as_deref(), &out)?;
            Ok(print(&written, output)?)
        }
    }
}

/// What is a file or folder here is one; all else is a name.
fn export(
    workspace: &Workspace,
    source: &str,
    config: Option<&Path>,
    out: &Path,
) -> Result<WrittenModel, Stop> {
    if config.is_some() || workspace.settings().folder.join(source).exists() {
        return Ok(workspace.export_model_files(Path::new(source), config, out)?);
    }
    let loaded = workspace.load(&name(source)?)?;
    let Some(run) = loaded.named.target.clone() else {
        return Err(Failure::usage(format!("`{source}` names no run"))
            .hint("a run that was trained: EXPERIMENT/RUN; or a file of weights with --config FILE")
            .into());
    };
    Ok(workspace.export_trained_model(&loaded, &run, out)?)
}

fn print(written: &WrittenModel, output: Output) -> Result<(), super::output::Closed> {
    output.value(written)?;
    for file in [&written.tensors, &written.config] {
        output.line(format_args!("{}  {}", file.sha256, file.path.display()))?;
    }
    output.line(format_args!("{}  both, as a tree", written.tree))?;
    output.say(format_args!("{} parameters, {}", written.parameters, bytes(written.tensors.bytes)));
    let channels = |of: &[Real; 3]| of.map(|number| number.get().to_string()).join(", ");
    let Preprocessing { mean, std } = &written.preprocessing;
    output.say(format_args!("images: mean {}; std {}", channels(mean), channels(std)));
    if !written.ignored.is_empty() {
        output.say(format_args!("passed over: {}", written.ignored.join(", ")));
    }
    if output.json && written.place.is_none() {
        output.say("the Dhall takes the files to lie in `experiments/weights`, where they do not: edit its paths");
    }
    Ok(())
}
