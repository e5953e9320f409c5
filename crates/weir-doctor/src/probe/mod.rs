//! Asking upstreams: names, connections, TLS, and one request, as a location sends it.

pub mod http;
pub mod resolver;
mod socket;
mod tls;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub use socket::Target;
pub use tls::{Greeting, greet};

/// Nobody is waited for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a connection went, and how long that took.
#[expect(
    clippy::disallowed_methods,
    reason = "a probe is no request: no worker's clock runs here"
)]
fn timed(attempt: impl FnOnce() -> io::Result<()>) -> Reached {
    let begun = Instant::now();
    Reached {
        outcome: attempt(),
        took: begun.elapsed(),
    }
}

/// How a connection went.
#[derive(Debug)]
pub struct Reached {
    /// The system's error, if it does not stand.
    pub outcome: io::Result<()>,
    /// How long that took.
    pub took: Duration,
}

impl Reached {
    /// In a few words.
    pub fn words(&self) -> String {
        let took = self.took.as_millis();
        match &self.outcome {
            Ok(()) => format!("the connection stands after {took} ms"),
            Err(error) if error.kind() == ErrorKind::TimedOut => format!("no answer in {took} ms"),
            Err(error) => format!("{error} after {took} ms"),
        }
    }
}

/// Connects over TCP and closes again.
pub fn connect(address: SocketAddr) -> Reached {
    timed(|| TcpStream::connect_timeout(&address, PATIENCE).map(drop))
}

/// Connects to a unix socket and closes again.
pub fn connect_unix(path: &Path) -> Reached {
    timed(|| UnixStream::connect(path).map(drop))
}

/// What the system says that a name stands for, with the port.
///
/// # Errors
///
/// The name has no address.
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_is_reached_and_who_does_not_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|fault| panic!("{fault}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|fault| panic!("{fault}"));
        assert!(connect(address).outcome.is_ok());
        drop(listener);
        let refused = connect(address);
        assert!(refused.words().contains("refused"), "{}", refused.words());
        let missing = connect_unix(Path::new("/nonexistent/x.sock"));
        assert_eq!(
            missing.outcome.map_err(|error| error.kind()),
            Err(ErrorKind::NotFound)
        );
    }
}
