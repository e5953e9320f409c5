//! Steps of the client, run in order over one or more connections.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Payload, StepError, count, seconds, split, unknown};

/// One step of the client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientStep {
    /// Send these bytes; connects first when there is no connection.
    Send(Payload),
    /// The same, but give up when the proxy reads nothing for so long.
    SendWithin(Payload, Duration),
    /// Read one response, then see for so long how the connection goes on.
    Receive(Option<Duration>),
    /// Read at least one and at most this many bytes; they belong to the next response.
    ReceiveSome(usize),
    /// Do nothing.
    Sleep(Duration),
    /// Go on with the connection of this name.
    Use(String),
    /// Close the connection, open another.
    New,
    /// Close the connection.
    Close,
    /// Reset the connection.
    Reset,
    /// SO_RCVBUF in bytes of connections opened from now on.
    ReceiveBuffer(usize),
    /// Take all permissions off a directory of the prefix.
    LockDirectory(String),
    /// Close the listening socket of this backend; its connections stay.
    StopBackend(String),
    /// Start TLS: the client certificate, the newest protocol to offer.
    Tls(Option<String>, Option<String>),
}

impl ClientStep {
    /// The least time that the step itself takes.
    pub fn shortest_time(&self) -> Duration {
        match self {
            Self::Sleep(time) => *time,
            Self::Receive(watch) => watch.unwrap_or(crate::client::WATCH),
            _ => Duration::ZERO,
        }
    }

    fn from_json(step: &Value) -> Result<Self, StepError> {
        let (name, args) = split(step)?;
        Ok(match (name, args) {
            ("send", [payload]) => Self::Send(Payload::from_json(payload)?),
            ("send_n", [Value::String(rep), n]) => {
                Self::Send(Payload::repeated(rep, count(name, n)?)?)
            }
            ("send_n", [Value::String(rep), n, within]) => Self::SendWithin(
                Payload::repeated(rep, count(name, n)?)?,
                seconds(name, within)?,
            ),
            ("recv", []) => Self::Receive(None),
            ("recv", [wait]) => Self::Receive(Some(seconds(name, wait)?)),
            ("recv_some", [n]) => Self::ReceiveSome(count(name, n)?),
            ("sleep", [time]) => Self::Sleep(seconds(name, time)?),
            ("use", [Value::String(connection)]) => Self::Use(connection.clone()),
            ("new", []) => Self::New,
            ("close", []) => Self::Close,
            ("rst", []) => Self::Reset,
            ("rcvbuf", [n]) => Self::ReceiveBuffer(count(name, n)?),
            ("lock_dir", [Value::String(directory)]) => Self::LockDirectory(directory.clone()),
            ("be_stop", [Value::String(backend)]) => Self::StopBackend(backend.clone()),
            ("tls", args) => Self::tls(args).ok_or_else(|| unknown(name, args))?,
            _ => return Err(unknown(name, args)),
        })
    }

    fn tls(args: &[Value]) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match args {
            [] => Some(Self::Tls(None, None)),
            [certificate] => Some(Self::Tls(text(certificate), None)),
            [certificate, newest] => Some(Self::Tls(text(certificate), text(newest))),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for ClientStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let step = Value::deserialize(deserializer)?;
        Self::from_json(&step).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(input: Value, expected: Option<ClientStep>) {
        assert_eq!(serde_json::from_value::<ClientStep>(input).ok(), expected);
    }

    #[test]
    fn steps() {
        check(json!(["recv"]), Some(ClientStep::Receive(None)));
        check(
            json!(["recv", 0.02]),
            Some(ClientStep::Receive(Some(Duration::from_millis(20)))),
        );
        check(json!(["use", "a"]), Some(ClientStep::Use("a".to_owned())));
        check(
            json!(["tls", null, "TLSv1_2"]),
            Some(ClientStep::Tls(None, Some("TLSv1_2".into()))),
        );
        check(json!(["recv", "soon"]), None);
        check(json!(["fin"]), None);
    }
}
