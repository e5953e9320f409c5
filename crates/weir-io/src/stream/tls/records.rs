//! What comes out of TLS's records, and what goes into them, whichever side this one is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustls::server::ServerConnectionData;
use rustls::unbuffered::{
    AppDataRecord, ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus,
    WriteTraffic,
};

use crate::buffers;

/// Most bytes that a record has besides its text.
pub(super) const OVERHEAD: usize = 5 + 8 + 1 + 16;

/// What has come out of records, and what is to go out.
#[derive(Default)]
pub(super) struct Flow {
    /// Decrypted, and not taken yet.
    pub(super) text: Vec<u8>,
    /// Encrypted, and not sent yet: goes out before anything new.
    pub(super) unsent: Vec<u8>,
    /// Early data has come; whether the handshake still goes on.
    pub(super) early: Option<Arc<AtomicBool>>,
    /// The peer has said that it sends nothing more.
    pub(super) peer_closed: bool,
    /// Text may be sent: the handshake is over, or the client's part of it is all that is missing.
    pub(super) writable: bool,
    /// TLS has failed.
    pub(super) broken: bool,
    /// The end is not to be told: it has been, or the peer knows.
    pub(super) silent: bool,
}

impl Flow {
    /// Takes what a step has brought, see `TlsStream::step`.
    pub(super) fn take<D>(
        &mut self,
        status: UnbufferedStatus<'_, '_, D>,
    ) -> Result<(usize, bool), rustls::Error> {
        let UnbufferedStatus { mut discard, state } = status;
        let mut over = false;
        match state? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    discard += self.read(record?);
                }
            }
            ConnectionState::EncodeTlsData(data) => encode(data, &mut self.unsent),
            ConnectionState::TransmitTlsData(sent) => sent.done(),
            ConnectionState::PeerClosed => {
                self.peer_closed = true;
                self.silent = true;
            }
            ConnectionState::WriteTraffic(_) => {
                self.writable |= !self.broken;
                over = true;
            }
            _ => over = true,
        }
        Ok((discard, over))
    }
}

impl Flow {
    /// As [`Self::take`], where there may be early data, of which rustls takes no more than has been promised.
    pub(super) fn take_early(
        &mut self,
        status: UnbufferedStatus<'_, '_, ServerConnectionData>,
    ) -> Result<(usize, bool), rustls::Error> {
        let UnbufferedStatus { mut discard, state } = status;
        let state = match state {
            Ok(ConnectionState::ReadEarlyData(mut early)) => {
                self.early
                    .get_or_insert_with(|| Arc::new(AtomicBool::new(true)));
                while let Some(record) = early.next_record() {
                    discard += self.read(record?);
                }
                return Ok((discard, false));
            }
            state => state,
        };
        self.take(UnbufferedStatus { discard, state })
    }

    /// Keeps the text of a record; how many bytes it says are done with.
    fn read(&mut self, record: AppDataRecord<'_>) -> usize {
        if self.text.capacity() == 0 {
            self.text = buffers::take_head();
        }
        self.text.extend_from_slice(record.payload);
        record.discard
    }
}

/// What either side may put behind the handshake.
pub(super) trait Seal {
    fn encrypt(&mut self, text: &[u8], out: &mut [u8]) -> Result<usize, EncryptError>;
    fn say_end(&mut self, out: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<D> Seal for WriteTraffic<'_, D> {
    fn encrypt(&mut self, text: &[u8], out: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::encrypt(self, text, out)
    }

    fn say_end(&mut self, out: &mut [u8]) -> Result<usize, EncryptError> {
        self.queue_close_notify(out)
    }
}

/// Lets `write` put something behind `out`, if nothing else must come first.
pub(super) fn put<D>(
    status: UnbufferedStatus<'_, '_, D>,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut dyn Seal, &mut Vec<u8>) -> Result<(), EncryptError>,
) -> io::Result<()> {
    match status.state {
        Ok(ConnectionState::WriteTraffic(mut traffic)) => {
            write(&mut traffic, out).map_err(io::Error::other)
        }
        Ok(_) => Err(io::ErrorKind::NotConnected.into()),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// Puts a message of TLS's own behind `out`.
fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Vec<u8>) {
    let end = out.len();
    // Its length is known once it did not fit.
    if let Err(EncodeError::InsufficientSize(size)) = data.encode(&mut []) {
        out.resize(end + size.required_size, 0);
        let written = data.encode(&mut out[end..]);
        out.truncate(end + written.unwrap_or(0));
    }
}

/// Puts `text` behind `out`, encrypted.
pub(super) fn seal(
    traffic: &mut dyn Seal,
    text: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncryptError> {
    let end = out.len();
    let mut room = text.len() + (text.len() / 16384 + 1) * OVERHEAD;
    loop {
        out.resize(end + room, 0);
        match traffic.encrypt(text, &mut out[end..]) {
            Ok(count) => {
                out.truncate(end + count);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(size)) if size.required_size > room => {
                room = size.required_size;
            }
            Err(error) => {
                out.truncate(end);
                return Err(error);
            }
        }
    }
}
