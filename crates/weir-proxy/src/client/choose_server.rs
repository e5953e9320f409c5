//! Which server a request is for, and why there may be none to serve it.

use weir_io::stream::Stream;

use super::certificate;
use crate::facts::{Link, Request, View};
use crate::report::error_log::{self, Message};

/// Why there is no request to serve; the log has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEnd {
    /// Answer with this status, then close.
    Refused(u16),
    /// Close without an answer; the access line shows this status.
    Gone(u16),
    /// Close; no request was begun, so there is no access line.
    Silent,
}

/// Finds the virtual server of the host that was asked for (`ngx_http_set_virtual_server`).
pub(super) fn choose_server(
    link: &Link,
    stream: Option<&Stream>,
    req: &mut Request,
) -> Result<(), HeadEnd> {
    let http = link.plan.http();
    let listen = &http.listens[link.listen];
    req.host.clear();
    req.host.extend_from_slice(req.head.host.of(&req.bytes));
    if req.head.host_has_upper {
        req.host.make_ascii_lowercase();
    }
    // The server called "" is for heads that are whole and name no host, also if they are refused.
    let found = if req.host.is_empty() && !req.parser_done() {
        Ok(None)
    } else {
        listen.names.find(&req.host)
    };
    let server = match found {
        Ok(Some(found)) => {
            if let Some(groups) = found.captures {
                req.note_match(&groups, &req.host);
            }
            found.server
        }
        // As long as the head may still name a host, the handshake's name counts.
        Ok(None) if req.host.is_empty() && !req.parser_done() => link.default_server().index,
        Ok(None) => listen.default_server,
        Err(fault) => {
            let view = View { req, link, stream };
            error_log::alert(view, Message::bytes(&fault.line()));
            return Err(HeadEnd::Gone(500));
        }
    };
    if !req.host.is_empty() || req.parser_done() {
        let view = View { req, link, stream };
        let checked = certificate::check_host(view, &req.host, server);
        checked.map_err(HeadEnd::Refused)?;
    }
    req.state.server = Some(link.plan.own_server(server));
    Ok(())
}
