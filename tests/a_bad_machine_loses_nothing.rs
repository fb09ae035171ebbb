//! A full or read-only disk, a store that vanishes, a file system without locks, a slow one, a clock that jumps: one
//! clear error or none, and the next run gives the bytes of an undisturbed one.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{PACKAGE, Ran, SMOKE, Workspace, skip, until};

fn ends(command: &mut Command) -> Ran {
    let ran = Ran::from(command.output().unwrap());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    ran
}

/// It failed for want of something in the environment, and says so.
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "should say `{word}`: {}", ran.stderr);
    }
}

/// The next run gives the locked bytes, in a store that passes its check.
fn continues(workspace: &Workspace, store: &str) {
    let ran = workspace.ok(&["reproduce", SMOKE, "--store", store]);
    assert_eq!(ran.verdict("same bits as lockfile"), 6, "{}", ran.stdout);
    assert_eq!(workspace.run(&["store", "fsck", "--store", store]).code, Some(0));
}

/// A mounted folder, unmounted when it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// None, with a word, where this process may not mount, as in many a container.
    fn new(folder: PathBuf, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(arguments).arg(&folder).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        // Whoever may mount in a namespace of its own may mount here.
        let mut own = Command::new("unshare");
        own.args(["--mount", "mount", "-t", "tmpfs", "none"]).arg(&folder).stderr(Stdio::null());
        if own.status().is_ok_and(|status| status.success()) {
            skip(&format!("mount {} failed", arguments.join(" ")));
        } else {
            println!("skipped: this process may not mount");
        }
        None
    }

    fn again(&self, options: &str) {
        let status = Command::new("mount").args(["-o", options]).arg(&self.0).status().unwrap();
        assert!(status.success(), "mount -o {options}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_is_said_and_the_run_continues_once_there_is_room() {
    let workspace = Workspace::of_repository();
    let tmpfs = ["-t", "tmpfs", "-o", "size=1m", "none"];
    let Some(disk) = Mount::new(workspace.path("disk"), &tmpfs) else { return };
    let full = ends(&mut workspace.command(&["reproduce", SMOKE, "--store", "disk/store"]));
    refused(&full, &["space", "disk/store"]);
    disk.again("remount,size=512m");
    continues(&workspace, "disk/store");
}

#[test]
fn a_limit_on_file_sizes_is_a_full_disk() {
    let workspace = Workspace::of_repository();
    let command = workspace.command(&["reproduce", SMOKE]);
    // In blocks of 512 bytes.
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -f 100; exec \"$@\"", "sh"]).arg(command.get_program());
    limited.args(command.get_args()).current_dir(workspace.path("")).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    refused(&ends(&mut limited), &["no space left", ".ibid"]);
    continues(&workspace, ".ibid");
}

#[test]
fn a_read_only_store_serves_what_it_has_and_is_left_as_it_is() {
    let workspace = Workspace::with_smoke();
    let store = workspace.path(".ibid");
    let bind = ["--bind", store.to_str().unwrap()];
    let Some(mount) = Mount::new(workspace.path("bound"), &bind) else { return };
    mount.again("remount,bind,ro");
    let before = workspace.store_files();
    // Also without what would be remembered: evaluations, renderings, the index of recipes, the mark of the workspace.
    for gone in ["", "evaluations", "renderings", "recipes", "workspaces"] {
        if !gone.is_empty() {
            fs::remove_dir_all(store.join(gone)).unwrap();
            fs::create_dir(store.join(gone)).unwrap();
        }
        let there = workspace.store_files();
        let ran = workspace.ok(&["reproduce", SMOKE, "--store", "bound", "--out", "given"]);
        assert_eq!(ran.verdict("executed"), 0, "without `{gone}`: {}", ran.stdout);
        assert_eq!(ran.verdict("same bits as lockfile"), 6, "without `{gone}`: {}", ran.stdout);
        assert_eq!(workspace.store_files(), there, "without `{gone}`");
    }
    let kept = |file: &String| {
        !["evaluations", "renderings", "recipes/", "workspaces"].iter().any(|of| file.contains(of))
    };
    let whole = |files: Vec<String>| files.into_iter().filter(kept).collect::<Vec<_>>();
    assert_eq!(whole(workspace.store_files()), whole(before));
    // What has to be executed, here with another number of samples, is refused with the command that can.
    workspace.edit(PACKAGE, "data.glyphs-2k 4096", "data.glyphs-2k 1536");
    let before = workspace.store_files();
    refused(
        &ends(&mut workspace.command(&["reproduce", SMOKE, "--store", "bound"])),
        &["cannot be written", "train", "bound", "--store"],
    );
    assert_eq!(workspace.store_files(), before);
    workspace.edit(PACKAGE, "data.glyphs-2k 1536", "data.glyphs-2k 4096");
    drop(mount);
    continues(&workspace, ".ibid");
}

#[test]
fn a_store_that_cannot_be_a_folder_is_refused() {
    let workspace = Workspace::of_repository();
    workspace.write("file", "x");
    refused(
        &ends(&mut workspace.command(&["reproduce", SMOKE, "--store", "file/store"])),
        &["file"],
    );
}

#[test]
fn a_store_removed_under_a_run_costs_that_run_alone() {
    let workspace = Workspace::of_repository();
    let mut command = workspace.command(&["reproduce", SMOKE]);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let work = workspace.path(".ibid/work");
    let is_at_work = || fs::read_dir(&work).is_ok_and(|mut entries| entries.next().is_some());
    until("the run is under way", is_at_work);
    sleep(Duration::from_millis(150));
    // The run may be making a file at this moment.
    for _ in 0..20 {
        if fs::remove_dir_all(workspace.path(".ibid")).is_ok() {
            break;
        }
    }
    let ran = Ran::from(run.wait_with_output().unwrap());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    if ran.code != Some(0) {
        refused(&ran, &[".ibid"]);
    }
    continues(&workspace, ".ibid");
}

#[test]
fn a_file_system_without_locks_is_refused() {
    let workspace = Workspace::of_repository();
    let bad = ("BAD_LOCKS", "1");
    let Some(mut command) = workspace.on_bad_machine(&["reproduce", SMOKE], bad) else { return };
    refused(&ends(&mut command), &["cannot lock files", "--store DIR"]);
    continues(&workspace, ".ibid");
}

#[test]
fn a_slow_disk_and_a_jumping_clock_change_nothing() {
    for bad in
        [("SLOW_MICROSECONDS", "2000"), ("CLOCK_JUMPS", "1"), ("CLOCK_OFFSET", "-4000000000")]
    {
        let workspace = Workspace::with_smoke();
        fs::remove_dir_all(workspace.path(".ibid/actions")).unwrap();
        fs::create_dir(workspace.path(".ibid/actions")).unwrap();
        let Some(mut command) = workspace.on_bad_machine(&["reproduce", SMOKE], bad) else {
            return;
        };
        let ran = ends(&mut command);
        assert_eq!(ran.code, Some(0), "{bad:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.verdict("same bits as lockfile"), 6, "{bad:?}: {}", ran.stdout);
        assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0), "{bad:?}");
    }
}
