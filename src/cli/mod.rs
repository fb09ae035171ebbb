//! The terminal: part of the binary crate, sees only the library's public items. One file a command.

mod another_class;
mod arguments;
mod bisect;
mod budget;
#[cfg(feature = "pictograms")]
mod bundled;
mod check;
mod checks;
mod consent;
mod data;
mod diff;
mod doctor;
mod environment;
mod explain;
mod failure;
mod history;
mod init;
mod list;
mod lock;
mod model;
mod order;
mod output;
mod plan;
mod progress;
mod reproduce;
mod show;
mod signals;
mod store;
mod table;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use ibid::exec::clock::SystemClock;
use ibid::numerics::Level;
use ibid::ops::{Name, Settings, Workspace};
use ibid::tensor::{Device, DeviceNameError};
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command, Common};
use environment::Environment;
use failure::{Failure, Stop};
use output::Output;

/// Runs the command that was typed.
pub(super) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let environment = Environment::read();
    let judges = matches!(
        arguments.command,
        Command::Reproduce(_)
            | Command::Verify(_)
            | Command::Lock(_)
            | Command::Check(_)
            | Command::Diff(_)
            | Command::Bisect(_)
            | Command::Doctor
            | Command::Store(arguments::Store::Fsck)
    );
    let output = Output { json: arguments.common.json, fancy: environment.fancy, judges };
    let ended = run(arguments, &environment, output);
    let unwritten = output::unwritten().map(|error| {
        let chain = vec!["standard output cannot be written".to_owned(), error.to_string()];
        Failure { chain, hints: Vec::new(), code: 3 }
    });
    match (ended, unwritten) {
        // A verdict or another failure says more than what could not be printed.
        (Ok(()) | Err(Stop::Closed), Some(failure)) => Stop::from(failure).exit_code(output),
        (Err(stop), unwritten) => {
            if let Some(failure) = unwritten {
                failure.print(output);
            }
            stop.exit_code(output)
        }
        (Ok(()), None) => ExitCode::SUCCESS,
    }
}

/// Help and version go to standard output, mistakes to standard error with exit code 2.
fn usage(error: &clap::Error) -> ExitCode {
    // A reader that went away is no mistake.
    drop(error.print());
    if error.exit_code() != 0 && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.to_string();
        // Up to the usage; what is missing stands on lines of its own.
        let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
        let mistake = lines.collect::<Vec<_>>().join(" ");
        let mistake = mistake.trim_start_matches("error: ");
        let output = Output { json: true, fancy: false, judges: false };
        let hints = ["for all there is: ibid --help"];
        drop(
            output.value(&serde_json::json!({ "error": [mistake], "hints": hints, "exitCode": 2 })),
        );
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn run(arguments: Arguments, environment: &Environment, output: Output) -> Result<(), Stop> {
    // A limit on the size of files is a full disk, and is told like one.
    ibid::exec::worker::refuse_large_files().map_err(|error| Failure::of(&error, 3, Vec::new()))?;
    // Hidden commands serve a parent: no workspace, no log of their own.
    match &arguments.command {
        Command::Job(job) => return serve(job),
        Command::EvalDhall => return child(ibid::spec::guard::child_main()),
        Command::Fetch => return child(ibid::source::child_main()),
        Command::Completions(which) => return completions(which.shell, output),
        Command::Man => return manual(output),
        Command::Init(init) => {
            return init::run(init, arguments.common.workspace.as_deref(), output);
        }
        _ => {}
    }
    start_log(&arguments.common, environment)?;
    let yes = arguments.common.yes;
    let device = device(&arguments.command)?;
    let named = arguments.common.workspace.clone();
    // Who judges an experiment reads the experiment.
    let evaluates = matches!(arguments.command, Command::Verify(_) | Command::Lock(_));
    let workspace = open(arguments.common, environment)?;
    let workspace = if evaluates { workspace.evaluating_anew() } else { workspace };
    let workspace = match device {
        Device::Cpu => workspace,
        device => workspace.on_device(device, environment.gpu.clone()),
    };
    match arguments.command {
        Command::New(new) => init::new(&workspace, &new, named.as_deref(), output),
        Command::List => list::run(&workspace, output),
        Command::Check(named) => check::run(&workspace, &named, output),
        Command::Show(show) => show::run(&workspace, &show, output),
        Command::Diff(diff) => diff::run(&workspace, &diff, output),
        Command::Plan(plan) => plan::run(&workspace, &plan, output),
        Command::Reproduce(reproduce) => reproduce::run(&workspace, &reproduce, yes, output),
        Command::Lock(lock) => lock::run(&workspace, &lock, output),
        Command::Verify(verify) => verify::run(&workspace, &verify, yes, output),
        Command::Bisect(bisect) => bisect::run(&workspace, &bisect, yes, output),
        Command::Explain(named) => explain::run(&workspace, &named, output),
        Command::History(named) => history::run(&workspace, &named, output),
        Command::Order(order) => order::run(&workspace, &order, yes, output),
        Command::Store(store) => store::run(&workspace, store, output),
        Command::Data(data) => data::run(&workspace, data, output),
        Command::Model(model) => model::run(&workspace, model, output),
        Command::Doctor => doctor::run(&workspace, output),
        Command::Job(_)
        | Command::EvalDhall
        | Command::Fetch
        | Command::Completions(_)
        | Command::Man
        | Command::Init(_) => Ok(()),
    }
}

/// Serves a parent process.
#[cfg_attr(not(feature = "faults"), allow(unused_variables, reason = "only faults have arguments"))]
fn serve(job: &arguments::Job) -> Result<(), Stop> {
    #[cfg(feature = "faults")]
    if let Some(fault) = &job.plant
        && !ibid::training::faults::plant(fault)
    {
        return Err(Failure::usage(format!("`{fault}` is not a fault")).into());
    }
    child(ibid::exec::worker::child_main())
}

/// How a hidden command ends: its exit code is for the parent, and everything was said.
fn child(code: u8) -> Result<(), Stop> {
    if code == 0 { Ok(()) } else { Err(Stop::Child(code)) }
}

fn start_log(common: &Common, environment: &Environment) -> Result<(), Failure> {
    let filter = common.log.as_deref().or(environment.log.as_deref()).unwrap_or("warn");
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::of(&error, 2, vec!["such as: --log debug, or --log ibid::exec=trace".into()])
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(environment.fancy)
        .without_time()
        .init();
    Ok(())
}

fn open(common: Common, environment: &Environment) -> Result<Workspace, Stop> {
    let folder = std::env::current_dir().map_err(|error| Failure::of(&error, 3, Vec::new()))?;
    let program = std::env::current_exe().map_err(|error| Failure::of(&error, 3, Vec::new()))?;
    let threads = common.threads.map_or_else(cores, usize::from);
    let mut mirrors = common.mirrors;
    mirrors.extend(environment.mirrors.iter().cloned());
    let settings = Settings {
        folder,
        workspace: common.workspace,
        store: common.store.or_else(|| environment.store.clone()),
        mirrors,
        offline: common.offline || environment.offline,
        certificates: environment.certificates.clone(),
        proxies: environment.proxies.clone(),
        threads,
        jobs: common.jobs.map_or(threads, usize::from),
        resume_interval: budget::duration("--resume-every", &common.resume_every)?,
        level: level(common.simd.as_deref().or(environment.simd.as_deref()))?,
        program,
        #[cfg(feature = "faults")]
        fault: common.fault,
    };
    Ok(Workspace::open(settings, Box::new(SystemClock::default()))?)
}

/// The device that a command names, for commands that can.
fn device(command: &Command) -> Result<Device, Failure> {
    let on = match command {
        Command::Reproduce(reproduce) => &reproduce.on,
        Command::Lock(lock) => &lock.on,
        Command::Verify(verify) => &verify.on,
        _ => return Ok(Device::Cpu),
    };
    on.device.parse().map_err(|error: DeviceNameError| {
        let failure = Failure::usage(error.to_string());
        if matches!(error, DeviceNameError::NotBuilt(_)) {
            failure
                .hint("leave --device out: portable results never depend on it")
                .hint("or build with the kernels: cargo install --path . --features cuda")
        } else {
            failure.hint("one of: cpu, cuda, cuda:N (portable results never depend on it)")
        }
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn level(text: Option<&str>) -> Result<Level, Failure> {
    let Some(text) = text else {
        return Ok(Level::detect());
    };
    let wanted = match text {
        "scalar" => Level::Scalar,
        "avx2" => Level::Avx2,
        "avx512" => Level::Avx512,
        other => {
            return Err(Failure::usage(format!("`{other}` is not a SIMD level"))
                .hint("one of: scalar, avx2, avx512 (results never depend on it)"));
        }
    };
    if Level::available().contains(&wanted) {
        Ok(wanted)
    } else {
        let failure = Failure { code: 3, ..Failure::usage(format!("this machine has no {text}")) };
        Err(failure.hint("leave --simd and IBID_SIMD out: results never depend on it"))
    }
}

/// So many things: `1 file`, `2 files`; `more` is the word where there is not one.
fn counted<N: std::fmt::Display + PartialEq + From<u8>>(count: N, one: &str, more: &str) -> String {
    let things = if count == N::from(1) { one } else { more };
    format!("{count} {things}")
}

/// Reads a name that was typed.
fn name(text: &str) -> Result<Name, Stop> {
    Ok(Name::parse(text).map_err(ibid::ops::Error::from)?)
}

fn completions(shell: clap_complete::Shell, output: Output) -> Result<(), Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ibid", &mut script);
    Ok(output.bytes(&script)?)
}

fn manual(output: Output) -> Result<(), Stop> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .map_err(|error| Failure::of(&error, 101, Vec::new()))?;
    Ok(output.bytes(&page)?)
}
