//! nginx's command line (`ngx_get_options`, `ngx_process_options`).
//!
//! Letters may be joined (`-tq`), and a value may follow its letter with or without a space
//! (`-c file`, `-cfile`), which is why no argument parser of the usual kind reads it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use weir_conf::LoadOptions;

/// Where relative paths begin unless `-p` says otherwise, as nginx's own `configure` has it.
pub(crate) const PREFIX: &str = "/usr/local/nginx/";

/// The configuration file under the prefix unless `-c` names one.
pub(crate) const CONF_PATH: &str = "conf/nginx.conf";

/// The error log under the prefix, before and without an `error_log` directive, unless `-e` names one.
pub(crate) const ERROR_LOG_PATH: &str = "logs/error.log";

/// The folder of nginx's own logs and of its pid file under the prefix.
pub(crate) const LOG_FOLDER: &str = "logs";

/// The option for programs that read what `-T` prints.
const JSON: &str = "--json";

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `-v`, `-V`, `-h`, `-?`: print the version.
    pub(crate) version: bool,
    /// `-V`: print how it was built, too.
    pub(crate) configure: bool,
    /// `-h`, `-?`: print the usage, too.
    pub(crate) help: bool,
    /// `-t`, `-T`: test the configuration.
    pub(crate) test: bool,
    /// `-T`: print the configuration, too.
    pub(crate) dump: bool,
    /// `--json`: the tree of the configuration instead of its text; weir's own.
    pub(crate) json: bool,
    /// `-q`: a test that succeeds says nothing.
    pub(crate) quiet: bool,
    /// `-p`.
    pub(crate) prefix: Option<PathBuf>,
    /// `-c`.
    pub(crate) conf: Option<PathBuf>,
    /// `-e`.
    pub(crate) error_log: Option<PathBuf>,
    /// `-g`.
    pub(crate) globals: Option<String>,
    /// `-s`.
    pub(crate) signal: Option<Command>,
    /// The prefix is the working folder, because the configuration was found there.
    pub(crate) here: bool,
}

/// What `-s` can tell a running weir.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// End at once.
    Stop,
    /// End when the requests under way are answered.
    Quit,
    /// Open the logs anew.
    Reopen,
    /// Read the configuration anew.
    Reload,
}

/// A command line that cannot be obeyed. Displays nginx's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlagFault {
    /// An argument without a dash, or an unknown letter.
    #[error("invalid option: \"{shown}\"")]
    Invalid {
        /// What nginx shows of it.
        shown: String,
        /// All of it.
        argument: String,
    },
    /// `-s` with an unknown word.
    #[error("invalid option: \"-s {0}\"")]
    InvalidSignal(String),
    /// `--json` without what it is the form of.
    #[error("option \"--json\" requires \"-T\"")]
    Alone,
    /// A letter without its value.
    #[error("option \"-{letter}\" requires {what}")]
    Missing { letter: char, what: &'static str },
}

impl FlagFault {
    fn invalid(argument: &OsStr, letter: Option<u8>) -> Self {
        let argument = argument.to_string_lossy().into_owned();
        let shown =
            letter.map_or_else(|| argument.clone(), |letter| char::from(letter).to_string());
        Self::Invalid { shown, argument }
    }
}

impl Flags {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Self, FlagFault> {
        let mut flags = Self::default();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == JSON {
                flags.json = true;
                continue;
            }
            let Some(mut letters) = arg.as_bytes().strip_prefix(b"-") else {
                return Err(FlagFault::invalid(&arg, None));
            };
            while let Some((&letter, rest)) = letters.split_first() {
                letters = rest;
                if flags.switch(letter) {
                    continue;
                }
                let Some(what) = value_of(letter) else {
                    return Err(FlagFault::invalid(&arg, Some(letter)));
                };
                let value = if rest.is_empty() {
                    args.next()
                } else {
                    Some(OsString::from_vec(rest.to_vec()))
                };
                let value = value.ok_or_else(|| FlagFault::Missing {
                    letter: char::from(letter),
                    what,
                })?;
                flags.set(letter, value)?;
                break;
            }
        }
        if flags.json && !flags.dump {
            return Err(FlagFault::Alone);
        }
        Ok(flags)
    }

    /// Takes a letter that has no value; `false` if it is none.
    fn switch(&mut self, letter: u8) -> bool {
        match letter {
            b'?' | b'h' => (self.version, self.help) = (true, true),
            b'v' => self.version = true,
            b'V' => (self.version, self.configure) = (true, true),
            b't' => self.test = true,
            b'T' => (self.test, self.dump) = (true, true),
            b'q' => self.quiet = true,
            _ => return false,
        }
        true
    }

    /// Takes a letter that [`value_of`] knows, and its value.
    fn set(&mut self, letter: u8, value: OsString) -> Result<(), FlagFault> {
        match letter {
            b'p' => self.prefix = Some(value.into()),
            b'e' => self.error_log = Some(value.into()),
            b'c' => self.conf = Some(value.into()),
            b'g' => self.globals = Some(value.to_string_lossy().into_owned()),
            _ => self.signal = Some(Command::named(&value)?),
        }
        Ok(())
    }

    /// Takes everything relative from the working folder, as with `-p`, if that has the file of a
    /// relative `-c` and the prefix that nobody chose has not: nginx would find nothing. Returns the
    /// folder, which is found but once, lest a reload look elsewhere.
    pub(crate) fn look_here(&mut self) -> Option<PathBuf> {
        let conf = self.conf.as_deref()?;
        if self.prefix.is_some() || conf.is_absolute() || Path::new(PREFIX).join(conf).exists() {
            return None;
        }
        let here = std::env::current_dir().ok()?;
        if !here.join(conf).is_file() {
            return None;
        }
        self.here = true;
        self.prefix = Some(here.clone());
        Some(here)
    }

    /// Where and what to load.
    pub(crate) fn load_options(&self) -> LoadOptions {
        let prefix = self.prefix();
        let conf_path = match &self.conf {
            Some(path) => prefix.join(path),
            None => prefix.join(CONF_PATH),
        };
        LoadOptions {
            prefix,
            conf_path,
            globals: self.globals.clone(),
        }
    }

    /// The error log that holds until the configuration names one; `None` is stderr.
    pub(crate) fn first_error_log(&self) -> Option<PathBuf> {
        match &self.error_log {
            Some(path) if path.as_os_str().is_empty() || path == Path::new("stderr") => None,
            Some(path) => Some(self.prefix().join(path)),
            None if self.here && !self.prefix().join(LOG_FOLDER).is_dir() => None,
            None => Some(self.prefix().join(ERROR_LOG_PATH)),
        }
    }

    /// The base of relative paths.
    pub(crate) fn prefix(&self) -> PathBuf {
        self.prefix.clone().unwrap_or_else(|| PREFIX.into())
    }
}

impl Command {
    fn named(word: &OsStr) -> Result<Self, FlagFault> {
        match word.as_bytes() {
            b"stop" => Ok(Self::Stop),
            b"quit" => Ok(Self::Quit),
            b"reopen" => Ok(Self::Reopen),
            b"reload" => Ok(Self::Reload),
            _ => Err(FlagFault::InvalidSignal(
                word.to_string_lossy().into_owned(),
            )),
        }
    }

    /// The signal that carries it.
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::SIGTERM,
            Self::Quit => Signal::SIGQUIT,
            Self::Reopen => Signal::SIGUSR1,
            Self::Reload => Signal::SIGHUP,
        }
    }
}

/// What the value of a letter is, in nginx's words; `None` if the letter is unknown.
fn value_of(letter: u8) -> Option<&'static str> {
    match letter {
        b'p' => Some("directory name"),
        b'e' | b'c' => Some("file name"),
        b'g' | b's' => Some("parameter"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Flags, FlagFault> {
        Flags::parse(
            line.split(' ')
                .filter(|word| !word.is_empty())
                .map(OsString::from),
        )
    }

    #[test]
    fn letters_join_and_values_follow_with_or_without_a_space() {
        let check = |line: &str, expected: Flags| assert_eq!(parse(line), Ok(expected), "{line}");
        let tested = Flags {
            test: true,
            ..Flags::default()
        };
        check("", Flags::default());
        check("-t", tested.clone());
        check("-", Flags::default());
        check(
            "-T --json",
            Flags {
                dump: true,
                json: true,
                ..tested.clone()
            },
        );
        check(
            "-tq",
            Flags {
                quiet: true,
                ..tested.clone()
            },
        );
        check(
            "-T",
            Flags {
                dump: true,
                ..tested.clone()
            },
        );
        check(
            "-tcx",
            Flags {
                conf: Some("x".into()),
                ..tested.clone()
            },
        );
        check(
            "-tc x",
            Flags {
                conf: Some("x".into()),
                ..tested.clone()
            },
        );
        check(
            "-c -t",
            Flags {
                conf: Some("-t".into()),
                ..Flags::default()
            },
        );
        check(
            "-sreload",
            Flags {
                signal: Some(Command::Reload),
                ..Flags::default()
            },
        );
        check(
            "-s stop",
            Flags {
                signal: Some(Command::Stop),
                ..Flags::default()
            },
        );
        check(
            "-?",
            Flags {
                version: true,
                help: true,
                ..Flags::default()
            },
        );
        check(
            "-V",
            Flags {
                version: true,
                configure: true,
                ..Flags::default()
            },
        );
    }

    #[test]
    fn faults_are_nginx_words() {
        let check = |line: &str, expected: &str| {
            assert_eq!(parse(line).unwrap_err().to_string(), expected, "{line}");
        };
        check("x", "invalid option: \"x\"");
        check("-tx", "invalid option: \"x\"");
        check("--test", "invalid option: \"-\"");
        check("-s now", "invalid option: \"-s now\"");
        check("-s", "option \"-s\" requires parameter");
        check("-g", "option \"-g\" requires parameter");
        check("-p", "option \"-p\" requires directory name");
        check("-qc", "option \"-c\" requires file name");
        check("-e", "option \"-e\" requires file name");
        check("-t --json", "option \"--json\" requires \"-T\"");
    }

    #[test]
    fn paths_are_relative_to_the_prefix() {
        let check = |line: &str, conf: &str, log: Option<&str>| {
            let flags = parse(line).unwrap();
            assert_eq!(flags.load_options().conf_path, Path::new(conf), "{line}");
            assert_eq!(
                flags.first_error_log().as_deref(),
                log.map(Path::new),
                "{line}"
            );
        };
        check(
            "",
            "/usr/local/nginx/conf/nginx.conf",
            Some("/usr/local/nginx/logs/error.log"),
        );
        check("-p /p -c x", "/p/x", Some("/p/logs/error.log"));
        check("-p /p/ -c /x -e e", "/x", Some("/p/e"));
        check("-p . -e stderr", "./conf/nginx.conf", None);
    }
}
