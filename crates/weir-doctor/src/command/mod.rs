//! The doctor's commands.

pub mod doctor;
pub mod explain;
pub mod upgrade;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

/// The arguments of a command; in their place, where the help was asked for or they are wrong, that is printed and its exit code given.
///
/// # Errors
/// The exit code: 0 after the help, 2 after a complaint.
pub fn parse<A: Parser>(args: impl Iterator<Item = OsString>) -> Result<A, ExitCode> {
    A::try_parse_from(args).map_err(|message| {
        // A closed terminal is no reason for another message.
        let _unwritten = message.print();
        ExitCode::from(u8::try_from(message.exit_code()).unwrap_or(2))
    })
}

/// Writes the whole of a command's output; a reader that left early has seen enough.
fn print(text: &str) -> ExitCode {
    use std::io::{ErrorKind, Write as _};
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(fault) if fault.kind() != ErrorKind::BrokenPipe => {
            eprintln!("weir: cannot write: {fault}");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}
