//! The bytes of a response body between the upstream and the client.
//!
//! Order of the bytes: `outgoing`, then what the file holds unread, then `incoming`.

use weir_conf::{Settings, TempPath};

use weir_io::buffers;
use weir_io::temp_file::{FileName, TempFile, TempFileError};

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
        let buffers = settings.proxy_buffers;
        let (memory, file_limit) = if buffering {
            let memory = settings.proxy_buffer_size + buffers.count * buffers.size;
            (memory, settings.proxy_max_temp_file_size)
        } else {
            (settings.proxy_buffer_size, 0)
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

    /// Moves the first `count` bytes of `incoming` to the file; `true` if the file is new.
    pub(super) fn spill(&mut self, place: &TempPath, count: usize) -> Result<bool, TempFileError> {
        let fresh = self.file.is_none();
        if fresh {
            self.file = Some(TempFile::create(place, FileName::None)?);
        }
        if let Some(file) = &mut self.file {
            file.append(&self.incoming[..count])?;
        }
        self.incoming.drain(..count);
        Ok(fresh)
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
            buffers::give_back(std::mem::replace(&mut self.outgoing, buffers::take_relay()));
            let left = usize::try_from(file.written() - self.file_read).unwrap_or(usize::MAX);
            let count = file.read(
                self.file_read,
                left.min(buffers::RELAY_BUFFER),
                &mut self.outgoing,
            )?;
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

impl Drop for Spool {
    fn drop(&mut self) {
        buffers::give_back(std::mem::take(&mut self.outgoing));
        buffers::give_back(std::mem::take(&mut self.incoming));
    }
}
