//! Bytes to send: literal, or repeated so that a script stays short.

use serde::Deserialize;
use serde_json::Value;

use super::StepError;
use crate::text::Text;

/// Bytes to send, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(pub Vec<Part>);

/// One stretch of a [`Payload`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
}

impl Payload {
    /// The same bytes `n` times.
    pub fn repeated(rep: &str, n: usize) -> Result<Self, StepError> {
        let rep = Text::parse(rep).map_err(fault)?;
        Ok(Self(vec![Part::Repeated { rep, n }]))
    }

    /// All bytes in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) => bytes.extend_from_slice(&text.0),
                Part::Repeated { rep, n } => bytes.extend(rep.0.repeat(*n)),
            }
        }
        bytes
    }

    /// A string, or a list of strings and `{"rep", "n"}` objects.
    pub(super) fn from_json(value: &Value) -> Result<Self, StepError> {
        let parts = match value {
            Value::Array(parts) => parts
                .iter()
                .map(Part::deserialize)
                .collect::<Result<_, _>>(),
            single => Part::deserialize(single).map(|part| vec![part]),
        };
        parts.map(Self).map_err(fault)
    }
}

fn fault(fault: impl ToString) -> StepError {
    StepError::Argument {
        name: "send".to_owned(),
        reason: fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(input: Value, expected: &[u8]) {
        assert_eq!(Payload::from_json(&input).unwrap().to_bytes(), expected);
    }

    #[test]
    fn payloads_expand() {
        check(json!("a\u{e9}"), b"a\xe9");
        check(json!(["a", {"rep": "bc", "n": 2}, "d"]), b"abcbcd");
        check(json!([]), b"");
    }

    #[test]
    fn a_number_is_no_payload() {
        assert!(Payload::from_json(&json!(3)).is_err());
    }
}
