//! A machine that waits for every kernel, and says how long each took.

#![allow(clippy::unwrap_used, reason = "a measurement")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::arguments::Product;
use super::{Address, Blocks, DeviceError, Machine};

/// How often a kernel was launched, and the seconds that it took.
type Times = BTreeMap<String, (u32, f64)>;

static TIMES: Mutex<Option<Times>> = Mutex::new(None);

/// Begins to time kernels: the machines that are made from now on.
pub(crate) fn begin() {
    *TIMES.lock().unwrap() = Some(Times::new());
}

/// What was timed since it was last asked for.
pub(crate) fn take() -> Times {
    TIMES.lock().unwrap().replace(Times::new()).unwrap()
}

/// The machine, timed if that was asked for.
pub(super) fn wrap(machine: Arc<dyn Machine>) -> Arc<dyn Machine> {
    if TIMES.lock().unwrap().is_some() { Arc::new(Timed(machine)) } else { machine }
}

#[derive(Debug)]
struct Timed(Arc<dyn Machine>);

impl Machine for Timed {
    fn allocate(&self, bytes: usize) -> Result<Address, DeviceError> {
        self.0.allocate(bytes)
    }

    fn free(&self, at: Address) {
        self.0.free(at);
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<(), DeviceError> {
        self.0.upload(to, bytes)
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<(), DeviceError> {
        self.0.download(from, bytes)
    }

    #[allow(clippy::disallowed_methods, reason = "a measurement")]
    unsafe fn launch(
        &self,
        kernel: &'static str,
        blocks: Blocks,
        arguments: &[u8],
    ) -> Result<(), DeviceError> {
        // A kernel of another name may be a product with other arguments.
        let name = if kernel.starts_with("product_") && arguments.len() == size_of::<Product>() {
            // SAFETY: those of a product, as long as they are.
            let product = unsafe { arguments.as_ptr().cast::<Product>().read_unaligned() };
            let Product { m, n, k, .. } = product;
            format!("{kernel} {m} × {n} × {k}, {} times", blocks.grid[2])
        } else {
            let count: u64 = blocks.grid.iter().map(|&blocks| u64::from(blocks)).product();
            format!("{kernel}, {count} blocks")
        };
        let wait = || self.0.download(Address::NULL, &mut []);
        wait()?;
        let start = Instant::now();
        // SAFETY: the caller's promise.
        unsafe { self.0.launch(kernel, blocks, arguments) }?;
        wait()?;
        let seconds = start.elapsed().as_secs_f64();
        if let Some(times) = &mut *TIMES.lock().unwrap() {
            let time = times.entry(name).or_insert((0, 0.0));
            *time = (time.0 + 1, time.1 + seconds);
        }
        Ok(())
    }

    fn processors(&self) -> usize {
        self.0.processors()
    }

    fn shared_memory(&self) -> usize {
        self.0.shared_memory()
    }
}
