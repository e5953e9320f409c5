//! The request line (ngx_http_parse_request_line).

use super::fault::RequestFault;
use super::head::RequestHead;
use super::limits::HeadCompat;
use super::method::Method;
use crate::search::skip;
use crate::span::Span;
use crate::uri::is_usual;
use crate::version::Version;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Method,
    SpacesBeforeUri,
    Scheme,
    /// Offset into "//" behind the scheme.
    SchemeSlashes(u8),
    SpacesBeforeHost,
    HostStart,
    Host,
    HostEnd,
    IpLiteral,
    /// Behind the colon of a port.
    PortStart,
    Port,
    AfterSlash,
    Path,
    /// Behind what makes the path need normalising, or behind the `?`.
    RestOfUri,
    SpacesBeforeVersion,
    /// Offset into "HTTP/".
    Protocol(u8),
    FirstMajorDigit,
    MajorDigit,
    FirstMinorDigit,
    MinorDigit,
    SpacesAfterVersion,
    AlmostDone,
    Done,
}

/// Incremental parser of the request line; writes what it finds into the head.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestLine {
    stage: Stage,
    started: bool,
    start: usize,
    scheme_start: usize,
    host_start: usize,
    uri_start: usize,
    /// Behind the first `?`, while nothing before it makes normalising necessary.
    args_start: Option<usize>,
    /// The path has `//`, `/.` or `#`, so its end is not known yet.
    complex: bool,
    protocol_start: Option<usize>,
    major: u16,
    minor: u16,
}

type Next = Result<Stage, RequestFault>;

/// Reads a target that stands alone, with a blank behind it, into the head; `false` if it is none
/// (ngx_http_parse_uri).
pub(super) fn take_target(buf: &[u8], target: Span, head: &mut RequestHead) -> bool {
    let (start, end) = (target.start as usize, target.end as usize);
    if target.of(buf).first() != Some(&b'/') {
        return false;
    }
    head.quoted_uri = false;
    head.plus_in_uri = false;
    let mut line = RequestLine {
        stage: Stage::AfterSlash,
        uri_start: start,
        ..RequestLine::default()
    };
    let mut pos = start + 1;
    let read = line.parse(&buf[..=end], &mut pos, head, HeadCompat::V1_31);
    if read != Ok(false) || head.raw_uri != target {
        return false;
    }
    line.take_parts(head);
    true
}

impl RequestLine {
    /// First byte of the line, or of the empty line that was read last; `None` before any byte.
    pub(super) fn start(&self) -> Option<usize> {
        self.started.then_some(self.start)
    }

    /// Only empty lines were read.
    pub(super) fn is_before_start(&self) -> bool {
        self.stage == Stage::Start
    }

    pub(super) fn shift(&mut self, dropped: usize) {
        self.start = self.start.saturating_sub(dropped);
    }

    /// Reads on from `pos`; true once the line is complete.
    pub(super) fn parse(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        head: &mut RequestHead,
        compat: HeadCompat,
    ) -> Result<bool, RequestFault> {
        while *pos < buf.len() {
            self.stage = match self.stage {
                Stage::Start => self.first_byte(buf, pos)?,
                Stage::Method => self.method(buf, pos, head, compat)?,
                Stage::SpacesBeforeUri => self.target(buf, pos)?,
                Stage::Scheme => self.scheme(buf, pos, head)?,
                Stage::SchemeSlashes(seen) => scheme_slash(buf, pos, seen)?,
                Stage::SpacesBeforeHost if buf[*pos] == b' ' => advance(pos, self.stage),
                Stage::SpacesBeforeHost | Stage::HostStart => self.host_start(buf, pos),
                Stage::Host => self.host(buf, pos),
                Stage::HostEnd => self.host_end(buf, pos, head)?,
                Stage::IpLiteral => ip_literal(buf, pos)?,
                Stage::PortStart if is_connect(head) && !buf[*pos].is_ascii_digit() => {
                    return Err(RequestFault::InvalidRequest);
                }
                Stage::PortStart | Stage::Port => self.port(buf, pos, head)?,
                Stage::AfterSlash => self.after_slash(buf, pos, head)?,
                Stage::Path => self.path(buf, pos, head)?,
                Stage::RestOfUri => self.rest_of_uri(buf, pos, head)?,
                Stage::SpacesBeforeVersion => self.spaces_before_version(buf, pos, head)?,
                Stage::Protocol(seen) => protocol(buf, pos, seen)?,
                Stage::FirstMajorDigit | Stage::MajorDigit => self.major_digit(buf, pos)?,
                Stage::FirstMinorDigit | Stage::MinorDigit => self.minor_digit(buf, pos, head)?,
                Stage::SpacesAfterVersion => self.spaces_after_version(buf, pos, head)?,
                Stage::AlmostDone if buf[*pos] == b'\n' => advance(pos, Stage::Done),
                Stage::AlmostDone | Stage::Done => return Err(RequestFault::InvalidRequest),
            };
            if self.stage == Stage::Done {
                return self.finish(head).map(|()| true);
            }
        }
        Ok(false)
    }

    fn finish(&mut self, head: &mut RequestHead) -> Result<(), RequestFault> {
        head.version = Version::HTTP_09;
        if let Some(start) = self.protocol_start {
            head.protocol = Span::new(start, head.request_line.end as usize);
            head.version = Version {
                major: self.major,
                minor: self.minor,
            };
            if head.raw_uri.is_empty() {
                // CONNECT has no path: nginx borrows the slash of "HTTP/".
                self.uri_start = start + b"HTTP".len();
                head.raw_uri = Span::new(self.uri_start, self.uri_start + 1);
            }
        }
        self.take_parts(head);
        if head.version == Version::HTTP_09 && head.method != Method::Get {
            return Err(RequestFault::InvalidMethodInHttp09);
        }
        Ok(())
    }

    /// Where path and arguments of the target stand.
    fn take_parts(&self, head: &mut RequestHead) {
        head.has_args = self.args_start.is_some();
        let path_end = self
            .args_start
            .map_or(head.raw_uri.end as usize, |args| args - 1);
        head.raw_path = Span::new(self.uri_start, path_end);
        if let Some(args) = self.args_start {
            head.args = Span::new(args, head.raw_uri.end as usize);
        }
        head.needs_normalising = self.complex || head.quoted_uri || head.empty_path;
    }

    #[inline]
    fn first_byte(&mut self, buf: &[u8], pos: &mut usize) -> Next {
        self.started = true;
        self.start = *pos;
        match buf[*pos] {
            b'\r' | b'\n' => Ok(advance(pos, Stage::Start)),
            byte if is_method_byte(byte) => Ok(advance(pos, Stage::Method)),
            _ => {
                // The line has begun, if badly: the empty lines before it may not be dropped now.
                self.stage = Stage::Done;
                Err(RequestFault::InvalidMethod)
            }
        }
    }

    #[inline]
    fn method(
        &self,
        buf: &[u8],
        pos: &mut usize,
        head: &mut RequestHead,
        compat: HeadCompat,
    ) -> Next {
        let at = skip(buf, *pos, is_method_byte);
        *pos = at;
        match buf.get(at) {
            None => Ok(Stage::Method),
            Some(b' ') => {
                *pos += 1;
                head.method_span = Span::new(self.start, at);
                head.method = Method::from_name(&buf[self.start..at]);
                if head.method == Method::Connect && compat.connect_authority {
                    Ok(Stage::SpacesBeforeHost)
                } else {
                    Ok(Stage::SpacesBeforeUri)
                }
            }
            Some(_) => Err(RequestFault::InvalidMethod),
        }
    }

    #[inline]
    fn target(&mut self, buf: &[u8], pos: &mut usize) -> Next {
        match buf[*pos] {
            b'/' => {
                self.uri_start = *pos;
                Ok(advance(pos, Stage::AfterSlash))
            }
            b' ' => Ok(advance(pos, Stage::SpacesBeforeUri)),
            byte if byte.is_ascii_alphabetic() => {
                self.scheme_start = *pos;
                Ok(advance(pos, Stage::Scheme))
            }
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    fn scheme(&self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        match buf[*pos] {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.' => {
                Ok(advance(pos, Stage::Scheme))
            }
            b':' => {
                head.scheme = Span::new(self.scheme_start, *pos);
                Ok(advance(pos, Stage::SchemeSlashes(0)))
            }
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    fn host_start(&mut self, buf: &[u8], pos: &mut usize) -> Stage {
        self.host_start = *pos;
        if buf[*pos] == b'[' {
            advance(pos, Stage::IpLiteral)
        } else {
            Stage::Host
        }
    }

    fn host(&self, buf: &[u8], pos: &mut usize) -> Stage {
        match buf[*pos] {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' => advance(pos, Stage::Host),
            _ => Stage::HostEnd,
        }
    }

    fn host_end(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        if buf[*pos] == b':' {
            return Ok(advance(pos, Stage::PortStart));
        }
        if is_connect(head) {
            return Err(RequestFault::InvalidRequest);
        }
        self.authority_end(buf, pos, head)
    }

    fn port(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        if buf[*pos].is_ascii_digit() {
            return Ok(advance(pos, Stage::Port));
        }
        if is_connect(head) {
            if buf[*pos] != b' ' {
                return Err(RequestFault::InvalidRequest);
            }
            head.authority = Span::new(self.host_start, *pos);
            return Ok(advance(pos, Stage::SpacesBeforeVersion));
        }
        self.authority_end(buf, pos, head)
    }

    /// What follows the authority of an absolute-form target.
    fn authority_end(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        head.authority = Span::new(self.host_start, *pos);
        match buf[*pos] {
            b'/' => {
                self.uri_start = *pos;
                Ok(advance(pos, Stage::AfterSlash))
            }
            b'?' => {
                self.uri_start = *pos;
                self.args_start = Some(*pos + 1);
                head.empty_path = true;
                Ok(advance(pos, Stage::RestOfUri))
            }
            b' ' => {
                // The path is "/": nginx borrows the first slash behind the scheme.
                self.uri_start = head.scheme.end as usize + 1;
                head.raw_uri = Span::new(self.uri_start, self.uri_start + 1);
                Ok(advance(pos, Stage::SpacesBeforeVersion))
            }
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    #[inline]
    fn after_slash(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        let byte = buf[*pos];
        if is_usual(byte) {
            return Ok(advance(pos, Stage::Path));
        }
        match byte {
            b'.' | b'/' => {
                self.complex = true;
                Ok(advance(pos, Stage::RestOfUri))
            }
            _ => self.special_byte(buf, pos, head, Stage::AfterSlash),
        }
    }

    #[inline]
    fn path(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        let at = skip(buf, *pos, is_usual);
        *pos = at;
        match buf.get(at) {
            None => Ok(Stage::Path),
            Some(b'/') => Ok(advance(pos, Stage::AfterSlash)),
            Some(b'.') => Ok(advance(pos, Stage::Path)),
            Some(_) => self.special_byte(buf, pos, head, Stage::Path),
        }
    }

    /// A byte of the path that is neither usual nor `/` or `.`; `stage` is kept by a `+`.
    #[inline]
    fn special_byte(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        head: &mut RequestHead,
        stage: Stage,
    ) -> Next {
        match buf[*pos] {
            b'%' => head.quoted_uri = true,
            b'#' => self.complex = true,
            b'?' => self.args_start = Some(*pos + 1),
            b'+' => {
                head.plus_in_uri = true;
                return Ok(advance(pos, stage));
            }
            _ => return self.uri_end(buf, pos, head),
        }
        Ok(advance(pos, Stage::RestOfUri))
    }

    #[inline]
    fn rest_of_uri(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        let mut at = *pos;
        while at < buf.len() && buf[at] > b' ' && buf[at] != 0x7f {
            self.complex |= buf[at] == b'#';
            at += 1;
        }
        *pos = at;
        if at == buf.len() {
            Ok(Stage::RestOfUri)
        } else {
            self.uri_end(buf, pos, head)
        }
    }

    /// A byte that cannot be part of the target.
    #[inline]
    fn uri_end(&self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        let end = *pos;
        let next = match buf[end] {
            b' ' => advance(pos, Stage::SpacesBeforeVersion),
            b'\r' | b'\n' => self.line_end(buf, pos, head),
            _ => return Err(RequestFault::InvalidRequest),
        };
        head.raw_uri = Span::new(self.uri_start, end);
        Ok(next)
    }

    /// CR or LF behind the target or the version. Without a version, this is HTTP/0.9.
    #[inline]
    fn line_end(&self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Stage {
        head.request_line = Span::new(self.start, *pos);
        if buf[*pos] == b'\n' {
            advance(pos, Stage::Done)
        } else {
            advance(pos, Stage::AlmostDone)
        }
    }

    #[inline]
    fn spaces_before_version(
        &mut self,
        buf: &[u8],
        pos: &mut usize,
        head: &mut RequestHead,
    ) -> Next {
        match buf[*pos] {
            b' ' => Ok(advance(pos, Stage::SpacesBeforeVersion)),
            b'\r' | b'\n' => Ok(Stage::SpacesAfterVersion),
            b'H' => {
                self.protocol_start = Some(*pos);
                head.protocol = Span::new(*pos, *pos);
                if buf[*pos..].starts_with(b"HTTP/1.") {
                    *pos += b"HTTP/1.".len();
                    self.major = 1;
                    return Ok(Stage::FirstMinorDigit);
                }
                Ok(advance(pos, Stage::Protocol(1)))
            }
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    fn major_digit(&mut self, buf: &[u8], pos: &mut usize) -> Next {
        match buf[*pos] {
            b'.' if self.stage == Stage::MajorDigit => Ok(advance(pos, Stage::FirstMinorDigit)),
            b'0' if self.stage == Stage::FirstMajorDigit => Err(RequestFault::InvalidRequest),
            digit @ b'0'..=b'9' => {
                self.major = self.major * 10 + u16::from(digit - b'0');
                if self.major > 1 {
                    return Err(RequestFault::InvalidVersion);
                }
                Ok(advance(pos, Stage::MajorDigit))
            }
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    #[inline]
    fn minor_digit(&mut self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        let first = self.stage == Stage::FirstMinorDigit;
        match buf[*pos] {
            digit @ b'0'..=b'9' if self.minor <= 99 => {
                self.minor = self.minor * 10 + u16::from(digit - b'0');
                Ok(advance(pos, Stage::MinorDigit))
            }
            b'\r' | b'\n' if !first => Ok(self.line_end(buf, pos, head)),
            b' ' if !first => Ok(advance(pos, Stage::SpacesAfterVersion)),
            _ => Err(RequestFault::InvalidRequest),
        }
    }

    fn spaces_after_version(&self, buf: &[u8], pos: &mut usize, head: &mut RequestHead) -> Next {
        match buf[*pos] {
            b' ' => Ok(advance(pos, Stage::SpacesAfterVersion)),
            b'\r' | b'\n' => Ok(self.line_end(buf, pos, head)),
            _ => Err(RequestFault::InvalidRequest),
        }
    }
}

fn scheme_slash(buf: &[u8], pos: &mut usize, seen: u8) -> Next {
    if buf[*pos] != b'/' {
        return Err(RequestFault::InvalidRequest);
    }
    Ok(advance(
        pos,
        if seen == 0 {
            Stage::SchemeSlashes(1)
        } else {
            Stage::HostStart
        },
    ))
}

fn protocol(buf: &[u8], pos: &mut usize, seen: u8) -> Next {
    const PROTOCOL: &[u8] = b"HTTP/";
    if buf[*pos] != PROTOCOL[usize::from(seen)] {
        return Err(RequestFault::InvalidRequest);
    }
    if usize::from(seen) + 1 < PROTOCOL.len() {
        return Ok(advance(pos, Stage::Protocol(seen + 1)));
    }
    Ok(advance(pos, Stage::FirstMajorDigit))
}

fn ip_literal(buf: &[u8], pos: &mut usize) -> Next {
    match buf[*pos] {
        b']' => Ok(advance(pos, Stage::HostEnd)),
        b'0'..=b'9'
        | b'a'..=b'z'
        | b'A'..=b'Z'
        | b':'
        | b'-'
        | b'.'
        | b'_'
        | b'~'
        | b'!'
        | b'$'
        | b'&'
        | b'\''
        | b'('
        | b')'
        | b'*'
        | b'+'
        | b','
        | b';'
        | b'=' => Ok(advance(pos, Stage::IpLiteral)),
        _ => Err(RequestFault::InvalidRequest),
    }
}

/// Whether an authority stands in place of the target.
fn is_connect(head: &RequestHead) -> bool {
    head.method == Method::Connect && head.scheme.is_empty()
}

#[inline]
fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'_' || byte == b'-'
}

/// Goes past one byte, to `next`.
#[inline]
fn advance(pos: &mut usize, next: Stage) -> Stage {
    *pos += 1;
    next
}
