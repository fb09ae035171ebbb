//! Facts about the pictogram sets, over all of them rendered once.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

use super::similarity::Edges;
use super::*;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::data::{Dataset, Tokenizer};
use crate::digest::BlobDigest;

const UPSTREAM: [&str; 6] =
    ["emoji-4k", "glyphs-2k", "glyphs-36k", "glyphs-4k", "glyphs-9k", "icons-4k"];

fn all() -> &'static Pictograms {
    static ALL: OnceLock<Pictograms> = OnceLock::new();
    ALL.get_or_init(|| Pictograms::render(VERSION, 2, &AtomicBool::new(false)).unwrap())
}

#[test]
fn rendering_stops_when_it_is_told_to() {
    let stopped = Pictograms::render(VERSION, 2, &AtomicBool::new(true)).map(drop);
    assert!(matches!(stopped, Err(BundledError::Interrupted)));
}

/// Files, samples and bytes of each set, and SHA-256 over its lines `sha256 name` (the first 16 digits).
const GOLDEN: &str = "\
emoji-4k 2 4276 21145600 99288cbb56da2a84
emoji1256 2 1256 6384130 8be739d3a0ff8c97
flags262 2 262 1344527 559d9a30b3e1033d
glyphs-2k 1 2300 7568384 5e56fb2633a4fed4
glyphs-36k 9 36175 119146496 ca7b3195be202cd0
glyphs-4k 2 4276 14071808 f6a7039e162de310
glyphs-9k 3 9000 29574144 aa37559d2a411c2b
icon143 2 843 2591861 a811e2cefe3aa436
icon347 2 1315 4043585 3b61d14b5a0f2e91
iconoir-1k 1 1000 3073024 69be76de037aa693
icons-4k 2 4276 13137920 cc6b9426e1be7a15
mono822 2 819 2528049 ed7866c81f12f9e1
noto-1k 1 1000 5061632 02fff7e976729117
tabler41 3 5917 18179406 31d3dee8bd004f16
vocabulary 1 0 44367 16ad9c68fc49e122
withheld143 2 765 2352245 8c4a2d0c1f5d0491
";

#[test]
fn sets_have_their_pinned_bytes() {
    let mut actual = String::new();
    for set in sets() {
        let files = all().build(set).unwrap();
        assert_eq!(files.iter().any(|file| file.name == "classes.txt"), has_classes(set), "{set}");
        let mut lines = String::new();
        let (mut samples, mut bytes) = (0, 0);
        for file in &files {
            writeln!(lines, "{} {}", BlobDigest::of(&file.bytes), file.name).unwrap();
            samples += file.samples;
            bytes += file.bytes.len();
        }
        let digest = &BlobDigest::of(lines.as_bytes()).to_string()[..16];
        writeln!(actual, "{set} {} {samples} {bytes} {digest}", files.len()).unwrap();
    }
    assert_eq!(actual, GOLDEN, "\n{actual}");
}

#[test]
fn upstream_pool_loses_what_its_rules_say() {
    // 766 of the drawings that equal a tested one are `withheld143` itself.
    let expected = Removed { duplicates: 363, equal_to_test: 889, near_test: 623 };
    assert_eq!(all().removed(), expected);
}

#[test]
fn rendering_is_the_same_for_any_number_of_threads() {
    let pixels = |threads| -> Vec<Vec<u8>> {
        let drawings = sources::render_all(threads, &AtomicBool::new(false)).unwrap();
        drawings.into_iter().map(|drawing| drawing.pixels).collect()
    };
    assert!(pixels(1) == pixels(3));
}

#[test]
fn larger_sets_begin_with_the_smaller_ones() {
    let first = |set: &str| all().build(set).unwrap().swap_remove(0).bytes;
    let (small, middle, large) = (first("glyphs-2k"), first("glyphs-9k"), first("glyphs-36k"));
    assert!(middle == large, "both first shards are full");
    // A tar file ends with two empty blocks.
    assert!(large.starts_with(&small[..small.len() - 1024]));
}

#[test]
fn tested_vendors_are_never_trained_on() {
    for set in UPSTREAM {
        for index in all().upstream(set).unwrap() {
            let source = all().pool.drawings[index].source;
            assert!(!source.is_held_out_pack(), "{set}: {source:?}");
            assert!(!matches!(source, drawing::Source::Noto | drawing::Source::NotoMono));
        }
    }
}

#[test]
fn no_tested_drawing_is_trained_on_nor_a_near_duplicate_of_a_held_out_one() {
    let drawings = &all().pool.drawings;
    let tests = all().pool.tests.iter().filter(|(name, _)| **name != pool::TABLER);
    let (mut equal, mut near) = (BTreeSet::new(), Vec::new());
    for (name, set) in tests {
        for (index, _) in &set.samples {
            equal.insert(drawings[*index].pixels.as_slice());
            if *name != pool::WITHHELD && index % 7 == 0 {
                near.push(Edges::of(&drawings[*index].pixels));
            }
        }
    }
    let upstream = || all().pool.glyphs.iter().chain(&all().pool.emoji);
    for &index in upstream() {
        assert!(!equal.contains(drawings[index].pixels.as_slice()));
    }
    for &index in upstream().step_by(7) {
        let edges = Edges::of(&drawings[index].pixels);
        assert!(!near.iter().any(|tested| tested.is_near(&edges)), "{}", drawings[index].key);
    }
}

#[test]
fn no_set_has_a_drawing_twice() {
    let drawings = &all().pool.drawings;
    let upstream = UPSTREAM.map(|set| all().upstream(set).unwrap());
    let tests = all().pool.tests.values();
    let tests = tests.map(|set| set.samples.iter().map(|sample| sample.0).collect::<Vec<_>>());
    for set in upstream.into_iter().chain(tests) {
        let distinct: BTreeSet<_> = set.iter().map(|&index| &drawings[index].pixels).collect();
        assert_eq!(distinct.len(), set.len());
    }
}

#[test]
fn all_concepts_of_icon143_but_two_plain_shapes_are_seen_in_training() {
    let trained: BTreeSet<&str> =
        all().pool.glyphs.iter().map(|&index| all().pool.drawings[index].name.as_str()).collect();
    let missing: Vec<_> = all().pool.tests["icon143"]
        .classes
        .iter()
        .filter(|class| !trained.contains(class.as_str()))
        .collect();
    // Everybody draws these alike: every training drawing of them is a near-duplicate of a tested one.
    assert_eq!(missing, ["menu", "slash"]);
}

#[test]
fn built_sets_load_with_four_captions_upstream_and_encode_in_the_vocabulary() {
    let vocabulary = all().build("vocabulary").unwrap().swap_remove(0).bytes;
    let tokenizer = Tokenizer::new(&vocabulary, 77).unwrap();
    for (set, captions) in [("glyphs-2k", 4), ("emoji-4k", 4), ("icon143", 1), ("iconoir-1k", 1)] {
        let dataset = load(&all().build(set).unwrap());
        for index in 0..dataset.len() {
            let sample = dataset.sample(index).unwrap();
            assert_eq!(sample.captions.len(), captions, "{set}");
            for caption in &sample.captions {
                assert!(!caption.is_empty());
                tokenizer.encode(caption).unwrap();
            }
        }
    }
    for class in all().pool.tests.values().flat_map(|set| &set.classes) {
        for template in PROMPT_TEMPLATES {
            tokenizer.encode(&template.replace("{}", class)).unwrap();
        }
    }
}

#[test]
fn loaded_samples_are_the_drawings_with_their_classes() {
    let dataset = load(&all().build("flags262").unwrap());
    let set = &all().pool.tests["flags262"];
    assert_eq!((dataset.len(), dataset.image_size()), (set.samples.len(), drawing::SIDE));
    for (index, (drawing, label)) in set.samples.iter().enumerate() {
        let drawing = &all().pool.drawings[*drawing];
        assert_eq!(dataset.sample(index).unwrap().label, *label);
        assert_eq!(drawing.name, set.classes[label.unwrap() as usize]);
        let channels = drawing.pixels.len() / 1024;
        for (at, &value) in dataset.image(index).unwrap().iter().enumerate() {
            let (channel, pixel) = (at / 1024, at % 1024);
            assert_eq!(value, drawing.pixels[pixel * channels + channel % channels]);
        }
    }
}

#[test]
fn unknown_sets_and_versions_are_errors() {
    assert!(matches!(build("glyphs-3k", "1"), Err(BundledError::UnknownSet { .. })));
    assert!(matches!(build("icon143", "2"), Err(BundledError::UnknownVersion { .. })));
}

fn load(files: &[BuiltFile]) -> Dataset {
    let dir = tempfile::tempdir().unwrap();
    let manifest = Manifest::new(
        files
            .iter()
            .map(|file| ManifestFile {
                name: file.name.clone(),
                sha256: BlobDigest::of(&file.bytes),
                bytes: file.bytes.len() as u64,
                samples: file.samples,
                skipped: file.skipped.clone(),
            })
            .collect(),
    );
    let write = |name: &str, bytes: &[u8]| {
        std::fs::File::create(dir.path().join(name)).unwrap().write_all(bytes).unwrap();
    };
    write("manifest.json", &manifest.canonical_bytes());
    for file in files {
        write(&file.name, &file.bytes);
    }
    Dataset::load(dir.path()).unwrap()
}
