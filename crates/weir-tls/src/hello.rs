//! What a client's first message says, before anything is answered (`ngx_http_ssl_servername`).

use std::io;

use rustls::server::Acceptor;
use rustls::{Error, HandshakeType, InvalidMessage};

use crate::words::OLD_VERSION;

/// A first message that is being read.
#[derive(Default)]
pub struct Hello {
    acceptor: Acceptor,
    /// Its first bytes, up to the version that it asks for.
    first: Vec<u8>,
}

/// What has come of it.
#[derive(Debug)]
pub enum Heard {
    /// It is not whole yet.
    Part,
    /// It is whole; the host that it asks for, if it names one.
    Name(Option<String>),
    /// It is none.
    Refused {
        /// Why.
        error: Error,
        /// What the client is to be told.
        alert: Vec<u8>,
    },
}

/// The alert for a name that nobody answers to: `unrecognized_name`, fatal.
pub const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

impl Hello {
    /// Takes the bytes that have come since the last time.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Heard {
        let missing = VERSION_END.saturating_sub(self.first.len());
        self.first
            .extend_from_slice(&bytes[..missing.min(bytes.len())]);
        while !bytes.is_empty() {
            match self.acceptor.read_tls(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            match self.acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let hello = accepted.client_hello();
                    return Heard::Name(hello.server_name().map(str::to_owned));
                }
                // Such clients say nothing of signatures, which is what rustls finds first.
                Err(_) if self.is_old() => {
                    return Heard::Refused {
                        error: OLD_VERSION,
                        alert: PROTOCOL_VERSION.to_vec(),
                    };
                }
                Err((error, _)) if is_no_record(&error) => {
                    return Heard::Refused {
                        error: InvalidMessage::UnknownProtocolVersion.into(),
                        alert: Vec::new(),
                    };
                }
                Err((error @ Error::InvalidMessage(InvalidMessage::MessageTooLarge), _)) => {
                    return Heard::Refused {
                        error,
                        alert: RECORD_OVERFLOW.to_vec(),
                    };
                }
                Err(_) if self.other().is_some() => {
                    return Heard::Refused {
                        error: unexpected(self.other()),
                        alert: UNEXPECTED_MESSAGE.to_vec(),
                    };
                }
                Err((error, mut accepted)) => {
                    let mut alert = Vec::new();
                    // Writing to memory does not fail.
                    let _: io::Result<()> = accepted.write_all(&mut alert);
                    return Heard::Refused { error, alert };
                }
            }
        }
        Heard::Part
    }

    /// What the message is, if it is no hello.
    fn other(&self) -> Option<u8> {
        self.first.get(5).copied().filter(|kind| *kind != 1)
    }

    /// Whether the hello asks for TLS 1.1 at best.
    fn is_old(&self) -> bool {
        const HANDSHAKE: u8 = 22;
        const CLIENT_HELLO: u8 = 1;
        match self.first.as_slice() {
            [HANDSHAKE, _, _, _, _, CLIENT_HELLO, _, _, _, 3, minor] => *minor < 3,
            _ => false,
        }
    }
}

/// Where the version ends that a hello asks for: behind the headers of record and message.
const VERSION_END: usize = 5 + 4 + 2;

/// Whether the bytes are not even TLS's: the client is told nothing (`ssl3_get_record`).
fn is_no_record(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidMessage(
            InvalidMessage::UnknownProtocolVersion | InvalidMessage::InvalidContentType
        )
    )
}

fn unexpected(kind: Option<u8>) -> Error {
    Error::InappropriateHandshakeMessage {
        expect_types: vec![HandshakeType::ClientHello],
        got_type: HandshakeType::from(kind.unwrap_or_default()),
    }
}

/// The alert for a message that is no hello: `unexpected_message`, fatal.
const UNEXPECTED_MESSAGE: [u8; 7] = [21, 3, 3, 0, 2, 2, 10];
/// The alert for a record that is too long: `record_overflow`, fatal.
const RECORD_OVERFLOW: [u8; 7] = [21, 3, 3, 0, 2, 2, 22];
/// The alert for a client that is too old: `protocol_version`, fatal.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::backend::default_provider;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;
    use crate::said::Said;

    /// The first message of a client that asks for `name`.
    fn hello(name: &str) -> Vec<u8> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("memory takes all");
        bytes
    }

    #[test]
    fn a_name_is_heard_however_its_hello_is_cut() {
        let whole = hello("a.test");
        for cut in 1..whole.len() {
            let mut hello = Hello::default();
            let first = hello.hear(&whole[..cut]);
            assert!(matches!(first, Heard::Part), "{cut}: {first:?}");
            match hello.hear(&whole[cut..]) {
                Heard::Name(Some(name)) => assert_eq!(name, "a.test"),
                other => panic!("{cut}: {other:?}"),
            }
        }
        assert_eq!(Said::read(&whole).name.as_deref(), Some("a.test"));
    }

    #[test]
    fn a_broken_hello_is_no_panic() {
        let whole = hello("a.test");
        for at in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut broken = whole.clone();
                broken[at] ^= change;
                let _heard = Hello::default().hear(&broken);
            }
        }
    }

    #[test]
    fn what_is_no_hello_is_refused_as_openssl_refuses_it() {
        let check = |bytes: &[u8], alert: &[u8]| match Hello::default().hear(bytes) {
            Heard::Refused { alert: said, .. } => assert_eq!(said, alert, "{bytes:?}"),
            other => panic!("{bytes:?}: {other:?}"),
        };
        check(&[0x16; 600], b"");
        check(&[0x80; 600], b"");
        check(&[22, 3, 1, 0, 4, 20, 0, 0, 0], &UNEXPECTED_MESSAGE);
        check(&[22, 3, 1, 255, 255, 1, 0, 0, 0, 3, 3], &RECORD_OVERFLOW);
    }
}
