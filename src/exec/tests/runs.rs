//! What runs look up, execute, restore and report.

use super::*;

/// `a` and `b` feed `c`, which feeds `d`.
fn diamond(a: &str) -> (Plan, [RecipeId; 4]) {
    let mut draft = Draft::default();
    let first = draft.add(&["a", a], &[]);
    let second = draft.add(&["b"], &[]);
    let third = draft.add(&["c"], &[first, second]);
    let fourth = draft.add(&["d"], &[third]);
    (draft.target(&[fourth]), [first, second, third, fourth])
}

#[test]
fn a_second_run_executes_nothing_and_visits_only_targets() {
    let bed = Bed::new();
    let (plan, [.., d]) = diamond("text x");
    let first = bed.run(&plan);
    assert_eq!(counts(&first), (4, 0, 0));
    assert_eq!(bed.text(&first, &d), "d(c(x,b()))");
    let mut events = Vec::new();
    let executor = InProcess::new(directed_job);
    let second = run(&plan, &bed.store, &executor, &bed.options(), &mut |e| {
        events.push(e.clone());
    })
    .unwrap();
    assert_eq!(counts(&second), (0, 1, 0));
    assert!(second.is_complete());
    assert_eq!(second.outcomes[&d].result, first.outcomes[&d].result);
    assert!(matches!(&events[..], [Event::Hit { label, how: How::Cached, .. }] if label == "d"));
}

#[test]
fn equal_bytes_from_a_changed_upstream_cut_the_run_off() {
    let bed = Bed::new();
    bed.run(&diamond("text x").0);
    // Another recipe that gives the same bytes: `a` is executed, the rest is not.
    let mut draft = Draft::default();
    let a = draft.add(&["a, reworded", "text x"], &[]);
    let b = draft.add(&["b"], &[]);
    let c = draft.add(&["c"], &[a, b]);
    let d = draft.add(&["d"], &[c]);
    let plan = draft.target(&[d]);
    let summary = bed.run(&plan);
    assert_eq!(counts(&summary), (1, 3, 0));
    assert_eq!(summary.outcomes[&a].how, How::Executed);
    // Its recipe was recorded: next time upstream is not visited.
    assert_eq!(bed.run(&plan).outcomes.into_keys().collect::<Vec<_>>(), [d]);
}

/// The recipe of `d` is led to what another `a` gave: that is told where upstream of it is looked at, too.
#[test]
fn a_hit_that_does_not_follow_from_the_hits_before_it_is_refused() {
    let bed = Bed::new();
    let (plan, [_, _, c, d]) = diamond("text x");
    bed.run(&plan);
    let (other, [.., other_d]) = diamond("text y");
    let key = bed.run(&other).outcomes[&other_d].key.unwrap();
    let canonical = plan.nodes()[&d].action.canonical_bytes();
    bed.store.record_recipes(&[crate::store::RecipeEntry { recipe: d, key, canonical }]).unwrap();
    let mut both = plan;
    both.add_target(c);
    let executor = InProcess::new(directed_job);
    let refused = run(&both, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, ExecError::Contradicts { label } if label == "d"));
}

#[test]
fn a_changed_action_reruns_only_itself_and_what_reads_it() {
    let bed = Bed::new();
    bed.run(&diamond("text x").0);
    let (plan, [a, b, c, d]) = diamond("text y");
    let summary = bed.run(&plan);
    assert_eq!(counts(&summary), (3, 1, 0));
    assert_eq!(summary.outcomes[&b].how, How::Cached);
    for id in [a, c, d] {
        assert_eq!(summary.outcomes[&id].how, How::Executed);
    }
}

#[test]
fn upstream_of_a_hit_may_be_gone() {
    let bed = Bed::new();
    let (plan, [a, b, c, _]) = diamond("text x");
    let summary = bed.run(&plan);
    for id in [a, b, c] {
        std::fs::remove_file(bed.output_path(&summary, &id)).unwrap();
    }
    assert_eq!(counts(&bed.run(&plan)), (0, 1, 0));
}

#[test]
fn a_deleted_output_is_made_again_with_as_little_as_it_takes() {
    let bed = Bed::new();
    let (plan, [.., c, d]) = diamond("text x");
    let first = bed.run(&plan);
    std::fs::remove_file(bed.output_path(&first, &d)).unwrap();
    let second = bed.run(&plan);
    assert_eq!(counts(&second), (1, 1, 0));
    assert_eq!(bed.text(&second, &d), "d(c(x,b()))");
    for id in [c, d] {
        std::fs::remove_file(bed.output_path(&first, &id)).unwrap();
    }
    assert_eq!(counts(&bed.run(&plan)), (2, 2, 0));
}

#[test]
fn a_corrupt_intermediate_is_found_when_it_is_read_and_made_again() {
    let bed = Bed::new();
    let (plan, [a, _, c, d]) = diamond("text x");
    let first = bed.run(&plan);
    for id in [a, c] {
        rot(&bed.output_path(&first, &id));
    }
    std::fs::remove_file(bed.output_path(&first, &d)).unwrap();
    let second = bed.run(&plan);
    assert!(second.is_complete(), "{second:?}");
    assert_eq!(bed.text(&second, &d), "d(c(x,b()))");
    assert_eq!(second.outcomes[&a].how, How::Executed);
    assert!(bed.store.fsck().unwrap().is_clean());
}

#[test]
fn a_corrupt_target_is_found_when_targets_are_checked() {
    let bed = Bed::new();
    let (plan, [.., d]) = diamond("text x");
    let first = bed.run(&plan);
    rot(&bed.output_path(&first, &d));
    let checking = Options { check_targets: true, ..bed.options() };
    let second = bed.run_with(&plan, &checking);
    assert_eq!(counts(&second), (1, 1, 0));
    assert_eq!(bed.text(&second, &d), "d(c(x,b()))");
    assert_eq!(counts(&bed.run_with(&plan, &checking)), (0, 1, 0));
}

#[test]
fn an_action_that_gives_other_bytes_when_repeated_is_an_integrity_failure() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let id = draft.add(&["unsteady"], &[]);
    let plan = draft.target(&[id]);
    let count = Mutex::new(0);
    let executor = InProcess::new(|_: &Params, context: &mut JobContext<'_>| {
        *count.lock().unwrap() += 1;
        let text = count.lock().unwrap().to_string();
        crate::fs::write_atomic(
            &context.outputs.join("points.csv"),
            text.as_bytes(),
            Durability::Relaxed,
        )
        .unwrap();
        Ok(())
    });
    let run = || run(&plan, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap();
    let first = run();
    std::fs::remove_file(bed.output_path(&first, &id)).unwrap();
    let second = run();
    let (label, failure) = &second.failures[&id];
    assert_eq!((label.as_str(), failure.kind), ("unsteady", FailureKind::Integrity));
    assert!(failure.message.contains("points.csv"), "{failure}");
}

#[test]
fn a_plan_tells_hits_from_locked_runs_and_pending() {
    let bed = Bed::new();
    let (plan, [a, b, c, d]) = diamond("text x");
    let none = BTreeMap::new();
    let states = plan_states(&plan, &bed.store, &none).unwrap();
    let expected = |list: [(RecipeId, PlanState); 4]| BTreeMap::from(list);
    let (run, pending) = (PlanState::Run, PlanState::Pending);
    assert_eq!(states, expected([(a, run), (b, run), (c, pending), (d, pending)]));
    let locked = BTreeMap::from([(a, Locked::new()), (d, Locked::new())]);
    let states = plan_states(&plan, &bed.store, &locked).unwrap();
    let lock = PlanState::Locked;
    assert_eq!(states, expected([(a, lock), (b, run), (c, pending), (d, lock)]));
    bed.run(&plan);
    assert_eq!(
        plan_states(&plan, &bed.store, &locked).unwrap(),
        BTreeMap::from([(d, PlanState::Hit)])
    );
    // `b` is known and `a` is not: one hit, one run.
    let (other, [a, b, c, d]) = diamond("text y");
    let states = plan_states(&other, &bed.store, &none).unwrap();
    assert_eq!(states, expected([(a, run), (b, PlanState::Hit), (c, pending), (d, pending)]));
}

/// `bad` fails and `after` needs it; `good` and `more` do not.
fn failing(act: &str) -> (Plan, [RecipeId; 4]) {
    let mut draft = Draft::default();
    let bad = draft.add(&["bad", act], &[]);
    let after = draft.add(&["after"], &[bad]);
    let good = draft.add(&["good"], &[]);
    let more = draft.add(&["more"], &[good]);
    (draft.target(&[after, more]), [bad, after, good, more])
}

#[test]
fn keep_going_finishes_every_branch_that_can_finish() {
    let bed = Bed::new();
    let (plan, [bad, after, good, more]) = failing("fail");
    let options = Options { keep_going: true, ..bed.options() };
    let summary = bed.run_with(&plan, &options);
    assert_eq!(summary.failures.keys().collect::<Vec<_>>(), [&bad]);
    assert_eq!(summary.skipped, [after]);
    assert!(summary.outcomes.contains_key(&good) && summary.outcomes.contains_key(&more));
    assert!(!summary.is_complete() && !summary.interrupted);
}

#[test]
fn a_failure_otherwise_starts_nothing_new() {
    let bed = Bed::new();
    let (plan, [bad, after, good, more]) = failing("fail");
    let costs = BTreeMap::from([(bad, 100)]);
    let summary = bed.run_with(&plan, &Options { jobs: 1, costs, ..bed.options() });
    assert!(summary.outcomes.is_empty());
    assert_eq!(summary.failures.len(), 1);
    let mut skipped = [after, good, more];
    skipped.sort();
    let mut found = summary.skipped;
    found.sort();
    assert_eq!(found, skipped);
}

#[test]
fn failures_have_a_kind_a_reason_and_a_log() {
    for (act, kind, reason) in [
        ("fail", FailureKind::Bug, "as told"),
        ("diverge", FailureKind::Diverged, "step 7"),
        ("panic", FailureKind::Bug, "panicked: as told"),
        ("folder", FailureKind::Bug, "not a plain file"),
        ("nothing", FailureKind::Bug, "no output"),
    ] {
        let bed = Bed::new();
        let (plan, [bad, ..]) = failing(act);
        let summary = bed.run(&plan);
        let (_, failure) = &summary.failures[&bad];
        assert_eq!(failure.kind, kind, "{act}");
        assert!(failure.message.contains(reason), "{act}: {failure}");
        assert!(failure.log.as_ref().unwrap().is_file(), "{act}");
        assert!(crate::fs::entries(&bed.store.root().join("work")).unwrap().is_empty());
    }
}

#[test]
fn the_longest_chain_goes_first() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let ids = ["short", "long", "middle"].map(|name| draft.add(&[name], &[]));
    let tail = draft.add(&["tail"], &[ids[0]]);
    let costs = BTreeMap::from([(ids[0], 1), (ids[1], 50), (ids[2], 20), (tail, 30)]);
    let plan = draft.target(&[tail, ids[1], ids[2]]);
    let options = Options { jobs: 1, costs, ..bed.options() };
    let mut events = Vec::new();
    let executor = InProcess::new(directed_job);
    run(&plan, &bed.store, &executor, &options, &mut |e| {
        events.push(e.clone());
    })
    .unwrap();
    // 50; 1 + 30; then 30 before 20.
    assert_eq!(started(&events), ["long", "short", "tail", "middle"]);
}

#[test]
fn a_lone_expensive_action_gets_every_thread_and_several_share_them() {
    for (count, jobs, expected) in [(1, 4, vec![4]), (2, 4, vec![2, 2]), (5, 2, vec![2; 5])] {
        let bed = Bed::new();
        let mut draft = Draft::default();
        let ids: Vec<_> = (0..count).map(|i| draft.add_evaluation(&format!("e{i}"))).collect();
        let plan = draft.target(&ids);
        let options = Options { jobs, threads: 4, ..bed.options() };
        let mut threads = Vec::new();
        let executor = InProcess::new(directed_job);
        run(&plan, &bed.store, &executor, &options, &mut |event| {
            if let Event::Started { threads: n, .. } = event {
                threads.push(*n);
            }
        })
        .unwrap();
        // The last ones may find more threads free than their share.
        assert_eq!(threads.len(), expected.len());
        assert_eq!(threads[..jobs.min(count)], expected[..jobs.min(count)]);
        assert!(threads.iter().all(|n| (1..=4).contains(n)));
    }
}

#[test]
fn two_recipes_of_one_key_execute_once() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let (a, b) = (draft.add(&["a", "text x"], &[]), draft.add(&["b", "text x"], &[]));
    let (c, d) = (draft.add(&["c"], &[a]), draft.add(&["c"], &[b]));
    assert_ne!(c, d);
    let plan = draft.target(&[c, d]);
    assert_eq!(counts(&bed.run(&plan)), (3, 1, 0));
}

#[test]
fn runs_at_the_same_time_execute_each_action_once() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let ids: Vec<_> = (0..12).map(|i| draft.add(&[&format!("n{i}")], &[])).collect();
    let all = draft.add(&["all"], &ids);
    let plan = draft.target(&[all]);
    let executed: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let store = Store::open(bed.store.root()).unwrap();
                    let executor = InProcess::new(directed_job);
                    let summary =
                        run(&plan, &store, &executor, &bed.options(), &mut |_| {}).unwrap();
                    assert!(summary.is_complete());
                    summary.count(How::Executed)
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(executed, 13);
    assert!(bed.store.fsck().unwrap().is_clean());
}

#[test]
fn a_lock_left_by_a_dead_process_stops_nobody() {
    let bed = Bed::new();
    let (plan, [a, ..]) = diamond("text x");
    let key = plan.nodes()[&a].action.resolve(|_, _| None).unwrap().key();
    // What a killed process leaves behind: the lock file, a work folder, half an output.
    std::fs::File::create(bed.store.lock_path(&key)).unwrap();
    let work = bed.store.new_work_dir(&key).unwrap();
    std::fs::create_dir(work.join("outputs")).unwrap();
    std::fs::File::create(work.join("outputs/points.csv")).unwrap();
    let summary = bed.run(&plan);
    assert!(summary.is_complete());
    assert_eq!(bed.text(&summary, &a), "x");
}

/// A clock that somebody keeps setting: far ahead, before 1970, back again.
#[derive(Default)]
struct JumpingClock(std::sync::atomic::AtomicU64);

impl clock::Clock for JumpingClock {
    fn now(&self) -> SystemTime {
        let century = Duration::from_secs(100 * 365 * 86_400);
        match self.0.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => SystemTime::UNIX_EPOCH + century,
            1 => SystemTime::UNIX_EPOCH - century,
            _ => SystemTime::UNIX_EPOCH,
        }
    }

    fn monotonic(&self) -> Duration {
        // Worse than the contract allows.
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed) % 2)
    }
}

#[test]
fn a_jumping_clock_changes_no_result_and_breaks_no_check() {
    let (steady, jumping) = (Bed::new(), Bed::new());
    let (plan, _) = diamond("text x");
    let clock = JumpingClock::default();
    let options = Options { clock: &clock, ..jumping.options() };
    let with_jumps = jumping.run_with(&plan, &options);
    assert_eq!(with_jumps.outcomes, steady.run(&plan).outcomes);
    assert!(jumping.store.fsck().unwrap().is_clean());
    assert_eq!(counts(&jumping.run_with(&plan, &options)), (0, 1, 0));
}

/// Gives bytes by digest, and remembers which were asked for.
struct Source {
    bytes: BTreeMap<BlobDigest, Vec<u8>>,
    asked: Mutex<Vec<BlobDigest>>,
}

impl Source {
    fn of(texts: &[&str]) -> Self {
        let bytes =
            texts.iter().map(|text| (BlobDigest::of(text.as_bytes()), text.as_bytes().into()));
        Self { bytes: bytes.collect(), asked: Mutex::default() }
    }
}

impl Inputs for Source {
    fn ensure(&self, digest: &BlobDigest, store: &Store) -> Result<(), InputError> {
        self.asked.lock().unwrap().push(*digest);
        let Some(bytes) = self.bytes.get(digest) else {
            return StoreOnly.ensure(digest, store);
        };
        if store.blob_size(digest).is_none() {
            store.put(bytes, Durability::Relaxed).unwrap();
        }
        Ok(())
    }
}

#[test]
fn inputs_are_asked_for_only_by_what_executes() {
    let bed = Bed::new();
    let source = Source::of(&["pinned"]);
    let mut draft = Draft::default();
    let pinned = BlobDigest::of(b"pinned");
    let inputs = BTreeMap::from([("pinned".to_owned(), Input::Blob(pinned))]);
    let id = draft.add_with(&["a"], inputs);
    let plan = draft.target(&[id]);
    let options = Options { inputs: &source, ..bed.options() };
    let summary = bed.run_with(&plan, &options);
    assert_eq!(bed.text(&summary, &id), "a(pinned)");
    assert_eq!(*source.asked.lock().unwrap(), [pinned]);
    std::fs::remove_file(bed.store.blob_path(&pinned)).unwrap();
    assert_eq!(counts(&bed.run_with(&plan, &options)), (0, 1, 0));
    assert_eq!(source.asked.lock().unwrap().len(), 1);

    // A pinned blob that rotted is obtained again.
    bed.store.put(b"pinned", Durability::Relaxed).unwrap();
    rot(&bed.store.blob_path(&pinned));
    std::fs::remove_file(bed.output_path(&summary, &id)).unwrap();
    let again = bed.run_with(&plan, &options);
    assert!(again.is_complete(), "{again:?}");
    assert_eq!(bed.text(&again, &id), "a(pinned)");
}

#[test]
fn an_input_that_cannot_be_had_fails_the_action_and_names_the_digest() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let pinned = BlobDigest::of(b"nowhere");
    let id = draft.add_with(&["a"], BTreeMap::from([("pinned".to_owned(), Input::Blob(pinned))]));
    let summary = bed.run(&draft.target(&[id]));
    let (_, failure) = &summary.failures[&id];
    assert_eq!(failure.kind, FailureKind::Missing);
    assert!(failure.message.contains(&pinned.short()), "{failure}");
}

#[test]
fn locked_outputs_are_fetched_only_when_allowed_and_said_to_be() {
    let (first, bed) = (Bed::new(), Bed::new());
    let (plan, [a, b, c, d]) = diamond("text x");
    let made = first.run(&plan);
    let locked = made.outcomes.iter().map(|(id, outcome)| {
        let outputs = outcome.result.outputs.iter();
        (*id, outputs.map(|(name, output)| (name.clone(), output.digest)).collect::<Locked>())
    });
    let locked: BTreeMap<_, _> = locked.collect();
    let source = Source::of(&["c(x,b())"]);
    let options = Options { inputs: &source, substitutes: Some(&locked), ..bed.options() };
    // The digest of `d` is not to be had anywhere; that of `c` is.
    let fetched = bed.run_with(&plan, &options);
    assert_eq!(counts(&fetched), (1, 0, 1));
    assert_eq!((fetched.outcomes[&c].how, fetched.outcomes[&c].key), (How::Fetched, None));
    assert_eq!(bed.text(&fetched, &d), "d(c(x,b()))");
    assert!(!fetched.outcomes.contains_key(&a) && !fetched.outcomes.contains_key(&b));
    // What was made of it is not remembered as the result of its recipe before what it was made of was made here.
    assert!(bed.store.recipe_key(&c).is_none() && bed.store.recipe_key(&d).is_none());
    let made_here = bed.run(&plan);
    assert_eq!(counts(&made_here), (3, 1, 0));
    assert_eq!(made_here.outcomes[&d].how, How::Cached);
    assert!(bed.store.recipe_key(&c).is_some() && bed.store.recipe_key(&d).is_some());
}

#[test]
fn an_interrupted_run_continues_where_it_was() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let slow = draft.add(&["slow", "wait"], &[]);
    let after = draft.add(&["after"], &[slow]);
    let plan = draft.target(&[after]);
    let executor = InProcess::new(directed_job);
    let summary = run(&plan, &bed.store, &executor, &bed.options(), &mut |event| {
        if matches!(event, Event::Progress { .. }) {
            bed.cancelled.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(summary.interrupted && summary.failures.is_empty());
    assert_eq!(summary.skipped.len(), 2);
    bed.cancelled.store(false, Ordering::Relaxed);
    let summary = bed.run(&plan);
    assert_eq!(bed.text(&summary, &after), "after(resumed)");
    let scratch = bed.store.scratch_dir(&summary.outcomes[&slow].key.unwrap());
    assert!(!scratch.exists(), "a finished action needs no resume checkpoint");
}

#[test]
fn reading_an_output_that_does_not_exist_is_an_error_of_the_plan() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let recipe = draft.add(&["a"], &[]);
    let output = "fits.json".to_owned();
    let inputs = BTreeMap::from([("fits".to_owned(), Input::Output { recipe, output })]);
    let id = draft.add_with(&["b"], inputs);
    let plan = draft.target(&[id]);
    let executor = InProcess::new(directed_job);
    let error = run(&plan, &bed.store, &executor, &bed.options(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, ExecError::NoSuchOutput { label } if label == "b"));
}

#[test]
fn a_chain_of_ten_thousand_needs_no_deep_stack() {
    let bed = Bed::new();
    let mut draft = Draft::default();
    let mut last = draft.add(&["0"], &[]);
    for number in 1..10_000 {
        last = draft.add(&[&number.to_string()], &[last]);
    }
    let plan = draft.target(&[last]);
    let states = plan_states(&plan, &bed.store, &BTreeMap::new()).unwrap();
    assert_eq!(states.values().filter(|state| **state == PlanState::Pending).count(), 9_999);
}

/// What a kernel answers that has no room for a thread (EAGAIN), and for a mapping (ENOMEM).
#[test]
fn a_thread_without_room_is_memory_that_ran_out() {
    for errno in [rustix::io::Errno::AGAIN, rustix::io::Errno::NOMEM] {
        let error = JobError::Io { path: "the thread of the job".to_owned(), source: errno.into() };
        let failure = Failure::from(error);
        assert_eq!(failure.kind, FailureKind::OutOfMemory);
        let said = "memory ran out: the thread of the job: ";
        assert!(failure.message.starts_with(said), "{}", failure.message);
    }
}
