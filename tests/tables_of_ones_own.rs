//! A table of an experiment of one's own: typed, joined, computed, spread, printed; and what is wrong with one is said.

use crate::support::Workspace;

/// Two tables typed inline and a third made from them. The second row of `models` has a text where a number may stand.
const OWN: &str = r#"
let schema = ../schema/v1/package.dhall

let Step = schema.Step

let results =
      schema.Table::{
      , name = "results"
      , title = "Results"
      , from =
          schema.TableSource.Inline
            { columns = [ "model", "set", "percent" ]
            , rows =
              [ [ "small", "a", "12.5" ], [ "large", "a", "50" ], [ "small", "b", "25" ], [ "large", "b", "62.5" ] ]
            }
      }

let models =
      schema.Table::{
      , name = "models"
      , title = "Models"
      , from =
          schema.TableSource.Inline
            { columns = [ "model", "cost" ], rows = [ [ "small", "1000" ], [ "large", "COST" ] ] }
      }

let joined =
      schema.Table::{
      , name = "by-model"
      , title = "Error & cost"
      , from = schema.TableSource.Table "results"
      , steps =
        [ Step.Join
            { table = "models"
            , on = [ schema.JoinKey::{ left = "model", right = "model" } ]
            , take = [ schema.Selected::{ column = "cost", name = "cost" } ]
            , unmatched = schema.Unmatched.Refused
            }
        , Step.Derive schema.Derived::{ name = "decades", value = schema.Derivation.Log10 "cost" }
        , Step.Derive
            schema.Derived::{
            , name = "share"
            , value =
                schema.Derivation.Quotient
                  { numerator = schema.Operand.Column "percent", denominator = schema.Operand.Number 100.0 }
            }
        , Step.Pivot { keys = [ "model", "decades" ], column = "set", value = "share", texts = [ "a", "b" ] }
        , Step.Sort [ schema.SortKey::{ column = "decades", order = schema.SortOrder.NumberDescending } ]
        ]
      , printed = [ schema.PrintedColumn::{ column = "b", format = schema.NumberFormat.Percent 1 } ]
      }

in  schema.Experiment::{ title = "Own tables", tables = [ joined, results, models ] }
"#;

const PACKAGE: &str = "experiments/own/package.dhall";

fn workspace(cost: &str) -> Workspace {
    let workspace = Workspace::of_repository();
    workspace.write(PACKAGE, &OWN.replace("COST", cost));
    workspace
}

#[test]
fn a_table_is_computed_and_printed() {
    let workspace = workspace("100000");
    let first = workspace.ok(&["reproduce", "own/by-model"]);
    assert!(first.stdout.lines().last().unwrap().starts_with("executed 3, cached 0"));
    let file = |name: &str| workspace.read(&format!("out/own/by-model/{name}"));
    assert_eq!(file("table.csv"), "model,decades,a,b\nlarge,5,0.5,0.625\nsmall,3,0.125,0.25\n");
    assert!(
        file("table.md").contains("| large |       5 |   0.5 | 62.5 |"),
        "{}",
        file("table.md")
    );
    assert!(file("table.tex").contains("\\caption{Error \\& cost}"), "{}", file("table.tex"));
    // What a table is called, and how it is printed, executes nothing.
    workspace.edit(PACKAGE, "NumberFormat.Percent 1", "NumberFormat.Decimals 2");
    workspace.edit(PACKAGE, "\"models\"", "\"architectures\"");
    assert_eq!(workspace.ok(&["reproduce", "own/by-model"]).verdict("executed"), 0);
    assert!(
        file("table.md").contains("0.62"),
        "a tie goes to the even digit: {}",
        file("table.md")
    );
}

#[test]
fn a_cell_that_is_no_number_is_named_with_step_and_row() {
    let workspace = workspace("dear");
    let ran = workspace.run(&["reproduce", "own/by-model"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let said =
        "by-model/table: steps[1] (derive `decades`): row 2, column `cost`: `dear` is not a number";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn every_wrong_name_is_found_at_once_with_what_was_meant() {
    let workspace = workspace("100000");
    workspace.edit(PACKAGE, "table = \"models\"", "table = \"model\"");
    workspace.edit(PACKAGE, "TableSource.Table \"results\"", "TableSource.Table \"result\"");
    let ran = workspace.run(&["check", "own"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    for said in [
        "`tables[0].from`: there is no table `result`; did you mean `results`?",
        "`tables[0].steps[0]`: there is no table `model`; did you mean `models`?",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
}
