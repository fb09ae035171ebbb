//! `ibid verify`

use ibid::ops::{Loaded, Running, Spot, SpotChecked, Verifying, Workspace};

use super::arguments::Verify;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::progress::Progress;
use super::reproduce::{stopped, tell};
use super::signals::Signals;
use super::table::aligned;

pub(super) fn run(
    workspace: &Workspace,
    verify: &Verify,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&verify.name)?)?.from_depth(verify.from.depth);
    let budget = super::budget::parse(&verify.budget)?;
    super::consent::ask(workspace, &loaded, true, verify.into.as_deref(), yes, output)?;
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: verify.keep_going,
        offline: false,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    if let Some(count) = verify.spot {
        let spot = Spot {
            count: usize::from(count),
            nonce: verify.nonce.as_deref().map(nonce).transpose()?,
            budget: Some(budget),
        };
        let result = workspace.verify_spots(&loaded, &spot, verify.into.as_deref(), &mut running);
        progress.end();
        return tell_spots(&result.map_err(|error| stopped(error, &signals))?, &loaded, output);
    }
    let verifying = Verifying {
        into: verify.into.as_deref(),
        budget: Some(budget),
        tolerance: verify.tolerance,
    };
    let verification = workspace.verification(&loaded)?;
    super::another_class::announce(&verification.bound_elsewhere(), &verify.on, output);
    let result = workspace.verify(&verification, &verifying, &mut running);
    progress.end();
    let reproduced = result.map_err(|error| stopped(error, &signals))?;
    let trace = |of: &&ibid::ops::DifferingOutput| of.output == "trace.bin";
    if let Some(differing) = reproduced.lockfile.differing.iter().find(trace) {
        say_where_to_look(&loaded, &differing.label, verify, output);
    }
    tell(&reproduced, &[], output)
}

fn say_where_to_look(loaded: &Loaded, label: &str, verify: &Verify, output: Output) {
    let run = label.trim_end_matches("/train");
    // Steps of a training of a device class are not executed in main memory.
    if loaded.experiment.run(run).is_some_and(|run| run.train.profile.is_some()) {
        return;
    }
    let with = verify.into.as_ref().map(|into| format!(" --with {}", into.display()));
    output.say(format_args!(
        "hint: the step, operation and element: ibid bisect {} --run {run}{}",
        loaded.typed(),
        with.unwrap_or_default()
    ));
}

/// 64 hexadecimal digits.
fn nonce(text: &str) -> Result<[u8; 32], Failure> {
    text.parse::<ibid::digest::BlobDigest>().map(|digest| *digest.as_bytes()).map_err(|_| {
        Failure::usage(format!("`{text}` is not a nonce"))
            .hint("64 lower-case hexadecimal digits, as an earlier check printed them")
    })
}

fn tell_spots(checked: &SpotChecked, loaded: &Loaded, output: Output) -> Result<(), Stop> {
    let SpotChecked { segments, segment_steps: [shortest, longest], drawn, .. } = checked;
    let lengths = if shortest == longest {
        format!("{longest} steps")
    } else {
        format!("{shortest} to {longest} steps")
    };
    let rows: Vec<_> = drawn
        .iter()
        .map(|drawn| {
            let verdict = drawn.mismatch.map_or("same".to_owned(), |mismatch| mismatch.to_string());
            let steps = format!("steps {} to {}", drawn.segment.from, drawn.segment.to - 1);
            vec!["segment".to_owned(), drawn.label.clone(), steps, verdict]
        })
        .collect();
    for line in aligned(&rows) {
        output.line(line)?;
    }
    output.line(format_args!("record {}", checked.record))?;
    output.line(format_args!("nonce {}", checked.nonce))?;
    output.line(format_args!(
        "drawn {} of {segments} segments of {lengths}: {:.1} % of the training",
        drawn.len(),
        checked.cost_percent
    ))?;
    for miss in &checked.misses {
        output.line(format_args!(
            "forged {} of {segments}: missed with probability {:.4}",
            miss.forged, miss.probability
        ))?;
    }
    let mut value = serde_json::to_value(checked).expect("a check is plain data");
    value["asRecorded"] = checked.is_as_recorded().into();
    output.value(&value)?;
    let differing = drawn.iter().find(|drawn| drawn.mismatch.is_some());
    match (&checked.rest, differing) {
        (Some(rest), None) => tell(rest, &[], output),
        (_, differing) => {
            if let Some(drawn) = differing {
                let run = drawn.label.trim_end_matches("/train");
                output.say(format_args!(
                    "hint: the operation and the element: ibid bisect {} --run {run}",
                    loaded.typed()
                ));
            }
            Err(Stop::Differs)
        }
    }
}
