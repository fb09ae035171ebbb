//! The files of a store that are not blobs.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ibid::digest::{ActionKey, BlobDigest, RecipeId, tagged};
use ibid::store::{Finding, RecipeEntry, Store, StoreError};

use super::{put, scratch};

/// By the first byte, one file is put into an empty store. Whatever it is: the store opens or says what is wrong with
/// it, records a recipe that is known after the next opening, and is clean at the second check.
pub fn store(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let root = root();
    let key = ActionKey::from_bytes([1; 32]);
    let hex = key.to_string();
    let fan_out = |folder: &str| root.join(folder).join(&hex[..2]).join(&hex[2..]);
    let placed = match kind % 8 {
        0 => placed(&fan_out("actions"), &result(&key, rest)),
        1 => placed(&root.join("recipes/log"), rest),
        2 => placed(&root.join("recipes/log"), &log(rest)),
        3 => {
            put(&root.join("recipes/log"), &log(&[3, 1, 2, 3, 4, 5, 6, 7, 8]));
            placed(&root.join("recipes/index"), &index(rest))
        }
        4 => {
            let name = format!("0000000000001-{}.json", BlobDigest::of(rest));
            placed(&fan_out("attestations").join(name), rest)
        }
        5 => {
            let name = BlobDigest::of(rest).to_string();
            placed(&root.join("workspaces").join(name), rest)
        }
        6 => placed(&root.join("conflicts").join(format!("{hex}-{hex}")), &result(&key, rest)),
        _ => placed(&root.join("layout"), rest),
    };
    let opened = Store::open_for_check(root);
    match opened {
        Ok((store, _)) => examine(&store, &key),
        Err(error) => assert!(
            placed.ends_with("layout") && matches!(error, StoreError::UnknownLayout { .. }),
            "{error:?}"
        ),
    }
    clear(root);
}

fn examine(store: &Store, key: &ActionKey) {
    let result = store.result(key).expect("a damaged result is no result");
    assert!(store.complete_result(key).expect("as before").is_none() || result.is_some());
    store.attestations(key).expect("damaged ones are left out");
    store.workspaces().ok();
    for recipe in store.recipe_keys().keys() {
        store.recipe_bytes(recipe).expect("a damaged record is no record");
    }
    let canonical = b"{}".to_vec();
    let recipe = RecipeId::from_bytes(tagged("recipe/1", &canonical));
    let entry = RecipeEntry { recipe, key: *key, canonical };
    store.record_recipes(&[entry]).expect("the log can be appended to");
    let again = Store::open(store.root()).expect("it was open before");
    assert_eq!(again.recipe_key(&recipe), Some(*key), "what was recorded is known");
    again.fsck().expect("any store can be checked");
    let report = again.fsck().expect("as before");
    // Two results of one action are kept for a person to look at.
    let left = report.findings.iter().find(|found| !matches!(found, Finding::Conflict { .. }));
    assert!(left.is_none(), "the first check left {left:?}");
    assert_eq!(again.recipe_key(&recipe), Some(*key), "a check keeps what is whole");
}

/// A store without anything in it.
fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = scratch().join("store");
        Store::open(&root).expect("an empty folder becomes a store");
        root
    })
}

/// Makes the store as it was in the beginning.
fn clear(root: &Path) {
    put(&root.join("layout"), b"ibid-store/1\n");
    for folder in ["actions", "attestations", "conflicts", "quarantine", "recipes", "workspaces"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("it is a store").flatten() {
            let path = entry.path();
            let gone = match path.is_dir() {
                true => std::fs::remove_dir_all(&path),
                false => std::fs::remove_file(&path),
            };
            gone.expect("nobody else uses the store");
        }
    }
}

fn placed(path: &Path, bytes: &[u8]) -> PathBuf {
    put(path, bytes);
    path.to_owned()
}

/// A result file with the checksum that fits.
fn result(key: &ActionKey, body: &[u8]) -> Vec<u8> {
    let checksum = BlobDigest::from_bytes(tagged(&format!("result/1 {key}"), body));
    [format!("ibid-result/1 {checksum}\n").as_bytes(), body].concat()
}

fn check(tag: &str, bytes: &[u8]) -> [u8; 8] {
    *tagged(tag, bytes).first_chunk().expect("a digest has 32 bytes")
}

/// A recipe log with checks that fit: the length of each body, then the body. A body of odd length has another id.
fn log(mut rest: &[u8]) -> Vec<u8> {
    let mut log = b"ibid-recipes/2\n\0".to_vec();
    log.extend(9_u64.to_le_bytes());
    log.extend(check("recipe-log/2", &log));
    while let Some((length, after)) = rest.split_first() {
        let (body, after) = after.split_at(after.len().min((*length).into()));
        rest = after;
        let start = log.len();
        let length = u32::from(*length);
        log.extend(length.to_le_bytes());
        log.extend((!length).to_le_bytes());
        log.extend(if length % 2 == 1 { [5; 32] } else { tagged("recipe/1", body) });
        log.extend([1; 32]);
        log.extend(body);
        log.extend(check("recipe-record/2", &log[start..]));
    }
    log
}

/// A recipe index with a checksum that fits: generation and covered bytes, then records of 72 bytes.
fn index(rest: &[u8]) -> Vec<u8> {
    let mut index = b"ibid-recindex/1\n".to_vec();
    index.extend(rest);
    let digest = BlobDigest::of(&index);
    index.extend(digest.as_bytes());
    index
}
