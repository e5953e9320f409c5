//! What the known fields mean for the request, and what nginx refuses them for.

use super::fault::{LinePair, RequestFault};
use super::head::{ConnectionOption, RequestHead};
use super::limits::HeadCompat;
use super::method::Method;
use crate::field::{Field, KnownField};
use crate::host::Host;
use crate::search::{contains_ignore_case, decimal};
use crate::span::Span;
use crate::version::Version;

/// What a field line means to whoever reads on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Field,
    /// The `Host` that selects the server.
    Server,
}

/// Adds a line to the head (the handlers of ngx_http_headers_in).
#[inline]
pub(super) fn take(
    buf: &[u8],
    head: &mut RequestHead,
    name: Span,
    value: Span,
    compat: HeadCompat,
) -> Result<Meaning, RequestFault> {
    let known = KnownField::from_name(name.of(buf));
    let field = Field::new(name, value, known);
    let repeated = known.is_some_and(|known| head.fields.has(known));
    // The log shows also the line that is refused.
    head.fields.push(field);
    let Some(known) = known else {
        return Ok(Meaning::Field);
    };
    match known {
        KnownField::Host => return take_host(buf, head, field, repeated, compat),
        KnownField::Connection => take_connection(head, value.of(buf)),
        KnownField::IfModifiedSince
        | KnownField::IfUnmodifiedSince
        | KnownField::IfMatch
        | KnownField::IfNoneMatch
        | KnownField::ContentLength
        | KnownField::ContentRange
        | KnownField::IfRange
        | KnownField::TransferEncoding
        | KnownField::Expect
        | KnownField::Authorization
            if repeated =>
        {
            let pair = line_pair(buf, head, known, field);
            return Err(RequestFault::DuplicateHeaderLine(pair));
        }
        _ => {}
    }
    Ok(Meaning::Field)
}

fn take_host(
    buf: &[u8],
    head: &mut RequestHead,
    field: Field,
    repeated: bool,
    compat: HeadCompat,
) -> Result<Meaning, RequestFault> {
    if repeated {
        let pair = line_pair(buf, head, KnownField::Host, field);
        return Err(RequestFault::DuplicateHost(pair));
    }
    let host = compat
        .host
        .validate(field.value.of(buf))
        .map_err(|_fault| RequestFault::InvalidHost)?;
    if !head.host.is_empty() {
        return Ok(Meaning::Field);
    }
    set_host(head, field.value, host);
    Ok(Meaning::Server)
}

/// Records the host that selects the server; `whole` is where `host` was found.
pub(super) fn set_host(head: &mut RequestHead, whole: Span, host: Host) {
    let start = whole.start as usize;
    head.host = Span::new(start, start + host.len);
    head.host_has_upper = host.has_upper;
    head.port = host.port;
}

fn take_connection(head: &mut RequestHead, value: &[u8]) {
    if value.eq_ignore_ascii_case(b"keep-alive") {
        // What nearly every client sends; spares the search.
        head.connection = ConnectionOption::KeepAlive;
    } else if contains_ignore_case(value, b"close") {
        head.connection = ConnectionOption::Close;
    } else if contains_ignore_case(value, b"keep-alive") {
        head.connection = ConnectionOption::KeepAlive;
    }
}

/// Checks that need all lines (ngx_http_process_request_header).
pub(super) fn check_head(buf: &[u8], head: &mut RequestHead) -> Result<(), RequestFault> {
    if head.version > Version::HTTP_10 && !head.fields.has(KnownField::Host) {
        return Err(RequestFault::NoHost);
    }
    if let Some(length) = head.value(KnownField::ContentLength, buf) {
        let length = decimal(length).ok_or(RequestFault::InvalidContentLength)?;
        head.content_length = Some(length);
    }
    if let Some(coding) = head.value(KnownField::TransferEncoding, buf) {
        if head.version < Version::HTTP_11 {
            return Err(RequestFault::TransferEncodingInHttp10);
        }
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(RequestFault::UnknownTransferEncoding {
                value: coding.to_vec(),
            });
        }
        if head.content_length.is_some() {
            return Err(RequestFault::LengthAndEncoding);
        }
        head.chunked = true;
    }
    match head.method {
        Method::Connect => Err(RequestFault::Connect),
        Method::Trace => Err(RequestFault::Trace),
        _ => Ok(()),
    }
}

#[cold]
fn line_pair(buf: &[u8], head: &RequestHead, known: KnownField, later: Field) -> Box<LinePair> {
    let text = |field: &Field| [field.name.of(buf), b": ", field.value.of(buf)].concat();
    Box::new(LinePair {
        line: text(&later),
        previous: head.fields.get(known).map(text).unwrap_or_default(),
    })
}
