//! Facts about the store, held through its public methods.

#![allow(
    clippy::disallowed_methods,
    clippy::items_after_statements,
    reason = "half a file of a test's own folder harms nobody"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, FileTimes, OpenOptions, Permissions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::action::params::Collect;
use crate::action::{Action, ActionResult, Input, OutputFile, Params};
use crate::digest::{RecipeId, TreeDigest};
use crate::fs::Durability::Relaxed;

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store")).unwrap();
    (dir, store)
}

pub(super) fn key(number: u8) -> ActionKey {
    ActionKey::from_bytes([number; 32])
}

pub(super) fn result_of(store: &Store, outputs: &[(&str, &str)]) -> ActionResult {
    let output = |bytes: &str| OutputFile {
        digest: store.put(bytes.as_bytes(), Relaxed).unwrap(),
        bytes: bytes.len() as u64,
    };
    let outputs = outputs.iter().map(|(name, bytes)| ((*name).to_owned(), output(bytes)));
    ActionResult { outputs: outputs.collect() }
}

/// Flips one bit of a file and restores its times: what a bad disk or a sly hand does.
pub(super) fn flip_bit(path: &Path) {
    let meta = path.metadata().unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[0] ^= 1;
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(&bytes).unwrap();
    file.set_times(FileTimes::new().set_modified(meta.modified().unwrap())).unwrap();
}

pub(super) fn entry(number: u64) -> RecipeEntry {
    let canonical = format!("recipe {number}").into_bytes();
    let digest = |domain| crate::digest::tagged(domain, &canonical);
    RecipeEntry {
        recipe: RecipeId::from_bytes(digest("recipe/1")),
        key: ActionKey::from_bytes(digest("action/1")),
        canonical,
    }
}

#[test]
fn another_layout_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("layout"), "ibid-store/2\n").unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, StoreError::UnknownLayout { found, .. } if found == "ibid-store/2"),
        "{error}"
    );
    assert_eq!(fs::entries(dir.path()).unwrap().len(), 1);
}

#[test]
fn a_folder_with_other_things_does_not_become_a_store() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.tex"), "").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::NotAStore { .. })));
}

#[test]
fn eight_at_once_open_write_and_read_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("store");
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let root = &root;
            scope.spawn(move || {
                let store = Store::open(root).unwrap();
                for number in 0..40 {
                    // Half of it is everybody's, half of it each one's own.
                    let number = if number % 2 == 0 { number } else { 1_000 * thread + number };
                    let digest = store.put(number.to_string().as_bytes(), Relaxed).unwrap();
                    assert_eq!(store.read(&digest).unwrap(), number.to_string().as_bytes());
                    let RecipeEntry { key, .. } = entry(number);
                    let result = result_of(&store, &[("output", &number.to_string())]);
                    store.record_result(&key, &result, Relaxed).unwrap();
                    store.record_recipes(&[entry(number)]).unwrap();
                }
            });
        }
    });
    let store = Store::open(&root).unwrap();
    assert_eq!(store.recipe_keys().len(), 20 + 8 * 20);
    let report = store.fsck().unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.blobs, report.results, report.incomplete), (180, 180, 0));
    assert!(fs::entries(&root.join("tmp")).unwrap().is_empty());
}

#[test]
fn a_blob_is_stored_read_only_under_its_sha256() {
    let (_dir, store) = store();
    let digest = store.put(b"abc", Durability::Durable).unwrap();
    // FIPS 180-2, appendix B.1.
    let path = store.root().join("cas/ba").join(&digest.to_string()[2..]);
    assert!(digest.to_string().starts_with("ba7816bf8f01cfea"));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(store.read(&digest).unwrap(), b"abc");
    assert_eq!(store.blob_size(&digest), Some(3));
}

#[test]
fn pinned_bytes_with_another_digest_are_refused() {
    let (_dir, store) = store();
    let pinned = BlobDigest::of(b"right");
    let error = store.put_pinned(&pinned, &mut &b"wrong"[..], Relaxed).unwrap_err();
    assert!(matches!(error, StoreError::WrongDigest { expected, .. } if expected == pinned));
    assert!(error.is_integrity());
    assert_eq!(store.fsck().unwrap().blobs, 0);
    assert_eq!(store.put_pinned(&pinned, &mut &b"right"[..], Relaxed).unwrap(), 5);
}

#[test]
fn a_file_is_stored_by_move_link_or_copy() {
    let (dir, store) = store();
    for (mode, stays) in [(PutMode::Move, false), (PutMode::Link, true), (PutMode::Copy, true)] {
        let path = dir.path().join("file");
        std::fs::write(&path, format!("{mode:?}")).unwrap();
        let (digest, bytes) = store.put_file(&path, mode, Relaxed).unwrap();
        assert_eq!(bytes, 4);
        assert_eq!(store.read(&digest).unwrap(), format!("{mode:?}").as_bytes());
        assert_eq!(path.exists(), stays);
        // Stored a second time, also while the store's file is a link to the very same one.
        if stays {
            assert_eq!(store.put_file(&path, mode, Relaxed).unwrap(), (digest, bytes));
            std::fs::remove_file(&path).unwrap();
        }
    }
    assert!(fs::entries(&store.root().join("tmp")).unwrap().is_empty());
    // A copy is not the author's file: writing that one changes nothing here.
    let path = dir.path().join("mine");
    std::fs::write(&path, "first").unwrap();
    let (digest, _) = store.put_file(&path, PutMode::Copy, Relaxed).unwrap();
    std::fs::write(&path, "later").unwrap();
    assert_eq!(store.read(&digest).unwrap(), b"first");
}

#[test]
fn a_flipped_bit_is_never_served_and_is_moved_aside() {
    let (dir, store) = store();
    let bytes = b"some weights";
    let digest = BlobDigest::of(bytes);
    type Door = fn(&Store, &BlobDigest, &Path) -> Result<(), StoreError>;
    let doors: [(&str, Door); 5] = [
        ("read", |store, digest, _| store.read(digest).map(drop)),
        ("open_blob", |store, digest, _| store.open_blob(digest).map(drop)),
        ("verify_blob", |store, digest, _| store.verify_blob(digest).map(drop)),
        ("materialise", |store, digest, dir| {
            let target = dir.join("target");
            let made = store.materialise_blob(digest, &target).map(drop);
            assert!(!target.exists());
            made
        }),
        ("copy_to", |store, digest, _| {
            let mut written = Vec::new();
            let copied = store.copy_to(digest, &mut written).map(drop);
            assert!(written.is_empty());
            copied
        }),
    ];
    for (name, door) in doors {
        store.put(bytes, Relaxed).unwrap();
        // Hashed once in this process already: a change since must still be seen.
        store.open_blob(&digest).map(drop).unwrap();
        flip_bit(&store.blob_path(&digest));
        match door(&store, &digest, dir.path()) {
            Err(StoreError::Corrupt { expected, actual, path }) => {
                assert_eq!(
                    (expected, BlobDigest::of(&std::fs::read(path).unwrap())),
                    (digest, actual)
                );
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(matches!(door(&store, &digest, dir.path()), Err(StoreError::MissingBlob { .. })));
    }
    store.put(bytes, Relaxed).unwrap();
    assert_eq!(store.read(&digest).unwrap(), bytes);
}

#[test]
fn storing_right_bytes_again_heals_a_rotten_blob() {
    let (_dir, store) = store();
    let digest = store.put(b"bytes", Relaxed).unwrap();
    flip_bit(&store.blob_path(&digest));
    store.put(b"bytes", Relaxed).unwrap();
    assert_eq!(store.read(&digest).unwrap(), b"bytes");
}

#[test]
fn fsck_finds_each_kind_of_damage_once() {
    let (_dir, store) = store();
    let results: Vec<_> =
        ["a", "b", "c"].iter().map(|text| result_of(&store, &[("out", text)])).collect();
    for (number, result) in (0..).zip(&results) {
        store.record_result(&key(number), result, Relaxed).unwrap();
    }
    assert!(store.fsck().unwrap().is_clean());

    let rotten = results[0].outputs["out"].digest;
    flip_bit(&store.blob_path(&rotten));
    // Forged: a true result under another action's key.
    std::fs::copy(store.result_path(&key(1)), store.result_path(&key(2)).with_extension("new"))
        .unwrap();
    std::fs::rename(store.result_path(&key(2)).with_extension("new"), store.result_path(&key(2)))
        .unwrap();
    std::fs::write(store.root().join("cas/stray"), "").unwrap();
    let report = store.fsck().unwrap();
    let found = |wanted: fn(&Finding) -> bool| report.findings.iter().filter(|f| wanted(f)).count();
    assert_eq!(report.findings.len(), 3, "{report:?}");
    assert_eq!(found(|f| matches!(f, Finding::CorruptBlob { .. })), 1);
    assert_eq!(found(|f| matches!(f, Finding::DamagedResult { key: k, .. } if *k == key(2))), 1);
    assert_eq!(found(|f| matches!(f, Finding::Foreign { .. })), 1);
    assert_eq!(report.incomplete, 1, "the result of the rotten blob");
    assert_eq!(store.complete_result(&key(0)).unwrap(), None);

    std::fs::remove_file(store.root().join("cas/stray")).unwrap();
    assert!(store.fsck().unwrap().is_clean(), "what was found is gone");
}

#[test]
fn no_damaged_result_takes_the_place_of_another_that_was_moved_aside() {
    let (_dir, store) = store();
    let result = result_of(&store, &[("out", "text")]);
    for damage in ["one", "two"] {
        store.record_result(&key(1), &result, Relaxed).unwrap();
        std::fs::remove_file(store.result_path(&key(1))).unwrap();
        std::fs::write(store.result_path(&key(1)), damage).unwrap();
        assert_eq!(store.fsck().unwrap().findings.len(), 1);
    }
    let aside = fs::entries(&store.root().join("quarantine")).unwrap();
    let aside: Vec<_> = aside.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(aside, [b"one", b"two"]);
}

#[test]
fn a_torn_result_counts_as_absent_and_is_written_again() {
    let (_dir, store) = store();
    let result = result_of(&store, &[("out", "text")]);
    store.record_result(&key(1), &result, Relaxed).unwrap();
    let path = store.result_path(&key(1));
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert_eq!(store.result(&key(1)).unwrap(), None, "{length} bytes");
    }
    store.record_result(&key(1), &result, Relaxed).unwrap();
    assert_eq!(store.complete_result(&key(1)).unwrap(), Some(result));
}

#[test]
fn a_key_that_yields_other_bytes_is_an_integrity_error_and_both_are_kept() {
    let (_dir, store) = store();
    let (first, second) =
        (result_of(&store, &[("out", "one")]), result_of(&store, &[("out", "two")]));
    store.record_result(&key(1), &first, Relaxed).unwrap();
    store.record_result(&key(1), &first, Relaxed).unwrap();
    let error = store.record_result(&key(1), &second, Relaxed).unwrap_err();
    assert!(error.is_integrity());
    let StoreError::OtherBytes { key: k, output, recorded, actual, kept } = error else {
        panic!("{error}")
    };
    assert_eq!((k, output.as_str()), (key(1), "out"));
    assert_eq!(recorded, Some(first.outputs["out"].digest));
    assert_eq!(actual, Some(second.outputs["out"].digest));
    assert_eq!(results::decode(&key(1), &std::fs::read(kept).unwrap()), Some(second));
    assert_eq!(store.result(&key(1)).unwrap(), Some(first));
    assert_eq!(store.read(&actual.unwrap()).unwrap(), b"two");
    assert!(matches!(store.fsck().unwrap().findings[..], [Finding::Conflict { .. }]));
}

#[test]
fn a_result_whose_outputs_are_not_here_is_not_recorded() {
    let (_dir, store) = store();
    let mut result = result_of(&store, &[("out", "text")]);
    result.outputs.get_mut("out").unwrap().bytes += 1;
    let error = store.record_result(&key(1), &result, Relaxed).unwrap_err();
    assert!(matches!(error, StoreError::MissingBlob { .. }), "{error}");
}

#[test]
fn ten_thousand_recipes_are_found_again_with_their_bytes() {
    let (_dir, store) = store();
    let entries: Vec<_> = (0..10_000).map(entry).collect();
    for batch in entries.chunks(700) {
        store.record_recipes(batch).unwrap();
    }
    let reopened = Store::open(store.root()).unwrap();
    for store in [&store, &reopened] {
        for entry in entries.iter().step_by(97) {
            assert_eq!(store.recipe_key(&entry.recipe), Some(entry.key));
            assert_eq!(store.recipe_bytes(&entry.recipe).unwrap().as_ref(), Some(&entry.canonical));
        }
        assert_eq!(store.recipe_keys().len(), 10_000);
        assert_eq!(store.recipe_key(&entry(10_000).recipe), None);
    }
    let log = store.root().join("recipes/log").metadata().unwrap().len();
    store.record_recipes(&entries).unwrap();
    assert_eq!(store.root().join("recipes/log").metadata().unwrap().len(), log, "known: no growth");
}

#[test]
fn a_recipe_that_leads_to_another_key_by_now_has_the_later_one() {
    let (_dir, store) = store();
    store.record_recipes(&(0..600).map(entry).collect::<Vec<_>>()).unwrap();
    let changed = RecipeEntry { key: key(7), ..entry(3) };
    store.record_recipes(std::slice::from_ref(&changed)).unwrap();
    for store in [&store, &Store::open(store.root()).unwrap()] {
        assert_eq!(store.recipe_key(&changed.recipe), Some(key(7)));
    }
}

#[test]
fn recipes_of_other_processes_are_seen_after_a_refresh() {
    let (_dir, store) = store();
    let other = Store::open(store.root()).unwrap();
    other.record_recipes(&[entry(1)]).unwrap();
    assert_eq!(store.recipe_key(&entry(1).recipe), None);
    store.refresh_recipes().unwrap();
    assert_eq!(store.recipe_key(&entry(1).recipe), Some(entry(1).key));
    store.record_recipes(&[entry(2)]).unwrap();
    other.refresh_recipes().unwrap();
    assert_eq!(other.recipe_keys().len(), 2);
}

#[test]
fn a_torn_recipe_log_loses_only_its_tail() {
    let (_dir, store) = store();
    store.record_recipes(&(0..10).map(entry).collect::<Vec<_>>()).unwrap();
    let path = store.root().join("recipes/log");
    let whole = std::fs::read(&path).unwrap();
    let last = RECORD_BYTES_OF_ENTRY_9;
    for cut in 1..=last {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let store = Store::open(store.root()).unwrap();
        assert_eq!(store.recipe_keys().len(), 9, "{cut} bytes cut");
        store.record_recipes(&[entry(77)]).unwrap();
        let reopened = Store::open(store.root()).unwrap();
        assert_eq!(reopened.recipe_keys().len(), 10);
        assert_eq!(reopened.recipe_key(&entry(77).recipe), Some(entry(77).key));
    }
}

/// Length 4, its complement 4, id 32, key 32, `recipe 9`, check 8.
const RECORD_BYTES_OF_ENTRY_9: usize = 4 + 4 + 32 + 32 + 8 + 8;

#[test]
fn a_damaged_recipe_index_is_read_from_the_log_and_found_by_fsck() {
    let (_dir, store) = store();
    store.record_recipes(&(0..600).map(entry).collect::<Vec<_>>()).unwrap();
    let index = store.root().join("recipes/index");
    let mut bytes = std::fs::read(&index).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&index, bytes).unwrap();
    let store = Store::open(store.root()).unwrap();
    assert_eq!(store.recipe_keys().len(), 600);
    assert_eq!(store.recipe_key(&entry(5).recipe), Some(entry(5).key));
    assert!(matches!(store.fsck().unwrap().findings[..], [Finding::DamagedRecipes { .. }]));
    assert!(store.fsck().unwrap().is_clean());
    assert_eq!(Store::open(store.root()).unwrap().recipe_keys().len(), 600);
}

/// Found by fuzzing: an append would have cut the log there.
#[test]
fn an_index_that_claims_to_end_within_a_record_costs_nothing() {
    for covered in [0, 31, 33, 40, u64::MAX] {
        let (_dir, store) = store();
        store.record_recipes(&(0..3).map(entry).collect::<Vec<_>>()).unwrap();
        let log = std::fs::read(store.root().join("recipes/log")).unwrap();
        // Magic, the generation of the log, the bytes that are covered, no records, and a checksum that is right.
        let mut index = [&b"ibid-recindex/1\n"[..], &log[16..24], &covered.to_le_bytes()].concat();
        index.extend(BlobDigest::of(&index).as_bytes());
        std::fs::write(store.root().join("recipes/index"), index).unwrap();
        let store = Store::open(store.root()).unwrap();
        store.record_recipes(&[entry(3)]).unwrap();
        let store = Store::open(store.root()).unwrap();
        for number in 0..4 {
            assert_eq!(
                store.recipe_key(&entry(number).recipe),
                Some(entry(number).key),
                "{covered}"
            );
        }
        assert!(std::fs::read(store.root().join("recipes/log")).unwrap().starts_with(&log));
    }
}

fn tree(store: &Store, names: &[&str]) -> TreeDigest {
    let file = |name: &&str| ManifestFile {
        name: (*name).to_owned(),
        sha256: store.put(name.as_bytes(), Relaxed).unwrap(),
        bytes: name.len() as u64,
        samples: 1,
        skipped: Vec::new(),
    };
    let manifest = Manifest::new(names.iter().map(file).collect());
    store.put(&manifest.canonical_bytes(), Relaxed).unwrap();
    manifest.digest()
}

#[test]
fn a_tree_appears_as_a_folder_with_its_manifest() {
    let (dir, store) = store();
    let digest = tree(&store, &["0.tar", "1.tar"]);
    let target = dir.path().join("dataset");
    store.materialise_tree(&digest, &target).unwrap();
    assert_eq!(std::fs::read(target.join("1.tar")).unwrap(), b"1.tar");
    let manifest = Manifest::decode(&std::fs::read(target.join(MANIFEST)).unwrap()).unwrap();
    assert_eq!(manifest.digest(), digest);
    let mode = target.join("0.tar").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0);
}

#[test]
fn a_hostile_manifest_cannot_write_outside_its_folder() {
    let (dir, store) = store();
    for name in ["../escaped", "/etc/x", "a/b", "", ".", "..", MANIFEST, "a\0b", "a/"] {
        let digest = tree(&store, &[name]);
        let error = store.materialise_tree(&digest, &dir.path().join("tree")).unwrap_err();
        assert!(matches!(error, StoreError::BadName { .. }), "{name:?}: {error}");
    }
    let twice = tree(&store, &["a", "a"]);
    assert!(store.materialise_tree(&twice, &dir.path().join("tree")).is_err());
    assert!(!dir.path().join("escaped").exists());
}

/// A recipe with one pinned blob, its key and result; the blobs of input and output.
pub(super) fn executed(store: &Store, name: &str) -> (RecipeId, ActionKey, BlobDigest, BlobDigest) {
    let pinned = store.put(format!("input of {name}").as_bytes(), Relaxed).unwrap();
    let params = Params::Collect(Collect { columns: vec![name.to_owned()], rows: Vec::new() });
    let inputs = BTreeMap::from([("pinned".to_owned(), Input::Blob(pinned))]);
    let action = Action::new(params, inputs);
    let key = action.resolve(|_, _| None).unwrap().key();
    let result = result_of(store, &[("out", &format!("output of {name}"))]);
    store.record_result(&key, &result, Relaxed).unwrap();
    let (recipe, canonical) = (action.recipe_id(), action.canonical_bytes());
    store.record_recipes(&[RecipeEntry { recipe, key, canonical }]).unwrap();
    (recipe, key, pinned, result.outputs["out"].digest)
}

#[test]
fn a_collection_keeps_what_roots_and_live_leases_reach() {
    let (_dir, store) = store();
    let [rooted, leased, lost] = ["rooted", "leased", "lost"].map(|name| executed(&store, name));
    let roots = Roots { recipes: BTreeSet::from([rooted.0]), ..Roots::default() };
    let lease = Roots { recipes: BTreeSet::from([leased.0]), ..Roots::default() };
    let lease = Store::open(store.root()).unwrap().lease(&lease).unwrap();
    let now = File::open(store.blob_path(&lost.2)).unwrap().metadata().unwrap().modified().unwrap();
    let collect = |now: SystemTime, dry_run| {
        store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run }).unwrap()
    };
    // Within a day nothing goes; nor does it when the clock was set back.
    assert_eq!(collect(now + DAY / 2, false).removed_blobs, 0);
    assert_eq!(collect(now - 2 * DAY, false).removed_blobs, 0);

    let later = now + 2 * DAY;
    let counted = collect(later, true);
    assert!(store.blob_size(&lost.3).is_some(), "a dry run removes nothing");
    let report = collect(later, false);
    assert_eq!(report, counted);
    assert_eq!((report.removed_blobs, report.removed_results, report.kept_blobs), (2, 1, 4));
    for (recipe, key, input, output) in [rooted, leased] {
        assert_eq!(store.recipe_key(&recipe), Some(key));
        assert!(store.complete_recipe(&recipe).unwrap().is_some());
        assert!(store.blob_size(&input).is_some() && store.blob_size(&output).is_some());
    }
    assert_eq!(store.recipe_key(&lost.0), None);
    assert_eq!(store.blob_size(&lost.2), None);
    assert_eq!(store.result(&lost.1).unwrap(), None);

    drop(lease);
    assert_eq!(collect(later, false).removed_blobs, 2);
    assert!(store.fsck().unwrap().is_clean());
    assert_eq!(Store::open(store.root()).unwrap().recipe_keys().len(), 1);
}

#[test]
fn a_collection_keeps_both_sides_of_a_conflict() {
    let (_dir, store) = store();
    let (first, second) =
        (result_of(&store, &[("out", "one")]), result_of(&store, &[("out", "two")]));
    store.record_result(&key(1), &first, Relaxed).unwrap();
    store.record_result(&key(1), &second, Relaxed).unwrap_err();
    let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
    let roots = Roots { blobs: digests(&first), ..Roots::default() };
    store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run: false }).unwrap();
    for result in [first, second] {
        assert!(store.has_outputs(&result));
    }
}

fn digests(result: &ActionResult) -> BTreeSet<BlobDigest> {
    result.outputs.values().map(|output| output.digest).collect()
}

#[test]
fn a_collection_removes_leftovers_but_not_what_is_under_way() {
    let (_dir, store) = store();
    let (held, stale) = (key(1), key(2));
    for key in [held, stale] {
        store.new_work_dir(&key).unwrap();
        fs::create_dir(&store.scratch_dir(&key)).unwrap();
        std::fs::write(store.scratch_dir(&key).join("resume"), "state").unwrap();
    }
    std::fs::write(store.root().join("tmp/.1-2.tmp"), "half").unwrap();
    let _lock = fs::Lock::exclusive(&store.lock_path(&held)).unwrap();
    let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
    let roots = Roots::default();
    store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run: false }).unwrap();
    assert!(store.scratch_dir(&held).join("resume").exists());
    assert!(store.root().join("work").join(held.to_string()).exists());
    assert!(!store.scratch_dir(&stale).exists());
    assert!(!store.root().join("work").join(stale.to_string()).exists());
    assert!(fs::entries(&store.root().join("tmp")).unwrap().is_empty());
}

#[test]
fn a_collection_removes_what_was_fetched_and_is_not_used_any_more() {
    let (_dir, store) = store();
    let copies = store.root().join("git");
    let downloads = store.root().join("downloads");
    for copy in ["aaaa", "bbbb"] {
        fs::create_dir(&copies.join(copy).join("objects")).unwrap();
        std::fs::write(copies.join(copy).join("objects/pack"), "objects").unwrap();
        std::fs::write(copies.join(copy).with_extension("lock"), "").unwrap();
    }
    fs::create_dir(&downloads).unwrap();
    for file in ["cccc.partial", "cccc.lock", "dddd.partial"] {
        std::fs::write(downloads.join(file), "half").unwrap();
    }
    let _fetches = fs::Lock::exclusive(&downloads.join("dddd.lock")).unwrap();
    let used = SystemTime::now();
    let collect = |now, dry_run| {
        let roots = Roots::default();
        store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run }).unwrap()
    };
    assert_eq!(collect(used + DAY / 2, false).removed_leftovers, 0);
    assert!(collect(used + 2 * DAY, true).removed_leftovers > 0);
    assert!(copies.join("aaaa/objects/pack").exists(), "counted only");
    // As if they had been used last two days ago, and one of them again today.
    for copy in ["aaaa", "bbbb"] {
        let folder = std::fs::File::open(copies.join(copy)).unwrap();
        folder.set_modified(used - 2 * DAY).unwrap();
    }
    fs::mark_used(&copies.join("bbbb"));
    let modified = |copy| copies.join(copy).metadata().unwrap().modified().unwrap();
    assert!(modified("bbbb") > modified("aaaa") + DAY);
    collect(used + 2 * DAY, false);
    assert_eq!(fs::entries(&copies).unwrap(), [] as [std::path::PathBuf; 0]);
    assert_eq!(
        fs::entries(&downloads).unwrap(),
        ["dddd.lock", "dddd.partial"].map(|file| downloads.join(file))
    );
}

#[test]
fn a_copy_that_somebody_reads_is_not_collected_however_old() {
    let (_dir, store) = store();
    let copy = store.root().join("git/aaaa");
    fs::create_dir(&copy).unwrap();
    let reads = fs::Lock::shared(&copy.join("users")).unwrap();
    let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
    let collect = || {
        let roots = Roots::default();
        store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run: false }).unwrap()
    };
    collect();
    assert!(copy.is_dir());
    drop(reads);
    collect();
    assert!(!copy.exists());
}

#[test]
fn a_dry_run_makes_no_file() {
    let (_dir, store) = store();
    for folder in ["scratch", "git", "downloads"] {
        fs::create_dir(&store.root().join(folder).join("aaaa")).unwrap();
    }
    let roots = Roots::default();
    let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
    let options = GcOptions { now, keep_within: DAY, roots: &roots, dry_run: true };
    assert_eq!(store.gc(&options).unwrap().removed_leftovers, 3);
    assert_eq!(
        fs::entries(&store.root().join("locks")).unwrap(),
        [store.root().join("locks/gc")],
        "nobody holds a lock that is not there"
    );
    for folder in ["git", "downloads"] {
        assert_eq!(fs::entries(&store.root().join(folder)).unwrap().len(), 1, "{folder}");
    }
}

#[test]
fn a_collection_is_alone_before_its_roots_are_gathered() {
    let (_dir, store) = store();
    let (recipe, ..) = executed(&store, "leased");
    let collection = store.begin_gc().unwrap();
    let roots = Roots { recipes: BTreeSet::from([recipe]), ..Roots::default() };
    assert!(fs::Lock::is_held(&store.root().join("locks/gc")).unwrap());
    let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
    let options = GcOptions { now, keep_within: DAY, roots: &roots, dry_run: false };
    assert_eq!(collection.remove(&options).unwrap().removed_blobs, 0);
    let _lease = store.lease(&roots).unwrap();
}

#[test]
fn workspaces_and_lockfiles_are_remembered_while_they_exist() {
    let (dir, store) = store();
    let [lockfile, gone] = ["x.lock", "gone.lock"].map(|name| dir.path().join(name));
    std::fs::write(&lockfile, "ibid-lock/1\n").unwrap();
    store.register(&lockfile).unwrap();
    store.register(&gone).unwrap();
    assert_eq!(store.lockfiles().unwrap(), [lockfile]);
    let workspace = dir.path().join("workspace");
    std::fs::create_dir(&workspace).unwrap();
    store.register(&workspace).unwrap();
    store.register(&workspace).unwrap();
    store.register(&dir.path().join("absent")).unwrap();
    assert_eq!(store.workspaces().unwrap(), [workspace]);
    // A lockfile that somebody removed keeps nothing; of a workspace that is not there it is not known.
    let absent = dir.path().join("absent");
    assert_eq!(store.missing().unwrap(), std::slice::from_ref(&absent));
    store.forget(&absent).unwrap();
    assert!(store.missing().unwrap().is_empty());
    // Nor of one that cannot be looked at: here its folder is a file, elsewhere nobody may enter it.
    store.register(&dir.path().join("x.lock/workspace")).unwrap();
    assert!(matches!(store.missing(), Err(StoreError::Fs(_))));
}

#[test]
fn attestations_say_who_and_where_and_change_no_digest() {
    let (dir, store) = store();
    let result = result_of(&store, &[("out", "text")]);
    store.record_result(&key(1), &result, Relaxed).unwrap();
    let recorded = std::fs::read(store.result_path(&key(1))).unwrap();
    for (host, started_unix_ms) in [("one", 2), ("two", 1)] {
        let log = dir.path().join("log");
        std::fs::write(&log, host).unwrap();
        let attestation = Attestation {
            key: key(1),
            recipe: entry(1).recipe,
            label: "figure".to_owned(),
            result: Some(result.clone()),
            maker: Maker { host: host.to_owned(), ..Maker::default() },
            started_unix_ms,
            wall_time_ms: 5,
            threads: 1,
        };
        let attested = store.attest(&attestation, &log).unwrap();
        assert_eq!(std::fs::read(attested.log).unwrap(), host.as_bytes());
    }
    let hosts: Vec<_> =
        store.attestations(&key(1)).unwrap().into_iter().map(|a| a.maker.host).collect();
    assert_eq!(hosts, ["two", "one"]);
    assert_eq!(std::fs::read(store.result_path(&key(1))).unwrap(), recorded);
}

#[test]
fn what_is_known_of_failed_actions_is_collected_once_it_is_old() {
    let (dir, store) = store();
    let (recipe, kept, ..) = executed(&store, "kept");
    let (failed, fails) = (key(3), key(4));
    for (key, result) in [(kept, store.result(&kept).unwrap()), (failed, None), (fails, None)] {
        let log = dir.path().join("log");
        std::fs::write(&log, "what the job said").unwrap();
        let attestation = Attestation {
            key,
            recipe,
            label: "figure".to_owned(),
            result,
            maker: Maker::default(),
            started_unix_ms: 1,
            wall_time_ms: 5,
            threads: 1,
        };
        store.attest(&attestation, &log).unwrap();
        // As whoever executes it does.
        drop(fs::Lock::exclusive(&store.lock_path(&key)).unwrap());
    }
    let _executes = fs::Lock::exclusive(&store.lock_path(&fails)).unwrap();
    let now = SystemTime::now();
    let roots = Roots { recipes: BTreeSet::from([recipe]), ..Roots::default() };
    let collect = |now, dry_run| {
        store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run }).unwrap()
    };
    let attested = |key: &ActionKey| store.attestations(key).unwrap().len();
    collect(now + DAY / 2, false);
    assert_eq!([kept, failed, fails].each_ref().map(attested), [1, 1, 1]);
    let counted = collect(now + 2 * DAY, true);
    assert_eq!(attested(&failed), 1, "a dry run removes nothing");
    assert_eq!(collect(now + 2 * DAY, false), counted);
    assert_eq!([kept, failed, fails].each_ref().map(attested), [1, 0, 1]);
    assert!(!store.attestation_dir(&failed).exists());
}

#[test]
fn usage_counts_what_is_there() {
    let (_dir, store) = store();
    executed(&store, "a");
    let usage = store.usage().unwrap();
    let bytes = ("input of a".len() + "output of a".len()) as u64;
    assert_eq!((usage.blobs, usage.blob_bytes), (2, bytes));
    assert_eq!((usage.results, usage.recipes, usage.quarantined), (1, 1, 0));
}
