//! One byte stream, whatever carries it.

mod tls;

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use rustix::net::{self, RecvFlags, SendAncillaryBuffer, SendFlags};
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use crate::buffers;

pub use tls::{HandshakeEnd, TlsStream};

/// A connected stream to a client or an upstream.
#[derive(Debug)]
pub enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A unix-domain connection.
    Unix(UnixStream),
    /// An in-process pipe: tests on a paused clock, and the embedded service.
    Memory(DuplexStream),
    /// One of these, through TLS. Boxed: an idle connection without TLS does not pay for it.
    Tls(Box<TlsStream>),
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

impl Stream {
    /// A connection that was accepted this moment: its first read waits for the reactor's word.
    ///
    /// tokio takes such a connection for readable, but most clients send a moment later; and where one
    /// has sent, the reactor says so anyway, and would wake the task for what it has read already. Not
    /// for a socket for which the reactor has had a turn: what that said would be forgotten.
    pub fn accepted(socket: impl Into<Self>) -> Self {
        let stream = socket.into();
        let no_byte = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        let _forgotten = stream.try_io(Interest::READABLE, no_byte);
        stream
    }

    /// Appends what has arrived to `buf`, at most `limit` bytes; `Ready(Ok(0))` is the peer's FIN.
    ///
    /// A read shorter than its room clears the readiness, so no second system call finds out that
    /// nothing is left.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        debug_assert!(limit > 0, "a read without room would look like FIN");
        if let Self::Tls(tls) = self {
            return tls.poll_fill(cx, buf, limit);
        }
        let mut read = ReadBuf::uninit(room_in(buf, limit));
        let result = match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut read),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, &mut read),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, &mut read),
            Self::Tls(_) => Poll::Ready(Err(io::ErrorKind::Unsupported.into())),
        };
        let count = read.filled().len();
        match result {
            Poll::Ready(Ok(())) => {
                // SAFETY: `ReadBuf` vouches that `count` bytes of the spare room are initialised.
                #[expect(
                    unsafe_code,
                    reason = "Vec has no safe way to adopt bytes read into its spare room"
                )]
                unsafe {
                    buf.advance_mut(count);
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// As [`Self::poll_read`], but `buf` gets its room only once there is something to read: of
    /// requests that wait, none holds a buffer, and all of them read through the same warm ones.
    pub fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        if let Self::Tls(tls) = self {
            return tls.poll_fill(cx, buf, limit);
        }
        if self.poll_readable(cx).is_pending() {
            return Poll::Pending;
        }
        if buf.capacity() == 0 {
            *buf = buffers::take_for(limit);
        }
        let Some(socket) = self.socket() else {
            return self.poll_fill_from_pipe(cx, buf, limit);
        };
        let read = receive(socket, buf, limit, |receive| {
            self.try_io(Interest::READABLE, receive)
        });
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                // The readiness was stale, and is cleared now; the reactor must know whom to wake.
                if buf.is_empty() {
                    buffers::give_back(std::mem::take(buf));
                }
                match self.poll_readable(cx) {
                    Poll::Ready(()) => self.poll_fill(cx, buf, limit),
                    Poll::Pending => Poll::Pending,
                }
            }
            read => Poll::Ready(read),
        }
    }

    /// As [`Self::poll_fill`], of what has arrived by now; `WouldBlock` where nothing has. Nobody is
    /// woken for what comes later.
    pub fn read_arrived(&mut self, buf: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        if let Self::Tls(tls) = self {
            return tls.read_arrived(buf, limit);
        }
        if self.always_readable() {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            return match self.poll_fill_from_pipe(&mut cx, buf, limit) {
                Poll::Ready(read) => read,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let Some(socket) = self.socket() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        receive(socket, buf, limit, |receive| {
            self.try_io(Interest::READABLE, receive)
        })
    }

    fn poll_fill_from_pipe(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let read = self.poll_read(cx, buf, limit);
        if read.is_pending() && buf.is_empty() {
            buffers::give_back(std::mem::take(buf));
        }
        read
    }

    /// Ready when a read may bring something, without holding a buffer for it.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // An error is met again by the read.
            Self::Tcp(stream) => stream.poll_read_ready(cx).map(|_| ()),
            Self::Unix(stream) => stream.poll_read_ready(cx).map(|_| ()),
            Self::Memory(_) => Poll::Ready(()),
            Self::Tls(tls) => tls.poll_readable(cx),
        }
    }

    /// Whether bytes may move in the kernel: it is a socket of the system's, and what is written is what
    /// goes over the wire.
    pub fn is_socket(&self) -> bool {
        self.socket().is_some()
    }

    /// Lets `take` move bytes out of the socket once they are there.
    pub fn poll_move_out(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_readable(cx));
            let Some(socket) = self.socket() else {
                return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
            };
            match self.try_io(Interest::READABLE, || take(socket)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                taken => return Poll::Ready(taken),
            }
        }
    }

    /// Lets `give` move bytes into the socket once it has room.
    pub fn poll_move_in(
        &self,
        cx: &mut Context<'_>,
        mut give: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_give(cx, |socket| {
            self.try_io(Interest::WRITABLE, || give(socket))
        })
    }

    /// Calls `give` until it finds room or the reactor is to say when there is some.
    fn poll_give(
        &self,
        cx: &mut Context<'_>,
        mut give: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self {
                Self::Tcp(stream) => ready!(stream.poll_write_ready(cx))?,
                Self::Unix(stream) => ready!(stream.poll_write_ready(cx))?,
                Self::Memory(_) | Self::Tls(_) => {}
            }
            let Some(socket) = self.socket() else {
                return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
            };
            match give(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                given => return Poll::Ready(given),
            }
        }
    }

    /// A system call on the socket while the reactor takes it for ready. That it would block clears
    /// what the reactor said.
    fn try_io<T>(&self, interest: Interest, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Tcp(stream) => stream.try_io(interest, call),
            Self::Unix(stream) => stream.try_io(interest, call),
            Self::Memory(_) | Self::Tls(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The system's socket; pipes have none, and TLS does not lend its own.
    fn socket(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(stream) => Some(stream.as_fd()),
            Self::Unix(stream) => Some(stream.as_fd()),
            Self::Memory(_) | Self::Tls(_) => None,
        }
    }

    /// What carries the bytes in the end.
    fn carrier(&self) -> &Self {
        match self {
            Self::Tls(tls) => &tls.socket,
            plain => plain,
        }
    }

    /// TLS, if the bytes go through it.
    pub fn tls(&self) -> Option<&TlsStream> {
        match self {
            Self::Tls(tls) => Some(tls),
            Self::Tcp(_) | Self::Unix(_) | Self::Memory(_) => None,
        }
    }

    /// As [`Self::tls`].
    pub fn tls_mut(&mut self) -> Option<&mut TlsStream> {
        match self {
            Self::Tls(tls) => Some(tls),
            Self::Tcp(_) | Self::Unix(_) | Self::Memory(_) => None,
        }
    }

    /// Lets a handshake with a client begin as `config` says; `received` was read already.
    ///
    /// # Errors
    ///
    /// rustls has no use for the configuration.
    pub fn begin_tls(
        &mut self,
        config: Arc<rustls::ServerConfig>,
        received: &[u8],
    ) -> Result<(), rustls::Error> {
        self.wrap(|socket| TlsStream::new(socket, config, received))
    }

    /// Lets a handshake with a server begin as `config` says.
    ///
    /// # Errors
    ///
    /// rustls has no use for the configuration.
    pub fn begin_tls_to(
        &mut self,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<(), rustls::Error> {
        self.wrap(|socket| TlsStream::to_server(socket, config, name))
    }

    fn wrap(
        &mut self,
        begin: impl FnOnce(Self) -> Result<TlsStream, (Self, rustls::Error)>,
    ) -> Result<(), rustls::Error> {
        let (nowhere, _) = tokio::io::duplex(1);
        let socket = std::mem::replace(self, Self::Memory(nowhere));
        match begin(socket) {
            Ok(tls) => {
                *self = Self::Tls(Box::new(tls));
                Ok(())
            }
            Err((socket, error)) => {
                *self = socket;
                Err(error)
            }
        }
    }

    /// Ready when a handshake that was begun has ended, and how.
    pub fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let error = match self {
            Self::Tcp(stream) => {
                ready!(stream.poll_write_ready(cx))?;
                stream.take_error()
            }
            Self::Unix(stream) => {
                ready!(stream.poll_write_ready(cx))?;
                stream.take_error()
            }
            // Such a dial either stands at once or is never answered.
            Self::Memory(_) | Self::Tls(_) => return Poll::Pending,
        };
        Poll::Ready(match error {
            Ok(Some(error)) | Err(error) => Err(error),
            Ok(None) => Ok(()),
        })
    }

    /// Pipes have no readiness apart from reading.
    pub fn always_readable(&self) -> bool {
        matches!(self.carrier(), Self::Memory(_))
    }

    /// Writes some of `slices`; how much is the value.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Self::Tls(tls) = self {
            return tls.poll_write(cx, slices);
        }
        if let Self::Memory(stream) = self {
            let Some(first) = slices.iter().find(|slice| !slice.is_empty()) else {
                return Poll::Ready(Ok(0));
            };
            return Pin::new(stream).poll_write(cx, first);
        }
        let stream = &*self;
        stream.poll_give(cx, |socket| {
            send(socket, slices, |send| {
                stream.try_io(Interest::WRITABLE, send)
            })
        })
    }

    /// Sends FIN (after what the kernel still holds).
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(tls) => tls.poll_shutdown(cx),
        }
    }

    /// Whether an idle upstream connection may be used again: nothing may have arrived on it, not
    /// even FIN. Asks the reactor; a system call is made only when the reactor reported something.
    pub fn is_quiet(&mut self) -> bool {
        if let Self::Tls(tls) = self {
            return tls.is_quiet();
        }
        if let Self::Memory(stream) = self {
            let mut byte = [0];
            let mut read = ReadBuf::new(&mut byte);
            let mut cx = Context::from_waker(std::task::Waker::noop());
            return Pin::new(stream).poll_read(&mut cx, &mut read).is_pending();
        }
        self.socket()
            .is_some_and(|socket| quiet(socket, |peek| self.try_io(Interest::READABLE, peek)))
    }

    /// Whether bytes lie in the socket that nobody has read.
    pub fn has_arrived(&self) -> bool {
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        self.socket().is_some_and(|socket| {
            net::recv(socket, &mut [0; 1], peek).is_ok_and(|(_, count)| count > 0)
        })
    }

    /// As [`Self::is_quiet`], and the reactor wakes `cx` when that changes.
    pub fn poll_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        loop {
            if self.always_readable() || self.poll_readable(cx).is_pending() {
                return self.is_quiet();
            }
            if !self.is_quiet() {
                return false;
            }
        }
    }

    /// Nothing more is said to the peer, not even that this is the end: it has been waited for in vain.
    pub fn end_silently(&mut self) {
        if let Self::Tls(tls) = self {
            tls.fall_silent();
        }
    }

    /// Lets the last close send RST instead of FIN (`reset_timedout_connection`).
    pub fn reset_on_close(&mut self) {
        self.end_silently();
        if let Self::Tcp(stream) = self.carrier() {
            // A peer that is gone already cannot be reset; nothing is lost.
            let _ = SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
        }
    }

    /// Sets TCP_NODELAY, where there is TCP.
    pub fn set_nodelay(&self) {
        if let Self::Tcp(stream) = self.carrier() {
            // Only latency depends on it.
            let _ = stream.set_nodelay(true);
        }
    }

    /// Lets the kernel send ACKs as it does on a new connection, the one that is due at once.
    pub fn acknowledge_at_once(&self) {
        if let Self::Tcp(stream) = self.carrier() {
            // Only latency depends on it.
            let _ = SockRef::from(stream).set_tcp_quickack(true);
        }
    }

    /// The address at this end of a TCP connection.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match self.carrier() {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Unix(_) | Self::Memory(_) | Self::Tls(_) => None,
        }
    }

    /// What the kernel knows of a TCP connection.
    pub fn tcp_info(&self) -> Option<libc::tcp_info> {
        let Self::Tcp(stream) = self.carrier() else {
            return None;
        };
        // SAFETY: all-zero is a valid `tcp_info`, and its size is passed along.
        #[expect(unsafe_code, reason = "neither tokio nor socket2 offers TCP_INFO")]
        unsafe {
            let mut info: libc::tcp_info = std::mem::zeroed();
            let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
            let result = libc::getsockopt(
                stream.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                (&raw mut info).cast(),
                &raw mut length,
            );
            (result == 0).then_some(info)
        }
    }
}

/// A system call inside tokio's `try_io`, which clears the readiness if that says it would block.
type TryIo<'a> = dyn FnMut() -> io::Result<()> + 'a;

/// Room that is read into before a buffer grows, in bytes: to grow, all of it is copied, whose pages
/// nobody had touched.
const ENOUGH: usize = 4096;

/// Room behind `buf` for a read of at most `limit` bytes.
fn room_in(buf: &mut Vec<u8>, limit: usize) -> &mut [MaybeUninit<u8>] {
    let spare = buf.capacity() - buf.len();
    if buf.is_empty() || spare < ENOUGH.min(limit) {
        buf.reserve(limit);
    }
    let room = buf.spare_capacity_mut();
    let limit = limit.min(room.len());
    &mut room[..limit]
}

/// Receives at most `limit` bytes behind `buf` once.
///
/// A receive that leaves room has emptied the socket, and says so to `try_io` by claiming that it
/// would block: no second system call finds nothing. tokio 1.54.1 then forgets the readiness, and no
/// more (`Registration::try_io`); with another version look there again.
fn receive(
    socket: BorrowedFd<'_>,
    buf: &mut Vec<u8>,
    limit: usize,
    try_io: impl FnOnce(&mut TryIo<'_>) -> io::Result<()>,
) -> io::Result<usize> {
    let room = room_in(buf, limit);
    let limit = room.len();
    let mut received = None;
    let tried = try_io(&mut || {
        let (_, count) = net::recv(socket, &mut *room, RecvFlags::empty())?;
        received = Some(count);
        // FIN stays readable, so that whoever asks again meets it again.
        if count > 0 && count < limit {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    let Some(count) = received else {
        return tried.map(|()| 0);
    };
    // SAFETY: the kernel has written `count` bytes into the spare room.
    #[expect(
        unsafe_code,
        reason = "Vec has no safe way to adopt bytes read into its spare room"
    )]
    unsafe {
        buf.advance_mut(count);
    }
    Ok(count)
}

/// Sends some of `slices` once; how much is the value.
///
/// A socket that did not take all is full, and says so as [`receive`] does.
fn send(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    try_io: impl FnOnce(&mut TryIo<'_>) -> io::Result<()>,
) -> io::Result<usize> {
    let length = slices.iter().map(|slice| slice.len()).sum();
    let mut sent = None;
    let tried = try_io(&mut || {
        // A gathered write of one piece costs the kernel more than a plain one.
        let count = match slices {
            [single] => net::send(socket, single, SendFlags::NOSIGNAL)?,
            _ => {
                let mut nothing = SendAncillaryBuffer::default();
                net::sendmsg(socket, slices, &mut nothing, SendFlags::NOSIGNAL)?
            }
        };
        sent = Some(count);
        if count < length {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    sent.map_or_else(|| tried.map(|()| 0), Ok)
}

/// The reactor may report readiness that a full-length read left behind, so a peek has the last word.
fn quiet(socket: BorrowedFd<'_>, try_io: impl FnOnce(&mut TryIo<'_>) -> io::Result<()>) -> bool {
    let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let peeked = try_io(&mut || {
        net::recv(socket, &mut [0; 1], peek)?;
        Ok(())
    });
    peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
