//! Character sets, and tables from one to another.

use std::collections::HashMap;
use std::sync::Arc;

/// The character sets that a configuration names, and its `charset_map`s.
#[derive(Clone, Debug, Default)]
pub struct Charsets {
    /// As written where they were named first.
    names: Vec<Box<str>>,
    /// From one to another, by their places among the names.
    recodings: HashMap<(usize, usize), Arc<Recoding>>,
}

/// How the bytes of one character set become those of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recoding {
    /// Each byte becomes another.
    Bytes(Box<[u8; 256]>),
    /// Each byte becomes a character of UTF-8.
    ToUtf8(ToUtf8),
    /// Characters of UTF-8 become bytes.
    FromUtf8(FromUtf8),
}

/// Characters of UTF-8, at most three bytes long, by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToUtf8 {
    characters: Box<[(u8, [u8; Self::LONGEST]); 256]>,
}

/// Bytes by the numbers of characters below 0x10000; 0 for those that have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FromUtf8 {
    pages: HashMap<u8, Box<[u8; 256]>>,
}

impl Charsets {
    /// The place of the character set called `name`, in any case (`ngx_http_get_charset`).
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        let same = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
        self.names.iter().position(|known| same(known))
    }

    /// The name of the character set at this place.
    pub fn name(&self, place: usize) -> &str {
        self.names.get(place).map_or("", |name| name)
    }

    /// The table from one to another.
    pub fn recoding(&self, from: usize, to: usize) -> Option<&Arc<Recoding>> {
        self.recodings.get(&(from, to))
    }

    /// The place of the character set called `name`, which is known from now on
    /// (`ngx_http_add_charset`).
    pub(crate) fn add(&mut self, name: &str) -> usize {
        self.find(name.as_bytes()).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        })
    }

    pub(crate) fn insert(&mut self, from: usize, to: usize, recoding: Recoding) {
        self.recodings.insert((from, to), Arc::new(recoding));
    }
}

impl Recoding {
    /// Whether a text may become longer or shorter.
    pub fn changes_length(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::ToUtf8(_) | Self::FromUtf8(_) => true,
        }
    }
}

impl ToUtf8 {
    /// Bytes of the longest character.
    pub(crate) const LONGEST: usize = 3;

    /// What `byte` becomes.
    pub fn character(&self, byte: u8) -> &[u8] {
        let (length, text) = &self.characters[usize::from(byte)];
        &text[..usize::from(*length)]
    }

    /// Sets what `byte` becomes; longer texts are cut.
    pub(crate) fn set(&mut self, byte: u8, text: &[u8]) {
        let (length, character) = &mut self.characters[usize::from(byte)];
        *length = 0;
        for (into, from) in character.iter_mut().zip(text) {
            *into = *from;
            *length += 1;
        }
    }
}

impl Default for ToUtf8 {
    /// ASCII stays, all else is a question mark.
    fn default() -> Self {
        let mut table = Self {
            characters: Box::new([(1, [b'?', 0, 0]); 256]),
        };
        for byte in 0..0x80 {
            table.set(byte, &[byte]);
        }
        table
    }
}

impl FromUtf8 {
    /// The byte of a character, if it has one.
    pub fn byte(&self, character: u32) -> Option<u8> {
        let (page, place) = split(character)?;
        let byte = self.pages.get(&page)?[usize::from(place)];
        (byte != 0).then_some(byte)
    }

    /// Sets the byte of a character; it has none if there is no room for its number.
    pub fn set(&mut self, character: u32, byte: u8) {
        if let Some((page, place)) = split(character) {
            let page = self.pages.entry(page).or_insert_with(|| Box::new([0; 256]));
            page[usize::from(place)] = byte;
        }
    }
}

/// The page of a character, and its place there.
fn split(character: u32) -> Option<(u8, u8)> {
    let page = u8::try_from(character >> 8).ok()?;
    Some((page, (character & 0xff) as u8))
}

/// What stands at the beginning of a text in UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// A character, and its bytes.
    Character(u32, usize),
    /// So many bytes that are none.
    Invalid(usize),
    /// More must come.
    Incomplete,
}

impl Decoded {
    /// Reads a character of several bytes (`ngx_utf8_decode`): of those that follow the first one only the
    /// highest bit is looked at.
    pub fn of(text: &[u8]) -> Self {
        let Some((&first, rest)) = text.split_first() else {
            return Self::Incomplete;
        };
        let (bits, above, more) = match first {
            0xf0..=0xf7 => (first & 0x07, 0xffff, 3),
            0xe0..=0xef => (first & 0x0f, 0x07ff, 2),
            0xc2..=0xdf => (first & 0x1f, 0x007f, 1),
            _ => return Self::Invalid(1),
        };
        if rest.len() < more {
            return Self::Incomplete;
        }
        let mut number = u32::from(bits);
        for (index, &byte) in rest[..more].iter().enumerate() {
            if byte < 0x80 {
                return Self::Invalid(index + 2);
            }
            number = (number << 6) | u32::from(byte & 0x3f);
        }
        match number > above && number <= u32::from(char::MAX) {
            true => Self::Character(number, more + 1),
            false => Self::Invalid(more + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_read_as_nginx_reads_them() {
        for (text, expected) in [
            (&b"\xd0\x90"[..], Decoded::Character(0x410, 2)),
            (b"\xe2\x82\xac.", Decoded::Character(0x20ac, 3)),
            (b"\xf0\x9f\x98\x80", Decoded::Character(0x1f600, 4)),
            // One half of a pair of UTF-16.
            (b"\xed\xa0\x80", Decoded::Character(0xd800, 3)),
            (b"\x80", Decoded::Invalid(1)),
            (b"\xc1\x81", Decoded::Invalid(1)),
            (b"\xf8", Decoded::Invalid(1)),
            (b"\xd0", Decoded::Incomplete),
            (b"\xe2\x82", Decoded::Incomplete),
            // The byte that ends it is lost with it.
            (b"\xd0a", Decoded::Invalid(2)),
            (b"\xe0\x80\x80", Decoded::Invalid(3)),
            (b"\xf7\xbf\xbf\xbf", Decoded::Invalid(4)),
        ] {
            assert_eq!(Decoded::of(text), expected, "{}", text.escape_ascii());
        }
    }
}
