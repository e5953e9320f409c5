//! Every way a head that comes as a section of fields is refused.

use std::fmt;

use super::fault::RequestFault;

/// A pseudo-field that every request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pseudo {
    /// `:method`.
    Method,
    /// `:scheme`.
    Scheme,
    /// `:path`.
    Path,
}

impl Pseudo {
    const fn name(self) -> &'static str {
        match self {
            Self::Method => ":method",
            Self::Scheme => ":scheme",
            Self::Path => ":path",
        }
    }
}

/// Why such a head is refused. All are logged at level info; the text, without " while …", is nginx's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionFault {
    /// As a head that came as text.
    Head(RequestFault),
    /// 400: a byte that no name may have.
    InvalidName(Vec<u8>),
    /// 400: name and value; a byte that no value may have.
    InvalidValue(Vec<u8>, Vec<u8>),
    /// 400: a pseudo-field behind a field.
    OutOfOrder,
    /// 400: a pseudo-field that no request has, without its colon.
    Unknown(Vec<u8>),
    /// 400: a pseudo-field that came before.
    Duplicate(Pseudo),
    /// 400: `:authority` came before.
    DuplicateAuthority,
    /// 400: a pseudo-field without a value.
    Empty(Pseudo),
    /// 400: a pseudo-field with a value that it cannot have.
    Invalid(Pseudo, Vec<u8>),
    /// 400: `:method` is no method.
    InvalidMethod(Vec<u8>),
    /// 400: `:authority` is no host.
    InvalidAuthority,
    /// 400: a pseudo-field that every request has is not there.
    Missing(Pseudo),
    /// 400: a field that HTTP/2 has no place for.
    Misplaced(&'static str),
    /// 400: `TE` says anything but `trailers`.
    InvalidTe,
    /// 400: neither `:authority` nor `Host`.
    NoHost,
    /// 400: `:authority` and `Host` differ.
    HostDiffers,
    /// 400: a body was announced, and the stream has ended.
    StreamClosed,
}

impl From<RequestFault> for SectionFault {
    fn from(fault: RequestFault) -> Self {
        Self::Head(fault)
    }
}

impl SectionFault {
    /// The path is at fault, so that there is none.
    #[must_use]
    pub const fn is_of_path(&self) -> bool {
        matches!(
            self,
            Self::Invalid(Pseudo::Path, _) | Self::Head(RequestFault::InvalidRequest)
        )
    }

    /// Status nginx ends the request with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Head(fault) => fault.status(),
            Self::InvalidName(_)
            | Self::InvalidValue(..)
            | Self::OutOfOrder
            | Self::Unknown(_)
            | Self::Duplicate(_)
            | Self::DuplicateAuthority
            | Self::Empty(_)
            | Self::Invalid(..)
            | Self::InvalidMethod(_)
            | Self::InvalidAuthority
            | Self::Missing(_)
            | Self::Misplaced(_)
            | Self::InvalidTe
            | Self::NoHost
            | Self::HostDiffers
            | Self::StreamClosed => 400,
        }
    }

    /// Appends the text for the error log.
    pub fn write_message(&self, out: &mut Vec<u8>) {
        let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
        match self {
            Self::Head(fault) => fault.write_message(out),
            Self::InvalidName(name) => put(&[b"client sent invalid header name: \"", name, b"\""]),
            Self::InvalidValue(name, value) => put(&[
                b"client sent header \"",
                name,
                b"\" with invalid value: \"",
                value,
                b"\"",
            ]),
            Self::OutOfOrder => put(&[b"client sent out of order pseudo-headers"]),
            Self::Unknown(name) => put(&[b"client sent unknown pseudo-header \":", name, b"\""]),
            Self::Duplicate(pseudo) => {
                put(&[
                    b"client sent duplicate ",
                    pseudo.name().as_bytes(),
                    b" header",
                ]);
            }
            Self::DuplicateAuthority => put(&[b"client sent duplicate \":authority\" header"]),
            Self::Empty(pseudo) => {
                put(&[b"client sent empty ", pseudo.name().as_bytes(), b" header"]);
            }
            Self::Invalid(pseudo, value) => {
                let name = pseudo.name().as_bytes();
                put(&[b"client sent invalid ", name, b" header: \"", value, b"\""]);
            }
            Self::InvalidMethod(value) => put(&[b"client sent invalid method: \"", value, b"\""]),
            Self::InvalidAuthority => put(&[b"client sent invalid \":authority\" header"]),
            Self::Missing(pseudo) => {
                put(&[b"client sent no ", pseudo.name().as_bytes(), b" header"]);
            }
            Self::Misplaced(name) => put(&[b"client sent \"", name.as_bytes(), b"\" header"]),
            Self::InvalidTe => put(&[b"client sent invalid \"TE\" header"]),
            Self::NoHost => put(&[b"client sent neither \":authority\" nor \"Host\" header"]),
            Self::HostDiffers => {
                put(&[b"client sent \":authority\" and \"Host\" headers with different values"]);
            }
            Self::StreamClosed => put(&[b"client prematurely closed stream"]),
        }
    }
}

impl fmt::Display for SectionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = Vec::new();
        self.write_message(&mut message);
        f.write_str(&String::from_utf8_lossy(&message))
    }
}

impl std::error::Error for SectionFault {}
