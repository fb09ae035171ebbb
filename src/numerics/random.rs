//! Random streams named by seed, index and purpose.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From a ChaCha of four double rounds written after RFC 8439 in Python, key by `hashlib.sha256`.
    #[test]
    fn draws_are_chacha8s() {
        let mut stream = Stream::new(7, 3, "bootstrap");
        let draws: Vec<u64> = (0..12).map(|_| stream.bounded(10)).collect();
        assert_eq!(draws, [3, 0, 0, 7, 6, 2, 7, 6, 1, 3, 2, 9]);
    }
}
