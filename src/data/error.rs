//! What can be wrong with a data set, by shard and member.

use std::path::PathBuf;

use crate::action::canonical::CanonicalError;

/// Why a data set cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is not one.
    #[error("{path} is not a manifest")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: CanonicalError,
    },
    /// A manifest names a file that is not one path component.
    #[error("the manifest names the file `{name}`, which is not a plain file name")]
    ShardName {
        /// The name.
        name: String,
    },
    /// A shard is larger than any that is read.
    #[error("shard `{shard}` has {bytes} bytes; at most {limit} are read")]
    ShardTooLarge {
        /// The shard.
        shard: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A shard has another size than its manifest says.
    #[error("shard `{shard}` has another size than the {expected} bytes of its manifest")]
    ShardSize {
        /// The shard.
        shard: String,
        /// Bytes by the manifest.
        expected: u64,
    },
    /// A shard is not a tar file, or ends early.
    #[error("shard `{shard}` is not a whole tar file")]
    Tar {
        /// The shard.
        shard: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A member of a shard cannot be used.
    #[error("shard `{shard}`, member `{member}`")]
    Member {
        /// The shard.
        shard: String,
        /// The member, or the key of the sample that lacks one.
        member: String,
        /// The cause.
        #[source]
        source: MemberError,
    },
    /// A shard holds another number of samples than its manifest says.
    #[error("shard `{shard}` holds {actual} samples, its manifest says {expected}")]
    SampleCount {
        /// The shard.
        shard: String,
        /// Samples by the manifest.
        expected: u64,
        /// Samples found.
        actual: u64,
    },
}

/// What is wrong with a member of a shard.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// A link, device or other special file.
    #[error("it is neither a regular file nor a folder")]
    NotAFile,
    /// An absolute name, one that climbs, or one that is not text.
    #[error("its name is not a relative path below the shard")]
    Name,
    /// A member larger than any that is read.
    #[error("it has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A caption longer than any that is read.
    #[error("a caption has {bytes} bytes; at most {limit} are read")]
    LongCaption {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A second member of the same name.
    #[error("there are two of it")]
    Duplicate,
    /// A sample without one of its parts.
    #[error("the sample has no {what}")]
    Missing {
        /// What is missing.
        what: &'static str,
    },
    /// Bytes that are not a PNG image.
    #[error("it is not a PNG image")]
    Png(#[from] png::DecodingError),
    /// Bytes that are not a JPEG image, or one of a kind that is not read.
    #[error("it is not a JPEG image that can be read")]
    Jpeg(#[from] jpeg_decoder::Error),
    /// Bytes that are not a WebP image.
    #[error("it is not a WebP image that can be read")]
    Webp(#[from] image_webp::DecodingError),
    /// Bytes that are no image of a known format.
    #[error("it is neither a PNG, nor a JPEG, nor a WebP image")]
    NotAnImage,
    /// An image of a kind that is not read.
    #[error("it has {what}, which are not supported")]
    Unsupported {
        /// What it has.
        what: &'static str,
    },
    /// An image of a size that the data set does not have.
    #[error("it has {width} × {height} pixels, not {expected}")]
    ImageSize {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// What was expected.
        expected: String,
    },
    /// Bytes that are not the JSON of a sample.
    #[error("it is not the JSON of a sample")]
    Json(#[from] serde_json::Error),
    /// A caption that is not UTF-8 text.
    #[error("it is not UTF-8 text")]
    Text(#[from] std::str::Utf8Error),
    /// A label that is not a number.
    #[error("it is not a label (a decimal number below 2^32)")]
    Label,
    /// Two labels that differ.
    #[error("the sample has two labels, {first} and {second}")]
    Labels {
        /// The label of the `json` member.
        first: u32,
        /// The label of the `cls` member.
        second: u32,
    },
}

impl DataError {
    /// What to do about a shard that its reader refuses.
    pub const fn hint(&self) -> Option<&'static str> {
        let hint = match self {
            Self::Tar { .. } => {
                "a shard is one whole tar file, uncompressed: fetch it again, or unpack it (gunzip, zstd -d) first"
            }
            Self::ShardTooLarge { .. } => "divide it into several shards",
            Self::Member { source, .. } => match source {
                MemberError::NotAFile => {
                    "write the shard with the files that its links lead to: tar --dereference"
                }
                MemberError::Name => {
                    "write the shard from inside the folder of its samples: tar -C FOLDER -cf SHARD.tar ."
                }
                _ => return None,
            },
            _ => return None,
        };
        Some(hint)
    }
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
