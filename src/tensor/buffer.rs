//! Elements on a device, and the only way to change them: a coarse operation with one defined result.

#[cfg(any(feature = "cuda", test))]
use std::sync::Arc;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Storage, Tensor};

#[cfg(any(feature = "cuda", test))]
use super::NoKernels;
#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, DeviceError, Launched, Queue};
use super::{Device, Region};

/// A failure of a device, or a file that does not hold the tensors it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Storage could not be had, or an operation could not run.
    #[error("operation `{operation}` failed on the device")]
    Device {
        /// What was asked of the device.
        operation: &'static str,
        /// The cause.
        #[source]
        source: candle_core::Error,
    },
    /// There is not as much main memory left, or this process may not have it.
    #[error("there are no {bytes} bytes of main memory left")]
    Memory {
        /// How much was asked for.
        bytes: usize,
    },
    /// A device that is not the processor failed.
    #[cfg(any(feature = "cuda", test))]
    #[error("operation `{operation}` failed on the device")]
    Kernel {
        /// What was asked of the device.
        operation: &'static str,
        /// The cause.
        #[source]
        source: DeviceError,
    },
    /// A tensor of a file is missing or has another shape or type.
    #[error("tensor `{name}` of shape {shape:?} cannot be read")]
    Tensor {
        /// The name of the tensor.
        name: String,
        /// The shape that is expected.
        shape: Vec<usize>,
        /// The cause.
        #[source]
        source: candle_core::Error,
    },
    /// A tensor holds a value that is not finite.
    #[error("tensor `{name}` holds {value} at element {index}")]
    NotFinite {
        /// The name of the tensor.
        name: String,
        /// The place in the tensor.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The file holds tensors that nobody asked for.
    #[error("unexpected tensor `{0}`")]
    Unexpected(String),
    /// The bytes are not safetensors.
    #[error("not a safetensors file")]
    Format(#[from] ::safetensors::SafeTensorError),
}

/// An operation on the elements of a buffer, reading up to two others; its result is defined to the bit.
///
/// `N` is the number of buffers it reads: 0, 1 or 2. Both methods are ways to compute the same definition.
pub trait Operation<const N: usize> {
    /// The name that messages use.
    fn name(&self) -> &'static str;

    /// Performs the operation in main memory.
    fn cpu(&self, target: &mut [f32], sources: [&[f32]; N]);

    /// Performs the operation by kernels, on buffers that begin at these addresses.
    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, sources: [Address; N]) -> Launched;
}

/// A run of binary32 elements on a device.
#[derive(Debug)]
pub struct Buffer {
    storage: Elements,
}

/// Where the elements are.
#[derive(Debug)]
enum Elements {
    /// In main memory.
    Main(Tensor),
    /// On a device.
    #[cfg(any(feature = "cuda", test))]
    Device { device: Device, memory: device::Memory, len: usize, queue: Arc<Queue> },
}

impl Default for Buffer {
    fn default() -> Self {
        Self::from_vec(Vec::new(), &Device::Cpu).expect("no memory is needed")
    }
}

impl Buffer {
    /// A buffer of `len` times +0.
    pub fn zeros(len: usize, device: &Device) -> Result<Self, TensorError> {
        match device {
            Device::Cpu => Self::from_vec(zeros(len)?, device),
            #[cfg(any(feature = "cuda", test))]
            _ => {
                let buffer = Self::room(device, len)?;
                buffer.launched("zeros", |queue, at| device::launch::fill(queue, at, len, 0.0))?;
                Ok(buffer)
            }
        }
    }

    /// A buffer of the given elements. On the CPU they are not copied.
    pub fn from_vec(elements: Vec<f32>, device: &Device) -> Result<Self, TensorError> {
        let len = elements.len();
        match device {
            Device::Cpu => {
                let tensor = Tensor::from_vec(elements, len, &candle_core::Device::Cpu)
                    .map_err(|source| TensorError::Device { operation: "from_vec", source })?;
                Ok(Self { storage: Elements::Main(tensor) })
            }
            #[cfg(any(feature = "cuda", test))]
            _ => {
                let buffer = Self::room(device, len)?;
                let bytes = device::bytes_of(&elements);
                buffer.launched("from_vec", |queue, at| queue.upload(at, bytes))?;
                Ok(buffer)
            }
        }
    }

    /// A buffer of zeros, if the device has memory for `spare` elements more beside it, which are not taken; of main memory
    /// nothing is asked. The error tells what both take.
    #[cfg_attr(
        not(any(feature = "cuda", test)),
        allow(unused_variables, reason = "there is no device but main memory")
    )]
    pub fn zeros_beside(spare: usize, len: usize, device: &Device) -> Result<Self, TensorError> {
        let buffer = Self::zeros(len, device)?;
        #[cfg(any(feature = "cuda", test))]
        if *device != Device::Cpu {
            Self::room(device, spare).map_err(|error| match error {
                TensorError::Kernel { operation, source: DeviceError::Memory { .. } } => {
                    let source = DeviceError::Memory { bytes: 4 * (len + spare) };
                    TensorError::Kernel { operation, source }
                }
                other => other,
            })?;
        }
        Ok(buffer)
    }

    /// A buffer on a device, whatever is in it.
    #[cfg(any(feature = "cuda", test))]
    fn room(device: &Device, len: usize) -> Result<Self, TensorError> {
        let failed = |source| TensorError::Kernel { operation: "memory of the device", source };
        let queue = device::queue(*device, &NoKernels).map_err(failed)?;
        let memory = queue.memory(len).map_err(failed)?;
        Ok(Self { storage: Elements::Device { device: *device, memory, len, queue } })
    }

    /// Uses the queue of a buffer on a device, with its address.
    #[cfg(any(feature = "cuda", test))]
    fn launched(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Queue, Address) -> Launched,
    ) -> Result<(), TensorError> {
        match &self.storage {
            Elements::Main(_) => unreachable!("nothing is launched on main memory"),
            Elements::Device { memory, queue, .. } => {
                let _turn = queue.turn();
                work(queue, memory.at()).map_err(|source| TensorError::Kernel { operation, source })
            }
        }
    }

    /// Where the elements are.
    pub fn device(&self) -> Device {
        match &self.storage {
            Elements::Main(_) => Device::Cpu,
            #[cfg(any(feature = "cuda", test))]
            Elements::Device { device, .. } => *device,
        }
    }

    /// The same elements on a device; nothing is copied if they are there.
    pub fn on_device(self, device: Device) -> Result<Self, TensorError> {
        if self.device() == device { Ok(self) } else { Self::from_vec(self.to_vec()?, &device) }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match &self.storage {
            Elements::Main(tensor) => tensor.elem_count(),
            #[cfg(any(feature = "cuda", test))]
            Elements::Device { len, .. } => *len,
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the elements in main memory.
    pub fn to_vec(&self) -> Result<Vec<f32>, TensorError> {
        self.read(Region::new(0, self.len()))
    }

    /// A copy of some of the elements in main memory.
    ///
    /// # Panics
    ///
    /// If the region reaches beyond the buffer.
    pub fn read(&self, region: Region) -> Result<Vec<f32>, TensorError> {
        match &self.storage {
            Elements::Main(_) => self.with(|elements| region.of(elements).to_vec()),
            #[cfg(any(feature = "cuda", test))]
            Elements::Device { len, .. } => {
                assert!(region.end() <= *len, "the region is within the buffer");
                let mut elements = vec![0.0; region.len];
                let bytes = device::bytes_of_mut(&mut elements);
                let from = |at: Address| at.element(region.start);
                self.launched("read", |queue, at| queue.download(from(at), bytes))?;
                Ok(elements)
            }
        }
    }

    /// Calls `read` with the elements in main memory; on the CPU they are not copied.
    pub fn with<R>(&self, read: impl FnOnce(&[f32]) -> R) -> Result<R, TensorError> {
        match &self.storage {
            Elements::Main(tensor) => {
                let (storage, _) = tensor.storage_and_layout();
                let failed = |source| TensorError::Device { operation: "with", source };
                match &*storage {
                    Storage::Cpu(storage) => Ok(read(elements(storage).map_err(failed)?)),
                    _ => unreachable!("tensors are made on the CPU"),
                }
            }
            #[cfg(any(feature = "cuda", test))]
            Elements::Device { .. } => Ok(read(&self.to_vec()?)),
        }
    }

    /// Performs an operation that reads no other buffer.
    pub fn apply(&mut self, operation: &impl Operation<0>) -> Result<(), TensorError> {
        match &self.storage {
            Elements::Main(target) => {
                let dispatch = Dispatch(operation);
                target.inplace_op1(&dispatch).map_err(|source| failed(operation, source))
            }
            #[cfg(any(feature = "cuda", test))]
            Elements::Device { .. } => {
                self.launched(operation.name(), |queue, target| operation.device(queue, target, []))
            }
        }
    }

    /// Performs an operation that reads one other buffer, on the same device.
    ///
    /// # Panics
    ///
    /// If it is on another.
    pub fn apply_with(
        &mut self,
        source: &Self,
        operation: &impl Operation<1>,
    ) -> Result<(), TensorError> {
        match (&self.storage, &source.storage) {
            (Elements::Main(target), Elements::Main(source)) => {
                let dispatch = Dispatch(operation);
                target.inplace_op2(source, &dispatch).map_err(|source| failed(operation, source))
            }
            #[cfg(any(feature = "cuda", test))]
            (Elements::Device { .. }, Elements::Device { memory, .. }) => self
                .launched(operation.name(), |queue, target| {
                    operation.device(queue, target, [memory.at()])
                }),
            #[cfg(any(feature = "cuda", test))]
            _ => unreachable!("an operation's buffers are on one device"),
        }
    }

    /// Performs an operation that reads two other buffers, on the same device.
    ///
    /// # Panics
    ///
    /// If one is on another.
    pub fn apply_with_two(
        &mut self,
        sources: [&Self; 2],
        operation: &impl Operation<2>,
    ) -> Result<(), TensorError> {
        match (&self.storage, sources.map(|source| &source.storage)) {
            (Elements::Main(target), [Elements::Main(first), Elements::Main(second)]) => {
                let dispatch = Dispatch(operation);
                target
                    .inplace_op3(first, second, &dispatch)
                    .map_err(|source| failed(operation, source))
            }
            #[cfg(any(feature = "cuda", test))]
            (
                Elements::Device { .. },
                [Elements::Device { memory: first, .. }, Elements::Device { memory: second, .. }],
            ) => self.launched(operation.name(), |queue, target| {
                operation.device(queue, target, [first.at(), second.at()])
            }),
            #[cfg(any(feature = "cuda", test))]
            _ => unreachable!("an operation's buffers are on one device"),
        }
    }
}

impl TensorError {
    /// How many bytes a device, or main memory, had not left, if that was it.
    pub fn lacks_memory(&self) -> Option<usize> {
        match self {
            Self::Memory { bytes } => Some(*bytes),
            #[cfg(any(feature = "cuda", test))]
            Self::Kernel { source: DeviceError::Memory { bytes }, .. } => Some(*bytes),
            _ => None,
        }
    }

    /// Whether a device that is not the processor failed otherwise.
    pub fn is_of_device(&self) -> bool {
        match self {
            #[cfg(any(feature = "cuda", test))]
            Self::Kernel { source: DeviceError::Call { .. }, .. } => true,
            _ => false,
        }
    }
}

/// So many zeros in main memory; an error where the allocator would end the process.
fn zeros(len: usize) -> Result<Vec<f32>, TensorError> {
    // Asked for and given back: a page that nobody touched costs nothing, while one that is filled does.
    let mut room = Vec::<f32>::new();
    let bytes = len.saturating_mul(size_of::<f32>());
    room.try_reserve_exact(len).map_err(|_| TensorError::Memory { bytes })?;
    // Otherwise nothing might be asked for, since nothing is done with it.
    drop(std::hint::black_box(room));
    Ok(vec![0.0; len])
}

fn failed<const N: usize>(
    operation: &impl Operation<N>,
    source: candle_core::Error,
) -> TensorError {
    TensorError::Device { operation: operation.name(), source }
}

/// Carries an operation through candle's dispatch by device.
struct Dispatch<'a, O>(&'a O);

impl<O: Operation<0>> InplaceOp1 for Dispatch<'_, O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, target: &mut CpuStorage, _: &Layout) -> candle_core::Result<()> {
        self.0.cpu(elements_mut(target)?, []);
        Ok(())
    }
}

impl<O: Operation<1>> InplaceOp2 for Dispatch<'_, O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        _: &Layout,
        source: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<()> {
        self.0.cpu(elements_mut(target)?, [elements(source)?]);
        Ok(())
    }
}

impl<O: Operation<2>> InplaceOp3 for Dispatch<'_, O> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(
        &self,
        target: &mut CpuStorage,
        _: &Layout,
        first: &CpuStorage,
        _: &Layout,
        second: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<()> {
        self.0.cpu(elements_mut(target)?, [elements(first)?, elements(second)?]);
        Ok(())
    }
}

/// The elements of a whole storage. A [`Buffer`] never holds a view, so layouts say nothing more.
fn elements(storage: &CpuStorage) -> candle_core::Result<&[f32]> {
    storage.as_slice::<f32>()
}

fn elements_mut(storage: &mut CpuStorage) -> candle_core::Result<&mut [f32]> {
    match storage {
        CpuStorage::F32(elements) => Ok(elements),
        other => Err(candle_core::Error::UnexpectedDType {
            msg: "a buffer holds binary32",
            expected: candle_core::DType::F32,
            got: candle_core::backend::BackendStorage::dtype(other),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Axpy(f32);

    impl Operation<1> for Axpy {
        fn name(&self) -> &'static str {
            "axpy"
        }

        fn cpu(&self, target: &mut [f32], [source]: [&[f32]; 1]) {
            for (y, x) in target.iter_mut().zip(source) {
                *y += self.0 * x;
            }
        }

        fn device(&self, _: &Queue, _: Address, _: [Address; 1]) -> Result<(), DeviceError> {
            unreachable!("this test is about main memory")
        }
    }

    #[test]
    fn an_operation_changes_its_target_in_place() {
        let mut target = Buffer::from_vec(vec![1.0, 2.0], &Device::Cpu).unwrap();
        let address = target.with(<[f32]>::as_ptr).unwrap();
        let source = Buffer::from_vec(vec![10.0, 20.0], &Device::Cpu).unwrap();
        target.apply_with(&source, &Axpy(0.5)).unwrap();
        assert_eq!(target.to_vec().unwrap(), [6.0, 12.0]);
        assert_eq!(target.with(<[f32]>::as_ptr).unwrap(), address);
    }

    #[test]
    fn main_memory_that_is_not_there_is_an_error() {
        let error = Buffer::zeros(1 << 60, &Device::Cpu).unwrap_err();
        assert_eq!(error.lacks_memory(), Some(1 << 62));
        assert_eq!(Buffer::zeros(3, &Device::Cpu).unwrap().to_vec().unwrap(), [0.0; 3]);
    }

    #[test]
    fn room_beside_a_buffer_is_looked_for_and_not_taken() {
        let on = Device::Emulated { processors: 1, backwards: false, memory: 4096 };
        if Buffer::zeros(1, &on).is_err() {
            return;
        }
        let buffer = Buffer::zeros_beside(1024, 3, &on).unwrap();
        assert_eq!(buffer.to_vec().unwrap(), [0.0; 3]);
        let lacks = |spare, len| Buffer::zeros_beside(spare, len, &on).unwrap_err().lacks_memory();
        assert_eq!(lacks(1025, 3), Some(4 * 1028));
        assert_eq!(lacks(0, 1025), Some(4 * 1025));
        assert_eq!(Buffer::zeros_beside(usize::MAX, 2, &Device::Cpu).unwrap().len(), 2);
    }
}
