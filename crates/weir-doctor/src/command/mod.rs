//! The doctor's commands.

pub mod doctor;
pub mod explain;
pub mod upgrade;

use std::process::ExitCode;

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
