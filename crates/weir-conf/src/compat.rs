//! Which nginx is reproduced, and everything that depends on it.

mod names;

/// The generation of nginx that weir behaves like; `compat 1.22|1.28|1.31;`, default 1.31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Compat {
    /// nginx 1.22.1, as Debian 12 ships it.
    V1_22,
    /// nginx 1.28.3.
    V1_28,
    /// nginx 1.31.5.
    #[default]
    V1_31,
}

impl Compat {
    /// The version that pages, `Server:` and `-V` show.
    pub fn version(self) -> &'static str {
        match self {
            Self::V1_22 => "1.22.1",
            Self::V1_28 => "1.28.3",
            Self::V1_31 => "1.31.5",
        }
    }

    /// The generation named in the `compat` directive.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "1.22" | "1.22.1" => Some(Self::V1_22),
            "1.28" | "1.28.3" => Some(Self::V1_28),
            "1.31" | "1.31.5" => Some(Self::V1_31),
            _ => None,
        }
    }

    /// The whole difference between the generations, decided once at load.
    pub fn differences(self) -> Differences {
        let since_1_23 = self >= Self::V1_28;
        let since_1_29 = self >= Self::V1_31;
        Differences {
            strict_upstream_lengths: since_1_23,
            upstream_http11_default: since_1_29,
            upstream_host_first: since_1_29,
            upstream_keepalive_default: since_1_29,
            early_hints: since_1_29,
            chunk_bare_lf_refused: since_1_29,
            page_407: since_1_29,
            connect_method_parsed: since_1_29,
            host_by_rfc3986: since_1_29,
            proxy_header_quoted_whole: !since_1_23,
            repeated_fields_joined: since_1_23,
            cookies_divided_by_semicolon_only: since_1_29,
            keepalive_before_method_allowed: since_1_29,
            upstream_keepalive_item: if since_1_29 { 160 } else { 152 },
            sticky_servers: since_1_29,
            upstream_http2: since_1_29,
            http2_push_obsolete: since_1_23,
            listen_http2_deprecated: since_1_23,
            http2_authority_apart: since_1_23,
            http2_heads_strict: since_1_29,
            server_resolve: since_1_23,
            resolver_ipv4: since_1_23,
            protocols_redefined: since_1_23,
            listen_quic: since_1_23,
            listen_multipath: since_1_29,
            header_lines_limited: self != Self::V1_28,
            ranges_weighed: since_1_29,
            content_range_replaced: since_1_23,
            split_ends_at_whole: since_1_29,
            geo_volatile: since_1_29,
            syslog_faults_name_server: since_1_23,
            brackets_without_port: since_1_23,
            gzip_static_ranges: since_1_23,
            expected_slice_told: since_1_23,
            trusted_certificate_suffices: since_1_23,
            tls_1_3_default: since_1_23,
            all_alerts_graded: since_1_29,
        }
    }
}

/// What a generation does differently; the only place where versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Differences {
    /// `ssl_verify_client` makes do with `ssl_trusted_certificate` (since 1.27.4); before, it asked for
    /// `ssl_client_certificate`.
    pub trusted_certificate_suffices: bool,
    /// Duplicate or malformed `Content-Length`, or unknown `Transfer-Encoding`, from an upstream
    /// is an invalid header (since 1.23.0); before, the last length won and the rest was ignored.
    pub strict_upstream_lengths: bool,
    /// `proxy_http_version` defaults to 1.1 and no `Connection` header is sent (since 1.29.7).
    pub upstream_http11_default: bool,
    /// Upstream requests begin with their one `Host` field, which HTTP/1.1 has even where
    /// `proxy_set_header Host` comes out empty (since 1.31.4); before, it was a header like others.
    pub upstream_host_first: bool,
    /// An explicit upstream block keeps 32 idle connections without being told (since 1.29.7).
    pub upstream_keepalive_default: bool,
    /// A 103 from the upstream is skipped or passed on; before, it counted as the final head.
    pub early_hints: bool,
    /// A bare LF after a chunk size of a request body is refused (since 1.29.4).
    pub chunk_bare_lf_refused: bool,
    /// 407 has a built-in page.
    pub page_407: bool,
    /// The authority form of a `CONNECT` target is parsed before the method is refused.
    pub connect_method_parsed: bool,
    /// `Host` and the authority of a target obey RFC 3986 (since 1.29.4); before, little was refused.
    pub host_by_rfc3986: bool,
    /// The log quotes all that was read in place of a PROXY protocol header, not its first line (before
    /// 1.23).
    pub proxy_header_quoted_whole: bool,
    /// The lines of a repeated field, or trailer, are joined in its variable (since 1.23); before, only
    /// those of `Cookie`, `X-Forwarded-For`, and of `Cache-Control` and `Link` in answers, and of others
    /// the first counts.
    pub repeated_fields_joined: bool,
    /// In `$cookie_NAME`, only `;` divides (since 1.29.6); before, `,` begins a cookie too.
    pub cookies_divided_by_semicolon_only: bool,
    /// `keepalive` may stand before the balancing method without a warning (since 1.29.7).
    pub keepalive_before_method_allowed: bool,
    /// Bytes that nginx sets aside for each connection of `keepalive`.
    pub upstream_keepalive_item: usize,
    /// `server` inside an upstream block takes `route=` and `drain` (since 1.29.6).
    pub sticky_servers: bool,
    /// `proxy_http_version 2` exists (since 1.29.4).
    pub upstream_http2: bool,
    /// `http2_push` and its kin are obsolete (since 1.25.1).
    pub http2_push_obsolete: bool,
    /// `listen … http2` is deprecated, for `http2` (since 1.25.1).
    pub listen_http2_deprecated: bool,
    /// HTTP/2's authority is no `Host`, which must say the same (since 1.29.4, and in 1.28.3); before, it is a `Host`
    /// like another.
    pub http2_authority_apart: bool,
    /// In HTTP/2, fields of a connection of HTTP/1 are refused, and pseudo-fields behind others (since 1.29.4).
    pub http2_heads_strict: bool,
    /// `server NAME resolve` inside an upstream block and `service=` exist (since 1.27.3).
    pub server_resolve: bool,
    /// `resolver` takes `ipv4=` (since 1.23.1).
    pub resolver_ipv4: bool,
    /// `listen … quic` exists (since 1.25.0).
    pub listen_quic: bool,
    /// `listen … multipath` exists (since 1.29.7).
    pub listen_multipath: bool,
    /// Servers that disagree on the protocol of an address are warned of (since 1.25.1).
    pub protocols_redefined: bool,
    /// `max_headers` holds (since 1.29; Debian's 1.22.1 has it, too).
    pub header_lines_limited: bool,
    /// Without a `max_ranges`, many small ranges that would cost more than the body are not served
    /// (1.31.5 does so, 1.28.3 does not).
    pub ranges_weighed: bool,
    /// Parts may be had of a file that `gzip_static` found; not from 1.22.1.
    pub gzip_static_ranges: bool,
    /// Of a slice that is not the one that was asked for, the log says which was (since 1.27.4).
    pub expected_slice_told: bool,
    /// A `Content-Range` of ours takes the place of one that is there already; 1.22.1 sends both.
    pub content_range_replaced: bool,
    /// The part of `split_clients` that fills up to 100 % has all that is left of the hashes (since 1.29);
    /// before, roundings left some without a part.
    pub split_ends_at_whole: bool,
    /// A `geo` may be `volatile` (since 1.29.3).
    pub geo_volatile: bool,
    /// Lines about a syslog server that cannot be reached name it (since 1.23).
    pub syslog_faults_name_server: bool,
    /// An address in `X-Forwarded-For` may stand in brackets without a port (since 1.23).
    pub brackets_without_port: bool,
    /// `ssl_protocols` and `proxy_ssl_protocols` have TLS 1.3 without being told (since 1.23.4).
    pub tls_1_3_default: bool,
    /// Every alert of TLS is the peer's doing, not only those that SSL 3.0 and TLS 1.2 brought (1.31.5 does so,
    /// 1.28.3 does not).
    pub all_alerts_graded: bool,
}
