//! Child processes: this very test binary, told to be one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::*;
use crate::jobs::Device;

/// The child's side: serves requests with the directed job.
#[test]
#[ignore = "the child process of other tests"]
fn child_process() {
    worker::serve(&mut std::io::stdin().lock(), &mut std::io::stdout(), &directed_job);
}

/// A whole run in a process of its own, which the test kills: reads the store's folder from standard input.
#[test]
#[ignore = "the parent process of other tests"]
fn parent_process() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let store = Store::open(Path::new(line.trim())).unwrap();
    let cancelled = AtomicBool::new(false);
    let options = Options::new(2, &StoreOnly, &cancelled, &CLOCK);
    run(&waiting().0, &store, &local(&store), &options, &mut |_| {}).unwrap();
}

fn this_binary() -> PathBuf {
    std::fs::read_link("/proc/self/exe").unwrap()
}

fn arguments(test: &str) -> Vec<std::ffi::OsString> {
    ["--exact", &format!("exec::tests::children::{test}"), "--ignored", "--nocapture"]
        .map(Into::into)
        .to_vec()
}

fn local_options(store: &Path) -> LocalOptions {
    LocalOptions {
        program: this_binary(),
        arguments: arguments("child_process"),
        level: crate::jobs::Level::Scalar,
        device: Device::Cpu,
        variables: Vec::new(),
        resume_interval: Duration::from_secs(60),
        grace: Duration::from_secs(20),
        tmp: store.join("tmp"),
        kernels: store.join("kernels"),
    }
}

fn local(store: &Store) -> LocalExecutor {
    LocalExecutor::new(local_options(store.root()))
}

/// What only a child may do.
pub(super) fn misbehave(how: &str, context: &mut JobContext<'_>) -> String {
    match how {
        "abort" => std::process::abort(),
        "kill" => {
            let signal = rustix::process::Signal::KILL;
            rustix::process::kill_process(rustix::process::getpid(), signal).unwrap();
            unreachable!("killed");
        }
        "memory" => {
            let limit = rustix::process::Rlimit { current: Some(1 << 29), maximum: Some(1 << 29) };
            rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
            // Without the black box the allocation is optimised away.
            format!("{}", std::hint::black_box(vec![1_u8; 1 << 30]).len())
        }
        "thread" => panic!("failed to spawn thread: Os {{ code: 11, kind: WouldBlock }}"),
        "large file" => {
            let limit = rustix::process::Rlimit { current: Some(1 << 16), maximum: Some(1 << 16) };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
            let path = context.outputs.join("large");
            let written = crate::fs::write_atomic(&path, &vec![0; 1 << 17], Durability::Relaxed);
            format!("{}", written.unwrap_err())
        }
        "reach" => reach(context),
        "environment" => format!("{:?}", std::env::vars_os().collect::<Vec<_>>()),
        "speak" => {
            use std::io::Write;
            std::io::stderr().write_all(b"to the error\n").unwrap();
            std::io::stdout().write_all(b"to the output\n").unwrap();
            (context.progress)(Progress { done: 3, total: 4, unit: "words".to_owned() });
            "spoken".to_owned()
        }
        _ => std::process::id().to_string(),
    }
}

/// What a job can do that it should not.
fn reach(context: &JobContext<'_>) -> String {
    let outside = context.outputs.join("../../outside");
    let trials: [(&str, std::io::Result<()>); 6] = [
        ("reads /etc/passwd", std::fs::read("/etc/passwd").map(drop)),
        ("reads the store", std::fs::read_dir(context.outputs.join("../../../../cas")).map(drop)),
        ("writes outside", std::fs::File::create(outside).map(drop)),
        ("changes an input", std::fs::File::create(context.inputs.join("new")).map(drop)),
        ("connects", std::net::TcpStream::connect(("127.0.0.1", 9)).map(drop)),
        ("starts a program", Command::new("/bin/true").status().map(drop)),
    ];
    let is_refused = |result: &std::io::Result<()>| matches!(result, Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied);
    let done = trials.iter().filter(|(_, result)| !is_refused(result));
    done.map(|(what, _)| *what).collect::<Vec<_>>().join(", ")
}

fn waiting() -> (Plan, RecipeId) {
    let mut draft = Draft::default();
    let id = draft.add(&["slow", "wait"], &[]);
    (draft.target(&[id]), id)
}

/// Runs one action in a child.
fn run_one(bed: &Bed, how: &str) -> (RecipeId, Summary, Vec<Event>) {
    let mut draft = Draft::default();
    let id = draft.add(&["one", "process", how], &[]);
    let plan = draft.target(&[id]);
    let mut events = Vec::new();
    let summary = run(&plan, &bed.store, &local(&bed.store), &bed.options(), &mut |event| {
        events.push(event.clone());
    })
    .unwrap();
    (id, summary, events)
}

#[test]
fn a_crash_and_a_kill_are_told_apart_and_name_the_log() {
    for (how, kind, reason) in [
        ("abort", FailureKind::Bug, "signal 6"),
        ("kill", FailureKind::OutOfMemory, "signal 9"),
        ("memory", FailureKind::OutOfMemory, "memory allocation of 1073741824 bytes failed"),
        ("thread", FailureKind::OutOfMemory, "failed to spawn thread"),
    ] {
        let bed = Bed::new();
        let (id, summary, _) = run_one(&bed, how);
        let (_, failure) = &summary.failures[&id];
        assert_eq!(failure.kind, kind, "{failure}");
        assert!(failure.message.contains(reason), "{failure}");
        assert!(failure.log.as_ref().unwrap().is_file());
    }
}

#[test]
fn a_child_sees_no_environment() {
    let bed = Bed::new();
    let (id, summary, _) = run_one(&bed, "environment");
    assert_eq!(bed.text(&summary, &id), "[]");
}

#[test]
fn a_file_beyond_the_limit_is_an_error_and_not_the_end_of_the_child() {
    let bed = Bed::new();
    let (id, summary, _) = run_one(&bed, "large file");
    let said = bed.text(&summary, &id);
    assert!(said.starts_with("no space left to write "), "{said}");
}

#[test]
#[allow(clippy::print_stderr, reason = "a test says that it skips")]
fn a_child_reaches_nothing_but_its_folders() {
    use crate::confinement::{Extent, probe};
    let in_force = probe().unwrap();
    if in_force.files == Extent::None || in_force.system_calls == Extent::None {
        eprintln!("skipped: {in_force}");
        return;
    }
    let bed = Bed::new();
    let (id, summary, _) = run_one(&bed, "reach");
    assert_eq!(bed.text(&summary, &id), "");
}

#[test]
fn what_a_job_says_is_in_its_log_and_progress_in_the_events() {
    let bed = Bed::new();
    let (id, summary, events) = run_one(&bed, "speak");
    let words = Progress { done: 3, total: 4, unit: "words".to_owned() };
    let reported =
        |event: &Event| matches!(event, Event::Progress { progress, .. } if *progress == words);
    assert!(events.iter().any(reported), "{events:?}");
    let key = summary.outcomes[&id].key.unwrap();
    let hex = key.to_string();
    let dir = bed.store.root().join("attestations").join(&hex[..2]).join(&hex[2..]);
    let paths = crate::fs::entries(&dir).unwrap();
    let log = paths.iter().find(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("to the error\n") && text.contains("to the output\n"), "{text}");
    let attestation = &bed.store.attestations(&key).unwrap()[0];
    assert_eq!((&*attestation.label, &*attestation.maker.device), ("one", "cpu scalar"));
}

#[test]
fn attestations_name_the_device_that_computed() {
    let device = Device::Emulated { processors: 1, backwards: false, memory: 0 };
    let executor =
        LocalExecutor::new(LocalOptions { device, ..local_options(Path::new("nowhere")) });
    assert_eq!(executor.device(JobKind::Train), "emulated sm_90, cpu scalar");
    assert_eq!(executor.device(JobKind::Collect), "cpu scalar");
}

#[test]
fn cheap_actions_share_a_child_and_others_have_one_each() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let cheap: Vec<_> =
        (0..4).map(|i| draft.add(&[&format!("c{i}"), "process", "pid"], &[])).collect();
    let plan = draft.target(&cheap);
    let options = Options { jobs: 1, ..bed.options() };
    let executor = local(&bed.store);
    let summary = run(&plan, &bed.store, &executor, &options, &mut |_| {}).unwrap();
    let mut pids: Vec<_> = cheap.iter().map(|id| bed.text(&summary, id)).collect();
    pids.sort();
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
    assert_ne!(pids[0], std::process::id().to_string());

    let mut draft = Draft::default();
    let expensive = ["e0", "e1"].map(|label| draft.add_evaluation(label));
    let plan = draft.target(&expensive);
    let before = executor.idle_count();
    let summary = run(&plan, &bed.store, &executor, &options, &mut |_| {}).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(executor.idle_count(), before, "none is kept for later");
}

#[test]
fn a_cancelled_child_leaves_a_checkpoint_and_the_next_run_continues() {
    let bed = Bed::new();
    let (plan, id) = waiting();
    let summary = run(&plan, &bed.store, &local(&bed.store), &bed.options(), &mut |event| {
        if matches!(event, Event::Progress { .. }) {
            bed.cancelled.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(summary.interrupted && summary.failures.is_empty(), "{summary:?}");
    assert_eq!(summary.skipped, [id]);
    bed.cancelled.store(false, Ordering::Relaxed);
    let summary = run(&plan, &bed.store, &local(&bed.store), &bed.options(), &mut |_| {}).unwrap();
    assert_eq!(bed.text(&summary, &id), "resumed");
}

#[test]
fn a_child_dies_with_its_parent_and_its_lock_is_free() {
    use std::io::Write;
    let bed = Bed::new();
    let (plan, id) = waiting();
    let key = plan.nodes()[&id].action.resolve(|_, _| None).unwrap().key();
    let mut parent = Command::new(this_binary())
        .args(arguments("parent_process"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(parent.stdin.as_mut().unwrap(), "{}", bed.store.root().display()).unwrap();
    let scratch = bed.store.scratch_dir(&key);
    let pid_path = scratch.join("pid");
    let eventually = |what: &dyn Fn() -> bool| {
        (0..1_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            what()
        })
    };
    assert!(eventually(&|| pid_path.exists()), "the child starts");
    let child = std::fs::read_to_string(&pid_path).unwrap();
    assert!(crate::fs::Lock::try_exclusive(&bed.store.lock_path(&key)).unwrap().is_none());
    parent.kill().unwrap();
    parent.wait().unwrap();
    let is_gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        // A zombie waits for whoever inherited it.
        stat.map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "))
    };
    assert!(eventually(&is_gone), "the child outlives its parent");
    // What it left is used: no checkpoint in this case, so one is put there.
    crate::fs::write_atomic(&scratch.join("resume"), b"", Durability::Relaxed).unwrap();
    let summary = run(&plan, &bed.store, &local(&bed.store), &bed.options(), &mut |_| {}).unwrap();
    assert_eq!(bed.text(&summary, &id), "resumed");
}

#[test]
fn a_program_that_does_not_exist_is_an_environment_failure() {
    let bed = Bed::new();
    let executor = LocalExecutor::new(LocalOptions {
        program: PathBuf::from("/nowhere/ibid"),
        ..local_options(bed.store.root())
    });
    let (plan, id) = waiting();
    let summary = run(&plan, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap();
    assert_eq!(summary.failures[&id].1.kind, FailureKind::Environment);
}
