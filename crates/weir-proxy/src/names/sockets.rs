//! Sockets to name servers: one for datagrams that stays, and connections for what does not fit into them.

use std::cell::Cell;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use weir_dns::{NotSent, Transport};
use weir_log::{ErrorSinks, Level};

use super::resolver::Resolver;
use super::shared::NameServerAddress;
use super::tell;

/// The longest datagram that is read (`NGX_RESOLVER_UDP_SIZE`).
const DATAGRAM: usize = 4096;

/// Most bytes of questions that wait for a connection (`NGX_RESOLVER_TCP_WSIZE`).
const MOST_WAITING: usize = 8192;

/// How long a connection stays after the last question went out (`ngx_resolver_create`).
const TCP_PATIENCE: Duration = Duration::from_secs(5);

/// The sockets to one server; both are opened when they are needed, each at a port that the system draws.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    udp: Option<Udp>,
    tcp: Option<Tcp>,
}

#[derive(Debug)]
struct Udp {
    socket: Rc<UdpSocket>,
    reader: Reader,
}

#[derive(Debug)]
struct Tcp {
    questions: mpsc::UnboundedSender<Vec<u8>>,
    /// Bytes that have not been taken yet.
    waiting: Rc<Cell<usize>>,
    _reader: Reader,
}

/// The task that reads; it ends with its socket.
#[derive(Debug)]
struct Reader(AbortHandle);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whom a socket is opened for.
pub(super) struct Caller<'a> {
    pub(super) resolver: &'a Weak<Resolver>,
    pub(super) sinks: &'a ErrorSinks,
    pub(super) numbers: &'a AtomicU64,
    /// Which server it is.
    pub(super) index: usize,
    pub(super) server: &'a NameServerAddress,
}

impl Sockets {
    /// Sends a question, over a new socket if there is none.
    pub(super) fn send(
        &mut self,
        caller: &Caller<'_>,
        way: Transport,
        question: &[u8],
    ) -> Result<(), NotSent> {
        match way {
            Transport::Udp => self.send_datagram(caller, question),
            Transport::Tcp => self.send_over_tcp(caller, question),
        }
    }

    /// Closes the socket of this kind.
    pub(super) fn close(&mut self, way: Transport) {
        match way {
            Transport::Udp => self.udp = None,
            Transport::Tcp => self.tcp = None,
        }
    }

    /// `ngx_resolver_send_udp_query`.
    fn send_datagram(&mut self, caller: &Caller<'_>, question: &[u8]) -> Result<(), NotSent> {
        let udp = match self.udp.take() {
            Some(udp) => udp,
            None => open_udp(caller).ok_or(NotSent)?,
        };
        // Asked of the system itself: what the reactor knows of a new socket comes a turn later.
        match SockRef::from(&*udp.socket).send(question) {
            Ok(_) => {
                self.udp = Some(udp);
                Ok(())
            }
            Err(error) => {
                // The socket is closed; the next one has another port.
                drop(udp.reader);
                let level = tell::level_of(&error);
                let server = &caller.server.text;
                tell::call_failed(caller.sinks, level, b"send() failed", &error, server);
                Err(NotSent)
            }
        }
    }

    /// `ngx_resolver_send_tcp_query`.
    fn send_over_tcp(&mut self, caller: &Caller<'_>, question: &[u8]) -> Result<(), NotSent> {
        if self.tcp.is_none() {
            self.tcp = Some(open_tcp(caller).ok_or(NotSent)?);
        }
        let Some(tcp) = &self.tcp else {
            return Err(NotSent);
        };
        let length = u16::try_from(question.len()).map_err(|_| NotSent)?;
        let message = [&length.to_be_bytes(), question].concat();
        let waiting = tcp.waiting.get() + message.len();
        if waiting > MOST_WAITING {
            let server = &caller.server.text;
            tell::failed(caller.sinks, Level::Crit, b"buffer overflow", server);
            return Err(NotSent);
        }
        tcp.waiting.set(waiting);
        tcp.questions.send(message).map_err(|_| NotSent)
    }
}

/// A connected socket: datagrams of others never come in (`ngx_udp_connect`).
fn open_udp(caller: &Caller<'_>) -> Option<Udp> {
    let address = caller.server.address;
    let socket = open(caller, Type::DGRAM, Protocol::UDP)?;
    if let Err(error) = socket.connect(&address.into()) {
        let server = &caller.server.text;
        tell::call_failed(
            caller.sinks,
            Level::Crit,
            b"connect() failed",
            &error,
            server,
        );
        return None;
    }
    let socket = Rc::new(UdpSocket::from_std(socket.into()).ok()?);
    let reads = read_datagrams(caller.resolver.clone(), caller.index, socket.clone());
    let reader = Reader(tokio::task::spawn_local(reads).abort_handle());
    Some(Udp { socket, reader })
}

/// A connection, whose handshake may still run (`ngx_tcp_connect`).
fn open_tcp(caller: &Caller<'_>) -> Option<Tcp> {
    let address = caller.server.address;
    let socket = open(caller, Type::STREAM, Protocol::TCP)?;
    if let Err(error) = socket.connect(&address.into())
        && error.raw_os_error() != Some(libc::EINPROGRESS)
    {
        let server = &caller.server.text;
        let call = [b"connect() to ", &**server, b" failed"].concat();
        let level = match tell::level_of(&error) {
            Level::Error => Level::Error,
            _ => Level::Crit,
        };
        tell::call_failed(caller.sinks, level, &call, &error, server);
        return None;
    }
    let stream = TcpStream::from_std(socket.into()).ok()?;
    let (questions, asked) = mpsc::unbounded_channel();
    let waiting = Rc::default();
    let talk = Talk {
        resolver: caller.resolver.clone(),
        server: caller.index,
        asked,
        waiting: Rc::clone(&waiting),
    };
    let reader = Reader(tokio::task::spawn_local(talk.run(stream)).abort_handle());
    Some(Tcp {
        questions,
        waiting,
        _reader: reader,
    })
}

fn open(caller: &Caller<'_>, kind: Type, protocol: Protocol) -> Option<Socket> {
    let domain = Domain::for_address(caller.server.address);
    let opened = Socket::new(domain, kind, Some(protocol)).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    match opened {
        Ok(socket) => {
            // Nothing shows the number, but the next client's is one more.
            caller.numbers.fetch_add(1, Ordering::Relaxed);
            Some(socket)
        }
        Err(error) => {
            let server = &caller.server.text;
            tell::call_failed(
                caller.sinks,
                Level::Alert,
                b"socket() failed",
                &error,
                server,
            );
            None
        }
    }
}

/// `ngx_resolver_udp_read`.
async fn read_datagrams(resolver: Weak<Resolver>, server: usize, socket: Rc<UdpSocket>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let received = socket.recv(&mut buffer).await;
        let Some(resolver) = resolver.upgrade() else {
            return;
        };
        match received {
            Ok(length) => resolver.received(&buffer[..length], Transport::Udp),
            Err(error) => return resolver.lost(server, Transport::Udp, b"recv() failed", &error),
        }
    }
}

/// A connection at work.
struct Talk {
    resolver: Weak<Resolver>,
    server: usize,
    asked: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Rc<Cell<usize>>,
}

impl Talk {
    async fn run(mut self, stream: TcpStream) {
        let ended = self.talk(stream).await;
        let Some(resolver) = self.resolver.upgrade() else {
            return;
        };
        match ended {
            Ok(()) => resolver.left(self.server, Transport::Tcp),
            Err((call, error)) => resolver.lost(self.server, Transport::Tcp, call, &error),
        }
    }

    /// Until the server leaves, or no question has gone out for a while.
    async fn talk(&mut self, mut stream: TcpStream) -> Result<(), (&'static [u8], io::Error)> {
        let sending = |error| (&b"send() failed"[..], error);
        let receiving = |error| (&b"recv() failed"[..], error);
        // Whether there is a connection is found out by who reads, as in nginx.
        if timeout(TCP_PATIENCE, stream.writable()).await.is_err() {
            return Ok(());
        }
        if let Some(error) = stream.take_error().map_err(receiving)? {
            return Err(receiving(error));
        }
        let (mut from, mut to) = stream.split();
        let mut heard = Vec::with_capacity(DATAGRAM);
        let mut ends = tokio::time::Instant::now() + TCP_PATIENCE;
        loop {
            tokio::select! {
                question = self.asked.recv() => {
                    let Some(question) = question else {
                        return Ok(());
                    };
                    match timeout(TCP_PATIENCE, to.write_all(&question)).await {
                        Ok(written) => written.map_err(sending)?,
                        Err(_) => return Ok(()),
                    }
                    self.waiting.set(self.waiting.get() - question.len());
                    ends = tokio::time::Instant::now() + TCP_PATIENCE;
                }
                read = from.read_buf(&mut heard) => {
                    if read.map_err(receiving)? == 0 {
                        return Ok(());
                    }
                    self.take_messages(&mut heard);
                    // A server that does not stop is not all that there is to do.
                    tokio::task::yield_now().await;
                }
                () = tokio::time::sleep_until(ends) => return Ok(()),
            }
        }
    }

    /// Takes the whole messages, each of which stands behind its length.
    fn take_messages(&self, heard: &mut Vec<u8>) {
        let mut taken = 0;
        while let Some((head, rest)) = heard[taken..].split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*head));
            let Some(message) = rest.get(..length) else {
                break;
            };
            if let Some(resolver) = self.resolver.upgrade() {
                resolver.received(message, Transport::Tcp);
            }
            taken += 2 + length;
        }
        heard.drain(..taken);
    }
}
