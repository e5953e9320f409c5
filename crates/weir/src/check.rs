//! `-t` and `-T`: whether a configuration could be used, and why not.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use weir_conf::{Config, Fault, SourceFile, WithoutEffect};
use weir_log::{Level, Logs};
use weir_proxy::plan::{Plan, PlanFault, create_temp_folders};

use crate::advice;
use crate::configuration;
use crate::flags::Flags;
use crate::pid_file::PidFile;
use crate::privileges::Account;
use crate::sockets::Sockets;
use crate::start::StartFault;
use crate::startup_log::{StartupLog, plain};

/// Tests the configuration; nginx's lines come first, what weir knows besides after them.
pub(crate) fn run(flags: &Flags, log: &StartupLog) -> ExitCode {
    let path = flags.load_options().conf_path;
    let path = path.display();
    let failed = format!("configuration file {path} test failed");
    let config = match configuration::load(flags) {
        Ok(config) => Arc::new(config),
        Err(faults) => {
            log.faults(faults.all());
            plain(failed);
            advice::on_faults(&faults, flags);
            if flags.json {
                dump_tree(flags, faults.files(), faults.all());
            }
            return ExitCode::FAILURE;
        }
    };
    log.faults(&config.warnings);
    configuration::make_log_folder(flags, &config);
    let say = |words: String| {
        if !flags.quiet {
            plain(words);
        }
    };
    let read = || say(format!("the configuration file {path} syntax is ok"));
    if let Err(fault) = probe(&config, log, read) {
        log.write(Level::Emerg, &fault);
        plain(failed);
        advice::on_start(&fault, &config);
        return ExitCode::FAILURE;
    }
    say(format!("configuration file {path} test is successful"));
    if !flags.quiet {
        list_without_effect(&config);
    }
    if flags.json {
        dump_tree(flags, &config.files, &config.warnings);
    } else if flags.dump {
        dump(&config.files);
    }
    ExitCode::SUCCESS
}

/// Opens all that a start would open. `read` is told once names are resolved: nginx counts that
/// among the syntax.
fn probe(config: &Arc<Config>, log: &StartupLog, read: impl FnOnce()) -> Result<(), StartFault> {
    let account = Account::of(config)?;
    let plan = Plan::new(config.clone(), &Logs::default(), None);
    if let Err(fault @ (PlanFault::HostNotFound { .. } | PlanFault::Tls(_))) = plan {
        return Err(fault.into());
    }
    if let Ok(plan) = &plan {
        plan.warnings()
            .for_each(|text| log.write(Level::Warn, text));
    }
    read();
    PidFile::probe(&config.main.pid)?;
    create_temp_folders(config, account.map(|account| account.ids()))?;
    plan?;
    if let Some(http) = &config.http {
        Sockets::probe(&http.listens, &|level, text| log.write(level, text))?;
    }
    Ok(())
}

/// Tells of the directives that were accepted and change nothing, each once, and why.
fn list_without_effect(config: &Config) {
    let text = without_effect(&config.without_effect);
    // Nobody can be told if stderr is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn without_effect(all: &[WithoutEffect]) -> String {
    let Some(width) = all.iter().map(|one| one.name.len()).max() else {
        return String::new();
    };
    let mut text = "weir: accepted without effect:\n".to_owned();
    for (at, one) in all.iter().enumerate() {
        let same = |other: &WithoutEffect| (other.name, other.because) == (one.name, one.because);
        if all[..at].iter().any(same) {
            continue;
        }
        let more = match all[at + 1..].iter().filter(|other| same(other)).count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  {:<width$}  {} ({}{more})",
            one.name, one.because, one.place
        );
    }
    text
}

/// Prints the files as trees, in crossplane's shape.
fn dump_tree(flags: &Flags, files: &[SourceFile], faults: &[Fault]) {
    let payload = weir_conf::as_written(&flags.load_options(), files, faults);
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough.
    let _ = serde_json::to_writer(&mut out, &payload)
        .map_err(std::io::Error::from)
        .and_then(|()| out.write_all(b"\n"));
}

/// Prints every file in nginx's form.
fn dump(files: &[SourceFile]) {
    let mut out = std::io::stdout().lock();
    for file in files {
        // A reader that went away has seen enough.
        let _ = writeln!(out, "# configuration file {}:", file.path.display())
            .and_then(|()| out.write_all(&file.text))
            .and_then(|()| out.write_all(b"\n"));
    }
}
