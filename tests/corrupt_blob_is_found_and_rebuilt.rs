//! A flipped bit in the store: found by `fsck`, never served, made again.

use std::fs;

use crate::support::{SMOKE, Workspace, flip};

#[test]
fn fsck_finds_a_flipped_bit_and_the_next_run_mends_it() {
    let workspace = Workspace::with_smoke();
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    flip(&workspace.blob_of("figure.svg"), 1_000);
    let found = workspace.run(&["store", "fsck"]);
    assert_eq!(found.code, Some(4), "{}", found.stdout);
    let mended = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(mended.verdict("executed"), 1, "{}", mended.stdout);
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
}

#[test]
fn a_flipped_output_is_never_handed_out() {
    let workspace = Workspace::with_smoke();
    let figure = workspace.path("out/pictogram-scaling-laws/smoke/figure.svg");
    let before = fs::read(&figure).unwrap();
    flip(&workspace.blob_of("figure.svg"), 1_000);
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(ran.verdict("executed"), 1, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(fs::read(&figure).unwrap(), before);
}

#[test]
fn a_blob_is_printed_only_if_it_has_its_digest() {
    let workspace = Workspace::with_smoke();
    let blob = workspace.blob_of("points.csv");
    let digest = ibid::digest::BlobDigest::of(&fs::read(&blob).unwrap()).to_string();
    let printed = workspace.ok(&["store", "cat", &digest]).stdout;
    assert!(printed.starts_with("run,model"), "{printed}");
    flip(&blob, 1_000);
    let refused = workspace.run(&["store", "cat", &digest]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(4), ""), "{}", refused.stderr);
}

#[test]
fn a_damaged_measurement_is_made_again_without_a_training() {
    let workspace = Workspace::with_smoke();
    let folder = workspace.path("out/pictogram-scaling-laws/smoke/evaluations");
    let files = || -> Vec<_> {
        let mut files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
    };
    let before = files();
    assert_eq!(before.len(), 2);
    let history = workspace.ok(&["history", SMOKE, "--json"]).stdout;
    let evaluation = history.lines().find(|line| line.contains("evaluate/icon143")).unwrap();
    let evaluation: serde_json::Value = serde_json::from_str(evaluation).unwrap();
    let key = evaluation["key"].as_str().unwrap();
    let store = ibid::store::Store::open(&workspace.path(".ibid")).unwrap();
    let result = store.result(&key.parse().unwrap()).unwrap().unwrap();
    let digest = result.outputs["metrics.json"].digest;
    // In place, which is seen when it is read; moved aside by a check; and with the record of the result gone.
    for what in ["changed", "checked", "forgotten"] {
        if what == "forgotten" {
            fs::remove_file(workspace.path(".ibid/actions").join(&key[..2]).join(&key[2..]))
                .unwrap();
        } else {
            let blob = store.blob_path(&digest);
            let mut bytes = fs::read(&blob).unwrap();
            bytes[3] ^= 1;
            fs::remove_file(&blob).unwrap();
            fs::write(&blob, bytes).unwrap();
        }
        if what == "checked" {
            assert_eq!(workspace.run(&["store", "fsck"]).code, Some(4));
        }
        fs::remove_dir_all(&folder).unwrap();
        let ran = workspace.ok(&["reproduce", SMOKE]);
        assert_eq!(ran.verdict("executed"), 1, "{what}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(files(), before, "{what}");
        assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 0);
    }
    // What is pinned for it is not fetched or built: without that, it is not made.
    let blob = store.blob_path(&digest);
    fs::remove_file(blob).unwrap();
    let classes =
        "70d89532a7f3c77dc4f3d819ea6d481e820a85b9e145ffbce76fc225682a60bb".parse().unwrap();
    fs::remove_file(store.blob_path(&classes)).unwrap();
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(ran.verdict("executed"), 0, "{}", ran.stdout);
    assert!(ran.stderr.contains("not written: 1 of the evaluations"), "{}", ran.stderr);
    // Nor without the training's result; of the other, nobody knows whose weights it measured.
    let train: serde_json::Value = serde_json::from_str(history.lines().next().unwrap()).unwrap();
    let key = train["key"].as_str().unwrap();
    fs::remove_file(workspace.path(".ibid/actions").join(&key[..2]).join(&key[2..])).unwrap();
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(ran.verdict("executed"), 0, "{}", ran.stdout);
    assert!(
        ran.stderr
            .contains("not written: 2 of the evaluations, such as smoke-xs-2k/evaluate/icon143"),
        "{}",
        ran.stderr
    );
}
