//! The spans of a training whose mean losses stand for it where its bits cannot.

use std::ops::Range;

/// Spans of a training at most.
pub const SPANS_MAX: u64 = 16;

/// Consecutive spans of so many steps, which together are all of them: `count`, the smaller of [`SPANS_MAX`] and the steps.
/// Span i goes from step ⌊i · steps ÷ count⌋ to before step ⌊(i + 1) · steps ÷ count⌋, so that none is empty, and none is
/// more than a step longer than another.
pub fn spans(steps: u64) -> Vec<Range<u64>> {
    let count = steps.min(SPANS_MAX);
    let start = |index: u64| {
        let place = u128::from(index) * u128::from(steps) / u128::from(count);
        u64::try_from(place).expect("a place among the steps")
    };
    (0..count).map(|index| start(index)..start(index + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_all_steps_and_nearly_equal() {
        assert!(spans(0).is_empty());
        assert_eq!(spans(3), [0..1, 1..2, 2..3]);
        assert_eq!(spans(16).len(), 16);
        // 17 ÷ 16: the last of the spans is the first whose place is a whole step further.
        assert_eq!(spans(17)[14..], [14..15, 15..17]);
        assert_eq!(spans(32)[15], 30..32);
        for steps in [1, 2, 15, 31, 33, 125, 500, 2_000, 12_345, u64::MAX] {
            let spans = spans(steps);
            assert_eq!(spans.len() as u64, steps.min(SPANS_MAX));
            assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!((spans[0].start, spans[spans.len() - 1].end), (0, steps));
            let lengths = || spans.iter().map(|span| span.end - span.start);
            assert!(lengths().min() >= Some(1));
            assert!(lengths().max().unwrap() - lengths().min().unwrap() <= 1);
        }
    }
}
