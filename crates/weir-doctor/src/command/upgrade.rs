//! `weir upgrade-advice`: what of a configuration a newer nginx does otherwise.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use super::{parse, print};
use crate::configuration::Configuration;
use crate::explain::wrapped;
use crate::ink::Ink;
use crate::upgrade::{Advice, KNOWN, Release, Weight, advise, release};

/// Say what a newer nginx does otherwise with a configuration
#[derive(Debug, Parser)]
#[command(
    name = "weir upgrade-advice",
    bin_name = "weir upgrade-advice",
    no_binary_name = true
)]
struct Arguments {
    /// The version that serves now: 1.22, or 1.22.1
    #[arg(long, value_name = "VERSION", value_parser = known)]
    from: Release,
    /// The version to come
    #[arg(long, value_name = "VERSION", default_value = "1.31", value_parser = known)]
    to: Release,
    /// The configuration file
    #[arg(
        short = 'c',
        value_name = "FILE",
        default_value = "/etc/nginx/nginx.conf"
    )]
    conf: PathBuf,
    /// Base of the configuration's relative paths
    #[arg(short = 'p', value_name = "FOLDER")]
    prefix: Option<PathBuf>,
    /// Write the advice as JSON
    #[arg(long)]
    json: bool,
}

fn known(text: &str) -> Result<Release, String> {
    let release =
        release(text).ok_or_else(|| format!("\"{text}\" is no version: 1.22 and 1.22.1 are"))?;
    let ((first, first_minor, _), (last, last_minor, _)) = KNOWN;
    let branch = (release.0, release.1);
    match branch >= (first, first_minor) && branch <= (last, last_minor) {
        true => Ok(release),
        false => Err(format!(
            "changes are known from {first}.{first_minor} to {last}.{last_minor}"
        )),
    }
}

/// Runs `weir upgrade-advice`; `args` are those after it. 0: all stays as it is; 1: something does not; 2: there is nothing to look at.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments = match parse::<Arguments>(args) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    if arguments.from >= arguments.to {
        eprintln!("weir upgrade-advice: --to has to be newer than --from");
        return ExitCode::from(2);
    }
    let conf = std::path::absolute(&arguments.conf).unwrap_or_else(|_| arguments.conf.clone());
    let opened = std::fs::read(&conf);
    if let Err(fault) = opened {
        eprintln!("weir upgrade-advice: {}: {fault}", conf.display());
        return ExitCode::from(2);
    }
    let folder = conf.parent().map(PathBuf::from).unwrap_or_default();
    let configuration = Configuration::read(&conf, &arguments.prefix.unwrap_or(folder));
    let unreadable = configuration
        .faults
        .iter()
        .find(|fault| fault.contains(" unexpected ") || fault.contains("failed ("));
    if let Some(fault) = unreadable {
        eprintln!("weir upgrade-advice: the configuration cannot be read to its end: {fault}");
        return ExitCode::from(2);
    }
    let advice = advise(&configuration, arguments.from, arguments.to);
    let said = match arguments.json {
        true => serde_json::to_string_pretty(&advice).unwrap_or_default() + "\n",
        false => text(&advice, Ink::of_stdout()),
    };
    match print(&said) {
        ExitCode::SUCCESS if advice.iter().any(|one| one.weight <= Weight::Changes) => {
            ExitCode::from(1)
        }
        code => code,
    }
}

/// Places that are shown of one advice.
const PLACES: usize = 5;

fn text(advice: &[Advice], ink: Ink) -> String {
    if advice.is_empty() {
        return "Nothing of this configuration is treated otherwise.\n".to_owned();
    }
    let mut out = String::new();
    for one in advice {
        let word = match one.weight {
            Weight::Fails => ink.red("fails  "),
            Weight::Changes => ink.yellow("changes"),
            Weight::Warns | Weight::Note => ink.cyan(&format!("{:<7}", one.weight.word())),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{word} since {}: {}",
            one.since,
            wrapped(one.what, 10).trim_start()
        );
        for concern in one.places.iter().take(PLACES) {
            let _ = writeln!(out, "          {}  {}", concern.place, concern.text);
        }
        if one.places.len() > PLACES {
            let _ = writeln!(out, "          and {} more", one.places.len() - PLACES);
        }
        let _ = writeln!(out, "{}\n", wrapped(one.cure, 10));
    }
    out
}
