//! The fault matrix: weir under what real nginx was recorded with, as both versions.
//!
//! Runs without the test harness, because each shard is this executable again.

use std::process::ExitCode;

use weir_oracle::replay::{self, Options};

fn main() -> ExitCode {
    replay::main(&Options::all(env!("CARGO_BIN_EXE_weir").into()))
}
