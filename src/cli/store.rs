//! `ibid store`

use ibid::digest::BlobDigest;
use ibid::ops::Workspace;

use super::arguments::Store;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::table::bytes;

pub(super) fn run(workspace: &Workspace, store: Store, output: Output) -> Result<(), Stop> {
    match store {
        Store::Fsck => fsck(workspace, output),
        Store::Gc { dry_run, forget_missing } => gc(workspace, dry_run, forget_missing, output),
        Store::Du => du(workspace, output),
        Store::Add { files } => {
            for file in files {
                let (digest, size) = workspace.add_file(&file)?;
                let name = file.to_string_lossy();
                output
                    .value(&serde_json::json!({ "file": name, "sha256": digest, "bytes": size }))?;
                output.line(format_args!("{digest}  {}", file.display()))?;
            }
            Ok(())
        }
        Store::Cat { digest } => cat(workspace, &digest, output),
    }
}

fn fsck(workspace: &Workspace, output: Output) -> Result<(), Stop> {
    let report = workspace.fsck()?;
    for finding in &report.findings {
        output.value(&serde_json::json!({ "finding": finding.to_string() }))?;
        output.line(finding)?;
    }
    output.value(&serde_json::json!({
        "blobs": report.blobs,
        "bytes": report.bytes,
        "results": report.results,
        "incomplete": report.incomplete,
        "findings": report.findings.len(),
    }))?;
    output.line(format_args!(
        "{} blobs ({}) and {} results checked, {}",
        report.blobs,
        bytes(report.bytes),
        report.results,
        ibid::spec::counted(report.findings.len())
    ))?;
    if report.is_clean() {
        return Ok(());
    }
    let failure = Failure {
        code: 4,
        ..Failure::usage("the store holds bytes that are not what they are named")
    };
    Err(failure.hint("what was moved aside is made again by the next run that needs it").into())
}

fn gc(
    workspace: &Workspace,
    dry_run: bool,
    forget_missing: bool,
    output: Output,
) -> Result<(), Stop> {
    let report = workspace.gc(dry_run, forget_missing)?;
    output.value(&serde_json::json!({
        "removedBlobs": report.removed_blobs,
        "removedBytes": report.removed_bytes,
        "removedResults": report.removed_results,
        "removedLeftovers": report.removed_leftovers,
        "keptBlobs": report.kept_blobs,
        "keptBytes": report.kept_bytes,
        "dryRun": dry_run,
    }))?;
    output.line(format_args!(
        "{} {} blobs ({}), {} results and {} leftovers; kept {} blobs ({})",
        if dry_run { "would remove" } else { "removed" },
        report.removed_blobs,
        bytes(report.removed_bytes),
        report.removed_results,
        report.removed_leftovers,
        report.kept_blobs,
        bytes(report.kept_bytes)
    ))?;
    Ok(())
}

fn du(workspace: &Workspace, output: Output) -> Result<(), Stop> {
    let usage = workspace.usage()?;
    output.value(&serde_json::json!({
        "blobs": usage.blobs,
        "blobBytes": usage.blob_bytes,
        "results": usage.results,
        "recipes": usage.recipes,
        "scratchBytes": usage.scratch_bytes,
        "quarantined": usage.quarantined,
    }))?;
    output.line(format_args!(
        "{} in {} blobs; {} results; {} recipes; {} in resume checkpoints; {} set aside",
        bytes(usage.blob_bytes),
        usage.blobs,
        usage.results,
        usage.recipes,
        bytes(usage.scratch_bytes),
        usage.quarantined
    ))?;
    Ok(())
}

fn cat(workspace: &Workspace, digest: &str, output: Output) -> Result<(), Stop> {
    let digest: BlobDigest = digest
        .strip_prefix("sha256:")
        .unwrap_or(digest)
        .parse()
        .map_err(|error: ibid::digest::ParseDigestError| Failure::usage(error.to_string()))?;
    let mut standard = output.writer();
    let written = workspace.cat(&digest, &mut standard);
    // A reader that went away is no fault of the store's.
    standard.closed()?;
    written?;
    Ok(())
}
