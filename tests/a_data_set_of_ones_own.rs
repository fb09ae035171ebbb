//! Somebody's own pairs, from a web server to a table: shards are pinned where they are, several captions an image, random
//! resized crops; what cannot be read is skipped and counted; what cannot be read and was not listed ends in one error.

use std::collections::BTreeMap;

use ibid::action::manifest::Manifest;
use ibid::digest::BlobDigest;

use crate::support::server::{Server, answer};
use crate::support::{Workspace, repository};

/// `a`, `of`, `photo`, `cat`, `flag`, `icon`, `arrow`.
const VOCABULARY: &str = "320\n539\n1125\n2368\n4859\n5646\n11149\n";
const CLASSES: [&str; 4] = ["cat", "flag", "icon", "arrow"];
const TABLE: &str = "mine/measured";

/// A picture of 24 by 20 pixels.
fn png(shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 24, 20);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> =
        (0..24 * 20 * 3_u16).map(|i| shade.wrapping_mul(i.to_le_bytes()[0] | 1)).collect();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Eight pairs; the image of the sample of that number is broken.
fn shard(number: u8, broken: Option<u8>) -> Vec<u8> {
    let jpeg = repository().join("tests/golden/images/05-jpg-RGB-420-progressive.jpg");
    let jpeg = std::fs::read(jpeg).unwrap();
    let mut builder = tar::Builder::new(Vec::new());
    for sample in 0..8 {
        let class = CLASSES[usize::from(sample % 4)];
        let (key, label) = (format!("{number}-{sample}"), sample % 4);
        let json =
            format!(r#"{{"captions":["a photo of a {class}","{class} icon"],"label":{label}}}"#);
        let (extension, mut image) = if sample == 5 {
            ("jpg", jpeg.clone())
        } else {
            ("png", png(number * 40 + sample * 5 + 1))
        };
        if broken == Some(sample) {
            image.truncate(60);
        }
        for (extension, content) in [("json", json.as_bytes()), (extension, &image)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, format!("{key}.{extension}"), content).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

/// Serves four shards of eight samples, of which one is broken, and whatever is put there.
fn serve(workspace: &Workspace) -> Server {
    for number in 0..4 {
        let path = format!("web/{number:05}.tar");
        std::fs::create_dir_all(workspace.path("web")).unwrap();
        let broken = (number == 2).then_some(6);
        std::fs::write(workspace.path(&path), shard(number, broken)).unwrap();
    }
    let web = workspace.path("web");
    Server::http(move |asked, out| match std::fs::read(web.join(&asked.target[1..])) {
        Ok(bytes) => answer(out, 200, &[], &bytes),
        Err(_) => answer(out, 404, &[], b""),
    })
}

/// Writes the experiment `mine` on what the manifest in the folder of the server lists.
fn write_experiment(workspace: &Workspace, server: &Server) {
    let manifest = std::fs::read(workspace.path("web/photographs.json")).unwrap();
    let listed = Manifest::decode(&manifest).unwrap();
    let shard_bytes: u64 = listed.files.iter().map(|file| file.bytes).sum();
    let classes = CLASSES.join("\n") + "\n";
    workspace.write("experiments/files/vocabulary.txt", VOCABULARY);
    workspace.write("experiments/files/classes.txt", &classes);
    let pin = |text: &str| {
        format!("sha256 = \"{}\", bytes = {}", BlobDigest::of(text.as_bytes()), text.len())
    };
    let replaced = BTreeMap::from([
        ("SERVER", server.url.clone()),
        ("MANIFEST_SHA256", BlobDigest::of(&manifest).to_string()),
        ("MANIFEST_BYTES", manifest.len().to_string()),
        ("SHARD_BYTES", shard_bytes.to_string()),
        ("SAMPLES", listed.samples().to_string()),
        ("VOCABULARY_PIN", pin(VOCABULARY)),
        ("CLASSES_PIN", pin(&classes)),
    ]);
    let template = repository().join("tests/support/photographs.dhall");
    let mut text = std::fs::read_to_string(template).unwrap();
    for (name, value) in replaced {
        text = text.replace(name, &value);
    }
    workspace.write("experiments/mine/package.dhall", &text);
}

fn pin(workspace: &Workspace, server: &Server) -> String {
    let shards = format!("{}/{{00000..00003}}.tar", server.url);
    let manifest = ["--manifest", "web/photographs.json"];
    workspace.ok(&[&["data", "pin", "--shards", &shards][..], &manifest].concat()).stdout
}

#[test]
fn pairs_on_a_web_server_are_pinned_trained_on_and_measured() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    let server = serve(&workspace);
    let pinned = pin(&workspace, &server);
    assert!(pinned.contains("31 (1 skipped)"), "{pinned}");
    let by_web = workspace.read("web/photographs.json");
    // The manifest says nothing of where the shards lay.
    workspace.ok(&[
        "data",
        "pin",
        "--shards",
        "web/{00000..00003}.tar",
        "--manifest",
        "by-path.json",
    ]);
    assert_eq!(workspace.read("by-path.json"), by_web);
    write_experiment(&workspace, &server);
    workspace.ok(&["check", "mine"]);
    workspace.ok(&["reproduce", TABLE]);
    let table = workspace.read("out/mine/measured/table.csv");
    let header = table.lines().next();
    assert_eq!(header, Some("run,image,text,acc1,probed,tuned"), "{table}");
    let numbers = table.lines().nth(1).unwrap().split(',').skip(1);
    for number in numbers {
        assert!((0.0..=1.0).contains(&number.parse::<f64>().unwrap()), "{table}");
    }
    // Every result counts what was skipped.
    let mut counted = 0;
    for entry in std::fs::read_dir(workspace.path("out/mine/measured/evaluations")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["metrics"]["skipped"], 1.0, "{text}");
        assert_eq!(value["metrics"]["samples"], 31.0, "{text}");
        counted += 1;
    }
    // CLIP_benchmark has no fine-tuning, so there is no file of its for that.
    assert_eq!(counted, 3);
    // The rectangles that visits see are the same on any number of threads.
    workspace.ok(&["lock", "mine"]);
    workspace.ok(&["verify", "mine", "--threads", "3"]);
}

#[test]
fn a_sample_that_breaks_later_ends_in_one_error_that_names_it() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    let server = serve(&workspace);
    pin(&workspace, &server);
    // A manifest that knows nothing of the broken sample.
    let manifest = std::fs::read(workspace.path("web/photographs.json")).unwrap();
    let mut listed = Manifest::decode(&manifest).unwrap();
    let file = listed.files.iter_mut().find(|file| !file.skipped.is_empty()).unwrap();
    file.skipped.clear();
    file.samples += 1;
    std::fs::write(workspace.path("web/photographs.json"), listed.canonical_bytes()).unwrap();
    write_experiment(&workspace, &server);
    let ran = workspace.run(&["reproduce", TABLE]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    for word in ["00002.tar", "2-6.png"] {
        assert!(ran.stderr.contains(word), "`{word}`: {}", ran.stderr);
    }
}

#[test]
fn a_shard_that_cannot_be_fetched_is_named() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    let server = serve(&workspace);
    let check = |shards: &str, more: &[&str], code: i32, words: &[&str]| {
        let all = [&["data", "pin", "--manifest", "m.json", "--shards", shards], more].concat();
        let ran = workspace.run(&all);
        assert_eq!(ran.code, Some(code), "{shards}: {}", ran.stderr);
        for word in words {
            assert!(ran.stderr.contains(word), "{shards}, `{word}`: {}", ran.stderr);
        }
        assert!(!workspace.path("m.json").exists());
    };
    let all = format!("{}/{{00000..00004}}.tar", server.url);
    check(&all, &["--threads", "1"], 3, &["00004.tar", "HTTP 404", "goes on"]);
    check(&all, &["--offline"], 3, &["--offline"]);
    check("ftp://host/a.tar", &[], 2, &["ftp"]);
    check("file:///a.tar", &[], 3, &["file"]);
    // What was read before is not fetched again.
    let before = server.asked().len();
    std::fs::write(workspace.path("web/00004.tar"), shard(4, None)).unwrap();
    let ran = workspace.ok(&["data", "pin", "--manifest", "m.json", "--shards", &all]);
    assert!(ran.stdout.contains("39 (1 skipped)"), "{}", ran.stdout);
    assert_eq!(server.asked().len(), before + 1);
}

#[test]
fn a_file_that_only_the_last_actions_read_is_missed_before_the_first() {
    let workspace = Workspace::empty();
    workspace.ok(&["init"]);
    let server = serve(&workspace);
    pin(&workspace, &server);
    write_experiment(&workspace, &server);
    std::fs::remove_file(workspace.path("experiments/files/classes.txt")).unwrap();
    let ran = workspace.run(&["reproduce", TABLE]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("classes.txt"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("train") && !ran.stderr.contains("finished"), "{}", ran.stderr);
    // Who keeps going gets what can be had.
    let ran = workspace.run(&["reproduce", TABLE, "--keep-going"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("finished"), "{}", ran.stderr);
}
