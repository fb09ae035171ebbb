//! The only door to the network: a child process that fetches one thing, within bounds, and ends.
//!
//! | module | does |
//! |---|---|
//! | `guard` | starts the child, watches its pace, ends it |
//! | `client` | HTTP and HTTPS: no credentials, few redirects, bounded in bytes and time |
//! | `transport` | the git protocol over that client |
//! | `fetch` | one commit into a bare repository; the names of a repository |
//! | `local` | the same for a repository on this machine |
//! | `download` | one file, continued where an earlier attempt ended |
//!
//! What a server sends is parsed in the child (by rustls, ureq and libgit2), whose memory and file sizes have limits and
//! whose environment is empty. It reads what looking up a host needs, and the certificates; it writes the one folder or
//! file that it was asked for; it may ask the network, unless the address is a folder of this machine: then it reads
//! that folder and has no network (see [`crate::confinement`]). Nothing that it leaves behind is believed: the parent
//! hashes it. Of a file it does no more than that; of a commit it parses everything once more, the pack and its
//! objects, by libgit2 and unconfined, each object after a look at its size (see [`crate::commit`]).

mod client;
mod download;
mod fetch;
mod guard;
mod local;
mod transport;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use guard::{Network, child_main};

/// Bytes that the objects of a repository may take on their way here.
pub(super) const REPOSITORY_BYTES_MAX: u64 = 1 << 30;

/// What a child is asked to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Task {
    /// A commit, without history where the server can do that, into the bare repository `into`, which is made.
    Commit { url: String, id: String, into: PathBuf },
    /// `HEAD`, the branches and tags of a repository.
    Names { url: String },
    /// A file of `bytes` bytes, appended to what `into` has of it.
    Download { url: String, into: PathBuf, bytes: u64 },
    /// A file of an unknown size, of at most `bytes_max` bytes, into the new file `into`.
    Whole { url: String, into: PathBuf, bytes_max: u64 },
}

impl Task {
    fn url(&self) -> &str {
        match self {
            Self::Commit { url, .. }
            | Self::Names { url }
            | Self::Download { url, .. }
            | Self::Whole { url, .. } => url,
        }
    }
}

/// What the child has to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// Commit ids by name, `HEAD` or such as `refs/heads/main`; a tag's is that of the commit it stands for.
    Names(BTreeMap<String, String>),
}

/// Why something could not be fetched: each is a sentence about one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It was not waited for.
    #[error("not waited for: the run was told to stop")]
    Interrupted,
    /// The network was not to be used.
    #[error("not asked: --offline (or IBID_OFFLINE) is given")]
    Offline,
    /// The address is one that is never asked.
    #[error("not asked: {0}")]
    Address(String),
    /// The proxy that a variable names is of no use here.
    #[error(
        "not asked: {0} names a proxy that is not understood; http://HOST:PORT and https://HOST:PORT are"
    )]
    Proxy(String),
    /// There is no answer, or one that makes no sense.
    #[error("{0}")]
    Unreachable(String),
    /// The server wants to know who asks.
    #[error("the server wants credentials (HTTP {0}); none are ever sent")]
    Credentials(u16),
    /// The server answers, and has no such commit.
    #[error(
        "the repository answers, and does not give commit {id}: its history was rewritten, or the commit was never there"
    )]
    NoCommit {
        /// The commit.
        id: String,
    },
    /// The id is that of another kind of object.
    #[error("{id} is the id of a {kind}, not of a commit{}", stands_for(commit.as_deref()))]
    NotACommit {
        /// The id.
        id: String,
        /// Its kind.
        kind: String,
        /// The commit that a tag stands for.
        commit: Option<String>,
    },
    /// The commit arrived, and not everything that it holds.
    #[error("the server sent an incomplete commit, of which nothing was kept: {0}")]
    Incomplete(String),
    /// More arrives than may.
    #[error("it sends more than {0} bytes; the rest was not read")]
    TooLarge(u64),
    /// The file has another size than it is pinned to.
    #[error("it has {0} bytes; nothing was read")]
    OtherSize(u64),
    /// Nothing arrives any more.
    #[error(
        "it stalled: less than {bytes} bytes in {seconds} s; what arrived was dropped or kept to go on from"
    )]
    Stalled {
        /// The pace that is asked for.
        bytes: u64,
        /// The time it was waited for.
        seconds: u64,
    },
    /// The child ended without an answer.
    #[error("what it sends made the fetching process end: {0}")]
    Child(String),
}

fn stands_for(commit: Option<&str>) -> String {
    commit.map_or_else(String::new, |commit| format!("; it stands for commit {commit}"))
}

impl NetworkError {
    /// Whether the place has bytes, and they are not the pinned ones.
    pub fn differs(&self) -> bool {
        matches!(self, Self::OtherSize(_))
    }
}
