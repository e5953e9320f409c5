//! From the upstream's head to the client's: what is passed on, and what it commands.

use weir_conf::{IgnoreHeaders, MatchFault, Settings};
use weir_upstream::PeerOutcome;
use weir_wire::request::Method;
use weir_wire::uri::parse_unsafe;
use weir_wire::{Field, KnownField, Version, date};

use super::tries::{Exchange, Held, Step};
use super::{cookie, relay, rewrite, upgrade};
use crate::facts::Outcome;
use crate::facts::{Action, Session};
use crate::report::error_log::{self, Message};
use crate::report::variables;
use weir_verdict::retry_on_status;
use weir_verdict::{Cause, Failure, Phase};

/// Statuses from here on may be retried or intercepted.
const FIRST_SPECIAL: u16 = 300;

/// Goes on from a complete head (`ngx_http_upstream_process_header`).
pub(super) async fn follow(exchange: &mut Exchange<'_>, held: Held) -> Step {
    let no_head = exchange.session.req.response.no_head;
    let status = if no_head {
        200
    } else {
        exchange.session.req.upstream.head.status
    };
    tracing::debug!(target: "weir", "http upstream status {status}");
    note_limit_rate(exchange.session, exchange.settings);
    note_charset(exchange.session, exchange.settings);
    let hinted = exchange.current().status;
    if hinted == 0 {
        exchange.current().status = status;
    }
    if !no_head && status >= FIRST_SPECIAL {
        let tried = exchange.tried(held.connection.reused);
        match retry_on_status(status, &tried, &exchange.rules()) {
            Ok(()) => {
                let failure = Failure::new(Phase::ReadingHead, Cause::Status(status));
                return exchange.fail(&failure, held.connection.reused);
            }
            Err(Some(reason)) => exchange.tell_no_retry(reason),
            Err(None) => {}
        }
        if intercepts(exchange.settings, status) {
            return intercept(exchange, status);
        }
    }
    exchange.learn_from_head();
    if let Some(outcome) = accel_redirect(exchange) {
        exchange.close_attempt();
        exchange.release(PeerOutcome::Success);
        return Step::Over(outcome);
    }
    if let Err(fault) = copy(exchange.session, exchange.settings) {
        error_log::alert(exchange.session.view(), Message::bytes(&fault.line()));
        exchange.close_attempt();
        exchange.release(PeerOutcome::Success);
        return Step::Over(Outcome::Status(500));
    }
    if exchange.session.req.state.post_action {
        return over_behind_answer(exchange, held);
    }
    if status == 101 && exchange.session.req.field(KnownField::Upgrade).is_some() {
        return Step::Over(upgrade::tunnel(exchange, held).await);
    }
    Step::Over(relay::run(exchange, held).await)
}

/// Nobody gets the answer: its head is all that is read of it, and the connection is not used again
/// (`ngx_http_upstream_send_response`).
fn over_behind_answer(exchange: &mut Exchange<'_>, held: Held) -> Step {
    drop(held);
    exchange.close_attempt();
    exchange.release(PeerOutcome::Success);
    exchange.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
    Step::Over(Outcome::Answered)
}

/// `X-Accel-Limit-Rate` holds for whatever is answered in the end
/// (`ngx_http_upstream_process_limit_rate`).
fn note_limit_rate(session: &mut Session, settings: &Settings) {
    let ignored = settings.upstream.ignore_headers;
    if ignored.contains(IgnoreHeaders::X_ACCEL_LIMIT_RATE) {
        return;
    }
    let req = &mut *session.req;
    let rate = req
        .upstream
        .head
        .value(KnownField::XAccelLimitRate, &req.upstream.bytes);
    let rate = rate.filter(|rate| rate.iter().all(u8::is_ascii_digit));
    let rate = rate.and_then(|rate| std::str::from_utf8(rate).ok()?.parse().ok());
    req.response.limit_rate = rate.or(req.response.limit_rate);
}

/// `X-Accel-Charset` is what the client gets (`ngx_http_upstream_process_charset`).
fn note_charset(session: &mut Session, settings: &Settings) {
    let ignored = settings.upstream.ignore_headers;
    let req = &mut *session.req;
    let fields = &req.upstream.head.fields;
    if !fields.has(KnownField::XAccelCharset) || ignored.contains(IgnoreHeaders::X_ACCEL_CHARSET) {
        return;
    }
    let lines = fields.values(KnownField::XAccelCharset, &req.upstream.bytes);
    req.response.accel_charset = lines.last().map(Box::from);
}

/// `proxy_intercept_errors`: only statuses that have an `error_page`.
fn intercepts(settings: &Settings, status: u16) -> bool {
    settings.upstream.intercept_errors
        && settings
            .error_page
            .iter()
            .any(|page| page.statuses.contains(&status))
}

fn intercept(exchange: &mut Exchange<'_>, status: u16) -> Step {
    exchange.close_attempt();
    exchange.release(PeerOutcome::Success);
    let req = &mut *exchange.session.req;
    if status == 401 {
        let upstream = &req.upstream;
        for value in upstream
            .head
            .fields
            .values(KnownField::WwwAuthenticate, &upstream.bytes)
        {
            req.response.fields.add(b"WWW-Authenticate", value);
        }
    }
    exchange.session.client.link_mut().action = Action::Exchange(Phase::SendingToClient);
    Step::Over(Outcome::Status(status))
}

/// `X-Accel-Redirect` (`ngx_http_upstream_process_headers`).
fn accel_redirect(exchange: &mut Exchange<'_>) -> Option<Outcome> {
    let settings = exchange.settings;
    if settings
        .upstream
        .ignore_headers
        .contains(IgnoreHeaders::X_ACCEL_REDIRECT)
    {
        return None;
    }
    let session = &mut *exchange.session;
    let upstream = &session.req.upstream;
    let target = upstream
        .head
        .value(KnownField::XAccelRedirect, &upstream.bytes)?
        .to_vec();
    if let Err(fault) = copy_for_redirect(session, settings) {
        error_log::alert(session.view(), Message::bytes(&fault.line()));
        return Some(Outcome::Status(500));
    }
    if target.first() == Some(&b'@') {
        return Some(Outcome::Named(target));
    }
    match parse_unsafe(&target) {
        Ok((path, args)) => {
            if session.req.state.method != Method::Head {
                session.req.state.method = Method::Get;
            }
            Some(Outcome::Redirect {
                uri: path.into_owned(),
                args: (!args.is_empty()).then(|| args.to_vec()),
            })
        }
        Err(unsafe_uri) => {
            let mut text = b"unsafe URI \"".to_vec();
            text.extend_from_slice(&unsafe_uri.uri);
            text.extend_from_slice(b"\" was detected");
            error_log::error(session.view(), Message::bytes(&text));
            Some(Outcome::Status(404))
        }
    }
}

/// The fields that survive an internal redirect, be they hidden or not. Without an answer of
/// `proxy_cookie_flags` there is no redirect.
fn copy_for_redirect(session: &mut Session, settings: &Settings) -> Result<(), Box<MatchFault>> {
    for index in 0..session.req.upstream.head.fields.end() {
        let field = session.req.upstream.head.fields.at(index);
        if let Some(field) = field
            && survives_redirect(field)
        {
            copy_field(session, settings, field)?;
        }
    }
    Ok(())
}

fn survives_redirect(field: Field) -> bool {
    matches!(
        field.known,
        Some(
            KnownField::SetCookie
                | KnownField::ContentDisposition
                | KnownField::CacheControl
                | KnownField::Expires
                | KnownField::AcceptRanges
                | KnownField::ContentType
        )
    )
}

/// A cookie, rewritten; as it came if that cannot be told.
fn copy_cookie(
    session: &mut Session,
    settings: &Settings,
    name: &[u8],
    value: &[u8],
) -> Result<(), Box<MatchFault>> {
    let new = cookie::rewrite(session, settings, value);
    let text = new.as_ref().ok().and_then(Option::as_deref);
    let fields = &mut session.req.response.fields;
    fields.add(name, text.unwrap_or(value));
    new.map(|_| ())
}

/// Copies the head for the client: without what is hidden or belongs to the upstream's connection,
/// with redirects and cookies rewritten. Without an answer of `proxy_cookie_flags` there is no answer.
fn copy(session: &mut Session, settings: &Settings) -> Result<(), Box<MatchFault>> {
    let req = &mut *session.req;
    if req.response.no_head {
        req.response.content_length = None;
        return Ok(());
    }
    let head = &req.upstream.head;
    let response = &mut req.response;
    response.status = head.status;
    response.status_line.clear();
    response
        .status_line
        .extend_from_slice(head.reason_line.of(&req.upstream.bytes));
    response.content_length = head.content_length;
    response.unconditional = true;
    if settings.upstream.force_ranges {
        response.allows_ranges = true;
        response.single_range = true;
    }
    for index in 0..session.req.upstream.head.fields.end() {
        if let Some(field) = session.req.upstream.head.fields.at(index) {
            let name = field.name.of(&session.req.upstream.bytes);
            if !settings.upstream.hidden.contains(name) {
                copy_field(session, settings, field)?;
            }
        }
    }
    copy_absent(session, settings);
    Ok(())
}

/// Of `Server` and `Date` that the upstream did not send nginx passes an empty line on, which stands
/// in for its own and is not written (`ngx_http_proxy_process_header`).
fn copy_absent(session: &mut Session, settings: &Settings) {
    let req = &mut *session.req;
    let passed = |known, name| {
        !req.upstream.head.fields.has(known) && !settings.upstream.hidden.contains(name)
    };
    req.response.has_server |= passed(KnownField::Server, b"Server");
    req.response.has_date |= passed(KnownField::Date, b"Date");
}

/// Whether nothing of the name counts for its hash, which is 0 then: nginx takes the field for a removed
/// one (`ngx_http_parse_header_line`).
fn is_nameless(name: &[u8]) -> bool {
    let counts = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.iter().any(counts)
}

fn copy_field(
    session: &mut Session,
    settings: &Settings,
    field: Field,
) -> Result<(), Box<MatchFault>> {
    let req = &mut *session.req;
    let name = field.name.of(&req.upstream.bytes);
    let value = field.value.of(&req.upstream.bytes);
    if field.known.is_none() && is_nameless(name) {
        return Ok(());
    }
    match field.known {
        Some(
            KnownField::Connection
            | KnownField::KeepAlive
            | KnownField::TransferEncoding
            | KnownField::ContentLength,
        ) => {}
        // HTTP/2 has no upgrades (`ngx_http_upstream_copy_upgrade`).
        Some(KnownField::Upgrade) if req.head.version >= Version::HTTP_20 => {}
        Some(KnownField::ContentType) => {
            req.response.content_type.set_sent(value);
        }
        Some(KnownField::Server) => {
            req.response.has_server = true;
            req.response.fields.add(name, value);
        }
        Some(KnownField::Date) => {
            req.response.has_date = true;
            req.response.fields.push(KnownField::Date, name, value);
        }
        Some(KnownField::LastModified) => {
            // A range asks for the time; `expires` reads it when it is needed.
            if req.response.allows_ranges {
                req.response.modified = date::parse(value);
            }
            let fields = &mut req.response.fields;
            fields.push(KnownField::LastModified, name, value);
        }
        Some(KnownField::AcceptRanges) if settings.upstream.force_ranges => {}
        Some(
            known @ (KnownField::Etag
            | KnownField::AcceptRanges
            | KnownField::ContentRange
            | KnownField::ContentEncoding
            | KnownField::CacheControl
            | KnownField::Expires),
        ) => req.response.fields.push(known, name, value),
        Some(known @ (KnownField::Location | KnownField::Refresh | KnownField::SetCookie)) => {
            let (name, value) = (name.to_vec(), value.to_vec());
            let new = match known {
                KnownField::Location => rewrite::location(session, settings, &value),
                KnownField::Refresh => rewrite::refresh(session, settings, &value),
                _ => return copy_cookie(session, settings, &name, &value),
            };
            let fields = &mut session.req.response.fields;
            match new {
                // nginx treats a Location that was rewritten as one of its own.
                Some(new) if known == KnownField::Location => fields.push(known, &name, &new),
                new => fields.add(&name, new.as_ref().unwrap_or(&value)),
            }
        }
        _ => req.response.fields.add(name, value),
    }
    Ok(())
}

/// Whether the answer is gathered in buffers: the directive, or the last `X-Accel-Buffering` that says so
/// (`ngx_http_upstream_process_buffering`).
pub(super) fn is_buffered(session: &Session, settings: &Settings) -> bool {
    if settings
        .upstream
        .ignore_headers
        .contains(IgnoreHeaders::X_ACCEL_BUFFERING)
    {
        return settings.upstream.buffering;
    }
    let upstream = &session.req.upstream;
    let fields = &upstream.head.fields;
    let lines = fields.values(KnownField::XAccelBuffering, &upstream.bytes);
    lines.fold(settings.upstream.buffering, |before, line| {
        line.eq_ignore_ascii_case(b"yes") || (before && !line.eq_ignore_ascii_case(b"no"))
    })
}

/// Passes an interim 103 on where `early_hints` says so: it waits in front of the head that is to
/// come. Of what was gathered for the answer before nothing is left
/// (`ngx_http_upstream_process_early_hints`).
pub(super) fn early_hints(session: &mut Session) {
    if wants_hints(session) {
        put_hints(session);
    }
    let response = &mut session.req.response;
    let header_only = response.header_only;
    response.clear_head();
    response.header_only = header_only;
}

/// Whether the client is told (`ngx_http_send_early_hints`).
fn wants_hints(session: &Session) -> bool {
    let rules = &session.settings().early_hints;
    rules
        .iter()
        .any(|rule| variables::holds(session.view(), rule))
        && !session.req.response.begun
        && !session.req.state.is_sub
        && session.req.head.version >= Version::HTTP_11
}

/// Passes the interim head on, behind what was gathered for the answer before.
fn put_hints(session: &mut Session) {
    session.req.upstream.hints_length += session.req.upstream.head.len;
    if session.req.upstream.hints_length > session.settings().upstream.buffer_size {
        error_log::info(
            session.view(),
            Message::text("upstream sent too big early hints"),
        );
        return;
    }
    let Session { client, req } = session;
    let location = req.state.location.as_ref();
    let settings = location.map(|location| &location.settings);
    let bytes = &req.upstream.bytes;
    let fields = req.upstream.head.fields.iter();
    let fields = fields.filter(|field| {
        let name = field.name.of(bytes);
        let hidden = settings.is_some_and(|settings| settings.upstream.hidden.contains(name));
        let hop = matches!(
            field.known,
            Some(
                KnownField::Connection
                    | KnownField::KeepAlive
                    | KnownField::TransferEncoding
                    | KnownField::ContentLength
            )
        );
        !hidden && !hop
    });
    let fields = fields.map(|field| (field.name.of(bytes), field.value.of(bytes)));
    let gathered = req.response.fields.iter();
    client.put_early_hints(gathered.chain(fields), &mut req.response.pending);
}
