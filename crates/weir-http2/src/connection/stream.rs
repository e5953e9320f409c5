//! The streams that are open.

/// A stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    /// What may still be sent. SETTINGS_INITIAL_WINDOW_SIZE can make it negative.
    pub(crate) send_window: i32,
    /// What the peer may still send.
    pub(crate) recv_window: u32,
    /// The peer sends nothing more.
    pub(crate) in_closed: bool,
    /// This side sends nothing more.
    pub(crate) out_closed: bool,
    /// It was ended by RST_STREAM, ours.
    pub(crate) reset: bool,
    /// Its body is thrown away.
    pub(crate) ignored: bool,
    /// Its receive window is kept wide open.
    pub(crate) wide: bool,
    /// Its final head was received (clients).
    pub(crate) answered: bool,
    /// It was reset by settings, which nobody was told yet.
    pub(crate) untold: bool,
}

/// All of them, by number: new ones are always the highest.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    list: Vec<Stream>,
}

impl Streams {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn open(&mut self, stream: Stream) {
        debug_assert!(self.list.last().is_none_or(|last| last.id < stream.id));
        self.list.push(stream);
    }

    #[inline]
    pub(crate) fn find(&self, id: u32) -> Option<&Stream> {
        self.place(id).map(|place| &self.list[place])
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, id: u32) -> Option<&mut Stream> {
        self.place(id).map(|place| &mut self.list[place])
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Stream> {
        self.place(id).map(|place| self.list.remove(place))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.list.iter_mut()
    }

    /// Gives memory back when nothing is open.
    pub(crate) fn shrink(&mut self) {
        if self.list.is_empty() {
            self.list = Vec::new();
        }
    }

    /// Heap octets.
    pub(crate) fn allocated(&self) -> usize {
        self.list.capacity() * size_of::<Stream>()
    }

    #[inline]
    fn place(&self, id: u32) -> Option<usize> {
        let last = self.list.last()?;
        if last.id == id {
            return Some(self.list.len() - 1);
        }
        self.list.binary_search_by_key(&id, |stream| stream.id).ok()
    }
}
