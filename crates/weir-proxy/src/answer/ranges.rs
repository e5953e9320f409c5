//! `Range`: 206, 416, `multipart/byteranges`.

use std::ops::Range;

use weir_wire::range::{self, RangeLimits, Wanted};
use weir_wire::{KnownField, Version, date};

use crate::facts::{Cut, Parts, Request, Response, Session};
use weir_io::temp_file;

/// The default of `max_ranges`; any other is the user's word on how many ranges are too many.
const ANY_NUMBER: u64 = i32::MAX as u64;

/// Cuts the answer to the ranges that the client asks for, or offers to
/// (`ngx_http_range_header_filter`). An error is the status of the page to send instead.
pub(super) fn filter(session: &mut Session) -> Result<(), u16> {
    let Some(length) = divisible_length(session) else {
        return Ok(());
    };
    let wanted = wanted(session, length);
    let differences = session.client.link().plan.differences();
    let response = &mut session.req.response;
    if wanted == Wanted::Whole {
        let accepts = KnownField::AcceptRanges;
        response.fields.push(accepts, b"Accept-Ranges", b"bytes");
        return Ok(());
    }
    if differences.content_range_replaced {
        response.fields.remove(KnownField::ContentRange);
    }
    match wanted {
        Wanted::Part(part) => begin_part(response, part, length),
        Wanted::Parts(parts) => begin_parts(response, parts, length),
        Wanted::Whole | Wanted::Unsatisfiable => {
            push_content_range(response, &format!("bytes */{length}"));
            response.content_length = None;
            return Err(416);
        }
    }
    response.status = 206;
    response.status_line.clear();
    Ok(())
}

/// Length of the body, if parts of it may be had.
fn divisible_length(session: &Session) -> Option<u64> {
    let response = &session.req.response;
    let divisible = response.allows_ranges
        && response.status == 200
        && session.req.head.version >= Version::HTTP_10
        && session.settings().max_ranges > 0;
    response.content_length.filter(|_| divisible)
}

/// What the client asks for of a body of this length.
fn wanted(session: &Session, length: u64) -> Wanted {
    let req = &session.req;
    let Some(value) = req.field(KnownField::Range) else {
        return Wanted::Whole;
    };
    if !if_range_holds(req) {
        return Wanted::Whole;
    }
    let max = session.settings().max_ranges;
    let weighs = session.client.link().plan.differences().ranges_weighed;
    let limits = if req.response.single_range {
        RangeLimits {
            max: 1,
            weighed: false,
        }
    } else {
        RangeLimits {
            max,
            weighed: max == ANY_NUMBER && weighs,
        }
    };
    range::parse(value, length, limits)
}

/// Whether the client's `If-Range`, if it sent one, names the state that would be sent.
fn if_range_holds(req: &Request) -> bool {
    let Some(current) = req.field(KnownField::IfRange) else {
        return true;
    };
    if current.len() >= 2 && current.last() == Some(&b'"') {
        return req.response.fields.value(KnownField::Etag) == Some(current);
    }
    // An unreadable date is none, and so is that of an answer without one.
    let modified = req.response.modified;
    modified.is_some() && modified == date::parse(current)
}

/// `ngx_http_range_singlepart_header`.
fn begin_part(response: &mut Response, part: Range<u64>, length: u64) {
    let text = format!("bytes {}-{}/{length}", part.start, part.end - 1);
    push_content_range(response, &text);
    response.content_length = Some(part.end - part.start);
    response.cut = Cut::Part(part);
}

fn push_content_range(response: &mut Response, value: &str) {
    let known = KnownField::ContentRange;
    response
        .fields
        .push(known, b"Content-Range", value.as_bytes());
}

/// `ngx_http_range_multipart_header`.
fn begin_parts(response: &mut Response, ranges: Vec<Range<u64>>, length: u64) {
    // As in nginx, the boundary is a number of the sequence that also names temporary files.
    let boundary = format!("{:020}", temp_file::next_number());
    let mut before = format!("\r\n--{boundary}\r\n").into_bytes();
    response.content_type.complete();
    if !response.content_type.is_empty() {
        before.extend_from_slice(b"Content-Type: ");
        before.extend_from_slice(response.content_type.text());
        before.extend_from_slice(b"\r\n");
    }
    let end = format!("\r\n--{boundary}--\r\n").into_bytes();
    let mut total = end.len() as u64;
    let lines = |range: Range<u64>| {
        let (first, last) = (range.start, range.end - 1);
        let mut lines = before.clone();
        let text = format!("Content-Range: bytes {first}-{last}/{length}\r\n\r\n");
        lines.extend_from_slice(text.as_bytes());
        total += lines.len() as u64 + range.end - range.start;
        (lines, range)
    };
    let parts = ranges.into_iter().map(lines).collect();
    let multipart = format!("multipart/byteranges; boundary={boundary}");
    response.content_type.clear();
    response.content_type.set(multipart.as_bytes());
    response.content_length = Some(total);
    response.cut = Cut::Parts(Box::new(Parts { parts, end }));
}
