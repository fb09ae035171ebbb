//! Random streams named by seed, index and purpose.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// The streams of one seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of that seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The stream of that name; `index` is an epoch, a position, a line, or 0.
    pub fn named(self, name: &str, index: u64) -> Stream {
        Stream::new(self.seed, index, name)
    }
}

/// `ChaCha8` with nonce 0 and the key SHA-256("stream/1" ‖ seed ‖ index ‖ name), numbers as u64 LE, the name in UTF-8.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of that name; `index` is an epoch, a position, a line, or 0.
    pub fn new(seed: u64, index: u64, name: &str) -> Self {
        let mut key = Sha256::new();
        key.update(b"stream/1");
        key.update(seed.to_le_bytes());
        key.update(index.to_le_bytes());
        key.update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(key.finalize().into()))
    }

    /// The next u64, low word first.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next u64 below 2⁶⁴ − (2⁶⁴ mod n), mod n: every value below n is equally likely.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn bounded(&mut self, n: u64) -> u64 {
        let surplus = (u64::MAX % n + 1) % n;
        loop {
            let word = self.0.next_u64();
            if word <= u64::MAX - surplus {
                return word % n;
            }
        }
    }

    /// The top 53 bits of the next u64; exact in binary64.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn bits53(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64
    }

    /// A number in `[0, 1)`: the top 53 bits of the next u64, times 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        self.bits53() / 9_007_199_254_740_992.0
    }

    /// A normal number from the next two u64 a, b: `mean + std·z` in binary64, rounded once, with
    /// `z = √(−2·log u₁)·cos(2π·u₂)`, `u₁ = ((a≫11)+1)·2⁻⁵³`, `u₂ = (b≫11)·2⁻⁵³`.
    #[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
    pub fn normal(&mut self, mean: f64, std: f64) -> f32 {
        let u1 = (self.bits53() + 1.0) / 9_007_199_254_740_992.0;
        let u2 = self.unit();
        let z = (-2.0 * libm::log(u1)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * u2);
        (mean + std * z) as f32
    }

    /// The numbers below `count` in an order drawn by Fisher and Yates: for i from the last to 1, the i-th changes
    /// places with the `bounded(i + 1)`-th.
    ///
    /// # Panics
    ///
    /// Never: addresses have at most 64 bits.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            let bound = u64::try_from(i + 1).expect("addresses have at most 64 bits");
            let j = usize::try_from(self.bounded(bound)).expect("below a count of elements");
            order.swap(i, j);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a `ChaCha` of four double rounds written after RFC 8439 in Python, key by `hashlib.sha256`.
    #[test]
    fn draws_are_chacha8s() {
        let mut stream = Stream::new(7, 3, "bootstrap");
        let draws: Vec<u64> = (0..12).map(|_| stream.bounded(10)).collect();
        assert_eq!(draws, [3, 0, 0, 7, 6, 2, 7, 6, 1, 3, 2, 9]);
    }

    /// From the same Python, with its `math.log` and `math.cos` for the normal numbers.
    #[test]
    fn words_normals_and_permutations_are_as_defined() {
        let mut words = Streams::new(42).named("test", 1);
        // Ten words: more than one block.
        let want: [u64; 10] = [
            0xba3c_8c91_d0c7_c662,
            0x6f32_fd88_c434_a886,
            0x35b2_aaf8_1392_368f,
            0xbb11_1cb2_127b_1a89,
            0x9316_b3f7_9f5a_de16,
            0x742f_b720_35c2_c983,
            0xcc39_29c1_430e_019b,
            0x7b25_8043_d562_4695,
            0x14d2_980a_7a87_a3bb,
            0x19c9_e506_db43_b324,
        ];
        assert_eq!(want.map(|_| words.u64()), want);
        let mut weights = Streams::new(42).named("weights", 0);
        let want = [0x3f58_91a0, 0x3f97_8358, 0x3fb5_b518, 0x3e8a_4900, 0x3f8e_4395, 0x3fa2_d5f9];
        assert_eq!(want.map(|_| weights.normal(1.0, 0.5).to_bits()), want);
        let order = Streams::new(7).named("sample order", 2).permutation(12);
        assert_eq!(order, [3, 11, 4, 8, 10, 6, 7, 1, 9, 2, 5, 0]);
        assert_eq!(Streams::new(7).named("sample order", 2).permutation(0), [0; 0]);
    }

    /// Almost half of all words are refused here.
    #[test]
    fn words_beyond_the_bound_are_passed_over() {
        let mut stream = Streams::new(1).named("wide", 0);
        let draws: Vec<u64> = (0..4).map(|_| stream.bounded((1 << 63) + 1)).collect();
        assert_eq!(
            draws,
            [
                694_544_496_142_445_208,
                6_837_248_000_077_038_605,
                1_925_428_672_342_723_429,
                9_124_735_341_933_783_214
            ]
        );
    }
}
