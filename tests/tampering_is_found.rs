//! A bit flipped anywhere, a forged result, a swapped blob, an edited lockfile: found, never served, made again.

use std::fs;

use crate::support::{Chance, SMOKE, Workspace, flip, forge};

const LOCKFILE: &str = "lockfiles/pictogram-scaling-laws.lock";
const EXPORTED: [&str; 3] = ["figure.svg", "points.csv", "fits.json"];

fn exported(workspace: &Workspace) -> Vec<Vec<u8>> {
    let folder = workspace.path("out/pictogram-scaling-laws/smoke");
    EXPORTED.iter().map(|file| fs::read(folder.join(file)).unwrap()).collect()
}

/// Whether a run hands out the right bytes and exits 0.
fn serves_the_truth(workspace: &Workspace, truth: &[Vec<u8>], what: &str) {
    drop(fs::remove_dir_all(workspace.path("out")));
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(0), "{what}: {}{}", ran.stdout, ran.stderr);
    assert_eq!(exported(workspace), truth, "{what}");
}

#[test]
fn a_bit_flipped_in_any_file_of_the_store_is_found_and_never_served() {
    let workspace = Workspace::with_smoke();
    // The copy's own evaluation and mark are there from here on.
    workspace.ok(&["reproduce", SMOKE]);
    let truth = exported(&workspace);
    let mut chance = Chance(5);
    let files = workspace.store_files();
    let kinds = [
        "cas",
        "actions",
        "attestations",
        "recipes",
        "workspaces",
        "evaluations",
        "renderings",
        "layout",
    ];
    for kind in kinds {
        let folder = format!(".ibid/{kind}");
        assert!(files.iter().any(|file| file.starts_with(&folder)), "no file of {kind}");
    }
    for (number, file) in files.iter().enumerate() {
        let path = workspace.path(file);
        let Ok(whole) = fs::read(&path) else { continue };
        let bit = chance.below(8 * whole.len() as u64);
        flip(&path, bit);
        let what = format!("bit {bit} of {file}");
        if file.ends_with("layout") {
            let ran = workspace.run(&["reproduce", SMOKE]);
            assert!(matches!(ran.code, Some(3 | 4)), "{what}: {}", ran.stderr);
            assert!(ran.stderr.contains("store"), "{what}: {}", ran.stderr);
        } else if number % 4 == 0 {
            // Whoever reads it first finds it, also without a check.
            serves_the_truth(&workspace, &truth, &what);
            // What nobody read is still there, and not to be taken for the next one.
            workspace.run(&["store", "fsck"]);
            continue;
        }
        let checked = workspace.run(&["store", "fsck"]);
        let refused = file.ends_with("layout") && checked.code == Some(3);
        assert!(refused || checked.code == Some(4), "{what}: {}{}", checked.stdout, checked.stderr);
        if refused {
            fs::write(&path, whole).unwrap();
        }
        if number % 4 == 1 {
            serves_the_truth(&workspace, &truth, &what);
        }
    }
    workspace.run(&["store", "fsck"]);
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    serves_the_truth(&workspace, &truth, "in the end");
    assert_eq!(workspace.ok(&["lock", SMOKE, "--check"]).code, Some(0));
}

#[test]
fn two_blobs_that_changed_places_are_found() {
    let workspace = Workspace::with_smoke();
    let truth = exported(&workspace);
    let (a, b) = (workspace.blob_of("figure.svg"), workspace.blob_of("points.csv"));
    let spare = workspace.path("spare");
    fs::rename(&a, &spare).unwrap();
    fs::rename(&b, &a).unwrap();
    fs::rename(&spare, &b).unwrap();
    let checked = workspace.run(&["store", "fsck"]);
    assert_eq!(checked.code, Some(4));
    assert_eq!(checked.stdout.matches("has digest").count(), 2, "{}", checked.stdout);
    serves_the_truth(&workspace, &truth, "swapped");
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
}

#[test]
fn a_forged_result_differs_from_the_lockfile_and_from_its_attestation() {
    let workspace = Workspace::with_smoke();
    let truth = exported(&workspace);
    let forged = String::from_utf8(truth[0].clone()).unwrap().replacen("</svg>", "<g/></svg>", 1);
    forge(&workspace, "figure.svg", forged.as_bytes());
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("differs  smoke/draw figure.svg"), "{}", ran.stdout);
    let checked = workspace.run(&["store", "fsck"]);
    assert_eq!(checked.code, Some(4));
    assert!(checked.stdout.contains("attested"), "{}", checked.stdout);
    serves_the_truth(&workspace, &truth, "after the check");
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
}

/// A remembered evaluation with a checksum of its own: `plan` believes it, and who judges evaluates anew.
#[test]
fn a_forged_evaluation_is_read_by_nobody_who_judges() {
    let workspace = Workspace::with_smoke();
    let version = b"ibid evaluation 1";
    let forge = || {
        let files = workspace.store_files().into_iter();
        for file in files.filter(|file| file.ends_with(".evaluation")) {
            let path = workspace.path(&file);
            let entry = fs::read(&path).unwrap();
            let mut body = entry.strip_prefix(version).unwrap()[32..].to_vec();
            while let Some(place) = body.windows(5).position(|word| word == b"smoke") {
                body[place..place + 5].copy_from_slice(b"smoky");
            }
            let checksum = ibid::digest::tagged("ibid evaluation 1", &body);
            fs::write(&path, [&version[..], &checksum, &body].concat()).unwrap();
        }
    };
    let forged = "pictogram-scaling-laws/smoky";
    for command in [&["verify", forged][..], &["lock", forged]] {
        forge();
        workspace.ok(&["plan", forged]);
        let ran = workspace.run(command);
        assert_eq!(ran.code, Some(2), "{command:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("there is no target `smoky`"), "{command:?}: {}", ran.stderr);
    }
}

/// A figure that nobody drew, with a checksum of its own.
#[test]
fn a_forged_rendering_is_found_by_drawing_it_again() {
    let workspace = Workspace::with_smoke();
    workspace.ok(&["reproduce", SMOKE]);
    let figure = |format: &str| {
        fs::read(workspace.path("out/pictogram-scaling-laws/smoke").join(format)).unwrap()
    };
    let truth = ["figure.png", "figure.pdf"].map(figure);
    let files = workspace.store_files().into_iter();
    for file in files.filter(|file| file.starts_with(".ibid/renderings")) {
        let lie = b"another figure";
        let digest = ibid::digest::BlobDigest::of(lie);
        fs::write(workspace.path(&file), [&digest.as_bytes()[..], lie].concat()).unwrap();
    }
    let checked = workspace.run(&["store", "fsck"]);
    assert_eq!(checked.code, Some(4), "{}{}", checked.stdout, checked.stderr);
    assert_eq!(checked.stdout.matches("was damaged").count(), 2, "{}", checked.stdout);
    workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(["figure.png", "figure.pdf"].map(figure), truth);
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
}

/// Who can write to the store, the attestations and the lockfile can lie consistently: until somebody executes again.
#[test]
fn a_lie_that_was_locked_is_found_by_verify() {
    let workspace = Workspace::with_smoke();
    let points = fs::read_to_string(workspace.blob_of("points.csv")).unwrap();
    let digit = points.rfind('3').unwrap();
    let forged = format!("{}4{}", &points[..digit], &points[digit + 1..]);
    let digests =
        [&points, &forged].map(|text| ibid::digest::BlobDigest::of(text.as_bytes()).to_string());
    forge(&workspace, "points.csv", forged.as_bytes());
    // What was made from the truth does not follow from it.
    let ran = workspace.run(&["lock", SMOKE]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("does not follow"), "{}", ran.stderr);
    workspace.edit("lockfiles/pictogram-scaling-laws.lock", &digests[0], &digests[1]);
    let ran = workspace.run(&["verify", SMOKE]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("differs  smoke/collect points.csv"), "{}", ran.stdout);
}

#[test]
fn a_bit_flipped_in_the_lockfile_never_passes() {
    let workspace = Workspace::with_smoke();
    workspace.ok(&["reproduce", SMOKE]);
    let whole = workspace.read(LOCKFILE);
    // Lines of other targets are no business of this one.
    let lines = whole.match_indices('\n').map(|(end, _)| end);
    let starts: Vec<_> = std::iter::once(0).chain(lines.map(|end| end + 1)).collect();
    let ours = starts.iter().filter(|start| whole[**start..].starts_with("smoke"));
    let mut chance = Chance(3);
    for start in ours {
        let length = whole[*start..].find('\n').unwrap();
        for _ in 0..3 {
            let place = *start + usize::try_from(chance.below(length as u64)).unwrap();
            let mut bytes = whole.clone().into_bytes();
            bytes[place] ^= 1;
            fs::write(workspace.path(LOCKFILE), bytes).unwrap();
            let label = whole[*start..].find(' ').unwrap();
            let ran = workspace.run(&["reproduce", SMOKE, "--locked"]);
            // A label is for people: the recipe id decides.
            let harmless = place < *start + label && ran.code == Some(0);
            assert!(harmless || matches!(ran.code, Some(1 | 2)), "byte {place}: {}", ran.stderr);
        }
    }
}

#[test]
fn another_version_of_a_format_is_refused() {
    let workspace = Workspace::with_smoke();
    for version in ["ibid-store/0\n", "ibid-store/2\n"] {
        fs::write(workspace.path(".ibid/layout"), version).unwrap();
        for command in [&["reproduce", SMOKE][..], &["store", "fsck"]] {
            let ran = workspace.run(command);
            assert_eq!(ran.code, Some(3), "{command:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(version.trim()), "{command:?}: {}", ran.stderr);
        }
    }
    fs::write(workspace.path(".ibid/layout"), "ibid-store/1\n").unwrap();
    workspace.edit(LOCKFILE, "ibid-lock/1", "ibid-lock/0");
    let ran = workspace.run(&["reproduce", SMOKE]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("ibid-lock/1"), "{}", ran.stderr);
}

/// In place of a file of the store: whoever opened it would wait for a writer.
#[test]
fn a_pipe_keeps_nobody_waiting() {
    let workspace = Workspace::with_smoke();
    workspace.ok(&["reproduce", SMOKE]);
    let truth = exported(&workspace);
    for folder in ["actions", "recipes", "evaluations", "attestations", "cas"] {
        let folder = format!(".ibid/{folder}");
        let file = workspace.store_files().into_iter().find(|file| file.starts_with(&folder));
        let path = workspace.path(&file.unwrap());
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        // Each ends; what is served is right.
        let ran = workspace.run(&["reproduce", SMOKE]);
        assert!(matches!(ran.code, Some(0 | 3)), "{folder}: {}", ran.stderr);
        if ran.code == Some(0) {
            assert_eq!(exported(&workspace), truth, "{folder}");
        } else {
            assert!(ran.stderr.contains("no regular file"), "{folder}: {}", ran.stderr);
        }
        let checked = workspace.run(&["store", "fsck"]);
        assert!(matches!(checked.code, Some(0 | 3 | 4)), "{folder}: {}", checked.stderr);
        drop(fs::remove_file(&path));
        fs::write(&path, whole).unwrap();
        workspace.run(&["store", "fsck"]);
        serves_the_truth(&workspace, &truth, &folder);
    }
}

/// What follows from a forgotten action is stored, so that nothing is executed; that it was not compared is said.
#[test]
fn a_damaged_recipe_shortens_no_comparison_in_silence() {
    let workspace = Workspace::with_smoke();
    let whole = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(whole.verdict("same bits as lockfile"), 6);
    assert!(!whole.stderr.contains("not compared"), "{}", whole.stderr);
    let log = workspace.path(".ibid/recipes/log");
    let bytes = fs::read(&log).unwrap();
    let mut shortened = 0;
    for place in (40..bytes.len()).step_by(bytes.len() / 12) {
        flip(&log, 8 * place as u64);
        let ran = workspace.run(&["reproduce", SMOKE]);
        assert_eq!(ran.code, Some(0), "byte {place}: {}", ran.stderr);
        let (same, executed) = (ran.verdict("same bits as lockfile"), ran.verdict("executed"));
        let is_said = ran.stderr.contains("not compared with the lockfile");
        assert_eq!(same < 6, is_said, "byte {place}: {same}, executed {executed}: {}", ran.stderr);
        // Measurements that are stored are written, whichever record of theirs was lost: only the training's digest is
        // known by nothing else.
        let is_training = ran.stderr.contains("such as smoke-xs-2k/train: what follows");
        assert_eq!(ran.stderr.contains("not written"), is_training, "byte {place}: {}", ran.stderr);
        shortened += usize::from(is_said);
        fs::write(&log, &bytes).unwrap();
    }
    assert!(shortened > 0, "some record was upstream");
}

#[test]
fn removed_folders_and_several_damaged_files_are_made_again() {
    let workspace = Workspace::with_smoke();
    workspace.ok(&["reproduce", SMOKE]);
    let truth = exported(&workspace);
    for folder in ["recipes", "workspaces", "locks", "leases", "tmp", "attestations"] {
        fs::remove_dir_all(workspace.path(".ibid").join(folder)).unwrap();
        serves_the_truth(&workspace, &truth, folder);
        assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0), "{folder}");
    }
    // Every blob at once: inputs, what lists them, and what was made of them.
    for file in workspace.store_files().iter().filter(|file| file.starts_with(".ibid/cas")) {
        flip(&workspace.path(file), 11);
    }
    serves_the_truth(&workspace, &truth, "every blob is damaged");
}
