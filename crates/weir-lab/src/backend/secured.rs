//! The TLS of one conversation.

use std::io::{self, ErrorKind, Read as _, Write as _};

use rustls::ServerConnection;

use crate::socket::Socket;

/// A connection that speaks TLS.
pub(super) struct Secured(Box<ServerConnection>);

/// What a read brought.
pub(super) enum Brought {
    /// So many bytes.
    Text(usize),
    /// The peer's farewell, or the end of its connection.
    End,
}

impl Secured {
    /// Shakes hands as `name` says, beginning with what was `received` already.
    pub(super) async fn accept(socket: &Socket, name: &str, received: &[u8]) -> io::Result<Self> {
        let config = crate::tls::config(name).ok_or(ErrorKind::NotFound)?;
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let mut secured = Self(Box::new(connection));
        secured.take(socket, received).await?;
        while secured.0.is_handshaking() {
            secured.receive(socket).await?;
        }
        Ok(secured)
    }

    /// Reads text.
    pub(super) async fn read(&mut self, socket: &Socket, buf: &mut [u8]) -> io::Result<Brought> {
        loop {
            match self.0.reader().read(buf) {
                Ok(0) => return Ok(Brought::End),
                Ok(count) => return Ok(Brought::Text(count)),
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
                // No farewell.
                Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => return Ok(Brought::End),
                Err(fault) => return Err(fault),
            }
            match self.receive(socket).await {
                Ok(()) => {}
                // Tickets that nobody reads make a reset of a close, or not, as it happens.
                Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => return Ok(Brought::End),
                Err(fault) if fault.kind() == ErrorKind::ConnectionReset => {
                    return Ok(Brought::End);
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Sends text.
    pub(super) async fn write_all(&mut self, socket: &Socket, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            let count = self.0.writer().write(text)?;
            text = &text[count..];
            self.flush(socket).await?;
        }
        Ok(())
    }

    /// Says that nothing more is sent.
    pub(super) async fn say_end(&mut self, socket: &Socket) -> io::Result<()> {
        self.0.send_close_notify();
        self.flush(socket).await
    }

    async fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match socket.read(&mut buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => self.take(socket, &buffer[..count]).await,
        }
    }

    async fn take(&mut self, socket: &Socket, mut received: &[u8]) -> io::Result<()> {
        while !received.is_empty() {
            self.0.read_tls(&mut received)?;
            if let Err(fault) = self.0.process_new_packets() {
                // The peer is to be told.
                let _told = self.flush(socket).await;
                return Err(io::Error::other(fault));
            }
        }
        self.flush(socket).await
    }

    async fn flush(&mut self, socket: &Socket) -> io::Result<()> {
        let mut out = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut out)?;
        }
        socket.write_all(&out).await
    }
}
