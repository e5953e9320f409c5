//! What logs and variables call a peer.

/// Names a peer without copying its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum PeerLabel {
    /// Not known yet; an empty string in lists.
    #[default]
    None,
    /// A name; shared with the pool.
    Name(std::rc::Rc<str>),
}

impl PeerLabel {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::None => "",
            Self::Name(name) => name,
        }
    }
}
