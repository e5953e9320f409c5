//! What this machine says of itself: processes, listening sockets, limits. Read from /proc; nothing is changed.

pub mod build;
pub mod confinement;
pub mod credentials;
pub mod namespaces;
pub mod processes;
pub mod sockets;
pub mod strain;

use std::fs;
use std::net::IpAddr;
use std::path::Path;

/// A number in a file of /proc; `None` if it cannot be read.
pub fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// How often connections found a full accept queue (`ListenOverflows`) in the network of a process, since that began.
pub fn listen_overflows(process: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/net/netstat")).ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let index = names
        .split_whitespace()
        .position(|name| name == "ListenOverflows")?;
    values.split_whitespace().nth(index)?.parse().ok()
}

/// The name servers that the system asks.
pub fn name_servers() -> Vec<IpAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let named = text
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver "));
    named
        .filter_map(|address| address.trim().parse().ok())
        .collect()
}

/// The first and the last local port that connections are given.
pub fn local_ports() -> Option<(u16, u16)> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut numbers = text.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Whether this is a container, as far as can be seen.
pub fn is_container() -> bool {
    Path::new("/.dockerenv").exists()
        || Path::new("/run/.containerenv").exists()
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}
