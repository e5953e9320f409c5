//! Single steps of a request's way, for `benches/parts.rs`: without a socket, a reactor or an
//! upstream.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::io::DuplexStream;
use weir_conf::Handler;

use crate::client::h1::head;
use crate::exchange;
use crate::facts::{Client, ClientAddress, Request, Session};
use crate::phases::find_config;
use crate::report::access_log;
use crate::serve::worker::Worker;
use weir_io::stream::Stream;

/// A request that goes no further than it is told to.
pub struct Part {
    session: Session,
    _client: DuplexStream,
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The head is refused, or not whole.
    #[error("no whole and valid request head")]
    Head,
    /// The request has no location that passes it on.
    #[error("no location with proxy_pass")]
    Location,
}

impl Part {
    /// A request on a connection to the first listening socket.
    pub fn new(worker: &Rc<Worker>) -> Self {
        let (near, far) = tokio::io::duplex(1);
        let address = ClientAddress::Inet(([127, 0, 0, 1], 40_000).into());
        let conn = worker
            .clone()
            .connection(Stream::Memory(near), 0, address, None);
        Self {
            session: Session {
                client: Client::H1(conn),
                req: Box::new(Request::new()),
            },
            _client: far,
        }
    }

    /// Parses a whole head and chooses the server.
    ///
    /// # Errors
    ///
    /// The head is refused, or not whole.
    pub fn read_head(&mut self, head: &[u8]) -> Result<(), PartError> {
        let req = &mut self.session.req;
        req.reset();
        req.bytes.clear();
        req.bytes.extend_from_slice(head);
        let Session { client, req } = &mut self.session;
        let Client::H1(conn) = client else {
            return Err(PartError::Head);
        };
        let read = pin!(head::read(conn, req));
        match read.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(_)) | Poll::Pending => Err(PartError::Head),
        }
    }

    /// Chooses the location of the request that was read; its name.
    pub fn find_location(&mut self) -> &str {
        // Whether the phases would go on from there does not matter here.
        let _outcome = find_config::location(&mut self.session);
        &self.session.location().name
    }

    /// Writes the head for the upstream, its variables evaluated; bytes of it.
    ///
    /// # Errors
    ///
    /// The request has no location that passes it on.
    pub fn write_upstream_head(&mut self) -> Result<usize, PartError> {
        let location = self.session.req.state.location.clone();
        let location = location.ok_or(PartError::Location)?;
        let Handler::Proxy(pass) = &location.handler else {
            return Err(PartError::Location);
        };
        exchange::write_head(&mut self.session, pass, &location.settings).ok_or(PartError::Location)
    }

    /// Writes the request's lines into the worker's buffers, as for a request that was answered;
    /// bytes of the configuration's first log that wait there.
    pub fn write_access_line(&mut self) -> usize {
        self.session.req.response.status = 200;
        self.session.req.state.logged = true;
        access_log::write(self.session.view());
        let lines = self.session.client.link().plan.lines.first();
        lines.map_or(0, |lines| lines.borrow().waiting())
    }
}
