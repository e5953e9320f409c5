//! Replays recorded faults against an nginx-compatible binary.

use std::process::ExitCode;

use clap::Parser;
use weir_oracle::replay::{self, Options};

fn main() -> ExitCode {
    replay::main(&Options::parse())
}
