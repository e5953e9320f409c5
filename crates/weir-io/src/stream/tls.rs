//! TLS over a socket, by rustls's unbuffered interface: records are decrypted where they were received
//! and encrypted where they are sent from, and a connection that idles holds no buffer.

mod records;

use std::io::{self, IoSlice};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::EncryptError;

use self::records::{Flow, OVERHEAD, Seal, put, seal};
use super::Stream;
use crate::buffers;

/// Bytes of text that are encrypted for one write: four full records.
const AT_ONCE: usize = 64 * 1024;
/// Room that records are received into: one full record at least.
const RECORD: usize = 16 * 1024 + 5 + 256;
/// A stream whose bytes go through TLS.
pub struct TlsStream {
    pub(super) socket: Stream,
    side: Side,
    /// Received, and part of a record only.
    left: Vec<u8>,
    flow: Flow,
    /// Bytes of text that are in `unsent` and not reported as written.
    owed: usize,
    /// The number of the session in the server's hello.
    session: Box<[u8]>,
    /// The end has been told.
    ended: bool,
}

/// Which side of the handshake this one is.
enum Side {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// Why a handshake came to nothing.
#[derive(Debug)]
pub enum HandshakeEnd {
    /// The peer closed its connection.
    Closed,
    /// The socket failed.
    Socket(io::Error),
    /// TLS did; the peer has been told.
    Tls(rustls::Error),
}

impl TlsStream {
    /// A stream on which a handshake begins; `received` was read from the socket already.
    ///
    /// # Errors
    ///
    /// The configuration is of no use.
    pub fn new(
        socket: Stream,
        config: Arc<rustls::ServerConfig>,
        received: &[u8],
    ) -> Result<Self, (Stream, rustls::Error)> {
        match UnbufferedServerConnection::new(config) {
            Ok(conn) => Ok(Self::begun(socket, Side::Server(conn), received.to_vec())),
            Err(error) => Err((socket, error)),
        }
    }

    /// A stream on which a handshake with a server of this name begins.
    ///
    /// # Errors
    ///
    /// The configuration is of no use.
    pub(super) fn to_server(
        socket: Stream,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, (Stream, rustls::Error)> {
        match UnbufferedClientConnection::new(config, name) {
            Ok(conn) => Ok(Self::begun(socket, Side::Client(conn), Vec::new())),
            Err(error) => Err((socket, error)),
        }
    }

    fn begun(socket: Stream, side: Side, left: Vec<u8>) -> Self {
        Self {
            socket,
            side,
            left,
            flow: Flow::default(),
            owed: 0,
            session: Box::default(),
            ended: false,
        }
    }

    /// What the handshake has settled.
    pub fn facts(&self) -> &rustls::CommonState {
        match &self.side {
            Side::Server(conn) => conn,
            Side::Client(conn) => conn,
        }
    }

    /// The session's number, if the server's hello gave it one: TLS 1.2.
    pub fn session(&self) -> &[u8] {
        match self.facts().protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_2) => &self.session,
            Some(_) | None => &[],
        }
    }

    /// Whether what the client sends may be early data, which it may have sent before; it changes with the end of
    /// the handshake. `None`: none has come.
    pub fn early(&self) -> Option<&Arc<AtomicBool>> {
        self.flow.early.as_ref()
    }

    /// The handshake is over.
    fn is_established(&self) -> bool {
        self.flow.writable && !self.facts().is_handshaking()
    }

    /// Shakes hands, a flight for each write, until text may be read: where there is early data, before the end.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), HandshakeEnd>> {
        loop {
            let mut input = mem::take(&mut self.left);
            let processed = self.process(&mut input);
            self.keep(input);
            if let Err(error) = processed {
                // The client that cannot be told finds out anyway.
                let _ = self.poll_flush(cx);
                return Poll::Ready(Err(HandshakeEnd::Tls(error)));
            }
            if self.session.is_empty() {
                self.session = session_of(&self.flow.unsent).into();
            }
            // Tickets ride with an answer whose request has come already.
            let rides = self.is_established() && !self.flow.text.is_empty();
            if !rides {
                ready!(self.poll_flush(cx)).map_err(HandshakeEnd::Socket)?;
            }
            if self.is_established() || !self.flow.text.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.poll_receive(cx)) {
                Ok(0) => return Poll::Ready(Err(HandshakeEnd::Closed)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(HandshakeEnd::Socket(error))),
            }
        }
    }

    /// Receives more behind `left`, without a look into it.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        ready!(self.socket.poll_readable(cx));
        let mut input = self.room();
        let read = self.socket.poll_fill(cx, &mut input, RECORD);
        self.keep(input);
        read
    }

    /// A buffer to receive into, with what is left in front.
    fn room(&mut self) -> Vec<u8> {
        let left = mem::take(&mut self.left);
        let mut input = buffers::take_for(left.len() + RECORD);
        input.extend_from_slice(&left);
        input
    }

    /// Keeps what is left in `input`, in as much room as it takes.
    fn keep(&mut self, input: Vec<u8>) {
        if !input.is_empty() {
            self.left = input.as_slice().into();
        }
        buffers::give_back(input);
    }

    /// Goes through the records of `input`, and takes off its front what is done with.
    fn process(&mut self, input: &mut Vec<u8>) -> Result<(), rustls::Error> {
        let mut at = 0;
        let processed = loop {
            match self.step(&mut input[at..]) {
                Ok((discard, over)) => {
                    at += discard;
                    if over {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        input.drain(..at);
        if let Some(early) = &self.flow.early
            && self.is_established()
        {
            early.store(false, Ordering::Relaxed);
        }
        if processed.is_err() {
            self.flow.broken = true;
            // What the peer is to be told of it.
            while let Ok((_, false)) = self.step(&mut []) {}
        }
        processed
    }

    /// One step: how many bytes of `input` it has done with, and whether nothing more can be done.
    fn step(&mut self, input: &mut [u8]) -> Result<(usize, bool), rustls::Error> {
        match &mut self.side {
            Side::Server(conn) => self.flow.take_early(conn.process_tls_records(input)),
            Side::Client(conn) => self.flow.take(conn.process_tls_records(input)),
        }
    }

    /// As [`Stream::poll_fill`]: text.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(read) = self.take(buf, limit) {
                return Poll::Ready(read);
            }
            ready!(self.socket.poll_readable(cx));
            let mut input = self.room();
            match self.socket.poll_fill(cx, &mut input, RECORD) {
                Poll::Pending => {
                    self.keep(input);
                    return Poll::Pending;
                }
                Poll::Ready(received) => self.received(cx, input, received)?,
            }
        }
    }

    /// As [`Stream::read_arrived`]: text.
    pub(super) fn read_arrived(&mut self, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        loop {
            if let Some(read) = self.take(buf, limit) {
                return read;
            }
            let mut input = self.room();
            match self.socket.read_arrived(&mut input, RECORD) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.keep(input);
                    return Err(error);
                }
                received => {
                    let mut cx = Context::from_waker(Waker::noop());
                    self.received(&mut cx, input, received)?;
                }
            }
        }
    }

    /// Moves at most `limit` bytes of text behind `buf`; `None`: none is there yet.
    fn take(&mut self, buf: &mut Vec<u8>, limit: usize) -> Option<io::Result<usize>> {
        if !self.flow.text.is_empty() {
            let count = limit.min(self.flow.text.len());
            if buf.capacity() == 0 {
                *buf = buffers::take_for(limit);
            }
            buf.extend_from_slice(&self.flow.text[..count]);
            self.flow.text.drain(..count);
            if self.flow.text.is_empty() {
                buffers::give_back(mem::take(&mut self.flow.text));
            }
            return Some(Ok(count));
        }
        // What comes behind a failure is nobody's business.
        (self.flow.peer_closed || self.flow.broken).then_some(Ok(0))
    }

    /// Decrypts what has been received.
    fn received(
        &mut self,
        cx: &mut Context<'_>,
        mut input: Vec<u8>,
        received: io::Result<usize>,
    ) -> io::Result<()> {
        match received {
            Ok(1..) => {}
            // An end without a farewell is one for requests, whose lengths are known, and so is a reset
            // (`ngx_ssl_handle_recv`).
            Ok(0) | Err(_) => {
                self.keep(input);
                self.flow.peer_closed = true;
                self.flow.silent = true;
                return Ok(());
            }
        }
        let processed = self.process(&mut input);
        self.keep(input);
        if self.flow.text.is_empty() && !self.flow.unsent.is_empty() && self.owed == 0 {
            // What TLS itself has to say; it waits for the next write where the socket is full.
            let _ = self.poll_flush(cx);
        }
        processed.map_err(io::Error::other)
    }

    /// Ready when a read would bring something.
    pub(super) fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.flow.text.is_empty() && !self.flow.peer_closed && !self.flow.broken {
            true => self.socket.poll_readable(cx),
            false => Poll::Ready(()),
        }
    }

    /// Neither text nor the end has come. A session's ticket has nothing to do with requests, and is taken; a peer
    /// that sends one after the other is not quiet.
    pub(super) fn is_quiet(&mut self) -> bool {
        const READS: usize = 8;
        for _ in 0..READS {
            if !self.flow.text.is_empty() || self.flow.peer_closed || self.flow.broken {
                return false;
            }
            let mut input = self.room();
            match self.socket.read_arrived(&mut input, RECORD) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.keep(input);
                    return true;
                }
                received => {
                    let mut cx = Context::from_waker(Waker::noop());
                    if self.received(&mut cx, input, received).is_err() {
                        return false;
                    }
                }
            }
        }
        false
    }

    /// As [`Stream::poll_write`]. What is reported as written may still wait here, but for the last of it:
    /// who has been told that all is written may stop asking.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        if self.owed == 0 && total > 0 {
            self.owed = self.encrypt(slices)?;
        }
        let before = self.flow.unsent.len();
        let flushed = self.poll_flush(cx)?;
        let most = match flushed {
            Poll::Ready(()) => self.owed,
            // A byte of text is never shorter than what carries it.
            Poll::Pending => (before - self.flow.unsent.len()).min(self.owed.saturating_sub(1)),
        };
        let count = most.min(total);
        if count == 0 && flushed.is_pending() {
            return Poll::Pending;
        }
        self.owed -= count;
        Poll::Ready(Ok(count))
    }

    /// Encrypts some of `slices` behind what is to be sent; how much is the value.
    fn encrypt(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.ended || self.flow.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let first = slices.iter().find(|slice| !slice.is_empty());
        let first = first.map_or(&[][..], |slice| slice);
        let alone = slices.iter().filter(|slice| !slice.is_empty()).count() == 1;
        if alone || first.len() >= AT_ONCE {
            let text = &first[..first.len().min(AT_ONCE)];
            self.write_traffic(|traffic, out| seal(traffic, text, out))?;
            return Ok(text.len());
        }
        let mut text = buffers::take_for(AT_ONCE);
        for slice in slices {
            let room = AT_ONCE - text.len();
            text.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let count = text.len();
        let sealed = self.write_traffic(|traffic, out| seal(traffic, &text, out));
        buffers::give_back(text);
        sealed.map(|()| count)
    }

    /// Lets `write` put something behind what is to be sent, once TLS lets it.
    fn write_traffic(
        &mut self,
        write: impl FnOnce(&mut dyn Seal, &mut Vec<u8>) -> Result<(), EncryptError>,
    ) -> io::Result<()> {
        let mut left = mem::take(&mut self.left);
        // What TLS itself has to say, and what it has already received, comes first.
        self.process(&mut left).map_err(io::Error::other)?;
        if self.flow.unsent.capacity() == 0 {
            self.flow.unsent = buffers::take_for(AT_ONCE);
        }
        let out = &mut self.flow.unsent;
        let written = match &mut self.side {
            Side::Server(conn) => put(conn.process_tls_records(&mut left), out, write),
            Side::Client(conn) => put(conn.process_tls_records(&mut left), out, write),
        };
        self.left = left;
        written
    }

    /// Sends what waits to be sent.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sent = 0;
        let end = loop {
            if sent == self.flow.unsent.len() {
                break Poll::Ready(Ok(()));
            }
            let rest = [IoSlice::new(&self.flow.unsent[sent..])];
            match self.socket.poll_write(cx, &rest) {
                Poll::Ready(Ok(0)) => {
                    break Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => {
                    self.flow.silent = true;
                    self.flow.broken = true;
                    break Poll::Ready(Err(error));
                }
                Poll::Pending => break Poll::Pending,
            }
        };
        if sent == self.flow.unsent.len() {
            buffers::give_back(mem::take(&mut self.flow.unsent));
        } else {
            self.flow.unsent.drain(..sent);
        }
        end
    }

    /// Says that nothing more is sent, and sends FIN.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_farewell();
        ready!(self.poll_flush(cx))?;
        self.socket.poll_shutdown(cx)
    }

    /// Puts a close_notify behind what is to be sent, once.
    fn say_farewell(&mut self) {
        // Before the end of a handshake there is none (`ngx_ssl_shutdown`), but for who has been answered by then.
        let begun = self.is_established() || (self.flow.writable && self.flow.early.is_some());
        if !begun || self.flow.broken || mem::replace(&mut self.flow.silent, true) {
            return;
        }
        self.ended = true;
        // Who cannot be told finds out by FIN.
        let _told = self.write_traffic(|traffic, out| {
            let end = out.len();
            out.resize(end + 5 + OVERHEAD, 0);
            let count = traffic.say_end(&mut out[end..]);
            out.truncate(end + count.as_ref().map_or(0, |count| *count));
            count.map(drop)
        });
    }

    /// Nothing more is said to the peer, not even farewell.
    pub(super) fn fall_silent(&mut self) {
        self.flow.silent = true;
    }
}

impl Drop for TlsStream {
    /// The peer is told that this is the end, if that can be done at once (`ngx_ssl_shutdown`).
    fn drop(&mut self) {
        if self.flow.unsent.is_empty() {
            self.say_farewell();
            let mut cx = Context::from_waker(Waker::noop());
            let _ = self.poll_flush(&mut cx);
        }
    }
}

impl std::fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsStream")
            .field("socket", &self.socket)
            .field("established", &self.is_established())
            .finish_non_exhaustive()
    }
}

/// The number of the session in a flight that begins with a server's hello: behind the headers of record and
/// message, a version and 32 random bytes.
fn session_of(flight: &[u8]) -> &[u8] {
    const LENGTH_AT: usize = 5 + 4 + 2 + 32;
    const HANDSHAKE: u8 = 22;
    const SERVER_HELLO: u8 = 2;
    if flight.first() != Some(&HANDSHAKE) || flight.get(5) != Some(&SERVER_HELLO) {
        return &[];
    }
    let length = flight
        .get(LENGTH_AT)
        .map_or(0, |length| usize::from(*length));
    flight
        .get(LENGTH_AT + 1..LENGTH_AT + 1 + length)
        .unwrap_or(&[])
}
