//! Values: bound to Rust types, remembered, compared, shown.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::spec::wire::Wire as _;
use crate::spec::{Value, bind, cache, diff, show};

fn value(source: &str) -> Value {
    evaluate_text(source).unwrap().value
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Train {
    batch_size: u32,
    rate: f64,
    schedule: Schedule,
    seed: Option<u64>,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Schedule {
    Constant,
    Cosine { warmup: u64 },
    Fixed(f64),
}

const TRAIN: &str = "let Schedule = < Constant | Cosine : { warmup : Natural } | Fixed : Double > in \
    { batchSize = 8, rate = 0.1, schedule = Schedule.Cosine { warmup = 5 }, seed = Some 3, tags = [ \"a\" ] }";

#[test]
fn records_unions_lists_and_optionals_bind() {
    let train: Train = bind(&value(TRAIN)).unwrap();
    let wanted = Train {
        batch_size: 8,
        rate: 0.1,
        schedule: Schedule::Cosine { warmup: 5 },
        seed: Some(3),
        tags: vec!["a".to_owned()],
    };
    assert_eq!(train, wanted);
    let unions = value(
        "let S = < Constant | Cosine : { warmup : Natural } | Fixed : Double > in [ S.Constant, S.Fixed 1.5 ]",
    );
    assert_eq!(bind::<Vec<Schedule>>(&unions).unwrap(), [Schedule::Constant, Schedule::Fixed(1.5)]);
    assert_eq!(bind::<BTreeMap<String, u8>>(&value("{ b = 1, a = 2 }")).unwrap()["a"], 2);
}

#[test]
fn what_does_not_bind_is_named_with_its_path() {
    for (from, to, message) in [
        (
            "batchSize = 8",
            "batchSize = 4294967296",
            "[1].batchSize: invalid value: integer `4294967296`, expected u32",
        ),
        ("rate = 0.1", "rate = NaN", "[1].rate: a finite Double is wanted, and this is NaN"),
        ("rate = 0.1", "rate = -0.0", "[1].rate: negative zero is refused: write `0.0`"),
        ("rate = 0.1", "rate = 1", "[1].rate: this is a Natural, and a Double is wanted"),
        (
            "warmup = 5",
            "warmup = -5",
            "[1].schedule<Cosine>.warmup: invalid value: integer `-5`, expected u64",
        ),
        ("tags =", "tag =", "[1]: unknown field `tag`, did you mean `tags`?"),
        (", tags = [ \"a\" ]", "", "[1]: missing field `tags`"),
        (
            "Schedule.Cosine { warmup = 5 }",
            "< Step >.Step",
            "[1].schedule: unknown variant `Step`, expected one of `Constant`, `Cosine`, `Fixed`",
        ),
    ] {
        let mut source = TRAIN.replace(from, to);
        if to == "warmup = -5" {
            source = source.replace("warmup : Natural", "warmup : Integer");
        }
        let list = Value::List(vec![value(TRAIN), value(&source)]);
        assert_eq!(bind::<Vec<Train>>(&list).unwrap_err().to_string(), message);
    }
}

#[test]
fn lists_of_map_entries_stay_lists() {
    let entries = value("[ { mapKey = \"a\", mapValue = 1 }, { mapKey = \"a\", mapValue = 2 } ]");
    assert!(matches!(&entries, Value::List(entries) if entries.len() == 2));
    assert_eq!(value("toMap { a = 1 }"), value("[ { mapKey = \"a\", mapValue = 1 } ]"));
}

#[test]
fn an_evaluation_is_remembered_until_a_source_changes() {
    let folder =
        Folder::with(&[("a.dhall", "{ a = ./b.dhall, c = ./c.dhall ? 0 }"), ("b.dhall", "1")]);
    let entries = Folder::with(&[]);
    let request = folder.request("a.dhall");
    let evaluated = evaluate(&request).unwrap();
    let remembered = || cache::load(entries.path(), &request);
    assert_eq!(remembered(), None);
    cache::save(entries.path(), &request, &evaluated).unwrap();
    assert_eq!(remembered().as_ref(), Some(&evaluated));

    let other = Request { expected: Some("{ a : Natural }".to_owned()), ..request.clone() };
    assert_eq!(cache::load(entries.path(), &other), None);
    for (name, content) in [("b.dhall", "2"), ("c.dhall", "7"), ("a.dhall", "{ a = 1 }")] {
        let before = fs::read(folder.path().join(name)).ok();
        folder.add(name, content.as_bytes());
        assert_eq!(remembered(), None, "{name} changed");
        match before {
            Some(before) => folder.add(name, &before),
            None => fs::remove_file(folder.path().join(name)).unwrap(),
        }
        assert!(remembered().is_some(), "{name} is as before");
    }

    let elsewhere =
        Folder::with(&[("a.dhall", "{ a = ./b.dhall, c = ./c.dhall ? 0 }"), ("b.dhall", "1")]);
    let moved = || cache::load(entries.path(), &elsewhere.request("a.dhall"));
    assert_eq!(moved().as_ref(), Some(&evaluated), "the same files in another folder");
    elsewhere.add("b.dhall", b"2");
    assert_eq!(moved(), None);
}

#[test]
fn a_torn_or_foreign_entry_is_no_entry() {
    let folder = Folder::with(&[("a.dhall", "{ a = [ 1, 2, 3 ] }")]);
    let entries = Folder::with(&[]);
    let request = folder.request("a.dhall");
    cache::save(entries.path(), &request, &evaluate(&request).unwrap()).unwrap();
    let path = fs::read_dir(entries.path()).unwrap().next().unwrap().unwrap().path();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        entries.add(&name, &whole[..length]);
        assert_eq!(cache::load(entries.path(), &request), None, "{length} bytes");
        let mut flipped = whole.clone();
        flipped[length] ^= 1;
        entries.add(&name, &flipped);
        assert_eq!(cache::load(entries.path(), &request), None, "byte {length} flipped");
    }
    entries.add(&name, &whole);
    assert!(cache::load(entries.path(), &request).is_some());
}

#[test]
fn differences_are_said_path_by_path() {
    let left = value(
        "{ a = 1, runs = [ { s = 1, r = 0.5 }, { s = 2, r = 0.5 } ], t = Some \"x\", gone = True }",
    );
    let right = value(
        "{ a = 1, runs = [ { s = 1, r = 0.5 }, { s = 3, r = 0.5 } ], t = None Text, here = False }",
    );
    let shown: Vec<_> = diff(&left, &right)
        .into_iter()
        .map(|d| {
            format!("{}: {} | {}", d.path, d.left.unwrap_or_default(), d.right.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        shown,
        ["gone: True | ", "here:  | False", "runs[1].s: 2 | 3", "t: Some \"x\" | None"]
    );
    assert_eq!(diff(&left, &left), []);
    assert_eq!(diff(&value("[ 0.0 ]"), &value("[ -0.0 ]")).len(), 1);
    assert_eq!(diff(&value("[ NaN ]"), &value("[ NaN ]")), []);
    let inserted = diff(&value("[ 1, 2, 3 ]"), &value("[ 1, 9, 2, 3 ]"));
    assert_eq!((inserted.len(), inserted[0].path.as_str()), (1, "[1]"));
}

#[test]
fn shown_values_fit_the_width_and_normal_forms_have_the_same_id() {
    assert_eq!(
        show(&value("{ a = [ 1, 2 ], b = < A | B : Text >.B \"x\" }")),
        "{ a = [ 1, 2 ], b = B \"x\" }"
    );
    let long = "{ runs = [ { name = \"first run with a long name\", seeds = [ 1, 2, 3 ], `if` = True, t = Some \"a\\n\\${b}\" }, \
                { name = \"second run, with \\\"quotes\\\" and é\", seeds = [] : List Natural, `if` = False, t = None Text } ], \
                u = < A : { x : Double } | B >.A { x = -1.0e-9 }, v = [ +1, -1 ], w = < A | B : Natural >.A, d = 1e22 }";
    let folder = Folder::with(&[("a.dhall", long)]);
    let evaluated = evaluate(&Request { normal_form: true, ..folder.request("a.dhall") }).unwrap();
    let text = evaluated.normal_form.unwrap();
    assert!(
        text.lines().count() > 3 && text.lines().all(|line| line.chars().count() <= 120),
        "{text}"
    );
    folder.add("b.dhall", text.as_bytes());
    assert_eq!(evaluate(&folder.request("b.dhall")).unwrap().id, evaluated.id, "{text}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(Value::Natural),
        any::<i64>().prop_map(Value::Integer),
        any::<u64>().prop_map(|bits| Value::Double(f64::from_bits(bits))),
        ".{0,5}".prop_map(Value::Text),
        Just(Value::Optional(None)),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-c]{1,2}", inner.clone(), 0..4).prop_map(Value::Record),
            inner.clone().prop_map(|value| Value::Optional(Some(Box::new(value)))),
            ("[A-C]", prop::option::of(inner))
                .prop_map(|(name, payload)| Value::Union(name, payload.map(Box::new))),
        ]
    })
}

proptest! {
    #[test]
    fn bytes_of_a_value_read_back_to_the_bit(value in any_value()) {
        let back = Value::from_bytes(&value.to_bytes()).unwrap();
        prop_assert_eq!(diff(&value, &back), []);
        prop_assert_eq!(back.to_bytes(), value.to_bytes());
    }

    #[test]
    fn any_bytes_read_to_something_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(value) = Value::from_bytes(&bytes) {
            prop_assert_eq!(value.to_bytes(), bytes.clone());
        }
        drop(crate::spec::Evaluated::from_bytes(&bytes));
    }
}
