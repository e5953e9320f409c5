//! What a configuration says that its author may not mean.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &UPGRADE_ALWAYS,
    &KEEPALIVE_UNUSED,
    &GROUP_NAME_TOLD,
    &GROUP_NAME_HOST,
    &HEADERS_LOST,
    &FORWARDED_PROTO,
    &CONNECT_CLOCK,
    &NOT_VERIFIED,
];

/// `Connection: upgrade` on every request.
pub static UPGRADE_ALWAYS: Cause = Cause {
    code: "WEIR-CONF-UPGRADE",
    title: "`Connection: upgrade` is sent with every request, not only with those that upgrade",
    severity: Severity::Note,
    client_sees: "nothing, as a rule; now and then an application that refuses the header",
    meaning: "A fixed value tells the upstream of an upgrade that nobody wants. Some answer 400, and connections to upstreams are not kept.",
    reasons: &[
        "The lines for WebSockets were copied into a location that serves other requests as well.",
    ],
    checks: &[
        "In `http`: `map $http_upgrade $connection_upgrade { default upgrade; '' \"\"; }`, and `proxy_set_header Connection $connection_upgrade;`.",
    ],
    directives: &["proxy_set_header", "map"],
    disproof: "The location serves WebSockets and nothing else.",
};

/// Idle connections that are never used.
pub static KEEPALIVE_UNUSED: Cause = Cause {
    code: "WEIR-CONF-KEEPALIVE",
    title: "`keepalive` keeps no connection: the requests ask for its end",
    severity: Severity::Note,
    client_sees: "nothing but the time that connecting takes",
    meaning: "Before nginx 1.29.7 requests to upstreams are HTTP/1.0 with `Connection: close`, unless the location says otherwise: the idle \
              connections that `keepalive` allows never come to be.",
    reasons: &["`proxy_http_version 1.1` or the empty `Connection` header is missing."],
    checks: &[
        "`proxy_http_version 1.1; proxy_set_header Connection \"\";` where the group is used.",
    ],
    directives: &["keepalive", "proxy_http_version", "proxy_set_header"],
    disproof: "`ss -tn` shows established connections to the upstream between requests.",
};

/// TLS's server name is a group's.
pub static GROUP_NAME_TOLD: Cause = Cause {
    code: "WEIR-CONF-GROUP-NAME",
    title: "TLS with the upstream is spoken in the name of the group, not of the server",
    severity: Severity::Note,
    client_sees: "502 where the name is verified, or the server serves several names",
    meaning: "`proxy_ssl_name` is `$proxy_host` by default: with `proxy_pass https://GROUP` that is the group's name, which no certificate \
              bears.",
    reasons: &["The host's name became a group's."],
    checks: &[
        "`proxy_ssl_name HOST;` and `proxy_set_header Host HOST;` with the server's own name.",
    ],
    directives: &[
        "proxy_ssl_name",
        "proxy_ssl_server_name",
        "proxy_ssl_verify",
    ],
    disproof: "The group bears the name that is in the server's certificate.",
};

/// The `Host` that upstreams see is a group's.
pub static GROUP_NAME_HOST: Cause = Cause {
    code: "WEIR-CONF-HOST",
    title: "the upstream sees the group's name as `Host`, and it is no valid one",
    severity: Severity::Note,
    client_sees: "400 from applications that check the header, or links to a name that nobody has",
    meaning: "Without `proxy_set_header Host` the upstream is told `$proxy_host`. An underscore may stand in a group's name, not in a host's.",
    reasons: &["`Host` is not set, or was lost to another `proxy_set_header` in the location."],
    checks: &["`proxy_set_header Host $host;`."],
    directives: &["proxy_set_header"],
    disproof: "The application takes any `Host`.",
};

/// A `proxy_set_header` hides all outer ones.
pub static HEADERS_LOST: Cause = Cause {
    code: "WEIR-CONF-HEADERS-LOST",
    title: "headers that are set outside of this location do not hold in it",
    severity: Severity::Note,
    client_sees: "what the application makes of missing headers: wrong links, wrong addresses in its log, 400",
    meaning: "A location with one `proxy_set_header` of its own inherits none of the outer ones.",
    reasons: &["One header was added, and the others were thought to stay."],
    checks: &["Repeat them in the location, best by an `include` that all use."],
    directives: &["proxy_set_header"],
    disproof: "The headers are not meant for this upstream.",
};

/// Whether a client spoke TLS is not passed on.
pub static FORWARDED_PROTO: Cause = Cause {
    code: "WEIR-CONF-FORWARDED-PROTO",
    title: "the upstream is not told that clients speak TLS",
    severity: Severity::Note,
    client_sees: "redirects to http, or in a circle; cookies without `Secure`; forms that are refused",
    meaning: "The server listens with TLS and passes plain requests on, without `X-Forwarded-Proto` or `Forwarded`: the application takes \
              them for plain ones.",
    reasons: &[
        "`proxy_set_header X-Forwarded-Proto $scheme;` is missing, or was lost to another `proxy_set_header` in the location.",
    ],
    checks: &[
        "`proxy_set_header X-Forwarded-Proto $scheme;`, and let the application trust it from this proxy only.",
    ],
    directives: &["proxy_set_header"],
    disproof: "The application builds no absolute URLs.",
};

/// A clock that cannot run out.
pub static CONNECT_CLOCK: Cause = Cause {
    code: "WEIR-CONF-CONNECT-CLOCK",
    title: "`proxy_connect_timeout` is longer than anybody waits",
    severity: Severity::Note,
    client_sees: "504 after a long time, where another server could have answered",
    meaning: "Above 75 seconds it usually has no effect, as the system gives up first; and a server that does not answer at once will not \
              later. It hides that nobody is there.",
    reasons: &["It was raised together with `proxy_read_timeout`, which was meant."],
    checks: &["`proxy_connect_timeout 5s;`: a connection takes milliseconds."],
    directives: &["proxy_connect_timeout"],
    disproof: "The upstream is on another planet.",
};

/// Anybody's certificate will do.
pub static NOT_VERIFIED: Cause = Cause {
    code: "WEIR-CONF-NOT-VERIFIED",
    title: "the upstream's certificate is not looked at",
    severity: Severity::Note,
    client_sees: "nothing",
    meaning: "`proxy_ssl_verify` is off by default: whoever answers at another machine's address is believed.",
    reasons: &["Nobody said where the authority's certificate is."],
    checks: &[
        "`proxy_ssl_verify on; proxy_ssl_trusted_certificate FILE;`, with `proxy_ssl_name` where the address is no name.",
    ],
    directives: &[
        "proxy_ssl_verify",
        "proxy_ssl_trusted_certificate",
        "proxy_ssl_name",
    ],
    disproof: "The way to it is trusted.",
};
