//! A figure with everything a figure can have, from its Dhall to the files that are printed.

use std::fs;

use sha2::{Digest as _, Sha256};

use crate::support::Workspace;

/// Nine points of one model line and three of another, and two learning curves.
const POINTS: &str = "model,set,samples,compute,accuracy\n\
                      B/32,a,3B,10,0.10\nB/32,b,3B,20,0.05\nB/16,a,3B,50,0.30\nB/16,b,13B,100,0.28\nB/32,a,13B,200,0.40\n\
                      L/14,a,3B,400,0.50\nL/14,b,13B,1000,0.45\nL/14,a,13B,5000,0.60\nL/14,b,34B,10000,0.62\n\
                      B/32,wit,13B,30,0.2\nB/16,wit,13B,300,0.5\nL/14,wit,13B,3000,0.7\n";

/// The experiment, with its figure's caption.
#[allow(clippy::too_many_lines, reason = "one text")]
fn experiment(caption: &str) -> String {
    let sha256: String = Sha256::digest(POINTS).iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = POINTS.len();
    format!(
        "let schema = ../schema/v1/package.dhall
let points =
      λ(sets : List Text) →
        schema.Selection::{{
        , x = \"compute\"
        , y = \"accuracy\"
        , yTransform = schema.Transform.OneMinus
        , keep = [ schema.Keep::{{ column = \"set\", oneOf = sets }} ]
        }}
let binned = {{ bins = 4, marginDecades = 0.1 }}
let marks = {{ colour = Some \"model\", marker = Some \"set\", size = Some \"samples\" }}
let open =
      schema.Series::{{
      , name = \"open\"
      , points = points [ \"a\", \"b\" ]
      , marks
      , fits =
        [ schema.Fit::{{ method = schema.FitMethod.BinnedMinimum binned, interval = Some schema.Interval.default }}
        , schema.Fit::{{ method = schema.FitMethod.BinnedMinimumAtPoint binned }}
        , schema.Fit::{{ method = schema.FitMethod.ParetoFrontier }}
        , schema.Fit::{{ method = schema.FitMethod.LeastSquares }}
        ]
      , sensitivity = Some schema.Sensitivity::{{ binsMin = 2, binsMax = 6, marginsDecades = [ 0.0, 0.1 ] }}
      , predictions =
        [ schema.Prediction::{{
          , label = \"H/14 at 68B\"
          , x = 100000.0
          , method = schema.FitNameMethod.BinnedMinimum
          , row = [ schema.Condition::{{ column = \"model\", text = \"H/14\" }} ]
          }}
        ]
      }}
let wit =
      schema.Series::{{
      , name = \"wit\"
      , points = points [ \"wit\" ]
      , marks
      , fits = [ schema.Fit::{{ method = schema.FitMethod.LeastSquares }} ]
      }}
let curves =
      schema.Series::{{
      , name = \"curves\"
      , points = points [ \"a\", \"b\" ]
      , marks = schema.Marks::{{ colour = Some \"model\" }}
      , joined = Some schema.Joined::{{ by = [ \"model\", \"set\" ], dash = Some \"set\" }}
      }}
let panel =
      λ(name : Text) →
      λ(series : List schema.Series.Type) →
        schema.Panel::{{
        , name
        , x = schema.Axis::{{ label = \"Compute\" }}
        , y = schema.Axis::{{ label = \"Error\" }}
        , series
        }}
let error =
      schema.Quantity::{{
      , value =
          schema.QuantityValue.MeanAbsoluteError
            {{ fit = schema.FitName::{{ panel = \"laws\", series = \"open\", method = schema.FitNameMethod.LeastSquares }}
            , points = points [ \"a\", \"b\" ]
            }}
      }}
in  schema.Experiment::{{
    , title = \"Print\"
    , tables =
      [ schema.Table::{{
        , name = \"points\"
        , title = \"Points\"
        , from =
            schema.TableSource.Csv
              schema.PublishedTable::{{
              , file = schema.PinnedFile::{{
                , name = \"points.csv\"
                , sha256 = \"{sha256}\"
                , bytes = {bytes}
                , source = schema.Source.File {{ path = \"print/points.csv\" }}
                }}
              , columns = [ \"model\", \"set\", \"samples\", \"compute\", \"accuracy\" ]
              }}
        }}
      ]
    , figures =
      [ schema.Figure::{{
        , name = \"figure\"
        , title = \"\"
        , caption = Some \"{caption}\"
        , width = schema.FigureWidth.OneColumn
        , legends =
          [ schema.Legend::{{
            , column = \"model\"
            , title = \"Model\"
            , values = [ {{ text = \"L/14\", shown = \"large\" }}, {{ text = \"none\", shown = \"absent\" }} ]
            }}
          ]
        , published = Some \"points\"
        , defaultDepth = schema.Depth.Published
        , panels = [ panel \"laws\" [ open, wit ], panel \"curves\" [ curves ] ]
        , claims =
          [ schema.Claim::{{
            , id = \"near\"
            , where = \"here\"
            , text = \"The line is near its points\"
            , statement = schema.Statement.AtMost {{ quantity = error, bound = 0.1 }}
            }}
          ]
        }}
      ]
    }}
"
    )
}

fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    workspace.write("experiments/print/points.csv", POINTS);
    workspace.write("experiments/print/package.dhall", &experiment("What it shows"));
    workspace
}

#[test]
fn everything_a_figure_can_have_reaches_its_files() {
    let workspace = workspace();
    workspace.ok(&["check", "print"]);
    let ran = workspace.ok(&["reproduce", "print/figure"]);
    assert_eq!(ran.verdict("executed"), 4, "{}", ran.stdout);
    assert_eq!(ran.verdict("claims met"), 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("laws | open | exponent from -0.")
            && ran.stdout.contains("over 22 choices"),
        "{}",
        ran.stdout
    );
    let read = |file: &str| fs::read(workspace.path("out/print/figure").join(file)).unwrap();
    let text = |file: &str| String::from_utf8(read(file)).unwrap();
    let svg = text("figure.svg");
    for part in
        ["width=\"84mm\"", "<desc>What it shows</desc>", ">H/14 at 68B<", ">Model<", ">large<"]
    {
        assert!(svg.contains(part), "{part}");
    }
    assert!(!svg.contains("absent") && !svg.contains(">L/14<"));
    assert!(read("figure.pdf").starts_with(b"%PDF-1.7\n"));
    assert!(read("figure.png").starts_with(b"\x89PNG\r\n"));
    // Two lone methods and two positions of five numbers of bins and two margins, below a header.
    assert_eq!(text("sensitivity.csv").lines().count(), 1 + 2 + 2 * 5 * 2);
    let fits: serde_json::Value = serde_json::from_slice(&read("fits.json")).unwrap();
    let methods: Vec<_> =
        fits.as_array().unwrap().iter().map(|fit| fit["method"]["name"].clone()).collect();
    assert_eq!(
        methods,
        [
            "binned_minimum",
            "binned_minimum_at_point",
            "pareto_frontier",
            "least_squares",
            "least_squares"
        ]
    );
    let report = text("report.html");
    for part in [
        "<figcaption>What it shows",
        "<h1>print/figure</h1>",
        "Residuals",
        "How the exponent moves",
        "Student’s t",
        "Pareto frontier",
    ] {
        assert!(report.contains(part), "{part}");
    }
    assert_eq!(workspace.ok(&["reproduce", "print/figure"]).verdict("executed"), 0);
}

#[test]
fn another_caption_redraws_and_fits_nothing_anew() {
    let workspace = workspace();
    workspace.ok(&["reproduce", "print/figure"]);
    workspace.write("experiments/print/package.dhall", &experiment("Something else"));
    let again = workspace.ok(&["reproduce", "print/figure"]);
    assert_eq!(again.verdict("executed"), 1, "{}", again.stdout);
}

#[test]
fn a_prediction_by_a_line_that_is_not_fitted_is_refused_with_its_place() {
    let workspace = workspace();
    let package = "experiments/print/package.dhall";
    workspace.edit(
        package,
        "        , schema.Fit::{ method = schema.FitMethod.ParetoFrontier }\n",
        "",
    );
    workspace.edit(
        package,
        "schema.FitNameMethod.BinnedMinimum\n",
        "schema.FitNameMethod.ParetoFrontier\n",
    );
    let refused = workspace.run(&["check", "print"]);
    assert_eq!(refused.code, Some(2));
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(
        told.contains("figures[0].panels[0].series[0].predictions[0].method")
            && told.contains("this series has no fit by that method"),
        "{told}"
    );
}
