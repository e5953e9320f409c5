//! What weir answers to those who ask for help, and to those who should.

use crate::flags::{CONF_PATH, ERROR_LOG_PATH, FlagFault, PREFIX};

/// The whole help.
pub(crate) fn text() -> String {
    format!(
        "weir is a reverse proxy that reads your nginx.conf, does what nginx does when an upstream fails,\n\
         and says why.\n\
         \n\
         \x20 weir demo               failures behind a weir, to try with curl and to see explained\n\
         \x20 weir -t -c FILE         check a configuration\n\
         \x20 weir -c FILE            run it, in the background unless it says \"daemon off;\"\n\
         \x20 weir -s quit -c FILE    end that; also: stop, reload, reopen\n\
         \x20 weir doctor             why requests fail, behind weir or nginx: logs, configuration, upstreams\n\
         \x20 weir explain 'LINE'     what a line of an error log means, of weir or of nginx\n\
         \x20 weir upgrade-advice     what a newer nginx does otherwise with a configuration\n\
         \x20 weir lab COMMAND        the catalogue of faults, and tests with it\n\
         \n\
         {}\
         A relative FILE is looked for in the prefix, as nginx does, then in the working folder.\n\
         `weir demo --help`, `weir doctor --help`, `weir explain --help` and `weir lab --help` say more of those.\n",
        options()
    )
}

/// nginx's options, in its form.
pub(crate) fn options() -> String {
    format!(
        "Usage: weir [-?hvVtTq] [-s signal] [-p prefix]\n\
         \x20           [-e filename] [-c filename] [-g directives]\n\
         \x20      weir demo | weir doctor | weir explain | weir upgrade-advice\n\
         \x20      weir lab COMMAND | weir help\n\
         \n\
         Options:\n\
         \x20 -?,-h         : this help\n\
         \x20 -v            : show version and exit\n\
         \x20 -V            : show version and configure options then exit\n\
         \x20 -t            : test configuration, explain what is wrong, and exit\n\
         \x20 -T            : test configuration, dump it and exit\n\
         \x20 -T --json     : the same, as a tree in crossplane's shape\n\
         \x20 -q            : suppress non-error messages during configuration testing\n\
         \x20 -s signal     : send signal to a running weir: stop, quit, reopen, reload\n\
         \x20 -p prefix     : set prefix path (default: {PREFIX})\n\
         \x20 -e filename   : set error log file (default: {ERROR_LOG_PATH})\n\
         \x20 -c filename   : set configuration file (default: {CONF_PATH})\n\
         \x20 -g directives : set global directives out of configuration file\n\n"
    )
}

/// What was probably meant by a command line that cannot be obeyed.
pub(crate) fn on_fault(fault: &FlagFault) -> String {
    let meant = match fault {
        FlagFault::Invalid { argument, .. } => meant(argument.trim_start_matches('-'), &MEANINGS),
        FlagFault::InvalidSignal(word) => meant(word.trim_start_matches("SIG"), &SIGNALS),
        FlagFault::Missing { .. } | FlagFault::Alone => None,
    };
    let meant = meant.map_or(String::new(), |meant| {
        format!("did you mean \"weir {meant}\"? ")
    });
    format!("weir: {meant}\"weir --help\" shows all there is")
}

/// Words that people try, and how it is written here.
const MEANINGS: [(&str, &str); 26] = [
    ("demo", "demo"),
    ("doctor", "doctor"),
    ("explain", "explain LINE"),
    ("upgrade-advice", "upgrade-advice --from VERSION"),
    ("lab", "lab"),
    ("list", "lab list"),
    ("help", "help"),
    ("version", "-v"),
    ("test", "-t -c FILE"),
    ("check", "-t -c FILE"),
    ("validate", "-t -c FILE"),
    ("dump", "-T -c FILE"),
    ("run", "-c FILE"),
    ("start", "-c FILE"),
    ("serve", "-c FILE"),
    ("conf", "-c FILE"),
    ("config", "-c FILE"),
    ("stop", "-s stop"),
    ("quit", "-s quit"),
    ("reload", "-s reload"),
    ("restart", "-s reload"),
    ("reopen", "-s reopen"),
    ("signal", "-s SIGNAL"),
    ("prefix", "-p PREFIX"),
    ("quiet", "-q"),
    ("error-log", "-e FILE"),
];

const SIGNALS: [(&str, &str); 9] = [
    ("stop", "-s stop"),
    ("term", "-s stop"),
    ("quit", "-s quit"),
    ("exit", "-s quit"),
    ("reload", "-s reload"),
    ("restart", "-s reload"),
    ("hup", "-s reload"),
    ("reopen", "-s reopen"),
    ("usr1", "-s reopen"),
];

/// The meaning of the word most like `word`, if one is like it; of a file, that it is to be run.
fn meant(word: &str, meanings: &[(&'static str, &'static str)]) -> Option<String> {
    if word.ends_with(".conf") {
        return Some(format!("-c {word}"));
    }
    let word = word.to_lowercase();
    // One typing mistake for every three letters.
    let tolerated = word.chars().count() / 3;
    meanings
        .iter()
        .map(|(known, meaning)| (strsim::damerau_levenshtein(&word, known), meaning))
        .filter(|(mistakes, _)| *mistakes <= tolerated)
        .min_by_key(|(mistakes, _)| *mistakes)
        .map(|(_, meaning)| (*meaning).to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::flags::Flags;

    #[test]
    fn what_is_tried_leads_to_what_is_there() {
        let check = |line: &str, meant: Option<&str>| {
            let fault = Flags::parse(line.split(' ').map(OsString::from)).unwrap_err();
            let advice = on_fault(&fault);
            let expected = meant.map_or(String::new(), |meant| {
                format!("did you mean \"weir {meant}\"? ")
            });
            assert_eq!(
                advice,
                format!("weir: {expected}\"weir --help\" shows all there is"),
                "{line}"
            );
        };
        check("dmeo", Some("demo"));
        check("reload", Some("-s reload"));
        check("--test", Some("-t -c FILE"));
        check("--config", Some("-c FILE"));
        check("shop.conf", Some("-c shop.conf"));
        check("-s hup", Some("-s reload"));
        check("-s SIGHUP", Some("-s reload"));
        check("-s now", None);
        check("-x", None);
        check("foo", None);
        check("-c", None);
    }
}
