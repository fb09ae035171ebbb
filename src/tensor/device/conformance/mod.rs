//! Every kernel against the operation in main memory, bit for bit, on the emulator: random numbers, subnormal, huge and
//! special ones, sizes that no tile divides.
//!
//! In a build with CUDA the checks also run on the first GPU, if there is one.
//!
//! Each check runs as for devices of several sizes, so that all tiles are used, and the sums in turns and in parts, with
//! threads from first to last and from last to first.

mod attention;
mod chunks;
mod elements;
mod matmul;
mod matmul_bf16;
mod operations;
mod rows;
#[cfg(feature = "cuda")]
mod speed;

use super::{Address, Memory, Queue, bytes_of, bytes_of_mut, emulator};

/// Three ways to be a device, the last with little shared memory, and a GPU; none where there is neither that nor a compiler.
fn queues() -> Vec<Queue> {
    [(1, false), (5, true), (1000, true)]
        .into_iter()
        .filter_map(|(processors, backwards)| emulator::queue(processors, backwards, usize::MAX))
        .chain(gpu())
        .collect()
}

/// A queue of the test's own: tests run side by side.
#[cfg(feature = "cuda")]
fn gpu() -> Option<Queue> {
    super::cuda::is_there()
        .then(|| Queue::new(super::cuda::machine(0, &crate::tensor::NoKernels).unwrap()))
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> Option<Queue> {
    None
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
        self.hold(&vec![f32::NAN; count])
    }

    /// The first elements of memory.
    fn elements(&self, at: Address, count: usize) -> Vec<f32> {
        let mut elements = vec![0.0; count];
        self.download(at, bytes_of_mut(&mut elements)).unwrap();
        elements
    }
}
