//! Named tensors in files of other programs: safetensors, and `PyTorch`'s zip checkpoints.
//!
//! A checkpoint of `PyTorch` is a program for a stack machine that can call anything. What is read here is a closed part
//! of that language (`pickle`): it builds dictionaries and names storages, and calls nothing. Whatever else a file asks
//! for is refused by its name. Elements stay in the file until [`Checkpoint::read`] asks for one tensor; what is kept
//! in memory is bounded by constants and by the size of the file.

mod header;
mod pickle;
mod torch;

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

pub use pickle::PickleError;

/// What a checkpoint is not read for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// Neither safetensors nor a zip archive.
    #[error("neither a safetensors file nor a zip checkpoint of PyTorch")]
    Unknown,
    /// A checkpoint as `PyTorch` wrote it before its version 1.6.
    #[error(
        "a checkpoint in the form that PyTorch wrote before its version 1.6, which is not read"
    )]
    BeforeZip,
    /// A program, not a state dict.
    #[error("a TorchScript archive: a program with its tensors, which is not read")]
    TorchScript,
    /// The header of a safetensors file is not one.
    #[error("not a safetensors file: {0}")]
    Header(String),
    /// The archive is damaged, or not one of `PyTorch`'s.
    #[error("not a checkpoint of PyTorch: {0}")]
    Archive(String),
    /// The pickled part asks for something that is not allowed.
    #[error("the pickled part of the checkpoint is refused")]
    Pickle(#[from] PickleError),
    /// A tensor that its file does not hold.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// The name of the tensor.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// binary16
    F16,
    /// The upper half of binary32.
    BF16,
    /// binary32
    F32,
    /// binary64
    F64,
    /// An integer or truth value of so many bytes.
    Whole(u8),
}

impl Element {
    /// Bytes of an element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Whole(bytes) => bytes as usize,
        }
    }

    /// What `PyTorch` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::Whole(_) => "integer",
        }
    }

    /// Little-endian elements as binary32; binary64 is rounded once. `None` for integers.
    #[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
    fn to_f32(self, bytes: &[u8]) -> Option<Vec<f32>> {
        let elements = match self {
            Self::F16 => pairs(bytes).map(|bits| half::f16::from_bits(bits).to_f32()).collect(),
            Self::BF16 => pairs(bytes).map(|bits| f32::from_bits(u32::from(bits) << 16)).collect(),
            Self::F32 => {
                bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Self::F64 => {
                let numbers = bytes.as_chunks::<8>().0.iter();
                numbers.map(|bytes| f64::from_le_bytes(*bytes) as f32).collect()
            }
            Self::Whole(_) => return None,
        };
        Some(elements)
    }
}

fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes))
}

/// A tensor as a file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The type of its elements.
    pub element: Element,
    /// Its dimensions, outermost first; none for a scalar.
    pub shape: Vec<usize>,
}

/// A file of named tensors, opened.
pub struct Checkpoint<R: Read + Seek> {
    described: BTreeMap<String, Described>,
    content: Content<R>,
}

enum Content<R: Read + Seek> {
    Safetensors { reader: R, places: BTreeMap<String, (u64, usize)> },
    Torch(Box<torch::Archive<R>>),
}

impl<R: Read + Seek> Checkpoint<R> {
    /// Reads what the file says of its tensors, and none of their elements.
    pub fn open(mut reader: R) -> Result<Self, CheckpointError> {
        let mut first = Vec::new();
        reader.by_ref().take(16).read_to_end(&mut first)?;
        let size = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        if first.starts_with(b"PK") {
            let archive = torch::Archive::open(reader)?;
            let described = archive.described();
            return Ok(Self { described, content: Content::Torch(Box::new(archive)) });
        }
        if first.starts_with(&[0x80, 2, 0x8a, 10]) {
            return Err(CheckpointError::BeforeZip);
        }
        if first.get(8) != Some(&b'{') {
            return Err(CheckpointError::Unknown);
        }
        let (described, places) = header::read(&mut reader, size)?;
        Ok(Self { described, content: Content::Safetensors { reader, places } })
    }

    /// Every tensor by its name.
    pub fn described(&self) -> &BTreeMap<String, Described> {
        &self.described
    }

    /// The elements of a tensor in row-major order, as binary32.
    pub fn read(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let bad = |reason: &str| CheckpointError::Tensor {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let described = self.described.get(name).ok_or_else(|| bad("the file does not hold it"))?;
        let bytes = match &mut self.content {
            Content::Safetensors { reader, places } => {
                let (start, len) = places[name];
                let mut bytes = vec![0; len];
                reader.seek(SeekFrom::Start(start))?;
                reader.read_exact(&mut bytes)?;
                bytes
            }
            Content::Torch(archive) => archive.read(name)?,
        };
        described.element.to_f32(&bytes).ok_or_else(|| bad("its elements are integers"))
    }
}

/// The number of elements of `shape`, if their bytes can be counted.
fn elements_of(shape: &[usize], element: Element) -> Option<usize> {
    let count = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
    count.checked_mul(element.bytes()).and(Some(count))
}

#[cfg(test)]
mod tests;
