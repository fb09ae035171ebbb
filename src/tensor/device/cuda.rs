//! The machine that is a GPU of NVIDIA's, through CUDA's driver.
//!
//! Driver and compiler are loaded when a GPU is first asked for: a binary with this machine builds and starts where there
//! is nothing of CUDA. Kernels are compiled once, where somebody keeps them for the next process, with the flags that belong
//! to the definitions.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::CUdevice_attribute_enum::{
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS,
    CU_DEVICE_ATTRIBUTE_WARP_SIZE,
};
use cudarc::driver::{CudaContext, DriverError, result, sys};
use cudarc::nvrtc::{self, Ptx};
use sha2::{Digest as _, Sha256};

use super::batches::Batches;
use super::stream::{Graph, Stream};
use super::{Address, Blocks, DeviceError, Launched, Machine, Queue, self_test, sources};
use crate::tensor::{KernelCache, NoKernels};

/// The first class whose copies to shared memory go past the registers.
const OLDEST: (i32, i32) = (8, 0);
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
        let differing = self_test::differing(&*queue(self.ordinal, &NoKernels)?)?;
        Ok((differing, self_test::operations()))
    }
}

/// The GPUs of a machine.
#[derive(Debug)]
pub enum Gpus {
    /// Why there is none.
    Absent(String),
    /// Each by its number, or what keeps it from being used.
    Each(Vec<Result<Gpu, DeviceError>>),
}

/// A GPU with the stream on which everything happens.
struct Cuda {
    context: Arc<CudaContext>,
    /// Whoever holds it is alone on the stream: threads may launch at once, each call whole.
    work: Mutex<Work>,
    processors: usize,
    shared: usize,
    /// Whether the device can read any main memory: then a copy need not have read it when it returns.
    reads_main_memory: bool,
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

/// A call that failed. Where it lacked memory, the driver does not say how much.
pub(super) fn failed(call: &str) -> impl Fn(DriverError) -> DeviceError {
    move |error| match error {
        DriverError(sys::cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY) => {
            DeviceError::Memory { bytes: 0 }
        }
        error => DeviceError::Call { call: call.to_owned(), text: error.to_string() },
    }
}

pub(super) fn missing(call: &str, text: &str) -> DeviceError {
    DeviceError::Call { call: call.to_owned(), text: text.to_owned() }
}

/// The queue of a GPU, the same one for everybody in the process.
pub(super) fn queue(ordinal: usize, kernels: &dyn KernelCache) -> Result<Arc<Queue>, DeviceError> {
    let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = queues.get(&ordinal) {
        return Ok(Arc::clone(queue));
    }
    let machine = machine(ordinal, kernels)?;
    #[cfg(test)]
    let machine = super::timed::wrap(machine);
    let queue = Arc::new(Queue::new(machine));
    queues.insert(ordinal, Arc::clone(&queue));
    Ok(queue)
}

/// The machine of a GPU, the same one for everybody in the process: kernels are compiled once.
pub(super) fn machine(
    ordinal: usize,
    kernels: &dyn KernelCache,
) -> Result<Arc<dyn Machine>, DeviceError> {
    let mut machines = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(machine) = machines.get(&ordinal) {
        return Ok(Arc::clone(machine) as Arc<dyn Machine>);
    }
    let machine = Arc::new(Cuda::new(ordinal, kernels)?);
    machines.insert(ordinal, Arc::clone(&machine));
    Ok(machine)
}

/// The compute capability of a GPU, major and minor number. What was not opened stays closed.
pub(crate) fn class(ordinal: usize) -> Result<(u32, u32), DeviceError> {
    let asked = failed("the driver describes a device");
    let machines = MACHINES.lock().unwrap_or_else(PoisonError::into_inner);
    let opened = machines.get(&ordinal).map(|machine| Arc::clone(&machine.context));
    drop(machines);
    let class = if let Some(context) = opened {
        context.compute_capability()
    } else {
        driver_is_there()?;
        class_of_closed(ordinal)
    };
    let (major, minor) = class.map_err(asked)?;
    let number = |number: i32| u32::try_from(number).unwrap_or(0);
    Ok((number(major), number(minor)))
}

fn class_of_closed(ordinal: usize) -> Result<(i32, i32), DriverError> {
    result::init()?;
    let device = result::device::get(i32::try_from(ordinal).unwrap_or(i32::MAX))?;
    // SAFETY: the driver just named the device.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) };
    Ok((
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
    ))
}

/// The GPUs of this machine.
///
/// # Errors
///
/// If there is a driver that does not answer.
pub fn gpus() -> Result<Gpus, DeviceError> {
    if let Err(error) = driver_is_there() {
        return Ok(Gpus::Absent(error.to_string()));
    }
    match CudaContext::device_count() {
        Ok(0) | Err(DriverError(sys::cudaError_enum::CUDA_ERROR_NO_DEVICE)) => {
            Ok(Gpus::Absent("the driver has no device".to_owned()))
        }
        Ok(count) => Ok(Gpus::Each((0..usize::try_from(count).unwrap_or(0)).map(gpu).collect())),
        Err(error) => Err(failed("the driver counts its devices")(error)),
    }
}

/// Whether there is a GPU for tests; one that cannot be used fails them.
#[cfg(test)]
pub(super) fn is_there() -> bool {
    !matches!(gpus(), Ok(Gpus::Absent(_)))
}

fn gpu(ordinal: usize) -> Result<Gpu, DeviceError> {
    let context = CudaContext::new(ordinal).map_err(failed("the driver opens a device"))?;
    let asked = failed("the driver describes a device");
    Ok(Gpu {
        ordinal,
        name: context.name().map_err(&asked)?,
        class: context.compute_capability().map_err(&asked)?,
        driver: driver_version().map_err(&asked)?,
        memory: context.mem_get_info().map_err(&asked)?,
    })
}

/// The version of CUDA that the driver offers: 13000 is 13.0.
fn driver_version() -> Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: the address is that of a number.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
    Ok(version)
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

/// The kernels for a class of GPUs, compiled before or now.
fn compiled(class: (i32, i32), kernels: &dyn KernelCache) -> Result<Vec<u8>, DeviceError> {
    compiler_is_there()?;
    let options = options(class);
    let text = sources::text();
    let name = hex(&digest(&[&text, &options.join(" "), &compiler_version()?]));
    if let Some(binary) = kernels.find(&name) {
        return Ok(binary);
    }
    let binary = compile(&text, &options)?;
    kernels.keep(&name, &binary);
    Ok(binary)
}

/// The version of CUDA that the compiler belongs to.
fn compiler_version() -> Result<String, DeviceError> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the addresses are those of numbers.
    unsafe { nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) }
        .result()
        .map_err(refused("the compiler tells its version"))?;
    Ok(format!("{major}.{minor}"))
}

/// Why the driver does not load kernels: mostly that it is older than their compiler.
fn not_loaded(error: DriverError) -> DeviceError {
    use sys::cudaError_enum::{
        CUDA_ERROR_INVALID_IMAGE, CUDA_ERROR_NO_BINARY_FOR_GPU, CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
    };

    let call = "the driver loads the kernels";
    let is_of_image = matches!(
        error.0,
        CUDA_ERROR_INVALID_IMAGE
            | CUDA_ERROR_NO_BINARY_FOR_GPU
            | CUDA_ERROR_UNSUPPORTED_PTX_VERSION
    );
    match (driver_version(), compiler_version()) {
        (Ok(driver), Ok(compiler)) if is_of_image => {
            let driver = format!("{}.{}", driver / 1000, driver % 1000 / 10);
            let text = format!("the driver offers CUDA {driver}, the kernels are of {compiler}");
            missing(call, &format!("{text}: {error}"))
        }
        _ => failed(call)(error),
    }
}

/// The digest of texts, each with its length.
fn digest(texts: &[&str]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hasher.finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the compiler is told for a class of GPUs.
fn options((major, minor): (i32, i32)) -> Vec<String> {
    let others = [format!("--gpu-architecture=sm_{major}{minor}"), "--std=c++17".to_owned()];
    FLAGS.iter().map(ToString::to_string).chain(others).collect()
}

fn compiler_is_there() -> Result<(), DeviceError> {
    // SAFETY: a library is looked for by its name.
    if unsafe { nvrtc::sys::is_culib_present() } {
        return Ok(());
    }
    let text = "CUDA's run-time compiler is not among the libraries that the loader finds";
    Err(missing("libnvrtc.so", text))
}

fn refused(call: &str) -> impl Fn(nvrtc::result::NvrtcError) -> DeviceError {
    move |error| missing(call, &format!("{error:?}"))
}

/// A program of the run-time compiler.
struct Program(nvrtc::sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // What cannot be destroyed goes with the process.
        // SAFETY: nobody else has the handle.
        let _ = unsafe { nvrtc::result::destroy_program(self.0) };
    }
}

/// Compiles the kernels to what a GPU runs.
fn compile(text: &str, options: &[String]) -> Result<Vec<u8>, DeviceError> {
    let call = "the kernels do not compile";
    let source = CString::new(text).map_err(|error| missing(call, &error.to_string()))?;
    let program = Program(nvrtc::result::create_program(&source, None).map_err(refused(call))?);
    // SAFETY: the program is ours.
    if let Err(error) = unsafe { nvrtc::result::compile_program(program.0, options) } {
        // SAFETY: as above.
        let log = unsafe { nvrtc::result::get_program_log(program.0) }.unwrap_or_default();
        let log: Vec<u8> = log
            .iter()
            .map(|byte| u8::from_ne_bytes(byte.to_ne_bytes()))
            .take_while(|&byte| byte != 0)
            .collect();
        let text = format!("{error:?}: {}", String::from_utf8_lossy(&log));
        return Err(missing(call, &text));
    }
    let mut size = 0;
    // SAFETY: as above; the address is that of a number.
    unsafe { nvrtc::sys::nvrtcGetCUBINSize(program.0, &raw mut size) }
        .result()
        .map_err(refused(call))?;
    let mut binary = vec![0_u8; size];
    // SAFETY: as above; the compiler writes as much as it said.
    unsafe { nvrtc::sys::nvrtcGetCUBIN(program.0, binary.as_mut_ptr().cast()) }
        .result()
        .map_err(refused(call))?;
    Ok(binary)
}

impl Cuda {
    fn new(ordinal: usize, kernels: &dyn KernelCache) -> Result<Self, DeviceError> {
        driver_is_there()?;
        let opened = failed("the driver opens a device");
        let context = CudaContext::new(ordinal).map_err(&opened)?;
        let class = context.compute_capability().map_err(&opened)?;
        if class < OLDEST {
            let text = format!("kernels need class {}.{} or later", OLDEST.0, OLDEST.1);
            return Err(missing(&format!("a GPU of class {}.{}", class.0, class.1), &text));
        }
        let warp = context.attribute(CU_DEVICE_ATTRIBUTE_WARP_SIZE).map_err(&opened)?;
        assert_eq!(warp, 32, "kernels know warps of 32 threads");
        let processors =
            context.attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT).map_err(&opened)?;
        let module =
            context.load_module(Ptx::from_binary(compiled(class, kernels)?)).map_err(not_loaded)?;
        let stream = context.new_stream().map_err(&opened)?;
        let processors = usize::try_from(processors).unwrap_or(1);
        let shared = CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
        let shared = context.attribute(shared).map_err(&opened)?;
        let shared = usize::try_from(shared).unwrap_or(0);
        let reads = CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS;
        let reads_main_memory = context.attribute(reads).map_err(&opened)? != 0;
        let stream = Stream::new(stream, &module, shared)?;
        let work = Work { batches: Batches::default(), stream };
        Ok(Self { context, work: Mutex::new(work), processors, shared, reads_main_memory })
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
        let copied = failed("a copy to the device");
        // SAFETY: the caller's memory is as long. It is pageable: a driver that brings it through memory of its own has read
        // it when it returns; where none needs to, the copy is waited for.
        unsafe { result::memcpy_htod_async(to.0, bytes, work.stream.raw()) }.map_err(&copied)?;
        if self.reads_main_memory { work.stream.synchronize().map_err(&copied) } else { Ok(()) }
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
        blocks: Blocks,
        arguments: &[u8],
    ) -> Result<(), DeviceError> {
        let mut work = self.work();
        if work.batches.add(kernel, blocks, arguments) {
            self.bind()?;
            work.flush()?;
        }
        Ok(())
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn shared_memory(&self) -> usize {
        self.shared
    }
}

#[cfg(test)]
mod tests {
    use cudarc::nvrtc::{CompileOptions, compile_ptx_with_opts};

    use super::super::{bytes_of, bytes_of_mut, launch};
    use super::*;

    /// Keeps in memory, and counts how often it was asked to.
    #[derive(Default)]
    struct InMemory(Mutex<(BTreeMap<String, Vec<u8>>, usize)>);

    impl KernelCache for InMemory {
        fn find(&self, name: &str) -> Option<Vec<u8>> {
            self.0.lock().unwrap().0.get(name).cloned()
        }

        fn keep(&self, name: &str, bytes: &[u8]) {
            let mut kept = self.0.lock().unwrap();
            kept.0.insert(name.to_owned(), bytes.to_vec());
            kept.1 += 1;
        }
    }

    /// Needs the compiler and no GPU.
    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn the_run_time_compiler_takes_the_kernels_once() {
        let kept = InMemory::default();
        let first = match compiled((9, 0), &kept) {
            Err(DeviceError::Call { call, .. }) if call == "libnvrtc.so" => {
                println!("skipped: no run-time compiler of CUDA's");
                return;
            }
            binary => binary.unwrap(),
        };
        // Every kernel is a section of the binary.
        let text = String::from_utf8_lossy(&first).into_owned();
        for name in sources::kernels() {
            assert!(text.contains(&format!(".text.{name}\0")), "{name}");
        }
        assert_eq!(compiled((9, 0), &kept).unwrap(), first);
        assert_eq!(kept.0.lock().unwrap().1, 1);
        // The same options for the class's virtual machine, whose text can be read.
        let options = options((9, 0)).into_iter().map(|option| option.replace("=sm_", "=compute_"));
        let options = CompileOptions { options: options.collect(), ..CompileOptions::default() };
        let text = compile_ptx_with_opts(sources::text(), options).unwrap().to_src();
        assert_eq!(text.matches(".entry ").count(), sources::kernels().count());
        assert!(!text.contains(".ftz") && !text.contains(".approx"));
        for exact in ["fma.rn.f32", "div.rn.f32", "sqrt.rn.f32"] {
            assert!(text.contains(exact), "{exact}");
        }
    }

    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn a_gpu_is_of_the_same_class_open_and_closed() {
        if is_there() {
            let context = CudaContext::new(0).unwrap();
            assert_eq!(class_of_closed(0).unwrap(), context.compute_capability().unwrap());
        } else {
            println!("skipped: no GPU");
        }
    }

    /// On a GPU, if there is one: the sums of small integers are exact, and one launch left out or made twice shows.
    #[test]
    #[allow(clippy::print_stdout, reason = "a skipped test says so")]
    fn launches_that_come_again_are_one_graph_and_do_the_same() {
        if !is_there() {
            println!("skipped: no GPU");
            return;
        }
        let cuda = Arc::new(Cuda::new(0, &NoKernels).unwrap());
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

    #[test]
    fn without_a_driver_there_is_one_clear_error() {
        if driver_is_there().is_err() {
            let error = queue(0, &NoKernels).unwrap_err().to_string();
            assert!(error.starts_with("libcuda.so: there is no driver"), "{error}");
            assert!(matches!(gpus(), Ok(Gpus::Absent(why)) if why == error));
        }
    }
}
