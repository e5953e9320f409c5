//! TLS with upstreams.

use super::{Cause, Severity};

pub(super) const ALL: &[&Cause] = &[
    &TLS_PLAIN,
    &TLS_SNI,
    &TLS_UNTRUSTED,
    &TLS_NAME,
    &TLS_CLOSED,
    &TLS_CLIENT_CERTIFICATE,
    &TLS_ALERT,
    &TLS_TIMEOUT,
    &TLS_FAILED,
];

/// TLS to a port that speaks plain HTTP.
pub static TLS_PLAIN: Cause = Cause {
    code: "WEIR-502-TLS-PLAIN",
    title: "TLS is spoken to an upstream that does not speak it",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "`proxy_pass https://…` leads to a port that answers a TLS greeting with something else, mostly plain HTTP.",
    reasons: &[
        "The scheme should be `http://`.",
        "The port is the plain one (80, 8080) instead of the TLS one (443, 8443).",
    ],
    checks: &[
        "`curl -v http://ADDRESS/` answers, and `openssl s_client -connect ADDRESS` does not.",
    ],
    directives: &["proxy_pass"],
    disproof: "`openssl s_client -connect ADDRESS` shows a certificate.",
};

/// The peer wants a name.
pub static TLS_SNI: Cause = Cause {
    code: "WEIR-502-TLS-SNI",
    title: "the upstream wants to be told its name in the TLS greeting",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "nginx sends no server name to upstreams unless told, and this one refuses a greeting without the name, or with one that it does not know.",
    reasons: &[
        "`proxy_ssl_server_name` is off, which is the default.",
        "The name is that of the `upstream` block, or an address: `proxy_ssl_name` is `$proxy_host` by default.",
    ],
    checks: &[
        "`proxy_ssl_server_name on;`, and with an upstream block or an address `proxy_ssl_name host.example;`.",
        "`openssl s_client -connect ADDRESS -servername NAME` against `-noservername`.",
    ],
    directives: &["proxy_ssl_server_name", "proxy_ssl_name"],
    disproof: "`openssl s_client -noservername` gets through.",
};

/// Verification fails.
pub static TLS_UNTRUSTED: Cause = Cause {
    code: "WEIR-502-TLS-UNTRUSTED",
    title: "the upstream's certificate is not trusted",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "`proxy_ssl_verify` is on, and nobody in `proxy_ssl_trusted_certificate` vouches for the certificate, or it has expired. The number in \
              the line is OpenSSL's: 10 expired, 18 self-signed, 19 self-signed in the chain, 20 issuer unknown, 21 the chain is not whole.",
    reasons: &[
        "The certificate has expired: renew it at the upstream.",
        "It is signed by an authority of your own that is not in the trusted file.",
        "The upstream does not send its intermediate certificates.",
    ],
    checks: &[
        "`openssl s_client -connect ADDRESS -servername NAME -CAfile FILE` and its \"Verify return code\".",
        "`openssl x509 -noout -dates -issuer` of what it shows.",
    ],
    directives: &[
        "proxy_ssl_trusted_certificate",
        "proxy_ssl_verify_depth",
        "proxy_ssl_verify",
    ],
    disproof: "OpenSSL verifies it with the same file.",
};

/// The certificate is another's.
pub static TLS_NAME: Cause = Cause {
    code: "WEIR-502-TLS-NAME",
    title: "the upstream's certificate is for another name",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The certificate is good, but not for the name that is expected: `proxy_ssl_name`, by default the host of `proxy_pass`, which with an \
              `upstream` block is the block's name.",
    reasons: &[
        "`proxy_ssl_name` is missing where `proxy_pass` names an upstream block or an address.",
        "The upstream shows its default certificate because it was told no name: `proxy_ssl_server_name on;`.",
    ],
    checks: &["`openssl x509 -noout -ext subjectAltName` of what it shows."],
    directives: &["proxy_ssl_name", "proxy_ssl_server_name"],
    disproof: "The certificate has the name in its subjectAltName.",
};

/// The peer ends the connection in the handshake.
pub static TLS_CLOSED: Cause = Cause {
    code: "WEIR-502-TLS-CLOSED",
    title: "the upstream ended the connection in the TLS handshake",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The connection stood and ended before there was TLS, without a reason given.",
    reasons: &[
        "The port speaks another protocol, and what it got made no sense to it.",
        "A firewall or balancer in between ends connections that it does not like, often by server name.",
        "The application crashed.",
    ],
    checks: &["`openssl s_client -connect ADDRESS` with and without `-servername`."],
    directives: &["proxy_pass", "proxy_ssl_server_name"],
    disproof: "`openssl s_client` gets through from the same machine.",
};

/// The peer wants a certificate of ours.
pub static TLS_CLIENT_CERTIFICATE: Cause = Cause {
    code: "WEIR-502-TLS-CLIENT-CERTIFICATE",
    title: "the upstream wants another certificate of the proxy, or one at all",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The upstream verifies its clients, and said with an alert that it does not accept what it was shown.",
    reasons: &[
        "`proxy_ssl_certificate` and its key are missing.",
        "They are expired, or of an authority that the upstream does not trust.",
    ],
    checks: &["`openssl s_client -connect ADDRESS -cert FILE -key FILE`."],
    directives: &["proxy_ssl_certificate", "proxy_ssl_certificate_key"],
    disproof: "The same certificate is accepted from `openssl s_client`.",
};

/// Another alert.
pub static TLS_ALERT: Cause = Cause {
    code: "WEIR-502-TLS-ALERT",
    title: "the upstream refused the TLS handshake with an alert",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The upstream says by a number what it does not like: 40 nothing in common or no name, 70 the version, 80 a fault of its own, 112 the name, 120 ALPN.",
    reasons: &[
        "No protocol version or cipher in common: an old upstream, or `proxy_ssl_protocols` and `proxy_ssl_ciphers` that are too narrow.",
        "Alert 40 without `proxy_ssl_server_name on;`: many answer a missing name so.",
    ],
    checks: &[
        "`openssl s_client -connect ADDRESS -tls1_2`, `-tls1_3`, with and without `-servername`.",
    ],
    directives: &[
        "proxy_ssl_server_name",
        "proxy_ssl_protocols",
        "proxy_ssl_ciphers",
    ],
    disproof: "`openssl s_client` gets through with the same options.",
};

/// The handshake takes too long.
pub static TLS_TIMEOUT: Cause = Cause {
    code: "WEIR-504-TLS",
    title: "the upstream does not answer the TLS greeting",
    severity: Severity::Error,
    client_sees: "504",
    meaning: "The connection stood; the handshake was not over within `proxy_connect_timeout`.",
    reasons: &[
        "The port speaks a protocol in which the server waits for the client to speak first in its own way.",
        "The application is stuck: the system accepts connections in its place.",
    ],
    checks: &["`openssl s_client -connect ADDRESS`: does it hang, too?"],
    directives: &["proxy_connect_timeout", "proxy_pass"],
    disproof: "`openssl s_client` gets through at once.",
};

/// Anything else.
pub static TLS_FAILED: Cause = Cause {
    code: "WEIR-502-TLS",
    title: "TLS with the upstream failed",
    severity: Severity::Error,
    client_sees: "502",
    meaning: "The line has OpenSSL's own words for it.",
    reasons: &[
        "What came is not what TLS allows here.",
        "This side has nothing to offer: certificate, key, protocols or ciphers do not fit together.",
    ],
    checks: &["`openssl s_client -connect ADDRESS -servername NAME`."],
    directives: &[
        "proxy_ssl_protocols",
        "proxy_ssl_ciphers",
        "proxy_ssl_certificate",
    ],
    disproof: "`openssl s_client` gets through from the same machine.",
};
