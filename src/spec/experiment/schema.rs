//! The three spellings of an experiment's type agree: `experiments/schema/v1`, [`super::TYPE`], and the Rust types.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    Deserializer, EnumAccess, Error as _, IntoDeserializer as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::{Experiment, TYPE, check};
use crate::spec::{Evaluated, Request, bind};

fn experiments() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

/// Evaluates in this process, on a stack that is large enough for our own files.
fn evaluate(root: &Path, file: &str, expected: Option<&str>) -> Evaluated {
    let request = Request {
        root: root.into(),
        file: file.into(),
        expected: expected.map(ToOwned::to_owned),
        ..Request::default()
    };
    let worker = thread::Builder::new().stack_size(256 << 20);
    let evaluated = worker.spawn(move || crate::spec::evaluate(&request)).unwrap().join().unwrap();
    evaluated.unwrap_or_else(|error| panic!("{error}"))
}

#[allow(clippy::disallowed_methods, reason = "half a file of a test's own folder harms nobody")]
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// The engine's text of a type: that of an empty list of it.
fn normal_type(ty: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.dhall"), &format!("[] : List ({ty})"));
    evaluate(folder.path(), "a.dhall", None).ty
}

#[test]
fn the_schema_the_constant_and_the_rust_types_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let v1 = folder.path().join("v1");
    fs::create_dir(&v1).unwrap();
    for entry in fs::read_dir(experiments().join("schema/v1")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), v1.join(entry.file_name())).unwrap();
    }
    let text = "[] : List (./v1/package.dhall).Experiment.Type";
    let file = folder.path().join("a.dhall");
    write(&file, text);
    let schema = evaluate(folder.path(), "a.dhall", None).ty;
    assert_eq!(normal_type(&dhall_type_of::<Experiment>()), schema, "Rust types and schema differ");
    let constant = schema.strip_prefix("List ").unwrap();
    assert_eq!(TYPE.trim_end(), constant, "type.dhall is not the schema's type; it should be this");
}

#[test]
fn every_experiment_of_this_repository_is_sound() {
    let mut count = 0;
    for entry in fs::read_dir(experiments()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "schema" {
            continue;
        }
        let file = format!("{name}/package.dhall");
        let evaluated = evaluate(&experiments(), &file, Some(TYPE));
        let experiment: Experiment = bind(&evaluated.value).unwrap();
        assert_eq!(check(&experiment), [], "{name}");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_quick_grid_is_that_of_the_probe() {
    let evaluated = evaluate(&experiments(), "pictogram-scaling-laws/package.dhall", None);
    let experiment: Experiment = bind(&evaluated.value).unwrap();
    let table = experiment.figure("quick").unwrap().scratch.as_ref().unwrap();
    let grid: Vec<_> = table
        .runs
        .iter()
        .map(|name| {
            let train = &experiment.run(name).unwrap().train;
            let vision = (train.model.vision.width, train.model.vision.layers);
            (vision, train.dataset.name.as_str(), train.samples_seen / 1_000)
        })
        .collect();
    let (xs, s) = ((32, 2), (64, 2));
    assert_eq!(
        grid,
        [
            (xs, "glyphs-36k", 16),
            (xs, "glyphs-36k", 64),
            (xs, "glyphs-36k", 256),
            (s, "glyphs-36k", 16),
            (s, "glyphs-36k", 64),
            (s, "glyphs-36k", 256),
            (xs, "glyphs-2k", 256),
            (xs, "glyphs-9k", 256),
        ]
    );
    // NUMERICS: 10 % of the steps, 10 to 200. 16k samples are 125 steps.
    let warm_ups: Vec<_> = [16, 64, 256]
        .iter()
        .map(|thousands| {
            let train = &experiment.run(&format!("s-36k-{thousands}k")).unwrap().train;
            (train.steps(), train.schedule.warm_up.resolve(train.steps()))
        })
        .collect();
    assert_eq!(warm_ups, [(125, 12), (500, 50), (2_000, 200)]);
    let smoke = experiment.figure("smoke").unwrap().scratch.as_ref().unwrap();
    let train = &experiment.run(&smoke.runs[0]).unwrap().train;
    assert_eq!(
        (train.dataset.name.as_str(), train.samples_seen, train.steps()),
        ("glyphs-2k", 4_096, 32)
    );
}

/// The Dhall type of values that a Rust type is read from, found by letting it read.
fn dhall_type_of<T: for<'de> Deserialize<'de>>() -> String {
    let mut unions = Unions::new();
    // Each pass reads one alternative of each union; enough passes read them all.
    loop {
        let mut ty = String::new();
        T::deserialize(Probe { unions: &mut unions, ty: &mut ty }).unwrap();
        if unions.values().all(|union| union.values().all(Option::is_some)) {
            return resolved(&ty, &unions);
        }
    }
}

/// By name of the enum: its alternatives, each with the type of its payload (empty: none) once that was read.
type Unions = BTreeMap<&'static str, BTreeMap<&'static str, Option<String>>>;

/// Whether every alternative of every union in a type was read.
fn is_read(ty: Option<&String>, unions: &Unions) -> bool {
    let Some(ty) = ty else { return false };
    let marks = ty.split('@').skip(1).step_by(2);
    marks
        .into_iter()
        .all(|name| unions[name].values().all(|payload| is_read(payload.as_ref(), unions)))
}

/// Puts unions in place of their marks `@Name@`.
fn resolved(ty: &str, unions: &Unions) -> String {
    let mut parts = ty.split('@');
    let mut text = parts.next().unwrap().to_owned();
    while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
        let alternative = |(name, payload): (&&str, &Option<String>)| match payload.as_deref() {
            None | Some("") => (*name).to_owned(),
            Some(payload) => format!("{name} : {}", resolved(payload, unions)),
        };
        let alternatives: Vec<_> = unions[name].iter().map(alternative).collect();
        text += &format!("< {} >{rest}", alternatives.join(" | "));
    }
    text
}

/// Hands a reader some value of the kind it asks for, and notes the type.
struct Probe<'t> {
    unions: &'t mut Unions,
    ty: &'t mut String,
}

impl Probe<'_> {
    fn record<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut record =
            Record { unions: self.unions, fields: fields.iter(), current: "", types: Vec::new() };
        let value = visitor.visit_map(&mut record)?;
        *self.ty = format!("{{ {} }}", record.types.join(", "));
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a type that no experiment should have"))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        "Bool".clone_into(self.ty);
        visitor.visit_bool(true)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        "Natural".clone_into(self.ty);
        visitor.visit_u64(1)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        "Double".clone_into(self.ty);
        visitor.visit_f64(1.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        "Text".clone_into(self.ty);
        visitor.visit_str("text")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut content = String::new();
        let value = visitor.visit_some(Probe { unions: self.unions, ty: &mut content })?;
        *self.ty = format!("Optional ({content})");
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut element = String::new();
        let value =
            visitor.visit_seq(One(Some(Probe { unions: self.unions, ty: &mut element })))?;
        *self.ty = format!("List ({element})");
        Ok(value)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.record(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let union = self.unions.entry(name).or_default();
        for variant in variants {
            union.entry(variant).or_default();
        }
        let union = &self.unions[name];
        let unread = union.iter().find(|(_, payload)| payload.is_none());
        let leads_on = || union.iter().find(|(_, payload)| !is_read(payload.as_ref(), self.unions));
        let variant = unread.or_else(leads_on).map_or(variants[0], |(variant, _)| *variant);
        *self.ty = format!("@{name}@");
        let mut payload = String::new();
        let value = visitor.visit_enum(Alternative {
            variant,
            payload: Probe { unions: self.unions, ty: &mut payload },
        })?;
        self.unions.entry(name).or_default().insert(variant, Some(payload));
        Ok(value)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 u8 u16 u32 f32 char str bytes byte_buf unit unit_struct tuple tuple_struct map identifier
        ignored_any
    }
}

struct One<'t>(Option<Probe<'t>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<S: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        self.0.take().map(|probe| seed.deserialize(probe)).transpose()
    }
}

struct Record<'t> {
    unions: &'t mut Unions,
    fields: std::slice::Iter<'static, &'static str>,
    current: &'static str,
    types: Vec<String>,
}

impl<'de> MapAccess<'de> for &mut Record<'_> {
    type Error = Error;

    fn next_key_seed<S: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(field) = self.fields.next() else {
            return Ok(None);
        };
        self.current = field;
        let name: StrDeserializer<'_, Error> = field.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: serde::de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Error> {
        let mut ty = String::new();
        let value = seed.deserialize(Probe { unions: self.unions, ty: &mut ty })?;
        self.types.push(format!("{} : {ty}", self.current));
        Ok(value)
    }
}

struct Alternative<'t> {
    variant: &'static str,
    payload: Probe<'t>,
}

impl<'de, 't> EnumAccess<'de> for Alternative<'t> {
    type Error = Error;
    type Variant = Probe<'t>;

    fn variant_seed<S: serde::de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Probe<'t>), Error> {
        let name: StrDeserializer<'_, Error> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self.payload))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: serde::de::DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("Dhall has no tuples"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.record(fields, visitor)
    }
}
