//! Each step by a small table; expected numbers are Python's, whose floats are binary64 too.

use super::*;
use crate::action::canonical::Real;
use crate::action::params::{
    Aggregated, Aggregation, Derivation, Operand, Rounding, SortOrder, TextPart, Unmatched,
};

fn table(csv: &str) -> Table {
    Table::parse(csv).unwrap()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| (text(a), text(b))).collect()
}

fn real(number: f64) -> Real {
    Real::new(number).unwrap()
}

fn column(name: &str) -> Operand {
    Operand::Column(text(name))
}

/// What a step makes of `before`, as CSV.
fn after(step: &Step, before: &str) -> String {
    apply(step, table(before), None).unwrap().to_csv()
}

fn after_with(step: &Step, before: &str, other: &str) -> Result<String, String> {
    let applied = apply(step, table(before), Some(&table(other)));
    applied.map(|table| table.to_csv()).map_err(|error| error.to_string())
}

fn fails(step: &Step, before: &str) -> String {
    apply(step, table(before), None).unwrap_err().to_string()
}

/// The cells of a column derived from `before`.
fn derived(value: Derivation, before: &str) -> Vec<String> {
    let step = Step::Derive { name: text("new"), value };
    let made = apply(&step, table(before), None).unwrap();
    assert_eq!(made.columns().last().unwrap(), "new");
    made.rows().iter().map(|row| row.last().unwrap().clone()).collect()
}

#[test]
fn rows_are_kept_dropped_and_bounded_in_order() {
    let before = "set,n\na,3\nb,1\nc,2\n";
    let keep = Step::Keep { column: text("set"), texts: texts(&["a", "c"]) };
    assert_eq!(after(&keep, before), "set,n\na,3\nc,2\n");
    let drop = Step::Drop { column: text("set"), texts: texts(&["a", "c"]) };
    assert_eq!(after(&drop, before), "set,n\nb,1\n");
    let within = Step::Within { column: text("n"), least: real(2.0), most: real(3.0) };
    assert_eq!(after(&within, before), "set,n\na,3\nc,2\n");
    assert_eq!(fails(&within, "n\nx\n"), "row 1, column `n`: `x` is not a number");
}

#[test]
fn sums_and_products_run_from_left_to_right() {
    let three = |wrap: fn(Vec<Operand>) -> Derivation| {
        wrap(vec![column("a"), column("b"), Operand::Number(real(0.3))])
    };
    // (0.1 + 0.2) + 0.3, not 0.1 + (0.2 + 0.3), which is 0.6.
    assert_eq!(derived(three(Derivation::Sum), "a,b\n0.1,0.2\n"), ["0.6000000000000001"]);
    let product = Derivation::Product(vec![column("a"), column("b"), column("c")]);
    assert_eq!(derived(product, "a,b,c\n0.1,3,0.7\n"), ["0.21000000000000002"]);
}

#[test]
fn differences_quotients_and_functions_are_binary64() {
    let number = |x: f64| Operand::Number(real(x));
    let one_minus = Derivation::Difference(number(1.0), column("a"));
    assert_eq!(derived(one_minus, "a\n0.7549\n1\n"), ["0.24509999999999998", "0"]);
    let percent = Derivation::Quotient(column("a"), number(100.0));
    assert_eq!(derived(percent, "a\n51.94\n"), ["0.5194"]);
    assert_eq!(derived(Derivation::Absolute(text("a")), "a\n-0.5\n2e3\n"), ["0.5", "2000"]);
    assert_eq!(
        derived(Derivation::Log10(text("a")), "a\n1000\n1122944000000.0\n"),
        ["3", "12.05035809900643"]
    );
    assert_eq!(derived(Derivation::Power10(text("a")), "a\n-2\n3\n"), ["0.01", "1000"]);
    let rounded = |rounding| {
        derived(Derivation::Rounded(text("a"), rounding), "a\n2.5\n-0.5\n3.5\n").join(" ")
    };
    assert_eq!(rounded(Rounding::Down), "2 -1 3");
    assert_eq!(rounded(Rounding::Up), "3 -0 4");
    assert_eq!(rounded(Rounding::HalfEven), "2 -0 4");
    assert_eq!(derived(Derivation::Number(real(1e9)), "a\nx\n"), ["1000000000"]);
}

#[test]
fn an_empty_cell_gives_an_empty_cell_and_nonsense_is_an_error() {
    let quotient = |a: &str, b: &str| Step::Derive {
        name: text("q"),
        value: Derivation::Quotient(column(a), column(b)),
    };
    assert_eq!(
        after(&quotient("a", "b"), "a,b\n,2\n1,\n7,3\n"),
        "a,b,q\n,2,\n1,,\n7,3,2.3333333333333335\n"
    );
    assert_eq!(
        fails(&quotient("a", "b"), "a,b\n1,0\n"),
        "row 1: no finite number comes of 1 and 0"
    );
    assert_eq!(fails(&quotient("a", "b"), "a,b\n1,x\n"), "row 1, column `b`: `x` is not a number");
    assert!(fails(&quotient("a", "c"), "a,b\n1,2\n").contains("no column `c`"));
    let log = Step::Derive { name: text("l"), value: Derivation::Log10(text("a")) };
    assert_eq!(fails(&log, "a\n0\n"), "row 1: no finite number comes of 0");
}

#[test]
fn texts_are_joined_cut_chosen_and_filled() {
    let joined = Derivation::Joined(vec![
        TextPart::Text(text("ViT-")),
        TextPart::Column(text("a")),
        TextPart::Text(text("!")),
    ]);
    assert_eq!(derived(joined, "a\nB-32\n"), ["ViT-B-32!"]);
    let between = |after: &str, before: &str| {
        let value =
            Derivation::Between { column: text("a"), after: text(after), before: text(before) };
        derived(value, "a\nModel-B-32_Data-2B.pt\nother\n")
    };
    assert_eq!(between("Model-", "_"), ["B-32", ""]);
    assert_eq!(between("_Data-", ""), ["2B.pt", ""]);
    assert_eq!(between("", "_"), ["Model-B-32", ""]);
    assert_eq!(between("é", "_"), ["", ""]);
    let choice = |otherwise: Option<&str>| Derivation::Choice {
        column: text("a"),
        cases: pairs(&[("2B", "two"), ("", "none")]),
        otherwise: otherwise.map(text),
    };
    assert_eq!(derived(choice(None), "a,b\n2B,\n,\n80M,\n"), ["two", "none", "80M"]);
    assert_eq!(derived(choice(Some("?")), "a,b\n2B,\n80M,\n"), ["two", "?"]);
    let first = Derivation::FirstNonEmpty(texts(&["a", "b"]));
    assert_eq!(derived(first, "a,b\n1,2\n,2\n,\n"), ["1", "2", ""]);
    assert_eq!(derived(Derivation::Text(text("x")), "a\n1\n"), ["x"]);
}

#[test]
fn groups_stand_in_the_order_of_their_first_rows() {
    let how =
        |name: &str, column: &str, how| Aggregated { name: text(name), column: text(column), how };
    let step = Step::Aggregate {
        by: texts(&["set"]),
        columns: vec![
            how("count", "n", Aggregation::Count),
            how("sum", "n", Aggregation::Sum),
            how("mean", "n", Aggregation::Mean),
            how("least", "n", Aggregation::Minimum),
            how("most", "n", Aggregation::Maximum),
            how("first", "m", Aggregation::First),
            how("m_at_least", "m", Aggregation::AtMinimum(text("n"))),
            how("m_at_most", "m", Aggregation::AtMaximum(text("n"))),
        ],
    };
    let before = "set,n,m\nb,0.1,p\na,5,q\nb,0.2,r\nb,0.2,s\n";
    let expected = "set,count,sum,mean,least,most,first,m_at_least,m_at_most\n\
        b,3,0.5,0.16666666666666666,0.1,0.2,p,p,r\na,1,5,5,5,5,q,q,q\n";
    assert_eq!(after(&step, before), expected);
    assert!(fails(&step, "set,n,m\na,,x\n").contains("`` is not a number"));
}

/// `f64::min` and `f64::max` may give either of two zeros.
#[test]
fn of_two_zeros_the_negative_one_is_smaller_whatever_their_order() {
    let how = |name: &str, how| Aggregated { name: text(name), column: text("n"), how };
    let step = Step::Aggregate {
        by: texts(&["set"]),
        columns: vec![how("least", Aggregation::Minimum), how("most", Aggregation::Maximum)],
    };
    let before = "set,n\na,0\na,-0\nb,-0\nb,0\nc,-0\nc,-1\n";
    assert_eq!(after(&step, before), "set,least,most\na,-0,0\nb,-0,0\nc,-1,-0\n");
}

#[test]
fn a_join_takes_the_one_row_with_the_same_keys() {
    let step = |unmatched| Step::Join {
        on: pairs(&[("arch", "model"), ("size", "size")]),
        take: pairs(&[("gmacs", "cost")]),
        unmatched,
    };
    let (here, there) = ("arch,size\nB,1\nL,1\nB,2\n", "model,size,gmacs\nB,1,7.4\nB,2,8\n");
    let joined = |unmatched| after_with(&step(unmatched), here, there);
    assert_eq!(joined(Unmatched::Dropped).unwrap(), "arch,size,cost\nB,1,7.4\nB,2,8\n");
    assert_eq!(joined(Unmatched::Empty).unwrap(), "arch,size,cost\nB,1,7.4\nL,1,\nB,2,8\n");
    let refused = joined(Unmatched::Refused).unwrap_err();
    assert_eq!(refused, "row 2: no row of the other table has `L`, `1`");
    let twice = after_with(&step(Unmatched::Empty), here, "model,size,gmacs\nB,1,7\nB,1,7\n");
    assert_eq!(twice.unwrap_err(), "row 1: 2 rows of the other table have `B`, `1`");
}

#[test]
fn a_union_finds_columns_by_name() {
    let joined = after_with(&Step::Union, "a,b\n1,2\n", "b,a\n4,3\n").unwrap();
    assert_eq!(joined, "a,b\n1,2\n3,4\n");
    assert!(after_with(&Step::Union, "a,b\n1,2\n", "a\n4\n").is_err());
    assert!(after_with(&Step::Union, "a\n1\n", "a,b\n4,5\n").is_err());
}

#[test]
fn a_pivot_spreads_a_column() {
    let step = Step::Pivot {
        keys: texts(&["model"]),
        column: text("data"),
        value: text("acc"),
        texts: texts(&["80M", "2B"]),
    };
    let before = "model,data,acc\nL,2B,0.7\nB,80M,0.5\nL,80M,0.6\n";
    assert_eq!(after(&step, before), "model,80M,2B\nL,0.6,0.7\nB,0.5,\n");
    let twice = fails(&step, "model,data,acc\nL,2B,0.7\nL,2B,0.7\n");
    assert_eq!(twice, "row 2: a second value for `L` and `2B`");
    let other = fails(&step, "model,data,acc\nL,400M,0.7\n");
    assert_eq!(other, "row 1: `400M` is not among the texts");
}

#[test]
fn rows_are_sorted_by_several_keys_and_equal_ones_stay() {
    let sort = |keys: &[(&str, SortOrder)]| Step::Sort {
        keys: keys.iter().map(|(name, order)| (text(name), order.clone())).collect(),
    };
    let before = "s,n,i\nb,10,1\na,9,2\nb,9,3\na,10,4\nb,10,5\n";
    let ids = |step: &Step| {
        let made = apply(step, table(before), None).unwrap();
        made.rows().iter().map(|row| row[2].as_str()).collect::<String>()
    };
    assert_eq!(ids(&sort(&[("n", SortOrder::NumberAscending)])), "23145");
    assert_eq!(ids(&sort(&[("n", SortOrder::NumberDescending)])), "14523");
    assert_eq!(ids(&sort(&[("n", SortOrder::TextAscending)])), "14523");
    let both = [("s", SortOrder::TextDescending), ("n", SortOrder::NumberAscending)];
    assert_eq!(ids(&sort(&both)), "31524");
    assert_eq!(ids(&sort(&[("s", SortOrder::Listed(texts(&["b", "a"])))])), "13524");
    let unlisted = sort(&[("s", SortOrder::Listed(texts(&["b"])))]);
    assert_eq!(fails(&unlisted, before), "row 2: `a` is not listed");
}

#[test]
fn columns_are_selected_and_renamed() {
    let step = Step::Select { columns: pairs(&[("b", "x"), ("a", "y"), ("b", "z")]) };
    assert_eq!(after(&step, "a,b,c\n1,2,3\n"), "x,y,z\n2,1,2\n");
}

#[test]
fn json_records_become_rows() {
    let records = r#"[{"a":"x","n":12800000000.0,"k":-1,"f":0.1},{"a":null,"n":5,"k":true}]"#;
    let read = read::json(records, &texts(&["k", "a", "n", "f"])).unwrap();
    assert_eq!(read.to_csv(), "k,a,n,f\n-1,x,12800000000,0.1\ntrue,,5,\n");
    let missing = read::json(records, &texts(&["a", "b"])).unwrap_err().to_string();
    assert_eq!(missing, "no record has a field `b`");
    let nested = read::json(r#"[{"a":[1]}]"#, &texts(&["a"])).unwrap_err().to_string();
    assert_eq!(nested, "record 1: field `a` is not flat");
    assert!(read::json("{}", &texts(&["a"])).is_err());
    let python = r#"[{"a": NaN, "b": "NaN"}, {"a": 1, "b": "\"NaN, \\"}, {"a": 2, "b": NaN}]"#;
    let read = read::json(python, &texts(&["a", "b"])).unwrap();
    assert_eq!(read.rows(), [["", "NaN"], ["1", "\"NaN, \\"], ["2", ""]]);
}

#[test]
fn a_table_that_doubles_itself_is_stopped() {
    let before = format!("a\n{}\n", "x".repeat(1 << 20));
    let parts = || vec![TextPart::Column(text("a")); 300];
    let step = Step::Derive { name: text("b"), value: Derivation::Joined(parts()) };
    assert!(fails(&step, &before).contains("256 MiB"));
}

/// 300 times a cell of 1 MiB.
#[test]
fn an_aggregate_that_repeats_a_text_is_stopped() {
    let before = format!("a\n{}\n", "x".repeat(1 << 20));
    let first =
        |i: u32| Aggregated { name: format!("c{i}"), column: text("a"), how: Aggregation::First };
    let step = Step::Aggregate { by: Vec::new(), columns: (0..300).map(first).collect() };
    assert!(fails(&step, &before).contains("256 MiB"));
}

/// 12,000 rows of as many cells are 1.4 · 10⁸, from files of a few hundred KiB.
#[test]
fn a_step_that_makes_too_many_empty_cells_is_stopped() {
    let names: Vec<String> = (0..12_000).map(|i| format!("t{i}")).collect();
    let rows: String = names.iter().map(|name| format!("k{name},{name},\n")).collect();
    let before = format!("k,t,v\n{rows}");
    let pivot = Step::Pivot {
        keys: texts(&["k"]),
        column: text("t"),
        value: text("v"),
        texts: names.clone(),
    };
    let copies: Vec<_> = names.iter().map(|name| (text("v"), name.clone())).collect();
    let select = Step::Select { columns: copies.clone() };
    for step in [pivot, select] {
        assert!(fails(&step, &before).contains("40000000 cells"));
    }
    let join = Step::Join { on: pairs(&[("k", "k")]), take: copies, unmatched: Unmatched::Empty };
    let refused = after_with(&join, &before, "k,v\nnone,1\n").unwrap_err();
    assert!(refused.contains("40000000 cells"), "{refused}");
    let fields: Vec<_> = names.iter().map(|name| format!("\"{name}\":1")).collect();
    let records = format!("[{{{}}}{}]", fields.join(","), ",{}".repeat(12_000));
    let refused = read::json(&records, &names).unwrap_err().to_string();
    assert!(refused.contains("40000000 cells"), "{refused}");
}

/// 2⁶⁴ − 1 and −2⁶³ are the last that are read as integers.
#[test]
fn integers_of_64_bits_keep_their_digits() {
    let records =
        r#"[{"a":18446744073709551615},{"a":-9223372036854775808},{"a":18446744073709551617}]"#;
    let read = read::json(records, &texts(&["a"])).unwrap();
    let cells: Vec<_> = read.rows().iter().map(|row| row[0].as_str()).collect();
    assert_eq!(cells, ["18446744073709551615", "-9223372036854775808", "1.8446744073709552e19"]);
}

#[test]
fn the_columns_of_fits_are_those_that_experiments_may_name() {
    assert_eq!(read::FIT_COLUMNS, EXPECTED_FIT_COLUMNS);
}

/// As `experiments/schema/v1/TableSource.dhall` says it.
const EXPECTED_FIT_COLUMNS: [&str; 13] = [
    "figure",
    "panel",
    "series",
    "method",
    "exponent",
    "coefficient",
    "log10_coefficient",
    "r_squared",
    "points",
    "x_min",
    "x_max",
    "interval_low",
    "interval_high",
];
