//! Every way a request head is refused.

use crate::span::Span;
use std::fmt;

/// A header line and the one before it of the same name, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePair {
    /// `Name: value` of the later line.
    pub line: Vec<u8>,
    /// `Name: value` of the earlier line.
    pub previous: Vec<u8>,
}

/// Why a request head is refused. All are logged at level info.
///
/// The text, without " while …", is nginx's. [`Self::write_message`] writes it byte for byte;
/// `Display` replaces what is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// 400: the line begins with something that is no method.
    InvalidMethod,
    /// 400: the rest of the request line is malformed, or the path does not decode.
    InvalidRequest,
    /// 505: HTTP/2.0 and up.
    InvalidVersion,
    /// 400: only GET exists in HTTP/0.9.
    InvalidMethodInHttp09,
    /// 400: the authority of an absolute-form target is no host.
    InvalidHostInRequestLine,
    /// 414: the request line does not fit a large buffer, or none is left.
    TooLongUri,
    /// 494: a header line does not fit a large buffer, or none is left.
    TooLongHeaderLine {
        /// The line, or the last one before, as far as nginx would have read and logs it.
        snippet: Vec<u8>,
    },
    /// 494: no buffer is left for the first header line.
    TooLargeRequest,
    /// 494: more lines than max_headers.
    TooManyHeaderLines,
    /// 400: a byte that may not stand where it stands.
    InvalidHeaderLine {
        /// The line up to that byte.
        line: Vec<u8>,
        /// That byte.
        byte: u8,
    },
    /// 400: a field that may come only once.
    DuplicateHeaderLine(Box<LinePair>),
    /// 400: `Host` may come only once, too.
    DuplicateHost(Box<LinePair>),
    /// 400: `Host` is no host.
    InvalidHost,
    /// 400: HTTP/1.1 without `Host`.
    NoHost,
    /// 400: `Content-Length` is no number below 2^63.
    InvalidContentLength,
    /// 400: HTTP/1.0 has no transfer codings.
    TransferEncodingInHttp10,
    /// 400: both `Content-Length` and `Transfer-Encoding: chunked`.
    LengthAndEncoding,
    /// 501: any `Transfer-Encoding` but chunked.
    UnknownTransferEncoding {
        /// Its value.
        value: Vec<u8>,
    },
    /// 405: CONNECT.
    Connect,
    /// 405: TRACE.
    Trace,
}

impl RequestFault {
    /// Status nginx ends the request with; 494 is shown to the client as 400.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidMethod
            | Self::InvalidRequest
            | Self::InvalidMethodInHttp09
            | Self::InvalidHostInRequestLine
            | Self::InvalidHeaderLine { .. }
            | Self::DuplicateHeaderLine(_)
            | Self::DuplicateHost(_)
            | Self::InvalidHost
            | Self::NoHost
            | Self::InvalidContentLength
            | Self::TransferEncodingInHttp10
            | Self::LengthAndEncoding => 400,
            Self::Connect | Self::Trace => 405,
            Self::TooLongUri => 414,
            Self::TooLongHeaderLine { .. } | Self::TooLargeRequest | Self::TooManyHeaderLines => {
                494
            }
            Self::UnknownTransferEncoding { .. } => 501,
            Self::InvalidVersion => 505,
        }
    }

    /// Appends the text for the error log.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        match self {
            Self::TooLongHeaderLine { snippet } => {
                out.extend_from_slice(b"client sent too long header line: \"");
                out.extend_from_slice(snippet);
                out.extend_from_slice(b"...\"");
            }
            Self::InvalidHeaderLine { line, byte } => {
                out.extend_from_slice(b"client sent invalid header line: \"");
                write_bad_line(line, *byte, out);
            }
            Self::DuplicateHeaderLine(pair) => {
                out.extend_from_slice(b"client sent duplicate header line: \"");
                pair.write(out);
            }
            Self::DuplicateHost(pair) => {
                out.extend_from_slice(b"client sent duplicate host header: \"");
                pair.write(out);
            }
            Self::UnknownTransferEncoding { value } => {
                out.extend_from_slice(b"client sent unknown \"Transfer-Encoding\": \"");
                out.extend_from_slice(value);
                out.push(b'"');
            }
            fault => out.extend_from_slice(fault.fixed_text().as_bytes()),
        }
    }

    /// The whole text of the faults that quote nothing.
    const fn fixed_text(&self) -> &'static str {
        match self {
            Self::InvalidMethod => "client sent invalid method",
            Self::InvalidRequest => "client sent invalid request",
            Self::InvalidVersion => "client sent invalid version",
            Self::InvalidMethodInHttp09 => "client sent invalid method in HTTP/0.9 request",
            Self::InvalidHostInRequestLine => "client sent invalid host in request line",
            Self::TooLongUri => "client sent too long URI",
            Self::TooLargeRequest => "client sent too large request",
            Self::TooManyHeaderLines => "client sent too many header lines",
            Self::InvalidHost => "client sent invalid host header",
            Self::NoHost => "client sent HTTP/1.1 request without \"Host\" header",
            Self::InvalidContentLength => "client sent invalid \"Content-Length\" header",
            Self::TransferEncodingInHttp10 => {
                "client sent HTTP/1.0 request with \"Transfer-Encoding\" header"
            }
            Self::LengthAndEncoding => {
                "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"
            }
            Self::Connect => "client sent CONNECT method",
            Self::Trace => "client sent TRACE method",
            Self::TooLongHeaderLine { .. }
            | Self::InvalidHeaderLine { .. }
            | Self::DuplicateHeaderLine(_)
            | Self::DuplicateHost(_)
            | Self::UnknownTransferEncoding { .. } => "",
        }
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = Vec::new();
        self.write_message(&mut message);
        f.write_str(&String::from_utf8_lossy(&message))
    }
}

impl std::error::Error for RequestFault {}

impl LinePair {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.line);
        out.extend_from_slice(b"\", previous value: \"");
        out.extend_from_slice(&self.previous);
        out.push(b'"');
    }
}

/// `line`, then the byte in hexadecimal, and the closing quote.
pub(crate) fn write_bad_line(line: &[u8], byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(line);
    out.extend_from_slice(b"\\x");
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
    out.extend_from_slice(b"...\"");
}

/// Something to log at level info that does not end the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestNotice {
    /// A line with an odd name was dropped (ignore_invalid_headers).
    InvalidHeaderLine {
        /// Name, colon and value.
        line: Span,
    },
}

impl RequestNotice {
    /// Appends the text for the error log; `buf` is the buffer that was parsed.
    pub fn write_message(&self, buf: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::InvalidHeaderLine { line } => {
                out.extend_from_slice(b"client sent invalid header line: \"");
                out.extend_from_slice(line.of(buf));
                out.push(b'"');
            }
        }
    }
}
