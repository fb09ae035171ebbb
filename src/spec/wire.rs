//! Requests, values and answers as bytes: between an evaluation and its parent, and in the cache.
//!
//! Lengths and numbers are eight bytes little-endian, choices one byte. Reading is total: any bytes give a value or
//! nothing, in time and memory linear in their length.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use super::value::{DEPTH_MAX, Value};
use super::{Evaluated, Finding, Place, Request, Sources};
use crate::commit::{Root, Rooted};
use crate::digest::{BlobDigest, ExperimentId};

/// Something with a form in bytes.
pub(super) trait Wire: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(input: &mut Input<'_>) -> Option<Self>;

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Reads all of `bytes`.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut input = Input { rest: bytes, depth: 0 };
        let value = Self::read(&mut input)?;
        input.rest.is_empty().then_some(value)
    }
}

/// Bytes still to be read.
pub(super) struct Input<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A count of things that take at least a byte each.
    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(u64::read(self)?).ok()?;
        (count <= self.rest.len()).then_some(count)
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let count = self.count()?;
        self.take(count)
    }
}

impl Wire for u8 {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(input.take(1)?[0])
    }
}

impl Wire for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self::from_le_bytes(input.take(8)?.try_into().ok()?))
    }
}

impl Wire for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

fn write_sized(bytes: &[u8], out: &mut Vec<u8>) {
    (bytes.len() as u64).write(out);
    out.extend_from_slice(bytes);
}

impl Wire for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_sized(self.as_bytes(), out);
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Self::from_utf8(input.sized()?.to_vec()).ok()
    }
}

impl Wire for PathBuf {
    fn write(&self, out: &mut Vec<u8>) {
        write_sized(self.as_os_str().as_bytes(), out);
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(OsString::from_vec(input.sized()?.to_vec()).into())
    }
}

impl Wire for BlobDigest {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self::from_bytes(input.take(32)?.try_into().ok()?))
    }
}

impl Wire for ExperimentId {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(Self::from_bytes(input.take(32)?.try_into().ok()?))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some(if bool::read(input)? { Some(T::read(input)?) } else { None })
    }
}

impl<T: Wire> Wire for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        T::read(input).map(Self::new)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        for value in self {
            value.write(out);
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        (0..input.count()?).map(|_| T::read(input)).collect()
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        for value in self {
            value.write(out);
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        (0..input.count()?).map(|_| T::read(input)).collect()
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn write(&self, out: &mut Vec<u8>) {
        (self.len() as u64).write(out);
        for (key, value) in self {
            key.write(out);
            value.write(out);
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        (0..input.count()?).map(|_| Some((K::read(input)?, V::read(input)?))).collect()
    }
}

impl Wire for Value {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => {
                out.push(0);
                value.write(out);
            }
            Self::Natural(value) => {
                out.push(1);
                value.write(out);
            }
            Self::Integer(value) => {
                out.push(2);
                value.cast_unsigned().write(out);
            }
            Self::Double(value) => {
                out.push(3);
                value.to_bits().write(out);
            }
            Self::Text(value) => {
                out.push(4);
                value.write(out);
            }
            Self::List(values) => {
                out.push(5);
                values.write(out);
            }
            Self::Optional(value) => {
                out.push(6);
                value.write(out);
            }
            Self::Record(fields) => {
                out.push(7);
                fields.write(out);
            }
            Self::Union(alternative, payload) => {
                out.push(8);
                alternative.write(out);
                payload.write(out);
            }
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        input.depth += 1;
        if input.depth > DEPTH_MAX + 1 {
            return None;
        }
        let value = match u8::read(input)? {
            0 => Self::Bool(bool::read(input)?),
            1 => Self::Natural(u64::read(input)?),
            2 => Self::Integer(u64::read(input)?.cast_signed()),
            3 => Self::Double(f64::from_bits(u64::read(input)?)),
            4 => Self::Text(String::read(input)?),
            5 => Self::List(Vec::read(input)?),
            6 => Self::Optional(Option::read(input)?),
            7 => Self::Record(BTreeMap::read(input)?),
            8 => Self::Union(String::read(input)?, Option::read(input)?),
            _ => return None,
        };
        input.depth -= 1;
        Some(value)
    }
}

/// Writes a struct as its fields, one after the other.
macro_rules! fields {
    ($name:ident: $($field:ident),+) => {
        impl Wire for $name {
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)+
            }
            fn read(input: &mut Input<'_>) -> Option<Self> {
                Some(Self { $($field: Wire::read(input)?),+ })
            }
        }
    };
}

impl Wire for Root {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Folder(folder) => {
                out.push(0);
                folder.write(out);
            }
            Self::Commit(rooted) => {
                out.push(1);
                rooted.write(out);
            }
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(Self::Folder(PathBuf::read(input)?)),
            1 => Some(Self::Commit(Rooted::read(input)?)),
            _ => None,
        }
    }
}

fields!(Rooted: copy, id, folder);
fields!(Request: root, file, pins, expected, normal_form);
fields!(Sources: files, absent, absent_pins);
fields!(Evaluated: value, ty, id, sources, normal_form);
fields!(Finding: message, place, path, expected, found, hints);
fields!(Place: file, line, column, source, width);

/// What a child is asked.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) request: Request,
    pub(super) question: Question,
}

fields!(Task: request, question);

/// What is to be known of an experiment.
#[derive(Debug)]
pub(super) enum Question {
    /// Its value.
    Value,
    /// Where these parts of the value are spelled; see [`super::guard::locate`].
    Places(Vec<String>),
    /// Where a number comes from that does not fit.
    Overflow,
}

impl Wire for Question {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value => out.push(0),
            Self::Places(paths) => {
                out.push(1);
                paths.write(out);
            }
            Self::Overflow => out.push(2),
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(Self::Value),
            1 => Some(Self::Places(Wire::read(input)?)),
            2 => Some(Self::Overflow),
            _ => None,
        }
    }
}

/// What an evaluation says.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Evaluated(Evaluated),
    Located(Vec<Option<Place>>),
    Invalid(Vec<Finding>),
    /// The engine panicked, with these words.
    Panicked(String),
}

impl Wire for Answer {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Evaluated(evaluated) => {
                out.push(0);
                evaluated.write(out);
            }
            Self::Invalid(findings) => {
                out.push(1);
                findings.write(out);
            }
            Self::Panicked(message) => {
                out.push(2);
                message.write(out);
            }
            Self::Located(places) => {
                out.push(3);
                places.write(out);
            }
        }
    }
    fn read(input: &mut Input<'_>) -> Option<Self> {
        match u8::read(input)? {
            0 => Some(Self::Evaluated(Evaluated::read(input)?)),
            1 => Some(Self::Invalid(Vec::read(input)?)),
            2 => Some(Self::Panicked(String::read(input)?)),
            3 => Some(Self::Located(Vec::read(input)?)),
            _ => None,
        }
    }
}
