//! The learning rate over the steps.

use crate::action::params::{Schedule, WarmUp};

/// The learning rate of step `step` of `steps`, from 0: linear warm-up, then a cosine, in binary64.
#[allow(clippy::cast_precision_loss, reason = "steps are far below 2⁵³")]
pub fn learning_rate_at(schedule: &Schedule, step: u64, steps: u64) -> f64 {
    let WarmUp::Steps(warm_up) = schedule.warm_up;
    let (rate, last) = (schedule.learning_rate_max.get(), schedule.learning_rate_final.get());
    if step < warm_up {
        return rate * ((step + 1) as f64 / warm_up as f64);
    }
    let share = (step - warm_up) as f64 / (steps - warm_up) as f64;
    last + (rate - last) * (0.5 * (1.0 + libm::cos(std::f64::consts::PI * share)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::canonical::Real;

    #[test]
    fn the_rate_rises_to_its_maximum_and_falls_along_a_cosine() {
        let real = |x| Real::new(x).unwrap();
        let schedule = Schedule {
            learning_rate_max: real(1.0),
            learning_rate_final: real(0.5),
            warm_up: WarmUp::Steps(2),
        };
        let rates: Vec<f64> = (0..6).map(|step| learning_rate_at(&schedule, step, 6)).collect();
        assert_eq!(rates[..3], [0.5, 1.0, 1.0]);
        // cos(π/2) = 0 and cos(π/4) = √½, to the accuracy of binary64.
        assert!((rates[4] - 0.75).abs() < 1e-15);
        assert!((rates[3] - (0.5 + 0.25 * (1.0 + 0.5_f64.sqrt()))).abs() < 1e-15);
    }
}
