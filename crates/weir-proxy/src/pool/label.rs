//! What logs and variables call a peer.

/// Names a peer without copying its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum PeerLabel {
    /// Not known yet; an empty string in lists.
    #[default]
    None,
    /// A name; shared with the pool.
    Name(std::rc::Rc<[u8]>),
}

impl PeerLabel {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::None => b"",
            Self::Name(name) => name,
        }
    }
}
