//! Repositories of strangers, made with libgit2 so that a commit can hold what `git add` would refuse.

use std::fs;
use std::path::{Path, PathBuf};

use git2::{Index, IndexEntry, IndexTime, Oid, Repository, Signature, Time};

use super::repository;

/// A repository that others fetch from.
pub(crate) struct Origin {
    /// Its folder.
    pub(crate) folder: PathBuf,
    repository: Repository,
}

/// What stands at a path of a commit.
pub(crate) enum Entry {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link to this.
    Link(&'static str),
    /// A submodule.
    Submodule,
}

/// The table that [`tiny`] plots.
pub(crate) const POINTS: &str = "x,y\n1,0.9\n10,0.7\n100,0.5\n1000,0.36\n";

impl Origin {
    /// A new repository at `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main").external_template(false).mkpath(true);
        let repository = Repository::init_opts(folder, &options).unwrap();
        Self { folder: folder.to_owned(), repository }
    }

    /// `file://` and the folder.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// Commits the schema and `entries` on a branch, on top of what is there; the commit's id.
    pub(crate) fn commit(&self, branch: &str, entries: Vec<(&str, Entry)>) -> String {
        let mut index = Index::new().unwrap();
        let schema = repository().join("experiments/schema/v1");
        for path in fs::read_dir(&schema).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let file = Entry::File(fs::read(&path).unwrap());
            self.add(&mut index, &format!("experiments/schema/v1/{name}"), &file);
        }
        for (path, entry) in &entries {
            self.add(&mut index, path, entry);
        }
        let tree = index.write_tree_to(&self.repository).unwrap();
        self.commit_tree(branch, tree)
    }

    /// Commits a tree.
    pub(crate) fn commit_tree(&self, branch: &str, tree: Oid) -> String {
        let tree = self.repository.find_tree(tree).unwrap();
        let author = Signature::new("a", "a@example.org", &Time::new(0, 0)).unwrap();
        let reference = format!("refs/heads/{branch}");
        let parent = self.repository.find_reference(&reference).ok();
        let parent = parent.map(|reference| reference.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let id = self
            .repository
            .commit(Some(&reference), &author, &author, "m", &tree, &parents)
            .unwrap();
        id.to_string()
    }

    /// The repository itself.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    fn add(&self, index: &mut Index, path: &str, entry: &Entry) {
        let (mode, id) = match entry {
            Entry::File(bytes) => (0o100_644, self.repository.blob(bytes).unwrap()),
            Entry::Link(target) => (0o120_000, self.repository.blob(target.as_bytes()).unwrap()),
            Entry::Submodule => (0o160_000, Oid::from_bytes(&[7; 20]).unwrap()),
        };
        let zero = IndexTime::new(0, 0);
        let entry = IndexEntry {
            ctime: zero,
            mtime: zero,
            dev: 0,
            ino: 0,
            mode,
            uid: 0,
            gid: 0,
            file_size: 0,
            id,
            flags: 0,
            flags_extended: 0,
            path: path.as_bytes().to_vec(),
        };
        index.add(&entry).unwrap();
    }
}

/// An experiment that fits a line to `points.csv`: pinned by the digest of [`POINTS`], published at the Dhall expression
/// `source`.
pub(crate) fn tiny(source: &str) -> String {
    let sha256 = ibid::digest::BlobDigest::of(POINTS.as_bytes());
    let bytes = POINTS.len();
    format!(
        "let schema = ../schema/v1/package.dhall
in  schema.Experiment::{{
    , title = \"A tiny table\"
    , tables =
      [ schema.Table::{{
        , name = \"points\"
        , title = \"Points\"
        , from =
            schema.TableSource.Csv
              schema.PublishedTable::{{
              , file = schema.PinnedFile::{{
                , name = \"points.csv\"
                , sha256 = \"{sha256}\"
                , bytes = {bytes}
                , source = {source}
                }}
              , columns = [ \"x\", \"y\" ]
              }}
        }}
      ]
    , figures =
      [ schema.Figure::{{
        , name = \"line\"
        , title = \"A line\"
        , defaultDepth = schema.Depth.Published
        , published = Some \"points\"
        , panels =
          [ schema.Panel::{{
            , name = \"p\"
            , x = schema.Axis::{{ label = \"x\" }}
            , y = schema.Axis::{{ label = \"y\" }}
            , series =
              [ schema.Series::{{
                , name = \"s\"
                , points = schema.Selection::{{ x = \"x\", y = \"y\" }}
                , fits = [ schema.Fit::{{ method = schema.FitMethod.LeastSquares }} ]
                }}
              ]
            }}
          ]
        }}
      ]
    }}
"
    )
}
