//! What a client's first message says, before anything is answered (`ngx_http_ssl_servername`).

use std::io;

use rustls::Error;
use rustls::server::Acceptor;

/// A first message that is being read.
#[derive(Default)]
pub struct Hello {
    acceptor: Acceptor,
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
}
