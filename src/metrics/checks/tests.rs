//! Each rule on a clean table, which it lets pass, and on one with a planted fault, which it names by row and column
//! with both values; and on tables that it cannot be held against.

use std::collections::BTreeMap;

use super::*;
use crate::action::params::{
    Cells, CheckedRows, CountOf, Direction, GridAxis, Kept, LabelCase, SampleCount, Tolerance,
};

/// Columns and rows of a text without quotes.
fn parsed(csv: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = csv.lines().map(cells);
    (lines.next().unwrap(), lines.collect())
}

/// What breaks `rule` in the tables `t` and `u`.
fn held_against(rule: &Rule<f64>, t: &str, u: &str) -> Result<Vec<Finding>, CheckError> {
    let found = found_in(rule, t, u)?;
    assert_eq!(found.unreadable, BTreeSet::new());
    Ok(found.broken)
}

fn found_in(rule: &Rule<f64>, t: &str, u: &str) -> Result<Found, CheckError> {
    let (t, u) = (parsed(t), parsed(u));
    let tables = BTreeMap::from([
        ("t", Sheet { columns: &t.0, rows: &t.1 }),
        ("u", Sheet { columns: &u.0, rows: &u.1 }),
    ]);
    findings(&rule.map(|number| Real::new(number).unwrap()), &tables)
}

/// A finding in one line: `row:column:found|expected`; `-` where a row is missing.
fn line(finding: &Finding) -> String {
    let row = finding.place.row.map_or("-".to_owned(), |row| row.to_string());
    format!("{row}:{}:{}|{}", finding.place.column, finding.found, finding.expected)
}

/// The rule lets the clean table pass and finds just this in the faulty one.
fn check(rule: &Rule<f64>, clean: &str, faulty: &str, expected: &[&str]) {
    check_two(rule, (clean, "k\n"), (faulty, "k\n"), expected);
}

fn check_two(rule: &Rule<f64>, clean: (&str, &str), faulty: (&str, &str), expected: &[&str]) {
    assert_eq!(held_against(rule, clean.0, clean.1), Ok(Vec::new()));
    let found = held_against(rule, faulty.0, faulty.1).unwrap();
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected, "{found:#?}");
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn rows_of(table: &str, key: &[&str]) -> CheckedRows {
    CheckedRows { table: table.to_owned(), key: owned(key), keep: Vec::new(), present: Vec::new() }
}

fn cells(table: &str, column: &str) -> Cells {
    Cells { rows: rows_of(table, &["k"]), column: column.to_owned(), every_row: true }
}

const EXACT: Tolerance<f64> = Tolerance::Absolute(0.0);

#[test]
fn keys_are_unique() {
    let rule = Rule::UniqueKeys { rows: rows_of("t", &["k", "m"]) };
    check(&rule, "k,m\na,1\na,2\n", "k,m\na,1\nb,1\na,1\n", &["3:k, m:a, 1|another key"]);
}

#[test]
fn grids_are_complete() {
    let axis =
        |column: &str, texts: &[&str]| GridAxis { column: column.into(), texts: owned(texts) };
    let rule = |axes| Rule::Grid { rows: rows_of("t", &[]), axes };
    let present = rule(vec![axis("k", &[]), axis("m", &[])]);
    check(&present, "k,m\na,1\na,2\nb,1\nb,2\n", "k,m\na,1\nb,2\na,2\n", &["-:k, m:|b, 1"]);
    let stated = rule(vec![axis("k", &["a", "b"]), axis("m", &[])]);
    check(&stated, "k,m\na,1\nb,1\n", "k,m\na,1\na,2\n", &["-:k, m:|b, 1", "-:k, m:|b, 2"]);
}

#[test]
fn sequences_have_no_gap() {
    let rule = Rule::Sequence { rows: rows_of("t", &["k"]), column: "n".into(), first: 1 };
    check(
        &rule,
        "k,n\na,2\na,1\nb,1.0\n",
        "k,n\na,1\na,4\na,4\nb,0\nb,1.5\n",
        &[
            "3:n:4|another integer",
            "-:n:|2",
            "-:n:|3",
            "4:n:0|an integer from 1",
            "5:n:1.5|an integer from 1",
        ],
    );
}

/// One group misses 2 rows and one 999,999: neither is too many, both together are.
#[test]
fn what_all_groups_of_a_sequence_miss_is_bounded() {
    let rule = Rule::Sequence { rows: rows_of("t", &["k"]), column: "n".into(), first: 0 };
    for table in ["k,n\na,2\nb,999999\n", "k,n\na,9000000000000000\n"] {
        assert_eq!(held_against(&rule, table, "k\n"), Err(CheckError::GridTooLarge));
    }
    assert_eq!(held_against(&rule, "k,n\na,2\nb,3\n", "k\n").unwrap().len(), 5);
}

#[test]
fn columns_of_two_tables_agree() {
    let rule = Rule::Equal {
        left: cells("t", "x"),
        right: cells("u", "y"),
        tolerance: Tolerance::Relative(0.01),
    };
    let clean = ("k,x\na,1\nb,text\n", "k,y\nb,text\na,1.005\n");
    let faulty = ("k,x\na,1\nb,text\nc,3\nd,4\n", "k,y\na,1.02\nb,texts\ne,5\nd,4\nd,4\n");
    let expected = ["1:x:1|1.02", "2:x:text|texts", "3:x:3|", "4:x:4|", "3:y:5|"];
    check_two(&rule, clean, faulty, &expected);
    let found = held_against(&rule, faulty.0, faulty.1).unwrap();
    let other = Place { table: "u".into(), row: Some(1), column: "y".into() };
    assert_eq!(found[0].against.as_ref(), Some(&other));
    assert_eq!(found[0].key, [KeyPart { column: "k".into(), text: "a".into() }]);
}

#[test]
fn rows_without_a_counterpart_may_be_allowed() {
    let some = |table, column| Cells { every_row: false, ..cells(table, column) };
    let rule = Rule::Equal { left: some("t", "x"), right: some("u", "x"), tolerance: EXACT };
    check_two(
        &rule,
        ("k,x\na,1\nb,2\n", "k,x\nb,2\nc,3\n"),
        ("k,x\na,1\n", "k,x\na,2\n"),
        &["1:x:1|2"],
    );
}

#[test]
fn the_last_point_of_a_curve_is_the_tables() {
    let rule = Rule::FinalPoint {
        curve: cells("t", "acc"),
        order: "epoch".into(),
        table: cells("u", "acc"),
        tolerance: Tolerance::Absolute(0.001),
    };
    let curve = "k,epoch,acc\na,10,0.5\na,9,0.4\nb,1,0.1\n";
    check_two(
        &rule,
        (curve, "k,acc\na,0.5005\nb,0.1\n"),
        (curve, "k,acc\na,0.4\nb,0.1\n"),
        &["1:acc:0.5|0.4"],
    );
    // Which of two last points is the last, nobody can tell.
    let two = format!("{curve}a,10.0,0.5\n");
    check_two(
        &rule,
        (curve, "k,acc\na,0.5\nb,0.1\n"),
        (&two, "k,acc\na,0.5\nb,0.2\n"),
        &["3:acc:0.1|0.2", "4:acc:0.5|"],
    );
}

#[test]
fn products_hold() {
    let rule = Rule::Product {
        rows: rows_of("t", &["k"]),
        column: "a".into(),
        constant: 2.0,
        factors: owned(&["b", "c"]),
        divisors: owned(&["d"]),
        tolerance: Tolerance::Relative(1e-12),
    };
    check(&rule, "k,a,b,c,d\nx,6,3,4,4\n", "k,a,b,c,d\nx,6,3,4,4\ny,7,3,4,4\n", &["2:a:7|6"]);
    // Nothing agrees with a quotient by zero.
    assert_eq!(held_against(&rule, "k,a,b,c,d\nx,6,3,4,0\n", "k\n").unwrap().len(), 1);
}

#[test]
fn sums_hold() {
    let rule = Rule::Sum {
        rows: rows_of("t", &["k"]),
        column: "a".into(),
        terms: owned(&["b", "c"]),
        tolerance: Tolerance::Absolute(0.011),
    };
    check(
        &rule,
        "k,a,b,c\nx,1.79,1.15,0.64\ny,1.78,1.15,0.64\n",
        "k,a,b,c\nx,3,1,1\n",
        &["1:a:3|2"],
    );
}

#[test]
fn means_are_those_of_their_members() {
    let rule = Rule::Mean {
        rows: rows_of("t", &["k"]),
        member: "m".into(),
        total: "all".into(),
        members: owned(&["one", "two", "three"]),
        column: "x".into(),
        tolerance: Tolerance::Absolute(1e-12),
    };
    // An empty cell is left out; a missing member is not.
    check(
        &rule,
        "k,m,x\na,one,1\na,two,2\na,three,\na,all,1.5\na,four,9\n",
        "k,m,x\na,one,1\na,two,2\na,three,3\na,all,2.5\nb,all,1\nb,one,1\nb,two,1\n",
        &["4:x:2.5|2", "-:m:|three"],
    );
}

/// In each group, `all` is the mean of `one` and `two`.
fn mean_of_two() -> Rule<f64> {
    Rule::Mean {
        rows: rows_of("t", &["k"]),
        member: "m".into(),
        total: "all".into(),
        members: owned(&["one", "two"]),
        column: "x".into(),
        tolerance: EXACT,
    }
}

#[test]
fn a_name_of_several_rows_is_found_and_judges_no_mean() {
    let rule = mean_of_two();
    let clean = "k,m,x\na,one,1\na,two,2\na,all,1.5\n";
    check(&rule, clean, &format!("{clean}a,all,0.1\n"), &["4:x:0.1|"]);
    check(&rule, clean, &format!("{clean}a,two,9\na,two,2\n"), &["4:x:9|"]);
    let found = held_against(&rule, &format!("{clean}a,two,9\n"), "k\n").unwrap();
    assert_eq!(found[0].message, "`two` names rows 2 (a) and 4 (a)");
    assert_eq!(found[0].against.as_ref().and_then(|place| place.row), Some(2));
    // Another row that the rule does not name may stand there as often as it likes.
    check(
        &rule,
        &format!("{clean}a,three,1\na,three,2\n"),
        "k,m,x\na,one,1\na,two,2\n",
        &["-:m:|all"],
    );
}

#[test]
fn of_members_without_a_value_there_is_no_mean() {
    let clean = "k,m,x\na,one,\na,two,\na,all,\n";
    check(&mean_of_two(), clean, "k,m,x\na,one,\na,two,\na,all,0.5\n", &["3:x:0.5|"]);
}

#[test]
fn rates_come_from_whole_counts() {
    let rule = |of| Rule::Counts { rows: rows_of("t", &["k"]), rate: "x".into(), of, slack: 1e-6 };
    let clean = "k,n,x\na,3,0.3333333333333333\nb,8,0.125\n";
    let of = SampleCount::Column("n".into());
    check(&rule(of), clean, "k,n,x\na,3,0.3333\nb,8,0.125\n", &["1:x:0.3333|0.3333333333333333"]);
    check(
        &rule(SampleCount::Constant(24)),
        clean,
        "k,x\na,0.1\n",
        &["1:x:0.1|0.08333333333333333"],
    );
    let counts =
        vec![CountOf { text: "a".into(), samples: 3 }, CountOf { text: "b".into(), samples: 8 }];
    check(
        &rule(SampleCount::Column("n".into())),
        "k,n,x\na,3,0\nb,8,1\nc,0,0\n",
        "k,n,x\na,10,1.1\nb,10,-0.1\nc,0,0.7\n",
        &["1:x:1.1|", "2:x:-0.1|", "3:x:0.7|"],
    );
    let of = SampleCount::ByText { column: "k".into(), counts };
    check(&rule(of), clean, "k,x\nb,0.2\nc,0.5\n", &["1:x:0.2|0.25", "2:x:0.5|"]);
}

#[test]
fn labels_say_what_a_column_calls_for() {
    let case = |text: &str, label: &str| LabelCase { text: text.into(), label: label.into() };
    let rule = |whole| Rule::LabelText {
        rows: rows_of("t", &["k"]),
        label: "k".into(),
        column: "set".into(),
        cases: vec![case("big", "2B"), case("small", "80M")],
        whole,
    };
    let within = "k,set\nrun-2B,big\nrun-80M,small\n";
    check(
        &rule(false),
        within,
        "k,set\nrun-2B,small\nrun,other\n",
        &["1:k:run-2B|80M", "2:k:run|"],
    );
    check(&rule(true), "k,set\n2B,big\n", within, &["1:k:run-2B|2B", "2:k:run-80M|80M"]);
}

#[test]
fn numbers_in_labels_are_those_of_the_columns() {
    let rule = |before: &str, after: &str| Rule::LabelNumber {
        rows: rows_of("t", &["k"]),
        label: "k".into(),
        before: before.into(),
        after: after.into(),
        unit: 1000.0,
        columns: owned(&["gpus", "each"]),
        tolerance: Tolerance::Absolute(500.0),
    };
    check(
        &rule("bs-", "k."),
        "k,gpus,each\nlr-1_bs-86k.pt,128,672\n",
        "k,gpus,each\nlr-1_bs-88k.pt,176,512\nlr-1,1,1\n",
        &["1:k:lr-1_bs-88k.pt|90112", "2:k:lr-1|1"],
    );
    check(&rule("", "k"), "k,gpus,each\n3k,3,1000\n", "k,gpus,each\n3k,2,1000\n", &["1:k:3k|2000"]);
}

#[test]
fn numbers_lie_within_bounds() {
    let rule = Rule::Range {
        rows: rows_of("t", &["k"]),
        column: "x".into(),
        least: Some(0.0),
        most: Some(1.0),
    };
    check(&rule, "k,x\na,0\nb,1\n", "k,x\na,-0.1\nb,1.5\n", &["1:x:-0.1|≥ 0", "2:x:1.5|≤ 1"]);
}

#[test]
fn one_number_is_at_most_another() {
    let rule = Rule::AtMost {
        rows: rows_of("t", &["k"]),
        lesser: "acc1".into(),
        greater: "acc5".into(),
        slack: 0.0,
    };
    check(&rule, "k,acc1,acc5\na,0.5,0.5\n", "k,acc1,acc5\na,0.6,0.5\n", &["1:acc1:0.6|≤ 0.5"]);
}

#[test]
fn numbers_go_one_way_up_to_a_slack() {
    let rule = |direction| Rule::Monotonic {
        rows: rows_of("t", &["k"]),
        order: "n".into(),
        column: "x".into(),
        direction,
        slack: 0.05,
    };
    // Rows out of order; 10 comes after 9 as a number; the fall of 0.05 is allowed.
    let rising = "k,n,x\na,10,0.95\na,9,0.5\nb,1,0.5\nb,2,0.45\n";
    check(&rule(Direction::Rising), rising, "k,n,x\na,2,0.4\na,1,0.5\n", &["1:x:0.4|≥ 0.5"]);
    check(&rule(Direction::Falling), "k,n,x\na,1,3\na,2,1\n", rising, &["1:x:0.95|≤ 0.5"]);
    let found = held_against(&rule(Direction::Falling), rising, "k\n").unwrap();
    assert_eq!(found[0].key.last().unwrap().text, "10");
}

#[test]
fn measured_numbers_do_not_repeat() {
    let rule = Rule::Repeated {
        rows: rows_of("t", &["k"]),
        within: owned(&["set"]),
        columns: owned(&["x", "y"]),
        most: 1,
    };
    check(
        &rule,
        "k,set,x,y\na,s,1,2\nb,s,1,3\nc,r,1,2\n",
        "k,set,x,y\na,s,1,2\nb,s,3,3\nc,s,1,2\n",
        &["1:x, y:1, 2|in at most 1 row"],
    );
}

#[test]
fn what_depends_on_some_columns_alone_is_constant() {
    let rule = Rule::Constant {
        rows: rows_of("t", &["k"]),
        within: owned(&["arch"]),
        column: "gmacs".into(),
        tolerance: Tolerance::Relative(1e-12),
    };
    check(
        &rule,
        "k,arch,gmacs\na,B,7.4\nb,B,7.3999999999999995\nc,L,87.73\n",
        "k,arch,gmacs\na,B,7.5\nb,B,7.4\nc,B,7.4\n",
        &["1:gmacs:7.5|7.4"],
    );
}

#[test]
fn one_number_spelled_in_several_ways_is_one_value_and_rows_that_share_nothing_say_so() {
    let rule = |within: &[&str]| Rule::Constant {
        rows: rows_of("t", &["k"]),
        within: owned(within),
        column: "x".into(),
        tolerance: EXACT,
    };
    let clean = "k,s,x\na,s,7\nb,s,7.0\nc,s,7.00\nd,s,7e0\n";
    let faulty = "k,s,x\na,s,8\nb,s,7\nc,s,8\nd,s,7.0\ne,s,7.00\n";
    check(&rule(&["s"]), clean, faulty, &["1:x:8|7", "3:x:8|7"]);
    let message = |within: &[&str], table| {
        let found = held_against(&rule(within), table, "k\n").unwrap();
        (found[0].message.clone(), found[0].against.as_ref().and_then(|place| place.row))
    };
    let said = |text: &str, row: u64| (text.to_owned(), Some(row));
    let shared = said("3 of the 5 rows that share s have the other value", 2);
    assert_eq!(message(&["s"], faulty), shared);
    assert_eq!(message(&[], faulty), said("3 of the 5 rows have the other value", 2));
    // Of equally many the first; both zeros are one number, and what is no number is compared as it is written.
    check(&rule(&[]), "k,x\na,0\nb,-0.0\n", "k,x\na,-\nb,0\nc,-0\n", &["1:x:-|0"]);
    check(
        &rule(&[]),
        "k,x\na,-\nb,-\n",
        "k,x\na,8\nb,7\nc,7.0\nd,8.0\n",
        &["2:x:7|8", "3:x:7.0|8"],
    );
}

#[test]
fn texts_are_among_those_listed_and_not_empty() {
    let one_of =
        Rule::OneOf { rows: rows_of("t", &["k"]), column: "k".into(), texts: owned(&["a", "b"]) };
    check(&one_of, "k\na\nb\n", "k\na\nA\n", &["2:k:A|a | b"]);
    let non_empty = Rule::NonEmpty { rows: rows_of("t", &["k"]), columns: owned(&["k", "x"]) };
    check(&non_empty, "k,x\na,1\n", "k,x\na,\n", &["1:x:|a value"]);
}

#[test]
fn only_the_rows_that_were_asked_for_are_looked_at() {
    let mut rows = rows_of("t", &["k"]);
    rows.keep.push(Kept { column: "set".into(), one_of: owned(&["s"]) });
    rows.present.push("x".into());
    let rule = Rule::Range { rows, column: "x".into(), least: None, most: Some(1.0) };
    let table = "k,set,x\na,r,9\nb,s,\nc,s,2\n";
    assert_eq!(
        held_against(&rule, table, "k\n").unwrap().iter().map(line).collect::<Vec<_>>(),
        ["3:x:2|≤ 1"]
    );
    let nothing = held_against(&rule, "k,set,x\na,r,9\n", "k\n").unwrap_err();
    assert_eq!(nothing, CheckError::NoRows("t".into()));
}

#[test]
fn what_a_rule_cannot_be_held_against_is_refused() {
    let range = |table: &str, column: &str| Rule::Range {
        rows: rows_of(table, &["k"]),
        column: column.into(),
        least: None,
        most: None,
    };
    let error = |rule: &Rule<f64>, t| held_against(rule, t, "k,y\na,1\n").unwrap_err().to_string();
    assert_eq!(error(&range("v", "x"), "k,x\n"), "there is no table `v`");
    assert_eq!(error(&range("t", "y"), "k,x\na,1\n"), "table `t` has no column `y`; it has k, x");
    let mut left = cells("t", "x");
    left.rows.key.push("x".into());
    let rule = Rule::Equal { left, right: cells("u", "y"), tolerance: EXACT };
    assert_eq!(error(&rule, "k,x\na,1\n"), "keys of 2 and 1 columns cannot be compared");
    let axes = vec![GridAxis { column: "k".into(), texts: vec!["a".into(); 1_000_001] }];
    let rule = Rule::Grid { rows: rows_of("t", &[]), axes };
    assert_eq!(error(&rule, "k\na\n"), "a grid of more than 1000000 rows");
}

/// The rule cannot read these cells of `t`, and finds just this in the others.
fn check_unreadable(rule: &Rule<f64>, (t, u): (&str, &str), cells: &[&str], broken: &[&str]) {
    let found = found_in(rule, t, u).unwrap();
    let lines: Vec<_> = found.unreadable.iter().map(line).collect();
    assert_eq!(lines, cells.iter().map(|cell| format!("{cell}|a number")).collect::<Vec<_>>());
    assert_eq!(found.broken.iter().map(line).collect::<Vec<_>>(), broken, "{:#?}", found.broken);
}

#[test]
fn a_number_that_cannot_be_read_is_found_and_hides_nothing() {
    let rows = || rows_of("t", &["k"]);
    let range = Rule::Range { rows: rows(), column: "x".into(), least: None, most: Some(1.0) };
    let texts = "k,x\na,NaN\nb,\nc,0.5%\nd,inf\ne,1e400\nf,2\n";
    let cells = ["1:x:NaN", "2:x:", "3:x:0.5%", "4:x:inf", "5:x:1e400"];
    check_unreadable(&range, (texts, "k\n"), &cells, &["6:x:2|≤ 1"]);
    // A cell that is asked for twice is told once, and both of a row are told.
    let sum =
        Rule::Sum { rows: rows(), column: "a".into(), terms: owned(&["a", "b"]), tolerance: EXACT };
    check_unreadable(&sum, ("k,a,b\nx,-,-\ny,1,1\n", "k\n"), &["1:a:-", "1:b:-"], &["2:a:1|2"]);
    let of = SampleCount::Column("n".into());
    let counts = Rule::Counts { rows: rows(), rate: "x".into(), of, slack: 1e-6 };
    let table = "k,n,x\na,?,?\nb,2,0.4\n";
    check_unreadable(&counts, (table, "k\n"), &["1:n:?", "1:x:?"], &["2:x:0.4|0.5"]);
    let monotonic = Rule::Monotonic {
        rows: rows(),
        order: "n".into(),
        column: "x".into(),
        direction: Direction::Rising,
        slack: 0.0,
    };
    let table = "k,n,x\na,1,5\na,2,?\na,3,4\n";
    check_unreadable(&monotonic, (table, "k\n"), &["2:x:?"], &["3:x:4|≥ 5"]);
    let sequence = Rule::Sequence { rows: rows(), column: "n".into(), first: 1 };
    check_unreadable(&sequence, ("k,n\na,1\na,?\na,3\n", "k\n"), &["2:n:?"], &["-:n:|2"]);
}

#[test]
fn what_follows_from_a_number_that_cannot_be_read_is_not_judged() {
    let mean = mean_of_two();
    let table = "k,m,x\na,one,?\na,two,2\na,all,9\nb,one,1\nb,two,1\nb,all,2\n";
    check_unreadable(&mean, (table, "k\n"), &["1:x:?"], &["6:x:2|1"]);
    // A group whose last row is unknown has a counterpart all the same.
    let last = Rule::FinalPoint {
        curve: cells("t", "x"),
        order: "n".into(),
        table: cells("u", "x"),
        tolerance: EXACT,
    };
    let curve = "k,n,x\na,1,1\na,?,2\nb,1,1\n";
    check_unreadable(&last, (curve, "k,x\na,9\nb,2\n"), &["2:n:?"], &["3:x:1|2"]);
}

#[test]
fn findings_read_back() {
    let rule = Rule::UniqueKeys { rows: rows_of("t", &["k"]) };
    let found = held_against(&rule, "k\na\na\n", "k\n").unwrap();
    let record = |finding| FindingRecord { check: "c".into(), severity: Severity::Note, finding };
    let records: Vec<_> = found.into_iter().map(record).collect();
    let text = encode(&records);
    assert_eq!(decode(&text).unwrap(), records);
    assert!(
        text.starts_with(
            "[\n  {\n    \"check\": \"c\",\n    \"severity\": \"Note\",\n    \"table\": \"t\""
        ),
        "{text}"
    );
    assert_eq!(encode(&[]), "[]\n");
}
