//! Which shape the arguments of which directives have.

use super::Shape;

const PROTOCOLS: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const NEXT_TUNNEL: &[&str] = &["error", "timeout", "off"];
const NEXT_MEMCACHED: &[&str] = &["error", "timeout", "invalid_response", "not_found", "off"];

/// Names are separated by spaces.
pub(super) const SHAPES: &[(Shape, &str)] = &[
    (
        Shape::Flag,
        "accept_mutex aio_write open_file_cache_errors open_file_cache_events create_full_put_path \
            fastcgi_buffering fastcgi_request_buffering fastcgi_ignore_client_abort \
            fastcgi_socket_keepalive fastcgi_pass_request_headers fastcgi_pass_request_body \
            fastcgi_intercept_errors fastcgi_force_ranges fastcgi_cache_lock \
            fastcgi_cache_revalidate fastcgi_cache_background_update fastcgi_keep_conn \
            geoip_proxy_recursive grpc_socket_keepalive grpc_intercept_errors \
            grpc_ssl_session_reuse grpc_ssl_server_name grpc_ssl_verify \
            image_filter_transparency image_filter_interlace memcached_socket_keepalive \
            proxy_cache_lock proxy_cache_revalidate proxy_cache_convert_head \
            proxy_cache_background_update proxy_ssl_session_reuse proxy_ssl_server_name \
            proxy_ssl_verify \
            scgi_buffering scgi_request_buffering scgi_ignore_client_abort scgi_socket_keepalive \
            scgi_pass_request_headers scgi_pass_request_body scgi_intercept_errors \
            scgi_force_ranges scgi_cache_lock scgi_cache_revalidate scgi_cache_background_update \
            ssi_silent_errors ssi_ignore_recycled_buffers ssi_last_modified \
            uwsgi_buffering \
            uwsgi_request_buffering uwsgi_ignore_client_abort uwsgi_socket_keepalive \
            uwsgi_pass_request_headers uwsgi_pass_request_body uwsgi_intercept_errors \
            uwsgi_force_ranges uwsgi_cache_lock uwsgi_cache_revalidate uwsgi_ssl_session_reuse \
            uwsgi_ssl_server_name uwsgi_ssl_verify xslt_last_modified xml_external_entities http3 http3_hq quic_bpf quic_gso \
            quic_retry uwsgi_cache_background_update tunnel_socket_keepalive \
            ssl_object_cache_inheritable",
    ),
    (
        Shape::Number,
        "epoll_events worker_aio_requests variables_hash_max_size variables_hash_bucket_size \
            server_names_hash_max_size server_names_hash_bucket_size types_hash_max_size \
            types_hash_bucket_size proxy_headers_hash_max_size proxy_headers_hash_bucket_size \
            open_file_cache_min_uses min_delete_depth fastcgi_cache_min_uses \
            fastcgi_next_upstream_tries grpc_next_upstream_tries grpc_ssl_verify_depth \
            map_hash_max_size map_hash_bucket_size memcached_next_upstream_tries \
            memcached_gzip_flag proxy_cache_min_uses proxy_ssl_verify_depth \
            referer_hash_max_size referer_hash_bucket_size scgi_cache_min_uses \
            scgi_next_upstream_tries ssl_verify_depth uwsgi_cache_min_uses \
            uwsgi_next_upstream_tries uwsgi_ssl_verify_depth \
            http3_max_concurrent_streams quic_active_connection_id_limit tunnel_next_upstream_tries",
    ),
    (
        Shape::Size,
        "subrequest_output_buffer_size read_ahead \
            fastcgi_buffer_size fastcgi_busy_buffers_size fastcgi_max_temp_file_size \
            fastcgi_temp_file_write_size grpc_buffer_size image_filter_buffer \
            memcached_buffer_size scgi_buffer_size \
            scgi_busy_buffers_size scgi_max_temp_file_size scgi_temp_file_write_size \
            ssi_min_file_chunk ssi_value_length uwsgi_buffer_size \
            uwsgi_busy_buffers_size uwsgi_max_temp_file_size uwsgi_temp_file_write_size \
            http3_stream_buffer_size fastcgi_socket_rcvbuf \
            fastcgi_socket_sndbuf grpc_socket_rcvbuf grpc_socket_sndbuf scgi_socket_rcvbuf \
            scgi_socket_sndbuf uwsgi_socket_rcvbuf uwsgi_socket_sndbuf tunnel_socket_rcvbuf \
            tunnel_socket_sndbuf tunnel_buffer_size",
    ),
    (
        Shape::Offset,
        "worker_rlimit_core directio_alignment fastcgi_cache_max_range_offset \
            proxy_cache_max_range_offset scgi_cache_max_range_offset \
            uwsgi_cache_max_range_offset",
    ),
    (
        Shape::Time,
        "timer_resolution accept_mutex_delay \
            fastcgi_connect_timeout fastcgi_send_timeout fastcgi_read_timeout \
            fastcgi_cache_lock_timeout fastcgi_cache_lock_age fastcgi_next_upstream_timeout \
            grpc_connect_timeout grpc_send_timeout grpc_read_timeout grpc_next_upstream_timeout \
            memcached_connect_timeout memcached_send_timeout memcached_read_timeout \
            memcached_next_upstream_timeout proxy_cache_lock_timeout proxy_cache_lock_age \
            scgi_connect_timeout scgi_send_timeout scgi_read_timeout scgi_cache_lock_timeout \
            scgi_cache_lock_age scgi_next_upstream_timeout uwsgi_connect_timeout \
            uwsgi_send_timeout uwsgi_read_timeout uwsgi_cache_lock_timeout uwsgi_cache_lock_age \
            uwsgi_next_upstream_timeout tunnel_connect_timeout tunnel_next_upstream_timeout \
            tunnel_read_timeout tunnel_send_timeout",
    ),
    (Shape::Seconds, "open_file_cache_valid"),
    (
        Shape::Buffers,
        "fastcgi_buffers gunzip_buffers scgi_buffers uwsgi_buffers \
            output_buffers",
    ),
    (
        Shape::Text,
        "lock_file working_directory fastcgi_index grpc_ssl_ciphers grpc_ssl_trusted_certificate grpc_ssl_crl \
            proxy_ssl_ciphers proxy_ssl_trusted_certificate proxy_ssl_crl \
            ssl_client_certificate ssl_trusted_certificate \
            ssl_ocsp_responder ssl_stapling_file ssl_stapling_responder uwsgi_string \
            uwsgi_ssl_ciphers uwsgi_ssl_trusted_certificate uwsgi_ssl_crl",
    ),
    (
        Shape::Texts,
        "fastcgi_pass_header fastcgi_hide_header fastcgi_catch_stderr grpc_pass_header \
            grpc_hide_header scgi_pass_header scgi_hide_header \
            uwsgi_pass_header uwsgi_hide_header",
    ),
    (
        Shape::Pair,
        "grpc_set_header grpc_ssl_conf_command proxy_ssl_conf_command \
            uwsgi_ssl_conf_command",
    ),
    (
        Shape::Value,
        "fastcgi_cache_key proxy_cache_key scgi_cache_key uwsgi_cache_key \
            grpc_ssl_name proxy_ssl_name uwsgi_ssl_name grpc_ssl_certificate \
            grpc_ssl_certificate_key proxy_ssl_certificate proxy_ssl_certificate_key \
            uwsgi_ssl_certificate uwsgi_ssl_certificate_key",
    ),
    (
        Shape::Conditions,
        "fastcgi_cache_bypass fastcgi_no_cache proxy_cache_bypass proxy_no_cache \
            scgi_cache_bypass scgi_no_cache uwsgi_cache_bypass uwsgi_no_cache",
    ),
    (
        Shape::Rate,
        "fastcgi_limit_rate scgi_limit_rate uwsgi_limit_rate",
    ),
    (Shape::Types, "ssi_types xslt_types"),
    (
        Shape::Access,
        "dav_access fastcgi_store_access proxy_store_access scgi_store_access \
            uwsgi_store_access",
    ),
    (
        Shape::Bind,
        "fastcgi_bind grpc_bind memcached_bind scgi_bind tunnel_bind uwsgi_bind",
    ),
    (
        Shape::Path,
        "fastcgi_temp_path scgi_temp_path uwsgi_temp_path",
    ),
    (Shape::Between(0, 255), "uwsgi_modifier1 uwsgi_modifier2"),
    (Shape::FileCache, "open_file_cache"),
    (
        Shape::LowMark,
        "send_lowat proxy_send_lowat fastcgi_send_lowat tunnel_send_lowat",
    ),
    (
        Shape::Obsolete,
        "http2_idle_timeout http2_max_field_size http2_max_header_size http2_max_requests \
            http2_recv_timeout",
    ),
    (Shape::Push(&Shape::Number), "http2_max_concurrent_pushes"),
    (Shape::Push(&Shape::Flag), "http2_push_preload"),
    (Shape::Push(&Shape::Value), "http2_push"),
    (Shape::PowerOfTwo, "http2_streams_index_size"),
    (Shape::ReceiveSize, "http2_recv_buffer_size"),
    (Shape::OffsetOrOff, "directio"),
    (Shape::Pool, "request_pool_size http2_pool_size"),
    (Shape::Priority, "worker_priority"),
    (
        Shape::Unread(1, 1),
        "modern_browser_value ancient_browser_value fastcgi_split_path_info fastcgi_store \
            fastcgi_cache geoip_proxy grpc_ssl_password_file \
            image_filter_jpeg_quality image_filter_webp_quality image_filter_sharpen \
            proxy_ssl_password_file scgi_store scgi_cache \
            ssl_ocsp_cache \
            uwsgi_store uwsgi_cache \
            uwsgi_ssl_password_file xml_entities quic_host_key",
    ),
    (
        Shape::Unread(1, 3),
        "grpc_ssl_certificate_cache proxy_ssl_certificate_cache ssl_certificate_cache \
            uwsgi_ssl_certificate_cache",
    ),
    (
        Shape::CacheValid,
        "fastcgi_cache_valid proxy_cache_valid scgi_cache_valid \
            uwsgi_cache_valid",
    ),
    (Shape::Unread(2, 2), "xslt_param xslt_string_param"),
    (Shape::Unread(2, 3), "fastcgi_param scgi_param uwsgi_param"),
    (
        Shape::Unread(2, usize::MAX),
        "fastcgi_cache_path proxy_cache_path scgi_cache_path uwsgi_cache_path",
    ),
    (Shape::Word(&["1.0", "1.1"]), "gzip_http_version"),
    (Shape::Word(&["stop", "abort"]), "debug_points"),
    (
        Shape::Words(&["GET", "HEAD", "POST"]),
        "fastcgi_cache_methods proxy_cache_methods scgi_cache_methods uwsgi_cache_methods",
    ),
    (
        Shape::IgnoredHeaders,
        "fastcgi_ignore_headers grpc_ignore_headers scgi_ignore_headers uwsgi_ignore_headers",
    ),
    (
        Shape::NextUpstream {
            except: &["http_502", "http_504"],
        },
        "fastcgi_cache_use_stale fastcgi_next_upstream scgi_cache_use_stale \
            scgi_next_upstream uwsgi_cache_use_stale uwsgi_next_upstream",
    ),
    (
        Shape::NextUpstream {
            except: &["updating"],
        },
        "grpc_next_upstream",
    ),
    (Shape::Words(NEXT_MEMCACHED), "memcached_next_upstream"),
    (Shape::Words(NEXT_TUNNEL), "tunnel_next_upstream"),
    (Shape::NextUpstream { except: &[] }, "proxy_cache_use_stale"),
    (
        Shape::Words(PROTOCOLS),
        "grpc_ssl_protocols proxy_ssl_protocols uwsgi_ssl_protocols",
    ),
    (Shape::EventMethod, "use"),
    (Shape::Aio, "aio"),
    (Shape::ThreadPool, "thread_pool"),
    (Shape::Processors, "worker_cpu_affinity"),
    (Shape::Network, "debug_connection"),
];
