//! What reached a backend.

use crate::backend::{Backend, Saw};
use crate::response::Chunked;

/// A scripted backend of a lab.
#[derive(Clone, Copy, Debug)]
pub struct BackendView<'a>(&'a Backend);

/// One request, or the beginning of one, as a backend read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// Which connection brought it, from 0.
    pub connection: usize,
    /// `GET`.
    pub method: String,
    /// The second word of the request line.
    pub target: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// Name and value of each header line, in order.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked, as far as it came.
    pub body: Vec<u8>,
    /// Whether head and body are whole.
    pub complete: bool,
}

impl<'a> BackendView<'a> {
    pub(super) fn new(backend: &'a Backend) -> Self {
        Self(backend)
    }

    /// The requests that it has read so far, connection by connection.
    pub fn saw(&self) -> Vec<SeenRequest> {
        let connections = self.0.saw();
        let requests = connections.iter().enumerate();
        requests
            .flat_map(|(index, saw)| requests_of(index, &saw.data))
            .collect()
    }

    /// Each accepted connection: its bytes, and how it ended.
    pub fn connections(&self) -> Vec<Saw> {
        self.0.saw()
    }

    /// Whether a step that is a fault was played.
    pub fn has_struck(&self) -> bool {
        self.0.has_struck()
    }
}

impl SeenRequest {
    /// The value of the first header line of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Method and target, as in `GET /`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }
}

fn requests_of(connection: usize, mut bytes: &[u8]) -> Vec<SeenRequest> {
    let mut requests = Vec::new();
    while !bytes.is_empty() {
        let (request, length) = read(connection, bytes);
        requests.push(request);
        bytes = &bytes[length..];
    }
    requests
}

/// The first request of `bytes`, and its length.
fn read(connection: usize, bytes: &[u8]) -> (SeenRequest, usize) {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head = &bytes[..end.unwrap_or(bytes.len())];
    let body = end.map_or(&[][..], |end| &bytes[end + 4..]);
    let mut request = read_head(connection, &String::from_utf8_lossy(head));
    let length = match (
        request.header("transfer-encoding"),
        request.header("content-length"),
    ) {
        (Some(_), _) => {
            let chunked = Chunked::read(body);
            request.complete = chunked.cut.is_none();
            request.body = chunked.body;
            chunked.length
        }
        (None, announced) => {
            let announced = announced
                .and_then(|length| length.parse().ok())
                .unwrap_or(0);
            let length = body.len().min(announced);
            request.complete = end.is_some() && length == announced;
            request.body = body[..length].to_vec();
            length
        }
    };
    (request, bytes.len() - body.len() + length)
}

fn read_head(connection: usize, head: &str) -> SeenRequest {
    let mut lines = head.split("\r\n");
    let mut words = lines
        .next()
        .unwrap_or_default()
        .splitn(3, ' ')
        .map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let (method, target, version) = (word(), word(), word());
    let headers = lines.filter_map(|line| line.split_once(':'));
    SeenRequest {
        connection,
        method,
        target,
        version,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: Vec::new(),
        complete: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each request of `bytes` as line, body and completeness.
    fn check(bytes: &[u8], expected: &[(&str, &str, bool)]) {
        let requests = requests_of(0, bytes);
        let short = |request: &SeenRequest| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            (request.line(), body, request.complete)
        };
        let expected = expected
            .iter()
            .map(|&(line, body, complete)| (line.to_owned(), body.to_owned(), complete));
        assert_eq!(
            requests.iter().map(short).collect::<Vec<_>>(),
            expected.collect::<Vec<_>>()
        );
    }

    #[test]
    fn requests_are_told_apart() {
        check(b"", &[]);
        check(
            b"GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET",
            &[
                ("GET /a", "", true),
                ("POST /b", "xy", true),
                ("GET ", "", false),
            ],
        );
        check(
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            &[("PUT /", "a", true), ("GET /", "", true)],
        );
        check(
            b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab",
            &[("POST /", "ab", false)],
        );
    }
}
