//! `open_clip_config.json`, to and fro.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use crate::action::canonical::Real;
use crate::action::params::{Activation, Clip, Pooling, Preprocessing, TextTower, VisionTower};
use crate::model::{Layout, ModelError};

/// `OPENAI_DATASET_MEAN` and `OPENAI_DATASET_STD`: what `OpenCLIP` takes where a file states nothing.
const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

/// Tokens of `OpenCLIP`'s vocabulary.
const OPEN_CLIP_VOCABULARY: u64 = 49_408;

/// A model and what its images go through, as `open_clip_config.json` states them.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenClipConfig {
    /// The model.
    pub model: Clip,
    /// What its images go through.
    pub preprocessing: Preprocessing,
    /// At which token of a text its text tower pools.
    pub end: TextEnd,
}

/// How `OpenCLIP` finds the end of a text. Which of them is right depends on how the vocabulary numbers its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEnd {
    /// The first of the highest id (`pool_type` `argmax`), as in `OpenCLIP`'s own vocabulary of 49,408 tokens.
    Highest,
    /// The first of id 2 (`pool_type` `eos`), as in the vocabularies of pictogram sets.
    Two,
}

impl TextEnd {
    /// The way that fits texts of a vocabulary of so many tokens.
    pub const fn of_vocabulary(size: u64) -> Self {
        if size == OPEN_CLIP_VOCABULARY { Self::Highest } else { Self::Two }
    }
}

/// A configuration that one side cannot express.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The bytes are not JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// Fields that are not supported, each with the reason.
    #[error("it asks for what is not supported{}", lines(.0))]
    Unsupported(Vec<String>),
    /// The sizes contradict each other.
    #[error("the model cannot be")]
    Model(#[from] ModelError),
    /// `OpenCLIP` has no such model, for these reasons.
    #[error("OpenCLIP cannot express the model{}", lines(.0))]
    Inexpressible(Vec<String>),
}

pub(super) fn lines(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  {reason}")).collect()
}

impl OpenClipConfig {
    /// Reads `open_clip_config.json`, or the bare model configuration that the Python package keeps for each name.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let value: Value = serde_json::from_slice(bytes)?;
        let mut refused = Vec::new();
        let (model, preprocessing) = if value.get("embed_dim").is_some() {
            (value, Value::Null)
        } else {
            let mut fields = Fields::of("", value, &mut refused);
            let parts = ["model_cfg", "preprocess_cfg"].map(|name| fields.take(name));
            fields.finish();
            let [model, preprocessing] = parts.map(Option::unwrap_or_default);
            (model, preprocessing)
        };
        let (model, end) = clip(model, &mut refused);
        let preprocessing = preprocess(preprocessing, model.vision.image_size, &mut refused);
        if !refused.is_empty() {
            return Err(ConfigError::Unsupported(refused));
        }
        Layout::of(&model)?;
        Ok(Self { model, preprocessing, end })
    }

    /// Writes the file that the Python package reads.
    pub fn encode(&self) -> Result<Vec<u8>, ConfigError> {
        let reasons = inexpressible(&self.model);
        if !reasons.is_empty() {
            return Err(ConfigError::Inexpressible(reasons));
        }
        Layout::of(&self.model)?;
        let Clip { embed_dim, vision, text, activation } = &self.model;
        let [mean, std] = [&self.preprocessing.mean, &self.preprocessing.std]
            .map(|of| of.iter().map(|number| number.get()).collect::<Vec<f64>>());
        let mut model = Map::new();
        model.insert("embed_dim".to_owned(), json!(embed_dim));
        if *activation == Activation::QuickGelu {
            model.insert("quick_gelu".to_owned(), json!(true));
        }
        model.insert("vision_cfg".to_owned(), vision_cfg(vision));
        model.insert("text_cfg".to_owned(), text_cfg(text, self.end));
        let config = json!({
            "model_cfg": model,
            "preprocess_cfg": {
                "mean": mean,
                "std": std,
                "interpolation": "bicubic",
                "resize_mode": "shortest",
            },
        });
        let mut bytes = serde_json::to_vec_pretty(&config)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Where `model` and `preprocessing` are not what this configuration states, by their own names of the fields, with
    /// both values; none where they agree.
    pub fn differences(&self, model: &Clip, preprocessing: &Preprocessing) -> Vec<String> {
        let theirs = stated(&self.model, &self.preprocessing);
        let ours = stated(model, preprocessing);
        let differ = ours.into_iter().zip(theirs).filter(|((_, ours), (_, theirs))| ours != theirs);
        let mut differences: Vec<String> = differ
            .map(|((field, ours), (_, theirs))| {
                format!("`{field}` is {ours}, but the pinned configuration states {theirs}")
            })
            .collect();
        let end = TextEnd::of_vocabulary(model.text.vocabulary_size);
        if model.text.vocabulary_size == self.model.text.vocabulary_size && end != self.end {
            let pools = |end| match end {
                TextEnd::Highest => "the first of the highest id",
                TextEnd::Two => "the first of id 2",
            };
            differences.push(format!(
                "`vocabulary` ends a text with {}, but the pinned configuration pools at {}",
                pools(end),
                pools(self.end)
            ));
        }
        differences
    }
}

/// Every field of a model and its constants as an experiment names it, and its value as a text.
fn stated(model: &Clip, preprocessing: &Preprocessing) -> Vec<(String, String)> {
    let Clip { embed_dim, vision, text, activation } = model;
    let mut fields = vec![
        ("model.embedDim", embed_dim.to_string()),
        ("model.activation", format!("{activation:?}")),
        ("model.vision.imageSize", vision.image_size.to_string()),
        ("model.vision.patchSize", vision.patch_size.to_string()),
        ("model.vision.width", vision.width.to_string()),
        ("model.vision.layers", vision.layers.to_string()),
        ("model.vision.heads", vision.heads.to_string()),
        ("model.vision.mlpWidth", vision.mlp_width.to_string()),
        ("model.vision.patchBias", vision.patch_bias.to_string()),
        ("model.vision.preNorm", vision.pre_norm.to_string()),
        ("model.vision.pooling", format!("{:?}", vision.pooling)),
        ("model.text.contextLength", text.context_length.to_string()),
        ("model.text.vocabularySize", text.vocabulary_size.to_string()),
        ("model.text.width", text.width.to_string()),
        ("model.text.layers", text.layers.to_string()),
        ("model.text.heads", text.heads.to_string()),
        ("model.text.mlpWidth", text.mlp_width.to_string()),
        ("model.text.pooling", format!("{:?}", text.pooling)),
    ]
    .into_iter()
    .map(|(field, value)| (field.to_owned(), value))
    .collect::<Vec<_>>();
    for (name, numbers) in [("mean", preprocessing.mean), ("std", preprocessing.std)] {
        let numbers = numbers.iter().enumerate();
        // Debug has the digits that give back the same binary64.
        fields.extend(numbers.map(|(i, number)| {
            (format!("preprocessing.{name}[{i}]"), format!("{:?}", number.get()))
        }));
    }
    fields
}

fn vision_cfg(tower: &VisionTower) -> Value {
    let mut config = json!({
        "image_size": tower.image_size,
        "patch_size": tower.patch_size,
        "width": tower.width,
        "layers": tower.layers,
        "head_width": tower.width / tower.heads,
        "mlp_ratio": ratio(tower.width, tower.mlp_width),
    });
    if !tower.pre_norm {
        config["no_ln_pre"] = json!(true);
    }
    config
}

fn text_cfg(tower: &TextTower, end: TextEnd) -> Value {
    let mut config = json!({
        "context_length": tower.context_length,
        "vocab_size": tower.vocabulary_size,
        "width": tower.width,
        "heads": tower.heads,
        "layers": tower.layers,
        "mlp_ratio": ratio(tower.width, tower.mlp_width),
    });
    if end == TextEnd::Two {
        config["pool_type"] = json!("eos");
        config["eos_id"] = json!(2);
    }
    config
}

/// Why `OpenCLIP` has no such model.
fn inexpressible(clip: &Clip) -> Vec<String> {
    let reasons = [
        (
            clip.vision.pooling != Pooling::ClassToken,
            "vision.pooling: its vision transformers always have a class token; the mean over patches alone is not among them",
        ),
        (clip.vision.patch_bias, "vision.patchBias: its patch product adds no bias"),
        (
            clip.text.pooling != Pooling::EndToken,
            "text.pooling: its text transformers pool at the end of the text; the mean over tokens is not among them",
        ),
    ];
    let reasons = reasons.into_iter().filter(|(applies, _)| *applies);
    reasons.map(|(_, reason)| reason.to_owned()).collect()
}

/// A ratio of which Python's `int(width * ratio)` is `hidden`: the quotient, or the next number above it.
fn ratio(width: u64, hidden: u64) -> f64 {
    let quotient = float(hidden) / float(width);
    if hidden_width(width, quotient) == hidden { quotient } else { quotient.next_up() }
}

/// Python's `int(width * ratio)`.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is not a size becomes 0 or far too large, and is refused as such"
)]
fn hidden_width(width: u64, ratio: f64) -> u64 {
    (float(width) * ratio) as u64
}

#[allow(clippy::cast_precision_loss, reason = "sizes are refused beyond 2²⁴")]
fn float(size: u64) -> f64 {
    size as f64
}

fn clip(value: Value, refused: &mut Vec<String>) -> (Clip, TextEnd) {
    let mut fields = Fields::of("model_cfg", value, refused);
    let embed_dim = fields.natural("embed_dim", None);
    let activation =
        if fields.flag("quick_gelu") { Activation::QuickGelu } else { Activation::Gelu };
    // Another class with the same arithmetic; a first value of the scale; the form of answers.
    fields.ignore(&["custom_text", "init_logit_scale", "nonscalar_logit_scale", "output_dict"]);
    fields.only("init_logit_bias", &[Value::Null]);
    fields.only("multimodal_cfg", &[Value::Null]);
    let [vision, text] =
        ["vision_cfg", "text_cfg"].map(|name| fields.take(name).unwrap_or_default());
    fields.finish();
    let vision = vision_tower(vision, refused);
    let (text, end) = text_tower(text, refused);
    (Clip { embed_dim, vision, text, activation }, end)
}

/// What blocks of both towers may have beside the plain ones.
fn plain_blocks(fields: &mut Fields<'_>) {
    fields.only("ls_init_value", &[Value::Null]);
    fields.only("block_type", &[json!("default")]);
    for name in [
        "qk_norm",
        "scaled_cosine_attn",
        "scale_heads",
        "scale_attn_inner",
        "scale_attn",
        "scale_fc",
    ] {
        fields.only(name, &[json!(false)]);
    }
    fields.only("act_kwargs", &[json!({}), json!({ "approximate": "none" })]);
    fields.only("norm_kwargs", &[json!({}), json!({ "eps": 1e-5 })]);
    // The form of answers.
    fields.ignore(&["output_tokens"]);
}

fn vision_tower(value: Value, refused: &mut Vec<String>) -> VisionTower {
    let mut fields = Fields::of("model_cfg.vision_cfg", value, refused);
    fields.only("timm_model_name", &[Value::Null]);
    fields.only("attentional_pool", &[json!(false)]);
    fields.only("pool_type", &[json!("tok")]);
    fields.only("pos_embed_type", &[json!("learnable")]);
    plain_blocks(&mut fields);
    // Of one token the norm is the same before and after it is chosen; patches are dropped in training alone; the rest
    // belongs to towers that are refused above.
    fields.ignore(&[
        "final_ln_after_pool",
        "patch_dropout",
        "attn_pooler_queries",
        "attn_pooler_heads",
        "timm_model_pretrained",
        "timm_pool",
        "timm_proj",
        "timm_proj_bias",
        "timm_drop",
        "timm_drop_path",
    ]);
    let width = fields.natural("width", Some(768));
    let head_width = fields.natural("head_width", Some(64));
    let mlp_ratio = fields.fraction("mlp_ratio", 4.0);
    let tower = VisionTower {
        image_size: fields.side("image_size", Some(224)),
        patch_size: fields.side("patch_size", Some(16)),
        width,
        layers: fields.natural("layers", Some(12)),
        heads: width.checked_div(head_width).unwrap_or(0),
        mlp_width: hidden_width(width, mlp_ratio),
        patch_bias: false,
        pre_norm: !fields.flag("no_ln_pre"),
        pooling: Pooling::ClassToken,
    };
    fields.finish();
    tower
}

fn text_tower(value: Value, refused: &mut Vec<String>) -> (TextTower, TextEnd) {
    let mut fields = Fields::of("model_cfg.text_cfg", value, refused);
    fields.only("hf_model_name", &[Value::Null]);
    fields.only("hf_tokenizer_name", &[Value::Null]);
    fields.only("tokenizer_mode", &[Value::Null]);
    fields.only("tokenizer_kwargs", &[json!({})]);
    fields.only("embed_cls", &[json!(false)]);
    fields.only("no_causal_mask", &[json!(false)]);
    let end = text_end(&mut fields);
    fields.only("proj_type", &[json!("linear")]);
    fields.only("proj_bias", &[json!(false)]);
    plain_blocks(&mut fields);
    // As above; padding is masked by causality.
    fields.ignore(&[
        "final_ln_after_pool",
        "pad_id",
        "hf_model_pretrained",
        "hf_proj_type",
        "hf_pooler_type",
    ]);
    let width = fields.natural("width", Some(512));
    let mlp_ratio = fields.fraction("mlp_ratio", 4.0);
    let tower = TextTower {
        context_length: fields.natural("context_length", Some(77)),
        vocabulary_size: fields.natural("vocab_size", Some(49_408)),
        width,
        layers: fields.natural("layers", Some(12)),
        heads: fields.natural("heads", Some(8)),
        mlp_width: hidden_width(width, mlp_ratio),
        pooling: Pooling::EndToken,
    };
    fields.finish();
    (tower, end)
}

/// Where the text tower pools.
fn text_end(fields: &mut Fields<'_>) -> TextEnd {
    let eos = fields.natural("eos_id", Some(2));
    match fields.take("pool_type") {
        None => TextEnd::Highest,
        Some(kind) if kind == "argmax" => TextEnd::Highest,
        Some(kind) if kind == "eos" && eos == 2 => TextEnd::Two,
        Some(kind) => {
            let reason = format!("is {kind}; only \"argmax\", and \"eos\" of id 2, are supported");
            fields.refuse("pool_type", &reason);
            TextEnd::Highest
        }
    }
}

fn preprocess(value: Value, image_size: u64, refused: &mut Vec<String>) -> Preprocessing {
    let mut fields = Fields::of("preprocess_cfg", value, refused);
    let [mean, std] = [fields.channels("mean", MEAN), fields.channels("std", STD)];
    // As they are used: in binary32.
    #[allow(clippy::cast_possible_truncation, reason = "what becomes of them is looked at")]
    let [mean_used, std_used] = [&mean, &std].map(|of| of.map(|number| number as f32));
    if std_used.contains(&0.0) {
        fields.refuse("std", "has a zero, and images are divided by it");
    } else if !std_used.iter().all(|number| *number > 0.0 && number.is_finite()) {
        fields.refuse("std", "has a number that is not a positive binary32");
    }
    if !mean_used.iter().all(|number| number.is_finite()) {
        fields.refuse("mean", "has a number beyond binary32");
    }
    if fields.side("size", Some(image_size)) != image_size {
        fields.refuse("size", &format!("is not the model's, which is {image_size}"));
    }
    fields.only("mode", &[json!("RGB")]);
    fields.only("interpolation", &[json!("bicubic")]);
    fields.only("resize_mode", &[json!("shortest")]);
    // What is beside an image that is cropped to a square is not seen.
    fields.ignore(&["fill_color"]);
    fields.finish();
    let real = |number: f64| Real::new(number).expect("JSON has finite numbers only");
    Preprocessing { mean: mean.map(real), std: std.map(real) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published configuration, read from the data that the Python package carries (`open_clip` 3.3.0).
    fn config(embed: u64, vision: Value, text: [u64; 3]) -> Value {
        let [width, heads, layers] = text;
        json!({
            "embed_dim": embed,
            "vision_cfg": vision,
            "text_cfg": {
                "context_length": 77, "vocab_size": 49408, "width": width, "heads": heads, "layers": layers,
            },
        })
    }

    fn published() -> Vec<(&'static str, Value, f64)> {
        let vision = |size: u64, layers: u64, width: u64, patch: u64| json!({ "image_size": size, "layers": layers, "width": width, "patch_size": patch });
        let wide = |mut vision: Value, head_width: u64, ratio: Option<f64>| {
            vision["head_width"] = json!(head_width);
            if let Some(ratio) = ratio {
                vision["mlp_ratio"] = json!(ratio);
            }
            vision
        };
        // Millions of parameters: `arch_info.csv` of LAION-AI/scaling-laws-openclip at 652b1e7.
        vec![
            ("S/32-alt", config(256, vision(224, 12, 384, 32), [256, 4, 10]), 43.22),
            ("S/32", config(384, vision(224, 12, 384, 32), [384, 6, 12]), 63.09),
            ("M/32-alt", config(384, vision(224, 12, 512, 32), [384, 6, 12]), 80.07),
            ("M/32", config(512, vision(224, 12, 512, 32), [512, 8, 12]), 103.12),
            ("B/32", config(512, vision(224, 12, 768, 32), [512, 8, 12]), 151.28),
            ("S/16", config(384, vision(224, 12, 384, 16), [384, 6, 12]), 62.26),
            ("M/16", config(512, vision(224, 12, 512, 16), [512, 8, 12]), 102.02),
            ("B/16", config(512, vision(224, 12, 768, 16), [512, 8, 12]), 149.62),
            ("B/16-plus-240", config(640, vision(240, 12, 896, 16), [640, 10, 12]), 208.38),
            ("L/14", config(768, vision(224, 24, 1024, 14), [768, 12, 12]), 427.62),
            (
                "H/14",
                config(1024, wide(vision(224, 32, 1280, 14), 80, None), [1024, 16, 24]),
                986.11,
            ),
            (
                "g/14",
                config(1024, wide(vision(224, 40, 1408, 14), 88, Some(4.3637)), [1024, 16, 24]),
                1366.68,
            ),
            (
                "bigG/14",
                config(1280, wide(vision(224, 48, 1664, 14), 104, Some(4.9231)), [1280, 20, 32]),
                2539.57,
            ),
        ]
    }

    fn parse(value: &Value) -> Result<OpenClipConfig, ConfigError> {
        OpenClipConfig::parse(value.to_string().as_bytes())
    }

    #[test]
    #[allow(clippy::cast_precision_loss, reason = "billions of parameters")]
    fn every_configuration_of_the_paper_has_the_parameters_that_its_authors_count() {
        for (name, value, millions) in published() {
            let config = parse(&value).unwrap();
            let counted = config.model.parameters() as f64 / 1e6;
            assert!((counted - millions).abs() < 0.006, "{name}: {counted} against {millions}");
        }
    }

    #[test]
    fn heads_and_hidden_layers_are_those_of_the_python_package() {
        let find = |wanted: &str| {
            let all = published();
            let (_, value, _) = all.iter().find(|(name, ..)| *name == wanted).unwrap();
            parse(value).unwrap().model.vision
        };
        // `model.visual.transformer.resblocks[0].attn.num_heads` and `.mlp.c_fc.out_features`.
        for (name, heads, hidden) in
            [("B/32", 12, 3072), ("H/14", 16, 5120), ("g/14", 16, 6144), ("bigG/14", 16, 8192)]
        {
            let vision = find(name);
            assert_eq!((vision.heads, vision.mlp_width), (heads, hidden), "{name}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (name, mut value, _) in published() {
            for quick in [false, true] {
                value["quick_gelu"] = json!(quick);
                value["vision_cfg"]["no_ln_pre"] = json!(quick);
                value["text_cfg"]["pool_type"] = json!(if quick { "eos" } else { "argmax" });
                let config = parse(&value).unwrap();
                let bytes = config.encode().unwrap();
                assert_eq!(OpenClipConfig::parse(&bytes).unwrap(), config, "{name}");
                assert_eq!(config.encode().unwrap(), bytes);
            }
        }
    }

    #[test]
    fn a_ratio_gives_back_every_hidden_width() {
        for width in [1, 3, 49, 384, 896, 1408, 1664] {
            for hidden in 1..5000 {
                assert_eq!(hidden_width(width, ratio(width, hidden)), hidden, "{width}");
            }
        }
    }

    #[test]
    fn what_is_not_supported_is_named_all_at_once() {
        let (_, mut model, _) = published().remove(4);
        model["vision_cfg"]["attentional_pool"] = json!(true);
        model["vision_cfg"]["patch_size"] = json!([32, 16]);
        model["vision_cfg"]["new_thing"] = json!(1);
        model["text_cfg"]["hf_model_name"] = json!("roberta-base");
        model["text_cfg"]["pool_type"] = json!("last");
        model["init_logit_bias"] = json!(-10);
        let preprocess =
            json!({ "size": [256, 256], "interpolation": "bilinear", "std": [1, 0, 1] });
        let error =
            parse(&json!({ "model_cfg": model, "preprocess_cfg": preprocess })).unwrap_err();
        insta::assert_snapshot!(error, @r#"
        it asks for what is not supported
          `model_cfg.init_logit_bias` is -10; only null is supported
          `model_cfg.vision_cfg.attentional_pool` is true; only false is supported
          `model_cfg.vision_cfg.patch_size` is not a square
          `model_cfg.vision_cfg.new_thing` is not known, and might change what the model computes
          `model_cfg.text_cfg.hf_model_name` is "roberta-base"; only null is supported
          `model_cfg.text_cfg.pool_type` is "last"; only "argmax", and "eos" of id 2, are supported
          `preprocess_cfg.std` has a zero, and images are divided by it
          `preprocess_cfg.size` is not the model's, which is 224
          `preprocess_cfg.interpolation` is "bilinear"; only "bicubic" is supported
        "#);
    }

    #[test]
    fn constants_that_vanish_or_overflow_in_binary32_are_refused() {
        let (_, model, _) = published().remove(4);
        for (constants, is_refused) in [
            (json!({ "std": [1e-38, 1, 1], "mean": [-3e38, 0, 1] }), false),
            (json!({ "std": [1e-46, 1, 1] }), true),
            (json!({ "std": [-1, 1, 1] }), true),
            (json!({ "std": [1e39, 1, 1] }), true),
            (json!({ "mean": [0, 1e39, 0] }), true),
        ] {
            let parsed = parse(&json!({ "model_cfg": model, "preprocess_cfg": constants }));
            assert_eq!(parsed.is_err(), is_refused, "{constants}");
        }
    }

    #[test]
    fn what_open_clip_cannot_express_is_refused_with_the_reasons() {
        let (_, value, _) = published().remove(4);
        let mut config = parse(&value).unwrap();
        config.model.vision.pooling = Pooling::Mean;
        config.model.vision.patch_bias = true;
        config.model.text.pooling = Pooling::Mean;
        let ConfigError::Inexpressible(reasons) = config.encode().unwrap_err() else {
            panic!("another error");
        };
        let fields: Vec<&str> = reasons.iter().map(|of| of.split(':').next().unwrap()).collect();
        assert_eq!(fields, ["vision.pooling", "vision.patchBias", "text.pooling"]);
    }

    #[test]
    fn differences_name_the_field_and_both_values() {
        let (_, value, _) = published().remove(4);
        let config = parse(&value).unwrap();
        assert_eq!(config.differences(&config.model, &config.preprocessing), [""; 0]);
        let (mut model, mut preprocessing) = (config.model.clone(), config.preprocessing.clone());
        model.activation = Activation::QuickGelu;
        model.vision.patch_size = 16;
        preprocessing.std[2] = Real::new(0.5).unwrap();
        let differences = config.differences(&model, &preprocessing);
        insta::assert_snapshot!(differences.join("\n"), @"
        `model.activation` is QuickGelu, but the pinned configuration states Gelu
        `model.vision.patchSize` is 16, but the pinned configuration states 32
        `preprocessing.std[2]` is 0.5, but the pinned configuration states 0.27577711
        ");
        let eos = OpenClipConfig { end: TextEnd::Two, ..config.clone() };
        let differences = eos.differences(&config.model, &config.preprocessing);
        assert!(
            differences.len() == 1 && differences[0].starts_with("`vocabulary` "),
            "{differences:?}"
        );
    }

    #[test]
    fn constants_that_are_not_stated_are_those_of_the_first_clip() {
        let (_, model, _) = published().remove(4);
        let config = parse(&json!({ "model_cfg": model })).unwrap();
        assert_eq!(config.preprocessing.mean.map(Real::get), MEAN);
        assert_eq!(config.preprocessing.std.map(Real::get), STD);
    }

    #[test]
    fn bytes_that_are_no_configuration_are_refused() {
        for wrong in [&b"{"[..], b"[]", b"{}", b"null", b"{\"model_cfg\": 3}", b"\xff"] {
            assert!(OpenClipConfig::parse(wrong).is_err(), "{wrong:?}");
        }
        let (_, mut model, _) = published().remove(4);
        model["vision_cfg"]["head_width"] = json!(1000);
        assert!(matches!(parse(&model), Err(ConfigError::Model(ModelError::Zero("vision.heads")))));
        // Found by fuzzing: half a million names took ten seconds.
        let (_, mut model, _) = published().remove(4);
        model["vision_cfg"]["layers"] = json!(49_410);
        let refused = match parse(&model) {
            Ok(config) => crate::model::Layout::of(&config.model).unwrap_err(),
            Err(ConfigError::Model(error)) => error,
            Err(other) => panic!("{other}"),
        };
        assert!(matches!(refused, ModelError::TooLarge { name: "vision.layers", limit: 1024, .. }));
    }
}
