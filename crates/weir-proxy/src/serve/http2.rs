//! HTTP/2 connections of clients: one task has the socket and the codec, each stream's request has a task of its own
//! (ngx_http_v2_read_handler, ngx_http_v2_write_handler, ngx_http_v2_handle_connection).

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use weir_conf::LingeringClose;
use weir_http2::{ErrorCode, Event, Fault, Limits};
use weir_io::buffers;
use weir_io::clock::{self, Moment};
use weir_log::Level;

use super::runner::serve_stream;
use super::worker::Worker;
use crate::client::linger::Patience;
use crate::facts::h1::Connection;
use crate::facts::h2::{Heard, Section, Stream, Unheard, Wire};
use crate::facts::{Action, Registration};
use crate::report::error_log::{self, Message};

/// Reads of one turn: a client that sends as fast as it is read must not keep the others waiting.
const READS_AT_ONCE: usize = 8;

/// Serves what a client sends by HTTP/2 until its connection ends.
pub(super) async fn serve(worker: &Rc<Worker>, conn: &mut Connection, registration: &Registration) {
    // Only the socket knows it, and streams have none.
    let _known_from_now_on = conn.link.local_address(Some(&conn.stream));
    conn.link.action = Action::Http2;
    let wire = Wire::new(weir_http2::Connection::server(limits(conn)));
    let mut task = Task {
        worker,
        registration,
        wire,
        opened: clock::now(),
        clock: Clock::First,
        ending: false,
        faulty: false,
        gone: false,
        silent: false,
        head_due: None,
        conn,
    };
    let end = poll_fn(|cx| task.poll(cx)).await;
    if let End::Over = end {
        // Idle connections keep no room for it.
        Box::pin(linger(conn, registration)).await;
    }
}

fn limits(conn: &Connection) -> Limits {
    let server = conn.link.default_server();
    let buffers = server.core.large_client_header_buffers;
    let most = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    Limits {
        concurrent_streams: server.core.http2_max_concurrent_streams,
        preread: most(server.core.http2_body_preread_size),
        field: most(buffers.size),
        fields: most(buffers.size.saturating_mul(buffers.count)),
        idle_wakes: server
            .default
            .settings
            .keepalive_requests
            .saturating_mul(10),
    }
}

/// How a connection ended.
enum End {
    /// The client is gone, or is to be left without a word.
    Broken,
    /// All was said: what the client still sends is read for a while.
    Over,
}

/// Which clock runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// `client_header_timeout`, since the connection was accepted.
    First,
    /// The same, for the rest of a head.
    Head,
    /// `keepalive_timeout`.
    Idle,
    /// `send_timeout`.
    Write,
    None,
}

struct Task<'a> {
    worker: &'a Rc<Worker>,
    conn: &'a mut Connection,
    registration: &'a Registration,
    wire: Rc<Wire>,
    /// When the stream was opened whose head is being read.
    opened: Moment,
    clock: Clock,
    /// GOAWAY has been said for good: nothing more is read.
    ending: bool,
    /// The client has broken the protocol: requests that came before that have their turn, then all ends.
    faulty: bool,
    /// Nobody is there any more.
    gone: bool,
    /// No request has come yet, and the connection may be closed to make room.
    silent: bool,
    /// When the head must be there that is being read.
    head_due: Option<Moment>,
}

impl Task<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        clock::count_poll();
        self.wire.note_task(cx);
        let shop = &self.conn.link.shop;
        if !self.gone && (shop.is_aborting() || self.conn.link.plan.is_expired()) {
            self.lose();
        }
        if std::mem::take(&mut self.faulty) {
            self.end();
        }
        if !self.gone && !self.ending && self.poll_receive(cx).is_ready() {
            // What was said before is still tried; the client may only have closed its side.
            let _ = self.poll_flush(cx);
            self.lose();
        }
        self.leave_if_asked();
        let written = self.wire.written();
        let flushed = match self.gone {
            true => Poll::Ready(Ok(())),
            false => self.poll_flush(cx),
        };
        if let Poll::Ready(Err(_)) = flushed {
            self.lose();
        }
        if self.wire.is_vacant() && self.gone {
            return Poll::Ready(End::Broken);
        }
        if flushed.is_ready() && self.is_over() {
            return Poll::Ready(End::Over);
        }
        self.run_clock(flushed.is_pending(), self.wire.written() > written);
        self.run_head_clock();
        ready!(self.conn.link.deadline.poll_expired(cx));
        self.expire(cx)
    }

    /// The client's connection is gone: it is held until the requests on it have ended.
    fn lose(&mut self) {
        self.gone = true;
        self.end();
    }

    fn is_over(&self) -> bool {
        let over = self.gone || self.ending || self.wire.codec.borrow().is_over();
        // A head that a fault cut off is booked first.
        over && self.wire.is_vacant() && !self.faulty
    }

    /// Reads what the client sends, and lets streams begin and go on; ready when it is gone.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for turn in 0..READS_AT_ONCE {
            let mut input = std::mem::take(&mut self.conn.input);
            if input.is_empty() {
                let read = self
                    .conn
                    .stream
                    .poll_fill(cx, &mut input, buffers::HEAD_BUFFER);
                match read {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(Ok(0)) => {
                        buffers::give_back(input);
                        self.tell_of_end();
                        return Poll::Ready(());
                    }
                    Poll::Ready(Err(error)) => {
                        buffers::give_back(input);
                        self.tell_of_failure(&error);
                        return Poll::Ready(());
                    }
                    Poll::Pending => {
                        buffers::give_back(input);
                        return Poll::Pending;
                    }
                }
            }
            let received = self.receive(&input, turn == 0);
            buffers::give_back(input);
            match received {
                Ok(Fed::No) => {}
                Ok(Fed::Yes) => break,
                Err(fault) => {
                    let text = fault.complaint.to_string();
                    self.tell(&text);
                    self.faulty = true;
                    break;
                }
            }
        }
        // Bodies are taken by their requests before more of them is read.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn receive(&mut self, input: &[u8], first: bool) -> Result<Fed, Fault> {
        if first {
            self.wire.codec.borrow_mut().begin_read()?;
        }
        let mut fed = Fed::No;
        let mut at = 0;
        loop {
            let event = self.wire.codec.borrow_mut().receive(input, &mut at)?;
            match event {
                Some(Event::Data {
                    stream,
                    bytes,
                    ends,
                }) => {
                    fed = Fed::Yes;
                    if let Some(seat) = self.wire.on(stream) {
                        seat.put(bytes, ends);
                    }
                }
                Some(event) => self.heed(event),
                None => return Ok(fed),
            }
        }
    }

    fn heed(&mut self, event: Event<'_>) {
        match event {
            Event::Opened { .. } => self.open(),
            Event::Head {
                stream,
                length,
                ends,
            } => {
                let section = Section {
                    fields: self.wire.take_fields(),
                    length,
                    ends,
                };
                // One whose time is over has its request.
                match self.wire.on(stream) {
                    None => self.begin(stream, Ok(section)),
                    Some(_) => Wire::give_back_fields(section.fields),
                }
            }
            Event::Reset {
                stream, complaint, ..
            } => {
                if let Some(seat) = self.wire.on(stream) {
                    seat.leave(Some(complaint));
                }
            }
            Event::Terminated {
                stream, complaint, ..
            } => {
                if let Some(complaint) = complaint {
                    self.tell(&complaint.to_string());
                }
                if let Some(seat) = self.wire.on(stream) {
                    seat.leave(None);
                }
            }
            Event::Refused { complaint, .. } | Event::Complaint(complaint) => {
                self.tell(&complaint.to_string());
            }
            Event::Writable {
                stream: Some(stream),
            } => {
                if let Some(seat) = self.wire.on(stream) {
                    seat.wake();
                }
            }
            Event::Writable { stream: None } => self.wire.wake_all(),
            // They are a server's words, or those of the body that `receive` has taken.
            Event::Trailers { .. } | Event::GoAway { .. } | Event::Data { .. } => {}
        }
    }

    /// A stream begins; whether it is the last (ngx_http_v2_state_headers).
    fn open(&mut self) {
        self.opened = clock::now();
        let requests = &mut self.conn.link.requests;
        *requests = requests.saturating_add(1);
        let settings = &self.conn.link.default_server().default.settings;
        let old =
            clock::now().saturating_duration_since(self.conn.link.opened) > settings.keepalive_time;
        let enough = u64::from(self.conn.link.requests) >= settings.keepalive_requests;
        if settings.keepalive_timeout.timeout.is_zero() || enough || old {
            self.wire.codec.borrow_mut().go_away(ErrorCode::NO_ERROR);
        }
        self.registration.set_idle(false);
    }

    /// Serves the request on a stream; one whose head did not come whole is booked with a status.
    fn begin(&self, number: u32, section: Result<Section, Unheard>) {
        let ended = section.as_ref().is_ok_and(|section| section.ends);
        let timed_out = matches!(section, Err(Unheard { status: 408, .. }));
        let mut link = self.conn.link.beside();
        link.deadline = self.wire.take_clock();
        let stream = Stream {
            link,
            input: Vec::new(),
            wire: self.wire.clone(),
            seat: self.wire.seat(number, ended),
            heard: Some(Heard {
                opened: self.opened,
                section,
            }),
            left: None,
            closed: false,
            timed_out,
            framing: 0,
            chunk: 0,
        };
        serve_stream(self.worker, Box::new(stream));
    }

    /// Writes what waits; ready when nothing does.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut codec = self.wire.codec.borrow_mut();
            let output = codec.output();
            if output.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let written = ready!(self.conn.stream.poll_write(cx, &[IoSlice::new(output)]))?;
            match written == output.len() {
                true => output.clear(),
                false => drop(output.drain(..written)),
            }
            drop(codec);
            self.wire.note_written(written);
            if self.conn.link.default_server().default.settings.tcp_nodelay {
                self.conn.set_nodelay();
            }
        }
    }

    /// Says goodbye where the worker goes out of service, makes room, or has a newer configuration.
    fn leave_if_asked(&mut self) {
        let shop = &self.conn.link.shop;
        if self.gone {
            return;
        }
        let leaving = shop.is_draining() || self.conn.link.is_behind();
        let vacant = self.wire.is_vacant() && self.wire.codec.borrow().streams() == 0;
        if self.ending || !(leaving || vacant && self.registration.is_evicted()) {
            return;
        }
        self.wire.codec.borrow_mut().go_away(ErrorCode::NO_ERROR);
        if vacant {
            self.end();
        }
    }

    /// Nothing more is read, and no stream goes on.
    fn end(&mut self) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        self.begin_unheard(0);
        self.wire.leave_all();
    }

    /// Books the head that is being read with `status`: no more of it is waited for.
    fn begin_unheard(&self, status: u16) {
        let codec = self.wire.codec.borrow();
        let (number, length) = (codec.reading_head(), codec.head_length());
        drop(codec);
        // Once: its request may not have had its turn yet.
        if let Some(number) = number.filter(|number| self.wire.on(*number).is_none()) {
            self.begin(number, Err(Unheard { status, length }));
        }
    }

    /// Sets the clock for what is waited for.
    fn run_clock(&mut self, writes: bool, progress: bool) {
        let reading = self.wire.codec.borrow().reading_head();
        // Nobody waits for the rest of a head that has been booked.
        let reads_head = reading.is_some_and(|number| self.wire.on(number).is_none());
        let vacant = self.wire.is_vacant() && !reads_head;
        let server = self.conn.link.default_server();
        let settings = &server.default.settings;
        let (clock, time) = if writes {
            (Clock::Write, settings.send_timeout)
        } else if reads_head {
            (Clock::Head, server.core.client_header_timeout)
        } else if !vacant || self.ending {
            (Clock::None, settings.send_timeout)
        } else if self.conn.link.requests == 0 {
            // It runs since the connection was accepted.
            if !std::mem::replace(&mut self.silent, true) {
                self.registration.set_idle(true);
            }
            return;
        } else {
            (Clock::Idle, settings.keepalive_timeout.timeout)
        };
        self.head_due = match (reads_head, self.head_due) {
            (false, _) => None,
            (true, None) => Some(clock::now() + server.core.client_header_timeout),
            (true, due) => due,
        };
        if clock == self.clock && !(writes && progress) {
            return;
        }
        if clock == Clock::Idle {
            self.registration.set_idle(true);
            self.wire.shrink();
        }
        self.clock = clock;
        match clock {
            Clock::None => self.conn.link.deadline.clear(),
            Clock::First | Clock::Head | Clock::Idle | Clock::Write => {
                self.conn.link.deadline.set(time);
            }
        }
    }

    /// A head has its time whatever else is waited for.
    fn run_head_clock(&mut self) {
        let deadline = &mut self.conn.link.deadline;
        if let Some(due) = self.head_due
            && deadline.at().is_none_or(|at| at > due)
        {
            deadline.set_at(due);
        }
    }

    /// The time is over that `clock` measured.
    fn expire(&mut self, cx: &Context<'_>) -> Poll<End> {
        self.conn.link.deadline.clear();
        let is_heads = self.head_due.is_some_and(|due| due <= clock::now());
        match self.clock {
            // The write's clock is set again.
            Clock::Write | Clock::None if is_heads => {
                self.clock = Clock::None;
                self.begin_unheard(408);
            }
            Clock::Write => self.lose(),
            Clock::Head => self.begin_unheard(408),
            Clock::First | Clock::Idle | Clock::None => {
                let incomplete = self.wire.codec.borrow().is_incomplete();
                let code = match incomplete {
                    true => ErrorCode::PROTOCOL_ERROR,
                    false => ErrorCode::NO_ERROR,
                };
                if incomplete {
                    let message = Message::errno("client timed out", libc::ETIMEDOUT);
                    error_log::log_idle(&self.conn.link, Level::Info, message);
                }
                self.wire.codec.borrow_mut().go_away(code);
                self.end();
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn tell(&self, text: &str) {
        error_log::log_idle(&self.conn.link, Level::Info, Message::text(text));
    }

    fn tell_of_end(&self) {
        let codec = self.wire.codec.borrow();
        if codec.is_incomplete() || codec.streams() > 0 {
            self.tell("client prematurely closed connection");
        }
    }

    fn tell_of_failure(&self, error: &io::Error) {
        match error_log::tls_failure(error) {
            Some(text) => self.tell(&text),
            None => {
                let message = Message::call("recv() failed", error);
                error_log::log_idle(&self.conn.link, message.level_of_connection(), message);
            }
        }
    }
}

/// Whether bodies were fed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fed {
    Yes,
    No,
}

/// Reads and drops what the client still sends, so that it can read what was said last
/// (ngx_http_v2_lingering_close).
async fn linger(conn: &mut Connection, registration: &Registration) {
    if registration.is_evicted() {
        return;
    }
    registration.set_idle(true);
    let settings = conn.link.default_server().default.settings.clone();
    if settings.lingering_close == LingeringClose::Off {
        return;
    }
    // Who is gone already needs no end.
    let _ = poll_fn(|cx| conn.stream.poll_shutdown(cx)).await;
    let patience = Patience::begin(&settings);
    patience
        .wait_for_end(conn, || registration.is_evicted())
        .await;
}
