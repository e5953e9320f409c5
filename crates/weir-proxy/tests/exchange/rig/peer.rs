//! Upstream peers: scripted ones, and ones that a test plays itself.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;

use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use weir_upstream::PeerAddress;

use super::wire::{Body, Wire, text};

/// What a scripted peer does about a connection or a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Refuses the connection.
    Refuse,
    /// Reads the request and closes.
    Close,
    /// Reads the request and sends these bytes; the connection stays open.
    Send(String),
    /// Reads the request, sends these bytes and closes.
    SendAndClose(String),
    /// Reads the request and says nothing.
    Stall,
}

impl Act {
    pub(crate) fn send(bytes: &str) -> Self {
        Self::Send(bytes.to_owned())
    }

    /// A whole answer with this status and the body `b`.
    pub(crate) fn status(status: u16) -> Self {
        Self::Send(format!("HTTP/1.1 {status} X\r\nContent-Length: 1\r\n\r\nb"))
    }
}

/// An answer with `body`, whole.
pub(crate) fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// An upstream connection that a test plays by hand.
pub(crate) struct Peer {
    pub(crate) port: u16,
    pub(crate) wire: Wire,
}

impl Peer {
    /// Reads a request, head and body.
    pub(crate) async fn request(&mut self) -> String {
        let head = self.wire.head().await;
        let Body { bytes, whole } = self.wire.body(&head, false).await;
        assert!(whole, "half a request: {head}");
        head + &text(bytes)
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.wire.stream.write_all(bytes.as_ref()).await;
        sent.expect("the worker holds its end of the pipe");
    }

    /// As [`Self::send`]; `false` if the worker has let go of the connection.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// What can be read without waiting for time to pass.
    pub(crate) async fn arrived(&mut self) -> String {
        self.wire.arrived().await
    }

    /// Waits until the worker lets go of the connection; what it still sent is the value.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.wire.more().await {}
        std::mem::take(&mut self.wire.ahead)
    }
}

/// All peers of a rig.
pub(super) struct Peers {
    room: Cell<usize>,
    scripts: RefCell<HashMap<u16, Script>>,
    waiting: RefCell<VecDeque<Peer>>,
    arrived: Notify,
    dialed: RefCell<Vec<u16>>,
    seen: Rc<RefCell<Vec<(u16, String)>>>,
}

type Script = Rc<RefCell<VecDeque<Act>>>;

impl Peers {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room: Cell::new(room),
            scripts: RefCell::default(),
            waiting: RefCell::default(),
            arrived: Notify::new(),
            dialed: RefCell::default(),
            seen: Rc::default(),
        }
    }

    pub(super) fn set_room(&self, room: usize) {
        self.room.set(room);
    }

    pub(super) fn script(&self, port: u16, acts: &[Act]) {
        assert!(!acts.is_empty(), "a script without acts");
        let script = Rc::new(RefCell::new(acts.iter().cloned().collect()));
        self.scripts.borrow_mut().insert(port, script);
    }

    pub(super) fn seen(&self) -> Vec<(u16, String)> {
        self.seen.borrow().clone()
    }

    pub(super) fn dialed(&self) -> Vec<u16> {
        self.dialed.borrow().clone()
    }

    pub(super) async fn accept(&self) -> Peer {
        loop {
            if let Some(peer) = self.waiting.borrow_mut().pop_front() {
                return peer;
            }
            self.arrived.notified().await;
        }
    }

    /// Answers the worker's connect.
    pub(super) fn dial(&self, address: &PeerAddress) -> io::Result<DuplexStream> {
        let PeerAddress::Inet(address) = address else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let port = address.port();
        self.dialed.borrow_mut().push(port);
        let (ours, theirs) = tokio::io::duplex(self.room.get());
        let peer = Peer {
            port,
            wire: Wire::new(ours),
        };
        match self.scripts.borrow().get(&port) {
            None => {
                self.waiting.borrow_mut().push_back(peer);
                self.arrived.notify_one();
            }
            Some(script) if refuses(script) => {
                return Err(io::Error::from_raw_os_error(libc::ECONNREFUSED));
            }
            Some(script) => {
                tokio::task::spawn_local(play(peer, script.clone(), self.seen.clone()));
            }
        }
        Ok(theirs)
    }
}

fn refuses(script: &Script) -> bool {
    let refuses = matches!(script.borrow().front(), Some(Act::Refuse));
    if refuses {
        next(script);
    }
    refuses
}

/// Takes the next act; the last stays.
fn next(script: &Script) -> Act {
    let mut acts = script.borrow_mut();
    match acts.len() {
        1 => acts[0].clone(),
        _ => acts.pop_front().unwrap_or(Act::Close),
    }
}

async fn play(mut peer: Peer, script: Script, seen: Rc<RefCell<Vec<(u16, String)>>>) {
    loop {
        let head = peer.wire.head().await;
        if head.is_empty() {
            return;
        }
        let body = peer.wire.body(&head, false).await;
        seen.borrow_mut()
            .push((peer.port, head + &text(body.bytes)));
        match next(&script) {
            Act::Refuse | Act::Close => return,
            Act::Send(bytes) => {
                if !peer.try_send(bytes).await {
                    return;
                }
            }
            Act::SendAndClose(bytes) => {
                peer.try_send(bytes).await;
                return;
            }
            Act::Stall => {
                peer.rest().await;
                return;
            }
        }
    }
}
