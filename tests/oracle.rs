//! The oracle: scenarios, and the catalogue's faults, against real nginx and weir side by side.
//!
//! `cargo test --test oracle NAME` asks about the scenarios whose name contains NAME. Runs without
//! the test harness, because what replays records is this executable again.

use std::path::Path;
use std::process::ExitCode;

use weir_oracle::live::{Oracle, filter};

fn main() -> ExitCode {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let oracle = Oracle {
        weir: env!("CARGO_BIN_EXE_weir").into(),
        root: env!("CARGO_MANIFEST_DIR").into(),
        target: target.parent().unwrap_or(target).to_owned(),
        filter: filter(std::env::args().skip(1)),
    };
    oracle.main()
}
