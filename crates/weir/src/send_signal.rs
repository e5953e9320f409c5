//! `-s`: telling a running weir what to do (`ngx_signal_process`).

use std::process::ExitCode;

use nix::sys::signal::kill;
use weir_conf::Config;
use weir_log::Level;

use crate::flags::Command;
use crate::pid_file::PidFile;
use crate::startup_log::StartupLog;
use crate::system_error::SystemError;

/// Signals the process that the configuration's pid file names.
pub(crate) fn run(command: Command, config: &Config, log: &StartupLog) -> ExitCode {
    log.write(Level::Notice, "signal process started");
    let pid = match PidFile::read(&config.main.pid) {
        Ok(pid) => pid,
        Err(error) => {
            log.write(Level::Error, error);
            return ExitCode::FAILURE;
        }
    };
    let signal = command.signal();
    if let Err(error) = kill(pid, signal) {
        let call = format!("kill({pid}, {})", signal as i32);
        log.write(Level::Alert, SystemError::new(call, error));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
