//! The connection: its state, and where each part of its behaviour is.

mod control;
mod data;
mod flood;
mod flow;
mod frame;
mod headers;
mod receive;
mod send;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

use crate::complaint::Complaint;
use crate::fault::{ErrorCode, Fault};
use crate::fields::Fields;
use crate::hpack::decode::Decoder;
use crate::hpack::encode::Block;
use crate::limits::Limits;
use flood::Flood;
use flow::{DEFAULT_WINDOW, MAX_WINDOW};
use frame::{Head, Kind};
use receive::{Held, Stage};
use stream::Streams;

/// What every client says first.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The dynamic table that a server offers.
const TABLE: u16 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

/// A connection without its socket. [`receive`](Self::receive) turns bytes into events; whatever is
/// to be sent, by one's own doing or in reply, gathers in [`output`](Self::output).
#[derive(Debug)]
pub struct Connection {
    role: Role,
    limits: Limits,
    output: Vec<u8>,
    streams: Streams,
    flood: Flood,

    // Receiving.
    stage: Stage,
    held: Held,
    /// The current frame; its length shrinks while payload is used.
    frame: Head,
    padding: u8,
    decoder: Decoder,
    fields: Fields,
    /// The block's stream, 0 if its fields are not wanted.
    head_stream: u32,
    head_length: usize,
    recv_window: u32,
    /// A change of SETTINGS_INITIAL_WINDOW_SIZE in the current SETTINGS frame.
    window_delta: i64,
    /// Streams were reset of which nobody was told yet.
    untold: bool,
    /// The fault to come at the next call.
    doomed: Option<Fault>,

    // Sending.
    block: Block,
    send_window: u32,
    /// The peer's SETTINGS_INITIAL_WINDOW_SIZE and SETTINGS_MAX_FRAME_SIZE.
    initial_window: u32,
    frame_size: u32,
    /// Streams that the peer allows (clients).
    peer_streams: u32,
    /// The peer set a table size: the next block begins by setting ours to none.
    table_update: bool,

    /// The highest stream so far.
    last: u32,
    /// The peer acknowledged the settings.
    acknowledged: bool,
    /// GOAWAY was sent.
    goaway: bool,
    /// GOAWAY was received.
    gone: bool,
    /// `begin_read` was called once.
    begun: bool,
    /// A fault ended it.
    over: bool,
}

impl Connection {
    /// A server's side. SETTINGS and a WINDOW_UPDATE for the connection stand in the output
    /// (ngx_http_v2_init). The client's preface is still expected: behind a reader that has seen it
    /// (ngx_http_wait_request_handler), hand over its bytes, too.
    #[must_use]
    pub fn server(limits: Limits) -> Self {
        let mut connection = Self::new(Role::Server, limits, TABLE);
        let settings = [
            (settings::MAX_CONCURRENT_STREAMS, limits.concurrent_streams),
            (settings::INITIAL_WINDOW_SIZE, limits.preread),
            (settings::MAX_FRAME_SIZE, frame::LARGEST),
        ];
        connection.begin(settings);
        connection
    }

    /// A client's side, as nginx's gRPC module begins one: the preface, SETTINGS without a dynamic
    /// table, without pushes and with the largest windows, and a WINDOW_UPDATE stand in the output.
    /// Of the limits, those on fields hold.
    #[must_use]
    pub fn client(limits: Limits) -> Self {
        let mut connection = Self::new(Role::Client, limits, 0);
        connection.output.extend_from_slice(PREFACE);
        let settings = [
            (settings::HEADER_TABLE_SIZE, 0),
            (settings::ENABLE_PUSH, 0),
            (settings::INITIAL_WINDOW_SIZE, MAX_WINDOW),
        ];
        connection.begin(settings);
        connection
    }

    fn new(role: Role, limits: Limits, table: u16) -> Self {
        Self {
            role,
            limits,
            output: Vec::new(),
            streams: Streams::default(),
            flood: Flood::new(u64::from(limits.concurrent_streams.max(100))),
            stage: match role {
                Role::Server => Stage::PrefaceStart,
                Role::Client => Stage::FrameHead,
            },
            held: Held::default(),
            frame: Head::default(),
            padding: 0,
            decoder: Decoder::new(table),
            fields: Fields::default(),
            head_stream: 0,
            head_length: 0,
            recv_window: MAX_WINDOW,
            window_delta: 0,
            untold: false,
            doomed: None,
            block: Block::default(),
            send_window: DEFAULT_WINDOW,
            initial_window: DEFAULT_WINDOW,
            frame_size: frame::DEFAULT_SIZE,
            peer_streams: u32::MAX,
            table_update: false,
            last: 0,
            acknowledged: false,
            goaway: false,
            gone: false,
            begun: false,
            over: false,
        }
    }

    fn begin(&mut self, settings: [(u16, u32); 3]) {
        frame::write(&mut self.output, Kind::Settings, 0, 0, 6 * settings.len());
        for (id, value) in settings {
            self.output.extend_from_slice(&id.to_be_bytes());
            self.output.extend_from_slice(&value.to_be_bytes());
        }
        let wider = MAX_WINDOW - DEFAULT_WINDOW;
        self.control(Kind::WindowUpdate, 0, 0, &wider.to_be_bytes());
    }

    /// To be called when the socket became readable, before the bytes of that wake are handed over:
    /// streams that one wake opens are counted (ngx_http_v2_read_handler), and wakes of an idle
    /// connection (ngx_http_v2_idle_handler).
    ///
    /// # Errors
    ///
    /// The client woke an idle connection too often.
    pub fn begin_read(&mut self) -> Result<(), Fault> {
        self.flood.at_once = 0;
        let idle = self.begun && self.streams.is_empty() && self.output.is_empty();
        self.begun = true;
        if idle && !self.is_incomplete() {
            if self.flood.idle > self.limits.idle_wakes {
                return Err(self.fail(ErrorCode::NO_ERROR, Complaint::Flood));
            }
            self.flood.idle += 1;
        }
        Ok(())
    }

    /// The fields of the head that was told of last. They may be taken out then
    /// (`std::mem::swap`) for others, so that nothing is copied. While a head is being read, those that
    /// have come so far may be looked at.
    #[inline]
    pub fn fields(&mut self) -> &mut Fields {
        &mut self.fields
    }

    /// The stream whose header block is being received: nginx runs client_header_timeout while one is.
    #[inline]
    #[must_use]
    pub fn reading_head(&self) -> Option<u32> {
        (self.head_stream != 0).then_some(self.head_stream)
    }

    /// Octets of that block, in the frames that have begun.
    #[inline]
    #[must_use]
    pub fn head_length(&self) -> usize {
        self.head_length
    }

    /// The bytes received so far end inside a frame. A client that closes then, or while there are
    /// streams, is said to have "prematurely closed connection".
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        let between = match self.stage {
            Stage::PrefaceStart | Stage::FrameHead => true,
            Stage::PrefaceEnd
            | Stage::DataPadding
            | Stage::Data
            | Stage::Headers
            | Stage::Block
            | Stage::BlockPadding
            | Stage::BlockHead
            | Stage::Priority
            | Stage::RstStream
            | Stage::Setting
            | Stage::Ping
            | Stage::GoAway
            | Stage::WindowUpdate
            | Stage::Skip => false,
        };
        !between || !self.held.is_empty()
    }

    /// Bytes to be written. Leave what the socket does not take yet: what waits here is what the
    /// count of unread acknowledgements goes by.
    #[inline]
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Nothing is left to do but to write the output and to close: after a fault, or when the last
    /// stream behind a GOAWAY is closed.
    #[inline]
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over || ((self.goaway || self.gone) && self.streams.is_empty())
    }

    /// Streams that are open: nginx's `processing`.
    #[inline]
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Gives spare buffers back: to be called before waiting without a stream.
    pub fn shrink(&mut self) {
        self.streams.shrink();
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        let in_block = matches!(
            self.stage,
            Stage::Block | Stage::BlockPadding | Stage::BlockHead
        );
        if !in_block || self.over {
            self.fields = Fields::default();
            self.block = Block::default();
        }
    }

    /// Ends the connection (ngx_http_v2_finalize_connection). A client that does not read what it
    /// is sent is not sent more.
    #[cold]
    fn fail(&mut self, code: ErrorCode, complaint: Complaint) -> Fault {
        if !self.flood.is_stuffed() {
            self.go_away(code);
        }
        self.over = true;
        Fault { code, complaint }
    }

    /// Octets that the connection keeps, beside the output.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + self.streams.allocated()
            + self.decoder.allocated()
            + self.fields.allocated()
            + self.block.capacity()
    }
}
