//! What an upstream answers to one request, by the rules by which nginx reads it.

use std::io::{self, Read, Write};
use std::time::Duration;

use weir_wire::chunked::{Chunk, ChunkRules, ChunkedDecoder};
use weir_wire::response::{ResponseHead, ResponseParser, ResponseProgress, ResponseRules};

use super::socket::{Patient, Target};
use super::tls;

/// An answer is waited for as long as this, with its body.
pub const PATIENCE: Duration = Duration::from_secs(3);
/// A head that is longer than this fits no `proxy_buffer_size`: bytes.
const LONGEST_HEAD: usize = 1 << 20;
/// So much of a body is read: bytes.
const BODY: u64 = 1 << 20;

/// What came of a request.
#[derive(Debug)]
pub struct Heard {
    /// What came.
    pub answer: Answer,
    /// How long that took, connecting included.
    pub took: Duration,
}

/// What came back.
#[derive(Debug)]
pub enum Answer {
    /// No connection, or no TLS: the system's or the peer's words.
    Unreached(io::Error),
    /// A whole head, and what followed.
    Head {
        /// The status.
        status: u16,
        /// How long the head is: bytes.
        length: usize,
        /// Whether the connection ends with the answer.
        closes: bool,
        /// What came of the body.
        body: Body,
    },
    /// It is no HTTP: its first bytes.
    NotHttp(Vec<u8>),
    /// A head that nginx refuses: its words.
    Refused(String),
    /// A head without an end.
    TooLong,
    /// The connection was closed after so many bytes of the head.
    Closed(usize),
    /// Or reset.
    Reset(usize),
    /// Nothing, or no whole head, came in time.
    Late(usize),
}

/// What came of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// All of it: bytes.
    Whole(u64),
    /// It ended before its end: bytes that came, and that were announced.
    Cut(u64, Option<u64>),
    /// It is said to be in chunks, and is not.
    NoChunks,
    /// It went on when enough was seen, or time was over: bytes that came, and whether time was over.
    Unfinished(u64, bool),
}

/// How an upstream is spoken to.
#[derive(Clone, Debug)]
pub struct Speech {
    /// The whole request.
    pub request: Vec<u8>,
    /// Whether TLS is spoken, and the name that is told.
    pub tls: Option<Option<String>>,
}

/// Sends a request and reads what comes.
pub fn ask(target: &Target, speech: &Speech) -> Heard {
    let mut patient = match Patient::connect(target, PATIENCE) {
        Ok(patient) => patient,
        Err(error) => {
            return Heard {
                answer: Answer::Unreached(error),
                took: Duration::ZERO,
            };
        }
    };
    let answer = match &speech.tls {
        None => spoken(&mut patient, &speech.request),
        Some(name) => match tls::open(&mut patient, target, name.as_deref()) {
            Ok(mut connection) => {
                let mut stream = rustls::Stream::new(&mut connection, &mut patient);
                spoken(&mut stream, &speech.request)
            }
            Err(error) => Answer::Unreached(error),
        },
    };
    Heard {
        answer,
        took: patient.took(),
    }
}

/// How long an upstream keeps a connection on which nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// It closed it after so long.
    Closed(Duration),
    /// It was still there when nobody waited any more.
    Kept(Duration),
    /// It closes behind each answer, or does not answer.
    NeverKept,
}

/// Sends a request, reads its answer, and waits for the connection to be closed.
pub fn idle(target: &Target, speech: &Speech, most: Duration) -> Idle {
    let Ok(mut patient) = Patient::connect(target, PATIENCE + most) else {
        return Idle::NeverKept;
    };
    let tls = match &speech.tls {
        None => None,
        Some(name) => match tls::open(&mut patient, target, name.as_deref()) {
            Ok(connection) => Some(connection),
            Err(_) => return Idle::NeverKept,
        },
    };
    match tls {
        None => closed(&mut patient, speech, Patient::took),
        Some(connection) => {
            let mut stream = rustls::StreamOwned::new(connection, patient);
            closed(&mut stream, speech, |stream| stream.sock.took())
        }
    }
}

fn closed<S: Read + Write>(stream: &mut S, speech: &Speech, time: impl Fn(&S) -> Duration) -> Idle {
    let answer = spoken(stream, &speech.request);
    let is_whole = matches!(
        answer,
        Answer::Head {
            body: Body::Whole(_),
            closes: false,
            ..
        }
    );
    if !is_whole {
        return Idle::NeverKept;
    }
    let begun = time(stream);
    let ended = more(stream, &mut Vec::new());
    let idle = time(stream).saturating_sub(begun);
    match ended {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Idle::Kept(idle),
        Ok(_) | Err(_) => Idle::Closed(idle),
    }
}

fn spoken(stream: &mut (impl Read + Write), request: &[u8]) -> Answer {
    // Who answers before the request is read may close: what it said is still to be read.
    let _refused = stream.write_all(request).and_then(|()| stream.flush());
    let mut bytes = Vec::new();
    let (mut parser, mut head) = (ResponseParser::new(), ResponseHead::new());
    loop {
        match parser.parse(&bytes, &mut head, &ResponseRules::V1_31) {
            Ok(ResponseProgress::Done) => break,
            Ok(ResponseProgress::NotHttp) => return Answer::NotHttp(bytes),
            Ok(ResponseProgress::EarlyHints) => {
                bytes.drain(..head.len);
                head.reset();
                parser.reset();
                continue;
            }
            Ok(ResponseProgress::Partial) => {}
            Err(fault) => return Answer::Refused(fault.to_string()),
        }
        if bytes.len() > LONGEST_HEAD {
            return Answer::TooLong;
        }
        match more(stream, &mut bytes) {
            Ok(0) => return Answer::Closed(bytes.len()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Answer::Late(bytes.len());
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Answer::Closed(bytes.len());
            }
            Err(_) => return Answer::Reset(bytes.len()),
        }
    }
    let length = head.len;
    let rest = bytes.split_off(length);
    let has_none = matches!(head.status, 100..200 | 204 | 304);
    Answer::Head {
        status: head.status,
        length,
        closes: head.connection_close
            || !has_none && !head.chunked && head.content_length.is_none(),
        body: match (has_none, head.chunked) {
            (true, _) => Body::Whole(0),
            (false, true) => chunks(stream, rest),
            (false, false) => plain(stream, rest.len() as u64, head.content_length),
        },
    }
}

/// Reads some more behind what there is; 0 at the end.
fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut block = [0; 16 * 1024];
    let count = stream.read(&mut block)?;
    bytes.extend_from_slice(&block[..count]);
    Ok(count)
}

/// A body of an announced length, or one that ends with the connection.
fn plain(stream: &mut impl Read, mut got: u64, length: Option<u64>) -> Body {
    let mut block = Vec::new();
    loop {
        if length.is_some_and(|length| got >= length) {
            return Body::Whole(got);
        }
        if got > BODY {
            return Body::Unfinished(got, false);
        }
        block.clear();
        match more(stream, &mut block) {
            Ok(0) if length.is_none() => return Body::Whole(got),
            Ok(0) => return Body::Cut(got, length),
            Ok(count) => got += count as u64,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Body::Unfinished(got, true);
            }
            Err(_) => return Body::Cut(got, length),
        }
    }
}

fn chunks(stream: &mut impl Read, mut bytes: Vec<u8>) -> Body {
    let mut decoder = ChunkedDecoder::new(ChunkRules::LENIENT);
    let mut got = 0;
    loop {
        let mut at = 0;
        loop {
            match decoder.decode(&bytes, &mut at) {
                Ok(Chunk::Data(range)) => got += range.len() as u64,
                Ok(Chunk::NeedMore) => break,
                Ok(Chunk::Done { .. }) => return Body::Whole(got),
                Err(_) => return Body::NoChunks,
            }
        }
        if got > BODY {
            return Body::Unfinished(got, false);
        }
        bytes.clear();
        match more(stream, &mut bytes) {
            Ok(0) => return Body::Cut(got, None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Body::Unfinished(got, true);
            }
            Err(_) => return Body::Cut(got, None),
        }
    }
}

impl Heard {
    /// In half a sentence, as a line of evidence goes on.
    pub fn words(&self) -> String {
        let took = self.took.as_millis();
        match &self.answer {
            Answer::Unreached(error) => format!("not reached: {error}"),
            Answer::Head {
                status,
                length,
                body,
                ..
            } => {
                let body = body.words();
                format!("{status} after {took} ms, a head of {length} bytes, {body}")
            }
            Answer::NotHttp(bytes) => {
                let start: Vec<u8> = bytes.iter().copied().take(24).collect();
                format!("no HTTP: it says \"{}\"", start.escape_ascii())
            }
            Answer::Refused(words) => format!("a head that is refused: {words}"),
            Answer::TooLong => format!("a head without an end in {LONGEST_HEAD} bytes"),
            Answer::Closed(0) => format!("closed without a word after {took} ms"),
            Answer::Closed(count) => format!("closed after {count} bytes of the head, {took} ms"),
            Answer::Reset(0) => format!("reset without a word after {took} ms"),
            Answer::Reset(count) => format!("reset after {count} bytes of the head, {took} ms"),
            Answer::Late(0) => format!("no answer in {took} ms"),
            Answer::Late(count) => format!("only {count} bytes of the head in {took} ms"),
        }
    }
}

impl Body {
    fn words(self) -> String {
        match self {
            Self::Whole(count) => format!("a whole body of {count}"),
            Self::Cut(got, Some(all)) => format!("a body that ends after {got} of {all}"),
            Self::Cut(got, None) => format!("a body that ends after {got}, before its last chunk"),
            Self::NoChunks => "a body that is said to be in chunks, and is not".to_owned(),
            Self::Unfinished(got, true) => format!("and {got} of the body in that time"),
            Self::Unfinished(got, false) => format!("and a body that goes on behind {got}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What is heard of a server that says this to a request and closes.
    fn heard(said: &'static [u8]) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|fault| panic!("{fault}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|fault| panic!("{fault}"));
        let server = std::thread::spawn(move || -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut request = [0; 4096];
            let _length = stream.read(&mut request)?;
            stream.write_all(said)
        });
        let speech = Speech {
            request: b"GET / HTTP/1.0\r\n\r\n".to_vec(),
            tls: None,
        };
        let heard = ask(&Target::Tcp(address), &speech);
        assert!(server.join().is_ok_and(|served| served.is_ok()));
        heard.answer
    }

    /// The body of an answer with this head and what follows.
    fn body(said: &'static [u8]) -> Option<Body> {
        match heard(said) {
            Answer::Head { body, .. } => Some(body),
            _ => None,
        }
    }

    #[test]
    fn bodies_end_where_they_end() {
        for (said, is) in [
            (
                &b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd"[..],
                Body::Whole(4),
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabcd",
                Body::Cut(4, Some(9)),
            ),
            (b"HTTP/1.0 200 OK\r\n\r\nabcd", Body::Whole(4)),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
                Body::Whole(2),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                Body::Cut(2, None),
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxy\r\n",
                Body::NoChunks,
            ),
            (
                b"HTTP/1.1 204 No\r\nContent-Length: 4\r\n\r\n",
                Body::Whole(0),
            ),
        ] {
            assert_eq!(body(said), Some(is), "{}", said.escape_ascii());
        }
    }

    #[test]
    fn heads_are_read_as_nginx_reads_them() {
        assert!(matches!(heard(b""), Answer::Closed(0) | Answer::Reset(0)));
        assert!(matches!(
            heard(b"HTTP/1.1 200 OK\r\nA: b"),
            Answer::Closed(21)
        ));
        assert!(matches!(heard(b"SSH-2.0-OpenSSH\r\n"), Answer::NotHttp(_)));
        let refused =
            heard(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(
            matches!(&refused, Answer::Refused(words) if words.contains("at the same time")),
            "{refused:?}"
        );
    }
}
