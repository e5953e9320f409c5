//! The commands `lab` and `demo`, which are `weir-lab`'s; a build without the feature `lab` says that
//! it lacks them.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a command with the arguments that follow its name.
pub(crate) type Command = fn(&mut dyn Iterator<Item = OsString>) -> ExitCode;

/// The command that `word` names.
pub(crate) fn named(word: &str) -> Option<Command> {
    match word {
        "lab" => Some(lab),
        "demo" => Some(demo),
        _ => None,
    }
}

#[cfg(feature = "lab")]
fn lab(arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    weir_lab::command::main(arguments)
}

#[cfg(feature = "lab")]
fn demo(arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    weir_lab::demo::main(arguments)
}

#[cfg(not(feature = "lab"))]
fn lab(_: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    lacks("lab")
}

#[cfg(not(feature = "lab"))]
fn demo(_: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    lacks("demo")
}

#[cfg(not(feature = "lab"))]
fn lacks(command: &str) -> ExitCode {
    eprintln!("weir {command}: this weir was built without the feature \"lab\", which has it");
    ExitCode::from(2)
}
