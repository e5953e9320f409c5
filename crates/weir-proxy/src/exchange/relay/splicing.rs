//! Long bodies of a known length, moved from socket to socket inside the kernel: 10 MB so cost half
//! of what two copies of each byte cost. Short ones would pay for the set-up and gain nothing.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use weir_conf::Settings;

use super::{Event, Relay, UpstreamEnd};
use crate::exchange::body_decoder::BodyDecoder;
use crate::exchange::tries::Exchange;
use crate::facts::Session;
use weir_io::clock::{self, Moment};
use weir_io::pipe::Pipe;
use weir_io::stream::Stream;

/// Bytes that must be left to come for a pipe to pay.
const WORTHWHILE: u64 = 1024 * 1024;

/// Bytes at the end that are copied, so that what follows the body is noticed.
const TAIL: u64 = 64 * 1024;

/// How long a client that takes nothing may hold the upstream up before the body is gathered in
/// buffers and, as nginx does with it, in a temporary file.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whether the body passes through a pipe.
pub(super) enum Splice {
    Off,
    /// Everything that waits in memory goes out, so that the rest can be spliced.
    Flushing,
    On(Splicing),
    /// There was no pipe to be had: it goes on with copies.
    Unavailable,
}

/// A body that passes through a pipe.
pub(super) struct Splicing {
    pipe: Pipe,
    /// When patience with the client ends.
    patient_until: Option<Moment>,
}

impl Splice {
    pub(super) fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    pub(super) fn is_flushing(&self) -> bool {
        matches!(self, Self::Flushing)
    }

    /// Whether it was flushing; from now on it is not.
    pub(super) fn end_flush(&mut self) -> bool {
        let flushing = self.is_flushing();
        if flushing {
            *self = Self::Off;
        }
        flushing
    }

    /// When a client that takes nothing is no longer waited for.
    pub(super) fn patient_until(&self) -> Option<Moment> {
        match self {
            Self::On(splicing) => splicing.patient_until,
            Self::Off | Self::Flushing | Self::Unavailable => None,
        }
    }

    fn running(&mut self) -> Option<&mut Splicing> {
        match self {
            Self::On(splicing) => Some(splicing),
            Self::Off | Self::Flushing | Self::Unavailable => None,
        }
    }

    fn take(&mut self) -> Option<Splicing> {
        match std::mem::replace(self, Self::Off) {
            Self::On(splicing) => Some(splicing),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Relay {
    /// Begins to splice if the body is long enough and nothing of it waits anywhere; what waits in
    /// memory is to go out before more is read.
    pub(super) fn consider_splicing(&mut self, session: &Session) {
        self.splice.end_flush();
        if !matches!(self.splice, Splice::Off) || !self.can_splice(session) {
            return;
        }
        let waits = !self.spool.incoming.is_empty() || !session.req.response.pending.is_empty();
        self.splice = if waits {
            Splice::Flushing
        } else {
            Pipe::take().map_or(Splice::Unavailable, |pipe| {
                Splice::On(Splicing {
                    pipe,
                    patient_until: None,
                })
            })
        };
    }

    /// Whether what is left of the body is long, and nothing needs to see its bytes.
    fn can_splice(&self, session: &Session) -> bool {
        let BodyDecoder::Length(left) = self.decoder else {
            return false;
        };
        let long = left >= WORTHWHILE && self.upstream == UpstreamEnd::Open;
        if !long || self.writing || !self.passes_as_it_is() {
            return false;
        }
        let free = self.read_throttle.budget().is_none() && self.send_throttle.budget().is_none();
        let sockets = session.client.raw().is_some_and(Stream::is_socket)
            && self
                .held
                .as_ref()
                .is_some_and(|held| held.connection.is_socket());
        free && sockets && !self.spool.file_has_more()
    }

    /// Moves what can be moved; pending when one of the sockets has to be waited for.
    pub(super) fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        if let Poll::Ready(event) = self.poll_drain(cx, session, settings) {
            return Poll::Ready(event);
        }
        let (Some(splicing), BodyDecoder::Length(left)) = (self.splice.running(), &self.decoder)
        else {
            return Poll::Pending;
        };
        if splicing.pipe.held() > 0 {
            return Poll::Pending;
        }
        let Some(held) = &mut self.held else {
            return Poll::Pending;
        };
        let limit = usize::try_from(left.saturating_sub(TAIL)).unwrap_or(usize::MAX);
        if limit == 0 {
            if let Some(Splicing { pipe, .. }) = self.splice.take() {
                pipe.give_back();
            }
            return Poll::Pending;
        }
        let pipe = &mut splicing.pipe;
        match held
            .connection
            .poll_move_out(cx, |socket| pipe.fill(socket, limit))
        {
            Poll::Ready(read) => {
                self.read_deadline = None;
                self.upstream_turn(session);
                Poll::Ready(match read {
                    Ok(count @ 1..) => Event::Spliced(count),
                    end => Event::Read(end),
                })
            }
            Poll::Pending => {
                self.wait_for_upstream(session, settings);
                Poll::Pending
            }
        }
    }

    /// Hands what is in the pipe to the client.
    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        session: &mut Session,
        settings: &Settings,
    ) -> Poll<Event> {
        while let Some(splicing) = self.splice.running()
            && splicing.pipe.held() > 0
        {
            let pipe = &mut splicing.pipe;
            let Some(client) = session.client.raw_mut() else {
                break;
            };
            match client.poll_move_in(cx, |socket| pipe.drain(socket)) {
                Poll::Ready(Ok(count)) => {
                    session.req.state.sent += count as u64;
                    self.handed_on += count as u64;
                    splicing.patient_until = None;
                    self.send_deadline = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Event::WriteFailed(error)),
                Poll::Pending => {
                    if self.send_deadline.is_none() {
                        let now = clock::now();
                        self.send_deadline = Some(now + settings.send_timeout);
                        splicing.patient_until = self.buffering.then(|| now + PATIENCE);
                    }
                    break;
                }
            }
        }
        Poll::Pending
    }

    /// Books what has come into the pipe; [`TAIL`] bytes are still to come.
    pub(super) fn take_spliced(&mut self, exchange: &mut Exchange<'_>, count: usize) {
        let count = count as u64;
        exchange.current().bytes_received += count;
        self.received += count;
        self.decoded += count;
        exchange.current().response_length = self.received;
        if let BodyDecoder::Length(left) = &mut self.decoder {
            *left -= count;
        }
    }

    /// Goes on with copies: what is in the pipe becomes the first of what waits for the client.
    pub(super) fn stop_splicing(&mut self) -> io::Result<()> {
        let Some(mut splicing) = self.splice.take() else {
            return Ok(());
        };
        self.send_deadline = None;
        splicing.pipe.drain_into(&mut self.spool.incoming)?;
        splicing.pipe.give_back();
        Ok(())
    }
}
