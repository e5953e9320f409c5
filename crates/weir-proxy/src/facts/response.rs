//! The head of an answer, as far as its producers have gathered it.

use weir_wire::FieldLines;

/// An answer's head and how its body is framed.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// `200 OK` as an upstream sent it; empty = nginx's own words.
    pub(crate) status_line: Vec<u8>,
    /// Empty = no such field.
    pub(crate) content_type: Vec<u8>,
    pub(crate) content_length: Option<u64>,
    /// The text of `Last-Modified`, empty = none.
    pub(crate) last_modified: Vec<u8>,
    /// A `Location` of our own that was made absolute.
    pub(crate) location: Vec<u8>,
    /// Where an answer of our own redirects to, as written.
    pub(crate) redirect_to: Option<Vec<u8>>,
    /// All other fields, in order.
    pub(crate) fields: FieldLines,
    /// `Content-Type` and field lines that an `X-Accel-Redirect` leaves to whatever answers.
    pub(crate) kept_type: Vec<u8>,
    pub(crate) kept_fields: FieldLines,
    /// The fields hold a `Server` / `Date` that replaces ours.
    pub(crate) has_server: bool,
    pub(crate) has_date: bool,
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
    /// Trailers will follow, so the body is chunked whatever its length.
    pub(crate) expects_trailers: bool,
    /// Trailers that follow a chunked body.
    pub(crate) trailers: FieldLines,
    /// The upstream sent no head (HTTP/0.9), so none is passed on.
    pub(crate) no_head: bool,
}

impl Response {
    pub(crate) fn reset(&mut self) {
        self.clear_head();
        self.begun = false;
        self.head_length = 0;
        self.limit_rate = None;
        self.trailers.clear();
        self.no_head = false;
        self.expects_trailers = false;
        self.kept_type.clear();
        self.kept_fields.clear();
    }

    /// Forgets what an earlier producer had set; its head was not begun.
    pub(crate) fn clear_head(&mut self) {
        self.status = 0;
        self.status_line.clear();
        self.content_type.clear();
        self.content_length = None;
        self.last_modified.clear();
        self.location.clear();
        self.redirect_to = None;
        self.fields.clear();
        self.has_server = false;
        self.has_date = false;
        self.chunked = false;
        self.header_only = false;
    }

    /// Keeps type and fields as they are now for whatever answers in place of the producer.
    pub(crate) fn keep_for_redirect(&mut self) {
        std::mem::swap(&mut self.kept_type, &mut self.content_type);
        std::mem::swap(&mut self.kept_fields, &mut self.fields);
        self.clear_head();
    }

    /// Begins an answer of our own, whose type is `content_type` unless one was kept
    /// (`ngx_http_set_content_type`).
    pub(crate) fn begin_own(&mut self, status: u16, content_type: Vec<u8>) {
        self.clear_head();
        self.status = status;
        self.content_type = if self.kept_type.is_empty() {
            content_type
        } else {
            self.kept_type.clone()
        };
        self.take_kept_fields();
    }

    /// Puts the fields that were kept into the head.
    pub(crate) fn take_kept_fields(&mut self) {
        self.fields.append(&mut self.kept_fields);
    }

    /// Adds a field line.
    pub(crate) fn push_field(&mut self, name: &[u8], value: &[u8]) {
        self.fields.push(name, value);
    }
}
