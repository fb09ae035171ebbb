//! `model`: weights of other programs in, our own out, in `OpenCLIP`'s form; and what pins a file of one's own.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::workspace::{Loaded, Workspace};
use crate::action::Params;
use crate::action::canonical::Real;
use crate::action::manifest::{Manifest, WEIGHTS_CONFIG};
use crate::action::params::{Activation, Clip, Pooling, Preprocessing};
use crate::data::Tokenizer;
use crate::digest::{BlobDigest, BlobHasher, TreeDigest};
use crate::fs::{self, Durability, TempFile};
use crate::model::{
    ConfigError, Layout, Matched, Mismatch, OpenClipConfig, TextEnd, match_tensors,
};
use crate::store::{PutMode, Store};
use crate::tensor::TensorError;
use crate::tensor::checkpoint::{Checkpoint, CheckpointError, PickleError};
use crate::tensor::safetensors;

/// What our own weights are called.
const WEIGHTS: &str = "weights.safetensors";

/// What the Python package calls its weights.
const OPEN_CLIP_WEIGHTS: &str = "open_clip_model.safetensors";

/// What weights are called in a folder, the first that is there.
const WEIGHTS_NAMES: [&str; 3] = [OPEN_CLIP_WEIGHTS, WEIGHTS, "open_clip_pytorch_model.bin"];

/// What may be imported.
const WEIGHTS_ARE: &str = "weights are a safetensors file, a state dict that torch.save wrote, or a folder with either and \
    its open_clip_config.json";

/// The largest file that is looked at to learn whether it is a list.
const LIST_BYTES_MAX: u64 = 1 << 24;

/// Why a file is no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// The configuration is not one, or asks for what is not supported.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of tensors is not one.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The tensors are not those of the configuration.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A number that is none.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

impl ModelFault {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Checkpoint(CheckpointError::BeforeZip) => {
                "write it anew with Python: torch.save(torch.load(FILE, weights_only=True), NEW)"
            }
            Self::Checkpoint(CheckpointError::TorchScript) => {
                "write its tensors alone with Python: torch.save(torch.jit.load(FILE).state_dict(), NEW)"
            }
            Self::Checkpoint(CheckpointError::Pickle(PickleError::Name(_))) => {
                "nothing of a file is executed here; where you trust it, let Python write its tensors alone: torch.save(model.state_dict(), NEW)"
            }
            Self::Checkpoint(CheckpointError::Unknown) => WEIGHTS_ARE,
            Self::Checkpoint(CheckpointError::Header(_) | CheckpointError::Archive(_)) => {
                "fetch the file anew if it is incomplete: compare its size and SHA-256 with its publisher's"
            }
            Self::Mismatch(_) => {
                "the configuration that belongs to other weights is named with --config FILE"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenFile {
    /// Where.
    #[serde(serialize_with = "super::workspace::shown")]
    pub path: PathBuf,
    /// Its digest.
    pub sha256: BlobDigest,
    /// Its size.
    pub bytes: u64,
}

/// A model that was imported or exported.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenModel {
    /// Its weights.
    pub tensors: WrittenFile,
    /// Its configuration.
    pub config: WrittenFile,
    /// The name of both together, by which an experiment pins them.
    pub tree: TreeDigest,
    /// Its parameters.
    pub parameters: u64,
    /// What its images go through; `OpenCLIP`'s default where the configuration does not say.
    pub preprocessing: Preprocessing,
    /// Entries of an older state dict that were passed over.
    pub ignored: Vec<String>,
    /// What pins it in an experiment.
    pub dhall: String,
    /// Its folder relative to `experiments`; `None`: it lies elsewhere, and [`Self::dhall`] says `weights`.
    pub place: Option<String>,
}

/// A file that an experiment can pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedFile {
    /// Where it is.
    #[serde(serialize_with = "super::workspace::shown")]
    pub path: PathBuf,
    /// Its digest.
    pub sha256: BlobDigest,
    /// Its size.
    pub bytes: u64,
    /// Ids of a vocabulary, with padding, start and end; `None`: it is something else.
    pub size: Option<usize>,
    /// Class names in it, one a line; `None`: it is something else.
    pub classes: Option<usize>,
    /// What pins it in an experiment.
    pub dhall: String,
    /// Its path relative to `experiments`; `None`: it lies elsewhere, and [`Self::dhall`] says its name alone.
    pub place: Option<String>,
}

impl Workspace {
    /// Hashes a file, and says what pins it in an experiment.
    pub fn pin_file(&self, file: &Path) -> Result<PinnedFile, Error> {
        let path = self.settings.folder.join(file);
        let unreadable = |source| fs::Error::new("read", &path, source);
        let (sha256, bytes) = BlobDigest::of_reader(&mut fs::open(&path)?).map_err(unreadable)?;
        let text = if bytes <= LIST_BYTES_MAX { fs::read(&path)? } else { Vec::new() };
        let vocabulary = Tokenizer::new(&text, 77).ok();
        let size = vocabulary.map(|tokenizer| tokenizer.vocabulary_size());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let place = self.below_experiments(&path);
        let source = format!("File {{ path = {} }}", text_dhall(place.as_deref().unwrap_or(&name)));
        Ok(PinnedFile {
            classes: class_names(&text).filter(|_| size.is_none()),
            dhall: pinned_file(&name, &sha256, bytes, &source, ""),
            path,
            sha256,
            bytes,
            size,
            place,
        })
    }

    /// Reads the weights at `source` (a file, or a folder as the Python package's hub has them) by the configuration
    /// beside them, or by `config`, and writes them to the folder `out` in canonical form, with the configuration; with
    /// `add`, also into the store.
    pub fn import_model(
        &self,
        source: &Path,
        config: Option<&Path>,
        out: &Path,
        add: bool,
    ) -> Result<WrittenModel, Error> {
        let (source, config) = self.model_files(source, config)?;
        let written =
            self.write_model(&[&source, &config], &read_config(&config)?, out, WEIGHTS)?;
        if add {
            let store = self.store()?;
            for file in [&written.tensors, &written.config] {
                store.put_file(&file.path, PutMode::Copy, Durability::Durable)?;
            }
        }
        Ok(written)
    }

    /// Writes weights to the folder `out` as the Python package reads them; `source` and `config` are those of
    /// [`Workspace::import_model`].
    pub fn export_model_files(
        &self,
        source: &Path,
        config: Option<&Path>,
        out: &Path,
    ) -> Result<WrittenModel, Error> {
        let (source, config) = self.model_files(source, config)?;
        self.write_model(&[&source, &config], &read_config(&config)?, out, OPEN_CLIP_WEIGHTS)
    }

    /// Writes the weights that a run was trained to, as the store has them, to the folder `out` as the Python package
    /// reads them.
    pub fn export_trained_model(
        &self,
        loaded: &Loaded,
        run: &str,
        out: &Path,
    ) -> Result<WrittenModel, Error> {
        let plan = crate::plan::expand(&loaded.experiment, Some(run))?;
        let trained = plan.labelled(&format!("{run}/train"));
        let Some((recipe, Params::Train(train))) =
            trained.map(|(recipe, node)| (recipe, &node.action.params))
        else {
            return Err(Error::Usage {
                message: format!("`{run}` is not a run that trains a model"),
                hint: Some("what there is: ibid list".to_owned()),
            });
        };
        let (model, preprocessing) = (train.model.clone(), train.preprocessing.clone());
        let end = TextEnd::of_vocabulary(model.text.vocabulary_size);
        let config = OpenClipConfig { model, preprocessing, end };
        // Before anything is said to be missing: a model that cannot be exported is not worth training.
        config.encode().map_err(|error| not_exported(run, &config.model, error))?;
        let store = self.store()?;
        let path = trained_weights(&store, recipe)?.ok_or_else(|| Error::Missing {
            message: format!("the weights of `{run}` are not in the store"),
            hint: format!("train it with: ibid reproduce {}/{run}", loaded.name),
        })?;
        self.write_model(&[&path], &config, out, OPEN_CLIP_WEIGHTS)
    }

    /// The file of tensors and the configuration that are meant.
    fn model_files(
        &self,
        source: &Path,
        config: Option<&Path>,
    ) -> Result<(PathBuf, PathBuf), Error> {
        let path = self.settings.folder.join(source);
        let mut folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut tensors = path.clone();
        if path.is_dir() {
            let found =
                WEIGHTS_NAMES.iter().map(|name| path.join(name)).find(|path| path.is_file());
            tensors = found.ok_or_else(|| Error::Usage {
                message: format!(
                    "`{}` holds no weights ({})",
                    source.display(),
                    WEIGHTS_NAMES.join(", ")
                ),
                hint: Some("name the file itself".to_owned()),
            })?;
            folder = path;
        } else if !path.is_file() {
            return Err(Error::Usage {
                message: format!("`{}` is neither a file nor a folder", source.display()),
                hint: Some(WEIGHTS_ARE.to_owned()),
            });
        }
        let config = config
            .map_or_else(|| folder.join(WEIGHTS_CONFIG), |file| self.settings.folder.join(file));
        if config.is_file() {
            return Ok((tensors, config));
        }
        Err(Error::Usage {
            message: format!("there is no configuration `{}`", config.display()),
            hint: Some(
                "name one, such as that of the Python package's model_configs: --config FILE"
                    .to_owned(),
            ),
        })
    }

    /// A folder or file relative to `experiments`, which paths of an experiment begin at; none elsewhere.
    fn below_experiments(&self, path: &Path) -> Option<String> {
        let experiments = self.root().ok()?.join("experiments").canonicalize().ok()?;
        let path = path.canonicalize().ok()?;
        let place = path.strip_prefix(experiments).ok()?.to_str()?.to_owned();
        (!place.is_empty()).then_some(place)
    }

    /// Writes one tensor after the other; no more than one of them is in memory. `read` begins with the weights.
    fn write_model(
        &self,
        read: &[&Path],
        config: &OpenClipConfig,
        out: &Path,
        name: &str,
    ) -> Result<WrittenModel, Error> {
        let source = read[0];
        let of_source = |error: ModelFault| fault(source, error);
        let layout = Layout::of(&config.model).expect("checked when it was read");
        let config_bytes = config.encode().map_err(|error| of_source(error.into()))?;
        let file = File::open(source).map_err(|error| fs::Error::new("open", source, error))?;
        let mut checkpoint =
            Checkpoint::open(BufReader::new(file)).map_err(|error| of_source(error.into()))?;
        let Matched { tensors, ignored } = match_tensors(&layout, checkpoint.described())
            .map_err(|error| of_source(error.into()))?;
        let out = self.settings.folder.join(out);
        fs::create_dir(&out)?;
        let written = [name, WEIGHTS_CONFIG].map(|name| std::fs::canonicalize(out.join(name)).ok());
        for path in read {
            if let Ok(path) = std::fs::canonicalize(path)
                && written.iter().flatten().any(|written| *written == path)
            {
                return Err(Error::Usage {
                    message: format!("`{}` is read, and would be overwritten", path.display()),
                    hint: Some("another folder: --out DIR".to_owned()),
                });
            }
        }
        let mut target = TempFile::create_in(&out)?;
        let mut hasher = BlobHasher::default();
        let mut write = |bytes: &[u8]| {
            hasher.update(bytes);
            target.write_all(bytes)
        };
        let named = layout.parameters().iter().map(|of| (of.name.as_str(), of.shape.as_slice()));
        write(&safetensors::header(named))?;
        for tensor in &tensors {
            let elements = checkpoint.read(tensor).map_err(|error| of_source(error.into()))?;
            safetensors::check_finite(tensor, &elements)
                .map_err(|error| of_source(error.into()))?;
            let bytes: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
            write(&bytes)?;
        }
        let (sha256, bytes) = hasher.finish();
        let tensors = WrittenFile { path: out.join(name), sha256, bytes };
        target.persist(&tensors.path, Durability::Durable)?;
        let config_file = WrittenFile {
            path: out.join(WEIGHTS_CONFIG),
            sha256: BlobDigest::of(&config_bytes),
            bytes: config_bytes.len() as u64,
        };
        fs::write_atomic(&config_file.path, &config_bytes, Durability::Durable)?;
        let pins = [&tensors, &config_file].map(|file| (file.sha256, file.bytes));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let place = self.below_experiments(&out).filter(|place| place.chars().all(is_plain));
        Ok(WrittenModel {
            tree: Manifest::of_weights(pins[0], pins[1]).digest(),
            parameters: layout.len() as u64,
            ignored,
            dhall: dhall(config, &tensors, &config_file, place.as_deref().unwrap_or("weights")),
            place,
            preprocessing: config.preprocessing.clone(),
            tensors,
            config: config_file,
        })
    }
}

fn fault(path: &Path, error: impl Into<ModelFault>) -> Error {
    Error::Model { path: path.to_owned(), source: Box::new(error.into()) }
}

/// Why a run cannot be exported, and the values with which it could be.
fn not_exported(run: &str, model: &Clip, error: ConfigError) -> Error {
    if !matches!(error, ConfigError::Inexpressible(_)) {
        return fault(Path::new(run), error);
    }
    let values = [
        (
            model.vision.pooling != Pooling::ClassToken,
            "vision.pooling = schema.VisionPooling.ClassToken",
        ),
        (model.vision.patch_bias, "vision.patchBias = False"),
        (model.text.pooling != Pooling::EndToken, "text.pooling = schema.TextPooling.EndToken"),
    ];
    let values = values.iter().filter(|(applies, _)| *applies).map(|(_, value)| *value);
    let values = values.collect::<Vec<_>>().join(", ");
    Error::Usage {
        message: format!("`{run}` cannot be exported: {error}"),
        hint: Some(format!("what can be is trained with {values}")),
    }
}

/// How many class names a file has, if it has nothing but such.
fn class_names(file: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(file).ok().filter(|text| !text.is_empty())?;
    let is_name = |line: &str| !line.trim().is_empty() && !line.contains(char::is_control);
    text.lines().all(is_name).then(|| text.lines().count())
}

fn read_config(path: &Path) -> Result<OpenClipConfig, Error> {
    OpenClipConfig::parse(&fs::read(path)?).map_err(|error| fault(path, error))
}

/// Where the store keeps the weights that a training gave, hashed.
fn trained_weights(
    store: &Store,
    recipe: &crate::digest::RecipeId,
) -> Result<Option<PathBuf>, Error> {
    let Some((_, result)) = store.complete_recipe(recipe)? else {
        return Ok(None);
    };
    let Some(file) = result.outputs.get("model.safetensors") else {
        return Ok(None);
    };
    store.verify_blob(&file.digest)?;
    Ok(Some(store.blob_path(&file.digest)))
}

/// What pins the model in an experiment: a record of the fields of a `ReleasedRun` that are about it. The files lie in
/// the folder `place` of the import root.
fn dhall(
    config: &OpenClipConfig,
    tensors: &WrittenFile,
    file: &WrittenFile,
    place: &str,
) -> String {
    let pin = |file: &WrittenFile| {
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let source = format!("File {{ path = \"{place}/{name}\" }}");
        pinned_file(&name, &file.sha256, file.bytes, &source, "    ")
    };
    format!(
        "{{ weights = schema.Weights::{{\n  , tensors = {}\n  , config = {}\n  }}\n, model = {}\n, preprocessing = {}\n}}",
        pin(tensors),
        pin(file),
        model_dhall(&config.model),
        preprocessing_dhall(&config.preprocessing),
    )
}

/// The schema's `PinnedFile`; `source` is an alternative of its `Source`, and `indent` stands before each field.
pub(super) fn pinned_file(
    name: &str,
    sha256: &BlobDigest,
    bytes: u64,
    source: &str,
    indent: &str,
) -> String {
    let name = text_dhall(name);
    format!(
        "schema.PinnedFile::{{\n{indent}, name = {name}\n{indent}, sha256 = \"{sha256}\"\n{indent}, bytes = {bytes}\n\
         {indent}, source = schema.Source.{source}\n{indent}}}"
    )
}

/// A text in Dhall: as in JSON, but that a dollar may begin an interpolation.
pub(super) fn text_dhall(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('$', "\\$")
}

fn model_dhall(model: &Clip) -> String {
    let Clip { embed_dim, vision, text, activation } = model;
    let activation = match activation {
        Activation::Gelu => "Gelu",
        Activation::QuickGelu => "QuickGelu",
    };
    let flag = |flag: bool| if flag { "True" } else { "False" };
    let fields = |fields: &[(&str, String)]| {
        fields.iter().map(|(name, value)| format!("    , {name} = {value}\n")).collect::<String>()
    };
    let vision = fields(&[
        ("imageSize", vision.image_size.to_string()),
        ("patchSize", vision.patch_size.to_string()),
        ("width", vision.width.to_string()),
        ("layers", vision.layers.to_string()),
        ("heads", vision.heads.to_string()),
        ("mlpWidth", vision.mlp_width.to_string()),
        ("patchBias", flag(vision.patch_bias).to_owned()),
        ("preNorm", flag(vision.pre_norm).to_owned()),
        ("pooling", "schema.VisionPooling.ClassToken".to_owned()),
    ]);
    let text = fields(&[
        ("contextLength", text.context_length.to_string()),
        ("vocabularySize", text.vocabulary_size.to_string()),
        ("width", text.width.to_string()),
        ("layers", text.layers.to_string()),
        ("heads", text.heads.to_string()),
        ("mlpWidth", text.mlp_width.to_string()),
        ("pooling", "schema.TextPooling.EndToken".to_owned()),
    ]);
    format!(
        "schema.Clip::{{\n  , embedDim = {embed_dim}\n  , activation = schema.Activation.{activation}\n  \
         , vision = schema.VisionTower::{{\n{vision}    }}\n  , text = schema.TextTower::{{\n{text}    }}\n  }}"
    )
}

fn preprocessing_dhall(preprocessing: &Preprocessing) -> String {
    let list = |numbers: &[Real; 3]| {
        // Debug keeps the point of a whole number, without which Dhall has a Natural.
        numbers.iter().map(|number| format!("{:?}", number.get())).collect::<Vec<_>>().join(", ")
    };
    let Preprocessing { mean, std } = preprocessing;
    format!("schema.Preprocessing::{{ mean = [ {} ], std = [ {} ] }}", list(mean), list(std))
}
