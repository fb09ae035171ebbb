//! Which drawings are tested on and which are trained on.
//!
//! Test sets are chosen first, from vendors that are never trained on (and one drawing per concept and training
//! vendor, withheld). Then the *upstream* pool is what remains of the training sources, in the order of
//! [`Drawing::place`], without
//!
//! 1. drawings byte-equal to an earlier one of the pool,
//! 2. drawings byte-equal to any test drawing, the withheld ones included,
//! 3. near-duplicates (the rule of `similarity`) of any test drawing of a held-out vendor.
//!
//! Other styles of a withheld drawing stay in the pool: the robustness baseline is about vendors, not about concepts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::BundledError;
use super::drawing::{Drawing, Kind, Source};
use super::parallel::map_in_chunks;
use super::similarity::{Edges, Index};
use super::sources::is_object_group;
use super::text::Keywords;

/// Pairs of a retrieval set.
const RETRIEVAL_PAIRS: usize = 1000;

/// A drawing of a test set with its class, if the set has classes.
pub(super) type TestSample = (usize, Option<u32>);

/// A set to test on.
#[derive(Debug, Default)]
pub(super) struct TestSet {
    /// Drawings with their classes.
    pub(super) samples: Vec<TestSample>,
    /// Class names by number; empty for retrieval.
    pub(super) classes: Vec<String>,
}

/// What was removed from the upstream pool, in drawings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Byte-equal to an earlier drawing of the pool.
    pub duplicates: usize,
    /// Byte-equal to a drawing that is tested on.
    pub equal_to_test: usize,
    /// Near-duplicates of a drawing that is tested on.
    pub near_test: usize,
}

/// All drawings and who uses them.
pub(super) struct Pool {
    pub(super) drawings: Vec<Drawing>,
    /// Test sets by name.
    pub(super) tests: BTreeMap<&'static str, TestSet>,
    /// Icon packs and Twemoji, in order.
    pub(super) glyphs: Vec<usize>,
    /// Twemoji and the emoji-icon font, in order.
    pub(super) emoji: Vec<usize>,
    pub(super) removed: Removed,
}

impl Pool {
    /// Sorts `drawings` into pools and test sets.
    pub(super) fn new(
        mut drawings: Vec<Drawing>,
        keywords: &Keywords,
        version: &str,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Self, BundledError> {
        drawings.sort_by_cached_key(|drawing| drawing.place(version));
        let tests = choose_tests(&drawings, keywords, version);
        let tested = |held_out: bool| -> BTreeSet<usize> {
            let relevant = tests
                .iter()
                .filter(|(name, _)| if held_out { is_held_out(name) } else { **name != TABLER });
            relevant.flat_map(|(_, set)| set.samples.iter().map(|sample| sample.0)).collect()
        };
        let mut removed = Removed::default();
        let equal: BTreeSet<&[u8]> =
            tested(false).iter().map(|&index| drawings[index].pixels.as_slice()).collect();
        let mut seen = BTreeSet::new();
        let is_upstream = |drawing: &Drawing| {
            drawing.source.is_training_pack()
                || matches!(drawing.source, Source::Twemoji | Source::EmojiIcon)
        };
        let mut upstream = Vec::new();
        for (index, drawing) in drawings.iter().enumerate().filter(|(_, d)| is_upstream(d)) {
            if equal.contains(drawing.pixels.as_slice()) {
                removed.equal_to_test += 1;
            } else if seen.insert(drawing.pixels.as_slice()) {
                upstream.push(index);
            } else {
                removed.duplicates += 1;
            }
        }
        let index = Index::new(
            tested(true).iter().map(|&tested| Edges::of(&drawings[tested].pixels)).collect(),
        );
        let near = map_in_chunks(upstream.clone(), threads, |chunk| {
            let is_near = |drawing: usize| {
                !stop.load(Ordering::Relaxed)
                    && index.has_near(&Edges::of(&drawings[drawing].pixels))
            };
            chunk.into_iter().map(is_near).collect()
        });
        if stop.load(Ordering::Relaxed) {
            return Err(BundledError::Interrupted);
        }
        removed.near_test = near.iter().filter(|&&is_near| is_near).count();
        let kept: Vec<usize> =
            upstream.into_iter().zip(near).filter(|(_, near)| !near).map(|(i, _)| i).collect();
        let of = |wanted: &dyn Fn(Source) -> bool| {
            kept.iter().copied().filter(|&index| wanted(drawings[index].source)).collect()
        };
        let glyphs = of(&|source| source != Source::EmojiIcon);
        let emoji = of(&|source| matches!(source, Source::EmojiIcon | Source::Twemoji));
        Ok(Self { drawings, tests, glyphs, emoji, removed })
    }
}

/// The set of Tabler's own categories, whose drawings are trained on (without their categories).
pub(super) const TABLER: &str = "tabler41";
/// The concepts of `icon143` by training vendors: withheld, but not from a held-out vendor.
pub(super) const WITHHELD: &str = "withheld143";

fn is_held_out(set: &str) -> bool {
    set != TABLER && set != WITHHELD
}

/// Chooses all test sets from drawings in pool order.
fn choose_tests(
    drawings: &[Drawing],
    keywords: &Keywords,
    version: &str,
) -> BTreeMap<&'static str, TestSet> {
    let concepts143 = concepts(drawings, 2, 4);
    let concepts347 = concepts(drawings, 1, 3);
    let of = |sources: &'static [Source]| {
        drawings.iter().enumerate().filter(|(_, drawing)| sources.contains(&drawing.source))
    };
    let held_out = || drawings.iter().enumerate().filter(|(_, d)| d.source.is_held_out_pack());
    let in_concepts = |concepts: &BTreeSet<&str>| {
        let chosen = held_out().filter(|(_, drawing)| concepts.contains(drawing.concept.as_str()));
        classified(chosen.map(|(index, drawing)| (index, drawing, drawing.name.clone())))
    };
    let emoji = |sources, wanted: fn(emojis::Group) -> bool| {
        let chosen = of(sources).filter(move |(_, drawing)| match drawing.kind {
            Kind::Emoji { group, skin_tone } => wanted(group) && !skin_tone,
            Kind::Icon { .. } => false,
        });
        one_each(classified(chosen.map(|(index, d)| (index, d, d.name.clone()))))
    };
    let withheld = withheld(drawings, &concepts143, version);
    let withheld =
        withheld.into_iter().map(|index| (index, &drawings[index], drawings[index].name.clone()));
    let withheld = classified(withheld);
    let tabler = of(&[Source::Tabler]).filter_map(|(index, drawing)| {
        let category = keywords.tabler_category(&drawing.concept)?;
        Some((index, drawing, category.to_owned()))
    });
    let is_plain = |drawing: &Drawing| match &drawing.kind {
        Kind::Icon { style } => style == "regular",
        Kind::Emoji { skin_tone, .. } => !skin_tone,
    };
    let pairs = |sources| retrieval(of(sources).filter(|(_, drawing)| is_plain(drawing)));
    BTreeMap::from([
        ("icon143", in_concepts(&concepts143)),
        ("icon347", in_concepts(&concepts347)),
        (WITHHELD, withheld),
        ("flags262", emoji(&[Source::Noto], |group| group == emojis::Group::Flags)),
        ("emoji1256", emoji(&[Source::Noto], is_object_group)),
        ("mono822", emoji(&[Source::NotoMono], |_| true)),
        (TABLER, classified(tabler)),
        ("iconoir-1k", pairs(&[Source::Iconoir])),
        ("noto-1k", pairs(&[Source::Noto])),
    ])
}

/// One drawing for each of these concepts and each training pack that draws it, in order: the one that comes first by
/// [`Drawing::withholding_place`].
fn withheld(drawings: &[Drawing], concepts: &BTreeSet<&str>, version: &str) -> BTreeSet<usize> {
    let mut first = BTreeMap::new();
    for (index, drawing) in drawings.iter().enumerate() {
        if drawing.source.is_training_pack() && concepts.contains(drawing.concept.as_str()) {
            let place = (drawing.withholding_place(version), index);
            let of_concept =
                first.entry((drawing.source, drawing.concept.as_str())).or_insert(place);
            *of_concept = place.min(*of_concept);
        }
    }
    first.into_values().map(|(_, index)| index).collect()
}

/// Concepts that at least `held_out` held-out packs and at least `training` training packs draw.
fn concepts(drawings: &[Drawing], held_out: usize, training: usize) -> BTreeSet<&str> {
    let mut vendors: BTreeMap<&str, BTreeSet<Source>> = BTreeMap::new();
    for drawing in drawings.iter().filter(|drawing| matches!(drawing.kind, Kind::Icon { .. })) {
        vendors.entry(&drawing.concept).or_default().insert(drawing.source);
    }
    let enough = |sources: &BTreeSet<Source>| {
        let count = |wanted: fn(Source) -> bool| sources.iter().filter(|s| wanted(**s)).count();
        count(Source::is_held_out_pack) >= held_out && count(Source::is_training_pack) >= training
    };
    vendors.into_iter().filter(|(_, sources)| enough(sources)).map(|(name, _)| name).collect()
}

/// A classification set: classes sorted by name, byte-equal drawings once.
fn classified<'a>(chosen: impl Iterator<Item = (usize, &'a Drawing, String)>) -> TestSet {
    let mut seen = BTreeSet::new();
    let chosen: Vec<_> =
        chosen.filter(|(_, drawing, _)| seen.insert(drawing.pixels.as_slice())).collect();
    let names: BTreeSet<&String> = chosen.iter().map(|(_, _, class)| class).collect();
    let numbers: BTreeMap<&String, u32> = names.iter().copied().zip(0..).collect();
    let samples = chosen.iter().map(|(index, _, class)| (*index, Some(numbers[class]))).collect();
    TestSet { samples, classes: names.into_iter().cloned().collect() }
}

/// Keeps the first drawing of each class.
fn one_each(mut set: TestSet) -> TestSet {
    let mut seen = BTreeSet::new();
    set.samples.retain(|(_, class)| seen.insert(*class));
    set
}

/// A retrieval set: the first drawings of distinct names, byte-equal ones once.
fn retrieval<'a>(chosen: impl Iterator<Item = (usize, &'a Drawing)>) -> TestSet {
    let (mut names, mut images) = (BTreeSet::new(), BTreeSet::new());
    let distinct = chosen.filter(|(_, drawing)| {
        !images.contains(drawing.pixels.as_slice())
            && names.insert(drawing.name.as_str())
            && images.insert(drawing.pixels.as_slice())
    });
    let samples = distinct.take(RETRIEVAL_PAIRS).map(|(index, _)| (index, None)).collect();
    TestSet { samples, classes: Vec::new() }
}
