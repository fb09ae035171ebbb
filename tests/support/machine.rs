//! A machine that misbehaves, and what a sly hand does to files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{SMOKE, Workspace, skip};

/// The library that [`Workspace::on_bad_machine`] loads before the C library; none where it cannot be built.
fn interposer() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/interpose.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (target, new) =
            (folder.join("interpose.so"), folder.join(format!("{}.so", std::process::id())));
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", "-fno-builtin", "-o"])
            .arg(&new)
            .arg(source)
            .arg("-ldl");
        let built = compiler.status().is_ok_and(|status| status.success());
        // Another test process may use the one that is there.
        (built && fs::rename(&new, &target).is_ok()).then_some(target)
    };
    BUILT.get_or_init(build).as_deref()
}

impl Workspace {
    /// The program in this workspace on a machine that `variable` makes bad; none, with a word, where that cannot be
    /// arranged.
    pub(crate) fn on_bad_machine(
        &self,
        arguments: &[&str],
        variable: (&str, &str),
    ) -> Option<Command> {
        let Some(library) = interposer() else {
            skip("there is no C compiler, or no way to load its library first");
            return None;
        };
        let mut command = self.command(arguments);
        command.env("LD_PRELOAD", library).env(variable.0, variable.1);
        Some(command)
    }

    /// The store's files that hold something, relative to the workspace, in order.
    pub(crate) fn store_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path(".ibid")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.metadata().unwrap().len() > 0 {
                    let relative = path.strip_prefix(self.path("")).unwrap();
                    files.push(relative.to_str().unwrap().to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// The stored blob with the bytes of a file that `smoke` exported.
    pub(crate) fn blob_of(&self, file: &str) -> PathBuf {
        let wanted = fs::read(self.path("out").join(SMOKE).join(file)).unwrap();
        let blobs = self.store_files().into_iter().filter(|file| file.starts_with(".ibid/cas"));
        blobs.map(|blob| self.path(&blob)).find(|blob| fs::read(blob).unwrap() == wanted).unwrap()
    }

    /// Processes that work in a folder of this workspace, where there is `/proc`.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let root = self.path("").canonicalize().unwrap();
        let works_here = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let is_gone = stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ");
            !is_gone
                && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&root))
        };
        let pids = fs::read_dir("/proc").into_iter().flatten();
        let pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(works_here).collect()
    }
}

/// Flips one bit of a file, which keeps its size, permissions and time of change of its bytes.
pub(crate) fn flip(path: &Path, bit: u64) {
    let metadata = fs::metadata(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let place = usize::try_from(bit / 8).unwrap() % bytes.len();
    bytes[place] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(metadata.modified().unwrap()).unwrap();
    fs::set_permissions(path, metadata.permissions()).unwrap();
}

/// Numbers that look random and follow from a seed: splitmix64.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
