//! The second store, in which everything is executed again.

use std::path::PathBuf;

use crate::fs::{self, Durability};
use crate::ops::error::Error;
use crate::ops::workspace::refuse_unless_text;
use crate::store::{Store, TmpDir};

/// The file that says which verification is not done yet in a store.
const UNFINISHED: &str = "unfinished";

/// The store that `verify` fills: kept where the user named a folder, else removed afterwards.
pub(in crate::ops) struct SecondStore {
    path: PathBuf,
    /// What says which verification it is, where one that was stopped may go on.
    statement: Option<String>,
    is_begun: bool,
    temporary: Option<TmpDir>,
}

impl SecondStore {
    /// Finds the place; a folder that is named is not made yet. It must be empty, but for what the same verification,
    /// by its statement, left in it when it was stopped.
    pub(in crate::ops) fn new(
        into: Option<PathBuf>,
        first: &Store,
        statement: Option<String>,
    ) -> Result<Self, Error> {
        if let Some(path) = into {
            refuse_unless_text(&path, "name another folder: --into DIR")?;
            fs::check_dir(&path)?;
            let is_empty = path.read_dir().map_or(true, |mut entries| entries.next().is_none());
            let left = fs::read_if_exists(&path.join(UNFINISHED)).ok().flatten();
            let own = statement.as_deref().map(str::as_bytes);
            let is_begun = left.is_some() && left.as_deref() == own;
            if !is_empty && !is_begun {
                return Err(Error::Usage {
                    message: format!(
                        "`{}` is not empty; a second store starts from nothing",
                        path.display()
                    ),
                    hint: Some("name a new folder, or leave --into out".to_owned()),
                });
            }
            return Ok(Self { path, statement, is_begun, temporary: None });
        }
        // Beside the first one's data: the system's temporary folder may be small, or memory.
        let temporary = first.tmp_dir("verify-")?;
        let path = temporary.path().join("store");
        Ok(Self { path, statement: None, is_begun: false, temporary: Some(temporary) })
    }

    /// What a verification that was stopped left; `None`: there is nothing yet.
    pub(super) fn begun(&self) -> Result<Option<Store>, Error> {
        self.is_begun.then(|| Ok(Store::open(&self.path)?)).transpose()
    }

    /// Makes the store, and notes in it which verification is under way.
    pub(in crate::ops) fn open(&self) -> Result<Store, Error> {
        let store = Store::open(&self.path)?;
        if let Some(statement) = &self.statement {
            let unfinished = self.path.join(UNFINISHED);
            fs::write_atomic(&unfinished, statement.as_bytes(), Durability::Durable)?;
        }
        Ok(store)
    }

    /// From now on it is a store like any other, and nothing goes on in it.
    pub(super) fn finish(&self) -> Result<(), Error> {
        Ok(fs::remove_file(&self.path.join(UNFINISHED))?)
    }

    /// The error of a verification that ended early: one whose store is removed does not go on.
    pub(super) fn ended_by(&self, error: Error) -> Error {
        match error {
            Error::Interrupted if self.temporary.is_some() => Error::Abandoned {
                hint: Some(
                    "in a folder that is kept, the same command goes on where it was stopped: --into DIR"
                        .to_owned(),
                ),
            },
            error => self.without_logs_that_go(error),
        }
    }

    /// The same error, naming no log of a store that is removed.
    pub(in crate::ops) fn without_logs_that_go(&self, error: Error) -> Error {
        match error {
            Error::Failed { mut failures } if self.temporary.is_some() => {
                failures.iter_mut().for_each(|(_, failure)| failure.log = None);
                Error::Failed { failures }
            }
            error => error,
        }
    }
}
