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

    /// Finds the server that a handshake for `name` leads to (`ngx_http_ssl_servername`).
    ///
    /// # Errors
    ///
    /// A regular expression gave no answer: the log's line.
    pub(crate) fn find_tls_server(&mut self, name: Option<&str>) -> Result<(), Vec<u8>> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let host = name.trim_end_matches('.').to_ascii_lowercase();
        let listen = &self.link.plan.http().listens[self.link.listen];
        let found = listen.names.find(host.as_bytes());
        let server = found.map_err(|fault| fault.line())?;
        self.link.arrival_mut().server = server.map(|found| found.server);
        Ok(())
    }

    /// The same, in a configuration that the connection has gone over to.
    pub(crate) fn find_tls_server_again(&mut self) {
        let Some(tls) = self.link.tls() else {
            return;
        };
        let name = tls.name.clone();
        self.link.arrival_mut().server = None;
        // What its expressions say is told with the next request.
        let _ = self.find_tls_server(name.as_deref());
    }

    /// It ends with the answer under way: the worker goes out of service, or nobody listens where
    /// the client came by any more.
    pub(crate) fn is_leaving(&self) -> bool {
        self.link.shop.is_draining() || (self.link.is_behind() && self.newest_listen().is_none())
    }

    /// The worker ends at once, or the configuration's time is over.
    pub(crate) fn is_given_up(&self) -> bool {
        self.link.shop.is_aborting() || self.link.plan.is_expired()
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
