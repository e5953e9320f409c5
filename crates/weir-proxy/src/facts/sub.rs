//! What carries a subrequest, a request of our own, made for one of a client's; and a request that goes on behind
//! its answer.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::h1::Connection;
use super::{Link, Request, View};

/// The carrier of a subrequest. Nothing comes from it, and what is sent to it is dropped: of its answer only
/// the head is looked at, where it lies.
pub(crate) struct Sub {
    pub(crate) link: Link,
    /// Always empty.
    pub(crate) input: Vec<u8>,
    /// Where whoever waits for the subrequest says that the client has left; `None` for one that nobody
    /// waits for.
    pub(crate) departure: Option<Rc<Departure>>,
    /// The connection of the client who has been answered, if it is that request which goes on.
    pub(crate) behind: Option<Box<Connection>>,
}

/// That the client of the main request has left, and how.
#[derive(Default)]
pub(crate) struct Departure {
    left: Cell<bool>,
    error: Cell<Option<io::Error>>,
}

impl Departure {
    /// Notes that the client has left.
    pub(crate) fn note(&self, error: Option<io::Error>) {
        self.left.set(true);
        self.error.set(error);
    }

    /// Whether that was noted.
    pub(crate) fn is_noted(&self) -> bool {
        self.left.get()
    }

    /// The error of the client's connection, told once.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.error.take()
    }
}

impl Sub {
    /// The carrier together with the subrequest on it.
    pub(crate) fn view<'a>(&'a self, req: &'a Request) -> View<'a> {
        View {
            req,
            link: &self.link,
            stream: self.behind.as_ref().map(|conn| &conn.stream),
        }
    }
}
