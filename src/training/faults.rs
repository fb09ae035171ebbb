//! Planted faults, for the tests of `verify`: a training that quietly gives other bits.
//!
//! Compiled only under the feature `faults`. A fault is planted once a process, by the hidden option `--fault`.

use std::sync::OnceLock;

use crate::tensor::{Buffer, Device, TensorError};

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The first parameter is one unit in the last place off after this step, from 0.
    OneUlp {
        /// The step.
        step: u64,
    },
    /// The first parameter is off by one unit in the last place a thread after this step: the result depends on how the
    /// work was shared out.
    Threads {
        /// The step.
        step: u64,
    },
}

static PLANTED: OnceLock<Fault> = OnceLock::new();

/// Plants the fault that `text` names, `one-ulp:STEP` or `threads:STEP`; whether it names one.
pub fn plant(text: &str) -> bool {
    let Some((kind, step)) = text.split_once(':') else {
        return false;
    };
    let fault = match (kind, step.parse()) {
        ("one-ulp", Ok(step)) => Fault::OneUlp { step },
        ("threads", Ok(step)) => Fault::Threads { step },
        _ => return false,
    };
    PLANTED.set(fault).is_ok()
}

/// Does the planted fault's work on the state after `step`.
pub(super) fn strike(buffer: &mut Buffer, step: u64, threads: usize) -> Result<(), TensorError> {
    let ulps = match PLANTED.get() {
        Some(Fault::OneUlp { step: at }) if *at == step => 1,
        Some(Fault::Threads { step: at }) if *at == step => threads,
        _ => return Ok(()),
    };
    let mut elements = buffer.to_vec()?;
    for _ in 0..ulps {
        elements[0] = elements[0].next_up();
    }
    *buffer = Buffer::from_vec(elements, &Device::Cpu)?;
    Ok(())
}
