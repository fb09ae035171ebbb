//! Bytes by digest: files, git, bundled sets, mirrors.
//!
//! A [`Pin`] says which bytes are wanted; a [`Place`] says where they were published. *Any* bytes with the pinned
//! digest will do, so the mirrors are asked first and the place last. Nothing is handed out that was not hashed here.

mod git;
mod mirror;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::digest::BlobDigest;
pub use git::GitError;

/// Which bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Their SHA-256.
    pub sha256: BlobDigest,
    /// How many they are.
    pub bytes: u64,
}

/// Where bytes were published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file, relative to the import root of the experiment.
    File {
        /// The path.
        path: String,
    },
    /// A file in a commit of a git repository.
    Git {
        /// The repository.
        url: String,
        /// The commit, 40 hexadecimal digits.
        rev: String,
        /// The path in the commit's tree.
        path: String,
    },
    /// A file on a web server.
    Http {
        /// The address.
        url: String,
    },
    /// A file that the program builds from its own dependencies.
    Bundled {
        /// The set.
        set: String,
        /// Its version.
        version: String,
        /// The file in it.
        file: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "file {path}"),
            Self::Git { url, rev, path } => write!(f, "{path} at {rev} of {url}"),
            Self::Http { url } => write!(f, "{url}"),
            Self::Bundled { set, version, file } => {
                write!(f, "{file} of bundled set {set} {version}")
            }
        }
    }
}

impl Place {
    /// The path under which a mirror may hold the bytes, if the place has one.
    fn path_hint(&self) -> Option<&str> {
        match self {
            Self::File { path } | Self::Git { path, .. } => Some(path),
            Self::Http { url } => url.rsplit('/').next().filter(|name| !name.is_empty()),
            Self::Bundled { file, .. } => Some(file),
        }
    }
}

/// One place that was asked, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The place.
    pub place: String,
    /// Why the bytes did not come from there.
    pub outcome: String,
}

/// Bytes that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No place has them.
    #[error("{what} ({} bytes, sha256 {}) could not be had{}", pin.bytes, pin.sha256, list(attempts))]
    Missing {
        /// What they are for.
        what: String,
        /// The bytes.
        pin: Pin,
        /// The places tried, in order.
        attempts: Vec<Attempt>,
    },
    /// What the program built is not what is pinned.
    #[error("{what} built from this program has sha256 {actual}, not the pinned {}", pin.sha256)]
    Built {
        /// What was built.
        what: String,
        /// The pin.
        pin: Pin,
        /// The digest of what was built.
        actual: BlobDigest,
    },
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(|a| format!("\n  tried {}: {}", a.place, a.outcome)).collect()
}

/// Bytes that equal their pin.
#[derive(Debug)]
pub enum Found {
    /// A file outside the store; hashed a moment ago.
    File(PathBuf),
    /// Bytes in memory.
    Bytes(Vec<u8>),
}

/// A file of a bundled set.
pub struct BuiltFile {
    /// Its name in the set.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Builds a bundled set of a version: every file of it.
pub type BuildSet<'a> = dyn Fn(&str, &str) -> Result<Vec<BuiltFile>, String> + Sync + 'a;

/// Where to look, in order.
pub struct Sources<'a> {
    /// Folders that may hold any pinned file.
    pub mirrors: Vec<PathBuf>,
    /// The folder that `File` places are relative to.
    pub root: PathBuf,
    /// The builder of bundled sets.
    pub build: &'a BuildSet<'a>,
    /// Where bare git repositories are kept between runs.
    pub git_folder: PathBuf,
}

impl Sources<'_> {
    /// Finds the bytes of `pin`, published at `place`; `what` names them in the error.
    ///
    /// Every file of a bundled set that is built on the way is given to `also`, so that a set is built once.
    pub fn obtain(
        &self,
        what: &str,
        pin: Pin,
        place: &Place,
        also: &mut dyn FnMut(BuiltFile),
    ) -> Result<Found, SourceError> {
        let mut attempts = Vec::new();
        for folder in &self.mirrors {
            match mirror::find(folder, pin, place.path_hint()) {
                Ok(path) => return Ok(Found::File(path)),
                Err(outcome) => {
                    attempts
                        .push(Attempt { place: format!("mirror {}", folder.display()), outcome });
                }
            }
        }
        let outcome = match place {
            Place::File { path } => match below(&self.root, path) {
                Some(path) => match mirror::matches(&path, pin) {
                    Ok(()) => return Ok(Found::File(path)),
                    Err(outcome) => outcome,
                },
                None => "the path leaves the experiment's folder".to_owned(),
            },
            Place::Git { url, rev, path } => match git::read(&self.git_folder, url, rev, path) {
                Ok(bytes) => match check(&bytes, pin) {
                    Ok(()) => return Ok(Found::Bytes(bytes)),
                    Err(outcome) => outcome,
                },
                Err(error) => chain(&error),
            },
            Place::Http { .. } => "this build has no HTTP client; use a mirror".to_owned(),
            Place::Bundled { set, version, file } => match (self.build)(set, version) {
                Err(reason) => reason,
                Ok(files) => {
                    let mut wanted = None;
                    for built in files {
                        if built.name == *file {
                            wanted = Some(built.bytes);
                        } else {
                            also(built);
                        }
                    }
                    match wanted {
                        None => format!("the set has no file `{file}`"),
                        Some(bytes) => {
                            let actual = BlobDigest::of(&bytes);
                            if actual == pin.sha256 {
                                return Ok(Found::Bytes(bytes));
                            }
                            return Err(SourceError::Built { what: what.to_owned(), pin, actual });
                        }
                    }
                }
            },
        };
        attempts.push(Attempt { place: place.to_string(), outcome });
        Err(SourceError::Missing { what: what.to_owned(), pin, attempts })
    }
}

/// `path` below `root`, if it has only plain components.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    Path::new(path).components().all(plain).then(|| root.join(path))
}

fn check(bytes: &[u8], pin: Pin) -> Result<(), String> {
    let actual = BlobDigest::of(bytes);
    if actual == pin.sha256 { Ok(()) } else { Err(format!("it has sha256 {actual}")) }
}

/// The digest and size of a file.
fn digest_of_file(path: &Path) -> std::io::Result<(BlobDigest, u64)> {
    BlobDigest::of_reader(&mut File::open(path)?)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin_of(bytes: &[u8]) -> Pin {
        Pin { sha256: BlobDigest::of(bytes), bytes: bytes.len() as u64 }
    }

    fn sources(mirrors: Vec<PathBuf>, root: &Path) -> Sources<'static> {
        fn build(set: &str, _version: &str) -> Result<Vec<BuiltFile>, String> {
            let file = |name: &str| BuiltFile { name: name.to_owned(), bytes: name.into() };
            if set == "letters" {
                Ok(vec![file("a"), file("b")])
            } else {
                Err("no such set".to_owned())
            }
        }
        Sources { mirrors, root: root.to_owned(), build: &build, git_folder: root.join("git") }
    }

    fn read(found: Found) -> Vec<u8> {
        match found {
            Found::File(path) => std::fs::read(path).unwrap(),
            Found::Bytes(bytes) => bytes,
        }
    }

    #[test]
    fn a_mirror_is_searched_by_digest_then_path_then_size() {
        let folder = tempfile::tempdir().unwrap();
        let place =
            Place::Git { url: "unreachable".into(), rev: "0".repeat(40), path: "t/x.csv".into() };
        for (name, content) in [
            (pin_of(b"by digest").sha256.to_string(), &b"by digest"[..]),
            ("t/x.csv".to_owned(), b"by path"),
            ("deep/er/any".to_owned(), b"by size!"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::File::create(&path)
                .and_then(|mut f| std::io::Write::write_all(&mut f, content))
                .unwrap();
            let sources = sources(vec![folder.path().to_owned()], folder.path());
            let found = sources.obtain("table", pin_of(content), &place, &mut |_| ()).unwrap();
            assert_eq!(read(found), content);
        }
    }

    #[test]
    fn wrong_bytes_are_refused_and_every_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join("x"))
            .and_then(|mut f| std::io::Write::write_all(&mut f, b"12345"))
            .unwrap();
        let sources = sources(vec![folder.path().to_owned()], folder.path());
        let place = Place::File { path: "x".into() };
        let text =
            sources.obtain("table", pin_of(b"abcde"), &place, &mut |_| ()).unwrap_err().to_string();
        assert!(text.contains(&pin_of(b"abcde").sha256.to_string()), "{text}");
        assert!(text.contains("tried mirror") && text.contains("tried file x"), "{text}");
    }

    #[test]
    fn a_file_place_stays_below_its_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        std::fs::File::create(folder.path().join("secret"))
            .and_then(|mut f| std::io::Write::write_all(&mut f, b"s"))
            .unwrap();
        for path in ["../secret", "/etc/passwd", "a/../../secret"] {
            let place = Place::File { path: path.into() };
            let error = sources(Vec::new(), &root).obtain("x", pin_of(b"s"), &place, &mut |_| ());
            assert!(error.unwrap_err().to_string().contains("leaves"), "{path}");
        }
    }

    #[test]
    fn a_bundled_set_is_built_once_and_must_equal_its_pin() {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(Vec::new(), folder.path());
        let place = |file: &str| Place::Bundled {
            set: "letters".into(),
            version: "1".into(),
            file: file.into(),
        };
        let mut also = Vec::new();
        let found = sources
            .obtain("a", pin_of(b"a"), &place("a"), &mut |file| {
                also.push(file.name);
            })
            .unwrap();
        assert_eq!((read(found), also), (b"a".to_vec(), vec!["b".to_owned()]));
        let wrong = sources.obtain("a", pin_of(b"z"), &place("a"), &mut |_| ());
        assert!(matches!(wrong, Err(SourceError::Built { .. })));
    }
}
