//! One header line, read incrementally; shared by requests, responses and trailers.

use crate::search::{line_control, skip};
use crate::span::Span;
use memchr::memchr3;

/// What separates the three uses of the line parser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineRules {
    /// `_` in a name does not make the line invalid.
    pub(crate) underscores: bool,
    /// Tabs around a value are trimmed like spaces (since 1.29).
    pub(crate) trim_tabs: bool,
    /// A repeated status line among the fields is skipped, as some origins send it.
    pub(crate) skip_status_lines: bool,
}

/// What a call found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineStep {
    /// The bytes ran out inside a line.
    Partial,
    /// A line is complete; see [`FieldLine::name`] and the rest.
    Line,
    /// The empty line that ends the fields.
    End,
}

/// A byte that no header line may contain where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadLine {
    /// From the line's first byte up to, not including, the byte that is reported.
    pub(crate) line: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Name,
    SpaceBeforeValue,
    Value,
    StatusLine,
    AlmostDone,
    EndAlmostDone,
}

/// Parser of one line at a time (ngx_http_parse_header_line).
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldLine {
    stage: Stage,
    /// Whether some line has begun yet; nginx asks that when a buffer overflows.
    started: bool,
    line_start: usize,
    name_end: usize,
    value_start: usize,
    value_end: usize,
    invalid: bool,
}

/// Classes of bytes in a name.
const NAME_BYTE: u8 = 0;
const UNDERSCORE: u8 = 1;
const COLON: u8 = 2;
const CR: u8 = 3;
const LF: u8 = 4;
/// Never allowed: blanks, control bytes, DEL.
const FORBIDDEN: u8 = 5;
/// Makes the line invalid, which the configuration may forgive.
const ODD: u8 = 6;

const NAME_CLASS: [u8; 256] = {
    let mut class = [ODD; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => NAME_BYTE,
            b'_' => UNDERSCORE,
            b':' => COLON,
            b'\r' => CR,
            b'\n' => LF,
            0..=0x20 | 0x7f => FORBIDDEN,
            _ => ODD,
        };
        byte += 1;
    }
    class
};

impl FieldLine {
    /// Name of the line that was completed last.
    #[inline]
    pub(crate) fn name(&self) -> Span {
        Span::new(self.line_start, self.name_end)
    }

    /// Its value, trimmed.
    #[inline]
    pub(crate) fn value(&self) -> Span {
        Span::new(self.value_start, self.value_end)
    }

    /// Name, colon and value, as nginx logs a dropped line.
    #[inline]
    pub(crate) fn line(&self) -> Span {
        Span::new(self.line_start, self.value_end)
    }

    /// Whether the name holds a byte that makes the line invalid.
    #[inline]
    pub(crate) fn is_invalid(&self) -> bool {
        self.invalid
    }

    /// Whether the next byte begins a line.
    #[inline]
    pub(crate) fn is_at_line_start(&self) -> bool {
        self.stage == Stage::Start
    }

    /// First byte of the current or the last line, if there was one.
    #[inline]
    pub(crate) fn line_start(&self) -> Option<usize> {
        self.started.then_some(self.line_start)
    }

    /// Reads on from `pos` until a line ends or the bytes do; `pos` moves past what was read.
    #[inline]
    pub(crate) fn step(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        rules: LineRules,
    ) -> Result<LineStep, BadLine> {
        if self.stage == Stage::Start && self.plain_line(buf, pos) {
            return Ok(LineStep::Line);
        }
        while *pos < buf.len() {
            let finished = match self.stage {
                Stage::Start => self.start(buf, pos, rules)?,
                Stage::Name => self.name_bytes(buf, pos, rules)?,
                Stage::SpaceBeforeValue => self.space_before_value(buf, pos, rules)?,
                Stage::Value => self.value_bytes(buf, pos, rules)?,
                Stage::StatusLine => self.status_line(buf, pos),
                Stage::AlmostDone => self.almost_done(buf, pos)?,
                Stage::EndAlmostDone => self.end_almost_done(buf, pos)?,
            };
            if let Some(step) = finished {
                return Ok(step);
            }
        }
        Ok(LineStep::Partial)
    }

    /// Takes `Name: value` and its CRLF in one go where nothing about them is unusual, which is how
    /// nearly every line comes; else it changes nothing and returns false.
    #[inline]
    fn plain_line(&mut self, buf: &[u8], pos: &mut usize) -> bool {
        let start = *pos;
        let colon = skip(buf, start, |byte| NAME_CLASS[byte as usize] == NAME_BYTE);
        let value = colon + 2;
        let Some(&[b':', b' ', first]) = buf.get(colon..colon + 3) else {
            return false;
        };
        let end = line_control(buf, value);
        let Some(b"\r\n") = buf.get(end..end + 2) else {
            return false;
        };
        // The name is not empty, and neither end of the value has anything to trim.
        let last = buf[end - 1];
        if colon == start || first <= b' ' || last <= b' ' {
            return false;
        }
        self.started = true;
        self.line_start = start;
        self.name_end = colon;
        self.value_start = value;
        self.value_end = end;
        self.invalid = false;
        *pos = end + 2;
        true
    }

    #[inline]
    fn start(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        rules: LineRules,
    ) -> Result<Option<LineStep>, BadLine> {
        self.started = true;
        self.line_start = *pos;
        self.invalid = false;
        match NAME_CLASS[buf[*pos] as usize] {
            NAME_BYTE => {}
            UNDERSCORE => self.invalid = !rules.underscores,
            ODD => self.invalid = true,
            CR => {
                self.value_end = *pos;
                *pos += 1;
                if buf.get(*pos) == Some(&b'\n') {
                    *pos += 1;
                    return Ok(Some(LineStep::End));
                }
                self.stage = Stage::EndAlmostDone;
                return Ok(None);
            }
            LF => {
                self.value_end = *pos;
                *pos += 1;
                return Ok(Some(LineStep::End));
            }
            _ => return Err(self.bad(*pos)),
        }
        *pos += 1;
        self.stage = Stage::Name;
        Ok(None)
    }

    #[inline]
    fn name_bytes(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        rules: LineRules,
    ) -> Result<Option<LineStep>, BadLine> {
        let mut at = *pos;
        loop {
            at = skip(buf, at, |byte| NAME_CLASS[byte as usize] == NAME_BYTE);
            let Some(&byte) = buf.get(at) else {
                break;
            };
            match NAME_CLASS[byte as usize] {
                COLON => {
                    self.name_end = at;
                    self.stage = Stage::SpaceBeforeValue;
                    at += 1;
                    break;
                }
                UNDERSCORE => {
                    self.invalid |= !rules.underscores;
                    at += 1;
                }
                ODD => {
                    if byte == b'/'
                        && rules.skip_status_lines
                        && &buf[self.line_start..at] == b"HTTP"
                    {
                        self.stage = Stage::StatusLine;
                        break;
                    }
                    self.invalid = true;
                    at += 1;
                }
                FORBIDDEN => return Err(self.bad(at)),
                // CR or LF: a line without a colon has an empty value.
                _ => {
                    self.name_end = at;
                    self.value_start = at;
                    *pos = at;
                    return Ok(self.end_value(buf, pos, at));
                }
            }
        }
        *pos = at;
        Ok(None)
    }

    #[inline]
    fn space_before_value(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        rules: LineRules,
    ) -> Result<Option<LineStep>, BadLine> {
        while let Some(&byte) = buf.get(*pos) {
            if byte == b' ' || (byte == b'\t' && rules.trim_tabs) {
                *pos += 1;
                continue;
            }
            self.value_start = *pos;
            self.stage = Stage::Value;
            return self.value_bytes(buf, pos, rules);
        }
        Ok(None)
    }

    #[inline]
    fn value_bytes(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        rules: LineRules,
    ) -> Result<Option<LineStep>, BadLine> {
        let Some(length) = memchr3(b'\r', b'\n', 0, &buf[*pos..]) else {
            *pos = buf.len();
            return Ok(None);
        };
        let at = *pos + length;
        *pos = at;
        if buf[at] == 0 {
            return Err(self.bad(at));
        }
        let mut end = at;
        while end > self.value_start
            && (buf[end - 1] == b' ' || (buf[end - 1] == b'\t' && rules.trim_tabs))
        {
            end -= 1;
        }
        Ok(self.end_value(buf, pos, end))
    }

    /// The value ended before `end`, and `pos` is at the CR or LF that ends the line.
    #[inline]
    fn end_value(&mut self, buf: &[u8], pos: &mut usize, end: usize) -> Option<LineStep> {
        self.value_end = end;
        if buf[*pos] == b'\n' {
            *pos += 1;
            self.stage = Stage::Start;
            return Some(LineStep::Line);
        }
        if buf.get(*pos + 1) == Some(&b'\n') {
            *pos += 2;
            self.stage = Stage::Start;
            return Some(LineStep::Line);
        }
        *pos += 1;
        self.stage = Stage::AlmostDone;
        None
    }

    fn status_line(&mut self, buf: &[u8], pos: &mut usize) -> Option<LineStep> {
        match memchr::memchr(b'\n', &buf[*pos..]) {
            Some(length) => {
                *pos += length + 1;
                self.stage = Stage::Start;
            }
            None => *pos = buf.len(),
        }
        None
    }

    fn almost_done(&mut self, buf: &[u8], pos: &mut usize) -> Result<Option<LineStep>, BadLine> {
        match buf[*pos] {
            b'\n' => {
                *pos += 1;
                self.stage = Stage::Start;
                Ok(Some(LineStep::Line))
            }
            b'\r' => {
                *pos += 1;
                Ok(None)
            }
            _ => Err(self.bad(self.value_end)),
        }
    }

    fn end_almost_done(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
    ) -> Result<Option<LineStep>, BadLine> {
        if buf[*pos] != b'\n' {
            return Err(self.bad(self.value_end));
        }
        *pos += 1;
        self.stage = Stage::Start;
        Ok(Some(LineStep::End))
    }

    #[cold]
    fn bad(&self, at: usize) -> BadLine {
        BadLine {
            line: Span::new(self.line_start, at),
        }
    }
}
