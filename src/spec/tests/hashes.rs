//! The experiment id is the standard's semantic hash.

use super::*;
use crate::digest::BlobDigest;

fn id(source: &str) -> String {
    evaluate_text(source).unwrap().id.to_string()
}

/// SHA-256 of CBOR written down by hand after the standard's `binary.md`.
#[test]
fn id_is_the_digest_of_the_canonical_encoding() {
    for (source, cbor) in [
        ("True", &b"\xf5"[..]),
        ("1 + 1", b"\x82\x0f\x02"),
        ("-3", b"\x82\x10\x22"),
        ("1.5", b"\xf9\x3e\x00"),
        ("0.1", b"\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a"),
        ("\"a\" ++ \"b\"", b"\x82\x12\x62ab"),
        ("[ 1, 2 ]", b"\x84\x04\xf6\x82\x0f\x01\x82\x0f\x02"),
        ("[] : List Bool", b"\x82\x04\x64Bool"),
        ("{ b = 1, a = True }", b"\x82\x08\xa2\x61a\xf5\x61b\x82\x0f\x01"),
        ("Some True", b"\x83\x05\xf6\xf5"),
        ("None Bool", b"\x83\x00\x64None\x64Bool"),
        ("< A | B : Bool >.A", b"\x83\x09\x82\x0b\xa2\x61A\xf6\x61B\x64Bool\x61A"),
    ] {
        assert_eq!(id(source), BlobDigest::of(cbor).to_string(), "{source}");
    }
}

/// Functions of the Prelude with the pins that it publishes for them. A pin that does not match is refused, so what
/// evaluates here has the published hash.
#[test]
fn published_pins_of_the_prelude_hold() {
    for (function, pin, applied, result) in [
        (
            "λ(b : Bool) → b == False",
            "723df402df24377d8a853afed08d9d69a0a6d86e2e5b2bac8960b0d4756c7dc4",
            "f True",
            "False",
        ),
        (
            "λ(a : Type) → λ(b : Type) → λ(f : a → b) → λ(xs : List a) → List/build b \
             (λ(list : Type) → λ(cons : b → list → list) → List/fold a xs list (λ(x : a) → cons (f x)))",
            "dd845ffb4568d40327f2a817eb42d1c6138b929ca758d50bc33112ef3c885680",
            "f Natural Bool Natural/even [ 1, 2 ]",
            "[ False, True ]",
        ),
        (
            "λ(xs : List Natural) → List/fold Natural xs Natural (λ(l : Natural) → λ(r : Natural) → l + r) 0",
            "33f7f4c3aff62e5ecf4848f964363133452d420dcde045784518fb59fa970037",
            "f [ 1, 2, 3 ]",
            "6",
        ),
        (
            "λ(xs : List Text) → List/fold Text xs Text (λ(x : Text) → λ(y : Text) → x ++ y) \"\"",
            "731265b0288e8a905ecff95c97333ee2db614c39d69f1514cb8eed9259745fc0",
            "f [ \"a\", \"b\" ]",
            "\"ab\"",
        ),
        (
            "λ(a : Type) → λ(f : a → Text) → λ(xs : List a) → \
             List/fold a xs Text (λ(x : a) → λ(y : Text) → f x ++ y) \"\"",
            "7a0b0b99643de69d6f94ba49441cd0fa0507cbdfa8ace0295f16097af37e226f",
            "f Natural Natural/show [ 1, 2 ]",
            "\"12\"",
        ),
        (
            "let Status = < Empty | NonEmpty : Text > in λ(separator : Text) → λ(elements : List Text) → \
             let status = List/fold Text elements Status (λ(element : Text) → λ(status : Status) → \
             merge { Empty = Status.NonEmpty element, NonEmpty = λ(result : Text) → \
             Status.NonEmpty (element ++ separator ++ result) } status) Status.Empty \
             in merge { Empty = \"\", NonEmpty = λ(result : Text) → result } status",
            "e4401d69918c61b92a4c0288f7d60a6560ca99726138ed8ebc58dca2cd205e58",
            "f \"-\" [ \"a\", \"b\" ]",
            "\"a-b\"",
        ),
        (
            "λ(a : Type) → λ(xss : List (List a)) → List/build a (λ(list : Type) → \
             λ(cons : a → list → list) → λ(nil : list) → List/fold (List a) xss list \
             (λ(xs : List a) → λ(ys : list) → List/fold a xs list cons ys) nil)",
            "54e43278be13276e03bd1afa89e562e94a0a006377ebea7db14c7562b0de292b",
            "f Natural [ [ 1 ], [ 2 ] ]",
            "[ 1, 2 ]",
        ),
        (
            "λ(a : Type) → λ(b : Type) → λ(f : a → b) → λ(o : Optional a) → \
             merge { Some = λ(x : a) → Some (f x), None = None b } o",
            "501534192d988218d43261c299cc1d1e0b13d25df388937add784778ab0054fa",
            "f Natural Bool Natural/even (Some 2)",
            "Some True",
        ),
    ] {
        let source = format!("let f = ./f.dhall sha256:{pin} in {applied}");
        let folder = Folder::with(&[("a.dhall", &source), ("f.dhall", function)]);
        let evaluated = evaluate(&folder.request("a.dhall")).unwrap();
        assert_eq!(evaluated.id.to_string(), id(result), "{applied}");
    }
}

#[test]
fn a_pinned_address_is_read_from_the_blobs_that_are_here() {
    // `λ(_ : Bool) → _ == False`, encoded by hand.
    let not = b"\x83\x01\x64Bool\x84\x03\x02\x00\xf4";
    let pin = BlobDigest::of(not);
    let source = format!("https://prelude.dhall-lang.org/Bool/not.dhall sha256:{pin} True");
    let folder = Folder::with(&[("a.dhall", &source)]);
    let pins = Folder::with(&[]);
    let request = Request { pins: vec![pins.path().to_owned()], ..folder.request("a.dhall") };
    assert!(findings(evaluate(&request))[0].hints[0].contains("ibid store add"));
    for name in [format!("1220{pin}"), format!("{}/{pin}", &pin.to_string()[..2])] {
        pins.add(&name, b"poisoned");
        assert!(evaluate(&request).is_err(), "bytes that do not match their name are not believed");
        pins.add(&name, not);
        assert_eq!(evaluate(&request).unwrap().id.to_string(), id("False"));
        pins.add(&name, b"poisoned");
    }
}

#[test]
fn layout_comments_and_imports_do_not_change_the_id() {
    let plain = id("{ a = 1, b = [ \"x\" ] }");
    assert_eq!(id("-- a comment\n{ b =\n  [\"x\"], a = {- one -} 0 + 1 }"), plain);
    let folder = Folder::with(&[
        ("a.dhall", "{ a = ./one.dhall, b = [ ./x.txt as Text ] }"),
        ("one.dhall", "1"),
        ("x.txt", "x"),
    ]);
    assert_eq!(evaluate(&folder.request("a.dhall")).unwrap().id.to_string(), plain);
    assert_ne!(id("{ a = 2, b = [ \"x\" ] }"), plain);
}

#[test]
fn a_pinned_text_must_be_a_text() {
    let pins = Folder::with(&[]);
    let read = |blob: &[u8]| {
        let pin = BlobDigest::of(blob);
        pins.add(&pin.to_string(), blob);
        let source = format!("https://example.com/a sha256:{pin} as Text");
        let folder = Folder::with(&[("a.dhall", &source)]);
        evaluate(&Request { pins: vec![pins.path().to_owned()], ..folder.request("a.dhall") })
    };
    // The text `ab` and the Natural 1, encoded by hand.
    assert_eq!(read(b"\x82\x12\x62ab").unwrap().id.to_string(), id("\"ab\""));
    assert!(findings(read(b"\x82\x0f\x01"))[0].message.ends_with("is not a text"));
    assert!(findings(read(b"not CBOR"))[0].message.contains("no Dhall expression"));
}

#[test]
fn an_encoded_import_whose_pin_is_too_short_is_a_finding() {
    // `missing` with a pin of one byte, encoded by hand.
    let blob = b"\x84\x18\x18\x43\x12\x20\x00\x00\x07";
    let pin = BlobDigest::of(blob);
    let pins = Folder::with(&[]);
    pins.add(&pin.to_string(), blob);
    let folder = Folder::with(&[("a.dhall", &format!("https://example.com/a sha256:{pin}"))]);
    let request = Request { pins: vec![pins.path().to_owned()], ..folder.request("a.dhall") };
    let found = findings(evaluate(&request));
    assert!(found[0].message.contains("a `sha256:` pin has 1 bytes, not 32"), "{found:?}");
}
