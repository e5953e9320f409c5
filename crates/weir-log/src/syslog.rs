//! A syslog server: lines as datagrams, in the words of RFC 3164 (`ngx_syslog.c`).

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use socket2::{Domain, SockAddr, Socket, Type};
use weir_conf::{Syslog as Settings, SyslogServer};

use crate::{ErrorNumber, ErrorSinks, Level, LogTime, emit};

/// A server that lines go to. Its socket is opened with the first line, and anew with the next one after a
/// failure.
#[derive(Debug)]
pub struct Syslog {
    settings: Arc<Settings>,
    host: Box<[u8]>,
    socket: RwLock<Option<Socket>>,
    /// Hears of failures.
    main: OnceLock<Weak<ErrorSinks>>,
    /// Whether lines about failures name the server.
    names_server: bool,
}

thread_local! {
    /// The servers that this thread sends error lines to: of a failure there they are not told.
    static SENDING: RefCell<Vec<*const Syslog>> = const { RefCell::new(Vec::new()) };
}

impl Syslog {
    /// The server of `settings`; `host` is what this machine is called.
    pub fn new(settings: Arc<Settings>, host: &[u8], names_server: bool) -> Self {
        Self {
            settings,
            host: host.into(),
            socket: RwLock::new(None),
            main: OnceLock::new(),
            names_server,
        }
    }

    /// From now on `main` hears of failures.
    pub fn report_to(&self, main: &Arc<ErrorSinks>) {
        // Only a plan that is being made says so, and once.
        let _first = self.main.set(Arc::downgrade(main));
    }

    /// Appends what stands before an access line.
    pub fn write_head(&self, time: &LogTime, out: &mut Vec<u8>) {
        self.write_head_at(self.settings.severity, time, out);
    }

    /// `<PRIORITY>TIME HOST TAG: ` (`ngx_syslog_add_header`).
    fn write_head_at(&self, severity: u8, time: &LogTime, out: &mut Vec<u8>) {
        let priority = u32::from(self.settings.facility) * 8 + u32::from(severity);
        out.push(b'<');
        out.extend_from_slice(itoa::Buffer::new().format(priority).as_bytes());
        out.push(b'>');
        out.extend_from_slice(time.syslog());
        out.push(b' ');
        if self.settings.names_host {
            out.extend_from_slice(&self.host);
            out.push(b' ');
        }
        out.extend_from_slice(self.settings.tag.as_bytes());
        out.extend_from_slice(b": ");
    }

    /// Sends an error line, which ends in a newline (`ngx_syslog_writer`).
    pub(crate) fn send_error_line(&self, level: Level, time: &LogTime, line: &[u8]) {
        let this: *const Self = self;
        if SENDING.with_borrow(|sending| sending.contains(&this)) {
            return;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let end = text.iter().position(|byte| *byte == 0);
        let mut message = Vec::with_capacity(text.len() + 64);
        self.write_head_at(level as u8 - 1, time, &mut message);
        message.extend_from_slice(&text[..end.unwrap_or(text.len())]);
        SENDING.with_borrow_mut(|sending| sending.push(this));
        // The main log was told.
        let _sent = self.send(&message);
        SENDING.with_borrow_mut(|sending| sending.pop());
    }

    /// Sends a message; the bytes that went (`ngx_syslog_send`).
    ///
    /// # Errors
    ///
    /// It did not go, of which the main log has been told.
    pub fn send(&self, message: &[u8]) -> io::Result<usize> {
        loop {
            let sent = {
                let socket = self.socket.read().unwrap_or_else(PoisonError::into_inner);
                socket.as_ref().map(|socket| socket.send(message))
            };
            match sent {
                None => self.connect()?,
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                // The server is slow; nginx says nothing of it here.
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Some(Err(error)) => {
                    self.tell(level_of(&error), "send()", &error);
                    self.keep(None);
                    return Err(error);
                }
                Some(Ok(count)) => return Ok(count),
            }
        }
    }

    fn keep(&self, socket: Option<Socket>) {
        *self.socket.write().unwrap_or_else(PoisonError::into_inner) = socket;
    }

    /// `ngx_syslog_init_peer`.
    fn connect(&self) -> io::Result<()> {
        let (domain, address) = match &self.settings.server {
            SyslogServer::Inet(address) => (Domain::for_address(*address), (*address).into()),
            SyslogServer::Unix(path) => (Domain::UNIX, SockAddr::unix(path)?),
        };
        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = Socket::new(domain, kind, None)
            .inspect_err(|error| self.tell(Level::Alert, "socket()", error))?;
        socket
            .connect(&address)
            .inspect_err(|error| self.tell(Level::Alert, "connect()", error))?;
        self.keep(Some(socket));
        Ok(())
    }

    fn tell(&self, level: Level, call: &str, error: &io::Error) {
        let Some(main) = self.main.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut text = format!("{call} failed ({})", ErrorNumber::from(error));
        if self.names_server {
            let server = &self.settings.server;
            text.push_str(&format!(" while logging to syslog, server: {server}"));
        }
        emit(&main, level, None, text.as_bytes());
    }
}

/// Less grave where the network or the server is to blame (`ngx_connection_error`).
fn level_of(error: &io::Error) -> Level {
    match error.kind() {
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::TimedOut
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable => Level::Error,
        _ => Level::Alert,
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::{ErrorSink, MemoryLog, Output, Shape};

    fn settings(server: SyslogServer) -> Arc<Settings> {
        Arc::new(Settings {
            server,
            facility: 16,
            severity: 6,
            tag: "tag".to_owned(),
            names_host: true,
        })
    }

    fn received(socket: &UdpSocket) -> String {
        let mut room = [0; 4096];
        let count = socket.recv(&mut room).unwrap();
        String::from_utf8_lossy(&room[..count]).into_owned()
    }

    #[test]
    fn a_message_says_who_when_and_how_grave() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let syslog = Syslog::new(settings(SyslogServer::Inet(address)), b"host", true);
        let time = LogTime::new(0);
        let mut message = Vec::new();
        syslog.write_head(&time, &mut message);
        message.extend_from_slice(b"line");
        assert_eq!(syslog.send(&message).unwrap(), message.len());
        let day = String::from_utf8_lossy(time.syslog()).into_owned();
        assert_eq!(received(&server), format!("<134>{day} host tag: line"));
        syslog.send_error_line(Level::Error, &time, b"time [error] cut\0here\n");
        assert_eq!(
            received(&server),
            format!("<131>{day} host tag: time [error] cut")
        );
    }

    #[test]
    fn a_server_that_comes_back_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = Arc::new(Syslog::new(
            settings(SyslogServer::Unix(path.clone())),
            b"host",
            true,
        ));
        let memory = Arc::new(MemoryLog::default());
        let outputs = [
            Output::Memory(memory.clone()),
            Output::Syslog(syslog.clone()),
        ];
        let sinks = outputs.map(|output| ErrorSink {
            level: Level::Info,
            output,
            shape: Shape::Plain,
        });
        let main = ErrorSinks::new(sinks, || 0);
        syslog.report_to(&main);
        // Nobody is there: the line is lost, and of that only the other log hears.
        emit(&main, Level::Error, None, b"first");
        let told = memory.drain();
        assert_eq!(told.len(), 2, "{told:?}");
        let text = String::from_utf8_lossy(&told[1].message);
        assert!(text.starts_with("connect() failed (2: "), "{text}");
        assert!(
            text.contains("while logging to syslog, server: unix:"),
            "{text}"
        );
        let server = UnixDatagram::bind(&path).unwrap();
        emit(&main, Level::Error, None, b"second");
        let mut room = [0; 4096];
        let count = server.recv(&mut room).unwrap();
        assert!(room[..count].ends_with(b": second"));
        assert_eq!(memory.drain().len(), 1);
    }
}
