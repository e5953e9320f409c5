//! Directives of nginx's that weir does not obey. Those that would change what clients see are
//! refused; those that only tune nginx, or something that is refused anyway, are ignored, and the
//! table says why.

use super::arguments::{self, Shape};
use super::{Arity, Contexts, EVENTS, Entry, HTTP, Inheritance, LOCATION, MAIN, SERVER, Support};

struct Family {
    /// What they are for, as a phrase; of ignored ones, why they change nothing here.
    what: &'static str,
    support: Support,
    contexts: Contexts,
    block: bool,
    /// Separated by spaces.
    names: &'static str,
}

const H: Contexts = HTTP;
const L: Contexts = LOCATION;
const HS: Contexts = Contexts(HTTP.0 | SERVER.0);
const SL: Contexts = Contexts(SERVER.0 | LOCATION.0);
const HSL: Contexts = Contexts(HTTP.0 | SERVER.0 | LOCATION.0);

const fn refused(contexts: Contexts, what: &'static str, names: &'static str) -> Family {
    Family {
        what,
        support: Support::Absent,
        contexts,
        block: false,
        names,
    }
}

const fn refused_block(contexts: Contexts, what: &'static str, names: &'static str) -> Family {
    Family {
        block: true,
        ..refused(contexts, what, names)
    }
}

const fn ignored(contexts: Contexts, because: &'static str, names: &'static str) -> Family {
    Family {
        support: Support::Ignored(because),
        ..refused(contexts, because, names)
    }
}

/// What may be written instead of a refused directive, or what happens without it.
pub(crate) fn instead(name: &str) -> &'static str {
    match name {
        "proxy_cache" | "proxy_store" => "without the line each request goes to the upstream",
        "ssl_ocsp" => {
            "a list of certificates that are good no longer needs no questions: `ssl_crl`"
        }
        "ssl_ech_file" => {
            "without the line clients are served whose hellos come in the clear; take the keys out of DNS, too"
        }
        "stream" => {
            "weir proxies HTTP: let an nginx or haproxy have these ports, with this block in a file of its own"
        }
        "mail" => "weir proxies HTTP: let an nginx have this block in a file of its own",
        _ => "leave it out if you can do without, or keep nginx for it",
    }
}

/// Why a directive changes nothing that only tunes what a refused one would switch on.
macro_rules! counts_with {
    ($switch:literal) => {
        concat!(
            "counts only with `",
            $switch,
            "`, which weir does not have yet"
        )
    };
}

/// Why sizes of hash tables change nothing.
const TABLES: &str = "tables take the room they need";
/// Why caches of open files change nothing.
const OPEN_FILES: &str = "each request opens its file anew, so that a change shows at once";
/// Why what is said of HTTP/3 changes nothing.
const QUIC: &str = "there is no QUIC yet: clients are served over TCP";
/// Why ways of reading files change nothing.
const READS: &str = "files are read through the system's cache";

const FAMILIES: &[Family] = &[
    ignored(
        MAIN,
        "no path hangs on it: relative ones are below the prefix; cores are dumped where weir was started",
        "working_directory",
    ),
    ignored(
        MAIN,
        "the clock is read whenever the time is needed",
        "timer_resolution",
    ),
    ignored(
        MAIN,
        "each worker has listening sockets of its own, and no lock",
        "lock_file",
    ),
    ignored(MAIN, "there are no debug points", "debug_points"),
    ignored(
        MAIN,
        "files are read by the workers themselves",
        "thread_pool",
    ),
    ignored(
        MAIN,
        "the priority that weir was started with holds: `nice`, or `Nice=` of systemd",
        "worker_priority",
    ),
    ignored(MAIN, "the system places the threads", "worker_cpu_affinity"),
    ignored(
        MAIN,
        "the limit that weir was started with holds: `ulimit -c`, or `LimitCORE=` of systemd",
        "worker_rlimit_core",
    ),
    ignored(EVENTS, "events come from epoll", "use"),
    ignored(
        EVENTS,
        "each worker has listening sockets of its own, and no lock",
        "accept_mutex accept_mutex_delay",
    ),
    ignored(
        EVENTS,
        "`error_log … debug` tells of all connections",
        "debug_connection",
    ),
    refused(MAIN, "OpenSSL engines", "ssl_engine"),
    ignored(
        EVENTS,
        "the event loop takes the room it needs",
        "epoll_events worker_aio_requests",
    ),
    ignored(
        H,
        TABLES,
        "variables_hash_max_size variables_hash_bucket_size server_names_hash_max_size \
            server_names_hash_bucket_size",
    ),
    ignored(HS, "requests have no pools of memory", "request_pool_size"),
    ignored(HSL, TABLES, "types_hash_max_size types_hash_bucket_size"),
    ignored(
        HSL,
        "weir makes no subrequests yet",
        "subrequest_output_buffer_size",
    ),
    ignored(
        HSL,
        READS,
        "aio aio_write read_ahead directio directio_alignment output_buffers",
    ),
    ignored(HSL, "nginx heeds it on FreeBSD only", "send_lowat"),
    ignored(
        HSL,
        OPEN_FILES,
        "open_file_cache open_file_cache_valid open_file_cache_min_uses \
            open_file_cache_errors open_file_cache_events",
    ),
    refused(
        HS,
        "request bodies read before the location is known",
        "client_body_early_read",
    ),
    refused(SL, "tunnels for `CONNECT`", "tunnel_pass"),
    ignored(
        HSL,
        counts_with!("tunnel_pass"),
        "tunnel_bind tunnel_buffer_size tunnel_connect_timeout tunnel_next_upstream \
            tunnel_next_upstream_timeout tunnel_next_upstream_tries tunnel_read_timeout \
            tunnel_send_lowat tunnel_send_timeout tunnel_socket_keepalive \
            tunnel_socket_rcvbuf tunnel_socket_sndbuf",
    ),
    refused(
        HSL,
        "variables about browsers",
        "modern_browser ancient_browser",
    ),
    ignored(
        HSL,
        counts_with!("modern_browser"),
        "modern_browser_value ancient_browser_value",
    ),
    refused(HSL, "WebDAV", "dav_methods"),
    ignored(
        HSL,
        counts_with!("dav_methods"),
        "create_full_put_path min_delete_depth dav_access",
    ),
    refused(H, "answers under memory pressure", "degradation"),
    refused(HSL, "answers under memory pressure", "degrade"),
    refused(L, "FastCGI backends", "fastcgi_pass"),
    ignored(
        HSL,
        counts_with!("fastcgi_pass"),
        "fastcgi_index fastcgi_split_path_info fastcgi_store fastcgi_store_access \
            fastcgi_buffering fastcgi_request_buffering fastcgi_ignore_client_abort \
            fastcgi_bind fastcgi_socket_keepalive fastcgi_connect_timeout \
            fastcgi_send_timeout fastcgi_send_lowat fastcgi_buffer_size \
            fastcgi_pass_request_headers fastcgi_pass_request_body fastcgi_intercept_errors \
            fastcgi_read_timeout fastcgi_buffers fastcgi_busy_buffers_size \
            fastcgi_force_ranges fastcgi_limit_rate fastcgi_cache fastcgi_cache_key \
            fastcgi_cache_bypass fastcgi_no_cache fastcgi_cache_valid fastcgi_cache_min_uses \
            fastcgi_cache_max_range_offset fastcgi_cache_use_stale fastcgi_cache_methods \
            fastcgi_cache_lock fastcgi_cache_lock_timeout fastcgi_cache_lock_age \
            fastcgi_cache_revalidate fastcgi_cache_background_update fastcgi_temp_path \
            fastcgi_max_temp_file_size fastcgi_temp_file_write_size fastcgi_next_upstream \
            fastcgi_next_upstream_tries fastcgi_next_upstream_timeout fastcgi_param \
            fastcgi_pass_header fastcgi_hide_header fastcgi_ignore_headers \
            fastcgi_catch_stderr fastcgi_keep_conn \
            fastcgi_socket_rcvbuf fastcgi_socket_sndbuf",
    ),
    ignored(H, counts_with!("fastcgi_pass"), "fastcgi_cache_path"),
    refused(
        H,
        "variables by GeoIP database",
        "geoip_country geoip_org geoip_city",
    ),
    ignored(
        H,
        counts_with!("geoip_country"),
        "geoip_proxy geoip_proxy_recursive",
    ),
    refused(L, "gRPC backends", "grpc_pass"),
    ignored(
        HSL,
        counts_with!("grpc_pass"),
        "grpc_bind grpc_socket_keepalive grpc_connect_timeout grpc_send_timeout \
            grpc_intercept_errors grpc_buffer_size grpc_read_timeout grpc_next_upstream \
            grpc_next_upstream_tries grpc_next_upstream_timeout grpc_set_header \
            grpc_pass_header grpc_hide_header grpc_ignore_headers grpc_ssl_session_reuse \
            grpc_ssl_protocols grpc_ssl_ciphers grpc_ssl_name grpc_ssl_server_name \
            grpc_ssl_verify grpc_ssl_verify_depth grpc_ssl_trusted_certificate grpc_ssl_crl \
            grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_certificate_cache \
            grpc_ssl_password_file grpc_ssl_conf_command \
            grpc_socket_rcvbuf grpc_socket_sndbuf",
    ),
    ignored(
        HSL,
        "what is decompressed goes on at once",
        "gunzip_buffers",
    ),
    refused(L, "image conversion", "image_filter"),
    ignored(
        HSL,
        counts_with!("image_filter"),
        "image_filter_jpeg_quality image_filter_webp_quality image_filter_sharpen \
            image_filter_transparency image_filter_interlace image_filter_buffer",
    ),
    ignored(H, TABLES, "map_hash_max_size map_hash_bucket_size"),
    refused(L, "scripts in Perl", "perl"),
    refused(H, "scripts in Perl", "perl_modules perl_require perl_set"),
    refused(L, "memcached backends", "memcached_pass"),
    ignored(
        HSL,
        counts_with!("memcached_pass"),
        "memcached_bind memcached_socket_keepalive memcached_connect_timeout \
            memcached_send_timeout memcached_buffer_size memcached_read_timeout \
            memcached_next_upstream memcached_next_upstream_tries \
            memcached_next_upstream_timeout memcached_gzip_flag",
    ),
    refused(HSL, "stored or cached responses", "proxy_store proxy_cache"),
    ignored(HSL, counts_with!("proxy_store"), "proxy_store_access"),
    ignored(HSL, "nginx heeds it on FreeBSD only", "proxy_send_lowat"),
    ignored(
        HSL,
        TABLES,
        "proxy_headers_hash_max_size proxy_headers_hash_bucket_size",
    ),
    ignored(
        HSL,
        counts_with!("proxy_cache"),
        "proxy_cache_key proxy_cache_bypass proxy_no_cache proxy_cache_valid \
            proxy_cache_min_uses proxy_cache_max_range_offset proxy_cache_use_stale \
            proxy_cache_methods proxy_cache_lock proxy_cache_lock_timeout \
            proxy_cache_lock_age proxy_cache_revalidate proxy_cache_convert_head \
            proxy_cache_background_update",
    ),
    ignored(H, counts_with!("proxy_cache"), "proxy_cache_path"),
    ignored(SL, TABLES, "referer_hash_max_size referer_hash_bucket_size"),
    refused(L, "SCGI backends", "scgi_pass"),
    ignored(
        HSL,
        counts_with!("scgi_pass"),
        "scgi_store scgi_store_access scgi_buffering scgi_request_buffering \
            scgi_ignore_client_abort scgi_bind scgi_socket_keepalive scgi_connect_timeout \
            scgi_send_timeout scgi_buffer_size scgi_pass_request_headers \
            scgi_pass_request_body scgi_intercept_errors scgi_read_timeout scgi_buffers \
            scgi_busy_buffers_size scgi_force_ranges scgi_limit_rate scgi_cache \
            scgi_cache_key scgi_cache_bypass scgi_no_cache scgi_cache_valid \
            scgi_cache_min_uses scgi_cache_max_range_offset scgi_cache_use_stale \
            scgi_cache_methods scgi_cache_lock scgi_cache_lock_timeout scgi_cache_lock_age \
            scgi_cache_revalidate scgi_cache_background_update scgi_temp_path \
            scgi_max_temp_file_size scgi_temp_file_write_size scgi_next_upstream \
            scgi_next_upstream_tries scgi_next_upstream_timeout scgi_param scgi_pass_header \
            scgi_hide_header scgi_ignore_headers \
            scgi_socket_rcvbuf scgi_socket_sndbuf",
    ),
    ignored(H, counts_with!("scgi_pass"), "scgi_cache_path"),
    refused(HSL, "server-side includes", "ssi"),
    ignored(
        HSL,
        counts_with!("ssi"),
        "ssi_silent_errors ssi_ignore_recycled_buffers ssi_min_file_chunk \
            ssi_value_length ssi_types ssi_last_modified",
    ),
    refused(HS, "questions about clients' certificates", "ssl_ocsp"),
    refused(HS, "encrypted hellos", "ssl_ech_file"),
    ignored(
        HS,
        counts_with!("ssl_ocsp"),
        "ssl_ocsp_responder ssl_ocsp_cache",
    ),
    ignored(
        MAIN,
        "certificates and keys are read anew on each reload",
        "ssl_object_cache_inheritable",
    ),
    refused(L, "uWSGI backends", "uwsgi_pass"),
    ignored(
        HSL,
        counts_with!("uwsgi_pass"),
        "uwsgi_modifier1 uwsgi_modifier2 uwsgi_store uwsgi_store_access uwsgi_buffering \
            uwsgi_request_buffering uwsgi_ignore_client_abort uwsgi_bind \
            uwsgi_socket_keepalive uwsgi_connect_timeout uwsgi_send_timeout \
            uwsgi_buffer_size uwsgi_pass_request_headers uwsgi_pass_request_body \
            uwsgi_intercept_errors uwsgi_read_timeout uwsgi_buffers uwsgi_busy_buffers_size \
            uwsgi_force_ranges uwsgi_limit_rate uwsgi_cache uwsgi_cache_key \
            uwsgi_cache_bypass uwsgi_no_cache uwsgi_cache_valid uwsgi_cache_min_uses \
            uwsgi_cache_max_range_offset uwsgi_cache_use_stale uwsgi_cache_methods \
            uwsgi_cache_lock uwsgi_cache_lock_timeout uwsgi_cache_lock_age \
            uwsgi_cache_revalidate uwsgi_cache_background_update uwsgi_temp_path \
            uwsgi_max_temp_file_size uwsgi_temp_file_write_size uwsgi_next_upstream \
            uwsgi_next_upstream_tries uwsgi_next_upstream_timeout uwsgi_param uwsgi_string \
            uwsgi_pass_header uwsgi_hide_header uwsgi_ignore_headers uwsgi_ssl_session_reuse \
            uwsgi_ssl_protocols uwsgi_ssl_ciphers uwsgi_ssl_name uwsgi_ssl_server_name \
            uwsgi_ssl_verify uwsgi_ssl_verify_depth uwsgi_ssl_trusted_certificate \
            uwsgi_ssl_crl uwsgi_ssl_certificate uwsgi_ssl_certificate_key \
            uwsgi_ssl_certificate_cache uwsgi_ssl_password_file uwsgi_ssl_conf_command \
            uwsgi_socket_rcvbuf uwsgi_socket_sndbuf",
    ),
    ignored(H, counts_with!("uwsgi_pass"), "uwsgi_cache_path"),
    ignored(
        HSL,
        counts_with!("xslt_stylesheet"),
        "xml_entities xml_external_entities xslt_param xslt_string_param xslt_types xslt_last_modified",
    ),
    refused(L, "XSLT", "xslt_stylesheet"),
    refused_block(MAIN, "plain TCP or UDP", "stream"),
    refused_block(MAIN, "mail", "mail"),
    ignored(
        HS,
        "nginx ignores it, too",
        "http2_idle_timeout http2_max_concurrent_pushes http2_max_field_size http2_max_header_size \
            http2_max_requests http2_recv_timeout",
    ),
    ignored(
        HSL,
        "nothing is pushed to clients",
        "http2_push http2_push_preload",
    ),
    ignored(
        HS,
        "streams have no pools of memory, and no index of a fixed size",
        "http2_pool_size http2_streams_index_size",
    ),
    ignored(
        H,
        "what is read at once is measured by weir's own buffers",
        "http2_recv_buffer_size",
    ),
    ignored(
        HS,
        QUIC,
        "http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size \
            quic_active_connection_id_limit quic_gso quic_host_key quic_retry",
    ),
    ignored(MAIN, QUIC, "quic_bpf"),
];

/// The rows.
pub(crate) fn entries() -> impl Iterator<Item = Entry> {
    FAMILIES.iter().flat_map(|family| {
        family.names.split_whitespace().map(|name| Entry {
            name,
            contexts: family.contexts,
            arity: arity(family, name),
            block: family.block,
            default: None,
            inheritance: Inheritance::None,
            support: family.support,
            doc: family.what,
        })
    })
}

/// Refused ones are refused whatever they are told.
fn arity(family: &Family, name: &str) -> Arity {
    let shape = match family.support {
        Support::Ignored(_) => arguments::shape(name),
        Support::Obeyed | Support::Checked(_) | Support::Absent => None,
    };
    shape.map_or(Arity::ANY, Shape::arity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_all_that_is_ignored_are_known() {
        let unknown: Vec<_> = entries()
            .filter(|entry| matches!(entry.support, Support::Ignored(_)))
            .filter(|entry| arguments::shape(entry.name).is_none())
            .map(|entry| entry.name)
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
