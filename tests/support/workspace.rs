//! A workspace in a folder of its own, with a store of its own, and no environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The target that most stories run.
pub(crate) const SMOKE: &str = "pictogram-scaling-laws/smoke";
/// Its experiment's file.
pub(crate) const PACKAGE: &str = "experiments/pictogram-scaling-laws/package.dhall";

/// A temporary workspace.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Workspace {
    /// A workspace with the repository's experiments and lockfiles, and a store that holds no result. What the
    /// experiments evaluate to is remembered, as long as they are not edited.
    pub(crate) fn of_repository() -> Self {
        let workspace = Self::empty();
        for folder in ["experiments", "lockfiles"] {
            copy_folder(&repository().join(folder), &workspace.path(folder));
        }
        let evaluations = shards().with_file_name("evaluations");
        copy_folder(&evaluations, &workspace.path(".ibid/evaluations"));
        workspace
    }

    /// A folder with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Reads a file of the workspace.
    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Replaces a file of the workspace.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces `from`, which must occur, by `to` in a file of the workspace.
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} does not contain `{from}`");
        self.write(relative, &text.replace(from, to));
    }

    /// The program in this workspace, with an empty environment and the shared shards at hand.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibid"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("IBID_MIRRORS", shards());
        command
    }

    /// A workspace with the experiment `mine` that `new` writes.
    pub(crate) fn with_new() -> Self {
        let workspace = Self::empty();
        workspace.ok(&["init"]);
        workspace.ok(&["new", "mine"]);
        workspace
    }

    /// A workspace in which `smoke` was reproduced: a copy of one that did it.
    pub(crate) fn with_smoke() -> Self {
        let workspace = Self::empty();
        copy_folder(smoke(), &workspace.path(""));
        workspace
    }

    /// Runs the program here.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Runs the program here, without the shared shards.
    pub(crate) fn run_without_mirrors(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        Ran::from(command.env_remove("IBID_MIRRORS").output().unwrap())
    }

    /// Runs the program here, which must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "ibid {arguments:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// The number after `word` in the verdict line: 3 after `executed` in `executed 3, …`.
    pub(crate) fn verdict(&self, word: &str) -> u64 {
        let line = self.stdout.lines().last().unwrap_or_default();
        let tail = line.split(&format!("{word} ")).nth(1);
        let number = tail.and_then(|tail| tail.split([',', '/', ';', ' ']).next());
        number
            .and_then(|n| n.parse().ok())
            .unwrap_or_else(|| panic!("no `{word} n` in `{line}`: {}", self.stderr))
    }
}

/// A table that authors published, found by its digest: below the folders of `IBID_MIRRORS`, or below `shared/data`
/// beside the repository. `None`, and a message, where nobody put it; such tables are not ours to commit.
pub(crate) fn authors_table(name: &str, sha256: &str) -> Option<String> {
    let named = std::env::var_os("IBID_MIRRORS").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&named).collect();
    folders.push(repository().join("../shared/data"));
    let expected: ibid::digest::BlobDigest = sha256.parse().unwrap();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|found| found == name)
                && let Ok(bytes) = fs::read(&path)
                && ibid::digest::BlobDigest::of(&bytes) == expected
            {
                return Some(String::from_utf8(bytes).unwrap());
            }
        }
    }
    println!("skipped: `{name}` ({sha256}) is in no folder of IBID_MIRRORS");
    None
}

/// The repository that these tests belong to.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with the pinned files that `smoke` reads: the blobs of a store that ran it. It outlives builds, and each
/// test process runs `smoke` there once, which renders what it lacks.
fn shards() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shards");
        fs::create_dir_all(&folder).unwrap();
        // Several test processes may want it at once.
        let lock = fs::File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let store = folder.join("store");
        let out = folder.join("out");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ibid"));
        command.args(["reproduce", SMOKE, "--store"]).arg(&store).arg("--out").arg(out);
        let output = command.current_dir(repository()).env_clear().output().unwrap();
        let ran = Ran::from(output);
        // What it reads is of interest, not what it gives: that may be of another build.
        let has_read = matches!(ran.code, Some(0 | 1));
        assert!(has_read, "ibid reproduce {SMOKE}\n{}\n{}", ran.stdout, ran.stderr);
        store.join("cas")
    })
}

/// A workspace in which `smoke` was reproduced, made once by each build of the program.
fn smoke() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = fs::metadata(env!("CARGO_BIN_EXE_ibid")).unwrap();
        let built = program.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = base.join(format!("smoke-{}", built.as_nanos()));
        // Several test processes may want it at once.
        let lock = fs::File::create(base.join("smoke.lock")).unwrap();
        lock.lock().unwrap();
        if !folder.exists() {
            // Of builds that nobody runs any more.
            let day = std::time::Duration::from_secs(24 * 3600);
            let is_old = |path: &Path| {
                let age =
                    fs::metadata(path).and_then(|meta| meta.modified()).map(|at| at.elapsed());
                age.is_ok_and(|age| age.is_ok_and(|age| age > day))
            };
            for old in fs::read_dir(base).unwrap().map(|entry| entry.unwrap().path()) {
                let name = old.file_name().unwrap().to_str().unwrap_or_default();
                if name.starts_with("smoke-") && is_old(&old) {
                    drop(fs::remove_dir_all(&old));
                }
            }
            let workspace = Workspace::of_repository();
            workspace.ok(&["reproduce", SMOKE]);
            // A copy's store is to know of the copy.
            fs::remove_dir_all(workspace.path(".ibid/workspaces")).unwrap();
            fs::create_dir(workspace.path(".ibid/workspaces")).unwrap();
            let new = base.join("smoke.new");
            drop(fs::remove_dir_all(&new));
            copy_folder(&workspace.path(""), &new);
            fs::rename(new, &folder).unwrap();
        }
        folder
    })
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
