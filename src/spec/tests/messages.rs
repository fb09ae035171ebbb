//! What authors read: file, line, column, an excerpt, both types, a hint; every finding at once.

use super::*;

const TRAIN: &str = "{ Type = { name : Text, batchSize : Natural, samplesSeen : Natural, rate : Double }\n\
                     , default = { name = \"run\", batchSize = 8, rate = 0.1 } }";

fn said(source: &str, expected: Option<&str>) -> Vec<Finding> {
    let folder = Folder::with(&[("a.dhall", source), ("Train.dhall", TRAIN)]);
    let expected = expected.map(str::to_owned);
    findings(evaluate(&Request { expected, ..folder.request("a.dhall") }))
}

#[test]
fn a_record_of_the_schema_has_all_its_findings_at_once() {
    let source = "let Train = ./Train.dhall\nin  { runs =\n      [ Train::{ samplesSeen = 1 }\n      \
                  , Train::{ sampleSeen = 5, batchSize = -3 }\n      , Train::{ samplesSeen = 2, rate = 1 }\n      ] }";
    let shown: Vec<String> = said(source, None).iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "a.dhall:4:46: runs[1].batchSize: wrong type\n \
             4 |       , Train::{ sampleSeen = 5, batchSize = -3 }\n   \
               |                                              ^^\n  \
             expected: Natural\n     found: Integer\n  \
             hint: write it without its sign: `1` is a Natural, `+1` an Integer",
            "a.dhall:4:16: runs[1].samplesSeen: missing (expected Natural)\n \
             4 |       , Train::{ sampleSeen = 5, batchSize = -3 }\n   \
               |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  \
             hint: rename `sampleSeen` to `samplesSeen`?",
            "a.dhall:4:31: runs[1].sampleSeen: the schema has no such field\n \
             4 |       , Train::{ sampleSeen = 5, batchSize = -3 }\n   \
               |                               ^\n  \
             hint: did you mean `samplesSeen`?",
            "a.dhall:5:42: runs[2].rate: wrong type\n \
             5 |       , Train::{ samplesSeen = 2, rate = 1 }\n   \
               |                                          ^\n  \
             expected: Double\n     found: Natural\n  \
             hint: write a decimal point: `1.0` is a Double",
        ]
    );
}

#[test]
fn a_value_is_compared_with_the_expected_type_field_by_field() {
    let source =
        "{ title = \"x\"\n, runs =\n  [ { batchSize = 1, seed = \"1\", extra = True }\n  ]\n}";
    let expected = "{ titel : Text, runs : List { batchSize : Double, seed : Natural, rate : Optional Double } }";
    let found: Vec<_> = said(source, Some(expected))
        .into_iter()
        .map(|finding| {
            let line = finding.place.unwrap().line;
            (line, finding.path.unwrap(), finding.message)
        })
        .collect();
    let text = |line, path: &str, message: &str| (line, path.to_owned(), message.to_owned());
    assert_eq!(
        found,
        [
            text(3, "runs[].batchSize", "wrong type"),
            text(3, "runs[].rate", "missing (expected Optional Double)"),
            text(3, "runs[].seed", "wrong type"),
            text(3, "runs[].extra", "the schema has no such field"),
            text(1, "titel", "missing (expected Text)"),
            text(1, "title", "the schema has no such field"),
        ]
    );
}

#[test]
fn expected_type_of_rust_types_is_dhall() {
    #[derive(serde_dhall::StaticType)]
    #[allow(dead_code, reason = "only its type is looked at")]
    struct Shard {
        sha256: String,
        samples: u64,
        weight: Option<f64>,
    }
    let expected = crate::spec::expected_type::<Shard>();
    let source = "{ sha256 = \"ab\", samples = 1, weight = None Double }";
    let folder = Folder::with(&[("a.dhall", source)]);
    let request = Request { expected: Some(expected), ..folder.request("a.dhall") };
    assert!(evaluate(&request).is_ok());
}

/// Each kind of mistake, and the first line that is said of it, without the file's name.
const MISTAKES: &[(&str, &str)] = &[
    ("[1, 2, True, 3]", "1:8: [2]: wrong type"),
    ("let x : Natural = \"a\" in { a = x + 1 }", "1:19: x: wrong type"),
    ("let f = λ(n : Natural) → n in f True", "1:33: wrong type"),
    ("(./Train.dhall).Tipe", "1:2: this record has no field `Tipe`"),
    ("let samples = 1 in sample", "1:20: `sample` is not defined here"),
    ("let y = { a = 1\nin y", "1:9: this `{` is never closed"),
    ("{ a = 1, b = }", "1:14: this does not continue the expression"),
    ("if True then 1", "1:15: the file ends in the middle of an expression"),
    ("merge { A = 1 } < A | B >.B", "1:1: `merge` lacks a handler for `B`"),
    ("merge { A = 1, B = 2 } < A >.A", "1:7: `merge` has a handler for `B`, which the union lacks"),
    ("assert : 1 + 1 ≡ 3", "1:1: this assertion does not hold"),
    ("\"a ${1}\"", "1:6: only a Text can stand in `${…}` or beside `++`"),
    ("\"é\" ++ 1", "1:8: only a Text can stand in `${…}` or beside `++`"),
    ("{ a = 1, a = 2 }", "1:14: a: this field is given twice"),
    ("< Cosine | Linear >.Cosin", "1:2: this union has no alternative `Cosin`"),
    ("{ x = 1 } // 2", "1:14: records are joined with `//` and `/\\`"),
    ("1 2", "1:1: this is applied to an argument and is not a function"),
    ("λ(x : 1) → x", "1:7: a parameter is annotated with something that is not a type"),
    ("if 1 then 2 else 3", "1:4: the condition of `if` must be a Bool"),
    ("if True then 2 else +3", "1:21: wrong type"),
    ("[1] # [True]", "1:8: []: wrong type"),
    ("(1).x", "1:2: `.x` is asked of something that has no fields"),
    ("∀(x : Natural) → x", "1:18: `x` is not a type"),
    ("let F = forall (n : Natural) -> n in F", "1:33: `n` is not a type"),
    ("{ a = 1 } /\\ { a = 2 }", "1:14: both sides of `/\\` have a field `a`"),
    ("{ a.b = 1 } ∧ { a.b = 2 }", "1:15: both sides of `∧` have a field `a.b`"),
    ("{ a = 1 } ∧ 2", "1:13: `∧` joins records"),
    ("{ a : Text } //\\\\ { a : Text }", "1:19: both sides of `//\\\\` have a field `a`"),
    ("{ a : Text } ⩓ 1", "1:16: `⩓` joins record types"),
    ("{ a = 1 } with a.b = 2", "1:2: `with a.b = …` needs a record, and `a` is none"),
    ("1 with a = 2", "1:1: `with a = …` needs a record"),
    ("{ a = 1 }.({ b : Natural })", "1:1: b: this record has no such field"),
    ("{ a = 1 }.({ a : Text })", "1:7: a: wrong type"),
    ("{ a = 1 }.(Natural)", "1:12: `.( … )` takes a record type"),
    ("{ a = 1 }.(1)", "1:12: `.( … )` takes a record type"),
    ("(1).({ a : Text })", "1:2: `.( … )` takes fields of a record"),
    ("{ a = 1, a.b = 2 }", "1:16: a: this field is given twice"),
    ("[ { a.b = 1, a.b = 2 } ]", "1:20: [0].a.b: this field is given twice"),
    ("\u{feff}{ a = 1 }", "1:1: the file starts with a byte order mark"),
    ("1 : 2", "1:5: `2` is not a type"),
    ("let x : 1 = 2 in x", "1:9: `1` is not a type"),
    ("{ a : 1 }", "1:7: `1` is not a type"),
    ("< A : 1 >", "1:7: `1` is not a type"),
    ("[] : 1", "1:6: `1` is not a type"),
    ("assert : 1", "1:1: `assert` takes an equivalence: `assert : a ≡ b`"),
    ("toMap 1", "1:1: `toMap` takes a record"),
    (
        "merge { A = 1 } (< A : Natural >.A 1)",
        "1:1: the handler of an alternative with a value must be a function",
    ),
    (
        "merge { A = λ(x : Text) → 1 } (< A : Natural >.A 1)",
        "1:1: a handler of this `merge` takes another type than its alternative carries",
    ),
];

#[test]
fn mistakes_are_said_in_the_authors_terms() {
    for &(source, wanted) in MISTAKES {
        let first = said(source, None)[0].to_string();
        let first = first.lines().next().unwrap().strip_prefix("a.dhall:").unwrap();
        assert_eq!(first, wanted, "{source}");
    }
}

#[test]
fn a_mistake_in_an_imported_file_is_placed_there() {
    let folder =
        Folder::with(&[("x/a.dhall", "{ a = ../lib/b.dhall }"), ("lib/b.dhall", "\n  1 + True")]);
    let found = findings(evaluate(&folder.request("x/a.dhall")));
    let place = found[0].place.clone().unwrap();
    assert_eq!((place.file.as_str(), place.line, place.column), ("lib/b.dhall", 2, 7));
}

#[test]
fn a_wrong_binding_does_not_make_its_uses_wrong() {
    let found = said("let x : Natural = \"a\"\nin  { a = x + 1, b = [ 1, +2 ] }", None);
    let paths: Vec<_> = found.iter().map(|finding| finding.path.clone().unwrap()).collect();
    assert_eq!(paths, ["x", "b[1]"]);
}

/// First lines of all findings, without the file's name.
fn firsts(source: &str) -> Vec<String> {
    let first = |finding: &Finding| {
        let text = finding.to_string();
        text.lines().next().unwrap().trim_start_matches("a.dhall:").to_owned()
    };
    said(source, None).iter().map(first).collect()
}

/// What is wrong by itself is found; what only depends on something wrong is not.
#[test]
fn findings_of_bindings_that_do_not_depend_on_one_another_are_said_at_once() {
    for (source, wanted) in [
        ("let a = 1 + True let b = 2 + False in a + b", &["1:13: a: Dhall", "1:30: b: Dhall"][..]),
        ("let a = foo let b = a + 1 let c = bar in a + b + c", &["1:9: `foo`", "1:35: `bar`"]),
        ("let f = λ(n : Natral) → n + m in f True", &["1:15: `Natral`", "1:29: `m`"]),
        ("let a = foo in { b = a, c = [ a, bar ] }", &["1:9: `foo`", "1:34: `bar`"]),
        ("let a = foo let b = a in assert : b ≡ 1", &["1:9: `foo`"]),
        ("let a = foo let a = 1 in a + True", &["1:9: `foo`", "1:30: Dhall"]),
        ("let T = Natrual let x : T = 1 in x : Text", &["1:9: `Natrual`"]),
        ("let a : Natural = \"x\" in assert : a ≡ 1", &["1:19: a: wrong type"]),
        (
            "let Train = ./Train.dhall let n = foo in Train::{ samplesSeen = n, batchSize = -1 }",
            &["1:35: `foo`", "1:80: batchSize: wrong type"],
        ),
        (
            "let Train = ./Train.dhall let n = foo in Train::{ samplesSeen = n, batchSiz = 1 }",
            &["1:35: `foo`", "1:79: batchSiz: the schema has no such field"],
        ),
        ("(./Train.dhall).Tran::{ a = 1 }", &["1:2: this record has no field `Tran`"]),
        ("let a = ./no1.dhall let b = ./no2.dhall in a + b + True", &["1:9: there", "1:29: there"]),
        (
            "let a = ./no1.dhall let b = 1 + True in a ./no2.dhall",
            &["1:9: there", "1:43: there", "1:33: b: Dhall"],
        ),
    ] {
        let found = firsts(source);
        assert_eq!(found.len(), wanted.len(), "{source}: {found:#?}");
        let is_it = found.iter().zip(wanted).all(|(found, wanted)| found.contains(wanted));
        assert!(is_it, "{source}: {found:#?}");
    }
}

#[test]
fn a_wrong_file_is_told_once_however_often_it_is_imported() {
    let mut folder = Folder::with(&[("f0.dhall", "foo")]);
    for level in 1..=40 {
        let below = level - 1;
        folder.add(
            &format!("f{level}.dhall"),
            format!("./f{below}.dhall + ./f{below}.dhall").as_bytes(),
        );
    }
    folder.add("a.dhall", b"{ a = ./f40.dhall, b = ./f0.dhall, c = bar }");
    let found = findings(evaluate(&folder.request("a.dhall")));
    let said: Vec<_> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(said, ["`foo` is not defined here", "`bar` is not defined here"]);
    folder = Folder::with(&[("a.dhall", "./no.dhall ? ./nor.dhall")]);
    assert_eq!(findings(evaluate(&folder.request("a.dhall"))).len(), 1);
}

#[test]
fn a_hint_says_how_the_value_is_written_and_where_the_field_is_explained() {
    let train = "let schema = { Train = ./Train.dhall } in schema.Train::";
    let hint = |source: &str| said(source, None)[0].hints.join("|");
    for (source, wanted) in [
        (format!("{train}{{=}}"), "what it means is said in Train.dhall"),
        (
            format!("{train}{{ samplesSeen = 1, foo = 1 }}"),
            "its fields are: `batchSize`, `name`, `rate`, `samplesSeen`",
        ),
        ("\"128\" : Natural".to_owned(), "write it without quotes"),
        ("True : Natural".to_owned(), "a Natural is written in digits: `1`"),
        ("1 : Bool".to_owned(), "`True` or `False`"),
        ("1 : List Text".to_owned(), "`[ … ]`"),
        ("1 : < A | B : Text >".to_owned(), "name an alternative of the union: `A`, `B`"),
        ("< A : Text >.A : < A : Text >".to_owned(), "give it its argument"),
        ("\u{feff}1".to_owned(), "without a byte order mark"),
        ("∀(x : Natural) → x".to_owned(), "a type is written like `Natural`"),
    ] {
        assert!(hint(&source).contains(wanted), "{source}: {}", hint(&source));
    }
}
