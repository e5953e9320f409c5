//! File extensions to media types.

use std::collections::HashMap;

/// A `types` block.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Types {
    by_extension: HashMap<Box<[u8]>, Box<str>>,
}

impl Types {
    /// The type of files ending in `.extension`, which is lower-case.
    pub fn find(&self, extension: &[u8]) -> Option<&str> {
        self.by_extension.get(extension).map(|media| &**media)
    }

    /// Adds an extension, or changes its type; says what the type was.
    pub(crate) fn insert(&mut self, extension: &[u8], media: &str) -> Option<Box<str>> {
        self.by_extension
            .insert(extension.to_ascii_lowercase().into(), media.into())
    }
}

impl std::ops::BitOr for Types {
    type Output = Self;

    fn bitor(mut self, more: Self) -> Self {
        self.by_extension.extend(more.by_extension);
        self
    }
}
