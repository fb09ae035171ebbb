//! The candle boundary: storage on a device, the dispatch of coarse operations, and safetensors.
//!
//! Only this room imports candle. A [`Buffer`] is a candle tensor without arithmetic: the one thing that can happen to
//! it is a coarse [`Operation`], whose result `numerics` defines to the bit. An operation names its operands as
//! [`Region`]s of buffers, so that a step allocates nothing, and holds the code of every device side by side: `cpu`
//! today, a kernel of the same definition for each further device.
//!
//! ```compile_fail
//! // Stock arithmetic, whose bits vary from machine to machine, is out of reach by type.
//! use ibid::tensor::{Buffer, Device};
//! let buffer = Buffer::from_vec(vec![1.0, 2.0], &Device::Cpu).unwrap();
//! let sum = &buffer + &buffer;
//! ```

mod buffer;
mod region;
pub mod safetensors;

pub use buffer::{Buffer, Device, Operation, TensorError};
pub use region::{Planner, Region};
