//! From the command line to a service, in the order that tells of faults before anything is given
//! up: configuration, logs, sockets; then the terminal; then the pid file; then root's rights.

use std::process::ExitCode;
use std::sync::Arc;

use weir_conf::{Config, Listen};
use weir_log::{ErrorSinks, Level, Logs, emit};
use weir_proxy::plan::{Plan, PlanFault, create_temp_folders};

use crate::advice;
use crate::configuration;
use crate::daemon::{self, Side};
use crate::flags::Flags;
use crate::limits::{self, OpenFiles};
use crate::panics;
use crate::pid_file::PidFile;
use crate::privileges::{self, Account, AccountFault};
use crate::service::Service;
use crate::signals;
use crate::sockets::{ListenFault, Sockets};
use crate::startup_log::StartupLog;
use crate::system_error::SystemError;

/// Why weir cannot start, or cannot go over to another configuration. Displays nginx's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartFault {
    /// There is nobody to run as.
    #[error(transparent)]
    Account(#[from] AccountFault),
    /// The configuration cannot serve.
    #[error(transparent)]
    Plan(#[from] PlanFault),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenFault),
    /// A system call failed.
    #[error(transparent)]
    System(#[from] SystemError),
}

/// What is open before weir leaves the terminal.
pub(crate) struct Opened {
    pub(crate) flags: Flags,
    pub(crate) account: Option<Account>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) sockets: Sockets,
    pub(crate) open_files: OpenFiles,
}

/// Serves until a signal ends it.
pub(crate) fn run(flags: Flags, config: Config, log: StartupLog) -> ExitCode {
    configuration::make_log_folder(&flags, &config);
    let config = Arc::new(config);
    let opened = match open(flags, config.clone(), &log) {
        Ok(opened) => opened,
        Err(fault) => {
            log.write(Level::Emerg, &fault);
            advice::on_start(&fault, &config);
            return ExitCode::FAILURE;
        }
    };
    let plan = opened.plan.clone();
    match serve(opened, log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let text = fault.to_string();
            emit(plan.main_sinks(), Level::Emerg, None, text.as_bytes());
            StartupLog::open(None, Level::Emerg).write(Level::Emerg, text);
            ExitCode::FAILURE
        }
    }
}

/// The addresses that `config` listens on.
pub(crate) fn listens(config: &Config) -> &[Listen] {
    config.http.as_ref().map_or(&[], |http| &http.listens)
}

fn open(flags: Flags, config: Arc<Config>, log: &StartupLog) -> Result<Opened, StartFault> {
    let account = Account::of(&config)?;
    create_temp_folders(&config, account.as_ref().map(Account::ids))?;
    let plan = Arc::new(Plan::new(config.clone(), &Logs::default(), None)?);
    plan.warnings()
        .for_each(|text| log.write(Level::Warn, text));
    let workers = config.main.worker_processes;
    let report = |level: Level, text: &str| log.write(level, text);
    let sockets = Sockets::open(listens(&config), workers, None, &report)?;
    let open_files = OpenFiles::now()?;
    if let Some(warning) = open_files.warning(&config.main) {
        log.write(Level::Warn, warning);
    }
    if let Err(error) = open_files.make_room(&config.main) {
        log.write(Level::Alert, error);
    }
    introduce(plan.main_sinks(), &config, open_files);
    Ok(Opened {
        flags,
        account,
        plan,
        sockets,
        open_files,
    })
}

/// The lines nginx begins with, at `notice`.
fn introduce(sinks: &ErrorSinks, config: &Config, open_files: OpenFiles) {
    let notice = |text: &str| emit(sinks, Level::Notice, None, text.as_bytes());
    notice("using the \"epoll\" event method");
    notice(&format!(
        "nginx/{} (weir/{})",
        config.compat.version(),
        env!("CARGO_PKG_VERSION")
    ));
    if let Ok(system) = nix::sys::utsname::uname() {
        let (name, release) = (system.sysname(), system.release());
        notice(&format!("OS: {} {}", name.display(), release.display()));
    }
    notice(&format!("getrlimit(RLIMIT_NOFILE): {}", open_files.text()));
}

fn serve(opened: Opened, log: StartupLog) -> Result<(), StartFault> {
    let config = opened.plan.config().clone();
    signals::hold_back()?;
    if config.main.daemon && daemon::detach()? == Side::Parent {
        advice::on_background(&opened.flags);
        return Ok(());
    }
    let prepared = settle(&opened, log);
    if prepared.is_err() {
        opened.sockets.remove_paths(None, &|_, _| {});
    }
    Service::new(opened, prepared?).run()?;
    Ok(())
}

/// Becomes the process that serves: its environment, pid file, stderr and user.
fn settle(opened: &Opened, log: StartupLog) -> Result<PidFile, StartFault> {
    let config = opened.plan.config();
    limits::set_environment(&config.main);
    let pid_file = PidFile::write(&config.main.pid)?;
    drop(log);
    match settle_identity(opened) {
        Ok(()) => Ok(pid_file),
        Err(fault) => {
            // The fault that led here is the one to tell.
            let _ = pid_file.remove();
            Err(fault.into())
        }
    }
}

fn settle_identity(opened: &Opened) -> Result<(), SystemError> {
    if let Some(file) = configuration::stderr_file(opened.plan.config()) {
        daemon::redirect_stderr(file)?;
    }
    panics::report_to(opened.plan.main_sinks());
    if let Some(account) = &opened.account {
        if !privileges::opens_files_of_root() {
            hand_over_logs(account, &opened.plan);
        }
        account.assume()?;
    }
    Ok(())
}

/// Gives the logs to the user, who could not open them again otherwise. Elsewhere they are root's until
/// USR1, as with nginx.
fn hand_over_logs(account: &Account, plan: &Plan) {
    for path in configuration::log_files(plan.config()) {
        if let Err(error) = account.own(path) {
            emit(
                plan.main_sinks(),
                Level::Emerg,
                None,
                error.to_string().as_bytes(),
            );
        }
    }
}
