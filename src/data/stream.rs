//! The named random streams of portable numerics, version 1, as far as the order of samples needs them.

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

    /// The next u64 below 2⁶⁴ − (2⁶⁴ mod n), mod n.
    pub(super) fn bounded(&mut self, n: u64) -> u64 {
        let rest = (u64::MAX % n + 1) % n;
        loop {
            let word = self.0.next_u64();
            if word <= u64::MAX - rest {
                return word % n;
            }
        }
    }

    /// Fisher–Yates: i = n − 1 … 1, swap(i, bounded(i + 1)).
    pub(super) fn permute<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.bounded(i as u64 + 1);
            items.swap(i, usize::try_from(j).expect("j is at most i"));
        }
    }
}
