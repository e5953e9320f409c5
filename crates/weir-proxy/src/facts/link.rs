//! What every carrier of a request knows: who the client is, and what serves it.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use weir_conf::{Server, Settings};
use weir_io::clock::{self, Moment};
use weir_io::deadline::Deadline;
use weir_io::stream::Stream;
use weir_wire::proxy_protocol::ProxyHeader;

use super::{Action, Arrival, Shop, TlsFacts};
use crate::plan::Generation;
use crate::pool::Slot;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// A TCP client.
    Inet(SocketAddr),
    /// A client of a unix-domain socket, or an in-process one; logs show `unix:`.
    Unix,
    /// Nobody: the request is weir's own.
    None,
}

impl ClientAddress {
    /// Whether it is of this machine: a loopback address, or a unix-domain socket.
    pub(crate) fn is_this_machine(&self) -> bool {
        match self {
            Self::Inet(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix | Self::None => true,
        }
    }
}

/// The part of a carrier that requests and log lines look at; the first field of each of them.
pub(crate) struct Link {
    pub(crate) shop: Rc<Shop>,
    /// The configuration that its request, or the last one, began under; between two requests it moves to a
    /// newer one.
    pub(crate) plan: Rc<Generation>,
    /// Index of its listening socket in the configuration.
    pub(crate) listen: usize,
    pub(crate) address: ClientAddress,
    /// The address it was accepted on; for a wildcard socket asked from the kernel on first use.
    pub(crate) local: Cell<Option<SocketAddr>>,
    /// Number in log lines, unique in the process.
    pub(crate) number: u64,
    pub(crate) opened: Moment,
    /// Requests begun on this connection.
    pub(crate) requests: u32,
    pub(crate) deadline: Deadline,
    /// What was said before the first request.
    pub(crate) arrival: Option<Rc<Arrival>>,
    pub(crate) action: Action,
    /// As the location has it that answered last.
    pub(crate) idle: Idling,
    /// Its place of `worker_connections`; `None` until it has one.
    pub(crate) slot: Option<Slot>,
}

/// How a connection waits for its next request, by the settings of the last one. Times are in
/// milliseconds, as nginx reads them: 24 bytes of each idle connection instead of 40.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Idling {
    /// `keepalive_timeout`: at most.
    most: u64,
    /// `keepalive_min_timeout`: at least, whoever wants its place, and if the worker leaves.
    least: u64,
    /// `tcp_nodelay`, which is set where a connection begins to wait (`ngx_http_set_keepalive`).
    pub(crate) nodelay: bool,
}

impl Idling {
    pub(crate) fn of(settings: &Settings) -> Self {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            most: milliseconds(settings.keepalive_timeout.timeout),
            least: milliseconds(settings.keepalive_min_timeout),
            nodelay: settings.tcp_nodelay,
        }
    }

    pub(crate) fn most(self) -> Duration {
        Duration::from_millis(self.most)
    }

    /// Whether there is a least time, and it is not over.
    pub(crate) fn has_least(self) -> bool {
        self.least > 0
    }

    /// The time that comes first: the least, if there is one.
    pub(crate) fn first(self) -> Duration {
        match self.least {
            0 => self.most(),
            least => Duration::from_millis(least.min(self.most)),
        }
    }

    /// The least time is over; what is left then is the rest.
    pub(crate) fn end_least(&mut self) {
        self.most = self.most.saturating_sub(self.least);
        self.least = 0;
    }
}

impl Link {
    /// What carries a request of weir's own, which no client has asked for.
    pub(crate) fn of_nobody(shop: Rc<Shop>, plan: Rc<Generation>) -> Self {
        Self {
            shop,
            plan,
            listen: 0,
            address: ClientAddress::None,
            local: Cell::new(None),
            number: 0,
            opened: clock::now(),
            requests: 0,
            deadline: Deadline::default(),
            arrival: None,
            action: Action::Processing,
            idle: Idling::default(),
            slot: None,
        }
    }

    /// What a subrequest knows of the client of its main request, whose clock it takes over.
    pub(crate) fn for_sub(&mut self) -> Self {
        Self {
            deadline: std::mem::take(&mut self.deadline),
            ..self.beside()
        }
    }

    /// The same for one that nobody waits for: it has a clock of its own.
    pub(crate) fn beside(&self) -> Self {
        Self {
            shop: self.shop.clone(),
            plan: self.plan.clone(),
            listen: self.listen,
            address: self.address.clone(),
            local: self.local.clone(),
            number: self.number,
            opened: self.opened,
            requests: self.requests,
            deadline: Deadline::default(),
            arrival: self.arrival.clone(),
            action: self.action,
            idle: self.idle,
            slot: None,
        }
    }

    /// The subrequest is over: its clock comes back, and log lines go on to say what it did last.
    pub(crate) fn take_back(&mut self, sub: Self) {
        self.deadline = sub.deadline;
        self.address = sub.address;
        self.action = sub.action;
    }

    /// What a balancer in front said of its client.
    pub(crate) fn balanced(&self) -> Option<&ProxyHeader> {
        self.arrival.as_ref()?.balanced.as_ref()
    }

    /// What the handshake has settled; `None` without TLS.
    pub(crate) fn tls(&self) -> Option<&TlsFacts> {
        self.arrival.as_ref()?.tls.as_ref()
    }

    /// The name of the handshake, if there is a server of that name.
    pub(crate) fn negotiated_name(&self) -> Option<&str> {
        let arrival = self.arrival.as_ref()?;
        arrival.server?;
        arrival.tls.as_ref()?.name.as_deref()
    }

    pub(crate) fn arrival_mut(&mut self) -> &mut Arrival {
        Rc::make_mut(self.arrival.get_or_insert_default())
    }

    /// The server for requests whose host matches no name: the one that the handshake led to, or the
    /// default one of the socket.
    pub(crate) fn default_server(&self) -> &Arc<Server> {
        let chosen = self.arrival.as_ref().and_then(|arrival| arrival.server);
        match chosen.and_then(|index| self.plan.http().servers.get(index)) {
            Some(server) => server,
            None => self.plan.default_server(self.listen),
        }
    }

    /// The configuration in force is another than the connection's.
    pub(crate) fn is_behind(&self) -> bool {
        !self.shop.serves_under(&self.plan)
    }

    /// The address that accepted the connection, asked from the kernel on first use; a unix-domain
    /// socket has none.
    pub(crate) fn local_address(&self, stream: Option<&Stream>) -> Option<SocketAddr> {
        if self.local.get().is_none() {
            self.local.set(stream.and_then(Stream::local_address));
        }
        self.local.get()
    }
}
