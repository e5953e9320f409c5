//! The `weir` command: nginx's flags and signals around `weir-proxy`.
//!
//! Modules in reading order: `flags`, `version`, `help`, `own` (the commands that nginx does not have);
//! `configuration` (loading, and which logs there are), `startup_log` (the log before the configured
//! ones), `advice` (what is told beyond nginx's lines); what a run of the command may be: `check`
//! (`-t`), `send_signal` (`-s`), `start`; what a start needs: `sockets` with `socket_options`,
//! `limits`, `daemon`, `pid_file`, `privileges`, `signals`, `panics`; what serves: `service` (the main
//! thread, reload), `workers` (the threads), `accept` (their accept loops). `system_error` words failed
//! system calls.
//!
//! # Invariants
//!
//! - No thread starts before `service`: everything earlier may fork, change the environment or the
//!   user.
//! - A fault before that is told on stderr and in the log, and ends the command with status 1; a
//!   fault in a reload changes nothing.
//! - A socket whose address stays is never closed, so that no connection in its queue is lost.
//! - There is no master process: the process that is started (with `daemon on`, its child) has all
//!   workers as threads. It outlives them after WINCH, until HUP; USR2, which needs another process, is
//!   refused with a line in the log.

mod accept;
mod advice;
mod check;
mod configuration;
mod daemon;
mod flags;
mod help;
mod limits;
mod own;
mod panics;
mod pid_file;
mod privileges;
mod send_signal;
mod service;
mod signals;
mod socket_options;
mod sockets;
mod start;
mod startup_log;
mod system_error;
mod version;
mod workers;

use std::io::Write;
use std::process::ExitCode;

use tracing_subscriber::layer::SubscriberExt;
use weir_log::{DebugLog, Level};

use flags::Flags;
use startup_log::StartupLog;

/// Commands of weir's own are words without a dash, which nginx's command line does not know.
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let command = arguments.peek().and_then(|word| word.to_str());
    if let Some(own) = command.and_then(own::named) {
        return own(&mut arguments.skip(1));
    }
    match Flags::parse(arguments) {
        Ok(flags) => run(flags),
        Err(fault) => {
            startup_log::plain(&fault);
            say(&help::on_fault(&fault));
            ExitCode::FAILURE
        }
    }
}

/// Tells something that nginx would not.
fn say(text: &str) {
    // Nobody can be told if stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn run(mut flags: Flags) -> ExitCode {
    if flags.version {
        // Nobody can be told if stderr is closed.
        let _ = std::io::stderr().write_all(version::text(&flags).as_bytes());
        if !flags.test {
            return ExitCode::SUCCESS;
        }
    }
    if let Some(here) = flags.look_here()
        && !flags.quiet
    {
        let conf = flags.conf.clone().unwrap_or_default();
        say(&format!(
            "weir: no {} in {}; all relative paths start in {} now, as with -p .",
            conf.display(),
            flags::PREFIX,
            here.display()
        ));
    }
    let subscriber = tracing_subscriber::registry().with(DebugLog::layer());
    // It fails only if there is one already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    let limit = if flags.test {
        Level::Info
    } else {
        Level::Notice
    };
    let log = StartupLog::open(flags.first_error_log().as_deref(), limit);
    if flags.test {
        check::run(&flags, &log)
    } else {
        act(flags, log)
    }
}

/// Signals a running weir, or becomes one.
fn act(flags: Flags, log: StartupLog) -> ExitCode {
    weir_log::update_time_zone();
    let config = match configuration::load(&flags) {
        Ok(config) => config,
        Err(faults) => {
            log.faults(faults.all());
            advice::on_faults(&faults, &flags);
            return ExitCode::FAILURE;
        }
    };
    log.faults(&config.warnings);
    match flags.signal {
        Some(command) => send_signal::run(command, &config, &log),
        None => start::run(flags, config, log),
    }
}
