//! Listening sockets of this network namespace, and those that are on their way out.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// A socket of TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// Its own address.
    pub local: SocketAddr,
    /// The other one's.
    pub remote: SocketAddr,
    /// The kernel's number of its state: 10 listens, 6 is in TIME_WAIT.
    pub state: u8,
    /// Of a listening one, connections that wait to be accepted.
    pub waiting: u64,
    /// Its number, which the descriptors of processes name.
    pub inode: u64,
}

impl TcpSocket {
    /// Whether it waits for connections.
    pub const fn is_listening(&self) -> bool {
        self.state == LISTEN
    }
}

/// The kernel's number of a listening socket's state.
const LISTEN: u8 = 10;
/// And of one that waits for what may still come.
const TIME_WAIT: u8 = 6;

/// Every socket of TCP in the network of a process, `self` or a number; empty where /proc is not there.
pub fn tcp(process: &str) -> Vec<TcpSocket> {
    let mut all = Vec::new();
    for path in ["tcp", "tcp6"].map(|name| format!("/proc/{process}/net/{name}")) {
        let text = fs::read_to_string(path).unwrap_or_default();
        all.extend(text.lines().skip(1).filter_map(socket));
    }
    all
}

/// Those of them that listen.
pub fn listening(all: &[TcpSocket]) -> impl Iterator<Item = &TcpSocket> {
    all.iter().filter(|socket| socket.is_listening())
}

/// How many sockets towards an address take a local port: connected ones, and those in TIME_WAIT.
pub fn towards(all: &[TcpSocket], address: SocketAddr) -> (usize, usize) {
    let own = all.iter().filter(|socket| socket.remote == address);
    let waiting = own
        .clone()
        .filter(|socket| socket.state == TIME_WAIT)
        .count();
    (own.count(), waiting)
}

/// The numbers of the sockets that a process has open; none if this user may not see them.
pub fn owned(pid: u32) -> HashSet<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter();
    let targets = descriptors
        .flatten()
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    let number = |target: PathBuf| {
        let text = target.to_str()?.strip_prefix("socket:[")?;
        text.strip_suffix(']')?.parse().ok()
    };
    targets.filter_map(number).collect()
}

fn socket(line: &str) -> Option<TcpSocket> {
    let mut words = line.split_whitespace().skip(1);
    let local = address(words.next()?)?;
    let remote = address(words.next()?)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let queues = words.next()?;
    let waiting = queues
        .split_once(':')
        .and_then(|(_, receive)| u64::from_str_radix(receive, 16).ok());
    // Timers, retransmissions, the user and a time-out stand between.
    let inode = words.nth(4).and_then(|inode| inode.parse().ok());
    Some(TcpSocket {
        local,
        remote,
        state,
        waiting: waiting.unwrap_or(0),
        inode: inode.unwrap_or(0),
    })
}

/// `0100007F:1F90`: words of 32 bits in the machine's order, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        u32::from_str_radix(ip.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index * 8)?);
            }
            let ip = Ipv6Addr::from(bytes);
            ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|fault| panic!("{fault}"));
        let own = listener
            .local_addr()
            .unwrap_or_else(|fault| panic!("{fault}"));
        let all = tcp("self");
        let found = listening(&all).find(|socket| socket.local == own);
        assert_eq!(found.map(|socket| socket.waiting), Some(0));
        let process = std::process::id();
        assert!(found.is_some_and(|socket| owned(process).contains(&socket.inode)));
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn addresses_are_the_kernel_s() {
        assert_eq!(address("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
        assert_eq!(
            address("00000000000000000000000001000000:0050"),
            "[::1]:80".parse().ok()
        );
        assert_eq!(
            address("0000000000000000FFFF00000100007F:0050"),
            "127.0.0.1:80".parse().ok()
        );
    }
}
