//! A server of an upstream, whose answers to checks the test gives.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::site::PATIENCE;

/// What checks ask for.
pub(crate) const CHECKED: &str = "/health";

/// A server that answers requests with its name, and checks as the test says. Its threads end with the process.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    checks: Receiver<Check>,
}

struct Shared {
    name: String,
    /// How checks are answered that are not handed to the test.
    always: Mutex<Option<String>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
}

/// A check that waits for its answer.
pub(crate) struct Check {
    pub(crate) head: String,
    /// Number of the connection that it came on.
    pub(crate) connection: usize,
    answer: Sender<Answer>,
    stream: TcpStream,
}

/// What a check is answered with.
struct Answer {
    text: String,
    /// Nothing follows on the connection.
    closes: bool,
}

impl Check {
    /// Answers with a status line's rest, lines of fields, and a body.
    pub(crate) fn answer(self, status: &str, fields: &str, body: &str) {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{fields}\r\n{body}");
        self.raw(&text, false);
    }

    /// Answers with these bytes, behind which the connection ends or not.
    pub(crate) fn raw(self, text: &str, closes: bool) {
        let text = text.to_owned();
        self.answer.send(Answer { text, closes }).unwrap();
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        match peeked {
            Ok(count) => count == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    pub(crate) fn passes(self) {
        self.answer("200 OK", "", "fine");
    }

    pub(crate) fn fails(self) {
        self.answer("500 No", "", "");
    }
}

impl Peer {
    /// A server that hands each check to the test.
    pub(crate) fn new(name: &str) -> Self {
        Self::behind(name, TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// The same at this address.
    pub(crate) fn behind(name: &str, listener: TcpListener) -> Self {
        let (hand, checks) = channel();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            always: Mutex::new(None),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let address = listener.local_addr().unwrap();
        let of_threads = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, hand) = (of_threads.clone(), hand.clone());
                std::thread::spawn(move || serve(stream, &shared, &hand));
            }
        });
        Self {
            address,
            shared,
            checks,
        }
    }

    /// A server that passes each check.
    pub(crate) fn healthy(name: &str) -> Self {
        let peer = Self::new(name);
        peer.always(Some("200 OK"));
        peer
    }

    /// From now on all checks are answered so, or handed to the test.
    pub(crate) fn always(&self, status: Option<&str>) {
        *self.shared.always.lock().unwrap() = status.map(str::to_owned);
    }

    /// Waits for a check.
    pub(crate) fn check(&self) -> Check {
        self.checks.recv_timeout(PATIENCE).unwrap()
    }

    /// Takes the check that waits, if there is one.
    pub(crate) fn next_check(&self) -> Option<Check> {
        self.checks.try_recv().ok()
    }

    /// Requests that are no checks.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, shared: &Shared, hand: &Sender<Check>) {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
    let mut heads = BufReader::new(stream.try_clone().unwrap());
    while let Some(head) = read_head(&mut heads) {
        let answer = if !head.starts_with(&format!("GET {CHECKED}")) {
            shared.requests.fetch_add(1, Ordering::SeqCst);
            answer("200 OK", &shared.name)
        } else if let Some(status) = &*shared.always.lock().unwrap() {
            answer(status, "")
        } else {
            let (told, answer) = channel();
            let check = Check {
                head,
                connection,
                answer: told,
                stream: stream.try_clone().unwrap(),
            };
            // The test may be over, or not want to answer.
            match hand.send(check).ok().and_then(|()| answer.recv().ok()) {
                Some(answer) => answer,
                None => return,
            }
        };
        if stream.write_all(answer.text.as_bytes()).is_err() || answer.closes {
            return;
        }
    }
}

fn answer(status: &str, body: &str) -> Answer {
    let length = body.len();
    Answer {
        text: format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"),
        closes: false,
    }
}

fn read_head(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = stream.read_line(&mut head).ok()?;
        if read == 0 {
            return None;
        }
    }
    Some(head)
}
