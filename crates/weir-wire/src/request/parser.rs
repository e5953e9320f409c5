//! The parser that a client connection drives.

use super::fault::{RequestFault, RequestNotice};
use super::fields::{self, Meaning};
use super::head::RequestHead;
use super::limits::HeadLimits;
use super::line::RequestLine;
use super::window::{HeaderBuffer, Window};
use crate::field_line::{FieldLine, LineRules, LineStep};
use crate::span::Span;
use crate::uri::normalise;
use crate::version::Version;

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    Partial,
    /// The request line is complete; said once. If there is an authority, `head.host` names the
    /// server whose limits hold from here on.
    RequestLine,
    /// `Host` was read and `head.host` names the server; said once, and only if the request line
    /// did not name one. nginx takes the limits for the following lines from that server.
    Host,
    /// The head is complete and `head.len` bytes long; said for every further call, too.
    Done,
}

/// What nginx says it is doing, for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParsePhase {
    /// "reading client request line"
    #[default]
    RequestLine,
    /// "reading client request headers"
    Headers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    RequestLine,
    Fields,
    Done,
}

/// Incremental parser of one request head after the other on one connection.
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    stage: Stage,
    pos: usize,
    window: Window,
    line: RequestLine,
    field: FieldLine,
    lines: usize,
    notices: Vec<RequestNotice>,
}

impl RequestParser {
    /// A parser at the beginning of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts over with an empty buffer.
    pub fn reset(&mut self) {
        let mut notices = std::mem::take(&mut self.notices);
        notices.clear();
        *self = Self {
            notices,
            ..Self::default()
        };
    }

    /// The buffer in which nginx has what the client sent behind this request, whose head and body
    /// are `consumed` bytes; `None` if it has not read so far.
    #[must_use]
    pub fn buffer_behind(&self, consumed: usize) -> Option<HeaderBuffer> {
        HeaderBuffer::behind(&self.window, consumed)
    }

    /// Begins the next head, after a reset, where nginx goes on in a buffer that is in use.
    pub fn begin_in(&mut self, buffer: HeaderBuffer) {
        self.window = buffer.0;
    }

    /// Reads on. `buf` holds everything since the first call, `head` is the same as then.
    ///
    /// # Errors
    ///
    /// The reason to refuse the request; the parser is of no use then until it is reset.
    pub fn parse(
        &mut self,
        buf: &[u8],
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Progress, RequestFault> {
        self.window.open(limits);
        match self.stage {
            Stage::RequestLine => self.parse_line(buf, head, limits),
            Stage::Fields => self.parse_fields(buf, head, limits),
            Stage::Done => Ok(Progress::Done),
        }
    }

    /// What the bytes read next belong to.
    #[must_use]
    pub fn phase(&self) -> ParsePhase {
        match self.stage {
            Stage::RequestLine => ParsePhase::RequestLine,
            Stage::Fields | Stage::Done => ParsePhase::Headers,
        }
    }

    /// What is to be logged besides, since the last time this was asked.
    pub fn notices(&mut self) -> impl Iterator<Item = RequestNotice> + '_ {
        self.notices.drain(..)
    }

    /// The request line as far as it has been received, for log lines written before it is
    /// complete; `None` if no byte was read (nginx then logs no `request:`).
    #[must_use]
    pub fn received_line(&self, buf: &[u8]) -> Option<Span> {
        let start = self.line.start()?;
        let seen = &buf[start..buf.len().min(self.window.end())];
        let len = memchr::memchr2(b'\r', b'\n', seen).unwrap_or(seen.len());
        Some(Span::new(start, start + len))
    }

    /// Empty lines before the request line, in bytes. The caller may drop them from the front of
    /// the buffer and say so with [`Self::forget`], lest they pile up.
    #[must_use]
    pub fn leading(&self) -> usize {
        if self.stage == Stage::RequestLine && self.line.is_before_start() {
            self.pos
        } else {
            0
        }
    }

    /// The caller dropped that many bytes, at most [`Self::leading`].
    pub fn forget(&mut self, dropped: usize) {
        self.pos = self.pos.saturating_sub(dropped);
        self.window.shift(dropped);
        self.line.shift(dropped);
    }

    fn parse_line(
        &mut self,
        buf: &[u8],
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Progress, RequestFault> {
        loop {
            let seen = &buf[..buf.len().min(self.window.end())];
            match self.line.parse(seen, &mut self.pos, head, limits.compat) {
                Ok(true) => return self.finish_line(buf, head, limits),
                Ok(false) if self.pos < self.window.end() => return Ok(Progress::Partial),
                Ok(false) => self.next_line_buffer(head, limits)?,
                Err(fault) => {
                    head.request_line = self.received_line(buf).unwrap_or_default();
                    return Err(fault);
                }
            }
        }
    }

    /// nginx's buffer is full within the request line.
    #[cold]
    fn next_line_buffer(
        &mut self,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<(), RequestFault> {
        if self.line.is_before_start() {
            self.window.restart(self.pos);
            return Ok(());
        }
        let start = self.line.start().unwrap_or(self.pos);
        self.window
            .enlarge(self.pos, Some(start), limits)
            .map_err(|_full| {
                head.request_line = Span::new(start, self.pos);
                RequestFault::TooLongUri
            })
    }

    /// Looks into the target once the line is complete (ngx_http_process_request_uri and the rest
    /// of ngx_http_process_request_line).
    fn finish_line(
        &mut self,
        buf: &[u8],
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Progress, RequestFault> {
        head.request_length = self.pos - head.request_line.start as usize;
        if head.needs_normalising {
            normalise_target(buf, head, limits.merge_slashes)?;
        }
        if !head.authority.is_empty() || !head.scheme.is_empty() {
            let host = limits
                .compat
                .host
                .validate(head.authority.of(buf))
                .map_err(|_fault| RequestFault::InvalidHostInRequestLine)?;
            fields::set_host(head, head.authority, host);
        }
        if head.version < Version::HTTP_10 {
            head.len = self.pos;
            self.stage = Stage::Done;
        } else {
            self.stage = Stage::Fields;
        }
        Ok(Progress::RequestLine)
    }

    fn parse_fields(
        &mut self,
        buf: &[u8],
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Progress, RequestFault> {
        let rules = LineRules {
            underscores: limits.underscores,
            trim_tabs: false,
            skip_status_lines: false,
        };
        loop {
            if self.pos == self.window.end() {
                self.next_field_buffer(buf, limits)?;
            }
            let seen = &buf[..buf.len().min(self.window.end())];
            match self.field.step(seen, &mut self.pos, rules) {
                Ok(LineStep::Line) => {
                    if self.take_line(buf, head, limits)? == Meaning::Server {
                        return Ok(Progress::Host);
                    }
                }
                Ok(LineStep::Partial) if self.pos < self.window.end() => {
                    return Ok(Progress::Partial);
                }
                Ok(LineStep::Partial) => {}
                Ok(LineStep::End) => {
                    head.request_length += self.pos - self.field.name().start as usize;
                    head.len = self.pos;
                    self.stage = Stage::Done;
                    fields::check_head(buf, head)?;
                    return Ok(Progress::Done);
                }
                Err(bad) => {
                    return Err(RequestFault::InvalidHeaderLine {
                        line: bad.line.of(buf).to_vec(),
                        byte: buf[bad.line.end as usize],
                    });
                }
            }
        }
    }

    #[inline]
    fn take_line(
        &mut self,
        buf: &[u8],
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Meaning, RequestFault> {
        head.request_length += self.pos - self.field.name().start as usize;
        if self.field.is_invalid() && limits.ignore_invalid {
            self.notices.push(RequestNotice::InvalidHeaderLine {
                line: self.field.line(),
            });
            return Ok(Meaning::Field);
        }
        if self.lines >= limits.max_headers {
            return Err(RequestFault::TooManyHeaderLines);
        }
        self.lines += 1;
        let (name, value) = (self.field.name(), self.field.value());
        fields::take(buf, head, name, value, limits.compat)
    }

    /// nginx's buffer is full within the fields.
    #[cold]
    fn next_field_buffer(&mut self, buf: &[u8], limits: &HeadLimits) -> Result<(), RequestFault> {
        /// NGX_MAX_ERROR_STR less 300: so much of a line is quoted.
        const QUOTED: usize = 2048 - 300;
        let start = self.field.line_start();
        let unfinished = if self.field.is_at_line_start() {
            None
        } else {
            start
        };
        let end = self.window.end();
        self.window
            .enlarge(self.pos, unfinished, limits)
            .map_err(|_full| match start {
                None => RequestFault::TooLargeRequest,
                Some(start) => RequestFault::TooLongHeaderLine {
                    snippet: buf[start..end.min(start + QUOTED)].to_vec(),
                },
            })
    }
}

/// Decodes the path and finds where it ends, when that was not plain from the bytes.
pub(super) fn normalise_target(
    buf: &[u8],
    head: &mut RequestHead,
    merge_slashes: bool,
) -> Result<(), RequestFault> {
    let raw = head.raw_uri.of(buf);
    head.normalised.clear();
    let parts = normalise(raw, merge_slashes, &mut head.normalised)
        .map_err(|_fault| RequestFault::InvalidRequest)?;
    let start = head.raw_uri.start as usize;
    head.raw_path = Span::new(start, start + parts.path_len);
    head.quoted_uri |= parts.quoted;
    head.plus_in_uri |= parts.plus;
    head.has_args = parts.args.is_some();
    head.args = parts.args.map_or_else(Span::default, |args| {
        Span::new(start + args.start, start + args.end)
    });
    Ok(())
}
