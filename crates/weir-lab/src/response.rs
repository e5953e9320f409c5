//! How a client reads one response: everything it can tell, and nothing repaired.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::text::{Text, latin1};

mod chunked;

pub(crate) use chunked::Chunked;

/// One response as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Response {
    /// The three-digit code; None without a status line.
    pub status: Option<u16>,
    /// Status line and header lines.
    pub head: Vec<Text>,
    /// The body, unchunked and decompressed.
    pub body: Body,
    /// How far a body in gzip could be decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gzip: Option<Gzip>,
    /// What ends the body; None when nothing arrived.
    pub framing: Option<Framing>,
    /// Whether the body ended as the framing demands.
    pub complete: bool,
    /// How the connection went on.
    pub end: End,
    /// Where a chunked body broke off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<&'static str>,
    /// Heads with a 1xx status other than 101.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<Vec<Text>>,
    /// Trailer lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<Text>,
    /// What came over an upgraded connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<Text>,
}

/// How far a body in gzip could be decompressed. What it holds is compared, not how hard it was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gzip {
    /// To its end.
    Whole,
    /// It breaks off.
    Cut,
}

/// A body; long ones are written as length, digest and beginning.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Body(pub Vec<u8>);

/// Longer bodies are summed up in JSON.
pub const WHOLE_BODY: usize = 600;

/// What ends a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Framing {
    /// Content-Length.
    #[serde(rename = "length")]
    Length,
    /// Transfer-Encoding: chunked.
    #[serde(rename = "chunked")]
    Chunked,
    /// The end of the connection.
    #[serde(rename = "close")]
    Close,
    /// There is none: HEAD, 204, 304.
    #[serde(rename = "none")]
    NoBody,
    /// 101: the connection speaks something else from here on.
    #[serde(rename = "upgrade")]
    Upgrade,
    /// No status line at all; the connection's end is the only end.
    #[serde(rename = "http/0.9")]
    Http09,
}

/// How the connection went on after a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Open after the wait.
    #[default]
    Open,
    /// The proxy closed it in order.
    Fin,
    /// The proxy reset it.
    Rst,
    /// Nothing ended it, and the response neither, until the client lost patience.
    Timeout,
}

/// What the bytes so far amount to.
#[derive(Debug, PartialEq)]
pub enum Progress {
    /// More bytes must come.
    Partial,
    /// A whole response in so many bytes.
    Whole(Box<Response>, usize),
}

/// Reads one response from the beginning of `bytes`.
///
/// `to_head` is whether a HEAD request asked for it. `ended` says that no more bytes will come,
/// and how; then the result is always [`Progress::Whole`].
pub fn read(bytes: &[u8], to_head: bool, ended: Option<End>) -> Progress {
    let mut response = Response::default();
    let mut rest = bytes;
    loop {
        if !b"HTTP/".starts_with(&rest[..rest.len().min(5)]) || rest.is_empty() {
            return without_head(response, bytes.len(), rest, ended);
        }
        let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else {
            return without_head(response, bytes.len(), rest, ended);
        };
        let head = lines(&rest[..end]);
        rest = &rest[end + 4..];
        let status = status(&head);
        if matches!(status, Some(100 | 102..=199)) {
            response.interim.push(head);
            continue;
        }
        response.status = status;
        response.head = head;
        break;
    }
    let before = bytes.len() - rest.len();
    match read_body(&mut response, rest, to_head, ended) {
        Some(length) => Progress::Whole(Box::new(response), before + length),
        None => Progress::Partial,
    }
}

/// There is no head, or not yet.
fn without_head(mut response: Response, all: usize, rest: &[u8], ended: Option<End>) -> Progress {
    let Some(end) = ended else {
        return Progress::Partial;
    };
    response.end = end;
    if !rest.is_empty() {
        response.framing = Some(Framing::Http09);
        response.complete = end == End::Fin;
        response.body = Body(rest.to_vec());
    }
    Progress::Whole(Box::new(response), all)
}

/// How many bytes of `rest` belong to the body, once that is known.
fn read_body(
    response: &mut Response,
    rest: &[u8],
    to_head: bool,
    ended: Option<End>,
) -> Option<usize> {
    let framing = framing(response, to_head);
    response.framing = Some(framing);
    let (length, complete) = match framing {
        Framing::NoBody | Framing::Upgrade => (0, true),
        Framing::Length => {
            let announced = content_length(&response.head).unwrap_or(0);
            (rest.len().min(announced), rest.len() >= announced)
        }
        Framing::Chunked => {
            let chunked = Chunked::read(rest);
            response.body = Body(chunked.body);
            response.trailers = chunked.trailers;
            response.cut = chunked.cut;
            (chunked.length, chunked.cut.is_none())
        }
        Framing::Close | Framing::Http09 => (rest.len(), ended == Some(End::Fin)),
    };
    if !complete && ended.is_none() {
        return None;
    }
    if framing != Framing::Chunked {
        response.body = Body(rest[..length].to_vec());
    }
    response.complete = complete;
    response.end = ended.unwrap_or_default();
    decompress(response);
    Some(length)
}

/// Decompresses a body that says that it is in gzip, and begins so.
fn decompress(response: &mut Response) {
    const MAGIC: &[u8] = b"\x1f\x8b";
    let encoding = header(&response.head, "content-encoding").map(<[u8]>::trim_ascii);
    if encoding != Some(b"gzip") || !response.body.0.starts_with(MAGIC) {
        return;
    }
    let (body, gzip) = unpack(&response.body.0);
    response.gzip = Some(gzip);
    response.body = Body(body);
}

/// As much as can be had of a body in gzip.
pub(crate) fn unpack(packed: &[u8]) -> (Vec<u8>, Gzip) {
    let mut body = Vec::new();
    match MultiGzDecoder::new(packed).read_to_end(&mut body) {
        Ok(_) => (body, Gzip::Whole),
        Err(_) => (body, Gzip::Cut),
    }
}

fn framing(response: &Response, to_head: bool) -> Framing {
    match response.status {
        Some(101) => Framing::Upgrade,
        Some(204 | 304) => Framing::NoBody,
        _ if to_head => Framing::NoBody,
        _ if header(&response.head, "transfer-encoding").is_some() => Framing::Chunked,
        _ if content_length(&response.head).is_some() => Framing::Length,
        _ => Framing::Close,
    }
}

fn content_length(head: &[Text]) -> Option<usize> {
    latin1(header(head, "content-length")?).trim().parse().ok()
}

/// The value of the first header line with this lower-case name.
fn header<'a>(head: &'a [Text], name: &str) -> Option<&'a [u8]> {
    head.iter().skip(1).find_map(|line| {
        let colon = line.0.iter().position(|&b| b == b':')?;
        line.0[..colon]
            .eq_ignore_ascii_case(name.as_bytes())
            .then(|| &line.0[colon + 1..])
    })
}

fn lines(head: &[u8]) -> Vec<Text> {
    let mut lines = vec![Text::default()];
    let mut bytes = head.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' && bytes.next_if_eq(&b'\n').is_some() {
            lines.push(Text::default());
        } else if let Some(line) = lines.last_mut() {
            line.0.push(byte);
        }
    }
    lines
}

fn status(head: &[Text]) -> Option<u16> {
    latin1(&head.first()?.0).split(' ').nth(1)?.parse().ok()
}

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        summed_up(&self.0, WHOLE_BODY).serialize(serializer)
    }
}

/// The bytes as JSON: whole, or as length, digest and the first 80 when longer than `limit`.
pub fn summed_up(bytes: &[u8], limit: usize) -> serde_json::Value {
    if bytes.len() <= limit {
        return latin1(bytes).into();
    }
    let digest = Sha256::digest(bytes);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    serde_json::json!({ "len": bytes.len(), "sha256": digest, "prefix": latin1(&bytes[..80.min(bytes.len())]) })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    fn check(bytes: &[u8], ended: Option<End>, expected: serde_json::Value) {
        let got = match read(bytes, false, ended) {
            Progress::Partial => json!(null),
            Progress::Whole(response, length) => {
                json!([response.framing, response.body, response.complete, length])
            }
        };
        assert_eq!(got, expected, "{}", bytes.escape_ascii());
    }

    #[test]
    fn framings() {
        check(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP",
            None,
            json!(["length", "ok", true, 40]),
        );
        check(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            None,
            json!(null),
        );
        check(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            Some(End::Fin),
            json!(["length", "ok", false, 40]),
        );
        check(
            b"HTTP/1.1 200 OK\r\n\r\nok",
            Some(End::Fin),
            json!(["close", "ok", true, 21]),
        );
        check(
            b"HTTP/1.1 200 OK\r\n\r\nok",
            Some(End::Rst),
            json!(["close", "ok", false, 21]),
        );
        check(
            b"HTTP/1.1 204 OK\r\n\r\n",
            None,
            json!(["none", "", true, 19]),
        );
        check(b"hello", None, json!(null));
        check(
            b"hello",
            Some(End::Timeout),
            json!(["http/0.9", "hello", false, 5]),
        );
        check(b"", Some(End::Fin), json!([null, "", false, 0]));
        check(b"HTT", None, json!(null));
    }

    #[test]
    fn a_body_in_gzip_is_shown_decompressed() {
        let mut packed = Vec::new();
        let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::best());
        encoder.write_all(b"a text").expect("memory takes all");
        encoder.finish().expect("memory takes all");
        for (length, expected) in [(packed.len(), Gzip::Whole), (packed.len() - 1, Gzip::Cut)] {
            let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
            bytes.extend_from_slice(&packed[..length]);
            let Progress::Whole(response, _) = read(&bytes, false, Some(End::Fin)) else {
                panic!("the response is whole");
            };
            assert_eq!(response.gzip, Some(expected));
            assert_eq!(response.body.0, b"a text");
        }
    }

    #[test]
    fn interim_heads_come_first() {
        let bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let Progress::Whole(response, length) = read(bytes, false, None) else {
            panic!("the response is whole");
        };
        assert_eq!(
            (response.interim.len(), response.status, length),
            (1, Some(200), bytes.len())
        );
    }
}
