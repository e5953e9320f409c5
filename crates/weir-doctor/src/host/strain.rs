//! How near a process is to its limits.

use std::fs;
use std::path::Path;

/// What a worker has open, and may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strain {
    /// Descriptors that are open.
    pub open: u64,
    /// Those of them that are sockets.
    pub sockets: u64,
    /// How many may be.
    pub limit: u64,
}

/// That of a process; `None`: this user may not see it.
pub fn of(pid: u32) -> Option<Strain> {
    read(Path::new("/proc").join(pid.to_string()).as_path())
}

fn read(process: &Path) -> Option<Strain> {
    let limits = fs::read_to_string(process.join("limits")).ok()?;
    let (mut open, mut sockets) = (0, 0);
    for entry in fs::read_dir(process.join("fd")).ok()?.flatten() {
        open += 1;
        let target = fs::read_link(entry.path()).unwrap_or_default();
        sockets += u64::from(target.to_string_lossy().starts_with("socket:"));
    }
    Some(Strain {
        open,
        sockets,
        limit: limit(&limits)?,
    })
}

/// The soft limit of open files.
fn limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_files_open() {
        let strain = of(std::process::id());
        assert!(strain.is_some_and(|strain| strain.open > 2 && strain.limit >= strain.open));
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max open files            1024                 524288               files     \n";
        assert_eq!(limit(text), Some(1024));
    }
}
