//! `weir lab`: the catalogue and the scenarios on the command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod list;
mod repro;
mod run;
mod serve;
mod show;

/// Backends and clients that misbehave on script.
#[derive(Debug, Parser)]
#[command(name = "weir lab", bin_name = "weir lab", no_binary_name = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the faults of the catalogue
    List(list::Arguments),
    /// Show all that is known of a fault, and its script
    Show(show::Arguments),
    /// Play scenarios and compare what is seen with what they expect
    Run(run::Run),
    /// From a line of an error log, make a scenario that brings the same line
    Repro(repro::Arguments),
    /// Play a fault on an address
    Serve(serve::Arguments),
}

/// Runs `weir lab`; `args` are those after `lab`.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match weir_doctor::command::parse::<Arguments>(args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match arguments.command {
        Command::List(arguments) => list::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Run(run) => run.main(),
        Command::Repro(arguments) => repro::run(&arguments),
        Command::Serve(arguments) => serve::run(arguments),
    }
}

/// Writes the whole of a command's output; a reader that left early is fine.
fn print(text: &str) -> ExitCode {
    use std::io::{ErrorKind, Write as _};
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(fault) if fault.kind() != ErrorKind::BrokenPipe => complain(&fault),
        _ => ExitCode::SUCCESS,
    }
}

/// How to find a fault whose name is not known.
const SEARCH: &str = "`weir lab list WORD` searches names and descriptions";

fn complain(fault: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("weir lab: {fault}");
    ExitCode::from(2)
}
