//! Directives about upstreams, which each family of protocols has under its own prefix.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Arity, Entry, HTTP, LOCATION, SERVER, Support, directives};
use crate::Template;
use crate::value::read::{
    Call, Reading, Reject, bind, bits, buffers, certificate_cache, ciphers, cookie_domain,
    cookie_flags, cookie_path, count, flag, header_name, http_version, late_text, memory_size,
    passwords, rate, redirect, set_header, size, temp_path, template, time, tls_path,
    upstream_conf_command, upstream_credential, versions,
};
use crate::value::{
    Bind, Buffers, CertificateCache, Ciphers, ConfCommand, CookieFlagsRule, CookieRewrite,
    Credential, HeaderNames, HttpVersion, IgnoreHeaders, LateText, NextUpstream, Passwords,
    RateLimit, Redirect, RequestHeaders, TempPath, TlsVersions, WrittenHeader,
};

const ALL: super::Contexts = super::Contexts(HTTP.0 | SERVER.0 | LOCATION.0);

/// A family of protocols whose directives are these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `proxy_pass` and its kin.
    Proxy,
}

impl Family {
    /// All of them.
    pub(crate) const ALL: [Self; 1] = [Self::Proxy];

    /// What the names of its directives begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Proxy => "proxy_",
        }
    }

    /// A directive of its own, by the name that the table has for it.
    pub(crate) fn directive(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }
}

/// The rows of every family.
pub(crate) fn entries() -> impl Iterator<Item = Entry> {
    let of_family = |family: Family| {
        ENTRIES.iter().map(move |entry| Entry {
            name: kept(family.directive(entry.name)),
            default: entry.default.map(|text| own(family, text)),
            doc: own(family, entry.doc),
            ..*entry
        })
    };
    Family::ALL.into_iter().flat_map(of_family)
}

/// A text of the table in the words of a family; the table itself speaks of `proxy_`.
fn own(family: Family, text: &'static str) -> &'static str {
    match family {
        Family::Proxy => text,
    }
}

/// The table is made once, and stays.
fn kept(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

directives! {
    /// What one location obeys of the directives of its upstream's family, everything inherited and defaulted.
    #[derive(Default)]
    UpstreamSettings from WrittenUpstream;

    /// Whether responses are gathered in buffers before they go to the client.
    buffering: One<bool> = flag, "on"; in ALL;
    /// Whether a request body is read whole before the upstream is asked.
    request_buffering: One<bool> = flag, "on"; in ALL;
    /// Whether the upstream exchange goes on when the client is gone.
    ignore_client_abort: One<bool> = flag, "off"; in ALL;
    /// Whether `error_page` holds for upstream statuses of 300 and more.
    intercept_errors: One<bool> = flag, "off"; in ALL;
    /// Whether the client's headers are passed.
    pass_request_headers: One<bool> = flag, "on"; in ALL;
    /// Whether the client's body is passed.
    pass_request_body: One<bool> = flag, "on"; in ALL;
    /// Whether trailers are passed.
    pass_trailers: One<bool> = flag, "off"; in ALL;
    /// From the start of connecting to an established connection.
    connect_timeout: One<Duration> = time, "60s"; in ALL;
    /// Longest gap between two writes of the request.
    send_timeout: One<Duration> = time, "60s"; in ALL;
    /// From the sent request to the whole response head; then the longest gap between two reads.
    read_timeout: One<Duration> = time, "60s"; in ALL;
    /// Bytes for the response head.
    buffer_size: One<usize> = size, "4k"; in ALL;
    /// Buffers for the response body.
    buffers: One<Buffers> = buffers, "8 4k"; in ALL, Arity::TWO;
    /// Biggest temporary file of a response, bytes; 0 = none.
    max_temp_file_size: One<u64> = memory_size, "1024m"; in ALL;
    /// Bytes per second from the upstream; 0 = no limit.
    limit_rate: One<RateLimit> = rate, "0"; in ALL;
    /// Whether ranges are cut here even if the upstream does not claim to support them.
    force_ranges: One<bool> = flag, "off"; in ALL;
    /// Method of upstream requests; without it, the client's.
    method: Maybe<Template> = template; in ALL;
    /// Upstream response headers without effect.
    ignore_headers: Sum<IgnoreHeaders> = bits, ""; in ALL, Arity::SOME;
    /// When a request is passed to the next server.
    next_upstream: Sum<NextUpstream> = bits, "error timeout"; in ALL, Arity::SOME;
    /// Most tries; 0 = as many as there are servers.
    next_upstream_tries: One<u32> = count, "0"; in ALL;
    /// From the first try to the start of the last; zero = no limit.
    next_upstream_timeout: One<Duration> = time, "0"; in ALL;
    /// Changes of `Location` and `Refresh`; without one, what `default` means.
    redirect: Many<Redirect> = redirect; in ALL, Arity::between(1, 2);
    /// Changes of the `Domain` of cookies.
    cookie_domain: Many<CookieRewrite> = cookie_domain; in ALL, Arity::between(1, 2);
    /// Changes of the `Path` of cookies.
    cookie_path: Many<CookieRewrite> = cookie_path; in ALL, Arity::between(1, 2);
    /// Changes of the flags of cookies.
    cookie_flags: Many<CookieFlagsRule> = cookie_flags; in ALL, Arity::between(1, 4);
    /// Local address of upstream connections; `off` = the system's choice.
    bind: Maybe<Option<Bind>> = bind; in ALL, Arity::between(1, 2);
    /// `SO_KEEPALIVE` on upstream connections.
    socket_keepalive: One<bool> = flag, "off"; in ALL;
    /// `SO_RCVBUF` of upstream connections, bytes; 0 = the system's.
    socket_rcvbuf: One<usize> = size, "0"; in ALL;
    /// `SO_SNDBUF` of upstream connections, bytes; 0 = the system's.
    socket_sndbuf: One<usize> = size, "0"; in ALL;
    /// Versions of TLS that upstreams may speak. weir has TLS 1.2 and 1.3; before nginx 1.23.4 1.3 must be named.
    ssl_protocols: Sum<TlsVersions> = versions, "TLSv1.2 TLSv1.3"; in ALL, Arity::SOME;
    /// Cipher suites up to TLS 1.2 that upstreams are offered, in OpenSSL's language; weir has ECDHE with AES-GCM
    /// and ChaCha20, and without this offers all of them.
    ssl_ciphers: Maybe<Ciphers> = ciphers; in ALL;
    /// Whether later handshakes with a peer go on with what earlier ones have settled.
    ssl_session_reuse: One<bool> = flag, "on"; in ALL;
    /// The name that an upstream's certificate must have, and that it is told; without one, `$proxy_host`'s.
    ssl_name: Maybe<Template> = template; in ALL;
    /// Whether upstreams are told which name is wanted (SNI).
    ssl_server_name: One<bool> = flag, "off"; in ALL;
    /// Whether an upstream's certificate must be one of a trusted authority's, and have the name.
    ssl_verify: One<bool> = flag, "off"; in ALL;
    /// Most certificates between an upstream's and the authority's.
    ssl_verify_depth: One<u32> = count, "1"; in ALL;
    /// A file of authorities that are trusted.
    ssl_trusted_certificate: Maybe<Option<PathBuf>> = tls_path; in ALL;
    /// A file of lists of certificates that were revoked; there must be one of each authority in the chain.
    ssl_crl: Maybe<Option<PathBuf>> = tls_path; in ALL;
    /// A certificate that upstreams are shown that ask for one; variables are read for each connection.
    ssl_certificate: Maybe<Credential> = upstream_credential; in ALL;
    /// The certificate's key: PKCS#1, PKCS#8 or SEC1.
    ssl_certificate_key: Maybe<Credential> = upstream_credential; in ALL;
    /// A file with a password on each line, which are tried on encrypted keys.
    ssl_password_file: Maybe<Passwords> = passwords; in ALL;
    /// A line of OpenSSL's own configuration: `MinProtocol`, `MaxProtocol`, `Protocol`, `CipherString`, `Ciphersuites`, `Curves`,
    /// `Groups`, and of `Options` `SessionTicket`; of others a warning says that nothing comes.
    ssl_conf_command: Many<ConfCommand> = upstream_conf_command; in ALL, Arity::TWO;
    /// Whether certificates whose names have variables are kept, how many, and for how long.
    ssl_certificate_cache: Maybe<Option<Arc<CertificateCache>>> = certificate_cache; in ALL, Arity::between(1, 3);

    raw {
        /// Where temporary files of responses go.
        temp_path: Maybe<TempPath> = temp_path, "proxy_temp"; in ALL, Arity::between(1, 4);
        /// Version of upstream requests; 1.1, before nginx 1.29.7 1.0.
        http_version: Maybe<HttpVersion> = http_version; in ALL;
        /// A header of upstream requests.
        set_header: Many<WrittenHeader> = set_header; in ALL, Arity::TWO;
        /// Body of upstream requests; without it, the client's.
        set_body: Maybe<LateText> = late_text; in ALL;
        /// A response header that is not passed on.
        hide_header: Many<String> = header_name; in ALL;
        /// A response header that is passed on though it is usually not.
        pass_header: Many<String> = header_name; in ALL;
    }
    checked {
        /// Bytes of a response that may be on their way to the client while the upstream is read;
        /// without it, twice the larger of `proxy_buffer_size` and one of the `proxy_buffers`.
        busy_buffers_size: Maybe<usize> = size; in ALL;
            because "what is ready is written, whatever its size";
        /// Bytes written to the temporary file at once; without it, twice the larger of
        /// `proxy_buffer_size` and one of the `proxy_buffers`.
        temp_file_write_size: Maybe<usize> = size; in ALL;
            because "what waits in memory is written to the file at once, whatever its size";
    }
    derived {
        /// Where temporary files of responses go.
        temp_path: TempPath,
        /// Body of upstream requests; without it, the client's.
        set_body: Option<Template>,
        /// Version of upstream requests.
        http_version: HttpVersion,
        /// Headers of upstream requests. `Content-Length` and `Transfer-Encoding` come from
        /// [`crate::Variable::ProxyInternalBodyLength`] and
        /// [`crate::Variable::ProxyInternalChunked`] unless written.
        set_header: RequestHeaders,
        /// Response headers not passed on: nginx's own list, `proxy_hide_header`, without
        /// `proxy_pass_header`.
        hidden: HeaderNames,
    }
}
