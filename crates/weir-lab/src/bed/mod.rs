//! What it takes to see a proxy between scripted backends and a scripted client.
//!
//! Reading order: [`Conf`] (pieces of nginx.conf), `prefix` (the directory it runs in), `names`
//! (what stands for which address), [`Target`] (an embedded weir or a [`Binary`]), `run` (from
//! start to stop), `logs` (what the proxy wrote), [`Seen`] (everything that showed), [`compare`].

pub mod compare;
pub mod conf;
pub mod logs;
pub mod names;
pub mod prefix;
pub mod process;
pub mod run;
pub mod target;

mod difference;
mod field;
mod seen;

pub use conf::{Conf, DEFAULT_BACKEND};
pub use field::Field;
pub use prefix::LaidOut;
pub use process::{Binary, NoBinary, StartError};
pub use run::Fault;
pub use seen::Seen;
pub use target::Target;

/// A new directory for runs, which other users may enter: a worker may be one.
pub fn directory() -> std::io::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::Builder::new().prefix("weir-lab-").tempdir()?;
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}
