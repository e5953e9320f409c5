//! Directives of nginx's that weir does not obey. Those that would change what clients see are
//! refused; those that only tune nginx, or something that is refused anyway, are ignored.

use super::{Arity, Contexts, EVENTS, Entry, HTTP, LOCATION, MAIN, SERVER, Support, UPSTREAM};

struct Family {
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

const fn ignored(contexts: Contexts, what: &'static str, names: &'static str) -> Family {
    Family {
        support: Support::Ignored,
        ..refused(contexts, what, names)
    }
}

const FAMILIES: &[Family] = &[
    refused(MAIN, "How nginx's processes work.", "working_directory"),
    ignored(
        MAIN,
        "How nginx's processes work.",
        "timer_resolution lock_file debug_points worker_priority worker_cpu_affinity \
            worker_rlimit_core load_module",
    ),
    ignored(MAIN, "PCRE.", "pcre_jit"),
    ignored(
        EVENTS,
        "How nginx waits for events.",
        "use accept_mutex accept_mutex_delay debug_connection",
    ),
    refused(MAIN, "OpenSSL engines.", "ssl_engine"),
    ignored(EVENTS, "epoll and aio.", "epoll_events worker_aio_requests"),
    ignored(
        H,
        "Hash tables, pools and files of nginx's own.",
        "variables_hash_max_size variables_hash_bucket_size server_names_hash_max_size \
            server_names_hash_bucket_size",
    ),
    ignored(
        HS,
        "Hash tables, pools and files of nginx's own.",
        "request_pool_size",
    ),
    refused(
        HSL,
        "Hash tables, pools and files of nginx's own.",
        "post_action resolver disable_symlinks",
    ),
    ignored(
        HSL,
        "Hash tables, pools and files of nginx's own.",
        "types_hash_max_size types_hash_bucket_size subrequest_output_buffer_size aio \
            aio_write read_ahead directio directio_alignment send_lowat auth_delay \
            open_file_cache open_file_cache_valid open_file_cache_min_uses \
            open_file_cache_errors open_file_cache_events resolver_timeout gzip_vary \
            gzip_http_version gzip_proxied gzip_disable",
    ),
    refused_block(
        L,
        "Hash tables, pools and files of nginx's own.",
        "limit_except",
    ),
    refused(UPSTREAM, "Names resolved at run time.", "resolver"),
    ignored(UPSTREAM, "Names resolved at run time.", "resolver_timeout"),
    refused(
        HSL,
        "Text added around responses.",
        "add_before_body add_after_body",
    ),
    ignored(HSL, "Text added around responses.", "addition_types"),
    refused(HSL, "Basic authentication.", "auth_basic"),
    ignored(HSL, "Basic authentication.", "auth_basic_user_file"),
    refused(
        HSL,
        "Authentication by a subrequest.",
        "auth_request auth_request_set",
    ),
    refused(HSL, "Listings of directories.", "autoindex"),
    ignored(
        HSL,
        "Listings of directories.",
        "autoindex_format autoindex_localtime autoindex_exact_size",
    ),
    refused(
        HSL,
        "Variables about browsers.",
        "modern_browser ancient_browser",
    ),
    ignored(
        HSL,
        "Variables about browsers.",
        "modern_browser_value ancient_browser_value",
    ),
    refused(
        HSL,
        "Character sets.",
        "charset source_charset override_charset",
    ),
    ignored(HSL, "Character sets.", "charset_types"),
    refused_block(H, "Character sets.", "charset_map"),
    refused(HSL, "WebDAV.", "dav_methods"),
    ignored(
        HSL,
        "WebDAV.",
        "create_full_put_path min_delete_depth dav_access",
    ),
    refused(H, "Answers under memory pressure.", "degradation"),
    refused(HSL, "Answers under memory pressure.", "degrade"),
    refused(L, "A one-pixel image.", "empty_gif"),
    refused(L, "FastCGI backends.", "fastcgi_pass"),
    ignored(
        HSL,
        "FastCGI backends.",
        "fastcgi_index fastcgi_split_path_info fastcgi_store fastcgi_store_access \
            fastcgi_buffering fastcgi_request_buffering fastcgi_ignore_client_abort \
            fastcgi_bind fastcgi_socket_keepalive fastcgi_connect_timeout fastcgi_send_timeout \
            fastcgi_send_lowat fastcgi_buffer_size fastcgi_pass_request_headers \
            fastcgi_pass_request_body fastcgi_intercept_errors fastcgi_read_timeout \
            fastcgi_buffers fastcgi_busy_buffers_size fastcgi_force_ranges fastcgi_limit_rate \
            fastcgi_cache fastcgi_cache_key fastcgi_cache_bypass fastcgi_no_cache \
            fastcgi_cache_valid fastcgi_cache_min_uses fastcgi_cache_max_range_offset \
            fastcgi_cache_use_stale fastcgi_cache_methods fastcgi_cache_lock \
            fastcgi_cache_lock_timeout fastcgi_cache_lock_age fastcgi_cache_revalidate \
            fastcgi_cache_background_update fastcgi_temp_path fastcgi_max_temp_file_size \
            fastcgi_temp_file_write_size fastcgi_next_upstream fastcgi_next_upstream_tries \
            fastcgi_next_upstream_timeout fastcgi_param fastcgi_pass_header \
            fastcgi_hide_header fastcgi_ignore_headers fastcgi_catch_stderr fastcgi_keep_conn",
    ),
    ignored(H, "FastCGI backends.", "fastcgi_cache_path"),
    refused(L, "Flash video.", "flv"),
    refused_block(H, "Variables by client address.", "geo"),
    refused(
        H,
        "Variables by GeoIP database.",
        "geoip_country geoip_org geoip_city",
    ),
    ignored(
        H,
        "Variables by GeoIP database.",
        "geoip_proxy geoip_proxy_recursive",
    ),
    refused(L, "gRPC backends.", "grpc_pass"),
    ignored(
        HSL,
        "gRPC backends.",
        "grpc_bind grpc_socket_keepalive grpc_connect_timeout grpc_send_timeout \
            grpc_intercept_errors grpc_buffer_size grpc_read_timeout grpc_next_upstream \
            grpc_next_upstream_tries grpc_next_upstream_timeout grpc_set_header \
            grpc_pass_header grpc_hide_header grpc_ignore_headers grpc_ssl_session_reuse \
            grpc_ssl_protocols grpc_ssl_ciphers grpc_ssl_name grpc_ssl_server_name \
            grpc_ssl_verify grpc_ssl_verify_depth grpc_ssl_trusted_certificate grpc_ssl_crl \
            grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_certificate_cache \
            grpc_ssl_password_file grpc_ssl_conf_command",
    ),
    refused(HSL, "Decompression.", "gunzip"),
    ignored(HSL, "Decompression.", "gunzip_buffers"),
    refused(HSL, "Compression.", "gzip"),
    ignored(
        HSL,
        "Compression.",
        "gzip_buffers gzip_types gzip_comp_level gzip_window gzip_hash postpone_gzipping \
            gzip_no_buffer gzip_min_length",
    ),
    refused(HSL, "Compressed files.", "gzip_static"),
    refused(HSL, "Expiry headers.", "expires"),
    refused(L, "Image conversion.", "image_filter"),
    ignored(
        HSL,
        "Image conversion.",
        "image_filter_jpeg_quality image_filter_webp_quality image_filter_sharpen \
            image_filter_transparency image_filter_interlace image_filter_buffer",
    ),
    ignored(H, "Limits of connections.", "limit_conn_zone"),
    refused(HSL, "Limits of connections.", "limit_conn"),
    ignored(
        HSL,
        "Limits of connections.",
        "limit_conn_log_level limit_conn_status limit_conn_dry_run",
    ),
    ignored(H, "Limits of request rates.", "limit_req_zone"),
    refused(HSL, "Limits of request rates.", "limit_req"),
    ignored(
        HSL,
        "Limits of request rates.",
        "limit_req_log_level limit_req_status limit_req_dry_run",
    ),
    ignored(
        HSL,
        "Log files with variables in their names.",
        "open_log_file_cache",
    ),
    refused_block(H, "Variables by other variables.", "map"),
    ignored(
        H,
        "Variables by other variables.",
        "map_hash_max_size map_hash_bucket_size",
    ),
    refused(L, "memcached backends.", "memcached_pass"),
    ignored(
        HSL,
        "memcached backends.",
        "memcached_bind memcached_socket_keepalive memcached_connect_timeout \
            memcached_send_timeout memcached_buffer_size memcached_read_timeout \
            memcached_next_upstream memcached_next_upstream_tries \
            memcached_next_upstream_timeout memcached_gzip_flag",
    ),
    refused(HSL, "Mirrored requests.", "mirror"),
    ignored(HSL, "Mirrored requests.", "mirror_request_body"),
    refused(L, "MP4 seeking.", "mp4"),
    ignored(
        HSL,
        "MP4 seeking.",
        "mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame",
    ),
    refused(
        HSL,
        "Caching and TLS towards upstreams.",
        "proxy_store proxy_cache",
    ),
    ignored(
        HSL,
        "Caching and TLS towards upstreams.",
        "proxy_store_access proxy_send_lowat proxy_headers_hash_max_size \
            proxy_headers_hash_bucket_size proxy_cache_key proxy_cache_bypass proxy_no_cache \
            proxy_cache_valid proxy_cache_min_uses proxy_cache_max_range_offset \
            proxy_cache_use_stale proxy_cache_methods proxy_cache_lock \
            proxy_cache_lock_timeout proxy_cache_lock_age proxy_cache_revalidate \
            proxy_cache_convert_head proxy_cache_background_update proxy_ssl_session_reuse \
            proxy_ssl_protocols proxy_ssl_ciphers proxy_ssl_name proxy_ssl_server_name \
            proxy_ssl_verify proxy_ssl_verify_depth proxy_ssl_trusted_certificate \
            proxy_ssl_crl proxy_ssl_certificate proxy_ssl_certificate_key \
            proxy_ssl_certificate_cache proxy_ssl_password_file proxy_ssl_conf_command",
    ),
    ignored(H, "Caching and TLS towards upstreams.", "proxy_cache_path"),
    refused(L, "Random files.", "random_index"),
    refused(HSL, "Client addresses from headers.", "set_real_ip_from"),
    ignored(
        HSL,
        "Client addresses from headers.",
        "real_ip_header real_ip_recursive",
    ),
    refused(SL, "Checks of the referer.", "valid_referers"),
    ignored(
        SL,
        "Checks of the referer.",
        "referer_hash_max_size referer_hash_bucket_size",
    ),
    refused(SL, "Rewriting and conditions.", "rewrite break set"),
    refused_block(SL, "Rewriting and conditions.", "if"),
    ignored(
        HSL,
        "Rewriting and conditions.",
        "rewrite_log uninitialized_variable_warn",
    ),
    refused(L, "SCGI backends.", "scgi_pass"),
    ignored(
        HSL,
        "SCGI backends.",
        "scgi_store scgi_store_access scgi_buffering scgi_request_buffering \
            scgi_ignore_client_abort scgi_bind scgi_socket_keepalive scgi_connect_timeout \
            scgi_send_timeout scgi_buffer_size scgi_pass_request_headers \
            scgi_pass_request_body scgi_intercept_errors scgi_read_timeout scgi_buffers \
            scgi_busy_buffers_size scgi_force_ranges scgi_limit_rate scgi_cache scgi_cache_key \
            scgi_cache_bypass scgi_no_cache scgi_cache_valid scgi_cache_min_uses \
            scgi_cache_max_range_offset scgi_cache_use_stale scgi_cache_methods \
            scgi_cache_lock scgi_cache_lock_timeout scgi_cache_lock_age scgi_cache_revalidate \
            scgi_cache_background_update scgi_temp_path scgi_max_temp_file_size \
            scgi_temp_file_write_size scgi_next_upstream scgi_next_upstream_tries \
            scgi_next_upstream_timeout scgi_param scgi_pass_header scgi_hide_header \
            scgi_ignore_headers",
    ),
    ignored(H, "SCGI backends.", "scgi_cache_path"),
    refused(
        HSL,
        "Signed links.",
        "secure_link secure_link_md5 secure_link_secret",
    ),
    refused(HSL, "Responses in slices.", "slice"),
    refused_block(H, "Split testing.", "split_clients"),
    refused(HSL, "Server-side includes.", "ssi"),
    ignored(
        HSL,
        "Server-side includes.",
        "ssi_silent_errors ssi_ignore_recycled_buffers ssi_min_file_chunk ssi_value_length \
            ssi_types ssi_last_modified",
    ),
    refused(HS, "TLS towards clients.", "ssl_reject_handshake"),
    ignored(
        HS,
        "TLS towards clients.",
        "ssl_certificate ssl_certificate_key ssl_certificate_cache ssl_password_file \
            ssl_dhparam ssl_ecdh_curve ssl_protocols ssl_ciphers ssl_buffer_size \
            ssl_verify_client ssl_verify_depth ssl_client_certificate ssl_trusted_certificate \
            ssl_prefer_server_ciphers ssl_session_cache ssl_session_tickets \
            ssl_session_ticket_key ssl_session_timeout ssl_crl ssl_ocsp ssl_ocsp_responder \
            ssl_ocsp_cache ssl_stapling ssl_stapling_file ssl_stapling_responder \
            ssl_stapling_verify ssl_early_data ssl_conf_command",
    ),
    refused(SL, "Status page.", "stub_status"),
    refused(HSL, "Text replaced in responses.", "sub_filter"),
    ignored(
        HSL,
        "Text replaced in responses.",
        "sub_filter_types sub_filter_once sub_filter_last_modified",
    ),
    refused(HSL, "Cookies that count visitors.", "userid"),
    ignored(
        HSL,
        "Cookies that count visitors.",
        "userid_service userid_name userid_domain userid_path userid_expires userid_flags \
            userid_p3p userid_mark",
    ),
    refused(L, "uWSGI backends.", "uwsgi_pass"),
    ignored(
        HSL,
        "uWSGI backends.",
        "uwsgi_modifier1 uwsgi_modifier2 uwsgi_store uwsgi_store_access uwsgi_buffering \
            uwsgi_request_buffering uwsgi_ignore_client_abort uwsgi_bind \
            uwsgi_socket_keepalive uwsgi_connect_timeout uwsgi_send_timeout uwsgi_buffer_size \
            uwsgi_pass_request_headers uwsgi_pass_request_body uwsgi_intercept_errors \
            uwsgi_read_timeout uwsgi_buffers uwsgi_busy_buffers_size uwsgi_force_ranges \
            uwsgi_limit_rate uwsgi_cache uwsgi_cache_key uwsgi_cache_bypass uwsgi_no_cache \
            uwsgi_cache_valid uwsgi_cache_min_uses uwsgi_cache_max_range_offset \
            uwsgi_cache_use_stale uwsgi_cache_methods uwsgi_cache_lock \
            uwsgi_cache_lock_timeout uwsgi_cache_lock_age uwsgi_cache_revalidate \
            uwsgi_cache_background_update uwsgi_temp_path uwsgi_max_temp_file_size \
            uwsgi_temp_file_write_size uwsgi_next_upstream uwsgi_next_upstream_tries \
            uwsgi_next_upstream_timeout uwsgi_param uwsgi_string uwsgi_pass_header \
            uwsgi_hide_header uwsgi_ignore_headers uwsgi_ssl_session_reuse uwsgi_ssl_protocols \
            uwsgi_ssl_ciphers uwsgi_ssl_name uwsgi_ssl_server_name uwsgi_ssl_verify \
            uwsgi_ssl_verify_depth uwsgi_ssl_trusted_certificate uwsgi_ssl_crl \
            uwsgi_ssl_certificate uwsgi_ssl_certificate_key uwsgi_ssl_certificate_cache \
            uwsgi_ssl_password_file uwsgi_ssl_conf_command",
    ),
    ignored(H, "uWSGI backends.", "uwsgi_cache_path"),
    ignored(
        HSL,
        "XSLT.",
        "xml_entities xslt_param xslt_string_param xslt_types xslt_last_modified",
    ),
    refused(L, "XSLT.", "xslt_stylesheet"),
    refused_block(MAIN, "Traffic that is not HTTP.", "stream mail"),
    ignored(
        HS,
        "HTTP/2 and HTTP/3.",
        "http2_body_preread_size http2_chunk_size http2_idle_timeout \
            http2_max_concurrent_streams http2_max_concurrent_pushes http2_max_field_size \
            http2_max_header_size http2_max_requests http2_recv_buffer_size http2_recv_timeout \
            http3_hq http3_max_concurrent_streams http3_stream_buffer_size \
            quic_active_connection_id_limit quic_bpf quic_gso quic_host_key quic_retry",
    ),
    refused(HS, "HTTP/2 and HTTP/3.", "http2 http3"),
];

/// The rows.
pub(crate) fn entries() -> impl Iterator<Item = Entry> {
    FAMILIES.iter().flat_map(|family| {
        family.names.split_whitespace().map(|name| Entry {
            name,
            contexts: family.contexts,
            arity: Arity::ANY,
            block: family.block,
            default: None,
            inheritance: "",
            support: family.support,
            doc: family.what,
        })
    })
}
