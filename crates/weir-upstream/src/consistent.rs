//! `hash KEY consistent`: a ring of points, 160 per unit of weight.

use crc32fast::Hasher;

use crate::pool::Turn;
use crate::tries::Hashing;
use crate::{Peer, Tries, round_robin};

/// Points of a pool's primaries, by rising hash, without duplicates.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    points: Box<[Point]>,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    hash: u32,
    /// Place of the first peer with the server's text; all its addresses share the point.
    server: u32,
}

impl Ring {
    /// Places the points (`ngx_http_upstream_update_chash`).
    pub(crate) fn new(primaries: &[Peer]) -> Self {
        let mut points = Vec::new();
        for peer in primaries {
            let same = |p: &Peer| p.spec().server == peer.spec().server;
            let server = primaries.iter().position(same).unwrap_or(0);
            let server = u32::try_from(server).unwrap_or(u32::MAX);
            let base = server_hasher(&peer.spec().server);
            let mut previous = 0_u32;
            for _ in 0..u64::from(peer.spec().parameters.weight) * 160 {
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

    fn server_at(&self, index: usize) -> Option<usize> {
        let point = self.points.get(index.checked_rem(self.points.len())?)?;
        Some(point.server as usize)
    }
}

/// Round robin among the addresses of the server that owns the point; the next point when none of
/// them is eligible (`ngx_http_upstream_get_chash_peer`).
pub(crate) fn choose(turn: &Turn<'_>, att: &mut Tries) -> Option<usize> {
    loop {
        let Hashing::Point(point) = att.hashing else {
            return None;
        };
        let owner = turn.pool.ring().server_at(point)?;
        let server = turn.peers[owner].spec().server.as_str();
        let owned = |index: usize| turn.peers[index].spec().server == server;
        if let Some(index) = round_robin::choose_among(turn, att, owned) {
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
