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

    /// The three types that hold where no `types` is written.
    pub(crate) fn of_nginx() -> Self {
        let mut types = Self::default();
        for (extension, media) in [
            ("html", "text/html"),
            ("gif", "image/gif"),
            ("jpg", "image/jpeg"),
        ] {
            types.insert(extension.as_bytes(), media);
        }
        types
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
