//! A request and what carries it.

use std::net::SocketAddr;

use weir_conf::{Location, Server, Settings};
use weir_io::stream::Stream;

use super::{Link, Outlet, Request, Sub};
use super::{h1, h2};

/// A carrier that serves a request.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) req: Box<Request>,
}

/// What carries a request and takes its answer.
pub(crate) enum Client {
    /// An HTTP/1 connection. Boxed: it moves between the task that idles and the one that serves.
    H1(Box<h1::Connection>),
    /// A stream of an HTTP/2 connection.
    H2(Box<h2::Stream>),
    /// Another request: this one is a subrequest of it.
    Sub(Box<Sub>),
}

/// A look at a request and at what carries it, for whoever changes neither.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) req: &'a Request,
    pub(crate) link: &'a Link,
    /// For what only the socket knows.
    pub(crate) stream: Option<&'a Stream>,
}

impl Client {
    pub(crate) fn link(&self) -> &Link {
        match self {
            Self::H1(conn) => &conn.link,
            Self::H2(stream) => &stream.link,
            Self::Sub(sub) => &sub.link,
        }
    }

    pub(crate) fn link_mut(&mut self) -> &mut Link {
        match self {
            Self::H1(conn) => &mut conn.link,
            Self::H2(stream) => &mut stream.link,
            Self::Sub(sub) => &mut sub.link,
        }
    }

    /// Where the body of a subrequest goes, if it goes anywhere.
    pub(crate) fn outlet(&self) -> Option<&Outlet> {
        match self {
            Self::H1(_) | Self::H2(_) => None,
            Self::Sub(sub) => sub.outlet.as_deref(),
        }
    }

    /// As [`h1::Connection::is_leaving`].
    pub(crate) fn is_leaving(&self) -> bool {
        match self {
            Self::H1(conn) => conn.is_leaving(),
            // Its connection says so itself.
            Self::H2(_) | Self::Sub(_) => false,
        }
    }
}

impl Session {
    /// A request has begun (`ngx_http_alloc_request`).
    pub(crate) fn begin_counting(&mut self) {
        let counters = &self.client.link().shop.counters;
        counters.requests.add_one();
        counters.reading.add_one();
        self.req.state.counted.reading = true;
    }

    /// Its head is there, and right (`ngx_http_process_request`).
    pub(crate) fn count_writing(&mut self) {
        let counters = &self.client.link().shop.counters;
        if std::mem::take(&mut self.req.state.counted.reading) {
            counters.reading.take_one();
        }
        counters.writing.add_one();
        self.req.state.counted.writing = true;
    }

    /// Its connection lingers, and could make room (`ngx_http_set_lingering_close`).
    pub(crate) fn count_waiting(&mut self) {
        self.client.link().shop.counters.waiting.add_one();
        self.req.state.counted.waiting = true;
    }

    /// The request is over (`ngx_http_free_request`).
    pub(crate) fn end_counting(&mut self) {
        let counted = std::mem::take(&mut self.req.state.counted);
        let counters = &self.client.link().shop.counters;
        for (was, counter) in [
            (counted.reading, &counters.reading),
            (counted.writing, &counters.writing),
            (counted.waiting, &counters.waiting),
        ] {
            if was {
                counter.take_one();
            }
        }
    }

    pub(crate) fn view(&self) -> View<'_> {
        match &self.client {
            Client::H1(conn) => conn.view(&self.req),
            Client::H2(stream) => stream.view(&self.req),
            Client::Sub(sub) => sub.view(&self.req),
        }
    }

    /// As [`View::settings`].
    pub(crate) fn settings(&self) -> &Settings {
        self.view().settings()
    }

    /// As [`View::location`].
    pub(crate) fn location(&self) -> &Location {
        self.view().location()
    }

    /// As [`View::server`].
    pub(crate) fn server(&self) -> &Server {
        self.view().server()
    }
}

impl<'a> View<'a> {
    /// The settings that hold for the request now: its location's, or the server's own.
    pub(crate) fn settings(self) -> &'a Settings {
        &self.location().settings
    }

    /// The location, or the server's own level before one is found.
    pub(crate) fn location(self) -> &'a Location {
        match (&self.req.state.location, &self.req.state.server) {
            (Some(location), _) => location,
            (None, Some(server)) => &server.default,
            (None, None) => &self.link.default_server().default,
        }
    }

    /// The chosen server, or the default one of the socket.
    pub(crate) fn server(self) -> &'a Server {
        match &self.req.state.server {
            Some(server) => server,
            None => self.link.default_server(),
        }
    }

    /// The address that accepted the connection; a unix-domain socket has none.
    pub(crate) fn local_address(self) -> Option<SocketAddr> {
        self.link.local_address(self.stream)
    }
}
