//! Makes mistakes in configurations and asks a real nginx and weir about them.

use std::process::ExitCode;

fn main() -> ExitCode {
    weir_oracle::check::main()
}
