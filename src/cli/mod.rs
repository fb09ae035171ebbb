//! The terminal: part of the binary crate, sees only the library's public items.

mod arguments;
mod environment;
mod failure;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

/// Runs the command that was typed.
pub(super) fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    let environment = environment::Environment::read();
    let output = output::Output {
        json: arguments.common.json,
        fancy: environment.fancy,
    };
    let result: Result<(), failure::Stop> = Ok(());
    result.map_or_else(|stop| stop.exit_code(output), |()| ExitCode::SUCCESS)
}
