//! Opening a connection to a peer.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::io::DuplexStream;
use tokio::net::{TcpStream, UnixStream};
pub use weir_upstream::PeerAddress;

use crate::spare;
use crate::stream::Stream;

/// Answers a connect in process: tests and the lab put scripted peers behind it. EINPROGRESS stands
/// for a peer that never answers.
pub type DialFn = dyn Fn(&PeerAddress) -> io::Result<DuplexStream>;

/// Where upstream connections come from.
#[derive(Clone, Default)]
pub enum Dialer {
    /// Sockets of the system.
    #[default]
    System,
    /// In-process pipes.
    Memory(Rc<DialFn>),
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Memory(_) => "Memory",
        })
    }
}

/// Socket options of a new upstream connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DialOptions {
    /// `proxy_bind`: local address, port 0 if any will do.
    pub bind: Option<SocketAddr>,
    /// `proxy_bind … transparent`.
    pub transparent: bool,
    /// `proxy_socket_keepalive`.
    pub keepalive: bool,
    /// `proxy_socket_rcvbuf`, bytes.
    pub rcvbuf: Option<usize>,
    /// `proxy_socket_sndbuf`, bytes.
    pub sndbuf: Option<usize>,
}

/// A connection on its way.
#[derive(Debug)]
pub struct Dialed {
    /// The connection, or what is to become one.
    pub stream: Stream,
    /// `false`: the handshake still runs; wait for writability, then ask for the socket's error.
    pub connected: bool,
    /// Bytes of the first write that the kernel took at once.
    pub written: usize,
}

/// Why no connection could be begun (`ngx_event_connect_peer`).
#[derive(Debug)]
pub enum DialError {
    /// `socket()` failed: out of descriptors.
    Socket(io::Error),
    /// An option without which nginx does not go on, of this name, could not be set.
    Option(&'static str, io::Error),
    /// `bind()` to this address failed.
    Bind(IpAddr, io::Error),
    /// `connect()` failed at once.
    Connect(io::Error),
    /// The handshake that it began failed.
    Handshake(io::Error),
}

impl DialError {
    /// Whether the process, or the system, has run out of descriptors.
    pub fn is_exhaustion(&self) -> bool {
        matches!(self, Self::Socket(error) if spare::is_exhaustion(error))
    }

    fn is_refusal(&self) -> bool {
        match self {
            Self::Connect(error) | Self::Handshake(error) => {
                error.raw_os_error() == Some(libc::ECONNREFUSED)
            }
            Self::Socket(_) | Self::Option(..) | Self::Bind(..) => false,
        }
    }
}

impl Dialer {
    /// Begins a connection and, if it stands at once, writes `first` before the reactor knows the
    /// socket: that saves a wait for writability on loopback and warm routes.
    pub fn dial(
        &self,
        address: &PeerAddress,
        options: &DialOptions,
        first: &[IoSlice<'_>],
    ) -> Result<Dialed, DialError> {
        match self {
            Self::System => dial_system(address, options, first),
            Self::Memory(dial) => match dial(address) {
                Ok(pipe) => Ok(Dialed {
                    stream: Stream::Memory(pipe),
                    connected: true,
                    written: 0,
                }),
                Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(Dialed {
                    stream: Stream::Memory(tokio::io::duplex(1).0),
                    connected: false,
                    written: 0,
                }),
                Err(error) => Err(DialError::Connect(error)),
            },
        }
    }
}

fn dial_system(
    address: &PeerAddress,
    options: &DialOptions,
    first: &[IoSlice<'_>],
) -> Result<Dialed, DialError> {
    let (domain, protocol, target) = match address {
        PeerAddress::Inet(address) => (
            Domain::for_address(*address),
            Some(Protocol::TCP),
            SockAddr::from(*address),
        ),
        PeerAddress::Unix(path) => (
            Domain::UNIX,
            None,
            SockAddr::unix(path).map_err(DialError::Connect)?,
        ),
    };
    let plain = domain == Domain::IPV4 && *options == DialOptions::default();
    let socket = match plain.then(|| REFUSED.take()).flatten() {
        Some(socket) => socket,
        None => open(domain, protocol)?,
    };
    set_options(&socket, domain, options)?;
    let (connected, written) = match begin_handshake(&socket, &target, first) {
        Ok(begun) => begun,
        Err(error) => {
            if plain && error.is_refusal() && dissolve(&socket).is_ok() {
                REFUSED.set(Some(socket));
            }
            return Err(error);
        }
    };
    let stream = if protocol.is_some() {
        TcpStream::from_std(socket.into()).map(Stream::Tcp)
    } else {
        UnixStream::from_std(socket.into()).map(Stream::Unix)
    };
    Ok(Dialed {
        stream: stream.map_err(DialError::Socket)?,
        connected,
        written,
    })
}

fn open(domain: Domain, protocol: Option<Protocol>) -> Result<Socket, DialError> {
    let socket =
        Socket::new(domain, Type::STREAM.nonblocking(), protocol).map_err(DialError::Socket)?;
    if protocol.is_some() {
        // The request follows at once, so that the handshake's last ACK need not travel alone; nor
        // that of an answer which comes in one piece. Where it cannot be set nothing is lost; nor is
        // it set again on a refused socket, whose next peer may well refuse it, too.
        let _ = socket.set_tcp_quickack(false);
    }
    Ok(socket)
}

/// Connects and writes `first` if the connection stands at once: whether it does, and how many bytes
/// were taken.
fn begin_handshake(
    socket: &Socket,
    target: &SockAddr,
    first: &[IoSlice<'_>],
) -> Result<(bool, usize), DialError> {
    match socket.connect(target) {
        // A failure here is met again, and reported, by the ordinary write.
        Ok(()) => Ok((true, socket.send_vectored(first).unwrap_or(0))),
        // The handshake with a near peer is over by now, whatever connect() said.
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
            match socket.send_vectored(first) {
                Ok(written) => Ok((true, written)),
                Err(error) if is_under_way(&error) => Ok((false, 0)),
                Err(error) => Err(DialError::Handshake(error)),
            }
        }
        Err(error) => Err(DialError::Connect(error)),
    }
}

/// What a write says while the handshake goes on.
fn is_under_way(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAGAIN | libc::ENOTCONN | libc::EINPROGRESS | libc::EALREADY)
    )
}

/// Sets what the configuration says of a socket, Unix-domain ones included, and binds it.
fn set_options(socket: &Socket, domain: Domain, options: &DialOptions) -> Result<(), DialError> {
    // Of keepalive and buffer sizes nginx ignores a failure, which no healthy Linux brings about.
    if options.keepalive {
        let _ = socket.set_keepalive(true);
    }
    if let Some(bytes) = options.rcvbuf {
        let _ = socket.set_recv_buffer_size(bytes);
    }
    if let Some(bytes) = options.sndbuf {
        let _ = socket.set_send_buffer_size(bytes);
    }
    let Some(local) = options.bind else {
        return Ok(());
    };
    if options.transparent {
        let (name, set) = match local {
            SocketAddr::V4(_) => ("IP_TRANSPARENT", socket.set_ip_transparent_v4(true)),
            SocketAddr::V6(_) => ("IPV6_TRANSPARENT", socket.set_ip_transparent_v6(true)),
        };
        set.map_err(|error| DialError::Option(name, error))?;
    }
    if local.port() == 0 && domain != Domain::UNIX {
        no_port_at_bind(socket);
    }
    socket
        .bind(&local.into())
        .map_err(|error| DialError::Bind(local.ip(), error))
}

thread_local! {
    /// An IPv4 socket whose connection was refused at once, for the next try: making a socket and
    /// closing it is a third of what a refusal costs.
    ///
    /// Invariant: it is unconnected again, unbound, without options, and no reactor has heard of it.
    /// Of an IPv6 socket that could not be said: it remembers its peer's scope, and whether that was
    /// an IPv4 address in disguise.
    static REFUSED: Cell<Option<Socket>> = const { Cell::new(None) };
}

/// Takes a socket back to where it was before `connect()` (connect(2) on AF_UNSPEC).
fn dissolve(socket: &Socket) -> io::Result<()> {
    let nowhere = libc::sockaddr {
        sa_family: libc::AF_UNSPEC as libc::sa_family_t,
        sa_data: [0; 14],
    };
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: `nowhere` outlives the call and its size is passed.
    #[expect(
        unsafe_code,
        reason = "neither socket2 nor nix can name AF_UNSPEC alone"
    )]
    let result = unsafe { libc::connect(socket.as_raw_fd(), &raw const nowhere, length) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets the kernel choose the port at connect, when it knows both ends, so that ports are not used up.
fn no_port_at_bind(socket: &Socket) {
    let on: libc::c_int = 1;
    // SAFETY: `on` outlives the call and its size is passed.
    #[expect(unsafe_code, reason = "socket2 has no IP_BIND_ADDRESS_NO_PORT")]
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_refused_socket_serves_the_next_dial() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = PeerAddress::Inet(listener.local_addr().unwrap());
        let closed = {
            let gone = TcpListener::bind("127.0.0.1:0").unwrap();
            PeerAddress::Inet(gone.local_addr().unwrap())
        };
        let dial = |address| Dialer::System.dial(address, &DialOptions::default(), &[]);
        let kept = || {
            let socket = REFUSED.take();
            let number = socket.as_ref().map(|socket| socket.as_raw_fd());
            REFUSED.set(socket);
            number
        };
        for _ in 0..3 {
            let error = dial(&closed).unwrap_err();
            assert!(error.is_refusal(), "{error:?}");
            assert!(kept().is_some());
        }
        let mut dialed = dial(&open).unwrap();
        assert_eq!(kept(), None);
        std::future::poll_fn(|cx| dialed.stream.poll_connected(cx))
            .await
            .unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        peer.set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let sent =
            std::future::poll_fn(|cx| dialed.stream.poll_write(cx, &[IoSlice::new(b"hello")]));
        assert_eq!(sent.await.unwrap(), 5);
        let mut got = [0; 5];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"hello");
        peer.write_all(b"ok").unwrap();
        let mut answer = Vec::new();
        std::future::poll_fn(|cx| dialed.stream.poll_fill(cx, &mut answer, 10))
            .await
            .unwrap();
        assert_eq!(answer, b"ok");
    }
}
