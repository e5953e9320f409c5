//! What goes wrong between a connection that stands and the end of the response head.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &CLOSED,
    &RESET,
    &IDLE_CLOSED,
    &READ_TIMEOUT,
    &SEND_TIMEOUT,
    &SEND_BROKEN,
    &HEADER_SIZE,
    &INVALID_HEADER,
    &NOT_HTTP,
    &PLAIN_TO_TLS,
    &FASTCGI_STDERR,
    &CGI_PROTOCOL,
    &HTTP2_UPSTREAM,
    &MEMCACHED,
    &AUTH_REQUEST,
    &UNEXPLAINED,
    &ANSWERS,
    &CLOCK_NEAR,
];

/// FIN before the head.
pub static CLOSED: Cause = Cause {
    code: "WEIR-502-CLOSED",
    title: "the upstream closed the connection before it answered",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The connection stood, the request was sent, and the upstream closed before the head of its answer was complete.",
    reasons: &[
        "The application crashed on this request, or was killed (out of memory) or restarted under it.",
        "Its own time-out ends slow requests: the times in the access log cluster at a constant.",
        "It closed an idle kept connection just as the request came: elapsed time near 0, POST only, as others are tried again.",
        "It speaks TLS on that port and closes on plain HTTP.",
    ],
    checks: &[
        "Its log at that second, and `dmesg` for \"Out of memory\".",
        "`$upstream_response_time`: near 0, at a constant, or anything?",
    ],
    directives: &["proxy_next_upstream", "keepalive_timeout", "proxy_pass"],
    disproof: "The application's log shows a whole answer for the request.",
};

/// RST before the head.
pub static RESET: Cause = Cause {
    code: "WEIR-502-RESET",
    title: "the upstream reset the connection before it answered",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The connection stood and was torn down: the process ended with unread data, or something in between cut it.",
    reasons: &[
        "The application's process died or was killed with the request unread.",
        "It refuses the request without reading all of it: a body that is too large.",
        "It had closed an idle kept connection: elapsed time near 0, POST only.",
        "A firewall or balancer forgot the connection.",
    ],
    checks: &[
        "The application's log at that second, and `dmesg`.",
        "Whether the requests have bodies, and how large.",
    ],
    directives: &["proxy_next_upstream", "keepalive_timeout"],
    disproof: "The application's log shows a whole answer for the request.",
};

/// A kept connection that the upstream closes first; told by the doctor, not by a line of its own.
pub static IDLE_CLOSED: Cause = Cause {
    code: "WEIR-502-IDLE-CLOSED",
    title: "the upstream closes idle connections before the proxy does",
    severity: Severity::Error,
    client_sees: "502 for POST, LOCK and PATCH now and then; others are tried again",
    meaning: "A request was sent into a kept connection that the upstream was just closing. nginx tries again, but not what may not be done twice.",
    reasons: &[
        "The application keeps idle connections for a shorter time than `keepalive_timeout` of the upstream block (60 s by default).",
    ],
    checks: &[
        "Let the application keep idle connections longer than the proxy: gunicorn `--keep-alive 75`, Node `server.keepAliveTimeout = 75000`, uvicorn `--timeout-keep-alive 75`.",
        "Or `keepalive_timeout 4s;` in the upstream block, below the application's own.",
    ],
    directives: &["keepalive_timeout", "keepalive", "proxy_next_upstream"],
    disproof: "The failing requests take longer than a few milliseconds, or are GETs.",
};

/// No head in time.
pub static READ_TIMEOUT: Cause = Cause {
    code: "WEIR-504-READ",
    title: "the upstream took longer to answer than `proxy_read_timeout`",
    severity: Severity::Error,
    client_sees: "504",
    meaning: "The request was sent, and the whole head of the answer did not come in `proxy_read_timeout` (60 s by default). The time is that between two \
              reads; `$upstream_response_time` equals it.",
    reasons: &[
        "The application is slow for this request: a database, another service, a lock, no free worker.",
        "The work is rightly long: a report, an upload that is processed.",
        "All of its workers are busy, and the request waits in a queue inside it.",
    ],
    checks: &[
        "Which locations, and whether all requests or some: `$upstream_response_time` in the access log.",
        "Where the work is rightly long: `proxy_read_timeout 300s;` in that location alone.",
    ],
    directives: &[
        "proxy_read_timeout",
        "proxy_next_upstream",
        "proxy_next_upstream_timeout",
    ],
    disproof: "The times of failed requests differ from the time-out in effect.",
};

/// The request is not taken in time.
pub static SEND_TIMEOUT: Cause = Cause {
    code: "WEIR-504-SEND",
    title: "the upstream does not take the request",
    severity: Severity::Error,
    client_sees: "504",
    meaning: "Between two writes of the request `proxy_send_timeout` (60 s by default) passed. Only uploads that are larger than the buffers in between get there.",
    reasons: &[
        "The application does not read: it is stuck, or waits for something before it reads the body.",
        "The way to it is slow or loses packets.",
    ],
    checks: &["`ss -tn dst ADDRESS`: does Send-Q stay full?"],
    directives: &["proxy_send_timeout", "proxy_request_buffering"],
    disproof: "The failed requests have no bodies.",
};

/// Writing fails.
pub static SEND_BROKEN: Cause = Cause {
    code: "WEIR-502-SEND",
    title: "the upstream ended the connection while the request was sent",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The request could not be written to its end.",
    reasons: &[
        "The application refuses the body before it has read it: its own limit of size.",
        "It crashed, or was restarted.",
        "A kept connection was closed by it.",
    ],
    checks: &[
        "Its limits for bodies, against `client_max_body_size`.",
        "Its log at that second.",
    ],
    directives: &[
        "client_max_body_size",
        "proxy_next_upstream",
        "proxy_request_buffering",
    ],
    disproof: "The application's log shows that it read the whole request.",
};

/// The head is too large.
pub static HEADER_SIZE: Cause = Cause {
    code: "WEIR-502-HEADER-SIZE",
    title: "the head of the answer is larger than `proxy_buffer_size`",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "All header lines of an answer must fit one buffer of `proxy_buffer_size` (4k or 8k).",
    reasons: &[
        "Cookies or tokens that grow: often for some users, or after a login.",
        "A debugging header, or a long `Content-Security-Policy` or `Link`.",
    ],
    checks: &[
        "`curl -sD- -o/dev/null http://ADDRESS/… | wc -c` shows the size of a head.",
        "`proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k;`: the busy size must be at least the larger of the first and one of \
         `proxy_buffers`, and at least one buffer smaller than all of them.",
    ],
    directives: &[
        "proxy_buffer_size",
        "proxy_buffers",
        "proxy_busy_buffers_size",
    ],
    disproof: "The head is smaller than the buffer in effect in this location.",
};

/// A head against the rules.
pub static INVALID_HEADER: Cause = Cause {
    code: "WEIR-502-INVALID-HEADER",
    title: "the head of the answer breaks the rules of HTTP",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "A header line cannot be read, or lines contradict each other: two lengths, or a length beside `Transfer-Encoding`. Since 1.23 nginx refuses what 1.22 passed.",
    reasons: &[
        "The application, or a script in it, writes header lines by hand: a space or a line end in a name, a value with control characters.",
        "Two layers of it both set the length.",
    ],
    checks: &["`curl -v --raw`, or a capture: `tcpdump -A -s0 host ADDRESS and port PORT`."],
    directives: &["proxy_next_upstream", "proxy_hide_header"],
    disproof: "The bytes on the wire are a plain head.",
};

/// No HTTP at all.
pub static NOT_HTTP: Cause = Cause {
    code: "WEIR-009-NOT-HTTP",
    title: "what the upstream says is not HTTP",
    severity: Severity::Error,
    client_sees: "the upstream's bytes as they are; the access log has 009",
    meaning: "The answer does not begin with a status line. nginx takes it for HTTP/0.9 and passes it on.",
    reasons: &[
        "The port is another service's: SSH, a database, FastCGI.",
        "It speaks TLS, and the scheme should be `https://`.",
        "It speaks FastCGI or uwsgi: `fastcgi_pass`, `uwsgi_pass`.",
    ],
    checks: &["`nc ADDRESS PORT`, and what it says first."],
    directives: &["proxy_pass"],
    disproof: "`curl -v http://ADDRESS/` shows a status line.",
};

/// Plain HTTP to a port that speaks TLS; told by the doctor.
pub static PLAIN_TO_TLS: Cause = Cause {
    code: "WEIR-502-PLAIN-TO-TLS",
    title: "plain HTTP is spoken to an upstream that wants TLS",
    severity: Severity::Error,
    client_sees: "400, 502, or bytes of a TLS alert",
    meaning: "`proxy_pass http://…` leads to a port that speaks TLS.",
    reasons: &["The scheme should be `https://`: a port such as 443 or 8443 does not change it."],
    checks: &["`openssl s_client -connect ADDRESS` shows a certificate."],
    directives: &["proxy_pass"],
    disproof: "`curl -v http://ADDRESS/` gets an answer of the application.",
};

/// An application's errors.
pub static FASTCGI_STDERR: Cause = Cause {
    code: "WEIR-FASTCGI-STDERR",
    title: "the FastCGI application wrote to its error output",
    severity: Severity::Warning,
    client_sees: "what the application answers",
    meaning: "The text is the application's own: PHP's messages, for one. \"Primary script unknown\" means that the file of `SCRIPT_FILENAME` is not there for it.",
    reasons: &[
        "An error or warning in the application.",
        "`root` or `SCRIPT_FILENAME` is another path than the application sees (containers).",
    ],
    checks: &["The quoted text, and the application's log."],
    directives: &["fastcgi_param", "root", "fastcgi_catch_stderr"],
    disproof: "It is no failure in itself: look at what stands beside it.",
};

/// FastCGI, uwsgi, SCGI that are none.
pub static CGI_PROTOCOL: Cause = Cause {
    code: "WEIR-502-CGI-PROTOCOL",
    title: "the upstream does not speak the protocol of the directive",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "What came is no FastCGI, uwsgi or SCGI, or ended too early.",
    reasons: &[
        "The port speaks HTTP: `proxy_pass` is the directive then.",
        "The application's process died in the middle (php-fpm: `request_terminate_timeout`, memory).",
    ],
    checks: &[
        "`curl http://ADDRESS/`: does it answer HTTP?",
        "php-fpm's own log.",
    ],
    directives: &["fastcgi_pass", "uwsgi_pass", "scgi_pass"],
    disproof: "The application's log shows a whole answer.",
};

/// HTTP/2 to upstreams.
pub static HTTP2_UPSTREAM: Cause = Cause {
    code: "WEIR-502-HTTP2",
    title: "the upstream breaks the rules of HTTP/2, or refuses the stream",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "For gRPC and `proxy_http_version 2`: a frame that may not come, or an end of the stream or connection with an error.",
    reasons: &[
        "The port speaks HTTP/1 only, or wants TLS (`grpcs://`).",
        "The application ended the stream: a deadline, a limit of messages, a crash.",
    ],
    checks: &["`curl --http2-prior-knowledge -v http://ADDRESS/`."],
    directives: &["grpc_pass", "proxy_http_version"],
    disproof: "A gRPC client on the same machine gets an answer.",
};

/// memcached.
pub static MEMCACHED: Cause = Cause {
    code: "WEIR-502-MEMCACHED",
    title: "memcached's answer is none, or the key is not set",
    severity: Severity::Error,
    client_sees: "404 or 502",
    meaning: "`$memcached_key` is empty, or what came back is not what memcached says.",
    reasons: &[
        "`set $memcached_key …;` is missing in this location.",
        "The port is not memcached's.",
    ],
    checks: &["`printf 'get KEY\\r\\n' | nc ADDRESS 11211`."],
    directives: &["memcached_pass", "set"],
    disproof: "memcached answers the key when asked directly.",
};

/// auth_request.
pub static AUTH_REQUEST: Cause = Cause {
    code: "WEIR-500-AUTH-REQUEST",
    title: "the subrequest of `auth_request` ended in something else than 2xx, 401 or 403",
    severity: Severity::Error,
    client_sees: "500",
    meaning: "Only those statuses decide; anything else, a redirect to a login page or a 502 of the authentication service included, is a 500.",
    reasons: &[
        "The authentication service is down: its own lines are beside this one.",
        "It answers with a redirect: `error_page 401 = @login;` is the way to one.",
    ],
    checks: &["The status in the line, and the subrequest's own failure before it."],
    directives: &["auth_request", "error_page"],
    disproof: "The service answers 2xx, 401 or 403 to the same request.",
};

/// 5xx without a line; told by the doctor.
pub static UNEXPLAINED: Cause = Cause {
    code: "WEIR-5XX-UNEXPLAINED",
    title: "requests are answered with 5xx, and no line of an error log explains them",
    severity: Severity::Error,
    client_sees: "500 to 599",
    meaning: "The access log has failures that the error logs which were read say nothing of.",
    reasons: &[
        "The application itself answers so: `$upstream_status` shows the same status.",
        "`error_log` has a level (crit, alert, emerg) that hides errors, or leads to syslog, to the container's output, or away.",
        "`return 503` and the like in the configuration.",
    ],
    checks: &[
        "`$upstream_status` and `$upstream_addr` in the access log's format.",
        "`error_log /var/log/nginx/error.log error;`, or `docker logs NAME 2>&1 | weir explain` in a container.",
    ],
    directives: &["error_log", "access_log", "log_format", "return"],
    disproof: "Another error log has the lines.",
};

/// Asked by the doctor, it answers.
pub static ANSWERS: Cause = Cause {
    code: "WEIR-NOTE-ANSWERS",
    title: "the upstream answers the doctor",
    severity: Severity::Note,
    client_sees: "the answer",
    meaning: "Asked as the location asks, with its headers, the upstream sent a head that fits its buffer, and a body to its end.",
    reasons: &[
        "All is well now, or what fails hangs on what the doctor does not send: a body, a cookie, a login.",
    ],
    checks: &[
        "Ask through the proxy, with the client's own headers: `curl -v --resolve HOST:PORT:127.0.0.1 URL`.",
    ],
    directives: &["proxy_pass", "proxy_set_header"],
    disproof: "The next request fails.",
};

/// Answers that take nearly as long as they may.
pub static CLOCK_NEAR: Cause = Cause {
    code: "WEIR-504-NEAR",
    title: "the upstream's slowest answers take nearly as long as the clock allows",
    severity: Severity::Warning,
    client_sees: "long waits, and 504 as soon as it gets a little slower",
    meaning: "Of a hundred tries one or more last four fifths of the time-out that ends them.",
    reasons: &["The application is slow for some requests, or overloaded at times."],
    checks: &[
        "`weir doctor --locations`: the clocks of each location, and what its upstreams took.",
        "Which requests are the slow ones: `$request_uri` with `$upstream_response_time` in the access log.",
    ],
    directives: &[
        "proxy_read_timeout",
        "fastcgi_read_timeout",
        "uwsgi_read_timeout",
    ],
    disproof: "The long ones are downloads or streams, which send all the time: the clock runs between two reads.",
};
