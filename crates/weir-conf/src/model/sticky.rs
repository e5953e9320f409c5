//! Requests that stay with a server: the `sticky` of an `upstream` block.

use std::time::Duration;

use crate::{Template, Variable};

/// The longest name that a server has for requests which want it: an MD5 in hex, or a `route=`.
pub const LONGEST_SERVER_ID: usize = 32;

/// A `sticky` directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    /// Where a request says which server it wants, or which session it is of: the first that is not empty
    /// counts.
    pub lookup: Box<[Variable]>,
    /// How a request comes to know it.
    pub kind: StickyKind,
}

/// How requests are bound to servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StickyKind {
    /// `cookie`: each answer names its server in a cookie.
    Cookie(Box<StickyCookie>),
    /// `route`: requests name a server by themselves.
    Route,
    /// `learn`: the server of each session is remembered.
    Learn(StickyLearn),
}

/// The cookie that names a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyCookie {
    /// Its name.
    pub name: Box<[u8]>,
    /// `expires=`; without it the browser forgets the cookie when it ends.
    pub expires: Option<StickyExpires>,
    /// `domain=`; left out of the cookie where it comes out empty.
    pub domain: Option<Template>,
    /// `path=` as the cookie has it, `; path=` included; empty = none.
    pub path: Box<[u8]>,
    /// `httponly`
    pub http_only: bool,
    /// `secure`
    pub secure: bool,
    /// `samesite=`; what is none of its words comes out as `strict`, and nothing as nothing.
    pub same_site: Option<Template>,
}

/// Until when a browser keeps the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StickyExpires {
    /// `max`: the end of 2037.
    Max,
    /// So many seconds from now.
    After(u64),
}

/// How sessions are learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyLearn {
    /// Where an answer says which session it begins: the first that is not empty counts.
    pub create: Box<[Variable]>,
    /// Where sessions are kept: an index into `Http::session_zones`.
    pub zone: usize,
    /// `header`: learned as soon as the answer's head is there, not when the answer is over.
    pub after_header: bool,
}

/// Memory for the sessions of one `upstream` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionZone {
    /// The zone's name.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// The block that it serves; no other may.
    pub upstream: String,
    /// Sessions that were not used for so long are forgotten.
    pub timeout: Duration,
}

/// Whether a `samesite` attribute may say so, in whatever case (`ngx_http_upstream_sticky_samesite`).
pub fn is_same_site(text: &[u8]) -> bool {
    [&b"strict"[..], b"lax", b"none"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
}
