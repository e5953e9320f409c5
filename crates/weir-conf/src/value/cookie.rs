//! Rewriting of `Set-Cookie` attributes.

use std::sync::Arc;

use super::{Keyword, bitset};
use crate::Template;
use crate::pattern::Pattern;

/// A `proxy_cookie_domain` or `proxy_cookie_path`.
#[derive(Clone, Debug, PartialEq)]
pub struct CookieRewrite {
    /// What the attribute must be (domain, without leading dot or case), start with (path), or
    /// match.
    pub from: CookieMatch,
    /// What the matched part becomes.
    pub to: Template,
}

/// The left side of a [`CookieRewrite`], or the cookie name of a [`CookieFlagsRule`].
#[derive(Clone, Debug, PartialEq)]
pub enum CookieMatch {
    /// A text.
    Text(Template),
    /// A regular expression, without case.
    Pattern(Pattern),
}

bitset! {
    /// Changes to the flags of a cookie.
    CookieFlags {
        /// Add `Secure`.
        SECURE = 0 "secure",
        /// Remove `Secure`.
        NO_SECURE = 1 "nosecure",
        /// Add `HttpOnly`.
        HTTP_ONLY = 2 "httponly",
        /// Remove `HttpOnly`.
        NO_HTTP_ONLY = 3 "nohttponly",
        /// Set `SameSite=Strict`.
        SAME_SITE_STRICT = 4 "samesite=strict",
        /// Set `SameSite=Lax`.
        SAME_SITE_LAX = 5 "samesite=lax",
        /// Set `SameSite=None`.
        SAME_SITE_NONE = 6 "samesite=none",
        /// Remove `SameSite`.
        NO_SAME_SITE = 7 "nosamesite",
    }
}

impl CookieFlags {
    /// The flag that `word` asks for, in any case; empty if none does.
    pub fn asked_for(word: &[u8]) -> Self {
        Self::of(&word.to_ascii_lowercase()).unwrap_or(Self::EMPTY)
    }
}

/// A `proxy_cookie_flags`; the first rule whose name fits a cookie is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct CookieFlagsRule {
    /// The cookie's name.
    pub cookie: CookieMatch,
    /// What is done to it, as far as it is known; words that are no flags do nothing.
    pub flags: CookieFlags,
    /// Words that are variables, and may turn out to be flags.
    pub evaluated: Arc<[Template]>,
}
