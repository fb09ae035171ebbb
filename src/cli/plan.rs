//! `ibid plan`

use ibid::ops::{
    FLOPS_PER_GPU_DEFAULT, Planned, PlannedUnpinned, UnpinnedTotal, Workspace, duration_text,
    grouped,
};

use super::arguments::Plan;
use super::failure::Stop;
use super::output::{Closed, Output};
use super::table::{aligned, bytes, flop, of_unit, thousands};

pub(super) fn run(workspace: &Workspace, plan: &Plan, output: Output) -> Result<(), Stop> {
    let loaded = workspace.load(&super::name(&plan.name)?)?.from_depth(plan.from.depth);
    let rate = plan.flops_per_gpu.unwrap_or(FLOPS_PER_GPU_DEFAULT);
    let planned = workspace.planned(&loaded, rate)?;
    output.value(&planned)?;
    tell(&planned, output)?;
    Ok(())
}

fn tell(planned: &Planned, output: Output) -> Result<(), Closed> {
    let mut rows = Vec::new();
    for action in &planned.actions {
        let work = if action.flops == 0 { String::new() } else { flop(action.flops) };
        let why = action.why.clone().unwrap_or_default();
        rows.push(vec![action.state.to_owned(), action.label.clone(), work, why]);
    }
    for line in aligned(&rows) {
        output.line(line)?;
    }
    if let Some(total) = &planned.unpinned_total {
        tell_unpinned(&planned.unpinned, total, output)?;
    }
    let count = |state: &str| planned.actions.iter().filter(|action| action.state == state).count();
    let without = if planned.unpinned.is_empty() { "" } else { "; without the unpinned" };
    let checkpoints = match planned.checkpoint_bytes {
        0 => String::new(),
        written => format!(", {} of checkpoints to write", of_unit(written, "B")),
    };
    output.line(format_args!(
        "hit {}, locked {}, run {}, pending {}{without}; {}, {} to read{checkpoints}, about {}",
        count("hit"),
        count("locked"),
        count("run"),
        count("pending"),
        flop(planned.flops),
        bytes(planned.fetch_bytes),
        duration_text(planned.seconds),
    ))
}

/// The trainings of others: what each would cost, the sum, and which pins nobody stated.
fn tell_unpinned(
    runs: &[PlannedUnpinned],
    total: &UnpinnedTotal,
    output: Output,
) -> Result<(), Closed> {
    let head = [
        "unpinned",
        "pairs seen",
        "steps",
        "work",
        "decoded",
        "GPU-h here",
        "GPU-h theirs",
        "theirs a GPU",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(row));
    rows.push(vec![
        format!("{} in all", total.runs),
        thousands(total.samples_seen),
        String::new(),
        flop(total.flops),
        of_unit(total.input_bytes, "B"),
        hours(total.gpu_hours),
        hours(total.gpu_hours_reported),
        String::new(),
    ]);
    for line in aligned(&rows) {
        output.line(line)?;
    }
    output.line(format_args!(
        "steps: pairs seen ÷ batch size, rounded up; here: {} TFLOP/s a GPU (--flops-per-gpu); theirs: pairs seen ÷ \
         their pairs a second × GPUs; work: 6 × multiply–accumulates of a pair × pairs seen",
        total.flops_per_gpu / 1e12
    ))?;
    for (missing, names) in grouped(runs.iter().map(|run| (&*run.run, &*run.missing))) {
        let who = if names.len() == runs.len() {
            format!("any of the {}", runs.len())
        } else {
            names.join(", ")
        };
        output.line(format_args!("not stated of {who}: {}", missing.join(", ")))?;
    }
    Ok(())
}

fn row(run: &PlannedUnpinned) -> Vec<String> {
    let known = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    vec![
        run.run.clone(),
        thousands(run.samples_seen),
        known(run.steps.map(thousands)),
        known(run.flops.map(flop)),
        known(run.input_bytes.map(|bytes| of_unit(bytes, "B"))),
        known(run.gpu_hours.map(hours)),
        known(run.gpu_hours_reported.map(hours)),
        known(run.flops_per_gpu_reported.map(|rate| of_unit(whole(rate), "FLOP/s"))),
    ]
}

fn hours(hours: f64) -> String {
    u64::try_from(whole(hours)).map_or_else(|_| "many".to_owned(), thousands)
}

/// A number for people, to the nearest whole one.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "prices are positive, and a cast saturates"
)]
fn whole(value: f64) -> u128 {
    value.round() as u128
}
