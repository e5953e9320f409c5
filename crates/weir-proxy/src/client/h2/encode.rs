//! The head of an answer as a header block (ngx_http_v2_header_filter).

use weir_http2::{Block, Name};
use weir_wire::{KnownField, date};

use crate::facts::h2::Stream;
use crate::facts::{Client, Response, Session};
use weir_io::clock;

/// A head that was sent.
pub(crate) struct SentHead {
    /// Bytes of it.
    length: u64,
    /// It is all of the answer.
    ends: bool,
}

/// Sends the head of the answer, signed with `signature`.
pub(crate) fn send_head(session: &Session, signature: &str) -> SentHead {
    let vary = session.req.state.varies_by_encoding && session.settings().gzip_vary;
    let response = &session.req.response;
    let bodyless = response.content_length == Some(0) && !response.expects_trailers;
    let ends = response.header_only || bodyless;
    let Client::H2(stream) = &session.client else {
        return SentHead { length: 0, ends };
    };
    let mut codec = stream.wire.codec.borrow_mut();
    let before = codec.output().len();
    write(codec.head(), response, signature, vary);
    codec.send_head(stream.seat.number, ends);
    let length = (codec.output().len() - before) as u64;
    drop(codec);
    stream.wire.notify();
    SentHead { length, ends }
}

impl Session {
    /// Notes what a head that was sent says of the body.
    pub(crate) fn note_head(&mut self, sent: &SentHead) {
        let chunk = self.settings().http2_chunk_size;
        let response = &mut self.req.response;
        response.head_length = sent.length;
        response.begun = true;
        self.req.state.sent += sent.length;
        if let Client::H2(stream) = &mut self.client {
            stream.closed = sent.ends;
            stream.chunk = chunk;
            let length = response.content_length;
            stream.left = length.filter(|_| !response.expects_trailers);
        }
    }
}

fn write(block: &mut Block, response: &Response, signature: &str, vary: bool) {
    // A head that an upstream did not send says of no status.
    block.status(if response.no_head { 0 } else { response.status });
    if !response.has_server && !signature.is_empty() {
        block.named(Name::Server, signature.as_bytes());
    }
    if !response.has_date {
        clock::with_log_time(|time| block.named(Name::Date, time.http_date()));
    }
    if !response.content_type.is_empty() {
        block.named(Name::ContentType, response.content_type.text());
    }
    if let Some(length) = response.content_length {
        block.content_length(length);
    }
    if let Some(modified) = response.modified
        && !response.fields.has(KnownField::LastModified)
    {
        let mut text = Vec::new();
        date::write(modified, &mut text);
        block.named(Name::LastModified, &text);
    }
    let in_fields = response.fields.value(KnownField::Location);
    let location = match in_fields {
        Some(location) => location,
        None => &response.location,
    };
    if !location.is_empty() {
        block.named(Name::Location, location);
    }
    if vary {
        block.named(Name::Vary, b"Accept-Encoding");
    }
    for (name, value) in response.fields.iter() {
        if in_fields.is_some() && name.eq_ignore_ascii_case(b"location") {
            continue;
        }
        block.field(name, value);
    }
}

impl Stream {
    /// Sends an interim head (ngx_http_v2_early_hints_filter), if it says anything.
    pub(crate) fn send_interim<'a>(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) {
        let mut fields = fields.peekable();
        if fields.peek().is_none() {
            return;
        }
        let mut codec = self.wire.codec.borrow_mut();
        let before = codec.output().len();
        let block = codec.head();
        block.status(status);
        for (name, value) in fields {
            block.field(name, value);
        }
        codec.send_head(self.seat.number, false);
        self.framing += (codec.output().len() - before) as u64;
        drop(codec);
        self.wire.notify();
    }
}
