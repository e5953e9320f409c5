//! One request to an upstream: choose a peer, send, read the head, relay the body.

mod body_decoder;
pub(crate) mod check;
mod choosing;
mod cookie;
mod failure_log;
mod handshake;
mod names;
mod peers;
mod read_head;
mod relay;
mod request_head;
mod request_source;
mod response_head;
mod rewrite;
mod spool;
mod sticky;
mod target;
mod tries;
mod upgrade;

use weir_conf::{HttpVersion, ProxyPass};

use crate::client::body::{BodyEnd, Fill};
use crate::facts::Outcome;
use crate::facts::Session;

use self::target::Target;
use self::tries::Exchange;

/// Passes the request to an upstream and its answer to the client (`ngx_http_proxy_handler`).
pub(crate) async fn proxy(session: &mut Session, pass: &ProxyPass) -> Outcome {
    let Some(location) = session.req.state.location.clone() else {
        return Outcome::Status(500);
    };
    let settings = &location.settings;
    let target = match target::resolve(session, settings, pass) {
        Ok(target) => target,
        Err(status) => return Outcome::Status(status),
    };
    if let Err(end) = prepare_body(session, settings).await {
        return body_outcome(end);
    }
    let plan = session.client.link().plan.clone();
    let head = request_head::write(session, settings);
    let own_pool;
    let pool = match target {
        Target::Configured(index) => &plan.pools[index],
        Target::Literal(pool) => {
            own_pool = pool;
            &*own_pool
        }
        // Boxed: few requests wait for a name, and all would have to have room for it.
        Target::Named(name) => match Box::pin(names::look_up(session, settings, name)).await {
            Ok(pool) => {
                own_pool = pool;
                &*own_pool
            }
            Err(outcome) => {
                session.req.upstream.request_head = head;
                return outcome;
            }
        },
    };
    let mut exchange = Exchange::new(session, settings, pool, head);
    exchange.run().await
}

/// Writes the request head as the first try would send it, and keeps its room; bytes of it.
pub(crate) fn write_head(
    session: &mut Session,
    pass: &ProxyPass,
    settings: &weir_conf::Settings,
) -> Option<usize> {
    target::resolve(session, settings, pass).ok()?;
    let head = request_head::write(session, settings);
    let length = head.len();
    session.req.upstream.request_head = head;
    Some(length)
}

/// Reads the body whole, unless somebody has begun to read it or nobody wants it.
pub(crate) async fn read_whole_body(session: &mut Session) -> Result<(), BodyEnd> {
    match begins_body(session).await? {
        true => session.read_body().await,
        false => Ok(()),
    }
}

/// Lets the client send its body; whether it is to be read now. Who asks after an exchange that began to read it
/// gets what there is (`ngx_http_read_client_request_body`).
async fn begins_body(session: &mut Session) -> Result<bool, BodyEnd> {
    if session.req.body.discarded {
        return Ok(false);
    }
    session.answer_expect().await?;
    let begun = std::mem::replace(&mut session.req.body.begun, true);
    Ok(!begun && !session.req.body.complete)
}

/// Reads the body whole, or only what has come if it is to be passed on as it arrives.
async fn prepare_body(
    session: &mut Session,
    settings: &weir_conf::Settings,
) -> Result<(), BodyEnd> {
    if !begins_body(session).await? {
        return Ok(());
    }
    let open_ended = session.req.body.framing.is_open_ended();
    let streams = !settings.upstream.request_buffering
        && settings.upstream.pass_request_body
        && settings.upstream.set_body.is_none()
        && (!open_ended || settings.upstream.http_version == HttpVersion::Http11)
        && !session.stream_has_ended();
    if !streams {
        return session.read_body().await;
    }
    session.req.body.streaming = true;
    session.begin_stream_body(true);
    let taken = take_ahead(session);
    session.req.body.streaming = taken.is_ok() && !session.req.body.complete;
    taken
}

/// Takes of a body that is passed on what has come, as far as nginx would read before it asks an
/// upstream: until its buffer is full (`ngx_http_do_read_client_request_body`). What is wrong behind
/// that ends a request that is on its way.
fn take_ahead(session: &mut Session) -> Result<(), BodyEnd> {
    let end = session.req.state.length + session.raw_room() as u64;
    while !session.client.input().is_empty()
        && !session.req.body.complete
        && session.req.state.length < end
    {
        match session.take_body_bytes()? {
            Fill::Some => {}
            Fill::Nothing => break,
        }
    }
    Ok(())
}

fn body_outcome(end: BodyEnd) -> Outcome {
    match end {
        BodyEnd::Refused(status) => Outcome::Status(status),
        BodyEnd::Gone(status) => Outcome::Close(status),
    }
}
