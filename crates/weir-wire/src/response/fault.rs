//! Every way a response head is refused, and what is only complained about.

use crate::request::LinePair;
use crate::span::Span;
use std::fmt;

/// Why a response head is refused: 502, class invalid_header of proxy_next_upstream. All are
/// logged at level error.
///
/// The text, without " while …", is nginx's. [`Self::write_message`] writes it byte for byte;
/// `Display` replaces what is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseFault {
    /// A byte that may not stand where it stands.
    InvalidHeader {
        /// The line up to that byte.
        line: Vec<u8>,
        /// That byte.
        byte: u8,
    },
    /// A second `Content-Length` or `Transfer-Encoding`.
    DuplicateHeaderLine(Box<LinePair>),
    /// Both `Content-Length` and `Transfer-Encoding`.
    LengthAndEncoding,
    /// `Content-Length` is no number below 2^63.
    InvalidContentLength {
        /// Name and value.
        line: Vec<u8>,
    },
    /// Any `Transfer-Encoding` but chunked.
    UnknownTransferEncoding {
        /// Its value.
        value: Vec<u8>,
    },
    /// 103 in a version that has no interim responses.
    EarlyHintsInHttp10,
}

impl ResponseFault {
    /// Appends the text for the error log.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        match self {
            Self::InvalidHeader { line, byte } => {
                out.extend_from_slice(b"upstream sent invalid header: \"");
                crate::request::write_bad_line(line, *byte, out);
            }
            Self::DuplicateHeaderLine(pair) => {
                out.extend_from_slice(b"upstream sent duplicate header line: \"");
                pair.write(out);
            }
            Self::LengthAndEncoding => out.extend_from_slice(
                b"upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers \
                  at the same time",
            ),
            Self::InvalidContentLength { line } => {
                out.extend_from_slice(b"upstream sent invalid \"Content-Length\" header: \"");
                out.extend_from_slice(line);
                out.push(b'"');
            }
            Self::UnknownTransferEncoding { value } => {
                out.extend_from_slice(b"upstream sent unknown \"Transfer-Encoding\": \"");
                out.extend_from_slice(value);
                out.push(b'"');
            }
            Self::EarlyHintsInHttp10 => {
                out.extend_from_slice(b"upstream sent HTTP/1.0 response with early hints");
            }
        }
    }
}

impl fmt::Display for ResponseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = Vec::new();
        self.write_message(&mut message);
        f.write_str(&String::from_utf8_lossy(&message))
    }
}

impl std::error::Error for ResponseFault {}

/// Something to log at level warn that does not fail the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseNotice {
    /// A second line of a field that has one value was dropped.
    DuplicateIgnored {
        /// Name of the later line.
        name: Span,
        /// Value of the later line.
        value: Span,
        /// Name of the earlier line.
        previous_name: Span,
        /// Value of the earlier line.
        previous_value: Span,
    },
}

impl ResponseNotice {
    /// Appends the text for the error log; `buf` is the buffer that was parsed.
    pub fn write_message(&self, buf: &[u8], out: &mut Vec<u8>) {
        let Self::DuplicateIgnored {
            name,
            value,
            previous_name,
            previous_value,
        } = self;
        out.extend_from_slice(b"upstream sent duplicate header line: \"");
        for part in [
            name.of(buf),
            b": ",
            value.of(buf),
            b"\", previous value: \"",
            previous_name.of(buf),
            b": ",
            previous_value.of(buf),
            b"\", ignored",
        ] {
            out.extend_from_slice(part);
        }
    }
}
