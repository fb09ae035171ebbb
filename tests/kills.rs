//! SIGKILL at random points: of training, checkpointing, publishing, collecting, checking and writing the lockfile.
//!
//! After every kill nothing of the run goes on, the store passes its check, and the next command continues; in the end
//! there are the bytes of an undisturbed run. `KILLS=200 SEED=7 cargo test --release kills -- --nocapture` kills that
//! often, from another seed, and prints each kill.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, kill_process_group, prlimit};

use crate::support::{Chance, PACKAGE, SMOKE, Workspace};

/// Kills of a run that says nothing else.
const KILLS: u64 = 30;
const LOCKFILE: &str = "lockfiles/pictogram-scaling-laws.lock";

/// A training of twelve steps with six published checkpoints, in place of the longer one; evaluated, so that what is
/// killed is what follows.
fn shorter() -> Workspace {
    let workspace = Workspace::of_repository();
    workspace.edit(PACKAGE, "data.glyphs-2k 4096", "data.glyphs-2k 1536");
    workspace.edit(
        PACKAGE,
        "captions = schema.CaptionChoice.Drawn",
        "captions = schema.CaptionChoice.Drawn, checkpointIntervalSteps = 2",
    );
    workspace.write(LOCKFILE, "ibid-lock/1\n");
    workspace.ok(&["plan", SMOKE]);
    workspace
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn start(mut command: Command) -> Child {
    command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What a run was doing, as far as its files tell.
fn phase(workspace: &Workspace, command: &str) -> String {
    let has = |folder: &str, name: &str| {
        let mut folders = vec![workspace.path(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().contains(name) {
                    return true;
                }
                folders.extend(entry.file_type().is_ok_and(|t| t.is_dir()).then(|| entry.path()));
            }
        }
        false
    };
    let doing = if command == "store" {
        ""
    } else if has("lockfiles", ".tmp") {
        ": writing the lockfile"
    } else if has(".ibid/work", "model.") {
        ": publishing"
    } else if has(".ibid/scratch", ".partial") {
        ": writing a checkpoint"
    } else if has(".ibid/scratch", "resume.bin") {
        ": training, resumable"
    } else if has(".ibid/work", "outputs") {
        ": executing"
    } else {
        ""
    };
    format!("{command}{doing}")
}

/// Waits until no process works in the workspace.
fn nothing_goes_on(workspace: &Workspace) {
    for waited in 0.. {
        let left = workspace.processes();
        if left.is_empty() {
            return;
        }
        assert!(waited < 500, "orphans: {left:?}");
        sleep(Duration::from_millis(10));
    }
}

/// The commands that are killed, the frequent ones more than once. A collection sees everything as three days old.
fn command(workspace: &Workspace, chance: &mut Chance) -> (&'static str, Command) {
    let resume = ["--resume-every", "0.02s"];
    match chance.below(10) {
        0 => {
            let old = ("CLOCK_OFFSET", "259200");
            let gc = workspace.on_bad_machine(&["store", "gc"], old);
            ("store", gc.unwrap_or_else(|| workspace.command(&["store", "gc"])))
        }
        1 => ("store", workspace.command(&["store", "fsck"])),
        2..=4 => ("lock", workspace.command(&[&["lock", SMOKE][..], &resume].concat())),
        _ => ("reproduce", workspace.command(&[&["reproduce", SMOKE][..], &resume].concat())),
    }
}

/// Forgets what was executed, and keeps the pinned files.
fn start_over(workspace: &Workspace) {
    for folder in ["actions", "recipes", "attestations"] {
        fs::remove_dir_all(workspace.path(".ibid").join(folder)).unwrap();
        fs::create_dir(workspace.path(".ibid").join(folder)).unwrap();
    }
    workspace.write(LOCKFILE, "ibid-lock/1\n");
}

#[test]
fn a_run_killed_at_random_points_ends_with_the_bytes_of_an_undisturbed_one() {
    let undisturbed = shorter();
    undisturbed.ok(&["lock", SMOKE]);
    let workspace = shorter();
    let begun = Instant::now();
    workspace.ok(&["reproduce", SMOKE]);
    let span = u64::try_from(begun.elapsed().as_millis()).unwrap();
    start_over(&workspace);

    let kills = number("KILLS").unwrap_or(KILLS);
    let mut chance = Chance(number("SEED").unwrap_or(1));
    let mut phases: BTreeMap<String, u64> = BTreeMap::new();
    let mut killed = 0;
    while killed < kills {
        let (name, command) = command(&workspace, &mut chance);
        let mut child = start(command);
        // A look at the store takes less time than a run.
        let within = if name == "store" { span / 12 } else { span };
        sleep(Duration::from_millis(chance.below(within.max(2))));
        if child.try_wait().unwrap().is_some() {
            if name != "store" {
                start_over(&workspace);
            }
            continue;
        }
        let phase = phase(&workspace, name);
        let pid = Pid::from_child(&child);
        // Half of the time its children must notice by themselves.
        let whole_group = chance.below(2) == 0;
        let sent = if whole_group {
            kill_process_group(pid, Signal::KILL)
        } else {
            kill_process(pid, Signal::KILL)
        };
        sent.unwrap();
        child.wait().unwrap();
        nothing_goes_on(&workspace);
        let checked = workspace.run(&["store", "fsck"]);
        assert_eq!(checked.code, Some(0), "kill {killed}, {phase}: {}", checked.stdout);
        killed += 1;
        println!(
            "kill {killed} of {kills} ({}), {phase}",
            if whole_group { "group" } else { "parent" }
        );
        *phases.entry(phase).or_default() += 1;
    }
    workspace.ok(&["lock", SMOKE]);
    assert_eq!(workspace.read(LOCKFILE), undisturbed.read(LOCKFILE));
    assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    println!("{kills} kills, the digests of an undisturbed run, every check clean: {phases:?}");
}

/// On a slow disk, so that the window is wide: before the bytes of the new lockfile are written, and before it takes the
/// place of the old one.
#[test]
fn a_lockfile_is_the_old_one_or_the_new_one_whenever_its_writer_is_killed() {
    let workspace = Workspace::with_smoke();
    let whole = workspace.read(LOCKFILE);
    let old = "ibid-lock/1\n";
    for has_bytes in [false, true] {
        workspace.write(LOCKFILE, old);
        let bad = ("SLOW_MICROSECONDS", "150000");
        let Some(command) = workspace.on_bad_machine(&["lock", SMOKE], bad) else { return };
        let mut child = start(command);
        let written = || {
            let entries = fs::read_dir(workspace.path("lockfiles")).unwrap().flatten();
            let unfinished = entries.filter(|e| e.file_name().to_string_lossy().ends_with(".tmp"));
            unfinished
                .filter_map(|entry| entry.metadata().ok())
                .any(|of| (of.len() > 0) == has_bytes)
        };
        let in_window = (0..20_000).any(|_| {
            sleep(Duration::from_millis(1));
            written()
        });
        assert!(in_window, "the lockfile is written beside the old one");
        kill_process_group(Pid::from_child(&child), Signal::KILL).unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(workspace.read(LOCKFILE), old, "{has_bytes}");
        workspace.ok(&["lock", SMOKE]);
        let new = workspace.read(LOCKFILE);
        assert!(new.lines().count() > 6 && new.lines().all(|line| whole.contains(line)), "{new}");
        let left: Vec<_> = fs::read_dir(workspace.path("lockfiles")).unwrap().flatten().collect();
        let is_unfinished = |e: &fs::DirEntry| e.file_name().to_string_lossy().ends_with(".tmp");
        assert!(!left.iter().any(is_unfinished), "nothing is left beside the lockfile: {left:?}");
    }
}

/// A child that would go on for ten seconds of processor time.
#[test]
#[cfg(target_os = "linux")]
fn an_evaluator_ends_with_its_parent() {
    let workspace = Workspace::empty();
    workspace.write(
        "slow.dhall",
        "let f = λ(n : Natural) → Natural/fold 20000 Natural (λ(n : Natural) → n + 1) n
         in  assert : Natural/fold 20000 Natural f 0 ≡ 1",
    );
    let mut parent = start(workspace.command(&["check", "slow.dhall"]));
    let state_and_parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        Some((fields.next()?.to_owned(), fields.next()?.parse::<u32>().ok()?))
    };
    let child_of = |parent: u32| {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| state_and_parent(*pid).is_some_and(|(_, of)| of == parent))
    };
    let mut found = None;
    for _ in 0..1_000 {
        found = child_of(parent.id());
        // It asks the kernel first of all; here it has long read what to do.
        if found.is_some() {
            break;
        }
        sleep(Duration::from_millis(5));
    }
    let child = found.expect("an evaluator starts");
    sleep(Duration::from_millis(500));
    assert!(state_and_parent(child).is_some_and(|(state, _)| state != "Z"), "it is at work");
    kill_process(Pid::from_child(&parent), Signal::KILL).unwrap();
    parent.wait().unwrap();
    let is_gone = || state_and_parent(child).is_none_or(|(state, _)| state == "Z");
    let gone = (0..100).any(|_| {
        sleep(Duration::from_millis(20));
        is_gone()
    });
    assert!(gone, "the evaluator goes on without its parent");
}

/// A job that has read what to do: its own thread runs, so that the kernel has loaded all of the program.
#[cfg(target_os = "linux")]
fn is_at_work(pid: u32) -> bool {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let has_threads =
        fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|tasks| tasks.count() > 1);
    has_threads && read("cmdline").split('\0').nth(1) == Some("job")
}

/// A child whose memory is limited from outside, once it trains: what the kernel of a crowded machine does.
#[test]
#[cfg(target_os = "linux")]
fn a_child_without_memory_ends_in_a_clear_error_and_the_next_run_continues() {
    let undisturbed = shorter();
    undisturbed.ok(&["lock", SMOKE]);
    let workspace = shorter();
    let run = workspace
        .command(&["lock", SMOKE, "--jobs", "1", "--threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let parent = run.id();
    // The memory that a job will need it may have already; the next one then starves.
    let starve = || {
        for pid in
            workspace.processes().into_iter().filter(|pid| *pid != parent && is_at_work(*pid))
        {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap());
            let limit = Rlimit { current: Some(1 << 24), maximum: Some(1 << 24) };
            // It may have ended since.
            prlimit(pid, Resource::As, limit).ok();
        }
    };
    let ran = thread::scope(|scope| {
        let run = scope.spawn(|| run.wait_with_output().unwrap());
        while !run.is_finished() {
            starve();
            sleep(Duration::from_millis(2));
        }
        crate::support::Ran::from(run.join().unwrap())
    });
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("memory ran out"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--jobs 1"), "{}", ran.stderr);
    workspace.ok(&["lock", SMOKE]);
    assert_eq!(workspace.read(LOCKFILE), undisturbed.read(LOCKFILE));
}
