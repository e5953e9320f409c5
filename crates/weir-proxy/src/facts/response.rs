//! The head of an answer, as far as its producers have gathered it.

use std::mem::take;
use std::ops::Range;

use weir_filter::{Chain, Filter};
use weir_io::clock::{self, Moment};
use weir_wire::{FieldLines, KnownField};

use super::ContentType;

/// An answer's head and how its body is framed: nginx's `headers_out`. It lasts as long as the request:
/// whatever answers after an internal redirect, or the page of a status, adds to what is there and
/// replaces only what it names.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `200 OK` as an upstream sent it; empty = nginx's own words.
    pub(crate) status_line: Vec<u8>,
    /// Empty = no such field.
    pub(crate) content_type: ContentType,
    /// `X-Accel-Charset` of an upstream.
    pub(crate) accel_charset: Option<Box<[u8]>>,
    pub(crate) content_length: Option<u64>,
    /// When what is sent was changed last, in seconds since 1970. The head shows it unless `fields` hold
    /// a `Last-Modified` that counts.
    pub(crate) modified: Option<i64>,
    /// A `Location` of our own that was made absolute.
    pub(crate) location: Vec<u8>,
    /// All other fields, in order. `ETag`, `Last-Modified`, `Location`, `Accept-Ranges`,
    /// `Content-Range`, `Content-Encoding`, `Cache-Control` and `Expires` count where nginx points to
    /// them in `headers_out`.
    pub(crate) fields: FieldLines,
    /// The fields hold a `Server` / `Date` that replaces ours.
    pub(crate) has_server: bool,
    pub(crate) has_date: bool,
    /// The client may ask for parts of the body (`allow_ranges`).
    pub(crate) allows_ranges: bool,
    /// For one part only (`single_range`).
    pub(crate) single_range: bool,
    /// `If-…` fields are not ours to judge: the upstream has (`disable_not_modified`).
    pub(crate) unconditional: bool,
    /// Which bytes of the body are sent.
    pub(crate) cut: Cut,
    /// What rewrites the body on its way.
    pub(crate) filters: Option<Box<Chain>>,
    /// The body, if any, is sent in chunks.
    pub(crate) chunked: bool,
    /// No body may be sent: HEAD, 204, 304.
    pub(crate) header_only: bool,
    /// Head bytes that wait for the first byte of the body (`postpone_output`).
    pub(crate) pending: Vec<u8>,
    /// The head was written into `pending`: the status is final.
    pub(crate) begun: bool,
    /// Bytes of the head.
    pub(crate) head_length: u64,
    /// Bytes a second, 0 = no limit; from `X-Accel-Limit-Rate`, else `limit_rate`.
    pub(crate) limit_rate: Option<u64>,
    /// `add_trailer` has something to add, so the body is chunked whatever its length.
    pub(crate) expects_trailers: bool,
    /// Trailers that follow a chunked body.
    pub(crate) trailers: FieldLines,
    /// The upstream sent no head (HTTP/0.9), so none is passed on.
    pub(crate) no_head: bool,
    /// What is added to the body.
    pub(crate) additions: Option<Box<Additions>>,
}

/// Bodies that are put around that of an answer: those of subrequests.
#[derive(Debug)]
pub(crate) struct Additions {
    /// When the answer began: `limit_rate` counts from here.
    pub(crate) started: Moment,
    /// The path whose body comes first.
    pub(crate) before: Option<Box<[u8]>>,
    /// The body is the first of several slices, which follow.
    pub(crate) slices: bool,
    /// The path whose body comes last.
    pub(crate) after: Option<Box<[u8]>>,
}

impl Default for Additions {
    fn default() -> Self {
        Self {
            started: clock::now(),
            before: None,
            slices: false,
            after: None,
        }
    }
}

/// Which bytes of a body are sent.
#[derive(Debug, Default)]
pub(crate) enum Cut {
    #[default]
    Whole,
    /// One part: 206.
    Part(Range<u64>),
    /// `multipart/byteranges`.
    Parts(Box<Parts>),
}

/// Several parts, and the lines that separate them.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The lines before a part, and the part.
    pub(crate) parts: Vec<(Vec<u8>, Range<u64>)>,
    /// The line behind the last one.
    pub(crate) end: Vec<u8>,
}

/// A status as heads and log lines show it: three digits.
pub(crate) fn status_digits(status: u16) -> [u8; 3] {
    [status / 100, status / 10, status].map(|number| b'0' + (number % 10) as u8)
}

impl Response {
    /// Prepares for the next answer of the connection: only the rooms of texts and fields, emptied, are
    /// kept.
    pub(crate) fn reset(&mut self) {
        self.clear_head();
        self.pending.clear();
        *self = Self {
            status_line: take(&mut self.status_line),
            content_type: take(&mut self.content_type),
            location: take(&mut self.location),
            fields: take(&mut self.fields),
            pending: take(&mut self.pending),
            trailers: take(&mut self.trailers),
            ..Self::default()
        };
    }

    /// Forgets what producers have set (`ngx_http_clean_header`); the head was not begun.
    pub(crate) fn clear_head(&mut self) {
        self.status = 0;
        self.status_line.clear();
        self.content_type.clear();
        self.content_length = None;
        self.modified = None;
        self.location.clear();
        self.fields.clear();
        self.trailers.clear();
        self.has_server = false;
        self.has_date = false;
        self.accel_charset = None;
        self.filters = None;
        self.additions = None;
        self.cut = Cut::Whole;
        self.chunked = false;
        self.header_only = false;
    }

    /// Replaces the `Location` that counts (`ngx_http_clear_location`).
    pub(crate) fn redirect_to(&mut self, location: &[u8]) {
        self.fields.remove(KnownField::Location);
        self.fields
            .push(KnownField::Location, b"Location", location);
    }

    /// Drops what speaks of a body that is replaced: its tag, its date, its parts
    /// (`ngx_http_send_special_response`).
    pub(crate) fn clear_validators(&mut self) {
        self.clear_ranges();
        self.modified = None;
        self.fields.remove(KnownField::LastModified);
        self.fields.remove(KnownField::Etag);
    }

    /// No parts may be asked for (`ngx_http_clear_accept_ranges`).
    pub(crate) fn clear_ranges(&mut self) {
        self.allows_ranges = false;
        self.fields.remove(KnownField::AcceptRanges);
    }

    /// The body that is sent is another one: of what length is not known yet, and no parts of it may be had.
    pub(crate) fn replace_body(&mut self) {
        self.content_length = None;
        self.clear_ranges();
    }

    /// The tag says no more than that the answer means the same (`ngx_http_weak_etag`).
    pub(crate) fn weaken_etag(&mut self) {
        let Some(tag) = self.fields.value(KnownField::Etag) else {
            return;
        };
        match tag {
            [b'W', b'/', _, ..] => {}
            [b'"', ..] => {
                let weak = [b"W/", tag].concat();
                self.fields.set_value(KnownField::Etag, b"ETag", &weak);
            }
            _ => self.fields.remove(KnownField::Etag),
        }
    }

    /// Adds a filter that the body passes.
    pub(crate) fn filter_through(&mut self, filter: Filter) {
        self.filters.get_or_insert_default().add(filter);
    }

    /// Whether other bodies follow this one before the answer is complete.
    pub(crate) fn goes_on(&self) -> bool {
        let follows = |added: &Additions| added.slices || added.after.is_some();
        self.additions.as_deref().is_some_and(follows)
    }

    /// Nothing follows what is being sent, no other body and no trailers.
    pub(crate) fn ends_with_body(&self) -> bool {
        !self.goes_on() && self.trailers.iter().next().is_none()
    }

    /// The body is sent as it is: whole, and without frames of ours.
    pub(crate) fn sends_plain(&self) -> bool {
        matches!(self.cut, Cut::Whole)
            && !self.chunked
            && !self.expects_trailers
            && self.filters.is_none()
    }
}
