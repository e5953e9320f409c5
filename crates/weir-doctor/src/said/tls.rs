//! Lines about TLS, with upstreams and with clients.

use super::Rule;
use crate::cause::*;

const UPSTREAM: &str = "SSL handshaking to upstream";
const CLIENT: &str = "SSL handshaking";

pub(super) const RULES: &[Rule] = &[
    Rule::of("upstream SSL certificate verify error: *", &TLS_UNTRUSTED),
    Rule::of("upstream SSL certificate does not match \"*\"", &TLS_NAME),
    Rule::of("SSL_set_tlsext_host_name(*) failed*", &TLS_SNI),
    Rule::of("peer closed connection in SSL handshake", &TLS_CLOSED).doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*wrong version number*",
        &TLS_PLAIN,
    )
    .doing(UPSTREAM),
    Rule::of("SSL_do_handshake() failed*unknown protocol*", &TLS_PLAIN).doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*packet length too long*",
        &TLS_PLAIN,
    )
    .doing(UPSTREAM),
    Rule::of("SSL_do_handshake() failed*http request*", &TLS_PLAIN).doing(UPSTREAM),
    Rule::of("SSL_do_handshake() failed*unrecognized name*", &TLS_SNI).doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*certificate required*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*bad certificate*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*certificate expired*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing(UPSTREAM),
    Rule::of(
        "SSL_do_handshake() failed*unknown ca*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing(UPSTREAM),
    Rule::of("SSL_do_handshake() failed*alert*", &TLS_ALERT).doing(UPSTREAM),
    Rule::of("SSL_do_handshake() failed*", &TLS_FAILED).doing(UPSTREAM),
    Rule::of(
        "SSL_read() failed*certificate required*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing("reading response header from upstream"),
    Rule::of(
        "SSL_read() failed*bad certificate*",
        &TLS_CLIENT_CERTIFICATE,
    )
    .doing("reading response header from upstream"),
    Rule::of("SSL_read() failed*", &RESET).doing("reading response header from upstream"),
    Rule::of("SSL_read() failed*", &BODY_RESET).doing("reading upstream"),
    Rule::of("SSL_write() failed*", &SEND_BROKEN).doing("sending request to upstream"),
    Rule::of("SSL_set_alpn_protos() failed*", &TLS_FAILED),
    Rule::of("SSL_use_certificate(*) failed*", &TLS_CLIENT_CERTIFICATE)
        .doing("connecting to upstream"),
    Rule::of("peer closed connection in SSL handshake", &CLIENT_TLS).doing(CLIENT),
    Rule::of("SSL_do_handshake() failed*http request*", &PLAIN_TO_HTTPS).doing(CLIENT),
    Rule::of("SSL_do_handshake() failed*", &CLIENT_TLS),
    Rule::of("SSL_read_early_data() failed*", &CLIENT_TLS),
    Rule::of("SSL_write_early_data() failed*", &CLIENT_BROKEN),
    Rule::of("SSL_read() failed*", &CLIENT_TLS),
    Rule::of("SSL_write() failed*", &CLIENT_BROKEN),
    Rule::of("SSL_sendfile() failed*", &CLIENT_BROKEN),
    Rule::of("SSL_shutdown() failed*", &CLIENT_BROKEN),
    Rule::of("peer closed connection in SSL handshake*", &CLIENT_TLS),
    Rule::of("handshake rejected", &CLIENT_TLS),
    Rule::of("SSL renegotiation disabled", &CLIENT_TLS),
    Rule::of("ignoring stale global SSL error*", &OWN_FAULT),
    Rule::of(
        "client SSL certificate verify error: *",
        &CLIENT_CERTIFICATE,
    ),
    Rule::of(
        "client sent no required SSL certificate",
        &CLIENT_CERTIFICATE,
    ),
    Rule::of(
        "client sent plain HTTP request to HTTPS port",
        &PLAIN_TO_HTTPS,
    ),
    Rule::of("client attempted to request the server name *", &WRONG_NAME),
    Rule::of("could not allocate new session*", &MEMORY),
    Rule::of("\"ssl_stapling\" ignored, *", &STAPLING),
    Rule::of("certificate status * in the OCSP response", &STAPLING),
    Rule::of("OCSP *", &STAPLING),
    Rule::of("* OCSP responder *", &STAPLING),
    Rule::of("no OCSP responder URL in certificate", &STAPLING),
    Rule::of("d2i_OCSP_RESPONSE*", &STAPLING),
    Rule::of("OCSP_*", &STAPLING),
    Rule::of("invalid nextUpdate time in certificate status", &STAPLING),
    Rule::of("SSL_use_certificate(*) failed*", &CLIENT_TLS),
    Rule::of("SSL_use_PrivateKey(*) failed*", &CLIENT_TLS),
    Rule::of("SSL_set0_chain(*) failed*", &CLIENT_TLS),
    Rule::of("SSL_new() failed*", &OWN_FAULT),
    Rule::of("cannot load certificate *", &CLIENT_TLS).doing("SSL handshaking, client"),
    Rule::of("cannot load certificate *", &CLIENT_TLS).doing("SSL handshaking"),
];
