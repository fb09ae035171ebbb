//! `data pin --shards`: a manifest of tar files, made once, in any number of threads, continued where it was stopped.

use std::fs;

use crate::support::Workspace;

/// A tar file of regular members.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn workspace() -> Workspace {
    let workspace = Workspace::of_repository();
    let golden =
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/images/05-jpg-RGB-420-progressive.jpg");
    let jpeg = fs::read(golden).unwrap();
    fs::create_dir_all(workspace.path("shards")).unwrap();
    for shard in 0..12 {
        let key = |sample: usize, extension: &str| format!("{shard:03}{sample:03}.{extension}");
        let (first, second) = (key(0, "jpg"), key(1, "jpg"));
        let (caption, other) = (key(0, "txt"), key(1, "txt"));
        let broken: &[u8] = if shard == 7 { &jpeg[..50] } else { &jpeg };
        let members =
            [(&*caption, &b"a cat"[..]), (&*first, &jpeg), (&*second, broken), (&*other, b"a dog")];
        fs::write(workspace.path(&format!("shards/{shard:05}.tar")), tar_of(&members)).unwrap();
    }
    workspace
}

const PIN: [&str; 6] =
    ["data", "pin", "--shards", "shards/{00000..00011}.tar", "--manifest", "all.json"];

#[test]
fn the_manifest_lists_every_shard_and_what_cannot_be_read() {
    let workspace = workspace();
    let ran = workspace.run(&[&PIN[..], &["--json", "--threads", "3"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let counts = ["shards", "samples", "skipped"].map(|field| printed[field].as_u64().unwrap());
    assert_eq!(counts, [12, 23, 1]);
    let manifest = fs::read(workspace.path("all.json")).unwrap();
    assert_eq!(printed["sha256"], ibid::digest::BlobDigest::of(&manifest).to_string());
    let read = ibid::action::manifest::Manifest::decode(&manifest).unwrap();
    assert_eq!(read.files[7].skipped, ["007001"]);
    let reasons = fs::read_to_string(workspace.path("all.json.skipped.tsv")).unwrap();
    assert!(reasons.starts_with("00007.tar\t007001\tjpg: it is not a JPEG image"), "{reasons}");

    // With one thread, and again: the same bytes, and nothing is left over.
    workspace.ok(&[&PIN[..], &["--threads", "1"]].concat());
    assert_eq!(fs::read(workspace.path("all.json")).unwrap(), manifest);
    assert!(!workspace.path("all.json.partial").exists());
    // Once all can be read, no list says otherwise.
    fs::copy(workspace.path("shards/00000.tar"), workspace.path("shards/00007.tar")).unwrap();
    workspace.ok(&PIN);
    assert!(!workspace.path("all.json.skipped.tsv").exists());
}

#[test]
fn shards_without_one_sample_are_an_error_that_tells_each_reason_once() {
    let workspace = workspace();
    let captions: [(&str, &[u8]); 3] = [("a.txt", b"a cat"), ("b.txt", b"b"), ("c.txt", b"c")];
    fs::write(workspace.path("bare.tar"), tar_of(&captions)).unwrap();
    let ran = workspace.run(&["data", "pin", "--shards", "bare.tar", "--manifest", "bare.json"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for said in ["skipped 3 samples, such as bare.tar, a: the sample has no image", "no sample to"]
    {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("skipped").count(), 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("\nshardBytes  ") && ran.stdout.contains(" in 1 shard\n"));
}

#[test]
fn no_file_but_a_manifest_is_written_over() {
    let workspace = workspace();
    workspace.write("notes.txt", "precious");
    let before =
        ["notes.txt", "shards/00000.tar"].map(|file| fs::read(workspace.path(file)).unwrap());
    for file in ["notes.txt", "shards/00000.tar", "shards", "/dev/null"] {
        let pin = ["data", "pin", "--shards", "shards/00000.tar", "--manifest", file];
        let ran = workspace.run(&pin);
        assert_eq!(ran.code, Some(2), "{file}: {}", ran.stderr);
        assert!(ran.stderr.contains("is no manifest"), "{file}: {}", ran.stderr);
    }
    let after =
        ["notes.txt", "shards/00000.tar"].map(|file| fs::read(workspace.path(file)).unwrap());
    assert_eq!(after, before);
    assert!(!workspace.path("shards.partial").exists());
}

#[test]
fn what_was_read_is_kept_when_a_shard_fails() {
    let workspace = workspace();
    let last = workspace.path("shards/00011.tar");
    let whole = fs::read(&last).unwrap();
    fs::write(&last, &whole[..700]).unwrap();
    let ran = workspace.run(&[&PIN[..], &["--threads", "1"]].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("00011.tar"), "{}", ran.stderr);
    assert!(!workspace.path("all.json").exists());
    // The others are not read again, as long as they have the same size and were not changed since.
    let first = workspace.path("shards/00000.tar");
    let before = fs::metadata(&first).unwrap();
    let emptied = fs::File::create(&first).unwrap();
    emptied.set_len(before.len()).unwrap();
    fs::write(&last, &whole).unwrap();
    let partial = fs::read(workspace.path("all.json.partial")).unwrap();
    emptied.set_modified(before.modified().unwrap()).unwrap();
    let ran = workspace.run(&[&PIN[..], &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("\"samples\":23"), "{}", ran.stdout);
    // One that was changed is: it has no samples any more.
    fs::write(workspace.path("all.json.partial"), partial).unwrap();
    emptied.set_modified(std::time::SystemTime::now()).unwrap();
    let ran = workspace.run(&[&PIN[..], &["--json"]].concat());
    assert!(ran.stdout.contains("\"samples\":21"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn what_is_no_shard_is_refused_in_one_error() {
    let workspace = workspace();
    let check = |pattern: &str, code: i32, word: &str| {
        let ran = workspace.run(&["data", "pin", "--shards", pattern, "--manifest", "m.json"]);
        assert_eq!(ran.code, Some(code), "{pattern}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{pattern}: {}", ran.stderr);
    };
    check("shards/00099.tar", 3, "00099.tar");
    assert!(!workspace.path("m.json.partial").exists(), "nothing is known of any shard");
    check("shards/{00000..00099}.tar", 3, "00012.tar");
    check("shards/{3..1}.tar", 2, "is not a pattern");
    check("Cargo.toml", 2, "is not named like a shard");
    workspace.write("empty.tar", "");
    check("empty.tar", 2, "the file is empty");
    let whole = fs::read(workspace.path("shards/00000.tar")).unwrap();
    fs::write(workspace.path("cut.tar"), &whole[..700]).unwrap();
    check("cut.tar", 2, "hint: a shard is one whole tar file, uncompressed: fetch it again");
    fs::File::create(workspace.path("huge.tar")).unwrap().set_len(3 << 30).unwrap();
    check("huge.tar", 2, "hint: divide it into several shards");
    let mut link = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    link.append_link(&mut header, "a.txt", "/etc/passwd").unwrap();
    fs::write(workspace.path("link.tar"), link.into_inner().unwrap()).unwrap();
    check("link.tar", 2, "tar --dereference");
    // Nobody writes to it.
    let pipe = workspace.path("pipe.tar");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    check("pipe.tar", 3, "it is no regular file");
}
