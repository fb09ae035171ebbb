//! Canonical bytes: one spelling for every value, so that equal values have equal names.
//!
//! The form is JSON with keys in bytewise order, no white space, integers in plain decimal, and strings with the
//! fewest escapes. Bare floating-point numbers are refused: a fraction travels as [`Real`], by its bits.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A value that has no canonical bytes, or bytes that are not canonical.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A floating-point number outside [`Real`].
    #[error("a bare floating-point number has no canonical form")]
    BareFloat,
    /// The value cannot be written as JSON, or the bytes are not the JSON of such a value.
    #[error("not canonical data")]
    Json(#[from] serde_json::Error),
    /// The bytes spell a value, but not in its one spelling.
    #[error("the bytes are not in canonical form")]
    OtherSpelling,
}

/// A binary64 number that is identified by its bits: text `f64:` and 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Real(f64);

impl Real {
    /// Takes a finite number; NaN and infinities have no place in an experiment. Negative zero becomes zero's own
    /// bits only if the specification said so: it is kept.
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Serialize for Real {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("f64:{:016x}", self.0.to_bits()))
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_prefix("f64:")
            .filter(|digits| digits.len() == 16)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .and_then(|bits| Self::new(f64::from_bits(bits)))
            .ok_or_else(|| {
                serde::de::Error::custom(format!("`{text}` is not a finite binary64 number"))
            })
    }
}

/// The canonical bytes of `value`.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut text = String::new();
    write_value(&serde_json::to_value(value)?, &mut text)?;
    Ok(text.into_bytes())
}

/// Reads canonical bytes back; any other spelling of the same value is refused.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let value: T = serde_json::from_slice(bytes)?;
    if encode(&value)? == bytes {
        Ok(value)
    } else {
        Err(CanonicalError::OtherSpelling)
    }
}

fn write_value(value: &Value, text: &mut String) -> Result<(), CanonicalError> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) if number.is_f64() => return Err(CanonicalError::BareFloat),
        Value::Number(number) => write!(text, "{number}").expect("writing to a string succeeds"),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_value(item, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            // Sorted here: the order of `serde_json`'s map depends on a Cargo feature that any crate may enable.
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.cmp(b.0));
            text.push('{');
            for (i, (name, field)) in fields.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write_string(name, text);
                text.push(':');
                write_value(field, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                write!(text, "\\u{:04x}", u32::from(c)).expect("writing to a string succeeds");
            }
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_sorted_and_floats_travel_by_bits() {
        #[derive(Serialize)]
        struct Example {
            b: Real,
            a: Option<u64>,
        }
        let bytes = encode(&Example {
            b: Real::new(0.1).unwrap(),
            a: None,
        })
        .unwrap();
        assert_eq!(bytes, br#"{"a":null,"b":"f64:3fb999999999999a"}"#);
    }

    #[test]
    fn bare_floats_are_refused() {
        assert!(matches!(encode(&0.5_f64), Err(CanonicalError::BareFloat)));
        assert_eq!(Real::new(f64::NAN), None);
    }

    #[test]
    fn another_spelling_is_refused() {
        assert!(decode::<BTreeMap<String, u64>>(br#"{"a":1}"#).is_ok());
        for bytes in [&br#"{"a": 1}"#[..], br#"{"b":1,"a":1}"#, br#"{"\u0061":1}"#] {
            assert!(decode::<BTreeMap<String, u64>>(bytes).is_err());
        }
    }

    proptest! {
        #[test]
        fn every_text_round_trips(
            map in prop::collection::btree_map(any::<String>(), prop::collection::vec(any::<String>(), 0..4), 0..4),
        ) {
            let bytes = encode(&map).unwrap();
            prop_assert_eq!(decode::<BTreeMap<String, Vec<String>>>(&bytes).unwrap(), map);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            drop(decode::<Vec<String>>(&bytes));
        }
    }
}
