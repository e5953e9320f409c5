//! A name that came out of variables is looked up (`ngx_http_upstream_init_request`).

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use weir_conf::Settings;
use weir_dns::{Failure, Kind, Outcome as LookedUp};
use weir_upstream::{PeerAddress, PoolSpec};
use weir_verdict::Phase;

use crate::client::departure::log_client_left;
use crate::facts::{Action, Attempt, Outcome, Session};
use crate::names::{Lookup, addresses, timed_out};
use crate::pool::WorkerPool;
use crate::report::error_log::{self, Message};

/// A name that no block of the configuration has, and the port behind it.
pub(super) struct Name {
    pub(super) host: Vec<u8>,
    pub(super) port: u16,
    /// By what its pool is kept; `None`: it is not.
    pub(super) key: Option<Vec<u8>>,
}

/// What ended the wait for an answer.
enum Waited {
    Answered(LookedUp),
    ClientGone(Option<io::Error>),
}

/// The pool of all addresses that `name` has. The error is how the request ends; the log has been told.
pub(super) async fn look_up(
    session: &mut Session,
    settings: &Settings,
    name: Box<Name>,
) -> Result<Rc<WorkerPool>, Outcome> {
    // nginx has set this exchange off from those before it.
    session.req.upstream.group_is_empty = !session.req.attempts.is_empty();
    let Some(spec) = &settings.resolver else {
        let line = [b"no resolver defined to resolve ", &*name.host].concat();
        return Err(fail(session, &line));
    };
    // nginx makes the letters small where they stand, and `$proxy_host` stands there, too.
    session.req.upstream.host.make_ascii_lowercase();
    let plan = session.client.link().plan.clone();
    let lookup = plan.resolver(spec).ask(Kind::Addresses, &name.host);
    let found = match wait(session, settings, lookup).await {
        Waited::Answered(outcome) => addresses(outcome),
        Waited::ClientGone(error) => {
            log_client_left(session, error.as_ref());
            end(session);
            return Err(Outcome::Close(499));
        }
    };
    match found {
        Ok(found) => Ok(pool(session, &name, &found.addresses)),
        Err(failure) => Err(fail(session, &unresolved(&name.host, failure))),
    }
}

/// Waits under `resolver_timeout`, and for the client's leaving.
async fn wait(session: &mut Session, settings: &Settings, mut lookup: Lookup) -> Waited {
    let watch = !settings.upstream.ignore_client_abort;
    let timeout = settings.resolver_timeout;
    if !timeout.is_zero() {
        session.client.link_mut().deadline.set(timeout);
    }
    let waited = poll_fn(|cx| {
        if let Poll::Ready(outcome) = Pin::new(&mut lookup).poll(cx) {
            return Poll::Ready(Waited::Answered(outcome));
        }
        if watch && let Poll::Ready(gone) = session.client.poll_gone(cx) {
            return Poll::Ready(Waited::ClientGone(gone));
        }
        let deadline = &mut session.client.link_mut().deadline;
        let expired = deadline.poll_expired(cx);
        expired.map(|()| Waited::Answered(Err(timed_out())))
    })
    .await;
    session.client.link_mut().deadline.clear();
    waited
}

fn unresolved(host: &[u8], failure: Failure) -> Vec<u8> {
    let name = host.strip_suffix(b".").unwrap_or(host);
    let why = format!(" could not be resolved ({})", failure.code);
    [&name.to_ascii_lowercase(), why.as_bytes()].concat()
}

fn fail(session: &mut Session, line: &[u8]) -> Outcome {
    error_log::error(session.view(), Message::bytes(line));
    end(session);
    Outcome::Status(502)
}

/// The exchange is over, without a try (`ngx_http_upstream_finalize_request`). That shows once another follows.
fn end(session: &mut Session) {
    session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
    let req = &mut session.req;
    let again = std::mem::replace(&mut req.state.sought_in_vain, true);
    if again && req.attempts.is_empty() {
        req.attempts.push(Attempt::none());
    }
}

/// The pool that is kept of a name, or one for this request (`ngx_http_upstream_create_round_robin_peer`).
fn pool(session: &Session, name: &Name, found: &[IpAddr]) -> Rc<WorkerPool> {
    let host = String::from_utf8_lossy(&name.host).to_ascii_lowercase();
    let kept = session.client.link().plan.kept_pools.as_ref();
    let Some((kept, key)) = kept.zip(name.key.as_ref()) else {
        let addresses = found.iter().map(|&ip| SocketAddr::new(ip, name.port));
        return WorkerPool::of_request(PoolSpec::implied(host, addresses.map(PeerAddress::Inet)));
    };
    kept.of_name(key, found, || PoolSpec::implied_by_name(host, name.port))
}
