//! Backends at pipes: where weir believes them to be, and what its connects meet.

use std::io;
use std::path::Path;
use std::rc::Rc;

use weir_io::dial::{Dialer, PeerAddress};

use super::setup::unix_file;
use crate::script::{BackendScript, BackendStep, Connect};
use crate::socket::{self, Address, Connector};

/// What a script does that no pipe can.
pub(super) fn beyond_pipes(script: &BackendScript) -> Option<&'static str> {
    if script.any(|step| matches!(step, BackendStep::Reset)) {
        return Some("a reset");
    }
    script.rcvbuf.map(|_| "a receive buffer")
}

/// An address that nobody listens at.
pub(super) fn made_up_address(name: &str, index: usize, folder: &Path) -> Address {
    const FIRST_PORT: u16 = 10_001;
    match unix_file(name, folder) {
        Some(path) => Address::Unix(path),
        None => {
            let port = u16::try_from(index)
                .unwrap_or(u16::MAX)
                .saturating_add(FIRST_PORT);
            Address::Inet(([127, 0, 0, 1], port).into())
        }
    }
}

/// Answers weir's connects.
pub(super) fn dialer(answers: Vec<(Address, Connect, Connector)>) -> Dialer {
    Dialer::Memory(Rc::new(move |peer: &PeerAddress| {
        let mut answers = answers.iter();
        let found = answers.find(|(address, ..)| is_at(peer, address));
        let Some((address, connect, connector)) = found else {
            return Err(socket::refused());
        };
        match (connect, address) {
            (Connect::Accept, _) => connector.connect(),
            (Connect::Refuse, _) => Err(socket::refused()),
            (Connect::Full, Address::Inet(_)) => Err(socket::in_progress()),
            (Connect::Full, Address::Unix(_)) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }))
}

fn is_at(peer: &PeerAddress, address: &Address) -> bool {
    match (peer, address) {
        (PeerAddress::Inet(peer), Address::Inet(address)) => peer == address,
        (PeerAddress::Unix(peer), Address::Unix(address)) => **peer == **address,
        (PeerAddress::Inet(_), Address::Unix(_)) | (PeerAddress::Unix(_), Address::Inet(_)) => {
            false
        }
    }
}
