//! `gzip_types` and its like: answers of which types something is done to.

/// Media types, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaTypes {
    any: bool,
    /// In lower case.
    names: Box<[Box<str>]>,
}

impl MediaTypes {
    /// All types, even none.
    pub(crate) fn any() -> Self {
        Self {
            any: true,
            names: Box::default(),
        }
    }

    /// These types, in lower case.
    pub(crate) fn of(names: impl IntoIterator<Item = Box<str>>) -> Self {
        Self {
            any: false,
            names: names.into_iter().collect(),
        }
    }

    /// Whether it is done to an answer of this type, empty if it has none (`ngx_http_test_content_type`).
    pub fn contain(&self, media_type: &[u8]) -> bool {
        let same = |name: &str| name.as_bytes().eq_ignore_ascii_case(media_type);
        self.any || self.names.iter().any(|name| same(name))
    }
}

impl std::ops::BitOr for MediaTypes {
    type Output = Self;

    fn bitor(self, more: Self) -> Self {
        if self.any || more.any {
            return Self::any();
        }
        let mut names = self.names.into_vec();
        names.extend(more.names);
        Self::of(names)
    }
}
