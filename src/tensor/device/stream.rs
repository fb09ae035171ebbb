//! The stream of a GPU: kernels launched one by one, or recorded as a graph and launched as one.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::sys::CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
use cudarc::driver::{CudaFunction, CudaModule, CudaStream, DriverError, result, sys};

use super::batches::{Launcher, List};
use super::cuda::{failed, missing};
use super::{Blocks, DeviceError, Launched, sources};

/// A stream with the kernels that it starts. Whoever calls has bound the context to its thread.
pub(super) struct Stream {
    stream: Arc<CudaStream>,
    functions: BTreeMap<&'static str, CudaFunction>,
    /// Those that may share all there is.
    sharing: BTreeSet<&'static str>,
    /// The most bytes that a block of threads may share.
    shared: usize,
}

/// An executable graph.
pub(super) struct Graph(sys::CUgraphExec);

// SAFETY: a handle is the same on every thread; what uses it takes turns.
unsafe impl Send for Graph {}

impl Drop for Graph {
    fn drop(&mut self) {
        // What cannot be destroyed goes with the process.
        // SAFETY: nobody else has the handle. The driver keeps what still runs until it is done.
        let _ = unsafe { result::graph::exec_destroy(self.0) };
    }
}

/// What was recorded.
struct Recorded(sys::CUgraph);

impl Drop for Recorded {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: nobody else has the handle; an executable graph stands for itself.
            let _ = unsafe { result::graph::destroy(self.0) };
        }
    }
}

impl Stream {
    /// All kernels are loaded now: a driver would wait for the first launch of each, when memory may be short.
    pub(super) fn new(
        stream: Arc<CudaStream>,
        module: &Arc<CudaModule>,
        shared: usize,
    ) -> Result<Self, DeviceError> {
        let load = |kernel| Ok((kernel, module.load_function(kernel).map_err(failed(kernel))?));
        let functions = sources::kernels().map(load).collect::<Result<_, DeviceError>>()?;
        Ok(Self { stream, functions, sharing: BTreeSet::new(), shared })
    }

    pub(super) fn raw(&self) -> sys::CUstream {
        self.stream.cu_stream()
    }

    /// Waits for all that is on it.
    pub(super) fn synchronize(&self) -> Result<(), DriverError> {
        self.stream.synchronize()
    }

    /// The kernel, ready for launches that ask for so much shared memory.
    fn function(
        &mut self,
        kernel: &'static str,
        shared: u32,
    ) -> Result<sys::CUfunction, DeviceError> {
        let function = self.functions.get(kernel).expect("every kernel is one of the sources");
        // Those that ask for it have none of their own, and may have all there is.
        if shared > 0 && self.sharing.insert(kernel) {
            let most = i32::try_from(self.shared).unwrap_or(i32::MAX);
            let attribute = CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            function.set_attribute(attribute, most).map_err(failed(kernel))?;
        }
        Ok(function.cu_function())
    }

    fn record(&mut self, list: &List) -> Result<Graph, DeviceError> {
        let refused = failed("a graph of launches");
        // What other threads do on other devices is allowed meanwhile.
        let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is ours, and this thread ends what it begins.
        unsafe { result::stream::begin_capture(self.raw(), mode) }.map_err(&refused)?;
        let launched = self.launch(list);
        // SAFETY: as above; it ends whether or not all was launched.
        let recorded = unsafe { result::stream::end_capture(self.raw()) }.map(Recorded);
        launched?;
        let recorded = recorded.map_err(&refused)?;
        if recorded.0.is_null() {
            return Err(missing("a graph of launches", "nothing was recorded"));
        }
        // SAFETY: it was just recorded, on this stream.
        let graph = unsafe {
            result::graph::instantiate(recorded.0, sys::CUgraphInstantiate_flags(0)).map(Graph)
        }
        .map_err(&refused)?;
        // All that it needs of the device is taken now, when launches could still be single.
        // SAFETY: both were made above and are ours.
        unsafe { result::graph::upload(graph.0, self.raw()) }.map_err(&refused)?;
        Ok(graph)
    }
}

impl Launcher for Stream {
    type Graph = Graph;

    fn launch(&mut self, list: &List) -> Launched {
        for (launch, arguments) in list.launches() {
            let function = self.function(launch.kernel, launch.blocks.shared)?;
            // The driver copies the arguments before it returns; it never writes them.
            let mut parameters = [arguments.as_ptr().cast::<c_void>().cast_mut()];
            let Blocks { grid: [x, y, z], threads: [a, b, c], shared } = launch.blocks;
            let (grid, threads) = ((x, y, z), (a, b, c));
            // SAFETY: the promise of who called `Machine::launch`: it holds until memory is given back, and before that all
            // that waits is launched.
            unsafe {
                result::launch_kernel(function, grid, threads, shared, self.raw(), &mut parameters)
            }
            .map_err(failed(launch.kernel))?;
        }
        Ok(())
    }

    fn capture(&mut self, list: &List) -> Option<Graph> {
        self.record(list).inspect_err(|error| tracing::debug!(%error, "launches stay single")).ok()
    }

    fn replay(&mut self, graph: &Graph) -> Launched {
        // SAFETY: the graph is of this stream and alive. The list that waits is byte for byte the one that it was made
        // of, so its caller's promise is for this launch.
        unsafe { result::graph::launch(graph.0, self.raw()) }.map_err(failed("a graph of launches"))
    }
}
