//! Questions as they come, answers as the script wants them (RFC 1035, 4.1).

use crate::script::{OtherQuestion, Record, Reply};

pub(super) const A: u16 = 1;
const CNAME: u16 = 5;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;

/// Bytes of a message before its questions.
const HEAD: usize = 12;

/// How long answers hold that do not say so.
const TTL: u32 = 60;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Udp,
    Tcp,
}

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    id: u16,
    /// In small letters.
    pub(super) name: String,
    pub(super) kind: u16,
    /// Its name as it came.
    written: Vec<u8>,
}

impl Question {
    /// Reads the first question of a message.
    pub(super) fn read(query: &[u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = HEAD;
        loop {
            let length = usize::from(*query.get(at)?);
            let label = query.get(at + 1..at + 1 + length)?;
            at += 1 + length;
            if label.is_empty() {
                break;
            }
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        }
        let (id, _) = query.split_first_chunk::<2>()?;
        let (kind, _) = query.get(at..)?.split_first_chunk::<2>()?;
        Some(Self {
            id: u16::from_be_bytes(*id),
            name: labels.join("."),
            kind: u16::from_be_bytes(*kind),
            written: query.get(HEAD..at)?.to_vec(),
        })
    }
}

/// What `reply` says to `question`.
pub(super) fn write(question: &Question, reply: &Reply, way: Way) -> Vec<u8> {
    const RESPONSE: u16 = 0x8180;
    const TRUNCATED: u16 = 0x0200;
    let cut_short = reply.truncated && way == Way::Udp;
    let records: &[Record] = if cut_short { &[] } else { &reply.records };
    let truncated = if cut_short { TRUNCATED } else { 0 };
    let flags = RESPONSE | truncated | u16::from(reply.rcode);
    let id = question.id.wrapping_add(u16::from(reply.other_id));
    let head = [
        id,
        reply.flags.unwrap_or(flags),
        reply.questions.unwrap_or(1),
        reply.count.unwrap_or(records.len() as u16),
        0,
        0,
    ];
    let mut out: Vec<u8> = head.into_iter().flat_map(u16::to_be_bytes).collect();
    write_question(question, reply.question.as_ref(), &mut out);
    for record in records {
        write_record(record, reply.ttl.unwrap_or(TTL), &mut out);
    }
    out.extend(reply.append.to_bytes());
    out.truncate(reply.cut.unwrap_or(usize::MAX));
    out
}

fn write_question(question: &Question, other: Option<&OtherQuestion>, out: &mut Vec<u8>) {
    let default = OtherQuestion::default();
    let other = other.unwrap_or(&default);
    match (&other.raw, &other.name) {
        (Some(raw), _) => out.extend(raw.to_bytes()),
        (None, Some(name)) => out.extend(labels(name)),
        (None, None) => out.extend_from_slice(&question.written),
    }
    let words = [
        other.kind.unwrap_or(question.kind),
        other.class.unwrap_or(1),
    ];
    out.extend(words.into_iter().flat_map(u16::to_be_bytes));
}

fn write_record(record: &Record, ttl: u32, out: &mut Vec<u8>) {
    let (kind, class, data) = match record {
        Record::A(address) => (A, 1, address.octets().to_vec()),
        Record::Aaaa(address) => (AAAA, 1, address.octets().to_vec()),
        Record::Cname(name) => (CNAME, 1, labels(name)),
        Record::Srv {
            priority,
            weight,
            port,
            name,
        } => {
            let numbers = [*priority, *weight, *port];
            let numbers = numbers.into_iter().flat_map(u16::to_be_bytes);
            (SRV, 1, numbers.chain(labels(name)).collect())
        }
        Record::Raw {
            kind, class, data, ..
        } => (*kind, *class, data.to_bytes()),
    };
    let length = match record {
        Record::Raw {
            length: Some(length),
            ..
        } => *length,
        _ => data.len() as u16,
    };
    // Whose it is stands in the question.
    out.extend([0xc0, HEAD as u8]);
    out.extend([kind, class].into_iter().flat_map(u16::to_be_bytes));
    out.extend(ttl.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(data);
}

fn labels(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut out: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    out.push(0);
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::dns) const QUERY: &[u8] =
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x04Name\x04test\0\0\x01\0\x01";

    /// The code, and what stands behind the question.
    fn check(reply: &str, way: Way, expected: (u8, &[u8])) {
        let reply: Reply = toml::from_str(reply).unwrap();
        let question = Question::read(QUERY).unwrap();
        assert_eq!((&*question.name, question.kind), ("name.test", A));
        let message = write(&question, &reply, way);
        assert_eq!((message[3] & 15, &message[QUERY.len()..]), expected);
    }

    #[test]
    fn answers() {
        let address = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";
        check("rcode = 2", Way::Udp, (2, b""));
        check("records = [{ a = '127.0.0.1' }]", Way::Udp, (0, address));
        let truncated = "records = [{ a = '127.0.0.1' }]\ntruncated = true";
        check(truncated, Way::Udp, (0, b""));
        check(truncated, Way::Tcp, (0, address));
        check(
            "records = [{ cname = 'b.c' }]\nttl = 1\nappend = 'x'",
            Way::Udp,
            (0, b"\xc0\x0c\0\x05\0\x01\0\0\0\x01\0\x05\x01b\x01c\0x"),
        );
    }

    #[test]
    fn nonsense_is_no_question() {
        assert!(Question::read(b"short").is_none());
        assert!(Question::read(&QUERY[..16]).is_none());
    }
}
