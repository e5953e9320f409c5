//! What clients do.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &CLIENT_LEFT,
    &CLIENT_TIMEOUT,
    &BAD_REQUEST,
    &TOO_LARGE_HEADER,
    &PLAIN_TO_HTTPS,
    &CLIENT_CERTIFICATE,
    &WRONG_NAME,
    &CLIENT_TLS,
    &CLIENT_HTTP2,
    &PROXY_PROTOCOL,
    &CLIENT_BROKEN,
];

/// 499.
pub static CLIENT_LEFT: Cause = Cause {
    code: "WEIR-499",
    title: "clients left before they had their answer",
    severity: Severity::Warning,
    client_sees: "nothing: it has gone; the access log has 499",
    meaning: "The client, or a balancer in front, closed the connection while the upstream was at work.",
    reasons: &[
        "A balancer or client in front has a shorter time-out than the answer takes: the times cluster at a constant.",
        "People leave pages that load slowly.",
    ],
    checks: &["`$request_time` of the 499s: at a constant (30, 60 s), or anything?"],
    directives: &["proxy_ignore_client_abort", "proxy_read_timeout"],
    disproof: "The times are near 0: scanners and health checks that hang up.",
};

/// 408.
pub static CLIENT_TIMEOUT: Cause = Cause {
    code: "WEIR-408",
    title: "a client was too slow",
    severity: Severity::Warning,
    client_sees: "408, or a connection that ends",
    meaning: "A client did not send its request, or take its answer, in `client_header_timeout`, `client_body_timeout` or `send_timeout`.",
    reasons: &[
        "Browsers open connections ahead that they never use: harmless.",
        "Slow networks; attacks that trickle.",
    ],
    checks: &["What follows \" while \" in the line: reading or sending?"],
    directives: &[
        "client_header_timeout",
        "client_body_timeout",
        "send_timeout",
        "keepalive_timeout",
    ],
    disproof: "The client is a health check of your own.",
};

/// 400.
pub static BAD_REQUEST: Cause = Cause {
    code: "WEIR-400",
    title: "a client's request breaks the rules of HTTP",
    severity: Severity::Warning,
    client_sees: "400 (405, 501 for methods and encodings)",
    meaning: "The request cannot be read, or contradicts itself. No upstream was asked.",
    reasons: &[
        "Scanners and bots.",
        "A client library that writes a header wrongly, or sends no Host.",
        "TLS or another protocol is spoken to a plain port: \\x16\\x03 at the beginning.",
    ],
    checks: &["`client:` and the request in the line: one of yours?"],
    directives: &["ignore_invalid_headers", "underscores_in_headers", "listen"],
    disproof: "The client is not yours.",
};

/// 414, 494.
pub static TOO_LARGE_HEADER: Cause = Cause {
    code: "WEIR-400-HEADER-SIZE",
    title: "a client's request line or headers are larger than the buffers",
    severity: Severity::Error,
    client_sees: "414 for the URI, 400 for headers",
    meaning: "A line must fit one of `large_client_header_buffers` (4 of 8k by default), and all of them together.",
    reasons: &[
        "Cookies that have grown: the browser sends every one of them.",
        "A search or a token in the URI.",
    ],
    checks: &[
        "`large_client_header_buffers 4 32k;`, in the default server of the address.",
        "Which cookies: the browser's developer tools.",
    ],
    directives: &[
        "large_client_header_buffers",
        "client_header_buffer_size",
        "max_headers",
    ],
    disproof: "The request is shorter than the buffers of the server that has it.",
};

/// 497.
pub static PLAIN_TO_HTTPS: Cause = Cause {
    code: "WEIR-400-PLAIN",
    title: "a client spoke plain HTTP to a port of HTTPS",
    severity: Severity::Warning,
    client_sees: "400: \"The plain HTTP request was sent to HTTPS port\"",
    meaning: "`listen … ssl` expects TLS.",
    reasons: &[
        "A link or a balancer in front uses `http://` with this port.",
        "A redirect of the application that names the port: `proxy_redirect`, `X-Forwarded-Proto`.",
    ],
    checks: &["`error_page 497 https://$host$request_uri;` sends browsers to the right place."],
    directives: &["listen", "error_page"],
    disproof: "The client is a scanner.",
};

/// 495, 496.
pub static CLIENT_CERTIFICATE: Cause = Cause {
    code: "WEIR-400-CERTIFICATE",
    title: "a client's certificate was missing or not accepted",
    severity: Severity::Warning,
    client_sees: "400 (495, 496)",
    meaning: "`ssl_verify_client` is on; the words in the line are OpenSSL's.",
    reasons: &[
        "The client has no certificate, or an expired one.",
        "Its authority is not in `ssl_client_certificate`, or the chain is longer than `ssl_verify_depth`.",
    ],
    checks: &["`openssl verify -CAfile FILE CERTIFICATE`."],
    directives: &[
        "ssl_verify_client",
        "ssl_client_certificate",
        "ssl_verify_depth",
        "ssl_crl",
    ],
    disproof: "`openssl verify` accepts it.",
};

/// 421.
pub static WRONG_NAME: Cause = Cause {
    code: "WEIR-421",
    title: "a client asked for another name than it made TLS for",
    severity: Severity::Warning,
    client_sees: "421",
    meaning: "The handshake named one server, the request another, and they differ in what they demand.",
    reasons: &[
        "A client that uses one connection for several names, whose servers verify clients differently.",
        "A proxy in between that changes Host.",
    ],
    checks: &["The names in the line."],
    directives: &["server_name", "ssl_verify_client", "http2"],
    disproof: "Both names belong to one server.",
};

/// Handshakes of clients.
pub static CLIENT_TLS: Cause = Cause {
    code: "WEIR-TLS-CLIENT",
    title: "the TLS handshake with a client failed",
    severity: Severity::Warning,
    client_sees: "a connection that ends, or the browser's own page about TLS",
    meaning: "The words in the line are OpenSSL's. Most come from scanners and from clients that are too old; `certificate unknown` and `bad certificate` \
              are the client's verdict on this server's certificate.",
    reasons: &[
        "Scanners.",
        "The certificate has expired, or its chain is not whole: the intermediate certificate belongs behind it in the file.",
        "Clients that know no TLS 1.2.",
    ],
    checks: &[
        "`openssl s_client -connect HOST:443 -servername NAME` and its \"Verify return code\".",
    ],
    directives: &[
        "ssl_certificate",
        "ssl_protocols",
        "ssl_ciphers",
        "ssl_reject_handshake",
    ],
    disproof: "The clients are not yours.",
};

/// HTTP/2 of clients.
pub static CLIENT_HTTP2: Cause = Cause {
    code: "WEIR-HTTP2-CLIENT",
    title: "a client breaks the rules of HTTP/2, or floods",
    severity: Severity::Warning,
    client_sees: "its stream or connection is reset",
    meaning: "A frame that may not come, a field that may not be, or more of something than nginx takes.",
    reasons: &["Scanners and attacks.", "A client library with a fault."],
    checks: &["`client:` in the line: one of yours?"],
    directives: &[
        "http2",
        "http2_max_concurrent_streams",
        "keepalive_requests",
    ],
    disproof: "The client is not yours.",
};

/// PROXY protocol.
pub static PROXY_PROTOCOL: Cause = Cause {
    code: "WEIR-PROXY-PROTOCOL",
    title: "the PROXY protocol's header is missing or broken",
    severity: Severity::Error,
    client_sees: "a connection that ends",
    meaning: "`listen … proxy_protocol` expects the header before anything else.",
    reasons: &[
        "The balancer in front does not send it on this port.",
        "A health check or a client comes directly.",
    ],
    checks: &["The text in the line: is it a plain request or a TLS greeting?"],
    directives: &["listen", "set_real_ip_from"],
    disproof: "The client of the line is the balancer.",
};

/// A client's connection broke.
pub static CLIENT_BROKEN: Cause = Cause {
    code: "WEIR-CLIENT-GONE",
    title: "a client's connection broke or ended",
    severity: Severity::Note,
    client_sees: "nothing: it has gone",
    meaning: "The client reset or closed its connection: mobile networks, closed tabs, kept connections whose time is over.",
    reasons: &["It is usual."],
    checks: &["Nothing, unless all clients do so at once."],
    directives: &["keepalive_timeout"],
    disproof: "It is no failure in itself.",
};
