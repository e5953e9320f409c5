//! nginx's header buffers, kept as numbers.
//!
//! nginx reads a head into client_header_buffer_size bytes first and goes on in large buffers; an
//! unfinished line is copied to the beginning of the next one. weir keeps the head in one piece,
//! and only counts where nginx's buffers would end, so that it refuses exactly what nginx refuses.

use super::limits::HeadLimits;

/// No buffer is left for what follows, or the line does not fit one.
#[derive(Debug)]
pub(super) struct Full;

/// The buffer nginx would be reading into, as offsets in ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    /// Offset at which nginx's buffer is full; 0 before the first byte.
    end: usize,
    /// Size of that buffer.
    size: usize,
    /// Large buffers in use.
    large: usize,
}

impl Window {
    #[inline]
    pub(super) fn open(&mut self, limits: &HeadLimits) {
        if self.size == 0 {
            self.size = limits.first_buffer;
            self.end = limits.first_buffer;
        }
    }

    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The buffer is filled by empty lines before the request line: nginx starts it over.
    pub(super) fn restart(&mut self, pos: usize) {
        self.end = pos + self.size;
    }

    /// Goes on in a large buffer. `line` is where the unfinished line began, `None` between lines
    /// (ngx_http_alloc_large_header_buffer).
    pub(super) fn enlarge(
        &mut self,
        pos: usize,
        line: Option<usize>,
        limits: &HeadLimits,
    ) -> Result<(), Full> {
        let start = line.unwrap_or(pos);
        if line.is_some() && pos - start >= limits.large_size {
            return Err(Full);
        }
        if self.large >= limits.large_count {
            return Err(Full);
        }
        self.large += 1;
        self.size = limits.large_size;
        self.end = start + limits.large_size;
        Ok(())
    }

    /// The next request was pipelined behind `consumed` bytes: it begins in the same buffer, and
    /// the other large ones are free again (ngx_http_set_keepalive).
    pub(super) fn pipelined(&mut self, consumed: usize) {
        self.large = self.large.min(1);
        self.end = self.end.saturating_sub(consumed);
        if self.end == 0 {
            *self = Self::default();
        }
    }

    /// Follows the caller dropping `dropped` bytes from the front.
    pub(super) fn shift(&mut self, dropped: usize) {
        self.end = self.end.saturating_sub(dropped);
    }
}
