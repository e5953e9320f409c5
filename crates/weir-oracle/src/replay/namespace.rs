//! A network of one's own: loopback, and the addresses at which the records fail.

use std::io::Write;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, getegid, geteuid};

/// `ip -batch` commands: 10.97.0.2 swallows SYNs, 10.97.0.3 has no neighbour, 10.96/16 to
/// 10.99/16 are routes that fail each in its way. There is no default route.
const NETWORK: &str = "\
link set lo up
link add lab0 type veth peer name lab1
addr add 10.97.0.1/24 dev lab0
link set lab0 up
link set lab1 up
neigh add 10.97.0.2 lladdr 02:00:00:00:00:02 dev lab0 nud permanent
route add unreachable 10.99.0.0/16
route add prohibit 10.98.0.0/16
route add blackhole 10.96.0.0/16
";

/// Why there is no private network.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamespaceError {
    #[error(
        "network namespaces are not permitted here (unshare: {0}); run as root, or allow \
         unprivileged user namespaces; a container needs --cap-add SYS_ADMIN,NET_ADMIN"
    )]
    Unshare(Errno),
    #[error("cannot map this user into its namespace: {0}")]
    Map(std::io::Error),
    #[error("cannot run `ip` (package iproute2): {0}")]
    NoIp(std::io::Error),
    #[error("ip: {0}")]
    Ip(String),
}

/// What the process is inside its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Root of the machine: may become any user.
    Root,
    /// Root of a user namespace that knows no other user.
    Mapped,
}

/// Moves this process, which must have one thread, into a network of its own.
pub(crate) fn enter() -> Result<Rights, NamespaceError> {
    let rights = leave()?;
    let mut ip = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(NamespaceError::NoIp)?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin
            .write_all(NETWORK.as_bytes())
            .map_err(NamespaceError::NoIp)?;
    }
    let output = ip.wait_with_output().map_err(NamespaceError::NoIp)?;
    if output.status.success() {
        Ok(rights)
    } else {
        Err(NamespaceError::Ip(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ))
    }
}

fn leave() -> Result<Rights, NamespaceError> {
    let (user, group) = (geteuid(), getegid());
    if user == Uid::from_raw(0) && unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(Rights::Root);
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)
        .map_err(NamespaceError::Unshare)?;
    let write = |file: &str, text: String| std::fs::write(file, text).map_err(NamespaceError::Map);
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("0 {user} 1"))?;
    write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(Rights::Mapped)
}
