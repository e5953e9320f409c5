//! What goes to the peer (ngx_http_v2_filter_module.c).

use super::flow::MAX_WINDOW;
use super::frame::{self, Kind};
use super::stream::Stream;
use super::{Connection, Role};
use crate::fault::ErrorCode;
use crate::hpack::encode::Block;
use crate::limits::Share;

/// The octet that says "this side keeps no table": nginx begins a head with it after each SETTINGS_HEADER_TABLE_SIZE.
const TABLE_SIZE_ZERO: u8 = 0x20;

impl Connection {
    /// Opens a stream (clients only). `None` if the server allows no more at the moment, said
    /// GOAWAY, or numbers are used up.
    pub fn open(&mut self) -> Option<u32> {
        let full = self.streams.len() as u64 >= u64::from(self.peer_streams);
        if self.role == Role::Server || full || self.gone || self.goaway || self.over {
            return None;
        }
        let id = if self.last == 0 { 1 } else { self.last + 2 };
        if id > MAX_WINDOW {
            return None;
        }
        self.last = id;
        self.streams.open(Stream {
            id,
            send_window: self.initial_window as i32,
            recv_window: MAX_WINDOW,
            in_closed: false,
            out_closed: false,
            reset: false,
            ignored: false,
            wide: true,
            answered: false,
            untold: false,
        });
        Some(id)
    }

    /// An empty header block, to be filled and then sent by [`send_head`](Self::send_head) or
    /// [`send_trailers`](Self::send_trailers).
    #[inline]
    pub fn head(&mut self) -> &mut Block {
        self.block.clear();
        &mut self.block
    }

    /// Sends the block as a head: HEADERS, and CONTINUATION where the peer's frames are smaller.
    /// Nothing is sent on a stream that is closed for it.
    #[inline]
    pub fn send_head(&mut self, stream: u32, ends: bool) {
        let Some(found) = self
            .streams
            .find_mut(stream)
            .filter(|found| !found.out_closed)
        else {
            return;
        };
        found.out_closed = ends;
        let update = std::mem::take(&mut self.table_update);
        self.send_block(stream, ends, update);
    }

    /// Sends a head of fields in letters: [`head`](Self::head), [`Block::field`] and [`send_head`](Self::send_head) in one.
    pub fn send_fields<'a>(
        &mut self,
        stream: u32,
        fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        ends: bool,
    ) {
        let block = self.head();
        for (name, value) in fields {
            block.field(name, value);
        }
        self.send_head(stream, ends);
    }

    /// Sends the block as trailers, which end the stream.
    pub fn send_trailers(&mut self, stream: u32) {
        if let Some(found) = self
            .streams
            .find_mut(stream)
            .filter(|found| !found.out_closed)
        {
            found.out_closed = true;
            self.send_block(stream, true, false);
        }
    }

    /// Puts DATA frames with the slices' bytes into the output, as many as windows and `share`
    /// allow, and says how many bytes were taken. With `ends`, the last frame ends the stream if all
    /// were taken; with no bytes at all it is an empty frame. If a window stopped it,
    /// [`Event::Writable`](crate::Event::Writable) will come.
    pub fn send_data(&mut self, stream: u32, slices: &[&[u8]], share: Share, ends: bool) -> usize {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        let connection = self.send_window as usize;
        let Some(found) = self
            .streams
            .find_mut(stream)
            .filter(|found| !found.out_closed)
        else {
            return 0;
        };
        let window = (found.send_window.max(0) as usize).min(connection);
        let taken = total.min(share.most).min(window);
        if taken == 0 && (total > 0 || !ends) {
            return 0;
        }
        let ends = ends && taken == total;
        found.out_closed = ends;
        found.send_window -= taken as i32;
        self.send_window -= taken as u32;
        let size = share.chunk.min(self.frame_size as usize).max(1);
        let frames = taken.div_ceil(size).max(1);
        self.output.reserve(taken + frames * frame::HEAD);
        self.flood.useful(taken as u64);
        self.flood.carried((taken + frames * frame::HEAD) as u64);
        self.write_data(stream, slices, taken, size, ends);
        taken
    }

    /// Writes `rest` bytes in frames of `size`.
    fn write_data(
        &mut self,
        stream: u32,
        slices: &[&[u8]],
        mut rest: usize,
        size: usize,
        ends: bool,
    ) {
        let mut slices = slices.iter();
        let mut slice: &[u8] = &[];
        loop {
            let mut left = rest.min(size);
            rest -= left;
            let flags = if ends && rest == 0 {
                frame::END_STREAM
            } else {
                0
            };
            frame::write(&mut self.output, Kind::Data, flags, stream, left);
            while left > 0 {
                if slice.is_empty() {
                    slice = slices.next().copied().unwrap_or_default();
                }
                let (first, behind) = slice.split_at(left.min(slice.len()));
                self.output.extend_from_slice(first);
                left -= first.len();
                slice = behind;
            }
            if rest == 0 {
                return;
            }
        }
    }

    /// Sends GOAWAY, once. Open streams go on; later ones are skipped without a word.
    pub fn go_away(&mut self, code: ErrorCode) {
        if self.goaway || self.over {
            return;
        }
        self.goaway = true;
        // What a client tells is the last of the server's streams, of which there are none.
        let last = match self.role {
            Role::Server => self.last,
            Role::Client => 0,
        };
        let [a, b, c, d] = last.to_be_bytes();
        let [e, f, g, h] = code.0.to_be_bytes();
        self.control(Kind::GoAway, 0, 0, &[a, b, c, d, e, f, g, h]);
    }

    pub(super) fn rst_stream(&mut self, stream: u32, code: ErrorCode) {
        self.control(Kind::RstStream, 0, stream, &code.0.to_be_bytes());
    }

    /// A short frame that no window holds back (ngx_http_v2_get_frame).
    #[inline]
    pub(super) fn control(&mut self, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
        self.flood.control(self.output.is_empty());
        self.flood.carried((frame::HEAD + payload.len()) as u64);
        frame::write(&mut self.output, kind, flags, stream, payload.len());
        self.output.extend_from_slice(payload);
    }

    /// Sends the block, in frames that the peer takes (ngx_http_v2_create_headers_frame).
    #[inline]
    fn send_block(&mut self, stream: u32, ends: bool, update: bool) {
        let size = self.frame_size as usize;
        let length = self.block.bytes().len() + usize::from(update);
        let frames = length.div_ceil(size).max(1);
        self.flood.useful(length as u64);
        self.flood.carried((length + frames * frame::HEAD) as u64);
        self.output.reserve(length + frames * frame::HEAD);
        let mut kind = Kind::Headers;
        let mut flags = if ends { frame::END_STREAM } else { 0 };
        let mut update = update.then_some(TABLE_SIZE_ZERO);
        let mut rest = self.block.bytes();
        loop {
            let before = usize::from(update.is_some());
            let (first, behind) = rest.split_at(rest.len().min(size - before));
            if behind.is_empty() {
                flags |= frame::END_HEADERS;
            }
            frame::write(&mut self.output, kind, flags, stream, before + first.len());
            self.output.extend(update.take());
            self.output.extend_from_slice(first);
            if behind.is_empty() {
                return;
            }
            rest = behind;
            kind = Kind::Continuation;
            flags = 0;
        }
    }
}
