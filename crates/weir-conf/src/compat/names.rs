//! Directives and variables that only some generations have.

use super::Compat;

/// Directives that nginx 1.22.1 lacks.
const DIRECTIVES_SINCE_1_28: &[&str] = &[
    "grpc_ssl_certificate_cache",
    "http2",
    "http3",
    "http3_hq",
    "http3_max_concurrent_streams",
    "http3_stream_buffer_size",
    "keepalive_min_timeout",
    "proxy_pass_trailers",
    "proxy_ssl_certificate_cache",
    "quic_active_connection_id_limit",
    "quic_bpf",
    "quic_gso",
    "quic_host_key",
    "quic_retry",
    "ssl_certificate_cache",
    "ssl_object_cache_inheritable",
    "uwsgi_ssl_certificate_cache",
];

/// Directives that nginx 1.28.3 lacks, too.
const DIRECTIVES_SINCE_1_31: &[&str] = &[
    "add_header_inherit",
    "add_trailer_inherit",
    "client_body_early_read",
    "early_hints",
    "fastcgi_socket_rcvbuf",
    "fastcgi_socket_sndbuf",
    "grpc_socket_rcvbuf",
    "grpc_socket_sndbuf",
    "least_time",
    "proxy_socket_rcvbuf",
    "proxy_socket_sndbuf",
    "scgi_socket_rcvbuf",
    "scgi_socket_sndbuf",
    "ssl_certificate_compression",
    "ssl_ech_file",
    "sticky",
    "tunnel_bind",
    "tunnel_buffer_size",
    "tunnel_connect_timeout",
    "tunnel_next_upstream",
    "tunnel_next_upstream_timeout",
    "tunnel_next_upstream_tries",
    "tunnel_pass",
    "tunnel_read_timeout",
    "tunnel_send_lowat",
    "tunnel_send_timeout",
    "tunnel_socket_keepalive",
    "tunnel_socket_rcvbuf",
    "tunnel_socket_sndbuf",
    "uwsgi_socket_rcvbuf",
    "uwsgi_socket_sndbuf",
    "xml_external_entities",
];

/// The beginning of variables that nginx 1.22.1 lacks.
const PREFIX_SINCE_1_28: &str = "proxy_protocol_tlv_";

/// Variables that nginx 1.28.3 lacks.
const VARIABLES_SINCE_1_31: &[&str] = &[
    "is_request_port",
    "request_port",
    "ssl_client_sigalg",
    "ssl_ech_outer_server_name",
    "ssl_ech_status",
    "ssl_sigalg",
    "ssl_sigalgs",
];

impl Compat {
    /// Whether a directive that another generation has is unknown to this one.
    pub(crate) fn lacks_directive(self, name: &str) -> bool {
        match self {
            Self::V1_22 => {
                DIRECTIVES_SINCE_1_28.contains(&name) || DIRECTIVES_SINCE_1_31.contains(&name)
            }
            // Debian's 1.22.1 has it.
            Self::V1_28 => name == "max_headers" || DIRECTIVES_SINCE_1_31.contains(&name),
            Self::V1_31 => false,
        }
    }

    /// Whether a variable, its name in small letters, that another generation has is unknown to this
    /// one.
    pub(crate) fn lacks_variable(self, name: &str) -> bool {
        match self {
            Self::V1_22 => {
                name.starts_with(PREFIX_SINCE_1_28) || VARIABLES_SINCE_1_31.contains(&name)
            }
            Self::V1_28 => VARIABLES_SINCE_1_31.contains(&name),
            Self::V1_31 => false,
        }
    }
}
