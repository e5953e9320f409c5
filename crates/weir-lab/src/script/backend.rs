//! Steps of a backend, run once per accepted connection.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Payload, StepError, count, seconds, split, unknown};

/// How one listening address behaves.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum BackendScript {
    /// It never answers a connect in the ordinary way.
    Refusing(Refusal),
    /// Connections are accepted and scripted; nothing is set on the socket.
    Plain(Vec<Vec<BackendStep>>),
    /// The same with options of the listening socket.
    Tuned(Scripted),
}

/// A listening address that accepts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// A bound address nobody listens on: connect() gets ECONNREFUSED.
    Refuse,
    /// A listen queue that is full: TCP drops the SYN, a unix connect() gets EAGAIN.
    Full,
}

/// Scripts of the 1st, 2nd, … connection (the last repeats), and socket options.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scripted {
    /// Steps per connection.
    pub conns: Vec<Vec<BackendStep>>,
    /// SO_RCVBUF in bytes; a small one fills the proxy's send queue early.
    pub rcvbuf: Option<usize>,
    /// Permission bits of a unix socket's file.
    pub mode: Option<u32>,
}

/// One step on an accepted connection.
#[derive(Clone, Debug, PartialEq)]
pub enum BackendStep {
    /// Read up to and with the first empty line.
    Head,
    /// Read a head and the body that it announces.
    Request,
    /// Read exactly this many bytes.
    Read(usize),
    /// Read nothing for so long.
    NoRead(Duration),
    /// Send these bytes.
    Send(Payload),
    /// Do nothing; what arrives waits in the socket.
    Sleep(Duration),
    /// Read and keep whatever arrives, until the proxy ends the connection or time is up.
    Hold(Duration),
    /// Repeat these steps until the proxy ends the connection.
    Loop(Vec<Self>),
    /// Shut the sending side down, then read until the proxy ends the connection.
    Fin,
    /// Reset the connection.
    Reset,
    /// Close at once; unread data turns that into a reset.
    Close,
    /// Accept TLS with the named certificate.
    Tls(String),
}

impl BackendScript {
    /// The scripts and socket options, or how connections are refused.
    pub fn scripted(self) -> Result<Scripted, Refusal> {
        match self {
            Self::Refusing(refusal) => Err(refusal),
            Self::Plain(conns) => Ok(Scripted {
                conns,
                ..Scripted::default()
            }),
            Self::Tuned(scripted) => Ok(scripted),
        }
    }
}

impl BackendStep {
    fn from_json(step: &Value) -> Result<Self, StepError> {
        let (name, args) = split(step)?;
        Ok(match (name, args) {
            ("head", []) => Self::Head,
            ("req", []) => Self::Request,
            ("read", [n]) => Self::Read(count(name, n)?),
            ("noread", [time]) => Self::NoRead(seconds(name, time)?),
            ("send", [payload]) => Self::Send(Payload::from_json(payload)?),
            ("send_n", [Value::String(rep), n]) => {
                Self::Send(Payload::repeated(rep, count(name, n)?)?)
            }
            ("sleep", [time]) => Self::Sleep(seconds(name, time)?),
            ("hold", [time]) => Self::Hold(seconds(name, time)?),
            ("loop", [Value::Array(steps)]) => Self::Loop(
                steps
                    .iter()
                    .map(Self::from_json)
                    .collect::<Result<_, _>>()?,
            ),
            ("fin", []) => Self::Fin,
            ("rst", []) => Self::Reset,
            ("close", []) => Self::Close,
            ("tls", [Value::String(certificate)]) => Self::Tls(certificate.clone()),
            _ => return Err(unknown(name, args)),
        })
    }
}

impl<'de> Deserialize<'de> for BackendStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = Value::deserialize(deserializer)?;
        Self::from_json(&step).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(input: Value, expected: Option<BackendStep>) {
        assert_eq!(serde_json::from_value::<BackendStep>(input).ok(), expected);
    }

    #[test]
    fn steps() {
        check(json!(["head"]), Some(BackendStep::Head));
        check(json!(["read", 3]), Some(BackendStep::Read(3)));
        check(
            json!(["sleep", 0.5]),
            Some(BackendStep::Sleep(Duration::from_millis(500))),
        );
        check(
            json!(["loop", [["rst"]]]),
            Some(BackendStep::Loop(vec![BackendStep::Reset])),
        );
        check(json!(["sleep", -1]), None);
        check(json!(["head", 1]), None);
        check(json!(["nap", 1]), None);
        check(json!("head"), None);
    }

    #[test]
    fn an_address_refuses_or_plays_scripts() {
        let full: BackendScript = serde_json::from_value(json!("full")).unwrap();
        assert_eq!(full.scripted(), Err(Refusal::Full));
        let tuned: BackendScript =
            serde_json::from_value(json!({"rcvbuf": 1, "conns": [[["fin"]]]})).unwrap();
        let expected = Scripted {
            conns: vec![vec![BackendStep::Fin]],
            rcvbuf: Some(1),
            mode: None,
        };
        assert_eq!(tuned.scripted(), Ok(expected));
    }
}
