//! What a backend does, from the listening address down to one step on one connection.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time;
use super::{Payload, Sequence};

/// How one listening address behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BackendScript {
    /// What a connect() meets.
    #[serde(default, skip_serializing_if = "Connect::is_accepted")]
    pub connect: Connect,
    /// What happens on the connections, in the order of acceptance; nothing by default.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub connections: Sequence<Vec<BackendStep>>,
    /// SO_RCVBUF in bytes; a small one fills the proxy's send queue early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcvbuf: Option<usize>,
    /// Permission bits of a unix socket's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// What a connect() to the address meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// Somebody listens and accepts.
    #[default]
    Accept,
    /// A bound address nobody listens on: ECONNREFUSED.
    Refuse,
    /// A listen queue that is full: TCP drops the SYN, a unix connect() gets EAGAIN.
    Full,
}

/// One step on an accepted connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendStep {
    /// Read up to and with the first empty line.
    Head,
    /// Read a head and the body that it announces.
    Request,
    /// Read exactly this many bytes; what follows stays in the socket.
    Read(usize),
    /// Send these bytes.
    Send(Payload),
    /// Send these bytes piece by piece.
    Dribble {
        /// What to send.
        payload: Payload,
        /// Bytes of one piece.
        #[serde(default = "one")]
        bytes: usize,
        /// Time between two pieces.
        #[serde(with = "time")]
        every: Duration,
    },
    /// Do nothing for so long; what arrives waits in the socket.
    #[serde(with = "time")]
    Sleep(Duration),
    /// Read and keep whatever arrives, until the proxy ends the connection or time is up.
    #[serde(with = "time")]
    Hold(Duration),
    /// Neither read nor send any more, but keep the connection open until the proxy ends it.
    Stall,
    /// Repeat these steps until one of them ends the connection.
    Loop(Vec<Self>),
    /// Wait for the next request on this connection, play the steps that its turn has, and so
    /// on until a step ends the connection. The steps read the request.
    Requests(Sequence<Vec<Self>>),
    /// Shut the sending side down, then read until the proxy ends the connection.
    Fin,
    /// Reset the connection.
    Reset,
    /// Close at once; unread data turns that into a reset.
    Close,
    /// Accept TLS as named: see [`crate::tls::config`].
    Tls(String),
    /// Send these bytes as they are, below TLS.
    Raw(Payload),
}

fn is_nothing(connections: &Sequence<Vec<BackendStep>>) -> bool {
    *connections == Sequence::default()
}

fn one() -> usize {
    1
}

impl Default for BackendScript {
    fn default() -> Self {
        Self::in_turn([])
    }
}

impl BackendScript {
    /// Every connection plays `steps`.
    pub fn each(steps: impl Into<Vec<BackendStep>>) -> Self {
        Self::sequence(Sequence::Each(steps.into()))
    }

    /// The first connection plays the first script, and so on; the last one repeats.
    pub fn in_turn(scripts: impl Into<Vec<Vec<BackendStep>>>) -> Self {
        Self::sequence(Sequence::InTurn(scripts.into()))
    }

    /// Connections play what their turn in `connections` says.
    pub fn sequence(connections: Sequence<Vec<BackendStep>>) -> Self {
        Self {
            connect: Connect::Accept,
            connections,
            rcvbuf: None,
            mode: None,
        }
    }

    /// Nobody listens there.
    pub fn refuse() -> Self {
        Self {
            connect: Connect::Refuse,
            ..Self::default()
        }
    }

    /// The accept queue is full and stays so.
    pub fn full() -> Self {
        Self {
            connect: Connect::Full,
            ..Self::default()
        }
    }

    /// Reads requests and answers each with this status line's rest (`200 OK`) and body, for as
    /// long as the proxy keeps the connection.
    pub fn answers(status: &str, body: &str) -> Self {
        Self::each([BackendStep::Loop(vec![
            BackendStep::Request,
            BackendStep::Send(Payload::answer(status, body)),
        ])])
    }

    /// Whether a step anywhere in it is one that `is`.
    pub fn any(&self, is: impl Fn(&BackendStep) -> bool + Copy) -> bool {
        self.connections
            .scripts()
            .any(|steps| steps.iter().any(|step| step.any(is)))
    }
}

impl BackendStep {
    /// Whether it is a frame for other steps.
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Loop(_) | Self::Requests(_))
    }

    /// Whether this step, or one inside it, is one that `is`.
    fn any(&self, is: impl Fn(&Self) -> bool + Copy) -> bool {
        match self {
            Self::Loop(steps) => steps.iter().any(|step| step.any(is)),
            Self::Requests(sequence) => sequence
                .scripts()
                .any(|steps| steps.iter().any(|step| step.any(is))),
            step => is(step),
        }
    }
}

/// What is done, in the past tense.
impl fmt::Display for BackendStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("read the head"),
            Self::Request => f.write_str("read the request"),
            Self::Read(n) => write!(f, "read {n} bytes"),
            Self::Send(payload) => write!(f, "sent {} bytes", payload.to_bytes().len()),
            Self::Dribble {
                payload,
                bytes,
                every,
            } => {
                let length = payload.to_bytes().len();
                write!(f, "sent {length} bytes, {bytes} every {every:?}")
            }
            Self::Sleep(time) => write!(f, "slept {time:?}"),
            Self::Hold(time) => write!(f, "read on for {time:?}"),
            Self::Stall => f.write_str("stalled"),
            Self::Loop(steps) => write!(f, "repeated {} steps", steps.len()),
            Self::Requests(_) => f.write_str("took requests"),
            Self::Fin => f.write_str("finished"),
            Self::Reset => f.write_str("reset"),
            Self::Close => f.write_str("closed"),
            Self::Raw(payload) => write!(f, "sent {} bytes below TLS", payload.to_bytes().len()),
            Self::Tls(certificate) => write!(f, "accepted TLS as {certificate}"),
        }
    }
}

impl Connect {
    fn is_accepted(&self) -> bool {
        *self == Self::Accept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `toml`, writes it and reads that again.
    fn check(toml: &str, expected: BackendScript) {
        let script: BackendScript = toml::from_str(toml).unwrap();
        assert_eq!(script, expected);
        let again = toml::to_string(&script).unwrap();
        assert_eq!(toml::from_str::<BackendScript>(&again).unwrap(), expected);
    }

    #[test]
    fn scripts_are_toml() {
        check("connect = 'refuse'", BackendScript::refuse());
        check(
            "connections.each = ['head', { send = 'HTTP/1.1 200 OK' }, 'reset']",
            BackendScript::each([
                BackendStep::Head,
                BackendStep::Send("HTTP/1.1 200 OK".into()),
                BackendStep::Reset,
            ]),
        );
        check(
            "connections.in-turn = [['reset'], ['reset'], [{ hold = '1s' }]]",
            BackendScript::in_turn([
                vec![BackendStep::Reset],
                vec![BackendStep::Reset],
                vec![BackendStep::Hold(Duration::from_secs(1))],
            ]),
        );
        check(
            "rcvbuf = 2048\n[connections.every]\nnth = 3\nplay = ['close']\notherwise = ['stall']",
            BackendScript {
                rcvbuf: Some(2048),
                ..BackendScript::sequence(Sequence::Every {
                    nth: 3.try_into().unwrap(),
                    play: vec![BackendStep::Close],
                    otherwise: vec![BackendStep::Stall],
                })
            },
        );
        check(
            "[[connections.each]]\ndribble = { payload = 'ab', every = '10ms' }",
            BackendScript::each([BackendStep::Dribble {
                payload: "ab".into(),
                bytes: 1,
                every: Duration::from_millis(10),
            }]),
        );
    }

    #[test]
    fn a_misspelt_step_is_named() {
        let fault = toml::from_str::<BackendScript>("connections.each = ['haed']").unwrap_err();
        assert!(
            fault.to_string().contains("unknown variant `haed`"),
            "{fault}"
        );
    }
}
