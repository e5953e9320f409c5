//! Where a `proxy_pass` leads: the pool, and the URI to send.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use weir_conf::{
    Credential, ProxyPass, ProxyTarget, Scheme, Settings, Template, UpstreamUrl,
    parse_evaluated_url,
};
use weir_upstream::{PeerAddress, PoolSpec};
use weir_wire::uri::{Escape, escape};

use super::names::Name;
use crate::facts::Session;
use crate::pool::WorkerPool;
use crate::report::error_log::{self, Message};
use crate::report::variables;

/// Who is asked; the URI itself lies in the request's upstream state.
pub(super) enum Target {
    /// A pool of the configuration, by index.
    Configured(usize),
    /// An address that came out of variables, and that no block of the configuration has.
    Literal(Rc<WorkerPool>),
    /// A name that came out of variables and has to be looked up.
    Named(Box<Name>),
}

/// Finds who is asked and writes the URI (`ngx_http_proxy_eval`, `ngx_http_proxy_create_request`).
/// The error is a status; the log has been told.
pub(super) fn resolve(
    session: &mut Session,
    settings: &Settings,
    pass: &ProxyPass,
) -> Result<Target, u16> {
    // What an earlier exchange left shows in variables and log lines until here.
    session.req.upstream.reset();
    match &pass.target {
        ProxyTarget::Fixed {
            upstream,
            prefix,
            uri,
            host_header,
            port,
            tls: _,
        } => {
            remember(session, prefix, host_header, port);
            match uri {
                Some(uri) => write_replaced(session, uri, pass.location_len),
                None => write_unchanged(session),
            }
            Ok(Target::Configured(*upstream))
        }
        ProxyTarget::Variable(template) => resolve_variable(session, settings, template),
    }
}

fn resolve_variable(
    session: &mut Session,
    settings: &Settings,
    template: &Template,
) -> Result<Target, u16> {
    let text = variables::text(session.view(), template);
    let url = match parse_evaluated_url(&text) {
        Ok(url) => url,
        Err(fault) => return Err(refuse(session, &fault.in_url(&text))),
    };
    remember(session, url.prefix, url.host_header(), url.port_text());
    match url.uri {
        Some(uri) => write_evaluated(session, uri),
        None => write_unchanged(session),
    }
    if let Some(upstream) = session.client.link().plan.http().upstream_of(&url) {
        return Ok(Target::Configured(upstream));
    }
    let key = key(session, settings, &url);
    Ok(match literal_address(&url) {
        Some(address) => Target::Literal(literal_pool(session, key, &url, address)),
        None => Target::Named(Box::new(Name {
            host: url.host.to_vec(),
            port: url.effective_port(),
            key,
        })),
    })
}

/// The pool of an address that came out of variables.
fn literal_pool(
    session: &Session,
    key: Option<Vec<u8>>,
    url: &UpstreamUrl<'_>,
    address: PeerAddress,
) -> Rc<WorkerPool> {
    let spec = || {
        let name = String::from_utf8_lossy(url.host_header());
        let mut spec = PoolSpec::implied(name, [address]);
        if url.unix {
            // nginx shows the letters of `unix:` as they were written.
            spec.peers[0].name = url.authority.into();
        }
        spec
    };
    let kept = session.client.link().plan.kept_pools.as_ref();
    match kept.zip(key) {
        Some((kept, key)) => kept.of_address(&key, spec),
        None => WorkerPool::of_request(spec()),
    }
}

/// By what the pool of `url` is kept; `None`: it is not. All that tells one connection to it from another is in there:
/// who connects, and how, is the location's doing, but for what its variables say.
fn key(session: &Session, settings: &Settings, url: &UpstreamUrl<'_>) -> Option<Vec<u8>> {
    session.client.link().plan.kept_pools.as_ref()?;
    let is_variable = |template: &Template| !template.is_literal();
    let bind = settings.upstream.bind.as_ref().and_then(Option::as_ref);
    let certificate = [
        &settings.upstream.ssl_certificate,
        &settings.upstream.ssl_certificate_key,
    ];
    let own = certificate
        .into_iter()
        .flatten()
        .any(Credential::is_variable);
    if own || bind.is_some_and(|bind| is_variable(&bind.address)) {
        return None;
    }
    let location = session.location().index.to_ne_bytes();
    let mut key = [&location, url.prefix, url.authority].concat();
    let name = settings.upstream.ssl_name.as_ref();
    if let Some(name) = name.filter(|name| url.scheme == Scheme::Https && is_variable(name)) {
        // No text from outside has a zero byte in an authority.
        key.push(0);
        key.extend_from_slice(&variables::text(session.view(), name));
    }
    Some(key)
}

/// The same for a health check, which asks for a URI of its own.
pub(super) fn aim(session: &mut Session, pass: &ProxyPass, uri: &[u8]) {
    session.req.upstream.reset();
    match &pass.target {
        ProxyTarget::Fixed {
            prefix,
            host_header,
            port,
            ..
        } => remember(session, prefix, host_header, port),
        // Nothing is checked there.
        ProxyTarget::Variable(_) => {}
    }
    session.req.upstream.uri.extend_from_slice(uri);
}

/// The request ends here, and `$proxy_host` is known to be empty.
fn refuse(session: &mut Session, line: &[u8]) -> u16 {
    remember(session, b"", b"", b"");
    error_log::error(session.view(), Message::bytes(line));
    500
}

/// An address needs no resolver.
fn literal_address(url: &UpstreamUrl<'_>) -> Option<PeerAddress> {
    if url.unix {
        return Some(PeerAddress::Unix(OsStr::from_bytes(url.host).into()));
    }
    let address = SocketAddr::new(url.address()?, url.effective_port());
    Some(PeerAddress::Inet(address))
}

fn remember(session: &mut Session, prefix: &[u8], host: &[u8], port: &[u8]) {
    let upstream = &mut session.req.upstream;
    upstream.proxied = true;
    for (room, text) in [
        (&mut upstream.prefix, prefix),
        (&mut upstream.host, host),
        (&mut upstream.port, port),
    ] {
        room.clear();
        room.extend_from_slice(text);
    }
}

/// A URI part that came out of variables is all that is sent; a bare query gets a path.
fn write_evaluated(session: &mut Session, uri: &[u8]) {
    let out = &mut session.req.upstream.uri;
    out.clear();
    if uri.starts_with(b"?") {
        out.push(b'/');
    }
    out.extend_from_slice(uri);
}

/// No URI part: the target as it came, or rebuilt if an internal redirect changed it.
fn write_unchanged(session: &mut Session) {
    let mut out = std::mem::take(&mut session.req.upstream.uri);
    out.clear();
    let req = &session.req;
    if req.state.target_is_raw {
        out.extend_from_slice(req.text(req.head.raw_uri));
    } else {
        write_escaped(session, 0..req.uri.len(), &mut out);
        write_args(&req.args, &mut out);
    }
    session.req.upstream.uri = out;
}

/// The URI part replaces the location's prefix; a path that was rewritten there is sent whole.
fn write_replaced(session: &mut Session, uri: &[u8], location_len: usize) {
    let mut out = std::mem::take(&mut session.req.upstream.uri);
    out.clear();
    let req = &session.req;
    let mut replaced = 0;
    if req.state.location_replaces {
        out.extend_from_slice(uri);
        replaced = location_len.min(req.uri.len());
    }
    write_escaped(session, replaced..req.uri.len(), &mut out);
    write_args(&req.args, &mut out);
    session.req.upstream.uri = out;
}

/// Only what had been decoded is escaped again, as nginx does.
fn write_escaped(session: &Session, range: Range<usize>, out: &mut Vec<u8>) {
    let req = &session.req;
    let path = &req.uri[range];
    if req.state.internal || req.head.quoted_uri {
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
