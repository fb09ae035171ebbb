//! Each rule refuses what it is there to refuse, and says where.

use super::*;
use crate::spec::experiment::testing::{
    acc1_of, dataset, digest, example, example_with_weights, fit_name,
};
use crate::spec::experiment::*;

/// Breaks the example and compares the paths of all findings.
fn finds(paths: &[&str], breaking: impl FnOnce(&mut Experiment)) {
    let mut experiment = example();
    breaking(&mut experiment);
    let findings = check(&experiment);
    let found: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(found, paths, "{findings:#?}");
}

#[test]
fn a_sound_experiment_has_no_findings() {
    finds(&[], |_| {});
}

#[test]
fn every_finding_is_given_at_once_and_with_its_numbers() {
    let mut experiment = example();
    experiment.title = " ".to_owned();
    experiment.runs[0].train.batch_size = 120;
    experiment.figures[0].default_depth = Depth::Published;
    let messages: Vec<String> = check(&experiment).iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "`title`: is empty",
            "`runs[0].train.samplesSeen`: is 4096, not a multiple of batchSize (120)",
            "`runs[0].train.batchSize`: is 120, not a multiple of gradientChunk (16)",
            "`figures[0].defaultDepth`: is published; this figure offers scratch",
        ]
    );
}

#[test]
fn sizes_that_do_not_divide_are_found() {
    finds(&["runs[0].train.model.vision.imageSize"], |e| {
        e.runs[0].train.model.vision.patch_size = 7;
    });
    finds(&["runs[0].train.model.vision.width"], |e| {
        e.runs[0].train.model.vision.heads = 3;
    });
    finds(&["runs[0].train.model.text.width"], |e| {
        e.runs[0].train.model.text.heads = 5;
    });
    finds(&["runs[0].train.batchSize"], |e| {
        e.runs[0].train.gradient_chunk = 24;
    });
    finds(&["runs[0].train.samplesSeen"], |e| {
        e.runs[0].train.samples_seen = 4_097;
    });
}

#[test]
fn a_profile_that_nothing_computes_by_is_found() {
    let messages = |profile: &str| -> Vec<String> {
        let mut experiment = example();
        experiment.runs[0].train.profile = Some(profile.to_owned());
        check(&experiment).iter().map(ToString::to_string).collect()
    };
    assert!(messages("bf16/sm_90/1").is_empty());
    for (profile, reason) in [
        ("bf16", "`bf16` is not ARITHMETIC/CLASS/REVISION, such as `bf16/sm_90/1`"),
        ("tf32/sm_90/1", "there is no arithmetic `tf32`; there is `bf16`"),
        (
            "bf16/sm_75/1",
            "`sm_75` is not a class of GPUs that multiply bfloat16: `sm_80` or a later one",
        ),
        ("bf16/sm_90/2", "there is no revision `2` of it; this program computes revision `1`"),
    ] {
        assert_eq!(messages(profile), [format!("`runs[0].train.profile`: {reason}")]);
    }
}

#[test]
fn zeros_are_found_and_divide_nothing() {
    finds(&["runs[0].train.batchSize"], |e| {
        e.runs[0].train.batch_size = 0;
    });
    finds(&["runs[0].train.gradientChunk"], |e| {
        e.runs[0].train.gradient_chunk = 0;
    });
    finds(&["runs[0].train.model.vision.patchSize"], |e| {
        e.runs[0].train.model.vision.patch_size = 0;
    });
    finds(&["runs[0].train.model.text.heads"], |e| {
        e.runs[0].train.model.text.heads = 0;
    });
}

#[test]
fn sizes_beyond_any_machine_are_found() {
    finds(&["runs[0].train.model.vision.width"], |e| {
        e.runs[0].train.model.vision.width = 1 << 20;
    });
    finds(&["runs[0].train.model.text.layers"], |e| {
        e.runs[0].train.model.text.layers = 1 << 30;
    });
    finds(&["runs[0].train.samplesSeen"], |e| {
        e.runs[0].train.samples_seen = 1 << 60;
    });
    finds(&["runs[0].train.model.vision.imageSize"], |e| {
        e.runs[0].train.model.vision.image_size = 4_096;
        e.runs[0].train.model.vision.patch_size = 1;
    });
}

#[test]
fn numbers_without_bits_of_their_own_are_found() {
    for value in [f64::NAN, f64::INFINITY, -0.0] {
        finds(&["runs[0].train.optimizer.weightDecay"], |e| {
            e.runs[0].train.optimizer.weight_decay = value;
        });
    }
    finds(&["runs[0].train.preprocessing.std[1]"], |e| {
        e.runs[0].train.preprocessing.std[1] = 0.0;
    });
    finds(&["runs[0].train.preprocessing.mean"], |e| {
        e.runs[0].train.preprocessing.mean.truncate(2);
    });
    finds(&["runs[0].train.schedule.learningRateFinal"], |e| {
        e.runs[0].train.schedule.learning_rate_final = 1.0;
    });
    finds(&["runs[0].train.optimizer.beta2"], |e| {
        e.runs[0].train.optimizer.beta2 = 1.0;
    });
}

/// Computed with in binary32, they would be 0, or nearly.
#[test]
fn numbers_that_binary32_does_not_hold_are_found() {
    for number in [0.0, 1e-50, 1e-40, 1e39] {
        finds(&["runs[0].train.preprocessing.std[0]", "runs[0].train.optimizer.epsilon"], |e| {
            e.runs[0].train.preprocessing.std[0] = number;
            e.runs[0].train.optimizer.epsilon = number;
        });
    }
    finds(&[], |e| {
        e.runs[0].train.preprocessing.std[0] = 1.2e-38;
        e.runs[0].train.optimizer.epsilon = 1.2e-38;
    });
}

/// The tokeniser refuses it.
#[test]
fn a_context_without_room_for_a_token_is_found() {
    finds(&[], |e| e.runs[0].train.model.text.context_length = 3);
    finds(&["runs[0].train.model.text.contextLength"], |e| {
        e.runs[0].train.model.text.context_length = 2;
    });
}

#[test]
fn more_samples_than_a_shard_has_bytes_are_found() {
    let of = |change: &dyn Fn(&mut Shard)| {
        let mut data = dataset("downstream");
        let Shards::Inline(shards) = &mut data.shards else { panic!("its shards are inline") };
        change(&mut shards[0]);
        data
    };
    finds(&["runs[0].evaluations[1].dataset.shards[0].samples"], |e| {
        e.runs[0].evaluations[1].dataset = of(&|shard| shard.samples = 4_294_967_290);
    });
    finds(&[], |e| e.runs[0].evaluations[1].dataset = of(&|shard| shard.samples = shard.bytes));
}

#[test]
fn a_share_of_more_than_everything_is_found_once() {
    finds(&["runs[0].train.schedule.warmUp.percent"], |e| {
        e.runs[0].train.schedule.warm_up =
            WarmUp::Percent { percent: u64::MAX, steps_min: 0, steps_max: u64::MAX };
    });
}

#[test]
fn a_figure_that_nobody_could_render_is_found() {
    for (panels, paths) in [(30, &[][..]), (31, &["figures[0].panels"][..])] {
        finds(paths, |e| {
            let panel = e.figures[0].panels[0].clone();
            let named = |i| Panel { name: format!("p{i}"), ..panel.clone() };
            e.figures[0].panels = (0..panels).map(named).collect();
            e.figures[0].claims.clear();
        });
    }
}

#[test]
fn more_decimals_than_a_number_has_are_found() {
    for (format, paths) in [
        (NumberFormat::Decimals(17), &[][..]),
        (NumberFormat::Decimals(18), &["tables[0].printed[0].format"][..]),
        (NumberFormat::Percent(4_000_000_000), &["tables[0].printed[0].format"][..]),
    ] {
        finds(paths, |e| {
            e.tables[0].printed = vec![PrintedColumn { column: "acc1".to_owned(), format }];
        });
    }
}

#[test]
fn a_warm_up_longer_than_the_training_is_found() {
    finds(&["runs[0].train.schedule.warmUp"], |e| {
        e.runs[0].train.schedule.warm_up = WarmUp::Steps(33);
    });
    finds(&[], |e| {
        e.runs[0].train.schedule.warm_up = WarmUp::Steps(32);
    });
}

#[test]
fn the_embedding_has_the_rows_of_the_vocabulary() {
    finds(&["runs[0].train.model.text.vocabularySize"], |e| {
        e.runs[0].train.vocabulary.size = 99;
    });
}

#[test]
fn names_are_unique_and_fit_labels() {
    finds(&["runs[1].name", "figures[0].scratch.runs[1]"], |e| {
        e.runs[1].name = "curve; rm".to_owned();
    });
    finds(&["figures[1].name"], |e| e.figures[1].name = "a".to_owned());
    finds(&["runs[1].evaluations[1].name"], |e| {
        e.runs[1].evaluations[1].name = "zero-shot".to_owned();
    });
    finds(&["figures[0].claims[2].id"], |e| {
        e.figures[0].claims[2].id = "floor".to_owned();
    });
}

#[test]
fn broken_pins_are_found_once_however_often_they_are_used() {
    // Both runs are evaluated on equal data sets, twice each.
    let break_digest = |dataset: &mut Dataset| {
        let Shards::Inline(shards) = &mut dataset.shards else { unreachable!() };
        shards[1].sha256 = DigestText("B".repeat(64));
    };
    finds(&["runs[0].evaluations[0].dataset.shards[1].sha256"], |e| {
        for evaluation in e.runs.iter_mut().flat_map(|run| &mut run.evaluations) {
            break_digest(&mut evaluation.dataset);
        }
    });
    finds(&["runs[1].train.vocabulary.file.bytes"], |e| {
        e.runs[1].train.vocabulary.file.bytes = 501;
    });
    finds(&["tables[0].from.file.sha256"], |e| {
        points(e).file.sha256.0.pop();
    });
}

/// The published table of the example.
fn points(experiment: &mut Experiment) -> &mut PublishedTable {
    let TableSource::Csv(table) = &mut experiment.tables[0].from else { unreachable!() };
    table
}

#[test]
fn data_sets_without_samples_or_with_twins_are_found() {
    finds(&["runs[0].train.dataset.shards"], |e| {
        e.runs[0].train.dataset.shards = Shards::Inline(Vec::new());
    });
    finds(&["runs[0].train.dataset.shards[1].name"], |e| {
        let Shards::Inline(shards) = &mut e.runs[0].train.dataset.shards else { unreachable!() };
        shards[1].name = shards[0].name.clone();
    });
    finds(&["runs[0].train.dataset.shards[0].name"], |e| {
        let Shards::Inline(shards) = &mut e.runs[0].train.dataset.shards else { unreachable!() };
        shards[0].name = "../0.tar".to_owned();
    });
}

#[test]
fn sources_that_move_or_climb_are_found() {
    let git = |rev: &str, path: &str| Source::Git {
        url: "https://example.org/r.git".to_owned(),
        rev: rev.to_owned(),
        path: path.to_owned(),
    };
    let commit = "652b1e7471f7ccf372277f67cb680de5c9fa139d";
    let set = |e: &mut Experiment, source| points(e).file.source = source;
    finds(&[], |e| set(e, git(commit, "a/points.csv")));
    finds(&["tables[0].from.file.source.rev"], |e| {
        set(e, git("main", "points.csv"));
    });
    finds(&["tables[0].from.file.source.path"], |e| {
        set(e, git(commit, "a/../../b"));
    });
    finds(&["tables[0].from.file.source.path"], |e| {
        set(e, Source::File { path: "/etc/passwd".to_owned() });
    });
    finds(&["tables[0].from.file.source.url"], |e| {
        set(e, Source::Http { url: "file:///etc/passwd".to_owned() });
    });
}

#[test]
fn figures_use_only_what_exists() {
    finds(&["figures[0].scratch.runs[1]"], |e| {
        e.figures[0].scratch.as_mut().unwrap().runs[1] = "c".to_owned();
    });
    finds(&["figures[0].scratch.columns[0].value"; 2], |e| {
        e.figures[0].scratch.as_mut().unwrap().columns[0].value =
            ColumnValue::Label("no".to_owned());
    });
    finds(&["figures[0].scratch.columns[2].value"; 2], |e| {
        let evaluation = "retrieval".to_owned();
        let value = ColumnValue::Measurement { evaluation, metric: Metric::Acc1 };
        e.figures[0].scratch.as_mut().unwrap().columns[2].value = value;
    });
    // Of four classes, no five are the nearest.
    for (count, found) in [(4, 2), (5, 0)] {
        finds(&vec!["figures[0].scratch.columns[2].value"; found], |e| {
            for run in &mut e.runs {
                let Task::ZeroShotClassification { classes, .. } = &mut run.evaluations[0].task
                else {
                    unreachable!("the example classifies first")
                };
                classes.count = count;
            }
            let evaluation = "zero-shot".to_owned();
            let value = ColumnValue::Measurement { evaluation, metric: Metric::Acc5 };
            e.figures[0].scratch.as_mut().unwrap().columns[2].value = value;
        });
    }
    finds(&["figures[0].panels[0].series[0].points.x"], |e| {
        e.figures[0].panels[0].series[0].points.x = "gmacs".to_owned();
    });
    finds(&["figures[0].panels[0].series[0].points.y"], |e| {
        e.figures[0].panels[0].series[0].points.y = "run".to_owned();
    });
    finds(&["figures[0].panels[0].series[0].fits[1].method"], |e| {
        let fits = &mut e.figures[0].panels[0].series[0].fits;
        fits.push(fits[0].clone());
    });
}

#[test]
fn claims_speak_of_what_exists_and_can_be_judged() {
    let set = |e: &mut Experiment, statement| e.figures[0].claims[0].statement = statement;
    let at = "figures[0].claims[0].statement";
    finds(&[at], |e| {
        let fit = FitName { method: FitNameMethod::BinnedMinimum, ..fit_name() };
        set(e, Statement::IntervalExcludes { fit, value: 0.0 });
    });
    finds(&[&format!("{at}.quantities")], |e| {
        set(e, Statement::Descending { quantities: vec![acc1_of("a")] });
    });
    let printed = |text: &str| Statement::AsPrinted {
        quantity: acc1_of("a"),
        text: text.to_owned(),
        unit: Unit::Percent,
    };
    for text in ["79.1", "-0.11", "5"] {
        finds(&[], |e| set(e, printed(text)));
    }
    for text in ["", "5.", ".5", "1e3", "+1", "79.1 %"] {
        finds(&[&format!("{at}.text")], |e| set(e, printed(text)));
    }
    finds(&["figures[0].claims[2].statement.fit"], |e| {
        e.figures[0].panels[0].series[0].fits[0].interval = None;
    });
}

#[test]
fn a_claim_speaks_of_a_row_that_some_run_gives() {
    let at = "figures[0].claims[0].statement";
    let bounded = |quantity| Statement::AtLeast { quantity, bound: 0.1 };
    let set = |e: &mut Experiment, quantity| {
        e.figures[0].claims[0].statement = bounded(quantity);
    };
    finds(&[at], |e| set(e, acc1_of("c")));
    // Unless it says why nothing can judge it.
    finds(&[], |e| {
        set(e, acc1_of("c"));
        e.figures[0].claims[0].known = Some("it was never trained".to_owned());
    });
    let of_model = |text: &str| {
        let mut quantity = acc1_of("a");
        let QuantityValue::Cell { row, .. } = &mut quantity.value else { unreachable!() };
        row.push(Condition { column: "model".to_owned(), text: text.to_owned() });
        quantity
    };
    let label = |e: &mut Experiment| {
        let value = ColumnValue::Label("model".to_owned());
        let column = Column { name: "model".to_owned(), value };
        e.figures[0].scratch.as_mut().unwrap().columns.push(column);
    };
    for (text, paths) in [("tiny", &[][..]), ("large", &[at][..])] {
        finds(paths, |e| {
            label(e);
            set(e, of_model(text));
        });
    }
    // What a published table holds is seen when it is read.
    finds(&[], |e| {
        e.figures[0].published = Some("points".to_owned());
        set(e, acc1_of("c"));
    });
    let mut experiment = example();
    set(&mut experiment, acc1_of("c"));
    let said = "no run has `c` in column `run`; if nothing can judge the claim, say why in `known`";
    assert_eq!(check(&experiment)[0].message, said);
    // A table's claims, too.
    finds(&["tables[1].claims[0].statement"], |e| {
        let mut table = derived_table("runs", "points", Vec::new());
        table.from = TableSource::Runs(e.figures[0].scratch.clone().unwrap());
        table.claims = vec![Claim { id: "row".to_owned(), ..e.figures[0].claims[0].clone() }];
        table.claims[0].statement = bounded(acc1_of("c"));
        e.tables.push(table);
    });
}

#[test]
fn legends_name_columns_once_and_values_once() {
    let legend = |column: &str, title: &str, texts: &[&str]| Legend {
        column: column.to_owned(),
        title: title.to_owned(),
        values: texts
            .iter()
            .map(|text| LegendValue { text: text.to_string(), shown: "x".to_owned() })
            .collect(),
    };
    finds(&[], |e| e.figures[0].legends = vec![legend("run", "Run", &["b", "a", "absent"])]);
    finds(
        &[
            "figures[0].legends[0].column",
            "figures[0].legends[0].title",
            "figures[0].legends[0].values[1].text",
        ],
        |e| e.figures[0].legends = vec![legend("model", " ", &["a", "a"])],
    );
    finds(&["figures[0].legends[1].column"], |e| {
        e.figures[0].legends = vec![legend("run", "Run", &[]), legend("run", "Run", &[])];
    });
}

#[test]
fn curves_predictions_and_trials_say_what_exists() {
    let at = "figures[0].panels[0].series[0]";
    let set = |e: &mut Experiment, change: &dyn Fn(&mut Series)| {
        change(&mut e.figures[0].panels[0].series[0]);
    };
    let joined = |by: &[&str], dash: &str| Joined {
        by: by.iter().map(ToString::to_string).collect(),
        dash: Some(dash.to_owned()),
    };
    finds(&[], |e| set(e, &|s| s.joined = Some(joined(&["run"], "run"))));
    finds(&[&format!("{at}.joined.by")], |e| set(e, &|s| s.joined = Some(joined(&[], "run"))));
    finds(
        &[
            &format!("{at}.joined.by[0]"),
            &format!("{at}.joined.by[2]"),
            &format!("{at}.joined.dash"),
        ],
        |e| set(e, &|s| s.joined = Some(joined(&["no", "run", "run"], "no"))),
    );
    let prediction = |x, method, column: &str| Prediction {
        label: String::new(),
        x,
        method,
        row: vec![Condition { column: column.to_owned(), text: "c".to_owned() }],
    };
    let good = prediction(1e9, FitNameMethod::LeastSquares, "run");
    finds(&[], |e| set(e, &|s| s.predictions = vec![good.clone()]));
    finds(
        &[
            &format!("{at}.predictions[0].x"),
            &format!("{at}.predictions[0].method"),
            &format!("{at}.predictions[0].row[0].column"),
        ],
        |e| {
            let bad = prediction(0.0, FitNameMethod::ParetoFrontier, "no");
            set(e, &|s| s.predictions = vec![bad.clone()]);
        },
    );
    let tried = |bins_min, bins_max, margins_decades: &[f64]| {
        Some(Sensitivity { bins_min, bins_max, margins_decades: margins_decades.to_vec() })
    };
    finds(&[], |e| set(e, &|s| s.sensitivity = tried(1, 1000, &[0.0, 0.1, 0.2])));
    for (bins, margins, paths) in [
        ((0, 5), &[0.1][..], &["binsMin"][..]),
        ((5, 4), &[0.1], &["binsMax"]),
        ((3, 5), &[], &["marginsDecades"]),
        ((3, 5), &[-1.0, 0.1, 0.1], &["marginsDecades[0]", "marginsDecades[2]"]),
    ] {
        let paths: Vec<String> =
            paths.iter().map(|path| format!("{at}.sensitivity.{path}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        finds(&paths, |e| set(e, &|s| s.sensitivity = tried(bins.0, bins.1, margins)));
    }
    let many: Vec<f64> = (0..100_u8).map(f64::from).collect();
    finds(&[&format!("{at}.sensitivity")], |e| {
        set(e, &|s| s.sensitivity = tried(1, 1000, &many));
    });
}

#[test]
fn an_error_of_a_line_is_over_columns_that_exist() {
    let at = "figures[0].claims[0].statement";
    let error = |y: &str, method| Quantity {
        value: QuantityValue::MeanAbsoluteError {
            fit: FitName { method, ..fit_name() },
            points: Selection {
                x: "gmacs_total".to_owned(),
                y: y.to_owned(),
                y_transform: Transform::OneMinus,
                keep: Vec::new(),
            },
        },
        transform: Transform::Identity,
    };
    let set = |e: &mut Experiment, quantity| {
        e.figures[0].claims[0].statement = Statement::AtMost { quantity, bound: 0.1 };
    };
    finds(&[], |e| set(e, error("acc1", FitNameMethod::LeastSquares)));
    finds(&[&format!("{at}.points.y")], |e| set(e, error("no", FitNameMethod::LeastSquares)));
    finds(&[at], |e| set(e, error("acc1", FitNameMethod::BinnedMinimumAtPoint)));
}

#[test]
fn a_figure_that_nobody_can_have_is_found() {
    finds(&["figures[1]"], |e| {
        e.figures[1].published = None;
        e.figures[1].panels[0].series.clear();
    });
}

#[test]
fn one_digest_has_one_size() {
    finds(&["tables[0].from.file.bytes"], |e| {
        points(e).file.sha256 = digest('c');
    });
}

/// A table of the table `points`, after the steps.
fn derived_table(name: &str, from: &str, steps: Vec<Step>) -> Table {
    Table {
        name: name.to_owned(),
        title: name.to_owned(),
        from: TableSource::Table(from.to_owned()),
        steps,
        printed: Vec::new(),
        claims: Vec::new(),
    }
}

fn derive(name: &str, value: Derivation) -> Step {
    Step::Derive(Derived { name: name.to_owned(), value })
}

#[test]
fn every_column_that_a_step_names_is_there_by_then() {
    let error = Derivation::Difference {
        minuend: Operand::Number(1.0),
        subtrahend: Operand::Column("acc1".into()),
    };
    let add = |e: &mut Experiment, steps| e.tables.push(derived_table("derived", "points", steps));
    finds(&[], |e| {
        add(
            e,
            vec![derive("error", error.clone()), derive("log", Derivation::Log10("error".into()))],
        );
    });
    finds(&["tables[1].steps[0].value", "tables[1].steps[1].name"], |e| {
        let log = derive("log", Derivation::Log10("error".into()));
        add(e, vec![log, derive("acc1", error.clone())]);
    });
    // A stated text is no number; an empty one stands for a number that is not known.
    let text = |text: &str| derive("x", Derivation::Text(text.to_owned()));
    let log = || derive("log", Derivation::Log10("x".into()));
    finds(&[], |e| add(e, vec![text(""), log()]));
    finds(&["tables[1].steps[1].value"], |e| add(e, vec![text("B/32"), log()]));
    let selected = |column: &str, name: &str| Selected { column: column.into(), name: name.into() };
    finds(&["tables[1].steps[1].column"], |e| {
        let keep = Keep { column: "run".into(), one_of: vec!["a".into()] };
        add(e, vec![Step::Select(vec![selected("acc1", "x")]), Step::Keep(keep)]);
    });
    finds(&["tables[1].steps[0].value", "tables[1].printed[0].column"], |e| {
        add(e, vec![derive("x", Derivation::Number(f64::NAN))]);
        let format = NumberFormat::Decimals(2);
        e.tables[1].printed.push(PrintedColumn { column: "y".into(), format });
    });
    finds(&["tables[1].steps[0]"], |e| {
        let other = derived_table("other", "points", vec![derive("x", Derivation::Number(1.0))]);
        add(e, vec![Step::Union("other".into())]);
        e.tables.push(other);
    });
}

#[test]
fn a_table_that_is_missing_or_made_of_itself_is_one_finding() {
    let broken = |steps: Vec<Step>| derived_table("a-table", "pionts", steps);
    finds(&["tables[1].from"], |e| {
        e.tables.push(broken(vec![Step::Select(vec![])]));
        e.tables[1].steps = vec![derive("x", Derivation::Log10("anything".into()))];
        e.tables.push(derived_table("b-table", "a-table", vec![]));
    });
    finds(&["tables[1]"], |e| {
        e.tables.push(derived_table("a-table", "b-table", vec![]));
        e.tables.push(derived_table("b-table", "a-table", vec![]));
    });
    // Through the fits of a figure whose points are the table itself.
    finds(&["tables[1]"], |e| {
        e.tables.push(derived_table("fits", "points", vec![]));
        e.tables[1].from = TableSource::Fits(vec!["table".into()]);
        e.figures[1].published = Some("fits".into());
        e.figures[1].panels[0].series.clear();
    });
}

/// Whichever of them is stated first. `points` is the lowest of the hundred.
#[test]
fn a_hundred_tables_may_lie_on_each_other_and_no_more() {
    let pile = |count: usize, is_lowest_first: bool| {
        let name = |height: usize| {
            if height == 0 { "points".to_owned() } else { format!("t{height}") }
        };
        let table = |height: usize| derived_table(&name(height), &name(height - 1), vec![]);
        let mut tables: Vec<Table> = (1..count).map(table).collect();
        if !is_lowest_first {
            tables.reverse();
        }
        move |e: &mut Experiment| e.tables.extend(tables)
    };
    finds(&[], pile(100, true));
    finds(&[], pile(100, false));
    finds(&["tables[100]"], pile(101, true));
    finds(&["tables[1]"], pile(101, false));
    finds(&["tables[1]"], pile(150, false));
    finds(&["tables[100]"], pile(3_000, true));
}

#[test]
fn groups_and_figures_name_what_exists() {
    let group = |targets: &[&str]| Group {
        name: "all".to_owned(),
        title: "All".to_owned(),
        targets: targets.iter().map(ToString::to_string).collect(),
    };
    finds(&[], |e| e.groups.push(group(&["curve", "points", "a"])));
    finds(&["groups[0].targets[1]"], |e| e.groups.push(group(&["curve", "cruve"])));
    finds(&["groups[0].targets"], |e| e.groups.push(group(&[])));
    finds(&["figures[1].published"], |e| e.figures[1].published = Some("point".to_owned()));
    finds(&["figures[1].printed.panels[0]"], |e| {
        let (table, panels) = ("points".to_owned(), vec!["no".to_owned()]);
        e.figures[1].printed = Some(PrintedPanels { table, panels, claims: Vec::new() });
    });
}

fn looked_at(table: &str, key: &[&str]) -> CheckedRows {
    CheckedRows {
        table: table.into(),
        key: key.iter().map(ToString::to_string).collect(),
        keep: Vec::new(),
        present: Vec::new(),
    }
}

fn declared(rule: Rule) -> Check {
    Check {
        id: "c".into(),
        text: "what".into(),
        severity: Severity::Error,
        rule,
        known: Vec::new(),
    }
}

fn at_most(slack: f64) -> Rule {
    let rows = looked_at("points", &["run"]);
    Rule::AtMost { rows, lesser: "acc1".into(), greater: "gmacs_total".into(), slack }
}

#[test]
fn checks_look_at_what_exists() {
    let finds_of = |paths: &[&str], rule: Rule| finds(paths, |e| e.checks.push(declared(rule)));
    finds_of(&[], at_most(0.0));
    finds_of(&["checks[0].rule.slack"], at_most(-1.0));
    finds_of(&["checks[0].rule.slack"], at_most(f64::NAN));
    let rows = looked_at("pionts", &["run"]);
    finds_of(&["checks[0].rule.rows.table"], Rule::UniqueKeys { rows });
    finds_of(&["checks[0].rule.rows.key"], Rule::UniqueKeys { rows: looked_at("points", &[]) });
    finds_of(&["checks[0].rule.rows.key"], Rule::UniqueKeys { rows: looked_at("points", &["z"]) });
    let cells = |key: &[&str]| Cells {
        rows: looked_at("points", key),
        column: "acc1".into(),
        every_row: true,
    };
    let tolerance = crate::action::params::Tolerance::Absolute(0.0);
    let unequal = Rule::Equal { left: cells(&["run"]), right: cells(&["run", "acc1"]), tolerance };
    finds_of(&["checks[0].rule"], unequal);
    let rows = looked_at("points", &["run"]);
    let nothing = Rule::Range { rows, column: "acc1".into(), least: None, most: None };
    finds_of(&["checks[0].rule"], nothing);
}

#[test]
fn what_is_known_of_a_check_can_occur() {
    let known = |key: &[&str], reason: &str| Known {
        key: key.iter().map(ToString::to_string).collect(),
        column: "x".into(),
        found: None,
        reason: reason.into(),
    };
    let with = |known: Vec<Known>| Check { known, ..declared(at_most(0.0)) };
    finds(&[], |e| e.checks.push(with(vec![known(&["1"], "why"), known(&["2"], "why")])));
    finds(&["checks[0].known[0].key"], |e| e.checks.push(with(vec![known(&["1", "2"], "why")])));
    finds(&["checks[0].known[0].reason"], |e| e.checks.push(with(vec![known(&["1"], " ")])));
    let twice = || with(vec![known(&["1"], "why"), known(&["1"], "why else")]);
    finds(&["checks[0].known[1]"], |e| e.checks.push(twice()));
}

#[test]
fn names_of_checks_are_unique_and_their_target_is_theirs() {
    let both = || vec![declared(at_most(0.0)), declared(at_most(0.0))];
    finds(&["checks[1].id"], |e| e.checks = both());
    finds(&["checks"], |e| {
        e.checks = vec![declared(at_most(0.0))];
        let targets = vec!["curve".to_owned()];
        e.groups.push(Group { name: "checks".into(), title: "Mine".into(), targets });
    });
}

#[test]
fn released_weights_follow_the_rules_of_models_pins_and_columns() {
    let finds = |paths: &[&str], breaking: &dyn Fn(&mut Experiment)| {
        let mut experiment = example_with_weights();
        breaking(&mut experiment);
        let findings = check(&experiment);
        let found: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(found, paths, "{findings:#?}");
    };
    finds(&[], &|_| {});
    finds(&["releasedRuns[0].name", "figures[0].weights.runs[0]"], &|e| {
        e.released_runs[0].name = "a".to_owned();
    });
    finds(&["releasedRuns[0].weights.tensors.sha256"], &|e| {
        e.released_runs[0].weights.tensors.sha256 = DigestText("x".to_owned());
    });
    finds(&["releasedRuns[0].model.vision", "releasedRuns[0].model.text.pooling"], &|e| {
        e.released_runs[0].model.vision.patch_bias = true;
        e.released_runs[0].model.text.pooling = TextPooling::Mean;
    });
    finds(&["releasedRuns[0].model.text.vocabularySize"], &|e| {
        e.released_runs[0].vocabulary.size = 99;
    });
    finds(&["figures[0].weights.runs[0]"], &|e| {
        e.figures[0].weights.as_mut().unwrap().runs[0] = "a".to_owned();
    });
    // The example's second column is the total compute.
    finds(&["figures[0].weights.columns[1].value"], &|e| e.released_runs[0].samples_seen = None);
    finds(&["figures[0].weights.columns[1].value"], &|e| {
        e.figures[0].weights.as_mut().unwrap().columns[1].value = ColumnValue::Seed;
    });
    finds(&["figures[0].weights.columns[2].value"], &|e| {
        e.released_runs[0].evaluations.clear();
    });
}
