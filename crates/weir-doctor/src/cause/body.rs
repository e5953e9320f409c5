//! What goes wrong behind the response head: the status stays, and the answer is cut.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &BODY_CUT,
    &BODY_RESET,
    &BODY_STALLED,
    &BODY_CHUNKS,
    &BODY_SURPLUS,
    &TUNNEL,
    &TEMP_FILE,
];

/// FIN in the body.
pub static BODY_CUT: Cause = Cause {
    code: "WEIR-200-CUT",
    title: "the upstream closed in the middle of its answer",
    severity: Severity::Error,
    client_sees: "the status that was sent already, mostly 200, and a body that is cut",
    meaning: "Fewer bytes came than `Content-Length` says, or the last chunk is missing. The access log shows 200: searching for 502 does not find it.",
    reasons: &[
        "The application crashed, was killed or ran into its own time-out while it produced the body.",
        "It announces a length that is wrong.",
    ],
    checks: &[
        "`$upstream_response_length` against `$upstream_http_content_length`.",
        "The application's log at that second.",
    ],
    directives: &["proxy_read_timeout", "proxy_buffering"],
    disproof: "`curl` gets the whole body from the upstream directly, repeatedly.",
};

/// RST in the body.
pub static BODY_RESET: Cause = Cause {
    code: "WEIR-200-RESET",
    title: "the upstream reset the connection in the middle of its answer",
    severity: Severity::Error,
    client_sees: "the status that was sent already, mostly 200, and a body that is cut",
    meaning: "The connection was torn down while the body came.",
    reasons: &[
        "The application's process died.",
        "A balancer or firewall in between has a time-out or limit of its own.",
    ],
    checks: &["The application's log, and `dmesg`."],
    directives: &["proxy_buffering"],
    disproof: "`curl` gets the whole body from the upstream directly, repeatedly.",
};

/// The body stalls.
pub static BODY_STALLED: Cause = Cause {
    code: "WEIR-200-STALLED",
    title: "the upstream stopped in the middle of its answer",
    severity: Severity::Error,
    client_sees: "the status that was sent already, mostly 200, and a body that is cut",
    meaning: "Between two pieces of the body `proxy_read_timeout` passed. Streams that are silent for long (server-sent events, long polling) look the same.",
    reasons: &[
        "The application waits in the middle of its work.",
        "A stream without a heartbeat: one comment line every 30 s keeps it.",
    ],
    checks: &[
        "Whether only streams are concerned: a longer `proxy_read_timeout` in their location.",
    ],
    directives: &["proxy_read_timeout", "proxy_buffering"],
    disproof: "The body comes without such a pause when asked directly.",
};

/// Broken chunks.
pub static BODY_CHUNKS: Cause = Cause {
    code: "WEIR-200-CHUNKS",
    title: "the chunked body of the answer breaks the rules",
    severity: Severity::Error,
    client_sees: "a connection that ends; the access log has the upstream's status",
    meaning: "A chunk's size cannot be read, or what stands between chunks is none.",
    reasons: &[
        "The application writes `Transfer-Encoding: chunked` and a body that is not.",
        "Two layers both encode.",
    ],
    checks: &["`curl --raw`."],
    directives: &["proxy_http_version"],
    disproof: "`curl` reads the body without complaint.",
};

/// More than was announced.
pub static BODY_SURPLUS: Cause = Cause {
    code: "WEIR-200-SURPLUS",
    title: "the upstream sent more than it announced",
    severity: Severity::Warning,
    client_sees: "the answer up to the length that was announced",
    meaning: "There is more than `Content-Length` says, or something behind the last chunk. It is dropped, and the connection is not used again.",
    reasons: &[
        "The length is counted in characters instead of bytes.",
        "A body where there may be none: HEAD, 204, 304.",
    ],
    checks: &["`curl --raw`, and the length that it announces."],
    directives: &["keepalive"],
    disproof: "It is no failure in itself: look at what stands beside it.",
};

/// An upgraded connection ends.
pub static TUNNEL: Cause = Cause {
    code: "WEIR-101-TUNNEL",
    title: "an upgraded connection (WebSocket) ended",
    severity: Severity::Warning,
    client_sees: "the WebSocket closes",
    meaning: "After 101 nothing was said for `proxy_read_timeout` or `proxy_send_timeout` (60 s by default), or one side ended it.",
    reasons: &[
        "No pings: idle WebSockets end after 60 s unless one side speaks.",
        "The application was restarted.",
    ],
    checks: &["`proxy_read_timeout 1h;` in that location, or pings more often than every minute."],
    directives: &["proxy_read_timeout", "proxy_send_timeout"],
    disproof: "It ends at another time than the time-out in effect.",
};

/// A body goes through a file.
pub static TEMP_FILE: Cause = Cause {
    code: "WEIR-NOTE-TEMP-FILE",
    title: "a body did not fit its buffers and went through a file",
    severity: Severity::Note,
    client_sees: "nothing",
    meaning: "Long answers that a client takes slowly, and uploads larger than `client_body_buffer_size`, are kept in a file meanwhile. That is no fault.",
    reasons: &["The client is slower than the upstream."],
    checks: &[
        "Whether the disk of the temporary folder is busy: `proxy_max_temp_file_size 0;` or larger `proxy_buffers` then.",
    ],
    directives: &[
        "proxy_buffers",
        "proxy_max_temp_file_size",
        "client_body_buffer_size",
    ],
    disproof: "It is no failure in itself.",
};
