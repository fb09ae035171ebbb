//! The paper's Fig. 1a: from the authors' table where it is at hand, from the numbers the paper prints where it is not.

use crate::support::Workspace;
use crate::support::published::{ZERO_SHOT_RESULTS, published_folder};

const FIG1A: &str = "clip-scaling-laws/fig1a";
const SOURCES: &str = "experiments/clip-scaling-laws/sources.dhall";

/// A workspace whose experiment names no place on a network, so that no test depends on one. Where a file was published
/// enters no action.
fn offline() -> Workspace {
    let workspace = Workspace::of_repository();
    workspace.edit(SOURCES, "https://github.com/", "file:///nowhere/");
    workspace
}

/// The published formulas are those of arXiv:2212.07143, Fig. 1a.
#[test]
fn fig1a_comes_out_of_the_authors_table_as_printed() {
    let Some(mirror) = published_folder() else {
        return;
    };
    let workspace = offline();
    let mirror = mirror.to_str().unwrap();
    let first = workspace.ok(&["reproduce", FIG1A, "--mirror", mirror]);
    let lines: Vec<&str> = first.stdout.lines().collect();
    let words = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let table: Vec<_> =
        lines[lines.len() - 6..lines.len() - 1].iter().map(|line| words(line)).collect();
    assert_eq!(table[0], ["line", "published", "computed", "verdict"]);
    for (row, formula) in table[1..].iter().zip([
        "E = 5.86 * C^-0.11",
        "E = 23.18 * C^-0.16",
        "E = 11.61 * C^-0.13",
        "E = 211.66 * C^-0.24",
    ]) {
        assert_eq!(row[1..], [formula, formula, "met"], "{row:?}");
    }
    let executed = first.verdict("executed");
    let all = format!("same bits as lockfile {executed}/{executed}");
    assert!(executed >= 5 && lines.last().unwrap().contains(&all), "{}", first.stdout);
    let out = workspace.read(&format!("out/{FIG1A}/fits.json"));
    assert!(out.contains("-0.11138849141276"), "full precision: {out}");
    let attribution = workspace.read(&format!("out/{FIG1A}/attribution.txt"));
    assert!(attribution.contains(ZERO_SHOT_RESULTS), "{attribution}");
    let second = workspace.ok(&["reproduce", FIG1A]);
    assert_eq!(second.verdict("executed"), 0, "the store has the authors' table by now");
}

#[test]
fn tables_are_targets_and_come_as_csv_markdown_and_latex() {
    let Some(mirror) = published_folder() else {
        return;
    };
    let workspace = offline();
    let mirror = mirror.to_str().unwrap();
    workspace.ok(&["reproduce", "clip-scaling-laws/table1", "--mirror", mirror]);
    let table = |file: &str| workspace.read(&format!("out/clip-scaling-laws/table1/{file}"));
    // The paper's Table 1, in percent with one decimal.
    let markdown = table("table.md");
    for row in [
        ["CLIP-WIT", "75.5", "55.8", "61.1"],
        ["LAION-2B", "75.2", "54.6", "71.1"],
        ["LAION-2B", "78.0", "56.4", "73.4"],
    ] {
        let is_row = |line: &str| row.iter().all(|cell| line.contains(cell));
        assert!(markdown.lines().any(is_row), "{row:?}: {markdown}");
    }
    assert!(table("table.tex").contains("\\toprule"));
    assert!(table("table.csv").contains("0.75202"), "{}", table("table.csv"));
}

#[test]
fn without_the_table_the_printed_panel_is_drawn_and_the_rest_is_missing() {
    let workspace = offline();
    let ran = workspace.run(&["reproduce", FIG1A]);
    assert_eq!(ran.code, Some(3), "{}\n{}", ran.stdout, ran.stderr);
    for said in
        [ZERO_SHOT_RESULTS, "tried zeroshot_results.csv at", "ibid store add FILE", "--mirror DIR"]
    {
        assert!(ran.stderr.contains(said), "`{said}` is not said: {}", ran.stderr);
    }
    assert!(ran.stdout.contains("E = 5.86 * C^-0.11"), "{}", ran.stdout);
    assert!(ran.stdout.contains("same bits as lockfile 4/4; claims met 4/4"), "{}", ran.stdout);
    let attribution = workspace.read(&format!("out/{FIG1A}/attribution.txt"));
    assert!(attribution.contains("numbers that stand in its experiment"), "{attribution}");
    let figure = workspace.read(&format!("out/{FIG1A}/figure.svg"));
    assert!(figure.contains("ImageNet") && !figure.contains("robustness"));
    // What has no printed numbers is missing, and nothing stands in for it.
    let ran = workspace.run(&["reproduce", "clip-scaling-laws/fig1b"]);
    assert_eq!(ran.code, Some(3));
    assert!(!workspace.path("out/clip-scaling-laws/fig1b").exists());
}

/// What the authors' files contradict is found by the rules that the experiment states, and all of it is on record.
#[test]
fn what_the_authors_files_contradict_is_found_and_known() {
    let Some(mirror) = published_folder() else {
        return;
    };
    let workspace = offline();
    let ran = workspace.ok(&["check", "clip-scaling-laws", "--mirror", mirror.to_str().unwrap()]);
    // Two sizes of one test set: 0.766036331653595 is 6198 of 8,091 images, and no whole number of 1,000.
    for part in
        ["openclip_results.csv row ", "0.766036331653595", "8,091", "trained_models_info.csv row "]
    {
        assert!(ran.stdout.contains(part), "`{part}` is not said:\n{}", ran.stdout);
    }
    let severities: Vec<_> = ["error: ", "warning: ", "note: "]
        .map(|word| ran.stdout.lines().position(|line| line.starts_with(word)).unwrap())
        .into();
    assert!(severities.is_sorted(), "the worst come first: {severities:?}");
    assert!(ran.stdout.contains(", 0 not as recorded"), "{}", ran.stdout);
    // A record less, and the finding is news.
    let known = "experiments/clip-scaling-laws/known.dhall";
    workspace.edit(known, "found = \"108844.5704\"", "found = \"108844.5705\"");
    let ran = workspace.run(&["check", "clip-scaling-laws"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for standing in ["  new: ", "  stale: "] {
        let line = ran.stdout.lines().find(|line| line.starts_with(standing)).unwrap();
        assert!(line.contains("column samples_per_sec"), "{line}");
    }
}

#[test]
fn without_the_files_the_checks_are_named_as_not_made() {
    let ran = offline().ok(&["check", "clip-scaling-laws"]);
    assert!(ran.stderr.contains("not checked: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("ibid reproduce clip-scaling-laws/checks"), "{}", ran.stderr);
}
