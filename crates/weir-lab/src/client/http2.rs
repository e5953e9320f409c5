//! HTTP/2 as a client writes and reads it: frames out, and what came in on each stream.

use serde_json::{Value, json};
use weir_http2::PREFACE;
use weir_http2::hpack::blocks::Blocks;

use crate::response::{Body, End, unpack};
use crate::script::{Http2Step, Payload, Request};
use crate::text::{Text, latin1};

/// What a frame may carry until the proxy allows more, which no script here waits for.
const FRAME: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

/// Of DATA and HEADERS; of SETTINGS and PING it is the acknowledgement.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// One connection: what was said, and what was heard.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The connection's name, unless it is the first one's.
    name: Option<String>,
    begun: bool,
    next: u32,
    blocks: Blocks,
    /// Fragments of a head that is not finished.
    block: Vec<u8>,
    /// Frames of the connection itself, in words, and how often each came.
    connection: Vec<(String, usize)>,
    streams: Vec<Stream>,
    /// Bytes that are no frame.
    rest: Vec<u8>,
    over: bool,
    end: End,
}

#[derive(Debug, Default)]
struct Stream {
    id: u32,
    status: Option<u16>,
    head: Vec<Text>,
    body: Vec<u8>,
    trailers: Vec<Text>,
    /// How far WINDOW_UPDATE has opened it.
    widened: u64,
    ended: Option<String>,
}

impl Conversation {
    pub(super) fn new(name: Option<String>) -> Self {
        Self {
            name,
            begun: false,
            next: 1,
            blocks: Blocks::new(4096),
            block: Vec::new(),
            connection: Vec::new(),
            streams: Vec::new(),
            rest: Vec::new(),
            over: false,
            end: End::Open,
        }
    }

    /// What `step` sends, the preface in front of it the first time.
    pub(super) fn bytes(&mut self, step: &Http2Step) -> Vec<u8> {
        let mut out = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            match step {
                Http2Step::Raw(_) => {}
                Http2Step::Settings(_) => out.extend_from_slice(PREFACE),
                _ => {
                    out.extend_from_slice(PREFACE);
                    frame(&mut out, SETTINGS, 0, 0, &[]);
                }
            }
        }
        match step {
            Http2Step::Get(path) => self.request(&Request::get(path), &mut out),
            Http2Step::Request(request) => self.request(request, &mut out),
            Http2Step::Head {
                stream,
                fields,
                open,
                unfinished,
            } => {
                let stream = stream.unwrap_or(self.next);
                let flags = flag(!open, END_STREAM) | flag(!unfinished, END_HEADERS);
                self.head(stream, fields, flags, &mut out);
            }
            Http2Step::Continuation {
                stream,
                fields,
                unfinished,
            } => {
                let flags = flag(!unfinished, END_HEADERS);
                frame(&mut out, CONTINUATION, flags, *stream, &block(fields));
            }
            Http2Step::Data {
                stream,
                payload,
                open,
            } => data(&mut out, *stream, payload, !open),
            Http2Step::Reset { stream, code } => {
                frame(&mut out, RST_STREAM, 0, *stream, &code.to_be_bytes());
            }
            Http2Step::Settings(settings) => {
                let pairs = settings.iter().flat_map(|(&name, value)| {
                    let name = (name as u16).to_be_bytes();
                    name.into_iter().chain(value.to_be_bytes())
                });
                frame(&mut out, SETTINGS, 0, 0, &pairs.collect::<Vec<u8>>());
            }
            Http2Step::AcknowledgeSettings => frame(&mut out, SETTINGS, 1, 0, &[]),
            Http2Step::Window { stream, by } => {
                frame(&mut out, WINDOW_UPDATE, 0, *stream, &by.to_be_bytes());
            }
            Http2Step::Ping => frame(&mut out, PING, 0, 0, b"weirping"),
            Http2Step::GoAway(code) => {
                let payload = [[0; 4], code.to_be_bytes()].concat();
                frame(&mut out, GOAWAY, 0, 0, &payload);
            }
            Http2Step::Frame {
                kind,
                flags,
                stream,
                payload,
                times,
            } => {
                let mut one = Vec::new();
                frame(&mut one, *kind, *flags, *stream, &payload.to_bytes());
                out.extend(one.repeat(*times));
            }
            Http2Step::Raw(payload) => out.extend(payload.to_bytes()),
            Http2Step::UntilHead(_)
            | Http2Step::UntilData { .. }
            | Http2Step::UntilEnd(_)
            | Http2Step::UntilAllEnd
            | Http2Step::UntilGoAway
            | Http2Step::UntilClosed
            | Http2Step::Watch(_) => {}
        }
        out
    }

    /// Whether what `step` waits for is there.
    pub(super) fn is_there(&self, step: &Http2Step) -> bool {
        let find = |id: u32| self.streams.iter().find(|stream| stream.id == id);
        match step {
            Http2Step::UntilHead(id) => {
                find(*id).is_some_and(|stream| stream.status.is_some() || stream.ended.is_some())
            }
            Http2Step::UntilData { stream, bytes } => {
                find(*stream).is_some_and(|stream| stream.body.len() >= *bytes)
            }
            Http2Step::UntilEnd(id) => find(*id).is_some_and(|stream| stream.ended.is_some()),
            Http2Step::UntilAllEnd => self.streams.iter().all(|stream| stream.ended.is_some()),
            Http2Step::UntilGoAway => self.over,
            Http2Step::UntilClosed | Http2Step::Watch(_) => false,
            _ => true,
        }
    }

    fn request(&mut self, request: &Request, out: &mut Vec<u8>) {
        let pseudo = [
            format!(":method: {}", request.method),
            ":scheme: http".to_owned(),
            format!(":path: {}", request.path),
            format!(":authority: {}", super::HOST),
        ];
        let pseudo = pseudo.iter().map(|line| Text::from(line.as_bytes()));
        let fields: Vec<Text> = pseudo.chain(request.fields.iter().cloned()).collect();
        let ends = request.body.is_none() && !request.open;
        let stream = self.next;
        let flags = flag(ends, END_STREAM) | END_HEADERS;
        self.head(stream, &fields, flags, out);
        if let Some(body) = &request.body {
            data(out, stream, body, !request.open);
        }
    }

    fn head(&mut self, stream: u32, fields: &[Text], flags: u8, out: &mut Vec<u8>) {
        self.next = self.next.max(stream + 2);
        // Trailers go to a stream that is there.
        self.stream(stream);
        frame(out, HEADERS, flags, stream, &block(fields));
    }

    fn stream(&mut self, id: u32) -> &mut Stream {
        let known = self.streams.iter().position(|stream| stream.id == id);
        let at = known.unwrap_or_else(|| {
            self.streams.push(Stream {
                id,
                ..Stream::default()
            });
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }

    /// Takes whole frames from the front of `buffer`.
    pub(super) fn hear(&mut self, buffer: &mut Vec<u8>) {
        let mut at = 0;
        while let Some((head, rest)) = buffer[at..].split_first_chunk::<9>() {
            let [a, b, c, kind, flags, stream @ ..] = *head;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = rest.get(..length) else {
                break;
            };
            at += 9 + length;
            let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
            self.frame(kind, flags, stream, payload);
        }
        buffer.drain(..at);
    }

    /// Nothing will come any more; `left` is no frame.
    pub(super) fn ends(&mut self, end: End, left: &[u8]) {
        self.end = end;
        self.rest = left.to_vec();
    }

    fn frame(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let number = |at: usize| {
            let octets = payload.get(at..).and_then(|rest| rest.first_chunk());
            octets.map_or(0, |octets| u32::from_be_bytes(*octets))
        };
        match (kind, id) {
            (DATA, 1..) => self.stream(id).body.extend(unpadded(flags, payload)),
            (HEADERS | CONTINUATION, 1..) => self.block(kind, flags, id, payload),
            (RST_STREAM, 1..) => self.stream(id).end(&code(number(0))),
            (WINDOW_UPDATE, 1..) => self.stream(id).widened += u64::from(number(0)),
            (WINDOW_UPDATE, 0) => self.tell(format!("WINDOW_UPDATE {}", number(0))),
            (SETTINGS, 0) if flags & 1 != 0 => self.tell("SETTINGS acknowledged".to_owned()),
            (SETTINGS, 0) => self.tell(settings(payload)),
            (PING, 0) => {
                let word = if flags & 1 == 0 { "" } else { " acknowledged" };
                self.tell(format!("PING{word} {}", latin1(payload)));
            }
            (GOAWAY, 0) => {
                self.over = true;
                let (last, why) = (number(0), code(number(4)));
                self.tell(format!("GOAWAY {why}, last stream {last}"));
            }
            _ => self.tell(format!("type {kind} on stream {id}: {}", latin1(payload))),
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 && id > 0 {
            self.stream(id).end("END_STREAM");
        }
    }

    /// What a step waited for did not come.
    pub(super) fn waited_in_vain(&mut self) {
        self.tell("(waited in vain)".to_owned());
    }

    fn tell(&mut self, words: String) {
        match self.connection.last_mut() {
            Some((last, times)) if *last == words => *times += 1,
            _ => self.connection.push((words, 1)),
        }
    }

    fn block(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) {
        let fragment = if kind == HEADERS {
            unprioritised(flags, unpadded(flags, payload))
        } else {
            payload
        };
        self.block.extend_from_slice(fragment);
        if flags & END_HEADERS == 0 {
            return;
        }
        let block = std::mem::take(&mut self.block);
        let lines: Vec<Text> = match self.blocks.decode(&block) {
            Ok(fields) => fields
                .iter()
                .map(|(name, value)| [name, b": ", value].concat().into_iter().collect())
                .collect(),
            Err(fault) => {
                let fault = format!("a block that cannot be decoded: {fault}");
                return self.tell(fault);
            }
        };
        let stream = self.stream(id);
        if stream.status.is_some_and(|status| status >= 200) {
            stream.trailers.extend(lines);
            return;
        }
        let status = lines.iter().find_map(|line| {
            let line = line.to_latin1();
            line.strip_prefix(":status: ")?.parse().ok()
        });
        stream.status = status;
        stream.head.extend(lines);
    }

    /// Each stream in the order in which they were begun, then the connection.
    pub(super) fn told(&self) -> Vec<Value> {
        let mut told: Vec<Value> = self.streams.iter().map(Stream::told).collect();
        let frames = self.connection.iter().map(|(words, times)| match times {
            1 => words.clone(),
            times => format!("{words}, {times} times"),
        });
        let frames: Vec<String> = frames.collect();
        told.push(json!({ "connection": frames, "end": self.end }));
        if !self.rest.is_empty() {
            told[self.streams.len()]["rest"] = json!(Text(self.rest.clone()));
        }
        if let Some(name) = &self.name {
            told.iter_mut().for_each(|one| one["conn"] = json!(name));
        }
        told
    }
}

impl Stream {
    /// An end may be followed by a reset that says nothing is wrong.
    fn end(&mut self, how: &str) {
        self.ended = Some(match self.ended.take() {
            Some(before) => format!("{before}, {how}"),
            None => how.to_owned(),
        });
    }

    fn told(&self) -> Value {
        let packed = self
            .head
            .iter()
            .any(|line| line.0 == b"content-encoding: gzip");
        let (body, gzip) = if packed {
            let (body, gzip) = unpack(&self.body);
            (body, Some(gzip))
        } else {
            (self.body.clone(), None)
        };
        let mut told = json!({
            "stream": self.id,
            "status": self.status,
            "head": self.head,
            "body": Body(body),
            "ended": self.ended.as_deref().unwrap_or("no"),
        });
        if let Some(gzip) = gzip {
            told["gzip"] = json!(gzip);
        }
        if !self.trailers.is_empty() {
            told["trailers"] = json!(self.trailers);
        }
        if self.widened > 0 {
            told["window"] = json!(self.widened);
        }
        told
    }
}

fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

fn data(out: &mut Vec<u8>, stream: u32, payload: &Payload, ends: bool) {
    let bytes = payload.to_bytes();
    let mut pieces = bytes.chunks(FRAME).peekable();
    if pieces.peek().is_none() {
        frame(out, DATA, flag(ends, END_STREAM), stream, &[]);
    }
    while let Some(piece) = pieces.next() {
        let last = ends && pieces.peek().is_none();
        frame(out, DATA, flag(last, END_STREAM), stream, piece);
    }
}

/// Literals that are not indexed and not Huffman-coded: what stands in a script is what is sent.
fn block(fields: &[Text]) -> Vec<u8> {
    let mut out = Vec::new();
    for Text(line) in fields {
        // The first byte may be the colon of a pseudo-header.
        let colon = line.iter().skip(1).position(|&byte| byte == b':');
        let (name, value) = line.split_at(colon.map_or(line.len(), |at| at + 1));
        let value = value.strip_prefix(b":").unwrap_or(value);
        out.push(0);
        for text in [name, value.strip_prefix(b" ").unwrap_or(value)] {
            length(&mut out, text.len());
            out.extend_from_slice(text);
        }
    }
    out
}

/// An integer behind one bit (RFC 7541, 5.1).
fn length(out: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(0x7f) else {
        return out.push(length as u8);
    };
    out.push(0x7f);
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn unpadded(flags: u8, payload: &[u8]) -> &[u8] {
    match payload.split_first() {
        Some((&padding, rest)) if flags & PADDED != 0 => {
            &rest[..rest.len().saturating_sub(usize::from(padding))]
        }
        _ => payload,
    }
}

fn unprioritised(flags: u8, payload: &[u8]) -> &[u8] {
    match flags & PRIORITY {
        0 => payload,
        _ => payload.get(5..).unwrap_or_default(),
    }
}

fn settings(payload: &[u8]) -> String {
    const NAMES: [&str; 6] = [
        "HEADER_TABLE_SIZE",
        "ENABLE_PUSH",
        "MAX_CONCURRENT_STREAMS",
        "INITIAL_WINDOW_SIZE",
        "MAX_FRAME_SIZE",
        "MAX_HEADER_LIST_SIZE",
    ];
    let mut words = "SETTINGS".to_owned();
    for pair in payload.as_chunks::<6>().0 {
        let [a, b, value @ ..] = *pair;
        let number = u16::from_be_bytes([a, b]);
        let name = usize::from(number).checked_sub(1);
        match name.and_then(|name| NAMES.get(name)) {
            Some(name) => words += &format!(" {name}={}", u32::from_be_bytes(value)),
            None => words += &format!(" {number}={}", u32::from_be_bytes(value)),
        }
    }
    words
}

/// An error code's name.
fn code(number: u32) -> String {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    let name = usize::try_from(number).ok().and_then(|n| NAMES.get(n));
    name.map_or_else(|| format!("code {number}"), |&name| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client tells that heard these frames: type, flags, stream, payload.
    fn check(frames: &[(u8, u8, u32, &[u8])], expected: Value) {
        let mut conversation = Conversation::new(None);
        conversation.bytes(&Http2Step::Get("/".to_owned()));
        let mut buffer = Vec::new();
        for (kind, flags, stream, payload) in frames {
            frame(&mut buffer, *kind, *flags, *stream, payload);
        }
        for byte in std::mem::take(&mut buffer) {
            buffer.push(byte);
            conversation.hear(&mut buffer);
        }
        assert_eq!(Value::from(conversation.told()), expected);
    }

    #[test]
    fn each_stream_is_told_by_itself() {
        let connection = json!({"connection": ["SETTINGS MAX_FRAME_SIZE=65536"], "end": "open"});
        check(
            &[
                (SETTINGS, 0, 0, b"\0\x05\0\x01\0\0"),
                (HEADERS, 0, 1, b"\x88"),
                (CONTINUATION, END_HEADERS, 1, b"\0\x01a\x01b"),
                (DATA, 0, 1, b"one"),
                (HEADERS, END_HEADERS | END_STREAM, 1, b"\0\x01t\x01u"),
            ],
            json!([
                {"stream": 1, "status": 200, "head": [":status: 200", "a: b"], "body": "one",
                 "ended": "END_STREAM", "trailers": ["t: u"]},
                connection,
            ]),
        );
        check(
            &[
                (RST_STREAM, 0, 1, b"\0\0\0\x02"),
                (GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\x0b"),
            ],
            json!([
                {"stream": 1, "status": null, "head": [], "body": "", "ended": "INTERNAL_ERROR"},
                {"connection": ["GOAWAY ENHANCE_YOUR_CALM, last stream 1"], "end": "open"},
            ]),
        );
    }

    #[test]
    fn fields_are_sent_as_they_are_written() {
        let fields = [":path: /a", "X-Upper:  b", "alone"].map(|line| Text::from(line.as_bytes()));
        assert_eq!(
            block(&fields),
            b"\0\x05:path\x02/a\0\x07X-Upper\x02 b\0\x05alone\0"
        );
        let mut blocks = Blocks::new(4096);
        let long = Text::from(format!("a: {}", "b".repeat(300)).as_bytes());
        let block = block(&[long]);
        let fields = blocks.decode(&block).unwrap();
        assert_eq!(
            fields.iter().map(|(_, value)| value.len()).sum::<usize>(),
            300
        );
    }
}
