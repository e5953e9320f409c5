//! nginx's header buffers, kept as numbers.
//!
//! nginx reads a head into client_header_buffer_size bytes first and goes on in large buffers; an
//! unfinished line is copied to the beginning of the next one. weir keeps the head in one piece,
//! and only counts where nginx's buffers would end, so that it refuses exactly what nginx refuses.

use super::limits::HeadLimits;

/// The buffer of nginx's in which a request begins behind something else, so that its first line
/// must go on in a large buffer sooner than in an empty one.
#[derive(Clone, Debug)]
pub struct HeaderBuffer(pub(super) Window);

impl HeaderBuffer {
    /// The first buffer, so many bytes of which are used: by a PROXY protocol header.
    #[must_use]
    pub fn used(bytes: usize) -> Self {
        Self(Window {
            used: bytes,
            ..Window::default()
        })
    }

    /// A large buffer, into which nginx moves what it has read behind the end of a chunked body
    /// (ngx_http_copy_pipelined_header).
    #[must_use]
    pub fn large(limits: &HeadLimits) -> Self {
        Self(Window {
            end: limits.large_size,
            size: limits.large_size,
            large: 1,
            used: 0,
        })
    }

    pub(super) fn behind(window: &Window, consumed: usize) -> Option<Self> {
        window.behind(consumed).map(Self)
    }
}

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
    /// What came before in the first buffer, not opened yet.
    used: usize,
}

impl Window {
    #[inline]
    pub(super) fn open(&mut self, limits: &HeadLimits) {
        if self.size == 0 {
            self.size = limits.first_buffer;
            self.end = limits.first_buffer.saturating_sub(self.used);
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

    /// What is left of the buffer behind `consumed` bytes, the other large ones free again
    /// (ngx_http_set_keepalive); `None` if it held no more.
    fn behind(&self, consumed: usize) -> Option<Self> {
        (consumed < self.end).then(|| Self {
            end: self.end - consumed,
            large: self.large.min(1),
            ..*self
        })
    }

    /// Follows the caller dropping `dropped` bytes from the front.
    pub(super) fn shift(&mut self, dropped: usize) {
        self.end = self.end.saturating_sub(dropped);
    }
}
