//! `ibid bisect`

use ibid::ops::{
    Bisected, BisectedTraining, Bisecting, DifferingElement, DifferingTensor, Divergence, Finding,
    Running, Workspace,
};

use super::arguments::Bisect;
use super::failure::Stop;
use super::output::Output;
use super::progress::Progress;
use super::reproduce::stopped;
use super::signals::Signals;
use super::table::aligned;

/// How many tensors of a file are listed.
const LISTED: usize = 12;

pub(super) fn run(workspace: &Workspace, bisect: &Bisect, output: Output) -> Result<(), Stop> {
    let other_level =
        bisect.other_simd.as_deref().map(|text| super::level(Some(text))).transpose()?;
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
    let signals = Signals::watch()?;
    let mut progress = Progress::new(output);
    let mut running = Running {
        keep_going: false,
        cancelled: &signals.cancelled,
        on_event: &mut |event| progress.on_event(event),
    };
    let result = workspace.bisect(&a, b.as_ref(), &bisecting, &mut running);
    progress.end();
    tell(&result.map_err(|error| stopped(error, &signals))?, output)
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
    let BisectedTraining { label, steps, look_ups, divergence } = training;
    let Some(divergence) = divergence else {
        output.line(format_args!("{label}: the same, all {} steps", steps[0]))?;
        return Ok(());
    };
    let place = match (divergence.step, &divergence.found) {
        (Some(step), _) => format!("step {step} is the first that differs"),
        (None, Finding::Initial { .. }) => "the initial parameters differ".to_owned(),
        (None, _) => "the traces are the same, and what was written differs".to_owned(),
    };
    let look_ups = format!("{look_ups} look-ups in traces of {} and {} steps", steps[0], steps[1]);
    output.line(format_args!("{label}: {place} ({look_ups})"))?;
    let mut rows = links(divergence);
    for (who, how) in ["A", "B"].iter().zip(&divergence.executed).filter(|(_, how)| !how.is_empty())
    {
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
        Finding::Length => {
            vec![row("length", "one goes on where the other one ends".to_owned())]
        }
        Finding::Outputs { outputs, gives, tensors } => {
            let mut rows: Vec<_> = outputs
                .iter()
                .map(|file| {
                    row(
                        "output",
                        format!("{}: A {}, B {}", file.output, file.a.short(), file.b.short()),
                    )
                })
                .collect();
            let gives = match gives {
                [true, true] => "executed again, each gives its own",
                [true, false] => "executed again, A gives its own, and B does not",
                [false, true] => "executed again, B gives its own, and A does not",
                [false, false] => "executed again, neither gives its own",
            };
            rows.push(row("first", gives.to_owned()));
            if tensors.is_empty() {
                rows.push(row(
                    "tensors",
                    "of no use here: a file is not at hand, or is none of such a training"
                        .to_owned(),
                ));
            }
            rows.extend(listed(tensors));
            rows
        }
        Finding::Operation { step, first, tensor } => {
            let mut rows = described(*step, first);
            if let Some(tensor) = tensor {
                rows.push(row("first tensor", format!("{}, {}", tensor.operation, tensor.tensor)));
                rows.extend(elements(tensor));
            }
            rows
        }
        Finding::Initial { tensors } if tensors.is_empty() => {
            vec![row(
                "parameters",
                "the models have other parameters, or a side's cannot be made".to_owned(),
            )]
        }
        Finding::Initial { tensors } => listed(tensors),
        Finding::Recorded { foreign, statement, same_after, after, tensors } => {
            let mut rows =
                vec![row("foreign", foreign.join(", ")), row("place", (*statement).to_owned())];
            if let Some(step) = same_after {
                rows.push(row("published", format!("the same state after {step} steps")));
            }
            match after {
                Some(step) => {
                    rows.push(row("published", format!("other states after {step} steps")));
                    rows.extend(listed(tensors));
                }
                None => rows.push(row("published", "no state of both sides after it".to_owned())),
            }
            rows
        }
    }
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
    rows.extend(elements(of));
    rows
}

fn elements(of: &DifferingTensor) -> Vec<Vec<String>> {
    let Some(DifferingElement { index, place, a, b, ulps, differing, of }) = &of.element else {
        return Vec::new();
    };
    let row = |name: &str, text: String| vec![format!("  {name}"), text];
    let value = |value: &ibid::ops::Value| match &value.bits {
        Some(bits) => format!("{} ({bits})", value.text),
        None => value.text.clone(),
    };
    let apart = ulps.map_or(String::new(), |ulps| format!(", {ulps} ulp apart"));
    vec![
        row("element", format!("{place:?} (element {index}; {differing} of {of} differ)")),
        row("value", format!("A {}, B {}{apart}", value(a), value(b))),
    ]
}

fn listed(tensors: &[DifferingTensor]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for tensor in tensors.iter().take(LISTED) {
        rows.push(vec!["  tensor".to_owned(), tensor.tensor.clone()]);
        rows.extend(elements(tensor));
    }
    if tensors.len() > LISTED {
        let more = format!("{} more differ", tensors.len() - LISTED);
        rows.push(vec!["  tensors".to_owned(), more]);
    }
    rows
}
