//! The machine of the tests: kernels compiled as C++ and run on the processor, see `emulator.h`.

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Address, Blocks, DeviceError, Machine, Queue, sources};

/// A kernel of the library: dimensions, order, arguments and their size to null or an error.
type Kernel = unsafe extern "C" fn(*const u32, c_int, *const c_void, usize) -> *const c_char;

/// Bytes around each piece of memory that no kernel may change; all ones, which as a number is NaN.
const MARGIN: usize = 256;

/// The kernels, compiled.
struct Library(*mut c_void);

// SAFETY: a handle of the dynamic loader is the same on every thread.
unsafe impl Send for Library {}
// SAFETY: as above; calls of kernels take turns.
unsafe impl Sync for Library {}

static LIBRARY: OnceLock<Option<Library>> = OnceLock::new();
/// Kernels keep what is shared by a block in static memory: one at a time.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static LAUNCHES: Cell<usize> = const { Cell::new(0) };
}

/// How many kernels this thread has launched.
pub(crate) fn launches() -> usize {
    LAUNCHES.get()
}

/// A machine in the processor.
#[derive(Debug)]
pub(crate) struct Emulator {
    library: &'static Library,
    processors: usize,
    /// The most bytes that a block of threads may share.
    shared: usize,
    /// Whether the threads of a block run from the last to the first.
    backwards: bool,
    /// The largest piece of memory that it has, in bytes.
    largest: usize,
    memory: Mutex<BTreeMap<u64, usize>>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// A queue whose machine says that it has so many processors; none where there is no C++ compiler.
///
/// # Panics
///
/// If the compiler refuses the sources.
pub(crate) fn queue(processors: usize, backwards: bool, largest: usize) -> Option<Queue> {
    // More than any kernel asks for; the largest device has as little as any GPU.
    let shared = if processors < 1000 { 1 << 18 } else { 48 << 10 };
    let library = LIBRARY.get_or_init(compile).as_ref();
    #[allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a skipped test says so")]
    if library.is_none() {
        assert!(std::env::var_os("IBID_CI").is_none(), "CI has a C++ compiler");
        println!("skipped: no C++ compiler");
    }
    let memory = Mutex::default();
    let machine = Emulator { library: library?, processors, shared, backwards, largest, memory };
    Some(Queue::new(Arc::new(machine)))
}

/// Compiles the kernels' sources with the first C++ compiler that is found.
fn compile() -> Option<Library> {
    let compiler = ["c++", "g++", "clang++"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    })?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, library) = (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
    let text =
        format!("#line 1 \"emulator.h\"\n{}\n{}", include_str!("emulator.h"), sources::text());
    write(&source, &text);
    let mut command = Command::new(compiler);
    command.args([
        "-std=c++17",
        "-O3",
        "-ffp-contract=off",
        "-fno-strict-aliasing",
        "-fPIC",
        "-shared",
    ]);
    // Four numbers at once are read and written where a GPU could: the process ends where they lie otherwise.
    command.args(["-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"]);
    // A jump from one fibre to another is what the library's own checks take for a mistake.
    command.arg("-U_FORTIFY_SOURCE");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        command.arg("-mfma");
    }
    let output = command.arg("-o").arg(&library).arg(&source).output().expect("it just ran");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = CString::new(library.to_str().expect("a plain path")).expect("without NUL");
    // SAFETY: the library is ours and has nothing that runs when it is loaded.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!handle.is_null(), "the library loads");
    Some(Library(handle))
}

#[allow(clippy::disallowed_methods, reason = "a test's own temporary file")]
fn write(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("a temporary file");
}

impl Emulator {
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes + 2 * MARGIN, MARGIN).expect("memory for a test")
    }

    /// The kernel that wrote where nothing was given to it is a bug.
    fn check_margins(&self, kernel: &str) {
        for (&at, &bytes) in self.memory.lock().expect("no test panics here").iter() {
            for margin in [at - MARGIN as u64, at + bytes as u64] {
                // SAFETY: `allocate` made the margins.
                let margin = unsafe { std::slice::from_raw_parts(margin as *const u8, MARGIN) };
                assert!(margin.iter().all(|&byte| byte == 0xff), "`{kernel}` wrote beyond");
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        assert!(
            std::thread::panicking() || self.memory.lock().is_ok_and(|memory| memory.is_empty()),
            "all memory was given back"
        );
    }
}

impl Machine for Emulator {
    fn allocate(&self, bytes: usize) -> Result<Address, DeviceError> {
        if bytes > self.largest {
            return Err(DeviceError::Memory { bytes });
        }
        let layout = Self::layout(bytes);
        // SAFETY: the layout is not empty.
        let start = unsafe { alloc(layout) };
        assert!(!start.is_null(), "memory for a test");
        // SAFETY: all of it was just allocated. What was never written is NaN.
        unsafe { start.write_bytes(0xff, layout.size()) };
        let at = start as u64 + MARGIN as u64;
        self.memory.lock().expect("no test panics here").insert(at, bytes);
        Ok(Address(at))
    }

    fn free(&self, at: Address) {
        let bytes = self.memory.lock().expect("no test panics here").remove(&at.0);
        let layout = Self::layout(bytes.expect("it was given"));
        // SAFETY: `allocate` made it with this layout.
        unsafe { dealloc((at.0 - MARGIN as u64) as *mut u8, layout) };
    }

    fn upload(&self, to: Address, bytes: &[u8]) -> Result<(), DeviceError> {
        // SAFETY: the caller's room is large enough.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.0 as *mut u8, bytes.len()) };
        Ok(())
    }

    fn download(&self, from: Address, bytes: &mut [u8]) -> Result<(), DeviceError> {
        // SAFETY: the caller's room is large enough.
        unsafe {
            std::ptr::copy_nonoverlapping(from.0 as *const u8, bytes.as_mut_ptr(), bytes.len());
        }
        Ok(())
    }

    unsafe fn launch(
        &self,
        kernel: &'static str,
        blocks: Blocks,
        arguments: &[u8],
    ) -> Result<(), DeviceError> {
        LAUNCHES.set(LAUNCHES.get() + 1);
        let name = CString::new(kernel).expect("without NUL");
        // SAFETY: the handle is that of a loaded library.
        let symbol = unsafe { libc::dlsym(self.library.0, name.as_ptr()) };
        assert!(!symbol.is_null(), "there is a kernel `{kernel}`");
        // SAFETY: the macro KERNEL gives every symbol this type.
        let run: Kernel = unsafe { std::mem::transmute(symbol) };
        let Blocks { grid, threads, shared } = blocks;
        assert!(shared as usize <= self.shared, "`{kernel}` shares {shared} bytes");
        let dimensions: Vec<u32> = [grid, threads].concat();
        let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The processor's arguments lie aligned, whatever the slice.
        let words: Vec<u64> = arguments
            .chunks(8)
            .map(|chunk| u64::from_ne_bytes(chunk.try_into().expect("whole words")))
            .collect();
        // SAFETY: the caller's promise.
        let wrong = unsafe {
            run(
                dimensions.as_ptr(),
                c_int::from(self.backwards),
                words.as_ptr().cast(),
                arguments.len(),
            )
        };
        drop(turn);
        assert!(
            wrong.is_null(),
            "`{kernel}`: {}",
            // SAFETY: a literal of the library.
            unsafe { CStr::from_ptr(wrong) }.to_string_lossy()
        );
        self.check_margins(kernel);
        Ok(())
    }

    fn processors(&self) -> usize {
        self.processors
    }

    fn shared_memory(&self) -> usize {
        self.shared
    }
}
