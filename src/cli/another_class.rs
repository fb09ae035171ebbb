//! What `verify` says of trainings that are bound to another class of GPUs than the device is of.

use ibid::ops::{AnotherClass, ComparedTraining};

use super::arguments::OnDevice;
use super::output::{Closed, Output};
use super::table::aligned;

/// Before anything is executed: of which trainings no bits will be compared.
pub(super) fn announce(bound_elsewhere: &[&str], on: &OnDevice, output: Output) {
    let Some(first) = bound_elsewhere.first() else {
        return;
    };
    let more = match bound_elsewhere.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    output.say(format_args!(
        "another class: `{}` computes {first}{more} by other arithmetic, and losses are compared instead of bits",
        on.device
    ));
}

/// A line for each training, and one for what follows from them.
pub(super) fn tell(another: &AnotherClass, output: Output) -> Result<(), Closed> {
    let class = another.class.map_or("no GPU".to_owned(), |class| format!("of class {class}"));
    output.line(format_args!(
        "another class  `{}` is {class}: losses of spans of steps are compared, not bits",
        another.device
    ))?;
    let rows: Vec<_> = another.trainings.iter().map(row).collect();
    for line in aligned(&rows) {
        output.line(line)?;
    }
    if let Some(first) = another.not_compared.first() {
        output.line(format_args!(
            "not compared  {} of the actions, such as {first}: they follow from these trainings",
            another.not_compared.len()
        ))?;
    }
    Ok(())
}

fn row(training: &ComparedTraining) -> Vec<String> {
    let span = training.furthest();
    let computed = training.computed.map_or("portable".to_owned(), |profile| profile.to_string());
    let [first, last] = span.steps;
    let steps =
        if first == last { format!("step {first}") } else { format!("steps {first} to {last}") };
    vec![
        if training.is_within { "within" } else { "beyond" }.to_owned(),
        training.label.clone(),
        format!("locked {}, computed {computed}", training.locked),
        format!("furthest apart by {}", short(span.difference)),
        format!("{steps}: {} locked, {} now", loss(span.locked), loss(span.computed)),
    ]
}

/// Four decimals are enough for people; `--json` has all digits.
fn loss(loss: f64) -> String {
    format!("{loss:.4}")
}

/// Two digits that count: `0.0021`.
fn short(share: f64) -> String {
    let text = format!("{share:.1e}");
    let exponent = text.split_once("e-").and_then(|(_, exponent)| exponent.parse::<usize>().ok());
    match exponent {
        Some(exponent @ ..6) => format!("{share:.*}", exponent + 1),
        None if share < 10.0 => format!("{share:.1}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_two_digits_that_count() {
        for (share, text) in
            [(0.0, "0.0"), (0.05, "0.050"), (0.002_149, "0.0021"), (0.999, "1.0"), (1.0, "1.0")]
        {
            assert_eq!(short(share), text);
        }
        assert_eq!(short(1.23e-9), "1.2e-9");
        assert_eq!(short(2.0), "2.0");
    }
}
