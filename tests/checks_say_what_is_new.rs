//! A finding that nobody knows ends a run with exit code 1, one that is recorded with 0, and a record without its finding
//! with 1 again.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::support::server::{Server, answer};
use crate::support::{Ran, Workspace};

/// Two models; the second one's total is not the product it should be.
const FAULTY: &str = "name,each,seen,total\nsmall,2,10,20\nlarge,3,10,31\n";
const CLEAN: &str = "name,each,seen,total\nsmall,2,10,20\nlarge,3,10,30\n";

/// A workspace with an experiment that checks a CSV file, with these findings on record.
fn workspace(csv: &str, known: &str) -> Workspace {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    workspace.write("experiments/mine/totals.csv", csv);
    let sha256: String = Sha256::digest(csv).iter().map(|byte| format!("{byte:02x}")).collect();
    let text = TEMPLATE
        .replace("SHA256", &sha256)
        .replace("BYTES", &csv.len().to_string())
        .replace("KNOWN", known);
    workspace.write("experiments/mine/package.dhall", &text);
    workspace
}

const TEMPLATE: &str = r#"
let schema = ../schema/v1/package.dhall

let file =
      schema.PinnedFile::{
      , name = "totals.csv"
      , sha256 = "SHA256"
      , bytes = BYTES
      , source = schema.Source.File { path = "mine/totals.csv" }
      }

let rows = schema.Rows::{ table = "totals", key = [ "name" ] }

in  schema.Experiment::{
    , title = "Mine"
    , tables =
      [ schema.Table::{
        , name = "totals"
        , title = "Totals"
        , from = schema.TableSource.Csv { file, columns = [ "name", "each", "seen", "total" ] }
        }
      ]
    , checks =
      [ schema.Check::{ id = "keys", text = "one row a model", severity = schema.Severity.Error, rule = schema.Rule.UniqueKeys { rows } }
      , schema.Check::{
        , id = "product"
        , text = "total is each times seen"
        , severity = schema.Severity.Warning
        , rule =
            schema.Rule.Product
              { rows
              , column = "total"
              , constant = 1.0
              , factors = [ "each", "seen" ]
              , divisors = [] : List Text
              , tolerance = schema.Tolerance.Absolute 0.5
              }
        , known = KNOWN
        }
      ]
    }
"#;

const NOTHING: &str = "[] : List schema.Known.Type";
const RECORDED: &str = "[ schema.Known::{ key = [ \"large\" ], column = \"total\", found = Some \"31\", reason = \"a typing error\" } ]";

/// The line of the finding.
fn evidence(ran: &Ran) -> &str {
    ran.stdout.lines().find(|line| line.contains("totals.csv")).unwrap_or_default()
}

#[test]
fn a_new_finding_is_shown_with_file_row_column_and_both_values() {
    let workspace = workspace(FAULTY, NOTHING);
    for command in [
        &["check", "mine"][..],
        &["reproduce", "mine"],
        &["reproduce", "mine/checks"],
        &["reproduce", "mine/totals"],
    ] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}\n{}\n{}", ran.stdout, ran.stderr);
        let line = evidence(&ran);
        for part in ["new", "mine/totals.csv row 2", "name large", "column total", "`31`", "`30`"] {
            assert!(line.contains(part), "{part} in {line}\n{}", ran.stdout);
        }
    }
    let verdict = workspace.run(&["reproduce", "mine/checks"]);
    assert_eq!(verdict.verdict("checks as recorded"), 1, "{}", verdict.stdout);
    let findings = workspace.read("out/mine/checks/findings.json");
    let findings: serde_json::Value = serde_json::from_str(&findings).unwrap();
    assert_eq!(findings[0]["check"], "product");
    assert_eq!(findings[0]["standing"], "new");
    assert_eq!((&findings[0]["row"], &findings[0]["column"]), (&2.into(), &"total".into()));
    assert_eq!((&findings[0]["found"], &findings[0]["expected"]), (&"31".into(), &"30".into()));
    let page = workspace.read("out/mine/checks/checks.html");
    assert!(page.contains("mine/totals.csv row 2"), "{page}");
}

#[test]
fn texts_of_an_experiment_make_no_lines_of_their_own() {
    let verdict = "executed 27, cached 0, fetched 0; same bits as lockfile 27/27; claims met 5/5";
    let workspace = workspace(&FAULTY.replace("31", &format!("\"31\n{verdict}\"")), NOTHING);
    workspace.edit(
        "experiments/mine/package.dhall",
        "\"total is each times seen\"",
        &format!("\"total is each times seen\\n{verdict}\""),
    );
    for command in [&["check", "mine"][..], &["reproduce", "mine/checks"]] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert!(
            ran.stdout.contains(&format!("total is each times seen {verdict}")),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains(&format!("`31 {verdict}`")), "{}", ran.stdout);
        assert!(!ran.stdout.contains(&format!("\n{verdict}")), "{}", ran.stdout);
    }
    // Nor does a name that is refused.
    workspace.edit(
        "experiments/mine/package.dhall",
        "name = \"totals\"",
        &format!("name = \"totals\\n{verdict}\""),
    );
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("totals {verdict}")), "{}", ran.stdout);
    assert!(!ran.stdout.contains(&format!("\n{verdict}")), "{}", ran.stdout);
}

#[test]
fn a_recorded_finding_is_shown_and_is_no_news() {
    let workspace = workspace(FAULTY, RECORDED);
    for command in [&["check", "mine"][..], &["reproduce", "mine/checks"]] {
        let ran = workspace.ok(command);
        assert!(evidence(&ran).contains("known"), "{}", ran.stdout);
        assert!(ran.stdout.contains("a typing error"), "{}", ran.stdout);
    }
}

#[test]
fn a_record_without_its_finding_is_news() {
    let workspace = workspace(CLEAN, RECORDED);
    for command in [&["check", "mine"][..], &["reproduce", "mine/checks"]] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(1), "{}\n{}", ran.stdout, ran.stderr);
        let said =
            "stale: mine/totals.csv (large), column total: the known finding `31` no longer occurs";
        assert_eq!(evidence(&ran).trim(), said);
        assert!(ran.stdout.contains("known: a typing error"), "{}", ran.stdout);
    }
    assert_eq!(self::workspace(CLEAN, NOTHING).ok(&["check", "mine"]).code, Some(0));
    // Another value in the same cell is another finding.
    let other = self::workspace(&FAULTY.replace("31", "32"), RECORDED);
    let ran = other.run(&["reproduce", "mine/checks"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("new") && ran.stdout.contains("stale"), "{}", ran.stdout);
    // Of one whose value is not on record, none is told.
    let any = RECORDED.replace(", found = Some \"31\"", "");
    let ran = self::workspace(CLEAN, &any).run(&["check", "mine"]);
    assert!(evidence(&ran).ends_with(": the known finding no longer occurs"), "{}", ran.stdout);
}

#[test]
fn findings_are_json_values_a_line() {
    let ran = workspace(FAULTY, NOTHING).run(&["check", "mine", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let line: serde_json::Value = serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&line["check"], &line["found"]), (&"product".into(), &"31".into()));
}

#[test]
fn a_table_that_is_not_at_hand_is_not_checked_and_said_so() {
    let workspace = workspace(FAULTY, NOTHING);
    std::fs::remove_file(workspace.path("experiments/mine/totals.csv")).unwrap();
    let ran = workspace.ok(&["check", "mine"]);
    assert!(ran.stderr.contains("not checked: keys, product"), "{}", ran.stderr);
    let summary = "checks: 0 hold, 0 fail as known, 0 not as recorded, 2 not checked\n";
    assert_eq!(ran.stdout, summary);
    let last = ran.stderr.lines().last();
    assert_eq!(last, Some("`mine` is sound as far as its tables are at hand"));
    let json = workspace.ok(&["check", "mine", "--json"]).stdout;
    let verdict = r#"{"name":"mine","sound":true,"unchecked":2}"#;
    assert_eq!(json.lines().last(), Some(verdict), "{json}");
    let mirror = workspace.path("elsewhere");
    std::fs::create_dir(&mirror).unwrap();
    std::fs::write(mirror.join("copy.csv"), FAULTY).unwrap();
    let ran = workspace.run(&["check", "mine", "--mirror", path(&mirror)]);
    assert_eq!(ran.code, Some(1), "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn what_was_checked_altogether_is_sound_without_reserve() {
    let ran = workspace(CLEAN, NOTHING).ok(&["check", "mine"]);
    assert_eq!(ran.stdout, "checks: 2 hold, 0 fail as known, 0 not as recorded\n");
    assert_eq!(ran.stderr, "`mine` is sound\n");
}

#[test]
fn a_source_that_check_does_not_ask_is_told_as_what_it_is() {
    let server = Server::http(|_, out| answer(out, 200, &[], CLEAN.as_bytes()));
    let (http, git) = (format!("{}/totals.csv", server.url), format!("{}/repository", server.url));
    let rev = "0123456789abcdef0123456789abcdef01234567";
    for (source, place) in [
        (format!("Http {{ url = \"{http}\" }}"), http.clone()),
        (
            format!("Git {{ url = \"{git}\", rev = \"{rev}\", path = \"totals.csv\" }}"),
            format!("totals.csv at {rev} of {git}"),
        ),
    ] {
        let workspace = workspace(CLEAN, NOTHING);
        let package = "experiments/mine/package.dhall";
        workspace.edit(package, "File { path = \"mine/totals.csv\" }", &source);
        for command in [&["check", "mine"][..], &["check", "mine", "--offline"]] {
            let ran = workspace.ok(command);
            let tried = format!("\n  tried {place}: not asked: check uses no network\n");
            assert!(ran.stderr.contains(&tried), "{tried}: {}", ran.stderr);
            assert!(!ran.stderr.contains("file totals.csv"), "{}", ran.stderr);
        }
        // What lies in a mirror under that path is found as before.
        let mirror = workspace.path("elsewhere");
        std::fs::create_dir(&mirror).unwrap();
        std::fs::write(mirror.join("totals.csv"), CLEAN).unwrap();
        let ran = workspace.ok(&["check", "mine", "--mirror", path(&mirror)]);
        assert_eq!(ran.stderr, "`mine` is sound\n");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_check_that_cannot_run_hides_no_finding_of_another() {
    let workspace = workspace(FAULTY, NOTHING);
    let kept = "rows ⫽ { keep = [ schema.Keep::{ column = \"name\", oneOf = [ \"huge\" ] } ] }";
    let package = "experiments/mine/package.dhall";
    workspace.edit(package, "UniqueKeys { rows }", &format!("UniqueKeys {{ rows = {kept} }}"));
    let failure = "keys/check: check `keys`: no row of table `totals` meets the check's conditions";
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}\n{}", ran.stdout, ran.stderr);
    assert!(evidence(&ran).contains("found `31`, expected `30`"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with(", 1 not as recorded, 1 not checked\n"), "{}", ran.stdout);
    assert!(ran.stderr.contains(failure), "{}", ran.stderr);
    for never in ["is sound", "hint: "] {
        assert!(!ran.stderr.contains(never), "{}", ran.stderr);
    }
    let ran = workspace.run(&["check", "mine", "--json"]);
    let values = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let values: Vec<serde_json::Value> = values.collect();
    assert_eq!((ran.code, values.len()), (Some(2), 4), "{}", ran.stdout);
    assert_eq!((&values[0]["check"], &values[0]["found"]), (&"product".into(), &"31".into()));
    assert_eq!(values[1]["check"], "keys");
    assert_eq!((&values[2]["sound"], &values[2]["unchecked"]), (&false.into(), &1.into()));
    assert_eq!(values[3]["exitCode"], 2);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_check_of_what_is_not_there_is_a_finding_about_the_experiment() {
    let workspace = workspace(FAULTY, NOTHING);
    workspace.edit(
        "experiments/mine/package.dhall",
        "factors = [ \"each\"",
        "factors = [ \"eahc\"",
    );
    let ran = workspace.run(&["check", "mine"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.contains("checks[1].rule.factors"), "{}", ran.stdout);
}

#[test]
fn a_cell_that_is_no_number_is_an_error_and_hides_no_other_finding() {
    // The first row cannot be read, the second is wrong, and the key of the third stood in the second.
    let table = "name,each,seen,total\nsmall,2,10,NaN\nlarge,3,10,31\nlarge,3,10,30\n";
    let workspace = workspace(table, NOTHING);
    for command in [&["check", "mine"][..], &["reproduce", "mine/checks"]] {
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(1), "{command:?}\n{}\n{}", ran.stdout, ran.stderr);
        for part in [
            "error: product",
            "totals.csv row 1 (name small), column total: found `NaN`, expected `a number`",
            "totals.csv row 2 (name large), column total: found `31`, expected `30`",
            "error: keys",
        ] {
            assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
        }
    }
}

#[test]
fn a_file_that_is_no_table_is_the_specifications_fault_and_hints_at_no_damage() {
    for (csv, said) in [
        ("name,each,seen,total\nsmall,2,10\n", "line 2 has 3 cells"),
        ("", "has no header"),
        ("name,name,seen,total\n", "two columns `name`"),
        ("name,each,seen,total\n\"small,2,10,20\n", "unclosed quote"),
    ] {
        let workspace = workspace(csv, NOTHING);
        let ran = workspace.run(&["reproduce", "mine/totals"]);
        assert_eq!(ran.code, Some(2), "{csv}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hint:"), "{}", ran.stderr);
        // Which file it is, too.
        let ran = workspace.run(&["check", "mine"]);
        assert_eq!(ran.code, Some(2), "{csv}: {}", ran.stderr);
        for said in [said, "(it is file mine/totals.csv)"] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
        assert!(!ran.stderr.contains("hint:"), "{}", ran.stderr);
    }
}

#[test]
fn tables_that_share_their_sources_do_not_multiply_the_work() {
    let workspace = workspace(FAULTY, NOTHING);
    std::fs::remove_file(workspace.path("experiments/mine/totals.csv")).unwrap();
    let mut tables = String::new();
    let mut below = ["totals".to_owned(), "totals".to_owned()];
    for layer in 0..40 {
        let made = [format!("left-{layer}"), format!("right-{layer}")];
        for (name, [from, other]) in made.iter().zip([[0, 1], [1, 0]]) {
            let (from, other) = (&below[from], &below[other]);
            tables.push_str(&format!(
                "      , schema.Table::{{ name = \"{name}\", title = \"T\", \
                 from = schema.TableSource.Table \"{from}\", steps = [ schema.Step.Union \"{other}\" ] }}\n"
            ));
        }
        below = made;
    }
    let package = "experiments/mine/package.dhall";
    workspace.edit(package, "      ]\n    , checks", &format!("{tables}      ]\n    , checks"));
    workspace.edit(package, "table = \"totals\"", "table = \"left-39\"");
    let ran = workspace.ok(&["check", "mine"]);
    assert!(ran.stderr.contains("not checked: keys, product"), "{}", ran.stderr);
    workspace.ok(&["plan", "mine/left-20"]);
}
