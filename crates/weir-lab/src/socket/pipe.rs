//! Connections inside the process, for a clock that is paused.
//!
//! A pipe knows no reset: an end that is dropped reads as FIN. And nothing tells an end that the
//! other is gone but reading or writing.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Listener, Socket};

/// Bytes that wait in a pipe, each way.
const ROOM: usize = 64 * 1024;

/// Time between two looks whether a silent peer is still there.
const LOOK: Duration = Duration::from_millis(100);

/// Connects to a [`Listener`] in this process.
#[derive(Clone, Debug)]
pub struct Connector(mpsc::UnboundedSender<DuplexStream>);

/// One end of a pipe.
#[derive(Debug)]
pub struct Pipe(Mutex<DuplexStream>);

/// A listening place in this process, and the way to it.
pub fn listen() -> (Connector, Listener) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let listener = Listener::Memory(tokio::sync::Mutex::new(receiver));
    (Connector(sender), listener)
}

impl Connector {
    /// A new connection.
    ///
    /// # Errors
    /// ECONNREFUSED when nobody listens any more.
    pub fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(ROOM);
        match self.0.send(theirs) {
            Ok(()) => Ok(ours),
            Err(_) => Err(refused()),
        }
    }
}

/// What a connect() says where nobody listens.
pub(crate) fn refused() -> io::Error {
    io::Error::from_raw_os_error(nix::libc::ECONNREFUSED)
}

/// What a connect() says whose outcome is open.
pub(crate) fn in_progress() -> io::Error {
    io::Error::from_raw_os_error(nix::libc::EINPROGRESS)
}

impl From<DuplexStream> for Socket {
    fn from(stream: DuplexStream) -> Self {
        Self::Memory(Pipe(Mutex::new(stream)))
    }
}

impl Pipe {
    /// The stream itself.
    pub(crate) fn into_inner(self) -> DuplexStream {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads once; 0 is the peer's end.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut *self.stream()).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(read.filled().len())),
                Poll::Ready(Err(fault)) => Poll::Ready(Err(fault)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Writes some of `bytes`.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| Pin::new(&mut *self.stream()).poll_write(cx, bytes)).await
    }

    /// Waits for the peer's end without reading.
    pub(super) async fn closed(&self) -> io::Result<()> {
        while !self.is_deserted() {
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// A write of nothing fails if nobody will read.
    fn is_deserted(&self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let asked = Pin::new(&mut *self.stream()).poll_write(&mut cx, &[]);
        matches!(asked, Poll::Ready(Err(_)))
    }

    /// Sends FIN.
    pub(super) fn finish(&self) -> io::Result<()> {
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(&mut *self.stream()).poll_shutdown(&mut cx) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn stream(&self) -> MutexGuard<'_, DuplexStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
