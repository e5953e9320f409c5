//! The PROXY protocol, versions 1 and 2: what a balancer in front says of its client, before the
//! client's own first byte (ngx_proxy_protocol_read).

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::write_ip;
use crate::search::decimal;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// The client's address, in version 1 as it was written.
    pub source: Box<[u8]>,
    /// The address that the client reached.
    pub destination: Box<[u8]>,
    /// The client's port.
    pub source_port: u16,
    /// The port that the client reached.
    pub destination_port: u16,
    /// What version 2 has behind the addresses: type, length in two bytes, value, again and again.
    tlvs: Box<[u8]>,
}

/// A header that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its bytes; the client's own follow.
    pub len: usize,
    /// `None` if it names nobody: `UNKNOWN`, `LOCAL`, datagrams, and families without an IP.
    pub header: Option<ProxyHeader>,
}

/// Why the connection is closed without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// No header of either version, or not all of it; so many bytes of it are quoted in the log.
    Broken {
        /// Up to the first CR or LF.
        quoted: usize,
    },
    /// Version 2's signature, and another version behind it.
    UnknownVersion(u8),
    /// Version 2 announces more bytes than came.
    TooLarge,
    /// Version 2 announces fewer bytes than its addresses take; nginx logs nothing.
    ShortAddresses,
}

impl ProxyFault {
    /// Appends the text for the error log, at level error; none if nginx has none. `bytes` are
    /// those that were read.
    pub fn write_message(self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Broken { quoted } => {
                out.extend_from_slice(b"broken header: \"");
                out.extend_from_slice(&bytes[..quoted]);
                out.push(b'"');
            }
            Self::UnknownVersion(version) => {
                let text = format!("unknown PROXY protocol version: {version}");
                out.extend_from_slice(text.as_bytes());
            }
            Self::TooLarge => out.extend_from_slice(b"header is too large"),
            Self::ShortAddresses => {}
        }
    }
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length.
const FIXED: usize = 16;

/// Reads the header that `bytes`, all that came at once, begin with. nginx does not wait for the
/// rest of one that is not whole.
///
/// # Errors
///
/// Why the connection is to be closed.
pub fn read(bytes: &[u8]) -> Result<Greeting, ProxyFault> {
    if bytes.len() >= FIXED && bytes.starts_with(SIGNATURE) {
        return read_binary(bytes);
    }
    read_text(bytes).ok_or_else(|| ProxyFault::Broken {
        quoted: memchr::memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len()),
    })
}

/// Version 1: `PROXY TCP4 SOURCE DESTINATION PORT PORT`, or `PROXY UNKNOWN` and anything, and CRLF.
fn read_text(bytes: &[u8]) -> Option<Greeting> {
    let rest = bytes.strip_prefix(b"PROXY ")?;
    if let Some(rest) = rest.strip_prefix(b"UNKNOWN") {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        return Some(Greeting {
            len: bytes.len() - rest.len() + end + 2,
            header: None,
        });
    }
    let rest = rest
        .strip_prefix(b"TCP4 ")
        .or_else(|| rest.strip_prefix(b"TCP6 "))?;
    let (source, rest) = address(rest)?;
    let (destination, rest) = address(rest)?;
    let (source_port, rest) = port(rest, b' ')?;
    let (destination_port, rest) = port(rest, b'\r')?;
    let rest = rest.strip_prefix(b"\n")?;
    Some(Greeting {
        len: bytes.len() - rest.len(),
        header: Some(ProxyHeader {
            source: source.into(),
            destination: destination.into(),
            source_port,
            destination_port,
            tlvs: Box::default(),
        }),
    })
}

/// Digits, colons and dots up to a blank, and what is behind that; whether they are an address is
/// nobody's concern.
fn address(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes)?;
    let (address, rest) = (&bytes[..end], &bytes[end + 1..]);
    let fits = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    address.iter().all(fits).then_some((address, rest))
}

/// Decimal digits up to `end`, and what is behind that.
fn port(bytes: &[u8], end: u8) -> Option<(u16, &[u8])> {
    let len = memchr::memchr(end, bytes)?;
    let port = decimal(&bytes[..len])?;
    Some((u16::try_from(port).ok()?, &bytes[len + 1..]))
}

/// Version 2.
fn read_binary(bytes: &[u8]) -> Result<Greeting, ProxyFault> {
    const PROXY: u8 = 1;
    const STREAM: u8 = 1;
    let (version, command) = (bytes[12] >> 4, bytes[12] & 15);
    if version != 2 {
        return Err(ProxyFault::UnknownVersion(version));
    }
    let len = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let body = bytes[FIXED..].get(..len).ok_or(ProxyFault::TooLarge)?;
    let (family, transport) = (bytes[13] >> 4, bytes[13] & 15);
    let header = if command == PROXY && transport == STREAM {
        match family {
            1 => Some(inet(body).ok_or(ProxyFault::ShortAddresses)?),
            2 => Some(inet6(body).ok_or(ProxyFault::ShortAddresses)?),
            _ => None,
        }
    } else {
        None
    };
    Ok(Greeting {
        len: FIXED + len,
        header,
    })
}

fn inet(body: &[u8]) -> Option<ProxyHeader> {
    let (&[a, b, c, d, e, f, g, h, ports @ ..], tlvs) = body.split_first_chunk::<12>()?;
    let source = Ipv4Addr::new(a, b, c, d).into();
    let destination = Ipv4Addr::new(e, f, g, h).into();
    Some(binary(source, destination, ports, tlvs))
}

fn inet6(body: &[u8]) -> Option<ProxyHeader> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (destination, rest) = rest.split_first_chunk::<16>()?;
    let (&ports, tlvs) = rest.split_first_chunk::<4>()?;
    let (source, destination) = (Ipv6Addr::from(*source), Ipv6Addr::from(*destination));
    Some(binary(source.into(), destination.into(), ports, tlvs))
}

fn binary(source: IpAddr, destination: IpAddr, ports: [u8; 4], tlvs: &[u8]) -> ProxyHeader {
    let [a, b, c, d] = ports;
    let text = |ip| {
        let mut text = Vec::new();
        write_ip(ip, &mut text);
        text.into()
    };
    ProxyHeader {
        source: text(source),
        destination: text(destination),
        source_port: u16::from_be_bytes([a, b]),
        destination_port: u16::from_be_bytes([c, d]),
        tlvs: tlvs.into(),
    }
}

/// Why a TLV has no value; nginx logs it at level error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlvFault<'a> {
    /// The name is none of those that are known.
    #[error("unknown PROXY protocol TLV \"{0}\"")]
    Unknown(&'a str),
    /// Behind `0x` there is no hexadecimal number.
    #[error("invalid PROXY protocol TLV \"{0}\"")]
    Invalid(&'a str),
    /// The bytes before it are no TLVs.
    #[error("broken PROXY protocol TLV")]
    Broken,
}

/// Type of the TLV that holds others: what the balancer knows of its client's TLS.
const SSL: u64 = 0x20;

impl ProxyHeader {
    /// Value of the TLV that `$proxy_protocol_tlv_NAME` means: a name or `0xNN`, and behind `ssl_`
    /// the same among those of the TLV of TLS; `ssl_verify` is a number (ngx_proxy_protocol_get_tlv).
    ///
    /// # Errors
    ///
    /// Why there is no value, where the log is told.
    pub fn tlv<'a>(&self, name: &'a str) -> Result<Option<Cow<'_, [u8]>>, TlvFault<'a>> {
        let Some(inner) = name.strip_prefix("ssl_") else {
            return Ok(find(&self.tlvs, kind(name, name, &OUTER)?)?.map(Cow::Borrowed));
        };
        let ssl = find(&self.tlvs, SSL)?.and_then(<[u8]>::split_first_chunk::<5>);
        let Some(([_client, verify @ ..], tlvs)) = ssl else {
            return Ok(None);
        };
        if inner == "verify" {
            let verify = u32::from_be_bytes(*verify).to_string();
            return Ok(Some(Cow::Owned(verify.into_bytes())));
        }
        Ok(find(tlvs, kind(name, inner, &INNER)?)?.map(Cow::Borrowed))
    }
}

const OUTER: [(&str, u64); 5] = [
    ("alpn", 0x01),
    ("authority", 0x02),
    ("unique_id", 0x05),
    ("ssl", SSL),
    ("netns", 0x30),
];

const INNER: [(&str, u64); 5] = [
    ("version", 0x21),
    ("cn", 0x22),
    ("cipher", 0x23),
    ("sig_alg", 0x24),
    ("key_alg", 0x25),
];

/// The type that `name` means; `whole` is what the log calls it.
fn kind<'a>(whole: &'a str, name: &str, known: &[(&str, u64)]) -> Result<u64, TlvFault<'a>> {
    if let Some(digits) = name.strip_prefix("0x") {
        let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = plain.then(|| i64::from_str_radix(digits, 16));
        return match number {
            Some(Ok(number)) => Ok(number.unsigned_abs()),
            Some(Err(_)) | None => Err(TlvFault::Invalid(whole)),
        };
    }
    let entry = known.iter().find(|(known, _)| *known == name);
    entry.map_or(Err(TlvFault::Unknown(whole)), |(_, kind)| Ok(*kind))
}

/// Value of the first TLV of this type (ngx_proxy_protocol_lookup_tlv).
fn find(mut tlvs: &[u8], wanted: u64) -> Result<Option<&[u8]>, TlvFault<'static>> {
    while !tlvs.is_empty() {
        let (&[kind, high, low], rest) = tlvs.split_first_chunk().ok_or(TlvFault::Broken)?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (value, rest) = rest.split_at_checked(len).ok_or(TlvFault::Broken)?;
        if u64::from(kind) == wanted {
            return Ok(Some(value));
        }
        tlvs = rest;
    }
    Ok(None)
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken { .. } => "broken header",
            Self::UnknownVersion(_) => "unknown PROXY protocol version",
            Self::TooLarge => "header is too large",
            Self::ShortAddresses => "no room for the addresses",
        })
    }
}

impl std::error::Error for ProxyFault {}

#[cfg(test)]
mod tests;
