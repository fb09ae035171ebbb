//! Typed SHA-256 digests: what a 32-byte name is the name of.
//!
//! Every kind of name has a type of its own, so that a blob's digest cannot be passed where an action key is meant.
//! Text form: 64 lower-case hexadecimal digits, and nothing else is read back.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SHA-256 digest (64 lower-case hexadecimal digits)")]
pub struct ParseDigestError(pub String);

macro_rules! digest_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Takes 32 bytes that were computed elsewhere.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first 12 hexadecimal digits, for messages to people.
            pub fn short(&self) -> String {
                self.to_string()[..12].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

digest_type! {
    /// SHA-256 of a file's bytes, as `sha256sum` prints it.
    BlobDigest
}
digest_type! {
    /// SHA-256 of the canonical bytes of a tree: names and digests of the files in it.
    TreeDigest
}
digest_type! {
    /// The identity of an action before its inputs are known (see [`crate::action`]).
    RecipeId
}
digest_type! {
    /// The identity of an action by the content of its inputs (see [`crate::action`]).
    ActionKey
}
digest_type! {
    /// The Dhall semantic hash of an experiment: SHA-256 of the CBOR of its normal form, as `dhall hash` prints it.
    ExperimentId
}

impl BlobDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest and the length of everything `reader` gives.
    pub fn of_reader(reader: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = BlobHasher::default();
        let mut buffer = vec![0_u8; 1 << 17];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(n) => hasher.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Hashes a blob piece by piece.
#[derive(Default)]
pub struct BlobHasher {
    state: Sha256,
    len: u64,
}

impl BlobHasher {
    /// Appends `bytes` to the blob.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// The digest and the length of all that was appended.
    pub fn finish(self) -> (BlobDigest, u64) {
        (BlobDigest(self.state.finalize().into()), self.len)
    }
}

/// SHA-256 of `domain`, a line feed and `bytes`: names of different kinds never collide.
pub fn tagged(domain: &str, bytes: &[u8]) -> [u8; 32] {
    let mut state = Sha256::new();
    state.update(domain.as_bytes());
    state.update(b"\n");
    state.update(bytes);
    state.finalize().into()
}

fn parse_hex(text: &str) -> Result<[u8; 32], ParseDigestError> {
    let invalid = || ParseDigestError(text.chars().take(80).collect());
    let value = |c: u8| match c {
        b'0'..=b'9' => Ok(c - b'0'),
        b'a'..=b'f' => Ok(c - b'a' + 10),
        _ => Err(invalid()),
    };
    let text_bytes = text.as_bytes();
    if text_bytes.len() != 64 {
        return Err(invalid());
    }
    let mut bytes = [0_u8; 32];
    for (byte, pair) in bytes.iter_mut().zip(text_bytes.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn blob_digest_is_plain_sha256() {
        assert_eq!(BlobDigest::of(b"abc").to_string(), ABC);
        let read = BlobDigest::of_reader(&mut &b"abc"[..]).unwrap();
        assert_eq!((read.0.to_string().as_str(), read.1), (ABC, 3));
    }

    #[test]
    fn text_form_has_one_spelling() {
        assert_eq!(ABC.parse::<BlobDigest>().unwrap().to_string(), ABC);
        for wrong in ["", "ab", &ABC.to_uppercase(), &ABC[1..], &format!("{ABC}0")] {
            assert!(wrong.parse::<BlobDigest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn domains_separate_equal_bytes() {
        assert_ne!(tagged("recipe/1", b"x"), tagged("action/1", b"x"));
    }
}
