//! The machine that is a GPU of NVIDIA's, through CUDA's driver.
//!
//! Driver and compiler are loaded when a GPU is first asked for: a binary with this machine builds and starts where there
//! is nothing of CUDA. Kernels are compiled once a process, with the flags that belong to the definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::CUdevice_attribute_enum::{
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, CU_DEVICE_ATTRIBUTE_WARP_SIZE,
};
use cudarc::driver::{CudaContext, DriverError, result, sys};
use cudarc::nvrtc::{CompileError, CompileOptions, Ptx, compile_ptx_with_opts};

use super::batches::Batches;
use super::stream::{Graph, Stream};
use super::{Address, DeviceError, Launched, Machine, Queue, self_test, sources};

/// What arithmetic the kernels are compiled to: each operation rounds as it is written.
const FLAGS: [&str; 4] = ["--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"];

static MACHINES: Mutex<BTreeMap<usize, Arc<Cuda>>> = Mutex::new(BTreeMap::new());
static QUEUES: Mutex<BTreeMap<usize, Arc<Queue>>> = Mutex::new(BTreeMap::new());

/// What a GPU is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// Its number.
    pub ordinal: usize,
    /// Its name.
    pub name: String,
    /// Its compute capability.
    pub class: (i32, i32),
    /// The version of CUDA that the driver offers: 13000 is 13.0.
    pub driver: i32,
    /// Bytes that are free, and all.
    pub memory: (usize, usize),
}

impl Gpu {
    /// The operations whose bits on it are not the published ones, and how many were tested.
    ///
    /// # Errors
    ///
    /// If the kernels cannot be compiled for it, or run.
    pub fn differing(&self) -> Result<(Vec<&'static str>, usize), DeviceError> {
        let differing = self_test::differing(&*queue(self.ordinal)?)?;
        Ok((differing, self_test::operations()))
    }
}

/// A GPU with the stream on which everything happens.
struct Cuda {
    context: Arc<CudaContext>,
    /// Whoever holds it is alone on the stream: threads may launch at once, each call whole.
    work: Mutex<Work>,
    processors: usize,
}

/// The stream, and the launches that are not on it yet.
struct Work {
    /// First: its graphs go before the stream.
    batches: Batches<Graph>,
    stream: Stream,
}

impl Work {
    /// Puts on the stream what waits.
    fn flush(&mut self) -> Launched {
        self.batches.flush(&mut self.stream)
    }
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cuda({})", self.context.ordinal())
    }
}

pub(super) fn failed(call: &str) -> impl Fn(DriverError) -> DeviceError {
    move |error| DeviceError::Call { call: call.to_owned(), text: error.to_string() }
}

pub(super) fn missing(call: &str, text: &str) -> DeviceError {
    DeviceError::Call { call: call.to_owned(), text: text.to_owned() }
}

/// The queue of a GPU, the same one for everybody in the process.
pub(super) fn queue(ordinal: usize) -> Result<Arc<Queue>, DeviceError> {
    let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = queues.get(&ordinal) {
        return Ok(Arc::clone(queue));
    }
    let queue = Arc::new(Queue::new(machine(ordinal)?));
    queues.insert(ordinal, Arc::clone(&queue));
    Ok(queue)
}

/// The machine of a GPU, the same one for everybody in the process: kernels are compiled once.
pub(super) fn machine(ordinal: usize) -> Result<Arc<dyn Machine>, DeviceError> {
    let mut machines = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(machine) = machines.get(&ordinal) {
        return Ok(Arc::clone(machine) as Arc<dyn Machine>);
    }
    let machine = Arc::new(Cuda::new(ordinal)?);
    machines.insert(ordinal, Arc::clone(&machine));
    Ok(machine)
}

/// The GPUs of this machine.
///
/// # Errors
///
/// If there is no driver, or it does not answer.
pub fn gpus() -> Result<Vec<Gpu>, DeviceError> {
    let count = driver_is_there().and_then(|()| {
        CudaContext::device_count().map_err(failed("the driver counts its devices"))
    })?;
    (0..usize::try_from(count).unwrap_or(0)).map(gpu).collect()
}

fn gpu(ordinal: usize) -> Result<Gpu, DeviceError> {
    let context = CudaContext::new(ordinal).map_err(failed("the driver opens a device"))?;
    let asked = failed("the driver describes a device");
    let mut driver = 0;
    // SAFETY: the address is that of a number.
    unsafe { sys::cuDriverGetVersion(&raw mut driver) }.result().map_err(&asked)?;
    Ok(Gpu {
        ordinal,
        name: context.name().map_err(&asked)?,
        class: context.compute_capability().map_err(&asked)?,
        driver,
        memory: context.mem_get_info().map_err(&asked)?,
    })
}

/// The bindings would panic without the library.
fn driver_is_there() -> Result<(), DeviceError> {
    // SAFETY: a library is looked for by its name.
    if unsafe { sys::is_culib_present() } {
        Ok(())
    } else {
        Err(missing("libcuda.so", "there is no driver of NVIDIA's on this machine"))
    }
}

/// Compiles the kernels for a class of GPUs.
fn compile((major, minor): (i32, i32)) -> Result<Ptx, DeviceError> {
    // SAFETY: a library is looked for by its name.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        let text = "CUDA's run-time compiler is not among the libraries that the loader finds";
        return Err(missing("libnvrtc.so", text));
    }
    let mut options: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
    options.push(format!("--gpu-architecture=compute_{major}{minor}"));
    options.push("--std=c++17".to_owned());
    let options = CompileOptions { options, ..CompileOptions::default() };
    compile_ptx_with_opts(sources::text(), options).map_err(|error| {
        let text = match error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().into_owned(),
            other => other.to_string(),
        };
        DeviceError::Call { call: "the kernels do not compile".to_owned(), text }
    })
}

impl Cuda {
    fn new(ordinal: usize) -> Result<Self, DeviceError> {
        driver_is_there()?;
        let opened = failed("the driver opens a device");
        let context = CudaContext::new(ordinal).map_err(&opened)?;
        let class = context.compute_capability().map_err(&opened)?;
        let warp = context.attribute(CU_DEVICE_ATTRIBUTE_WARP_SIZE).map_err(&opened)?;
        assert_eq!(warp, 32, "kernels know warps of 32 threads");
        let processors =
            context.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT).map_err(&opened)?;
        let module =
            context.load_module(compile(class)?).map_err(failed("the driver loads the kernels"))?;
        let stream = context.new_stream().map_err(&opened)?;
        let processors = usize::try_from(processors).unwrap_or(1);
        let work = Work { batches: Batches::default(), stream: Stream::new(stream, module) };
        Ok(Self { context, work: Mutex::new(work), processors })
    }

    /// The driver's calls are for the context of the thread that calls.
    fn bind(&self) -> Result<(), DeviceError> {
        self.context.bind_to_thread().map_err(failed("the driver takes a thread"))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, with all on it that was launched.
    fn flushed(&self) -> Result<MutexGuard<'_, Work>, DeviceError> {
        let mut work = self.work();
        self.bind()?;
        work.flush()?;
        Ok(work)
    }
}

impl Machine for Cuda {
    fn allocate(&self, bytes: usize) -> Result<Address, DeviceError> {
        let _work = self.flushed()?;
        // Memory of no bytes has no address.
        let bytes = bytes.max(1);
        // SAFETY: a context is bound.
        match unsafe { result::malloc_sync(bytes) } {
            Ok(at) => Ok(Address(at)),
            Err(DriverError(sys::cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY)) => {
                Err(DeviceError::Memory { bytes })
            }
            Err(error) => Err(failed("memory of the device")(error)),
        }
    }

    fn free(&self, at: Address) {
        let Work { stream, batches } = &mut *self.work();
        // What cannot be given back is given back when the process ends. The driver waits for kernels that use it.
        if self.bind().is_ok() {
            batches.flush_unheard(stream);
            // SAFETY: `allocate` gave it.
            let _ = unsafe { result::free_sync(at.0) };
        }
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<(), DeviceError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let work = self.flushed()?;
        // SAFETY: the caller's memory is as long. The source is pageable: the driver has read it when it returns.
        unsafe { result::memcpy_htod_async(to.0, bytes, work.stream.raw()) }
            .map_err(failed("a copy to the device"))
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let copied = failed("a copy from the device");
        let work = self.flushed()?;
        if !bytes.is_empty() {
            // SAFETY: the caller's memory is as long.
            unsafe { result::memcpy_dtoh_async(bytes, from.0, work.stream.raw()) }
                .map_err(&copied)?;
        }
        work.stream.synchronize().map_err(&copied)
    }

    /// Only puts the launch with those that wait; its failure is that of a later call.
    unsafe fn launch(
        &self,
        kernel: &'static str,
        grid: [u32; 3],
        threads: [u32; 3],
        arguments: &[u8],
    ) -> Result<(), DeviceError> {
        let mut work = self.work();
        if work.batches.add(kernel, grid, threads, arguments) {
            self.bind()?;
            work.flush()?;
        }
        Ok(())
    }

    fn processors(&self) -> usize {
        self.processors
    }
}

#[cfg(test)]
mod tests {
    use super::super::{bytes_of, bytes_of_mut, launch};
    use super::*;

    /// Needs the compiler and no GPU.
    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn the_run_time_compiler_takes_the_kernels() {
        let text = match compile((9, 0)) {
            Err(DeviceError::Call { call, .. }) if call == "libnvrtc.so" => {
                println!("skipped: no run-time compiler of CUDA's");
                return;
            }
            compiled => compiled.unwrap().to_src(),
        };
        let kernels = sources::text().matches("\nKERNEL(").count();
        assert_eq!(text.matches(".entry ").count(), kernels);
        assert!(!text.contains(".ftz") && !text.contains(".approx"));
        for exact in ["fma.rn.f32", "div.rn.f32", "sqrt.rn.f32"] {
            assert!(text.contains(exact), "{exact}");
        }
    }

    /// On a GPU, if there is one: the sums of small integers are exact, and one launch left out or made twice shows.
    #[test]
    fn launches_that_come_again_are_one_graph_and_do_the_same() {
        if gpus().is_ok_and(|gpus| !gpus.is_empty()) {
            let cuda = Arc::new(Cuda::new(0).unwrap());
            let queue = Queue::new(Arc::clone(&cuda) as Arc<dyn Machine>);
            let (of, sum) = (queue.memory(1000).unwrap(), queue.memory(1000).unwrap());
            launch::fill(&queue, sum.at(), 1000, 0.0).unwrap();
            let mut expected = 0.0;
            for round in [1.0, 2.0, 3.0, 4.0_f32] {
                queue.upload(of.at(), bytes_of(&[round; 1000])).unwrap();
                for _ in 0..10 {
                    launch::add(&queue, of.at(), sum.at(), 1000).unwrap();
                }
                expected += 10.0 * round;
                let mut elements = [0.0; 1000];
                queue.download(sum.at(), bytes_of_mut(&mut elements)).unwrap();
                assert_eq!(elements, [expected; 1000]);
                assert_eq!(cuda.work().batches.graphs(), usize::from(round > 1.0));
            }
        }
    }

    #[test]
    fn without_a_driver_there_is_one_clear_error() {
        if driver_is_there().is_err() {
            let error = queue(0).unwrap_err().to_string();
            assert!(error.starts_with("libcuda.so: there is no driver"), "{error}");
        }
    }
}
