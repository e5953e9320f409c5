//! A backend in the test's hands.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

/// A backend whose answers the test gives.
pub(crate) struct Backend(TcpListener);

impl Backend {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn location(&self) -> String {
        format!(
            "location / {{ proxy_pass http://{}; }}",
            self.0.local_addr().unwrap()
        )
    }

    /// Waits for a request.
    pub(crate) fn asked(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend_from_slice(&byte);
        }
        stream
    }
}
