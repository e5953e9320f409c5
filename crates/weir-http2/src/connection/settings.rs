//! SETTINGS frames (ngx_http_v2_state_settings).

use super::Connection;
use super::flow::MAX_WINDOW;
use super::frame::{self, Kind};
use super::receive::{Flow, Stage};
use crate::complaint::Complaint;
use crate::event::Event;
use crate::fault::{ErrorCode, Fault};

pub(super) const HEADER_TABLE_SIZE: u16 = 0x1;
pub(super) const ENABLE_PUSH: u16 = 0x2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 0x3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 0x4;
pub(super) const MAX_FRAME_SIZE: u16 = 0x5;

impl Connection {
    pub(super) fn begin_settings<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        let length = self.frame.length;
        if self.frame.stream != 0 {
            let complaint = Complaint::SettingsIdentifier;
            return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
        }
        if self.frame.flags == frame::ACK {
            if length != 0 {
                let complaint = Complaint::SettingsAckLength;
                return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
            }
            self.acknowledged = true;
            return self.complete();
        }
        if !length.is_multiple_of(6) {
            let complaint = Complaint::SettingsLength(length);
            return Err(self.fail(ErrorCode::FRAME_SIZE_ERROR, complaint));
        }
        self.window_delta = 0;
        self.stage = Stage::Setting;
        Ok(Flow::Next)
    }

    /// One setting, or the end of all.
    pub(super) fn setting<'i>(&mut self, input: &[u8], at: &mut usize) -> Result<Flow<'i>, Fault> {
        if self.frame.length == 0 {
            return self.settings_complete();
        }
        let Some([i, d, a, b, c, e]) = self.held.take(input, at) else {
            return Ok(Flow::Wait);
        };
        self.frame.length -= 6;
        let (id, value) = (u16::from_be_bytes([i, d]), u32::from_be_bytes([a, b, c, e]));
        self.apply(id, value)?;
        Ok(Flow::Next)
    }

    fn apply(&mut self, id: u16, value: u32) -> Result<(), Fault> {
        match id {
            INITIAL_WINDOW_SIZE => {
                if value > MAX_WINDOW {
                    let complaint = Complaint::InitialWindowSize(value);
                    return Err(self.fail(ErrorCode::FLOW_CONTROL_ERROR, complaint));
                }
                self.window_delta = i64::from(value) - i64::from(self.initial_window);
            }
            MAX_FRAME_SIZE => {
                if !(frame::DEFAULT_SIZE..=frame::LARGEST).contains(&value) {
                    let complaint = Complaint::MaxFrameSize(value);
                    return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
                }
                self.frame_size = value;
            }
            ENABLE_PUSH if value > 1 => {
                let complaint = Complaint::EnablePush(value);
                return Err(self.fail(ErrorCode::PROTOCOL_ERROR, complaint));
            }
            HEADER_TABLE_SIZE => self.table_update = true,
            MAX_CONCURRENT_STREAMS => self.peer_streams = value,
            _ => {}
        }
        Ok(())
    }

    fn settings_complete<'i>(&mut self) -> Result<Flow<'i>, Fault> {
        self.control(Kind::Settings, frame::ACK, 0, &[]);
        let delta = std::mem::take(&mut self.window_delta);
        let mut writable = false;
        if delta != 0 {
            self.initial_window = (i64::from(self.initial_window) + delta) as u32;
            writable = self.adjust_windows(delta);
        }
        self.complete()?;
        if writable {
            return Ok(Flow::Event(Event::Writable { stream: None }));
        }
        Ok(match self.tell() {
            Some(event) => Flow::Event(event),
            None => Flow::Next,
        })
    }
}
