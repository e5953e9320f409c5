//! Real nginx: one that is built from its sources, and the system's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use weir_lab::bed::{Binary, Target};
use weir_lab::version::Version;

/// An nginx to compare with.
#[derive(Clone, Debug)]
pub(super) struct Nginx {
    pub(super) path: PathBuf,
    pub(super) version: Version,
    pub(super) target: Arc<Target>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("it cannot be compiled here; apt-get install {0}")]
    Missing(String),
    #[error("it cannot be built: {0}")]
    Failed(String),
}

/// Debian's binary.
const INSTALLED: &str = "/usr/sbin/nginx";

/// The status of the building program when packages are missing, which it then prints.
const MISSING: i32 = 3;

/// nginx 1.28.3, built into `directory` unless it is there.
pub(super) fn build(root: &Path, directory: &Path) -> Result<Nginx, Unavailable> {
    let failed = |fault: &dyn std::fmt::Display| Unavailable::Failed(fault.to_string());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(root.join("tests/nginx/Cargo.toml"))
        .arg("--target-dir")
        .arg(directory.with_file_name("nginx-src"))
        .arg("--")
        .arg(directory)
        .output()
        .map_err(|fault| failed(&fault))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match output.status.code() {
        Some(0) => known(Path::new(&said)).ok_or_else(|| failed(&"it is another version")),
        Some(MISSING) => Err(Unavailable::Missing(said)),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            Err(failed(&last.unwrap_or("it says nothing").trim()))
        }
    }
}

/// The system's nginx, when it is a version that is known here.
pub(super) fn installed() -> Option<Nginx> {
    let path = Path::new(INSTALLED);
    let nginx = path.exists().then(|| known(path)).flatten();
    if nginx.is_none() {
        println!("skipped: nginx 1.22.1, because {INSTALLED} is not there or another version");
    }
    nginx
}

fn known(path: &Path) -> Option<Nginx> {
    let target = Target::Binary(Binary::ask(path).ok()?);
    let version = target.own_version()?;
    (target.nginx() == Some(version.as_str())).then(|| Nginx {
        path: path.to_owned(),
        version,
        target: Arc::new(target),
    })
}
