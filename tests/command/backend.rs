//! A backend in the test's hands.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A backend that answers `a` to everything and never closes a connection first. Its threads end with
/// the process.
pub(crate) struct KeptAlive {
    pub(crate) address: SocketAddr,
    open: Arc<AtomicUsize>,
}

impl KeptAlive {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let counted = open.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, open) = (stream.unwrap(), counted.clone());
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    answer_all(stream);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open }
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// Answers each head without a body until the peer ends or resets the connection.
fn answer_all(mut stream: TcpStream) {
    let heads = BufReader::new(stream.try_clone().unwrap());
    for line in heads.lines().map_while(Result::ok) {
        if line.is_empty()
            && stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
                .is_err()
        {
            return;
        }
    }
}
