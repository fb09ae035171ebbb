//! `ibid bisect`

use ibid::ops::{
    Bisected, BisectedTraining, Bisecting, DifferingElement, DifferingFile, DifferingTensor,
    Divergence, Finding, Running, Workspace,
};

use super::arguments::Bisect;
use super::failure::{Failure, Stop};
use super::output::Output;
use super::progress::Progress;
use super::reproduce::stopped;
use super::signals::Signals;
use super::table::aligned;

/// How many tensors of a file are listed.
const LISTED: usize = 12;
/// What the sides are called.
const SIDES: [&str; 2] = ["A", "B"];

pub(super) fn run(
    workspace: &Workspace,
    bisect: &Bisect,
    yes: bool,
    output: Output,
) -> Result<(), Stop> {
    let other_level = bisect.other_simd.as_deref().map(other_level).transpose()?;
    let bisecting = Bisecting {
        run: bisect.run.clone(),
        with: bisect.with.clone(),
        other_program: bisect.other_program.clone(),
        other_level,
        other_threads: bisect.other_threads.map(usize::from),
        budget: Some(super::budget::parse(&bisect.budget)?),
    };
    let a = workspace.load(&super::name(&bisect.a)?)?;
    let b = match &bisect.b {
        Some(b) => Some(workspace.load(&super::name(b)?)?),
        None => None,
    };
    for loaded in [Some(&a), b.as_ref()].into_iter().flatten() {
        super::consent::ask(workspace, loaded, true, None, yes, output)?;
    }
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: false,
        offline: false,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let result = workspace.bisect(&a, b.as_ref(), &bisecting, &mut running);
    progress.end();
    tell(&result.map_err(|error| stopped(error, &signals))?, output)
}

/// The level of B's side. A machine that lacks it is told with the option that asked for it.
fn other_level(text: &str) -> Result<ibid::numerics::Level, Failure> {
    super::level(Some(text)).map_err(|failure| match failure.code {
        3 => Failure { hints: Vec::new(), ..failure }
            .hint("leave --other-simd out, or name a level that this machine has: ibid doctor"),
        _ => failure,
    })
}

fn tell(bisected: &Bisected, output: Output) -> Result<(), Stop> {
    output.value(bisected)?;
    output.line(format_args!("A: {}", bisected.a))?;
    output.line(format_args!("B: {}", bisected.b))?;
    for training in &bisected.trainings {
        tell_training(training, output)?;
    }
    let differing =
        bisected.trainings.iter().filter(|training| training.divergence.is_some()).count();
    output.line(format_args!("{differing} of {} trainings differ", bisected.trainings.len()))?;
    if bisected.is_same() { Ok(()) } else { Err(Stop::Differs) }
}

fn tell_training(training: &BisectedTraining, output: Output) -> Result<(), Stop> {
    let BisectedTraining { label, steps, look_ups, divergence, .. } = training;
    let Some(divergence) = divergence else {
        output.line(format_args!("{label}: the same, all {} steps", steps[0]))?;
        for line in aligned(&otherwise(training)) {
            output.line(line)?;
        }
        return Ok(());
    };
    let place = match (divergence.step, &divergence.found) {
        (Some(step), Finding::Length) => {
            format!("no step before {step} differs, and a trace has another length")
        }
        (Some(step), _) => format!("step {step} is the first that differs"),
        (None, Finding::Initial { foreign, .. }) if !foreign.is_empty() => {
            "the traces differ before the first step".to_owned()
        }
        (None, Finding::Initial { .. }) => "the initial parameters differ".to_owned(),
        (None, _) => "the traces are the same, and what was written differs".to_owned(),
    };
    let traces = if training.executed_now {
        format!("a trace of {} steps; B executed for as long as it is the same", steps[0])
    } else {
        format!("traces of {} and {} steps", steps[0], steps[1])
    };
    output.line(format_args!("{label}: {place} ({look_ups} look-ups in {traces})"))?;
    let mut rows = otherwise(training);
    rows.extend(lengths(training, divergence));
    rows.extend(links(divergence));
    for (who, how) in SIDES.iter().zip(&divergence.executed).filter(|(_, how)| !how.is_empty()) {
        rows.push(vec![format!("  {who}"), how.clone()]);
    }
    rows.extend(found(&divergence.found));
    for field in &divergence.fields {
        rows.push(vec!["  specification".to_owned(), field.to_string()]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    Ok(())
}

/// What the store of A recorded otherwise than the lockfile, which A is.
fn otherwise(training: &BisectedTraining) -> Vec<Vec<String>> {
    let outputs = &training.recorded_otherwise;
    if outputs.is_empty() {
        return Vec::new();
    }
    let text = format!("A is what it says; its store recorded otherwise: {}", outputs.join(", "));
    vec![vec!["  lockfile".to_owned(), text]]
}

/// The traces that have not the steps of their training, or where one of them ends.
fn lengths(training: &BisectedTraining, divergence: &Divergence) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (place, who) in SIDES.into_iter().enumerate() {
        let (steps, of) = (training.steps[place], training.of[place]);
        let executed = training.executed_now && who == "B";
        if steps as u64 != of && !executed {
            let text = format!(
                "{who}'s is not a trace of {of} steps, as its training has: it has {steps}"
            );
            rows.push(vec!["  trace".to_owned(), text]);
        }
    }
    if rows.is_empty() && divergence.found == Finding::Length {
        let text = "one goes on where the other one ends".to_owned();
        rows.push(vec!["  length".to_owned(), text]);
    }
    rows
}

/// What the traces say of the step.
fn links(divergence: &Divergence) -> Vec<Vec<String>> {
    let [Some(a), Some(b)] = &divergence.links else {
        return Vec::new();
    };
    let loss = if a.loss_bits == b.loss_bits {
        format!("{:?} on both sides", a.loss)
    } else {
        format!("{:?} ({:#010x}) | {:?} ({:#010x})", a.loss, a.loss_bits, b.loss, b.loss_bits)
    };
    let fingerprint = if a.fingerprint == b.fingerprint {
        "of the parameters after the update: the same"
    } else {
        "of the parameters after the update: differs"
    };
    vec![vec!["  loss".to_owned(), loss], vec!["  fingerprint".to_owned(), fingerprint.to_owned()]]
}

fn found(finding: &Finding) -> Vec<Vec<String>> {
    let row = |name: &str, text: String| vec![format!("  {name}"), text];
    match finding {
        // Said with the traces.
        Finding::Length => Vec::new(),
        Finding::Outputs { outputs, gives, tensors, unread } => {
            let digest = |digest: Option<ibid::digest::BlobDigest>| {
                digest.map_or("none".to_owned(), |digest| digest.short())
            };
            let text = |file: &DifferingFile| {
                format!("{}: A {}, B {}", file.output, digest(file.a), digest(file.b))
            };
            let mut rows: Vec<_> = outputs.iter().map(|file| row("output", text(file))).collect();
            if let Some(gives) = gives {
                let gives = match gives {
                    [true, true] => "each gives its own",
                    [true, false] => "A gives its own, and B does not",
                    [false, true] => "B gives its own, and A does not",
                    [false, false] => "neither gives its own",
                };
                rows.push(row("first", format!("that both have, executed again: {gives}")));
            }
            rows.extend(unread.iter().map(|why| row("tensors", why.clone())));
            rows.extend(listed(tensors, SIDES));
            rows
        }
        Finding::Published { who, output, from, after, went_on, tensors, unread } => {
            let start = match from {
                0 => format!("{who}'s own start gives"),
                from => format!("the state after {from} steps gives, which both published"),
            };
            let published =
                format!("by {who} after {after} steps: {output}, which is not what {start}");
            let reason = if *went_on {
                format!("{who} went on from it, which gives {who}'s trace; the start does not")
            } else {
                format!("the start does not give {who}'s trace, and neither does that state")
            };
            let mut rows = vec![row("published", published), row("reason", reason)];
            rows.extend(unread.iter().map(|why| row("tensors", why.clone())));
            rows.extend(listed(tensors, ["published", "executed again"]));
            rows
        }
        Finding::Operation { step, first, tensor } => {
            let mut rows = described(*step, first);
            if let Some(tensor) = tensor {
                rows.push(row("first tensor", format!("{}, {}", tensor.operation, tensor.tensor)));
                rows.extend(elements(tensor, SIDES));
            }
            rows
        }
        Finding::Initial { foreign, .. } if !foreign.is_empty() => {
            let text = |who: &'static str| {
                let begins = if foreign.contains(&who) { "does not begin" } else { "begins" };
                format!("{who}'s trace {begins} with those that its specification gives")
            };
            SIDES.map(|who| row("parameters", text(who))).to_vec()
        }
        Finding::Initial { tensors, .. } if tensors.is_empty() => {
            vec![row("parameters", "the models have other parameters".to_owned())]
        }
        Finding::Initial { tensors, .. } => listed(tensors, SIDES),
        Finding::Recorded { .. } => recorded(finding),
    }
}

/// What is said where a side cannot be executed again.
fn recorded(finding: &Finding) -> Vec<Vec<String>> {
    let Finding::Recorded { foreign, statement, same_after, same_later, after, tensors } = finding
    else {
        return Vec::new();
    };
    let row = |name: &str, text: String| vec![format!("  {name}"), text];
    let mut rows = vec![row("foreign", foreign.join(", ")), row("place", (*statement).to_owned())];
    if let Some(step) = same_after {
        rows.push(row("published", format!("the same state after {step} steps")));
    }
    if !same_later.is_empty() {
        rows.push(row("published", format!("the same after it: {}", same_later.join(", "))));
    }
    match after {
        Some(step) if tensors.is_empty() => {
            let text = format!("after {step} steps: other bytes of the same numbers");
            rows.push(row("published", text));
        }
        Some(step) => {
            rows.push(row("published", format!("other states after {step} steps")));
            rows.extend(listed(tensors, SIDES));
        }
        None if same_later.is_empty() => {
            rows.push(row("published", "no state of both sides after it".to_owned()));
        }
        None => {}
    }
    rows
}

fn described(step: u64, of: &DifferingTensor) -> Vec<Vec<String>> {
    let row = |name: &str, text: String| vec![format!("  {name}"), text];
    let chunk = of.chunk.map_or(String::new(), |chunk| format!(", chunk {chunk}"));
    let shape = |shape: &Option<Vec<usize>>| match shape {
        Some(shape) => format!("{shape:?}"),
        None => "absent".to_owned(),
    };
    let shape = if of.shape_a == of.shape_b {
        shape(&of.shape_a)
    } else {
        format!("A {}, B {}", shape(&of.shape_a), shape(&of.shape_b))
    };
    let mut rows = vec![
        row("operation", format!("{}{chunk}, in step {step}", of.operation)),
        row("tensor", format!("{} {shape}", of.tensor)),
    ];
    rows.extend(elements(of, SIDES));
    rows
}

/// The first element that differs, and its value on each of the sides.
fn elements(of: &DifferingTensor, sides: [&str; 2]) -> Vec<Vec<String>> {
    let Some(DifferingElement { index, place, a, b, ulps, differing, of }) = &of.element else {
        return Vec::new();
    };
    let row = |name: &str, text: String| vec![format!("  {name}"), text];
    let value = |value: &ibid::ops::Value| match &value.bits {
        Some(bits) => format!("{} ({bits})", value.text),
        None => value.text.clone(),
    };
    let apart = match ulps {
        Some(ulps) => format!(", {ulps} ulp apart"),
        // Places and counts have no bits.
        None if a.bits.is_some() => ", no distance in ulp: not finite".to_owned(),
        None => String::new(),
    };
    let [of_a, of_b] = sides;
    vec![
        row("element", format!("{place:?} (element {index}; {differing} of {of} differ)")),
        row("value", format!("{of_a} {}, {of_b} {}{apart}", value(a), value(b))),
    ]
}

fn listed(tensors: &[DifferingTensor], sides: [&str; 2]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for tensor in tensors.iter().take(LISTED) {
        rows.push(vec!["  tensor".to_owned(), tensor.tensor.clone()]);
        rows.extend(elements(tensor, sides));
    }
    if tensors.len() > LISTED {
        let more = format!("{} more differ", tensors.len() - LISTED);
        rows.push(vec!["  tensors".to_owned(), more]);
    }
    rows
}
