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
