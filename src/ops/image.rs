//! `data preprocess`: what `OpenCLIP`'s preprocessing makes of image files.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::workspace::Workspace;
use crate::data::MemberError;
use crate::data::preprocess::{self, Crop, CropRange};
use crate::digest::BlobDigest;
use crate::fs::{self, Durability};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The largest side of a view.
const SIDE_MAX: u64 = 4096;

/// Which pixels of a picture are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// All of them, as they are.
    Whole,
    /// The evaluation's: shortest side resized, centre cut out.
    Evaluation {
        /// Side of the square in pixels.
        side: u64,
    },
    /// A training's at one visit: a rectangle drawn as `OpenCLIP` draws it, resized.
    Training {
        /// Side of the square in pixels.
        side: u64,
        /// The seed of the run.
        seed: u64,
        /// The visit.
        position: u64,
    },
}

/// A picture that was looked at.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preprocessed {
    /// The file.
    #[serde(serialize_with = "super::workspace::shown")]
    pub file: PathBuf,
    /// Its width in pixels.
    pub width: usize,
    /// Its height in pixels.
    pub height: usize,
    /// What a pixel is, by Pillow's name of the mode.
    pub mode: &'static str,
    /// SHA-256 of `bytes`.
    pub sha256: BlobDigest,
    /// The view: interleaved red, green and blue, row after row.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Workspace {
    /// Decodes `file` and gives the view of it.
    pub fn preprocess(&self, file: &Path, view: View) -> Result<Preprocessed, Error> {
        let path = self.settings.folder.join(file);
        let fail = |source| Error::Image { path: file.to_owned(), source };
        let size = std::fs::metadata(&path).map_err(|error| unreadable(file, &error))?.len();
        if size > FILE_BYTES_MAX {
            return Err(fail(MemberError::TooLarge { bytes: size, limit: FILE_BYTES_MAX }));
        }
        let bytes = std::fs::read(&path).map_err(|error| unreadable(file, &error))?;
        let picture = preprocess::decode(&bytes).map_err(fail)?;
        let (width, height, mode) = (picture.width(), picture.height(), picture.mode());
        let bytes = match view {
            View::Whole => picture.colours(),
            View::Evaluation { side } => picture.evaluation_view(checked_side(side)?),
            View::Training { side, seed, position } => {
                let crop = Crop::drawn(width, height, &CropRange::OPEN_CLIP, seed, position);
                picture.training_view(checked_side(side)?, crop)
            }
        };
        let sha256 = BlobDigest::of(&bytes);
        Ok(Preprocessed { file: file.to_owned(), width, height, mode, sha256, bytes })
    }

    /// Writes the bytes of a view to `FILE.rgb` in `folder`, which is made if it is not there; the path.
    pub fn write_view(&self, view: &Preprocessed, folder: &Path) -> Result<PathBuf, Error> {
        let name = view.file.file_name().unwrap_or(view.file.as_os_str());
        let folder = self.settings.folder.join(folder);
        fs::create_dir(&folder)?;
        let mut path = folder.join(name).into_os_string();
        path.push(".rgb");
        let path = PathBuf::from(path);
        fs::write_atomic(&path, &view.bytes, Durability::Relaxed)?;
        Ok(path)
    }
}

fn checked_side(side: u64) -> Result<usize, Error> {
    match usize::try_from(side) {
        Ok(checked) if (1..=SIDE_MAX).contains(&side) => Ok(checked),
        _ => Err(Error::Usage {
            message: format!("a side of {side} pixels; it is 1 to {SIDE_MAX}"),
            hint: Some("--side 224".to_owned()),
        }),
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    Error::Usage { message: format!("cannot read `{}`: {error}", file.display()), hint: None }
}
