//! A backend in the test's hands.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::site::PATIENCE;

/// A backend whose answers the test gives.
pub(crate) struct Backend(TcpListener);

impl Backend {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub(crate) fn location(&self) -> String {
        format!("location / {{ proxy_pass http://{}; }}", self.address())
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

/// A backend that gives everybody the same answer and never closes a connection first. Its threads end
/// with the process.
pub(crate) struct KeptAlive {
    pub(crate) address: SocketAddr,
    open: Arc<AtomicUsize>,
    answered: Receiver<()>,
}

impl KeptAlive {
    /// With a body that is `body`, whose length it says.
    pub(crate) fn answering(body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::sending([head.as_bytes(), body].concat())
    }

    /// With `body` in chunks.
    pub(crate) fn answering_in_chunks(body: &[u8]) -> Self {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(32 * 1024) {
            write!(answer, "{:x}\r\n", chunk.len()).unwrap();
            answer.extend_from_slice(chunk);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        Self::sending(answer)
    }

    fn sending(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let (note, answered) = channel();
        let (counted, answer) = (open.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, open) = (stream.unwrap(), counted.clone());
                let (answer, note) = (answer.clone(), note.clone());
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    answer_all(stream, &answer, &note);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            address,
            open,
            answered,
        }
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Waits until weir has taken one more answer whole.
    pub(crate) fn answered(&self) {
        self.answered.recv_timeout(PATIENCE).unwrap();
    }
}

/// Answers each head without a body until the peer ends or resets the connection.
fn answer_all(mut stream: TcpStream, answer: &[u8], answered: &Sender<()>) {
    let heads = BufReader::new(stream.try_clone().unwrap());
    for line in heads.lines().map_while(Result::ok) {
        if line.is_empty() {
            if stream.write_all(answer).is_err() {
                return;
            }
            // It fails if the test is over.
            let _ = answered.send(());
        }
    }
}
