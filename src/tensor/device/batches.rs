//! Launches of a stream in lists: what a step launches again as the step before did goes to the driver as one graph.
//!
//! Launching a small kernel costs the processor more time than it costs the device. So launches wait until something else
//! happens on the stream, and a list that comes again, compared byte for byte, becomes a graph that is launched as one.
//! Which list goes which way is decided here, without a device. Order, and with it every bit, is that of the calls.

use std::collections::BTreeMap;

use super::{Blocks, DeviceError, Launched};

/// Launches that wait at most: a device shall be busy while others are prepared.
const WAITING: usize = 256;
/// Launches of the shortest list that is worth a graph.
const WORTHY: usize = 4;
/// Launches of all lists of a generation.
const REMEMBERED: usize = 1 << 14;

/// What starts kernels on a stream.
pub(super) trait Launcher {
    /// A list made one launch; the stream is done with it when it is dropped, or sees to that itself.
    type Graph;

    /// Launches a list one by one.
    fn launch(&mut self, list: &List) -> Launched;

    /// Makes a graph of a list without launching it; none where that cannot be.
    fn capture(&mut self, list: &List) -> Option<Self::Graph>;

    /// Launches a list that was made a graph.
    fn replay(&mut self, graph: &Self::Graph) -> Launched;
}

/// A launch of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Launch {
    pub(super) kernel: &'static str,
    pub(super) blocks: Blocks,
    /// Where its arguments end among those of the list.
    end: usize,
}

/// Launches in order.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct List {
    /// One after the other. They come first in comparisons: lists of the same kernels differ in addresses.
    arguments: Vec<u8>,
    launches: Vec<Launch>,
}

impl List {
    /// The launches with their arguments.
    pub(super) fn launches(&self) -> impl Iterator<Item = (&Launch, &[u8])> {
        let starts = std::iter::once(0).chain(self.launches.iter().map(|launch| launch.end));
        let arguments = |(launch, start): (&Launch, usize)| &self.arguments[start..launch.end];
        self.launches.iter().zip(starts).map(move |both| (both.0, arguments(both)))
    }

    const fn len(&self) -> usize {
        self.launches.len()
    }

    /// Makes it empty; its room is kept.
    fn clear(&mut self) {
        self.arguments.clear();
        self.launches.clear();
    }
}

/// What is known of a list.
enum Known<G> {
    /// It never came before.
    New,
    /// It came once.
    Once,
    /// It is a graph.
    Graph(G),
    /// It cannot be one.
    Refused,
}

/// The launches that wait, and the lists that came lately.
///
/// What does not come while `REMEMBERED` launches of others do is forgotten: when the younger generation is full, it
/// becomes the older one, whose lists are gone unless they came meanwhile.
pub(super) struct Batches<G> {
    waiting: List,
    young: BTreeMap<List, Known<G>>,
    /// Launches of all young lists.
    young_len: usize,
    old: BTreeMap<List, Known<G>>,
    /// What nobody was told yet.
    failure: Option<DeviceError>,
}

impl<G> Default for Batches<G> {
    fn default() -> Self {
        Self {
            waiting: List::default(),
            young: BTreeMap::new(),
            young_len: 0,
            old: BTreeMap::new(),
            failure: None,
        }
    }
}

impl<G> Batches<G> {
    /// Adds a launch to those that wait; whether they are now so many that they shall be flushed.
    pub(super) fn add(&mut self, kernel: &'static str, blocks: Blocks, arguments: &[u8]) -> bool {
        self.waiting.arguments.extend_from_slice(arguments);
        let end = self.waiting.arguments.len();
        self.waiting.launches.push(Launch { kernel, blocks, end });
        self.waiting.len() >= WAITING
    }

    /// Launches what waits. After a failure nothing waits any more.
    pub(super) fn flush(&mut self, launcher: &mut impl Launcher<Graph = G>) -> Launched {
        let launched = match self.failure.take() {
            Some(error) => Err(error),
            None if self.waiting.len() < WORTHY => launcher.launch(&self.waiting),
            None => self.launch_or_replay(launcher),
        };
        self.waiting.clear();
        launched
    }

    /// Launches what waits where nobody can be told of a failure: the next flush fails instead.
    pub(super) fn flush_unheard(&mut self, launcher: &mut impl Launcher<Graph = G>) {
        self.failure = self.flush(launcher).err();
    }

    fn launch_or_replay(&mut self, launcher: &mut impl Launcher<Graph = G>) -> Launched {
        self.recall();
        let list = &self.waiting;
        let known = self.young.get_mut(list).expect("it was recalled");
        match known {
            Known::New => *known = Known::Once,
            Known::Once => *known = launcher.capture(list).map_or(Known::Refused, Known::Graph),
            Known::Graph(_) | Known::Refused => {}
        }
        match known {
            Known::Graph(graph) => launcher.replay(graph),
            Known::New | Known::Once | Known::Refused => launcher.launch(list),
        }
    }

    /// Makes the list that waits one of the young.
    fn recall(&mut self) {
        if self.young.contains_key(&self.waiting) {
            return;
        }
        let found = self.old.remove_entry(&self.waiting);
        let (list, known) = found.unwrap_or_else(|| (self.waiting.clone(), Known::New));
        if self.young_len + list.len() > REMEMBERED {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        self.young_len += list.len();
        self.young.insert(list, known);
    }

    /// How many lists are graphs.
    #[cfg(test)]
    pub(super) fn graphs(&self) -> usize {
        let all = self.young.values().chain(self.old.values());
        all.filter(|known| matches!(known, Known::Graph(_))).count()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn blocks(grid: [u32; 3], threads: [u32; 3]) -> Blocks {
        Blocks { grid, threads, shared: 0 }
    }

    /// Writes down what it is asked to do.
    #[derive(Default)]
    struct Recorder {
        done: Vec<String>,
        graphs: Rc<()>,
        refuses: bool,
        fails: bool,
    }

    /// The kernels of a list with the first of their arguments.
    fn text(list: &List) -> String {
        let texts = list.launches().map(|(launch, arguments)| {
            format!("{}{:?}", launch.kernel, arguments.first().copied().unwrap_or_default())
        });
        texts.collect::<Vec<_>>().join(" ")
    }

    impl Launcher for Recorder {
        type Graph = (String, Rc<()>);

        fn launch(&mut self, list: &List) -> Launched {
            if self.fails {
                return Err(DeviceError::Call { call: text(list), text: "no".to_owned() });
            }
            if list.len() > 0 {
                self.done.push(text(list));
            }
            Ok(())
        }

        fn capture(&mut self, list: &List) -> Option<Self::Graph> {
            self.done.push("capture".to_owned());
            (!self.refuses).then(|| (text(list), Rc::clone(&self.graphs)))
        }

        fn replay(&mut self, (list, _): &Self::Graph) -> Launched {
            self.done.push(format!("graph {list}"));
            Ok(())
        }
    }

    type Recorded = Batches<(String, Rc<()>)>;

    /// A list of four launches; what `flush` did.
    fn four(batches: &mut Recorded, recorder: &mut Recorder, last: u8) -> Vec<String> {
        for (kernel, argument) in [("a", 1), ("b", 2), ("c", 3), ("d", last)] {
            assert!(!batches.add(kernel, blocks([1; 3], [32, 1, 1]), &[argument, 0]));
        }
        batches.flush(recorder).unwrap();
        std::mem::take(&mut recorder.done)
    }

    #[test]
    fn a_list_is_launched_then_made_a_graph_then_replayed() {
        let (mut batches, mut recorder) = (Recorded::default(), Recorder::default());
        assert_eq!(four(&mut batches, &mut recorder, 4), ["a1 b2 c3 d4"]);
        assert_eq!(four(&mut batches, &mut recorder, 4), ["capture", "graph a1 b2 c3 d4"]);
        assert_eq!(four(&mut batches, &mut recorder, 4), ["graph a1 b2 c3 d4"]);
        assert_eq!(four(&mut batches, &mut recorder, 4), ["graph a1 b2 c3 d4"]);
    }

    #[test]
    fn a_list_that_differs_in_anything_is_another() {
        let (mut batches, mut recorder) = (Recorded::default(), Recorder::default());
        for _ in 0..2 {
            four(&mut batches, &mut recorder, 4);
        }
        assert_eq!(four(&mut batches, &mut recorder, 5), ["a1 b2 c3 d5"]);
        // The same bytes of arguments, of which each launch has one more or one less.
        let split = [&[1][..], &[0, 2], &[0, 3], &[0, 4, 0]];
        let whole = [&[1, 0][..], &[2, 0], &[3, 0], &[4, 0]];
        let others = [
            (whole, "d", [1, 1, 2], [32, 1, 1]),
            (whole, "d", [1; 3], [32, 2, 1]),
            (whole, "e", [1; 3], [32, 1, 1]),
            (split, "d", [1; 3], [32, 1, 1]),
        ];
        for (arguments, last, grid, threads) in others {
            for (kernel, arguments) in ["a", "b", "c", last].into_iter().zip(arguments) {
                batches.add(kernel, blocks(grid, threads), arguments);
            }
            batches.flush(&mut recorder).unwrap();
            let done = std::mem::take(&mut recorder.done);
            assert!(done.len() == 1 && !done[0].starts_with("graph"), "{done:?}");
        }
        assert_eq!(four(&mut batches, &mut recorder, 4), ["graph a1 b2 c3 d4"]);
    }

    #[test]
    fn a_short_list_is_always_launched() {
        let (mut batches, mut recorder) = (Recorded::default(), Recorder::default());
        for _ in 0..4 {
            batches.add("a", blocks([1; 3], [1; 3]), &[7]);
            batches.flush(&mut recorder).unwrap();
            batches.flush(&mut recorder).unwrap();
        }
        assert_eq!(recorder.done, ["a7"; 4]);
        assert!(batches.young.is_empty());
    }

    #[test]
    fn what_cannot_be_a_graph_is_not_tried_again() {
        let refuses = Recorder { refuses: true, ..Recorder::default() };
        let (mut batches, mut recorder) = (Recorded::default(), refuses);
        four(&mut batches, &mut recorder, 4);
        assert_eq!(four(&mut batches, &mut recorder, 4), ["capture", "a1 b2 c3 d4"]);
        recorder.refuses = false;
        assert_eq!(four(&mut batches, &mut recorder, 4), ["a1 b2 c3 d4"]);
    }

    #[test]
    fn many_launches_do_not_wait() {
        let mut batches = Recorded::default();
        let full = (1..=1000).find(|_| batches.add("a", blocks([1; 3], [1; 3]), &[1]));
        assert_eq!(full, Some(WAITING));
    }

    /// A list that differs each time, beside one that comes again and one that came twice and never again.
    #[test]
    fn lists_that_do_not_come_again_are_forgotten_and_their_graphs_dropped() {
        let (mut batches, mut recorder) = (Recorded::default(), Recorder::default());
        for last in [1, 1, 2, 2] {
            four(&mut batches, &mut recorder, last);
        }
        assert_eq!((batches.graphs(), Rc::strong_count(&recorder.graphs)), (2, 3));
        for number in 0..20_000_u32 {
            for kernel in ["w", "x", "y", "z"] {
                batches.add(kernel, blocks([1; 3], [1; 3]), &number.to_ne_bytes());
            }
            batches.flush(&mut recorder).unwrap();
            recorder.done.clear();
            assert_eq!(four(&mut batches, &mut recorder, 1), ["graph a1 b2 c3 d1"]);
            let launches = |lists: &BTreeMap<List, _>| lists.keys().map(List::len).sum::<usize>();
            if number % 1000 == 0 {
                assert_eq!(launches(&batches.young), batches.young_len);
                assert!(batches.young_len <= REMEMBERED && launches(&batches.old) <= REMEMBERED);
            }
        }
        assert_eq!((batches.graphs(), Rc::strong_count(&recorder.graphs)), (1, 2));
    }

    #[test]
    fn a_failure_is_told_once_and_nothing_waits_after_it() {
        let (mut batches, mut recorder) = (Recorded::default(), Recorder::default());
        recorder.fails = true;
        batches.add("a", blocks([1; 3], [1; 3]), &[1]);
        assert_eq!(batches.flush(&mut recorder).unwrap_err().to_string(), "a1: no");
        batches.add("b", blocks([1; 3], [1; 3]), &[2]);
        batches.flush_unheard(&mut recorder);
        recorder.fails = false;
        batches.add("c", blocks([1; 3], [1; 3]), &[3]);
        assert_eq!(batches.flush(&mut recorder).unwrap_err().to_string(), "b2: no");
        batches.add("d", blocks([1; 3], [1; 3]), &[4]);
        batches.flush(&mut recorder).unwrap();
        assert_eq!(recorder.done, ["d4"]);
    }
}
