//! Bytes to send: literal, repeated, or a head of an exact size, so that a script stays short.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Text;

/// Bytes to send, in order. One literal is written as a string, anything else as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(pub Vec<Part>);

/// One stretch of a [`Payload`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// These bytes.
    Literal(Text),
    /// `rep`, `n` times.
    Repeated {
        /// The repeated bytes.
        rep: Text,
        /// How often.
        n: usize,
    },
    /// A response head that is exactly so long, its empty line included.
    Head {
        /// Bytes in all; a head that is longer without padding stays as it is.
        head: usize,
        /// What follows `HTTP/1.1 `.
        #[serde(default = "ok")]
        status: String,
        /// Field lines without line ends; `X-Padding` brings it to its length.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fields: Vec<Text>,
    },
}

fn ok() -> String {
    "200 OK".to_owned()
}

impl Payload {
    /// The same bytes `n` times.
    pub fn repeated(rep: Text, n: usize) -> Self {
        Self(vec![Part::Repeated { rep, n }])
    }

    /// A whole response with a Content-Length; `status` is `200 OK` or the like.
    pub fn answer(status: &str, body: &str) -> Self {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_str()
        .into()
    }

    /// All bytes in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => bytes.extend_from_slice(&text.0),
                Part::Repeated { rep, n } => bytes.extend(rep.0.repeat(*n)),
                Part::Head {
                    head,
                    status,
                    fields,
                } => bytes.extend(padded_head(*head, status, fields)),
            }
        }
        bytes
    }
}

fn padded_head(length: usize, status: &str, fields: &[Text]) -> Vec<u8> {
    const PADDING: &[u8] = b"X-Padding: ";
    let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for field in fields {
        head.extend_from_slice(&field.0);
        head.extend_from_slice(b"\r\n");
    }
    let around = head.len() + PADDING.len() + b"\r\n\r\n".len();
    if let Some(room) = length.checked_sub(around) {
        head.extend_from_slice(PADDING);
        head.extend(std::iter::repeat_n(b'x', room));
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Its UTF-8 bytes.
impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self(vec![Part::Literal(text.as_bytes().into())])
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [single @ Part::Literal(_)] => single.serialize(serializer),
            parts => parts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Single(Part),
            Parts(Vec<Part>),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Single(part)) => Ok(Self(vec![part])),
            Ok(Written::Parts(parts)) => Ok(Self(parts)),
            Err(_) => Err(D::Error::custom(
                "bytes to send are a string of characters up to U+00FF, { rep, n }, \
                 { head, status, fields }, or a list of these",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(input: Value, expected: &[u8]) {
        let payload: Payload = serde_json::from_value(input).unwrap();
        assert_eq!(payload.to_bytes(), expected);
        let again = serde_json::to_value(&payload).unwrap();
        assert_eq!(serde_json::from_value::<Payload>(again).unwrap(), payload);
    }

    #[test]
    fn payloads_expand() {
        check(json!("a\u{e9}"), b"a\xe9");
        check(json!(["a", {"rep": "bc", "n": 2}, "d"]), b"abcbcd");
        check(json!({"rep": "a", "n": 3}), b"aaa");
        check(json!([]), b"");
        check(
            json!({"head": 50, "fields": ["Content-Length: 0"]}),
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        );
        check(
            json!({"head": 35, "status": "502 Bad"}),
            b"HTTP/1.1 502 Bad\r\nX-Padding: xx\r\n\r\n",
        );
    }

    #[test]
    fn a_head_is_exactly_so_long() {
        for length in 33..100 {
            let payload = Payload(vec![Part::Head {
                head: length,
                status: ok(),
                fields: Vec::new(),
            }]);
            assert_eq!(payload.to_bytes().len(), length);
        }
    }

    #[test]
    fn a_number_is_no_payload() {
        let fault = serde_json::from_value::<Payload>(json!(3)).unwrap_err();
        assert!(fault.to_string().starts_with("bytes to send are"));
    }
}
