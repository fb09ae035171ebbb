//! The second way to compute every operation: kernels on a device that is not the processor.
//!
//! Three parts, of which only the last needs a device. The sources of the kernels stand beside their twins in Rust and are
//! brought together in [`sources`]. What is launched for an operation, with which grid, on which addresses, is written
//! once, in [`launch`] and in the rooms of the operations, against a [`Machine`]. A machine is CUDA's driver, or the
//! [`emulator`]: the same sources compiled as C++ for the processor. So the tests run every kernel and every launch
//! without a GPU and compare bits with the operation in main memory.
//!
//! All work of a device is one stream: what is launched later sees what was launched before. Nothing waits for it but a
//! reading of results. A machine may put launches off until then, or until memory is written, taken or given back.

#![allow(unsafe_code, reason = "memory of a device is addressed; its kernels are foreign code")]

pub(crate) mod arguments;
pub(crate) mod attention;
#[cfg(any(feature = "cuda", test))]
mod batches;
pub(crate) mod block;
#[cfg(test)]
mod conformance;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(test)]
pub(crate) mod emulator;
pub(crate) mod head;
pub(crate) mod launch;
pub(crate) mod loss;
pub(crate) mod matmul;
pub(crate) mod matmul_bf16;
pub(crate) mod optimizer;
#[cfg(test)]
mod order;
pub(crate) mod self_test;
pub(crate) mod sources;
pub(crate) mod stem;
#[cfg(feature = "cuda")]
mod stream;
#[cfg(all(test, feature = "cuda"))]
pub(crate) mod timed;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use arguments::Address;
pub(crate) use arguments::Arguments;

use super::{Device, KernelCache};

/// The queue of a device that is not the processor.
#[cfg_attr(
    not(feature = "cuda"),
    allow(unused_variables, reason = "an emulator compiles its own kernels")
)]
pub(super) fn queue(device: Device, kernels: &dyn KernelCache) -> Result<Arc<Queue>, DeviceError> {
    match device {
        Device::Cpu => unreachable!("main memory has no queue"),
        #[cfg(feature = "cuda")]
        Device::Cuda(ordinal) => cuda::queue(ordinal, kernels),
        // Each its own: tests run side by side.
        #[cfg(test)]
        Device::Emulated { processors, backwards, memory } => {
            let none = || DeviceError::Call {
                call: "c++".to_owned(),
                text: "there is no C++ compiler".to_owned(),
            };
            emulator::queue(processors, backwards, memory).map(Arc::new).ok_or_else(none)
        }
    }
}

/// The bytes of elements.
pub(crate) fn bytes_of(elements: &[f32]) -> &[u8] {
    // SAFETY: any byte of a number may be read as such.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

/// The bytes of elements, to write.
pub(super) fn bytes_of_mut(elements: &mut [f32]) -> &mut [u8] {
    // SAFETY: any four bytes are a number.
    unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), size_of_val(elements)) }
}

/// What has no result but that it was launched.
pub(crate) type Launched = Result<(), DeviceError>;

/// A failure of a device.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// There is not as much memory left.
    #[error("the device has no {} left", size_of_memory(*.bytes))]
    Memory {
        /// How much was asked for; 0 if nobody says.
        bytes: usize,
    },
    /// A call of the driver failed, or a kernel did.
    #[error("{call}: {text}")]
    Call {
        /// What was called.
        call: String,
        /// What it said.
        text: String,
    },
}

fn size_of_memory(bytes: usize) -> String {
    if bytes == 0 { "memory".to_owned() } else { format!("{bytes} bytes") }
}

/// The blocks of threads of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Blocks {
    /// How many there are.
    pub(crate) grid: [u32; 3],
    /// The threads of each.
    pub(crate) threads: [u32; 3],
    /// Bytes that the threads of a block share, beside what the kernel has of its own.
    pub(crate) shared: u32,
}

/// What runs kernels. All calls are in the order of one stream.
pub(crate) trait Machine: Debug + Send + Sync {
    /// Memory of so many bytes at a multiple of 256; what is in it is not said.
    fn allocate(&self, bytes: usize) -> Result<Address, DeviceError>;

    /// Gives back what [`Machine::allocate`] gave.
    fn free(&self, at: Address);

    /// Copies from main memory.
    fn upload(&self, to: Address, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Waits for everything before, then copies to main memory.
    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<(), DeviceError>;

    /// Starts a kernel on a grid of blocks of threads, at the latest before the next call of another kind.
    ///
    /// # Safety
    ///
    /// The arguments are those of the kernel, and their addresses reach as far as it goes, until they are given back.
    unsafe fn launch(
        &self,
        kernel: &'static str,
        blocks: Blocks,
        arguments: &[u8],
    ) -> Result<(), DeviceError>;

    /// How many blocks of threads it takes to keep the device busy.
    fn processors(&self) -> usize;

    /// The most bytes that a block of threads may share.
    fn shared_memory(&self) -> usize;
}

/// The bytes from which on a piece of memory is copied to a device by itself.
const PIECE: usize = 1 << 16;

/// Memory of a device, given back when dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    machine: Arc<dyn Machine>,
    at: Address,
    bytes: usize,
}

impl Memory {
    /// Takes memory; what is in it is not said.
    fn new(machine: &Arc<dyn Machine>, bytes: usize) -> Result<Self, DeviceError> {
        let at = machine.allocate(bytes)?;
        Ok(Self { machine: Arc::clone(machine), at, bytes })
    }

    pub(super) const fn at(&self) -> Address {
        self.at
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.machine.free(self.at);
    }
}

/// Room of a device that operations use in passing. One stream: whoever is launched later may use it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Room {
    /// Parts of a long sum.
    Parts,
    /// Whose turn it is to add to them.
    Turns,
    /// A matrix moved to where it can be read faster.
    Moved,
    /// Operands of a product, rounded to bfloat16.
    RoundedA,
    /// The other one.
    RoundedB,
    /// Gradients of attention scores.
    Scores,
    /// Bytes of images.
    Images,
    /// What bytes become.
    Pixels,
    /// Tokens, places, counts.
    Indices,
    /// Lists of the embedding's rows, which a step may have more of than those before: nothing else is there, so that the
    /// addresses of all else stay.
    Leaves,
    /// Small results between two kernels.
    Numbers,
    /// The optimiser's table of tensors.
    Tensors,
}

/// The stream of a device, with its rooms.
#[derive(Debug)]
pub struct Queue {
    machine: Arc<dyn Machine>,
    rooms: Mutex<BTreeMap<Room, Memory>>,
    turn: Mutex<()>,
}

impl Queue {
    pub(crate) fn new(machine: Arc<dyn Machine>) -> Self {
        Self { machine, rooms: Mutex::default(), turn: Mutex::default() }
    }

    /// Whoever holds it launches alone: what is in a room belongs to one operation at a time.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New memory of so many elements of 4 bytes.
    pub(crate) fn memory(&self, elements: usize) -> Result<Memory, DeviceError> {
        Memory::new(&self.machine, 4 * elements)
    }

    /// A room of at least so many bytes; what is in it is not said.
    pub(crate) fn room(&self, room: Room, bytes: usize) -> Result<Address, DeviceError> {
        let mut rooms = self.rooms.lock().expect("nothing panics with the rooms");
        if let Some(memory) = rooms.get(&room)
            && memory.bytes >= bytes
        {
            return Ok(memory.at());
        }
        // The old one is given back first: both may not fit.
        rooms.remove(&room);
        let memory = Memory::new(&self.machine, bytes)?;
        let at = memory.at();
        rooms.insert(room, memory);
        Ok(at)
    }

    /// Copies to a room.
    pub(crate) fn bring(&self, room: Room, bytes: &[u8]) -> Result<Address, DeviceError> {
        let at = self.room(room, bytes.len())?;
        self.machine.upload(at, bytes)?;
        Ok(at)
    }

    /// Copies pieces to a room, one after the other.
    pub(crate) fn bring_all(&self, room: Room, pieces: &[&[u8]]) -> Result<Address, DeviceError> {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        // Many small copies would take longer than one copy more.
        if len < PIECE * pieces.len() {
            return self.bring(room, &pieces.concat());
        }
        let at = self.room(room, len)?;
        let mut to = at;
        for piece in pieces {
            self.machine.upload(to, piece)?;
            to = to.bytes(piece.len());
        }
        Ok(at)
    }

    /// Copies numbers to a room.
    pub(crate) fn bring_indices(
        &self,
        room: Room,
        indices: &[u32],
    ) -> Result<Address, DeviceError> {
        let bytes: Vec<u8> = indices.iter().flat_map(|index| index.to_ne_bytes()).collect();
        self.bring(room, &bytes)
    }

    pub(crate) fn upload(&self, to: Address, bytes: &[u8]) -> Result<(), DeviceError> {
        self.machine.upload(to, bytes)
    }

    pub(crate) fn download(&self, from: Address, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.machine.download(from, bytes)
    }

    pub(crate) fn processors(&self) -> usize {
        self.machine.processors()
    }

    /// The most bytes that a block of threads may share.
    pub(crate) fn shared_memory(&self) -> usize {
        self.machine.shared_memory()
    }

    /// Starts a kernel; a grid without blocks is nothing to do.
    pub(crate) fn launch(
        &self,
        kernel: &'static str,
        grid: [usize; 3],
        threads: [u32; 3],
        arguments: &impl Arguments,
    ) -> Launched {
        self.launch_sharing(kernel, grid, threads, 0, arguments)
    }

    /// Starts a kernel whose blocks of threads share so many bytes.
    pub(crate) fn launch_sharing(
        &self,
        kernel: &'static str,
        grid: [usize; 3],
        threads: [u32; 3],
        shared: usize,
        arguments: &impl Arguments,
    ) -> Launched {
        if grid.contains(&0) {
            return Ok(());
        }
        let fits = |size: usize| u32::try_from(size).expect("a launch fits a device");
        let blocks = Blocks { grid: grid.map(fits), threads, shared: fits(shared) };
        // SAFETY: whoever launches a kernel gives it its own arguments, from the shapes of an operation.
        unsafe { self.machine.launch(kernel, blocks, arguments.bytes()) }
    }
}
