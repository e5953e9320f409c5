//! What a request head says.

use super::browser::Browser;
use super::method::Method;
use crate::field::{Field, KnownField, KnownFields};
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
    /// "HTTP/1.1" as sent: $server_protocol.
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
    /// The lines, in order, dropped ones left out.
    pub fields: Vec<Field>,
    /// Where the known ones stand in `fields`; of repeated ones the first.
    pub known: KnownFields,
    /// Host that selects the server: of the request line, else of `Host`; without port and final
    /// dot, case as sent. Empty if there is none.
    pub host: Span,
    /// `host` has upper-case letters, so $host differs from it.
    pub host_has_upper: bool,
    /// Port behind that host, without the colon.
    pub port: Span,
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
            fields: Vec::new(),
            known: KnownFields::default(),
            host: Span::default(),
            host_has_upper: false,
            port: Span::default(),
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

    /// First line of this name.
    #[inline]
    #[must_use]
    pub fn field(&self, known: KnownField) -> Option<&Field> {
        self.known
            .get(known)
            .and_then(|index| self.fields.get(index))
    }

    /// Value of the first line of this name.
    #[inline]
    #[must_use]
    pub fn value<'a>(&self, known: KnownField, buf: &'a [u8]) -> Option<&'a [u8]> {
        self.field(known).map(|field| field.value.of(buf))
    }

    /// Values of all lines of this name, in order; none are looked for if there is no first.
    pub fn values<'a>(
        &'a self,
        known: KnownField,
        buf: &'a [u8],
    ) -> impl Iterator<Item = &'a [u8]> + Clone {
        let from = self.known.get(known).unwrap_or(self.fields.len());
        self.fields[from..]
            .iter()
            .filter(move |field| field.known == Some(known))
            .map(|field| field.value.of(buf))
    }

    /// Which of the browsers with known defects the client says it is. Searches the whole
    /// `User-Agent`, so ask only where the answer matters.
    #[must_use]
    pub fn browser(&self, buf: &[u8]) -> Browser {
        self.values(KnownField::UserAgent, buf)
            .fold(Browser::default(), Browser::with_user_agent)
    }
}
