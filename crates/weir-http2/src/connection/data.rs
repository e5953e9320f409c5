//! DATA frames (ngx_http_v2_state_data, ngx_http_v2_state_read_data).

use super::flow::{LOW_WINDOW, MAX_WINDOW};
use super::frame;
use super::receive::{Flow, Stage};
use super::{Connection, Role};
use crate::complaint::Complaint;
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};

impl Connection {
    #[inline]
    pub(super) fn begin_data<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        self.padding = 0;
        if !self.frame.has(frame::PADDED) {
            return self.data_begun(self.frame.length);
        }
        if self.frame.length == 0 {
            let complaint = Complaint::PaddedDataEmpty;
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.stage = Stage::DataPadding;
        Ok(Flow::Next)
    }

    pub(super) fn data_padding<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let Some([padding]) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        let length = self.frame.length;
        if u32::from(padding) >= length {
            let complaint = Complaint::PaddedData { length, padding };
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.padding = padding;
        self.frame.length -= 1 + u32::from(padding);
        self.data_begun(length)
    }

    /// `size` octets, padding and all, count for the windows.
    #[inline]
    fn data_begun<'i>(&mut self, size: u32) -> Result<Flow<'i>, Fault> {
        let id = self.frame.stream;
        if id == 0 {
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::DataIdentifier));
        }
        if !self.receive_into_connection(size) {
            let window = self.recv_window;
            let complaint = Complaint::ConnectionWindow {
                length: size,
                window,
            };
            return Err(self.fail(ErrorCode::FLOW_CONTROL_ERROR, complaint));
        }
        self.stage = Stage::Skip;
        let Some(stream) = self.streams.find_mut(id) else {
            return self.unknown_stream(id);
        };
        let Some(left) = stream.recv_window.checked_sub(size) else {
            let window = stream.recv_window;
            let complaint = Complaint::StreamWindow {
                stream: id,
                length: size,
                window,
            };
            return self.terminate(ErrorCode::FLOW_CONTROL_ERROR, complaint);
        };
        stream.recv_window = left;
        let wide = stream.wide && left < LOW_WINDOW;
        let (in_closed, headless) = (stream.in_closed, !stream.answered);
        if wide {
            self.widen_to(id, MAX_WINDOW);
        }
        if in_closed {
            return self.terminate(ErrorCode::STREAM_CLOSED, Complaint::HalfClosed(id));
        }
        if self.role == Role::Client && headless {
            let complaint = Complaint::DataBeforeHead(id);
            return self.terminate(ErrorCode::PROTOCOL_ERROR, complaint);
        }
        self.stage = Stage::Data;
        Ok(Flow::Next)
    }

    /// Payload as it comes. Its stream may have been closed since the frame began.
    #[inline]
    pub(super) fn data<'i>(&mut self, input: &'i [u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        let id = self.frame.stream;
        let taken = (input.len() - *at).min(self.frame.length as usize);
        let last = taken == self.frame.length as usize;
        if taken == 0 && !last {
            return Ok(Flow::Wait);
        }
        let Some(stream) = self.streams.find_mut(id).filter(|stream| !stream.ignored) else {
            self.stage = Stage::Skip;
            return Ok(Flow::Next);
        };
        let ends = last && self.frame.has(frame::END_STREAM);
        stream.in_closed |= ends;
        let bytes = &input[*at..*at + taken];
        *at += taken;
        self.frame.length -= taken as u32;
        self.flood.useful(taken as u64);
        if last {
            self.stage = Stage::Skip;
        }
        if bytes.is_empty() && !ends {
            return Ok(Flow::Next);
        }
        Ok(Flow::Event(Event::Data {
            stream: id,
            bytes,
            ends,
        }))
    }

    /// Octets of the stream's payload that the current DATA frame still has.
    pub(super) fn data_to_come(&self, stream: u32) -> u32 {
        if self.stage == Stage::Data && self.frame.stream == stream {
            return self.frame.length;
        }
        0
    }

    /// RST_STREAM for the current frame's stream, which is told of only once.
    pub(super) fn terminate<'i>(
        &mut self,
        code: ErrorCode,
        complaint: Complaint,
    ) -> Result<Flow<'i>, Fault> {
        let id = self.frame.stream;
        let told = self.streams.find(id).is_none_or(|stream| stream.reset);
        if told {
            return Ok(Flow::Event(Event::Complaint(complaint)));
        }
        self.reset(id, code);
        Ok(Flow::Event(Event::Terminated {
            stream: id,
            code,
            complaint: Some(complaint),
        }))
    }

    /// A frame on a stream that is not open: nginx's clients may send some, a server only behind
    /// the end of one.
    pub(super) fn unknown_stream<'i>(&mut self, id: u32) -> Result<Flow<'i>, Fault> {
        if self.role == Role::Client && (id.is_multiple_of(2) || id > self.last) {
            let complaint = Complaint::UnknownStream(id);
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        Ok(Flow::Next)
    }
}
