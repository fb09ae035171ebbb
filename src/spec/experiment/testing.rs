//! A small experiment for tests: two runs on one data set, one figure from scratch and one from a published table.

use super::*;

/// A digest that names nothing: 64 times the same digit.
pub(crate) fn digest(digit: char) -> DigestText {
    DigestText(digit.to_string().repeat(64))
}

/// A data set of two inline shards of 128 samples.
pub(crate) fn dataset(name: &str) -> Dataset {
    let shard = |i: usize, digit: char| Shard {
        name: format!("{i:06}.tar"),
        sha256: digest(digit),
        bytes: 1_000,
        samples: 128,
        skipped: Vec::new(),
    };
    Dataset {
        name: name.to_owned(),
        source: Source::Bundled { set: name.to_owned(), version: "1".to_owned() },
        shards: Shards::Inline(vec![shard(0, 'a'), shard(1, 'b')]),
    }
}

/// A pinned file of a bundled set.
pub(crate) fn file(name: &str, digit: char, bytes: u64) -> PinnedFile {
    PinnedFile {
        name: name.to_owned(),
        sha256: digest(digit),
        bytes,
        source: Source::Bundled { set: "files".to_owned(), version: "1".to_owned() },
    }
}

/// The smallest model that the rules allow to be interesting: one block a tower, heads of 8 channels.
pub(crate) fn model() -> Clip {
    Clip {
        embed_dim: 16,
        vision: VisionTower {
            image_size: 32,
            patch_size: 8,
            width: 32,
            layers: 1,
            heads: 4,
            mlp_width: 128,
            patch_bias: true,
            pre_norm: false,
            pooling: VisionPooling::Mean,
        },
        text: TextTower {
            context_length: 12,
            vocabulary_size: 100,
            width: 16,
            layers: 1,
            heads: 2,
            mlp_width: 64,
            pooling: TextPooling::Mean,
        },
        activation: Activation::Gelu,
    }
}

pub(crate) fn train(seed: u64) -> Train {
    Train {
        model: model(),
        preprocessing: Preprocessing { mean: vec![0.7; 3], std: vec![0.35; 3] },
        dataset: dataset("upstream"),
        vocabulary: Vocabulary { file: file("vocabulary.txt", 'c', 500), size: 100 },
        seed,
        samples_seen: 4_096,
        batch_size: 128,
        gradient_chunk: 16,
        optimizer: AdamW {
            beta1: 0.9,
            beta2: 0.98,
            epsilon: 1e-6,
            weight_decay: 0.1,
            decay_positions: false,
            gradient_clip_norm: Some(1.0),
        },
        schedule: Schedule {
            learning_rate_max: 4e-3,
            learning_rate_final: 4e-5,
            warm_up: WarmUp::Percent { percent: 10, steps_min: 10, steps_max: 200 },
        },
        logit_scale_init: 2.659_260_036_932_778,
        captions: CaptionChoice::Drawn,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: 0,
        crop: None,
        profile: None,
        vision_positions_std: Some(0.02),
    }
}

pub(crate) fn run(name: &str, seed: u64) -> Run {
    let classes = Classes { file: file("classes.txt", 'd', 50), count: 10 };
    Run {
        name: name.to_owned(),
        labels: vec![Label { name: "model".to_owned(), text: "tiny".to_owned() }],
        train: train(seed),
        evaluations: vec![
            Evaluation {
                name: "zero-shot".to_owned(),
                dataset: dataset("downstream"),
                task: Task::ZeroShotClassification {
                    classes,
                    templates: vec!["{}".to_owned(), "a {}".to_owned()],
                },
            },
            Evaluation {
                name: "retrieval".to_owned(),
                dataset: dataset("downstream"),
                task: Task::Retrieval { recall_at: vec![1, 5] },
            },
        ],
    }
}

/// A probe of the example's ten classes, with five shots.
pub(crate) fn linear_probe() -> LinearProbe {
    LinearProbe {
        classes: Classes { file: file("classes.txt", 'd', 50), count: 10 },
        split: Split::Within { test_percent: 20, seed: 1 },
        shots: Shots::PerClass(5),
        seed: 2,
        weight_decay: WeightDecay::Fixed(0.0),
        learning_rate: 0.1,
        epochs: 10,
        batch_size: 256,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    }
}

/// Released weights of a model as OpenCLIP has them, with the evaluations of [`run`].
pub(crate) fn released_run(name: &str) -> ReleasedRun {
    let Run { train, labels, evaluations, .. } = run(name, 0);
    let mut model = train.model;
    model.vision.pooling = VisionPooling::ClassToken;
    model.vision.patch_bias = false;
    model.text.pooling = TextPooling::EndToken;
    ReleasedRun {
        name: name.to_owned(),
        labels,
        weights: Weights {
            tensors: file("open_clip_model.safetensors", '1', 5_000),
            config: file("open_clip_config.json", '2', 700),
        },
        model,
        preprocessing: train.preprocessing,
        vocabulary: train.vocabulary,
        samples_seen: Some(1_000),
        evaluations,
    }
}

/// The example, of whose figure released weights are one of the depths.
pub(crate) fn example_with_weights() -> Experiment {
    let mut experiment = example();
    experiment.released_runs = vec![released_run("theirs")];
    let mut table = experiment.figures[0].scratch.clone().expect("the example has one");
    table.runs = vec!["theirs".to_owned()];
    experiment.figures[0].weights = Some(table);
    experiment
}

/// A training of which nothing but its samples is public.
pub(crate) fn published_run(name: &str, samples_seen_nominal: u64) -> PublishedRun {
    PublishedRun {
        name: name.to_owned(),
        labels: Vec::new(),
        model: None,
        dataset: None,
        vocabulary: None,
        preprocessing: None,
        samples_seen_nominal,
        epochs: None,
        samples_per_epoch: None,
        batch_size: None,
        batch_size_per_gpu: None,
        gpus: None,
        samples_per_second: None,
        seed: None,
        precision: None,
        optimizer: PublishedAdamW { beta1: None, beta2: None, epsilon: None, weight_decay: None },
        schedule: None,
        order: None,
        commit: None,
        weights: None,
    }
}

pub(crate) fn column(name: &str, value: ColumnValue) -> Column {
    Column { name: name.to_owned(), value }
}

/// The name of the one line that the figures of [`example`] fit.
pub(crate) fn fit_name() -> FitName {
    FitName {
        panel: "zero-shot".to_owned(),
        series: "all".to_owned(),
        method: FitNameMethod::LeastSquares,
    }
}

/// The `acc1` of a run in a figure's table.
pub(crate) fn acc1_of(run: &str) -> Quantity {
    Quantity {
        value: QuantityValue::Cell {
            row: vec![Condition { column: "run".to_owned(), text: run.to_owned() }],
            column: "acc1".to_owned(),
        },
        transform: Transform::Identity,
    }
}

fn claim(id: &str, statement: Statement) -> Claim {
    Claim {
        id: id.to_owned(),
        r#where: "here".to_owned(),
        text: "it holds".to_owned(),
        statement,
        known: None,
    }
}

fn panel() -> Panel {
    let axis = |label: &str| Axis { label: label.to_owned(), logarithmic: true };
    Panel {
        name: "zero-shot".to_owned(),
        x: axis("GMACs"),
        y: axis("Error"),
        series: vec![Series {
            name: "all".to_owned(),
            points: Selection {
                x: "gmacs_total".to_owned(),
                y: "acc1".to_owned(),
                y_transform: Transform::OneMinus,
                keep: vec![Keep { column: "run".to_owned(), one_of: vec!["b".into(), "a".into()] }],
            },
            marks: Marks { colour: Some("run".to_owned()), marker: None, size: None },
            fits: vec![Fit {
                method: FitMethod::LeastSquares,
                interval: Some(Interval { level: 0.95, resamples: 100, seed: 0 }),
            }],
            joined: None,
            predictions: Vec::new(),
            sensitivity: None,
        }],
    }
}

/// The table `points` of a published file.
fn points() -> Table {
    Table {
        name: "points".to_owned(),
        title: "Points".to_owned(),
        from: TableSource::Csv(PublishedTable {
            file: file("points.csv", 'e', 2_000),
            columns: vec!["run".to_owned(), "gmacs_total".to_owned(), "acc1".to_owned()],
        }),
        steps: Vec::new(),
        printed: Vec::new(),
        claims: Vec::new(),
    }
}

/// Runs `a` and `b`, the figure `curve` of both, and the figure `table` from the table `points`, a published file.
pub(crate) fn example() -> Experiment {
    let acc1 =
        ColumnValue::Measurement { evaluation: "zero-shot".to_owned(), metric: Metric::Acc1 };
    let curve = Figure {
        name: "curve".to_owned(),
        title: "A curve".to_owned(),
        caption: None,
        width: FigureWidth::TwoColumns,
        legends: Vec::new(),
        printed: None,
        published: None,
        weights: None,
        scratch: Some(RunTable {
            runs: vec!["a".to_owned(), "b".to_owned()],
            columns: vec![
                column("run", ColumnValue::RunName),
                column("gmacs_total", ColumnValue::GmacsTotal),
                column("acc1", acc1),
            ],
        }),
        default_depth: Depth::Scratch,
        panels: vec![panel()],
        claims: vec![
            claim("floor", Statement::AtLeast { quantity: acc1_of("a"), bound: 0.1 }),
            claim("order", Statement::Descending { quantities: vec![acc1_of("b"), acc1_of("a")] }),
            claim("falls", Statement::IntervalExcludes { fit: fit_name(), value: 0.0 }),
        ],
    };
    let table = Figure {
        name: "table".to_owned(),
        published: Some("points".to_owned()),
        weights: None,
        scratch: None,
        default_depth: Depth::Published,
        claims: Vec::new(),
        ..curve.clone()
    };
    Experiment {
        title: "An example".to_owned(),
        citation: None,
        architectures: Vec::new(),
        runs: vec![run("a", 0), run("b", 1)],
        published_runs: Vec::new(),
        released_runs: Vec::new(),
        tables: vec![points()],
        figures: vec![curve, table],
        groups: Vec::new(),
        checks: Vec::new(),
    }
}
