//! Waiting for an answer.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use weir_dns::{Code, Failure, Found, Kind, Outcome, Service, ServiceAddresses, Ticket};

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

/// What is known of a service.
#[derive(Debug)]
pub(crate) struct ServiceAnswer {
    /// The addresses of its servers, or why there are none.
    pub(crate) found: Result<ServiceAddresses, Failure>,
    /// Servers whose names have no address, and why.
    pub(crate) failed: Vec<(Box<[u8]>, Code)>,
}

impl ServiceAnswer {
    fn none(failure: Failure) -> Self {
        Self {
            found: Err(failure),
            failed: Vec::new(),
        }
    }
}

fn failed(services: &[Service], outcomes: &[Outcome]) -> Vec<(Box<[u8]>, Code)> {
    let failed = services
        .iter()
        .zip(outcomes)
        .filter_map(|(service, outcome)| {
            let failure = outcome.as_ref().err()?;
            Some((service.name.clone(), failure.code))
        });
    failed.collect()
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
    pub(crate) async fn lookup_service(
        self: &Rc<Self>,
        service: &[u8],
        name: &[u8],
        timeout: Duration,
    ) -> ServiceAnswer {
        let asked = weir_dns::service_name(service, name);
        let lookup = self.ask(Kind::Services, &asked);
        let (services, valid_until) = match within(deadline(timeout), lookup).await {
            Ok(Found::Services {
                services,
                valid_until,
            }) => (services, valid_until),
            Ok(Found::Addresses { .. }) => return ServiceAnswer::none(not_found()),
            Err(failure) => return ServiceAnswer::none(failure),
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
        ServiceAnswer {
            failed: failed(&services, &outcomes),
            found: weir_dns::gather(
                &services,
                &outcomes,
                valid_until,
                failure_until,
                resolver::random,
            ),
        }
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

fn deadline(timeout: Duration) -> Option<Instant> {
    (!timeout.is_zero()).then(|| Instant::now() + timeout)
}

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
