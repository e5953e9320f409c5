//! What requests call the servers that they want to stay with.

use std::collections::HashMap;

use md5::{Digest, Md5};

use crate::{Peer, PeerSpec};

/// The name of a peer for requests that want it: its `route=`, or the MD5 of its address in hex
/// (`ngx_http_upstream_init_round_robin_sid`).
fn id_of(spec: &PeerSpec) -> Box<[u8]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if let Some(route) = &spec.route {
        return route.clone();
    }
    let hash = Md5::digest(&spec.name);
    let digits = hash
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| DIGITS[usize::from(half)]);
    digits.collect()
}

/// The names of a list's peers, and the peers by their names.
#[derive(Debug)]
pub(crate) struct ServerIds {
    /// By place in the list.
    ids: Box<[Box<[u8]>]>,
    /// Of several peers with one name, the first in its group counts.
    primaries: HashMap<Box<[u8]>, usize>,
    backups: HashMap<Box<[u8]>, usize>,
}

impl ServerIds {
    pub(crate) fn new(peers: &[Peer], primaries: usize) -> Self {
        let ids: Box<[Box<[u8]>]> = peers.iter().map(|peer| id_of(peer.spec())).collect();
        let (first, second) = ids.split_at(primaries);
        Self {
            primaries: by_id(first),
            backups: by_id(second),
            ids,
        }
    }

    pub(crate) fn of(&self, place: usize) -> Option<&[u8]> {
        self.ids.get(place).map(|id| &**id)
    }

    /// The place, in its group, of the peer that is called so.
    pub(crate) fn find(&self, backups: bool, id: &[u8]) -> Option<usize> {
        let group = if backups {
            &self.backups
        } else {
            &self.primaries
        };
        group.get(id).copied()
    }
}

fn by_id(ids: &[Box<[u8]>]) -> HashMap<Box<[u8]>, usize> {
    let mut places = HashMap::with_capacity(ids.len());
    for (place, id) in ids.iter().enumerate() {
        places.entry(id.clone()).or_insert(place);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PeerAddress;

    fn spec(route: Option<&str>) -> PeerSpec {
        let address = PeerAddress::Inet("127.0.0.1:9001".parse().unwrap());
        let mut spec = PeerSpec::new(address, "127.0.0.1:9001");
        spec.route = route.map(|route| route.as_bytes().into());
        spec
    }

    #[test]
    fn a_server_without_a_route_is_called_by_the_md5_of_its_address() {
        assert_eq!(&*id_of(&spec(Some("a"))), b"a");
        assert_eq!(
            String::from_utf8_lossy(&id_of(&spec(None))),
            "422db4e6da7b4bba46bd476612df0469"
        );
    }
}
