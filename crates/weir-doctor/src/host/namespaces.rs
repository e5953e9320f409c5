//! Seeing what the proxy sees: its network and its files may be a container's.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use nix::sched::{CloneFlags, setns, unshare};

/// How this process stands to a proxy.
#[derive(Debug, Default)]
pub enum Stance {
    /// They see the same, or nothing else is known.
    #[default]
    Beside,
    /// The proxy has others of these, and they were entered.
    Entered(Vec<Namespace>),
    /// The proxy has others of these, and they may not be entered.
    Outside(Vec<Namespace>, io::Error),
}

/// What a process may have of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Addresses, ports, routes.
    Network,
    /// Files.
    Mount,
}

impl Namespace {
    const ALL: [Self; 2] = [Self::Network, Self::Mount];

    const fn file(self) -> &'static str {
        match self {
            Self::Network => "net",
            Self::Mount => "mnt",
        }
    }

    const fn flag(self) -> CloneFlags {
        match self {
            Self::Network => CloneFlags::CLONE_NEWNET,
            Self::Mount => CloneFlags::CLONE_NEWNS,
        }
    }

    fn of(self, process: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{process}/ns/{}", self.file()))
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Mount => "mount",
        })
    }
}

impl Stance {
    /// Whether the proxy has a network of its own.
    pub fn is_other_network(&self) -> bool {
        match self {
            Self::Beside => false,
            Self::Entered(kinds) | Self::Outside(kinds, _) => kinds.contains(&Namespace::Network),
        }
    }
}

/// Which namespaces of a process are others than this one's; those of other users are seen by root alone.
pub fn others(pid: u32) -> Vec<Namespace> {
    let differs = |kind: &Namespace| {
        let own = fs::read_link(kind.of("self")).ok();
        let its = fs::read_link(kind.of(&pid.to_string())).ok();
        own.zip(its).is_some_and(|(own, its)| own != its)
    };
    Namespace::ALL.into_iter().filter(differs).collect()
}

/// Looks at something as this process sees it, on a thread that is where it is; where it may not go there, from here.
pub fn beside<T: Send>(pid: Option<u32>, look: impl FnOnce(Stance) -> T + Send) -> T {
    let kinds = pid.map(others).unwrap_or_default();
    let Some(pid) = pid.filter(|_| !kinds.is_empty()) else {
        return look(Stance::Beside);
    };
    let open = |kind: &Namespace| Ok((*kind, File::open(kind.of(&pid.to_string()))?));
    let doors: io::Result<Vec<(Namespace, File)>> = kinds.iter().map(open).collect();
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let entered = doors.and_then(|doors| enter(&doors));
            look(match entered {
                Ok(()) => Stance::Entered(kinds),
                Err(error) => Stance::Outside(kinds, error),
            })
        });
        match looking.join() {
            Ok(seen) => seen,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Takes this thread there; no other thread goes along.
fn enter(doors: &[(Namespace, File)]) -> io::Result<()> {
    // A thread that shares its root and working directory cannot have other mounts.
    unshare(CloneFlags::CLONE_FS)?;
    for (kind, file) in doors {
        setns(file, kind.flag())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_beside_itself() {
        let own = std::process::id();
        assert_eq!(others(own), []);
        let stance = beside(Some(own), |stance| matches!(stance, Stance::Beside));
        assert!(stance);
    }
}
