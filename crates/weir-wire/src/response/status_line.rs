//! The status line (ngx_http_parse_status_line).

use super::head::ResponseHead;
use crate::search::line_control;
use crate::span::Span;
use crate::version::Version;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Offset into "HTTP/".
    Protocol(u8),
    #[default]
    Start,
    FirstMajorDigit,
    MajorDigit,
    FirstMinorDigit,
    MinorDigit,
    Status,
    SpaceAfterStatus,
    Reason,
    AlmostDone,
    Done,
}

/// No status line: what follows is taken for an HTTP/0.9 body.
#[derive(Debug)]
pub(super) struct NotHttp;

/// Incremental parser of the status line.
#[derive(Clone, Debug, Default)]
pub(super) struct StatusLine {
    stage: Stage,
    major: u16,
    minor: u16,
    status: u16,
    digits: u8,
    status_start: usize,
}

impl StatusLine {
    /// Reads on from `pos`; true once the line is complete.
    #[inline]
    pub(super) fn parse(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        head: &mut ResponseHead,
    ) -> Result<bool, NotHttp> {
        if self.stage == Stage::Start {
            self.stage = Stage::Protocol(0);
            if self.plain_line(buf, pos, head) {
                return Ok(true);
            }
        }
        while *pos < buf.len() {
            self.stage = self.byte(buf, *pos, head)?;
            *pos += 1;
            match self.stage {
                Stage::Reason => {
                    let rest = memchr::memchr2(b'\r', b'\n', &buf[*pos..]);
                    *pos = rest.map_or(buf.len(), |len| *pos + len);
                }
                Stage::Done => {
                    head.version = Version {
                        major: self.major,
                        minor: self.minor,
                    };
                    head.status = self.status;
                    return Ok(true);
                }
                _ => {}
            }
        }
        Ok(false)
    }

    /// Takes `HTTP/1.1 200 OK` and its CRLF in one go, which is how nearly every response begins;
    /// else it changes nothing and returns false.
    #[inline]
    fn plain_line(&mut self, buf: &[u8], pos: &mut usize, head: &mut ResponseHead) -> bool {
        let Some(rest) = buf[*pos..].strip_prefix(b"HTTP/1.1 ") else {
            return false;
        };
        let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] = rest else {
            return false;
        };
        let start = *pos + b"HTTP/1.1 ".len();
        let end = line_control(buf, start + 4);
        let Some(b"\r\n") = buf.get(end..end + 2) else {
            return false;
        };
        let digit = |byte: &u8| u16::from(byte - b'0');
        head.status = digit(a) * 100 + digit(b) * 10 + digit(c);
        head.version = Version::HTTP_11;
        head.reason_line = Span::new(start, end);
        *pos = end + 2;
        self.stage = Stage::Done;
        true
    }

    fn byte(&mut self, buf: &[u8], at: usize, head: &mut ResponseHead) -> Result<Stage, NotHttp> {
        const PROTOCOL: &[u8] = b"HTTP/";
        Ok(match (self.stage, buf[at]) {
            (Stage::Protocol(seen), byte) if byte == PROTOCOL[usize::from(seen)] => {
                if usize::from(seen) + 1 == PROTOCOL.len() {
                    Stage::FirstMajorDigit
                } else {
                    Stage::Protocol(seen + 1)
                }
            }
            (Stage::FirstMajorDigit, b'0') => return Err(NotHttp),
            (Stage::MajorDigit, b'.') => Stage::FirstMinorDigit,
            (Stage::MinorDigit, b' ') | (Stage::Status, b' ') => Stage::Status,
            (_, digit @ b'0'..=b'9') if self.stage != Stage::Reason => self.digit(digit, at)?,
            (Stage::SpaceAfterStatus, b' ' | b'.') => Stage::Reason,
            (Stage::SpaceAfterStatus | Stage::Reason, b'\r') => {
                head.reason_line = Span::new(self.status_start, at);
                Stage::AlmostDone
            }
            (Stage::SpaceAfterStatus | Stage::Reason, b'\n') => {
                head.reason_line = Span::new(self.status_start, at);
                Stage::Done
            }
            (Stage::Reason, _) => Stage::Reason,
            (Stage::AlmostDone, b'\n') => Stage::Done,
            _ => return Err(NotHttp),
        })
    }

    fn digit(&mut self, digit: u8, at: usize) -> Result<Stage, NotHttp> {
        let digit = u16::from(digit - b'0');
        let append = |number: &mut u16| {
            if *number > 99 {
                return Err(NotHttp);
            }
            *number = *number * 10 + digit;
            Ok(())
        };
        match self.stage {
            Stage::FirstMajorDigit | Stage::MajorDigit => {
                append(&mut self.major).map(|()| Stage::MajorDigit)
            }
            Stage::FirstMinorDigit | Stage::MinorDigit => {
                append(&mut self.minor).map(|()| Stage::MinorDigit)
            }
            Stage::Status => {
                self.status = self.status * 10 + digit;
                self.digits += 1;
                if self.digits < 3 {
                    return Ok(Stage::Status);
                }
                // Blanks between the digits are accepted, but cut off what is passed on.
                self.status_start = at - 2;
                Ok(Stage::SpaceAfterStatus)
            }
            _ => Err(NotHttp),
        }
    }
}
