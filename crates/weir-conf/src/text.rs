//! Configuration text: words, directives, blocks, included files.

/// A word of a directive, quotes and escapes taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: Box<[u8]>,
}

impl Word {
    /// A word as it stands.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            text: text.as_bytes().into(),
        }
    }
}

/// What stands between braces.
#[derive(Debug)]
pub(crate) struct Block {}
