//! Byte strings that live in JSON: one character per byte (latin-1).

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Bytes, written in JSON as a string whose characters U+0000..U+00FF are the bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(pub Vec<u8>);

/// A character above U+00FF, which stands for no byte.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("character {0:?} stands for no single byte")]
pub struct NotAByte(char);

impl Text {
    /// The bytes that `text` stands for, one per character.
    ///
    /// # Errors
    /// The first character above U+00FF.
    pub fn parse(text: &str) -> Result<Self, NotAByte> {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).map_err(|_| NotAByte(c)))
            .collect()
    }

    /// One character per byte.
    pub fn to_latin1(&self) -> String {
        latin1(&self.0)
    }
}

/// One character per byte of `bytes`.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

impl FromIterator<u8> for Text {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self(bytes.into_iter().collect())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_latin1())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Latin1;

        impl Visitor<'_> for Latin1 {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string of characters up to U+00FF")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Text::parse(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Latin1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_survive_json(bytes: Vec<u8>) {
            let text = Text(bytes);
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
        }
    }

    #[test]
    fn a_wide_character_is_refused() {
        assert_eq!(Text::parse("aé€"), Err(NotAByte('€')));
    }
}
