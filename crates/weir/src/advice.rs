//! What weir tells on stderr beyond nginx's lines: where a fault stands, and its likely cure.

use std::io::{IsTerminal, Write};
use std::path::Path;

use weir_conf::{Config, Fault, Faults, Level};
use weir_proxy::plan::PlanFault;

use crate::flags::{Flags, PREFIX};
use crate::start::StartFault;

/// About a configuration that cannot be used.
pub(crate) fn on_faults(faults: &Faults, flags: &Flags) {
    let mut all = faults.all().to_vec();
    if let Some(fault) = all.first_mut().filter(|fault| fault.place.is_none()) {
        fault.hint = fault
            .hint
            .take()
            .or_else(|| about_file(&fault.message, flags));
    }
    say(&weir_conf::explain_further(
        &all,
        faults.files(),
        coloured(),
    ));
}

/// About a start that failed.
pub(crate) fn on_start(fault: &StartFault, config: &Config) {
    let fault = match fault {
        StartFault::Plan(PlanFault::HostNotFound { name, place }) => Fault {
            level: Level::Emerg,
            message: format!("host not found in upstream \"{name}\""),
            place: Some(place.clone()),
            about: None,
            hint: None,
            lacking: None,
        },
        other => {
            let message = other.to_string();
            Fault {
                level: Level::Emerg,
                hint: about_system(&message, &|folder| folder.is_dir()),
                message,
                place: None,
                about: None,
                lacking: None,
            }
        }
    };
    say(&weir_conf::explain_further(
        &[fault],
        &config.files,
        coloured(),
    ));
}

/// About a start that goes on in the background, where nobody installed weir.
pub(crate) fn on_background(flags: &Flags) {
    if let Some(conf) = flags.conf.as_ref().filter(|_| flags.here && !flags.quiet) {
        let conf = conf.display();
        let text = format!("weir: running in the background; \"weir -s quit -c {conf}\" ends it");
        // Nobody can be told if stderr is closed.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn say(text: &str) {
    let text = text.trim_end();
    if !text.is_empty() {
        // Nobody can be told if stderr is closed.
        let _ = writeln!(std::io::stderr(), "\n{text}");
    }
}

/// Whether stderr shows colours, and its reader wants them (<https://no-color.org>).
fn coloured() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    !unwanted && !dumb && std::io::stderr().is_terminal()
}

/// Where the main file was looked for, if it was not found.
fn about_file(message: &str, flags: &Flags) -> Option<String> {
    if !message.starts_with("open() \"") || !message.contains("failed (2:") {
        return None;
    }
    let prefix = flags.prefix();
    let hint = match &flags.conf {
        None => format!(
            "\"weir -c FILE\" runs a configuration, \"weir demo\" needs none; without -c it is \
             looked for in {}",
            prefix.display()
        ),
        Some(conf) if conf.is_absolute() => return None,
        Some(_) if flags.prefix.is_none() => format!(
            "a relative -c is looked for in {PREFIX}, which -p changes, and in the working folder"
        ),
        Some(_) => format!(
            "a relative -c is looked for in {}, as -p says",
            prefix.display()
        ),
    };
    Some(hint)
}

/// What helps against a system call that failed, by nginx's words for it. `is_folder` knows the file
/// system.
fn about_system(message: &str, is_folder: &dyn Fn(&Path) -> bool) -> Option<String> {
    let (call, rest) = message.split_once(' ').unwrap_or((message, ""));
    let errno = rest
        .split_once("failed (")
        .and_then(|(_, rest)| rest.split_once(':'));
    let errno = errno.map(|(number, _)| number);
    match (call, errno) {
        ("still", _) | ("bind()", Some("98")) => Some(
            "something listens there already: \"ss -lntp\" shows what, \"weir -s quit\" ends a weir"
                .to_owned(),
        ),
        ("bind()", Some("13")) => Some(
            "ports below 1024 are for root, or for who has the capability: setcap \
             cap_net_bind_service=+ep WEIR"
                .to_owned(),
        ),
        ("bind()", Some("99")) => {
            Some("no interface here has this address: \"ip address\" lists those that there are".to_owned())
        }
        ("open()" | "mkdir()", Some("2")) => {
            let folder = Path::new(rest.split('"').nth(1)?).parent()?;
            (!is_folder(folder)).then(|| {
                format!(
                    "there is no folder {0}; make it (mkdir -p {0}), or choose another place: -p, -e, \
                     `error_log`, `access_log`, `pid`",
                    folder.display()
                )
            })
        }
        ("open()" | "mkdir()", Some("13")) => Some(
            "who starts weir may not write there; choose another place: -p, -e, `error_log`, \
             `access_log`, `pid`"
                .to_owned(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_suggests_its_cure() {
        let check = |message: &str, start: &str| {
            let hint = about_system(message, &|folder| folder == Path::new("/there"));
            let hint = hint.unwrap_or_default();
            assert!(
                hint.starts_with(start) && hint.is_empty() == start.is_empty(),
                "{message}: {hint}"
            );
        };
        check("still could not bind()", "something listens there");
        check(
            "bind() to 0.0.0.0:80 failed (98: Address already in use)",
            "something listens there",
        );
        check(
            "bind() to 0.0.0.0:80 failed (13: Permission denied)",
            "ports below 1024",
        );
        check(
            "bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)",
            "no interface",
        );
        check(
            "open() \"/gone/e.log\" failed (2: No such file or directory)",
            "there is no folder /gone; make it (mkdir -p /gone)",
        );
        check(
            "open() \"/there/e.log\" failed (2: No such file or directory)",
            "",
        );
        check(
            "open() \"/there/e.log\" failed (13: Permission denied)",
            "who starts weir",
        );
        check("getpwnam(\"x\") failed", "");
    }
}
