//! What a request head says.

use super::browser::Browser;
use super::method::Method;
use crate::field::KnownField;
use crate::fields::Fields;
use crate::span::Span;
use crate::version::Version;

/// What the client wants of its connection (headers_in.connection_type).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionOption {
    /// Nothing said: the version decides.
    #[default]
    None,
    /// `Connection` contains "close".
    Close,
    /// `Connection` contains "keep-alive".
    KeepAlive,
}

/// One request head over one buffer; spans of parts that are missing are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Method.
    pub method: Method,
    /// Method as sent: $request_method.
    pub method_span: Span,
    /// Version; HTTP/1.0 until the request line is complete, so that refusals get a full head.
    pub version: Version,
    /// "HTTP/1.1" as sent: $server_protocol. Empty where it begins, if the line is refused after that.
    pub protocol: Span,
    /// The line without its end: $request. After a fault, what was received of it.
    pub request_line: Span,
    /// Path and arguments as received: $request_uri.
    pub raw_uri: Span,
    /// Part of `raw_uri` before the `?` or `#`.
    pub raw_path: Span,
    /// Part of `raw_uri` behind the `?`, without a fragment: $args.
    pub args: Span,
    /// A `?` was there, even if nothing follows it.
    pub has_args: bool,
    /// Scheme of an absolute-form target.
    pub scheme: Span,
    /// `host[:port]` of an absolute-form target or of CONNECT.
    pub authority: Span,
    /// The path holds `%XX`.
    pub quoted_uri: bool,
    /// The path holds a `+`.
    pub plus_in_uri: bool,
    /// Absolute form without a path (`http://h?x`): `raw_uri` may not be passed on as it is.
    pub empty_path: bool,
    /// The path differs, or may differ, from `raw_path`; [`Self::path`] knows.
    pub needs_normalising: bool,
    /// The normalised path, if `needs_normalising`.
    pub normalised: Vec<u8>,
    /// The lines, in order, dropped ones left out; of repeated ones the first counts.
    pub fields: Fields,
    /// Host that selects the server: of the request line, else of `Host`; without port and final
    /// dot, case as sent. Empty if there is none.
    pub host: Span,
    /// `host` has upper-case letters, so $host differs from it.
    pub host_has_upper: bool,
    /// Port behind that host; 0 if there is none.
    pub port: u16,
    /// Value of `Content-Length`.
    pub content_length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub chunked: bool,
    /// What `Connection` asks for.
    pub connection: ConnectionOption,
    /// Bytes of the buffer up to where the body begins; valid once done.
    pub len: usize,
    /// $request_length so far: complete lines only, without empty lines before the request line.
    pub request_length: usize,
}

impl RequestHead {
    /// Says from now on what `other` says, over the same bytes; keeps the memory that it has.
    pub fn copy_from(&mut self, other: &Self) {
        let mut normalised = std::mem::take(&mut self.normalised);
        normalised.clear();
        normalised.extend_from_slice(&other.normalised);
        let mut fields = std::mem::take(&mut self.fields);
        fields.copy_from(&other.fields);
        *self = Self {
            normalised,
            fields,
            ..*other
        };
    }
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            method: Method::Other,
            method_span: Span::default(),
            version: Version::HTTP_10,
            protocol: Span::default(),
            request_line: Span::default(),
            raw_uri: Span::default(),
            raw_path: Span::default(),
            args: Span::default(),
            has_args: false,
            scheme: Span::default(),
            authority: Span::default(),
            quoted_uri: false,
            plus_in_uri: false,
            empty_path: false,
            needs_normalising: false,
            normalised: Vec::new(),
            fields: Fields::default(),
            host: Span::default(),
            host_has_upper: false,
            port: 0,
            content_length: None,
            chunked: false,
            connection: ConnectionOption::None,
            len: 0,
            request_length: 0,
        }
    }
}

impl RequestHead {
    /// An empty head.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties it for the next request and keeps the memory.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        let mut normalised = std::mem::take(&mut self.normalised);
        fields.clear();
        normalised.clear();
        *self = Self {
            fields,
            normalised,
            ..Self::default()
        };
    }

    /// The path, decoded and with its dot segments resolved: $uri before any rewrite.
    #[inline]
    #[must_use]
    pub fn path<'a>(&'a self, buf: &'a [u8]) -> &'a [u8] {
        if self.needs_normalising {
            &self.normalised
        } else {
            self.raw_path.of(buf)
        }
    }

    /// Value of the first line of this name.
    #[inline]
    #[must_use]
    pub fn value<'a>(&self, known: KnownField, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.fields.value(known, buf)
    }

    /// Which of the browsers with known defects the client says it is. Searches the whole
    /// `User-Agent`, so ask only where the answer matters.
    #[must_use]
    pub fn browser(&self, buf: &[u8]) -> Browser {
        self.fields
            .values(KnownField::UserAgent, buf)
            .fold(Browser::default(), Browser::with_user_agent)
    }
}
