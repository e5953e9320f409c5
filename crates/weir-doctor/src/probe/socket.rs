//! Connections to upstreams, with one clock over each.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where an upstream listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// An address of TCP.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl Target {
    /// An address as `$upstream_addr` has it; names are none.
    pub fn of(address: &str) -> Option<Self> {
        match address.strip_prefix("unix:") {
            Some(path) => Some(Self::Unix(PathBuf::from(path))),
            None => address.parse().ok().map(Self::Tcp),
        }
    }

    fn connect(&self, patience: Duration) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(address) => Socket::Tcp(TcpStream::connect_timeout(address, patience)?),
            Self::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection with one clock over all that is read and written: one per read would let who sends a byte now and then hold
/// the doctor for hours.
#[derive(Debug)]
pub(super) struct Patient {
    socket: Socket,
    begun: Instant,
    patience: Duration,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a probe is no request: no worker's clock runs here"
)]
impl Patient {
    /// Connects; the clock runs from here.
    pub(super) fn connect(target: &Target, patience: Duration) -> io::Result<Self> {
        let begun = Instant::now();
        Ok(Self {
            socket: target.connect(patience)?,
            begun,
            patience,
        })
    }

    /// How long it has been.
    pub(super) fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    fn left(&self) -> io::Result<Duration> {
        match self.patience.saturating_sub(self.begun.elapsed()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Patient {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = Some(self.left()?);
        let read = match &mut self.socket {
            Socket::Tcp(stream) => stream
                .set_read_timeout(left)
                .and_then(|()| stream.read(into)),
            Socket::Unix(stream) => stream
                .set_read_timeout(left)
                .and_then(|()| stream.read(into)),
        };
        read.map_err(in_time)
    }
}

impl Write for Patient {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        let left = Some(self.left()?);
        let written = match &mut self.socket {
            Socket::Tcp(stream) => stream
                .set_write_timeout(left)
                .and_then(|()| stream.write(from)),
            Socket::Unix(stream) => stream
                .set_write_timeout(left)
                .and_then(|()| stream.write(from)),
        };
        written.map_err(in_time)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket's time-out, which the system calls "Resource temporarily unavailable", by its name.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn one_clock_runs_over_all_that_is_read() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let target = Target::Tcp(listener.local_addr()?);
        let mut patient = Patient::connect(&target, Duration::from_secs(3600))?;
        let (mut server, _) = listener.accept()?;
        server.write_all(b"ab")?;
        let mut byte = [0];
        assert_eq!(patient.read(&mut byte)?, 1);
        // What still comes is too late, however soon after the last byte.
        patient.patience = Duration::ZERO;
        let late = patient.read(&mut byte).map_err(|error| error.kind());
        assert_eq!(late, Err(io::ErrorKind::TimedOut));
        Ok(())
    }

    #[test]
    fn who_says_nothing_in_time_is_silent() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let target = Target::Tcp(listener.local_addr()?);
        let mut patient = Patient::connect(&target, Duration::from_secs(3600))?;
        patient.patience = patient.took() + Duration::from_millis(1);
        let waited = patient.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(waited, Err(io::ErrorKind::TimedOut));
        Ok(())
    }

    #[test]
    fn targets_are_written_as_upstreams_are() {
        for text in ["127.0.0.1:80", "[::1]:80", "unix:/run/a.sock"] {
            let target = Target::of(text).map(|target| target.to_string());
            assert_eq!(target.as_deref(), Some(text));
        }
        assert_eq!(Target::of("app:80"), None);
    }
}
