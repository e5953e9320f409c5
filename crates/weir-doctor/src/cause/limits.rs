//! Requests that the configuration refuses.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &LIMIT_REQUESTS,
    &LIMIT_DELAYED,
    &LIMIT_CONNECTIONS,
    &BODY_TOO_LARGE,
    &ACCESS_RULE,
    &PASSWORD,
    &INDEX_FORBIDDEN,
];

/// limit_req refuses.
pub static LIMIT_REQUESTS: Cause = Cause {
    code: "WEIR-503-RATE",
    title: "`limit_req` refused requests",
    severity: Severity::Warning,
    client_sees: "503, or what `limit_req_status` says; not 502",
    meaning: "A client sent more requests than its rate and burst allow. No upstream was asked.",
    reasons: &[
        "A page loads many files at once: `burst` is too small, or `nodelay` is missing.",
        "All clients share one key: behind a balancer `$binary_remote_addr` is the balancer's address, unless `set_real_ip_from` is right.",
        "It is an attack, and the limit does its work.",
    ],
    checks: &[
        "Which clients: are they one address, and whose?",
        "`limit_req_status 429;` tells clients what it is.",
    ],
    directives: &[
        "limit_req",
        "limit_req_zone",
        "limit_req_status",
        "set_real_ip_from",
    ],
    disproof: "`$upstream_addr` of the requests is not empty.",
};

/// limit_req delays.
pub static LIMIT_DELAYED: Cause = Cause {
    code: "WEIR-NOTE-DELAYED",
    title: "`limit_req` delayed requests",
    severity: Severity::Note,
    client_sees: "a later answer",
    meaning: "Requests above the rate wait within `burst`. It looks like a slow upstream, but `$upstream_response_time` is short.",
    reasons: &["`burst` without `nodelay`."],
    checks: &["`$request_time` against `$upstream_response_time`."],
    directives: &["limit_req"],
    disproof: "`$upstream_response_time` is as long as `$request_time`.",
};

/// limit_conn refuses.
pub static LIMIT_CONNECTIONS: Cause = Cause {
    code: "WEIR-503-CONNECTIONS",
    title: "`limit_conn` refused requests",
    severity: Severity::Warning,
    client_sees: "503, or what `limit_conn_status` says; not 502",
    meaning: "A key has as many requests under way as `limit_conn` allows. No upstream was asked.",
    reasons: &[
        "Over HTTP/2 each stream counts as a connection.",
        "All clients share one key: behind a balancer, its address.",
    ],
    checks: &["Which keys: one address, and whose?"],
    directives: &[
        "limit_conn",
        "limit_conn_zone",
        "limit_conn_status",
        "set_real_ip_from",
    ],
    disproof: "`$upstream_addr` of the requests is not empty.",
};

/// 413.
pub static BODY_TOO_LARGE: Cause = Cause {
    code: "WEIR-413",
    title: "a request body is larger than `client_max_body_size`",
    severity: Severity::Error,
    client_sees: "413, or a connection reset while it still sends",
    meaning: "The body is larger than the limit (1m by default) of the location. No upstream was asked.",
    reasons: &[
        "Uploads are larger than 1 MB, and the directive was never set, or in another location.",
    ],
    checks: &[
        "`client_max_body_size 100m;` in the location of uploads, and the application's own limit.",
    ],
    directives: &["client_max_body_size"],
    disproof: "The limit in effect in this location is larger than the number in the line.",
};

/// allow, deny.
pub static ACCESS_RULE: Cause = Cause {
    code: "WEIR-403-RULE",
    title: "an `allow` or `deny` rule refused the client",
    severity: Severity::Warning,
    client_sees: "403",
    meaning: "The client's address is not among those that are allowed.",
    reasons: &[
        "Behind a balancer the address is the balancer's unless `set_real_ip_from` is right.",
        "The client comes over IPv6.",
    ],
    checks: &["`client:` in the line against the rules."],
    directives: &["allow", "deny", "set_real_ip_from", "satisfy"],
    disproof: "The address of the line is allowed in this location.",
};

/// auth_basic.
pub static PASSWORD: Cause = Cause {
    code: "WEIR-401",
    title: "a user name or password was missing or wrong",
    severity: Severity::Warning,
    client_sees: "401",
    meaning: "`auth_basic` did not find the user in its file, or the password does not match.",
    reasons: &[
        "The first request of a browser, which asks its user then.",
        "The file lacks the user, or its hash is of a kind that this system does not know.",
    ],
    checks: &["`auth_basic_user_file`, and `htpasswd -v`."],
    directives: &["auth_basic", "auth_basic_user_file"],
    disproof: "`htpasswd -v` accepts the password.",
};

/// No index.
pub static INDEX_FORBIDDEN: Cause = Cause {
    code: "WEIR-403-INDEX",
    title: "a folder was asked for that has no index file",
    severity: Severity::Warning,
    client_sees: "403",
    meaning: "The folder has none of the files of `index`, and `autoindex` is off.",
    reasons: &[
        "The request should have reached the application: a `try_files` or `proxy_pass` is missing in this location.",
        "The index has another name.",
    ],
    checks: &["The folder in the line, and the location that has the request."],
    directives: &["index", "try_files", "autoindex"],
    disproof: "The folder has an index file that the worker's user can read.",
};
