//! Every variable that weir knows, resolved once at load.

use crate::Compat;

/// No variable has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown \"{0}\" variable")]
pub struct UnknownVariable(pub String);

/// One row per variable: nginx's names, the variant, what it is. Prefixed ones carry the rest of
/// their name.
macro_rules! variables {
    (
        plain { $( $(#[doc = $doc:literal])+ $variant:ident = $($name:literal)|+; )+ }
        prefixed { $( $(#[doc = $pdoc:literal])+ $pvariant:ident = $prefix:literal, $form:path; )+ }
    ) => {
        /// A variable of nginx's, or weir's own; names are gone by the time a request comes.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Variable {
            $( $(#[doc = $doc])+ $variant, )+
            $( $(#[doc = $pdoc])+ $pvariant(Box<str>), )+
            /// `$1` to `$9`: a group of the last matched regular expression.
            Capture(u8),
            /// One that the configuration defines, by its index in `Http::variables`.
            Defined(u32),
        }

        impl Variable {
            /// The built-in variable called `name`, without its dollar sign.
            pub fn named(name: &str) -> Result<Self, UnknownVariable> {
                // Names are case-insensitive (`ngx_http_get_variable_index` lower-cases).
                let lower = name.to_ascii_lowercase();
                match lower.as_str() {
                    $( $($name)|+ => return Ok(Self::$variant), )+
                    _ => {}
                }
                $(
                    if let Some(rest) = lower.strip_prefix($prefix) {
                        return Ok(Self::$pvariant($form(rest)));
                    }
                )+
                Err(UnknownVariable(name.to_owned()))
            }
        }

        impl Variable {
            /// Whether it is one of many whose names begin alike.
            pub(crate) fn is_prefixed(&self) -> bool {
                matches!(self, $( Self::$pvariant(_) )|+)
            }
        }

        /// Names and meaning of every variable, for documentation and "did you mean".
        pub const VARIABLES: &[(&[&str], &str)] = &[
            $( (&[$($name),+], concat!($($doc),+)), )+
            $( (&[$prefix], concat!($($pdoc),+)), )+
        ];
    };
}

variables! {
    plain {
        /// Arguments of the request line.
        Args = "args" | "query_string";
        /// The client's address, 4 or 16 bytes.
        BinaryRemoteAddr = "binary_remote_addr";
        /// Bytes sent to the client without the head.
        BodyBytesSent = "body_bytes_sent";
        /// Bytes sent to the client.
        BytesSent = "bytes_sent";
        /// Serial number of the client connection.
        Connection = "connection";
        /// Requests so far over the client connection, this one included.
        ConnectionRequests = "connection_requests";
        /// Age of the client connection, seconds with milliseconds.
        ConnectionTime = "connection_time";
        /// Connections of clients, over all workers.
        ConnectionsActive = "connections_active";
        /// Requests whose head is being read.
        ConnectionsReading = "connections_reading";
        /// Connections that wait for a request.
        ConnectionsWaiting = "connections_waiting";
        /// Requests that are worked on.
        ConnectionsWriting = "connections_writing";
        /// The `Content-Length` request header.
        ContentLength = "content_length";
        /// The `Content-Type` request header.
        ContentType = "content_type";
        /// `root` or `alias` of the location.
        DocumentRoot = "document_root";
        /// Host of the request line, else of the `Host` header, else the server's name.
        Host = "host";
        /// The machine's name.
        Hostname = "hostname";
        /// The `Cookie` request headers.
        HttpCookie = "http_cookie";
        /// The `Host` request header.
        HttpHost = "http_host";
        /// The `Referer` request header.
        HttpReferer = "http_referer";
        /// The `User-Agent` request header.
        HttpUserAgent = "http_user_agent";
        /// The `Via` request headers.
        HttpVia = "http_via";
        /// The `X-Forwarded-For` request headers.
        HttpXForwardedFor = "http_x_forwarded_for";
        /// `on` over TLS, else empty.
        Https = "https";
        /// `?` when the request line has arguments, else empty.
        IsArgs = "is_args";
        /// `:` when `request_port` is not empty, else empty.
        IsRequestPort = "is_request_port";
        /// The rate limit of the response, bytes per second.
        LimitRate = "limit_rate";
        /// What became of the request by `limit_conn`.
        LimitConnStatus = "limit_conn_status";
        /// What became of the request by `limit_req`.
        LimitReqStatus = "limit_req_status";
        /// Now, seconds since the epoch with milliseconds.
        Msec = "msec";
        /// The reproduced nginx version.
        NginxVersion = "nginx_version";
        /// The worker's process id.
        Pid = "pid";
        /// `p` for a pipelined request, else `.`.
        Pipe = "pipe";
        /// The client's address from the PROXY protocol.
        ProxyProtocolAddr = "proxy_protocol_addr";
        /// The client's port from the PROXY protocol.
        ProxyProtocolPort = "proxy_protocol_port";
        /// The server's address from the PROXY protocol.
        ProxyProtocolServerAddr = "proxy_protocol_server_addr";
        /// The server's port from the PROXY protocol.
        ProxyProtocolServerPort = "proxy_protocol_server_port";
        /// `root` with symbolic links resolved.
        RealpathRoot = "realpath_root";
        /// The client's address.
        RemoteAddr = "remote_addr";
        /// The client's port.
        RemotePort = "remote_port";
        /// The address that the connection came from, whatever a balancer says.
        RealipRemoteAddr = "realip_remote_addr";
        /// The port that the connection came from, whatever a balancer says.
        RealipRemotePort = "realip_remote_port";
        /// The user of basic authentication.
        RemoteUser = "remote_user";
        /// `1` if `valid_referers` do not let clients come from where this one says it does, else empty.
        InvalidReferer = "invalid_referer";
        /// Whether a link was signed: `1`, or `0` if its time is over; of `secure_link_secret` the link.
        SecureLink = "secure_link";
        /// When a signed link ends.
        SecureLinkExpires = "secure_link_expires";
        /// The request line.
        Request = "request";
        /// The request body, when it is in memory.
        RequestBody = "request_body";
        /// The temporary file of the request body.
        RequestBodyFile = "request_body_file";
        /// `OK` when the request was completed, else empty.
        RequestCompletion = "request_completion";
        /// The file of the URI under `root` or `alias`.
        RequestFilename = "request_filename";
        /// 16 random bytes in hexadecimal.
        RequestId = "request_id";
        /// Bytes of the request: line, head and body.
        RequestLength = "request_length";
        /// The method.
        RequestMethod = "request_method";
        /// Port of the request line or of the `Host` header.
        RequestPort = "request_port";
        /// Time since the first byte of the request, seconds with milliseconds.
        RequestTime = "request_time";
        /// The URI as received, with arguments.
        RequestUri = "request_uri";
        /// `http` or `https`.
        Scheme = "scheme";
        /// The `Cache-Control` response headers.
        SentHttpCacheControl = "sent_http_cache_control";
        /// The `Connection` response header: `keep-alive`, `close` or `upgrade`.
        SentHttpConnection = "sent_http_connection";
        /// The `Content-Length` response header.
        SentHttpContentLength = "sent_http_content_length";
        /// The `Content-Type` response header.
        SentHttpContentType = "sent_http_content_type";
        /// The `Keep-Alive` response header.
        SentHttpKeepAlive = "sent_http_keep_alive";
        /// The `Last-Modified` response header.
        SentHttpLastModified = "sent_http_last_modified";
        /// The `Link` response headers.
        SentHttpLink = "sent_http_link";
        /// The `Location` response header.
        SentHttpLocation = "sent_http_location";
        /// The `Transfer-Encoding` response header.
        SentHttpTransferEncoding = "sent_http_transfer_encoding";
        /// The address that accepted the connection.
        ServerAddr = "server_addr";
        /// The first name of the server.
        ServerName = "server_name";
        /// The port that accepted the connection.
        ServerPort = "server_port";
        /// The protocol of the request line.
        ServerProtocol = "server_protocol";
        /// The response status, three digits.
        Status = "status";
        /// Smoothed round-trip time of the client connection, µs.
        TcpinfoRtt = "tcpinfo_rtt";
        /// Variance of the round-trip time, µs.
        TcpinfoRttvar = "tcpinfo_rttvar";
        /// Congestion window, segments.
        TcpinfoSndCwnd = "tcpinfo_snd_cwnd";
        /// Receive window, bytes.
        TcpinfoRcvSpace = "tcpinfo_rcv_space";
        /// Local time, ISO 8601.
        TimeIso8601 = "time_iso8601";
        /// Local time as in access logs.
        TimeLocal = "time_local";
        /// The decoded and normalised path, which internal redirects change.
        Uri = "uri" | "document_uri";
        /// Host and port of `proxy_pass`.
        ProxyHost = "proxy_host";
        /// Port of `proxy_pass`.
        ProxyPort = "proxy_port";
        /// `X-Forwarded-For` with the client's address appended.
        ProxyAddXForwardedFor = "proxy_add_x_forwarded_for";
        /// `Via` with this proxy appended.
        ProxyAddVia = "proxy_add_via";
        /// Length of the body passed on; empty when it is unknown. nginx's own use only.
        ProxyInternalBodyLength = "proxy_internal_body_length";
        /// `chunked` when the body is passed on so. nginx's own use only.
        ProxyInternalChunked = "proxy_internal_chunked";
        /// Address of each try.
        UpstreamAddr = "upstream_addr";
        /// Status of each try.
        UpstreamStatus = "upstream_status";
        /// Connect time of each try, seconds with milliseconds.
        UpstreamConnectTime = "upstream_connect_time";
        /// Time to the response head of each try.
        UpstreamHeaderTime = "upstream_header_time";
        /// Time to the response end of each try.
        UpstreamResponseTime = "upstream_response_time";
        /// Body bytes of each try.
        UpstreamResponseLength = "upstream_response_length";
        /// Bytes received in each try.
        UpstreamBytesReceived = "upstream_bytes_received";
        /// Bytes sent in each try.
        UpstreamBytesSent = "upstream_bytes_sent";
        /// State of the cache.
        UpstreamCacheStatus = "upstream_cache_status";
        /// Time in the queue of the upstream group.
        UpstreamQueueTime = "upstream_queue_time";
        /// Name of the last server tried, as written.
        UpstreamLastServerName = "upstream_last_server_name";
        /// The part of the response that is asked for now; `slice` says how long one is.
        SliceRange = "slice_range";
        /// Of caches, encrypted hellos and versions of OpenSSL later than 3.0, which weir has not got: not set, as in
        /// nginx where they are not in use.
        Unset = "ssl_client_sigalg" | "ssl_ech_outer_server_name" | "ssl_ech_status" | "ssl_sigalg"
            | "upstream_cache_etag" | "upstream_cache_last_modified";
        /// `h2`, or `h2c` without TLS, where HTTP/2 is spoken; else empty.
        Http2 = "http2";
        /// The cookie that a visitor is known by: name and number, as far as `userid` looks for it.
        UidGot = "uid_got";
        /// The cookie that a visitor gets.
        UidSet = "uid_set";
        /// Set to anything but `0`, has visitors get another cookie; `log` tells the error log.
        UidReset = "uid_reset";
        /// What the client says that it speaks inside TLS.
        SslAlpnProtocol = "ssl_alpn_protocol";
        /// The cipher suite, by OpenSSL's name.
        SslCipher = "ssl_cipher";
        /// The suites that the client offers, by OpenSSL's names or their numbers, `:` between them.
        SslCiphers = "ssl_ciphers";
        /// The client's certificate in armour, a tab in front of each line but the first.
        SslClientCert = "ssl_client_cert";
        /// The same, with `%` and two digits for what does not go into URIs.
        SslClientEscapedCert = "ssl_client_escaped_cert";
        /// The SHA-1 of the client's certificate.
        SslClientFingerprint = "ssl_client_fingerprint";
        /// Who has signed the client's certificate, as RFC 2253 writes names.
        SslClientIDn = "ssl_client_i_dn";
        /// The same as OpenSSL wrote names of old, `/C=…`.
        SslClientIDnLegacy = "ssl_client_i_dn_legacy";
        /// The client's certificate in armour.
        SslClientRawCert = "ssl_client_raw_cert";
        /// Whose the client's certificate is, as RFC 2253 writes names.
        SslClientSDn = "ssl_client_s_dn";
        /// The same as OpenSSL wrote names of old, `/C=…`.
        SslClientSDnLegacy = "ssl_client_s_dn_legacy";
        /// The number of the client's certificate.
        SslClientSerial = "ssl_client_serial";
        /// Until when the client's certificate is good.
        SslClientVEnd = "ssl_client_v_end";
        /// For how many days it still is.
        SslClientVRemain = "ssl_client_v_remain";
        /// From when it is good.
        SslClientVStart = "ssl_client_v_start";
        /// `SUCCESS`, `FAILED:` and why, or `NONE` of a client without a certificate.
        SslClientVerify = "ssl_client_verify";
        /// The group that keys were exchanged in.
        SslCurve = "ssl_curve";
        /// The groups that the client offers, by OpenSSL's names or their numbers, `:` between them.
        SslCurves = "ssl_curves";
        /// `1` while the handshake is not over of a connection whose first request came with the first flight.
        SslEarlyData = "ssl_early_data";
        /// The version of TLS.
        SslProtocol = "ssl_protocol";
        /// The name that the client asked for in the handshake.
        SslServerName = "ssl_server_name";
        /// The session's number, TLS 1.2 only.
        SslSessionId = "ssl_session_id";
        /// `r` if the client has come back to an earlier session, else `.`.
        SslSessionReused = "ssl_session_reused";
        /// The kinds of signatures that the client takes, by their numbers, `:` between them.
        SslSigalgs = "ssl_sigalgs";
        /// How many times shorter `gzip` made the body.
        GzipRatio = "gzip_ratio";
        /// weir's own: machine-readable reason of the failure of each try.
        UpstreamFailure = "upstream_failure";
        /// weir's own: what was being done when each try failed.
        UpstreamFailurePhase = "upstream_failure_phase";
    }
    prefixed {
        /// A TLV of the PROXY protocol, by name or `0x` number.
        ProxyProtocolTlv = "proxy_protocol_tlv_", as_is;
        /// A header of the last upstream response; lower-case, with dashes.
        UpstreamHttp = "upstream_http_", dashed;
        /// A trailer of the last upstream response; lower-case, with dashes.
        UpstreamTrailer = "upstream_trailer_", dashed;
        /// A cookie set by the last upstream response; lower-case.
        UpstreamCookie = "upstream_cookie_", as_is;
        /// A header of the response; lower-case, with dashes.
        SentHttp = "sent_http_", dashed;
        /// A trailer of the response; lower-case, with dashes.
        SentTrailer = "sent_trailer_", dashed;
        /// A header of the request; lower-case, with dashes.
        Http = "http_", dashed;
        /// A cookie of the request; lower-case, compared without case.
        Cookie = "cookie_", as_is;
        /// An argument of the request line; lower-case, compared without case.
        Arg = "arg_", as_is;
    }
}

/// Variables that a configuration may define anew (`NGX_HTTP_VAR_CHANGEABLE`), besides all those that
/// begin with a prefix and weir's own.
const CHANGEABLE: [&str; 11] = [
    "ancient_browser",
    "args",
    "invalid_referer",
    "limit_rate",
    "modern_browser",
    "msie",
    "proxy_host",
    "proxy_port",
    "uid_reset",
    "upstream_failure",
    "upstream_failure_phase",
];

/// Variables begin so that a configuration may define anew.
const CHANGEABLE_PREFIX: &str = "ssl_";

/// nginx's variables that weir has not got yet and that nginx never leaves empty.
const NOT_YET: [&str; 7] = [
    "ancient_browser",
    "date_gmt",
    "date_local",
    "fastcgi_path_info",
    "fastcgi_script_name",
    "modern_browser",
    "msie",
];

/// Whether nginx has a variable called `name`, in small letters, that weir has not got yet.
pub(crate) fn is_absent(name: &str) -> bool {
    NOT_YET.contains(&name)
}

/// Whether no line may define a variable called `name`, whatever the case, nor a regular expression a group:
/// nginx has one of that name (`ngx_http_add_variable`).
pub(crate) fn is_taken(name: &str, compat: Compat) -> bool {
    let name = name.to_ascii_lowercase();
    let mut all = VARIABLES.iter().flat_map(|(names, _)| names.iter());
    let known = all.any(|known| *known == name) || is_absent(&name);
    let changeable = CHANGEABLE.contains(&&*name) || name.starts_with(CHANGEABLE_PREFIX);
    known && !changeable && !compat.lacks_variable(&name)
}

fn as_is(name: &str) -> Box<str> {
    name.into()
}

/// Header names as they stand on the wire; nginx compares with `_` for `-`.
fn dashed(name: &str) -> Box<str> {
    name.replace('_', "-").into()
}
