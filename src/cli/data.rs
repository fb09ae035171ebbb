//! `ibid data`

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};

use ibid::ops::{OpenClipTokens, PinnedShard, View, Workspace};

use super::arguments::Data;
#[cfg(feature = "pictograms")]
use super::bundled;
use super::counted;
use super::failure::{Failure, Stop};
use super::output::Output;

pub(super) fn run(workspace: &Workspace, data: Data, output: Output) -> Result<(), Stop> {
    match data {
        Data::Pin { shards, manifest: Some(manifest), .. } => {
            pin_shards(workspace, &shards, &manifest, output)
        }
        Data::Pin { file: Some(file), .. } => pin_file(workspace, &file, output),
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
    // By reason, how many samples, and one of them.
    let mut skipped: BTreeMap<String, (u64, String)> = BTreeMap::new();
    let mut progress = |shard: &PinnedShard, done: usize, total: usize| {
        output.moving(&format!("{done} of {}", counted(total, "shard", "shards")));
        for (key, reason) in shard.file.skipped.iter().zip(&shard.reasons) {
            let first = || (0, format!("{}, {key}", shard.file.name));
            skipped.entry(reason.clone()).or_insert_with(first).0 += 1;
        }
    };
    let pinned = workspace.pin_shards(shards, manifest, &mut progress);
    output.moving("");
    for (reason, (count, first)) in &skipped {
        let such = if *count == 1 { String::new() } else { format!("{count} samples, such as ") };
        output.say(format_args!("skipped {such}{first}: {reason}"));
    }
    let pinned = pinned?;
    output.value(&pinned)?;
    output.line(format_args!("sha256       {}", pinned.sha256))?;
    output.line(format_args!("bytes        {}", pinned.bytes))?;
    output.line(format_args!("samples      {} ({} skipped)", pinned.samples, pinned.skipped))?;
    let shards = counted(pinned.shards, "shard", "shards");
    output.line(format_args!("shardBytes   {} in {shards}", pinned.shard_bytes))?;
    output.say(format_args!("wrote {}", pinned.manifest.display()));
    if pinned.samples == 0 {
        let failure = Failure::usage("there is no sample to train on or to measure");
        let hint = "a sample is KEY.png (jpg, webp) with KEY.txt or KEY.json";
        return Err(failure.hint(hint).into());
    }
    Ok(())
}

/// Prints what pins a file, and how it counts as one of the lists that the schema knows.
fn pin_file(workspace: &Workspace, file: &Path, output: Output) -> Result<(), Stop> {
    let pinned = workspace.pin_file(file)?;
    output.value(&pinned)?;
    output.lines(&pinned.dhall)?;
    if let Some(size) = pinned.size {
        output.line(format_args!("-- byte pairs: schema.Vocabulary::{{ file, size = {size} }}"))?;
    }
    if let Some(count) = pinned.classes {
        output.line(format_args!("-- class names: schema.Classes::{{ file, count = {count} }}"))?;
    }
    if pinned.place.is_none() {
        output.say("the Dhall takes the file to lie in `experiments`, where it does not: move it, or edit the path");
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
