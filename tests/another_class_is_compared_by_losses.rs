//! A training of a class of GPUs is verified elsewhere: by other arithmetic, within a tolerance of the locked losses.

use serde_json::Value;

use crate::support::{PACKAGE, Ran, SMOKE, Workspace};

const LOCKFILE: &str = "lockfiles/pictogram-scaling-laws.lock";
const TRAINING: &str = "smoke-xs-2k/train";

/// A workspace whose `smoke` is bound to a class of GPUs, and the lines of its lockfile without outputs: label and recipe.
fn bound() -> (Workspace, Vec<String>) {
    let workspace = Workspace::of_repository();
    let run = r#"run "smoke-xs-2k" xs data.glyphs-2k 4096"#;
    let bound = format!(
        r#"let portable = {run}
           in  portable ⫽ {{ train = portable.train ⫽ {{ profile = Some "bf16/sm_90/1" }} }}"#
    );
    workspace.edit(PACKAGE, &format!("[ {run} ]"), &format!("[ {bound} ]"));
    let planned: Value =
        serde_json::from_str(&workspace.ok(&["plan", SMOKE, "--json"]).stdout).unwrap();
    let actions = planned["actions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut lines: Vec<String> = actions
        .iter()
        .map(|action| format!("{} {}", text(&action["label"]), text(&action["recipe"])))
        .collect();
    lines.sort();
    (workspace, lines)
}

/// Writes the lockfile, with these losses of the training.
fn lock(workspace: &Workspace, lines: &[String], losses: &[f64]) {
    let losses: Vec<_> = losses.iter().map(f64::to_string).collect();
    let mut text = "ibid-lock/1\n".to_owned();
    for line in lines {
        text += line;
        if line.starts_with(TRAINING) && !losses.is_empty() {
            text += &format!(" losses:{}", losses.join(","));
        }
        text += "\n";
    }
    workspace.write(LOCKFILE, &text);
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap()
}

#[test]
fn another_class_is_verified_within_a_tolerance_and_says_so() {
    let (workspace, lines) = bound();
    lock(&workspace, &lines, &[5.0; 16]);
    let ran = workspace.run(&["verify", SMOKE, "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let value = json(&ran);
    let another = &value["anotherClass"];
    assert_eq!((&another["device"], &another["tolerance"]), (&"cpu".into(), &0.01.into()));
    assert_eq!(another["notCompared"].as_array().unwrap().len(), 5);
    let training = &another["trainings"][0];
    assert_eq!((&training["label"], &training["isWithin"]), (&TRAINING.into(), &false.into()));
    let spans = training["spans"].as_array().unwrap();
    assert_eq!(spans[15]["steps"], serde_json::json!([30, 31]));
    let losses: Vec<f64> = spans.iter().map(|span| span["computed"].as_f64().unwrap()).collect();

    // What a stranger has: the losses of a GPU, one of which is off by 0.8 % of the first.
    let mut published = losses.clone();
    published[7] += 0.008 * losses[0];
    lock(&workspace, &lines, &published);
    let ran = workspace.ok(&["verify", SMOKE, "--into", "second"]);
    let before = "another class: `cpu` computes smoke-xs-2k/train by other arithmetic, and losses are compared instead of bits";
    assert_eq!(ran.stderr.lines().next(), Some(before), "{}", ran.stderr);
    let said: Vec<&str> = ran.stdout.lines().collect();
    let line = said.iter().find(|line| line.starts_with("within")).unwrap();
    let expected = "smoke-xs-2k/train  locked bf16/sm_90/1, computed portable  furthest apart by 0.0080  steps 14 to 15: ";
    assert!(line.contains(expected), "{line}");
    assert_eq!(
        *said.last().unwrap(),
        "executed 6, cached 0, fetched 0; no bits compared; claims met 0/0; \
         another class: losses of 1/1 trainings within 0.01"
    );
    let ran = workspace.run(&["verify", SMOKE, "--tolerance", "0.005"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stdout.contains("beyond  smoke-xs-2k/train"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("another class: losses of 0/1 trainings within 0.005\n"));
}

#[test]
fn without_losses_there_is_nothing_to_compare_with() {
    let (workspace, lines) = bound();
    lock(&workspace, &lines, &[]);
    let ran = workspace.run(&["verify", SMOKE]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("does not have the losses of its 16 spans"), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!(
        "hint: write them where the training was executed: ibid lock {SMOKE} --device cuda"
    )));

    // Nothing else computes in place of the class.
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("within a tolerance: ibid verify NAME"), "{}", ran.stderr);
    let ran = workspace.run(&["verify", SMOKE, "--spot", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn a_tolerance_is_a_share_and_means_nothing_to_bits() {
    let workspace = Workspace::of_repository();
    for wrong in ["1", "-0.1", "5%", "nan"] {
        let ran = workspace.run(&["verify", SMOKE, &format!("--tolerance={wrong}")]);
        assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.stderr);
        assert!(ran.stderr.contains("at least 0 and less than 1"), "{}", ran.stderr);
    }
    assert_eq!(
        workspace.run(&["verify", SMOKE, "--tolerance", "0.1", "--spot", "1"]).code,
        Some(2)
    );
    let ran = workspace.ok(&["verify", SMOKE, "--tolerance", "0.9"]);
    assert_eq!(ran.verdict("same bits as lockfile"), 6);
    assert!(!ran.stdout.contains("class"), "{}", ran.stdout);
}
