//! `gzip` and its kin.

use super::{bitset, keywords};
use crate::pattern::Pattern;

bitset! {
    /// Which answers to requests that came through a proxy may be compressed.
    GzipProxied {
        /// None.
        OFF = 0 "off",
        /// Those whose `Expires` is past.
        EXPIRED = 1 "expired",
        /// Those that say `Cache-Control: no-cache`.
        NO_CACHE = 2 "no-cache",
        /// `Cache-Control: no-store`.
        NO_STORE = 3 "no-store",
        /// `Cache-Control: private`.
        PRIVATE = 4 "private",
        /// Those without a `Last-Modified`.
        NO_LAST_MODIFIED = 5 "no_last_modified",
        /// Those without an `ETag`.
        NO_ETAG = 6 "no_etag",
        /// Those to requests with an `Authorization`.
        AUTH = 7 "auth",
        /// All.
        ANY = 8 "any",
    }
}

keywords! {
    /// The least version of requests whose answers are compressed.
    GzipHttpVersion {
        /// HTTP/1.0.
        Http10 = "1.0",
        /// HTTP/1.1.
        Http11 = "1.1",
    }
}

keywords! {
    /// `gzip_static`.
    GzipStatic {
        /// Files are sent as they are.
        Off = "off",
        /// A compressed file beside the one asked for is sent to whom takes it.
        On = "on",
        /// It is sent to all.
        Always = "always",
    }
}

/// Browsers whose answers are not compressed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GzipDisable {
    /// Expressions of which none may match the `User-Agent`.
    pub patterns: Vec<Pattern>,
    /// Old versions of Internet Explorer.
    pub msie6: bool,
}

impl std::ops::BitOr for GzipDisable {
    type Output = Self;

    fn bitor(mut self, more: Self) -> Self {
        self.patterns.extend(more.patterns);
        self.msie6 |= more.msie6;
        self
    }
}
