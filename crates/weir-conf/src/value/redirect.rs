//! Rewriting of `Location` and `Refresh`.

use crate::Template;
use crate::pattern::Pattern;

/// A `proxy_redirect`.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// What the header must start with or match.
    pub from: RedirectFrom,
    /// What the matched part becomes.
    pub to: Template,
}

/// The left side of a [`Redirect`].
#[derive(Clone, Debug, PartialEq)]
pub enum RedirectFrom {
    /// A prefix.
    Prefix(Template),
    /// A regular expression.
    Regex(Pattern),
}
