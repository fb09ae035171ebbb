//! Elements on a device, and the only way to change them: a coarse operation with one defined result.

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, InplaceOp3, Layout, Storage, Tensor};

/// Where buffers live and operations run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Device {
    /// Main memory; operations run on the thread that calls them.
    #[default]
    Cpu,
}

impl Device {
    fn to_candle(self) -> candle_core::Device {
        match self {
            Self::Cpu => candle_core::Device::Cpu,
        }
    }
}

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
/// `N` is the number of buffers it reads: 0, 1 or 2. The code of a further device is a further method beside
/// [`Operation::cpu`], with the same definition.
pub trait Operation<const N: usize> {
    /// The name that messages use.
    fn name(&self) -> &'static str;

    /// Performs the operation in main memory.
    fn cpu(&self, target: &mut [f32], sources: [&[f32]; N]);
}

/// A run of binary32 elements on a device.
#[derive(Debug)]
pub struct Buffer {
    tensor: Tensor,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::from_vec(Vec::new(), &Device::Cpu).expect("no memory is needed")
    }
}

impl Buffer {
    /// A buffer of `len` times +0.
    pub fn zeros(len: usize, device: &Device) -> Result<Self, TensorError> {
        Self::from_vec(vec![0.0; len], device)
    }

    /// A buffer of the given elements. On the CPU they are not copied.
    pub fn from_vec(elements: Vec<f32>, device: &Device) -> Result<Self, TensorError> {
        let len = elements.len();
        let tensor = Tensor::from_vec(elements, len, &device.to_candle())
            .map_err(|source| TensorError::Device { operation: "from_vec", source })?;
        Ok(Self { tensor })
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.tensor.elem_count()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of the elements in main memory.
    pub fn to_vec(&self) -> Result<Vec<f32>, TensorError> {
        self.tensor.to_vec1().map_err(|source| TensorError::Device { operation: "to_vec", source })
    }

    /// Calls `read` with the elements in main memory; on the CPU they are not copied.
    pub fn with<R>(&self, read: impl FnOnce(&[f32]) -> R) -> Result<R, TensorError> {
        let (storage, _) = self.tensor.storage_and_layout();
        if let Storage::Cpu(storage) = &*storage {
            return Ok(read(
                elements(storage)
                    .map_err(|source| TensorError::Device { operation: "with", source })?,
            ));
        }
        drop(storage);
        Ok(read(&self.to_vec()?))
    }

    /// Performs an operation that reads no other buffer.
    pub fn apply(&mut self, operation: &impl Operation<0>) -> Result<(), TensorError> {
        let dispatch = Dispatch(operation);
        self.tensor.inplace_op1(&dispatch).map_err(|source| failed(operation, source))
    }

    /// Performs an operation that reads one other buffer.
    pub fn apply_with(
        &mut self,
        source: &Self,
        operation: &impl Operation<1>,
    ) -> Result<(), TensorError> {
        let dispatch = Dispatch(operation);
        self.tensor
            .inplace_op2(&source.tensor, &dispatch)
            .map_err(|source| failed(operation, source))
    }

    /// Performs an operation that reads two other buffers.
    pub fn apply_with_two(
        &mut self,
        sources: [&Self; 2],
        operation: &impl Operation<2>,
    ) -> Result<(), TensorError> {
        let dispatch = Dispatch(operation);
        self.tensor
            .inplace_op3(&sources[0].tensor, &sources[1].tensor, &dispatch)
            .map_err(|source| failed(operation, source))
    }
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
}
