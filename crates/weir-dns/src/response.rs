//! The head of an answer, and the question that it says it answers (`ngx_resolver_process_response`).

use crate::Transport;
use crate::name;
use crate::query::{CLASS_IN, QueryType};
use crate::told::Told;

/// Bytes of a message before its question.
pub(crate) const HEAD: usize = 12;

/// Bytes behind a question's name.
const QUESTION: usize = 4;

/// The least that a record has.
const LEAST_RECORD: usize = 12;

/// The highest code that ends a look-up.
const REFUSED: u16 = 5;

/// The head of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) ident: u16,
    /// The RCODE.
    pub(crate) code: u16,
    /// There is more than fits into the datagram.
    pub(crate) truncated: bool,
    questions: u16,
    pub(crate) records: u16,
}

impl Head {
    pub(crate) fn read(message: &[u8], transport: Transport) -> Result<Self, Told> {
        let head = message.get(..HEAD).ok_or(Told::Short)?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let (ident, flags) = (word(0), word(2));
        let truncated = flags & 0x0200 != 0;
        let plain = flags & 0xf870 == 0x8000;
        if !plain || (truncated && transport == Transport::Tcp) {
            return Err(Told::InvalidResponse {
                transport,
                ident,
                flags,
            });
        }
        Ok(Self {
            ident,
            code: flags & 0xf,
            truncated,
            questions: word(4),
            records: word(6),
        })
    }

    /// Whether the code is one of which nothing is made but a log line.
    pub(crate) fn is_unknown(&self) -> bool {
        self.code > REFUSED
    }
}

/// The question that an answer repeats.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) name: Box<[u8]>,
    pub(crate) wanted: QueryType,
    /// Where the records begin.
    pub(crate) end: usize,
}

impl Question {
    pub(crate) fn read(message: &[u8], head: &Head) -> Result<Self, Told> {
        if head.questions != 1 {
            return Err(Told::QuestionCount);
        }
        let behind = name_end(message)?;
        let end = behind + QUESTION;
        if end + usize::from(head.records) * LEAST_RECORD > message.len() {
            return Err(Told::Short);
        }
        let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
        let (kind, class) = (word(behind), word(behind + 2));
        if class != CLASS_IN {
            return Err(Told::QueryClass(class));
        }
        let wanted = wanted(kind);
        let name = match wanted {
            Some(_) => name::read(message, HEAD)?,
            None if kind == PTR => return Err(reverse(name::read(message, HEAD)?)),
            None => return Err(Told::QueryType(kind)),
        };
        let wanted = wanted.ok_or(Told::QueryType(kind))?;
        Ok(Self { name, wanted, end })
    }
}

/// The type of questions for the name of an address, which weir never asks.
const PTR: u16 = 12;

fn wanted(kind: u16) -> Option<QueryType> {
    [QueryType::A, QueryType::Aaaa, QueryType::Srv]
        .into_iter()
        .find(|wanted| wanted.number() == kind)
}

/// Where the question's name ends; it points nowhere and is not the root.
fn name_end(message: &[u8]) -> Result<usize, Told> {
    let mut at = HEAD;
    loop {
        match *message.get(at).ok_or(Told::Short)? {
            0 if at == HEAD => return Err(Told::EmptyName),
            0 => return Ok(at + 1),
            length if length & 0xc0 != 0 => return Err(Told::PointerInQuestion),
            length => at += 1 + usize::from(length),
        }
    }
}

/// What is said of an answer about an address (`ngx_resolver_process_ptr`).
fn reverse(name: Box<[u8]>) -> Told {
    let octet = |text: &[u8]| {
        let digits = std::str::from_utf8(text).ok();
        digits.is_some_and(|digits| !digits.starts_with('+') && digits.parse::<u8>().is_ok())
    };
    let nibble = |text: &[u8]| matches!(text, [digit] if digit.is_ascii_hexdigit());
    let labels: Vec<&[u8]> = name.split(|&byte| byte == b'.').collect();
    let known = match labels.as_slice() {
        [numbers @ .., b"in-addr", b"arpa"] => {
            numbers.len() == 4 && numbers.iter().all(|n| octet(n))
        }
        [digits @ .., b"ip6", b"arpa"] => digits.len() == 32 && digits.iter().all(|n| nibble(n)),
        _ => false,
    };
    match known {
        true => Told::Unexpected(name),
        false => Told::InvalidReverseName,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &[u8], transport: Transport, expected: &str) {
        let read = Head::read(message, transport).and_then(|head| Question::read(message, &head));
        let shown = match read {
            Ok(question) => {
                let name = String::from_utf8_lossy(&question.name).into_owned();
                format!("{name} {:?} {}", question.wanted, question.end)
            }
            Err(told) => String::from_utf8_lossy(&told.text()).into_owned(),
        };
        assert_eq!(shown, expected, "{message:?}");
    }

    fn message(flags: u16, questions: u16, records: u16, rest: &[u8]) -> Vec<u8> {
        let words = [7, flags, questions, records, 0, 0];
        let head = words.into_iter().flat_map(u16::to_be_bytes);
        head.chain(rest.iter().copied()).collect()
    }

    #[test]
    fn heads_and_questions() {
        let udp = |message: Vec<u8>, expected| check(&message, Transport::Udp, expected);
        let ask = b"\x01A\x01b\0\0\x01\0\x01";
        udp(message(0x8180, 1, 0, ask), "a.b A 21");
        udp(message(0x8380, 1, 0, ask), "a.b A 21");
        check(
            &message(0x8380, 1, 0, ask),
            Transport::Tcp,
            "invalid TCP DNS response 7 fl:8380",
        );
        udp(
            message(0x0100, 1, 0, ask),
            "invalid UDP DNS response 7 fl:0100",
        );
        udp(message(0x8180, 1, 1, ask), "short DNS response");
        udp(b"short".to_vec(), "short DNS response");
        udp(message(0x8180, 1, 0, b"\x05a"), "short DNS response");
        let two = "invalid number of questions in DNS response";
        udp(message(0x8180, 2, 0, ask), two);
        let pointer = "unexpected compression pointer in DNS response";
        udp(message(0x8180, 1, 0, b"\xc0\x0c"), pointer);
        let root = "zero-length domain name in DNS response";
        udp(message(0x8180, 1, 0, b"\0\0\x01\0\x01"), root);
        udp(
            message(0x8180, 1, 0, b"\x01a\0\0\x01\0\x03"),
            "unknown query class 3 in DNS response",
        );
        udp(
            message(0x8180, 1, 0, b"\x01a\0\0\x10\0\x01"),
            "unknown query type 16 in DNS response",
        );
    }

    #[test]
    fn answers_about_addresses_are_never_expected() {
        let text = |name: &str| {
            let told = reverse(name.as_bytes().into());
            String::from_utf8_lossy(&told.text()).into_owned()
        };
        let unexpected = "unexpected DNS response for 4.3.2.1.in-addr.arpa";
        assert_eq!(text("4.3.2.1.in-addr.arpa"), unexpected);
        let invalid = "invalid in-addr.arpa or ip6.arpa name in DNS response";
        assert_eq!(text("4.3.2.256.in-addr.arpa"), invalid);
        assert_eq!(text("a.b"), invalid);
    }
}
