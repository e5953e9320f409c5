//! Cookies by which visitors are told apart.

use super::{Keyword, bitset};
use crate::Variable;

/// A location's `userid` and its kin; there is none where `userid` is `off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId {
    /// Which cookies are set.
    pub mode: UserIdMode,
    /// `userid_service`; without it, what the numbers say of where they were given out hangs on the mode.
    pub service: Option<u64>,
    /// `userid_name`: the cookie's name.
    pub name: Box<[u8]>,
    /// `userid_domain` as the cookie has it, `; domain=` included; empty = none.
    pub domain: Box<[u8]>,
    /// `userid_path` as the cookie has it, `; path=` included.
    pub path: Box<[u8]>,
    /// `userid_expires`.
    pub expires: UserIdExpires,
    /// `userid_p3p`: a field that comes with the cookie; empty = none.
    pub p3p: Box<[u8]>,
    /// `userid_mark`: what a cookie has in place of its first padding; one without it is set anew.
    pub mark: Option<u8>,
    /// `userid_flags`.
    pub flags: UserIdFlags,
    /// `$uid_reset`, which says whether a cookie that came is to be replaced.
    pub reset: Variable,
}

/// What a `userid` directive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenUserId {
    /// Cookies are neither looked at nor set.
    Off,
    /// They are.
    On(UserIdMode),
}

impl Keyword for WrittenUserId {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("off", Self::Off),
        ("log", Self::On(UserIdMode::Log)),
        ("v1", Self::On(UserIdMode::V1)),
        ("on", Self::On(UserIdMode::V2)),
    ];
}

/// Which cookies are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserIdMode {
    /// None: those that come are logged.
    Log,
    /// `v1`: numbers in the machine's order of bytes.
    V1,
    /// `on`: numbers in the network's order of bytes.
    V2,
}

/// Until when a browser keeps such a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserIdExpires {
    /// Until it is closed.
    WithBrowser,
    /// So many seconds from now.
    After(u64),
    /// Until the end of 2037.
    Max,
}

bitset! {
    /// Attributes that such a cookie has.
    UserIdFlags {
        /// None; others that are written beside it hold.
        OFF = 0 "off",
        /// `secure`.
        SECURE = 1 "secure",
        /// `httponly`.
        HTTP_ONLY = 2 "httponly",
        /// `samesite=strict`.
        SAME_SITE_STRICT = 3 "samesite=strict",
        /// `samesite=lax`.
        SAME_SITE_LAX = 4 "samesite=lax",
        /// `samesite=none`.
        SAME_SITE_NONE = 5 "samesite=none",
    }
}
