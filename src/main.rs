//! The `ibid` program: arguments in, one call of the library, text out.

mod cli;

use std::process::ExitCode;

// Activations are recycled, but plans and tables are many small allocations; results never depend on this.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
