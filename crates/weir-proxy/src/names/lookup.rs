//! Waiting for an answer.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use weir_dns::{Code, Failure, Found, Kind, Outcome, ServiceAddresses, Ticket};

use super::resolver::{self, Resolver};

/// A look-up under way; its outcome comes once. There is no time limit to it but its owner's.
#[derive(Debug)]
pub(crate) struct Lookup {
    resolver: Rc<Resolver>,
    ticket: Option<Ticket>,
}

/// The addresses of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// In the order in which they are to be tried; at least one.
    pub(crate) addresses: Arc<[IpAddr]>,
    /// The last second of [`weir_io::clock::monotonic`] in which they hold.
    pub(crate) valid_until: u64,
}

impl Lookup {
    pub(super) fn new(resolver: Rc<Resolver>, ticket: Option<Ticket>) -> Self {
        Self { resolver, ticket }
    }
}

impl Future for Lookup {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Err(timed_out()));
        };
        self.resolver.poll(ticket, cx).map(|outcome| {
            self.ticket = None;
            outcome.unwrap_or_else(|| Err(timed_out()))
        })
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.resolver.forget(ticket);
        }
    }
}

#[allow(dead_code, reason = "for what looks names up beside requests")]
impl Resolver {
    /// The addresses of `name`; `Duration::ZERO` sets no limit.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) async fn lookup(
        self: &Rc<Self>,
        name: &[u8],
        timeout: Duration,
    ) -> Result<Addresses, Failure> {
        let lookup = self.ask(Kind::Addresses, name);
        addresses(within(deadline(timeout), lookup).await)
    }

    /// The addresses behind `service` at `name`: SRV, and then the name of each server (`ngx_resolve_name` with a
    /// service). The servers may take `timeout`, and then their names as long again.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub(crate) async fn lookup_service(
        self: &Rc<Self>,
        service: &[u8],
        name: &[u8],
        timeout: Duration,
    ) -> Result<ServiceAddresses, Failure> {
        let asked = weir_dns::service_name(service, name);
        let lookup = self.ask(Kind::Services, &asked);
        let (services, valid_until) = match within(deadline(timeout), lookup).await? {
            Found::Services {
                services,
                valid_until,
            } => (services, valid_until),
            Found::Addresses { .. } => return Err(not_found()),
        };
        let lookups = services
            .iter()
            .map(|service| self.ask(Kind::Addresses, &service.name));
        let lookups: Vec<Lookup> = lookups.collect();
        let ends = deadline(timeout);
        let mut outcomes = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            outcomes.push(within(ends, lookup).await);
        }
        let failure_until = self.failure_until();
        weir_dns::gather(
            &services,
            &outcomes,
            valid_until,
            failure_until,
            resolver::random,
        )
    }
}

/// What a look-up of addresses has come to.
pub(crate) fn addresses(outcome: Outcome) -> Result<Addresses, Failure> {
    match outcome? {
        Found::Addresses {
            addresses,
            valid_until,
        } => Ok(Addresses {
            addresses,
            valid_until,
        }),
        Found::Services { .. } => Err(not_found()),
    }
}

#[allow(dead_code, reason = "as above")]
fn deadline(timeout: Duration) -> Option<Instant> {
    (!timeout.is_zero()).then(|| Instant::now() + timeout)
}

#[allow(dead_code, reason = "as above")]
async fn within(deadline: Option<Instant>, lookup: Lookup) -> Outcome {
    match deadline {
        None => lookup.await,
        Some(deadline) => match tokio::time::timeout_at(deadline, lookup).await {
            Ok(outcome) => outcome,
            Err(_) => Err(timed_out()),
        },
    }
}

/// Nobody has answered in time.
pub(crate) fn timed_out() -> Failure {
    Failure {
        code: Code::TimedOut,
        valid_until: 0,
    }
}

fn not_found() -> Failure {
    Failure {
        code: Code::HostNotFound,
        valid_until: 0,
    }
}
