//! Hostile and broken files: each ends in a clear error, and none outside of the import root is read.

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
