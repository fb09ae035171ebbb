//! Which device computes. No result depends on it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TensorError;

/// Where buffers live and operations run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum Device {
    /// Main memory; operations run on the thread that calls them.
    #[default]
    Cpu,
    /// A GPU of NVIDIA's, by its number.
    #[cfg(feature = "cuda")]
    Cuda(usize),
    /// The kernels of a GPU, run by the processor: for tests.
    #[cfg(test)]
    Emulated {
        /// How many blocks of threads keep it busy; grids and tiles follow from it.
        processors: usize,
        /// Whether the threads of a block run from the last to the first.
        backwards: bool,
        /// The largest piece of memory that it has, in bytes.
        memory: usize,
    },
}

/// Where compiled kernels wait for the next process.
pub trait KernelCache {
    /// What was kept by that name, to the bit, or nothing.
    fn find(&self, name: &str) -> Option<Vec<u8>>;

    /// Keeps bytes by a name, if it can.
    fn keep(&self, name: &str, bytes: &[u8]);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoKernels;

impl KernelCache for NoKernels {
    fn find(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn keep(&self, _: &str, _: &[u8]) {}
}

/// Why a name is not that of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceNameError {
    /// It is no such name.
    #[error("`{0}` is not a device")]
    Unknown(String),
    /// This program was built without it.
    #[error("this program was built without CUDA, so that it has no device `{0}`")]
    NotBuilt(String),
}

impl FromStr for Device {
    type Err = DeviceNameError;

    /// Reads `cpu`, `cuda` (the first GPU) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        if text == "cpu" {
            return Ok(Self::Cpu);
        }
        let unknown = || DeviceNameError::Unknown(text.to_owned());
        let number = match text.strip_prefix("cuda") {
            Some("") => "0",
            Some(rest) => rest.strip_prefix(':').ok_or_else(unknown)?,
            None => return Err(unknown()),
        };
        // Without a sign, which a number may have.
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let ordinal = number.parse::<u16>().ok().filter(|_| is_number).ok_or_else(unknown)?;
        #[cfg(feature = "cuda")]
        return Ok(Self::Cuda(ordinal.into()));
        #[cfg(not(feature = "cuda"))]
        Err(DeviceNameError::NotBuilt(format!("cuda:{ordinal}")))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            #[cfg(feature = "cuda")]
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            #[cfg(test)]
            Self::Emulated { .. } => f.write_str("emulated"),
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for Device {
    type Error = DeviceNameError;

    fn try_from(text: String) -> Result<Self, DeviceNameError> {
        text.parse()
    }
}

impl Device {
    /// The compute capability of a GPU, major and minor number; none of main memory.
    ///
    /// # Errors
    ///
    /// If there is no such GPU.
    pub fn class(self) -> Result<Option<(u32, u32)>, TensorError> {
        match self {
            Self::Cpu => Ok(None),
            #[cfg(feature = "cuda")]
            Self::Cuda(ordinal) => super::device::cuda::class(ordinal)
                .map(Some)
                .map_err(|source| TensorError::Kernel { operation: "opening", source }),
            // It plays one that tests name.
            #[cfg(test)]
            Self::Emulated { .. } => Ok(Some((9, 0))),
        }
    }

    /// Whether it multiplies bfloat16 as [`Arithmetic::Bf16`](super::Arithmetic) takes it to, by a short test.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn multiplies_bf16(self) -> Result<bool, TensorError> {
        match self {
            Self::Cpu => Ok(false),
            #[cfg(any(feature = "cuda", test))]
            device => super::device::queue(device, &NoKernels)
                .and_then(|queue| super::device::self_test::multiplies_bf16(&queue))
                .map_err(|source| TensorError::Kernel { operation: "a test", source }),
        }
    }

    /// Opens the device with all that it needs: libraries, files of the system, kernels. Afterwards a process may give
    /// up the right to open anything.
    #[cfg_attr(
        not(any(feature = "cuda", test)),
        allow(unused_variables, reason = "main memory has no kernels")
    )]
    pub fn prepare(self, kernels: &dyn KernelCache) -> Result<(), TensorError> {
        match self {
            Self::Cpu => Ok(()),
            #[cfg(any(feature = "cuda", test))]
            device => super::device::queue(device, kernels)
                .map(drop)
                .map_err(|source| TensorError::Kernel { operation: "opening", source }),
        }
    }
}

#[cfg(test)]
impl Device {
    /// What tests hold against main memory, as far as it is there: the kernels in the emulator, with few processors in one
    /// order of threads and with many in the other, and the first GPU.
    pub(crate) fn others() -> Vec<Self> {
        let emulated =
            |processors, backwards| Self::Emulated { processors, backwards, memory: usize::MAX };
        let devices = [
            emulated(1, true),
            emulated(200, false),
            #[cfg(feature = "cuda")]
            Self::Cuda(0),
        ];
        let is_there = |device: &Self| device.prepare(&NoKernels).is_ok();
        devices.into_iter().filter(is_there).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_others_refused() {
        assert_eq!("cpu".parse(), Ok(Device::Cpu));
        assert_eq!(Device::Cpu.to_string(), "cpu");
        for name in ["", "gpu", "cuda:", "cuda:+1", "cuda:-1", "cuda0", "cuda:x", "CPU"] {
            let refused = name.parse::<Device>();
            assert_eq!(refused, Err(DeviceNameError::Unknown(name.to_owned())), "{name}");
        }
        for (name, ordinal) in [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)] {
            #[cfg(feature = "cuda")]
            assert_eq!(name.parse(), Ok(Device::Cuda(ordinal)));
            #[cfg(not(feature = "cuda"))]
            assert_eq!(
                name.parse::<Device>(),
                Err(DeviceNameError::NotBuilt(format!("cuda:{ordinal}")))
            );
        }
    }
}
