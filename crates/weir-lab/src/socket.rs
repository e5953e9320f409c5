//! Stream sockets over TCP and unix alike, with the rough endings that faults need, and pipes that
//! stand in for them on a paused clock.

use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use socket2::{Domain, SockAddr, SockRef, Type};
use tokio::io::{DuplexStream, Interest};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Mutex, mpsc::UnboundedReceiver};

mod pipe;

pub use pipe::{Connector, Pipe, listen};
pub(crate) use pipe::{in_progress, refused};

/// Where to listen or to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP over IPv4 or IPv6.
    Inet(SocketAddr),
    /// A unix stream socket at this path.
    Unix(PathBuf),
}

/// Options set before connect() or listen().
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// SO_RCVBUF in bytes.
    pub rcvbuf: Option<usize>,
}

/// A connection.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a unix socket.
    Unix(UnixStream),
    /// Inside the process.
    Memory(Pipe),
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a unix socket.
    Unix(UnixListener),
    /// Inside the process; see [`listen`].
    Memory(Mutex<UnboundedReceiver<DuplexStream>>),
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl Address {
    /// A bound socket that does not listen: a connect() to it is refused.
    pub fn bind(&self, options: Options) -> io::Result<socket2::Socket> {
        let (domain, address) = self.to_sockaddr()?;
        let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
        if domain != Domain::UNIX {
            socket.set_reuse_address(true)?;
        }
        if let Some(size) = options.rcvbuf {
            socket.set_recv_buffer_size(size)?;
        }
        socket.bind(&address)?;
        Ok(socket)
    }

    /// Begins to connect and does not wait for the outcome.
    ///
    /// # Errors
    /// What connect() says at once, EINPROGRESS aside.
    pub fn start_connect(&self, options: Options) -> io::Result<socket2::Socket> {
        let (domain, address) = self.to_sockaddr()?;
        let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
        if let Some(size) = options.rcvbuf {
            socket.set_recv_buffer_size(size)?;
        }
        socket.set_nonblocking(true)?;
        match socket.connect(&address) {
            Err(fault) if fault.raw_os_error() != Some(nix::libc::EINPROGRESS) => Err(fault),
            _ => Ok(socket),
        }
    }

    fn to_sockaddr(&self) -> io::Result<(Domain, SockAddr)> {
        match self {
            Self::Inet(address) => Ok((Domain::for_address(*address), (*address).into())),
            Self::Unix(path) => Ok((Domain::UNIX, SockAddr::unix(path)?)),
        }
    }
}

impl Listener {
    /// Binds and listens.
    pub fn listen(address: &Address, backlog: i32, options: Options) -> io::Result<Self> {
        let socket = address.bind(options)?;
        socket.listen(backlog)?;
        socket.set_nonblocking(true)?;
        match address {
            Address::Inet(_) => TcpListener::from_std(socket.into()).map(Self::Tcp),
            Address::Unix(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
        }
    }

    /// The next connection.
    pub async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => listener
                .accept()
                .await
                .map(|(stream, _)| Socket::Tcp(stream)),
            Self::Unix(listener) => listener
                .accept()
                .await
                .map(|(stream, _)| Socket::Unix(stream)),
            Self::Memory(receiver) => match receiver.lock().await.recv().await {
                Some(stream) => Ok(stream.into()),
                None => Err(ErrorKind::NotConnected.into()),
            },
        }
    }

    /// The local address; None for a unix socket and inside the process.
    pub fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Some),
            Self::Unix(_) | Self::Memory(_) => Ok(None),
        }
    }
}

impl Socket {
    /// Connects; as long as it takes.
    pub async fn connect(address: &Address, options: Options) -> io::Result<Self> {
        let socket = address.start_connect(options)?;
        let socket = match address {
            Address::Inet(_) => Self::Tcp(TcpStream::from_std(socket.into())?),
            Address::Unix(_) => Self::Unix(UnixStream::from_std(socket.into())?),
        };
        socket.writable().await?;
        socket.take_error().map(|()| socket)
    }

    /// Reads once; 0 is the peer's FIN.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self {
                Self::Tcp(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
                Self::Unix(stream) => {
                    stream.readable().await?;
                    stream.try_read(buffer)
                }
                Self::Memory(pipe) => pipe.read(buffer).await,
            };
            match read {
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Writes all of `bytes`, as long as it takes.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            let written = match self {
                Self::Tcp(stream) => stream.try_write(bytes),
                Self::Unix(stream) => stream.try_write(bytes),
                Self::Memory(pipe) => pipe.write(bytes).await,
            };
            match written {
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
                written => bytes = &bytes[written?..],
            }
        }
        Ok(())
    }

    /// Waits for the peer's end without reading what it sent.
    ///
    /// # Errors
    /// The peer reset the connection.
    pub async fn closed(&self) -> io::Result<()> {
        // The closed side counts as urgent to tokio; plain data does not.
        let end = Interest::PRIORITY.add(Interest::ERROR);
        match self {
            Self::Tcp(stream) => stream.ready(end).await?,
            Self::Unix(stream) => stream.ready(end).await?,
            Self::Memory(pipe) => return pipe.closed().await,
        };
        self.take_error()
    }

    /// Sends a FIN; a connection that is gone already counts as done.
    pub fn finish(&self) -> io::Result<()> {
        let finished = match self {
            Self::Tcp(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            Self::Unix(stream) => SockRef::from(stream).shutdown(Shutdown::Write),
            Self::Memory(pipe) => pipe.finish(),
        };
        match finished {
            Err(fault) if fault.kind() == ErrorKind::NotConnected => Ok(()),
            outcome => outcome,
        }
    }

    /// Closes with a reset.
    ///
    /// # Errors
    /// The socket is gone, or it is a pipe, which can only be closed.
    pub fn reset(self) -> io::Result<()> {
        match &self {
            Self::Tcp(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Self::Unix(stream) => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Self::Memory(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.writable().await,
            Self::Unix(stream) => stream.writable().await,
            Self::Memory(_) => Ok(()),
        }
    }

    /// The error that waits at the socket.
    fn take_error(&self) -> io::Result<()> {
        let waiting = match self {
            Self::Tcp(stream) => stream.take_error()?,
            Self::Unix(stream) => stream.take_error()?,
            Self::Memory(_) => None,
        };
        waiting.map_or(Ok(()), Err)
    }
}
