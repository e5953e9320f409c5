//! The command line of `check`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use weir_lab::bed::{Binary, Target};

use super::Examination;

/// Ask a real nginx and weir, with -t, about mistakes in configurations.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The nginx: 1.22.1, 1.28.3 or 1.31.5
    #[arg(long)]
    nginx: PathBuf,
    /// weir
    #[arg(long)]
    weir: PathBuf,
    /// Mistakes to make
    #[arg(long, default_value_t = 20_000)]
    count: usize,
    /// Which
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Processes at a time
    #[arg(long, default_value_t = 4)]
    at_once: usize,
}

/// Reads the command line and obeys it.
pub fn main() -> ExitCode {
    let options = Options::parse();
    match options.hold() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("check: {fault}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    fn hold(self) -> Result<bool, Box<dyn std::error::Error>> {
        let target = Target::Binary(Binary::ask(&self.nginx)?);
        let version = target
            .own_version()
            .ok_or("this is no nginx of which weir knows the rules")?;
        let examination = Examination {
            nginx: std::path::absolute(self.nginx)?,
            version,
            weir: std::path::absolute(self.weir)?,
            root: concat!(env!("CARGO_MANIFEST_DIR"), "/../..").into(),
            count: self.count,
            seed: self.seed,
            at_once: self.at_once,
        };
        Ok(examination.hold()?)
    }
}
