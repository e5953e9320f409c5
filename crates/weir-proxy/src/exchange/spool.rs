//! The bytes of a response body between the upstream and the client.
//!
//! Order of the bytes: `outgoing`, then what the file holds unread, then `incoming`.

use std::io;
use std::os::fd::BorrowedFd;

use weir_conf::{Settings, TempPath};

use weir_io::buffers::{self, HEAD_BUFFER};
use weir_io::temp_file::{FileName, TempFile, TempFileError};

/// Bytes read at once from the file where the kernel cannot move them: a client that is slow holds
/// them for long.
const FILE_PIECE: usize = 64 * 1024;

/// Body bytes on their way.
///
/// Invariant: `outgoing.len() + incoming.len()` is at most `memory` plus one read, unless no file
/// may be used; then reading stops at `memory`.
pub(super) struct Spool {
    /// What is being written to the client.
    pub(super) outgoing: Vec<u8>,
    /// What was read and decoded, but not yet handed on.
    pub(super) incoming: Vec<u8>,
    file: Option<TempFile>,
    /// Bytes of the file that went to `outgoing`.
    file_read: u64,
    /// Bytes that may wait in memory: all `proxy_buffers`.
    memory: usize,
    /// `proxy_max_temp_file_size`.
    file_limit: u64,
}

impl Spool {
    pub(super) fn new(settings: &Settings, buffering: bool) -> Self {
        let (memory, file_limit) = if buffering {
            let buffers = settings.upstream.buffers.room();
            let memory = settings.upstream.buffer_size.saturating_add(buffers);
            (memory, settings.upstream.max_temp_file_size)
        } else {
            (settings.upstream.buffer_size, 0)
        };
        Self {
            outgoing: Vec::new(),
            incoming: Vec::new(),
            file: None,
            file_read: 0,
            memory,
            file_limit,
        }
    }

    /// Nothing is there to read: of those that wait with nothing in hand none holds a buffer, and all
    /// of them read through the same warm ones.
    pub(super) fn lend_nothing(&mut self) {
        if self.incoming.is_empty() {
            buffers::give_back(std::mem::take(&mut self.incoming));
        }
    }

    /// Whether more may be read from the upstream now, `unsent` bytes of `outgoing` being left.
    pub(super) fn has_room(&self, unsent: usize) -> bool {
        self.incoming.len() + unsent < self.memory || self.may_spill()
    }

    /// Whether the file may grow.
    fn may_spill(&self) -> bool {
        self.file_limit > 0
            && self
                .file
                .as_ref()
                .is_none_or(|file| file.written() < self.file_limit)
    }

    /// Memory is full and the client takes nothing: `incoming` should go to the file.
    pub(super) fn should_spill(&self, unsent: usize) -> bool {
        let full = self.incoming.len() + unsent >= self.memory;
        (full || self.file_has_more()) && !self.incoming.is_empty() && self.may_spill()
    }

    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// Moves the first `count` bytes of `incoming` to the file. A long buffer of which little is left
    /// goes to somebody else.
    pub(super) fn spill(&mut self, place: &TempPath, count: usize) -> Result<(), TempFileError> {
        file_of(&mut self.file, place)?.append(&self.incoming[..count])?;
        let left = self.incoming.len() - count;
        if left > HEAD_BUFFER || self.incoming.capacity() <= HEAD_BUFFER {
            self.incoming.drain(..count);
            return Ok(());
        }
        let mut rest = Vec::new();
        if left > 0 {
            rest = buffers::take_head();
            rest.extend_from_slice(&self.incoming[count..]);
        }
        buffers::give_back(std::mem::replace(&mut self.incoming, rest));
        Ok(())
    }

    /// Keeps of `outgoing`, whose first `taken` bytes are with the client, what a short buffer holds;
    /// the rest goes to the file, in which nothing waits yet.
    pub(super) fn shed(&mut self, place: &TempPath, taken: usize) -> Result<(), TempFileError> {
        let rest = &self.outgoing[taken..];
        let (kept, shed) = rest.split_at(rest.len().min(HEAD_BUFFER));
        if !shed.is_empty() {
            file_of(&mut self.file, place)?.append(shed)?;
        }
        let mut short = buffers::take_head();
        short.extend_from_slice(kept);
        buffers::give_back(std::mem::replace(&mut self.outgoing, short));
        Ok(())
    }

    /// Lets the kernel move what the file holds unread into `socket`; how many bytes is the value.
    pub(super) fn send_file(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let Some(file) = &self.file else {
            return Ok(0);
        };
        let count = file.send(socket, self.file_read)?;
        self.file_read += count as u64;
        Ok(count)
    }

    /// The file's name, for the log.
    pub(super) fn file_name(&self) -> String {
        self.file
            .as_ref()
            .map(|file| file.path().display().to_string())
            .unwrap_or_default()
    }

    pub(super) fn file_has_more(&self) -> bool {
        self.file
            .as_ref()
            .is_some_and(|file| self.file_read < file.written())
    }

    /// Refills the empty `outgoing`: from the file, else with the first `released` bytes of
    /// `incoming`. `false` if there is nothing to send.
    pub(super) fn refill(&mut self, released: usize) -> Result<bool, TempFileError> {
        debug_assert!(self.outgoing.is_empty());
        if self.file_has_more()
            && let Some(file) = &self.file
        {
            let left = usize::try_from(file.written() - self.file_read).unwrap_or(usize::MAX);
            let piece = left.min(FILE_PIECE);
            self.outgoing.reserve(piece);
            let count = file.read(self.file_read, piece, &mut self.outgoing)?;
            self.file_read += count as u64;
            return Ok(count > 0);
        }
        if released == 0 {
            return Ok(false);
        }
        std::mem::swap(&mut self.outgoing, &mut self.incoming);
        if released < self.outgoing.len() {
            if self.incoming.capacity() == 0 {
                self.incoming = buffers::take_for(self.outgoing.len() - released);
            }
            self.incoming.extend_from_slice(&self.outgoing[released..]);
            self.outgoing.truncate(released);
        }
        Ok(true)
    }
}

fn file_of<'a>(
    file: &'a mut Option<TempFile>,
    place: &TempPath,
) -> Result<&'a mut TempFile, TempFileError> {
    let made = match file.take() {
        Some(made) => made,
        None => TempFile::create(place, FileName::None)?,
    };
    Ok(file.insert(made))
}

impl Drop for Spool {
    fn drop(&mut self) {
        buffers::give_back(std::mem::take(&mut self.outgoing));
        buffers::give_back(std::mem::take(&mut self.incoming));
    }
}
