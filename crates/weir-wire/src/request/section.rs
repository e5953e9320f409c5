//! A request head that comes as a section of fields, HTTP/2's: the same spans over the same buffer as one that came
//! as text (ngx_http_v2_state_process_header, ngx_http_v2_run_request).

use super::fault::RequestFault;
use super::fields::{self, Meaning};
use super::head::RequestHead;
use super::limits::HeadLimits;
use super::line;
use super::method::Method;
use super::parser::normalise_target;
use super::section_fault::{Pseudo, SectionFault};
use crate::field::{Field, KnownField};
use crate::search::decimal;
use crate::span::Span;
use crate::version::Version;

const PROTOCOL: &[u8] = b"HTTP/2.0";

/// What a field was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A field like others.
    Field,
    /// The host that selects the server; nginx takes the limits for the following fields from that server.
    Server,
    /// A field with an odd name, which was dropped (ignore_invalid_headers).
    Dropped,
}

/// Reads the fields of one head after the other into a buffer of its own.
#[derive(Clone, Debug, Default)]
pub struct SectionReader {
    has_path: bool,
    has_scheme: bool,
    has_authority: bool,
    /// The request line is written: what follows are fields.
    has_line: bool,
    /// Where the method stands, until the line has it.
    method: Span,
    /// Where the path stands.
    path: Span,
    lines: usize,
    /// Values of `Cookie`, joined.
    cookies: Vec<u8>,
    has_cookies: bool,
}

impl SectionReader {
    fn reset(&mut self) {
        let mut cookies = std::mem::take(&mut self.cookies);
        cookies.clear();
        *self = Self {
            cookies,
            ..Self::default()
        };
    }

    /// Begins a head, whose protocol is known before any field.
    pub fn begin(&mut self, buf: &mut Vec<u8>, head: &mut RequestHead) {
        self.reset();
        head.version = Version::HTTP_20;
        head.protocol = push(buf, PROTOCOL);
    }

    /// Takes the next field; its texts are put behind what `buf` holds.
    ///
    /// # Errors
    ///
    /// The reason to refuse the request.
    pub fn take(
        &mut self,
        name: &[u8],
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Taken, SectionFault> {
        let odd = check(name, value, limits)?;
        if let [b':', pseudo @ ..] = name {
            return self.take_pseudo(pseudo, value, buf, head, limits);
        }
        if limits.compat.strict_sections {
            self.write_line(buf, head, limits)?;
        }
        if odd && limits.ignore_invalid {
            return Ok(Taken::Dropped);
        }
        if name == b"cookie" {
            if std::mem::replace(&mut self.has_cookies, true) {
                self.cookies.extend_from_slice(b"; ");
            }
            self.cookies.extend_from_slice(value);
            return Ok(Taken::Field);
        }
        if self.lines >= limits.max_headers && limits.compat.strict_sections {
            return Err(RequestFault::TooManyHeaderLines.into());
        }
        self.lines += 1;
        take_field(name, value, buf, head, limits)
    }

    /// All fields are there; `ends`: no body follows.
    ///
    /// # Errors
    ///
    /// The reason to refuse the request.
    pub fn finish(
        &mut self,
        ends: bool,
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<(), SectionFault> {
        self.write_line(buf, head, limits)?;
        if self.has_cookies {
            let cookies = std::mem::take(&mut self.cookies);
            take_field(b"cookie", &cookies, buf, head, limits)?;
            self.cookies = cookies;
        }
        head.len = buf.len();
        if !limits.compat.authority_apart {
            return finish_as_http1(ends, buf, head);
        }
        if limits.compat.strict_sections {
            check_fields(buf, head)?;
        }
        if head.host.is_empty() {
            return Err(SectionFault::NoHost);
        }
        if self.has_authority {
            put_host(buf, head)?;
        }
        head.len = buf.len();
        if let Some(length) = head.value(KnownField::ContentLength, buf) {
            let length = decimal(length).ok_or(RequestFault::InvalidContentLength)?;
            head.content_length = Some(length);
            if length > 0 && ends {
                return Err(SectionFault::StreamClosed);
            }
        } else {
            head.chunked = !ends;
        }
        match head.method {
            Method::Connect => Err(RequestFault::Connect.into()),
            Method::Trace => Err(RequestFault::Trace.into()),
            _ => Ok(()),
        }
    }

    /// The head as far as it came, for whoever answers a refusal: nginx's pages and logs show it.
    fn take_pseudo(
        &mut self,
        name: &[u8],
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Taken, SectionFault> {
        if self.has_line {
            return Err(SectionFault::OutOfOrder);
        }
        match name {
            b"path" => self.take_path(value, buf, head, limits)?,
            b"method" => self.take_method(value, buf, head)?,
            b"scheme" => self.take_scheme(value, buf, head)?,
            b"authority" => return self.take_authority(value, buf, head, limits),
            _ => return Err(SectionFault::Unknown(name.to_vec())),
        }
        Ok(Taken::Field)
    }

    fn take_method(
        &mut self,
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
    ) -> Result<(), SectionFault> {
        once(Pseudo::Method, !self.method.is_empty(), value)?;
        self.method = push(buf, value);
        buf.push(b' ');
        head.method_span = self.method;
        head.method = Method::from_name(value);
        let usual = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-');
        if head.method == Method::Other && !value.iter().all(usual) {
            return Err(SectionFault::InvalidMethod(value.to_vec()));
        }
        Ok(())
    }

    /// `ngx_http_v2_parse_path`.
    fn take_path(
        &mut self,
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<(), SectionFault> {
        once(Pseudo::Path, self.has_path, value)?;
        self.has_path = true;
        self.path = push(buf, value);
        buf.push(b' ');
        if !line::take_target(buf, self.path, head) {
            return Err(SectionFault::Invalid(Pseudo::Path, value.to_vec()));
        }
        if head.needs_normalising {
            normalise_target(buf, head, limits.merge_slashes)?;
        }
        Ok(())
    }

    fn take_scheme(
        &mut self,
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
    ) -> Result<(), SectionFault> {
        once(Pseudo::Scheme, self.has_scheme, value)?;
        let usual = |(at, byte): (usize, &u8)| {
            let digit = byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
            byte.is_ascii_alphabetic() || digit && at > 0
        };
        if !value.iter().enumerate().all(usual) {
            return Err(SectionFault::Invalid(Pseudo::Scheme, value.to_vec()));
        }
        self.has_scheme = true;
        head.scheme = push(buf, value);
        Ok(())
    }

    /// `ngx_http_v2_parse_authority`; in nginx 1.22 it was a `Host` like another.
    fn take_authority(
        &mut self,
        value: &[u8],
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<Taken, SectionFault> {
        if !limits.compat.authority_apart {
            return take_field(b"host", value, buf, head, limits);
        }
        if self.has_authority {
            return Err(SectionFault::DuplicateAuthority);
        }
        self.has_authority = true;
        head.authority = push(buf, value);
        let host = limits.compat.host.validate(value);
        let host = host.map_err(|_fault| SectionFault::InvalidAuthority)?;
        fields::set_host(head, head.authority, host);
        Ok(Taken::Server)
    }

    /// Puts the request line together, once (`ngx_http_v2_construct_request_line`).
    fn write_line(
        &mut self,
        buf: &mut Vec<u8>,
        head: &mut RequestHead,
        limits: &HeadLimits,
    ) -> Result<(), SectionFault> {
        if self.has_line {
            return Ok(());
        }
        let missing = [
            (self.method.is_empty(), Pseudo::Method),
            (!self.has_scheme, Pseudo::Scheme),
            (!self.has_path, Pseudo::Path),
        ];
        if let Some((_, pseudo)) = missing.into_iter().find(|(missing, _)| *missing) {
            return Err(SectionFault::Missing(pseudo));
        }
        let start = buf.len();
        let line = [self.method, self.path];
        for part in line {
            buf.extend_from_within(part.range());
            buf.push(b' ');
        }
        let target = start + self.method.len() + 1;
        if line::take_target(buf, Span::new(target, target + self.path.len()), head)
            && head.needs_normalising
        {
            normalise_target(buf, head, limits.merge_slashes)?;
        }
        head.method_span = Span::new(start, start + self.method.len());
        head.protocol = push(buf, PROTOCOL);
        head.request_line = Span::new(start, buf.len());
        self.has_line = true;
        Ok(())
    }
}

/// What HTTP/2 has no place for, and a head without a host (`ngx_http_v2_run_request`).
fn check_fields(buf: &[u8], head: &RequestHead) -> Result<(), SectionFault> {
    let misplaced = [
        (KnownField::Connection, "Connection"),
        (KnownField::KeepAlive, "Keep-Alive"),
        (KnownField::TransferEncoding, "Transfer-Encoding"),
        (KnownField::Upgrade, "Upgrade"),
    ];
    for (known, name) in misplaced {
        if head.fields.has(known) {
            return Err(SectionFault::Misplaced(name));
        }
    }
    let mut te = head.fields.values(KnownField::Te, buf);
    if let Some(first) = te.next()
        && (!first.eq_ignore_ascii_case(b"trailers") || te.next().is_some())
    {
        return Err(SectionFault::InvalidTe);
    }
    Ok(())
}

/// The authority, for whoever looks for a `Host`; one that was sent says the same.
fn put_host(buf: &mut Vec<u8>, head: &mut RequestHead) -> Result<(), SectionFault> {
    match head.value(KnownField::Host, buf) {
        Some(host) if host == head.authority.of(buf) => {}
        Some(_) => return Err(SectionFault::HostDiffers),
        None => {
            let name = push(buf, b"host");
            let field = Field::new(name, head.authority, Some(KnownField::Host));
            head.fields.push(field);
        }
    }
    Ok(())
}

/// The rules for HTTP/1's heads held for HTTP/2's, before nginx 1.29.4 (ngx_http_process_request_header).
fn finish_as_http1(ends: bool, buf: &[u8], head: &mut RequestHead) -> Result<(), SectionFault> {
    fields::check_head(buf, head)?;
    if head.content_length.is_some_and(|length| length > 0) && ends {
        return Err(SectionFault::StreamClosed);
    }
    head.chunked |= head.content_length.is_none() && !ends;
    Ok(())
}

fn take_field(
    name: &[u8],
    value: &[u8],
    buf: &mut Vec<u8>,
    head: &mut RequestHead,
    limits: &HeadLimits,
) -> Result<Taken, SectionFault> {
    let name = push(buf, name);
    let value = push(buf, value);
    match fields::take(buf, head, name, value, limits.compat)? {
        Meaning::Field => Ok(Taken::Field),
        Meaning::Server => Ok(Taken::Server),
    }
}

fn push(buf: &mut Vec<u8>, text: &[u8]) -> Span {
    let start = buf.len();
    buf.extend_from_slice(text);
    Span::new(start, buf.len())
}

/// A pseudo-field comes once, and says something.
fn once(pseudo: Pseudo, seen: bool, value: &[u8]) -> Result<(), SectionFault> {
    if seen {
        Err(SectionFault::Duplicate(pseudo))
    } else if value.is_empty() {
        Err(SectionFault::Empty(pseudo))
    } else {
        Ok(())
    }
}

/// Whether the name is odd (ngx_http_v2_validate_header).
#[inline]
fn check(name: &[u8], value: &[u8], limits: &HeadLimits) -> Result<bool, SectionFault> {
    let mut odd = false;
    for &byte in name.strip_prefix(b":").unwrap_or(name) {
        match byte {
            b'a'..=b'z' | b'-' | b'0'..=b'9' => {}
            b'_' if limits.underscores => {}
            0..=b' ' | 0x7f | b':' | b'A'..=b'Z' => {
                return Err(SectionFault::InvalidName(name.to_vec()));
            }
            _ => odd = true,
        }
    }
    if value
        .iter()
        .any(|byte| matches!(byte, b'\0' | b'\n' | b'\r'))
    {
        return Err(SectionFault::InvalidValue(name.to_vec(), value.to_vec()));
    }
    Ok(odd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::HeadCompat;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn read(fields: Fields<'_>, ends: bool, compat: HeadCompat) -> Result<String, String> {
        let limits = HeadLimits {
            compat,
            ..HeadLimits::default()
        };
        let (mut buf, mut head) = (Vec::new(), RequestHead::new());
        let mut reader = SectionReader::default();
        let mut take = |reader: &mut SectionReader| {
            reader.begin(&mut buf, &mut head);
            for (name, value) in fields {
                reader.take(
                    name.as_bytes(),
                    value.as_bytes(),
                    &mut buf,
                    &mut head,
                    &limits,
                )?;
            }
            reader.finish(ends, &mut buf, &mut head, &limits)
        };
        take(&mut reader).map_err(|fault| format!("{} {fault}", fault.status()))?;
        let text = |span: Span| String::from_utf8_lossy(span.of(&buf)).into_owned();
        let mut shown = format!("{} | {}", text(head.request_line), text(head.host));
        for field in head.fields.iter() {
            shown += &format!(" | {}: {}", text(field.name), text(field.value));
        }
        Ok(shown)
    }

    const GET: [(&str, &str); 4] = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/a?b"),
        (":authority", "H"),
    ];

    #[test]
    fn a_section_becomes_a_head() {
        let fields = [
            &GET[..],
            &[
                ("x-a", "1"),
                ("cookie", "a=1"),
                ("x-b", ""),
                ("cookie", "b=2"),
            ],
        ];
        assert_eq!(
            read(&fields.concat(), true, HeadCompat::V1_31).unwrap(),
            "GET /a?b HTTP/2.0 | H | x-a: 1 | x-b:  | cookie: a=1; b=2 | host: H"
        );
        assert_eq!(
            read(&fields.concat(), true, HeadCompat::V1_22).unwrap(),
            "GET /a?b HTTP/2.0 | H | host: H | x-a: 1 | x-b:  | cookie: a=1; b=2"
        );
    }

    /// What `more` behind a whole request leads to begins with `expected`.
    fn check(more: Fields<'_>, compat: HeadCompat, expected: &str) {
        let fields = [&GET[..], more].concat();
        let said = read(&fields, true, compat).unwrap_or_else(|fault| fault);
        assert!(said.starts_with(expected), "{more:?}: {said}");
    }

    const DIFFERS: &str =
        "400 client sent \":authority\" and \"Host\" headers with different values";
    const DUPLICATE: &str =
        "400 client sent duplicate host header: \"host: x\", previous value: \"host: H\"";

    #[test]
    fn refusals() {
        /// Field, value, what nginx 1.31 and what nginx 1.22 says.
        const BEHIND_A_REQUEST: &[(&str, &str, &str, &str)] = &[
            (
                "X-A",
                "1",
                "400 client sent invalid header name: \"X-A\"",
                "",
            ),
            (
                "x-a",
                "1\r2",
                "400 client sent header \"x-a\" with invalid value: \"1\r2\"",
                "",
            ),
            (
                ":x",
                "1",
                "400 client sent unknown pseudo-header \":x\"",
                "",
            ),
            (":path", "/", "400 client sent duplicate :path header", ""),
            (
                "content-length",
                "1",
                "400 client prematurely closed stream",
                "",
            ),
            (
                "content-length",
                "x",
                "400 client sent invalid \"Content-Length\" header",
                "",
            ),
            (
                "connection",
                "close",
                "400 client sent \"Connection\" header",
                "GET /a?b",
            ),
            (
                "te",
                "gzip",
                "400 client sent invalid \"TE\" header",
                "GET /a?b",
            ),
            ("host", "x", DIFFERS, DUPLICATE),
        ];
        for (name, value, now, before) in BEHIND_A_REQUEST {
            let before = if before.is_empty() { now } else { before };
            check(&[(name, value)], HeadCompat::V1_31, now);
            check(&[(name, value)], HeadCompat::V1_22, before);
        }
        let late = [("x-a", "1"), (":path", "/")];
        let out_of_order = "400 client sent out of order pseudo-headers";
        check(&late, HeadCompat::V1_31, out_of_order);
        let duplicate = "400 client sent duplicate :path header";
        check(&late, HeadCompat::V1_22, duplicate);
    }

    #[test]
    fn nginx_1_28_compares_host_and_lets_fields_of_a_connection_pass() {
        let check = |name, value, expected| {
            check(&[(name, value)], HeadCompat::V1_28, expected);
        };
        check("host", "H", "GET /a?b");
        check("host", "x", DIFFERS);
        check("connection", "close", "GET /a?b");
        check("transfer-encoding", "chunked", "GET /a?b");
    }

    #[test]
    fn pseudo_fields() {
        let check = |fields: Fields<'_>, expected: &str| {
            let said = read(fields, true, HeadCompat::V1_31).unwrap_or_else(|fault| fault);
            assert_eq!(said, expected, "{fields:?}");
        };
        check(&[], "400 client sent no :method header");
        check(&GET[..1], "400 client sent no :scheme header");
        check(&GET[..2], "400 client sent no :path header");
        check(
            &GET[..3],
            "400 client sent neither \":authority\" nor \"Host\" header",
        );
        check(&[(":path", "")], "400 client sent empty :path header");
        check(
            &[(":path", "a")],
            "400 client sent invalid :path header: \"a\"",
        );
        check(
            &[(":path", "/a b")],
            "400 client sent invalid :path header: \"/a b\"",
        );
        check(&[(":path", "/../")], "400 client sent invalid request");
        check(
            &[(":method", "get")],
            "400 client sent invalid method: \"get\"",
        );
        check(
            &[(":scheme", "1")],
            "400 client sent invalid :scheme header: \"1\"",
        );
        check(
            &[(":authority", "a b")],
            "400 client sent invalid \":authority\" header",
        );
        let connect = [(":method", "CONNECT"), GET[1], GET[2], GET[3]];
        check(&connect, "405 client sent CONNECT method");
    }

    #[test]
    fn the_path_may_come_first_and_be_odd() {
        let fields = [(":path", "/a/../b%20c?d"), GET[0], GET[1], GET[3]];
        let (mut buf, mut head) = (Vec::new(), RequestHead::new());
        let mut reader = SectionReader::default();
        let limits = HeadLimits::default();
        reader.begin(&mut buf, &mut head);
        for (name, value) in fields {
            let taken = reader.take(
                name.as_bytes(),
                value.as_bytes(),
                &mut buf,
                &mut head,
                &limits,
            );
            taken.unwrap();
        }
        reader.finish(true, &mut buf, &mut head, &limits).unwrap();
        assert_eq!(head.path(&buf), b"/b c");
        assert_eq!(head.args.of(&buf), b"d");
        assert_eq!(head.raw_uri.of(&buf), b"/a/../b%20c?d");
    }
}
