//! The linear-time front end against the engine's own parser.

use dhall::syntax::{binary, parse_expr};
use proptest::prelude::*;

use super::*;
use crate::spec::parse::parse;

/// Small programs that use every corner of the syntax; each is shallow, because the engine takes 3^depth.
const CORPUS: [&str; 14] = [
    "let x : Natural = 1 let y = x + 2 in { a = y, b.c = [ x, y ], d }",
    "λ(x : { a : Text, b : < A | B : Natural > }) → merge { A = 1, B = λ(n : Natural) → n } x.b",
    "\\(a : Type) -> forall (b : Type) -> a -> b",
    "{- block {- nested -} -} if True then \"a ${x ++ \"b\"} \\\" \\u00e9\" else ''\n  two\n    ${y} '''\n  ''${\n  ''",
    "./a/b.dhall sha256:27abdeddfe8503496adeb623466caa47da5f63abd2bc6fa19f6cfcb73ecfed70 as Text ? missing",
    "https://example.com/a/b.dhall?q=1 using (./h) ? env:HOME as Text ? env:\"X Y\" ? ../c/\"d e\" ? ~/d ? /e",
    "[] : List { x : Natural }",
    "toMap { a = 1 } : List { mapKey : Text, mapValue : Natural }",
    "(x.{ a, b }).(T) // y /\\ z //\\\\ (w with a.b = 1)",
    "Some (T::{ a = 1 }) === None Natural && x == y || a != b",
    "assert : Natural/fold 3 Natural (λ(n : Natural) → n * 2) 1 ≡ 8 -- end\n",
    "{ `if` = 1, `a b` = -1, c = +2, d = 1.5e-3, e = -Infinity, f = NaN, g = 0xFF }",
    "< A : { x : Natural } | B >.A { x = 1 } # [ , 1, 2 ]",
    "{=} ⫽ {} ∧ { , a : Natural } ⩓ x@1",
];

const EXTRA: [&str; 30] = [
    "(", ")", "{", "}", "[", "]", "\r\n", "\t", "é", "λ", "''", "\"", "1", "True", "x", "Natural",
    "{-", "-}", "--", "//", "->", ":", "=", "|", "<", ">", "?", "@", "`", ".",
];

fn tokens(source: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    for character in source.chars() {
        let word = character.is_alphanumeric() || character == '_';
        let last = tokens.last_mut().unwrap();
        if word && last.chars().all(|c| c.is_alphanumeric() || c == '_') {
            last.push(character);
        } else {
            tokens.push(character.to_string());
        }
    }
    tokens
}

fn mutated(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % bound as u64).unwrap()
    };
    let mut program = tokens(CORPUS[below(CORPUS.len())]);
    for _ in 0..=below(3) {
        let at = below(program.len());
        match below(5) {
            0 => drop(program.remove(at)),
            1 => program.insert(at, program[at].clone()),
            2 => {
                let other = below(program.len());
                program.swap(at, other);
            }
            3 => EXTRA[below(EXTRA.len())].clone_into(&mut program[at]),
            _ => {
                let other = tokens(CORPUS[below(CORPUS.len())]);
                let from = below(other.len());
                let to = (from + 1 + below(6)).min(other.len());
                program.splice(at..at, other[from..to].iter().cloned());
            }
        }
        if program.is_empty() {
            program.push("1".to_owned());
        }
    }
    program.concat()
}

#[test]
fn both_parsers_agree_on_mutated_programs() {
    let worker = thread::Builder::new().stack_size(64 << 20);
    let accepted = worker
        .spawn(|| {
            let mut accepted = 0;
            for seed in 0..3_000 {
                let source = mutated(seed);
                let Ok(engine) = std::panic::catch_unwind(|| parse_expr(&source)) else {
                    continue;
                };
                let engine = engine.map(|tree| binary::encode(&tree).unwrap());
                let ours = parse(&source).map(|tree| binary::encode(&tree).unwrap());
                match (engine, ours) {
                    (Ok(engine), Ok(ours)) => {
                        assert_eq!(engine, ours, "seed {seed}: {source}");
                        accepted += 1;
                    }
                    (Err(_), Err(_)) => {}
                    // An unclosed `${` is text to the engine.
                    (Ok(_), Err(_)) => assert!(
                        source.contains("${"),
                        "only the engine accepts seed {seed}: {source}"
                    ),
                    (Err(_), Ok(_)) => panic!("only we accept seed {seed}: {source}"),
                }
            }
            accepted
        })
        .unwrap()
        .join()
        .unwrap();
    assert!(accepted > 300, "{accepted} programs were valid");
}

#[test]
fn the_corpus_itself_is_valid() {
    for source in CORPUS {
        assert!(parse(source).is_ok(), "{source}: {:?}", parse(source).unwrap_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Pieces of syntax in any order, and any characters in between, give a tree or an error at a place in the source.
    #[test]
    fn any_text_gives_a_tree_or_an_error(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(EXTRA.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec!["${", "''\n", "let ", " in ", "\\u{110000}", "./a", "http://[", ".{", "#!", "\0"])
            .prop_map(str::to_owned),
        "\\PC{0,3}",
    ], 0..40)) {
        let source = pieces.concat();
        if let Err(error) = parse(&source) {
            prop_assert!(error.offset <= source.len() && source.is_char_boundary(error.offset));
            prop_assert!(!error.message.is_empty());
        }
    }
}
