//! One commit of a repository into a bare copy, and the names of a repository.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{
    AutotagOption, Direction, FetchOptions, ObjectType, Oid, Remote, RemoteCallbacks, Repository,
    RepositoryInitOptions,
};

use super::client::{Client, Heard};
use super::transport::{install, take_failure};
use super::{NetworkError, REPOSITORY_BYTES_MAX, local};
use crate::source::address::{self, Scheme};

/// What one object counts as progress: the last of them are put together after the last byte has arrived.
const OBJECT_BYTES: u64 = 64;

/// Fetches commit `id` into the new bare repository `into`: alone where the server can do that, else with everything
/// that the branches and tags of the repository reach.
pub(super) fn commit(
    client: Client,
    heard: &Heard,
    url: &str,
    id: &str,
    into: &Path,
) -> Result<(), NetworkError> {
    // First, since it keeps libgit2 from this machine's configuration.
    install(client)?;
    let repository = empty_repository(into).map_err(words)?;
    if address::scheme(url) == Ok(Scheme::File) {
        return local::commit(heard, url, id, &repository);
    }
    let oid = Oid::from_str(id).map_err(words)?;
    let names = list(&mut repository.remote_anonymous(url).map_err(words)?)?;
    let is_tip = |(name, target): &(&String, &String)| *target == id && *name != "HEAD";
    let tip = names.iter().find(is_tip).map(|(name, _)| name);
    let alone = tip.map_or(id, String::as_str);
    let alone = format!("+{alone}:refs/ibid/pin");
    let everything = ["+refs/heads/*:refs/ibid/heads/*", "+refs/tags/*:refs/ibid/tags/*"];
    let attempts: [(&[&str], bool); 3] =
        [(&[&alone], true), (&[&alone], false), (&everything, false)];
    for (refspecs, shallow) in attempts {
        let mut remote = repository.remote_anonymous(url).map_err(words)?;
        let fetched = remote.fetch(refspecs, Some(&mut options(heard, shallow)), None);
        drop(remote);
        match repository.find_object(oid, None) {
            Ok(object) if object.kind() == Some(ObjectType::Commit) => return Ok(()),
            Ok(object) => {
                let kind = object.kind().map_or("thing", |kind| kind.str()).to_owned();
                let commit = object.peel_to_commit().ok().map(|commit| commit.id().to_string());
                return Err(NetworkError::NotACommit { id: id.to_owned(), kind, commit });
            }
            // A server that does not know the way says so at once, and the next way is tried; one that cannot be
            // reached, or sends too much, will do so again.
            Err(_) => {
                if let Err(error) = fetched
                    && let Some(failure) = take_failure().or_else(|| cancelled(&error))
                {
                    return Err(failure);
                }
            }
        }
    }
    Err(NetworkError::NoCommit { id: id.to_owned() })
}

/// A bare repository without what this machine would put into one, such as hooks.
fn empty_repository(folder: &Path) -> Result<Repository, git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).mkpath(true).no_reinit(true).external_template(false);
    Repository::init_opts(folder, &options)
}

/// Branches and tags with the commits that they stand for.
pub(super) fn names(client: Client, url: &str) -> Result<BTreeMap<String, String>, NetworkError> {
    if address::scheme(url) == Ok(Scheme::File) {
        return local::names(url);
    }
    install(client)?;
    list(&mut Remote::create_detached(url).map_err(words)?)
}

fn list(remote: &mut Remote<'_>) -> Result<BTreeMap<String, String>, NetworkError> {
    let connection = remote.connect_auth(Direction::Fetch, None, None);
    let connection = connection.map_err(|error| take_failure().unwrap_or_else(|| words(error)))?;
    let mut names = BTreeMap::new();
    for head in connection.list().map_err(words)? {
        // `tag^{}` is the commit that the annotated tag `tag` stands for.
        let name = head.name().trim_end_matches("^{}");
        let known = ["refs/heads/", "refs/tags/"].iter().any(|folder| name.starts_with(folder));
        let known = known || name == "HEAD";
        if known && (head.name() != name || !names.contains_key(name)) {
            names.insert(name.to_owned(), head.oid().to_string());
        }
    }
    Ok(names)
}

fn options(heard: &Heard, shallow: bool) -> FetchOptions<'_> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(|progress| {
        heard(OBJECT_BYTES);
        progress.received_bytes() as u64 <= REPOSITORY_BYTES_MAX
    });
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks).download_tags(AutotagOption::None).update_fetchhead(false);
    if shallow {
        options.depth(1);
    }
    options
}

/// The one reason for which our own callback stops a fetch.
fn cancelled(error: &git2::Error) -> Option<NetworkError> {
    (error.code() == git2::ErrorCode::User).then_some(NetworkError::TooLarge(REPOSITORY_BYTES_MAX))
}

fn words(error: git2::Error) -> NetworkError {
    NetworkError::Unreachable(error.message().to_owned())
}
