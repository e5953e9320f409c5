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
            self.write_line(buf, head)?;
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
        self.write_line(buf, head)?;
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
        // The path was read where it came.
        let target = start + self.method.len() + 1;
        for part in [&mut head.raw_uri, &mut head.raw_path, &mut head.args] {
            *part = part.moved(self.path, target);
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
mod tests;
