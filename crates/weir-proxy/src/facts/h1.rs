//! A client's HTTP/1 connection.

use weir_conf::ListenAddress;
use weir_io::buffers;
use weir_io::stream::Stream;

use super::{Link, Request, View};

/// A client connection; small, because thousands of them idle.
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) stream: Stream,
    /// Bytes read ahead of what has been taken: the head being read, then pipelined requests.
    pub(crate) input: Vec<u8>,
    /// The client has sent FIN.
    pub(crate) input_closed: bool,
    /// The client has sent a request before the answer to the one before it had ended
    /// (`ngx_connection_t.pipeline`).
    pub(crate) pipelined: bool,
    /// TCP_NODELAY is set.
    pub(crate) nodelay: bool,
    /// Bytes of nginx's first header buffer that are used when the first request begins.
    pub(crate) used: u32,
}

impl Connection {
    /// The connection together with a request on it.
    pub(crate) fn view<'a>(&'a self, req: &'a Request) -> View<'a> {
        View {
            req,
            link: &self.link,
            stream: Some(&self.stream),
        }
    }

    /// The `listen` of the configuration in force that the client came by, if it still has one.
    pub(crate) fn newest_listen(&self) -> Option<usize> {
        let address = &self.link.plan.http().listens[self.link.listen].address;
        let newest = self.link.shop.generation();
        let http = newest.config().http.as_ref()?;
        match (address, self.link.local_address(Some(&self.stream))) {
            (ListenAddress::Inet(_), Some(local)) => http.listen_for(&ListenAddress::Inet(local)),
            (ListenAddress::Inet(_) | ListenAddress::Unix(_), _) => http.listen_for(address),
        }
    }

    /// It ends with the answer under way: the worker goes out of service, or nobody listens where
    /// the client came by any more.
    pub(crate) fn is_leaving(&self) -> bool {
        self.link.shop.is_draining() || (self.link.is_behind() && self.newest_listen().is_none())
    }

    /// Sets TCP_NODELAY, once per connection (`ngx_tcp_nodelay`).
    pub(crate) fn set_nodelay(&mut self) {
        if !std::mem::replace(&mut self.nodelay, true) {
            self.stream.set_nodelay();
        }
    }

    /// Gives the input buffer back while nothing is in it.
    pub(crate) fn release_input(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            buffers::give_back(std::mem::take(&mut self.input));
        }
    }
}

impl Drop for Connection {
    /// Whoever sees the connection close finds the lines of its requests in the log.
    fn drop(&mut self) {
        self.link.shop.lines.write_prompt();
    }
}
