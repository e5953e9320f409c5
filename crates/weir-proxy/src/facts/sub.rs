//! What carries a subrequest, a request of our own, made for one of a client's; and a request that goes on behind
//! its answer.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use super::{Client, Link, Request, Session, View};

/// The carrier of a subrequest, or of a health check, which is nobody's request. Nothing comes from it, and what is sent to it goes to its main request, or is
/// dropped where only the head of its answer is looked at.
pub(crate) struct Sub {
    pub(crate) link: Link,
    /// Always empty.
    pub(crate) input: Vec<u8>,
    /// Where whoever waits for the subrequest says that the client has left; `None` for one that nobody
    /// waits for.
    pub(crate) departure: Option<Rc<Departure>>,
    /// What carries the client who has been answered, if it is that request which goes on.
    pub(crate) behind: Option<Client>,
    /// Where its body goes; `None`: nowhere.
    pub(crate) outlet: Option<Rc<Outlet>>,
}

/// What takes a subrequest its whole way. A status: the main request ends at once, with it.
pub(crate) type Serve =
    for<'a> fn(&'a mut Session) -> Pin<Box<dyn Future<Output = Option<u16>> + 'a>>;

/// Where the body of a subrequest passes into that of its main request, which takes it piece by piece.
#[derive(Default)]
pub(crate) struct Outlet {
    /// A write of the subrequest's that its main request has not taken yet.
    piece: RefCell<Vec<u8>>,
    /// More may come late: pieces go to the client at once.
    at_once: Cell<bool>,
    /// The character set that the main request has told its client; empty: none.
    pub(crate) charset: Vec<u8>,
}

impl Outlet {
    /// An outlet into the answer to this request, which has its character set.
    pub(crate) fn into(main: &Session) -> Rc<Self> {
        Rc::new(Self {
            charset: main.req.response.content_type.charset().to_vec(),
            ..Self::default()
        })
    }

    /// Takes all of a write, once the one before is gone.
    pub(crate) fn poll_put(&self, slices: &[&[u8]]) -> Poll<io::Result<()>> {
        let mut piece = self.piece.borrow_mut();
        // Whoever empties it polls the subrequest then: nobody need be woken.
        if !piece.is_empty() {
            return Poll::Pending;
        }
        for slice in slices {
            piece.extend_from_slice(slice);
        }
        Poll::Ready(Ok(()))
    }

    /// Puts the write that waits into `room`.
    pub(crate) fn take(&self, room: &mut Vec<u8>) {
        room.clear();
        std::mem::swap(room, &mut self.piece.borrow_mut());
    }

    /// Whether no write waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.piece.borrow().is_empty()
    }

    /// Pieces are not to wait for each other.
    pub(crate) fn send_at_once(&self) {
        self.at_once.set(true);
    }

    /// Whether that was said.
    pub(crate) fn sends_at_once(&self) -> bool {
        self.at_once.get()
    }
}

/// That the client of the main request has left, and how.
#[derive(Default)]
pub(crate) struct Departure {
    left: Cell<bool>,
    told: Cell<bool>,
    error: Cell<Option<io::Error>>,
}

impl Departure {
    /// Notes that the client has left, of which the log has been told, or is to be.
    pub(crate) fn note(&self, error: Option<io::Error>, told: bool) {
        self.left.set(true);
        self.told.set(told);
        self.error.set(error);
    }

    /// Whether that was noted.
    pub(crate) fn is_noted(&self) -> bool {
        self.left.get()
    }

    /// Whether the log knows of it.
    pub(crate) fn is_told(&self) -> bool {
        self.told.get()
    }

    /// The error of the client's connection, told once.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }
}

impl Sub {
    /// A carrier that nobody waits for, and that drops what is sent to it.
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            input: Vec::new(),
            departure: None,
            outlet: None,
            behind: None,
        }
    }

    /// The carrier together with the subrequest on it.
    pub(crate) fn view<'a>(&'a self, req: &'a Request) -> View<'a> {
        View {
            req,
            link: &self.link,
            stream: self.behind.as_ref().and_then(Client::raw),
        }
    }
}
