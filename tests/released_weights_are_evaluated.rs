//! Released weights are evaluated: from a state dict to a figure, with the wrong constant and the wrong activation caught.
//!
//! The weights are made here as others would release them (`open_clip_model.safetensors` with its configuration); the
//! images and the vocabulary of seven words too. Ids of byte pairs: the tokeniser's unit tests.

use std::io::Write as _;
use std::path::Path;

use ibid::action::canonical::Real;
use ibid::action::params::{Activation, Clip, Pooling, Preprocessing, TextTower, VisionTower};
use ibid::digest::BlobDigest;
use ibid::model::{Layout, OpenClipConfig, Start, TextEnd, initial_parameters};
use ibid::tensor::safetensors::{NamedTensor, encode};

use crate::support::{Workspace, repository};

const PACKAGE: &str = "experiments/released/package.dhall";
const CURVE: &str = "released/curve";

/// `a`, `of`, `photo`, `cat`, `flag`, `icon`, `arrow`.
const VOCABULARY: &str = "320\n539\n1125\n2368\n4859\n5646\n11149\n";
const CLASSES: &str = "cat\nflag\nicon\narrow\n";

fn config() -> OpenClipConfig {
    let real = |value| Real::new(value).unwrap();
    OpenClipConfig {
        model: Clip {
            embed_dim: 12,
            vision: VisionTower {
                image_size: 16,
                patch_size: 8,
                width: 16,
                layers: 2,
                heads: 2,
                mlp_width: 40,
                patch_bias: false,
                pre_norm: true,
                pooling: Pooling::ClassToken,
            },
            text: TextTower {
                context_length: 8,
                vocabulary_size: 10,
                width: 16,
                layers: 1,
                heads: 2,
                mlp_width: 64,
                pooling: Pooling::EndToken,
            },
            activation: Activation::QuickGelu,
        },
        preprocessing: Preprocessing { mean: [0.5, 0.25, 0.75].map(real), std: [0.5; 3].map(real) },
        end: TextEnd::Two,
    }
}

/// Writes weights and configuration as they are released.
fn release(folder: &Path) {
    let config = config();
    let layout = Layout::of(&config.model).unwrap();
    let elements = initial_parameters(
        &layout,
        Start { seed: 7, logit_scale: 2.0, vision_positions_std: 0.02 },
    );
    let named = layout.parameters().iter().map(|parameter| NamedTensor {
        name: &parameter.name,
        shape: &parameter.shape,
        elements: parameter.region.of(&elements),
    });
    let weights = encode(&named.collect::<Vec<_>>()).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("open_clip_model.safetensors"), weights).unwrap();
    std::fs::write(folder.join("open_clip_config.json"), config.encode().unwrap()).unwrap();
}

fn png(shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> =
        (0..16 * 16 * 3_u16).map(|i| shade.wrapping_mul(i.to_le_bytes()[0] | 1)).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Twelve images of four classes.
fn shard() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for index in 0..12_u8 {
        let class = CLASSES.lines().nth(usize::from(index % 4)).unwrap();
        let members = [
            (format!("{index:04}.png"), png(index * 19 + 3)),
            (format!("{index:04}.txt"), format!("a photo of a {class}").into_bytes()),
            (format!("{index:04}.cls"), (index % 4).to_string().into_bytes()),
        ];
        for (name, content) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content.as_slice()).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// A workspace with the experiment `released`, whose pins are what `model import` printed.
fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    release(&workspace.path("hub"));
    let imported = workspace.ok(&[
        "model",
        "import",
        "hub",
        "--out",
        "experiments/weights",
        "--add",
        "--json",
    ]);
    let imported: serde_json::Value = serde_json::from_str(&imported.stdout).unwrap();
    let pins = imported["dhall"].as_str().unwrap();
    let mut files = Vec::new();
    for (name, bytes) in [
        ("vocabulary.txt", VOCABULARY.as_bytes().to_vec()),
        ("classes.txt", CLASSES.as_bytes().to_vec()),
        ("test.tar", shard()),
    ] {
        let path = workspace.path("experiments/files").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path).unwrap().write_all(&bytes).unwrap();
        files.push((BlobDigest::of(&bytes), bytes.len()));
    }
    let mut text =
        std::fs::read_to_string(repository().join("tests/support/released.dhall")).unwrap();
    for (name, (sha256, bytes)) in ["VOCABULARY", "CLASSES", "SHARD"].into_iter().zip(files) {
        let pin = format!("sha256 = \"{sha256}\", bytes = {bytes}");
        text = text.replace(&format!("{name}_PIN"), &pin);
    }
    workspace.write(PACKAGE, &text.replace("IMPORTED", pins));
    workspace
}

#[test]
fn a_figure_comes_out_of_released_weights() {
    let workspace = workspace();
    workspace.ok(&["check", "released"]);
    assert!(workspace.ok(&["show", "released"]).stdout.contains("releasedRuns"));
    let plan = workspace.ok(&["plan", CURVE, "--from", "weights"]).stdout;
    assert!(plan.contains("tiny/evaluate/zero-shot") && !plan.contains("train"), "{plan}");
    let ran = workspace.ok(&["reproduce", CURVE, "--from", "weights"]);
    // Two evaluations, the table of both, its fit, the figure.
    assert_eq!(ran.verdict("executed"), 5, "{}", ran.stdout);
    let points = workspace.read("out/released/curve/points.csv");
    let mut lines = points.lines();
    assert_eq!(lines.next(), Some("run,gmacs_total,acc1,recall"));
    let row = lines.next().unwrap();
    let acc1: f64 = row.split(',').nth(2).unwrap().parse().unwrap();
    let right = acc1 * 12.0;
    assert!(row.starts_with("tiny,") && (right - right.round()).abs() < 1e-9, "{row}");
    assert!(workspace.path("out/released/curve/figure.svg").is_file());
    // The default depth is the only one; weights that came by another road are the same weights.
    assert_eq!(workspace.ok(&["reproduce", CURVE]).verdict("executed"), 0);
    workspace.ok(&["lock", "released"]);
    assert_eq!(workspace.ok(&["verify", "released"]).verdict("executed"), 5);
    let refused = workspace.run(&["reproduce", CURVE, "--from", "scratch"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("offered: weights"), "{}", refused.stderr);
}

/// `check` says it before anything runs; the job refuses it in any case.
fn caught(from: &str, to: &str, said: &str) {
    let workspace = workspace();
    workspace.edit(PACKAGE, from, to);
    let checked = workspace.run(&["check", "released"]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    assert!(checked.stdout.contains(said), "{}", checked.stdout);
    let ran = workspace.run(&["reproduce", CURVE, "--from", "weights"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(!workspace.path("out").exists(), "nothing is drawn");
}

#[test]
fn a_wrong_constant_of_normalisation_is_caught() {
    caught(
        "mean = [ 0.5, 0.25, 0.75 ]",
        "mean = [ 0.5, 0.26, 0.75 ]",
        "`preprocessing.mean[1]` is 0.26, but the pinned configuration states 0.25",
    );
}

#[test]
fn the_wrong_gelu_is_caught() {
    caught(
        "schema.Activation.QuickGelu",
        "schema.Activation.Gelu",
        "`model.activation` is Gelu, but the pinned configuration states QuickGelu",
    );
}

#[test]
fn other_sizes_than_the_weights_have_are_caught() {
    caught("mlpWidth = 40", "mlpWidth = 48", "`model.vision.mlpWidth` is 48");
}

#[test]
fn other_bytes_than_those_that_are_pinned_are_refused() {
    let workspace = workspace();
    std::fs::remove_dir_all(workspace.path(".ibid")).unwrap();
    let weights = workspace.path("experiments/weights/weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let ran = workspace.run(&["reproduce", CURVE]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
}

#[test]
fn what_is_no_model_is_refused_with_one_error() {
    let workspace = Workspace::empty();
    release(&workspace.path("hub"));
    let import = |arguments: &[&str]| {
        let ran = workspace.run(&[&["model", "import", "--out", "out"], arguments].concat());
        assert!(!workspace.path("out/weights.safetensors").exists());
        (ran.code, ran.stderr)
    };
    workspace.write("hub/other.json", r#"{"embed_dim": 12, "vision_cfg": {}, "text_cfg": {}}"#);
    let (code, said) = import(&["hub", "--config", "hub/other.json"]);
    assert_eq!(code, Some(2));
    let mismatches = ["missing: `transformer.resblocks.1.", "of another shape: `visual.proj`"];
    assert!(mismatches.iter().all(|text| said.contains(text)), "{said}");
    workspace.write(
        "hub/other.json",
        r#"{"embed_dim": 12, "multimodal_cfg": {}, "vision_cfg": {"timm_model_name": "x"}}"#,
    );
    let (code, said) = import(&["hub", "--config", "hub/other.json"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("multimodal_cfg") && said.contains("timm_model_name"), "{said}");
    assert_eq!(import(&["nowhere"]).0, Some(2));
    assert_eq!(import(&["hub/open_clip_config.json"]).0, Some(2));
    // Back again: what is exported is what was imported.
    let over = workspace.run(&["model", "import", "hub", "--out", "hub"]);
    assert!(
        over.code == Some(2) && over.stderr.contains("would be overwritten"),
        "{}",
        over.stderr
    );
    workspace.ok(&["model", "import", "hub", "--out", "a"]);
    workspace.ok(&["model", "export", "a", "--out", "b"]);
    let read = |path: &str| std::fs::read(workspace.path(path)).unwrap();
    assert_eq!(read("hub/open_clip_model.safetensors"), read("b/open_clip_model.safetensors"));
    assert_eq!(read("hub/open_clip_config.json"), read("b/open_clip_config.json"));
    // What pins a model names where it was written, as an experiment sees it.
    workspace.ok(&["init"]);
    for (out, place) in [("experiments/mine/w", "mine/w"), ("elsewhere", "weights")] {
        let ran = workspace.ok(&["model", "import", "hub", "--out", out, "--json"]);
        let pins: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let path = format!("path = \"{place}/weights.safetensors\"");
        assert!(pins["dhall"].as_str().unwrap().contains(&path), "{pins}");
        assert_eq!(ran.stderr.contains("edit its paths"), out == "elsewhere", "{}", ran.stderr);
        assert!(ran.stderr.contains("images: mean "), "{}", ran.stderr);
    }
}
