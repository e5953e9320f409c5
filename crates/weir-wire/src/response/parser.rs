//! The parser that an upstream connection drives.

use super::fault::{ResponseFault, ResponseNotice};
use super::fields;
use super::head::{ResponseHead, ResponseRules};
use super::status_line::StatusLine;
use crate::field_line::{FieldLine, LineRules, LineStep};
use crate::version::Version;

/// How far a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseProgress {
    /// More bytes are needed.
    Partial,
    /// The head is complete and `head.len` bytes long.
    Done,
    /// There is no status line: "upstream sent no valid HTTP/1.0 header" is logged at error, and
    /// all bytes, from the first on, are passed to the client without a head. `connection_close`
    /// is set; nginx notes 200 as $upstream_status and 009 as $status.
    NotHttp,
    /// An interim head, 103, of `head.len` bytes. Pass or drop it, remove these bytes from the
    /// buffer, reset head and parser, and go on.
    EarlyHints,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    StatusLine,
    Fields,
    Finished(ResponseEnd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResponseEnd {
    Done,
    NotHttp,
    EarlyHints,
}

/// Incremental parser of one response head after the other.
#[derive(Clone, Debug, Default)]
pub struct ResponseParser {
    stage: Stage,
    pos: usize,
    status_line: StatusLine,
    field: FieldLine,
    notices: Vec<ResponseNotice>,
}

impl ResponseParser {
    /// A parser before the first byte.
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

    /// What is to be logged besides, since the last time this was asked.
    pub fn notices(&mut self) -> impl Iterator<Item = ResponseNotice> + '_ {
        self.notices.drain(..)
    }

    /// Reads on. `buf` holds everything since the first call, `head` is the same as then. How long
    /// a head may be is for the caller to check: it is proxy_buffer_size.
    ///
    /// # Errors
    ///
    /// The reason to refuse the response; the parser is of no use then until it is reset.
    pub fn parse(
        &mut self,
        buf: &[u8],
        head: &mut ResponseHead,
        rules: &ResponseRules,
    ) -> Result<ResponseProgress, ResponseFault> {
        if self.stage == Stage::StatusLine {
            match self.status_line.parse(buf, &mut self.pos, head) {
                Ok(false) => return Ok(ResponseProgress::Partial),
                Ok(true) => {
                    if head.version < Version::HTTP_11 {
                        if head.status == EARLY_HINTS && rules.early_hints {
                            return Err(ResponseFault::EarlyHintsInHttp10);
                        }
                        head.connection_close = true;
                    }
                    self.stage = Stage::Fields;
                }
                Err(_not_http) => {
                    head.version = Version::HTTP_09;
                    head.connection_close = true;
                    self.stage = Stage::Finished(ResponseEnd::NotHttp);
                }
            }
        }
        match self.stage {
            Stage::Finished(ResponseEnd::Done) => Ok(ResponseProgress::Done),
            Stage::Finished(ResponseEnd::NotHttp) => Ok(ResponseProgress::NotHttp),
            Stage::Finished(ResponseEnd::EarlyHints) => Ok(ResponseProgress::EarlyHints),
            Stage::StatusLine | Stage::Fields => self.parse_fields(buf, head, *rules),
        }
    }

    fn parse_fields(
        &mut self,
        buf: &[u8],
        head: &mut ResponseHead,
        rules: ResponseRules,
    ) -> Result<ResponseProgress, ResponseFault> {
        let line_rules = LineRules {
            underscores: true,
            trim_tabs: false,
            skip_status_lines: true,
        };
        loop {
            match self.field.step(buf, &mut self.pos, line_rules) {
                Ok(LineStep::Line) => {
                    let (name, value) = (self.field.name(), self.field.value());
                    let notice = fields::take(buf, head, name, value, rules)?;
                    self.notices.extend(notice);
                }
                Ok(LineStep::Partial) => return Ok(ResponseProgress::Partial),
                Ok(LineStep::End) => return Ok(self.finish(head, rules)),
                Err(bad) => {
                    return Err(ResponseFault::InvalidHeader {
                        line: bad.line.of(buf).to_vec(),
                        byte: buf[bad.line.end as usize],
                    });
                }
            }
        }
    }

    fn finish(&mut self, head: &mut ResponseHead, rules: ResponseRules) -> ResponseProgress {
        head.len = self.pos;
        if head.chunked {
            head.content_length = None;
        }
        if head.status == EARLY_HINTS && rules.early_hints {
            self.stage = Stage::Finished(ResponseEnd::EarlyHints);
            return ResponseProgress::EarlyHints;
        }
        self.stage = Stage::Finished(ResponseEnd::Done);
        ResponseProgress::Done
    }
}

const EARLY_HINTS: u16 = 103;
