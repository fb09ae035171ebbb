//! The program knows no model and no data set of the paper: what is found in its tables is found by rules that the
//! experiment states.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Models and data sets of arXiv:2212.07143, in lower case.
const NAMES: &[&str] = &[
    "laion",
    "clip-wit",
    "vit-",
    "b/32",
    "b/16",
    "l/14",
    "h/14",
    "g/14",
    "imagenet",
    "objectnet",
    "mscoco",
    "ms-coco",
    "flickr",
    "vtab",
    "cifar",
    "caltech101",
    "clevr",
    "dmlab",
    "dsprites",
    "eurosat",
    "kitti",
    "pcam",
    "resisc45",
    "smallnorb",
    "svhn",
    "country211",
    "fer2013",
    "fgvc",
    "gtsrb",
    "mnist",
    "renderedsst2",
    "stl10",
    "sun397",
    "voc2007",
];

#[test]
fn no_model_or_data_set_of_the_paper_is_named_in_the_program() {
    let files = rust_files(Path::new("src"));
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|path| test_modules(path)).collect();
    let mut scanned = 0;
    for path in files.iter().filter(|path| !tests.iter().any(|test| path.starts_with(test))) {
        let code = program_of(&fs::read_to_string(path).unwrap()).to_lowercase();
        for name in NAMES {
            assert!(!code.contains(name), "{} names `{name}`", path.display());
        }
        scanned += 1;
    }
    assert!(scanned > 100, "{scanned} files of the program were read");
}

#[test]
fn the_scanner_sees_strings_and_passes_over_comments_and_tests() {
    let text =
        "// VTAB\nlet a = \"ViT-B-32\"; // CIFAR\n#[cfg(test)]\nmod tests {\n    \"MNIST\"\n}\n";
    assert_eq!(program_of(text), "\nlet a = \"ViT-B-32\"; \n");
}

/// `text` without comments and without its inline test module, which stands last.
fn program_of(text: &str) -> String {
    let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut code = String::new();
    for line in program.lines() {
        // An address is no comment.
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        code.push_str(&line[..comment.map_or(line.len(), |(at, _)| at)]);
        code.push('\n');
    }
    code
}

/// The files and folders of the modules that `path` declares for tests only.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(path).unwrap();
    let folder =
        if path.ends_with("mod.rs") || path.ends_with("lib.rs") || path.ends_with("main.rs") {
            path.parent().unwrap().to_owned()
        } else {
            path.with_extension("")
        };
    let mut modules = Vec::new();
    for declaration in text.split("#[cfg(test)]\n").skip(1) {
        let line = declaration.lines().next().unwrap().trim();
        let name = line.rsplit("mod ").next().unwrap();
        if let Some(name) = name.strip_suffix(';') {
            modules.extend([folder.join(name), folder.join(format!("{name}.rs"))]);
        }
    }
    modules
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
