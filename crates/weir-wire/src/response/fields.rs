//! What the known fields mean for the response (the handlers of ngx_http_upstream_headers_in).

use super::fault::{ResponseFault, ResponseNotice};
use super::head::{ResponseHead, ResponseRules};
use crate::field::{Field, KnownField};
use crate::request::LinePair;
use crate::search::{contains_ignore_case, decimal};
use crate::span::Span;

/// Adds a line to the head, or drops it and returns what to log.
#[inline]
pub(super) fn take(
    buf: &[u8],
    head: &mut ResponseHead,
    name: Span,
    value: Span,
    rules: ResponseRules,
) -> Result<Option<ResponseNotice>, ResponseFault> {
    let known = KnownField::from_name(name.of(buf));
    let field = Field::new(name, value, known);
    let Some(known) = known else {
        head.fields.push(field);
        return Ok(None);
    };
    if known == KnownField::Connection {
        let value = value.of(buf);
        // What most say; spares the search.
        let keeps = value.eq_ignore_ascii_case(b"keep-alive");
        head.connection_close |= !keeps && contains_ignore_case(value, b"close");
    }
    if !rules.strict {
        take_leniently(buf, head, field, known);
        return Ok(None);
    }
    match known {
        KnownField::ContentLength | KnownField::TransferEncoding => {
            let taken = match known {
                KnownField::ContentLength => take_length(buf, head, field),
                _ => take_encoding(buf, head, field),
            };
            // Variables show the line also where it spoils the head.
            head.fields.push(field);
            return taken.map(|()| None);
        }
        KnownField::Status
        | KnownField::ContentType
        | KnownField::Date
        | KnownField::LastModified
        | KnownField::Etag
        | KnownField::Server
        | KnownField::Location
        | KnownField::Refresh
        | KnownField::Expires
        | KnownField::XAccelExpires
        | KnownField::XAccelRedirect
        | KnownField::XAccelLimitRate => {
            if let Some(previous) = head.fields.get(known) {
                return Ok(Some(ResponseNotice::DuplicateIgnored {
                    name,
                    value,
                    previous_name: previous.name,
                    previous_value: previous.value,
                }));
            }
        }
        _ => {}
    }
    head.fields.push(field);
    Ok(None)
}

/// nginx before 1.23: the last line counts, a bad length is ignored, and chunked wins.
fn take_leniently(buf: &[u8], head: &mut ResponseHead, field: Field, known: KnownField) {
    let value = field.value.of(buf);
    match known {
        KnownField::ContentLength => head.content_length = decimal(value),
        KnownField::TransferEncoding => head.chunked |= contains_ignore_case(value, b"chunked"),
        // The first counts (`ngx_http_upstream_process_header_line`).
        KnownField::XAccelRedirect if head.fields.has(known) => return head.fields.push(field),
        _ => {}
    }
    head.fields.push_counting(field);
}

fn take_length(buf: &[u8], head: &mut ResponseHead, field: Field) -> Result<(), ResponseFault> {
    if let Some(previous) = head.fields.get(KnownField::ContentLength) {
        return Err(duplicate(buf, &field, previous));
    }
    if head.fields.has(KnownField::TransferEncoding) {
        return Err(ResponseFault::LengthAndEncoding);
    }
    let length =
        decimal(field.value.of(buf)).ok_or_else(|| ResponseFault::InvalidContentLength {
            line: line(buf, &field),
        })?;
    head.content_length = Some(length);
    Ok(())
}

fn take_encoding(buf: &[u8], head: &mut ResponseHead, field: Field) -> Result<(), ResponseFault> {
    if let Some(previous) = head.fields.get(KnownField::TransferEncoding) {
        return Err(duplicate(buf, &field, previous));
    }
    if head.fields.has(KnownField::ContentLength) {
        return Err(ResponseFault::LengthAndEncoding);
    }
    let value = field.value.of(buf);
    if !value.eq_ignore_ascii_case(b"chunked") {
        return Err(ResponseFault::UnknownTransferEncoding {
            value: value.to_vec(),
        });
    }
    head.chunked = true;
    Ok(())
}

#[cold]
fn duplicate(buf: &[u8], later: &Field, previous: &Field) -> ResponseFault {
    ResponseFault::DuplicateHeaderLine(Box::new(LinePair {
        line: line(buf, later),
        previous: line(buf, previous),
    }))
}

fn line(buf: &[u8], field: &Field) -> Vec<u8> {
    [field.name.of(buf), b": ", field.value.of(buf)].concat()
}
