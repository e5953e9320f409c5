//! `hash KEY consistent`: a ring of points, 160 per unit of weight.

use std::collections::HashMap;

use crc32fast::Hasher;

use crate::tries::Hashing;
use crate::view::Turn;
use crate::{Peer, Tries, round_robin};

/// Points of a pool's primaries, by rising hash, without duplicates.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    points: Box<[Point]>,
    /// The places of the primaries, server by server: all addresses of one share its points.
    servers: Box<[Box<[usize]>]>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    hash: u32,
    /// Place of its server among the ring's.
    server: u32,
}

impl Ring {
    /// Places the points (`ngx_http_upstream_update_chash`).
    pub(crate) fn new(primaries: &[Peer]) -> Self {
        let mut points = Vec::new();
        let mut servers: Vec<Vec<usize>> = Vec::new();
        let mut known = HashMap::new();
        for (place, peer) in primaries.iter().enumerate() {
            let server = *known.entry(&peer.spec().server).or_insert_with(|| {
                servers.push(Vec::new());
                servers.len() - 1
            });
            servers[server].push(place);
            let server = u32::try_from(server).unwrap_or(u32::MAX);
            let base = server_hasher(&peer.spec().server);
            let mut previous = 0_u32;
            for _ in 0..u64::from(peer.parameters().weight) * 160 {
                let mut hasher = base.clone();
                hasher.update(&previous.to_le_bytes());
                previous = hasher.finalize();
                points.push(Point {
                    hash: previous,
                    server,
                });
            }
        }
        points.sort_by_key(|point| point.hash);
        points.dedup_by_key(|point| point.hash);
        Self {
            points: points.into_boxed_slice(),
            servers: servers.into_iter().map(Vec::into_boxed_slice).collect(),
        }
    }

    /// Where a request with this key begins: the first point at or after its hash.
    pub(crate) fn place(&self, key: &[u8]) -> Hashing {
        if key.is_empty() {
            return Hashing::Off;
        }
        let hash = crc32fast::hash(key);
        Hashing::Point(self.points.partition_point(|point| point.hash < hash))
    }

    /// The places of the peers that own the point.
    fn owners(&self, index: usize) -> Option<&[usize]> {
        let point = self.points.get(index.checked_rem(self.points.len())?)?;
        self.servers
            .get(point.server as usize)
            .map(|places| &**places)
    }
}

/// Round robin among the addresses of the server that owns the point; the next point when none of
/// them is eligible (`ngx_http_upstream_get_chash_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries) -> Option<usize> {
    loop {
        let Hashing::Point(point) = att.hashing else {
            return None;
        };
        let owners = turn.list.ring().owners(point)?;
        let owners = owners.iter().copied();
        if let Some(index) = round_robin::choose_among(turn, att, owners) {
            return Some(index);
        }
        att.hashing = Hashing::Point(point + 1);
        if !att.miss() {
            return None;
        }
    }
}

/// Checksum state after `HOST \0 PORT`, compatible with Cache::Memcached::Fast.
fn server_hasher(server: &str) -> Hasher {
    let (host, port) = host_and_port(server);
    let mut hasher = Hasher::new();
    hasher.update(host.as_bytes());
    hasher.update(b"\0");
    hasher.update(port.as_bytes());
    hasher
}

/// Splits a server as written; a Unix socket or a name without port has an empty port.
fn host_and_port(server: &str) -> (&str, &str) {
    if let Some((scheme, path)) = server.split_at_checked(5)
        && scheme.eq_ignore_ascii_case("unix:")
    {
        return (path, "");
    }
    match server.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (server, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_split_as_nginx_does() {
        let check = |server, expected| assert_eq!(host_and_port(server), expected, "{server}");
        check("127.0.0.1:9001", ("127.0.0.1", "9001"));
        check("backend", ("backend", ""));
        check("backend:", ("backend", ""));
        check("[::1]:80", ("[::1]", "80"));
        check("[::1]", ("[::1]", ""));
        check("::1", (":", "1"));
        check("unix:/tmp/a:80", ("/tmp/a:80", ""));
        check("UNIX:/tmp/a", ("/tmp/a", ""));
    }
}
