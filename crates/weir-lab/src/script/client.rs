//! Steps of the client, run in order over one or more connections.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Http2Step, Payload, time};

/// One step of the client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClientStep {
    /// Send a GET for this target with HTTP/1.1 and `Host: weir.test`, and read the response.
    Get(String),
    /// Speak HTTP/2 with prior knowledge. The first time on a connection, the preface comes first, with empty
    /// SETTINGS unless they are the first step; after the last step, whatever comes is read for a moment.
    H2(Vec<Http2Step>),
    /// Send these bytes; connects first when there is no connection.
    Send(Payload),
    /// The same, but give up when the proxy reads nothing for so long.
    SendWithin {
        /// What to send.
        payload: Payload,
        /// How long to try.
        #[serde(with = "time")]
        within: Duration,
    },
    /// Send these bytes piece by piece.
    Dribble {
        /// What to send.
        payload: Payload,
        /// Bytes of one piece.
        bytes: usize,
        /// Time between two pieces.
        #[serde(with = "time")]
        every: Duration,
    },
    /// Read one response, then see for a moment how the connection goes on.
    Receive,
    /// The same, with the time to watch the connection afterwards.
    #[serde(with = "time")]
    ReceiveThenWatch(Duration),
    /// Read at least one and at most this many bytes; they belong to the next response.
    ReceiveSome(usize),
    /// Read one response piece by piece.
    ReceiveSlowly {
        /// Bytes of one piece.
        bytes: usize,
        /// Time between two pieces.
        #[serde(with = "time")]
        every: Duration,
    },
    /// Do nothing.
    #[serde(with = "time")]
    Sleep(Duration),
    /// Go on with the connection of this name.
    Use(String),
    /// Close the connection, open another.
    New,
    /// Send FIN; responses can still be read.
    Finish,
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
    /// Start TLS.
    Tls {
        /// The client's certificate.
        certificate: Option<String>,
        /// The newest protocol to offer.
        newest: Option<String>,
    },
}

impl ClientStep {
    /// The least time that the step itself takes.
    pub fn shortest_time(&self) -> Duration {
        match self {
            Self::Sleep(time) | Self::ReceiveThenWatch(time) => *time,
            Self::Get(_) | Self::Receive | Self::H2(_) => crate::client::WATCH,
            Self::Send(_)
            | Self::SendWithin { .. }
            | Self::Dribble { .. }
            | Self::ReceiveSome(_)
            | Self::ReceiveSlowly { .. }
            | Self::Use(_)
            | Self::New
            | Self::Finish
            | Self::Close
            | Self::Reset
            | Self::ReceiveBuffer(_)
            | Self::LockDirectory(_)
            | Self::StopBackend(_)
            | Self::Tls { .. } => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Steps {
        client: Vec<ClientStep>,
    }

    fn check(toml: &str, expected: ClientStep) {
        let steps: Steps = toml::from_str(&format!("client = [{toml}]")).unwrap();
        let again = toml::to_string(&steps).unwrap();
        assert_eq!(steps.client, [expected]);
        assert_eq!(toml::from_str::<Steps>(&again).unwrap(), steps);
    }

    #[test]
    fn steps_are_toml() {
        check("{ get = '/a' }", ClientStep::Get("/a".into()));
        check("'receive'", ClientStep::Receive);
        check(
            "{ receive-then-watch = '20ms' }",
            ClientStep::ReceiveThenWatch(Duration::from_millis(20)),
        );
        check(
            "{ receive-slowly = { bytes = 10, every = '1s 500ms' } }",
            ClientStep::ReceiveSlowly {
                bytes: 10,
                every: Duration::from_millis(1500),
            },
        );
    }
}
