//! The candle boundary: storage on a device, the dispatch of coarse operations, and safetensors.
//!
//! Only this room imports candle. A [`Buffer`] is a candle tensor without arithmetic: the one thing that can happen to
//! it is a coarse [`Operation`], whose result `numerics` defines to the bit. An operation names its operands as
//! [`Region`]s of buffers, so that a step allocates nothing, and holds the code of every device side by side: main memory,
//! and kernels for a GPU, whose sources stand beside their twins in Rust (`device` runs them).
//!
//! ```compile_fail
//! // Stock arithmetic, whose bits vary from machine to machine, is out of reach by type.
//! use ibid::tensor::{Buffer, Device};
//! let buffer = Buffer::from_vec(vec![1.0, 2.0], &Device::Cpu).unwrap();
//! let sum = &buffer + &buffer;
//! ```

mod arithmetic;
mod block;
mod buffer;
pub mod checkpoint;
mod chunks;
#[cfg(any(feature = "cuda", test))]
pub(crate) mod device;
mod devices;
#[cfg(feature = "faults")]
pub mod faults;
mod head;
mod loss;
mod optimizer;
mod region;
mod rows;
pub mod safetensors;
mod stem;
pub mod tap;

pub use arithmetic::Arithmetic;
pub use block::{BlockBackward, BlockForward, BlockScratch, BlockShape, BlockState};
pub use buffer::{Buffer, Operation, TensorError};
pub use chunks::{Chunks, SumChunks};
#[cfg(any(feature = "cuda", test))]
pub use device::DeviceError;
#[cfg(feature = "cuda")]
pub use device::cuda::{Gpu, Gpus, gpus};
pub use devices::{Device, DeviceNameError, KernelCache, NoKernels};
pub use head::{HeadBackward, HeadForward, HeadScratch, HeadShape, HeadState, HeadWeights, Pool};
pub use loss::{BatchRegions, Classification, Contrastive};
pub use optimizer::{
    AdamWStep, AdamWUpdate, Add, Bring, Clear, Copy, OptimizedTensor, Outcome, Rates,
};
pub use region::{Planner, Region};
pub use rows::{Activation, normalise_rows};
pub use stem::{
    ImageBackward, ImageForward, ImageShape, ImageState, ImageWeights, NormBackward, NormForward,
    PixelTable, TextBackward, TextForward, TextShape,
};
