//! Where redirects lead.

use weir_conf::Variable;
use weir_wire::uri::{Escape, escape};

use crate::facts::Outcome;
use crate::facts::Session;
use crate::report::variables;

/// `location` with scheme, host and port before it, if it is a path and `absolute_redirect` is on
/// (`ngx_http_header_filter`).
pub(crate) fn absolute(session: &Session, location: &[u8]) -> Option<Vec<u8>> {
    let settings = session.settings();
    if location.first() != Some(&b'/') || !settings.absolute_redirect {
        return None;
    }
    let scheme = variables::tls::scheme(session.view());
    let mut absolute = [scheme, b"://"].concat();
    let usual = if scheme == b"https" { 443 } else { 80 };
    if settings.server_name_in_redirect {
        absolute.extend_from_slice(session.server().name.as_bytes());
    } else if session.req.host.is_empty() {
        // The client has named no host, so it gets the address that it reached.
        variables::write(session.view(), &Variable::ServerAddr, &mut absolute);
    } else {
        absolute.extend_from_slice(&session.req.host);
    }
    let port = session
        .view()
        .local_address()
        .map(|local| local.port())
        .filter(|port| *port != usual);
    if let Some(port) = port
        && settings.port_in_redirect
    {
        absolute.push(b':');
        absolute.extend_from_slice(itoa::Buffer::new().format(port).as_bytes());
    }
    absolute.extend_from_slice(location);
    Some(absolute)
}

/// 301 to the same path with a slash at its end.
pub(crate) fn add_slash(session: &mut Session) -> Outcome {
    let mut target = Vec::with_capacity(session.req.uri.len() + 1);
    escape(&session.req.uri, Escape::Uri, &mut target);
    target.push(b'/');
    if !session.req.args.is_empty() {
        target.push(b'?');
        target.extend_from_slice(&session.req.args);
    }
    session.req.response.redirect_to(&target);
    Outcome::Status(301)
}
