//! Facts about data sets: what is read, and what becomes of files that are broken or hostile.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use proptest::prelude::*;

use super::image::{Decoded, decode_png, encode_png, resample_over_white};
use super::shard::list_shard;
use super::*;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::digest::BlobDigest;

const JSON: &[u8] = br#"{"captions":["a cat","cat"],"label":1}"#;

fn png(grey: u8) -> Vec<u8> {
    encode_png(&[grey; 16], 4)
}

/// A tar file of regular members.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        append(&mut builder, name, tar::EntryType::Regular, content);
    }
    builder.into_inner().unwrap()
}

/// Appends a member under any name, also one that the `tar` crate would refuse to write.
fn append(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::File::create(dir.join(name)).unwrap().write_all(bytes).unwrap();
}

fn entry(name: &str, bytes: &[u8], samples: u64, skipped: &[&str]) -> ManifestFile {
    ManifestFile {
        name: name.to_owned(),
        sha256: BlobDigest::of(bytes),
        bytes: bytes.len() as u64,
        samples,
        skipped: skipped.iter().map(|&key| key.to_owned()).collect(),
    }
}

fn load(shards: &[(&[u8], u64, &[&str])]) -> Result<Dataset, DataError> {
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (index, (bytes, samples, skipped)) in shards.iter().enumerate() {
        let name = format!("s-{index}.tar");
        write(dir.path(), &name, bytes);
        files.push(entry(&name, bytes, *samples, skipped));
    }
    write(dir.path(), "manifest.json", &Manifest::new(files).canonical_bytes());
    Dataset::load(dir.path())
}

fn member_error(members: &[(&str, &[u8])]) -> MemberError {
    let images = members.iter().filter(|(name, _)| name.ends_with("png")).count() as u64;
    match load(&[(&tar_of(members), images, &[])]) {
        Err(DataError::Member { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn members_come_in_any_order_and_samples_in_that_of_their_first() {
    let (first, second) = (png(10), png(20));
    let shard = tar_of(&[
        ("b.json", JSON),
        ("./dir/a.png", &first),
        ("notes.md", b"ignored"),
        ("b.png", &second),
        ("dir/a.txt", b" a dog\n"),
    ]);
    let dataset = load(&[(&shard, 2, &[]), (&tar_of(&[]), 0, &[])]).unwrap();
    assert_eq!((dataset.len(), dataset.image_size()), (2, 4));
    assert_eq!(dataset.shard_sizes(), [2, 0]);
    let [first, second] = [0, 1].map(|index| dataset.sample(index).unwrap());
    assert_eq!(
        (&first.captions[..], first.label),
        (&["a cat", "cat"].map(str::to_owned)[..], Some(1))
    );
    assert_eq!((&second.captions[..], second.label), (&["a dog".to_owned()][..], None));
    let images = [0, 1].map(|index| dataset.image(index).unwrap());
    assert_eq!((&*images[0], &*images[1]), (&[20; 48][..], &[10; 48][..]));
}

#[test]
fn extensions_in_upper_case_are_read_and_files_of_no_sample_are_passed_over() {
    let image = png(0);
    let shard = tar_of(&[
        ("README", b"of the shard"),
        ("x/.DS_Store", b""),
        ("._a.png", b"of a file system"),
        ("x/a.PNG", &image),
        ("x/a.Json", JSON),
        (".png", b""),
    ]);
    let dataset = load(&[(&shard, 1, &[])]).unwrap();
    assert_eq!((dataset.len(), dataset.sample(0).unwrap().key.as_str()), (1, "x/a"));
}

#[test]
fn a_caption_beyond_the_limit_makes_its_sample_unreadable() {
    let image = png(0);
    for (bytes, is_read) in [(1 << 16, true), ((1 << 16) + 1, false)] {
        let caption = vec![b'x'; bytes];
        let shard = tar_of(&[("a.png", &image), ("a.txt", &caption)]);
        let scanned = scan_shard("0.tar", &mut &shard[..]).unwrap();
        assert_eq!((scanned.samples == 1, scanned.unreadable.is_empty()), (is_read, is_read));
    }
}

#[test]
fn skipped_members_are_not_there() {
    let image = png(0);
    let shard =
        tar_of(&[("a.png", b"broken"), ("b.png", &image), ("a.json", b"{"), ("b.json", JSON)]);
    assert_eq!(load(&[(&shard, 1, &["a"])]).unwrap().len(), 1);
    assert!(load(&[(&shard, 2, &[])]).is_err());
}

/// What image downloaders written in Python leave in fields that nobody reads here.
#[test]
fn constants_of_python_in_json_are_read() {
    let image = png(0);
    let captions = |json: &str| {
        let shard = tar_of(&[("a.png", &image), ("a.json", json.as_bytes())]);
        let samples = list_shard("s", Cursor::new(&shard), shard.len() as u64, &BTreeSet::new());
        samples.map(|samples| samples[0].captions.clone())
    };
    let json = r#"{"punsafe": NaN, "captions": ["a \"NaN\\", "-Infinity, \\\""], "of": [Infinity, -Infinity, {"x": NaN}]}"#;
    assert_eq!(captions(json).unwrap(), ["a \"NaN\\", "-Infinity, \\\""]);
    assert_eq!(captions("\u{feff}{\"captions\": [\"NaN\"]}").unwrap(), ["NaN"]);
    for broken in [r#"{"captions": ["a"], "of": Nan}"#, r#"{"captions": [NaN]}"#, "NaN", r#"{"a\"#]
    {
        assert!(captions(broken).is_err(), "{broken}");
    }
}

#[test]
fn what_is_wrong_with_a_member_is_named() {
    let (image, wide) = (png(0), encode_png(&[0; 64], 8));
    let check = |members: &[(&str, &[u8])], expected: &str| {
        assert_eq!(member_error(members).to_string(), expected);
    };
    check(&[("a.png", &image)], "the sample has no caption (`json` or `txt`) or label (`cls`)");
    check(&[("a.json", JSON)], "the sample has no image (`png`, `jpg` or `webp`)");
    check(&[("a.png", b"no"), ("a.json", JSON)], "it is not a PNG image");
    check(&[("a.png", &image[..60]), ("a.json", JSON)], "it is not a PNG image");
    check(&[("a.png", &image), ("a.json", b"[1")], "it is not the JSON of a sample");
    check(&[("a.png", &image), ("a.txt", b"\xff")], "it is not UTF-8 text");
    check(&[("a.json", JSON), ("a.json", JSON)], "there are two of it");
    let label = "it is not a label (a decimal number below 2^32)";
    check(&[("a.png", &image), ("a.json", JSON), ("a.cls", b"one")], label);
    let labels = "the sample has two labels, 1 and 2";
    check(&[("a.png", &image), ("a.json", JSON), ("a.cls", b"2")], labels);
    let sizes = "it has 8 × 8 pixels, not 4 × 4";
    check(&[("a.png", &image), ("a.json", JSON), ("b.png", &wide), ("b.json", JSON)], sizes);
}

#[test]
fn names_that_leave_the_shard_and_links_are_refused() {
    for name in ["../a.png", "/a.png", "x/../a.png", "x//a.png", "a\\b.png"] {
        assert!(matches!(member_error(&[(name, b"")]), MemberError::Name), "{name}");
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Fifo] {
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, "a.png", kind, b"");
        let result = load(&[(&builder.into_inner().unwrap(), 1, &[])]);
        let refused =
            matches!(result, Err(DataError::Member { source: MemberError::NotAFile, .. }));
        assert!(refused, "{kind:?}");
    }
}

#[test]
fn claimed_sizes_cost_nothing() {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..5].copy_from_slice(b"a.png");
    for (claimed, is_expected) in [
        (
            1 << 33,
            (|e| matches!(e, DataError::Member { source: MemberError::TooLarge { .. }, .. }))
                as fn(&DataError) -> bool,
        ),
        (1 << 20, |e| matches!(e, DataError::Tar { .. })),
    ] {
        header.set_size(claimed);
        header.set_cksum();
        let error = load(&[(header.as_bytes(), 1, &[])]).unwrap_err();
        assert!(is_expected(&error), "{claimed}: {error:?}");
    }
    // A PNG of 60,000 × 60,000 pixels by its header.
    let mut large = png(0);
    large[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    assert!(decode_png(&large).is_err());
}

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images");
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn images_of_other_sizes_and_formats_go_through_open_clips_preprocessing() {
    let jpeg = golden("05-jpg-RGB-420-progressive.jpg");
    let webp = golden("04-webp-lossy-RGBA.webp");
    let (small, whole) = (png(7), encode_png(&[9; 64], 8));
    let shard = tar_of(&[
        ("a.jpg", &jpeg),
        ("a.txt", b"a"),
        ("b.webp", &webp),
        ("b.cls", b"3"),
        ("c.png", &small),
        ("c.txt", b"c"),
        ("d.png", &whole),
        ("d.txt", b"d"),
    ]);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.tar", &shard);
    let manifest = Manifest::new(vec![entry("s.tar", &shard, 4, &[])]);
    write(dir.path(), "manifest.json", &manifest.canonical_bytes());
    let dataset = Dataset::open(dir.path(), 8, Memory::default()).unwrap();
    for (index, bytes) in [&jpeg, &webp, &small, &whole].into_iter().enumerate() {
        let view = preprocess::decode(bytes).unwrap().evaluation_view(8);
        let planes: Vec<u8> =
            (0..3).flat_map(|channel| view.iter().skip(channel).step_by(3).copied()).collect();
        assert_eq!(dataset.image(index).unwrap(), planes, "{index}");
    }
    // A class is enough where nobody asks for captions.
    let classed = dataset.sample(1).unwrap();
    assert_eq!((classed.captions.len(), classed.label), (0, Some(3)));
    // What no size was asked for must be PNG of one size.
    assert!(Dataset::load(dir.path()).is_err());
}

#[test]
fn a_streamed_data_set_is_the_one_that_is_held() {
    let jpeg = golden("05-jpg-RGB-420-progressive.jpg");
    let dir = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for shard in 0..5 {
        let names: Vec<String> = (0..3).map(|i| format!("{shard}-{i}")).collect();
        let images = [png(shard), jpeg.clone(), encode_png(&[shard; 64], 8)];
        let mut builder = tar::Builder::new(Vec::new());
        for (name, image) in names.iter().zip(&images) {
            let kind = tar::EntryType::Regular;
            append(&mut builder, &format!("{name}.txt"), kind, name.as_bytes());
            let extension = if image.starts_with(b"\x89PNG") { "png" } else { "jpg" };
            append(&mut builder, &format!("{name}.{extension}"), kind, image);
        }
        let (bytes, name) = (builder.into_inner().unwrap(), format!("s-{shard}.tar"));
        write(dir.path(), &name, &bytes);
        files.push(entry(&name, &bytes, 3, &[]));
    }
    write(dir.path(), "manifest.json", &Manifest::new(files).canonical_bytes());
    let held = Dataset::open(dir.path(), 8, Memory::default()).unwrap();
    // Room for the texts of one or two shards.
    let memory = Memory { images: 15 * 3 * 64 - 1, texts: 600 };
    let streamed = Dataset::open(dir.path(), 8, memory).unwrap();
    assert!(held.is_held() && !streamed.is_held());
    assert_eq!(held.shard_sizes(), streamed.shard_sizes());
    for index in (0..15).chain((0..15).rev()).chain([7, 0, 14, 3]) {
        assert_eq!(*held.sample(index).unwrap(), *streamed.sample(index).unwrap());
        assert_eq!(held.image(index).unwrap(), streamed.image(index).unwrap());
    }
    let range = preprocess::CropRange { area: [0.1, 0.3], ..preprocess::CropRange::OPEN_CLIP };
    let crop = |set: &Dataset, position| set.crop(1, &range, 7, position).unwrap();
    assert_eq!(crop(&held, 3), crop(&streamed, 3));
    let seen: std::collections::BTreeSet<_> = (0..20).map(|at| crop(&held, at)).collect();
    assert!(seen.len() > 3, "visits have rectangles of their own: {}", seen.len());
    // What becomes unreadable is found when it is looked at, and named.
    std::fs::remove_file(dir.path().join("s-4.tar")).unwrap();
    let streamed = Dataset::open(dir.path(), 8, memory).unwrap();
    assert!(streamed.image(0).is_ok());
    assert!(
        matches!(streamed.image(14), Err(DataError::Io { path, .. }) if path.ends_with("s-4.tar"))
    );
    assert!(Dataset::open(dir.path(), 8, Memory::default()).is_err());
}

/// More shards than files may be open, and fewer bytes of texts than may be held.
#[test]
fn shards_are_listed_once_as_long_as_their_texts_fit() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, image) = (Vec::new(), png(3));
    for shard in 0..150 {
        let (name, key) = (format!("s-{shard}.tar"), format!("{shard}.txt"));
        let bytes = tar_of(&[(&key, b"a cat"), (&format!("{shard}.png"), &image)]);
        write(dir.path(), &name, &bytes);
        files.push(entry(&name, &bytes, 1, &[]));
    }
    write(dir.path(), "manifest.json", &Manifest::new(files).canonical_bytes());
    let streamed = Dataset::open(dir.path(), 4, Memory::NO_IMAGES).unwrap();
    for index in (0..150).chain(0..150) {
        assert_eq!(&*streamed.image(index).unwrap(), &[3_u8; 48][..]);
    }
    // Those that were looked at first would have to be listed again.
    dir.close().unwrap();
    for index in 0..150 {
        assert_eq!(streamed.sample(index).unwrap().key, index.to_string());
    }
}

/// The samples of a data set are bounded by what the files hold before an order or a list is made of them.
#[test]
fn a_shard_that_claims_more_samples_than_its_file_has_room_for_is_refused_at_once() {
    let shard = tar_of(&[("a.png", &png(0)), ("a.json", JSON)]);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.tar", &shard);
    let open = |file: ManifestFile| {
        write(dir.path(), "manifest.json", &Manifest::new(vec![file]).canonical_bytes());
        Dataset::open(dir.path(), 4, Memory::NO_IMAGES)
    };
    let claimed = u64::from(u32::MAX) - 5;
    let refused = open(entry("s.tar", &shard, claimed, &[])).unwrap_err();
    assert!(matches!(refused, DataError::SampleCount { actual: 1, .. }), "{refused:?}");
    // A manifest may claim bytes, too.
    let large = ManifestFile { bytes: 1 << 31, ..entry("s.tar", &shard, 1 << 20, &[]) };
    assert!(matches!(open(large), Err(DataError::ShardSize { .. })));
    assert_eq!(open(entry("s.tar", &shard, 1, &[])).unwrap().len(), 1);
}

#[test]
fn a_scan_names_what_cannot_be_read_and_the_rest_loads() {
    let (image, jpeg) = (png(0), golden("05-jpg-RGB-420-progressive.jpg"));
    let shard = tar_of(&[
        ("late.json", JSON),
        ("bad.jpg", &jpeg[..40]),
        ("bad.txt", b"x"),
        ("bare.png", &image),
        ("twice.png", &image),
        ("twice.png", &image),
        ("twice.txt", b"x"),
        ("text.png", &image),
        ("text.txt", b"\xff"),
        ("good.jpg", &jpeg),
        ("good.txt", b"x"),
        ("late.png", &image),
        ("blind.txt", b"x"),
    ]);
    let scanned = scan_shard("s.tar", &shard[..]).unwrap();
    let reasons: Vec<_> =
        scanned.unreadable.iter().map(|(key, why)| (key.as_str(), why.as_str())).collect();
    assert!(
        reasons[0].1.starts_with("jpg: it is not a JPEG image that can be read"),
        "{reasons:?}"
    );
    let expected = [
        ("bare", "the sample has no caption (`json` or `txt`) or label (`cls`)"),
        ("twice", "png: there are two of it"),
        ("text", "txt: it is not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 0"),
        ("blind", "the sample has no image (`png`, `jpg` or `webp`)"),
    ];
    assert_eq!((reasons[0].0, &reasons[1..]), ("bad", &expected[..]));
    assert_eq!(scanned.samples, 2);
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "s.tar", &shard);
    let skipped: Vec<&str> = reasons.iter().map(|(key, _)| *key).collect();
    let manifest = Manifest::new(vec![entry("s.tar", &shard, 2, &skipped)]);
    write(dir.path(), "manifest.json", &manifest.canonical_bytes());
    let dataset = Dataset::open(dir.path(), 4, Memory::default()).unwrap();
    assert_eq!((dataset.len(), dataset.skipped()), (2, 5));
}

#[test]
fn a_scan_refuses_hostile_archives_as_a_whole() {
    use tar::EntryType::{Block, Char, Fifo, GNUSparse, Link, Symlink};

    let scan = |name: &str, kind, content: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, name, kind, content);
        scan_shard("s.tar", &builder.into_inner().unwrap()[..])
    };
    let regular = tar::EntryType::Regular;
    for name in ["../a.png", "/etc/a.png", "a/../b.png"] {
        let error = scan(name, regular, b"").unwrap_err();
        assert!(matches!(error, DataError::Member { source: MemberError::Name, .. }), "{name}");
    }
    for kind in [Link, Symlink, Char, Block, Fifo, GNUSparse] {
        assert!(scan("a.png", kind, b"").is_err(), "{kind:?}");
    }
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..5].copy_from_slice(b"a.png");
    header.set_size(1 << 40);
    header.set_cksum();
    let error = scan_shard("s.tar", &header.as_bytes()[..]).unwrap_err();
    assert!(matches!(error, DataError::Tar { .. }), "{error:?}");
    let whole = tar_of(&[("a.png", &png(0)), ("a.txt", b"x")]);
    assert!(matches!(scan_shard("s.tar", &whole[..700]), Err(DataError::Tar { .. })));
}

#[test]
fn shards_must_be_what_the_manifest_says() {
    let image = png(0);
    let shard = tar_of(&[("a.png", &image), ("a.json", JSON)]);
    // One more than there are, and more than there is memory for.
    for claimed in [2, 3, u64::from(u32::MAX) - 5, 1 << 48] {
        let refused = load(&[(&shard, claimed, &[])]);
        let is_told = matches!(
            &refused,
            Err(DataError::SampleCount { expected, actual: 1, .. }) if *expected == claimed
        );
        assert!(is_told, "{refused:?}");
    }
    assert!(matches!(load(&[(&shard[..700], 1, &[])]), Err(DataError::Tar { .. })));
    let dir = tempfile::tempdir().unwrap();
    let load = |file: ManifestFile| {
        write(dir.path(), "manifest.json", &Manifest::new(vec![file]).canonical_bytes());
        Dataset::load(dir.path()).unwrap_err()
    };
    assert!(matches!(load(entry("s.tar", &shard, 1, &[])), DataError::Io { .. }));
    write(dir.path(), "s.tar", &shard[1..]);
    assert!(matches!(load(entry("s.tar", &shard, 1, &[])), DataError::ShardSize { .. }));
    write(dir.path(), "s.tar", &[&shard[..], b"x"].concat());
    assert!(matches!(load(entry("s.tar", &shard, 1, &[])), DataError::ShardSize { .. }));
    let climbing = load(entry("../s.tar", &shard, 1, &[]));
    assert!(matches!(climbing, DataError::ShardName { .. }));
    let huge = ManifestFile { bytes: 1 << 40, ..entry("s.tar", &shard, 1, &[]) };
    assert!(matches!(load(huge), DataError::ShardTooLarge { .. }));
    write(dir.path(), "manifest.json", b"{}");
    assert!(matches!(Dataset::load(dir.path()), Err(DataError::Manifest { .. })));
}

#[test]
fn resampling_averages_areas_exactly_over_white() {
    // 3 × 3 to 2 × 2: each target covers one whole source pixel, two halves and a quarter.
    let pixels = vec![0, 90, 180, 0, 90, 180, 0, 90, 180];
    let image = Decoded { width: 3, height: 3, channels: 1, pixels };
    let column = |left: u8, right: u8| [left, left, left, right, right, right];
    // (1 · 0 + ½ · 90) ÷ 1.5 = 30 and (½ · 90 + 1 · 180) ÷ 1.5 = 150.
    assert_eq!(resample_over_white(&image, 2), [column(30, 150), column(30, 150)].concat());
    // A black bar of half opacity, 2 wide and 1 high, is centred on white below its own height's half.
    let image = Decoded { width: 2, height: 1, channels: 2, pixels: vec![0, 128, 0, 128] };
    assert_eq!(resample_over_white(&image, 1), [191; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn encoded_images_decode_to_themselves(side in 1_usize..40, colour: bool, seed: u8) {
        let channels = if colour { 3 } else { 1 };
        let pixel = |i: usize| u8::try_from(i * 31 % 256).unwrap() ^ seed;
        let pixels: Vec<u8> = (0..side * side * channels).map(pixel).collect();
        let decoded = decode_png(&encode_png(&pixels, side)).unwrap();
        prop_assert_eq!(decoded, Decoded { width: side, height: side, channels, pixels });
    }

    #[test]
    fn broken_shards_never_panic(at in 0_usize..3072, value: u8, cut in 0_usize..3072) {
        let image = png(3);
        let mut shard = tar_of(&[("a.png", &image), ("a.json", JSON)]);
        let length = shard.len();
        shard[at % length] = value;
        drop(load(&[(&shard, 1, &[])]));
        drop(load(&[(&shard[..cut % length], 1, &[])]));
    }
}

/// Whatever its size and kind, an image is what `OpenCLIP`'s preprocessing makes of it.
#[test]
fn images_of_the_models_size_are_preprocessed_as_any_other() {
    use png::{BitDepth, ColorType};
    let encode = |colour: ColorType, depth: BitDepth, transparent: Option<&[u8]>| {
        let depth_bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
        let bytes: Vec<u8> = (0..16 * colour.samples() * depth_bytes)
            .map(|i| u8::try_from(i * 37 % 256).unwrap())
            .collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, 4, 4);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if let Some(colour) = transparent {
            encoder.set_trns(colour.to_vec());
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&bytes).unwrap();
        writer.finish().unwrap();
        file
    };
    let kinds = [
        encode(ColorType::Rgba, BitDepth::Eight, None),
        encode(ColorType::GrayscaleAlpha, BitDepth::Eight, None),
        encode(ColorType::Grayscale, BitDepth::Sixteen, None),
        encode(ColorType::Rgb, BitDepth::Sixteen, None),
        encode(ColorType::Rgb, BitDepth::Eight, Some(&[0, 0, 0, 37, 0, 74])),
        encode(ColorType::Grayscale, BitDepth::Eight, Some(&[0, 37])),
        encode(ColorType::Rgb, BitDepth::Eight, None),
        encode(ColorType::Grayscale, BitDepth::Eight, None),
    ];
    for (kind, image) in kinds.iter().enumerate() {
        let shard = tar_of(&[("a.png", image), ("a.json", JSON)]);
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "s.tar", &shard);
        let manifest = Manifest::new(vec![entry("s.tar", &shard, 1, &[])]);
        write(dir.path(), "manifest.json", &manifest.canonical_bytes());
        let dataset = Dataset::open(dir.path(), 4, Memory::default()).unwrap();
        let view = preprocess::decode(image).unwrap().evaluation_view(4);
        let planes: Vec<u8> =
            (0..3).flat_map(|c| view.iter().skip(c).step_by(3).copied()).collect();
        assert_eq!(dataset.image(0).unwrap(), planes, "kind {kind}");
    }
}

fn listed(shard: &[u8]) -> Result<Vec<Sample>, DataError> {
    list_shard("s", Cursor::new(shard), shard.len() as u64, &BTreeSet::new())
}

#[test]
fn a_text_is_one_caption_and_for_retrieval_one_a_line() {
    let image = png(0);
    let texts = |text: &str, json: &[u8]| {
        let shard = tar_of(&[("a.png", &image), ("a.txt", text.as_bytes()), ("a.json", json)]);
        let samples = listed(&shard).unwrap();
        let retrieved: Vec<_> = samples[0].retrieved().cloned().collect();
        (samples[0].captions.clone(), retrieved)
    };
    assert_eq!(texts("a cat\n", b"{}"), (vec!["a cat".into()], vec!["a cat".into()]));
    let (captions, retrieved) = texts("a cat\r\na dog\n\na\u{2028}fish\n", JSON);
    assert_eq!(captions, ["a cat", "cat", "a cat\r\na dog\n\na\u{2028}fish"]);
    // By Python's `str.splitlines`, the empty line too.
    assert_eq!(retrieved, ["a cat", "cat", "a cat", "a dog", "", "a", "fish"]);
}

/// As image downloaders and others write it: what is not in our form was not meant for us.
#[test]
fn json_of_others_costs_no_sample() {
    let image = png(0);
    let sample = |json: &[u8], text: bool| {
        let mut members: Vec<(&str, &[u8])> = vec![("a.png", &image), ("a.json", json)];
        members.extend(text.then_some(("a.txt", &b"a cat"[..])));
        listed(&tar_of(&members)).map(|mut samples| samples.remove(0))
    };
    for json in [
        &br#"{"label": "dog"}"#[..],
        br#"{"captions": null, "label": -1}"#,
        br#"{"captions": 3, "caption": "of the downloader"}"#,
        b" [1]",
        b"[[\"x\"], 3]",
        b"null",
    ] {
        let read = sample(json, true).unwrap();
        assert_eq!((&*read.captions, read.label), (&["a cat".to_owned()][..], None));
        let alone = sample(json, false).ok().map(|sample| sample.captions);
        let has_caption = json.windows(9).any(|part| part == b"\"caption\"");
        assert_eq!(alone, has_caption.then(|| vec!["of the downloader".to_owned()]));
    }
    assert_eq!(sample(br#"{"captions": "one"}"#, false).unwrap().captions, ["one"]);
    assert!(sample(b"{", true).is_err(), "what is no JSON at all is an error");
    // As Python's `json` reads it.
    assert_eq!(sample(br#"{"caption": "a", "caption": "b"}"#, false).unwrap().captions, ["b"]);
}

/// What has no label is often marked so.
#[test]
fn a_class_below_zero_is_none() {
    let image = png(0);
    let of = |members: &[(&str, &[u8])]| listed(&tar_of(members)).map(|mut read| read.remove(0));
    let unlabelled = of(&[("a.png", &image), ("a.txt", b"a"), ("a.cls", b"-1\n")]).unwrap();
    assert_eq!((unlabelled.captions.len(), unlabelled.label), (1, None));
    assert!(of(&[("a.png", &image), ("a.cls", b"-1")]).is_err(), "neither caption nor label");
    assert!(of(&[("a.png", &image), ("a.txt", b"a"), ("a.cls", b"-x")]).is_err());
}

/// GNU tar writes extended attributes of files so.
#[test]
fn values_of_pax_attributes_may_hold_anything() {
    let image = png(0);
    let attributes = |records: &[u8]| {
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, "PaxHeaders/a", tar::EntryType::XHeader, records);
        append(&mut builder, "a.png", tar::EntryType::Regular, &image);
        append(&mut builder, "a.txt", tar::EntryType::Regular, b"x");
        listed(&builder.into_inner().unwrap())
    };
    let whole = b"37 SCHILY.xattr.user.note=one\n2 a=b\n\n16 path=b/a.png\n";
    let samples = attributes(whole).map(|samples| samples[0].key.clone());
    assert!(samples.is_err(), "the caption is of another sample: {samples:?}");
    let note = b"37 SCHILY.xattr.user.note=one\n2 a=b\n\n";
    assert_eq!(attributes(note).unwrap()[0].key, "a");
    for broken in
        [&b"x a=b\n"[..], b"5 a=b\n", b"5 ab\n", b"0 ", b"99 a=b\n", b"6a=b\n", b"+7 a=b\n"]
    {
        let error = attributes(broken).unwrap_err();
        assert!(super::error::chain(&error).contains("pax"), "{error:?}");
    }
}

/// The `tar` crate would read it whole, whatever its header says.
#[test]
fn long_names_are_read_and_endless_ones_refused() {
    let image = png(0);
    let long = "a".repeat(180);
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [(format!("{long}.png"), &image[..]), (format!("{long}.txt"), b"x")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content).unwrap();
    }
    for (name, content) in [("é.png", &image[..]), ("é.txt", b"x")] {
        builder.append_pax_extensions([("path", name.as_bytes()), ("mtime", b"1.5")]).unwrap();
        append(&mut builder, &name.replace('é', "e"), tar::EntryType::Regular, content);
    }
    let shard = builder.into_inner().unwrap();
    let keys: Vec<_> = listed(&shard).unwrap().into_iter().map(|sample| sample.key).collect();
    assert_eq!(keys, [&*long, "é"]);
    assert_eq!(scan_shard("s", &shard[..]).unwrap().samples, 2);
    for (kind, size) in [
        (tar::EntryType::GNULongName, 1500 << 20),
        (tar::EntryType::XHeader, 1500 << 20),
        (tar::EntryType::XHeader, u64::MAX / 2),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        // As much as is asked for, and nothing of it is held.
        let endless = header.as_bytes().chain(std::io::repeat(b'a'));
        let error = scan_shard("s", endless).unwrap_err();
        assert!(super::error::chain(&error).contains("too long"), "{error:?}");
    }
    let mut dangling = tar::Builder::new(Vec::new());
    dangling.append_pax_extensions([("path", &b"a.png"[..])]).unwrap();
    let error = scan_shard("s", &dangling.into_inner().unwrap()[..]).unwrap_err();
    assert!(super::error::chain(&error).contains("should follow"), "{error:?}");
    let mut twice = tar::Builder::new(Vec::new());
    twice.append_pax_extensions([("size", &b"5"[..])]).unwrap();
    append(&mut twice, "a.txt", tar::EntryType::Regular, b"x");
    let error = scan_shard("s", &twice.into_inner().unwrap()[..]).unwrap_err();
    assert!(super::error::chain(&error).contains("two sizes"), "{error:?}");
}
