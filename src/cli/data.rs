//! `ibid data`

use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use ibid::ops::{OpenClipTokens, PinnedShard, View, Workspace};

use super::arguments::Data;
#[cfg(feature = "pictograms")]
use super::bundled;
#[cfg(not(feature = "pictograms"))]
use super::failure::Failure;
use super::failure::Stop;
use super::output::Output;

pub(super) fn run(workspace: &Workspace, data: Data, output: Output) -> Result<(), Stop> {
    match data {
        Data::Pin { shards, manifest: Some(manifest), .. } => {
            pin_shards(workspace, &shards, &manifest, output)
        }
        #[cfg(feature = "pictograms")]
        Data::Pin { sets, write, .. } => bundled::pin(workspace, &sets, write.as_deref(), output),
        #[cfg(feature = "pictograms")]
        Data::Inspect { set, sheet } => bundled::inspect(workspace, &set, sheet.as_deref(), output),
        #[cfg(not(feature = "pictograms"))]
        Data::Pin { .. } | Data::Inspect { .. } => {
            let failure = Failure::usage("this program was built without the bundled sets");
            let hint = "build it with them: cargo install --path . --features pictograms";
            Err(failure.hint(hint).into())
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
