//! Rust values from Dhall values: records to structs, unions to enums, `Optional` to `Option`, with the path in errors.
//!
//! Numbers are range-checked; a `Double` must be finite and not the negative zero, because parameters are hashed by
//! their bits. A record with a field that the struct lacks is refused.

use std::fmt;

use serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use super::schema::nearest;
use super::value::Value;

/// Makes a `T` of a value.
pub fn bind<T: for<'v> Deserialize<'v>>(value: &Value) -> Result<T, BindError> {
    T::deserialize(Binder(value))
}

/// `value` with 1 in place of every `Double` that [`bind()`] refuses, and what is wrong with each.
pub fn without_odd_numbers(mut value: Value) -> (Value, Vec<BindError>) {
    let mut odd = Vec::new();
    replace_odd_numbers(&mut value, "", &mut odd);
    (value, odd)
}

fn replace_odd_numbers(value: &mut Value, path: &str, odd: &mut Vec<BindError>) {
    let joint = if path.is_empty() { "" } else { "." };
    match value {
        Value::Double(number) => {
            if let Err(message) = finite(*number) {
                odd.push(BindError { path: path.to_owned(), message });
                *number = 1.0;
            }
        }
        Value::List(values) => {
            for (i, value) in values.iter_mut().enumerate() {
                replace_odd_numbers(value, &format!("{path}[{i}]"), odd);
            }
        }
        Value::Record(fields) => {
            for (name, value) in fields {
                replace_odd_numbers(value, &format!("{path}{joint}{name}"), odd);
            }
        }
        Value::Optional(Some(value)) => replace_odd_numbers(value, path, odd),
        Value::Union(alternative, Some(value)) => {
            replace_odd_numbers(value, &format!("{path}<{alternative}>"), odd);
        }
        _ => {}
    }
}

/// A number that parameters may hold: they are hashed by their bits.
fn finite(number: f64) -> Result<f64, String> {
    if !number.is_finite() {
        Err(format!("a finite Double is wanted, and this is {number}"))
    } else if number == 0.0 && number.is_sign_negative() {
        Err("negative zero is refused: write `0.0`".to_owned())
    } else {
        Ok(number)
    }
}

/// A value that does not fit the Rust type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BindError {
    /// Where in the value: `runs[3].train.batchSize`; empty for the whole.
    pub path: String,
    /// What does not fit.
    pub message: String,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.path {
            "" => write!(f, "{}", self.message),
            path => write!(f, "{path}: {}", self.message),
        }
    }
}

impl de::Error for BindError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), message: message.to_string() }
    }
}

impl BindError {
    fn inside(mut self, step: &str) -> Self {
        let joint =
            if self.path.is_empty() || self.path.starts_with(['[', '<']) { "" } else { "." };
        self.path = format!("{step}{joint}{}", self.path);
        self
    }
}

#[derive(Clone, Copy)]
struct Binder<'v>(&'v Value);

impl Binder<'_> {
    fn unfit<T>(self, wanted: &str) -> Result<T, BindError> {
        Err(de::Error::custom(format!("this is {}, and {wanted} is wanted", self.0.sort())))
    }
}

impl<'v> Deserializer<'v> for Binder<'v> {
    type Error = BindError;

    fn deserialize_any<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Natural(value) => visitor.visit_u64(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Double(_) => self.deserialize_f64(visitor),
            Value::Text(value) => visitor.visit_borrowed_str(value),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Optional(_) => self.deserialize_option(visitor),
            Value::Record(_) => self.deserialize_map(visitor),
            Value::Union(..) => self.deserialize_enum("", &[], visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Double(value) => visitor.visit_f64(finite(*value).map_err(de::Error::custom)?),
            _ => self.unfit("a Double"),
        }
    }

    fn deserialize_option<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Optional(None) => visitor.visit_none(),
            Value::Optional(Some(value)) => visitor.visit_some(Self(value)),
            _ => self.unfit("an Optional"),
        }
    }

    fn deserialize_unit<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Record(fields) if fields.is_empty() => visitor.visit_unit(),
            _ => self.unfit("`{=}`"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'v>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'v>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, BindError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::List(values) => visitor.visit_seq(Elements { rest: values.iter(), index: 0 }),
            _ => self.unfit("a List"),
        }
    }

    fn deserialize_map<V: Visitor<'v>>(self, visitor: V) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Record(fields) => {
                let rest: Vec<_> =
                    fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
                visitor.visit_map(Fields { rest: rest.into_iter(), current: None })
            }
            _ => self.unfit("a record"),
        }
    }

    fn deserialize_struct<V: Visitor<'v>>(
        self,
        _name: &'static str,
        wanted: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        if let Value::Record(fields) = self.0
            && let Some(name) = fields.keys().find(|name| !wanted.contains(&name.as_str()))
        {
            let near = nearest(name, wanted.iter().copied());
            let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
            return Err(de::Error::custom(format!("unknown field `{name}`{hint}")));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'v>>(
        self,
        _name: &'static str,
        _alternatives: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        match self.0 {
            Value::Union(alternative, payload) => {
                visitor.visit_enum(Alternative { alternative, payload: payload.as_deref() })
            }
            _ => self.unfit("an alternative of a union"),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'v>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf
        tuple tuple_struct identifier ignored_any
    }
}

struct Elements<'v> {
    rest: std::slice::Iter<'v, Value>,
    index: usize,
}

impl<'v> SeqAccess<'v> for Elements<'v> {
    type Error = BindError;

    fn next_element_seed<T: DeserializeSeed<'v>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, BindError> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Binder(value))
            .map(Some)
            .map_err(|error| error.inside(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Fields<'v> {
    rest: std::vec::IntoIter<(&'v str, &'v Value)>,
    current: Option<(&'v str, &'v Value)>,
}

impl<'v> MapAccess<'v> for Fields<'v> {
    type Error = BindError;

    fn next_key_seed<K: DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, BindError> {
        self.current = self.rest.next();
        match self.current {
            None => Ok(None),
            Some((name, _)) => seed.deserialize(name.into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, BindError> {
        let (name, value) = self
            .current
            .take()
            .ok_or_else(|| <BindError as de::Error>::custom("a value without a name"))?;
        seed.deserialize(Binder(value)).map_err(|error| error.inside(name))
    }
}

struct Alternative<'v> {
    alternative: &'v str,
    payload: Option<&'v Value>,
}

impl<'v> EnumAccess<'v> for Alternative<'v> {
    type Error = BindError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<(T::Value, Self), BindError> {
        let alternative = seed.deserialize(self.alternative.into_deserializer())?;
        Ok((alternative, self))
    }
}

impl<'v> Alternative<'v> {
    fn binder(&self) -> Result<Binder<'v>, BindError> {
        self.payload.map(Binder).ok_or_else(|| {
            de::Error::custom(format!("the alternative `{}` lacks its value", self.alternative))
        })
    }

    fn inside<T>(&self, result: Result<T, BindError>) -> Result<T, BindError> {
        result.map_err(|error| error.inside(&format!("<{}>", self.alternative)))
    }
}

impl<'v> VariantAccess<'v> for Alternative<'v> {
    type Error = BindError;

    fn unit_variant(self) -> Result<(), BindError> {
        match self.payload {
            None => Ok(()),
            Some(_) => Err(de::Error::custom(format!(
                "the alternative `{}` carries a value and should not",
                self.alternative
            ))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value, BindError> {
        let binder = self.binder()?;
        self.inside(seed.deserialize(binder))
    }

    fn tuple_variant<V: Visitor<'v>>(self, _: usize, visitor: V) -> Result<V::Value, BindError> {
        let binder = self.binder()?;
        self.inside(binder.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'v>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BindError> {
        let binder = self.binder()?;
        self.inside(binder.deserialize_struct("", fields, visitor))
    }
}
