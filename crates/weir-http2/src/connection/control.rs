//! PING, GOAWAY, RST_STREAM, PRIORITY and WINDOW_UPDATE frames.

use super::flow::MAX_WINDOW;
use super::frame::{self, Kind};
use super::receive::{Flow, Stage};
use super::{Connection, Role};
use crate::complaint::Complaint;
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};

impl Connection {
    /// ngx_http_v2_state_ping.
    pub(super) fn ping<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        let Some(payload) = self.held.take::<8>(input, at) else {
            return Ok(Flow::Wait);
        };
        if self.frame.stream != 0 {
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::PingIdentifier));
        }
        if !self.frame.has(frame::ACK) {
            self.control(Kind::Ping, frame::ACK, 0, &payload);
        }
        self.complete()
    }

    pub(super) fn begin_going_away<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        if self.frame.length < 8 {
            let complaint = Complaint::GoAwayLength(self.frame.length);
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.stage = Stage::GoAway;
        Ok(Flow::Next)
    }

    /// ngx_http_v2_state_goaway: it means nothing to a server.
    pub(super) fn going_away<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let Some([a, b, c, d, e, f, g, h]) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        if self.frame.stream != 0 {
            let complaint = Complaint::GoAwayIdentifier;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.frame.length -= 8;
        self.padding = 0;
        self.stage = Stage::Skip;
        if self.role == Role::Server {
            return Ok(Flow::Next);
        }
        self.gone = true;
        Ok(Flow::Event(Event::GoAway {
            last: u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff,
            code: ErrorCode(u32::from_be_bytes([e, f, g, h])),
        }))
    }

    /// ngx_http_v2_state_rst_stream.
    pub(super) fn stream_reset<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let Some(octets) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        let (stream, code) = (self.frame.stream, ErrorCode(u32::from_be_bytes(octets)));
        if stream == 0 {
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, Complaint::ResetIdentifier));
        }
        self.complete()?;
        let Some(found) = self.streams.find_mut(stream) else {
            return self.unknown_stream(stream);
        };
        found.in_closed = true;
        found.out_closed = true;
        let complaint = Complaint::of_reset(stream, code);
        Ok(Flow::Event(Event::Reset {
            stream,
            code,
            complaint,
        }))
    }

    pub(super) fn begin_priority<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        if self.frame.length != 5 {
            let complaint = Complaint::PriorityLength(self.frame.length);
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.flood.priorities -= 1;
        if self.flood.priorities == 0 {
            let complaint = Complaint::PriorityFlood;
            return Err(self.fail(ErrorCode::ENHANCE_YOUR_CALM, complaint));
        }
        self.stage = Stage::Priority;
        Ok(Flow::Next)
    }

    /// ngx_http_v2_state_priority. Frames are not sent by priority (RFC 9113, 5.3.2), but still checked.
    pub(super) fn priority<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        let Some([a, b, c, d, _]) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        let stream = self.frame.stream;
        if stream == 0 {
            let complaint = Complaint::PriorityIdentifier;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        if u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff == stream {
            let complaint = Complaint::PriorityDependency(stream);
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.complete()
    }

    /// ngx_http_v2_state_window_update.
    pub(super) fn window_update<'i>(
        &mut self,
        input: &[u8],
        at: &mut usize,
    ) -> Result<Flow<'i>, Fault> {
        let Some(octets) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        let increment = u32::from_be_bytes(octets) & 0x7fff_ffff;
        if increment == 0 {
            let complaint = Complaint::WindowUpdateZero;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        self.complete()?;
        if self.frame.stream != 0 {
            return self.stream_window_update(increment);
        }
        if increment > MAX_WINDOW - self.send_window {
            let window = self.send_window;
            let complaint = Complaint::ConnectionWindowUpdate { increment, window };
            return Err(self.fail(ErrorCode::FLOW_CONTROL_ERROR, complaint));
        }
        let closed = self.send_window == 0;
        self.send_window += increment;
        Ok(if closed {
            Flow::Event(Event::Writable { stream: None })
        } else {
            Flow::Next
        })
    }

    fn stream_window_update<'i>(&mut self, increment: u32) -> Result<Flow<'i>, Fault> {
        let id = self.frame.stream;
        let Some(stream) = self.streams.find_mut(id) else {
            return self.unknown_stream(id);
        };
        let window = i64::from(stream.send_window);
        if i64::from(increment) > i64::from(MAX_WINDOW) - window {
            let complaint = Complaint::StreamWindowUpdate {
                stream: id,
                increment,
                window,
            };
            return self.terminate(ErrorCode::FLOW_CONTROL_ERROR, complaint);
        }
        let opened = window + i64::from(increment);
        stream.send_window = opened as i32;
        Ok(if window <= 0 && opened > 0 {
            Flow::Event(Event::Writable { stream: Some(id) })
        } else {
            Flow::Next
        })
    }
}
