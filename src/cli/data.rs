//! `ibid data`

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use ibid::ops::{OpenClipTokens, PinnedShard, View, Workspace};

use super::arguments::Data;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, data: Data, output: Output) -> Result<(), Stop> {
    match data {
        Data::Pin { shards, manifest: Some(manifest), .. } => {
            pin_shards(workspace, &shards, &manifest, output)
        }
        #[cfg(feature = "pictograms")]
        Data::Pin { sets, write, .. } => pin(workspace, &sets, write.as_deref(), output),
        #[cfg(feature = "pictograms")]
        Data::Inspect { set, sheet } => inspect(workspace, &set, sheet.as_deref(), output),
        #[cfg(not(feature = "pictograms"))]
        Data::Pin { .. } | Data::Inspect { .. } => {
            let failure =
                super::failure::Failure::usage("this program was built without the bundled sets");
            Err(failure
                .hint("build it with them: cargo install --path . --features pictograms")
                .into())
        }
        Data::Preprocess { files, side, seed, position, out } => {
            let view = match (side, seed) {
                (None, _) => View::Whole,
                (Some(side), None) => View::Evaluation { side },
                (Some(side), Some(seed)) => View::Training { side, seed, position },
            };
            preprocess(workspace, &files, view, out.as_deref(), output)
        }
        Data::Tokens { texts, length } => tokens(&texts, length, output),
        Data::Licences => licences(output),
    }
}

#[cfg(feature = "pictograms")]
fn pin(
    workspace: &Workspace,
    sets: &[String],
    write: Option<&str>,
    output: Output,
) -> Result<(), Stop> {
    let pins = workspace.pin_sets(sets)?;
    let mut rows = Vec::new();
    for pin in &pins {
        output.value(pin)?;
        let count = if pin.lines > 0 {
            format!("{} lines", pin.lines)
        } else {
            format!("{} samples", pin.samples)
        };
        rows.push(vec![
            pin.sha256.to_string(),
            format!("{}/{}", pin.set, pin.name),
            pin.bytes.to_string(),
            count,
        ]);
    }
    for line in super::table::aligned(&rows) {
        output.line(line)?;
    }
    if let Some(experiment) = write {
        let path = workspace.write_pins(experiment, &pins)?;
        output.say(format_args!("wrote {}", path.display()));
    }
    Ok(())
}

fn pin_shards(
    workspace: &Workspace,
    shards: &[String],
    manifest: &Path,
    output: Output,
) -> Result<(), Stop> {
    let mut progress = |shard: &PinnedShard, done: usize, total: usize| {
        output.moving(&format!("{done} of {total} shards"));
        for (key, reason) in shard.file.skipped.iter().zip(&shard.reasons) {
            output.moving("");
            output.say(format_args!("skipped {}, {key}: {reason}", shard.file.name));
        }
    };
    let pinned = workspace.pin_shards(shards, manifest, &mut progress);
    output.moving("");
    let pinned = pinned?;
    output.value(&pinned)?;
    output.line(format_args!("sha256       {}", pinned.sha256))?;
    output.line(format_args!("bytes        {}", pinned.bytes))?;
    output.line(format_args!("samples      {} ({} skipped)", pinned.samples, pinned.skipped))?;
    output.line(format_args!("shard bytes  {} in {} shards", pinned.shard_bytes, pinned.shards))?;
    output.say(format_args!("wrote {}", pinned.manifest.display()));
    if pinned.samples == 0 {
        output.say("hint: there is no sample to train on or to measure; a sample is KEY.png (jpg, webp) with KEY.txt or KEY.json");
    }
    Ok(())
}

#[cfg(feature = "pictograms")]
fn inspect(
    workspace: &Workspace,
    set: &str,
    sheet: Option<&Path>,
    output: Output,
) -> Result<(), Stop> {
    let inspected = workspace.inspect_set(set, sheet)?;
    output.value(&inspected)?;
    output.line(format_args!(
        "{set}: {} samples in {} files",
        inspected.samples,
        inspected.files.len()
    ))?;
    if !inspected.classes.is_empty() {
        output.line(format_args!(
            "{} classes: {}",
            inspected.classes.len(),
            inspected.classes.join(", ")
        ))?;
    }
    for sample in &inspected.first {
        output.line(format_args!("  {}", sample.join(" | ")))?;
    }
    Ok(())
}

fn preprocess(
    workspace: &Workspace,
    files: &[PathBuf],
    view: View,
    out: Option<&Path>,
    output: Output,
) -> Result<(), Stop> {
    for file in files {
        let seen = workspace.preprocess(file, view)?;
        if let Some(folder) = out {
            workspace.write_view(&seen, folder)?;
        }
        output.value(&seen)?;
        output.line(format_args!(
            "{}  {}  {} × {} {}",
            seen.sha256,
            seen.file.display(),
            seen.width,
            seen.height,
            seen.mode
        ))?;
    }
    Ok(())
}

fn tokens(texts: &[String], length: usize, output: Output) -> Result<(), Stop> {
    let tokens = OpenClipTokens::new(length)?;
    let show = |text: &str| {
        let ids = tokens.of(text)?;
        output.value(&ids)?;
        output.line(ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))?;
        Ok::<_, Stop>(())
    };
    for text in texts {
        show(text)?;
    }
    if texts.is_empty() {
        for (line, text) in std::io::stdin().lock().lines().enumerate() {
            show(&tokens.text_of_line(line + 1, text)?)?;
        }
    }
    Ok(())
}

fn licences(output: Output) -> Result<(), Stop> {
    for licence in ibid::data::licences() {
        output.value(licence)?;
        output
            .line(format_args!("{}: {} ({})", licence.title, licence.licence, licence.package))?;
        output.line(format_args!("  {}", licence.attribution))?;
    }
    Ok(())
}
