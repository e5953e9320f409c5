//! Commands of weir's own: `help`; `doctor`, `explain` and `upgrade-advice`, which are `weir-doctor`'s, and `lab` and `demo`, which are `weir-lab`'s; a build without the
//! feature `lab` says that it lacks them.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::help;

/// Runs a command with the arguments that follow its name.
pub(crate) type Command = fn(&mut dyn Iterator<Item = OsString>) -> ExitCode;

/// The command that `word` names.
pub(crate) fn named(word: &str) -> Option<Command> {
    match word {
        "lab" => Some(lab),
        "demo" => Some(demo),
        "doctor" => Some(doctor),
        "explain" => Some(explain),
        "upgrade-advice" => Some(upgrade_advice),
        "help" | "--help" => Some(help),
        "--version" => Some(version),
        _ => None,
    }
}

fn help(_: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    print(&help::text())
}

fn version(_: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    let nginx = weir_conf::Compat::default().version();
    print(&format!(
        "weir {} (as nginx/{nginx})\n",
        env!("CARGO_PKG_VERSION")
    ))
}

fn print(text: &str) -> ExitCode {
    // A reader that went away has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn doctor(arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    weir_doctor::command::doctor::main(arguments)
}

fn upgrade_advice(arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    weir_doctor::command::upgrade::main(arguments)
}

fn explain(arguments: &mut dyn Iterator<Item = OsString>) -> ExitCode {
    weir_doctor::command::explain::main(arguments)
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
