//! What a lockfile says of the losses of a training whose bits are those of a class of devices.

use std::fmt;

use super::lockfile::cut;
use crate::action::params::SPANS_MAX;

/// The mean losses of a training's [`spans`](crate::action::params::spans): at least one, at most [`SPANS_MAX`], each
/// finite and none a negative zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Losses(Vec<f64>);

/// No element is other than itself: NaN is refused.
impl Eq for Losses {}

impl Losses {
    /// What the word of a lockfile begins with.
    pub(super) const PREFIX: &str = "losses:";

    /// Takes the means, unless there is none, or too many, or one that is not finite.
    pub fn new(means: Vec<f64>) -> Option<Self> {
        let count = 1..=SPANS_MAX;
        let is_plain = |mean: &f64| mean.is_finite() && mean.to_bits() != (-0.0_f64).to_bits();
        (count.contains(&(means.len() as u64)) && means.iter().all(is_plain)).then_some(Self(means))
    }

    /// The means, in order of the spans.
    pub fn means(&self) -> &[f64] {
        &self.0
    }

    /// Reads what follows the prefix, and only what [`fmt::Display`] gives.
    pub(super) fn decode(text: &str) -> Result<Self, String> {
        let numbers: Vec<&str> = text.split(',').collect();
        if SPANS_MAX < numbers.len() as u64 {
            return Err(format!("{} losses are more than {SPANS_MAX}", numbers.len()));
        }
        let mean = |text: &&str| {
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.filter(|number| number.to_string() == *text && *text != "-0").ok_or_else(|| {
                format!("loss `{}` is not a finite number in its shortest form", cut(text))
            })
        };
        numbers.iter().map(mean).collect::<Result<_, _>>().map(Self)
    }
}

/// The word of a lockfile: each number in the fewest digits that read back to it, without an exponent.
impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        for (index, mean) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{mean}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Lockfile;
    use super::*;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// A lockfile of one training whose line ends in this.
    fn text(end: &str) -> String {
        format!("ibid-lock/1\na/train {DIGEST} trace.bin={DIGEST}{end}\n")
    }

    #[test]
    fn losses_are_the_last_word_of_a_line_in_one_spelling() {
        let sixteen = ["1"; 16].join(",");
        for losses in
            ["0", "1,2.5,0.1", "3.4657359027997265", "-0.25", "100000000000000000000", &sixteen]
        {
            let text = text(&format!(" losses:{losses}"));
            let lockfile = Lockfile::decode(&text).unwrap();
            assert_eq!(lockfile.encode(), text);
            let locked = lockfile.actions()["a/train"].losses.clone().unwrap();
            assert_eq!(locked.to_string(), format!("losses:{losses}"));
            assert_eq!(Losses::new(locked.means().to_vec()), Some(locked));
        }
        let refused = |end: &str| Lockfile::decode(&text(end)).unwrap_err().to_string();
        for number in [
            "", "NaN", "inf", "-inf", "infinity", "-0", "+1", "01", "1.0", ".5", "1.", "1e3",
            "0.10", " 1", "x",
        ] {
            let error = refused(&format!(" losses:2,{number}"));
            assert!(error.starts_with("line 2: loss `"), "{number}: {error}");
        }
        assert_eq!(
            refused(" losses:"),
            "line 2: loss `` is not a finite number in its shortest form"
        );
        // One digit more than it takes to read back.
        assert!(refused(" losses:0.30000000000000001").contains("shortest form"));
        assert_eq!(refused(&format!(" losses:{sixteen},1")), "line 2: 17 losses are more than 16");
        assert_eq!(
            refused(" losses:1 losses:1"),
            "line 2: `losses:1` comes after the losses, which are the last word"
        );
        assert!(refused(&format!(" losses:1 z.bin={DIGEST}")).contains("comes after the losses"));
        // An output may be called that.
        let output = text(&format!(" losses:1={DIGEST}").replace("trace", "a"));
        let output = output.replace("trace.bin", "a.bin");
        assert_eq!(Lockfile::decode(&output).unwrap().encode(), output);
    }

    #[test]
    fn what_is_no_loss_is_not_taken() {
        for means in [vec![], vec![1.0; 17], vec![f64::NAN], vec![1.0, f64::INFINITY], vec![-0.0]] {
            assert_eq!(Losses::new(means), None);
        }
    }

    proptest! {
        #[test]
        fn any_losses_read_back(means in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL, 1..=16)) {
            let losses = Losses::new(means).unwrap();
            let text = text(&format!(" {losses}"));
            let lockfile = Lockfile::decode(&text).unwrap();
            prop_assert_eq!(lockfile.encode(), text);
            prop_assert_eq!(lockfile.actions()["a/train"].losses.as_ref(), Some(&losses));
        }

        #[test]
        fn what_is_read_is_written_back(end in "( [ab]=0{64}){0,2}( losses:[0-9.,e+-]{0,5})?.{0,2}") {
            if let Ok(lockfile) = Lockfile::decode(&text(&end)) {
                prop_assert_eq!(lockfile.encode(), text(&end));
            }
        }
    }
}
