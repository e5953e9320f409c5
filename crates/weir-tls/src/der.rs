//! Values of ASN.1 in DER, found where they stand.

use std::ops::Range;

/// What is read from a text of DER; offsets are the text's.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    rest: Range<usize>,
}

/// One value.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) tag: u8,
    /// Where it stands, header included.
    pub(crate) whole: Range<usize>,
    /// Where its contents stand.
    pub(crate) body: Range<usize>,
}

pub(crate) const BOOLEAN: u8 = 1;
pub(crate) const INTEGER: u8 = 2;
pub(crate) const BIT_STRING: u8 = 3;
pub(crate) const OCTET_STRING: u8 = 4;
pub(crate) const OID: u8 = 6;
pub(crate) const ENUMERATED: u8 = 10;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[number]`, with parts.
pub(crate) const fn parts(number: u8) -> u8 {
    0xa0 | number
}

/// `[number]`, without parts.
pub(crate) const fn plain(number: u8) -> u8 {
    0x80 | number
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            rest: 0..text.len(),
        }
    }

    /// Reads what is in `value`.
    pub(crate) fn within(&self, value: &Value) -> Self {
        Self {
            text: self.text,
            rest: value.body.clone(),
        }
    }

    pub(crate) fn bytes(&self, range: Range<usize>) -> &'a [u8] {
        &self.text[range]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value, whatever it is.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let start = self.rest.start;
        let [tag, first, behind @ ..] = &self.text[self.rest.clone()] else {
            return None;
        };
        // Tags of several bytes are in nothing that is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (header, length) = match *first {
            length @ 0..0x80 => (2, usize::from(length)),
            long => {
                let count = usize::from(long & 0x7f);
                if !(1..=4).contains(&count) {
                    return None;
                }
                let length = behind.get(..count)?.iter();
                let length = length.fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (2 + count, length)
            }
        };
        let body = start + header;
        let end = body
            .checked_add(length)
            .filter(|end| *end <= self.rest.end)?;
        self.rest.start = end;
        Some(Value {
            tag: *tag,
            whole: start..end,
            body: body..end,
        })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Value> {
        self.next().filter(|value| value.tag == tag)
    }

    /// The next value if it has this tag; else nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Value> {
        (self.text[self.rest.clone()].first() == Some(&tag)).then(|| self.next())?
    }

    /// Reads what is in the next value, which must have this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        let value = self.expect(tag)?;
        Some(self.within(&value))
    }

    /// The contents of the next value, which must have this tag.
    pub(crate) fn contents(&mut self, tag: u8) -> Option<&'a [u8]> {
        let value = self.expect(tag)?;
        Some(self.bytes(value.body))
    }

    /// The bits of the next value, whole bytes of them.
    pub(crate) fn bits(&mut self) -> Option<Range<usize>> {
        let value = self.expect(BIT_STRING)?;
        let first = self.bytes(value.body.clone()).first()?;
        (*first == 0).then_some(value.body.start + 1..value.body.end)
    }
}

/// A number that is not negative, if it fits.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.len() > 8 || bytes.first()? & 0x80 != 0 {
        return None;
    }
    let sum = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some(sum)
}

/// Seconds since 1970 of a UTCTime or a GeneralizedTime as certificates have them: to the second, in UTC.
pub(crate) fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let year = digits(text.get(..2)?)?;
            (year + if year < 50 { 2000 } else { 1900 }, &text[2..])
        }
        GENERALIZED_TIME => (digits(text.get(..4)?)?, &text[4..]),
        _ => return None,
    };
    let [fields @ .., b'Z'] = rest else {
        return None;
    };
    if fields.len() != 10 {
        return None;
    }
    let mut pairs = fields.chunks(2).map(digits);
    let mut pair = || pairs.next()?;
    let (month, day, hour, minute, second) = (pair()?, pair()?, pair()?, pair()?, pair()?);
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    valid.then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// Days since 1970 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds() {
        assert_eq!(time(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(
            time(GENERALIZED_TIME, b"20500101000000Z"),
            Some(2_524_608_000)
        );
        assert_eq!(
            time(GENERALIZED_TIME, b"20240229120000Z"),
            Some(1_709_208_000)
        );
        assert_eq!(time(UTC_TIME, b"7001010000Z"), None);
        assert_eq!(time(UTC_TIME, b"701301000000Z"), None);
        assert_eq!(time(UTC_TIME, b"7"), None);
    }

    #[test]
    fn values_end_where_they_say() {
        let mut reader = Reader::new(&[0x30, 3, 2, 1, 5, 4, 0x81, 1, 9]);
        let mut inner = reader.enter(SEQUENCE).expect("a sequence");
        assert_eq!(inner.contents(INTEGER), Some(&[5][..]));
        assert!(inner.is_empty());
        assert_eq!(reader.optional(INTEGER).map(|value| value.tag), None);
        assert_eq!(reader.contents(OCTET_STRING), Some(&[9][..]));
        assert!(Reader::new(&[0x30, 3, 2, 1]).next().is_none());
        assert!(
            Reader::new(&[0x30, 0x84, 255, 255, 255, 255])
                .next()
                .is_none()
        );
    }
}
