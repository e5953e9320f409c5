//! HEADERS and CONTINUATION frames (ngx_http_v2_state_headers, ngx_http_v2_handle_continuation).

use super::frame::{self, Head, Kind};
use super::receive::{Flow, Stage};
use super::stream::Stream;
use super::{Connection, Role};
use crate::complaint::Complaint;
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};
use crate::hpack::decode::Step;

impl Connection {
    #[inline]
    pub(super) fn begin_headers<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        let length = self.frame.length;
        let before = self.before_block() as u32;
        if length <= before {
            let complaint = if length < before {
                Complaint::HeadersLength(length)
            } else {
                Complaint::HeadersEmpty
            };
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.padding = 0;
        if self.goaway && self.role == Role::Server {
            self.stage = Stage::Skip;
            return Ok(Flow::Next);
        }
        self.stage = Stage::Headers;
        Ok(Flow::Next)
    }

    /// Octets before the block.
    #[inline]
    fn before_block(&self) -> usize {
        let padded = usize::from(self.frame.has(frame::PADDED));
        padded + 5 * usize::from(self.frame.has(frame::PRIORITY))
    }

    #[inline]
    pub(super) fn headers<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        let before = self.before_block();
        if !self.held.fill(before, input, at) {
            return Ok(Flow::Wait);
        }
        self.frame.length -= before as u32;
        let mut octets = self.held.octets();
        if self.frame.has(frame::PADDED)
            && let Some((padding, rest)) = octets.split_first()
        {
            self.padding = *padding;
            octets = rest;
        }
        let depends = octets
            .first_chunk()
            .map(|octets| u32::from_be_bytes(*octets));
        let depends = depends.map_or(0, |octets| octets & 0x7fff_ffff);
        self.held.drop_front(before);
        let (length, padding) = (self.frame.length, self.padding);
        let Some(block) = length.checked_sub(u32::from(padding)) else {
            let complaint = Complaint::PaddedHeaders { length, padding };
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        };
        self.frame.length = block;
        match self.role {
            Role::Server => self.request(depends),
            Role::Client => self.response(depends),
        }
    }

    /// A client opens a stream, if it may.
    #[inline]
    fn request<'i>(&mut self, depends: u32) -> Result<Flow<'i>, Fault> {
        let (stream, last) = (self.frame.stream, self.last);
        if stream.is_multiple_of(2) || stream <= last {
            let complaint = Complaint::HeadersIdentifier { stream, last };
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        if depends == stream {
            let complaint = Complaint::HeadersDependency(stream);
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.last = stream;
        if let Some(complaint) = self.refusal() {
            self.begin_block(false);
            return Ok(Flow::Event(self.refuse(complaint)));
        }
        self.streams.open(Stream {
            id: stream,
            send_window: self.initial_window as i32,
            recv_window: self.limits.preread,
            in_closed: self.frame.has(frame::END_STREAM),
            out_closed: false,
            reset: false,
            ignored: false,
            wide: false,
            answered: false,
            untold: false,
        });
        self.flood.priorities += u64::from(self.limits.concurrent_streams);
        self.begin_block(true);
        Ok(Flow::Event(Event::Opened { stream }))
    }

    /// Why the stream may not be opened.
    #[inline]
    fn refusal(&mut self) -> Option<Complaint> {
        let open = self.streams.len() as u32;
        let most = self.limits.concurrent_streams;
        if open >= most {
            return Some(Complaint::ConcurrentStreams(open));
        }
        self.flood.at_once += 1;
        if self.flood.at_once > most.saturating_mul(2) {
            return Some(Complaint::StreamsAtOnce);
        }
        let early = !self.acknowledged && !self.frame.has(frame::END_STREAM);
        let narrow = self.limits.preread < super::DEFAULT_WINDOW;
        (early && narrow).then_some(Complaint::DataBeforeSettings)
    }

    /// Too many refusals end the connection.
    fn refuse<'i>(&mut self, complaint: Complaint) -> Event<'i> {
        let stream = self.frame.stream;
        self.flood.refused += 1;
        if self.flood.refused > self.limits.concurrent_streams.max(100).saturating_add(1) {
            self.doomed = Some(self.fail(ErrorCode::NO_ERROR, Complaint::RefusedStreams));
            return Event::Complaint(complaint);
        }
        self.rst_stream(stream, ErrorCode::REFUSED_STREAM);
        Event::Refused { stream, complaint }
    }

    /// A server answers.
    fn response<'i>(&mut self, depends: u32) -> Result<Flow<'i>, Fault> {
        let id = self.frame.stream;
        if id == 0 || depends == id {
            let complaint = Complaint::HeadersDependency(id);
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        let Some(stream) = self.streams.find_mut(id) else {
            self.begin_block(false);
            return self.unknown_stream(id);
        };
        if stream.in_closed || stream.ignored {
            let closed = stream.in_closed;
            self.begin_block(false);
            if closed {
                return self.terminate(ErrorCode::STREAM_CLOSED, Complaint::HalfClosed(id));
            }
            return Ok(Flow::Next);
        }
        stream.in_closed = self.frame.has(frame::END_STREAM);
        self.begin_block(true);
        Ok(Flow::Next)
    }

    #[inline]
    fn begin_block(&mut self, wanted: bool) {
        let last = self.frame.has(frame::END_HEADERS);
        let limit = self.limits.fields;
        self.decoder.begin(self.frame.length, last, wanted, limit);
        self.head_stream = if wanted { self.frame.stream } else { 0 };
        self.head_length = self.frame.length as usize;
        self.fields.clear();
        self.stage = Stage::Block;
    }

    #[inline]
    pub(super) fn header_block<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let brought = !self.held.is_empty();
        let rest = self.decoder.rest() as usize;
        let mut used = 0;
        let step = if brought {
            let bytes = self.held.octets();
            self.decoder
                .run(bytes, &mut used, &mut self.fields, self.limits.field)
        } else {
            let bytes = &input[*at..];
            let bytes = &bytes[..bytes.len().min(rest)];
            self.decoder
                .run(bytes, &mut used, &mut self.fields, self.limits.field)
        };
        if brought {
            self.held.drop_front(used);
        } else {
            *at += used;
        }
        match step {
            Ok(Step::NeedMore) if brought => Ok(Flow::Next),
            Ok(Step::NeedMore) => Ok(Flow::Wait),
            Ok(Step::NextFrame) => {
                self.stage = Stage::BlockPadding;
                Ok(Flow::Next)
            }
            Ok(Step::Done) => self.head_complete(),
            Err((code, complaint)) => Err(self.fail(code, complaint)),
        }
    }

    #[inline]
    fn head_complete<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        self.frame.length = 0;
        self.stage = Stage::Skip;
        let id = std::mem::take(&mut self.head_stream);
        let Some(stream) = self.streams.find_mut(id) else {
            return Ok(Flow::Next);
        };
        let (length, ends) = (self.head_length, stream.in_closed);
        self.flood.useful(length as u64);
        if stream.answered {
            if !ends {
                let complaint = Complaint::TrailersWithoutEnd(id);
                return self.terminate(ErrorCode::PROTOCOL_ERROR, complaint);
            }
            return Ok(Flow::Event(Event::Trailers { stream: id }));
        }
        let interim = self
            .fields
            .iter()
            .next()
            .is_some_and(|(name, value)| name == b":status" && value.starts_with(b"1"));
        stream.answered = !interim && self.role == Role::Client;
        Ok(Flow::Event(Event::Head {
            stream: id,
            length,
            ends,
        }))
    }

    /// What the block's frame has behind its last field, and what the decoder left of it, which
    /// stays held.
    pub(super) fn block_padding<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        if !self.held.fill(self.decoder.rest() as usize, input, at) {
            return Ok(Flow::Wait);
        }
        let skipped = (input.len() - *at).min(usize::from(self.padding));
        *at += skipped;
        self.padding -= skipped as u8;
        if self.padding > 0 {
            return Ok(Flow::Wait);
        }
        self.stage = Stage::BlockHead;
        Ok(Flow::Next)
    }

    pub(super) fn continuation<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let brought = self.decoder.rest() as usize;
        if !self.held.fill(brought + frame::HEAD, input, at) {
            return Ok(Flow::Wait);
        }
        let octets = self.held.octets()[brought..].first_chunk();
        let head = Head::read(octets.copied().unwrap_or_default());
        if head.kind != Kind::Continuation as u8 {
            let complaint = Complaint::ContinuationExpected;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        if head.stream != self.frame.stream {
            let complaint = Complaint::ContinuationIdentifier;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.held.keep_front(brought);
        self.decoder
            .go_on(head.length, head.has(frame::END_HEADERS));
        self.head_length += head.length as usize;
        self.flood
            .carried(frame::HEAD as u64 + u64::from(head.length));
        self.check_flood()?;
        self.stage = Stage::Block;
        Ok(Flow::Next)
    }
}
