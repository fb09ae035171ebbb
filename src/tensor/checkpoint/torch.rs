//! `PyTorch`'s zip checkpoint: one pickle that names storages, and one stored entry for each storage.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::pickle::{Node, Pickle, Tensor};
use super::{CheckpointError, Described, elements_of};

/// Far more than the pickle of any state dict with its optimiser; the elements are not in it.
const PICKLE_MAX: u64 = 16 << 20;

/// A checkpoint's tensors, and the archive that holds their storages.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    /// What every name in the archive begins with.
    folder: String,
    tensors: BTreeMap<String, Tensor>,
    /// The storage that was read last: tensors that share one are often neighbours.
    last: Option<(String, Vec<u8>)>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the pickled part.
    pub(super) fn open(reader: R) -> Result<Self, CheckpointError> {
        let mut zip = ZipArchive::new(reader).map_err(archive)?;
        let folder = folder(&zip)?;
        let is_program = zip.index_for_name(&format!("{folder}constants.pkl")).is_some();
        if is_program {
            return Err(CheckpointError::TorchScript);
        }
        let order = entry(&mut zip, &format!("{folder}byteorder"), 16)?;
        if order.is_some_and(|order| order != b"little") {
            return Err(CheckpointError::Archive("its byte order is not little-endian".to_owned()));
        }
        let pickle = entry(&mut zip, &format!("{folder}data.pkl"), PICKLE_MAX)?;
        let pickle = Pickle::read(&pickle.unwrap_or_default())?;
        let tensors = state_dict(&pickle)?;
        Ok(Self { zip, folder, tensors, last: None })
    }

    /// Every tensor of the state dict.
    pub(super) fn described(&self) -> BTreeMap<String, Described> {
        let described = |tensor: &Tensor| Described {
            element: tensor.storage.element,
            shape: tensor.shape.clone(),
        };
        self.tensors.iter().map(|(name, tensor)| (name.clone(), described(tensor))).collect()
    }

    /// The bytes of a tensor, row-major, which the state dict has.
    pub(super) fn read(&mut self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let bad = |reason: String| CheckpointError::Tensor { name: name.to_owned(), reason };
        let tensor = &self.tensors[name];
        let storage = &tensor.storage;
        let count = count(tensor).map_err(|reason| bad(reason.to_owned()))?;
        if self.last.as_ref().is_none_or(|(key, _)| *key != storage.key) {
            // The old one goes before the new one is read.
            self.last = None;
            let path = format!("{}data/{}", self.folder, storage.key);
            let bytes = entry(&mut self.zip, &path, u64::MAX)?.ok_or_else(|| {
                bad(format!("the archive has no entry `{}`", path.escape_debug()))
            })?;
            self.last = Some((storage.key.clone(), bytes));
        }
        let (_, bytes) = self.last.as_ref().expect("it was just read");
        let size = storage.element.bytes();
        if storage.elements.checked_mul(size) != Some(bytes.len()) {
            let reason =
                format!("its storage has {} bytes, not {} elements", bytes.len(), storage.elements);
            return Err(bad(reason));
        }
        Ok(gather(tensor, count, size, bytes))
    }
}

/// Elements of a tensor, all of which lie in its storage, and no more than the storage has.
fn count(tensor: &Tensor) -> Result<usize, &'static str> {
    let overflow = "its size overflows";
    let count = elements_of(&tensor.shape, tensor.storage.element).ok_or(overflow)?;
    if count == 0 {
        return Ok(0);
    }
    let reach =
        tensor.shape.iter().zip(&tensor.strides).try_fold(tensor.offset, |at, (n, stride)| {
            at.checked_add((n - 1).checked_mul(*stride)?)
        });
    let inside = reach.ok_or(overflow)? < tensor.storage.elements;
    if !inside {
        Err("its strides reach beyond its storage")
    } else if count > tensor.storage.elements {
        // A few bytes could claim to be any number of elements.
        Err("it repeats elements of its storage: save it after `.contiguous()`")
    } else {
        Ok(count)
    }
}

/// The elements in row-major order.
fn gather(tensor: &Tensor, count: usize, size: usize, storage: &[u8]) -> Vec<u8> {
    if count == 0 {
        // Its place may lie beyond the storage.
        return Vec::new();
    }
    let mut contiguous = 1;
    let is_contiguous = tensor.shape.iter().zip(&tensor.strides).rev().all(|(n, stride)| {
        let fits = *n == 1 || *stride == contiguous;
        contiguous *= n;
        fits
    });
    if is_contiguous {
        return storage[tensor.offset * size..][..count * size].to_vec();
    }
    let mut bytes = Vec::with_capacity(count * size);
    let mut index = vec![0; tensor.shape.len()];
    for _ in 0..count {
        let steps = index.iter().zip(&tensor.strides).map(|(i, stride)| i * stride);
        let at = tensor.offset + steps.sum::<usize>();
        bytes.extend_from_slice(&storage[at * size..][..size]);
        for (place, n) in index.iter_mut().zip(&tensor.shape).rev() {
            *place += 1;
            if *place < *n {
                break;
            }
            *place = 0;
        }
    }
    bytes
}

/// What the names of a checkpoint begin with: the folder of its one `data.pkl`.
fn folder<R: Read + Seek>(zip: &ZipArchive<R>) -> Result<String, CheckpointError> {
    let mut found = None;
    for name in zip.file_names() {
        let name = name.map_err(archive)?;
        let folder = name.strip_suffix("data.pkl").filter(|folder| folder.ends_with('/'));
        let Some(folder) = folder.filter(|folder| folder.matches('/').count() == 1) else {
            continue;
        };
        if found.replace(folder.to_owned()).is_some() {
            let reason = "it has several entries `NAME/data.pkl`".to_owned();
            return Err(CheckpointError::Archive(reason));
        }
    }
    found.ok_or_else(|| CheckpointError::Archive("it has no entry `NAME/data.pkl`".to_owned()))
}

/// The bytes of a stored entry, if there is one; its checksum is compared.
fn entry<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    name: &str,
    max: u64,
) -> Result<Option<Vec<u8>>, CheckpointError> {
    let Some(index) = zip.index_for_name(name) else {
        return Ok(None);
    };
    let entry: ZipFile<'_, R> = zip.by_index(index).map_err(archive)?;
    let bad = |reason: &str| {
        CheckpointError::Archive(format!("entry `{}` {reason}", name.escape_debug()))
    };
    if entry.compression() != zip::CompressionMethod::Stored {
        return Err(bad("is compressed"));
    }
    if entry.size() != entry.compressed_size() || entry.size() > max {
        return Err(bad("has an impossible size"));
    }
    let mut bytes = Vec::new();
    // Read as far as the file goes, whatever size it claims.
    let (size, mut entry) = (entry.size(), entry.take(max));
    entry.read_to_end(&mut bytes).map_err(|error| bad(&format!("is damaged: {error}")))?;
    if bytes.len() as u64 == size { Ok(Some(bytes)) } else { Err(bad("ends early")) }
}

/// The tensors of the pickle's state dict: the value itself, or its `state_dict`. What a training keeps beside that
/// (epoch, optimiser, scaler) is not looked at.
fn state_dict(pickle: &Pickle) -> Result<BTreeMap<String, Tensor>, CheckpointError> {
    let bad = |reason: &str| CheckpointError::Archive(reason.to_owned());
    let Node::Dict(root) = pickle.root() else {
        return Err(bad("it holds no dictionary"));
    };
    let is_text = |id, text| matches!(pickle.node(id), Node::Text(key) if key == text);
    let nested = root.iter().find(|(key, _)| is_text(*key, "state_dict"));
    let items = match nested.map(|(_, value)| pickle.node(*value)) {
        Some(Node::Dict(items)) => items,
        Some(_) => return Err(bad("its `state_dict` is no dictionary")),
        None => root,
    };
    let mut tensors = BTreeMap::new();
    for (key, value) in items {
        let Node::Text(name) = pickle.node(*key) else {
            return Err(bad("a key of its state dict is no text"));
        };
        let bad = |reason: &str| CheckpointError::Tensor {
            name: name.escape_debug().to_string(),
            reason: reason.to_owned(),
        };
        match pickle.node(*value) {
            Node::Tensor(tensor) => {
                if tensors.insert(name.clone(), tensor.clone()).is_some() {
                    return Err(bad("stands there twice"));
                }
            }
            // As the first CLIP kept its sizes.
            Node::Whole(_) | Node::Inert => {}
            _ => return Err(bad("is no tensor; a state dict is expected")),
        }
    }
    Ok(tensors)
}

fn archive(error: zip::result::ZipError) -> CheckpointError {
    match error {
        zip::result::ZipError::Io(error) => CheckpointError::Io(error),
        error => CheckpointError::Archive(error.to_string()),
    }
}
