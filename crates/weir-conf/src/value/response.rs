//! What goes to the client.

use super::keywords;
use crate::Template;

/// `server_tokens`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerTokens {
    /// `nginx/VERSION`.
    On,
    /// `nginx`.
    Off,
    /// `nginx/VERSION (BUILD)`; weir has no build name and shows the version.
    Build,
    /// Text of the user's.
    Text(Template),
}

keywords! {
    /// What the `add_header`s of outer blocks are worth.
    AddInherit {
        /// They hold where a block has none of its own.
        On = "on",
        /// Nothing.
        Off = "off",
        /// They hold after a block's own.
        Merge = "merge",
    }
}

keywords! {
    /// How `If-Modified-Since` is compared.
    IfModifiedSince {
        /// Not at all.
        Off = "off",
        /// Equal.
        Exact = "exact",
        /// Not older.
        Before = "before",
    }
}

keywords! {
    /// What a list of a folder is written as.
    AutoindexFormat {
        /// A page.
        Html = "html",
        /// An array of objects.
        Json = "json",
        /// The same, as the argument of a call of a function that the client names.
        Jsonp = "jsonp",
        /// Elements.
        Xml = "xml",
    }
}

/// A rate or amount that may depend on the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// Bytes (per second); 0 = no limit.
    Fixed(u64),
    /// A size to parse when evaluated, see [`crate::parse_size`]; invalid = no limit.
    Variable(Template),
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

/// An `env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvRule {
    /// The environment variable that workers keep.
    pub name: String,
    /// The value to set; `None` keeps the inherited one.
    pub value: Option<String>,
}
