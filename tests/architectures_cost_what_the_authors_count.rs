//! What a model costs is computed from its configuration, and is what the authors of arXiv:2212.07143 counted.

use std::collections::BTreeMap;

use ibid::exec::clock::SystemClock;
use ibid::ops::{Loaded, Name, Settings, Workspace};
use ibid::plan::model_params;

use crate::support::{authors_table, library_settings, repository};

/// `arch_info.csv` of LAION-AI/scaling-laws-openclip at 652b1e7.
const ARCH_INFO: &str = "44189a6d88685eb70a632fcf0db20e9944e7277d58c0a2d343ee9d9d6d5bcc08";

/// Every row of a vision transformer: towers, widths, multiply–accumulates within 0.01 · 10^9, parameters within
/// 0.01 · 10^6 (0.02 for both towers together, each of which is rounded).
#[test]
fn every_vision_transformer_of_the_authors_table_has_its_cost() {
    let Some(table) = authors_table("arch_info.csv", ARCH_INFO) else {
        return;
    };
    let loaded = load("clip-scaling-laws");
    let stated: BTreeMap<_, _> = loaded
        .experiment
        .architectures
        .iter()
        .map(|known| (known.name.as_str(), model_params(&known.model)))
        .collect();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let mut count = 0;
    for row in lines.filter(|row| row[0].starts_with("ViT-")) {
        let number = |column: &str| -> f64 {
            let place = head.iter().position(|name| *name == column).unwrap();
            row[place].parse().unwrap()
        };
        let name = row[0];
        let model = stated.get(name).unwrap_or_else(|| panic!("`{name}` is not stated"));
        #[allow(clippy::cast_precision_loss, reason = "these are below 2^53")]
        let near = |column: &str, value: u64, unit: f64, margin: f64| {
            let (computed, published) = (value as f64 / unit, number(column));
            // The margin is a decimal: what lies on it must not fail by the last bit of a binary64.
            let off = (computed - published).abs();
            assert!(off <= margin + 1e-9, "{name}: {column} is {computed}, published {published}");
        };
        near("gmacs", model.macs_per_sample(), 1e9, 0.01);
        near("image_gmacs", model.macs_per_image().total(), 1e9, 0.01);
        near("text_gmacs", model.macs_per_text().total(), 1e9, 0.01);
        near("image_mparams", model.image_parameters(), 1e6, 0.02);
        near("text_mparams", model.text_parameters(), 1e6, 0.02);
        near("image_size", model.vision.image_size, 1.0, 0.0);
        near("image_width", model.vision.width, 1.0, 0.0);
        near("text_width", model.text.width, 1.0, 0.0);
        near("embed_dim", model.embed_dim, 1.0, 0.0);
        count += 1;
    }
    assert_eq!((count, stated.len()), (24, 24), "every row once, and nothing that is no row");
}

/// CLIP 4.3.5: heads of 64 channels, but 80 for H, 88 for g, 104 for G; so of text 8, 12, 16, 20.
#[test]
fn heads_have_the_widths_of_the_released_models() {
    let loaded = load("clip-scaling-laws");
    let heads = |name: &str| {
        let known = loaded.experiment.architectures.iter().find(|known| known.name == name);
        let model = &known.unwrap().model;
        (model.vision.width / model.vision.heads, model.text.heads)
    };
    let expected = [
        ("ViT-B-32", (64, 8)),
        ("ViT-B-16", (64, 8)),
        ("ViT-L-14", (64, 12)),
        ("ViT-H-14", (80, 16)),
        ("ViT-g-14", (88, 16)),
        ("ViT-G-14", (104, 20)),
    ];
    for (name, widths) in expected {
        assert_eq!(heads(name), widths, "{name}");
    }
}

/// `trained_models_info.csv` of the same revision.
const TRAINED_MODELS: &str = "6b084d4895ed83c0dc38a8f166b6164e1a70d0bcc42c75e2aae51a86bf9f678d";

/// The 29 trainings are stated in Dhall, field by field as the authors' table has them.
#[test]
fn every_training_is_stated_as_the_authors_table_has_it() {
    let Some(table) = authors_table("trained_models_info.csv", TRAINED_MODELS) else {
        return;
    };
    let loaded = load("clip-scaling-laws");
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let mut count = 0;
    for row in lines {
        let cell = |column: &str| row[head.iter().position(|name| *name == column).unwrap()];
        let file = cell("name");
        let run = loaded.experiment.published_run(file.strip_suffix(".pt").unwrap()).unwrap();
        let natural = |column: &str| Some(cell(column).parse::<u64>().unwrap());
        let architecture = run.label("architecture").unwrap();
        assert_eq!(architecture, cell("arch"), "{file}");
        assert_eq!(run.label("data").unwrap(), format!("LAION-{}", cell("data")), "{file}");
        assert_eq!(run.label("samples").unwrap(), cell("samples_seen_pretty"), "{file}");
        assert_eq!(run.label("file").unwrap(), file);
        let known = loaded.experiment.architectures.iter().find(|a| a.name == architecture);
        assert_eq!(run.model.as_ref(), known.map(|known| &known.model), "{file}");
        assert_eq!(run.epochs, natural("epochs"), "{file}");
        assert_eq!(run.samples_per_epoch, natural("samples_per_epoch"), "{file}");
        assert_eq!((run.gpus, run.batch_size_per_gpu), (natural("gpus"), natural("local_bs")));
        let rate: f64 = cell("samples_per_sec").parse().unwrap();
        assert_eq!(run.samples_per_second.map(f64::to_bits), Some(rate.to_bits()), "{file}");
        let schedule = run.schedule.as_ref().unwrap();
        let learning_rate: f64 = cell("lr").parse().unwrap();
        assert_eq!(schedule.learning_rate_max.to_bits(), learning_rate.to_bits(), "{file}");
        assert_eq!(Some(schedule.warm_up.resolve(1_000_000)), natural("warmup"), "{file}");
        assert_eq!(run.weights.as_ref().unwrap().url, cell("url"), "{file}");
        count += 1;
    }
    assert_eq!((count, loaded.experiment.published_runs.len()), (29, 29 + 3));
}

/// An experiment of the repository, through the library.
fn load(name: &str) -> Loaded {
    let store = tempfile::tempdir().unwrap();
    let settings =
        Settings { store: Some(store.path().to_owned()), ..library_settings(repository()) };
    let workspace = Workspace::open(settings, Box::new(SystemClock::default())).unwrap();
    workspace.load(&Name::parse(name).unwrap()).unwrap()
}
