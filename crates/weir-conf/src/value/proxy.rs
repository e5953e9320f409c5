//! Talking to upstreams.

use super::{bitset, keywords};
use crate::Template;

keywords! {
    /// Version of the requests sent to an upstream.
    HttpVersion {
        /// HTTP/1.0.
        Http10 = "1.0",
        /// HTTP/1.1.
        Http11 = "1.1",
    }
}

keywords! {
    /// Scheme of a `proxy_pass`.
    Scheme {
        /// Plain, port 80.
        Http = "http",
        /// TLS, port 443.
        Https = "https",
    }
}

impl Scheme {
    /// The port when none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The name, without `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Default for HttpVersion {
    /// nginx 1.31's.
    fn default() -> Self {
        Self::Http11
    }
}

bitset! {
    /// When a request is passed to the next server.
    NextUpstream {
        /// Connect, send or read failed.
        ERROR = 0 "error",
        /// A clock ran out.
        TIMEOUT = 1 "timeout",
        /// The response head was empty or invalid.
        INVALID_HEADER = 2 "invalid_header",
        /// Also requests that change state once sent: POST, LOCK, PATCH.
        NON_IDEMPOTENT = 3 "non_idempotent",
        /// Of caches; never a reason to try the next server.
        UPDATING = 4 "updating",
        /// Status 500.
        HTTP_500 = 5 "http_500",
        /// Status 502.
        HTTP_502 = 6 "http_502",
        /// Status 503.
        HTTP_503 = 7 "http_503",
        /// Status 504.
        HTTP_504 = 8 "http_504",
        /// Status 403.
        HTTP_403 = 9 "http_403",
        /// Status 404.
        HTTP_404 = 10 "http_404",
        /// Status 429.
        HTTP_429 = 11 "http_429",
        /// Never; overrides the others.
        OFF = 12 "off",
    }
}

bitset! {
    /// Upstream response headers that have no effect on weir.
    IgnoreHeaders {
        /// `X-Accel-Redirect`.
        X_ACCEL_REDIRECT = 0 "X-Accel-Redirect",
        /// `X-Accel-Expires`.
        X_ACCEL_EXPIRES = 1 "X-Accel-Expires",
        /// `X-Accel-Limit-Rate`.
        X_ACCEL_LIMIT_RATE = 2 "X-Accel-Limit-Rate",
        /// `X-Accel-Buffering`.
        X_ACCEL_BUFFERING = 3 "X-Accel-Buffering",
        /// `X-Accel-Charset`.
        X_ACCEL_CHARSET = 4 "X-Accel-Charset",
        /// `Expires`.
        EXPIRES = 5 "Expires",
        /// `Cache-Control`.
        CACHE_CONTROL = 6 "Cache-Control",
        /// `Set-Cookie`.
        SET_COOKIE = 7 "Set-Cookie",
        /// `Vary`.
        VARY = 8 "Vary",
    }
}

/// A `proxy_bind`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// Local address, with or without a port; empty = none.
    pub address: Template,
    /// The address may be one that the machine does not have.
    pub transparent: bool,
}
