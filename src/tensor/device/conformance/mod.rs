//! Every kernel against the operation in main memory, bit for bit, on the emulator: random numbers, subnormal, huge and
//! special ones, sizes that no tile divides.
//!
//! Each check runs twice, as for a small device and as for a large one, so that all tiles and the sums in parts are used,
//! with threads from first to last and from last to first.

mod attention;
mod elements;
mod matmul;
mod operations;
mod rows;

use super::{Address, Memory, Queue, bytes_of, bytes_of_mut, emulator};

/// Two ways to be a device; none where nothing can be emulated.
fn queues() -> Vec<Queue> {
    [(1, false), (1000, true)]
        .into_iter()
        .filter_map(|(processors, backwards)| emulator::queue(processors, backwards))
        .collect()
}

impl Queue {
    /// Memory that holds `elements`.
    fn hold(&self, elements: &[f32]) -> Memory {
        let memory = self.memory(elements.len()).unwrap();
        self.upload(memory.at(), bytes_of(elements)).unwrap();
        memory
    }

    /// Memory of so many elements, NaN all of them.
    fn empty(&self, count: usize) -> Memory {
        self.memory(count).unwrap()
    }

    /// The first elements of memory.
    fn elements(&self, at: Address, count: usize) -> Vec<f32> {
        let mut elements = vec![0.0; count];
        self.download(at, bytes_of_mut(&mut elements)).unwrap();
        elements
    }
}
