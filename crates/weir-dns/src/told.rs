//! What the error log is told of answers, in nginx's words; all of it is an `[error]`.

use crate::Transport;
use crate::answer::Code;

/// A line for the error log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// No answer to a plain question, or a connection's that was cut.
    InvalidResponse {
        /// How it came.
        transport: Transport,
        /// Its identifier.
        ident: u16,
        /// The second word of its head.
        flags: u16,
    },
    /// A code that ends no look-up.
    DnsError {
        /// The code.
        code: u16,
        /// The answer's identifier.
        ident: u16,
        /// The name that was asked for, if a question has the identifier.
        name: Option<Box<[u8]>>,
    },
    /// Not one question.
    QuestionCount,
    /// A name that points elsewhere, in the question.
    PointerInQuestion,
    /// A question for the root.
    EmptyName,
    /// It ends too early.
    Short,
    /// A question for another class than IN.
    QueryClass(u16),
    /// A question of a type that is never asked.
    QueryType(u16),
    /// Nobody has asked, or there was an answer before.
    Unexpected(Box<[u8]>),
    /// Another identifier than the question's.
    WrongIdent {
        /// The answer's.
        ident: u16,
        /// The name.
        name: Box<[u8]>,
        /// The question's.
        expected: u16,
    },
    /// The name of a record is no name.
    InvalidName,
    /// The same, of an answer about a service.
    InvalidServiceName,
    /// A record of another class than IN.
    RecordClass(u16),
    /// A record of a type that nobody asked for.
    RecordType(u16),
    /// A record with an address of the other kind: `A` or `AAAA`.
    UnexpectedRecord(&'static str),
    /// An address of another length: `A` or `AAAA`.
    InvalidRecord(&'static str),
    /// Neither addresses nor another name.
    NoAddresses,
    /// No servers.
    NoServices,
    /// A length that is none.
    LabelType,
    /// A name that goes on behind the end.
    NameOutside,
    /// A name that points at itself.
    PointerLoop,
    /// An answer about an address that is written in no known way.
    InvalidReverseName,
}

impl Told {
    /// The line.
    pub fn text(&self) -> Vec<u8> {
        match self {
            Self::Unexpected(name) => [b"unexpected DNS response for ", &**name].concat(),
            Self::WrongIdent {
                ident,
                name,
                expected,
            } => {
                let start = format!("wrong ident {ident} in DNS response for ");
                let end = format!(", expect {expected}");
                [start.as_bytes(), name, end.as_bytes()].concat()
            }
            Self::DnsError { code, ident, name } => dns_error(*code, *ident, name.as_deref()),
            other => other.plain().into_bytes(),
        }
    }

    /// The line of what names no name.
    fn plain(&self) -> String {
        match self {
            Self::InvalidResponse {
                transport,
                ident,
                flags,
            } => {
                let way = match transport {
                    Transport::Udp => "UDP",
                    Transport::Tcp => "TCP",
                };
                format!("invalid {way} DNS response {ident} fl:{flags:04X}")
            }
            Self::QueryClass(class) => format!("unknown query class {class} in DNS response"),
            Self::QueryType(kind) => format!("unknown query type {kind} in DNS response"),
            Self::RecordClass(class) => format!("unexpected RR class {class} in DNS response"),
            Self::RecordType(kind) => format!("unexpected RR type {kind} in DNS response"),
            Self::UnexpectedRecord(kind) => format!("unexpected {kind} record in DNS response"),
            Self::InvalidRecord(kind) => format!("invalid {kind} record in DNS response"),
            other => other.fixed().to_owned(),
        }
    }

    /// The line of what is always the same.
    fn fixed(&self) -> &'static str {
        match self {
            Self::QuestionCount => "invalid number of questions in DNS response",
            Self::PointerInQuestion => "unexpected compression pointer in DNS response",
            Self::EmptyName => "zero-length domain name in DNS response",
            Self::Short => "short DNS response",
            Self::InvalidName => "invalid name in DNS response",
            Self::InvalidServiceName => "invalid name DNS response",
            Self::NoAddresses => "no A or CNAME types in DNS response",
            Self::NoServices => "no SRV type in DNS response",
            Self::LabelType => "invalid label type in DNS response",
            Self::NameOutside => "name is out of DNS response",
            Self::PointerLoop => "compression pointers loop in DNS response",
            Self::InvalidReverseName => "invalid in-addr.arpa or ip6.arpa name in DNS response",
            Self::InvalidResponse { .. }
            | Self::DnsError { .. }
            | Self::QueryClass(_)
            | Self::QueryType(_)
            | Self::Unexpected(_)
            | Self::WrongIdent { .. }
            | Self::RecordClass(_)
            | Self::RecordType(_)
            | Self::UnexpectedRecord(_)
            | Self::InvalidRecord(_) => "invalid DNS response",
        }
    }
}

fn dns_error(code: u16, ident: u16, name: Option<&[u8]>) -> Vec<u8> {
    let words = Code::of_answer(code).map_or("Unknown error", Code::words);
    let mut line = format!("DNS error ({code}: {words}), query id:{ident}").into_bytes();
    if let Some(name) = name {
        line.extend_from_slice(b", name:\"");
        line.extend_from_slice(name);
        line.push(b'"');
    }
    line
}
