//! Hostile and broken files: each ends in a clear error, and nothing outside of the import root is read.

use std::os::unix::fs::symlink;

use super::*;
use crate::spec::{Limit, Value};

#[test]
fn overflow_is_an_error_and_not_a_wrong_number() {
    for source in [
        "18446744073709551615 + 1",
        "4294967296 * 4294967296",
        "{ a = Natural/toInteger 9223372036854775808 }",
        "Integer/negate -9223372036854775808",
        "18446744073709551616",
        "+9223372036854775808",
    ] {
        let folder = Folder::with(&[("a.dhall", source)]);
        let message = findings(guarded(&folder.request("a.dhall")))[0].message.clone();
        assert!(message.contains("does not fit"), "{source}: {message}");
    }
    let largest = evaluate_text("Natural/toInteger 9223372036854775807").unwrap().value;
    assert_eq!(largest, Value::Integer(i64::MAX));
}

#[test]
fn an_overflow_is_placed_where_its_numbers_meet() {
    let files = [("times.dhall", "λ(a : Natural) → λ(b : Natural) → a * b")];
    for (source, line, column) in [
        ("{ seed = 18446744073709551615 + 1 }", 1, 10),
        ("let n = 4294967296\nlet m = n\n  * n\nin  { a = m }", 2, 9),
        ("let n = 4294967296\nin  { a = [ 1, ./times.dhall n n ] }", 2, 16),
        ("{ a = 1, b = Natural/toInteger 9223372036854775808 }", 1, 14),
        ("{ a = (λ(n : Natural) → n + (2 + 18446744073709551615)) 1 }", 1, 30),
    ] {
        let folder = Folder::with(&files);
        folder.add("a.dhall", source.as_bytes());
        let found = findings(guarded(&folder.request("a.dhall"))).remove(0);
        assert!(found.message.contains("does not fit"), "{source}: {found}");
        let place = found.place.as_ref().unwrap_or_else(|| panic!("{source}"));
        assert_eq!((place.line, place.column), (line, column), "{source}: {found}");
    }
}

/// One message for each source that reaches for something it must not have.
#[test]
fn nothing_outside_of_the_root_is_imported() {
    let folder = Folder::with(&[("inside/b.dhall", "1"), ("secret.dhall", "2")]);
    folder.add("inside/large.dhall", &vec![b' '; (1 << 20) + 1]);
    folder.add("inside/latin.txt", b"caf\xe9");
    symlink("../secret.dhall", folder.path().join("inside/link.dhall")).unwrap();
    symlink("/dev/zero", folder.path().join("inside/zero")).unwrap();
    let fifo = folder.path().join("inside/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    for (source, message) in [
        ("/etc/passwd as Text", "absolute path are refused"),
        ("~/.ssh/id_rsa as Text", "home folder are refused"),
        ("../secret.dhall", "leads out of the import root"),
        ("./x/../../secret.dhall", "leads out of the import root"),
        ("./link.dhall", "symbolic link leads out of the import root"),
        ("./zero as Text", "symbolic link leads out of the import root"),
        ("./fifo as Text", "not a regular file"),
        ("./large.dhall", "larger than 1 MiB"),
        ("./latin.txt as Text", "not UTF-8"),
        ("env:HOME as Text", "env:HOME` is absent"),
        ("https://example.com/a.dhall", "no `sha256:` pin"),
        ("./b.dhall as Location", "`as Location` is refused"),
        ("missing", "never there"),
        ("./a.dhall", "closes a cycle"),
        ("Double/show 1.5", "`Double/show` is refused"),
        (
            "https://example.com/a.dhall sha256:0000000000000000000000000000000000000000000000000000000000000000 using []",
            "does not continue",
        ),
        (
            "./b.dhall sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "not what it is pinned to",
        ),
        (
            "./b.dhall sha256:0000000000000000000000000000000000000000000000000000000000000000 as Text",
            "not what it is pinned to",
        ),
        (
            "https://example.com/a.dhall sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "uses no network",
        ),
        (
            "https://example.com/a.dhall using [{ mapKey = \"a\", mapValue = \"b\" }]",
            "headers are refused",
        ),
    ] {
        folder.add("inside/a.dhall", source.as_bytes());
        let request =
            Request { root: folder.path().join("inside").into(), ..folder.request("a.dhall") };
        let found = findings(evaluate(&request));
        assert!(found[0].to_string().contains(message), "{source}: {}", found[0]);
    }
}

#[test]
fn a_fallback_is_for_what_is_absent_and_not_for_what_is_refused() {
    let zero = "0".repeat(64);
    for (source, works) in [
        ("./none.dhall ? 7".to_owned(), true),
        ("env:HOME ? 7".to_owned(), true),
        ("missing ? 7".to_owned(), true),
        ("./uses-none.dhall ? 7".to_owned(), true),
        (format!("https://example.com/a sha256:{zero} ? 7"), true),
        (format!("./b.dhall sha256:{zero} ? 7"), false),
        (format!("./b.dhall sha256:{zero} as Text ? 7"), false),
        ("./broken.dhall ? 7".to_owned(), false),
        ("./ill-typed.dhall ? 7".to_owned(), false),
        ("/etc/passwd ? 7".to_owned(), false),
        ("../x.dhall ? 7".to_owned(), false),
        ("https://example.com/a ? 7".to_owned(), false),
    ] {
        let folder = Folder::with(&[
            ("a.dhall", &source),
            ("b.dhall", "1"),
            ("broken.dhall", "(1"),
            ("ill-typed.dhall", "1 + True"),
            ("uses-none.dhall", "./none.dhall"),
        ]);
        let result = evaluate(&folder.request("a.dhall"));
        assert_eq!(result.is_ok(), works, "{source}: {result:?}");
    }
}

#[test]
fn an_evaluation_that_takes_too_much_ends_in_seconds() {
    let doubling = "let d = λ(n : Natural) → λ(t : Text) → Natural/fold n Text (λ(t : Text) → t ++ t) t in d 40 \"ab\"";
    let fold = "Natural/fold 1000000000000 Natural (λ(n : Natural) → n + 1) 0";
    let deep = format!("{}1{}", "let x = ".repeat(20_000), " in x".repeat(20_000));
    let chain = format!("{}2", "if False then 1 else ".repeat(40_000));
    thread::scope(|scope| {
        for source in [doubling, fold, &deep, &chain] {
            scope.spawn(move || {
                let folder = Folder::with(&[("a.dhall", source)]);
                let error = guarded(&folder.request("a.dhall")).unwrap_err();
                assert!(!error.hints().is_empty());
                // Machines differ in which bound comes first.
                let bounded = matches!(
                    error,
                    Error::Limit(Limit::Seconds(_) | Limit::Memory(_) | Limit::Depth)
                );
                let start = source.chars().take(60).collect::<String>();
                assert!(bounded, "{start}: {error}");
            });
        }
    });
}

/// Evaluated at every mention, the last of these files would cost 2^40 evaluations of the first; as normal forms, their
/// functions would have 2^40 parts.
#[test]
fn every_file_is_evaluated_once() {
    let doubled = "let n = n + n ".repeat(40);
    let first = format!("{{ n = 1, doubled = λ(n : Natural) → {doubled} in n }}");
    let folder = Folder::with(&[("a0.dhall", first.as_str()), ("b0.dhall", "./a0.dhall")]);
    for level in 1..=40 {
        let below = level - 1;
        let one = format!("Natural/subtract (./a{below}.dhall).n ((./b{below}.dhall).n + 1)");
        let doubled =
            format!("λ(n : Natural) → (./b{below}.dhall).doubled ((./a{below}.dhall).n * n)");
        let source = format!("{{ n = {one}, doubled = {doubled} }}");
        folder.add(&format!("a{level}.dhall"), source.as_bytes());
        folder.add(&format!("b{level}.dhall"), source.as_bytes());
    }
    folder.add("c.dhall", b"let a = ./a40.dhall in { n = a.n, x = a.doubled 3 }");
    let value = evaluate(&folder.request("c.dhall")).unwrap().value;
    assert_eq!(value.field("n"), Some(&Value::Natural(1)));
    assert_eq!(value.field("x"), Some(&Value::Natural(3 << 40)));
}

/// An import is a variable that no expression can name, whatever binds around it.
#[test]
fn imports_are_told_from_what_binds_around_them() {
    let folder = Folder::with(&[
        ("one.dhall", "1"),
        ("two.dhall", "2"),
        ("one.dhall as Text", "3"),
        ("type.dhall", "{ n : Natural }"),
        (
            "a.dhall",
            "let f = λ(x : Natural) → λ(`one.dhall` : Natural) → [ `one.dhall`, ./one.dhall, x, ./two.dhall ]
             let two = ./two.dhall
             in  { list = f two 7, text = ./one.dhall as Text, three = ./\"one.dhall as Text\", typed = { n = ./one.dhall } : ./type.dhall }",
        ),
    ]);
    let value = evaluate(&folder.request("a.dhall")).unwrap().value;
    let list = [7, 1, 2, 2].map(Value::Natural).to_vec();
    assert_eq!(value.field("list"), Some(&Value::List(list)));
    assert_eq!(value.field("text"), Some(&Value::Text("1".to_owned())));
    assert_eq!(value.field("three"), Some(&Value::Natural(3)));
    assert_eq!(value.field("typed").unwrap().field("n"), Some(&Value::Natural(1)));
    folder.add("a.dhall", "./one.dhall + `two.dhall`".as_bytes());
    let found = findings(evaluate(&folder.request("a.dhall")));
    assert!(found[0].to_string().contains("`two.dhall` is not defined here"), "{}", found[0]);
}

#[test]
fn brackets_are_read_in_linear_time() {
    let nested = format!("{}1{}", "(".repeat(150), ")".repeat(150));
    assert_eq!(evaluate_text(&nested).unwrap().value, Value::Natural(1));
    let records = format!("{}1{}", "{ a = [ ".repeat(40), " ] }".repeat(40));
    assert!(evaluate_text(&records).is_ok());
    assert_eq!(
        messages(&format!("{}1{}", "(".repeat(300), ")".repeat(300)))[0].lines().next().unwrap(),
        "a.dhall:1:201: brackets are nested more than 200 deep"
    );
}

#[test]
fn a_typo_in_a_text_does_not_become_data() {
    assert!(messages("\"a ${if True then 1}\"")[0].contains("a.dhall:1:"));
    assert!(messages("\"a ${\"")[0].contains("this text literal is never closed"));
    for escaped in [r#""a \${x}""#, r#""a \u0024{x}""#, "''\n  a ''${x}''"] {
        assert_eq!(evaluate_text(escaped).unwrap().value, Value::Text("a ${x}".to_owned()));
    }
    assert!(messages(r#""\u{110000}""#)[0].contains("does not exist"));
}

#[test]
fn a_child_that_answers_something_else_is_not_believed() {
    let folder = Folder::with(&[("a.dhall", "1")]);
    let request = folder.request("a.dhall");
    for (path, arguments) in
        [("/bin/echo", vec!["hello"]), ("/bin/false", vec![]), ("/bin/cat", vec![])]
    {
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        let other = Program { path: path.into(), arguments };
        let result = guard::evaluate(&other, &request);
        assert!(matches!(result, Err(Error::Evaluator(_))), "{path}: {result:?}");
    }
    let absent = Program { path: "/no/such/program".into(), arguments: Vec::new() };
    assert!(guard::evaluate(&absent, &request).unwrap_err().is_environment());
}

#[test]
fn functions_types_and_deep_values_are_no_values() {
    assert!(messages("{ a = [ λ(x : Natural) → x ] }")[0].starts_with("a[0]: this is a function"));
    assert!(messages("Natural")[0].starts_with("this is a type"));
    let deep = (0..110).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
    assert!(messages(&deep)[0].contains("nested more than 100 deep"));
}

#[test]
fn imports_are_bounded_in_depth_and_bytes_and_may_not_form_a_cycle() {
    let folder = Folder::with(&[("p.dhall", "./q/r.dhall"), ("q/r.dhall", "{ a = ../p.dhall }")]);
    let cycle = findings(evaluate(&folder.request("p.dhall")))[0].to_string();
    assert!(cycle.contains("closes a cycle: `p.dhall` → `q/r.dhall` → `p.dhall`"), "{cycle}");

    for number in 0..70 {
        folder.add(&format!("{number}.dhall"), format!("./{}.dhall", number + 1).as_bytes());
    }
    folder.add("70.dhall", b"1");
    let deep = findings(evaluate(&folder.request("0.dhall")))[0].to_string();
    assert!(deep.contains("nested more than 64 deep"), "{deep}");
    assert!(evaluate(&folder.request("30.dhall")).is_ok());

    let megabyte = vec![b'x'; 1 << 20];
    for number in 0..17 {
        folder.add(&format!("{number}.txt"), &megabyte);
    }
    let texts: Vec<_> = (0..17).map(|number| format!("./{number}.txt as Text")).collect();
    folder.add("texts.dhall", format!("[ {} ]", texts.join(", ")).as_bytes());
    let large = findings(evaluate(&folder.request("texts.dhall")))[0].to_string();
    assert!(large.contains("all files together are larger than 16 MiB"), "{large}");
}
