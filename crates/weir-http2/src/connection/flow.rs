//! Flow control: what may be received and sent.

use super::frame::Kind;
use super::{Connection, Role};
use crate::fault::ErrorCode;
use crate::limits::Ending;

/// The widest window that there is.
pub(crate) const MAX_WINDOW: u32 = (1 << 31) - 1;
/// Every window at first, unless settings say otherwise.
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;
/// A window that is kept wide open is opened again below this.
pub(crate) const LOW_WINDOW: u32 = MAX_WINDOW / 4;

impl Connection {
    /// The body is read, as fast as it comes: the stream's window becomes, and stays, as wide as
    /// can be (ngx_http_v2_read_request_body with proxy_request_buffering).
    pub fn open_window(&mut self, stream: u32) {
        let Some(found) = self.streams.find_mut(stream) else {
            return;
        };
        found.wide = true;
        self.widen_to(stream, MAX_WINDOW);
    }

    /// The body is read into a buffer that has `room`, at least [`Limits::preread`](crate::Limits::preread): the window
    /// becomes what the buffer takes beside the bytes that have come (ngx_http_v2_read_request_body
    /// without proxy_request_buffering).
    pub fn widen_window(&mut self, stream: u32, room: u32) {
        let more = room.saturating_sub(self.limits.preread);
        if let Some(found) = self.streams.find(stream) {
            let window = found.recv_window.saturating_add(more);
            self.widen_to(stream, window);
        }
    }

    /// The buffer is empty again: the window becomes `room`, less what is still to come of a DATA
    /// frame that has begun (ngx_http_v2_read_unbuffered_request_body).
    pub fn refill_window(&mut self, stream: u32, room: u32) {
        let coming = self.data_to_come(stream);
        self.widen_to(stream, room.saturating_sub(coming));
    }

    /// What else comes of the body is thrown away (nginx's `skip_data`).
    pub fn ignore_body(&mut self, stream: u32) {
        if let Some(found) = self.streams.find_mut(stream) {
            found.ignored = true;
        }
    }

    /// How many octets the stream's and the connection's window let through now.
    #[inline]
    #[must_use]
    pub fn window(&self, stream: u32) -> usize {
        let found = self.streams.find(stream).filter(|found| !found.out_closed);
        let window = found.map_or(0, |found| found.send_window.max(0) as u32);
        window.min(self.send_window) as usize
    }

    /// Ends a stream by RST_STREAM, once (ngx_http_v2_terminate_stream).
    pub fn reset(&mut self, stream: u32, code: ErrorCode) {
        let Some(found) = self.streams.find_mut(stream) else {
            return;
        };
        if found.reset {
            return;
        }
        found.reset = true;
        found.ignored = true;
        found.out_closed = true;
        self.rst_stream(stream, code);
    }

    /// The work on a stream is over. What neither side has closed yet is reset: by a server with
    /// INTERNAL_ERROR if its answer is not complete (PROTOCOL_ERROR behind a deadline), with
    /// NO_ERROR if the request is not (ngx_http_v2_close_stream); by a client with CANCEL. Frames
    /// that come later are skipped.
    pub fn close(&mut self, stream: u32, ending: Ending) {
        let Some(closed) = self.streams.remove(stream) else {
            return;
        };
        if self.head_stream == stream {
            self.head_stream = 0;
            self.decoder.unwanted();
        }
        if closed.reset || self.over || (closed.in_closed && closed.out_closed) {
            return;
        }
        let code = match (self.role, ending) {
            (Role::Client, _) => ErrorCode::CANCEL,
            (Role::Server, _) if closed.out_closed => ErrorCode::NO_ERROR,
            (Role::Server, Ending::TimedOut) => ErrorCode::PROTOCOL_ERROR,
            (Role::Server, Ending::Done) => ErrorCode::INTERNAL_ERROR,
        };
        self.rst_stream(stream, code);
    }

    /// Opens a stream's receive window up to `window`, if it is not as wide and more can come.
    pub(super) fn widen_to(&mut self, stream: u32, window: u32) {
        let window = window.min(MAX_WINDOW);
        let Some(found) = self.streams.find_mut(stream) else {
            return;
        };
        if found.in_closed || window <= found.recv_window {
            return;
        }
        let more = window - found.recv_window;
        found.recv_window = window;
        self.control(Kind::WindowUpdate, 0, stream, &more.to_be_bytes());
    }

    /// Accounts a DATA frame to the connection's receive window, which is kept wide open.
    /// `false` if there was no room for it.
    pub(super) fn receive_into_connection(&mut self, length: u32) -> bool {
        let Some(left) = self.recv_window.checked_sub(length) else {
            return false;
        };
        self.recv_window = left;
        if left < LOW_WINDOW {
            self.recv_window = MAX_WINDOW;
            let more = MAX_WINDOW - left;
            self.control(Kind::WindowUpdate, 0, 0, &more.to_be_bytes());
        }
        true
    }

    /// Applies a new SETTINGS_INITIAL_WINDOW_SIZE to all streams (ngx_http_v2_adjust_windows).
    /// `true` if one may send again.
    pub(super) fn adjust_windows(&mut self, delta: i64) -> bool {
        let mut writable = false;
        let mut overflown = Vec::new();
        for stream in self.streams.iter_mut() {
            let window = i64::from(stream.send_window) + delta;
            if window > i64::from(MAX_WINDOW) {
                overflown.push(stream.id);
                continue;
            }
            writable |= stream.send_window <= 0 && window > 0;
            // It stays above -2^31: no window was ever above 2^31-1.
            stream.send_window = window as i32;
        }
        for id in overflown {
            if let Some(stream) = self.streams.find_mut(id).filter(|stream| !stream.reset) {
                stream.untold = true;
                self.untold = true;
                self.reset(id, ErrorCode::FLOW_CONTROL_ERROR);
            }
        }
        writable
    }
}
