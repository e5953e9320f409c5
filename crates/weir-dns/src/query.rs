//! A question's bytes (RFC 1035, 4.1).

use crate::name;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryType {
    A,
    Aaaa,
    Srv,
}

impl QueryType {
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
            Self::Srv => 33,
        }
    }
}

/// The only class there is.
pub(crate) const CLASS_IN: u16 = 1;

/// A question about `name`; `None` if that is no name.
pub(crate) fn write(ident: u16, name: &[u8], wanted: QueryType) -> Option<Vec<u8>> {
    const RECURSION_DESIRED: u16 = 0x0100;
    const ONE_QUESTION: [u16; 4] = [1, 0, 0, 0];
    let mut out = Vec::with_capacity(name.len() + 18);
    let head = [ident, RECURSION_DESIRED].into_iter().chain(ONE_QUESTION);
    out.extend(head.flat_map(u16::to_be_bytes));
    if !name::write(name, &mut out) {
        return None;
    }
    out.extend_from_slice(&wanted.number().to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_question() {
        let query = write(0x1234, b"a.bc", QueryType::Aaaa);
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x02bc\0\0\x1c\0\x01";
        assert_eq!(query.as_deref(), Some(&expected[..]));
        assert_eq!(write(1, b"a..b", QueryType::A), None);
    }
}
