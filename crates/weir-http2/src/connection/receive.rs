//! From bytes to frames (ngx_http_v2_read_handler, ngx_http_v2_state_head).

use super::frame::{self, Head, Kind};
use super::{Connection, PREFACE, Role};
use crate::complaint::Complaint;
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The first line of the preface.
    PrefaceStart,
    PrefaceEnd,
    FrameHead,
    /// The octet that says how much padding follows.
    DataPadding,
    Data,
    /// What comes before a header block: padding's length, priority.
    Headers,
    Block,
    /// Padding between a header block and its CONTINUATION.
    BlockPadding,
    /// The head of a CONTINUATION.
    BlockHead,
    Priority,
    RstStream,
    Setting,
    Ping,
    GoAway,
    WindowUpdate,
    /// The rest of a frame that nobody looks at, with its padding.
    Skip,
}

/// What a step led to.
pub(super) enum Flow<'i> {
    /// The bytes are used up.
    Wait,
    /// On to the next stage.
    Next,
    Event(Event<'i>),
}

/// The beginning of something short whose end has not come.
#[derive(Debug, Default)]
pub(super) struct Held {
    octets: [u8; 16],
    count: usize,
}

impl Held {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.count]
    }

    /// Moves bytes in until there are `wanted`. `true` if there are.
    pub(super) fn fill(&mut self, wanted: usize, input: &[u8], at: &mut usize) -> bool {
        let missing = wanted.saturating_sub(self.count);
        let taken = missing.min(input.len() - *at);
        self.octets[self.count..self.count + taken].copy_from_slice(&input[*at..*at + taken]);
        self.count += taken;
        *at += taken;
        taken == missing
    }

    /// Drops the first octets.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.octets.copy_within(count..self.count, 0);
        self.count -= count;
    }

    /// Keeps the first octets only.
    pub(super) fn keep_front(&mut self, count: usize) {
        self.count = count;
    }

    /// The next `N` bytes, as soon as there are so many.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self, input: &[u8], at: &mut usize) -> Option<[u8; N]> {
        if self.count == 0
            && let Some(octets) = input[*at..].first_chunk()
        {
            *at += N;
            return Some(*octets);
        }
        self.gather(input, at)
    }

    fn gather<const N: usize>(&mut self, input: &[u8], at: &mut usize) -> Option<[u8; N]> {
        if !self.fill(N, input, at) {
            return None;
        }
        self.count = 0;
        self.octets.first_chunk().copied()
    }
}

impl Connection {
    /// Takes bytes from `input[*at..]` up to the end of one event, and moves `at` behind them.
    /// `None` says that all are used up.
    ///
    /// # Errors
    ///
    /// The connection is over; GOAWAY stands in the output. Bytes that come later are thrown away.
    pub fn receive<'i>(
        &mut self,
        input: &'i [u8],
        at: &mut usize,
    ) -> Result<Option<Event<'i>>, Fault> {
        if let Some(fault) = self.doomed.take() {
            return Err(fault);
        }
        if self.over {
            *at = input.len();
            return Ok(None);
        }
        if self.untold
            && let Some(event) = self.tell()
        {
            return Ok(Some(event));
        }
        loop {
            match self.step(input, at)? {
                Flow::Next => {}
                Flow::Wait => return Ok(None),
                Flow::Event(event) => return Ok(Some(event)),
            }
        }
    }

    #[inline]
    fn step<'i>(&mut self, input: &'i [u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        match self.stage {
            Stage::FrameHead => self.frame_head(input, at),
            Stage::DataPadding => self.data_padding(input, at),
            Stage::Data => self.data(input, at),
            Stage::Headers => self.headers(input, at),
            Stage::Block => self.header_block(input, at),
            Stage::BlockPadding => self.block_padding(input, at),
            Stage::BlockHead => self.continuation(input, at),
            Stage::WindowUpdate => self.window_update(input, at),
            Stage::Setting => self.setting(input, at),
            Stage::Ping => self.ping(input, at),
            Stage::RstStream => self.stream_reset(input, at),
            Stage::Priority => self.priority(input, at),
            Stage::GoAway => self.going_away(input, at),
            Stage::Skip => self.skip(input, at),
            Stage::PrefaceStart => self.preface(&PREFACE[..16], Stage::PrefaceEnd, input, at),
            Stage::PrefaceEnd => self.preface(&PREFACE[16..], Stage::FrameHead, input, at),
        }
    }

    /// ngx_http_v2_state_preface and ngx_http_v2_state_preface_end.
    fn preface<'i>(
        &mut self,
        part: &[u8],
        then: Stage,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        if !self.held.fill(part.len(), input, at) {
            return Ok(Flow::Wait);
        }
        if self.held.octets() != part {
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::Preface));
        }
        self.held.drop_front(part.len());
        self.flood.carried(part.len() as u64);
        self.stage = then;
        Ok(Flow::Next)
    }

    #[inline]
    fn frame_head<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        let Some(octets) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        self.frame = Head::read(octets);
        self.flood
            .carried(frame::HEAD as u64 + u64::from(self.frame.length));
        if self.role == Role::Client && self.frame.length > frame::DEFAULT_SIZE {
            let complaint = Complaint::LargeFrame(self.frame.length);
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        match Kind::of(self.frame.kind) {
            Some(Kind::Data) => self.begin_data(),
            Some(Kind::Headers) => self.begin_headers(),
            Some(Kind::Priority) => self.begin_priority(),
            Some(Kind::RstStream) => self.sized(4, Stage::RstStream, Complaint::ResetLength),
            Some(Kind::Settings) => self.begin_settings(),
            Some(Kind::PushPromise) => {
                Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::PushPromise))
            }
            Some(Kind::Ping) => self.sized(8, Stage::Ping, Complaint::PingLength),
            Some(Kind::GoAway) => self.begin_going_away(),
            Some(Kind::WindowUpdate) => {
                self.sized(4, Stage::WindowUpdate, Complaint::WindowUpdateLength)
            }
            Some(Kind::Continuation) => {
                Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::ContinuationUnexpected))
            }
            None => {
                self.stage = Stage::Skip;
                Ok(Flow::Event(Event::Complaint(Complaint::UnknownType(
                    self.frame.kind,
                ))))
            }
        }
    }

    /// A frame whose payload has always the same length.
    #[inline]
    pub(super) fn sized<'i>(
        &mut self,
        length: u32,
        stage: Stage,
        complaint: fn(u32) -> Complaint,
    ) -> Result<Flow<'i>, Fault> {
        if self.frame.length != length {
            let complaint = complaint(self.frame.length);
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.stage = stage;
        Ok(Flow::Next)
    }

    /// A frame is used up (ngx_http_v2_state_complete).
    #[inline]
    pub(super) fn complete<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        self.stage = Stage::FrameHead;
        self.check_flood()?;
        Ok(Flow::Next)
    }

    /// Nothing but noise, or frames in reply that nobody takes.
    #[inline]
    pub(super) fn check_flood(&mut self) -> Result<(), Fault> {
        if self.flood.is_chatter() {
            return Err(self.fail(ErrorCode::NO_ERROR, Complaint::Flood));
        }
        if self.flood.is_stuffed() {
            return Err(self.fail(ErrorCode::INTERNAL_ERROR, Complaint::Flood));
        }
        Ok(())
    }

    /// ngx_http_v2_state_skip_padded.
    #[inline]
    fn skip<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        self.frame.length += u32::from(std::mem::take(&mut self.padding));
        let taken = (input.len() - *at).min(self.frame.length as usize);
        *at += taken;
        self.frame.length -= taken as u32;
        if self.frame.length > 0 {
            return Ok(Flow::Wait);
        }
        self.complete()
    }

    /// A stream that settings ended, one at a time.
    pub(super) fn tell<'i>(&mut self) -> Option<Event<'i>> {
        let found = self.streams.iter_mut().find(|stream| stream.untold);
        let Some(stream) = found else {
            self.untold = false;
            return None;
        };
        stream.untold = false;
        Some(Event::Terminated {
            stream: stream.id,
            code: ErrorCode::FLOW_CONTROL_ERROR,
            complaint: None,
        })
    }
}
