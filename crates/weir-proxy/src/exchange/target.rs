//! Where a `proxy_pass` leads: the pool, and the URI to send.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use weir_conf::{ProxyPass, ProxyTarget, Scheme, UpstreamUrl, parse_upstream_url};
use weir_upstream::{PeerAddress, Pool, PoolSpec};
use weir_wire::uri::{Escape, escape};

use crate::facts::Session;
use crate::pool::WorkerPool;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// A resolved `proxy_pass`; the URI itself lies in the request's upstream state.
pub(crate) struct Target {
    pub(crate) pool: TargetPool,
}

/// The pool of a target.
pub(crate) enum TargetPool {
    /// One of the configuration, by index.
    Configured(usize),
    /// An address that came out of variables.
    Literal(Box<WorkerPool>),
}

/// Finds the pool and writes the URI (`ngx_http_proxy_eval`, `ngx_http_proxy_create_request`). The
/// error is a status; the log has been told.
pub(super) fn resolve(session: &mut Session, pass: &ProxyPass) -> Result<Target, u16> {
    match &pass.target {
        ProxyTarget::Fixed {
            upstream,
            scheme,
            uri,
            host_header,
            port,
        } => {
            remember(session, *scheme, host_header.as_bytes(), port.as_bytes());
            match uri {
                Some(uri) => write_replaced(session, uri.as_bytes(), pass.location_len),
                None => write_unchanged(session),
            }
            Ok(Target {
                pool: TargetPool::Configured(*upstream),
            })
        }
        ProxyTarget::Variable(template) => resolve_variable(session, template),
    }
}

fn resolve_variable(session: &mut Session, template: &weir_conf::Template) -> Result<Target, u16> {
    let text = variables::text(session.view(), template);
    let text = String::from_utf8_lossy(&text).into_owned();
    let url = parse_upstream_url(&text).map_err(|fault| {
        error_log::error(session.view(), Message::text(&fault.in_url(&text)));
        500_u16
    })?;
    let host_header = url.host_header();
    remember(
        session,
        url.scheme,
        host_header.as_bytes(),
        url.port_text().as_bytes(),
    );
    match &url.uri {
        Some(uri) if uri.starts_with('/') => {
            let uri = uri.clone();
            session.req.upstream.uri.clear();
            session.req.upstream.uri.extend_from_slice(uri.as_bytes());
        }
        Some(uri) => {
            session.req.upstream.uri.clear();
            session.req.upstream.uri.push(b'/');
            session.req.upstream.uri.extend_from_slice(uri.as_bytes());
        }
        None => write_unchanged(session),
    }
    if let Some(upstream) = session.client.link().plan.http().upstream_of(&url) {
        return Ok(Target {
            pool: TargetPool::Configured(upstream),
        });
    }
    match literal_address(&url) {
        Some(address) => {
            let pool = Pool::new(PoolSpec::implied(host_header, [address]), None);
            Ok(Target {
                pool: TargetPool::Literal(Box::new(WorkerPool::new(&Arc::new(pool)))),
            })
        }
        None => Err(unresolved(session, &url.host)),
    }
}

/// An address needs no resolver.
fn literal_address(url: &UpstreamUrl) -> Option<PeerAddress> {
    if url.unix {
        return Some(PeerAddress::Unix(url.host.clone().into()));
    }
    let address: IpAddr = url.host.parse().ok()?;
    Some(PeerAddress::Inet(SocketAddr::new(
        address,
        url.effective_port(),
    )))
}

/// A name that no block of the configuration has would need a resolver at run time.
fn unresolved(session: &Session, host: &str) -> u16 {
    let line = format!("no resolver defined to resolve {host}");
    error_log::error(session.view(), Message::text(&line));
    502
}

fn remember(session: &mut Session, scheme: Scheme, host: &[u8], port: &[u8]) {
    let upstream = &mut session.req.upstream;
    upstream.scheme = Some(scheme);
    upstream.host.clear();
    upstream.host.extend_from_slice(host);
    upstream.port.clear();
    upstream.port.extend_from_slice(port);
}

/// No URI part: the target as it came, or rebuilt if an internal redirect changed it.
fn write_unchanged(session: &mut Session) {
    let mut out = std::mem::take(&mut session.req.upstream.uri);
    out.clear();
    let req = &session.req;
    if req.target_is_raw {
        out.extend_from_slice(req.text(req.head.raw_uri));
    } else {
        write_escaped(session, 0..req.uri.len(), &mut out);
        write_args(&req.args, &mut out);
    }
    session.req.upstream.uri = out;
}

/// The URI part replaces the location's prefix.
fn write_replaced(session: &mut Session, uri: &[u8], location_len: usize) {
    let mut out = std::mem::take(&mut session.req.upstream.uri);
    out.clear();
    let req = &session.req;
    out.extend_from_slice(uri);
    write_escaped(
        session,
        location_len.min(req.uri.len())..req.uri.len(),
        &mut out,
    );
    write_args(&req.args, &mut out);
    session.req.upstream.uri = out;
}

/// Only what had been decoded is escaped again, as nginx does.
fn write_escaped(session: &Session, range: Range<usize>, out: &mut Vec<u8>) {
    let req = &session.req;
    let path = &req.uri[range];
    if req.internal || req.head.quoted_uri {
        escape(path, Escape::Uri, out);
    } else {
        out.extend_from_slice(path);
    }
}

fn write_args(args: &[u8], out: &mut Vec<u8>) {
    if !args.is_empty() {
        out.push(b'?');
        out.extend_from_slice(args);
    }
}
