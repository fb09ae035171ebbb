//! How far apart two numbers are, counted in the numbers between them.

/// Units in the last place from `a` to `b`: 0 for equal bits, 1 for neighbours; −0 and +0 are neighbours. `None` if
/// either is NaN, which has no neighbours.
pub fn distance(a: f32, b: f32) -> Option<u64> {
    let place = |x: f32| (!x.is_nan()).then(|| ordered(u64::from(x.to_bits()), 31));
    Some(place(a)?.abs_diff(place(b)?))
}

/// As [`distance`], in binary64.
pub fn distance64(a: f64, b: f64) -> Option<u64> {
    let place = |x: f64| (!x.is_nan()).then(|| ordered(x.to_bits(), 63));
    Some(place(a)?.abs_diff(place(b)?))
}

/// The place of a number of those bits among all numbers, ascending; `sign` is the place of its sign bit.
fn ordered(bits: u64, sign: u32) -> i64 {
    let magnitude = bits & !(1 << sign);
    let magnitude = i64::try_from(magnitude).expect("the sign bit is gone");
    // Of the two zeros −0 comes first.
    if bits >> sign & 1 == 1 { -1 - magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_apart() {
        for x in [1.0_f32, -1.0, 0.0, f32::MIN_POSITIVE, -3.5e-40, f32::MAX] {
            assert_eq!(distance(x, x), Some(0));
            assert_eq!(distance(x, x.next_up()), Some(1));
        }
        assert_eq!(distance(-0.0, 0.0), Some(1));
        assert_eq!(distance(-0.0, f32::from_bits(1)), Some(2));
        assert_eq!(distance(1.0, 2.0), Some(1 << 23));
        assert_eq!(distance(-1.0, 1.0), Some(2 * 0x3f80_0000 + 1));
        assert_eq!(distance(1.0, f32::NAN), None);
        assert_eq!(distance64(1.0, 1.0_f64.next_down()), Some(1));
        assert_eq!(distance64(-1.0, -1.0_f64.next_down()), Some(1));
        assert_eq!(distance64(f64::MAX, f64::INFINITY), Some(1));
    }
}
