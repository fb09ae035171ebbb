//! A flipped bit in any file, and records that somebody forged with checksums of their own: found, and never believed.

#![allow(clippy::disallowed_methods, reason = "half a file of a test's own folder harms nobody")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::tests::{DAY, entry, executed, flip_bit, key, result_of, store};
use super::*;
use crate::action::params::Collect;
use crate::action::{Action, Input, Params};
use crate::digest::RecipeId;
use crate::fs::Durability::Relaxed;

fn attest(store: &Store, key: ActionKey, result: &crate::action::ActionResult) -> Attested {
    let log = store.root().join("tmp/log");
    std::fs::write(&log, "what the job said").unwrap();
    let attestation = Attestation {
        key,
        recipe: entry(1).recipe,
        label: "figure".to_owned(),
        result: Some(result.clone()),
        maker: Maker::default(),
        started_unix_ms: 1,
        wall_time_ms: 5,
        threads: 1,
    };
    store.attest(&attestation, &log).unwrap()
}

/// Every file below a folder, in order.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in fs::entries(dir).unwrap() {
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.metadata().unwrap().len() > 0 {
            files.push(path);
        }
    }
    files
}

fn flip(path: &Path, bit: usize) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    std::fs::write(path, bytes).unwrap();
}

/// A store with a file of every kind that is checked.
pub(super) fn furnished() -> (tempfile::TempDir, Store) {
    let (dir, store) = store();
    for name in ["a", "b"] {
        let (_, key, _, _) = executed(&store, name);
        attest(&store, key, &store.result(&key).unwrap().unwrap());
    }
    store.register(dir.path()).unwrap();
    (dir, store)
}

#[test]
fn every_flipped_bit_of_every_file_is_found() {
    let (_dir, store) = furnished();
    let root = store.root().to_owned();
    drop(store);
    let files = files(&root);
    let kinds = ["layout", "cas", "actions", "attestations", "recipes", "workspaces"];
    for kind in kinds {
        assert!(files.iter().any(|path| path.starts_with(root.join(kind))), "no file of {kind}");
    }
    for path in files {
        let whole = std::fs::read(&path).unwrap();
        // Every bit of a short file; of a long one some in every part.
        let bits = 8 * whole.len();
        for bit in (0..bits).step_by((bits / 120).max(1)) {
            flip(&path, bit);
            let found = match Store::open_for_check(&root) {
                Ok((store, found)) => !found.is_empty() || !store.fsck().unwrap().is_clean(),
                // The marker of a layout that does not exist, or not yet.
                Err(StoreError::UnknownLayout { .. }) => true,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            assert!(found, "bit {bit} of {}", path.display());
            // Moved aside, rewritten or left alone: put back for the next bit.
            drop(std::fs::remove_file(&path));
            std::fs::write(&path, &whole).unwrap();
        }
    }
    let store = Store::open(&root).unwrap();
    assert!(store.fsck().unwrap().is_clean());
    assert_eq!(store.recipe_keys().len(), 2);
}

#[test]
fn a_result_that_contradicts_its_attestation_is_forged() {
    let (_dir, store) = store();
    let (honest, forged) =
        (result_of(&store, &[("out", "true")]), result_of(&store, &[("out", "false")]));
    attest(&store, key(1), &honest);
    // The forger knows how a checksum is made.
    store.record_result(&key(1), &forged, Relaxed).unwrap();
    let report = store.fsck().unwrap();
    assert!(
        matches!(&report.findings[..], [Finding::ForgedResult { key: k, .. }] if *k == key(1)),
        "{report:?}"
    );
    assert_eq!(store.result(&key(1)).unwrap(), None, "it is made again");
    store.record_result(&key(1), &honest, Relaxed).unwrap();
    assert!(store.fsck().unwrap().is_clean());
}

#[test]
fn a_recipe_that_is_led_to_another_action_is_dropped() {
    let (_dir, store) = store();
    let (upstream, ..) = executed(&store, "upstream");
    let (_, stranger, ..) = executed(&store, "stranger");
    let params = Params::Collect(Collect { columns: vec!["c".to_owned()], rows: Vec::new() });
    let input = Input::Output { recipe: upstream, output: "out".to_owned() };
    let action = Action::new(params, BTreeMap::from([("table".to_owned(), input)]));
    let astray = RecipeEntry {
        recipe: action.recipe_id(),
        key: stranger,
        canonical: action.canonical_bytes(),
    };
    store.record_recipes(std::slice::from_ref(&astray)).unwrap();
    let report = store.fsck().unwrap();
    let [Finding::AstrayRecipe { recipe, recorded, .. }] = report.findings[..] else {
        panic!("{report:?}");
    };
    assert_eq!((recipe, recorded), (astray.recipe, stranger));
    assert_eq!(store.recipe_key(&astray.recipe), None);
    assert_eq!(store.recipe_keys().len(), 2);
    assert!(store.fsck().unwrap().is_clean());
}

#[test]
fn a_record_under_another_recipe_id_is_forged() {
    let (_dir, store) = store();
    let forged = RecipeEntry { recipe: RecipeId::from_bytes([9; 32]), ..entry(1) };
    store.record_recipes(&[forged, entry(2)]).unwrap();
    let report = store.fsck().unwrap();
    assert!(matches!(report.findings[..], [Finding::DamagedRecipes { .. }]), "{report:?}");
    assert!(store.recipe_keys().into_keys().eq([entry(2).recipe]));
}

/// The index leads a recipe, whose record was taken out of the log, to another's key, with a checksum that is right.
#[test]
fn an_index_that_says_what_the_log_does_not_is_not_believed() {
    let (_dir, store) = store();
    store.record_recipes(&(0..2).map(entry).collect::<Vec<_>>()).unwrap();
    let (log, index) = (store.root().join("recipes/log"), store.root().join("recipes/index"));
    let whole = std::fs::read(&log).unwrap();
    // Length 4, its complement 4, id 32, key 32, `recipe 0`, check 8.
    let (head, record) = (32, 4 + 4 + 32 + 32 + 8 + 8);
    assert_eq!(whole.len(), head + 2 * record);
    let cut = [&whole[..head], &whole[head + record..]].concat();
    let covered = cut.len() as u64;
    for offset in [covered, u64::MAX, head as u64, head as u64 + 1] {
        std::fs::write(&log, &cut).unwrap();
        let mut forged =
            [&b"ibid-recindex/1\n"[..], &whole[16..24], &covered.to_le_bytes()].concat();
        let mut records = [(entry(0).recipe, offset), (entry(1).recipe, head as u64)];
        records.sort();
        for (recipe, offset) in records {
            forged.extend(recipe.as_bytes());
            forged.extend(entry(1).key.as_bytes());
            forged.extend(offset.to_le_bytes());
        }
        forged.extend(BlobDigest::of(&forged).as_bytes());
        std::fs::write(&index, forged).unwrap();
        let store = Store::open(store.root()).unwrap();
        assert_eq!(store.recipe_key(&entry(0).recipe), None, "offset {offset}");
        assert_eq!(store.recipe_key(&entry(1).recipe), Some(entry(1).key));
        let report = store.fsck().unwrap();
        assert!(matches!(report.findings[..], [Finding::DamagedRecipes { .. }]), "{report:?}");
        assert!(store.recipe_keys().into_keys().eq([entry(1).recipe]));
        assert!(store.fsck().unwrap().is_clean());
    }
}

#[test]
fn a_damaged_record_of_the_log_costs_no_other() {
    let (_dir, store) = store();
    store.record_recipes(&(0..10).map(entry).collect::<Vec<_>>()).unwrap();
    let path = store.root().join("recipes/log");
    let middle = std::fs::metadata(&path).unwrap().len() / 2;
    flip(&path, usize::try_from(middle * 8).unwrap());
    assert_eq!(Store::open(store.root()).unwrap().recipe_keys().len(), 9);
    assert_eq!(store.fsck().unwrap().findings.len(), 1);
    assert_eq!(store.recipe_keys().len(), 9);
}

#[test]
fn what_a_killed_writer_leaves_is_no_damage() {
    let (_dir, store) = store();
    store.record_recipes(&(0..600).map(entry).collect::<Vec<_>>()).unwrap();
    let (log, index) = (store.root().join("recipes/log"), store.root().join("recipes/index"));
    let whole = std::fs::read(&log).unwrap();
    for cut in 1..80 {
        std::fs::write(&log, &whole[..whole.len() - cut]).unwrap();
        let store = Store::open(store.root()).unwrap();
        assert!(store.fsck().unwrap().is_clean(), "{cut} bytes cut");
        // The index covers more than the log has: it must not be believed once the log has grown again.
        store.record_recipes(&[entry(601), entry(602)]).unwrap();
        let reopened = Store::open(store.root()).unwrap();
        assert_eq!(reopened.recipe_keys().len(), 601);
        assert!(reopened.fsck().unwrap().is_clean(), "{cut} bytes cut, then appended");
    }
    // Killed between the new log and its index.
    std::fs::write(&log, &whole).unwrap();
    let store = Store::open(store.root()).unwrap();
    store.record_recipes(&(700..1_400).map(entry).collect::<Vec<_>>()).unwrap();
    let old = std::fs::read(&index).unwrap();
    let recipes = BTreeSet::from([entry(5).recipe]);
    store.drop_recipes(&recipes).unwrap();
    std::fs::write(&index, old).unwrap();
    let store = Store::open(store.root()).unwrap();
    assert_eq!(store.recipe_key(&entry(5).recipe), None);
    assert_eq!(store.recipe_key(&entry(6).recipe), Some(entry(6).key));
    assert!(store.fsck().unwrap().is_clean());
}

#[test]
fn a_log_whose_head_was_damaged_and_begun_anew_is_followed_by_everybody() {
    let (_dir, store) = store();
    store.record_recipes(&[entry(1), entry(2)]).unwrap();
    let path = store.root().join("recipes/log");
    flip(&path, 3);
    let other = Store::open(store.root()).unwrap();
    other.record_recipes(&[entry(3)]).unwrap();
    store.record_recipes(&[entry(4)]).unwrap();
    let keys = Store::open(store.root()).unwrap().recipe_keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(store.fsck().unwrap().is_clean());
}

#[test]
fn nothing_is_collected_while_it_is_not_known_who_needs_what() {
    let (dir, store) = furnished();
    let roots = Roots::default();
    let gc = || {
        let now = SystemTime::UNIX_EPOCH + 100_000 * DAY;
        store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run: false })
    };
    let lease = store.lease(&roots).unwrap();
    let path = fs::entries(&store.root().join("leases")).unwrap().pop().unwrap();
    flip_bit(&path);
    assert!(matches!(gc(), Err(StoreError::DamagedRoots { .. })));
    let report = store.fsck().unwrap();
    assert!(matches!(&report.findings[..], [Finding::DamagedLease { .. }]), "{report:?}");
    drop(lease);
    assert!(store.fsck().unwrap().is_clean());

    let mark = fs::entries(&store.root().join("workspaces")).unwrap().pop().unwrap();
    flip_bit(&mark);
    assert!(matches!(store.workspaces(), Err(StoreError::DamagedRoots { .. })));
    // The workspace itself makes itself known again.
    store.register(dir.path()).unwrap();
    assert_eq!(store.workspaces().unwrap(), [dir.path()]);
    flip_bit(&mark);
    assert!(matches!(store.fsck().unwrap().findings[..], [Finding::DamagedRecord { .. }]));
    assert!(store.workspaces().unwrap().is_empty());
    assert!(gc().unwrap().removed_blobs > 0);
}

#[test]
fn a_marker_that_is_no_version_is_damage_and_one_that_is_another_is_refused() {
    let (_dir, store) = store();
    let layout = store.root().join("layout");
    for (marker, damaged) in [
        ("ibid-store/0\n", false),
        ("ibid-store/22\n", false),
        ("ibid-store/1", true),
        ("ibid-stora/1\n", true),
        ("ibid-store/!\n", true),
        ("", true),
    ] {
        std::fs::write(&layout, marker).unwrap();
        let error = Store::open(store.root()).unwrap_err();
        assert_eq!(matches!(error, StoreError::DamagedLayout { .. }), damaged, "{marker:?}");
        assert_eq!(error.is_integrity(), damaged, "{marker:?}");
        assert_eq!(Store::open_for_check(store.root()).is_ok(), damaged, "{marker:?}");
    }
    std::fs::write(&layout, "ibid-stora/1\n").unwrap();
    let (_, found) = Store::open_for_check(store.root()).unwrap();
    assert!(matches!(found[..], [Finding::DamagedLayout { .. }]));
    assert!(Store::open(store.root()).is_ok());
}
