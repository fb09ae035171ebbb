//! The named random streams of portable numerics, version 1, as far as initial weights need them.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// `ChaCha8` with nonce 0 and the key SHA-256("stream/1" ‖ seed ‖ index ‖ name), numbers as u64 LE.
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    pub(super) fn new(seed: u64, index: u64, name: &str) -> Self {
        let mut key = Sha256::new();
        key.update(b"stream/1");
        key.update(seed.to_le_bytes());
        key.update(index.to_le_bytes());
        key.update(name.as_bytes());
        Self(ChaCha8Rng::from_seed(key.finalize().into()))
    }

    /// The top 53 bits of the next word.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn bits53(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64
    }

    /// A number in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        self.bits53() / 9_007_199_254_740_992.0
    }

    /// A normal number by Box and Muller's formula, from two words.
    #[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
    pub(super) fn normal(&mut self, mean: f64, std: f64) -> f32 {
        let u1 = (self.bits53() + 1.0) / 9_007_199_254_740_992.0;
        let u2 = self.unit();
        let z = (-2.0 * libm::log(u1)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * u2);
        (mean + std * z) as f32
    }
}
